"""`remove_people`: one image in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from collection_with_people import texture
from red_people import RED, RedPeople

from configs.load import load_settings
from data.errors import InputError
from data.types import Hole, Pixels
from flows import api, remove_people
from flows.stages import models


class Small:
    """Fills with one value what has at most `most` pixels a side; there is no memory for more."""

    def __init__(self, most: int) -> None:
        self.most = most

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        if max(hole.shape) > self.most:
            raise MemoryError
        return np.full_like(image, 7)


@pytest.mark.parametrize(("most", "lower"), [(2000, None), (80, "inpaint.window=64")])
def test_an_image_with_little_memory_says_so(monkeypatch: pytest.MonkeyPatch, most: int, lower: str | None) -> None:
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: RedPeople())
    monkeypatch.setattr(models, "fill", lambda settings, weights: Small(most))
    monkeypatch.setattr(
        api, "_prepared", lambda preset, overrides: (load_settings(preset, [*overrides, "inpaint.fill=telea"]), {})
    )
    pixels = texture(3).copy()
    pixels[30:70, 20:36] = RED
    result = remove_people(pixels, "embedded")
    assert (len(result.people), result.lower) == (1, lower)
    assert (result.hole[30:70, 20:36] == 255).all()
    changed = (result.image != pixels).any(2)
    assert changed[30:70, 20:36].all() and not changed[result.hole == 0].any()


@pytest.mark.parametrize(
    ("keep", "stay", "doubts"),
    [
        (None, (), 0),
        ("largest", (1,), 0),
        (0, (0,), 0),
        ("0,1", (0, 1), 0),
        ([(60, 20, 20, 50)], (1,), 0),
        (np.array([[10.0, 30.0, 10.0, 30.0]]), (0,), 0),
        (99, (), 1),
        ([0, (100, 0, 20, 20)], (0,), 1),
    ],
)
def test_who_stays(monkeypatch: pytest.MonkeyPatch, keep: Any, stay: tuple[int, ...], doubts: int) -> None:
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: RedPeople())
    monkeypatch.setattr(models, "fill", lambda settings, weights: Small(2000))
    monkeypatch.setattr(
        api, "_prepared", lambda preset, overrides: (load_settings(preset, [*overrides, "inpaint.fill=telea"]), {})
    )
    pixels, boxes = texture(3).copy(), [(10, 30, 10, 30), (60, 20, 20, 50)]
    for x, y, width, height in boxes:
        pixels[y : y + height, x : x + width] = RED
    result = remove_people(pixels, "embedded", keep=keep)
    for number, (x, y, width, height) in enumerate(boxes):
        hole = result.hole[y : y + height, x : x + width] > 0
        assert hole.all() if number not in stay else not hole.any()
    assert len(result.doubts) == doubts


@pytest.mark.parametrize("keep", ["everyone", [-1], [(1, 2, 3)], [True], 1.5])
def test_a_keep_that_says_nobody_is_one_sentence(keep: Any) -> None:
    with pytest.raises(InputError, match="keep"):
        remove_people(texture(3), "embedded", keep=keep)
