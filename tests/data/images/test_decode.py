"""Image files in and out: what is kept, what is refused, and in which words."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from image_kinds import bmp, bmp_run_lengths, png, saved
from image_kinds import picture as of_size
from PIL import ExifTags, Image, ImageCms, ImageOps

from data.images import (
    bbox_to_raw_frame,
    bbox_upright,
    box_to_raw_frame,
    decode,
    encode,
    people_to_raw_frame,
    people_upright,
    to_raw_frame,
    upright,
)
from data.images.containers.tiff import Tiff
from data.rle import BoxMask, decode_counts
from data.types import Instance, People, PhotoError

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    return of_size(mode, size)


def exif(orientation: int = 1) -> Image.Exif:
    out = Image.Exif()
    out[0x0112], out[0x010F] = orientation, "Maker"
    return out


HOLE = np.zeros((24, 40), np.uint8)
HOLE[4:8, 4:8] = 255


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_metadata_survives(format_: str) -> None:
    raw = saved(picture(), format_, exif=exif(6), icc_profile=ICC, dpi=(300, 300))
    photo = decode(raw, "photo")
    after = Image.open(io.BytesIO(encode(photo, photo.pixels, upright(HOLE, 6)).raw))
    assert photo.orientation == 6 and photo.pixels.shape == (40, 24, 3), "upright"
    assert after.getexif()[0x0112] == 6 and after.getexif()[0x010F] == "Maker"
    assert after.info["icc_profile"] == ICC
    if format_ != "WEBP":  # WebP has no resolution field
        assert [round(float(v)) for v in after.info["dpi"]] == [300, 300]


def test_an_embedded_thumbnail_does_not_survive() -> None:
    """It still shows the people."""
    thumbnail = saved(picture(size=(16, 16)), "JPEG")
    body = saved(picture(), "JPEG")
    ifd0 = struct.pack("<HHHII", 1, 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    ifd1 = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    tiff = b"II*\0" + struct.pack("<I", 8) + ifd0 + ifd1 + thumbnail
    app1 = b"Exif\0\0" + tiff
    raw = body[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + body[2:]
    assert Image.open(io.BytesIO(raw)).getexif().get_ifd(ExifTags.IFD.IFD1), "the sample carries a thumbnail"
    photo = decode(raw, "photo.jpg")
    out = encode(photo, photo.pixels, HOLE).raw
    assert not Image.open(io.BytesIO(out)).getexif().get_ifd(ExifTags.IFD.IFD1)
    assert thumbnail not in out


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_what_pillow_shows(orientation: int) -> None:
    raw = saved(picture(), "JPEG", exif=exif(orientation))
    photo = decode(raw, "photo.jpg")
    shown = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(raw))))
    np.testing.assert_array_equal(photo.pixels, shown)
    np.testing.assert_array_equal(to_raw_frame(photo.pixels, orientation), photo.samples)
    np.testing.assert_array_equal(upright(photo.samples, orientation), shown)
    assert photo.size == photo.samples.shape[:2]


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises a size; its picture is not there."""
    return png(b"", 8, 2, (width, height))


def tiff_with(tag: int) -> bytes:
    from PIL import TiffImagePlugin

    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[tag] = 8
    return saved(picture(), "TIFF", tiffinfo=info)


def tiff_with_more_data_than_rows() -> bytes:
    """A strip of Deflate that goes on behind the picture: libtiff ignores the rest, others call it an error."""
    rows = np.asarray(picture("L"))
    data = zlib.compress(rows.tobytes() + bytes(400))
    raw = saved(picture("L"), "TIFF", compression="tiff_adobe_deflate")
    tiff = Tiff(raw)
    offsets, sizes = tiff.get("IFD0", 273), tiff.get("IFD0", 279)
    assert offsets and sizes
    tiff.set_numbers(offsets, [len(raw)])
    tiff.set_numbers(sizes, [len(data)])
    return bytes(tiff.data) + data


