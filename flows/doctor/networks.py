"""The weights that are here, and the fill's native library."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from configs.load import load_settings, preset_names
from data.weights import files as weights
from data.weights.files import WeightsError
from flows.doctor.finding import Finding, Level
from flows.stages.context import required_weights


def check_patchmatch() -> Iterator[Finding]:
    try:
        ready = bool(import_module("patchmatch").patchmatch_available)
        why = "installed without its native library"
    except (ImportError, OSError) as error:
        ready, why = False, f"cannot be imported ({error})"
    if ready:
        yield Finding("patchmatch", "ok", "its native library is there")
    else:
        fix = "pip install --force-reinstall --only-binary=:all: pypatchmatch, or --fill telea"
        yield Finding("patchmatch", "problem", why, fix)


def check_weights(preset: str | None) -> Iterator[Finding]:
    """Every file that is here, hashed anew; then which presets can run. preset: its weights must be here."""
    for name in weights.registry().weights:
        if weights.state(name) == "missing":
            continue
        try:
            found = weights.verify(name)
            yield Finding(f"weights {name}", "ok", f"{found.path.stat().st_size / 1e6:.1f} MB, sha256 is right")
        except WeightsError as error:
            yield Finding(f"weights {name}", "problem", str(error), f"person-removal weights fetch {name}")
    for name in [preset] if preset else preset_names():
        missing = [need for need in required_weights(load_settings(name)) if not _here(need)]
        if not missing:
            yield Finding(f"preset {name}", "ok", "has all the weights that it needs")
            continue
        level: Level = "problem" if preset else "note"
        what = f"cannot run: without the weights {', '.join(missing)}"
        yield Finding(f"preset {name}", level, what, f"person-removal weights fetch --preset {name}")


def _here(name: str) -> bool:
    try:
        weights.find(name)
        return True
    except WeightsError:
        return False
