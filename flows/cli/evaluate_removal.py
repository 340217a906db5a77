"""`person-removal evaluate removal`: is anyone left, and how good are the fills."""

from __future__ import annotations

import glob
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from configs.load import USUAL, load_settings
from data.collection.source import Source
from data.errors import InputError
from data.storage.files import write_atomic
from data.types import People
from flows.cli.evaluate_fills import COMPARED, FillsAsked, evaluate_fills, write_blind
from flows.cli.options import FILLS, SEGMENTERS, Preset, Segmenter, Set, completing, console
from flows.cli.tables import drawn
from flows.evaluation.fills import MEAN, Contender, parse_fills
from flows.evaluation.finished import FinishedRun
from flows.evaluation.judged_run import JudgedRun, Verifier, build_verifier, judge_run
from flows.evaluation.plots import left_plot
from flows.evaluation.reference import AnnotatedPhoto, listed_photos, read_annotated
from flows.evaluation.removal import DETECTED, FIGURES, LEFT, rows, table
from flows.evaluation.sheet import contact_sheet
from flows.plan.selection import selection
from flows.run.job import execute, prepare
from flows.run.workers import prepare_process

WORST = 12
PEOPLE, SCENES = "Photos with people", "Photos without people: fills against the truth"


def removal(
    directory: Annotated[Path, typer.Argument(metavar="IN", help="COCO directory with person annotations.")],
    preset: Preset = USUAL,
    segmenter: Segmenter = None,
    fills: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Fills to compare, each with the first; deepfillv2:FILE, patchmatch:margin=2.",
            autocompletion=completing((*FILLS, MEAN), many=True),
        ),
    ] = None,
    set_: Set = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="A random sample of so many photos, or pairs.")
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of samples, pairs, confidence intervals and blind orders.")
    ] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write figures, plots and pictures.")] = None,
    of: Annotated[
        Path | None,
        typer.Option("--of", metavar="OUT", help="Judge the run that was published there.", rich_help_panel=PEOPLE),
    ] = None,
    verifier: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[:FILE]",
            help="Segmenter that judges the results; best another than the run's.",
            autocompletion=completing(SEGMENTERS),
        ),
    ] = None,
    scenes: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="These photos, with IN's persons in them to fill.", rich_help_panel=SCENES),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option("--ids", metavar="FILE", help="Exactly an earlier pairs.json.", rich_help_panel=SCENES),
    ] = None,
    size: Annotated[int, typer.Option(metavar="PX", min=32, help="Their shorter side.", rich_help_panel=SCENES)] = 256,
    paste: Annotated[
        bool, typer.Option(help="Paste the person, or leave the scene as it is.", rich_help_panel=SCENES)
    ] = True,
    blind: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Fills side by side without names; also without --scenes."),
    ] = None,
    lpips: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="This TorchScript file's distance too.", rich_help_panel=SCENES),
    ] = None,
) -> None:
    """Who is left after a removal; with --scenes, how good the fills are.

    \b
    person-removal evaluate removal coco/ --of out/ --verifier yolo
    person-removal evaluate removal coco/ --fills patchmatch,telea --verifier yolo
    person-removal evaluate removal coco/ --scenes empty/ --fills patchmatch,mean
    """
    base: list[str] = [*(set_ or ()), *([f"segment.segmenter={segmenter}"] if segmenter else ())]
    if scenes:
        if of:
            raise InputError("--of judges a run of photos with people; leave it out with --scenes.")
        evaluate_fills(
            FillsAsked(
                coco=directory,
                scenes=scenes,
                fills=fills or COMPARED,
                preset=preset,
                overrides=base,
                limit=limit,
                seed=seed,
                ids=ids,
                size=size,
                paste=paste,
                blind=blind,
                lpips=lpips,
                verifier=verifier,
                out=out,
            )
        )
        return
    if ids or lpips:
        raise InputError("--ids and --lpips are about fills in scenes; name the scenes with --scenes.")
    if blind:
        if of or fills or verifier:
            raise InputError(
                "--blind names the fills itself and judges no run; leave out --fills, --of and --verifier."
            )
        write_blind(directory, blind, preset, base, limit, seed, out)
        return
    settings = load_settings(preset, base)
    collection, sources = listed_photos(directory, settings, limit, seed)
    prepare_process()
    judge = build_verifier(verifier, settings) if verifier else None
    contenders = _contenders(fills, of, preset, base)
    originals: dict[str, People] = {}  # detected once, whatever the number of fills

    def before(photo: AnnotatedPhoto) -> People | None:
        if judge and photo.name not in originals:
            originals[photo.name] = judge.detect(photo, photo.pixels)
        return originals.get(photo.name)

    judged = []
    for contender in contenders:
        with _finished(of, directory, contender, out, sources if limit else None) as run:
            photos = track(
                read_annotated(collection, sources, settings),
                contender.label,
                len(sources),
                console=Console(stderr=True),
            )
            judged.append(judge_run(contender.label, run, photos, judge, before, WORST if out else 0))
    if not any(one.parts for one in judged):
        raise InputError(f"{of or directory}: none of its photos can be judged.")
    _show(judged, len(sources), judge, seed)
    if out:
        _write(out, judged, judge, seed)
        console.print(f"Written: {out}", markup=False)


