"""What the page is shown: pictures as JPEG, masks as outlines, people in reading order."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.rle import decode_counts
from data.types import Hole, People, Pixels

LONGEST = 1600
"""Longer side of a picture on the page, in pixels; what is computed and downloaded has the photo's own size."""
SURE = 0.5
TINY, SMALL = 0.02, 0.05
"""Shares of the photo's height: finds below TINY, and uncertain ones below SMALL, are folded away on the page."""


def view_size(size: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) at which a photo of `size` is shown."""
    scale = min(1.0, LONGEST / max(size[:2]))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def fitted(pixels: Pixels) -> Pixels:
    """The photo at the page's size."""
    height, width = view_size(pixels.shape)
    if (height, width) == pixels.shape[:2]:
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def picture(pixels: Pixels, icc: bytes = b"", longest: int | None = LONGEST) -> bytes:
    """The photo as the page shows it: JPEG with its colour profile. longest: None keeps its size."""
    out = io.BytesIO()
    shown = pixels if longest is None else fitted(pixels)
    Image.fromarray(shown).save(out, format="JPEG", quality=90, icc_profile=icc or None)
    return out.getvalue()


def outline(mask: NDArray[np.bool_] | Hole) -> str:
    """The mask's outlines as SVG path data in the view's pixels, to be filled by the even-odd rule; '' for no mask."""
    return _path(_contours(mask, cv2.RETR_CCOMP))


def silhouette(mask: NDArray[np.bool_] | Hole) -> str:
    """The outlines that stand for a person: of the largest part of the mask and of others of its kind. Small parts
    are often a piece of somebody beside; they are in the hole, but would confuse as a line."""
    contours = _contours(mask, cv2.RETR_EXTERNAL)
    areas = [cv2.contourArea(one) for one in contours]
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


def people_view(people: People, ids: Sequence[int], late: int = 0) -> list[dict[str, object]]:
    """Everyone as the page draws and lists them, in reading order. people: at the view's size.

    id; number: counted in that order from 1, those that are folded and late ones last; name: in words; outline, place
    (x, y for the number) and box (x, y, width, height) in the view's pixels; area; folded: whether it is a tiny,
    uncertain find; late: found by the verifier.
    """

    def is_late(index: int) -> bool:
        return index >= len(people) - late

    def is_folded(index: int) -> bool:
        share = people.persons[index].bbox[3] / people.size[0]
        return share < TINY or (share < SMALL and people.persons[index].score < SURE)

    order = reading_order([person.bbox for person in people.persons])
    order.sort(key=lambda index: (is_late(index), is_folded(index)))  # stable
    out: list[dict[str, object]] = []
    for number, index in enumerate(order, 1):
        person = people.persons[index]
        mask = decode_counts(person.counts, people.size)
        out.append(
            {
                "id": ids[index],
                "number": number,
                "name": name_of(people, index),
                "outline": silhouette(mask),
                "place": innermost(mask),
                "box": [round(value) for value in person.bbox],
                "area": int(np.count_nonzero(mask)),
                "folded": is_folded(index),
                "late": is_late(index),
            }
        )
    return out


def reading_order(boxes: Sequence[tuple[float, float, float, float]]) -> list[int]:
    """Numbers of boxes (x, y, width, height) as one reads them: rows from the top, each from the left. People are of
    one row when the middle of the one lies within the height of the other, however tall they are."""
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda i: (boxes[i][1] + boxes[i][3] / 2, boxes[i][0])):
        middle = boxes[index][1] + boxes[index][3] / 2
        tallest = max(rows[-1], key=lambda i: boxes[i][3]) if rows else None
        if tallest is not None and boxes[tallest][1] <= middle <= boxes[tallest][1] + boxes[tallest][3]:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda i: boxes[i][0] + boxes[i][2] / 2)]


def innermost(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The place (x, y) in the view that lies deepest within the mask."""
    seen = _small(mask)
    depth = cv2.distanceTransform(np.pad(seen, 1), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return int(x), int(y)


def name_of(people: People, index: int) -> str:
    """The person in words, for those who do not see the picture: `left, 35 % of the height`."""
    height, width = people.size
    x, _, w, h = people.persons[index].bbox
    place = ("left", "middle", "right")[min(2, int(3 * (x + w / 2) / width))]
    return f"{place}, {h / height:.0%} of the height"


def box_view(size: tuple[int, int], box: tuple[float, float, float, float]) -> list[float]:
    """A box x, y, width, height in the photo's pixels, in the view's."""
    scale = view_size(size)[1] / size[1]
    return [round(value * scale, 1) for value in box]
