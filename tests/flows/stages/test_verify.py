"""The verifier: who is missed becomes extra and goes in a further pass; who cannot be removed is left for review."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import FAST, manifest, save_photo
from literal_masks import mask
from PIL import Image

from configs import RefineSettings, SegmentSettings
from configs.load import load_settings
from data.plan.entries import Entry
from data.types import Instance, People, Photo, Pixels, Weight, as_hole
from flows.plan.selection import selection
from flows.run import job
from flows.run.job import execute, prepare
from flows.stages import models, verify
from flows.stages.context import RunContext
from flows.stages.finds import judge, not_kept
from flows.stages.verify import worth_a_larger_hole
from inpainting.quality import quality
from masks import choose

RED, DARK_RED = (220, 20, 30), (120, 20, 30)
CERTAINTY = 0.2


class RedSegmenter:
    """A network that takes red for a person, with little confidence."""

    def __init__(self, settings: SegmentSettings) -> None:
        self.sees = settings.score <= CERTAINTY

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        red = (photo.pixels[..., 1:] == RED[1:]).all(-1)
        found = red.any() and self.sees
        return People(photo.size, (Instance.from_mask(red, CERTAINTY, "embedded"),) if found else ())


def verified(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *overrides: str,
    runs: Sequence[str | None] = (None,),
    eyes: type[RedSegmenter] = RedSegmenter,
) -> dict[str, Any]:
    """The manifest row of a photo with one person, found from the score 0.2 down, after runs of these stages."""
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: eyes(settings))
    names = ("yolov8n", "selfie-segmentation", "pose-landmark-full")
    monkeypatch.setattr(job, "find_weights", lambda _: {name: Weight(name, Path(name), "0" * 64) for name in names})
    save_photo(tmp_path / "in/a.png", 1, (20, 30, 16, 40))
    settings = load_settings("embedded", [*FAST, "verify.segmenter=same", *overrides])
    for stages in runs:
        execute(prepare(tmp_path / "in", tmp_path / "out", settings, selection(stages)))
    return manifest(tmp_path / "out")["a.png"]


@pytest.mark.parametrize(
    ("segment", "verify", "passes", "state"),
    [
        (0.1, 0.4, 1, "removed"),  # found at once
        (0.5, 0.4, 1, "passthrough"),  # below both
        (0.5, 0.1, 1, "removed"),  # missed, seen by the verifier, removed in the extra pass
        (0.5, 0.1, 0, "review"),  # seen, but no pass is allowed
    ],
)
def test_states(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, segment: float, verify: float, passes: int, state: str
) -> None:
    scores = f"segment.score={segment}", f"verify.score={verify}", f"verify.passes={passes}"
    row = verified(monkeypatch, tmp_path, *scores)
    assert row["state"] == state, row["reason"]
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


def person(text: str, score: float = 0.6) -> Instance:
    return Instance.from_mask(mask(text), score, "yolo")


def thing(label: str, text: str, score: float = 0.6) -> Instance:
    return replace(person(text, score), label=label)


HOLE = "..####.. ..####.. ..####.. ........"


@pytest.mark.parametrize(
    ("seen", "made_up", "where"),
    [
        ("..####.. ..####.. ........ ........", HOLE, "hole"),  # the fill looks like somebody
        (".#####.. .#####.. ........ ........", HOLE, "hole"),  # a little beyond the rim
        ("#######. #######. ........ ........", HOLE, "hole"),  # 4 of 7 columns
        ("####.... ####.... ........ ........", HOLE, "elsewhere"),  # half of them: what is left of somebody
        ("......## ......## ........ ........", HOLE, "elsewhere"),  # beside the hole
        # in the hole, but not of its making
        ("..####.. ..####.. ........ ........", "........ ........ ..####.. ........", "elsewhere"),
    ],
)
def test_made_up_people_are_told_from_missed_ones(seen: str, made_up: str, where: str) -> None:
    """made_up: where the fill changed the photo."""
    before = np.full((4, 8, 3), 100, np.uint8)
    after = before.copy()
    after[mask(made_up)] = (100, 100, 140)
    people = People((4, 8), (person(seen),))
    [found] = judge(people, as_hole(mask(HOLE)), before, after)
    assert (found.where, found.like) == (where, None)


@pytest.mark.parametrize(
    ("seen", "things", "like"),
    [
        ("........ ..##.... ..##.... ........", (("tv", ".####... .####... .####... ........"),), "screen"),
        # somebody in front of a screen hides it: the screen's mask is not theirs
        ("........ ..##.... ..##.... ........", (("tv", ".####... .#..#... .#..#... ........"),), None),
        ("........ ..##.... ..##.... ........", (("book", "..##.... ..##.... ..##.... ........"),), "picture"),
        ("........ ..##.... ..##.... ........", (("tv", "......## ......## ......## ........"),), None),
        ("..##.... ..##.... ..##.... ..##....", (("cell phone", "........ ........ ..##.... ........"),), None),
        # the network itself would also say that it is a dog
        ("........ ..##.... ..##.... ........", (("dog", "........ ..###... ..##.... ........"),), "animal"),
        ("........ .####... .####... ........", (("horse", "........ ........ .####... .####..."),), None),
    ],
)
def test_who_only_looks_like_a_person(seen: str, things: Sequence[tuple[str, str]], like: str | None) -> None:
    people = People((4, 8), (person(seen),), tuple(thing(label, text, 0.9) for label, text in things))
    grey = np.full((4, 8, 3), 100, np.uint8)
    [found] = judge(people, as_hole(mask(HOLE) & False), grey, grey)
    assert (found.where, found.like) == ("elsewhere", like)


@pytest.mark.parametrize(("score", "like"), [(0.2, None), (0.4, "animal")])
def test_an_animal_that_the_network_hardly_believes_in_is_a_person(score: float, like: str | None) -> None:
    here = "........ ..##.... ..##.... ........"
    grey = np.full((4, 8, 3), 100, np.uint8)
    people = People((4, 8), (person(here, 0.6),), (thing("dog", here, score),))
    [found] = judge(people, as_hole(mask(HOLE)), grey, grey)
    assert found.like == like


class DarkRedFill:
    """A fill that makes something up."""

    def fill(self, image: Pixels, hole: np.ndarray, exclude: np.ndarray | None = None) -> Pixels:
        out = image.copy()
        out[hole != 0] = DARK_RED
        return out


def test_a_fill_that_makes_somebody_up_is_for_review(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(models, "fill", lambda settings, weights: DarkRedFill())
    row = verified(monkeypatch, tmp_path, "segment.score=0.1", "verify.score=0.1")
    assert row["state"] == "review"
    assert "1 person seen in what was filled in (score up to 0.20)" in row["reason"]
    verify = row["verify"]
    assert (verify["looked"], verify["independent"], verify["left"]) == ("embedded", False, 0)
    [found] = verify["found"]
    assert (found["where"], found["like"], found["score"]) == ("hole", None, CERTAINTY)
    assert verify["quality"].keys() == {"seam", "ring_delta_e", "texture"}
    assert row["people"] == 1, "who was only made up was nobody"


@pytest.mark.parametrize(("passes", "state"), [(0, "review"), (1, "removed")])
def test_the_hole_grows_by_whom_the_fill_made_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passes: int, state: str
) -> None:
    """A fill that goes on with what it finds at the rim: there the person's mask was too tight."""

    class GoesOn(DarkRedFill):
        def fill(self, image: Pixels, hole: np.ndarray, exclude: np.ndarray | None = None) -> Pixels:
            out = super().fill(image, hole, exclude)
            rim = (image == RED).all(-1) & (hole == 0)
            return out if rim.any() else np.where(hole[..., None] != 0, np.uint8(90), image)

    class Tight(RedSegmenter):
        """Misses a strip of the person; the verifier sees all that is red."""

        def _people(self, photo: Photo) -> People:
            red = (photo.pixels[..., 1:] == RED[1:]).all(-1)
            if (photo.pixels[red] == RED).all():  # the original
                red[:, 34:] = False
            return People(photo.size, (Instance.from_mask(red, CERTAINTY, "embedded"),) if red.any() else ())

    monkeypatch.setattr(models, "fill", lambda settings, weights: GoesOn())
    tight = "refine.dilate=0", "refine.dilate_min=0", "inpaint.feather=0", "refine.snap=0", "segment.score=0.1"
    row = verified(monkeypatch, tmp_path, *tight, "verify.score=0.1", f"verify.passes={passes}", eyes=Tight)
    assert (row["state"], row["people"]) == (state, 1)
    if not passes:
        assert [found["where"] for found in row["verify"]["found"]] == ["hole"]