REFUSED = {
    "more data than rows": (tiff_with_more_data_than_rows(), "its TIFF layout is odd, and not every decoder reads it"),
    "multi-page": (saved(picture(), "TIFF", save_all=True, append_images=[picture()]), "animated and multi-page"),
    "animated": (saved(picture(), "WEBP", save_all=True, append_images=[picture("L")]), "animated and multi-page"),
    "animated gif": (saved(picture("P"), "GIF", save_all=True, append_images=[picture("L")]), "animated and"),
    "animated png": (saved(picture(), "PNG", save_all=True, append_images=[picture("L")]), "animated and multi-page"),
    "float": (
        saved(picture("F"), "TIFF"),
        "with 32 float bits .MINISBLACK. are not supported; convert it",
    ),
    "32-bit": (saved(picture("I"), "TIFF"), "with 32 signed bits"),
    "lab": (saved(picture("LAB"), "TIFF"), r"with 8 bits \(CIELAB\)"),
    "16-bit jpeg 2000": (saved(Image.fromarray(np.zeros((24, 40), np.uint16)), "JPEG2000"), "16 bits a channel"),
    "big tiff": (saved(picture(), "TIFF", big_tiff=True), "big TIFF files are not supported"),
    "raw": (tiff_with(330), "holds further pictures"),
    "ico": (saved(picture("RGBA"), "ICO"), "ICO files are not supported; convert it to PNG or JPEG"),
    "bmp of 4 bits a channel": (bmp(16, 124, (0xF00, 0xF0, 0xF, 0xF000)), r"BMP files of this layout \(16 bits"),
    "bmp of 64 bits": (bmp(64), r"BMP files of this layout \(64 bits"),
    "bmp with a header of 16 bytes": (bmp(24)[:14] + b"\x10" + bmp(24)[15:], "BMP files of this layout"),
    "jpeg xl": (b"\xff\x0a" + bytes(40), "JPEG XL files are not supported"),
    "bomb": (png_of(60_000, 60_000), "60000 x 60000 pixels are more than input.megapixels=200 allows"),
}
CORRUPT = {
    "empty": (b"", "the file is empty"),
    "text": (b"not a photo", "not an image"),
    "truncated jpeg": (saved(picture(), "JPEG")[:-120], "damaged image file"),
    "truncated png": (saved(picture(), "PNG")[:-120], "damaged image file"),
    "truncated bmp": (bmp(24)[:-120], "damaged image file"),
    "truncated bmp, 16 bits": (bmp(16, 124, (0xF00, 0xF0, 0xF, 0xF000))[:-120], "damaged image file"),
    "truncated bmp, run lengths": (bmp_run_lengths()[:-120], "it ends before its picture does"),
    "half a header": (saved(picture(), "PNG")[:20], "half|not an image|damaged"),
}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_in_its_box_turns_as_the_photo_does(orientation: int) -> None:
    shown = np.zeros((5, 8), bool)
    shown[1:4, 2:4], shown[2, 5] = True, True
    box = box_to_raw_frame(BoxMask(0, 0, shown).tight(), (5, 8), orientation)
    raw = np.zeros((8, 5) if orientation >= 5 else (5, 8), bool)
    raw[box.box.slices] = box.mask
    np.testing.assert_array_equal(raw, to_raw_frame(shown.astype(np.uint8), orientation) > 0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_people_turn_as_the_photo_does_and_back(orientation: int) -> None:
    shown = np.zeros((5, 8), bool)
    shown[1:4, 2:4], shown[2, 5] = True, True
    lost = Instance.from_mask(~shown, 0.5, "yolo").counts
    person = replace(Instance.from_mask(shown, 0.9, "yolo", crowd=True), doubtful=lost)
    empty = Instance.from_mask(np.zeros((5, 8), bool), 0.1, "yolo")
    people = People((5, 8), (person, empty), (Instance.from_mask(shown, 0.5, "yolo", label="tie"),))
    raw = people_to_raw_frame(people, orientation)
    for array, counts in ((shown, raw.persons[0].counts), (~shown, raw.persons[0].doubtful)):
        turned = to_raw_frame(array.astype(np.uint8), orientation) > 0
        np.testing.assert_array_equal(decode_counts(counts, raw.size), turned)
    expected = Instance.from_mask(to_raw_frame(shown.astype(np.uint8), orientation), 0.9, "yolo", crowd=True)
    assert replace(raw.persons[0], doubtful="") == expected
    assert people_upright(raw, orientation) == people
    box = bbox_to_raw_frame((2.25, 1.0, 2.0, 3.5), (5, 8), orientation)
    assert bbox_upright(box, (5, 8), orientation) == (2.25, 1.0, 2.0, 3.5)


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name(kind: str) -> None:
    raw, words = REFUSED[kind]
    with pytest.raises(PhotoError, match=words) as error:
        decode(raw, "my photo.x")
    assert error.value.state == "refused" and error.value.sentence.startswith("my photo.x: ")


@pytest.mark.parametrize("kind", CORRUPT)
def test_corrupt(kind: str) -> None:
    raw, words = CORRUPT[kind]
    with pytest.raises(PhotoError, match=words) as error:
        decode(raw, "my photo.x")
    assert error.value.state == "corrupt" and error.value.sentence.startswith("my photo.x: ")


def test_a_replaced_image_open_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """ultralytics puts its own in Pillow's place, which fails for want of another package."""

    def replaced(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'pi_heif'")

    monkeypatch.setattr(Image, "open", replaced)
    with pytest.raises(PhotoError, match="JPEG XL files are not supported"):
        decode(b"\xff\x0a" + bytes(40), "x")
    assert decode(saved(picture(), "PNG"), "x").mode == "RGB"


@pytest.mark.parametrize("quality", [0, 1, 50, 100])
@pytest.mark.parametrize("shade", [0, 128, 255])
def test_flat_lossy_webp_files_hold_their_pixels(quality: int, shade: int) -> None:
    """The smallest files of their size: nothing but prediction."""
    for size in ((2000, 1500), (16, 16), (1, 700)):
        raw = saved(Image.new("RGB", size, (shade,) * 3), "WEBP", quality=quality, method=0 if size[0] > 99 else 6)
        assert decode(raw, "x.webp").pixels.shape[:2] == size[::-1]
