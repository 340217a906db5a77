"""The fill of docs/fills.md: every pixel of the hole takes the mean of the known pixels in its row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from configs import InpaintSettings
from data.types import Hole, Pixels, Weight
from inpainting.protocol import Fill


class RowFill:
    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`. Rows without a known pixel take the window's mean."""
        known = (hole if exclude is None else np.maximum(hole, exclude)) == 0
        total = (image * known[..., None]).sum(axis=1)
        count = known.sum(axis=1, keepdims=True)
        means = np.where(count > 0, total / np.maximum(count, 1), image[known].mean(axis=0))
        return np.where(hole[..., None] != 0, np.rint(means)[:, None].astype(np.uint8), image)


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    return RowFill()
