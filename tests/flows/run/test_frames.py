"""Masks drawn on photos that EXIF turns, where their size fits the photo both as it is stored and as it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import box_annotation, manifest, remove, texture
from PIL import Image
from red_people import RedPeople

from configs import SegmentSettings
from data.images import to_raw_frame, upright
from data.types import Weight
from detection.protocol import Segmenter
from flows.stages import models, segment
from flows.stages.frames import better, fits_both, is_upright

pytestmark = pytest.mark.slow  # whole runs

PERSON = (16, 8, 20, 36)  # x, y, width, height on the photo as it is shown; nowhere near its mirror images
DOG = (60, 10, 12, 16)
TURNED = [(2, (96, 128)), (3, (96, 128)), (4, (96, 128)), (5, (96, 96)), (6, (96, 96)), (7, (96, 96)), (8, (96, 96))]
UPRIGHT, RAW = "input.frame=upright", "input.frame=raw"
UNSURE = "a.png: its masks fit it both as it is stored and as it is shown, and which is meant is not known."


def shown(size: tuple[int, int]) -> np.ndarray:
    pixels = texture(1, *size).copy()
    x, y, w, h = PERSON
    pixels[y : y + h, x : x + w] = (220, 20, 30)
    return pixels


def save(path: Path, size: tuple[int, int], orientation: int) -> None:
    """A photo that looks as `shown` once EXIF has turned it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_raw_frame(shown(size), orientation)).save(path, exif=exif)


def make(root: Path, size: tuple[int, int], orientation: int) -> Path:
    """One photo with a person and a dog, both outlined on the photo as it is shown."""
    save(root / "images/a.png", size, orientation)
    stated = {"height": size[0], "width": size[1]}
    tree: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.png", **stated}],
        "annotations": [box_annotation(1, 1, 1, PERSON), box_annotation(2, 1, 18, DOG)],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    }
    (root / "annotations").mkdir()
    (root / "annotations/instances.json").write_text(json.dumps(tree))
    return root


def box_masks(folder: Path, size: tuple[int, int], orientation: int = 1) -> tuple[str, str]:
    """Settings that take a mask file of the person: drawn on the photo as it is shown, and then turned back."""
    mask = np.zeros(size, np.uint8)
    x, y, w, h = PERSON
    mask[y : y + h, x : x + w] = 255
    folder.mkdir()
    Image.fromarray(to_raw_frame(mask, orientation)).save(folder / "a.png")
    return "segment.segmenter=mask-files", f"segment.mask_files.folder={folder}"


def hole(out: Path, orientation: int) -> np.ndarray:
    """The hole on the photo as it is shown."""
    return upright(np.asarray(Image.open(out / "masks/a.png")), orientation) > 0


def covers(mask: np.ndarray, box: tuple[int, int, int, int] = PERSON) -> bool:
    x, y, w, h = box
    return bool(mask[y : y + h, x : x + w].all())


@pytest.mark.parametrize(("orientation", "size"), TURNED)
def test_the_person_is_hit_or_the_photo_is_in_review(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    coco, out = make(tmp_path / "in", size, orientation), tmp_path / "out"
    remove(coco, out)
    row = manifest(out)["a.png"]
    assert (row["state"], row["reason"]) == ("review", UNSURE) and "input.frame" in row["notes"][-1]
    remove(coco, out, UPRIGHT)
    assert manifest(out)["a.png"]["state"] == "removed" and covers(hole(out, orientation))
    edited = json.loads((out / "annotations/instances.json").read_text())
    assert [a["id"] for a in edited["annotations"]] == [2] and "person_removal" not in edited["annotations"][0]
    remove(coco, out, RAW)
    assert manifest(out)["a.png"]["state"] == "removed" and not covers(hole(out, orientation))


@pytest.mark.parametrize(("orientation", "size"), TURNED[1:4])
def test_who_looks_can_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orientation: int, size: tuple[int, int]
) -> None:
    """A segmenter that sees red stands in for the verifier's network."""
    given = models.segmenter

    def eyes(settings: SegmentSettings, weights: Mapping[str, Weight]) -> Segmenter:
        return given(settings, weights) if settings.segmenter == "annotations" else RedPeople()

    monkeypatch.setattr(models, "segmenter", eyes)
    monkeypatch.setattr(segment, "frame_segmenter", lambda settings: SegmentSettings(segmenter="yolo"))
    coco, out = make(tmp_path / "in", size, orientation), tmp_path / "out"
    remove(coco, out)
    row = manifest(out)["a.png"]
    assert row["state"] == "removed" and covers(hole(out, orientation))
    assert row["notes"] == ["masks taken as drawn on the photo as it is shown"]


