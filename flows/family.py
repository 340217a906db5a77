"""Who stays in a whole collection, from a few marks: the faces of marked people, looked for in every other photo.

Conservative in both directions: only a face near to a marked one stays, only one far from all of them leaves without a
word; everybody else leaves, and is noted as unsure, so that the photo ends in `review`. Nothing of a face is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

import masks
from data.collection.marks import Mark
from data.errors import InputError
from data.images import upright
from data.plan.entries import Entry
from data.plan.shards import read_shard
from data.storage.places import as_path
from data.types import People, PhotoError, Pixels
from detection.faces import Face, Vector
from flows.run.job import Job
from flows.run.workers import run_in_processes, stop_processes
from flows.stages import models
from flows.stages.context import load_run
from flows.stages.records import read_people, read_photo
from flows.stages.registry import STAGES

SAME = 0.40
"""Faces this near are one person's. Of 2,258 pairs of faces of different people none was (docs/family.md)."""
DIFFERENT = 0.70
"""Faces this far apart are two people's. Of 38 pairs of photos of one person none was."""

PART = 0.8
"""A person without a face, this share of whose pixels are somebody else's too, is a part of that one, found twice."""

Word = Literal["stays", "unsure", "leaves"]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Seen:
    """One found person. number: in the list of the photo's people. box: x, y, width, height in the file's own frame.
    faces: inside the person's mask, largest first. part_of: number of another one in whose mask this one's lies."""

    number: int
    box: Box
    faces: tuple[Face, ...]
    part_of: int | None = None


@dataclass(frozen=True)
class Verdict:
    """word: what is to be done. name: who it may be. distance: to the nearest marked face; None without a face."""

    person: Seen
    word: Word
    name: str | None = None
    distance: float | None = None


def see_people(job: Job) -> Iterator[tuple[str, list[Seen]]]:
    """(name, people with their faces) of every photo of a job whose people are found. Raises SettingsError,
    WeightsError."""
    entries = [entry for shard in job.planned.shards for entry in read_shard(as_path(shard)) if entry.state is None]
    arguments = [(job.planned.run, entry) for entry in entries]
    try:
        for entry, people, _ in run_in_processes(_see, arguments, entries, job.context.workers, lambda *lost: None):
            if people is not None:
                yield entry.name, people
    finally:
        stop_processes()


def _see(run: str, entry: Entry) -> list[Seen] | None:
    """None for a photo that the segment stage did not finish."""
    context = load_run(run).for_photo(entry.settings)
    key = STAGES["segment"].key(context, entry, {})
    if context.store.header("segment", key) is None:
        return None
    people = read_people(context, {"segment": {"key": key}})
    if not people.persons:
        return []
    try:
        photo = read_photo(context, entry)
    except PhotoError:
        return None
    pixels, reader, out = upright(photo.pixels, photo.orientation), models.face_reader(), []
    for number, person in enumerate(people.persons):  # one mask at a time: fifty of a large photo are 600 MB
        mask = upright(people.mask(person).astype(np.uint8), photo.orientation)
        x, y, width, height = cv2.boundingRect(mask)
        faces = tuple(face for face in reader.read(pixels, (x, y, width, height)) if _is_in(mask, face))
        out.append(Seen(number, person.bbox, faces, None if faces else _part_of(number, people)))
    return out


def _is_in(mask: NDArray[np.uint8], face: Face) -> bool:
    """Whether the face's middle is in the mask; that of a face cut by the border may lie beyond it."""
    height, width = mask.shape
    return bool(mask[min(max(int(face.y), 0), height - 1), min(max(int(face.x), 0), width - 1)])


def _part_of(number: int, people: People) -> int | None:
    """Somebody else of whom this may be a part that was found twice."""
    mine = people.persons[number]
    shared = {other: people.shared(mine, one) for other, one in enumerate(people.persons) if other != number}
    best = max(shared, key=lambda other: shared[other], default=None)
    return best if best is not None and shared[best] >= PART * max(1, people.area(mine)) else None


def portraits(job: Job, photos: Mapping[str, Sequence[Seen]], most: int = 96) -> list[tuple[str, Pixels]]:
    """(`photo #number`, picture) of people who can be marked, the largest faces first."""
    faces = [
        (name, seen.number, seen.faces[0]) for name, people in photos.items() for seen in people if len(seen.faces) == 1
    ]
    faces.sort(key=lambda item: -item[2].side)
    entries = {entry.name: entry for shard in job.planned.shards for entry in read_shard(as_path(shard))}
    out = []
    for name, number, face in faces[:most]:
        photo = read_photo(job.context, entries[name])
        pixels, reach = upright(photo.pixels, photo.orientation), 1.5 * face.side
        rows = slice(max(0, round(face.y - reach)), round(face.y + reach))
        out.append((f"{name} #{number}", pixels[rows, max(0, round(face.x - reach)) : round(face.x + reach)]))
    return out


