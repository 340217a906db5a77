"""Shifts of the photo that are worth trying: what looks alike lies so far apart, many times over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.types import Pixels

_RADIUS = 3
"""Of the compared patches: 7 x 7 pixels, as 3 x 3 means."""
_UP, _ACROSS = 0.1, 0.03
"""How much less alike a patch counts for each side of the window that it lies above or below, and beside: as a share of
the range of grey levels."""
_QUERIES, _SOURCES, _SAMPLES = 1200, 12000, 700
_NEAR = 1 / 15
"""Shifts of the surroundings onto themselves shorter than this share of the longer side say nothing."""


def candidate_shifts(
    guide: Pixels, hole: NDArray[np.bool_], known: NDArray[np.bool_], nearest: int, frequent: int
) -> NDArray[np.int32]:
    """Shifts (rows, columns) from a pixel of the hole to its source, int32 K x 2, each of them once, never (0, 0).

    guide: uint8 H x W x 3, the hole filled. known: bool H x W, what may be copied. nearest: how many of the shifts that
    lead most often from a patch of the guide's hole to the known patch most like it; frequent: how many of those that
    lead from known patches to other known ones (He and Sun 2012, section 3). K is at most their sum; 0 where
    no whole patch is known.
    """
    height, width = hole.shape
    sources = np.flatnonzero(_whole_patches(known))
    queries = np.flatnonzero(hole)
    if not len(sources) or not len(queries):
        return np.zeros((0, 2), np.int32)
    descriptors = _descriptors(guide)
    places = _places(height, width)
    sources = _every(sources, _SOURCES)
    queries = _on_a_grid(queries, width, _QUERIES)
    described = np.concatenate([descriptors, places], axis=1)
    found = sources[_nearest(described[queries], described[sources])]
    shifts = _peaks(found // width - queries // width, found % width - queries % width, hole.shape, nearest, 0)
    if frequent:
        samples, others = _every(sources, _SAMPLES), _every(sources, _SOURCES // 2)
        apart = max(height, width) * _NEAR
        dy, dx = _shifts_between(descriptors, samples, others, width, apart)
        shifts += _peaks(np.r_[dy, -dy], np.r_[dx, -dx], hole.shape, frequent, apart)
    distinct = list(dict.fromkeys(shift for shift in shifts if shift != (0, 0)))
    return np.array(distinct, np.int32).reshape(-1, 2)


def worth_trying(costs: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """Numbers of at most so many labels that together cost little where every pixel takes its cheapest one, in order.

    costs: float32 K x N, of each label at each of N pixels, infinite where it may not be. Label 0 is always one of
    them; then each in turn is the one that lowers the sum most, which comes near the best choice (Nemhauser, Wolsey and
    Fisher 1978). Fewer than `most` where no other lowers it.
    """
    best, taken = costs[0].copy(), [0]
    left = np.arange(1, len(costs))
    while len(left) and len(taken) < most:
        gains = np.maximum(best - costs[left], 0).sum(axis=1)
        first = int(gains.argmax())
        if gains[first] <= 0:
            break
        taken.append(int(left[first]))
        best = np.minimum(best, costs[left[first]])
        left = left[(gains > 0) & (left != left[first])]
    return np.sort(np.array(taken, np.intp))


def _whole_patches(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Centres of patches all of which are known and inside the window."""
    import cv2

    side = np.ones((2 * _RADIUS + 1,) * 2, np.uint8)
    return np.asarray(cv2.erode(np.pad(known, 1).astype(np.uint8), side)[1:-1, 1:-1] != 0)


def _descriptors(image: Pixels) -> NDArray[np.float32]:
    """The surroundings of every pixel as 3 x 3 means of 3 x 3 pixels, float32 N x 27 in 0..255.

    They are whole numbers: products of them sum up without rounding, in whatever order a machine adds them.
    """
    import cv2

    height, width = image.shape[:2]
    means = np.pad(cv2.blur(image, (3, 3)), ((2, 2), (2, 2), (0, 0)), mode="edge")
    around = [means[y : y + height, x : x + width] for y in (0, 2, 4) for x in (0, 2, 4)]
    return np.concatenate(around, axis=2).reshape(height * width, -1).astype(np.float32)


def _places(height: int, width: int) -> NDArray[np.float32]:
    """The place of every pixel, scaled so that squared distances add up with those of descriptors, float32 N x 2."""
    scale = 255 * np.sqrt(27) / max(height, width)
    places = np.zeros((height, width, 2), np.float32)
    places[..., 0] = np.rint(np.arange(height) * (_UP * scale))[:, None]
    places[..., 1] = np.rint(np.arange(width) * (_ACROSS * scale))
    return places.reshape(-1, 2)


def _every(places: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """At most so many of them, evenly drawn, the same ones always."""
    if len(places) <= most:
        return places
    return np.sort(np.random.default_rng(1).permutation(places)[:most])


def _on_a_grid(places: NDArray[np.intp], width: int, about: int) -> NDArray[np.intp]:
    step = max(1, round(float(np.sqrt(len(places) / about))))
    on = places[(places // width % step == 0) & (places % width % step == 0)]
    return on if len(on) else places[:1]


def _nearest(queries: NDArray[np.float32], sources: NDArray[np.float32]) -> NDArray[np.intp]:
    """For each query the number of the source at the smallest Euclidean distance."""
    half = (sources * sources).sum(axis=1) / 2
    across = np.ascontiguousarray(sources.T)
    chunks = [half - queries[i : i + 256] @ across for i in range(0, len(queries), 256)]
    return np.concatenate([chunk.argmin(axis=1) for chunk in chunks])


def _shifts_between(
    descriptors: NDArray[np.float32], samples: NDArray[np.intp], others: NDArray[np.intp], width: int, apart: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """From each sample to the patch most like it that is at least `apart` pixels away: rows, columns."""
    half = (descriptors[others] ** 2).sum(axis=1) / 2
    across = np.ascontiguousarray(descriptors[others].T)
    y, x = (others // width).astype(np.float32), (others % width).astype(np.float32)
    rows, columns = [], []
    for start in range(0, len(samples), 256):
        some = samples[start : start + 256]
        unlike = half - descriptors[some] @ across
        sy, sx = (some // width).astype(np.float32)[:, None], (some % width).astype(np.float32)[:, None]
        unlike[(y - sy) ** 2 + (x - sx) ** 2 < apart**2] = np.inf
        best = others[unlike.argmin(axis=1)]
        rows.append(best // width - some // width)
        columns.append(best % width - some % width)
    return np.concatenate(rows), np.concatenate(columns)


def _peaks(
    dy: NDArray[np.intp], dx: NDArray[np.intp], shape: tuple[int, ...], most: int, apart: float
) -> list[tuple[int, int]]:
    """The most frequent shifts, at least three pixels from one another and `apart` from none, most frequent first."""
    import cv2

    height, width = shape
    counts = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    np.add.at(counts, (dy + height, dx + width), 1)
    counts = np.asarray(cv2.GaussianBlur(counts, (0, 0), 1.4), np.float32)
    if apart:
        yy, xx = np.ogrid[-height : height + 1, -width : width + 1]
        counts[yy * yy + xx * xx < apart * apart] = 0
    ys, xs = np.nonzero((counts == cv2.dilate(counts, np.ones((7, 7)))) & (counts > 1e-6))
    order = np.argsort(-counts[ys, xs], kind="stable")[:most]
    return [(int(y) - height, int(x) - width) for y, x in zip(ys[order], xs[order], strict=True)]
