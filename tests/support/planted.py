"""Files with a secret in every place where tools can write one, by container."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from exif_blocks import block
from image_kinds import picture, png_chunk, saved, with_jpeg_segment
from PIL import ExifTags, Image, ImageCms

from data.images.containers.isobmff import boxes
from data.images.containers.png import Chunk, join_png, parse_png
from data.images.containers.tiff import Tiff
from data.images.containers.tiff_writer import Field, write_tiff
from data.images.containers.webp import join_webp, parse_webp

TEXT = "SECRETNAME"
SECRETS = tuple(TEXT.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be"))
SECRET = b" ".join(SECRETS)
_UNKNOWN = {*range(0xC4A5, 0xC800, 7), 0x9999, 0xEA1C, 0xFDE8, 0xFE4E, 42112, 42113, 33550, 34735, 34736, 34737, 700}
_POINTERS = {0x8769, 0x8825, 0xA005, 330, 0x0201, 0x0202}
_ORIENTATION = 0x0112


def exif(kind: int, orientation: int = 6) -> bytes:
    """EXIF with the secret in every tag that Pillow knows, and more, as TIFF's type `kind`."""
    tags = {*ExifTags.Base, *_UNKNOWN} - _POINTERS
    secrets = {int(tag): (kind, SECRETS[tag % 3]) for tag in tags}
    first = secrets | {_ORIENTATION: (3, orientation)}
    below = secrets | {0x829A: (5, [(1, 250)]), 0x8827: (3, 400)}
    gps = {int(tag): (kind, SECRET) for tag in ExifTags.GPS}
    directories = {"IFD0": first, "Exif": below, "GPS": gps, "IFD1": secrets}
    thumbnail = saved(picture(size=(16, 16)), "JPEG", comment=SECRET)
    return block("<", directories, thumbnail).raw + SECRET  # type: ignore[arg-type]


def interop() -> bytes:
    """EXIF with the secret in the directory for interoperability."""
    secrets = [Field(tag, 2, len(SECRET), SECRET) for tag in range(1, 0x1003, 0x100)]
    facts = [Field(0x829A, 5, 1, struct.pack("<II", 1, 250))]
    return write_tiff("<", {"IFD0": [], "Exif": facts, "Interop": secrets})


def xmp() -> bytes:
    spaces = (
        *("http://ns.adobe.com/xap/1.0/", "http://purl.org/dc/elements/1.1/", "http://ns.adobe.com/exif/1.0/"),
        *("http://www.dji.com/drone-dji/1.0/", "http://pix4d.com/camera/1.0/", "http://autel.com/1.0/"),
        *("http://ns.microsoft.com/photo/1.0/", "http://www.iview-multimedia.com/mediapro/1.0/", "urn:nobody:knows"),
        *("http://ns.adobe.com/xap/1.0/rights/", "http://ns.adobe.com/tiff/1.0/", "adobe:ns:meta/"),
    )
    inside = "".join(
        f"<rdf:Description xmlns:n='{space}' n:a='{TEXT}'><n:b>{TEXT}</n:b></rdf:Description>" for space in spaces
    )
    rdf = f"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>{inside}</rdf:RDF>"
    return f"<?xpacket begin=''?><x:xmpmeta xmlns:x='adobe:ns:meta/'>{rdf}</x:xmpmeta><?xpacket end='w'?>".encode()