@pytest.mark.parametrize(("orientation", "size"), [*TURNED, (6, (96, 128)), (8, (128, 96))])
def test_mask_files_as_annotations(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    save(tmp_path / "in/a.png", size, orientation)
    given = box_masks(tmp_path / "masks", size)
    remove(tmp_path / "in", tmp_path / "out", *given)
    row = manifest(tmp_path / "out")["a.png"]
    if size in ((96, 128), (128, 96)) and orientation >= 5:  # the size tells
        assert row["state"] == "removed" and covers(hole(tmp_path / "out", orientation))
        return
    assert (row["state"], row["reason"]) == ("review", UNSURE)
    remove(tmp_path / "in", tmp_path / "out", *given, UPRIGHT)
    assert manifest(tmp_path / "out")["a.png"]["state"] == "removed" and covers(hole(tmp_path / "out", orientation))


@pytest.mark.parametrize("drawn_on", [1, 3])
def test_an_edited_mask_is_compared_with_those_found_before(tmp_path: Path, drawn_on: int) -> None:
    """A hand made the published mask a little larger (1), or drew the hole on the photo as it is shown (3)."""
    save(tmp_path / "in/a.png", (96, 128), 3)
    out, given = tmp_path / "out", box_masks(tmp_path / "masks", (96, 128), 3)
    remove(tmp_path / "in", out, *given, RAW)
    mask = np.asarray(Image.open(out / "masks/a.png"))
    mask = mask.copy() if drawn_on == 1 else upright(mask, 3).copy()
    mask[40:44, 60:64] = 255
    Image.fromarray(mask).save(out / "masks/a.png")
    remove(tmp_path / "in", out, *given, "input.frame=auto")
    row = manifest(out)["a.png"]
    assert (row["state"], "mask edited by hand" in row["notes"]) == ("removed", True)
    x, y, w, h = PERSON
    after = upright(np.asarray(Image.open(out / "images/a.png")), 3)[y : y + h, x : x + w]
    assert (after != (220, 20, 30)).any(-1).mean() > 0.9, "the person left, whichever way round the mask was drawn"


@pytest.mark.parametrize(("orientation", "size"), [*TURNED, (6, (96, 128)), (8, (128, 96))])
def test_masks_of_where_nothing_is_removed(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    """Drawn on the photo as it is shown, over the person; so are the masks of people."""
    save(tmp_path / "in/a.png", size, orientation)
    given = (*box_masks(tmp_path / "masks", size), f"refine.spare_masks={tmp_path}/masks/{{stem}}.png")
    x, y, w, h = PERSON
    out = tmp_path / "out"
    remove(tmp_path / "in", out, *given, UPRIGHT)
    assert not hole(out, orientation)[y : y + h, x : x + w].any() and manifest(out)["a.png"]["state"] != "review"
    if size not in ((96, 128), (128, 96)) or orientation < 5:
        found = box_masks(tmp_path / "turned", size, orientation)
        remove(tmp_path / "in", out, *found, given[-1], RAW)
        assert hole(out, orientation)[y : y + h, x : x + w].any(), "on the pixels as stored the mask is elsewhere"
        remove(tmp_path / "in", out, *given)
        row = manifest(out)["a.png"]
        assert row["state"] == "review" and "the mask of where nothing is removed fits it both" in row["reason"]


def test_which_frame_agrees_better() -> None:
    here = np.zeros((8, 8), bool)
    here[1:4, 1:4] = True
    there = here[::-1, ::-1]
    nobody = np.zeros((8, 8), bool)
    assert better(here, there, here) == "raw" and better(here, there, there) == "upright"
    assert better(here, there, nobody) == "unsure" and better(here, there, here | there) == "unsure"
    assert better(here, here, nobody) == "raw" and better(nobody, nobody, here) == "raw"


def test_what_the_size_tells() -> None:
    assert not is_upright((96, 128), (96, 128), 6) and is_upright((128, 96), (96, 128), 6)
    assert not fits_both((96, 128), (96, 128), 6) and fits_both((96, 96), (96, 96), 6)
    assert fits_both((96, 128), (96, 128), 3) and not fits_both((96, 128), (96, 128), 1)
    assert not fits_both(None, (96, 128), 3)
