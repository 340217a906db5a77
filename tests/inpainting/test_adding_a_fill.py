"""docs/fills.md, step by step: one file, one line in the registry."""

from __future__ import annotations

import numpy as np
import pytest

from configs import InpaintSettings
from configs.fills import FILLS, FillMethod
from inpainting import build_fill, compose, inpaint


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> InpaintSettings:
    monkeypatch.setitem(
        FILLS, "rows", FillMethod(module="row_fill", label="the row's mean", neural=False)
    )  # the line in the registry
    return InpaintSettings(feather=0).model_copy(update={"fill": "rows"})


@pytest.mark.parametrize("size", [60, 700])  # the larger one is filled at reduced size
def test_it_is_built_from_settings_and_fills(settings: InpaintSettings, size: int) -> None:
    assert settings.required_weights() == []
    ramp = np.linspace(20, 220, size).astype(np.uint8)[:, None, None]  # brighter from row to row
    truth = np.broadcast_to(ramp, (size, size, 3))
    hole, stays = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    hole[size // 4 : size // 2, size // 4 : size // 2] = 255
    stays[size // 4 :, -size // 6 :] = 255
    image = np.where((hole | stays)[..., None] > 0, np.uint8(255), truth)  # people, who must not be seen
    result = compose(image, hole, inpaint(image, hole, build_fill(settings, {}), settings, stays))
    assert np.abs(result[hole > 0].astype(int) - truth[hole > 0]).max() <= 3
    assert np.array_equal(result[hole == 0], image[hole == 0])
