"""Uncompressed BMP files, changed pixel by pixel in place. Source: Windows BITMAPINFOHEADER."""

from __future__ import annotations

import struct

import numpy as np

from data.images.samples import Samples
from data.types import Hole


def replace_pixels(raw: bytes, samples: Samples, hole: Hole) -> bytes | None:
    """The BMP `raw` with `samples` (H x W palette indices, or H x W x 3) where the hole is 255.

    None for kinds whose rows are not whole bytes a pixel (run lengths, 1, 4 and 16 bits).
    """
    if len(raw) < 54 or struct.unpack_from("<I", raw, 14)[0] < 40:
        return None
    (start,) = struct.unpack_from("<I", raw, 10)
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", raw, 18)
    size = bits // 8
    if bits not in (8, 24, 32) or compression != 0 or (samples.ndim == 2) != (bits == 8):
        return None
    if samples.shape[:2] != (abs(height), width):
        return None
    stride = (width * size + 3) // 4 * 4
    if start + stride * abs(height) > len(raw):
        return None
    out = np.frombuffer(raw, np.uint8).copy()
    rows = out[start : start + stride * abs(height)].reshape(abs(height), stride)
    pixels = rows[:, : width * size].reshape(abs(height), width, size)
    upside_down = height > 0
    inside = (hole[::-1] if upside_down else hole) != 0
    new = samples[::-1] if upside_down else samples
    # A view into `out`: rows of BMP hold blue, green, red.
    for channel in range(1 if bits == 8 else 3):
        plane = new if bits == 8 else new[..., 2 - channel]
        pixels[..., channel][inside] = plane[inside]
    rows[:, : width * size] = pixels.reshape(abs(height), width * size)
    return out.tobytes()
