"""From filled windows to final pixels: the blend at the rim, patches, and their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from data.types import Hole, Patch, Pixels
from inpainting.windows import Window


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


def blend(image: Pixels, filled: Pixels, hole: Hole, feather: int) -> Pixels:
    """`filled` inside the hole, `image` outside, mixed in the outermost `feather` pixels of the hole.

    All uint8, H x W (x 3). Pixels outside the hole are the image's own bytes, always.
    """
    weights = rim_weights(hole, feather)[..., None]
    mixed = np.rint(image + (filled.astype(np.float32) - image) * weights)
    return np.where(hole[..., None] != 0, np.clip(mixed, 0, 255).astype(np.uint8), image)


def cut_patches(final: Pixels, hole: Hole, boxes: Iterable[Window]) -> list[Patch]:
    """The final photo's pixels in each box of the hole; 0 where the hole is 0, so that nothing but the fill remains.

    Where boxes overlap, both patches hold the same pixels.
    """
    return [
        Patch(box.left, box.top, np.where(hole[box.box][..., None] != 0, final[box.box], np.uint8(0))) for box in boxes
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
        inside = hole[box] != 0
        out[box][inside] = patch.pixels[inside]
        open_[box] = False
    if open_.any():
        raise ValueError(
            f"{np.count_nonzero(open_)} pixels of the hole are in no patch: the patches belong to another hole"
        )
    return out


def pack(patches: Sequence[Patch]) -> bytes:
    """Patches as bytes: a safetensors file with one lossless PNG a patch, named by number and place.

    The same patches give the same bytes.
    """
    import cv2
    from safetensors.numpy import save

    tensors = {}
    for number, patch in enumerate(patches):
        if 0 in patch.pixels.shape:
            raise ValueError(f"patch {number} is empty")
        ok, png = cv2.imencode(".png", patch.pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 6])
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
            decoded = cv2.imdecode(tensors[name], cv2.IMREAD_COLOR)
            if decoded is None:
                raise ValueError(f"patch {name} is no image")
            patches.append(Patch(x, y, np.ascontiguousarray(decoded[..., ::-1])))
    except (SafetensorError, ValueError, cv2.error) as error:
        raise ValueError(f"the patches are damaged ({error}): remove the artifact and run again") from error
    return patches
