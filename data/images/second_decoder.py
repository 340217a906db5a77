"""Another decoder's word on a file. What one library reads wrongly it writes wrongly and reads back as it was meant."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from data.images.containers import tiff_samples
from data.images.decode import Decoded
from data.images.orientation import to_raw_frame
from data.images.pillow import load, open_image
from data.images.samples import to_pixels

_TOLERANCE = {"JPEG": 6.0, "AVIF": 6.0, "WEBP": 6.0, "BMP": 8.0}
"""Largest mean difference of a row, of 255 steps: decoders round and smooth in their own ways. Other kinds: none."""


_BAND = 256
"""Rows that are compared at a time: wide numbers of a whole large photo are several times its memory."""


def agrees(photo: Decoded) -> bool | None:
    """Whether another decoder reads the file as `photo` has it; None where no other one here reads its kind.

    Pillow is held against OpenCV; OpenCV's 16-bit PNG and tifffile's 8-bit TIFF against Pillow.
    """
    if photo.format in ("GIF", "HEIF") or photo.mode == "CMYK" or photo.premultiplied:
        return None  # OpenCV paints frames on a canvas, and has formulas of its own
    if photo.format == "TIFF" and tiff_samples.read_header(photo.raw).own:
        return None
    import cv2

    deep = photo.mode.endswith(";16")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            other = _by_pillow(photo) if deep == (photo.format == "PNG") and photo.format in ("PNG", "TIFF") else None
            if other is None:
                other = _by_opencv(photo)
        except Exception:  # it does not read this kind
            return None
    if other is None:
        return None
    mine = to_raw_frame(photo.pixels, photo.orientation)
    if other.shape != mine.shape:
        return False
    most = _TOLERANCE.get(photo.format, 0.5 if not deep else 1.5)
    bands = (slice(top, top + _BAND) for top in range(0, len(mine), _BAND))
    apart = (cv2.absdiff(mine[band], other[band]).reshape(len(mine[band]), -1).mean(1) for band in bands)
    return all(bool((rows <= most).all()) for rows in apart)


def _by_pillow(photo: Decoded) -> NDArray[np.uint8] | None:
    """uint8 H x W x 3; None for what Pillow does not read or changes."""
    image = open_image(photo.raw)
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "I;16", "I;16B"):
        return None
    load(image)
    if image.mode.startswith("I;16"):
        return to_pixels(np.asarray(image).astype(np.uint16), "L;16")
    pixels = np.asarray(image.convert("RGB"))
    return to_raw_frame(pixels, photo.orientation) if photo.format == "TIFF" else pixels  # Pillow turned it


def _by_opencv(photo: Decoded) -> NDArray[np.uint8] | None:
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    # "Unchanged" misreads BMP files of OS/2, and everything else multiplies alpha into TIFF and AVIF files.
    flags = cv2.IMREAD_COLOR if photo.format == "BMP" else cv2.IMREAD_UNCHANGED
    decoded = cv2.imdecode(np.frombuffer(photo.raw, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if decoded is None or decoded.dtype not in (np.uint8, np.uint16):
        return None
    colours = np.asarray(decoded) if decoded.ndim == 2 else cv2.cvtColor(decoded[..., :3], cv2.COLOR_BGR2RGB)
    mode = ("L" if decoded.ndim == 2 else "RGB") + ("" if decoded.dtype == np.uint8 else ";16")
    pixels = to_pixels(colours, mode)
    return to_raw_frame(pixels, photo.orientation) if photo.format == "TIFF" else pixels  # turned, whatever the flag
