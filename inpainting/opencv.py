"""The two classic diffusion fills of OpenCV: smooth, fast, and without texture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from configs import InpaintSettings
from configs.fills import NavierStokesSettings, TeleaSettings
from data.types import Hole, Pixels, Weight


@dataclass(frozen=True)
class OpenCVFill:
    """`cv2.inpaint`. method: cv2.INPAINT_TELEA (Telea 2004) or cv2.INPAINT_NS (Bertalmio 2001).

    radius: neighbourhood as a share of the window's longer side.
    """

    method: int
    radius: float

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`. Excluded pixels are filled too, so that they never bleed in."""
        import cv2

        unknown = hole if exclude is None else np.maximum(hole, exclude)
        radius = max(1.0, self.radius * max(hole.shape))
        # cv2.inpaint never fills the outermost pixels of an image: it needs a rim, mirrored here.
        padded = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        around = cv2.copyMakeBorder(unknown, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        filled = cv2.inpaint(padded, around, radius, self.method)
        return np.asarray(filled[1:-1, 1:-1], np.uint8)


def build_telea(settings: InpaintSettings, weights: Mapping[str, Weight]) -> OpenCVFill:
    """The fast marching fill (Telea, An image inpainting technique based on the fast marching method, 2004)."""
    import cv2

    return OpenCVFill(cv2.INPAINT_TELEA, settings.of(TeleaSettings).radius)


def build_navier_stokes(settings: InpaintSettings, weights: Mapping[str, Weight]) -> OpenCVFill:
    """The fluid dynamics fill (Bertalmio, Bertozzi, Sapiro, Navier-Stokes … image and video inpainting, 2001)."""
    import cv2

    return OpenCVFill(cv2.INPAINT_NS, settings.of(NavierStokesSettings).radius)
