"""`person-removal evaluate`: figures against the truth."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from configs import RefineSettings, Settings, SettingsError
from configs.load import USUAL, load_settings
from data.errors import InputError
from data.storage.files import write_atomic
from data.types import Hole
from data.weights.files import find_all
from flows.cli.evaluate_removal import removal
from flows.cli.options import Preset, Segmenter, Set, console
from flows.evaluation.estimates import Estimate, Parts
from flows.evaluation.finished import FinishedRun
from flows.evaluation.masks import FIGURES, Case, Figures, judge
from flows.evaluation.persons import SIZES
from flows.evaluation.plots import residual_plot, sizes_plot
from flows.evaluation.reference import AnnotatedPhoto, listed_photos, read_annotated
from flows.evaluation.sheet import contact_sheet
from flows.run.workers import prepare_process
from flows.stages import models
from flows.stages.context import resolve
from flows.stages.segment import detect, given_people
from masks import refine

app = typer.Typer(no_args_is_help=True, help="Figures against the truth: masks, removal.")

SWEEP = "dilate=0,0.02,0.04,0.06,0.08,0.1,0.12,0.16"
WORST = 12


app.command()(removal)


@app.command()
def masks(
    directory: Annotated[Path, typer.Argument(metavar="IN", help="COCO directory with person annotations.")],
    preset: Preset = USUAL,
    segmenter: Segmenter = None,
    set_: Set = None,
    of: Annotated[
        Path | None, typer.Option("--of", metavar="OUT", help="Judge the holes that a run published there.")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="A random sample of so many photos.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the sample and of the confidence intervals.")] = 0,
    sweep_: Annotated[
        str | None, typer.Option("--sweep", metavar="FIELD=V,V,...", help=f"A refine setting, e.g. {SWEEP}.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="For masks.json, plots and the worst photos.")] = None,
) -> None:
    """How well found people, and the hole that is made of them, cover the annotated people.

    docs/evaluation.md says what each figure is.

    \b
    person-removal evaluate masks coco/ --preset embedded --limit 100 --out figures/
    person-removal evaluate masks coco/ --preset embedded --sweep dilate=0,0.04,0.08,0.12
    person-removal evaluate masks coco/ --of out/
    """
    base: dict[str, object] = {"segment": {"segmenter": segmenter}} if segmenter else {}
    settings = load_settings(preset, set_ or (), base=base)
    if settings.segment.given == "masks":
        raise SettingsError("evaluate masks: give a run with --segmenter mask-files as --of OUT.")
    wanted = _parse_sweep(sweep_, settings.refine)
    if of and wanted:
        raise InputError("--sweep changes settings, but the holes of --of are made already; give one of the two.")
    collection, sources = listed_photos(directory, settings, limit, seed)
    photos = track(
        read_annotated(collection, sources, settings), "detecting", len(sources), console=Console(stderr=True)
    )
    cases = FinishedRun(of).cases(photos) if of else _computed(settings, photos)
    variants = {value: settings.refine.model_copy(update={wanted[0]: value}) for value in wanted[1]} if wanted else {}
    judged = judge(cases, variants, WORST if out else 0, seed)
    if not judged.photos:
        raise InputError(f"{of or directory}: none of its photos can be compared.")
    who = of.resolve().name if of else settings.segment.segmenter
    console.print(_table(judged.figures, f"{who} on {judged.photos} photos of {directory.resolve().name}"))
    if wanted:
        console.print(_curve_table(wanted[0], judged.curves))
    if out:
        _write(out, settings, judged, wanted[0] if wanted else None, bool(of))
        console.print(f"Written: {out}", markup=False)


def _computed(settings: Settings, photos: Iterable[AnnotatedPhoto]) -> Iterator[tuple[Case, Hole, Parts]]:
    prepare_process()
    segment = resolve(settings).segment
    segmenter = models.segmenter(segment, find_all(segment.required_weights()))
    given = bool(segment.given)
    for photo in photos:
        start = time.perf_counter()
        if given:
            turned = 1 if photo.turned else photo.orientation
            found = given_people(segmenter, photo.name, photo.pixels, photo.given, turned)
        else:
            found = detect(segmenter, photo.name, photo.pixels)
        case = Case(photo.name, photo.pixels, photo.truth, found, time.perf_counter() - start)
        yield case, refine(found, settings.refine, photo.pixels), {}


def _parse_sweep(text: str | None, settings: RefineSettings) -> tuple[str, list[float]] | None:
    if text is None:
        return None
    field, _, values = text.removeprefix("refine.").partition("=")
    numbers = [name for name, info in RefineSettings.model_fields.items() if info.annotation in (int, float)]
    if field not in numbers:
        raise InputError(f"--sweep {text}: there is no such number among the refine settings ({', '.join(numbers)}).")
    try:
        out = [float(value) for value in values.split(",")]
    except ValueError:
        raise InputError(f"--sweep {text}: write it as {SWEEP}.") from None
    for value in out:
        load_settings("coco", [f"refine.{field}={value}", "inpaint.feather=0"])  # its range is said there
    return field, sorted({*out, float(getattr(settings, field))})


def _table(figures: Mapping[str, Estimate], title: str) -> Table:
    table = Table("figure", "better", "value", "95 %", "small / medium / large", title=title)
    for name, meaning in FIGURES.items():
        if name not in figures:
            continue
        sizes = [figures.get(f"{name}_{size}") for size in SIZES]
        by_size = " / ".join(f"{e.value:.3f}" if e else "-" for e in sizes) if any(sizes) else ""
        e = figures[name]
        table.add_row(name, meaning.better, f"{e.value:.4f}", f"{e.low:.3f} to {e.high:.3f}", by_size)
    return table


def _curve_table(field: str, curves: Mapping[float, Mapping[str, Estimate]]) -> Table:
    names = [name for name in ("inside", "area", "left", "rim", "ghost") if any(name in c for c in curves.values())]
    table = Table(f"refine.{field}", *names)
    for value, figures in curves.items():
        cells = [f"{figures[name].value:.4f}" if name in figures else "-" for name in names]
        table.add_row(f"{value:g}", *cells)
    return table


def _write(out: Path, settings: Settings, judged: Figures, field: str | None, finished: bool) -> None:
    def as_json(figures: Mapping[str, Estimate]) -> dict[str, object]:
        return {name: figure.to_json() for name, figure in figures.items()}

    sections = (
        {} if finished else {name: getattr(settings, name).model_dump(mode="json") for name in ("segment", "refine")}
    )
    report = {"photos": judged.photos, **sections, "figures": as_json(judged.figures)}
    sizes_plot(out / "sizes.png", judged.figures)
    if field:
        report["sweep"] = {field: {f"{value:g}": as_json(curve) for value, curve in judged.curves.items()}}
        residual_plot(out / f"{field}.png", judged.curves, field, float(getattr(settings.refine, field)))
    write_atomic(out / "masks.json", json.dumps(report, indent=2).encode() + b"\n")
    contact_sheet(judged.worst).save(out / "worst.jpg", quality=88)
