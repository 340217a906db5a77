"""Figures with an uncertainty: ratios of sums over photos, and their bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
Parts = Mapping[str, tuple[float, float]]
"""What one photo adds to each figure: numerator and denominator. A mean over photos has the denominator 1."""


@dataclass(frozen=True)
class Estimate:
    """A figure and the interval that holds 95 % of its values on resampled photos (Efron 1979, percentile method).

    count: the sum of the denominators.
    """

    value: float
    low: float
    high: float
    count: float

    def to_json(self) -> dict[str, float]:
        return {"value": round(self.value, 5), "low": round(self.low, 5), "high": round(self.high, 5)}


def estimate(photos: Sequence[Parts], seed: int = 0) -> dict[str, Estimate]:
    """Every figure that any of the photos adds to, in order of appearance; photos are resampled whole, because what
    is found in one photo hangs together."""
    names = list(dict.fromkeys(name for parts in photos for name in parts))
    if not names:
        return {}
    total, resampled = _sums(photos, names, seed)
    ratios = _ratios(resampled)
    return {
        name: _estimate(total[i, 0] / total[i, 1], ratios[:, i], total[i, 1])
        for i, name in enumerate(names)
        if total[i, 1] > 0
    }


def difference(first: Sequence[Parts], second: Sequence[Parts], seed: int = 0) -> dict[str, Estimate]:
    """Second minus first for every figure that both add to; the photos are the same ones in the same order and are
    resampled together, so that what is hard in a photo does not count as uncertainty (paired bootstrap)."""
    assert len(first) == len(second)
    names = [name for name in dict.fromkeys(n for p in first for n in p) if any(name in parts for parts in second)]
    if not names:
        return {}
    totals, resampled = zip(*(_sums(photos, names, seed) for photos in (first, second)), strict=True)
    (before, after), (a, b) = map(_ratios, totals), map(_ratios, resampled)
    return {
        name: _estimate(after[i] - before[i], b[:, i] - a[:, i], totals[1][i, 1])
        for i, name in enumerate(names)
        if totals[0][i, 1] > 0 and totals[1][i, 1] > 0
    }


def _sums(photos: Sequence[Parts], names: Sequence[str], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Numerators and denominators of the figures: of all photos, names x 2, and of each resample, resamples x names
    x 2."""
    each = np.array([[parts.get(name, (0.0, 0.0)) for name in names] for parts in photos], np.float64)
    each = each.reshape(len(photos), len(names), 2)
    draws = np.random.default_rng(seed).multinomial(len(photos), np.full(len(photos), 1 / len(photos)), RESAMPLES)
    return each.sum(0), np.einsum("bn,nfk->bfk", draws, each)


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN where a resample has none of the few photos that speak of a figure."""
    above, below = sums[..., 0], sums[..., 1]
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _estimate(value: float, resampled: NDArray[np.float64], count: float) -> Estimate:
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high), float(count))
