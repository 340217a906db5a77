"""Boxes of feature maps, followed backwards through convolutions: compute only what is asked for."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from data.geometry import Box, merged

APART = 32
"""Pixels. Parts of a hole that are nearer to each other share a box: what their fills read overlaps anyway."""


def hole_boxes(hole: Tensor) -> list[Box]:
    """Boxes around the parts of a hole [B, 1, H, W], of all items at once; none for an empty one."""
    import cv2

    marked = hole.ne(0).any(0).any(0)  # [H, W]
    height, width = marked.shape
    cells = max_pool2d(marked[None, None].float(), APART, ceil_mode=True)[0, 0].byte().cpu().numpy()
    count, _, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    boxes = []
    for n in range(1, count):
        left, top, across, down = (APART * int(v) for v in stats[n, :4])
        box = Box.at(left, top, across, down).within((height, width))
        inside = view(marked, box).cpu().numpy()
        rows, columns = np.nonzero(inside.any(1))[0], np.nonzero(inside.any(0))[0]
        tight = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        boxes.append(tight.moved(left, top))
    return merged(boxes)


def view(x: Tensor, box: Box) -> Tensor:
    """A box of a map [..., H, W], a view."""
    rows, columns = box.slices
    return x[..., rows, columns]


def cut(x: Tensor, held: Box, wanted: Box, reflect: bool = False) -> Tensor:
    """`wanted` from a map of which `x` [..., h, w] holds the box `held`. Where `wanted` sticks out: zeros, or the map
    mirrored in its outermost position (`reflect`)."""
    inner = wanted.common(held)
    beside = (
        inner.left - wanted.left,
        wanted.right - inner.right,
        inner.top - wanted.top,
        wanted.bottom - inner.bottom,
    )
    out = view(x, inner.relative_to(held))
    return pad(out, beside, mode="reflect" if reflect else "constant") if any(beside) else out
