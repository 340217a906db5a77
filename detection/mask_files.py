"""`mask-files`: people from given masks, binary or with a number for each person, one image file a photo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from configs import SegmentSettings
from configs.segmenters import MaskFilesSettings
from data.images.pillow import no_limit
from data.rle import BoxMask
from data.types import Instance, People, Photo, PhotoError, Weight

SOURCE = "mask-files"
# A noisy mask can fall into a million specks; none may be dropped, so the small rest is one crowd.
MOST_PERSONS = 1000


class MaskFiles:
    """Reads `photo.given.mask_file`: an image of the photo's size in which `person` marks people."""

    def __init__(self, person: str) -> None:
        """person: `white` or `black` in masks of two values, `ids` for a value of its own a person."""
        self._person = person

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        """One `People` a photo, score 1.0: a person for each number, or connected component (8 neighbours).

        Raises PhotoError (refused) for a mask that is missing, unreadable or anything but a plain
        image of the photo's size; OSError for reading errors that may pass.
        """
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        path = photo.given.mask_file if photo.given else None
        if path is None:
            raise PhotoError(
                "refused",
                f"{photo.name} has no mask file; see segment.mask_files.folder and segment.mask_files.pattern.",
            )
        try:
            if self._person == "ids":
                return People(photo.size, numbered(read_ids(path, photo.size)))
            white = read_mask(path, photo.size)
        except BadMask as error:
            raise PhotoError("refused", f"{photo.name}: the mask {path} {error}.") from None
        return People(photo.size, components(white if self._person == "white" else ~white))


_Values = TypeVar("_Values")


class BadMask(ValueError):
    """A mask file that cannot be used; the message completes 'the mask FILE ...'."""


def build(settings: SegmentSettings, weights: Mapping[str, Weight]) -> MaskFiles:
    return MaskFiles(settings.of(MaskFilesSettings).person)