def icc() -> bytes:
    """sRGB with the secret in its texts, in a private tag, in its header, behind its curves and between its values."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (count,) = struct.unpack_from(">I", plain, 128)
    values = {}
    for i in range(count):
        name, start, size = struct.unpack_from(">4sII", plain, 132 + 12 * i)
        values[name] = plain[start : start + size] + SECRET
    wide = TEXT.encode("utf-16-be")
    text = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(wide), 28) + wide
    values |= dict.fromkeys((b"desc", b"cprt", b"dmnd", b"dmdd", b"vued", b"scrn"), text)
    values |= {b"meta": b"dict" + SECRET, b"prIv": b"data" + bytes(4) + SECRET, b"rig0": b"text" + bytes(4) + SECRET}
    table, body, at = struct.pack(">I", len(values)), b"", 132 + 12 * len(values)
    for name, value in values.items():
        table += struct.pack(">4sII", name, at + len(body), len(value))
        body += value + bytes(-len(value) % 4) + SECRET + bytes(-len(SECRET) % 4)
    whole = plain[:100] + SECRET[:28] + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


def jpegs() -> Iterator[tuple[str, bytes]]:
    for name, options in (("baseline", {}), ("progressive", {"progressive": True}), ("CMYK", {})):
        image = picture("CMYK" if name == "CMYK" else "RGB")
        plain = saved(image, "JPEG", quality=90, **options)
        raw = plain
        for marker in range(0xE0, 0xF0):
            raw = with_jpeg_segment(raw, marker, b"maker\0" + SECRET)
        resource = b"8BIM" + struct.pack(">HHI", 1020, 0, len(SECRET)) + SECRET + bytes(len(SECRET) % 2)
        raw = with_jpeg_segment(raw, 0xED, b"Photoshop 3.0\0" + resource)
        raw = with_jpeg_segment(raw, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp())
        raw = with_jpeg_segment(raw, 0xE1, b"http://ns.adobe.com/xmp/extension/\0" + SECRET)
        raw = with_jpeg_segment(raw, 0xE2, b"ICC_PROFILE\0\1\1" + icc())
        raw = with_jpeg_segment(raw, 0xE0, b"JFXX\0\x10" + SECRET)
        yield f"{name}, every segment", with_jpeg_segment(raw, 0xFE, SECRET)
        yield f"{name}, bytes behind the picture", plain + SECRET
        second = 4 + int.from_bytes(plain[4:6], "big")
        yield f"{name}, stray bytes between segments", plain[:second] + SECRET + plain[second:]
        yield f"{name}, bytes between the last code and the end", plain[:-2] + SECRET + plain[-2:]
        yield f"{name}, a table that nobody needs", with_jpeg_segment(plain, 0xDB, b"\3" + (SECRET * 2)[:64])
    plain = saved(picture(), "JPEG", quality=90)
    for kind in (1, 2, 3, 7, 129):
        yield f"EXIF of type {kind}", with_jpeg_segment(plain, 0xE1, b"Exif\0\0" + exif(kind))
    yield "EXIF for interoperability", with_jpeg_segment(plain, 0xE1, b"Exif\0\0" + interop())
    yield "EXIF that cannot be read", with_jpeg_segment(plain, 0xE1, b"Exif\0\0" + SECRET)


def pngs() -> Iterator[tuple[str, bytes]]:
    for mode in ("RGB", "P", "LA"):
        plain = parse_png(saved(picture(mode), "PNG"))
        kinds = (b"sPLT", b"oFFs", b"pCAL", b"sCAL", b"sTER", b"dSIG", b"gIFx", b"gIFt", b"caBX", b"prIv", b"vpAg")
        chunks = [
            *(Chunk(kind, SECRET) for kind in (*kinds, b"tIME", b"hIST")),
            Chunk(b"cHRM", (SECRETS[0] * 4)[:32]),
            Chunk(b"iCCP", SECRETS[0] + b"\0\0" + zlib.compress(icc())),
            Chunk(b"eXIf", exif(2)),
            Chunk(b"tEXt", b"Copyright\0" + SECRET),
            Chunk(b"tEXt", SECRETS[0] + b"\0 "),
            Chunk(b"zTXt", b"Title\0\0" + zlib.compress(SECRET)),
            Chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp()),
            Chunk(b"iTXt", b"Title\0\1\0en\0\0" + zlib.compress(SECRET)),
        ]
        yield (
            f"{mode}, every chunk",
            join_png([plain[0], *chunks, *plain[1:-1], Chunk(b"tEXt", b"a\0" + SECRET), plain[-1]]),
        )
        yield f"{mode}, bytes behind the picture", join_png(plain) + SECRET
        rest = [chunk for chunk in plain if chunk.kind not in (b"IDAT", b"IEND")]
        coded = b"".join(chunk.data for chunk in plain if chunk.kind == b"IDAT")
        for name, stream in (
            ("behind the stream", coded + SECRET),
            ("in rows too many", zlib.compress(zlib.decompress(coded) + SECRET)),
        ):
            yield f"{mode}, {name}", join_png([*rest, Chunk(b"IDAT", stream), plain[-1]])


def longer(webp: bytes) -> bytes:
    """With the secret in each of the picture's own chunks, behind its codes."""
    coded = (b"VP8 ", b"VP8L", b"ALPH")
    return join_webp([(name, data + SECRET if name in coded else data) for name, data in parse_webp(webp)])


