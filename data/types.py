"""The words of the pipeline as types: Photo, Person, People, Patch, and a photo's states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, get_args

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from configs import UserError
from data.rle import BoxMask, box_mask

Pixels = NDArray[np.uint8]
"""uint8, H x W x 3, RGB, 0..255."""
Hole = NDArray[np.uint8]
"""uint8, H x W, 0 or 255; 255 = remove."""


def encode_counts(mask: NDArray[np.generic]) -> str:
    """COCO compressed RLE counts of an H x W mask (bool or 0/non-0)."""
    counts: bytes = coco_mask.encode(np.asfortranarray(mask.astype(bool).view(np.uint8)))["counts"]
    return counts.decode("ascii")


def decode_counts(counts: str, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Inverse of `encode_counts` for a mask of `size` (height, width); bool H x W."""
    decoded: NDArray[np.uint8] = coco_mask.decode({"size": list(size), "counts": counts.encode("ascii")})
    return decoded.astype(bool)


def as_hole(mask: NDArray[np.bool_]) -> Hole:
    """The mask's pixels, bool H x W, as a hole."""
    return mask.astype(np.uint8) * np.uint8(255)


Keep = Literal["largest"] | tuple[int | tuple[float, float, float, float], ...]
"""Who stays in a photo: the largest person, or numbers in the list of its people (from 0) and boxes
(x, y, width, height in pixels) of persons."""

State = Literal["removed", "passthrough", "review", "corrupt", "refused", "failed"]
STATES: tuple[str, ...] = get_args(State)
PUBLISHED = ("removed", "passthrough")
"""States of photos that are done; all others want something of somebody."""


class PhotoError(UserError):
    """A photo that cannot be processed; ends in `state` with one sentence as its reason.

    Permanent by definition: what may pass by itself (I/O, memory) stays an OSError or MemoryError.
    """

    def __init__(self, state: Literal["corrupt", "refused", "failed"], sentence: str) -> None:
        super().__init__(state, sentence)  # both, so that the error survives pickling
        self.state = state
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


Annotation = Mapping[str, object]
"""An annotation or image of a COCO file as it stands there: nothing in it is checked."""


@dataclass(frozen=True)
class Given:
    """Masks that came with a photo: its slice of the annotations, or its mask file.

    `annotations` are COCO annotation objects of this photo's persons, `objects` (category name, annotation object) of
    things that people carry; `mask_file` is a path.
    """

    annotations: tuple[Annotation, ...] = ()
    objects: tuple[tuple[str, Annotation], ...] = ()
    mask_file: Path | None = None


@dataclass(frozen=True)
class Photo:
    """One decoded photo, upright for the network's eye or raw for given masks.

    id: stable within a run (the name's digest). name: path relative to the collection, posix style.
    pixels: uint8 H x W x 3 RGB.
    """

    id: str
    name: str
    pixels: Pixels
    given: Given | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True)
class Person:
    """One found person.

    bbox: x, y, width, height in pixels. score: 0..1. counts: COCO compressed RLE of the mask at the
    photo's full size. source: name of the segmenter. crowd: a region of several people (COCO iscrowd).
    doubtful: counts of pixels that the segmenter gave to other people and that may be this one's; empty for none.
    """

    bbox: tuple[float, float, float, float]
    score: float
    counts: str
    source: str
    crowd: bool = False
    doubtful: str = ""

    @classmethod
    def from_mask(cls, mask: NDArray[np.generic], score: float, source: str, crowd: bool = False) -> Person:
        """A person from an H x W mask (bool or 0/non-0) at the photo's full size; the box is the mask's."""
        counts = encode_counts(mask)
        box = coco_mask.toBbox({"size": list(mask.shape), "counts": counts.encode("ascii")})
        x, y, w, h = (float(v) for v in box)
        return cls((x, y, w, h), round(float(score), 6), counts, source, crowd)


@dataclass(frozen=True)
class Thing:
    """One found object of a kind that people carry, whether or not somebody carries it.

    label: its class, by COCO's names. bbox, score, counts, source: as a person's.
    """

    label: str
    bbox: tuple[float, float, float, float]
    score: float
    counts: str
    source: str

    @classmethod
    def from_person(cls, label: str, found: Person) -> Thing:
        """The thing that was found the way persons are."""
        return cls(label, found.bbox, found.score, found.counts, found.source)

    def as_person(self) -> Person:
        """Inverse of `from_person`: what is done with masks is the same for both."""
        return Person(self.bbox, self.score, self.counts, self.source)


