"""`person-removal demo`: the flow on the photos that the ultralytics package carries."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from configs.load import load_settings
from data.errors import InputError
from flows.cli.run import run_job

PHOTOS = ("bus.jpg", "zidane.jpg")


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the photos and the result go.")] = Path("demo"),
    prefect: Annotated[bool, typer.Option(help="Through Prefect.")] = True,
) -> None:
    """Take the people out of two sample photos, preset `embedded`, through Prefect."""
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    assets = _assets()
    for name in PHOTOS:
        if not (photos / name).exists():
            shutil.copyfile(assets / name, photos / name)
    raise typer.Exit(
        run_job(photos, folder / "without-people", load_settings("embedded"), prefect=prefect, allow_review=True)
    )


def _assets() -> Path:
    """The package's photo folder, found without importing the package (which takes seconds)."""
    spec = find_spec("ultralytics")
    if spec is None or spec.origin is None:
        raise InputError("The sample photos come with the ultralytics package: pip install ultralytics.")
    return Path(spec.origin).parent / "assets"
