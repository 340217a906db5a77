"""Devices, memory, room on the disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from configs import cache_dir
from data.storage.places import storage_of
from flows.doctor.finding import Finding

LITTLE = 2e9
"""Bytes of free space below which a run of a few hundred photos may not fit."""


def check_devices() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding(
            "devices", "problem", f"torch cannot be imported ({error})", "pip install --force-reinstall torch"
        )
        return
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        gpus.append("mps")
    cores = os.cpu_count() or 1
    yield Finding("devices", "ok", f"{cores} CPU cores, {', '.join(gpus) if gpus else 'no GPU that torch can use'}")


def check_cache() -> Iterator[Finding]:
    """Weights and the libraries' settings go there."""
    folder = cache_dir()
    fix = "set PERSON_REMOVAL_CACHE to a folder of yours"
    existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield Finding("cache", "problem", f"{folder} cannot be written to ({error.strerror})", fix)
        return
    yield from _room("cache", folder, fix)


def check_disk(folder: Path) -> Iterator[Finding]:
    """folder: where a result would go; need not be there yet."""
    yield from _room("disk", folder, "a result takes up to three times the photos' size: choose another disk")


def _room(about: str, folder: Path, fix: str) -> Iterator[Finding]:
    free = storage_of(folder).free(folder)
    if free is not None:
        what = f"{free / 1e9:.1f} GB free at {folder}"
        yield Finding(about, "ok", what) if free >= LITTLE else Finding(about, "problem", what, fix)