class RleJson(TypedDict):
    """size: (height, width). counts: COCO compressed RLE."""

    size: list[int]
    counts: str


class FoundJson(TypedDict):
    """What a person and a thing have in common, as people.json has it."""

    bbox: list[float]
    score: float
    segmentation: RleJson
    source: str


class PersonJson(FoundJson):
    """iscrowd: 0 or 1. doubtful: pixels that others were given and that may be this person's."""

    iscrowd: int
    doubtful: NotRequired[RleJson]


class ThingJson(FoundJson):
    """label: its class."""

    label: str


class PeopleJson(TypedDict):
    """Everyone in one photo of `size` (height, width), as the store and people.json have it."""

    size: list[int]
    persons: list[PersonJson]
    objects: list[ThingJson]


def _box(values: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, width, height = values
    return x, y, width, height


@dataclass(frozen=True)
class People:
    """Everyone found in one photo of `size` (height, width), and the things that they may carry."""

    size: tuple[int, int]
    persons: tuple[Person, ...] = field(default=())
    objects: tuple[Thing, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.persons)

    def mask(self, found: Person | Thing) -> NDArray[np.bool_]:
        """The person's or thing's mask, bool H x W."""
        return decode_counts(found.counts, self.size)

    def boxed(self, found: Person | Thing) -> BoxMask:
        """The person's or thing's mask in its smallest box: for large photos, of which a full mask is as many bytes as
        the photo has pixels."""
        return box_mask(found.counts, self.size)

    def area(self, found: Person | Thing) -> int:
        """Pixels of the mask, from its run lengths alone."""
        return int(coco_mask.area({"size": list(self.size), "counts": found.counts.encode("ascii")}))

    def shared(self, a: Person, b: Person) -> int:
        """Pixels that are in both masks, from their run lengths alone."""
        both = [{"size": list(self.size), "counts": one.counts.encode("ascii")} for one in (a, b)]
        return int(coco_mask.area(coco_mask.merge(both, intersect=True)))

    def union(self) -> NDArray[np.bool_]:
        """Every person's pixels, bool H x W."""
        out = np.zeros(self.size, bool)
        for person in self.persons:
            mask = self.boxed(person)
            out[mask.box.slices] |= mask.mask
        return out

    def to_json(self) -> PeopleJson:
        return {
            "size": list(self.size),
            "persons": [self._person_json(p) for p in self.persons],
            "objects": [
                {
                    "label": o.label,
                    "bbox": list(o.bbox),
                    "score": o.score,
                    "segmentation": {"size": list(self.size), "counts": o.counts},
                    "source": o.source,
                }
                for o in self.objects
            ],
        }

    def _person_json(self, person: Person) -> PersonJson:
        out: PersonJson = {
            "bbox": list(person.bbox),
            "score": person.score,
            "segmentation": {"size": list(self.size), "counts": person.counts},
            "source": person.source,
            "iscrowd": int(person.crowd),
        }
        if person.doubtful:
            out["doubtful"] = {"size": list(self.size), "counts": person.doubtful}
        return out

    @classmethod
    def from_json(cls, data: PeopleJson) -> People:
        height, width = data["size"]
        return cls(
            (height, width),
            tuple(
                Person(
                    bbox=_box(p["bbox"]),
                    score=p["score"],
                    counts=p["segmentation"]["counts"],
                    source=p["source"],
                    crowd=bool(p["iscrowd"]),
                    doubtful=p["doubtful"]["counts"] if "doubtful" in p else "",
                )
                for p in data["persons"]
            ),
            tuple(
                Thing(
                    label=o["label"],
                    bbox=_box(o["bbox"]),
                    score=o["score"],
                    counts=o["segmentation"]["counts"],
                    source=o["source"],
                )
                for o in data["objects"]
            ),
        )

    def plus(self, others: Sequence[People]) -> People:
        """These people and those of other looks at the same photo; the things stay those of this look."""
        return replace(self, persons=self.persons + tuple(p for other in others for p in other.persons))


@dataclass(frozen=True)
class Patch:
    """Final pixels for one box of the hole: written where the hole is 255, ignored (and 0) elsewhere.

    x, y: the box's upper left corner. pixels: uint8 h x w x 3 RGB.
    """

    x: int
    y: int
    pixels: Pixels


@dataclass(frozen=True)
class Weight:
    """A weights file on this machine. sha256: lower-case hex of the whole file."""

    name: str
    path: Path
    sha256: str
