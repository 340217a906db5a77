"""The second look: who is missed becomes extra and goes in a further pass; who cannot be removed is left for review."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import FAST, manifest, save_photo
from PIL import Image

from configs import SegmentSettings
from configs.load import load_settings
from data.types import People, Person, Photo, Weight
from flows import job, networks
from flows.job import execute, prepare
from flows.selection import selection

RED = (220, 20, 30)
CERTAINTY = 0.2


class RedSegmenter:
    """A network that takes red for a person, with little confidence."""

    def __init__(self, settings: SegmentSettings) -> None:
        self.sees = settings.score <= CERTAINTY

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        red = (photo.pixels == RED).all(-1)
        found = red.any() and self.sees
        return People(photo.size, (Person.from_mask(red, CERTAINTY, "embedded"),) if found else ())


def verified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *overrides: str, runs: Sequence[str | None] = (None,)
) -> dict[str, Any]:
    """The manifest row of a photo with one person, found from the score 0.2 down, after runs of these stages."""
    monkeypatch.setattr(networks, "segmenter", lambda settings, weights: RedSegmenter(settings))
    names = ("yolov8n", "selfie-segmentation", "pose-landmark-full")
    monkeypatch.setattr(job, "find_weights", lambda _: {name: Weight(name, Path(name), "0" * 64) for name in names})
    save_photo(tmp_path / "in/a.png", 1, (20, 30, 16, 40))
    settings = load_settings("embedded", [*FAST, *overrides])
    for stages in runs:
        execute(prepare(tmp_path / "in", tmp_path / "out", settings, selection(stages)))
    return manifest(tmp_path / "out")["a.png"]


@pytest.mark.parametrize(
    ("segment", "verify", "passes", "state"),
    [
        (0.1, 0.4, 1, "removed"),  # found at once
        (0.5, 0.4, 1, "passthrough"),  # below both
        (0.5, 0.1, 1, "removed"),  # missed, seen by the second look, removed in the extra pass
        (0.5, 0.1, 0, "review"),  # seen, but no pass is allowed
    ],
)
def test_states(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, segment: float, verify: float, passes: int, state: str
) -> None:
    scores = f"segment.score={segment}", f"verify.score={verify}", f"verify.passes={passes}"
    row = verified(monkeypatch, tmp_path, *scores)
    assert row["state"] == state
    if state == "removed":
        assert not (np.asarray(Image.open(tmp_path / "out/images/a.png")) == RED).all(-1).any()
        assert row["people"] == 1


def test_stage_by_stage_is_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The extra pass is the work of `verify`, also where it is asked for alone."""
    scores = "segment.score=0.5", "verify.score=0.1"
    at_once = verified(monkeypatch, tmp_path / "at-once", *scores)
    runs = ("segment", "refine", "inpaint", "verify", "publish")
    assert verified(monkeypatch, tmp_path / "by-stage", *scores, runs=runs) == at_once
    assert at_once["state"] == "removed"
