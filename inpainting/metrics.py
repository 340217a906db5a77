"""Figures of a fill against the truth, inside the hole only.

Every function takes uint8 H x W x 3 RGB images and a uint8 H x W hole (255 = filled), and returns a
float. PSNR and SSIM reward blur; sliced Wasserstein and detail see whether the texture is real.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from data.types import Hole, Pixels

_SSIM_C1, _SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(result: Pixels, truth: Pixels, hole: Hole) -> float:
    """Peak signal-to-noise ratio over the hole's pixels, in dB; infinite for equal ones."""
    inside = hole != 0
    error = np.mean((result[inside].astype(np.float64) - truth[inside]) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim(result: Pixels, truth: Pixels, hole: Hole) -> float:
    """Mean structural similarity of the luminance over the hole's pixels, -1..1 (Wang et al. 2004, eq. 13).

    Gaussian window of sigma 1.5, 11 x 11.
    """
    box = _around(hole, 5)
    a, b = _luminance(result[box]), _luminance(truth[box])
    mean_a, mean_b = _window(a), _window(b)
    var_a, var_b = _window(a * a) - mean_a**2, _window(b * b) - mean_b**2
    covariance = _window(a * b) - mean_a * mean_b
    score = ((2 * mean_a * mean_b + _SSIM_C1) * (2 * covariance + _SSIM_C2)) / (
        (mean_a**2 + mean_b**2 + _SSIM_C1) * (var_a + var_b + _SSIM_C2)
    )
    return float(score[hole[box] != 0].mean())


def l1(result: Pixels, truth: Pixels, hole: Hole) -> float:
    """Mean absolute difference over the hole's pixels, in grey levels."""
    inside = hole != 0
    return float(np.abs(result[inside].astype(np.int16) - truth[inside]).mean())


def seam(result: Pixels, hole: Hole) -> float:
    """Mean absolute step of the luminance across the hole's rim, in grey levels.

    Taken over all pairs of 4-neighbours of which one is in the hole; 0 when there is no such pair.
    A truth has steps too: compare with the truth's own figure.
    """
    box = _around(hole, 1)
    grey, inside = _luminance(result[box]), hole[box] != 0
    down, right = inside[1:] != inside[:-1], inside[:, 1:] != inside[:, :-1]
    total = np.abs(grey[1:] - grey[:-1]).sum(where=down) + np.abs(grey[:, 1:] - grey[:, :-1]).sum(where=right)
    count = np.count_nonzero(down) + np.count_nonzero(right)
    return float(total / count) if count else 0.0


def ring_delta_e(result: Pixels, hole: Hole, width: int = 8) -> float:
    """Mean colour difference (CIE76 in Lab) of the hole's surroundings and its content along the rim.

    At each rim pixel the mean colours of the hole's pixels and of the known ones in a box of
    2 x width + 1 are compared. Compare with the truth's own figure.
    """
    box = _around(hole, width)
    lab = np.asarray(cv2.cvtColor((result[box] / 255).astype(np.float32), cv2.COLOR_RGB2LAB), np.float32)
    inside = (hole[box] != 0).astype(np.float32)
    where = (inside > 0) & (cv2.erode(inside, np.ones((3, 3), np.uint8)) == 0)  # the photo's border is no rim
    if not where.any():
        return 0.0

    def sums(of: NDArray[np.float32]) -> NDArray[np.float64]:
        side = (2 * width + 1, 2 * width + 1)
        taken = cv2.boxFilter(of, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)[where]
        return np.asarray(taken, np.float64)

    count, every = sums(inside)[:, None], sums(np.ones_like(inside))[:, None]
    within, everything = sums(lab * inside[..., None]), sums(lab)
    difference = within / count - (everything - within) / (every - count)
    return float(np.linalg.norm(difference, axis=1).mean())


def sliced_wasserstein(
    result: Pixels, truth: Pixels, hole: Hole, levels: int = 3, patch: int = 7, directions: int = 128
) -> float:
    """Distance of the texture of two images in the hole: 0 for equal ones (Karras et al. 2018, section 5).

    Patches centred in the hole from the finest `levels` of a Laplacian pyramid, each projected on fixed
    random directions; mean over directions, ranks and levels of the absolute difference, in grey levels.
    """
    rng = np.random.default_rng(0)
    distances = []
    bands = zip(_laplacian(result, levels), _laplacian(truth, levels), strict=True)
    for level, (a, b) in enumerate(bands):
        small = cv2.resize(hole, a.shape[1::-1], interpolation=cv2.INTER_NEAREST) if level else hole
        ys, xs = np.nonzero(small)
        if not len(ys):
            break
        chosen = rng.permutation(len(ys))[:4096]
        axes = rng.standard_normal((patch * patch * 3, directions)).astype(np.float32)
        axes /= np.linalg.norm(axes, axis=0)
        sorted_a, sorted_b = (np.sort(_patches(x, ys[chosen], xs[chosen], patch) @ axes, axis=0) for x in (a, b))
        distances.append(np.abs(sorted_a - sorted_b).mean())
    return float(np.mean(distances)) if distances else 0.0


def fine_detail(result: Pixels, hole: Hole) -> float:
    """Standard deviation of the finest Laplacian band's luminance in the hole (Burt and Adelson 1983), in grey levels;
    0 for an empty hole."""
    box = _around(hole, 2)
    inside = hole[box] != 0
    return float(_finest(result[box])[inside].std()) if inside.any() else 0.0


def _around(hole: Hole, margin: int) -> tuple[slice, slice]:
    """Index of the hole's box and `margin` px on every side of it, as far as the photo goes: holes are small, and
    what is further off does not count."""
    x, y, width, height = cv2.boundingRect(hole)
    return slice(max(y - margin, 0), y + height + margin), slice(max(x - margin, 0), x + width + margin)


def _finest(image: Pixels) -> NDArray[np.float32]:
    grey = _luminance(image)
    return np.asarray(grey - cv2.GaussianBlur(grey, (5, 5), 1.0))


def _luminance(image: Pixels) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def _window(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5), np.float32)


def _laplacian(image: Pixels, levels: int) -> list[NDArray[np.float32]]:
    bands: list[NDArray[np.float32]] = []
    current = np.asarray(image, np.float32)
    for _ in range(levels):
        if min(current.shape[:2]) < 2:
            break
        below = np.asarray(cv2.pyrDown(current), np.float32)
        bands.append(current - np.asarray(cv2.pyrUp(below, dstsize=current.shape[1::-1]), np.float32))
        current = below
    return bands


def _patches(x: NDArray[np.float32], ys: NDArray[np.intp], xs: NDArray[np.intp], side: int) -> NDArray[np.float32]:
    reach, offsets = side // 2, np.arange(side)
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    taken = padded[ys[:, None, None] + offsets[:, None], xs[:, None, None] + offsets]
    return np.asarray(taken.reshape(len(ys), -1), np.float32)
