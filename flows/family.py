"""Who stays in a whole collection, from a few marks: the faces of marked people, looked for in every other photo.

Conservative in both directions: only a person with a face of their own near to a marked one stays, only one whose face
is far from all of them leaves without a word; everybody else leaves, and is noted as unsure, so that the photo ends in
`review`. Nothing of a face is written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

import masks
from data.collection.marks import Mark
from data.errors import InputError
from data.geometry import BBox, box_iou
from data.images import bbox_to_raw_frame
from data.plan.entries import Entry
from data.plan.shards import read_shard
from data.rle import BoxMask
from data.storage.places import as_path
from data.types import People, PhotoError
from detection.faces import Face, Vector
from flows.run.job import Job
from flows.run.workers import given_up_when_stopped, run_in_processes
from flows.stages import models
from flows.stages.context import load_run
from flows.stages.records import read_people, read_photo
from flows.stages.registry import STAGES

SAME = 0.40
"""Faces this near are one person's. Of 2,258 pairs of faces of different people none was (docs/family.md)."""
DIFFERENT = 0.70
"""Faces this far apart are two people's. Of 38 pairs of photos of one person none was."""

Word = Literal["stays", "unsure", "leaves"]


@dataclass(frozen=True)
class DetectedPerson:
    """One found person. number: in the list of the photo's people. box: x, y, width, height in the file's own frame.
    faces: those that are this person's and nobody else's, largest first. others: how many faces more its mask shows,
    which are another found person's: one that was found twice, or a mask of two people."""

    number: int
    box: BBox
    faces: tuple[Face, ...]
    others: int = 0

    @property
    def face(self) -> Face | None:
        """The one face that the person's mask shows; None where it shows none, or several."""
        return self.faces[0] if len(self.faces) == 1 and not self.others else None


@dataclass(frozen=True)
class Verdict:
    """word: what is to be done. name: who it may be. distance: to the nearest marked face; None without a face."""

    person: DetectedPerson
    word: Word
    name: str | None = None
    distance: float | None = None


def detect_people(job: Job) -> Iterator[tuple[str, list[DetectedPerson]]]:
    """(name, people with their faces) of every photo of a job whose people are found. Raises SettingsError,
    WeightsError."""
    entries = [entry for shard in job.planned.shards for entry in read_shard(as_path(shard)) if entry.state is None]
    arguments = [(job.planned.run, entry) for entry in entries]
    with given_up_when_stopped():
        for entry, people, _ in run_in_processes(_detect, arguments, entries, job.context.workers, lambda *lost: None):
            if people is not None:
                yield entry.name, people


def _detect(run: str, entry: Entry) -> list[DetectedPerson] | None:
    """None for a photo that the segment stage did not finish."""
    context = load_run(run).for_photo(entry.settings)
    key = STAGES["segment"].key(context, entry, {})
    if context.store.header("segment", key) is None:
        return None
    people = read_people(context, {"segment": {"name": entry.name, "id": entry.id, "key": key}})
    if not people.persons:
        return []
    try:
        photo = read_photo(context, entry)
    except PhotoError:
        return None
    reader, shown = models.face_reader(), [people.boxed(person) for person in people.persons]
    read = [reader.read(photo.pixels, (one.x, one.y, one.box.width, one.box.height)) for one in shown]
    detected = share_out(people, shown, read, people.size)
    return [replace(one, box=bbox_to_raw_frame(one.box, people.size, photo.orientation)) for one in detected]


def share_out(
    people: People, masks: Sequence[BoxMask], read: Sequence[Sequence[Face]], size: tuple[int, int]
) -> list[DetectedPerson]:
    """Every face of a photo to one person. masks: of the persons, upright. read: faces that were seen in the
    surroundings of each. size: (height, width) of the photo, upright.

    A face is of somebody whose mask holds its middle; of several, of the one whose mask shows the fewest faces, then of
    the more certain one, then of the smaller one. So where a person was found twice, or a mask is of two people, one
    of them has the face and the others have none.
    """
    places = _places(read)
    faces = [next(iter(place.values())) for place in places]
    inside = [[n for n, face in enumerate(faces) if _is_in(mask, face, size)] for mask in masks]

    def claim(number: int) -> tuple[int, bool, float, int]:
        person = people.persons[number]
        return len(inside[number]), person.crowd, -person.score, masks[number].area

    owners = [
        min((i for i, those in enumerate(inside) if n in those), key=claim, default=None) for n in range(len(faces))
    ]
    out = []
    for number, person in enumerate(people.persons):
        own = [places[n].get(number, faces[n]) for n in inside[number] if owners[n] == number]
        own.sort(key=lambda face: -face.side)
        out.append(DetectedPerson(number, person.bbox, tuple(own), len(inside[number]) - len(own)))
    return out


def _places(read: Sequence[Sequence[Face]]) -> list[dict[int, Face]]:
    """The distinct faces of a photo, each as it was seen in the surroundings of one or several persons, by number."""
    places: list[dict[int, Face]] = []
    for number, faces in enumerate(read):
        for face in faces:
            place = next((one for one in places if any(_one_face(face, other) for other in one.values())), None)
            if place is None:
                places.append({number: face})
            else:
                place.setdefault(number, face)
    return places


