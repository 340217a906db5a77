"""Between a file's own samples and the RGB pixels that the program works on.

Outside the hole the samples of the file are never converted: they go back as they came. Only the fill is converted,
to the file's mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.types import Hole, Pixels

Samples = NDArray[Any]
"""H x W or H x W x channels, as the file holds them: bool (1 bit), uint8 or uint16; palette indices for `P`."""
Palette = NDArray[np.uint8]
"""uint8 N x 4: red, green, blue, alpha."""

MODES = {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "L;16", "LA;16", "RGB;16", "RGBA;16"}


def to_pixels(samples: Samples, mode: str, palette: Palette | None = None, premultiplied: bool = False) -> Pixels:
    """uint8 H x W x 3 RGB of samples. Alpha is left aside: what lies under a transparent pixel counts, too."""
    if mode == "RGB":
        return samples
    if mode == "P":
        assert palette is not None
        return palette[np.minimum(samples, len(palette) - 1), :3]
    if mode == "CMYK":
        return np.asarray(Image.fromarray(samples, "CMYK").convert("RGB"))
    if mode == "1":
        samples = samples.astype(np.uint8) * np.uint8(255)
    if mode.endswith(";16"):
        samples = ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if premultiplied:
        alpha = np.maximum(samples[..., -1:].astype(np.uint16), 1)
        samples = np.minimum((samples.astype(np.uint16) * np.uint16(255) + alpha // 2) // alpha, 255).astype(np.uint8)
    colour = samples if samples.ndim == 2 else samples[..., : 3 if samples.shape[2] >= 3 else 1]
    return np.ascontiguousarray(colour if colour.ndim == 3 and colour.shape[2] == 3 else _gray_to_rgb(colour))


def _gray_to_rgb(gray: NDArray[np.uint8]) -> Pixels:
    plane = gray if gray.ndim == 2 else gray[..., 0]
    return np.repeat(plane[..., None], 3, axis=2)


def with_fill(
    samples: Samples,
    mode: str,
    pixels: Pixels,
    hole: Hole,
    palette: Palette | None = None,
    premultiplied: bool = False,
) -> Samples:
    """`samples` with `pixels` (uint8 H x W x 3 RGB) where the hole is 255; alpha stays as it was."""
    out = samples.copy()
    if mode == "RGB":
        import cv2

        return np.asarray(cv2.copyTo(pixels, hole, out), np.uint8)  # a twentieth of what the other ways take
    inside = hole != 0
    fill = pixels[inside]
    if not len(fill):
        return out
    if mode == "P":
        assert palette is not None
        out[inside] = _nearest(fill, samples[inside], palette)
    elif mode == "CMYK":
        out[inside] = np.asarray(Image.fromarray(fill[None]).convert("CMYK"))[0]
    elif mode == "RGBA":
        out[..., :3][inside] = fill
    elif mode in ("RGB;16", "RGBA;16"):
        out[..., :3][inside] = fill.astype(np.uint16) * 257
    else:
        gray = np.asarray(Image.fromarray(fill[None]).convert("L"))[0]
        if mode == "1":
            out[inside] = gray >= 128
        elif mode.startswith("LA"):
            out[..., 0][inside] = gray.astype(out.dtype) * (257 if mode == "LA;16" else 1)
        else:
            out[inside] = gray.astype(out.dtype) * (257 if mode == "L;16" else 1)
    if premultiplied:
        most = np.iinfo(out.dtype).max
        values = out[inside].astype(np.uint64)
        values[:, :-1] = (values[:, :-1] * values[:, -1:] + most // 2) // most
        out[inside] = values.astype(out.dtype)
    return out


def _nearest(fill: NDArray[np.uint8], old: NDArray[Any], palette: Palette) -> NDArray[Any]:
    """Palette indices of the colours nearest to `fill` (N x 3). An opaque pixel stays opaque, a clear one keeps its own
    index, and any other gets the entry that is nearest in colour and in alpha."""
    old = np.minimum(old, len(palette) - 1)
    alpha = palette[old, 3]
    packed = np.column_stack((fill, alpha)).astype(np.uint32) @ np.array((1 << 16, 1 << 8, 1, 1 << 24), np.uint32)
    values, which = np.unique(packed, return_inverse=True)
    wanted = np.stack((values >> 16 & 255, values >> 8 & 255, values & 255, values >> 24), axis=1).astype(np.int32)
    entries = palette.astype(np.int32)
    veiled = np.where(entries[:, 3] == 255, 0, 1 << 20)  # more than the distance of any two colours
    index = np.empty(len(wanted), np.int64)
    for start in range(0, len(wanted), 4096):
        part = wanted[start : start + 4096]
        apart = ((part[:, None] - entries) ** 2).sum(2)
        apart += np.where(part[:, 3:] == 255, veiled, 0)
        index[start : start + 4096] = apart.argmin(1)
    return np.where(alpha == 0, old, index[which.reshape(-1)]).astype(old.dtype)
