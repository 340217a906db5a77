"""From filled windows to final pixels: the blend at the rim, patches, and their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.geometry import Box
from data.types import Hole, Patch, Pixels
from inpainting.smooth import spread

RIM = 8
"""Reach in pixels, from a pixel of the rim, of the means that `match_colours` compares."""

_TILE = 512
"""Side in pixels of the squares in which a rim is looked for: in a large photo most of them have none."""


def rim_weights(hole: Hole, feather: int) -> NDArray[np.float32]:
    """Weight of the fill at every pixel, float32 H x W in 0..1.

    0 outside the hole; inside it rises with the distance d to the nearest known pixel, d / (feather + 1),
    and is 1 from d > feather on. The photo's own border is no rim. feather 0 is the hole itself.
    """
    import cv2

    if feather == 0 or (hole != 0).all():
        return np.asarray(hole != 0, np.float32)
    distance = cv2.distanceTransform(hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.minimum(distance / np.float32(feather + 1), 1), np.float32)


def paste(pixels: Pixels, where: NDArray[np.uint8] | NDArray[np.bool_], onto: Pixels) -> None:
    """Puts `pixels` onto `onto`, in place, where `where` is not 0: in a tenth of the time that indexing takes.

    pixels, onto: uint8 H x W x 3. where: H x W. Raises ValueError for other shapes.
    """
    import cv2

    if cv2.copyTo(pixels, where.view(np.uint8), onto) is not onto:
        raise ValueError(f"pixels of shape {pixels.shape} cannot be pasted onto {onto.shape}")


def blend(image: Pixels, filled: Pixels, hole: Hole, feather: int) -> Pixels:
    """`filled` inside the hole, `image` outside, mixed in the outermost `feather` pixels of the hole.

    All uint8, H x W (x 3). Pixels outside the hole are the image's own bytes, always.
    """
    out = image.copy()
    paste(filled, hole, out)
    if not feather:
        return out
    height, width = hole.shape
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = Box(left, top, min(left + _TILE, width), min(top + _TILE, height))
            _mix_rim(image, filled, hole, feather, tile, out)
    return out


def _mix_rim(image: Pixels, filled: Pixels, hole: Hole, feather: int, tile: Box, out: Pixels) -> None:
    """Mixes the pixels of the rim that lie in a tile, in place: floats and distances are needed only there."""
    import cv2

    around = tile.grown(feather + 1).within(hole.shape)  # what is known further off makes no pixel a part of the rim
    part = hole[around.slices]
    if cv2.countNonZero(part) in (0, part.size):
        return
    weights = rim_weights(part, feather)[tile.relative_to(around).slices]
    rim = (weights > 0) & (weights < 1)
    behind = image[tile.slices][rim].astype(np.float32)
    mixed = np.rint(behind + (filled[tile.slices][rim] - behind) * weights[rim][:, None])
    out[tile.slices][rim] = np.clip(mixed, 0, 255).astype(np.uint8)


def match_colours(image: Pixels, filled: Pixels, hole: Hole, known: NDArray[np.bool_], share: float) -> Pixels:
    """The fill with its colours shifted so that along the rim its local means come nearer to the surroundings'.

    At each pixel of the rim the mean colours of known pixels and of the fill in a box of 17 are compared; `share` of
    the difference is continued smoothly into the hole and added, which leaves the texture as it is. image, filled:
    uint8 H x W x 3. hole: uint8 H x W. known: bool H x W. share: 0 (nothing) to 1.
    """
    import cv2

    if share == 0:
        return filled
    inside, around = (hole != 0).astype(np.float32), known.astype(np.float32)

    def mean(of: Pixels, weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        box = (2 * RIM + 1,) * 2
        count = cv2.boxFilter(weights, -1, box, normalize=False, borderType=cv2.BORDER_CONSTANT)
        total = cv2.boxFilter(of * weights[..., None], -1, box, normalize=False, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(total / np.maximum(count, 1)[..., None], np.float32), count > 0.5

    (outer, seen), (inner, _) = mean(image, around), mean(filled, inside)
    rim = seen & (hole != 0) & (cv2.erode(hole, np.ones((3, 3), np.uint8)) == 0)
    if not rim.any():
        return filled
    shift = cv2.GaussianBlur(spread(outer - inner, rim), (0, 0), RIM)
    return np.clip(np.rint(filled + np.float32(share) * shift), 0, 255).astype(np.uint8)


def cut_patches(final: Pixels, hole: Hole, boxes: Iterable[Box]) -> list[Patch]:
    """The final photo's pixels in each box of the hole; 0 where the hole is 0, so that nothing but the fill remains.

    Where boxes overlap, both patches hold the same pixels.
    """
    import cv2

    return [
        Patch(box.left, box.top, np.asarray(cv2.copyTo(final[box.slices], hole[box.slices]), np.uint8)) for box in boxes
    ]


def compose(image: Pixels, hole: Hole, patches: Sequence[Patch]) -> Pixels:
    """The photo with its patches pasted: out[hole == 0] is image[hole == 0], byte for byte.

    image: uint8 H x W x 3 RGB. hole: uint8 H x W, 0 or 255. Raises ValueError for a patch that leaves
    the photo, or when the patches leave a part of the hole open.
    """
    out = image.copy()
    open_ = hole != 0
    for patch in patches:
        height, width = patch.pixels.shape[:2]
        box = slice(patch.y, patch.y + height), slice(patch.x, patch.x + width)
        if min(patch.x, patch.y) < 0 or hole[box].shape != (height, width):
            raise ValueError(
                f"patch at x {patch.x}, y {patch.y} of {width} x {height} leaves the photo of "
                f"{hole.shape[1]} x {hole.shape[0]}: the patches belong to another photo"
            )
        paste(patch.pixels, hole[box], out[box])
        open_[box] = False
    if open_.any():
        raise ValueError(
            f"{np.count_nonzero(open_)} pixels of the hole are in no patch: the patches belong to another hole"
        )
    return out


def pack(patches: Sequence[Patch]) -> bytes:
    """Patches as bytes: a safetensors file with one lossless PNG a patch, named by number and place.

    The same patches give the same bytes. With rows predicted from the row above, and little search for repetitions,
    twelve megapixels take 0.9 instead of 3.8 CPU seconds and the same bytes.
    """
    import cv2
    from safetensors.numpy import save

    how = [
        *(cv2.IMWRITE_PNG_COMPRESSION, 3),
        *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
        *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED),
    ]
    tensors = {}
    for number, patch in enumerate(patches):
        if 0 in patch.pixels.shape:
            raise ValueError(f"patch {number} is empty")
        ok, png = cv2.imencode(".png", cv2.cvtColor(patch.pixels, cv2.COLOR_RGB2BGR), how)
        if not ok:
            raise ValueError(f"patch {number} of shape {patch.pixels.shape} cannot be encoded as PNG")
        tensors[f"{number:06d},{patch.x},{patch.y}"] = png
    return save(tensors)


def unpack(data: bytes) -> list[Patch]:
    """The patches that `pack` made into these bytes. Raises ValueError when they are damaged."""
    import cv2
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        patches = []
        for name in sorted(tensors):
            _, x, y = (int(part) for part in name.split(","))
            decoded = cv2.imdecode(tensors[name], cv2.IMREAD_COLOR_RGB)
            if decoded is None:
                raise ValueError(f"patch {name} is no image")
            patches.append(Patch(x, y, np.asarray(decoded, np.uint8)))
    except (SafetensorError, ValueError, cv2.error) as error:
        raise ValueError(f"the patches are damaged ({error}): remove the artifact and run again") from error
    return patches