def webps() -> Iterator[tuple[str, bytes]]:
    for name, options in (("lossless", {"lossless": True}), ("lossy", {"quality": 80})):
        raw = saved(picture(), "WEBP", exif=b"Exif\0\0" + exif(2), icc_profile=icc(), xmp=xmp(), **options)
        extra = b"".join(
            kind + struct.pack("<I", len(SECRET)) + SECRET + bytes(len(SECRET) % 2)
            for kind in (b"PRIV", b"ICCP", b"EXIF")
        )
        body = raw[8:] + extra
        whole = b"RIFF" + struct.pack("<I", len(body)) + body
        yield f"{name}, every chunk", whole
        yield f"{name}, bytes behind the picture", raw + SECRET
        yield f"{name}, bytes behind the codes", longer(raw)
    yield "lossy with alpha, bytes behind the codes", longer(saved(picture("RGBA"), "WEBP", quality=80))


def tiffs() -> Iterator[tuple[str, bytes]]:
    """The secret in every tag that is not the picture's own, in a strip's tail, between the values and behind all."""
    pictures = {*range(254, 260), 262, 266, 273, *range(277, 282), 282, 283, 284, 296, 317, *range(320, 327), 332, 338}
    own = {*pictures, 334, 339, 340, 341, 347, *range(512, 522), *range(529, 533), *_POINTERS}
    for name, options in (
        ("RGB", {}),
        ("P", {}),
        ("CMYK", {}),
        ("RGB", {"compression": "tiff_lzw"}),
        ("RGB", {"compression": "jpeg"}),
        ("L", {"compression": "tiff_adobe_deflate"}),
    ):
        plain = Tiff(saved(picture(name), "TIFF", **options))
        fields = [
            Field(entry.tag, entry.type, entry.count, plain.value(entry))
            for entry in plain.entries("IFD0")
            if entry.tag != 273
        ]
        place, size = (plain.numbers(plain.get("IFD0", tag)) for tag in (273, 279))  # type: ignore[arg-type]
        strips = [bytes(plain.data[a : a + n]) for a, n in zip(place, size, strict=True)]
        tags = {int(tag) for tag in {*ExifTags.Base, *_UNKNOWN}} - own - {_ORIENTATION}
        fields += [Field(tag, 2 if tag != 700 else 1, len(SECRET), SECRET) for tag in sorted(tags)]
        fields = [field for field in fields if field.tag != 34675] + [Field(34675, 7, len(icc()), icc())]
        gps = [Field(int(tag), 2, len(SECRET), SECRET) for tag in ExifTags.GPS]
        facts = [Field(0x829A, 5, 1, struct.pack("<II", 1, 250)), Field(0x9286, 7, len(SECRET), SECRET)]
        directories = {"IFD0": fields, "Exif": facts, "GPS": gps, "Interop": [Field(1, 2, len(SECRET), SECRET)]}
        if "compression" in options:
            strips[-1] += SECRET
        else:
            fields[:] = [f for f in fields if f.tag != 279] + [
                Field(279, 4, 1, struct.pack("<I", len(strips[0] + SECRET)))
            ]
            strips = [strips[0] + SECRET]
        yield f"{name} {options}", write_tiff("<", directories, [*strips], 273) + SECRET


def bmps() -> Iterator[tuple[str, bytes]]:
    for mode in ("RGB", "P", "L", "1"):
        raw = saved(picture(mode), "BMP")
        (start,) = struct.unpack_from("<I", raw, 10)
        header = bytearray(raw[:start] + SECRET)
        struct.pack_into("<I", header, 10, len(header))
        yield f"{mode}, between header and rows", bytes(header) + raw[start:]
        yield f"{mode}, behind the rows", raw + SECRET
    raw = saved(picture(size=(41, 29)), "BMP")  # three bytes of padding a row
    rows = np.frombuffer(raw[54:], np.uint8).reshape(29, 124).copy()
    rows[:4, 123] = np.frombuffer(SECRETS[0][:4], np.uint8)
    header = raw[14:54] + bytes(16) + b"LINK" + bytes(48) + struct.pack("<IIII", 4, 124 + len(rows.tobytes()), 60, 0)
    whole = (
        b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 124) + struct.pack("<I", 124) + header[4:] + rows.tobytes() + SECRET
    )
    yield "a profile's path behind the rows", whole


