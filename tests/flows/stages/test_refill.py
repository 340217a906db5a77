"""Where the fill is all that looks like somebody, another fill takes its place there; nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from collection_with_people import FAST, manifest, texture
from literal_masks import mask, picture
from PIL import Image

import inpainting
from configs import InpaintSettings, SegmentSettings
from configs.load import load_settings
from data.geometry import Box
from data.types import Hole, Instance, People, Photo, Pixels, Weight, as_hole
from flows import api
from flows.plan.selection import selection
from flows.run import job
from flows.run.job import execute, prepare
from flows.stages import models
from flows.stages.finds import Find
from flows.stages.refill import fill_again, part_of
from inpainting.compositing import cut_patches

TWO, LEFT = "####..##.. ####..##.. ####......", "####...... ####...... ####......"


def person(text: str) -> Instance:
    return Instance.from_mask(mask(text), 0.6, "yolo")


@pytest.mark.parametrize(
    ("seen", "own", "part"),
    [
        # in one of two groups: that group, all of it
        ([("hole", ".##....... .##....... ..........")], "", LEFT),
        ([("hole", "......##.. .......... ..........")], "", "......##.. ......##.. .........."),
        ([("hole", ".##....... .......... .........."), ("hole", "......##.. ......##.. ..........")], "", TWO),
        # beyond the rim, on what is nobody's in the photo itself
        ([("hole", "..####.... ..####.... ..........")], "", LEFT),
        # the same where the photo itself shows somebody beside the hole: a larger hole covers them
        ([("hole", "..####.... ..####.... ..........")], "....#..... ....#..... ..........", ""),
        # a person beside whom nothing of the find lies
        ([("hole", ".##....... .##....... ..........")], "....#..... ....#..... ....#.....", LEFT),
        # one of two is the photo's own
        ([("hole", ".##....... .......... .........."), ("elsewhere", "....##.... ....##.... ..........")], "", ""),
    ],
)
def test_what_is_filled_again(seen: Sequence[tuple[Any, str]], own: str, part: str) -> None:
    hole = as_hole(mask(TWO))
    empty = picture(hole & False)
    finds = [Find(person(text), where, None) for where, text in seen]
    everyone = People(hole.shape, (person(own),) if own else ())
    assert picture(part_of(finds, everyone, hole)) == (part or empty)


RED, DARK_RED, NOBODY = (220, 20, 30), (120, 20, 30), (90, 90, 90)


class Reds:
    """A network that takes reds for people; on the right of the photo it is not certain."""

    def __init__(self, settings: SegmentSettings) -> None:
        self.least = settings.score

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [People(photo.size, tuple(self._persons(photo))) for photo in photos]

    def _persons(self, photo: Photo) -> list[Instance]:
        red = (photo.pixels[..., 1:] == RED[1:]).all(-1).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(red)
        scores = {n: 0.2 if stats[n, cv2.CC_STAT_LEFT] > 80 else 0.9 for n in range(1, count)}
        return [Instance.from_mask(labels == n, scores[n], "embedded") for n in scores if scores[n] >= self.least]


@dataclass(frozen=True)
class Paint:
    colour: tuple[int, int, int]

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        return np.where(hole[..., None] != 0, np.array(self.colour, np.uint8), image)


def paints(patch: pytest.MonkeyPatch, **colours: tuple[int, int, int]) -> list[str]:
    """Every fill paints one colour, by its name; returns the names of those that painted."""
    asked: list[str] = []

    def fill(settings: InpaintSettings, weights: object) -> Paint:
        asked.append(settings.fill)
        return Paint(colours[settings.fill.replace("-", "_")])

    networks = ("yolov8n", "selfie-segmentation", "pose-landmark-full")
    found = {name: Weight(name, Path(name), "0" * 64) for name in networks}
    patch.setattr(models, "segmenter", lambda settings, weights: Reds(settings))
    patch.setattr(models, "fill", fill)
    patch.setattr(job, "find_weights", lambda _: found)
    patch.setattr(api, "find_weights", lambda _: found)
    return asked


OVERRIDES = (*FAST, "verify.segmenter=same", "segment.tile=none", "segment.score=0.1", "verify.score=0.1")
PERSON, OTHER = (slice(30, 70), slice(20, 44)), (slice(30, 70), slice(90, 110))


def run(folder: Path, *overrides: str, people: int = 1) -> dict[str, Any]:
    """The manifest row of a photo with so many people, after a run."""
    pixels = texture(3).copy()
    for place in (PERSON, OTHER)[:people]:
        pixels[place] = RED
    (folder / "in").mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder / "in/a.png")
    execute(prepare(folder / "in", folder / "out", load_settings("embedded", [*OVERRIDES, *overrides]), selection()))
    return manifest(folder / "out")["a.png"]


def result(folder: Path, row: dict[str, Any]) -> Pixels:
    return np.asarray(Image.open(folder / "out" / row["output"]))


def test_the_first_fill_that_looks_like_nobody_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = paints(monkeypatch, telea=DARK_RED, shift_map=DARK_RED, patchmatch=NOBODY)
    row = run(tmp_path)
    assert (row["state"], row["reason"], row["people"]) == ("removed", None, 1)
    assert (row["verify"]["found"], row["verify"]["refilled"]) == ([], {"fill": "patchmatch", "score": 0.9})
    assert "the fill looked like somebody (score 0.90): filled there by patchmatch instead" in row["notes"]
    assert (result(tmp_path, row)[PERSON] == NOBODY).all()
    assert asked == ["telea", "shift-map", "patchmatch"]
    mask_then = (tmp_path / "out" / row["mask"]).read_bytes()
    assert run(tmp_path) == row and len(asked) == 3, "all of it is in the store"
    again = run(tmp_path, "verify.refill=false")
    assert (again["state"], again["verify"].get("refilled")) == ("review", None)
    assert np.array_equal(Image.open(tmp_path / "out" / row["mask"]), Image.open(tmp_path / "out" / again["mask"]))
    assert run(tmp_path) == row
    assert (tmp_path / "out" / row["mask"]).read_bytes() == mask_then


def test_remove_people_gives_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paints(monkeypatch, telea=DARK_RED, shift_map=NOBODY, patchmatch=DARK_RED)
    row = run(tmp_path, people=2)
    assert row["verify"]["refilled"]["fill"] == "shift-map guided by patchmatch"
    made = api.remove_people(tmp_path / "in/a.png", "embedded", OVERRIDES)
    np.testing.assert_array_equal(made.image, result(tmp_path, row))
    assert (made.state, made.doubts) == (row["state"], ()) == ("removed", ())


def test_where_no_fill_helps_the_photo_is_for_review(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paints(monkeypatch, telea=DARK_RED, shift_map=DARK_RED, patchmatch=DARK_RED)
    row = run(tmp_path)
    assert row["state"] == "review" and "refilled" not in row["verify"]
    assert (result(tmp_path, row)[PERSON] == DARK_RED).all()


def test_whom_the_photo_itself_shows_is_covered_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first pass misses one of two; while they are seen no fill is changed, and another one never hides them."""
    asked = paints(monkeypatch, telea=DARK_RED, shift_map=NOBODY, patchmatch=NOBODY)
    row = run(tmp_path, "segment.score=0.5", people=2)
    assert (row["state"], row["people"]) == ("removed", 2)
    assert asked[:2] == ["telea", "telea"] and set(asked[2:]) == {"shift-map"}
    assert (result(tmp_path, row)[OTHER] == NOBODY).all()