@pytest.mark.parametrize(("width", "grows"), [(60, True), (80, False)])
def test_no_hole_grows_over_nearly_the_whole_photo(width: int, grows: bool) -> None:
    seen, hole = np.zeros((10, 100), bool), np.zeros((10, 100), np.uint8)
    seen[:, :width], hole[:, :55] = True, 255
    made_up = People((10, 100), (Instance.from_mask(seen, 0.5, "yolo"),))
    assert len(worth_a_larger_hole(made_up, hole)) == grows


@pytest.mark.parametrize(
    ("policy", "state", "note"),
    [("review", "review", True), ("ignore", "passthrough", True), ("remove", "removed", False)],
)
def test_what_becomes_of_somebody_on_a_screen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, policy: str, state: str, note: bool
) -> None:
    class OnAScreen(RedSegmenter):
        def _people(self, photo: Photo) -> People:
            people = super()._people(photo)
            return replace(people, objects=tuple(replace(p, label="tv") for p in people.persons))

    scores = "segment.score=0.5", "verify.score=0.1", f"verify.lookalikes={policy}"
    row = verified(monkeypatch, tmp_path, *scores, eyes=OnAScreen)
    assert row["state"] == state
    assert (row["notes"] == ["1 seen that may only look like people (screen)"]) == note


