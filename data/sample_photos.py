"""Photos to try and to measure with: those that the ultralytics package carries."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from data.errors import InputError

PHOTOS = ("bus.jpg", "zidane.jpg")
SAMPLE_SOURCE, SAMPLE_OUTPUT = "~/person-removal-demo/photos", "~/person-removal-demo/without-people"
"""Where a run that was started without places finds the photos and writes to: in the home of whoever runs it."""


def copy_samples(folder: Path) -> None:
    """Copy `PHOTOS` into a folder; those that are there stay. Raises InputError where the package is not."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        if not (folder / name).exists():
            shutil.copyfile(_assets() / name, folder / name)


def place_samples() -> None:
    """Copy `PHOTOS` to `SAMPLE_SOURCE`. Raises InputError."""
    folder = Path(SAMPLE_SOURCE).expanduser()
    try:
        copy_samples(folder)
    except OSError as error:
        raise InputError(f"{folder}: the photos cannot be written there ({error.strerror or error}).") from None


def sample_paths() -> dict[str, Path]:
    """Where `PHOTOS` are, by name; empty where the package is not."""
    try:
        folder = _assets()
    except InputError:
        return {}
    return {name: folder / name for name in PHOTOS if (folder / name).is_file()}


def _assets() -> Path:
    """The package's photo folder, found without importing the package (which takes seconds)."""
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        raise InputError("The sample photos come with the ultralytics package: pip install ultralytics.")
    return Path(spec.origin).parent / "assets"
