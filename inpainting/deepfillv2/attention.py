"""Contextual attention: every position of the hole is rebuilt from the known patches most like it.

Yu et al., "Generative Image Inpainting with Contextual Attention" (CVPR 2018, arXiv 1801.07892), section 4,
computed exactly, but only for the queries that are asked for and in tiles, so that memory stays bounded whatever
the photo's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from data.geometry import Box, Span
from inpainting.deepfillv2.boxes import view
from inpainting.deepfillv2.conventions import CONVENTIONS, Layout
from inpainting.deepfillv2.scores import Scores, strips

SOFTMAX_SCALE = 10.0
MEMORY = 64
"""Megabytes that a tile of queries takes, whatever the photo's size: its scores with all keys, four times over (as
matched, fused, weights, and strips on the way). Larger ones do not stay in the processor's cache."""
STRIP = 1 << 20
"""Scores that are worked on at a time: few enough to stay in the processor's cache."""


class Options(NamedTuple):
    """How attention is computed. fusion: whether scores also count what lies diagonally beside them. memory: megabytes
    of a tile, see MEMORY."""

    fusion: bool
    memory: int = MEMORY

    def side(self, keys: int) -> int:
        """Side of the tiles of queries."""
        return max(1, isqrt((self.memory << 20) // (4 * 4 * keys)))


def contextual_attention(
    features: Tensor, hole: Tensor, layout: Layout, wanted: Sequence[Box], options: Options
) -> list[Tensor]:
    """Boxes of the features, each position rebuilt from known patches: [B, C, h', w'] for each of `wanted`.

    features: [B, C, H/4, W/4]. hole: [B, 1, H, W], 1 = unknown. H and W are multiples of 8.
    """
    each = [_one(f, m[0], layout, wanted, options) for f, m in zip(features, hole, strict=True)]
    return [torch.stack(items) for items in zip(*each, strict=True)]


def _one(features: Tensor, hole: Tensor, layout: Layout, wanted: Sequence[Box], options: Options) -> list[Tensor]:
    scores = Scores(thinned(features, 2, layout), SOFTMAX_SCALE)
    # A key counts when nothing of its 3x3 patch is unknown; beyond the border nothing is.
    known = F.max_pool2d(thinned(hole, 8, layout)[None], 3, 1, 1)[0] == 0  # [rows, columns]
    masked = CONVENTIONS[layout].masked
    if masked and not known.any():  # a softmax over nothing is NaN: nothing is pasted
        return [features.new_zeros(len(features), *box.shape) for box in wanted]
    counts = scores.laid(known.to(features.dtype))  # [rows W]: 1, and 0 for the others and between rows
    # Their patches, by the parity of rows and columns, [rows W, C] each: the key's own and those beside it
    values = [[scores.laid(features[:, y::2, x::2]).T.contiguous() for x in (0, 1)] for y in (0, 1)]
    return [_rebuilt(box, scores, counts, values, options, masked) for box in wanted]


def _rebuilt(
    wanted: Box, scores: Scores, counts: Tensor, values: list[list[Tensor]], options: Options, masked: bool
) -> Tensor:
    """One box of the features, [C, h', w']."""
    # Patches are 4 wide, 2 apart, from -1: these reach the wanted box.
    queries = Box.of_spans(_covering(wanted.rows), _covering(wanted.columns)).within((scores.rows, scores.columns))
    height, width = queries.shape
    pasted = counts.new_zeros(scores.channels, 2 * height + 2, 2 * width + 2)
    for tile in queries.tiles(options.side(len(counts))):
        near = (tile.height + 4) * (tile.width + 4)
        strip = max(1, STRIP // (near * scores.width))
        score = (scores.fused if options.fusion else scores.plain)(tile, strip)  # [R, Q, rows W]
        if masked:
            score.masked_fill_(counts == 0, -torch.inf)
        else:  # keys that do not count keep logit 0: they take their share of the softmax
            score *= counts
        grid = score.view(*score.shape[:2], scores.rows, scores.width)
        grid[..., 0] = grid[..., -1] = -torch.inf  # no keys at all
        left, top, _, _ = tile.relative_to(queries)
        made = _paste(_weights(score, counts, scores.width + 1), values, scores.width, max(1, strip // 4))
        pasted[:, 2 * top : 2 * top + made.shape[1], 2 * left : 2 * left + made.shape[2]] += made
    made = view(pasted, wanted.moved(1 - 2 * queries.left, 1 - 2 * queries.top))
    if not masked:
        return made / 4
    return made / (_overlaps(wanted.rows, scores.rows)[:, None] * _overlaps(wanted.columns, scores.columns)).to(made)


def _overlaps(span: Span, patches: int) -> Tensor:
    """How many patches lie over each position of a span of the map: 2, but 1 at either end."""
    at = torch.arange(span.start, span.stop)
    return 2 - (at == 0).int() - (at == 2 * patches - 1).int()


def _weights(score: Tensor, counts: Tensor, around: int) -> Tensor:
    """Softmax over the keys, 0 for keys that do not count: [R + 2, Q + 2, rows W + 2 around], zeros around it."""
    rows, columns, keys = score.shape
    weight = score.new_empty(rows + 2, columns + 2, keys + 2 * around)
    for side in (weight, weight.transpose(0, 1)):
        side[0] = side[-1] = 0
    weight[..., :around] = weight[..., -around:] = 0
    for i, row in enumerate(score):  # a row at a time: it is still in the cache when it is copied
        weight[i + 1, 1:-1, around:-around] = torch.softmax(row, dim=-1) * counts
    return weight


def _paste(weight: Tensor, values: list[list[Tensor]], width: int, strip: int) -> Tensor:
    """Patches of `values`, weighted and added up where they overlap: [C, 2 R + 2, 2 Q + 2].

    weight: as `_weights` gives it. Position 2m + p of the map lies in the patches of two queries: m and its
    neighbour before (p = 0) or behind (p = 1), and what the neighbour takes there belongs to the key's
    neighbour on the same side. So the weights are added diagonally first, then there is one product.
    """
    around = width + 1
    down, right = weight.shape[0] - 1, weight.shape[1] - 1
    out = weight.new_zeros(values[0][0].shape[1], 2 * down, 2 * right)
    for rows in strips((weight.shape[2] - 2 * around) // width, strip):
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
    """`x` [..., H, W] at 1/factor of its size, by the nearest position, or from corner to corner."""

    def chosen(size: int) -> Tensor:
        count = size // factor
        if not CONVENTIONS[layout].aligned or count == 1:
            return torch.arange(count, device=x.device) * factor
        # floor(i (size - 1) / (count - 1) + 1/2) in whole numbers
        steps = torch.arange(count, device=x.device) * (size - 1)
        return (2 * steps + count - 1) // (2 * (count - 1))

    return x[..., chosen(x.shape[-2]), :][..., chosen(x.shape[-1])]


def _covering(span: Span) -> Span:
    """Patches (4 wide, every 2, from -1) that touch a span of the map."""
    return Span((span.start - 1) // 2, span.stop // 2 + 1)
