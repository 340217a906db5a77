"""What every fill is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from configs import InpaintSettings
from data.types import Hole, Pixels, Weight


class Fill(Protocol):
    """Fills the hole of one window. Built once per process, may hold a network."""

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """The window with its hole filled.

        image: uint8 H x W x 3 RGB. hole: uint8 H x W, 255 = fill. exclude: uint8 H x W, 255 = must not
        be copied from (other people) though it is not filled here. Returns uint8 H x W x 3; pixels
        outside the hole may differ from the input, the compositing ignores them.
        """
        ...


class Builder(Protocol):
    """Builds a fill from its settings and the weights files of `settings.required_weights()`, by name."""

    def __call__(self, settings: InpaintSettings, weights: Mapping[str, Weight]) -> Fill: ...
