"""Contextual attention: every position of the hole is rebuilt from the known patches most like it.

Yu et al., "Generative Image Inpainting with Contextual Attention" (CVPR 2018, arXiv 1801.07892), section 4,
computed exactly, but only for the queries that are asked for and in tiles, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainting.deepfillv2.boxes import Box, Span
from inpainting.deepfillv2.scores import Scores, strips

Layout = Literal["pt", "tf"]

SOFTMAX_SCALE = 10.0
TILE = 1 << 24
"""Scores (query, key), 4 bytes each, of a tile of queries; a handful of copies live at a time."""
STRIP = 1 << 20
"""Scores that are worked on at a time: few enough to stay in the processor's cache."""


def contextual_attention(features: Tensor, hole: Tensor, layout: Layout, wanted: Sequence[Box]) -> list[Tensor]:
    """Boxes of the features, each position rebuilt from known patches: [B, C, h', w'] for each of `wanted`.

    features: [B, C, H/4, W/4]. hole: [B, 1, H, W], 1 = unknown. H and W are multiples of 8.
    """
    each = [_one(f, m[0], layout, wanted) for f, m in zip(features, hole, strict=True)]
    return [torch.stack(items) for items in zip(*each, strict=True)]


def _one(features: Tensor, hole: Tensor, layout: Layout, wanted: Sequence[Box]) -> list[Tensor]:
    scores = Scores(thinned(features, 2, layout))
    # A key counts when nothing of its 3x3 patch is unknown; beyond the border nothing is.
    known = F.max_pool2d(thinned(hole, 8, layout)[None], 3, 1, 1)[0] == 0  # [rows, columns]
    counts = scores.laid(known.to(features.dtype))  # [rows W]: 1, and 0 for the others and between rows
    values = [[scores.laid(features[:, y::2, x::2]).T for x in (0, 1)] for y in (0, 1)]  # [rows W, C] each
    return [_rebuilt(box, scores, counts, values, layout == "pt") for box in wanted]


def _rebuilt(wanted: Box, scores: Scores, counts: Tensor, values: list[list[Tensor]], fusion: bool) -> Tensor:
    """One box of the features, [C, h', w']."""
    # Patches are 4 wide, 2 apart, from -1: these reach the wanted box.
    queries = Box(_covering(wanted.rows), _covering(wanted.columns)).within(scores.rows, scores.columns)
    (top, bottom), columns = queries
    across = columns.stop - columns.start
    height = max(1, TILE // (across * len(counts)) - 2)
    strip = max(1, STRIP // ((min(height, bottom - top) + 4) * (across + 4) * scores.width))
    pasted = counts.new_zeros(scores.channels, 2 * (bottom - top) + 2, 2 * across + 2)
    for rows in (Span(top + r.start, top + r.stop) for r in strips(bottom - top, height)):
        score = (scores.fused if fusion else scores.plain)(rows, columns, strip)  # [R, Q, rows W]
        # Keys that do not count keep logit 0, not minus infinity: they take their share of the softmax.
        score *= counts * SOFTMAX_SCALE
        grid = score.view(*score.shape[:2], scores.rows, scores.width)
        grid[..., 0] = grid[..., -1] = -torch.inf  # no keys at all
        weight = torch.softmax(score, dim=-1) * counts
        tile = Span(2 * (rows.start - top), 2 * (rows.stop - top) + 2)
        pasted[:, slice(*tile)] += _paste(weight, values, scores.width, strip)
    rows, columns = wanted
    y, x = 2 * queries.rows.start - 1, 2 * queries.columns.start - 1
    return pasted[:, rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] / 4


def _paste(weight: Tensor, values: list[list[Tensor]], width: int, strip: int) -> Tensor:
    """Patches of `values`, weighted and added up where they overlap: [C, 2 R + 2, 2 Q + 2].

    weight: [R, Q, rows W]. Position 2m + p of the map lies in the patches of two queries: m and its
    neighbour before (p = 0) or behind (p = 1), and what the neighbour takes there belongs to the key's
    neighbour on the same side. So the weights are added diagonally first, then there is one product.
    """
    keys = weight.shape[-1] // width
    around = width + 1
    weight = F.pad(weight, (around, around, 1, 1, 1, 1))  # [R + 2, Q + 2, (rows + 2) W + 2]
    down, right = weight.shape[0] - 1, weight.shape[1] - 1
    out = weight.new_zeros(values[0][0].shape[1], 2 * down, 2 * right)
    for rows in strips(keys, strip):
        low, high = rows.start * width, rows.stop * width
        for y in (0, 1):
            near, far = (weight[1:], weight[:-1]) if y == 0 else (weight[:-1], weight[1:])
            step = width if y else -width
            # one more key on either side, for the step to the side
            first, last = around + low - 1, around + high + 1
            tall = near[..., first:last] + far[..., first + step : last + step]
            sums = tall[:, 1:, 1:-1] + tall[:, :-1, :-2], tall[:, :-1, 1:-1] + tall[:, 1:, 2:]
            for x, both in enumerate(sums):
                made = both.flatten(0, 1) @ values[y][x][low:high]  # [(R + 1)(Q + 1), C]
                out[:, 1 - y :: 2, 1 - x :: 2] += made.T.view(-1, down, right)
    return out


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


def _covering(span: Span) -> Span:
    """Patches (4 wide, every 2, from -1) that touch a span of the map."""
    return Span((span.start - 1) // 2, span.stop // 2 + 1)
