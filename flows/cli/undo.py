"""`person-removal undo-annotations`: the annotation file as it was before a run edited it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.coco import REMOVED, undo
from data.errors import InputError
from flows.cli.options import console


def undo_annotations(
    edited: Annotated[Path, typer.Argument(metavar="OUT_ANNOTATIONS", help="An annotation file that a run wrote.")],
    removed: Annotated[
        Path | None,
        typer.Argument(
            metavar="[REMOVED]", help="The removed_annotations.json of the same run; found beside the file or above it."
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The restored file; a new one.")],
) -> None:
    """The annotation file as it was before a run edited it.

    \b
    cd out/annotations
    person-removal undo-annotations instances.json -o ../../original.json
    """
    if output.exists():
        raise InputError(f"{output}: the file is there already; give a new name.")
    try:
        restored = undo(edited, removed or _find(edited), output)
    except OSError as error:
        raise InputError(f"{output}: cannot write there ({error.strerror}).") from None
    items = " and ".join(f"{number} {name}" for name, number in restored.restored.items()) or "nothing"
    same = "byte for byte the original" if restored.exact else "the original's content"
    console.print(f"{output}: put back {items}; {same}.", markup=False)


def _find(edited: Path) -> Path:
    """The record of what left: in the file's folder or one above it. Raises InputError."""
    folders = edited.absolute().parents
    found = next((folder / REMOVED for folder in folders if (folder / REMOVED).is_file()), None)
    if found is None:
        raise InputError(f"{edited}: there is no {REMOVED} beside it or in a folder above; name it behind the file.")
    return found
