"""Holes for training: people's silhouettes, brush strokes, rectangles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from configs import RefineSettings, SettingsError
from configs.training import HoleSettings
from data.coco import CocoError
from data.coco.file import load_coco
from data.coco.ids import id_of, size_of
from data.coco.segmentation import rle_of
from data.rle import BrokenMask
from data.types import Hole

Silhouette = NDArray[np.uint8]
"""One person, uint8 h x w cut to the box, 0 or 255."""

MOST = 5000
"""Silhouettes that are kept: spread evenly over what is there."""
_SIDE, _LEAST = 256, 32  # pixels: the longer side that is kept, and the shorter one below which a shape is a blob


def read_silhouettes(places: Sequence[str]) -> list[Silhouette]:
    """People's shapes from COCO annotation files and from folders of mask files (white = person, each connected part
    one person). Raises SettingsError for a place that has none."""
    found: list[Silhouette] = []
    for place in places:
        path = Path(place).expanduser()
        before = len(found)
        if path.is_dir():
            found += _from_masks(path)
        elif path.is_file():
            found += _from_annotations(path)
        else:
            raise SettingsError(f"holes.silhouettes: there is neither an annotation file nor a folder at {path}.")
        if len(found) == before:
            raise SettingsError(f"holes.silhouettes: {path} has no person of at least {_LEAST} pixels.")
    return found[:: max(1, -(-len(found) // MOST))]


def _from_annotations(path: Path) -> Iterator[Silhouette]:
    try:
        coco = load_coco(path)
    except CocoError as error:
        raise SettingsError(f"holes.silhouettes: {error}") from None
    images = {id_of(image.get("id")): image for image in coco.images}
    persons = coco.persons_by_image()
    for image_id in list(persons)[:: -(-len(persons) // MOST) or 1]:  # not all of COCO's 64,000 photos with people
        for person in persons[image_id]:
            try:
                box, image = person["bbox"], images[image_id]
                if person.get("iscrowd") or not isinstance(box, list) or min(box[2:]) < _LEAST:
                    continue
                if (size := size_of(image["height"], image["width"])) is None:
                    continue
                mask = coco_mask.decode(rle_of(person["segmentation"], size))
            except (BrokenMask, KeyError, TypeError, ValueError):
                continue  # one of thousands, and its file is not what is worked on
            yield from _cut(np.asarray(mask, np.uint8) * np.uint8(255))


def _from_masks(folder: Path) -> Iterator[Silhouette]:
    for path in sorted(folder.rglob("*.png")):
        mask = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            continue
        count, labels = cv2.connectedComponents((mask > 127).astype(np.uint8))
        for label in range(1, count):
            yield from _cut(np.where(labels == label, np.uint8(255), np.uint8(0)))


def _cut(mask: NDArray[np.uint8]) -> Iterator[Silhouette]:
    """The mask's box, at most _SIDE long; nothing for a small one."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) < _LEAST or len(columns) < _LEAST:
        return
    shape = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = min(1.0, _SIDE / max(shape.shape))
    size = max(1, round(shape.shape[1] * scale)), max(1, round(shape.shape[0] * scale))
    yield np.asarray(cv2.resize(shape, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def draw_hole(rng: np.random.Generator, size: int, people: Sequence[Silhouette], settings: HoleSettings) -> Hole:
    """A hole of size x size, never empty and, but for a single part, never more than `settings.most` of it."""
    chances = {"silhouette": settings.silhouette} if people else {}
    chances |= {"free_form": settings.free_form, "box": settings.box}
    kinds = [kind for kind, chance in chances.items() if rng.random() < chance]
    kinds = kinds or [max(chances, key=lambda kind: chances[kind])]
    hole = np.zeros((size, size), np.uint8)
    for kind in kinds:
        for _ in range(int(rng.integers(1, 4)) if kind == "silhouette" else 1):
            low, high = np.log(settings.share)
            area = float(np.exp(rng.uniform(low, high))) * size * size
            if kind == "silhouette":
                part = _person(rng, size, people[int(rng.integers(len(people)))], area)
            else:
                part = _strokes(rng, size, area) if kind == "free_form" else _box(rng, size, area)
            both = np.maximum(hole, part)
            if not hole.any() or (both != 0).mean() <= settings.most:
                hole = both
    return hole if hole.any() else _box(rng, size, 0.1 * size * size)


def _person(rng: np.random.Generator, size: int, shape: Silhouette, area: float) -> Hole:
    """A silhouette of about `area` pixels, perhaps mirrored, at most a quarter of it outside."""
    scale = min((area / np.count_nonzero(shape)) ** 0.5, size / max(shape.shape))
    width, height = (max(2, round(side * scale)) for side in shape.shape[::-1])
    small = np.asarray(cv2.resize(shape, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    if rng.random() < 0.5:
        small = small[:, ::-1]
    y = int(rng.integers(-height // 4, max(size - 3 * height // 4, 1 - height // 4)))
    x = int(rng.integers(-width // 4, max(size - 3 * width // 4, 1 - width // 4)))
    around = max(width, height)
    frame = np.zeros((size + 2 * around,) * 2, np.uint8)
    frame[around + y : around + y + height, around + x : around + x + width] = small
    refine = RefineSettings()
    reach = max(refine.dilate_min, round(refine.dilate * float(np.count_nonzero(small)) ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    return np.asarray(cv2.dilate(frame[around:-around, around:-around], kernel), np.uint8)


def _strokes(rng: np.random.Generator, size: int, area: float) -> Hole:
    """Thick lines that turn at every vertex, until they cover `area` pixels."""
    hole = np.zeros((size, size), np.uint8)
    while np.count_nonzero(hole) < area:
        x, y = rng.uniform(0, size, 2)
        angle, width = rng.uniform(0, 2 * np.pi), int(rng.integers(max(2, size // 24), max(3, size // 8)))
        for _ in range(int(rng.integers(3, 10))):
            angle += rng.normal(0, 0.8)
            length = rng.uniform(size / 16, size / 4)
            to_x, to_y = np.clip([x + length * np.cos(angle), y + length * np.sin(angle)], 0, size).tolist()
            cv2.line(hole, (round(x), round(y)), (round(to_x), round(to_y)), 255, width)
            cv2.circle(hole, (round(to_x), round(to_y)), width // 2, 255, -1)
            x, y = to_x, to_y
            if np.count_nonzero(hole) >= area:
                break
    return hole


def _box(rng: np.random.Generator, size: int, area: float) -> Hole:
    """A rectangle of about `area` pixels, at most twice as long as wide."""
    ratio = float(np.exp(rng.uniform(-np.log(2), np.log(2)) / 2))
    height, width = (int(np.clip(round(side), 1, size)) for side in (area**0.5 * ratio, area**0.5 / ratio))
    y, x = int(rng.integers(size - height + 1)), int(rng.integers(size - width + 1))
    hole = np.zeros((size, size), np.uint8)
    hole[y : y + height, x : x + width] = 255
    return hole
