"""`person-removal run`: the whole flow over a collection, and how it ends."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, get_args

import typer

from configs import RunSettings, Settings, SettingsError
from configs.load import USUAL, load_settings
from data.storage.places import as_path
from data.types import STATES
from flows.cli.one_photo import are_photos, run_photos
from flows.cli.options import Fill, Preset, Segmenter, Set, completing, console
from flows.cli.show import Show
from flows.deployments import ServerError
from flows.deployments.settings_files import check_prefect_database, check_prefect_server, check_prefect_settings
from flows.pipeline import STAGE_NAMES
from flows.plan.selection import Selection, selection
from flows.results.finish import PhotosFailed, Summary
from flows.run.forecast import forecast
from flows.run.job import Job, absolute, check_input, execute, prepare

PHOTOS, HOW = "Which photos, which stages", "How it is done, what is said"
RUNNERS = get_args(RunSettings.model_fields["runner"].annotation)


def run(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IN...",
            show_default=False,
            parser=as_path,
            help="Folder of photos, COCO directory (s3:// too), or photos.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            show_default=False,
            parser=as_path,
            help="New, empty or earlier directory; for one photo a file.",
        ),
    ] = None,
    preset: Preset = USUAL,
    segmenter: Segmenter = None,
    fill: Fill = None,
    keep: Annotated[
        str | None,
        typer.Option(metavar="WHO", help="Who stays: largest, numbers (0,2), or FILE.json."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Single photos: write over a result.")] = False,
    scrub: Annotated[bool, typer.Option("--scrub", help="Drop metadata but colours, orientation, exposure.")] = False,
    set_: Set = None,
    decisions: Annotated[
        Path | None, typer.Option(metavar="FILE", parser=as_path, help="File of what was decided in report.html.")
    ] = None,
    photos: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only these photos; the others stay as they are.", rich_help_panel=PHOTOS),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATE,...",
            help="Only photos in these states, as review,failed.",
            rich_help_panel=PHOTOS,
            autocompletion=completing(STATES, many=True),
        ),
    ] = None,
    licences: Annotated[
        str | None,
        typer.Option(metavar="ID,...", help="Only photos under these licences (id or name).", rich_help_panel=PHOTOS),
    ] = None,
    stages: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE,...",
            help=f"Only {', '.join(STAGE_NAMES)}.",
            rich_help_panel=PHOTOS,
            autocompletion=completing(STAGE_NAMES, many=True),
        ),
    ] = None,
    refresh: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE,...",
            help="Compute these stages again.",
            rich_help_panel=PHOTOS,
            autocompletion=completing(STAGE_NAMES, many=True),
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Processes that compute; one a CPU core.", rich_help_panel=HOW),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Device of networks: auto, cpu, cuda, mps ...",
            rich_help_panel=HOW,
            autocompletion=completing(("auto", "cpu", "cuda", "mps")),
        ),
    ] = None,
    prefect: Annotated[
        bool,
        typer.Option("--prefect", help="Run through Prefect, with a server if needed.", rich_help_panel=HOW),
    ] = False,
    runner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="threads (this machine), dask or ray.",
            rich_help_panel=HOW,
            autocompletion=completing(RUNNERS),
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Address of a Dask scheduler or Ray head.", rich_help_panel=HOW),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for another run that works in OUT.", rich_help_panel=HOW)
    ] = False,
    discard_cache: Annotated[
        bool,
        typer.Option("--discard-cache", help="Delete the artifacts after publishing.", rich_help_panel=HOW),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done and what it takes, do nothing.", rich_help_panel=HOW),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only problems, on stderr.", rich_help_panel=HOW)
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the summary as JSON on stdout.", rich_help_panel=HOW),
    ] = False,
    log_json: Annotated[
        str | None,
        typer.Option(
            "--log-json", metavar="FILE", help="Append a JSON line for every photo; - is stderr.", rich_help_panel=HOW
        ),
    ] = None,
    allow_review: Annotated[
        bool, typer.Option("--allow-review", help="Exit 0, not 3, when photos need a look.", rich_help_panel=HOW)
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show tracebacks of errors.", rich_help_panel=HOW)] = False,
) -> None:
    """Take the people out of a folder of photos, a COCO directory, or single photos.

    \b
    person-removal run holiday/ without-people/
    person-removal run photo.jpg out.jpg
    person-removal run a.jpg b.jpg out/ --keep largest
    person-removal run coco/ s3://bucket/out --preset coco --set refine.dilate=0.1
    """
    if not sources or output is None:  # a single place is taken as the last one
        raise SettingsError(
            "OUT is missing, where the results go: "
            f"person-removal run {output or 'holiday/'} {_example_out(output) if output else 'without-people/'}"
        )
    if workers is not None and workers < 1:
        raise SettingsError(
            f"--workers {workers}: at least one process has to compute; leave it out for one a CPU core."
        )
    if verbose:
        logging.basicConfig(level=logging.INFO)
        logging.getLogger("person_removal").setLevel(logging.DEBUG)
    base: dict[str, dict[str, object]] = {}
    if segmenter:
        base["segment"] = {"segmenter": segmenter}
    if licences:
        base["input"] = {"licences": licences}
    if fill:
        base["inpaint"] = {"fill": fill}
    if device:
        for section in ("segment", "inpaint"):
            base.setdefault(section, {})["device"] = device
    options: dict[str, object] = {"wait": wait or None, "log_json": log_json, "keep": False if discard_cache else None}
    options |= {"workers": workers, "runner": runner, "address": address}
    base["run"] = {name: value for name, value in options.items() if value is not None}
    if keep:
        base["refine"] = {"keep": str(Path(keep).absolute()) if keep.endswith(".json") else keep}
    if scrub:
        base["publish"] = {"scrub": True}
    settings = load_settings(preset, set_ or (), base=base)
    wanted = selection(stages, refresh, photos, status)
    show = Show.of(quiet=quiet, as_json=as_json)
    if are_photos(sources):
        folder_only: dict[str, object] = {
            "--photos": photos,
            "--status": status,
            "--licences": licences,
            "--stages": stages,
            "--refresh": refresh,
            "--decisions": decisions,
            "--workers": workers,
            "--prefect": prefect,
            "--runner": runner,
            "--address": address,
            "--wait": wait,
            "--discard-cache": discard_cache,
            "--dry-run": dry_run,
            "--json": as_json,
            "--log-json": log_json,
        }
        raise typer.Exit(
            run_photos(
                sources,
                output,
                settings,
                force=force,
                allow_review=allow_review,
                show=show,
                folder_only=folder_only,
            )
        )
    if force:
        raise SettingsError("--force is for single photos; a run over a folder goes on in its own output directory.")
    (source,) = sources
    if dry_run:
        ahead = forecast(check_input(source, output, settings, wanted, decisions), wanted)
        show.forecast(ahead)
        if as_json:
            console.print_json(json.dumps(asdict(ahead), default=str), ensure_ascii=True)
        return
    code = run_job(source, output, settings, wanted, decisions, prefect=prefect, allow_review=allow_review, show=show)
    raise typer.Exit(code)


def _example_out(source: Path) -> str:
    return f"out{source.suffix}" if are_photos([source]) else "without-people/"


def run_job(
    source: Path,
    output: Path,
    settings: Settings,
    wanted: Selection | None = None,
    decisions: Path | None = None,
    *,
    prefect: bool = False,
    allow_review: bool = False,
    show: Show | None = None,
) -> int:
    """Plan, run, report; returns the exit code. Raises the errors of `flows.run.job.prepare`."""
    show = show or Show.of()
    job = prepare(source, output, settings, wanted or Selection(), decisions)
    show.announce(job)
    with show.following(job):
        if prefect or settings.run.runner != "threads" or os.environ.get("PREFECT_API_URL"):
            summary = _through_prefect(source, output, settings, job)
        else:
            summary = execute(job)
    code = summary.exit_code(allow_review) if summary else 0
    if summary:
        show.close(summary)
    else:
        show.stages_done(job)
    if show.as_json:
        console.print_json(json.dumps(_as_json(job, summary, code)), ensure_ascii=True)
    return code


def _as_json(job: Job, summary: Summary | None, code: int) -> dict[str, object]:
    """What a script wants to know of a run that is over."""
    facts: dict[str, object] = {"output": str(job.context.output), "stages": job.selection.stages, "exit_code": code}
    if summary is None:
        return facts
    return facts | {
        "photos": summary.photos,
        "states": {state: summary.states.get(state, 0) for state in STATES},
        "computed": summary.computed,
        "missing": summary.missing,
        "seconds": round(summary.seconds, 3),
        "photos_per_second": round(summary.rate, 3),
        "problems": summary.problems,
        "decided": summary.decided,
        "report": str(summary.report) if summary.report else None,
    }


def _through_prefect(source: Path, output: Path, settings: Settings, job: Job) -> Summary | None:
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")  # the progress bars say the rest
    check_prefect_settings()
    check_prefect_database()
    check_prefect_server()
    from flows.person_removal import flow_over  # takes seconds to import

    wanted = job.selection
    chosen: dict[str, object] = {name: getattr(wanted, name) for name in ("refresh", "photos", "status")}
    chosen["stages"] = wanted.stages if wanted.stages != STAGE_NAMES else ()
    chosen["decisions"] = str(job.decisions) if job.decisions else None
    try:
        summary = flow_over(job)(str(absolute(source)), str(absolute(output)), settings=settings, **chosen)
        return summary if isinstance(summary, Summary) else None
    except PhotosFailed as error:
        return error.summary
    except RuntimeError as error:  # Prefect's own, for a server that is not there or does not start
        if "API" not in str(error):
            raise
        raise ServerError(
            f"No Prefect server ({' '.join(str(error).split())}); start one, correct PREFECT_API_URL, "
            "or run without --prefect and without PREFECT_API_URL."
        ) from error
