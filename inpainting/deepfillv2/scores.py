"""Scores between the patches of a map: every query of a tile with a strip of keys, exact and cache-sized.

The score of a pair is the sum over a 3x3 patch of channel products, divided by the key's patch norm. Query
and key move together through the patch, so it is one product of channels per pair and then sums along the
pairs' diagonals, first over columns, then over rows; the fusions are diagonal sums as well.

Keys lie row by row in rows of W = columns + 2, with a zero on either side, three rows of zeros around.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from data.geometry import Box, Span

AROUND = 3
"""Rows of zeros above and below the keys, zeros on every side of the queries."""


class Scores:
    """Scores of one photo's map, [C, rows, columns], times `scale`."""

    def __init__(self, halved: Tensor, scale: float) -> None:
        self.channels, self.rows, self.columns = halved.shape
        self.width = self.columns + 2
        self.queries = F.pad(halved, (AROUND,) * 4).permute(1, 2, 0).contiguous()  # [rows + 6, columns + 6, C]
        self.keys = self.laid(halved, AROUND)  # [C, (rows + 6) W]
        energy = F.avg_pool2d(halved.square().sum(0)[None], 3, 1, 1) * 9  # of each 3x3 patch
        self.unit = self.laid(scale / energy.sqrt().clamp_min(1e-4), AROUND)[0]  # zero beside the keys

    def laid(self, x: Tensor, around: int = 0) -> Tensor:
        """[..., rows, columns] as [..., (rows + 2 around) W], zeros beside and around the keys."""
        return F.pad(x, (1, 1, around, around)).flatten(-2)

    def matched(self, rows: Span, columns: Span, keys: Span) -> Tensor:
        """Scores of a tile of queries with the rows `keys` of keys: [R, Q, K W + 4].

        Two more keys on either side. Queries outside the map have zeros; the zero on either side of a row
        of keys becomes what comes next on that side: the end of the row above, the start of the row below.
        """
        w = self.width
        tile = self.queries[
            rows.start - 1 + AROUND : rows.stop + 1 + AROUND, columns.start - 1 + AROUND : columns.stop + 1 + AROUND
        ]
        low, high = (keys.start + AROUND) * w - 2, (keys.stop + AROUND) * w + 2
        product = tile.reshape(-1, self.channels) @ self.keys[:, low - w - 1 : high + w + 1]
        product = product.view(*tile.shape[:2], -1)  # [R + 2, Q + 2, K W + 2 W + 6]
        across = product[:, :-2, :-2] + product[:, 1:-1, 1:-1]
        across += product[:, 2:, 2:]
        score = across[:-2, :, : -2 * w] + across[1:-1, :, w:-w]
        score += across[2:, :, 2 * w :]
        score *= self.unit[low:high]
        score[: max(0, -rows.start)] = 0
        score[len(score) - max(0, rows.stop - self.rows) :] = 0
        score[..., 2::w] = score[..., :-2:w]
        score[..., 1::w] = score[..., 3::w]
        return score

    def fused_along_rows(self, rows: Span, columns: Span, keys: Span) -> Tensor:
        """Each score with those of the pairs one step to the left and to the right: [R, Q, K W].

        The step past the end of a row leads to the next one. Queries outside the map have no meaning.
        """
        score = self.matched(rows, Span(columns.start - 1, columns.stop + 1), keys)
        if columns.start == 0:
            end = Span(self.columns - 1, self.columns)
            score[:, :1] = self.matched(Span(rows.start - 1, rows.stop - 1), end, keys)
        if columns.stop == self.columns:
            score[:, -1:] = self.matched(Span(rows.start + 1, rows.stop + 1), Span(0, 1), keys)
        fused = score[:, :-2, 1:-3] + score[:, 1:-1, 2:-2]
        fused += score[:, 2:, 3:-1]
        return fused

    def fused(self, tile: Box, strip: int) -> Tensor:
        """Scores of a tile of queries with all keys after both fusions, [R, Q, rows W].

        The second fusion takes the pairs one step up and down; the step past the end of a column leads to
        the next one. `strip`: rows of keys at a time.
        """
        w, last, rows, columns = self.width, self.rows - 1, tile.rows, tile.columns
        size = (rows.length + 2, columns.length, (self.rows + 2) * w)
        first = self.queries.new_empty(size)  # one row more all around, for queries and keys
        for keys in strips(self.rows, strip):
            part = first[..., (keys.start + 1) * w : (keys.stop + 1) * w]
            part[:] = self.fused_along_rows(Span(rows.start - 1, rows.stop + 1), columns, keys)
            if rows.start == 0:  # above the top: the bottom of the column to the left
                here = Span(max(columns.start - 1, 0), columns.stop - 1)
                part[0, 0] = 0
                if here.stop > here.start:
                    shift = here.start - columns.start + 1
                    part[:1, shift:] = self.fused_along_rows(Span(last, last + 1), here, keys)
            if rows.stop == self.rows:  # below the bottom: the top of the column to the right
                here = Span(columns.start + 1, min(columns.stop + 1, self.columns))
                part[-1, -1] = 0
                if here.stop > here.start:
                    part[-1:, : here.stop - here.start] = self.fused_along_rows(Span(0, 1), here, keys)
        grid = first.view(*size[:2], self.rows + 2, w)
        grid[..., 0, 1] = grid[..., -1, -2] = 0
        grid[..., 0, 2:-1] = grid[..., -2, 1:-2]
        grid[..., -1, 1:-2] = grid[..., 1, 2:-1]
        score = first[:-2, :, : -2 * w] + first[1:-1, :, w:-w]
        score += first[2:, :, 2 * w :]
        return score

    def plain(self, tile: Box, strip: int) -> Tensor:
        """Scores of a tile of queries with all keys, not fused, [R, Q, rows W]."""
        parts = [self.matched(tile.rows, tile.columns, keys)[..., 2:-2] for keys in strips(self.rows, strip)]
        return torch.cat(parts, dim=-1)


def strips(count: int, step: int) -> list[Span]:
    """0..count in pieces of `step`."""
    return [Span(start, min(start + step, count)) for start in range(0, count, step)]
