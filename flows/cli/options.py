"""Arguments and options that several commands have, in the same words, and where they print."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console

from configs.load import preset_names, setting_names
from configs.settings import FillName, SegmenterName, Settings
from data.storage.places import as_path
from flows.results.provenance import tool_version

SEGMENTERS, FILLS = get_args(SegmenterName), get_args(FillName)

console = Console(highlight=False, soft_wrap=True, emoji=False)  # `:b:` may stand in a file name
"""stdout: what a command was asked for."""
errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def completing(words: Iterable[str] | Callable[[], Iterable[str]], many: bool = False) -> Callable[[str], list[str]]:
    """What a shell offers for an option's value. many: the value is a list with commas."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",") if many else ("", "", incomplete)
        return [before + comma + word for word in (words() if callable(words) else words) if word.startswith(last)]

    return complete


def _assignments() -> list[str]:
    return [f"{name}=" for name in setting_names(Settings) if "." in name]


def _say_version(asked: bool) -> None:
    if asked:
        console.print(f"person-removal {tool_version()}", markup=False)
        raise typer.Exit


def version(
    asked: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say which version this is.")
    ] = False,
) -> None:
    pass


Input = Annotated[
    Path, typer.Argument(metavar="IN", parser=as_path, help="Folder of photos, or COCO directory; s3:// too.")
]
Output = Annotated[
    Path, typer.Argument(metavar="OUT", parser=as_path, help="New, empty or earlier output directory; s3:// too.")
]
Result = Annotated[Path, typer.Argument(metavar="OUT", parser=as_path, help="Output directory of a run; s3:// too.")]
Preset = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="embedded, thorough, coco, best ..., or a file.", autocompletion=completing(preset_names)
    ),
]
Segmenter = Annotated[
    str | None,
    typer.Option(metavar="NAME", help=", ".join(SEGMENTERS), autocompletion=completing(SEGMENTERS)),
]
Fill = Annotated[str | None, typer.Option(metavar="NAME", help=", ".join(FILLS), autocompletion=completing(FILLS))]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="K=VALUE",
        help="Any setting, as refine.dilate=0.08 (docs/settings.md).",
        autocompletion=completing(_assignments),
    ),
]