def _contenders(fills: str | None, of: Path | None, preset: str, overrides: Sequence[str]) -> list[Contender]:
    if of:
        if fills:
            raise InputError("--fills makes runs of its own, but the one of --of is made already; give one of the two.")
        return [Contender(of.resolve().name)]
    if fills is None:
        settings = load_settings(preset, overrides)
        return [Contender(settings.inpaint.fill, settings)]
    contenders = parse_fills(fills, preset, overrides)
    if any(contender.settings is None for contender in contenders):
        raise InputError("--fills mean: the mean is no fill of a run; it is compared with --scenes only.")
    return contenders


@contextmanager
def _finished(
    of: Path | None, source: Path, contender: Contender, out: Path | None, sources: Sequence[Source] | None
) -> Iterator[FinishedRun]:
    """The run that was named, or one made with the contender's settings: in `out`/run, where the next contender finds
    its people and holes, or in a temporary folder. sources: only these photos; None: all."""
    if of:
        yield FinishedRun(of)
        return
    place = nullcontext(out / "run") if out else tempfile.TemporaryDirectory(prefix="person-removal-")
    with place as folder:
        output = Path(folder)
        names = [glob.escape(photo.name) for photo in sources] if sources else None
        console.print(f"Running {contender.label} ...", markup=False)
        settings = contender.settings
        assert settings is not None
        plain = settings.model_copy(update={"publish": settings.publish.model_copy(update={"report": False})})
        execute(prepare(source, output, plain, selection(photos=names)))
        yield FinishedRun(output)


def _show(judged: Sequence[JudgedRun], photos: int, judge: Verifier | None, seed: int) -> None:
    name = judge.name if judge else "nobody (--verifier NAME)"
    for one in judged:
        makers, verifiers = (", ".join(sorted(names)) or "nobody" for names in (one.makers, one.verifiers - {"none"}))
        summary = f"{len(one.parts)} of {photos} photos; masks by {makers}, verified in the run by {verifiers}"
        console.print(f"{one.label}: {summary}; judged by {name}.", markup=False)
        if name in one.makers:
            console.print(f"{name} made the masks too: it is blind to whom it missed.", style="yellow", markup=False)
        if name in one.verifiers:
            sentence = f"The run may have acted on what a {name} saw; with the same weights, detections flatter it."
            console.print(sentence, style="yellow", markup=False)
    left, detected = rows({one.label: one.figures(seed) for one in judged})
    for head, cells in ((LEFT, left), (DETECTED, detected)):
        if cells:
            alone = len({row[0] for row in cells}) == 1  # a single run is named in the title
            rest = [row[alone:] for row in cells]
            console.print(drawn(head[alone:], rest, cells[0][0] if alone else None))
    for name in dict.fromkeys(row[1] for row in (*left, *detected)):
        console.print(f"[bold]{name}[/]: {FIGURES[name].what}", highlight=False)
    console.print("Per cent, with the interval of 95 %; docs/evaluation.md says more.", markup=False)


def _write(out: Path, judged: Sequence[JudgedRun], judge: Verifier | None, seed: int) -> None:
    runs = {one.label: one.figures(seed) for one in judged}
    report: dict[str, object] = {
        "verifier": judge.name if judge else None,
        "seed": seed,
        "figures": {name: figure.what for name, figure in FIGURES.items()},
        "runs": {
            one.label: {
                "photos": len(one.parts),
                "masks_by": sorted(one.makers),
                "second_look_by": sorted(one.verifiers),
                **{name: {**e.to_json(), "of": e.count} for name, e in runs[one.label].items()},
            }
            for one in judged
        },
    }
    by_photo = {one.label: one.photos for one in judged}
    write_atomic(out / "removal.json", json.dumps(report, indent=2).encode() + b"\n")
    write_atomic(out / "removal-by-photo.json", json.dumps(by_photo, indent=1).encode() + b"\n")
    write_atomic(out / "removal.md", table(runs).encode())
    left_plot(out / "removal.png", runs)
    for number, one in enumerate(judged):
        contact_sheet(one.worst).save(out / f"removal-worst{f'-{number}' if number else ''}.jpg", quality=88)
