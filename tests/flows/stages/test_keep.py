"""People who stay: in the photo, out of the fill's sources, and nobody's worry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import box_annotation, manifest, remove
from PIL import Image

from data.errors import InputError
from flows.stages.doubts import photo_state

RED = (220, 20, 30)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_kept_person_stays_and_is_no_reason_to_look(coco: Path, tmp_path: Path) -> None:
    keep = tmp_path / "keep.json"
    keep.write_text('{"sub/0006.png": [1]}')
    summary = remove(coco, tmp_path / "out", f"refine.keep={keep}")
    assert summary is not None and set(summary.states) == {"removed", "passthrough"}
    before, after = (pixels(root / "images/sub/0006.png") for root in (coco, tmp_path / "out"))
    np.testing.assert_array_equal(after[50:80, 90:104], before[50:80, 90:104])
    assert not (after[:, :60] == RED).all(-1).any()
    row = manifest(tmp_path / "out")["sub/0006.png"]
    assert row["notes"] == ["1 of the people kept"] and row["state"] == "removed"


@pytest.mark.parametrize(
    ("keep", "unmatched"),
    [
        ("largest", {}),
        ("0", {}),
        ("1", {"0001.png": 1, "0002.png": 1, "0004.png": 1, "sub/0005.png": 1}),  # 0003.png shows nobody at all
        ("0,99", dict.fromkeys(("0001.png", "0002.png", "0004.png", "sub/0005.png", "sub/0006.png"), 1)),
        ({"0001.png": [[20, 30, 16, 40]]}, {}),
        ({"0001.png": [[80, 30, 16, 40], [20, 30, 16, 40], 7]}, {"0001.png": 2}),
        ({"0003.png": [[80, 30, 16, 40]]}, {"0003.png": 1}),  # somebody says that there is one
    ],
)
def test_who_should_stay_and_is_not_found_is_for_somebody_to_look_at(
    coco: Path, tmp_path: Path, keep: Any, unmatched: dict[str, int]
) -> None:
    if not isinstance(keep, str):
        (tmp_path / "keep.json").write_text(json.dumps(keep))
        keep = str(tmp_path / "keep.json")
    remove(coco, tmp_path / "out", f"refine.keep={keep}", "inpaint.fill=telea")
    rows = manifest(tmp_path / "out")
    reasons = {name: row["reason"] for name, row in rows.items() if row["state"] == "review"}
    assert reasons == {
        name: f"{name}: {count} of those who should stay could not be found (entries of keep that fit nobody)."
        for name, count in unmatched.items()
    }


@pytest.mark.parametrize(("share", "state"), [(0.0, "removed"), (0.01, "removed"), (0.3, "review")])
def test_who_stays_and_is_cut_is_for_somebody_to_look_at(coco: Path, tmp_path: Path, share: float, state: str) -> None:
    """A second annotation inside that of the person who stays: the annotator's word, so it leaves."""
    annotations = coco / "annotations/instances_test.json"
    tree = json.loads(annotations.read_text())
    x, y, width, height = 20, 30, 16, 40
    inner = [x, y, width, round(height * share)] if share > 0.1 else [x, y, share * width * height, 1]
    if share:
        tree["annotations"].append(box_annotation(900, 1, 1, tuple(inner)))  # type: ignore[arg-type]
        annotations.write_text(json.dumps(tree))
    (tmp_path / "keep.json").write_text('{"0001.png": "largest", "0002.png": []}')
    remove(coco, tmp_path / "out", f"refine.keep={tmp_path / 'keep.json'}")
    row = manifest(tmp_path / "out")["0001.png"]
    assert row["state"] == (state if share else "passthrough")
    said = row["reason"] or ""
    assert ("1 person who should stay lost more than 2 % of their pixels" in said) == (state == "review")


@pytest.mark.parametrize("name", ["cut", "may_be_cut", "unmatched"])
def test_every_doubt_about_who_stays_is_for_review(name: str) -> None:
    given, verify = {"frame": None, "doubt": None, "not_in_hole": 0}, {"left": 0, "doubts": 0, "found": []}
    refined = {"kept": 1, "edited": False}
    facts: dict[str, dict[str, Any]] = {"refine": refined, "verify": verify, "inpaint": {}, "given": given}
    hole = np.full((4, 4), 255, np.uint8)
    assert photo_state(hole, facts) == "removed"
    facts["refine"] = {**refined, name: 1}
    assert photo_state(hole, facts) == "review"


