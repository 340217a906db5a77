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
from flows.cli.portraits import MOST, can_be_marked, photos_to_mark, portraits
from flows.family import Verdict, Word, detect_people, judge, keep_list, marked_faces, settle
from flows.plan.selection import selection
from flows.report.faces_page import faces_page
from flows.run.job import execute, prepare
from flows.stages import models

FACELESS = ("review", "remove")


def family(
    source: Input,
    output: Output,
    marks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Who is who in a few photos, as --page exports it.")
    ] = None,
    keep: Annotated[Path, typer.Option(metavar="FILE", help="The keep-list that is written; a new file.")] = Path(
        "keep.json"
    ),
    people: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JPEG of everyone with a face, numbered for the marks.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A page on which people are clicked who stay or leave; it gives the marks."),
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
    person-removal family holiday/ out/ --page faces.html
    person-removal family holiday/ out/ --marks marks.json --keep keep.json
    person-removal run holiday/ out/ --preset embedded --keep keep.json
    """
    if not (marks or people or page) or (people and (marks or page)):
        raise InputError(
            "Give --page FILE to click who stays, --marks FILE to find them, or both; or --people FILE for a sheet."
        )
    if faceless not in FACELESS:
        raise InputError(f"--faceless {faceless}: write review or remove.")
    for written in (keep if marks else None, people, page):
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
    faces = marked_faces(known, detected)
    without: Word = "leaves" if faceless == "remove" else "unsure"
    verdicts = settle({name: judge(those, faces, without) for name, those in detected.items()}, known) if known else {}
    if page:
        to_mark, left_out = photos_to_mark(job, detected, verdicts, known)
        with atomic_file(page) as file:
            file.write(faces_page(to_mark, left_out).encode("utf-8", "replace"))
        console.print(f"{page}: open it in a browser, press who stays or leaves, export marks.json.", markup=False)
    if not marks:
        return
    write_atomic(keep, json.dumps(keep_list(verdicts, known), indent=1).encode())
    console.print(_table(verdicts, faces))
    _say_how(verdicts, f"{source} {output}", marks, keep)


def _table(photos: Mapping[str, Sequence[Verdict]], names: Mapping[str, object]) -> Table:
    table = Table("who", "photos in which they stay", "unsure in")
    counts = Counter(pair for verdicts in photos.values() for pair in {(v.name, v.word) for v in verdicts})
    for name in names:
        table.add_row(name, str(counts[name, "stays"]), str(counts[name, "unsure"]))
    table.add_row("nobody's face seen", "", str(counts[None, "unsure"]))
    return table


def _say_how(photos: Mapping[str, Sequence[Verdict]], folders: str, marks: Path, keep: Path) -> None:
    """How many photos are decided and how many are not, and the next step."""
    words = Counter(verdict.word for verdicts in photos.values() for verdict in verdicts)
    doubtful = sum(any(verdict.word == "unsure" for verdict in verdicts) for verdicts in photos.values())
    lines = [
        f"{len(photos) - doubtful} of {len(photos)} photos are decided, {doubtful} are not: of {words.total()} people "
        f"{words['stays']} stay, {words['leaves']} leave, {words['unsure']} are doubtful."
    ]
    if doubtful:
        lines += [
            "The doubtful ones are removed, and their photos end in review/. To settle them by clicks:",
            f"  person-removal family {folders} --marks {marks} --page doubts.html --keep NEW.json",
        ]
    lines += ["To run with what is decided:", f"  person-removal run {folders} --keep {keep}"]
    console.print("\n".join(lines), markup=False, soft_wrap=True)
