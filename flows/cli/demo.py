"""`person-removal demo`: the flow on the photos that the ultralytics package carries."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from configs.load import USUAL, load_settings
from data.errors import InputError
from data.sample_photos import copy_samples
from flows.cli.options import console
from flows.cli.run import run_job


def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the photos and the result go.")] = Path(
        "demo"
    ),
    prefect: Annotated[bool, typer.Option(help="Through Prefect.")] = True,
) -> None:
    """Take the people out of two sample photos, through Prefect.

    \b
    person-removal demo
    person-removal demo try/ --no-prefect
    """
    try:
        copy_samples(folder / "photos")
    except OSError as error:
        raise InputError(f"{folder}: the photos cannot be written there ({error.strerror or error}).") from None
    result = folder / "without-people"
    code = run_job(folder / "photos", result, load_settings(USUAL), prefect=prefect, allow_review=True)
    if not code:
        program = _program()
        console.print(
            f"Open {result / 'report.html'} in a browser. Your own photos, one by one: {program} app; "
            f"a folder of them: {program} run PHOTOS NEW",
            markup=False,
            soft_wrap=True,
        )
    raise typer.Exit(code)


def _program() -> str:
    """How to call this program again from where the user is."""
    name = "person-removal"
    return name if shutil.which(name) else str(Path(sys.executable).with_name(name))
