"""`--scrub` leaves what data.images.metadata.allowed names, and not one text, whatever field it stands in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from exif_blocks import DIRECTORIES, block
from image_kinds import KINDS, picture, saved, with_jpeg_segment
from PIL import Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational
from planted import SECRET, SECRETS, opened, planted

from data.images import Decoded, decode, encode, scrubbed
from data.images.containers.isobmff import _picture_units
from data.images.containers.png import parse_png
from data.images.metadata.exif_facts import facts_only
from data.images.metadata.icc import colours_only
from data.images.writers.jpeg_blocks import CannotEdit, read_coefficients

PLANTED = planted()


def hole_of(photo: Decoded) -> np.ndarray:
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[2:6, 3:9] = 255
    return hole


@pytest.mark.parametrize("name", PLANTED)
def test_no_secret_is_left(name: str) -> None:
    raw = PLANTED[name]
    assert any(secret in part for part in opened(raw) for secret in SECRETS), "the secret is there"
    photo = decode(raw, "photo")
    untouched = scrubbed(photo)
    filled = encode(photo, np.zeros_like(photo.pixels), hole_of(photo), scrub=True)
    for done in (untouched, filled):
        assert not [secret for part in opened(done.raw) for secret in SECRETS if secret in part]
        assert decode(done.raw, "photo").orientation == photo.orientation or photo.format == "GIF"
        assert not any(secret.decode("latin-1") in note for note in done.notes for secret in SECRETS)
    if photo.format != "HEIF":  # always encoded anew
        np.testing.assert_array_equal(decode(untouched.raw, "photo").samples, photo.samples)


@pytest.mark.parametrize("name", [name for name in KINDS if name.startswith("JPEG ") and "2000" not in name])
def test_blocks_of_a_jpeg_are_not_touched(name: str) -> None:
    photo = decode(with_jpeg_segment(KINDS[name].raw, 0xFE, SECRET), "photo.jpg")
    clean = scrubbed(photo)
    try:
        before = read_coefficients(photo.raw)
    except CannotEdit:
        assert "CMYK" in name
        np.testing.assert_array_equal(decode(clean.raw, "photo.jpg").samples, photo.samples)
        return
    for a, b in zip(before.coefficients, read_coefficients(clean.raw).coefficients, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_keeps_its_pixels(name: str) -> None:
    photo = decode(KINDS[name].raw, "photo")
    if photo.format == "HEIF":  # encoded anew, as its notes say
        assert np.abs(decode(scrubbed(photo).raw, "photo").pixels.astype(int) - photo.pixels).mean() < 4
        return
    np.testing.assert_array_equal(decode(scrubbed(photo).raw, "photo").samples, photo.samples)


def test_a_pngs_coded_picture_stays_as_it_is() -> None:
    photo = decode(PLANTED["PNG: RGB, every chunk"], "photo.png")
    before, after = ([c for c in parse_png(raw) if c.kind == b"IDAT"] for raw in (photo.raw, scrubbed(photo).raw))
    assert before == after


# ---------------------------------------------------------------- what stays


@pytest.mark.parametrize("order", "<>")
def test_facts_of_exif_stay(order: str) -> None:
    after, gone = facts_only(block(order, DIRECTORIES).raw, 6)
    assert gone == ["EXIF thumbnail", "GPS position", "maker note", "EXIF texts and times"]
    read = Image.Exif()
    read.load(b"Exif\0\0" + after)
    assert {tag: value for tag, value in read.items() if tag != 0x8769} == {0x0112: 6}
    assert dict(read.get_ifd(0x8769)) == {0x829A: 1 / 250, 0x9000: b"0232"}


def test_resolution_exposure_and_colour_space_stay() -> None:
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 300.0, 2
    bias = IFDRational(-1, 3)
    exif.get_ifd(0x8769).update(
        {0x8827: 400, 0x829D: IFDRational(28, 10), 0x9204: bias, 0xA001: 65535, 0xA434: "Lens of Ann"}
    )
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    photo = decode(saved(picture(), "JPEG", exif=exif, dpi=(72, 72)), "photo.jpg")
    after = Image.open(io.BytesIO(scrubbed(photo).raw)).getexif()
    assert {tag: after[tag] for tag in (0x011A, 0x011B, 0x0128)} == {0x011A: 300, 0x011B: 300, 0x0128: 2}
    facts = after.get_ifd(0x8769)
    assert (facts[0x8827], facts[0x829D], facts[0xA001]) == (400, 2.8, 65535) and facts[0x9204] < -0.3
    assert 0xA434 not in facts and after.get_ifd(0xA005)[1] == "R03"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_photo_stays_turned_as_its_xmp_says(kind: str) -> None:
    """Readers take the orientation from XMP where EXIF says nothing; XMP goes."""
    packet = (
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        b"<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation=\"6\"/></rdf:RDF></x:xmpmeta>"
    )
    if kind == "JPEG":
        raw = with_jpeg_segment(saved(picture(), kind), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    elif kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", packet.decode())
        raw = saved(picture(), kind, pnginfo=text)
    elif kind == "TIFF":
        raw = saved(picture(), kind, tiffinfo={700: packet})
    else:
        raw = saved(picture(), kind, xmp=packet)
    photo = decode(raw, "photo")
    assert photo.orientation == 6 == decode(scrubbed(photo).raw, "photo").orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_photo_stays_turned_as_it_was(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = decode(saved(picture(), kind, exif=exif), "photo")
    filled = encode(photo, np.zeros_like(photo.pixels), hole_of(photo), scrub=True)
    for done in (scrubbed(photo), filled):
        assert photo.orientation == orientation == decode(done.raw, "photo").orientation


PROFILES = {
    "sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    "Lab": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
}


@pytest.mark.parametrize("version", [2, 4])
def test_a_profile_means_the_same_colours(version: int) -> None:
    profile = bytearray(PROFILES["sRGB"])
    profile[8] = version
    clean = colours_only(bytes(profile))
    assert b"sRGB" not in clean and len(clean) < len(profile)
    image = picture()
    through = [
        ImageCms.profileToProfile(image, io.BytesIO(p), io.BytesIO(PROFILES["Lab"]), outputMode="LAB")
        for p in (bytes(profile), clean)
    ]
    assert through[0] is not None and through[1] is not None and through[0].tobytes() == through[1].tobytes()
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(clean))).strip() == "colours"


@pytest.mark.parametrize("profile", [b"", SECRET * 20, PROFILES["sRGB"][:140], bytes(40)])
def test_what_is_no_profile_goes(profile: bytes) -> None:
    assert colours_only(profile) == b""


def test_metadata_and_padding_leave_a_picture_coded_as_av1() -> None:
    sized = lambda kind, data: bytes((kind << 3 | 2, len(data))) + data  # noqa: E731
    frame, last = sized(6, b"frame"), bytes((4 << 3,)) + b"tiles"
    assert _picture_units(sized(1, b"header") + sized(5, SECRET) + frame + sized(15, SECRET) + last) == (
        sized(1, b"header") + frame + last
    )
