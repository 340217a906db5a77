"""`remove_people`: one image in memory."""

from __future__ import annotations

import numpy as np
import pytest
from collection_with_people import texture
from red_people import RED, RedPeople

from configs.load import load_settings
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
    monkeypatch.setattr(api, "_prepared", lambda preset, overrides: (load_settings(preset, overrides), {}))
    pixels = texture(3).copy()
    pixels[30:70, 20:36] = RED
    result = remove_people(pixels, "embedded")
    assert (len(result.people), result.lower) == (1, lower)
    assert (result.hole[30:70, 20:36] == 255).all()
    changed = (result.image != pixels).any(2)
    assert changed[30:70, 20:36].all() and not changed[result.hole == 0].any()