def key(*overrides: str, sha: str = "1" * 64, extra: str | None = None, share: float = 0) -> str:
    """The verify key of a photo with this hole and these people, whom an earlier pass found."""
    names = ("yolov8n", "selfie-segmentation", "pose-landmark-full", "yolo11n-seg", "x-seg.pt")
    weights = {name: Weight(name, Path(name), f"{i}" * 64) for i, name in enumerate(names)}
    run = RunContext(
        Path("out"), load_settings("coco", ["verify.segmenter=yolo", "inpaint.fill=patchmatch", *overrides]), weights
    )
    entry = Entry("id", "a.png", "/in/a.png", "0" * 64, 1, "a.png")
    rows: dict[str, Any] = {stage: {"sha256": sha} for stage in ("segment", "refine", "inpaint")}
    rows["refine"]["facts"] = {"share": share, "edited": False}
    if extra:
        rows["verify"] = {"facts": {"extra": extra}}
    return verify.key(run, entry, rows)


def test_the_key_says_who_looked_and_at_what() -> None:
    assert key() == key() == key("verify.passes=3") == key("refine.dilate=0.2", "inpaint.patchmatch.seed=5")
    assert key() == key("verify.refill=false") == key("verify.refill=false", share=0.1)  # nothing to fill again
    assert key(share=0.1) not in (key(), key("inpaint.patchmatch.seed=5", share=0.1))
    others = [
        key(sha="2" * 64),
        key(extra="3" * 64),
        key("verify.segmenter=embedded"),
        key("verify.segmenter=none"),
        key("verify.weights=x-seg.pt"),
        key("verify.score=0.3"),
        key("verify.lookalikes=ignore"),
        key("segment.segmenter=yolo"),  # the same eyes again: their word is worth less
        key("inpaint.fill=migan"),  # a network can make things up, and is looked at for it
    ]
    assert len({key(), *others}) == 1 + len(others)


def test_quality_sees_seams_colours_and_smoothness() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(60, 200, (120, 160, 3), np.uint8)
    hole = np.zeros((120, 160), np.uint8)
    hole[40:80, 50:110] = 255
    smooth, bright = photo.copy(), photo.copy()
    smooth[hole > 0] = 130
    bright[hole > 0] = np.minimum(photo[hole > 0] + np.uint8(50), 255)
    fine, dull, off = (quality(image, hole) for image in (photo, smooth, bright))
    assert 0.9 < fine["texture"] < 1.1 and dull["texture"] < 0.2
    assert off["ring_delta_e"] > 10 > fine["ring_delta_e"]
    assert off["seam"] > fine["seam"]


