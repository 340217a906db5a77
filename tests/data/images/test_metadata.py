"""What leaves the metadata with the people, and that all else stays byte for byte."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from exif_blocks import ASCII, DIRECTORIES, MAKER_NOTE, UNDEFINED, Block, block
from image_kinds import by_opencv, deep, picture, png, png_chunk, saved, unfiltered, with_jpeg_segment
from PIL import Image, ImageCms

from data.images import Decoded, decode, encode
from data.images.containers.jpeg import parse_jpeg
from data.images.containers.png import parse_png
from data.images.containers.webp import parse_webp
from data.images.metadata import exif, xmp

THUMBNAIL = saved(picture(size=(16, 16)), "JPEG")
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b"http://ns.adobe.com/xap/1.0/\0"


def phone(order: str = "<") -> Block:
    return block(order, DIRECTORIES, THUMBNAIL)


def edited(photo: Decoded) -> tuple[bytes, tuple[str, ...]]:
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[2:6, 3:9] = 255
    done = encode(photo, np.zeros_like(photo.pixels), hole)
    return done.raw, done.notes


def jpeg_with(*segments: tuple[int, bytes], trailer: bytes = b"") -> Decoded:
    raw = saved(picture(), "JPEG", quality=90)
    for marker, data in reversed(segments):
        raw = with_jpeg_segment(raw, marker, data)
    return decode(raw + trailer, "photo.jpg")


# ---------------------------------------------------------------- EXIF


@pytest.mark.parametrize("order", "<>")
def test_exif_loses_its_thumbnail_and_not_another_byte(order: str) -> None:
    before = phone(order)
    after, gone = exif.without_people(before.raw)
    assert gone == ["EXIF thumbnail"]
    assert THUMBNAIL not in after and THUMBNAIL[200:240] not in after
    for (name, tag), (start, end) in before.places.items():
        if name != "IFD1":
            assert after[start:end] == before.raw[start:end], f"{name} {tag:#x} is at its offset"
    read, was = Image.Exif(), Image.Exif()
    read.load(b"Exif\0\0" + after)
    was.load(b"Exif\0\0" + before.raw)
    for directory in (0x8769, 0x8825):
        assert dict(read.get_ifd(directory)) == dict(was.get_ifd(directory))
    assert read.get_ifd(0x8769)[0x927C] == MAKER_NOTE
    assert dict(read) == dict(was) and not read.get_ifd(1)


def test_a_maker_note_with_a_preview_goes() -> None:
    note = b"Camera\0\0" + THUMBNAIL
    before = block("<", {"IFD0": {0x010F: (ASCII, b"Maker\0")}, "Exif": {0x927C: (UNDEFINED, note)}})
    after, gone = exif.without_people(before.raw)
    assert gone == ["maker note with a preview"] and THUMBNAIL[100:140] not in after and b"Maker" in after


def test_a_preview_that_no_entry_names_goes() -> None:
    before = block("<", {"IFD0": {0x010F: (ASCII, b"Maker\0")}}).raw + THUMBNAIL + b"tail"
    after, gone = exif.without_people(before)
    assert gone == ["preview"] and THUMBNAIL[100:140] not in after
    assert after.endswith(b"tail") and len(after) == len(before)


LOOPS = {
    "an IFD that follows itself": b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8),
    "an EXIF directory that is IFD0": b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8),
    "65,535 entries of nothing": b"II*\0\x08\0\0\0\xff\xff" + bytes(40),
    "a value of 4 GB": b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x9286, 7, 0xFFFFFFFF, 8, 0),
    "a directory beyond the end": b"MM\0*\xff\xff\xff\xf0",
    "no directory": b"MM\0*\0\0\0\x08",
}


@pytest.mark.parametrize("name", LOOPS)
def test_broken_exif_is_edited_or_dropped(name: str) -> None:
    after, _ = exif.without_people(LOOPS[name])
    assert len(after) in (0, len(LOOPS[name]))


def test_exif_that_is_none_goes() -> None:
    assert exif.without_people(b"not a TIFF structure") == (b"", ["unreadable EXIF"])


# ---------------------------------------------------------------- XMP

PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/"
 xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:GImage="http://ns.google.com/photos/1.0/image/"
 xmp:Rating="4" exif:GPSLatitude="48,8N" GImage:Data="ORIGINALPICTURE">%s
<dc:rights>CC BY 4.0</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
PARTS = {
    "<mwg-rs:Regions><rdf:Bag><rdf:li mwg-rs:Name='Ann'/></rdf:Bag></mwg-rs:Regions>": "face regions",
    "<MP:RegionInfo><rdf:li>Ann</rdf:li></MP:RegionInfo>": "face regions",
    "<Iptc4xmpExt:PersonInImage><rdf:Bag><rdf:li>Ann</rdf:li></rdf:Bag></Iptc4xmpExt:PersonInImage>": "face regions",
    "<xmp:Thumbnails><rdf:Alt><rdf:li xmpGImg:image='Ann'/></rdf:Alt></xmp:Thumbnails>": "XMP previews",
}


@pytest.mark.parametrize("part", PARTS)
def test_xmp_loses_faces_and_previews(part: str) -> None:
    after, gone = xmp.without_people((PACKET % part).encode())
    assert PARTS[part] in gone and b"Ann" not in after and b"ORIGINALPICTURE" not in after
    for kept in (b'xmp:Rating="4"', b'exif:GPSLatitude="48,8N"', b"<dc:rights>CC BY 4.0</dc:rights>", b"<?xpacket end"):
        assert kept in after, "what stays is as it was"


def test_xmp_in_which_nothing_has_to_go_stays_byte_for_byte() -> None:
    packet = (PACKET.replace(' GImage:Data="ORIGINALPICTURE"', "") % "").encode() + b" " * 2000
    assert xmp.without_people(packet) == (packet, [])


BOMB = "<!DOCTYPE x [" + "".join(f"<!ENTITY a{i + 1} '{f'&a{i};' * 10}'>" for i in range(9)) + "]><x>&a9;</x>"
BROKEN_XMP = {
    "entities": BOMB.encode(),
    "an outside entity": b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><x>&a;</x>",
    "cut": PACKET.encode()[:300],
    "nothing": b"",
    "bytes": bytes(range(256)),
    "nested 100,000 deep": (b"<a xmlns='http://ns.microsoft.com/photo/1.2/'>" + b"<a>" * 100_000 + b"</a>" * 100_001),
    "nested with a face outside": b"<r xmlns:m='http://ns.microsoft.com/photo/1.2/' m:x='1'>"
    + b"<a>" * 100_000
    + b"</a>" * 100_000
    + b"</r>",
}


@pytest.mark.parametrize("name", BROKEN_XMP)
def test_broken_or_hostile_xmp_is_dropped(name: str) -> None:
    after, gone = xmp.without_people(BROKEN_XMP[name])
    assert gone and len(after) < 100


# ---------------------------------------------------------------- JPEG segments

APP = {n: 0xE0 + n for n in range(16)}
RESOURCE = b"8BIM" + struct.pack(">HHI", 1036, 0, len(THUMBNAIL)) + THUMBNAIL + b"\0" * (len(THUMBNAIL) % 2)
CAPTION = b"8BIM" + struct.pack(">HHI", 1028, 0, 10) + b"\x1c\x02\x78\0\x03Ann\0\0"
SEGMENTS = {
    "JFXX": (APP[0], b"JFXX\0\x10" + THUMBNAIL, "JFIF thumbnail"),
    "MPF": (APP[2], b"MPF\0II*\0", "multi-picture directory"),
    "FlashPix": (APP[2], b"FPXR\0" + THUMBNAIL, "APP2 segment of another kind"),
    "extended XMP": (APP[1], b"http://ns.adobe.com/xmp/extension/\0" + THUMBNAIL, "extended XMP"),
    "content credentials": (APP[11], b"JP" + THUMBNAIL, "content credentials"),
    "a maker's own segment with a preview": (APP[4], b"maker" + THUMBNAIL, "APP4 segment"),
    "Photoshop's thumbnail": (APP[13], b"Photoshop 3.0\0" + RESOURCE, "Photoshop thumbnail"),
    "EXIF": (APP[1], b"Exif\0\0" + phone().raw, "EXIF thumbnail"),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_previews_leave_a_jpeg_with_the_people(name: str) -> None:
    marker, data, words = SEGMENTS[name]
    raw, notes = edited(jpeg_with((marker, data)))
    assert THUMBNAIL[100:140] not in raw
    assert len(notes) == 1 and notes[0].startswith("dropped: ") and words in notes[0]


def test_a_jpeg_keeps_every_other_segment_byte_for_byte() -> None:
    kept = [
        (APP[1], b"Exif\0\0" + block(">", {name: DIRECTORIES[name] for name in ("IFD0", "Exif", "GPS")}).raw),
        (APP[1], XMP + (PACKET.replace(' GImage:Data="ORIGINALPICTURE"', "") % "").encode()),
        (APP[2], b"ICC_PROFILE\0\x01\x01" + ICC),
        (APP[5], b"a maker's own"),
        (APP[13], b"Photoshop 3.0\0" + CAPTION),
        *[(0xFE, b"comment %d" % i) for i in range(60)],
    ]
    photo = jpeg_with(*kept)
    raw, notes = edited(photo)
    assert notes == ()
    assert parse_jpeg(raw).metadata == parse_jpeg(photo.raw).metadata
    assert [(s.marker, s.data) for s in parse_jpeg(raw).metadata][:65] == kept
    assert Image.open(io.BytesIO(raw)).info["icc_profile"] == ICC


def test_what_follows_the_picture_goes() -> None:
    """Further pictures of phones, and films."""
    raw, notes = edited(jpeg_with(trailer=b"\0\0" + THUMBNAIL + b"ftypmp42"))
    assert raw.endswith(b"\xff\xd9") and b"ftyp" not in raw and THUMBNAIL[100:140] not in raw
    assert notes == (f"dropped: {len(THUMBNAIL) + 10:,} bytes behind the picture",)


def test_a_phones_several_pictures_become_the_first() -> None:
    photo = decode(saved(picture(), "MPO", save_all=True, append_images=[picture("L").convert("RGB")]), "photo.jpg")
    raw, notes = edited(photo)
    again = Image.open(io.BytesIO(raw))
    assert (again.format, photo.format) == ("JPEG", "JPEG")
    assert "multi-picture directory" in notes[0] and "bytes behind the picture" in notes[0]


# ---------------------------------------------------------------- the other containers


def png_with(*chunks: tuple[bytes, bytes]) -> Decoded:
    rows = unfiltered(np.asarray(picture()).reshape(29, -1))
    return decode(png(rows, 8, 2, (45, 29), *(png_chunk(kind, data) for kind, data in chunks)), "photo.png")


def itxt(packet: bytes, packed: bool) -> bytes:
    return b"XML:com.adobe.xmp\0" + bytes((packed, 0)) + b"\0\0" + (zlib.compress(packet) if packed else packet)


def test_a_png_keeps_every_chunk_byte_for_byte() -> None:
    kept = [
        (b"gAMA", struct.pack(">I", 45455)),
        (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        (b"iCCP", b"sRGB\0\0" + zlib.compress(ICC)),
        (b"pHYs", struct.pack(">IIB", 3937, 3937, 1)),
        (b"tIME", b"\x07\xea\x05\x01\x0a\x0b\x0c"),
        (b"tEXt", b"Description\0a lake"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"a lake")),
        (b"eXIf", block(">", {name: DIRECTORIES[name] for name in ("IFD0", "Exif", "GPS")}).raw),
        (b"iTXt", itxt((PACKET.replace(' GImage:Data="ORIGINALPICTURE"', "") % "").encode(), True)),
        (b"prIv", b"a private chunk"),
    ]
    photo = png_with(*kept)
    raw, notes = edited(photo)
    assert notes == ()
    assert [(c.kind, c.data) for c in parse_png(raw) if c.kind not in (b"IHDR", b"IDAT", b"IEND")] == kept


@pytest.mark.parametrize("packed", [True, False])
def test_a_png_loses_previews_with_the_people(packed: bool) -> None:
    faces = (PACKET % next(iter(PARTS))).encode()
    photo = png_with(
        (b"eXIf", phone().raw),
        (b"iTXt", itxt(faces, packed)),
        (b"caBX", THUMBNAIL),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n1\n" + THUMBNAIL.hex().encode())),
    )
    raw, notes = edited(photo)
    assert THUMBNAIL[100:140] not in raw
    (text,) = [c.data for c in parse_png(raw) if c.kind == b"iTXt"]
    inside = text.split(b"\0\0\0", 1)[1] if not packed else zlib.decompress(text[text.index(b"\x78\x9c") :])
    assert b"Ann" not in inside and b"CC BY 4.0" in inside
    for words in ("EXIF thumbnail", "face regions", "content credentials", "Raw profile type exif"):
        assert words in notes[0]


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_keeps_its_metadata_and_loses_previews(lossless: bool) -> None:
    faces = (PACKET % next(iter(PARTS))).encode()
    raw = saved(picture(), "WEBP", lossless=lossless, exif=b"Exif\0\0" + phone().raw, icc_profile=ICC, xmp=faces)
    photo = decode(raw, "photo.webp")
    after, notes = edited(photo)
    chunks = dict(parse_webp(after))
    assert chunks[b"ICCP"] == ICC and MAKER_NOTE in chunks[b"EXIF"] and THUMBNAIL[100:140] not in after
    assert b"Ann'" not in chunks[b"XMP "] and b"CC BY 4.0" in chunks[b"XMP "]
    assert photo.orientation == 6 == decode(after, "photo.webp").orientation
    assert "dropped: EXIF thumbnail, XMP previews, face regions" in notes


@pytest.mark.parametrize("depth", [8, 16])
def test_a_tiff_keeps_every_tag_at_its_place(depth: int) -> None:
    if depth == 8:
        info = {270: "a lake", 271: "Maker", 305: "Editor", 282: 300.0, 283: 300.0, 700: (PACKET % "").encode()}
        raw = saved(picture(), "TIFF", tiffinfo=info, icc_profile=ICC)
    else:
        raw = by_opencv(".tiff", deep(3))
    photo = decode(raw, "photo.tif")
    after, _ = edited(photo)
    before, now = (Image.open(io.BytesIO(r)).tag_v2 for r in (raw, after))  # type: ignore[attr-defined]
    picture_tags = {259, 273, 278, 279, 317, 700}
    assert {t: v for t, v in before.items() if t not in picture_tags} == {
        t: v for t, v in now.items() if t not in picture_tags
    }
    assert b"ORIGINALPICTURE" not in after
    if depth == 8:
        assert b"CC BY 4.0" in now[700]
