"""`remove_people`: one image in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from collection_with_people import texture
from PIL import Image
from red_people import RED, RedPeople

from configs.errors import UserError
from configs.load import load_settings
from data.errors import InputError
from data.images import to_raw_frame
from data.types import Hole, PhotoError, Pixels
from flows import api, remove_people
from flows.stages import models


class Small:
    """Fills with one value what has at most `most` pixels a side; there is no memory for more."""

    def __init__(self, most: int) -> None:
        self.most = most

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        if max(hole.shape) > self.most:
            raise MemoryError
        return np.full_like(image, 7)


@pytest.mark.parametrize(("most", "lower"), [(2000, None), (80, "inpaint.window=64")])
def test_an_image_with_little_memory_says_so(monkeypatch: pytest.MonkeyPatch, most: int, lower: str | None) -> None:
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: RedPeople())
    monkeypatch.setattr(models, "fill", lambda settings, weights: Small(most))
    monkeypatch.setattr(
        api, "_prepared", lambda preset, overrides: (load_settings(preset, [*overrides, "inpaint.fill=telea"]), {})
    )
    pixels = texture(3).copy()
    pixels[30:70, 20:36] = RED
    result = remove_people(pixels, "embedded")
    assert (len(result.people), result.lower) == (1, lower)
    assert (result.hole[30:70, 20:36] == 255).all()
    changed = (result.image != pixels).any(2)
    assert changed[30:70, 20:36].all() and not changed[result.hole == 0].any()


@pytest.mark.parametrize(
    ("keep", "stay", "doubts"),
    [
        (None, (), 0),
        ("largest", (1,), 0),
        (0, (0,), 0),
        ("0,1", (0, 1), 0),
        ([(60, 20, 20, 50)], (1,), 0),
        (np.array([[10.0, 30.0, 10.0, 30.0]]), (0,), 0),
        (99, (), 1),
        ([0, (100, 0, 20, 20)], (0,), 1),
    ],
)
def test_who_stays(monkeypatch: pytest.MonkeyPatch, keep: Any, stay: tuple[int, ...], doubts: int) -> None:
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: RedPeople())
    monkeypatch.setattr(models, "fill", lambda settings, weights: Small(2000))
    monkeypatch.setattr(
        api, "_prepared", lambda preset, overrides: (load_settings(preset, [*overrides, "inpaint.fill=telea"]), {})
    )
    pixels, boxes = texture(3).copy(), [(10, 30, 10, 30), (60, 20, 20, 50)]
    for x, y, width, height in boxes:
        pixels[y : y + height, x : x + width] = RED
    result = remove_people(pixels, "embedded", keep=keep)
    for number, (x, y, width, height) in enumerate(boxes):
        hole = result.hole[y : y + height, x : x + width] > 0
        assert hole.all() if number not in stay else not hole.any()
    assert len(result.doubts) == doubts


@pytest.mark.parametrize("keep", ["everyone", [-1], [(1, 2, 3)], [True], 1.5])
def test_a_keep_that_says_nobody_is_one_sentence(keep: Any) -> None:
    with pytest.raises(InputError, match="keep"):
        remove_people(texture(3), "embedded", keep=keep)


@pytest.fixture
def red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything red is a person, and no weights are looked for."""
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: RedPeople())
    monkeypatch.setattr(api, "find_weights", lambda settings: {})


QUICK = ("inpaint.fill=telea", "verify.segmenter=none")


def test_a_pil_image_is_seen_upright(red: None, tmp_path: Path) -> None:
    pixels = texture(3).copy()
    pixels[30:70, 20:36] = RED
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Image.fromarray(to_raw_frame(pixels, 6)).save(path, exif=exif)
    results = [remove_people(image, overrides=QUICK) for image in (pixels, path, Image.open(path))]
    assert results[0].hole[30:70, 20:36].all()
    for result in results[1:]:
        np.testing.assert_array_equal(result.hole, results[0].hole)
        np.testing.assert_array_equal(result.image, results[0].image)


def test_a_pil_image_of_16_bits_is_scaled(red: None, tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), texture(3)[..., 0].astype(np.uint16) * 257)
    with Image.open(path) as image:
        assert image.mode == "I;16"
        seen = remove_people(image, overrides=QUICK).image
    np.testing.assert_array_equal(seen, np.repeat(texture(3)[..., :1], 3, axis=2))
    np.testing.assert_array_equal(seen, remove_people(path, overrides=QUICK).image)


@pytest.mark.parametrize(
    ("image", "options", "error"),
    [
        (None, {}, "not NoneType"),
        ([[0]], {}, "not list"),
        (np.zeros((0, 9, 3), np.uint8), {}, r"\(0, 9, 3\)"),
        (np.zeros((9, 9), np.uint8), {}, r"uint8 \(9, 9\)"),
        (Image.new("I", (9, 9)), {}, "mode I does not say"),
        (Image.new("F", (9, 9)), {}, "mode F does not say"),
        (Image.new("RGB", (9, 9)), {"preset": None}, "not NoneType"),
        (Image.new("RGB", (9, 9)), {"preset": Path("nothing")}, "nothing"),
        (Image.new("RGB", (9, 9)), {"overrides": "refine.dilate=0.1"}, "list of settings"),
        (Image.new("RGB", (9, 9)), {"overrides": None}, "list of settings"),
        (Path(), {}, "a folder, a pipe or a device"),
        ("n" * 300 + ".jpg", {}, "cannot be read"),
        ("a\0b.jpg", {}, "cannot be read"),
    ],
)
def test_what_is_no_image_or_setting_is_one_sentence(red: None, image: Any, options: Any, error: str) -> None:
    with pytest.raises(UserError, match=error) as raised:
        remove_people(image, **{"overrides": QUICK, **options})
    assert "\n" not in str(raised.value)


def test_a_cut_pil_image_is_one_sentence(red: None, tmp_path: Path) -> None:
    Image.fromarray(texture(3)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-400])
    with Image.open(tmp_path / "a.jpg") as image, pytest.raises(PhotoError, match="cannot be decoded"):
        remove_people(image, overrides=QUICK)
