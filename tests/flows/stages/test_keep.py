"""People who stay: in the photo, out of the fill's sources, and nobody's worry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from collection_with_people import manifest, remove
from PIL import Image

from data.errors import InputError

RED = (220, 20, 30)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_kept_person_stays_and_is_no_reason_to_look(coco: Path, tmp_path: Path) -> None:
    summary = remove(coco, tmp_path / "out", "refine.keep=1")
    assert summary is not None and set(summary.states) == {"removed", "passthrough"}
    before, after = (pixels(root / "images/sub/0006.png") for root in (coco, tmp_path / "out"))
    np.testing.assert_array_equal(after[50:80, 90:104], before[50:80, 90:104])
    assert not (after[:, :60] == RED).all(-1).any()
    row = manifest(tmp_path / "out")["sub/0006.png"]
    assert row["notes"] == ["1 of the people kept"] and row["state"] == "removed"


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