def mask_size(path: Path | BytesIO) -> tuple[int, int] | None:
    """(height, width) of a mask file; None where it cannot be read (`read_mask` says why)."""
    try:
        with no_limit():  # masks are as large as their photos
            opened = Image.open(path)
        with opened as image:
            return image.size[1], image.size[0]
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def read_mask(path: Path | BytesIO, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The white pixels of a binary mask file as bool H x W; `size` (height, width) is the photo's.

    Values 0/255 or 0/1, gray or RGB with equal channels, palettes looked up. Raises BadMask.
    """
    values = _read(path, size, _plain)
    found = np.unique(values)
    if not (set(found.tolist()) <= {0, 255} or set(found.tolist()) <= {0, 1}):
        sample = ", ".join(str(v) for v in found[:5].tolist())
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise BadMask(
            f"has the values {sample}{more}; it must have only 0 and 255, or 0 and 1 "
            "(segment.mask_files.person=ids reads a number for each person)"
        )
    return values > 0


def read_ids(path: Path | BytesIO, size: tuple[int, int]) -> NDArray[np.int32]:
    """The number of the person at each pixel, int32 H x W, 0 where nobody is. Raises BadMask.

    8 or 16 bits in one channel; of a palette image, the index and not its colour is the number.
    """
    return _read(path, size, _ids)


def read_drawn(path: Path | BytesIO, size: tuple[int, int]) -> tuple[NDArray[np.bool_], str]:
    """The white pixels of a mask as a painting program saves it, bool H x W, and a note where a threshold took them.

    Soft, anti-aliased and JPEG masks: a gray value of 128 or more is white. Strokes on a transparent layer, in white or
    in one other colour: an opacity of 128 or more is white. `size` (height, width) is the photo's. Raises BadMask.
    """
    return _read(path, size, _drawn, alpha=True)


def _drawn(image: Image.Image) -> tuple[NDArray[np.bool_], str]:
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):  # 16 bits would be cut off at 255
        raise BadMask(f"has the mode {image.mode}; save it as an 8-bit black and white image")
    painted = image.convert("RGBA")
    pixels = np.asarray(painted)
    colours, opacity = pixels[..., :3].astype(np.int16), pixels[..., 3]
    gray = np.asarray(painted.convert("L"))
    if (opacity < 255).any():
        seen = colours[opacity >= _WHITE]
        spread = int((seen.max(0) - seen.min(0)).max()) if seen.size else 0
        if spread <= _NOISE:
            return opacity >= _WHITE, "The mask is a transparent layer: what is painted on it is filled."
        if (np.ptp(seen, axis=1) > _NOISE).any():
            raise BadMask("is a picture with transparent places; save the hole as white on black")
        gray = np.where(opacity >= _WHITE, gray, 0).astype(np.uint8)
    if (np.ptp(colours[opacity >= _WHITE], axis=1) > _NOISE).any():
        raise BadMask("is coloured; save it as a plain black and white image")
    found = np.unique(gray)
    if found[-1] == 0 or set(found.tolist()) <= {0, 255}:
        return gray > 0, "The transparent places of the mask count as black." if (opacity < 255).any() else ""
    if set(found.tolist()) <= {0, 1}:
        return gray > 0, ""
    if found[-1] < _WHITE:
        raise BadMask(f"has no value above {found[-1]}; white (255) is filled, from {_WHITE} on")
    between = float(((gray >= _DARK) & (gray < 256 - _DARK)).mean())
    if between > _PICTURE:
        raise BadMask(f"is a picture, no mask: {between:.0%} of it is neither black nor white")
    return gray >= _WHITE, f"The mask is not plain black and white: what has a value of {_WHITE} or more is filled."


_WHITE, _NOISE = 128, 48
"""Gray value or opacity from which a drawn mask is white; what the channels of a gray JPEG may differ by."""
_DARK, _PICTURE = 32, 0.5
"""Gray values that are nearly black or nearly white end here; the most that may lie between, as soft edges do."""


def _read(
    path: Path | BytesIO, size: tuple[int, int], values: Callable[[Image.Image], _Values], alpha: bool = False
) -> _Values:
    """What `values` takes from the image, which has the photo's size and, unless `alpha`, is opaque. Raises BadMask."""
    height, width = size
    try:
        with no_limit():
            opened = Image.open(path)
        with opened as image:
            if image.size != (width, height):
                turned = ", which is the photo's size turned by 90 degrees" if image.size == size else ""
                raise BadMask(f"is {image.size[0]} x {image.size[1]} pixels{turned}; the photo is {width} x {height}")
            if not alpha and ("A" in image.getbands() or "transparency" in image.info):
                raise BadMask(f"carries alpha (mode {image.mode}); save it as a plain black and white image")
            return values(image)
    except FileNotFoundError:
        raise BadMask("does not exist") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        if isinstance(error, BadMask):
            raise
        raise BadMask(f"is not a readable image ({error})") from None
    except OSError as error:
        if error.errno is not None:  # the disk's fault, may pass; Pillow's own complaints carry no number
            raise
        raise BadMask(f"is a damaged image ({error})") from None


def _ids(image: Image.Image) -> NDArray[np.int32]:
    if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
        raise BadMask(f"has the mode {image.mode}; numbers of people stand in one channel of 8 or 16 bits")
    return np.asarray(image).astype(np.int32)


def _plain(image: Image.Image) -> NDArray[np.uint8]:
    """Gray values, uint8 H x W."""
    if image.mode == "P":
        image = image.convert("RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in ("L", "RGB"):
        raise BadMask(f"has the mode {image.mode}; save it as an 8-bit black and white image")
    pixels = np.asarray(image)
    if pixels.ndim == 3:
        if (pixels != pixels[..., :1]).any():
            raise BadMask("is coloured; save it as a plain black and white image")
        pixels = pixels[..., 0]
    return pixels


def components(mask: NDArray[np.bool_]) -> tuple[Instance, ...]:
    """A person for each connected component (8 neighbours) of bool H x W, the largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    order = np.argsort(-stats[1:count, cv2.CC_STAT_AREA], kind="stable") + 1
    persons = []
    for i in order[:MOST_PERSONS].tolist():
        x, y, w, h = stats[i, :4].tolist()
        persons.append(Instance.from_box(BoxMask(y, x, labels[y : y + h, x : x + w] == i), mask.shape, 1.0, SOURCE))
    if len(order) > MOST_PERSONS:
        rest = np.isin(labels, order[MOST_PERSONS:])
        persons.append(Instance.from_box(BoxMask(0, 0, rest), mask.shape, 1.0, SOURCE, crowd=True))
    return tuple(p for p in persons if p is not None)


def numbered(ids: NDArray[np.int32]) -> tuple[Instance, ...]:
    """A person for each number other than 0 of int H x W, in the order of the numbers, in one piece or several."""
    rows, columns = np.nonzero(ids)
    order = np.argsort(ids[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    of = ids[rows, columns]
    starts = np.flatnonzero(np.diff(of, prepend=0))  # of the pixels of each number
    if not starts.size:
        return ()
    top, bottom = np.minimum.reduceat(rows, starts), np.maximum.reduceat(rows, starts) + 1
    left, right = np.minimum.reduceat(columns, starts), np.maximum.reduceat(columns, starts) + 1
    persons = []
    for number, y0, y1, x0, x1 in zip(of[starts], top, bottom, left, right, strict=True):
        mask = BoxMask(int(y0), int(x0), ids[y0:y1, x0:x1] == number)
        persons.append(Instance.from_box(mask, ids.shape, 1.0, SOURCE))
    return tuple(p for p in persons if p is not None)
