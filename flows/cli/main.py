"""`person-removal`: the command line."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import configs  # noqa: F401  (prepares the environment before anything heavy is imported)
from configs.load import load_settings
from flows.cli import bench, cache, evaluate, weights
from flows.cli.demo import demo
from flows.cli.fill import fill
from flows.cli.options import Fill, Input, Output, Preset, Segmenter, Set
from flows.cli.run import run_job
from flows.cli.serve import deploy, schedule, serve
from flows.cli.undo import undo_annotations
from flows.deployments import ServerError
from flows.job import USER_ERRORS
from flows.selection import selection

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Take the people out of photo collections.\n\n"
    "Exit code 0: done; 1: some of it could not be done; 2: what was asked for cannot be done, a sentence says why; "
    "3: some photos need a look.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, group in (("weights", weights), ("evaluate", evaluate), ("bench", bench), ("cache", cache)):
    app.add_typer(group.app, name=name)
app.command()(demo)
app.command()(fill)
app.command("undo-annotations")(undo_annotations)
app.command()(serve)
app.command()(deploy)
app.command()(schedule)

errors = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def run(
    source: Input,
    output: Output,
    preset: Preset = "default",
    segmenter: Segmenter = None,
    fill: Fill = None,
    keep: Annotated[
        str | None, typer.Option(help="Who stays: largest, numbers as in people.json (0,2), or a JSON file by photo.")
    ] = None,
    licences: Annotated[
        str | None, typer.Option(help="Only photos under these licences: ids or names of the annotation file.")
    ] = None,
    set_: Set = None,
    stages: Annotated[str | None, typer.Option(help="Only these, comma-separated; others from the store.")] = None,
    refresh: Annotated[str | None, typer.Option(help="Compute these stages again.")] = None,
    photos: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="Only photos of such names; the others stay as they are.")
    ] = None,
    status: Annotated[
        str | None, typer.Option(help="Only photos that ended so the last time: review,failed,...")
    ] = None,
    log_json: Annotated[
        str | None, typer.Option("--log-json", metavar="FILE", help="Append one JSON object a line; - is stderr.")
    ] = None,
    no_keep: Annotated[
        bool, typer.Option("--no-keep", help="Delete the artifacts after publishing; a next run starts anew.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes that compute; default: one for each CPU core.")] = None,
    device: Annotated[str | None, typer.Option(help="Of every network: auto, cpu, cuda, cuda:1, mps.")] = None,
    runner: Annotated[str | None, typer.Option(help="threads (this machine), dask or ray.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a running Dask scheduler or Ray head.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run that works in OUT.")] = False,
    scrub: Annotated[
        bool, typer.Option("--scrub", help="Take places, names, faces and thumbnails out of every photo's metadata.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never touch the network (a run does not anyway).")
    ] = False,
    allow_review: Annotated[bool, typer.Option("--allow-review", help="Exit 0 although photos need a look.")] = False,
    prefect: Annotated[
        bool, typer.Option("--prefect", help="Through Prefect, with a server of its own if needed.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tracebacks of errors.")] = False,
) -> None:
    """Take the people out of a folder of photos or a COCO directory.

    Exit code 0: all photos done; 1: some could not be done; 2: the run could not; 3: some need a look (review/).

    \b
    person-removal run holiday/ holiday-without-people/ --preset embedded
    person-removal run coco/ out/ --preset coco --set refine.dilate=0.1
    """
    if verbose:
        logging.basicConfig(level=logging.INFO)
        logging.getLogger("person_removal").setLevel(logging.DEBUG)
    base: dict[str, Any] = {}
    if segmenter:
        base["segment"] = {"segmenter": segmenter}
    if licences:
        base["input"] = {"licences": licences}
    if fill:
        base["inpaint"] = {"fill": fill}
    if device:
        for section in ("segment", "inpaint"):
            base.setdefault(section, {})["device"] = device
    options: dict[str, Any] = {"wait": wait or None, "log_json": log_json, "keep": False if no_keep else None}
    options |= {"workers": workers, "runner": runner, "address": address}
    base["run"] = {name: value for name, value in options.items() if value is not None}
    if keep:
        base["refine"] = {"keep": str(Path(keep).absolute()) if keep.endswith(".json") else keep}
    if scrub:
        base["publish"] = {"scrub": True}
    settings = load_settings(preset, set_ or (), base=base)
    wanted = selection(stages, refresh, photos, status)
    raise typer.Exit(run_job(source, output, settings, wanted, prefect=prefect, allow_review=allow_review))


def main() -> None:
    """Entry point: errors that a user can mend are one sentence on stderr and exit code 2."""
    try:
        app()
    except (*USER_ERRORS, ServerError) as error:
        if "--verbose" in sys.argv:
            errors.print_exception()
        errors.print(f"Error: {error}", markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
