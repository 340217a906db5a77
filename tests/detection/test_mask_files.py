"""Given masks: plain black and white files of the photo's size; anything else is refused by what it is."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from configs import SegmentSettings
from data.types import GivenMasks, People, Photo, PhotoError
from detection import build_segmenter
from detection.mask_files import MOST_PERSONS, components, read_mask

MASK = (
    np.array(
        [
            [1, 1, 0, 0, 0],
            [0, 0, 1, 0, 0],  # touches the first by a corner: one person
            [0, 0, 0, 0, 1],
            [0, 0, 0, 0, 1],
        ],
        np.uint8,
    )
    * 255
)


def segment(path: Path | None, person: str = "white", size: tuple[int, int] = (4, 5)) -> People:
    photo = Photo("id", "b.jpg", np.zeros((*size, 3), np.uint8), GivenMasks(mask_file=path))
    settings = SegmentSettings(segmenter="mask-files").with_own("mask-files", person=person)
    (people,) = build_segmenter(settings, {}).segment([photo])
    return people


def palette(mask: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(mask // 255)
    image.putpalette([0, 0, 0, 255, 255, 255])
    return image


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(MASK),
        Image.fromarray(MASK // 255),
        Image.fromarray(np.repeat(MASK[..., None], 3, 2)),
        Image.fromarray(MASK).convert("1"),
        palette(MASK),
    ],
    ids=["0/255", "0/1", "equal channels", "one bit", "palette"],
)
def test_each_component_is_a_person_the_largest_first(image: Image.Image, tmp_path: Path) -> None:
    image.save(tmp_path / "m.png")
    people = segment(tmp_path / "m.png")
    np.testing.assert_array_equal(people.union(), MASK > 0)
    assert [p.bbox for p in people.persons] == [(0.0, 0.0, 3.0, 2.0), (4.0, 2.0, 1.0, 2.0)]
    assert {(p.score, p.source, p.crowd) for p in people.persons} == {(1.0, "mask-files", False)}


def test_black_may_mark_people(tmp_path: Path) -> None:
    Image.fromarray(255 - MASK).save(tmp_path / "m.png")
    np.testing.assert_array_equal(segment(tmp_path / "m.png", "black").union(), MASK > 0)


IDS = np.array(
    [
        [0, 7, 7, 300, 0],
        [0, 7, 7, 300, 0],
        [0, 0, 0, 0, 0],
        [2, 0, 0, 0, 2],  # one person in two pieces
    ],
    np.uint16,
)


@pytest.mark.parametrize("bits", [8, 16, "palette"])
def test_every_number_is_a_person(bits: object, tmp_path: Path) -> None:
    ids = IDS if bits == 16 else np.where(IDS == 300, 9, IDS).astype(np.uint8)
    image = Image.fromarray(ids)
    if bits == "palette":
        image.putpalette([0, 0, 0] * 256)  # every number in the same colour
    image.save(tmp_path / "m.png")
    people = segment(tmp_path / "m.png", "ids")
    assert [p.bbox for p in people.persons] == [(0.0, 3.0, 5.0, 1.0), (1.0, 0.0, 2.0, 2.0), (3.0, 0.0, 1.0, 2.0)]
    np.testing.assert_array_equal(people.union(), IDS > 0)


def test_numbers_stand_in_one_channel(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4)).save(tmp_path / "m.png")
    with pytest.raises(PhotoError, match="has the mode RGB; numbers of people stand in one channel"):
        segment(tmp_path / "m.png", "ids")
    Image.new("L", (5, 4)).save(tmp_path / "m.png")
    assert len(segment(tmp_path / "m.png", "ids")) == 0


@pytest.mark.parametrize("person", ["white", "black"])
def test_a_mask_of_background_alone_has_no_people(person: str, tmp_path: Path) -> None:
    Image.new("L", (5, 4), 0 if person == "white" else 255).save(tmp_path / "m.png")
    assert len(segment(tmp_path / "m.png", person)) == 0


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (Image.new("L", (10, 8)), "is 10 x 8 pixels; the photo is 5 x 4"),
        (Image.new("L", (4, 5)), "turned by 90 degrees"),
        (Image.new("RGBA", (5, 4)), r"carries alpha \(mode RGBA\)"),
        (Image.new("LA", (5, 4)), r"carries alpha \(mode LA\)"),
        (Image.new("RGB", (5, 4), (255, 0, 0)), "is coloured"),
        (Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)), "values 0, 1, 2, 3, 4 and 15 more"),
        (Image.fromarray(MASK // 2), "values 0, 127; it must"),
        (Image.new("I;16", (5, 4)), "has the mode I;16"),
    ],
)
def test_other_images_are_refused_by_what_they_are(image: Image.Image, found: str, tmp_path: Path) -> None:
    image.save(tmp_path / "m.png")
    with pytest.raises(PhotoError, match=found) as caught:
        segment(tmp_path / "m.png")
    assert caught.value.state == "refused"
    assert caught.value.sentence.startswith("b.jpg: the mask ") and "m.png" in caught.value.sentence


def test_transparency_in_a_palette_is_alpha(tmp_path: Path) -> None:
    palette(MASK).save(tmp_path / "m.png", transparency=0)
    with pytest.raises(PhotoError, match="carries alpha"):
        segment(tmp_path / "m.png")


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"has no mask file; see segment\.mask_files\.folder"):
        segment(None)
    with pytest.raises(PhotoError, match=r"gone\.png does not exist"):
        segment(tmp_path / "gone.png")
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(PhotoError, match="not a readable image"):
        segment(tmp_path / "text.png")
    Image.fromarray(np.tile(MASK, (50, 50))).save(tmp_path / "m.png")
    whole = (tmp_path / "m.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PhotoError, match=r"damaged|not a readable"):
        segment(tmp_path / "cut.png", size=(200, 250))


def test_a_noisy_mask_loses_no_pixel() -> None:
    noise = np.zeros((120, 120), bool)
    noise[::2, ::2] = True
    people = People((120, 120), components(noise))
    np.testing.assert_array_equal(people.union(), noise)
    assert len(people) == MOST_PERSONS + 1 and people.persons[-1].crowd


def test_a_mask_may_be_larger_than_pillows_own_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.zeros((60, 80), np.uint8)
    values[10:30, 20:40] = 255
    Image.fromarray(values).save(tmp_path / "m.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_mask(tmp_path / "m.png", (60, 80)).sum() == 400
