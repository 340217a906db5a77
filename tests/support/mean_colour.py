"""A toy fill with a setting of its own: the hole takes the mean colour of what is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from configs import InpaintSettings
from data.types import Hole, Pixels, Weight
from inpainting.protocol import Fill


class MeanColour:
    def __init__(self, darker: float) -> None:
        self.darker = darker

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`."""
        known = (hole if exclude is None else np.maximum(hole, exclude)) == 0
        mean = np.rint(image[known].mean(axis=0) * (1 - self.darker)).astype(np.uint8)
        return np.where(hole[..., None] != 0, mean, image)


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill:
    return MeanColour(getattr(settings.own("mean-colour"), "darker"))  # noqa: B009
