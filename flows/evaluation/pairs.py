"""Pairs of a scene without people and a real person's outline: where it lies is a hole whose truth is known.

Pairs are drawn with a fixed seed, written to a file and read from it, so that whoever has the photos judges the same.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import RefineSettings, Settings
from data.collection.walk import walk_photos
from data.errors import InputError
from data.images import decode, read_photo_bytes
from data.plan.entries import annotations_of
from data.types import Hole, Instance, People, PhotoError, Pixels
from flows.evaluation.reference import listed_photos, read_annotated
from masks import refine

SHARES = (0.03, 0.08, 0.16, 0.28)
"""Share of the scene that a person's outline covers, in turn."""
LEAST_HEIGHT, LEAST_WIDTH = 96, 24
"""Persons with a box smaller than this (longer and shorter side in pixels) have too coarse an outline to enlarge."""
_TALLEST, _WIDEST = 0.95, 0.7
"""Share of the scene that a person may take up either way."""


@dataclass(frozen=True)
class Pair:
    """scene: name of the photo without people. photo, annotation: name and annotation id of the person.

    share: of the scene that the person covers, as far as it fits. at: where its box lies in the room that there is for
    it, (x, y) in 0..1.
    """

    number: int
    scene: str
    photo: str
    annotation: int
    share: float
    at: tuple[float, float]


@dataclass(frozen=True)
class Silhouette:
    """A person cut to its box. pixels: uint8 h x w x 3; mask: bool h x w."""

    pixels: Pixels
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """A pair as arrays. truth: the scene; image: the same with the person in it; hole: uint8 H x W, 255 = to fill."""

    pair: Pair
    truth: Pixels
    image: Pixels
    hole: Hole

    @property
    def share(self) -> float:
        return float(np.count_nonzero(self.hole) / self.hole.size)


def draw_pairs(scenes: Path, coco: Path, settings: Settings, limit: int | None = None, seed: int = 0) -> list[Pair]:
    """One pair for each scene, or `limit` of them (more than there are scenes: each again with another person). Fewer
    are always the beginning of more. Raises InputError."""
    names = [name for name, _ in _scenes(scenes)]
    random.Random(seed).shuffle(names)
    collection, sources = listed_photos(coco, settings)
    given_to = annotations_of(collection, ())
    people = []
    for source in sources:
        with contextlib.suppress(PhotoError):  # a run would not take it either
            found = map(_large, given_to(source).annotations)
            people += [(source.name, annotation) for annotation in found if annotation is not None]
    if not people:
        raise InputError(f"{coco}: it has no outlined person of at least {LEAST_HEIGHT} px.")
    pairs = []
    for number in range(limit or len(names)):
        rng = np.random.default_rng([seed, number])
        photo, annotation = people[int(rng.integers(len(people)))]
        at = round(float(rng.random()), 4), round(float(rng.random()), 4)
        share = SHARES[number % len(SHARES)]
        pairs.append(Pair(number + 1, names[number % len(names)], photo, annotation, share, at))
    return pairs


def _scenes(folder: Path) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        raise InputError(f"{folder}: the folder of scenes is not there.")
    photos = walk_photos(folder).photos
    if not photos:
        raise InputError(f"{folder}: there are no photos in it.")
    return photos


def _large(annotation: Mapping[str, object]) -> int | None:
    """The annotation's id where it is of one person who is large enough."""
    box, id_ = annotation.get("bbox"), annotation.get("id")
    if annotation.get("iscrowd") or not isinstance(box, list) or len(box) != 4:
        return None
    if not isinstance(id_, int) or isinstance(id_, bool):
        return None
    return id_ if max(box[2:]) >= LEAST_HEIGHT and min(box[2:]) >= LEAST_WIDTH else None


def pairs_json(pairs: Sequence[Pair]) -> bytes:
    """The pairs as a file, one line each."""
    lines = ",\n".join(json.dumps(asdict(pair)) for pair in pairs)
    return f'{{"person_removal_pairs": 1, "pairs": [\n{lines}\n]}}\n'.encode()


