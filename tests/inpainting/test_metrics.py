"""Figures on small arrays whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from inpainting import metrics


def gray(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.uint8)[..., None].repeat(3, axis=2)


def noise(seed: int, spread: float = 20) -> np.ndarray:
    values = np.random.default_rng(seed).normal(128, spread, (64, 64, 1))
    return np.clip(values, 0, 255).astype(np.uint8).repeat(3, axis=2)


HOLE = np.zeros((64, 64), np.uint8)
HOLE[16:48, 16:48] = 255


def test_psnr_looks_at_the_hole_only() -> None:
    truth, hole = gray([[0, 0, 0, 0]]), np.array([[0, 255, 255, 0]], np.uint8)
    assert metrics.psnr(gray([[9, 10, 10, 9]]), truth, hole) == pytest.approx(20 * np.log10(255 / 10))
    assert metrics.psnr(gray([[9, 0, 0, 9]]), truth, hole) == float("inf")


def test_ssim() -> None:
    assert metrics.ssim(noise(0), noise(0), HOLE) == pytest.approx(1)
    assert metrics.ssim(noise(1), noise(0), HOLE) < 0.1
    flat_a, flat_b = np.full((64, 64, 3), 100, np.uint8), np.full((64, 64, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2  # flat images: only the luminance term of the formula is left
    assert metrics.ssim(flat_a, flat_b, HOLE) == pytest.approx((2 * 15000 + c1) / (100**2 + 150**2 + c1), rel=1e-4)


def test_ssim_agrees_with_scikit_image() -> None:
    structural = pytest.importorskip("skimage.metrics").structural_similarity
    a, b = noise(0), np.clip(noise(0).astype(int) + noise(3, 10) - 128, 0, 255).astype(np.uint8)
    _, every = structural(
        a[..., 0], b[..., 0], gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    assert metrics.ssim(a, b, HOLE) == pytest.approx(every[HOLE != 0].mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[10, 10, 10], [10, 10, 10]], 0),
        ([[10, 50, 50], [10, 50, 50]], 40),
        ([[10, 50, 90], [10, 10, 90]], 20),  # steps of 40 and 0; the 80 between two filled pixels is none
    ],
)
def test_seam(rows: list[list[int]], expected: float) -> None:
    hole = np.array([[0, 255, 255], [0, 255, 255]], np.uint8)
    assert metrics.seam(gray(rows), hole) == pytest.approx(expected)


def test_seam_without_a_rim() -> None:
    assert metrics.seam(gray([[1, 9]]), np.full((1, 2), 255, np.uint8)) == 0


def test_ring_delta_e() -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    assert metrics.ring_delta_e(flat, HOLE) == pytest.approx(0, abs=1e-3)
    white_on_black = np.where(HOLE[..., None] != 0, 255, 0).repeat(3, axis=2).astype(np.uint8)
    assert metrics.ring_delta_e(white_on_black, HOLE) == pytest.approx(100, abs=0.1)  # L of white - L of black


def test_sliced_wasserstein_sees_texture_where_psnr_does_not() -> None:
    truth, blur = noise(0), np.full((64, 64, 3), 128, np.uint8)
    other = noise(1)  # another piece of the same texture
    assert metrics.sliced_wasserstein(truth, truth, HOLE) == 0
    assert metrics.sliced_wasserstein(other, truth, HOLE) < 0.3 * metrics.sliced_wasserstein(blur, truth, HOLE)
    assert metrics.psnr(other, truth, HOLE) < metrics.psnr(blur, truth, HOLE)


def test_fine_detail() -> None:
    assert metrics.fine_detail(np.full((64, 64, 3), 9, np.uint8), HOLE) == 0
    assert metrics.fine_detail(noise(0, 20), HOLE) == pytest.approx(
        2 * metrics.fine_detail(noise(0, 10), HOLE), rel=0.05
    )


def test_l1() -> None:
    truth, hole = gray([[0, 0, 0, 0]]), np.array([[0, 255, 255, 0]], np.uint8)
    assert metrics.l1(gray([[9, 10, 20, 9]]), truth, hole) == pytest.approx(15)
    assert metrics.l1(truth, gray([[9, 10, 20, 9]]), hole) == pytest.approx(15)


@pytest.mark.parametrize("name", ["seam", "ring_delta_e", "fine_detail"])
def test_what_is_far_from_the_hole_does_not_count(name: str) -> None:
    small, large = noise(0), noise(2).repeat(3, 0).repeat(3, 1)
    hole, large_hole = np.zeros((64, 64), np.uint8), np.zeros((192, 192), np.uint8)
    hole[24:36, 26:40] = 255
    large[40:104, 70:134], large_hole[40:104, 70:134] = small, hole
    figure = getattr(metrics, name)
    assert figure(large, large_hole) == pytest.approx(figure(small, hole), rel=1e-5)
