"""`person-removal demo`: the flow on the photos that the ultralytics package carries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from configs.load import load_settings
from data.errors import InputError
from data.sample_photos import copy_samples
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
    raise typer.Exit(
        run_job(
            folder / "photos", folder / "without-people", load_settings("embedded"), prefect=prefect, allow_review=True
        )
    )