def _is_in(mask: BoxMask, face: Face, size: tuple[int, int]) -> bool:
    """Whether the face's middle is in the mask; that of a face cut by the border of the photo may lie beyond it.
    size: (height, width) of the photo."""
    y = min(max(int(face.y), 0), size[0] - 1) - mask.y
    x = min(max(int(face.x), 0), size[1] - 1) - mask.x
    height, width = mask.mask.shape
    return 0 <= y < height and 0 <= x < width and bool(mask.mask[y, x])


def marked_faces(marks: Sequence[Mark], photos: Mapping[str, Sequence[DetectedPerson]]) -> dict[str, list[Vector]]:
    """The faces of each marked person who stays. Raises InputError for a mark that fits nobody, and for a person none
    of whose marks shows a face."""
    faces: dict[str, list[Vector]] = {}
    for mark in marks:
        person = marked(mark, photos.get(mark.photo, ()))
        if person is None:
            who = mark.name or "leave"
            raise InputError(f"{who}: nobody was found in {mark.photo} at {mark.who}; mark another place.")
        if mark.name is None:
            continue
        faces.setdefault(mark.name, []).extend([person.face.vector] if person.face else [])
    for name, vectors in faces.items():
        if not vectors:
            raise InputError(f"{name}: no marked place shows a face that can be used; mark one that looks this way.")
    return faces


def marked(mark: Mark, people: Sequence[DetectedPerson]) -> DetectedPerson | None:
    """Whom a mark means."""
    who = mark.who
    if isinstance(who, int):
        return next((person for person in people if person.number == who), None)
    overlaps = [(box_iou(who, person.box), person.number) for person in people]
    best, number = max(overlaps, default=(0.0, -1))
    return marked(mark._replace(who=number), people) if best >= masks.SAME_BOX else None


def judge(
    people: Sequence[DetectedPerson], known: Mapping[str, Sequence[Vector]], faceless: Word = "unsure"
) -> list[Verdict]:
    """Who of a photo's people stays. faceless: what becomes of those whose face is not detected."""
    verdicts = [_judge(person, known, faceless) for person in people]
    for name in known:
        those = [v for v in verdicts if v.word == "stays" and v.name == name]
        those.sort(key=lambda verdict: verdict.distance or 0)
        for other in those[1:]:  # nobody is twice in a photo, but in mirrors and pictures
            verdicts[verdicts.index(other)] = Verdict(other.person, "unsure", name, other.distance)
    return verdicts


def _judge(person: DetectedPerson, known: Mapping[str, Sequence[Vector]], faceless: Word) -> Verdict:
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
    sure = distance <= SAME and person.face is not None  # two faces: the mask is of two people
    return Verdict(person, "stays" if sure else "unsure", name, distance)


def _one_face(a: Face, b: Face) -> bool:
    """Whether it is the same place of the photo."""
    return math.hypot(a.x - b.x, a.y - b.y) < min(a.side, b.side) / 2


def settle(photos: Mapping[str, Sequence[Verdict]], marks: Sequence[Mark]) -> dict[str, list[Verdict]]:
    """The verdicts, and in place of those on marked people what the marks say."""
    out = {name: list(verdicts) for name, verdicts in photos.items()}
    for mark in marks:
        verdicts = out.get(mark.photo, [])
        person = marked(mark, [verdict.person for verdict in verdicts])
        for number, verdict in enumerate(verdicts):
            if verdict.person is person:
                word: Word = "leaves" if mark.name is None else "stays"
                verdicts[number] = Verdict(verdict.person, word, mark.name, verdict.distance)
    return out


def keep_list(photos: Mapping[str, Sequence[Verdict]], marks: Iterable[Mark]) -> dict[str, object]:
    """What `refine.keep` takes: the boxes of those who stay, and of those who may. Marked people stay where they are
    marked; where such a mask shows several faces, somebody else may stay with it, and it is in both lists."""
    asked: dict[str, object] = {}
    by_hand: dict[str, list[Mark]] = {}
    for mark in marks:
        if mark.name is not None:
            by_hand.setdefault(mark.photo, []).append(mark)
    for name, verdicts in sorted(photos.items()):
        people = [verdict.person for verdict in verdicts]
        here = [marked(mark, people) for mark in by_hand.get(name, ())]
        keep = [v.person for v in verdicts if v.word == "stays" or v.person in here]
        several = [person for person in here if person and len(person.faces) + person.others > 1]
        unsure = [v.person for v in verdicts if v.word == "unsure" and v.person not in here] + several
        boxes = {"keep": [_rounded(person) for person in keep], "unsure": [_rounded(person) for person in unsure]}
        if keep or unsure:
            asked[name] = {word: those for word, those in boxes.items() if those}
    return asked


def _rounded(person: DetectedPerson) -> list[float]:
    return [round(value, 1) for value in person.box]
