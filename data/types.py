"""The words of the pipeline as types: Photo, Instance, People, Patch, and a photo's states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast, get_args

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from configs import UserError
from data.geometry import BBox
from data.rle import BoxMask, Rle, box_mask, box_rle, check_counts, decode_counts, encode_counts, rle_of_counts

Pixels = NDArray[np.uint8]
"""uint8, H x W x 3, RGB, 0..255."""
Hole = NDArray[np.uint8]
"""uint8, H x W, 0 or 255; 255 = remove."""


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


PERSON = "person"
"""The label of instances that are people."""

Annotation = Mapping[str, object]
"""An annotation or image of a COCO file as it stands there: nothing in it is checked."""


@dataclass(frozen=True)
class GivenMasks:
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
    given: GivenMasks | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]


@dataclass(frozen=True)
class Instance:
    """One found person, or one found object of a kind that people carry, whether or not somebody carries it.

    bbox: x, y, width, height in pixels. score: 0..1. counts: COCO compressed RLE of the mask at the
    photo's full size. source: name of the segmenter. crowd: a region of several people (COCO iscrowd).
    doubtful: counts of pixels that the segmenter gave to other people and that may be this one's; empty for none.
    label: `person`, or the object's class by COCO's names.
    """

    bbox: BBox
    score: float
    counts: str
    source: str
    crowd: bool = False
    doubtful: str = ""
    label: str = PERSON

    @classmethod
    def from_mask(
        cls, mask: NDArray[np.generic], score: float, source: str, crowd: bool = False, label: str = PERSON
    ) -> Instance:
        """An instance from an H x W mask (bool or 0/non-0) at the photo's full size; the box is the mask's."""
        height, width = mask.shape
        return cls._of(rle_of_counts(encode_counts(mask), (height, width)), score, source, crowd, label)

    @classmethod
    def from_box(
        cls,
        mask: BoxMask,
        size: tuple[int, int],
        score: float,
        source: str,
        crowd: bool = False,
        label: str = PERSON,
    ) -> Instance | None:
        """The instance whose mask stands in its box in a photo of `size` (height, width); None when the mask is empty.

        Equals `from_mask` of the full frame, in time and memory of the box alone (a 50-megapixel photo may hold dozens
        of people). Raises ValueError for a box that is not inside the photo.
        """
        return cls.from_rle(box_rle(mask, size), score, source, crowd, label)

    @classmethod
    def from_rle(cls, rle: Rle, score: float, source: str, crowd: bool = False, label: str = PERSON) -> Instance | None:
        """The instance of run lengths as pycocotools makes them. None when the mask is empty."""
        return cls._of(rle, score, source, crowd, label) if coco_mask.area(rle) else None

    @classmethod
    def _of(cls, rle: Rle, score: float, source: str, crowd: bool, label: str) -> Instance:
        bbox = _bbox([float(v) for v in coco_mask.toBbox(rle)])
        return cls(bbox, round(float(score), 6), rle["counts"].decode("ascii"), source, crowd, label=label)


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


def _bbox(values: Sequence[float]) -> BBox:
    x, y, width, height = (float(value) for value in values)
    return x, y, width, height


def _found_json(found: Instance, size: tuple[int, int]) -> FoundJson:
    return {
        "bbox": list(found.bbox),
        "score": found.score,
        "segmentation": {"size": list(size), "counts": found.counts},
        "source": found.source,
    }


def _person_json(person: Instance, size: tuple[int, int]) -> PersonJson:
    out: PersonJson = {**_found_json(person, size), "iscrowd": int(person.crowd)}  # type: ignore[typeddict-item]
    if person.doubtful:
        out["doubtful"] = {"size": list(size), "counts": person.doubtful}
    return out


def _found(data: FoundJson) -> Instance:
    return Instance(_bbox(data["bbox"]), data["score"], data["segmentation"]["counts"], data["source"])


def _person(data: PersonJson) -> Instance:
    doubtful = data["doubtful"]["counts"] if "doubtful" in data else ""
    return replace(_found(data), crowd=bool(data["iscrowd"]), doubtful=doubtful)


@dataclass(frozen=True)
class People:
    """Everyone found in one photo of `size` (height, width), and the things that they may carry."""

    size: tuple[int, int]
    persons: tuple[Instance, ...] = field(default=())
    objects: tuple[Instance, ...] = field(default=())

    @classmethod
    def of(cls, found: Iterable[Instance | None], size: tuple[int, int]) -> People:
        """The people and things of a photo of `size` (height, width), by their labels; taken one by one. None, an
        instance without a pixel, is left out."""
        persons: list[Instance] = []
        objects: list[Instance] = []
        for one in found:
            if one is not None:
                (persons if one.label == PERSON else objects).append(one)
        return cls(size, tuple(persons), tuple(objects))

    def __len__(self) -> int:
        return len(self.persons)

    def mask(self, found: Instance) -> NDArray[np.bool_]:
        """The person's or thing's mask, bool H x W."""
        return decode_counts(found.counts, self.size)

    def rle(self, found: Instance) -> Rle:
        """The person's or thing's mask as pycocotools takes it."""
        return rle_of_counts(found.counts, self.size)

    def boxed(self, found: Instance) -> BoxMask:
        """The person's or thing's mask in its smallest box: for large photos, of which a full mask is as many bytes as
        the photo has pixels."""
        return box_mask(found.counts, self.size)

    def area(self, found: Instance) -> int:
        """Pixels of the mask, from its run lengths alone."""
        return int(coco_mask.area(self.rle(found)))

    def shared(self, a: Instance, b: Instance) -> int:
        """Pixels that are in both masks, from their run lengths alone."""
        both = [self.rle(one) for one in (a, b)]
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
            "persons": [_person_json(person, self.size) for person in self.persons],
            "objects": [{"label": thing.label, **_found_json(thing, self.size)} for thing in self.objects],
        }

    @classmethod
    def from_json(cls, data: PeopleJson) -> People:
        """Raises ValueError, KeyError or TypeError for what `to_json` does not give: masks that are none of the photo,
        sizes and boxes that are no numbers."""
        height, width = (int(side) for side in data["size"])
        for found in (*data["persons"], *data["objects"]):
            for rle in (found["segmentation"], cast(PersonJson, found).get("doubtful")):
                if rle is not None:
                    check_counts(rle["counts"], (height, width))
        return cls(
            (height, width),
            tuple(_person(person) for person in data["persons"]),
            tuple(replace(_found(thing), label=thing["label"]) for thing in data["objects"]),
        )

    def plus(self, others: Sequence[People]) -> People:
        """These people and those of other passes over the same photo; the things stay those of this pass."""
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
