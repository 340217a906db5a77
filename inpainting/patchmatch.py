"""The fill without weights: patches copied from elsewhere in the photo (PyPatchMatch).

Barnes et al., PatchMatch: a randomized correspondence algorithm for structural image editing, 2009.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings, SettingsError
from data.types import Hole, Pixels, Weight

# The C library keeps its seed and tables in globals: one call at a time per process.
_LOCK = threading.Lock()

# When the image is mirrored outwards (measured on strips of known pixels along the sides of real photos).
_PLENTY = 0.25  # share of known pixels from which the library always found sources
_STRIP = 5  # a known square of a fifth of the longer side is enough
_PATCHES = 12  # and so are this many radii
_MIRRORINGS = 4


@dataclass(frozen=True)
class PatchMatchFill:
    """radius: half the side of the compared patches, in pixels. seed: of the random search."""

    radius: int
    seed: int

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`. The same arguments give the same bytes in every process."""
        import patchmatch

        height, width = hole.shape
        masks = [hole] if exclude is None else [hole, exclude]
        image, *masks = _with_enough_known(image, masks, self.radius)
        top, left = (masks[0].shape[0] - height) // 2, (masks[0].shape[1] - width) // 2
        with _LOCK:
            patchmatch.set_random_seed(self.seed)
            filled = patchmatch.inpaint(
                image, masks[0], global_mask=masks[1] if len(masks) > 1 else None, patch_size=self.radius
            )
        return np.asarray(filled[top : top + height, left : left + width], np.uint8)


def _with_enough_known(image: Pixels, masks: list[Hole], radius: int) -> list[NDArray[np.uint8]]:
    """Image and masks, mirrored outwards on all sides where little is known, and as they came elsewhere.

    The library needs whole known patches on every level of its pyramid; beside a strip thinner than a fifth
    of the image, or in an image of a few pixels, it finds none and leaves the hole black.
    """
    import cv2

    arrays: list[NDArray[np.uint8]] = [image, *masks]
    for _ in range(_MIRRORINGS):
        known = np.logical_and.reduce([mask == 0 for mask in arrays[1:]])
        if known.mean() >= _PLENTY and min(known.shape) >= _PATCHES * radius:
            break
        # Chessboard distance to the nearest unknown pixel or border: half the side of a known square.
        inner = cv2.distanceTransform(np.pad(known, 1).astype(np.uint8), cv2.DIST_C, cv2.DIST_MASK_3)
        thickness = 2 * int(inner.max()) - 1
        wide = thickness * _STRIP >= max(known.shape)
        by = _PATCHES * radius - thickness if wide else thickness
        if by <= 0:
            break
        rows, columns = (min(by, side - 1) for side in known.shape)
        arrays = [
            np.asarray(cv2.copyMakeBorder(a, rows, rows, columns, columns, cv2.BORDER_REFLECT_101), np.uint8)
            for a in arrays
        ]
    return arrays


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> PatchMatchFill:
    """The fill of these settings.

    Raises SettingsError where PyPatchMatch came without its native library.
    """
    import patchmatch

    if not patchmatch.patchmatch_available:
        raise SettingsError(
            "inpaint.fill is 'patchmatch', but PyPatchMatch is installed without its native library; reinstall it with "
            "a wheel for this platform, or choose another fill."
        )
    # The library's patch_size is the radius; the setting is the side, as the literature has it.
    return PatchMatchFill(max(1, settings.patch_size // 2), settings.seed)
