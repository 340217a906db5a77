"""Photos to try and to measure with: those that the ultralytics package carries."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from data.errors import InputError

PHOTOS = ("bus.jpg", "zidane.jpg")


def copy_samples(folder: Path) -> None:
    """Copy `PHOTOS` into a folder; those that are there stay. Raises InputError where the package is not."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        if not (folder / name).exists():
            shutil.copyfile(_assets() / name, folder / name)


def _assets() -> Path:
    """The package's photo folder, found without importing the package (which takes seconds)."""
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        raise InputError("The sample photos come with the ultralytics package: pip install ultralytics.")
    return Path(spec.origin).parent / "assets"