@pytest.mark.parametrize("shape", [(1, 1), (4, 3), (1500, 1500)])
def test_quality_of_holes_without_surroundings(shape: tuple[int, int]) -> None:
    figures = quality(np.full((*shape, 3), 90, np.uint8), np.full(shape, 255, np.uint8))
    assert figures == {"seam": 0, "ring_delta_e": 0, "texture": 1}


@pytest.mark.parametrize(("box", "state"), [([20, 30, 16, 40], "passthrough"), ([70, 30, 16, 40], "review")])
def test_whom_only_the_verifier_finds_can_be_asked_to_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, box: list[int], state: str
) -> None:
    (tmp_path / "keep.json").write_text(json.dumps({"a.png": [box]}))
    keep = f"refine.keep={tmp_path / 'keep.json'}"
    assert verified(monkeypatch, tmp_path, "segment.score=0.5", "verify.score=0.1", keep)["state"] == state


A, IN_FRONT = "AAAA.... AAAA.... AAAA.... AAAA....".replace("A", "#"), "#....... ##...... ##...... ##......"
BOX = (0.0, 0.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("known", "keep", "seen", "left"),
    [
        ([A], (0,), [A], []),
        ([A], (BOX,), [A], []),
        ([A], (0,), [A, IN_FRONT], [1]),  # a stranger in front of somebody who stays
        ([A], (BOX,), [IN_FRONT, A], [0]),
        ([A], (BOX,), [".####... .####... .####... .####...", A], [0]),  # a stranger beside, of nearly the same box
        ([], (BOX,), [A], []),  # whom nobody saw before
        ([], (BOX,), [".####... .####... .####... .####...", A], [0]),
        ([A, IN_FRONT], (0, 1), [A, IN_FRONT], []),
        ([A], (), [A], [0]),
    ],
)
def test_each_who_stays_accounts_for_one_find(
    known: Sequence[str], keep: tuple[Any, ...], seen: Sequence[str], left: Sequence[int]
) -> None:
    people, found = (People((4, 8), tuple(map(person, some))) for some in (known, seen))
    settings = RefineSettings(min_size=0)
    choice = choose(people, keep, settings)
    assert not_kept(found, people, choice, settings, keep).persons == tuple(found.persons[i] for i in left)


def test_a_crowd_that_stays_is_any_number_of_people() -> None:
    people = People((4, 8), (Instance.from_mask(mask(A), 1.0, "annotations", crowd=True),))
    found = People((4, 8), (person(IN_FRONT), person("..##.... ..##.... ..##.... ........"), person(A)))
    settings = RefineSettings(min_size=0)
    assert len(not_kept(found, people, choose(people, (0,), settings), settings)) == 0


@pytest.mark.parametrize(
    ("rows", "overrides", "state"),
    [
        (70, (), "review"),  # of 96: 73 %
        (70, ("verify.hole_share=0.75",), "removed"),
        (50, (), "removed"),  # 52 %
        (50, ("verify.hole_share=0.5",), "review"),
    ],
)
def test_a_photo_that_is_mostly_made_up_is_for_review(
    tmp_path: Path, rows: int, overrides: tuple[str, ...], state: str
) -> None:
    """Whoever is or is not seen in it; the sentence says how much of it."""
    save_photo(tmp_path / "in/a.png", 1, None)
    drawn = np.zeros((96, 128), np.uint8)
    drawn[:rows] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(drawn).save(tmp_path / "masks/a.png")
    given = (
        "segment.segmenter=mask-files",
        f"segment.mask_files.folder={tmp_path / 'masks'}",
        "input.annotations=none",
    )
    plain = ("refine.dilate=0", "refine.dilate_min=0", "refine.snap=0", "refine.close=0", "inpaint.feather=0")
    settings = load_settings("coco", [*FAST, *given, *plain, *overrides])
    execute(prepare(tmp_path / "in", tmp_path / "out", settings, selection()))
    row = manifest(tmp_path / "out")["a.png"]
    assert row["state"] == state
    if state == "review":
        assert row["reason"] == f"a.png: {rows / 96:.0%} of the photo is made up."
        assert (tmp_path / "out/review/a.png").is_file() and f"{rows / 96:.0%} of the photo is made up" in row["notes"]
