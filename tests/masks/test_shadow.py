"""Shadows on painted ground: taken when they are beyond doubt, left when they are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from configs import RefineSettings
from data.types import Instance, People
from masks import refine
from masks.shadow import cast_shadow

HEIGHT, WIDTH = 200, 260
RNG = np.random.default_rng(3)
GROUND = np.array([150, 140, 110])


def scene(shade: float = 0.5, tint: tuple[float, float, float] = (1, 1, 1)) -> tuple[np.ndarray, ...]:
    """(photo, person, shadow): somebody upright whose shadow lies on the ground to the right of the feet."""
    person, shadow = np.zeros((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), bool)
    person[60:150, 100:130] = True
    for step in range(70):
        row = 148 - step // 6
        shadow[row - 9 : row, 128 + step] = True
    shadow &= ~person
    pixels = GROUND + RNG.normal(0, 4, (HEIGHT, WIDTH, 3))
    pixels[shadow] *= shade * np.array(tint)
    pixels[person] = (40, 60, 160)
    return np.clip(pixels, 0, 255).astype(np.uint8), person, shadow


def test_a_shadow_at_the_feet_is_found() -> None:
    pixels, person, shadow = scene()
    found = cast_shadow(pixels, person, person)
    assert found is not None
    assert (found & shadow).sum() / (found | shadow).sum() > 0.8
    assert not (found & person).any()


def _lies(pixels: np.ndarray, person: np.ndarray) -> None:
    person[:] = False
    person[130:150, 60:130] = True


def _no_feet(pixels: np.ndarray, person: np.ndarray) -> None:
    person[150:, 100:130] = True


def _apart(pixels: np.ndarray, person: np.ndarray) -> None:
    pixels[:, 130:146] = GROUND


def _endless(pixels: np.ndarray, person: np.ndarray) -> None:
    pixels[138:150, 128:] = GROUND // 2
    pixels[138:150, :100] = GROUND // 2


def _striped(pixels: np.ndarray, person: np.ndarray) -> None:
    pixels[:, ::2] = pixels[:, ::2] // 2


@pytest.mark.parametrize("spoil", [_lies, _no_feet, _apart, _endless, _striped])
def test_what_is_unsure_is_left(spoil: Callable[[np.ndarray, np.ndarray], None]) -> None:
    pixels, person, _ = scene()
    spoil(pixels, person)
    assert cast_shadow(pixels, person, person) is None


@pytest.mark.parametrize(
    ("shade", "tint"), [(0.97, (1, 1, 1)), (0.05, (1, 1, 1)), (0.5, (1.9, 0.7, 0.4)), (1.6, (1, 1, 1))]
)
def test_what_is_no_shadow_is_left(shade: float, tint: tuple[float, float, float]) -> None:
    """Too faint, black, of another colour, brighter."""
    pixels, person, _ = scene(shade, tint)
    assert cast_shadow(pixels, person, person) is None


def test_a_shadow_leaves_with_its_person() -> None:
    pixels, person, shadow = scene()
    people = People(person.shape, (Instance.from_mask(person, 1.0, "annotations"),))
    settings = RefineSettings(shadow=True, dilate=0, dilate_min=0)
    with_shadow = refine(people, settings, pixels) > 0
    without = refine(people, settings.model_copy(update={"shadow": False}), pixels) > 0
    assert with_shadow[shadow > 0].mean() > 0.8
    assert without[shadow > 0].mean() < 0.1
