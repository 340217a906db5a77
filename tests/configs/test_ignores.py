"""A setting that an entry calls of no account, so that it stays out of keys, is never read by its method."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import pytest

from configs import InpaintSettings, SegmentSettings
from configs.fills import FILLS
from configs.methods import Section
from configs.segmenters import SEGMENTERS
from data.types import GivenMasks, Photo, PhotoError
from data.weights.files import WeightsError, find
from detection import build_segmenter
from inpainting import build_fill, inpaint

Settings = TypeVar("Settings", bound=Section)


def guarded(settings: Settings, *names: str) -> Settings:
    """The same settings, of which these cannot be read."""

    def read(self: Any, name: str) -> Any:
        assert name not in names, f"{settings.chosen} reads {settings.section}.{name}"
        return object.__getattribute__(self, name)

    kind = type("Guarded", (type(settings),), {"__getattribute__": read})
    made: Settings = kind.model_construct(**dict(settings))
    return made


def test_the_guard_guards() -> None:
    with pytest.raises(AssertionError, match=r"telea reads inpaint\.margin"):
        picture(guarded(InpaintSettings(fill="telea", device="cpu"), "margin"))


@pytest.mark.parametrize("name", [name for name, method in FILLS.items() if method.ignores])
def test_fills(name: str) -> None:
    settings = InpaintSettings(fill=name, device="cpu")
    picture(guarded(settings, *FILLS[name].ignores))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, method in SEGMENTERS.items() if method.ignores and name != "union"])
def test_segmenters(name: str) -> None:
    settings = SegmentSettings(segmenter=name, device="cpu")
    try:
        weights = {one: find(one) for one in settings.required_weights()}
    except WeightsError as error:
        pytest.skip(str(error))
    segmenter = build_segmenter(guarded(settings, *SEGMENTERS[name].ignores), weights)
    try:
        segmenter.segment([Photo("a", "a", np.full((64, 96, 3), 90, np.uint8), GivenMasks())])
    except PhotoError as error:  # no masks were given
        assert SEGMENTERS[name].given, error


def picture(settings: InpaintSettings) -> None:
    image, hole = np.full((90, 120, 3), 90, np.uint8), np.zeros((90, 120), np.uint8)
    hole[30:50, 40:70] = 255
    weights = {one: find(one) for one in settings.required_weights()}
    inpaint(image, hole, build_fill(settings, weights), settings)
