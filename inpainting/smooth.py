"""Known values continued smoothly to where nothing is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST_WEIGHT = 0.02
"""Share of known pixels in its neighbourhood from which a pixel takes their mean."""


def spread(values: NDArray[np.float32], known: NDArray[np.bool_], sigma: float = 4.0) -> NDArray[np.float32]:
    """At each pixel the mean of the known values in a neighbourhood as wide as it takes to see some.

    values: float32 H x W x C. known: bool H x W. sigma: of the first neighbourhood (Gaussian), which doubles; known
    pixels are smoothed too. Returns float32 H x W x C; 0 where nothing is known at all.
    """
    import cv2

    weights = known.astype(np.float32)
    weighted = values * weights[..., None]
    out, open_ = np.zeros_like(weighted), np.ones(known.shape, bool)
    while open_.any() and sigma < 2 * max(known.shape):
        weight = cv2.GaussianBlur(weights, (0, 0), sigma)
        now = open_ & (weight > _LEAST_WEIGHT)
        total = cv2.GaussianBlur(weighted, (0, 0), sigma).reshape(weighted.shape)
        out[now] = total[now] / weight[now][:, None]
        open_ &= ~now
        sigma *= 2
    if known.any():  # so few of so many pixels that no neighbourhood saw enough
        out[open_] = values[known].mean(axis=0)
    return out
