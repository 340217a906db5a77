"""What the page is shown: pictures as data, masks as outlines."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.rle import decode_counts
from data.types import Hole, Instance, People, Pixels

LONGEST = 1600
"""Longer side of a picture on the page, in pixels; what is computed and downloaded has the photo's own size."""


def view_size(size: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) at which a photo of `size` is shown."""
    scale = min(1.0, LONGEST / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def picture(pixels: Pixels) -> str:
    """The photo as the page shows it: a JPEG as a data URL, so that it is on no disk."""
    height, width = view_size(pixels.shape[:2])
    if (height, width) != pixels.shape[:2]:
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"


def outline(mask: NDArray[np.bool_] | Hole) -> str:
    """The mask's outlines as SVG path data in the view's pixels, to be filled by the even-odd rule; '' for no mask."""
    return _path(_contours(mask, cv2.RETR_CCOMP))


def silhouette(mask: NDArray[np.bool_]) -> str:
    """The outlines that stand for a person: of the largest part of the mask and of others of its kind. Small parts
    are often a piece of somebody beside; they are in the hole, but would confuse as a line."""
    contours = _contours(mask, cv2.RETR_EXTERNAL)
    areas = [cv2.contourArea(contour) for contour in contours]
    least = 0.5 * max(areas, default=0)
    return _path([one for one, area in zip(contours, areas, strict=True) if area >= least])


def _contours(mask: NDArray[np.bool_] | Hole, kind: int) -> list[NDArray[np.int32]]:
    """Outlines, each N x 1 x 2 (x, y), in the view's pixels."""
    found, _ = cv2.findContours(_small(mask), kind, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(one, np.int32) for one in found]


def _small(mask: NDArray[np.bool_] | Hole) -> NDArray[np.uint8]:
    """The mask at the view's size, uint8 0 or 1."""
    height, width = view_size(mask.shape)
    seen: NDArray[np.uint8] = np.asarray(mask).astype(bool) * np.uint8(255)
    if (height, width) != seen.shape:
        seen = np.asarray(cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA))
    return np.where(seen > 127, np.uint8(1), np.uint8(0))


def _path(contours: Sequence[NDArray[np.int32]]) -> str:
    return "".join("M" + "L".join(f"{x} {y}" for x, y in contour[:, 0].tolist()) + "Z" for contour in contours)


def people_view(people: People, stays: tuple[bool, ...]) -> list[dict[str, object]]:
    """Everyone as the page draws them, the largest first, so that small people in front can be clicked."""
    out = []
    for index, (person, staying) in enumerate(zip(people.persons, stays, strict=True)):
        seen, place, area = _seen(person, people.size)
        name = name_of(people, index)
        out.append((area, {"number": index, "name": name, "stays": staying, "place": place, "outline": seen}))
    return [view for _, view in sorted(out, key=lambda one: -one[0])]


@lru_cache(maxsize=512)  # every change on the page draws everyone again
def _seen(person: Instance, size: tuple[int, int]) -> tuple[str, tuple[int, int], int]:
    """The person's silhouette, the place (x, y) for their number, both in the view's pixels, and their area."""
    mask = decode_counts(person.counts, size)
    return silhouette(mask), innermost(mask), int(np.count_nonzero(mask))


def innermost(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The place (x, y) in the view that lies deepest within the mask."""
    seen = _small(mask)
    depth = cv2.distanceTransform(np.pad(seen, 1), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return int(x), int(y)


def name_of(people: People, index: int) -> str:
    """The person in words, for those who do not see the picture: `1: left, 35 % of the photo's height`."""
    height, width = people.size
    x, _, w, h = people.persons[index].bbox
    place = ("left", "middle", "right")[min(2, int(3 * (x + w / 2) / width))]
    return f"{index + 1}: {place}, {h / height:.0%} of the height"


def box_view(size: tuple[int, int], box: tuple[float, float, float, float]) -> list[float]:
    """A box x, y, width, height in the photo's pixels, in the view's."""
    scale = view_size(size)[1] / size[1]
    return [round(value * scale, 1) for value in box]
