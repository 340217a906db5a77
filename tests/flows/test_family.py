"""Marked people in other photos: near faces stay, far ones leave, what is between is for somebody to look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from collection_with_people import FAST, coco_settings, manifest, remove
from literal_masks import mask
from PIL import Image
from typer.testing import CliRunner

from configs import SettingsError
from data.collection.keep_list import read_keep
from data.collection.marks import Mark, read_marks
from data.errors import InputError
from data.images import decode
from data.sample_photos import copy_samples
from data.types import People, Person, Pixels
from data.weights.files import WeightsError
from detection.faces import Face
from flows.cli.main import app
from flows.family import DIFFERENT, SAME, Seen, _is_in, _part_of, judge, keep_list, marked_faces, see_people
from flows.plan.selection import selection
from flows.run.job import execute, prepare
from flows.stages import models

NEAR, BETWEEN, FAR = SAME - 0.05, (SAME + DIFFERENT) / 2, DIFFERENT + 0.05


def vector(*values: float) -> np.ndarray:
    return np.array([*values, *[0.0] * (128 - len(values))])


def seen(number: int, *at: float, x: float = 0) -> Seen:
    """A person whose faces have these first values of a vector."""
    faces = tuple(Face(100.0 * number + x, 50.0, 40.0, vector(value)) for value in at)
    return Seen(number, (100.0 * number, 0.0, 80.0, 200.0), faces)


KNOWN = {"Ann": [vector(0), vector(10)], "Ben": [vector(0, 5)]}
TWICE = ["unsure", "stays"]

WORDS = [
    ("near", [seen(0, NEAR)], ["stays"]),
    ("near the second mark", [seen(0, 10 + NEAR)], ["stays"]),
    ("between", [seen(0, BETWEEN)], ["unsure"]),
    ("far", [seen(0, FAR)], ["leaves"]),
    ("no face", [seen(0)], ["unsure"]),
    ("two faces, one near: the mask is of two people", [seen(0, FAR, NEAR)], ["unsure"]),
    ("two faces, both far", [seen(0, FAR, -FAR)], ["leaves"]),
    ("twice in a photo: the nearer one", [seen(0, NEAR), seen(1, 0.1)], ["unsure", "stays"]),
    ("no face, but a part of one who stays", [seen(0, NEAR), replace(seen(1), part_of=0)], ["stays", "stays"]),
    ("no face, a part of one who leaves", [seen(0, FAR), replace(seen(1), part_of=0)], ["leaves", "unsure"]),
    ("a part of one who is there twice", [seen(0, NEAR), seen(1, 0), replace(seen(2), part_of=0)], [*TWICE, "unsure"]),
    ("a part of the nearer one", [seen(0, NEAR), seen(1, 0), replace(seen(2), part_of=1)], [*TWICE, "stays"]),
    ("one face in two masks: found twice", [seen(0, NEAR), seen(1, 0.1, x=-95)], ["stays", "stays"]),
]


@pytest.mark.parametrize(("people", "words"), [case[1:] for case in WORDS], ids=[case[0] for case in WORDS])
def test_who_stays(people: Sequence[Seen], words: list[str]) -> None:
    assert [verdict.word for verdict in judge(people, KNOWN)] == words


@pytest.mark.parametrize(
    ("x", "y", "inside"), [(4, 1, True), (0, 0, False), (5.5, 1, True), (9, 9, True), (9, -3, True), (-2, -3, False)]
)
def test_a_face_cut_by_the_border_is_whose_mask_it_leaves_through(x: float, y: float, inside: bool) -> None:
    assert _is_in(mask("...## ...## ...##").astype(np.uint8), Face(x, y, 3, vector(0))) == inside


def test_a_part_that_was_found_twice_lies_in_its_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [mask(rows) for rows in ("####. ####. .....", "..... ####. #....", "....# .##.. ....#")]
    people = People((3, 5), tuple(Person.from_mask(shape, 1, "") for shape in shapes))
    monkeypatch.delattr(People, "mask")  # many masks of a large photo at once are more than a machine has
    assert [_part_of(number, people) for number in range(3)] == [None, 0, None]


def test_who_shows_no_face_leaves_only_when_that_is_said() -> None:
    assert judge([seen(0)], KNOWN, faceless="leaves")[0].word == "leaves"


def test_marked_people_stay_where_they_are_marked() -> None:
    """Whatever their faces say: somebody's word comes before a network's."""
    photos = {"a": [seen(0), seen(1, FAR)], "b": [seen(0, FAR)]}
    verdicts = {name: judge(people, KNOWN) for name, people in photos.items()}
    marks = [Mark("Ann", "a", 0), Mark("Ben", "a", (105.0, 5.0, 80.0, 190.0))]
    assert keep_list(verdicts, marks) == {"a": {"keep": [[0.0, 0.0, 80.0, 200.0], [100.0, 0.0, 80.0, 200.0]]}}


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


class ByColour:
    """Stands in for dlib: the person's red is the face."""

    def read(self, pixels: Pixels, box: tuple[float, float, float, float]) -> list[Face]:
        x, y, width, height = (int(value) for value in box)
        red = float(pixels[y : y + height, x : x + width, 0].mean())
        return [] if red < 10 else [Face(x + width / 2, y + height / 2, 20, vector(red / 100))]


def paint(path: Path, box: tuple[int, int, int, int], red: int) -> None:
    pixels = np.asarray(Image.open(path)).copy()
    x, y, width, height = box
    pixels[y : y + height, x : x + width] = (red, 20, 30)
    Image.fromarray(pixels).save(path)


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
    assert rows["0004.png"]["reason"] == (
        "0004.png: 1 person(s) removed who may be some that stay (the keep-list is unsure)."
    )
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
    assert {name: len(people) for name, people in see_people(job)}["0001.png"] == 1


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
