"""Contextual attention: every position of the hole is rebuilt from the known patches most like it.

Yu et al., "Generative Image Inpainting with Contextual Attention" (CVPR 2018, arXiv 1801.07892), section 4,
computed exactly, but only for the queries that are asked for and in blocks, so that memory stays bounded.
Positions of the halved map are numbered row by row, 0 <= i < N, N = rows * columns.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainting.deepfillv2.boxes import Box, Span

Layout = Literal["pt", "tf"]

SOFTMAX_SCALE = 10.0
BLOCK = 1 << 23
"""Scores (query, key) that are held at a time; 4 bytes each, in a handful of copies."""


def contextual_attention(features: Tensor, hole: Tensor, layout: Layout, wanted: Box) -> Tensor:
    """The box `wanted` of the features, each position rebuilt from known patches: [B, C, h', w'].

    features: [B, C, H/4, W/4]. hole: [B, 1, H, W], 1 = unknown. H and W are multiples of 8.
    """
    return torch.stack([_one(f, m[0], layout, wanted) for f, m in zip(features, hole, strict=True)])


def _one(features: Tensor, hole: Tensor, layout: Layout, wanted: Box) -> Tensor:
    channels, height, width = features.shape
    size = rows, columns = height // 2, width // 2
    halved = thinned(features, 2, layout)  # [C, rows, columns]
    # A key counts when nothing of its 3x3 patch is unknown; beyond the border nothing is.
    known = F.max_pool2d(thinned(hole, 8, layout)[None], 3, 1, 1).flatten() == 0  # [N]

    queries = F.unfold(halved[None], 3, padding=1)[0].T  # [N, 9C]
    keys = queries.T / queries.norm(dim=1).clamp_min(1e-4)  # [9C, N], unit length
    values = F.unfold(features[None], 4, stride=2, padding=1)[0].T * known[:, None]  # [N, 16C]

    reached = Box(_covering(wanted.rows), _covering(wanted.columns)).within(*size)
    (top, bottom), (left, right) = reached
    step = max(1, BLOCK // (rows * columns * (right - left)))
    pasted = []
    for first in range(top, bottom, step):
        block = Box(Span(first, min(first + step, bottom)), reached.columns)
        asked = numbers(block, columns).to(features.device)
        score = fused(queries, keys, asked, size) if layout == "pt" else queries[asked] @ keys  # [Q, N]
        # Keys that do not count keep logit 0, not minus infinity: they take their share of the softmax.
        weight = torch.softmax(score * known * SOFTMAX_SCALE, dim=1)
        pasted.append(weight @ values)  # [Q, 16C]
    return _paste(torch.cat(pasted), channels, reached, wanted)


def fused(queries: Tensor, keys: Tensor, asked: Tensor, size: tuple[int, int]) -> Tensor:
    """Scores of the `asked` queries with all keys, [Q, N], after both fusions.

    A fusion adds the scores of the pairs one step further and one step back, for query and key alike: first
    along the rows, then along the columns. A step past the end of a row (column) goes on with the next one.
    """
    rows, columns = size
    below, above = _down(asked, rows, columns), _up(asked, rows, columns)
    along_rows, place = _union(asked, below, above)
    alone, spot = _union(along_rows, _right(along_rows, rows * columns), along_rows - 1)

    raw = F.pad(queries[alone] @ keys, (0, 0, 0, 1))  # [., N], and a last row of zeros for "no such query"
    here, after, before = (raw[i] for i in spot)
    here[:, :-1] += after[:, 1:]
    here[:, 1:] += before[:, :-1]

    first = F.pad(here, (0, 0, 0, 1))
    score, after, before = (first[i] for i in place)
    score[:, :-columns] += after[:, columns:]
    score[:, columns:] += before[:, :-columns]
    last = (rows - 1) * columns  # the lowest row goes on at the top of the next column, and back
    score[:, last:-1] += after[:, 1:columns]
    score[:, 1:columns] += before[:, last:-1]
    return score


def thinned(x: Tensor, factor: int, layout: Layout) -> Tensor:
    """`x` [..., H, W] at 1/factor of its size, by the nearest position: `tf` aligns the corners."""

    def chosen(size: int) -> Tensor:
        count = size // factor
        if layout == "pt" or count == 1:
            return torch.arange(count, device=x.device) * factor
        # floor(i (size - 1) / (count - 1) + 1/2) in whole numbers
        steps = torch.arange(count, device=x.device) * (size - 1)
        return (2 * steps + count - 1) // (2 * (count - 1))

    return x[..., chosen(x.shape[-2]), :][..., chosen(x.shape[-1])]


def numbers(box: Box, columns: int) -> Tensor:
    """The numbers of a box's positions, row by row."""
    return (torch.arange(*box.rows)[:, None] * columns + torch.arange(*box.columns)).flatten()


def _right(i: Tensor, count: int) -> Tensor:
    return torch.where(i + 1 < count, i + 1, -1)


def _down(i: Tensor, rows: int, columns: int) -> Tensor:
    wrapped = torch.where(i + 1 < rows * columns, i + 1 - (rows - 1) * columns, -1)
    return torch.where(i + columns < rows * columns, i + columns, wrapped)


def _up(i: Tensor, rows: int, columns: int) -> Tensor:
    wrapped = torch.where(i > 0, i - 1 + (rows - 1) * columns, -1)
    return torch.where(i >= columns, i - columns, wrapped)


def _union(*wanted: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The different numbers in `wanted` (-1 left out), and where each stands among them (-1: the end)."""
    together, place = torch.cat(wanted).unique(return_inverse=True)  # type: ignore[no-untyped-call]
    absent = int((together < 0).any())  # sorted: -1 comes first, and becomes index -1, the row of zeros
    return together[absent:], list((place - absent).split([len(w) for w in wanted]))


def _covering(span: Span) -> Span:
    """Patches (4 wide, every 2, from -1) that touch a span of the map."""
    return Span((span.start - 1) // 2, span.stop // 2 + 1)


def _paste(patches: Tensor, channels: int, held: Box, wanted: Box) -> Tensor:
    """Patches [Q, 16C] of the box `held`, added up where they overlap, a quarter each: [C, h', w']."""
    height, width = (2 * (span.stop - span.start) + 2 for span in held)
    laid = F.fold(patches.T[None], (height, width), 4, stride=2)[0] / 4
    y, x = (2 * span.start - 1 for span in held)
    rows, columns = wanted
    return laid[:, rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