def read_pairs(path: Path) -> list[Pair]:
    """Inverse of `pairs_json`. Raises InputError."""
    try:
        tree = json.loads(path.read_bytes())
        if tree["person_removal_pairs"] != 1:
            raise ValueError
        pairs = [Pair(**{**row, "at": tuple(row["at"])}) for row in tree["pairs"]]
        for pair in pairs:
            if not (0 < pair.share < 1 and len(pair.at) == 2 and all(0 <= part <= 1 for part in pair.at)):
                raise ValueError
    except OSError as error:
        raise InputError(f"{path}: the list of pairs cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{path}: it is no list of pairs; take the pairs.json of an evaluation.") from None
    return pairs


def make_cases(
    pairs: Sequence[Pair], scenes: Path, coco: Path, settings: Settings, size: int, paste: bool = True
) -> Iterator[Case]:
    """The pairs as arrays, one in memory at a time. Raises InputError for what is no longer there.

    size: shorter side of the scenes in pixels. paste: with the person's pixels in the scene, which shows up fills that
    look under the hole; else the scene as it is.
    """
    paths = dict(_scenes(scenes))
    people = _silhouettes(pairs, coco, settings)
    for pair in pairs:
        if pair.scene not in paths:
            raise InputError(f"{scenes}: the scene {pair.scene} of the list of pairs is not there.")
        if (pair.photo, pair.annotation) not in people:
            raise InputError(
                f"{coco}: the person of annotation {pair.annotation} in {pair.photo} cannot be used; draw other pairs "
                "with another --seed."
            )
        yield make_case(pair, _scene(paths[pair.scene], pair.scene, size), people[pair.photo, pair.annotation],
                        settings.refine, paste)  # fmt: skip


def _silhouettes(pairs: Sequence[Pair], coco: Path, settings: Settings) -> dict[tuple[str, int], Silhouette]:
    wanted = {(pair.photo, pair.annotation) for pair in pairs}
    photos = {photo for photo, _ in wanted}
    collection, sources = listed_photos(coco, settings)
    needed = [source for source in sources if source.name in photos]
    out = {}
    for photo in read_annotated(collection, needed, settings):
        for annotation, person in zip(photo.given.annotations, photo.truth.persons, strict=True):
            number = annotation.get("id")
            if isinstance(number, int) and (photo.name, number) in wanted:
                mask = photo.truth.mask(person)
                x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
                box = slice(y, y + height), slice(x, x + width)
                out[photo.name, number] = Silhouette(photo.pixels[box].copy(), mask[box].copy())
    return out


def _scene(path: Path, name: str, size: int) -> Pixels:
    try:
        photo = decode(read_photo_bytes(path, name), name)
    except PhotoError as error:
        raise InputError(f"{path}: the scene cannot be used: {error.sentence}") from None
    return _scaled(photo.pixels, size / min(photo.pixels.shape[:2]))


def _scaled(image: Pixels, scale: float) -> Pixels:
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def make_case(pair: Pair, truth: Pixels, person: Silhouette, settings: RefineSettings, paste: bool = True) -> Case:
    """The person at the pair's size and place in the scene `truth`, and the hole that the pipeline makes of it."""
    height, width = truth.shape[:2]
    rows, columns = person.mask.shape
    scale = math.sqrt(pair.share * height * width / np.count_nonzero(person.mask))
    scale = min(scale, _TALLEST * height / rows, _WIDEST * width / columns)
    # a smaller scene still has room for it
    side = min(max(8, round(columns * scale)), width), min(max(8, round(rows * scale)), height)
    mask = cv2.resize(person.mask.view(np.uint8), side, interpolation=cv2.INTER_NEAREST) > 0
    pixels = cv2.resize(person.pixels, side, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    x, y = round(pair.at[0] * (width - side[0])), round(pair.at[1] * (height - side[1]))
    there = np.zeros((height, width), bool)
    there[y : y + side[1], x : x + side[0]] = mask
    image = truth.copy()
    if paste:
        image[there] = pixels[mask]
    people = People((height, width), (Instance.from_mask(there, 1.0, "annotations"),))
    return Case(pair, truth, image, refine(people, settings, image))
