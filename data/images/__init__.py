"""Image files in and out: decoded once, written back in the format, mode and with the metadata they had."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from data.images.decode import Decoded, decode, read_size
from data.images.encode import Encoded, encode, scrubbed
from data.images.kinds import EXTENSIONS, SUFFIXES
from data.images.orientation import (
    bbox_to_raw_frame,
    bbox_upright,
    box_to_raw_frame,
    mask_upright,
    people_to_raw_frame,
    people_upright,
    raw_size,
    to_raw_frame,
    upright,
)
from data.images.pillow import open_image
from data.storage.files import NotOwn, open_regular
from data.storage.places import is_remote, read_bytes
from data.types import Hole, PhotoError, as_hole


def read_photo_bytes(path: Path, name: str) -> bytes:
    """The file's bytes. Raises PhotoError `failed` when it is gone; other I/O errors pass through (they may pass)."""
    try:
        if is_remote(path):
            return read_bytes(path)
        with open_regular(path) as file:  # what became a pipe since the plan would block for ever
            return file.read()
    except FileNotFoundError:
        raise PhotoError("failed", f"{name}: the file is not there.") from None
    except PermissionError:
        raise PhotoError("failed", f"{name}: no permission to read the file.") from None
    except NotOwn:
        raise PhotoError("failed", f"{name}: it is a folder, a pipe or a device, not a file.") from None


def mask_png(hole: Hole) -> bytes:
    """A hole (uint8 H x W, 0 or 255) as PNG."""
    out = io.BytesIO()
    Image.fromarray(hole).save(out, format="PNG")
    return out.getvalue()


def read_mask_png(path: Path) -> Hole:
    """Inverse of `mask_png` for a file: uint8 H x W, 255 where the file is not black. Raises OSError."""
    with open_image(read_bytes(path)) as image:
        return as_hole(np.asarray(image.convert("L")) > 0)


__all__ = [
    "EXTENSIONS",
    "SUFFIXES",
    "Decoded",
    "Encoded",
    "bbox_to_raw_frame",
    "bbox_upright",
    "box_to_raw_frame",
    "decode",
    "encode",
    "mask_png",
    "mask_upright",
    "people_to_raw_frame",
    "people_upright",
    "raw_size",
    "read_mask_png",
    "read_photo_bytes",
    "read_size",
    "scrubbed",
    "to_raw_frame",
    "upright",
]
