"""Masks edited by hand: the last word on the hole, through reruns, other settings and kills."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from collection_with_people import contents, manifest, remove
from PIL import Image, ImageDraw

from data.storage.inside import write_inside
from flows.stages import output_files

Computed = Callable[[], dict[str, int]]
NAME = "0003.png"  # a photo in which nobody was found
DRAWN = (40, 20, 71, 59)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def paint(path: Path, box: tuple[int, int, int, int] = DRAWN, value: int = 255) -> None:
    """As in a paint program: open, draw, save."""
    with Image.open(path) as image:
        image.load()
    ImageDraw.Draw(image).rectangle(box, fill=value)
    image.save(path)


def drawn(box: tuple[int, int, int, int] = DRAWN) -> np.ndarray:
    out = np.zeros((96, 128), bool)
    out[box[1] : box[3] + 1, box[0] : box[2] + 1] = True
    return out


def test_two_stages_write_masks_and_a_later_run_fills_what_was_drawn(
    coco: Path, tmp_path: Path, computed: Computed
) -> None:
    out = tmp_path / "out"
    assert remove(coco, out, stages="segment,refine") is None
    assert {p.name for p in (out / "masks").rglob("*.png")} == {f"000{n}.png" for n in range(1, 7)}
    assert not pixels(out / "masks" / NAME).any() and not (out / "images").exists()
    paint(out / "masks" / NAME)
    edited = (out / "masks" / NAME).read_bytes()
    computed()

    summary = remove(coco, out)
    assert computed() == {"refine": 1, "inpaint": 6, "verify": 6, "publish": 6}
    assert summary is not None and summary.states == {"removed": 6}
    before, after = pixels(coco / "images" / NAME), pixels(out / "images" / NAME)
    np.testing.assert_array_equal(after[~drawn()], before[~drawn()])
    assert (after[drawn()] != before[drawn()]).any(-1).mean() > 0.9
    assert (out / "masks" / NAME).read_bytes() == edited
    assert manifest(out)[NAME]["notes"] == ["mask edited by hand"]
    assert manifest(out)[NAME]["mask"] == f"masks/{NAME}"
    assert [n for n, row in manifest(out).items() if "mask edited by hand" in row["notes"]] == [NAME]

    remove(coco, out)
    assert computed() == {}


def test_refine_settings_do_not_touch_what_a_hand_drew(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    paint(out / "masks" / NAME)
    remove(coco, out)
    computed()
    remove(coco, out, "refine.dilate=0.3")
    assert computed()["refine"] == 5
    np.testing.assert_array_equal(pixels(out / "masks" / NAME) > 0, drawn())
    assert not (out / "edited").exists()


def test_without_the_file_the_hole_is_computed_again(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    first = contents(out)
    paint(out / "masks" / NAME)
    paint(out / "masks/0001.png", value=0)
    remove(coco, out)
    for name in (NAME, "0001.png"):
        (out / "masks" / name).unlink()
    remove(coco, out)
    assert contents(out) == first


def test_an_edit_of_an_edit_recomputes_its_photo(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    paint(out / "masks" / NAME)
    remove(coco, out)
    computed()
    paint(out / "masks" / NAME, (0, 0, 9, 9))
    remove(coco, out)
    assert computed() == {"refine": 1, "inpaint": 1, "verify": 1, "publish": 1}
    np.testing.assert_array_equal(pixels(out / "masks" / NAME) > 0, drawn() | drawn((0, 0, 9, 9)))


def test_an_edit_saved_as_our_own_encoder_would_stays_an_edit(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    Image.fromarray(drawn().astype(np.uint8) * np.uint8(255)).save(out / "masks" / NAME)
    for _ in range(3):
        remove(coco, out)
        assert manifest(out)[NAME]["notes"] == ["mask edited by hand"]


def test_who_is_cut_out_of_a_mask_is_reported_and_who_is_kept_is_not(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    paint(out / "masks/0001.png", (0, 0, 127, 95), value=0)
    remove(coco, out)
    assert manifest(out)["0001.png"]["state"] == "review"
    (tmp_path / "keep.json").write_text(json.dumps({"0001.png": "largest"}))
    remove(coco, out, f"refine.keep={tmp_path / 'keep.json'}")
    assert manifest(out)["0001.png"]["state"] == "passthrough"
    assert manifest(out)["0001.png"]["notes"] == ["1 of the people kept", "mask edited by hand"]


@pytest.mark.parametrize(
    ("mode", "size", "sentence"),
    [
        ("RGBA", (128, 96), "carries alpha"),
        ("L", (64, 48), "is 64 x 48 pixels; the photo is 128 x 96"),
        ("soft", (128, 96), "it must have only 0 and 255"),
        ("text", (128, 96), "is not a readable image"),
    ],
)
def test_an_edit_that_cannot_be_used_is_one_sentence_and_stays_where_it_is(
    coco: Path, tmp_path: Path, mode: str, size: tuple[int, int], sentence: str
) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    path = out / "masks" / NAME
    if mode == "text":
        path.write_text("not a picture")
    else:
        Image.new("L" if mode == "soft" else mode, size, 90 if mode == "soft" else 0).save(path)
    edited = path.read_bytes()
    for _ in range(2):
        summary = remove(coco, out)
        row = manifest(out)[NAME]
        assert row["state"] == "refused" and sentence in row["reason"] and NAME in row["reason"]
        assert summary is not None and summary.exit_code(allow_review=True) == 1
        assert path.read_bytes() == edited and not (out / "edited").exists()
        assert not (out / "images" / NAME).exists()


@pytest.mark.parametrize("write", range(1, 12))
def test_a_run_killed_at_any_write_takes_no_file_of_its_own_for_an_edit(
    coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """Killed between a file and its record; other settings then, so that the same bytes do not hide it."""
    out = tmp_path / "out"
    remove(coco, out)
    paint(out / "masks" / NAME)
    count = 0

    class Killed(BaseException):
        pass

    def deadly(root: Path, name: str, data: bytes, durable: bool = False) -> None:
        nonlocal count
        count += 1
        if count > write:
            raise Killed
        write_inside(root, name, data, durable)

    with monkeypatch.context() as patch:
        patch.setattr(output_files, "write_inside", deadly)
        patch.setattr("data.storage.homes.write_inside", deadly)
        count = -20 - 2 * write  # somewhere in the middle of a run of about 60 writes
        with pytest.raises(Killed):
            remove(coco, out, "refine.dilate=0.3")
    remove(coco, out, "refine.dilate=0.2")
    assert not (out / "edited").exists()
    assert {n for n, row in manifest(out).items() if "mask edited by hand" in row["notes"]} == {NAME}


def test_a_mask_edited_while_a_run_publishes_is_left_for_the_next_one(
    coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    monkeypatch.setattr(
        "flows.plan.planning.with_edited_masks", lambda run, entries: entries
    )  # planned before the edit
    paint(out / "masks" / NAME)
    remove(coco, out, "inpaint.fill=navier-stokes")
    monkeypatch.undo()
    np.testing.assert_array_equal(pixels(out / "masks" / NAME) > 0, drawn())
    remove(coco, out, "inpaint.fill=navier-stokes")
    assert manifest(out)[NAME]["state"] == "removed" and not (out / "edited").exists()


def test_nothing_of_what_a_hand_marked_is_blended_back(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    paint(out / "masks" / NAME)
    remove(coco, out)
    first = pixels(out / "images" / NAME)
    computed()
    remove(coco, out, "inpaint.feather=0")
    assert computed()["inpaint"] == 5, "the others"
    np.testing.assert_array_equal(pixels(out / "images" / NAME), first)
