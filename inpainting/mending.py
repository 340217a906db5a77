"""After a learned fill: what it made up is filled again with what is there, and its texture is matched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from configs import InpaintSettings
from configs.fills import FALLBACK
from data.types import Hole, Pixels
from inpainting.compositing import blend, compose
from inpainting.invention import invented
from inpainting.protocol import Fill
from inpainting.texture import add_texture

LEAST = 0.003
"""Share of the hole that has to look made up for anything to be filled again."""


@dataclass(frozen=True)
class MendedFill:
    """A learned fill, then its repair by another fill, then texture, as `settings` ask for them.

    window: longer side in pixels above which the other fill works on a smaller picture; None is that fill's own.
    """

    learned: Fill
    other: Fill
    settings: InpaintSettings
    window: int | None = None

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`."""
        filled = self.guide(image, hole, exclude)
        return add_texture(filled, hole, exclude) if self.settings.texture else filled

    def guide(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """The learned fill after its repair, without texture: what goes where, to guide a fill that copies.

        Arguments and result as `inpainting.protocol.Fill.fill`; pixels outside the hole are the image's.
        """
        filled = blend(image, self.learned.fill(image, hole, exclude), hole, 0)
        if not self.settings.repair:
            return filled
        return repaired(filled, hole, exclude, self.other, self.settings, self.window)


def repaired(
    filled: Pixels, hole: Hole, exclude: Hole | None, other: Fill, settings: InpaintSettings, window: int | None = None
) -> Pixels:
    """The window with those parts of its filled hole that look made up filled by `other`, the rest taken as known.

    window: as of `MendedFill`.
    """
    from inpainting.filling import inpaint

    wrong = invented(filled, hole, exclude)
    if not wrong.any() or np.count_nonzero(wrong) < LEAST * np.count_nonzero(hole):
        return filled
    as_other = settings.model_copy(update={"fill": FALLBACK, "window": window})
    return compose(filled, wrong, inpaint(filled, wrong, other, as_other, exclude))
