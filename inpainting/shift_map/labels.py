"""Which shift every pixel of the hole takes: alpha expansion on a graph of neighbours (Boykov, Veksler, Zabih 2001)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.types import Pixels

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
T = TypeVar("T", bound=np.generic)

_UNIT = 100
"""Whole units of capacity for an energy of 1: the library's maximum flow counts in whole numbers."""
_ROUNDS = 12
"""Passes that decide single pixels before the cut decides the rest."""


def features(image: Pixels) -> Floats:
    """Colours in 0..1 and gradients, what must agree on both sides of a seam: H x W x 3 -> float32 5 x H x W."""
    import cv2

    colours = np.moveaxis(image.astype(np.float32) / np.float32(255), 2, 0)
    grey = colours.mean(axis=0)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=1)
    return np.ascontiguousarray(np.stack([*colours, across, down]))


def box_of(hole: Bools, by: int = 1) -> tuple[slice, slice]:
    """Rows and columns of the hole and `by` more pixels on every side, as far as the window goes."""
    import cv2

    x, y, width, height = cv2.boundingRect(hole.view(np.uint8))
    return slice(max(0, y - by), y + height + by), slice(max(0, x - by), x + width + by)


def moved(planes: NDArray[T], box: tuple[slice, slice], dy: int, dx: int) -> NDArray[T]:
    """What lies (dy, dx) from the box, ... x h x w; 0 where that is outside the window."""
    height, width = planes.shape[-2:]
    rows, columns = box[0].indices(height), box[1].indices(width)
    top, bottom, left, right = rows[0] + dy, rows[1] + dy, columns[0] + dx, columns[1] + dx
    if top >= 0 and left >= 0 and bottom <= height and right <= width:
        return planes[..., top:bottom, left:right]
    out = np.zeros((*planes.shape[:-2], bottom - top, right - left), planes.dtype)
    y0, y1, x0, x1 = max(0, top), min(height, bottom), max(0, left), min(width, right)
    if y1 > y0 and x1 > x0:
        out[..., y0 - top : y1 - top, x0 - left : x1 - left] = planes[..., y0:y1, x0:x1]
    return out


def _norm(difference: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("chw,chw->hw", difference, difference)), np.float32)


@dataclass
class _Edges:
    """Pairs of neighbours along one axis, each side as an index into arrays of the box's shape.

    there: float32, 1 where the pair counts. ahead: features at the second pixel under the label of the first one;
    back: at the first under the label of the second. now: energy of the pair as it is labelled.
    """

    first: tuple[slice, slice]
    second: tuple[slice, slice]
    there: Floats
    ahead: Floats
    back: Floats
    now: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))


class Labelling:
    """Labels of the pixels of a box around the hole; label 0 is the guide's own pixel, others are shifts.

    feat: float32 C x H x W, features of the window with its hole filled by the guide. hole, known: bool H x W;
    what is neither is nobody's neighbour. shifts: int K x 2, the first (0, 0). labels: int H x W to begin with,
    0 outside the hole. costs: float32 K x h x w, of each label at each pixel of `box`; infinite where it may not be.
    """

    def __init__(
        self, feat: Floats, hole: Bools, known: Bools, shifts: NDArray[np.int32], labels: NDArray[np.intp]
    ) -> None:
        self.box = box_of(hole)
        self.feat, self.shifts = feat, shifts
        self.hole = hole[self.box]
        self.labels = labels[self.box].copy()
        self.may = known | hole  # a seam between the hole and somebody who stays costs nothing
        count = len(feat)
        self.now = np.empty((count, *self.hole.shape), np.float32)
        meets = self.may[self.box]
        lower, upper = (slice(None, -1), slice(None)), (slice(1, None), slice(None))
        left, right = (slice(None), slice(None, -1)), (slice(None), slice(1, None))
        self.edges = []
        for first, second in ((lower, upper), (left, right)):
            there = (self.hole[first] | self.hole[second]) & meets[first] & meets[second]
            empty = np.empty((count, *there.shape), np.float32)
            self.edges.append(_Edges(first, second, there.astype(np.float32), empty, empty.copy()))
        for label in np.unique(self.labels):
            self._take(self._view(int(label)), self.labels == label)
        self._weigh()

    def _view(self, label: int) -> Floats:
        return moved(self.feat, self.box, int(self.shifts[label, 0]), int(self.shifts[label, 1]))

    def _take(self, view: Floats, where: Bools) -> None:
        np.copyto(self.now, view, where=where)
        for edge in self.edges:
            np.copyto(edge.ahead, view[:, *edge.second], where=where[edge.first])
            np.copyto(edge.back, view[:, *edge.first], where=where[edge.second])

    def _weigh(self) -> None:
        for edge in self.edges:
            differs = _norm(self.now[:, *edge.first] - edge.back) + _norm(edge.ahead - self.now[:, *edge.second])
            edge.now = differs * edge.there

    def expand(self, label: int, change: Floats) -> bool:
        """Lets every pixel keep its label or take this one, whichever has the least energy in all.

        change: float32 h x w, what the label costs more than the present one; infinite where it may not be.
        Returns whether any pixel took it.
        """
        free = self.hole & (self.labels != label) & np.isfinite(change)
        if not free.any():
            return False
        part = box_of(free)
        free = free[part]
        view = self._view(label)[:, *part]
        unlike = _norm(self.now[:, *part] - view)
        pairs = []
        for edge in self.edges:
            one, two = edge.first, edge.second
            there, now = _along(edge.there, part, free.shape, edge), _along(edge.now, part, free.shape, edge)
            ahead, back = (_along(x, part, free.shape, edge) for x in (edge.ahead, edge.back))
            # Energies of the pair where one of the two takes the label and the other keeps its own.
            second = (unlike[one] + _norm(ahead - view[:, *two])) * there
            first = (unlike[two] + _norm(back - view[:, *one])) * there
            pairs.append(_Pairs(one, two, first - now, second - now, first, second))
        taken = _decide(np.where(free, change[part], np.float32(0)), free, pairs)
        if not taken.any():
            return False
        self.labels[part][taken] = label
        np.copyto(self.now[:, *part], view, where=taken)
        for edge in self.edges:
            one, two = edge.first, edge.second
            ahead, back = (_along(x, part, free.shape, edge) for x in (edge.ahead, edge.back))
            np.copyto(ahead, view[:, *two], where=taken[one])
            np.copyto(back, view[:, *one], where=taken[two])
            now = self.now[:, *part]
            differs = _norm(now[:, *one] - back) + _norm(ahead - now[:, *two])
            _along(edge.now, part, free.shape, edge)[...] = differs * _along(edge.there, part, free.shape, edge)
        return True


