"""The fill without weights: patches copied from elsewhere in the photo (PyPatchMatch).

Barnes et al., PatchMatch: a randomized correspondence algorithm for structural image editing, 2009. What lies at the
same height in a photo is more often the same thing than what looks alike elsewhere, so the library's regularity guide
is given the place of every pixel: a patch from far above or below must look that much more alike.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from configs import InpaintSettings, SettingsError
from configs.fills import PatchMatchSettings
from data.types import Hole, Pixels, Weight
from inpainting.smooth import spread

# The C library keeps its seed in a global: one call at a time per process.
_LOCK = threading.Lock()

# When the image is mirrored outwards (measured on strips of known pixels along the sides of real photos).
_PLENTY = 0.25  # share of known pixels from which the library always found sources
_STRIP = 5  # a known square of a fifth of the longer side is enough
_PATCHES = 12  # and so are this many radii
_MIRRORINGS = 4

_BESIDE = 0.35
"""Share of known pixels in a hole's rows from which guides help."""
_DARKEST = np.uint8(2)
"""The library is given no darker values, so that black can only be what it left without a source."""


@dataclass(frozen=True)
class Guide:
    """How much a patch from elsewhere has to look more alike: `weight` for each half of the window's longer side that
    it lies above or below, as a share of the largest patch distance; `sideways` times that for left and right."""

    weight: float
    sideways: float


GUIDES: dict[str, Guide | None] = {"none": None, "rows": Guide(0.05, 0), "near": Guide(0.1, 0.3)}
"""The guide of each `inpaint.patchmatch.guide`."""


@dataclass(frozen=True)
class PatchMatchFill:
    """radius: half the side of the compared patches, in pixels. seed: of the random search."""

    radius: int
    seed: int
    guide: Guide | None = None

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`. The same arguments give the same bytes in every process.

        Where the library finds no patch to copy from, beside a strip of few known pixels, the known colours go on.
        """
        import patchmatch

        height, width = hole.shape
        masks = [hole] if exclude is None else [hole, exclude]
        # With hardly anything beside the hole a guide would have the same few patches repeated all over it.
        guide = self.guide if known_beside(hole, np.maximum.reduce(masks)) >= _BESIDE else None
        image, *masks = _with_enough_known(image, masks, self.radius)
        hole, others = masks[0], masks[1] if len(masks) > 1 else None
        image = np.maximum(image, _DARKEST)
        with _LOCK:
            patchmatch.set_random_seed(self.seed)
            if guide is None:
                filled = patchmatch.inpaint(image, hole, global_mask=others, patch_size=self.radius)
            else:
                places = _places(hole.shape[0], hole.shape[1], guide.sideways)
                filled = patchmatch.inpaint_regularity(
                    image, hole, places, global_mask=others, patch_size=self.radius, guide_weight=guide.weight
                )
        top, left = (hole.shape[0] - height) // 2, (hole.shape[1] - width) // 2
        inner = slice(top, top + height), slice(left, left + width)
        filled, inside, known = filled[inner], hole[inner] != 0, np.maximum.reduce(masks) == 0
        # Without a source it leaves black, or mixes it in; a mean of known pixels is never darker than all of them.
        darkest = image[inner][known[inner]].min(axis=0, initial=255)
        missed = inside & (filled < darkest - np.uint8(1)).any(axis=2)  # 1: it rounds
        if missed.any():
            smooth = spread(image[inner].astype(np.float32), known[inner])
            filled = np.where(missed[..., None], np.rint(smooth).astype(np.uint8), filled)
        return np.asarray(filled, np.uint8)


def known_beside(hole: Hole, unknown: Hole) -> float:
    """Share of known pixels in the rows of the hole, 0 to 1; rows with more of the hole count more."""
    rows = np.count_nonzero(hole, axis=1)
    known = np.count_nonzero(unknown == 0, axis=1)
    return float((rows * known).sum() / max(1, rows.sum() * hole.shape[1]))


def _places(height: int, width: int, sideways: float) -> NDArray[np.float32]:
    """The place of every pixel as the library's guide wants it, float32 H x W x 3: coordinates on a circle of 1, of
    which the longer side takes half, so that no place is near another from behind."""
    half = 0.5 / max(height, width)
    places = np.zeros((height, width, 3), np.float32)
    places[..., 0] = (np.arange(height, dtype=np.float32) * np.float32(half))[:, None]
    places[..., 1] = np.arange(width, dtype=np.float32) * np.float32(half * sideways)
    return places


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
    try:
        import patchmatch

        ready = patchmatch.patchmatch_available
    except (ImportError, OSError):
        ready = False
    if not ready:
        raise SettingsError(
            "inpaint.fill is 'patchmatch', but PyPatchMatch is installed without its native library: "
            "pip install --force-reinstall --only-binary=:all: pypatchmatch, or choose another fill, such as telea."
        )
    # The library's patch_size is the radius; the setting is the side, as the literature has it.
    own = settings.of(PatchMatchSettings)
    return PatchMatchFill(max(1, own.patch_size // 2), own.seed, GUIDES[own.guide])