def test_nobody_seen_costs_no_further_fill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = paints(monkeypatch, telea=NOBODY, shift_map=DARK_RED, patchmatch=DARK_RED)
    row = run(tmp_path)
    assert (row["state"], asked) == ("removed", ["telea"]) and "refilled" not in row["verify"]


def test_patches_change_one_group_even_where_boxes_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    hole = as_hole(mask("#..... #..... #.##.. #..... ####.. ......"))
    part = as_hole(mask("#..... #..... #..... #..... ####.. ......"))
    kept = as_hole(mask(".....# ...... ...... ...... ...... ......"))
    photo = np.full((6, 6, 3), 50, np.uint8)
    before = np.where(hole[..., None] != 0, np.uint8(99), photo)
    sources: list[Hole | None] = []

    class Other(Paint):
        def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
            sources.append(exclude)
            return super().fill(image, hole, exclude)

    monkeypatch.setattr(models, "fill", lambda settings, weights: Other(NOBODY))
    settings = InpaintSettings(fill="telea", feather=0)
    patches, _ = fill_again(photo, hole, kept, before, part, settings)
    [exclude] = sources
    assert exclude is not None and picture(exclude) == ".....# ...... ..##.. ...... ...... ......"
    first = cut_patches(before, hole, [Box.whole(hole.shape)])
    after = inpainting.compose(photo, hole, [*first, *patches])
    assert picture((after == NOBODY).all(-1)) == picture(part)
    assert (after[2, 2:4] == 99).all() and (after[hole == 0] == 50).all()