def _along(of: Floats, part: tuple[slice, slice], shape: tuple[int, ...], edge: _Edges) -> Floats:
    """The pairs (one fewer along the axis) whose two pixels lie in a part of the box."""
    rows, columns = part
    one_less = [n - (s.stop == -1) for n, s in zip(shape, edge.first, strict=True)]
    return of[..., rows.start : rows.start + one_less[0], columns.start : columns.start + one_less[1]]


@dataclass(frozen=True)
class _Pairs:
    """Neighbours where one or both may take a label. first_alone, second_alone: float32, what it adds to the pair's
    energy when only that one takes it; first, second: that energy itself. Where both take it the energy is 0."""

    one: tuple[slice, slice]
    two: tuple[slice, slice]
    first_alone: Floats
    second_alone: Floats
    first: Floats
    second: Floats


def _decide(unary: Floats, free: Bools, pairs: list[_Pairs]) -> Bools:
    """Where taking the label lowers the energy most, bool h x w.

    A pixel whose best case is worse than keeping keeps, one whose worst case is better takes, whatever its
    neighbours do; that decides most of them, and a minimum cut the rest.
    """
    taken = np.zeros_like(free)
    open_ = free.copy()
    for _ in range(_ROUNDS):
        best, worst = unary.copy(), unary.copy()
        kept = ~(open_ | taken)
        any_taken = taken.any()
        for p in pairs:
            # Beside one that takes it, taking adds -second (-first), which is never more than beside one that keeps.
            best[p.one] += np.where(kept[p.two], p.first_alone, -p.second)
            best[p.two] += np.where(kept[p.one], p.second_alone, -p.first)
            if any_taken:
                worst[p.one] += np.where(taken[p.two], -p.second, p.first_alone)
                worst[p.two] += np.where(taken[p.one], -p.first, p.second_alone)
            else:
                worst[p.one] += p.first_alone
                worst[p.two] += p.second_alone
        keep, take = open_ & (best >= 0), open_ & (worst < 0) & (best < 0)
        decided = np.count_nonzero(keep) + np.count_nonzero(take)
        taken |= take
        open_ &= ~(keep | take)
        left = np.count_nonzero(open_)
        if not left:
            return taken
        if decided < 0.05 * left:
            break
    return taken | _cut(unary, open_, taken, pairs)


def _cut(unary: Floats, open_: Bools, taken: Bools, pairs: list[_Pairs]) -> Bools:
    """The open pixels that take the label: a minimum cut (Kolmogorov and Zabih 2004)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    gain = unary.astype(np.float64)
    number = np.full(open_.shape, -1, np.int32)
    count = np.count_nonzero(open_)
    number[open_] = np.arange(count)
    tails, heads, weights = [], [], []
    for p in pairs:
        one, two = p.one, p.two
        # now + first_alone x1 - first x2 + (first + second_alone) (1 - x1) x2 for two open ones
        gain[one] += np.where(taken[two], -p.second, p.first_alone)
        gain[two] += np.where(taken[one] | open_[one], -p.first, p.second_alone)
        both = open_[one] & open_[two]
        tails.append(number[one][both])
        heads.append(number[two][both])
        weights.append(np.maximum(p.first + p.second_alone, 0)[both])
    change = gain[open_]
    source, sink = count, count + 1
    costs, saves = np.flatnonzero(change > 0), np.flatnonzero(change < 0)
    tail = np.concatenate([*tails, np.full(len(costs), source), saves])
    head = np.concatenate([*heads, costs, np.full(len(saves), sink)])
    weight = np.concatenate([*weights, change[costs], -change[saves]])
    capacity = np.rint(np.minimum(weight, 1e5) * _UNIT).astype(np.int32)
    graph = csr_matrix((capacity, (tail, head)), shape=(count + 2, count + 2))
    rest = graph - maximum_flow(graph, source, sink).flow
    rest.eliminate_zeros()
    takes = np.ones(count + 2, bool)
    takes[breadth_first_order(rest, source, return_predecessors=False)] = False
    out = np.zeros_like(open_)
    out[open_] = takes[:count]
    return out
