"""Image files in a whole run: blocks, frames, metadata, and what the manifest says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from collection_with_people import box_annotation, manifest, remove, save_photo, texture
from PIL import Image, ImageOps

from configs import SettingsError
from data.images import decode, upright
from data.images.writers.jpeg_blocks import read_coefficients
from data.types import People
from flows.api import Result

PERSON = (20, 30, 16, 40)


def collection(root: Path, file: str, size: tuple[int, int], people: bool = True) -> Path:
    """A COCO directory of one photo; size: width and height that the annotation file states."""
    tree = {
        "images": [{"id": 1, "file_name": file, "width": size[0], "height": size[1]}],
        "annotations": [box_annotation(1, 1, 1, PERSON)] if people else [],
        "categories": [{"id": 1, "name": "person"}],
    }
    (root / "annotations").mkdir(parents=True)
    (root / "annotations/instances.json").write_text(json.dumps(tree))
    (root / "images").mkdir()
    return root


def with_gps(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x013B] = orientation, "Maker", "Ann Author"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def test_a_jpeg_keeps_its_blocks_and_says_nothing(tmp_path: Path) -> None:
    coco = collection(tmp_path / "coco", "a.jpg", (128, 96))
    save_photo(coco / "images/a.jpg", 1, PERSON, quality=92, subsampling=2)
    remove(coco, tmp_path / "out")
    row = manifest(tmp_path / "out")["a.jpg"]
    assert (row["state"], row["notes"]) == ("removed", [])
    before, after = ((folder / "images/a.jpg").read_bytes() for folder in (coco, tmp_path / "out"))
    hole = np.asarray(Image.open(tmp_path / "out/masks/a.png"))
    touched = hole.reshape(6, 16, 8, 16).any((1, 3))
    for a, b in zip(read_coefficients(before).coefficients, read_coefficients(after).coefficients, strict=True):
        size = a.shape[0] // 6
        blocks = touched.repeat(size, 0).repeat(size, 1)
        np.testing.assert_array_equal(a[~blocks], b[~blocks])
    assert abs(len(after) / len(before) - 1) < 0.2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("frame", ["raw", "shown"])
def test_masks_are_in_the_frame_that_the_annotations_state(tmp_path: Path, frame: str, orientation: int) -> None:
    """The raw size equal: raw frame; the shown size equal: the frame in which people see the photo.

    Orientations 2 to 4 keep the size, so that it cannot tell the frames apart: raw is taken, and a person decides.
    """
    shown = frame == "shown" and orientation >= 5
    coco = collection(tmp_path / "coco", "a.png", (96, 128) if shown else (128, 96))
    raw = texture(1)
    x, y, w, h = PERSON
    seen = np.zeros((128, 96) if shown else (96, 128), bool)
    seen[y : y + h, x : x + w] = True
    index = np.arange(96 * 128).reshape(96, 128)  # of raw pixels, put where they are shown
    places = _turned(index, orientation) if shown else index
    person = np.zeros((96, 128), np.uint8)
    person.reshape(-1)[places[seen]] = 1
    pixels = np.where(person[..., None] > 0, np.array((220, 20, 30), np.uint8), raw)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(coco / "images/a.png", exif=exif)
    remove(coco, tmp_path / "out")
    unsure = orientation in (2, 3, 4)
    assert manifest(tmp_path / "out")["a.png"]["state"] == ("review" if unsure else "removed")
    after = np.asarray(Image.open(tmp_path / "out" / ("review" if unsure else "images") / "a.png"))
    hole = np.asarray(Image.open(tmp_path / "out/masks/a.png"))
    assert (hole[person > 0] == 255).all() and (hole > 0).mean() < 0.2
    assert not (after == (220, 20, 30)).all(-1).any()


def _turned(index: np.ndarray, orientation: int) -> np.ndarray:
    low, high = (upright((index >> shift & 255).astype(np.uint8), orientation).astype(int) for shift in (0, 8))
    return low | high << 8


def test_another_size_is_refused(tmp_path: Path) -> None:
    coco = collection(tmp_path / "coco", "a.png", (96, 128))
    save_photo(coco / "images/a.png", 1, PERSON)
    remove(coco, tmp_path / "out")
    assert "the annotation file says 96 x 128" in manifest(tmp_path / "out")["a.png"]["reason"]


def test_a_png_named_jpg_stays_a_png(tmp_path: Path) -> None:
    coco = collection(tmp_path / "coco", "a.jpg", (128, 96))
    save_photo(coco / "images/a.jpg", 1, PERSON, format="PNG")
    remove(coco, tmp_path / "out")
    assert manifest(tmp_path / "out")["a.jpg"]["format"] == "PNG"
    assert (tmp_path / "out/images/a.jpg").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("people", [True, False])
@pytest.mark.parametrize("scrub", [True, False])
def test_scrub_takes_places_and_names_out_of_every_photo(tmp_path: Path, people: bool, scrub: bool) -> None:
    coco = collection(tmp_path / "coco", "a.jpg", (128, 96), people)
    save_photo(coco / "images/a.jpg", 1, PERSON if people else None, exif=with_gps(), quality=90)
    remove(coco, tmp_path / "out", f"publish.scrub={scrub}")
    row = manifest(tmp_path / "out")["a.jpg"]
    before, after = ((folder / "images/a.jpg").read_bytes() for folder in (coco, tmp_path / "out"))
    exif = Image.open(tmp_path / "out/images/a.jpg").getexif()
    assert (bool(exif.get_ifd(0x8825)), 0x013B in exif, 0x010F in exif, b"Ann Author" in after) == (not scrub,) * 4
    assert row["state"] == ("removed" if people else "passthrough")
    assert row["notes"] == (["dropped: GPS position, EXIF texts and times"] if scrub else [])
    if not people:
        assert (before == after) == (not scrub)
        for a, b in zip(read_coefficients(before).coefficients, read_coefficients(after).coefficients, strict=True):
            np.testing.assert_array_equal(a, b)


def test_too_many_megapixels_are_refused_by_name(tmp_path: Path) -> None:
    coco = collection(tmp_path / "coco", "a.png", (128, 96))
    save_photo(coco / "images/a.png", 1, PERSON)
    remove(coco, tmp_path / "out", "input.megapixels=0.01")
    row = manifest(tmp_path / "out")["a.png"]
    assert (row["state"], row["reason"]) == (
        "refused",
        "a.png: 128 x 96 pixels are more than input.megapixels=0.01 allows; raise it if the memory is there.",
    )


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_result_is_saved_in_the_photos_own_format(tmp_path: Path, orientation: int) -> None:
    save_photo(tmp_path / "a.jpg", 1, PERSON, quality=90, exif=with_gps(orientation))
    photo = decode((tmp_path / "a.jpg").read_bytes(), "a.jpg")
    shown = photo.pixels
    hole = np.zeros(shown.shape[:2], np.uint8)
    hole[20:60, 30:50] = 255
    filled = np.where(hole[..., None] > 0, np.uint8(90), shown)
    result = Result(filled, hole, People((shown.shape[0], shown.shape[1])), photo)
    assert result.save(tmp_path / "out.jpg") == ()
    again = Image.open(tmp_path / "out.jpg")
    assert again.getexif()[0x0112] == orientation and again.getexif()[0x010F] == "Maker"
    after = np.asarray(ImageOps.exif_transpose(again))
    assert np.abs(after.astype(int) - filled)[hole == 0].mean() < 0.5
    assert np.abs(after[30:50, 35:45].astype(int) - 90).mean() < 3
    with pytest.raises(SettingsError, match=r"out.png: the result keeps the photo's format; end its name in .jpg"):
        result.save(tmp_path / "out.png")
    Result(filled, hole, result.people).save(tmp_path / "array.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "array.png")), filled)