def test_everyone_kept_is_the_photo_byte_for_byte(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out", "refine.keep=largest")
    name = "images/0001.png"
    assert (tmp_path / "out" / name).read_bytes() == (coco / name).read_bytes()


def test_a_keep_list_by_photo_recomputes_that_photo_only(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]]
) -> None:
    remove(coco, tmp_path / "out")
    computed()
    keep = tmp_path / "keep.json"
    keep.write_text(json.dumps({"0002.png": [[60, 20, 24, 60]], "0003.png": "largest"}))
    remove(coco, tmp_path / "out", f"refine.keep={keep}")
    assert computed() == {"refine": 2, "inpaint": 1, "verify": 2, "publish": 1}
    rows = manifest(tmp_path / "out")
    assert [name for name, row in rows.items() if row["hole_share"] == 0] == ["0002.png", "0003.png"]
    remove(coco, tmp_path / "out")
    assert computed() == {"publish": 1}


def test_kept_people_are_not_cloned(coco: Path, tmp_path: Path) -> None:
    """All the rest of the photo is one colour; so is the fill then, though somebody of another one stays in its way."""
    path = coco / "images/sub/0006.png"
    image = np.full((96, 128, 3), 90, np.uint8)
    image[10:40, 26:40] = RED  # touches the hole, a diffusion would carry it in
    Image.fromarray(image).save(path)
    annotations = coco / "annotations/instances_test.json"
    tree = json.loads(annotations.read_text())
    second = [a for a in tree["annotations"] if a["image_id"] == 6 and a["category_id"] == 1][1]
    second |= {"segmentation": [[26, 10, 40, 10, 40, 40, 26, 40]], "bbox": [26, 10, 14, 30]}
    annotations.write_text(json.dumps(tree))
    remove(coco, tmp_path / "out", "refine.keep=1", "inpaint.feather=0")
    result = pixels(tmp_path / "out/images/sub/0006.png")
    assert (result[10:40, 26:40] == RED).all()
    np.testing.assert_allclose(result[:, :26].astype(int), 90, atol=10)


def test_a_mask_of_where_nothing_is_removed(coco: Path, tmp_path: Path) -> None:
    spared = np.zeros((96, 128), np.uint8)
    spared[:, :64] = 255
    Image.fromarray(spared).save(tmp_path / "0001-spare.png")
    summary = remove(coco, tmp_path / "out", f"refine.spare_masks={tmp_path}/{{stem}}-spare.png")
    assert summary is not None and "review" not in summary.states
    rows = manifest(tmp_path / "out")
    assert rows["0001.png"]["hole_share"] == 0 and rows["0002.png"]["hole_share"] > 0


def test_a_mask_that_cannot_be_read_takes_nobody_out(coco: Path, tmp_path: Path) -> None:
    (tmp_path / "0001-spare.png").mkdir()
    remove(coco, tmp_path / "out", f"refine.spare_masks={tmp_path}/{{stem}}-spare.png")
    rows = manifest(tmp_path / "out")
    assert rows["0001.png"]["state"] == "refused" and "0001-spare.png cannot be read" in rows["0001.png"]["reason"]
    assert rows["0002.png"]["state"] == "removed"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "keep.json: the keep-list is not valid JSON"),
        ("[" * 100_000, "keep.json: the keep-list is not valid JSON"),
        ("[]", "an object of photo name"),
        (f'{{"0001.png": [[1, 2, 3, {10**400}]]}}', "neither a person's number .* nor a box"),
        ('{"0009.png": [0]}', "there is no photo '0009.png'"),
        ('{"0001.png": "biggest"}', "'biggest' says nobody"),
        ('{"0001.png": [-1]}', "-1 is neither"),
        ('{"0001.png": [[1, 2, 3]]}', "neither a person's number .* nor a box"),
    ],
)
def test_a_keep_list_that_cannot_be_used_is_one_sentence(coco: Path, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "keep.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        remove(coco, tmp_path / "out", f"refine.keep={tmp_path / 'keep.json'}")


def test_a_keep_word_that_nobody_knows(coco: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--keep everyone: write 'largest', numbers"):
        remove(coco, tmp_path / "out", "refine.keep=everyone")


def test_a_hole_depends_on_the_photo_only_when_shadows_are_looked_for(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]]
) -> None:
    for shadow, refined in ((False, 0), (True, 1)):
        out = tmp_path / f"out-{shadow}"
        remove(coco, out, f"refine.shadow={shadow}")
        computed()
        path = coco / "images/0001.png"
        image = pixels(path).copy()
        image[0, 0] += 1
        Image.fromarray(image).save(path)
        remove(coco, out, f"refine.shadow={shadow}")
        assert computed().get("refine", 0) == refined
