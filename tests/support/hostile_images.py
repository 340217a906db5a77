"""Image files that somebody broke, at random or with intent."""

from __future__ import annotations

import struct
import zlib

from exif_blocks import DIRECTORIES, block
from hypothesis import strategies as st
from image_kinds import KINDS, picture, png, png_chunk, saved, with_jpeg_segment

EXIF = b"Exif\0\0" + block("<", DIRECTORIES, saved(picture(size=(16, 16)), "JPEG")).raw
SEEDS = {name: kind.raw for name, kind in KINDS.items()} | {
    "JPEG with EXIF": with_jpeg_segment(KINDS["JPEG 4:2:0"].raw, 0xE1, EXIF),
    "PNG with EXIF": saved(picture(), "PNG", exif=EXIF),
    "WebP with EXIF": saved(picture(), "WEBP", lossless=True, exif=EXIF),
}
"""Whole files, by kind."""


@st.composite
def mutations(draw: st.DrawFn, raw: bytes) -> bytes:
    """`raw` cut, flipped, overwritten, shortened or lengthened at a few places, more often in its first 200 bytes."""
    data = bytearray(raw)
    for _ in range(draw(st.integers(1, 6))):
        if not data:
            break
        limit = len(data) if draw(st.booleans()) else min(len(data), 200)
        place = draw(st.integers(0, limit - 1))
        match draw(st.sampled_from(("byte", "bit", "run", "delete", "insert", "cut", "repeat"))):
            case "byte":
                data[place] = draw(st.integers(0, 255))
            case "bit":
                data[place] ^= 1 << draw(st.integers(0, 7))
            case "run":
                length = draw(st.integers(2, 9))
                data[place : place + length] = draw(st.sampled_from((b"\xff", b"\0", b"\x7f", b"\x80"))) * length
            case "delete":
                del data[place : place + draw(st.integers(1, 64))]
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=64))
            case "cut":
                del data[place:]
            case "repeat":
                data[place:place] = data[place : place + draw(st.integers(1, 200))]
    return bytes(data)


# ---------------------------------------------------------------- with intent


def _jpeg_of(width: int, height: int) -> bytes:
    raw = bytearray(KINDS["JPEG 4:4:4"].raw)
    place = raw.index(b"\xff\xc0")
    raw[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(raw)


def _webp_of(width: int, height: int) -> bytes:
    raw = bytearray(KINDS["WebP lossy"].raw)
    place = raw.index(b"\x9d\x01\x2a")
    raw[place + 3 : place + 7] = struct.pack("<HH", width, height)
    return bytes(raw)


def _deflated(size: int) -> bytes:
    """A zlib stream of `size` zeros, a multiple of 2^20: the same block again and again, each packed by itself."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    adler = (size % 65521) << 16 | 1
    return b"\x78\xda" + block * (size >> 20) + packer.flush() + struct.pack(">I", adler)


def _tiff(*entries: tuple[int, int, int, int]) -> bytes:
    """A little-endian TIFF of one directory: tag, type, count, value."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(4)


_PICTURE = [(256, 4, 1, 4), (257, 4, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
_ROW = b"\0" + bytes(3 * 8)
_BOMB = _deflated(1 << 28)

WITH_INTENT: dict[str, tuple[bytes, str]] = {
    "a PNG of 65,500 x 65,500": (png(b"", 8, 2, (65500, 65500)), "refused"),
    "a PNG of 2^31 - 1 pixels a side": (png(b"", 8, 2, (2**31 - 1, 2**31 - 1)), "refused"),
    "a PNG of 0 pixels": (png(b"", 8, 2, (0, 4)), "corrupt"),
    "a PNG whose rows end early": (png(_ROW, 8, 2, (8, 8)), "corrupt"),
    "a PNG whose picture is 256 MB of zeros": (
        png(b"", 8, 2, (8, 8)).replace(png_chunk(b"IDAT", zlib.compress(b"")), png_chunk(b"IDAT", _BOMB)),
        "edited",
    ),
    "a PNG with 256 MB of text": (
        png(_ROW * 8, 8, 2, (8, 8), png_chunk(b"zTXt", b"Comment\0\0" + _BOMB)),
        "corrupt",
    ),
    "a PNG with 256 MB of XMP": (
        png(_ROW * 8, 8, 2, (8, 8), png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + _BOMB)),
        "corrupt",
    ),
    "a PNG with 256 MB of profile": (
        png(_ROW * 8, 8, 2, (8, 8), png_chunk(b"iCCP", b"x\0\0" + _BOMB)),
        "corrupt",
    ),
    "a PNG with 8 MB of EXIF": (
        png(_ROW * 8, 8, 2, (8, 8), png_chunk(b"eXIf", EXIF[6:] + bytes(8 << 20))),
        "edited",
    ),
    "a JPEG of 65,500 x 65,500": (_jpeg_of(65500, 65500), "refused"),
    "a JPEG that is larger than its picture": (_jpeg_of(400, 400), "corrupt"),
    "a JPEG of 14,000 x 14,000 in a kilobyte": (_jpeg_of(14000, 14000), "corrupt"),
    "a JPEG with 3,000 segments": (
        KINDS["JPEG 4:2:0"].raw[:2] + b"\xff\xfe\0\x03x" * 3000 + KINDS["JPEG 4:2:0"].raw[2:],
        "edited",
    ),
    "a JPEG with a profile of 255 parts, one of them there": (
        with_jpeg_segment(KINDS["JPEG 4:2:0"].raw, 0xE2, b"ICC_PROFILE\0\1\xff" + bytes(60000)),
        "edited",
    ),
    "a JPEG whose EXIF follows itself": (
        with_jpeg_segment(KINDS["JPEG 4:2:0"].raw, 0xE1, b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8)),
        "edited",
    ),
    "half a JPEG": (KINDS["JPEG 4:2:0"].raw[:600], "corrupt"),
    "a JPEG without its last two bytes": (KINDS["JPEG 4:2:0"].raw[:-2], "corrupt"),
    "a TIFF of 2^32 strips": (_tiff(*_PICTURE, (273, 4, 0xFFFFFFFF, 8), (279, 4, 0xFFFFFFFF, 8)), "corrupt"),
    "a TIFF whose picture is 4 GB": (_tiff(*_PICTURE, (273, 4, 1, 8), (279, 4, 1, 0xFFFFFFFF)), "corrupt"),
    "a TIFF whose picture is its directory": (_tiff(*_PICTURE, (273, 4, 1, 8), (279, 4, 1, 16)), "refused"),
    "a TIFF of 2^31 pixels a side": (_tiff((256, 4, 1, 1 << 31), (257, 4, 1, 1 << 31), *_PICTURE[2:]), "refused"),
    "a TIFF that follows itself": (b"II*\0\x08\0\0\0" + struct.pack("<HI", 0, 8), "corrupt"),
    "a GIF of 65,535 x 65,535": (b"GIF89a\xff\xff\xff\xff\0\0\0" + KINDS["GIF"].raw[13:], "refused"),
    "a BMP of 2^31 - 1 pixels": (
        KINDS["BMP RGB"].raw[:18] + struct.pack("<ii", 2**31 - 1, 2**31 - 1) + KINDS["BMP RGB"].raw[26:],
        "refused",
    ),
    "a WebP of 14,000 x 14,000 in a kilobyte": (_webp_of(14000, 14000), "corrupt"),
    "a WebP chunk of 4 GB": (b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff", "corrupt"),
    "nothing": (b"", "corrupt"),
    "one byte": (b"\xff", "corrupt"),
    "text": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "corrupt"),
}
"""A file, and how it ends: `edited` when it can be filled, else the state."""
