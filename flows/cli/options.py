"""Arguments and options that several commands have, in the same words, and where they print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console

from configs.settings import FillName, SegmenterName
from data.places import as_path

Input = Annotated[
    Path, typer.Argument(metavar="IN", parser=as_path, help="Folder of photos, or COCO directory; s3:// too.")
]
Output = Annotated[
    Path, typer.Argument(metavar="OUT", parser=as_path, help="New, empty or earlier output directory; s3:// too.")
]
Result = Annotated[Path, typer.Argument(metavar="OUT", parser=as_path, help="Output directory of a run; s3:// too.")]
Preset = Annotated[str, typer.Option(help="default, embedded, coco, or a YAML file.")]
Segmenter = Annotated[str | None, typer.Option(help=f"{', '.join(get_args(SegmenterName))}.")]
Fill = Annotated[str | None, typer.Option(help=f"{', '.join(get_args(FillName))}.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as refine.dilate=0.08.")
]

console = Console(highlight=False, soft_wrap=True)