def marked_faces(marks: Sequence[Mark], photos: Mapping[str, Sequence[Seen]]) -> dict[str, list[Vector]]:
    """The faces of each marked person. Raises InputError for a mark that fits nobody, and for a person none of whose
    marks shows a face."""
    faces: dict[str, list[Vector]] = {}
    for mark in marks:
        person = marked(mark, photos.get(mark.photo, ()))
        if person is None:
            raise InputError(f"{mark.name}: nobody was found in {mark.photo} at {mark.who}; mark another place.")
        faces.setdefault(mark.name, []).extend(face.vector for face in person.faces[:1] if len(person.faces) == 1)
    for name, vectors in faces.items():
        if not vectors:
            raise InputError(f"{name}: no marked place shows a face that can be used; mark one that looks this way.")
    return faces


def marked(mark: Mark, people: Sequence[Seen]) -> Seen | None:
    """Whom a mark means."""
    who = mark.who
    if isinstance(who, int):
        return next((person for person in people if person.number == who), None)
    overlaps = [(masks.overlap(who, person.box), person.number) for person in people]
    best, number = max(overlaps, default=(0.0, -1))
    return marked(mark._replace(who=number), people) if best >= masks.SAME_BOX else None


def judge(people: Sequence[Seen], known: Mapping[str, Sequence[Vector]], faceless: Word = "unsure") -> list[Verdict]:
    """Who of a photo's people stays. faceless: what becomes of those whose face is not seen."""
    verdicts = [_judge(person, known, faceless) for person in people]
    for name in known:
        those = [v for v in verdicts if v.word == "stays" and v.name == name]
        those.sort(key=lambda verdict: verdict.distance or 0)
        for other in those[1:]:  # nobody is twice in a photo, but in mirrors and pictures, and where one is found twice
            if not _one_face(those[0].person.faces[0], other.person.faces[0]):
                verdicts[verdicts.index(other)] = Verdict(other.person, "unsure", name, other.distance)
    stay = {verdict.person.number: verdict for verdict in verdicts if verdict.word == "stays"}
    for place, verdict in enumerate(verdicts):  # last, so that a part does what its whole does in the end
        whole = stay.get(verdict.person.part_of) if verdict.person.part_of is not None else None
        if whole and not verdict.person.faces:
            verdicts[place] = Verdict(verdict.person, "stays", whole.name, whole.distance)
    return verdicts


def _judge(person: Seen, known: Mapping[str, Sequence[Vector]], faceless: Word) -> Verdict:
    if not person.faces:
        return Verdict(person, faceless)
    nearest = [
        min(
            (float(np.linalg.norm(face.vector - vector)), name) for name, vectors in known.items() for vector in vectors
        )
        for face in person.faces
    ]
    distance, name = min(nearest)
    if distance > DIFFERENT:
        return Verdict(person, "leaves", None, distance)
    sure = distance <= SAME and len(person.faces) == 1  # two faces: the mask is of two people
    return Verdict(person, "stays" if sure else "unsure", name, distance)


def _one_face(a: Face, b: Face) -> bool:
    """Whether it is the same place of the photo."""
    return math.hypot(a.x - b.x, a.y - b.y) < min(a.side, b.side) / 2


def keep_list(photos: Mapping[str, Sequence[Verdict]], marks: Iterable[Mark]) -> dict[str, Any]:
    """What `refine.keep` takes: the boxes of those who stay, and of those who may. Marked people stay where they are
    marked."""
    asked: dict[str, Any] = {}
    by_hand: dict[str, list[Mark]] = {}
    for mark in marks:
        by_hand.setdefault(mark.photo, []).append(mark)
    for name, verdicts in sorted(photos.items()):
        people = [verdict.person for verdict in verdicts]
        here = [marked(mark, people) for mark in by_hand.get(name, ())]
        keep = [v.person for v in verdicts if v.word == "stays" or v.person in here]
        unsure = [v.person for v in verdicts if v.word == "unsure" and v.person not in here]
        boxes = {"keep": [_rounded(person) for person in keep], "unsure": [_rounded(person) for person in unsure]}
        if keep or unsure:
            asked[name] = {word: those for word, those in boxes.items() if those}
    return asked


def _rounded(person: Seen) -> list[float]:
    return [round(value, 1) for value in person.box]
