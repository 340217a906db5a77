"""Pillow without its limit on pixels, which is a global. `input.megapixels` is ours."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from PIL import Image
from PIL.Image import open as pillow_open  # ultralytics puts one of its own in its place, which wants pi_heif

_LIMIT = threading.RLock()


@contextmanager
def no_limit() -> Iterator[None]:
    with _LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def open_image(raw: bytes) -> Image.Image:
    """The image's header, whatever its size. Raises what Pillow raises."""
    with no_limit():
        return pillow_open(io.BytesIO(raw))


def load(image: Image.Image) -> None:
    """Decode the pixels. TIFF pictures are cropped then, for which Pillow compares their sizes with its limit."""
    with no_limit() if image.format == "TIFF" else nullcontext():
        image.load()


def pages(image: Image.Image) -> int:
    """How many pictures are in the file. Looking for them, Pillow compares their sizes with its limit."""
    with no_limit():
        return int(getattr(image, "n_frames", 1))