def gifs() -> Iterator[tuple[str, bytes]]:
    raw = saved(picture("P"), "GIF", comment=SECRET)
    packet = b"!\xff\x0bXMP DataXMP" + bytes((len(SECRET),)) + SECRET + b"\0"
    place = raw.index(b"!\xfe")
    yield "comment, XMP, bytes behind", raw[:place] + packet + raw[place:] + SECRET


def jpeg_2000s() -> Iterator[tuple[str, bytes]]:
    for name, options in (("boxes", {}), ("bare", {"no_jp2": True})):
        raw = saved(picture(), "JPEG2000", comment=SECRET, **options)
        assert SECRETS[0] in raw
        yield f"{name}, comment", raw
    raw = saved(picture(), "JPEG2000", comment=SECRET)

    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I4s", len(data) + 8, kind) + data

    out = b""
    for kind, data in boxes(raw):
        if kind == b"jp2h":
            data += box(b"lbl ", SECRET) + box(b"colr", b"\2\0\0" + icc())
        out += box(kind, data)
    uuids = (
        bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + xmp(),
        b"JpgTiffExif->JP2" + exif(2),
        bytes(16) + SECRET,
    )
    more = (
        b"".join(box(b"uuid", data) for data in uuids)
        + box(b"xml ", SECRET)
        + box(b"jp2i", SECRET)
        + box(b"free", SECRET)
    )
    yield "every box, bytes behind", out + more + SECRET


def avifs() -> Iterator[tuple[str, bytes]]:
    for mode in ("RGB", "RGBA"):
        raw = saved(picture(mode), "AVIF", quality=80, exif=b"Exif\0\0" + interop(), icc_profile=icc(), xmp=xmp())
        out = b""
        for kind, data in boxes(raw):
            data = data + SECRET if kind == b"mdat" else data  # the last box, so that no place changes
            out += struct.pack(">I4s", len(data) + 8, kind) + data
        free = b"".join(
            struct.pack(">I4s", len(SECRET) + 8, kind) + SECRET for kind in (b"free", b"uuid", b"udta", b"skip")
        )
        yield f"{mode}, items, boxes, bytes behind", out + free + SECRET


def heics() -> Iterator[tuple[str, bytes]]:
    """None where the optional reader is not installed."""
    try:
        import pillow_heif
    except ImportError:
        return
    image, out = picture(), io.BytesIO()
    options = {"exif": b"Exif\0\0" + exif(2), "xmp": xmp(), "icc_profile": icc(), "quality": 90}
    pillow_heif.encode("RGB", image.size, image.tobytes(), out, **options)
    yield "items, profile, bytes behind", out.getvalue() + struct.pack(">I4s", len(SECRET) + 8, b"free") + SECRET


def planted() -> dict[str, bytes]:
    """Every file, by its kind and where its secret is."""
    makers = {
        "JPEG": jpegs,
        "PNG": pngs,
        "WebP": webps,
        "TIFF": tiffs,
        "BMP": bmps,
        "GIF": gifs,
        "JPEG 2000": jpeg_2000s,
        "AVIF": avifs,
        "HEIC": heics,
    }
    return {f"{kind}: {name}": raw for kind, maker in makers.items() for name, raw in maker()}


def opened(raw: bytes) -> list[bytes]:
    """The bytes of a file, and what its compressed parts and its reader's texts hold."""
    parts = [raw]
    if raw.startswith(b"\x89PNG"):
        for chunk in parse_png(raw):
            start = chunk.data.find(b"\x78") if chunk.kind != b"IDAT" else -1
            while start >= 0:
                with suppress(zlib.error):
                    parts.append(zlib.decompress(chunk.data[start:]))
                start = chunk.data.find(b"\x78", start + 1)
        coded = zlib.decompressobj()
        parts.append(
            coded.decompress(b"".join(c.data for c in parse_png(raw) if c.kind == b"IDAT")) + coded.unused_data
        )
    if raw[8:12] in (b"heic", b"heix", b"mif1"):
        return parts  # Pillow reads none by itself
    with Image.open(io.BytesIO(raw)) as image:
        parts += [value for value in image.info.values() if isinstance(value, bytes)]
    return parts


__all__ = ["SECRETS", "opened", "planted", "png_chunk"]
