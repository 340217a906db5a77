"""HEIC: what is read, what is written back, and what is said without the package that reads it."""

from __future__ import annotations

import io
import sys

import numpy as np
import pillow_heif
import pytest
from image_kinds import heic, picture, saved
from PIL import Image

from data.images import decode, encode, scrubbed
from data.types import PhotoError

SIZE = (96, 64)
HOLE = np.zeros(SIZE[::-1], np.uint8)
HOLE[16:40, 30:60] = 255


def with_metadata(orientation: int = 6) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x013B] = orientation, "Maker", "Ann Author"
    thumbnail = picture(size=(16, 16))
    image = pillow_heif.from_pillow(picture(size=SIZE))
    image.info["exif"] = exif.tobytes()
    image.info["xmp"] = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF " + (
        b"xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/></x:xmpmeta>"
    )
    out = io.BytesIO()
    image.save(out, format="HEIF", quality=90, thumbnails=[thumbnail.width])
    return out.getvalue()


def reopened(raw: bytes) -> pillow_heif.HeifFile:
    return pillow_heif.open_heif(io.BytesIO(raw))


def test_the_fill_is_written_and_the_rest_looks_the_same() -> None:
    photo = decode(heic(picture(size=SIZE)), "a.heic")
    assert (photo.format, photo.mode, photo.orientation, photo.pixels.shape) == ("HEIF", "RGB", 1, (64, 96, 3))
    done = encode(photo, np.where(HOLE[..., None] > 0, np.uint8(200), photo.pixels), HOLE)
    again = decode(done.raw, "a.heic")
    assert done.notes == ("re-encoded: HEIC with quality 90",)
    assert np.abs(again.pixels[HOLE == 0].astype(int) - photo.pixels[HOLE == 0]).mean() < 4
    assert np.abs(again.pixels[20:36, 34:56].astype(int) - 200).mean() < 4
    assert encode(photo, photo.pixels, np.zeros_like(HOLE)).raw == photo.raw


def test_metadata_stay_and_thumbnails_go() -> None:
    photo = decode(with_metadata(), "a.heic")
    assert photo.orientation == 1, "EXIF says how the sensor was held; the picture is upright"
    assert photo.pixels.shape == (96, 64, 3), "the file itself says that it is turned"
    done = encode(photo, photo.pixels, HOLE.T)
    np.testing.assert_allclose(decode(done.raw, "a.heic").pixels.mean((0, 2)), photo.pixels.mean((0, 2)), atol=4)
    assert done.notes == ("re-encoded: HEIC with quality 90", "dropped: thumbnail")
    after = reopened(done.raw)
    exif = Image.Exif()
    exif.load(after.info["exif"])
    assert (exif[0x010F], exif[0x013B], exif[0x0112]) == ("Maker", "Ann Author", 1)
    assert b"xmpmeta" in after.info["xmp"] and not after.info["thumbnails"]


@pytest.mark.parametrize("filled", [True, False])
def test_scrubbed_ones_hold_their_picture_alone(filled: bool) -> None:
    photo = decode(with_metadata(), "a.heic")
    raw = (encode(photo, photo.pixels, HOLE.T, scrub=True) if filled else scrubbed(photo)).raw
    assert b"Ann" not in raw and b"xmpmeta" not in raw and not reopened(raw).info["exif"]
    assert np.abs(decode(raw, "a.heic").pixels.astype(int) - photo.pixels).mean() < 4


def burst() -> bytes:
    file = pillow_heif.from_pillow(picture(size=SIZE))
    file.add_from_pillow(picture(size=SIZE).rotate(180))
    out = io.BytesIO()
    file.save(out, quality=50)
    return out.getvalue()


def ten_bits() -> bytes:
    pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    out = io.BytesIO()
    deep = np.random.default_rng(0).integers(0, 1 << 16, (64, 96, 3), np.uint16)
    pillow_heif.encode("RGB;16", SIZE, deep.tobytes(), out)
    return out.getvalue()


ENDS = {
    "several pictures": (burst(), "refused", "several pictures"),
    "10 bits": (ten_bits(), "refused", "of 10 bits a channel"),
    "cut": (heic(picture(size=SIZE))[:-200], "corrupt", "damaged image file"),
    "cut in its header": (heic(picture(size=SIZE))[:300], "corrupt", "damaged image file"),
    "only its first box": (heic(picture(size=SIZE))[:24], "corrupt", "damaged image file"),
}


@pytest.mark.parametrize("kind", ENDS)
def test_others_are_refused_or_corrupt(kind: str) -> None:
    raw, state, words = ENDS[kind]
    with pytest.raises(PhotoError, match=words) as error:
        decode(raw, "a.heic")
    assert error.value.state == state


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(PhotoError, match=r"96 x 64 pixels are more than input.megapixels=0.001"):
        decode(heic(picture(size=SIZE)), "a.heic", megapixels=0.001)


def test_without_the_package_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match=r"HEIC files need another package: pip install 'person-removal\[heic\]'") as e:
        decode(heic_of_a_phone(), "a.heic")
    assert e.value.state == "refused"


def heic_of_a_phone() -> bytes:
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


def test_an_avif_is_none_and_a_cut_one_is_corrupt() -> None:
    raw = saved(picture(size=SIZE), "AVIF")
    assert decode(raw, "a.avif").format == "AVIF"
    for length in (40, 200, len(raw) // 2, len(raw) - 60):
        with pytest.raises(PhotoError) as error:
            decode(raw[:length], "a.avif")
        assert error.value.state == "corrupt"
