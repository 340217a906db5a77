"""The segmenters and fills that can run, and the weights that are here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import detection
import inpainting
from configs import InpaintSettings, SegmentSettings, SettingsError
from configs.fills import FILLS
from configs.load import load_settings, preset_names
from configs.methods import Section
from configs.segmenters import SEGMENTERS
from data.weights import files as weights
from data.weights.files import WeightsError
from flows.doctor.finding import Finding, Level
from flows.stages.context import required_weights
from flows.stages.ready_weights import with_ready_weights


def check_methods() -> Iterator[Finding]:
    """Which segmenters and fills can run here. Those that need no weights are built, which shows whether their
    libraries work; the others when a run begins."""
    for name in SEGMENTERS:
        chosen = SegmentSettings().model_copy(update={"segmenter": name, "device": "cpu"})
        yield _method(f"segmenter {name}", chosen, partial(detection.build_segmenter, chosen, {}))
    for name in FILLS:
        fill = InpaintSettings().model_copy(update={"fill": name, "device": "cpu"})
        yield _method(f"fill {name}", fill, partial(inpainting.build_fill, fill, {}))


def _method(about: str, settings: Section, build: Callable[[], object]) -> Finding:
    try:
        needed = with_ready_weights(settings).required_weights()
    except SettingsError as error:  # a file of the user's
        return Finding(about, "note", str(error))
    if missing := [name for name in needed if not _here(name)]:
        fix = f"person-removal weights fetch {' '.join(missing)}"
        return Finding(about, "note", f"without its weights {', '.join(missing)}", fix)
    try:
        if not needed:
            build()
    except (ImportError, OSError, SettingsError) as error:
        return Finding(about, "problem", str(error))
    return Finding(about, "ok", "its weights are here" if needed else "needs no weights")


def check_weights(preset: str | None) -> Iterator[Finding]:
    """Every file that is here, hashed anew; then which presets can run. preset: its weights must be here."""
    try:
        weights.folder()
    except WeightsError as error:
        yield Finding("weights", "problem", str(error))
        return
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
