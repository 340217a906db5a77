"""Differences of figures measured on the same photos."""

from __future__ import annotations

import numpy as np
import pytest

from flows.evaluation.estimates import Parts, difference, estimate


def noisy(seed: int, shift: float) -> list[Parts]:
    """Forty hard or easy photos, the same ones whatever the shift."""
    hardness = np.random.default_rng(0).normal(0, 10, 40)
    small = np.random.default_rng(seed).normal(shift, 0.1, 40)
    return [{"psnr": (20 + h + s, 1.0), "seam": (2 + s, 2.0)} for h, s in zip(hardness, small, strict=True)]


def test_a_small_difference_shows_through_what_differs_between_photos() -> None:
    first, second = noisy(1, 0), noisy(2, 0.5)
    alone = estimate(first)["psnr"]
    change = difference(first, second)["psnr"]
    assert change.value == pytest.approx(0.5, abs=0.1) and 0.4 < change.low < change.value < change.high < 0.6
    assert alone.high - alone.low > 20 * (change.high - change.low)


def test_ratios_of_sums_are_subtracted_as_ratios() -> None:
    first: list[Parts] = [{"seam": (1.0, 1.0)}, {"seam": (9.0, 3.0)}]
    second: list[Parts] = [{"seam": (2.0, 1.0)}, {"seam": (4.0, 3.0)}]
    assert difference(first, second)["seam"].value == pytest.approx(6 / 4 - 10 / 4)
    assert difference(first, first)["seam"].to_json() == {"value": 0, "low": 0, "high": 0}


def test_nothing_to_tell() -> None:
    assert estimate([]) == difference([], []) == {}
    assert difference([{"a": (1.0, 1.0)}], [{"b": (1.0, 1.0)}]) == {}
    assert "a" not in estimate([{"a": (0.0, 0.0), "b": (1.0, 1.0)}])
