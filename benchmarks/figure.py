"""One strip that explains the pipeline: the photo, what is cut out, the result."""

from __future__ import annotations

import numpy as np

from data.types import Hole, Pixels

_TINT = np.array([255, 45, 120], np.float32)


def before_mask_after(before: Pixels, hole: Hole, after: Pixels) -> Pixels:
    """Three panels side by side: the photo, the photo dimmed with its hole in colour, the result.

    before, after: uint8, H x W x 3, RGB. hole: uint8, H x W, 0 or 255; 255 = remove.
    Returns uint8, H x (3 W + 2 gap) x 3, RGB, with white gaps of 1 % of the width (2 pixels at least).

    Raises ValueError when the three sizes differ.
    """
    sizes = [picture.shape[:2] for picture in (before, hole, after)]
    if len(set(sizes)) != 1:
        raise ValueError(f"before, hole and after must have one size, not {sizes} (height, width)")
    height, width = sizes[0]
    gap = np.full((height, max(2, round(width / 100)), 3), 255, np.uint8)
    return np.hstack([before, gap, _marked(before, hole), gap, after])


def _marked(photo: Pixels, hole: Hole) -> Pixels:
    """The photo as a pale grey sketch; in the hole its own light and shade in the marking colour."""
    grey = photo.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    sketch = np.repeat((grey * 0.45 + 120)[..., None], 3, axis=2)
    colour = _TINT * (0.55 + 0.45 * grey[..., None] / 255)
    marked = np.where((hole > 127)[..., None], colour, sketch)
    return marked.round().clip(0, 255).astype(np.uint8)
