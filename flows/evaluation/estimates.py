"""Figures with an uncertainty: ratios of sums over photos, and their bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
    sums = np.array([[parts.get(name, (0.0, 0.0)) for name in names] for parts in photos], np.float64)
    if not names:
        return {}
    names = [name for i, name in enumerate(names) if sums[:, i, 1].sum() > 0]
    sums = sums[:, sums[..., 1].sum(0) > 0]
    draws = np.random.default_rng(seed).multinomial(len(photos), np.full(len(photos), 1 / len(photos)), RESAMPLES)
    resampled = np.einsum("bn,nfk->kbf", draws, sums)
    # Where few photos speak of a figure, a resample may have none of them.
    above, below = resampled[0], resampled[1]
    ratios = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    low, high = np.nanpercentile(ratios, [2.5, 97.5], axis=0)
    total = sums.sum(0)
    return {
        name: Estimate(float(total[i, 0] / total[i, 1]), float(low[i]), float(high[i]), float(total[i, 1]))
        for i, name in enumerate(names)
    }
