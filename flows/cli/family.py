"""`person-removal family`: who stays in a whole collection, from a few marks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from configs.load import USUAL, load_settings
from data.collection.marks import read_marks
from data.errors import InputError
from data.storage.files import atomic_file, write_atomic
from flows.cli.options import Input, Output, Preset, Segmenter, Set, completing, console
from flows.cli.portraits import MOST, can_be_marked, portraits
from flows.family import Verdict, Word, detect_people, judge, keep_list, marked_faces
from flows.plan.selection import selection
from flows.run.job import execute, prepare
from flows.stages import models

FACELESS = ("review", "remove")


def family(
    source: Input,
    output: Output,
    marks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Who is who in a few photos; without it, --people.")
    ] = None,
    keep: Annotated[Path, typer.Option(metavar="FILE", help="The keep-list that is written; a new file.")] = Path(
        "keep.json"
    ),
    people: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JPEG of everyone with a face, numbered for the marks.")
    ] = None,
    faceless: Annotated[
        str,
        typer.Option(metavar="WHAT", help="Who shows no face: review, or remove.", autocompletion=completing(FACELESS)),
    ] = "review",
    preset: Preset = USUAL,
    segmenter: Segmenter = None,
    set_: Set = None,
) -> None:
    """Find marked people in all photos by their faces, offline; writes a keep-list.

    Doubtful people are removed, and their photos end in review/. docs/family.md says how sure it is.

    \b
    person-removal family holiday/ out/ --people people.jpg
    person-removal family holiday/ out/ --marks marks.json --keep keep.json
    person-removal run holiday/ out/ --preset embedded --keep keep.json
    """
    if (marks is None) == (people is None):
        raise InputError("Give --people FILE to see who can be marked, or --marks FILE to find them.")
    if faceless not in FACELESS:
        raise InputError(f"--faceless {faceless}: write review or remove.")
    written = keep if marks else people
    if written and written.exists():
        raise InputError(f"{written}: the file is there already; give a new name.")
    models.face_reader()  # what is missing is missing before the first photo
    settings = load_settings(preset, set_ or (), base={"segment": {"segmenter": segmenter}} if segmenter else {})
    job = prepare(source, output, settings, selection("segment"))
    names = {item.name for item in job.collection.sources}
    known = read_marks(marks, names) if marks else []
    execute(job)
    tracked = track(detect_people(job), "faces", job.planned.photos, console=Console(stderr=True), transient=True)
    detected = dict(sorted(tracked))
    if people:
        found = can_be_marked(detected)
        with atomic_file(people) as file:
            portraits(job, found[:MOST]).save(file, "JPEG", quality=85)
        everyone, shown = sum(map(len, detected.values())), min(len(found), MOST)
        console.print(
            f"{people}: {shown} of the {len(found)} people who show a face, the largest first, with photo, number and "
            f"box; {everyone - len(found)} others were found whose face is not seen or stands with another one.",
            markup=False,
        )
        return
    faces = marked_faces(known, detected)
    without: Word = "leaves" if faceless == "remove" else "unsure"
    verdicts = {name: judge(those, faces, without) for name, those in detected.items()}
    write_atomic(keep, json.dumps(keep_list(verdicts, known), indent=1).encode())
    console.print(_table(verdicts, faces))
    _say_how(verdicts, sum(map(len, detected.values())), keep)


def _table(photos: Mapping[str, Sequence[Verdict]], names: Mapping[str, object]) -> Table:
    table = Table("who", "photos in which they stay", "unsure in")
    counts = Counter(pair for verdicts in photos.values() for pair in {(v.name, v.word) for v in verdicts})
    for name in names:
        table.add_row(name, str(counts[name, "stays"]), str(counts[name, "unsure"]))
    table.add_row("nobody's face seen", "", str(counts[None, "unsure"]))
    return table


def _say_how(photos: Mapping[str, Sequence[Verdict]], people: int, keep: Path) -> None:
    doubtful = sum(any(verdict.word == "unsure" for verdict in verdicts) for verdicts in photos.values())
    leave = sum(verdict.word == "leaves" for verdicts in photos.values() for verdict in verdicts)
    console.print(
        f"{leave} of {people} people are nobody of these and leave. {doubtful} of {len(photos)} photos hold somebody "
        f"who may be one: they will end in review/. In {keep}, move boxes from unsure to keep, or "
        f"delete them; then: person-removal run ... --keep {keep}",
        markup=False,
    )
