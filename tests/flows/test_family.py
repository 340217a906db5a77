"""Marked people in other photos: near faces stay, far ones leave, what is between is for somebody to look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from collection_with_people import FAST, coco_settings, manifest, remove
from faces_by_colour import ByColour, paint, vector
from literal_masks import mask
from PIL import Image
from typer.testing import CliRunner

from configs import SettingsError
from configs.load import load_settings
from data.collection.keep_list import read_keep
from data.collection.marks import Mark, read_marks
from data.errors import InputError
from data.images import decode, read_mask_png
from data.rle import BoxMask
from data.sample_photos import copy_samples
from data.types import Instance, People, Pixels
from data.weights.files import WeightsError, find
from detection.faces import Face
from flows.cli.main import app
from flows.cli.portraits import can_be_marked, portrait
from flows.family import (
    DIFFERENT,
    SAME,
    DetectedPerson,
    _is_in,
    detect_people,
    judge,
    keep_list,
    marked_faces,
    share_out,
)
from flows.plan.selection import selection
from flows.run.job import execute, prepare
from flows.stages import models

NEAR, BETWEEN, FAR = SAME - 0.05, (SAME + DIFFERENT) / 2, DIFFERENT + 0.05


def seen(number: int, *at: float, x: float = 0) -> DetectedPerson:
    """A person whose faces have these first values of a vector."""
    faces = tuple(Face(100.0 * number + x, 50.0, 40.0, vector(value)) for value in at)
    return DetectedPerson(number, (100.0 * number, 0.0, 80.0, 200.0), faces)


KNOWN = {"Ann": [vector(0), vector(10)], "Ben": [vector(0, 5)]}

WORDS = [
    ("near", [seen(0, NEAR)], ["stays"]),
    ("near the second mark", [seen(0, 10 + NEAR)], ["stays"]),
    ("between", [seen(0, BETWEEN)], ["unsure"]),
    ("far", [seen(0, FAR)], ["leaves"]),
    ("no face", [seen(0)], ["unsure"]),
    ("two faces, one near: the mask is of two people", [seen(0, FAR, NEAR)], ["unsure"]),
    ("two faces, both far", [seen(0, FAR, -FAR)], ["leaves"]),
    ("twice in a photo: the nearer one", [seen(0, NEAR), seen(1, 0.1)], ["unsure", "stays"]),
    ("a face of somebody else's alone", [seen(0, NEAR), replace(seen(1), others=1)], ["stays", "unsure"]),
    ("near, but somebody else's face is in the mask", [replace(seen(0, NEAR), others=1)], ["unsure"]),
    ("far, and somebody else's face is in the mask", [replace(seen(0, FAR), others=1)], ["leaves"]),
]


@pytest.mark.parametrize(("people", "words"), [case[1:] for case in WORDS], ids=[case[0] for case in WORDS])
def test_who_stays(people: Sequence[DetectedPerson], words: list[str]) -> None:
    assert [verdict.word for verdict in judge(people, KNOWN)] == words


@pytest.mark.parametrize(
    ("x", "y", "inside"), [(4, 1, True), (0, 0, False), (5.5, 1, True), (9, 9, True), (9, -3, True), (-2, -3, False)]
)
def test_a_face_cut_by_the_border_is_whose_mask_it_leaves_through(x: float, y: float, inside: bool) -> None:
    box = BoxMask(0, 0, mask("...## ...## ...##")).tight()
    assert _is_in(box, Face(x, y, 3, vector(0)), (3, 5)) == inside


A, B = Face(2, 1, 3, vector(1)), Face(7, 1, 3, vector(2))
LEFT, RIGHT, BOTH = "####...... ####......", "......#### ......####", "########## ##########"
FACES = {
    "one each": ([(LEFT, 0.9), (RIGHT, 0.9)], [[A], [B]], [(1, 0), (1, 0)]),
    "found twice: the more certain one has it": ([(LEFT, 0.5), (LEFT, 0.9)], [[A], [A]], [(0, 1), (1, 0)]),
    "as certain: the smaller one": ([(BOTH, 0.9), (LEFT, 0.9)], [[A], [A]], [(0, 1), (1, 0)]),
    "a mask of two people has neither": (
        [(BOTH, 0.9), (LEFT, 0.3), (RIGHT, 0.3)],
        [[A, B], [A], [B]],
        [(0, 2), (1, 0), (1, 0)],
    ),
    "in front of nobody": ([(LEFT, 0.9)], [[B]], [(0, 0)]),
}


def shared_out(shapes: Sequence[tuple[str, float]], read: Sequence[Sequence[Face]]) -> list[DetectedPerson]:
    people = People((2, 10), tuple(Instance.from_mask(mask(text), score, "") for text, score in shapes))
    return share_out(people, [people.boxed(person) for person in people.persons], read, people.size)


@pytest.mark.parametrize("name", FACES)
def test_every_face_is_one_persons(name: str) -> None:
    """(own faces, faces of others) of each person."""
    shapes, read, expected = FACES[name]
    found = shared_out(shapes, read)
    assert [(len(one.faces), one.others) for one in found] == expected


def test_a_face_that_only_another_look_saw_is_in_the_mask_too() -> None:
    """The stranger's face may be too small in the crop of both people; the stranger's own crop shows it."""
    found = shared_out([(BOTH, 0.9), (RIGHT, 0.3)], [[A], [B]])
    assert [(one.faces, one.others) for one in found] == [((A,), 1), ((B,), 0)]
    assert [verdict.word for verdict in judge(found, {"Ann": [vector(1)]})] == ["unsure", "leaves"]


def test_no_face_is_shown_twice_and_each_with_the_number_of_its_owner() -> None:
    found = shared_out([(LEFT, 0.5), (LEFT, 0.9)], [[A], [A]])
    assert [(name, one.number) for name, one, _ in can_be_marked({"a": found})] == [("a", 1)]


def test_the_picture_frames_the_face_that_is_meant() -> None:
    pixels = np.zeros((90, 120, 3), np.uint8)
    pixels[20:40, 80:100] = (200, 30, 30)
    shown = portrait(pixels, Face(90, 30, 20, vector(0)), "3")
    assert shown.shape == (300, 300, 3)
    np.testing.assert_allclose(shown[120:180, 120:180].reshape(-1, 3).mean(0), (200, 30, 30), atol=2)
    assert (portrait(pixels, Face(90, 30, 20, vector(0)), "4") != shown).any(), "the number is in the picture"


def test_who_shows_no_face_leaves_only_when_that_is_said() -> None:
    assert judge([seen(0)], KNOWN, faceless="leaves")[0].word == "leaves"


def test_marked_people_stay_where_they_are_marked() -> None:
    """Whatever their faces say: somebody's word comes before a network's."""
    photos = {"a": [seen(0), seen(1, FAR)], "b": [seen(0, FAR)]}
    verdicts = {name: judge(people, KNOWN) for name, people in photos.items()}
    marks = [Mark("Ann", "a", 0), Mark("Ben", "a", (105.0, 5.0, 80.0, 190.0))]
    assert keep_list(verdicts, marks) == {"a": {"keep": [[0.0, 0.0, 80.0, 200.0], [100.0, 0.0, 80.0, 200.0]]}}


def test_somebody_marked_whose_mask_shows_another_face_stays_and_is_looked_at() -> None:
    photos = {"a": [replace(seen(0, 0), others=1)]}
    verdicts = {name: judge(people, KNOWN) for name, people in photos.items()}
    box = [0.0, 0.0, 80.0, 200.0]
    assert keep_list(verdicts, [Mark("Ann", "a", 0)]) == {"a": {"keep": [box], "unsure": [box]}}


def test_marks_that_cannot_be_used() -> None:
    photos = {"a": [seen(0), seen(1, 0), seen(2, 0, 1)]}
    assert len(marked_faces([Mark("Ann", "a", 0), Mark("Ann", "a", 1)], photos)["Ann"]) == 1
    for who in (0, 2):
        with pytest.raises(InputError, match="Ann: no marked place shows a face"):
            marked_faces([Mark("Ann", "a", who)], photos)
    with pytest.raises(InputError, match="Ann: nobody was found in a at 7"):
        marked_faces([Mark("Ann", "a", 7)], photos)


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"people": {}}', "this is no marks file"),
        ('{"person_removal_marks": 1, "people": {"Ann": []}}', "Ann is marked nowhere"),
        ('{"person_removal_marks": 1, "people": {"Ann": [{"photo": "a"}]}}', "either a person or a box"),
        ('{"person_removal_marks": 1, "people": {"Ann": [{"photo": "c", "person": 0}]}}', "there is no photo 'c'"),
        ('{"person_removal_marks": 1, "people": {"Ann": [{"photo": "a", "person": -1}]}}', "Ann in a: -1 is neither"),
    ],
)
def test_a_marks_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, tree: str, sentence: str) -> None:
    (tmp_path / "marks.json").write_text(tree)
    with pytest.raises(InputError, match=sentence):
        read_marks(tmp_path / "marks.json", {"a"})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [('{"keeps": []}', "'keeps' is neither"), ('{"unsure": "largest"}', "is a list"), ('{"unsure": ["x"]}', "'x' is")],
)
def test_a_keep_list_of_doubts_that_cannot_be_used(tmp_path: Path, value: str, sentence: str) -> None:
    (tmp_path / "keep.json").write_text(f'{{"a": {value}}}')
    with pytest.raises(InputError, match=sentence):
        read_keep("keep.json", tmp_path, {"a"})


def test_from_marks_to_a_collection(coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ann is marked in one photo (red 220) and stays in that and in sub/0005; sub/0006 holds a stranger and somebody
    who may be Ann; 0004 somebody without a face; 0002 a stranger."""
    monkeypatch.setattr(models, "face_reader", lambda: ByColour())
    paint(coco / "images/0002.png", (60, 20, 24, 60), 120)
    paint(coco / "images/0004.png", (0, 10, 12, 80), 0)
    paint(coco / "images/sub/0006.png", (10, 10, 14, 30), 170)
    paint(coco / "images/sub/0006.png", (90, 50, 14, 30), 100)
    marks, keep = tmp_path / "marks.json", tmp_path / "keep.json"
    marks.write_text(
        json.dumps({"person_removal_marks": 1, "people": {"Ann": [{"photo": "0001.png", "box": [20, 30, 16, 40]}]}})
    )
    command = ["family", coco, tmp_path / "out", "--preset", "coco", "--marks", marks, "--keep", keep]
    command += [part for setting in FAST for part in ("--set", setting)]
    done = CliRunner().invoke(app, list(map(str, command)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(keep.read_text()) == {
        "0001.png": {"keep": [[20.0, 30.0, 16.0, 40.0]]},
        "0004.png": {"unsure": [[0.0, 10.0, 12.0, 80.0]]},
        "sub/0005.png": {"keep": [[100.0, 40.0, 28.0, 56.0]]},
        "sub/0006.png": {"unsure": [[10.0, 10.0, 14.0, 30.0]]},
    }
    remove(coco, tmp_path / "out", f"refine.keep={keep}")
    rows = manifest(tmp_path / "out")
    assert {name: row["state"] for name, row in rows.items()} == {
        "0001.png": "passthrough",
        "0002.png": "removed",
        "0003.png": "passthrough",
        "0004.png": "review",
        "sub/0005.png": "passthrough",
        "sub/0006.png": "review",
    }
    assert rows["0004.png"]["reason"] == ("0004.png: 1 person of whom the keep-list does not know whether they stay.")
    decided = json.loads(keep.read_text())
    decided["sub/0006.png"] = {"keep": decided["sub/0006.png"]["unsure"]}
    del decided["0004.png"]
    keep.write_text(json.dumps(decided))
    remove(coco, tmp_path / "out", f"refine.keep={keep}")
    assert {row["state"] for row in manifest(tmp_path / "out").values()} == {"passthrough", "removed"}
    again = CliRunner().invoke(app, list(map(str, command)))
    assert isinstance(again.exception, InputError) and "is there already" in str(again.exception)


def test_a_photo_that_was_done_again_with_settings_of_its_own_is_seen(
    coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "face_reader", lambda: ByColour())
    decided = tmp_path / "decided.json"
    photos = {"0001.png": {"decision": "redo", "settings": {"segment": {"score": 0.5}}}}
    decided.write_text(json.dumps({"person_removal_decisions": 1, "photos": photos}))
    job = prepare(coco, tmp_path / "out", coco_settings(), selection("segment"), decided)
    execute(job)
    assert {name: len(people) for name, people in detect_people(job)}["0001.png"] == 1


@pytest.mark.slow
def test_of_two_men_only_the_marked_one_stays(tmp_path: Path) -> None:
    """`embedded` finds one of them twice, once in a mask of both: the other one's pixels are not kept with it, and what
    has no face of its own sends the photo to review."""
    try:
        models.face_reader()
        for name in load_settings("embedded").segment.required_weights():
            find(name)
    except (SettingsError, WeightsError) as error:
        pytest.skip(str(error))
    copy_samples(tmp_path / "in")
    (tmp_path / "in/bus.jpg").unlink()
    marks, keep = tmp_path / "marks.json", tmp_path / "keep.json"
    place = {"photo": "zidane.jpg", "box": [710, 35, 484, 685]}
    marks.write_text(json.dumps({"person_removal_marks": 1, "people": {"Ann": [place]}}))
    command = ["family", tmp_path / "in", tmp_path / "out", "--marks", marks, "--keep", keep]
    done = CliRunner().invoke(app, list(map(str, command)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert len(json.loads(keep.read_text())["zidane.jpg"]["keep"]) == 1
    settings = load_settings("embedded", [f"refine.keep={keep}", "inpaint.fill=telea", "verify.segmenter=none"])
    execute(prepare(tmp_path / "in", tmp_path / "out", settings, selection()))
    row = manifest(tmp_path / "out")["zidane.jpg"]
    assert row["state"] == "review" and "1 of the people kept" in row["notes"]
    hole = read_mask_png(tmp_path / "out/masks/zidane.png") > 0
    assert not hole[150:250, 940:1030].any(), "the marked man's face"
    assert hole[350:700, 250:500].mean() > 0.95, "the other man's chest"


@pytest.mark.slow
def test_a_real_face(tmp_path: Path) -> None:
    """Of the two men of a sample photo one looks this way: he is himself mirrored, darker and smaller, and not the
    woman of another photo."""
    try:
        reader = models.face_reader()
    except (SettingsError, WeightsError) as error:
        pytest.skip(str(error))
    copy_samples(tmp_path)
    zidane, bus = (decode((tmp_path / name).read_bytes(), name, 50).pixels for name in ("zidane.jpg", "bus.jpg"))

    def faces(pixels: Pixels) -> list[Face]:
        return reader.read(pixels, (0, 0, pixels.shape[1], pixels.shape[0]))

    (face,) = faces(zidane)
    smaller = np.asarray(Image.fromarray(zidane).resize((zidane.shape[1] * 2 // 3, zidane.shape[0] * 2 // 3)))
    for changed in (zidane[:, ::-1].copy(), (zidane * 0.7).astype(np.uint8), smaller):
        (same,) = faces(changed)
        assert np.linalg.norm(same.vector - face.vector) < SAME
    for other in reader.read(bus, (40, 380, 220, 540)):
        assert np.linalg.norm(other.vector - face.vector) > DIFFERENT
