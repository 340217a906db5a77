"""`person-removal bench`: how fast this machine is, on your photos."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from configs.load import USUAL, load_settings
from data.collection.folder import read_collection
from data.errors import InputError
from flows.cli.options import Set, console
from flows.run.job import absolute

app = typer.Typer(no_args_is_help=True, help="How fast this machine is, on your photos.")


@app.callback()
def bench() -> None:
    pass


@app.command()
def pipeline(
    source: Annotated[
        Path | None, typer.Argument(metavar="IN", help="Folder of photos, or COCO directory; default: sample photos.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: coco where there are annotations, else embedded.")
    ] = None,
    set_: Set = None,
    limit: Annotated[int, typer.Option(metavar="N", help="Most photos.")] = 186,
    naive: Annotated[int, typer.Option(metavar="N", help="Of these for the naive script, which is slow.")] = 12,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="The figures as JSON too.")] = None,
) -> None:
    """Photos a second of the flow against the plain run and against a naive script, on the same photos and holes.

    The naive script goes photo by photo: decode, mask, dilate, fill the whole photo, encode.

    \b
    person-removal bench pipeline coco/ --limit 100 --json figures.json
    """
    from flows.evaluation.throughput import compare, sample_photos  # not before it is needed: torch

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = absolute(source) if source else stack.enter_context(sample_photos())
        collection = read_collection(place, load_settings("coco").input)
        settings = load_settings(preset or ("coco" if collection.files else USUAL), set_ or ())
        names = [entry.name for entry in collection.sources if not entry.refused][:limit]
        table = Table("", "photos", "seconds", "photos/s", "CPU s")
        timings = []
        for timing in compare(place, names, settings, folder, naive):
            timings.append(timing)
            table.add_row(
                timing.what, str(timing.photos), f"{timing.seconds:.1f}", f"{timing.rate:.2f}", f"{timing.cpu:.1f}"
            )
            console.print(f"{timing.what}: {timing.photos} photos in {timing.seconds:.1f} s", markup=False)
    each = {timing.what: timing.cpu / timing.photos for timing in timings}
    rates = {timing.what: timing.rate for timing in timings}
    console.print(table)
    flow, plain, script = (rates[name] for name in ("flow (Prefect)", "plain run", "naive script"))
    console.print(
        f"The flow takes {plain / flow - 1:+.1%} time against the plain run, and does {flow / script:.1f} times the "
        f"photos of the naive script ({settings.inpaint.fill}); in CPU seconds a photo "
        f"{each['flow (Prefect)'] / each['plain run'] - 1:+.1%} and "
        f"{each['naive script'] / each['flow (Prefect)']:.1f} times.",
        markup=False,
    )
    if out:
        figures = [asdict(timing) for timing in timings]
        out.write_text(json.dumps({"fill": settings.inpaint.fill, "timings": figures}, indent=1))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def fill(context: typer.Context) -> None:
    """What DeepFillv2 costs by size, against a plain computation and a port (benchmarks/ of the source tree).

    \b
    person-removal bench fill --sizes 512x512 --port DIR
    """
    script = Path(__file__).parents[2] / "benchmarks" / "bench_fill.py"
    if not script.is_file():
        raise InputError("bench fill needs the source tree, whose benchmarks/ it runs; this is an installed package.")
    raise typer.Exit(subprocess.run([sys.executable, str(script), *context.args], check=False).returncode)
