"""`--scrub`: what may stay of a file beside its picture, container by container. Everything that is not named goes.

What stays: the colour profile without its texts, orientation, resolution, and how the photo was exposed. Text never
stays, whatever field it stands in, nor does any byte that no decoder needs.
"""

from __future__ import annotations

import struct
import zlib

from data.images.containers.jpeg import APP0, APP1, APP2, APP14, COM, DHT, DQT, DRI, FRAMES, SOS, JpegFile, Segment
from data.images.containers.png import Chunk
from data.images.containers.webp import Chunks
from data.images.metadata.exif_facts import facts_only
from data.images.metadata.icc import colours_only

_EXIF, _ICC = b"Exif\0\0", b"ICC_PROFILE\0"
_DAC, _DNL = 0xCC, 0xDC
_CODED = {*FRAMES, SOS, DHT, DQT, DRI, _DAC, _DNL}
_ICC_PART = 65_519
"""Bytes of a profile in one segment, behind its name, number and count (ICC.1:2022, B.4)."""

Gone = list[str]
"""What was taken out, in words for the manifest's notes."""


def jpeg(file: JpegFile, orientation: int) -> tuple[JpegFile, Gone]:
    """The file with JFIF's and Adobe's segments, facts of EXIF, a colour profile, and the coded picture."""
    first: list[Segment] = []
    kept: list[Segment] = []
    gone: Gone = []
    profile: dict[int, bytes] = {}
    exif = b""
    for segment in file.segments:
        marker, data = segment.marker, segment.data
        if marker in _CODED:
            kept.append(segment)
        elif marker == APP0 and data.startswith(b"JFIF\0") and len(data) >= 12 and not first:
            first.append(Segment(APP0, data[:12] + b"\0\0"))
            gone += ["JFIF thumbnail"] if len(data) > 14 else []
        elif marker == APP14 and data.startswith(b"Adobe") and len(data) >= 12:
            kept.append(Segment(APP14, data[:12]))
        elif marker == APP1 and data.startswith(_EXIF) and not exif:
            exif = data[len(_EXIF) :]
        elif marker == APP2 and data.startswith(_ICC) and len(data) > 14:
            profile.setdefault(data[12], data[14:])
        else:
            gone.append(_segment_word(marker, data))
    block, words = facts_only(exif, orientation)
    colours, lost = _profile(b"".join(data for _, data in sorted(profile.items())))
    if file.trailer.strip(b"\0"):
        words.append(f"{len(file.trailer):,} bytes behind the picture")
    first += [Segment(APP1, _EXIF + block)] if block else []
    parts = [colours[i : i + _ICC_PART] for i in range(0, len(colours), _ICC_PART)]
    first += [Segment(APP2, _ICC + bytes((i, len(parts))) + part) for i, part in enumerate(parts, start=1)]
    return JpegFile((*first, *kept), b""), once([*words, *lost, *gone])


def _segment_word(marker: int, data: bytes) -> str:
    if marker == COM:
        return "comment"
    if marker == APP1 and data.startswith(b"http://ns.adobe.com/"):
        return "XMP"
    if data.startswith(b"Photoshop 3.0\0"):
        return "Photoshop and IPTC data"
    return f"APP{marker - APP0} segment" if APP0 <= marker <= 0xEF else "segment of an unknown kind"


_SIZES = {b"gAMA": 4, b"sRGB": 1, b"cICP": 4, b"pHYs": 9}
"""Bytes of the PNG chunks that may stay (PNG, third edition, section 11.3)."""
_LARGEST = 1 << 21
"""Of a number in cHRM, which counts in 1/100,000: far beyond every colour."""


def png(chunks: list[Chunk], orientation: int) -> tuple[list[Chunk], Gone]:
    """The chunks of the picture and of its colours and resolution, and facts of EXIF."""
    out: list[Chunk] = []
    gone: Gone = []
    exif, colour = b"", chunks[0].data[9]
    for chunk in chunks:
        kind, data = chunk.kind, chunk.data
        if _may_stay(chunk, colour):
            out.append(chunk)
        elif kind == b"iCCP":
            colours, words = _profile(_png_profile(data))
            gone += words
            if colours:
                out.append(Chunk(kind, b"colours\0\0" + zlib.compress(colours)))
        elif kind == b"eXIf" and not exif:
            exif = data
        else:
            gone.append("XMP" if b"XML:com.adobe.xmp" in data[:20] else _CHUNK_WORDS.get(kind, "unknown chunks"))
    block, words = facts_only(exif, orientation)
    if block:
        out.insert(1, Chunk(b"eXIf", block))
    return out, once([*words, *gone])


def _may_stay(chunk: Chunk, colour: int) -> bool:
    """Whether a chunk belongs to a picture of the header's `colour` kind, or says its colours or resolution."""
    kind, data = chunk.kind, chunk.data
    if kind in (b"IHDR", b"IDAT", b"IEND"):
        return True
    if kind in (b"PLTE", b"tRNS"):
        return len(data) <= {b"PLTE": {3: 768}, b"tRNS": {0: 2, 2: 6, 3: 256}}[kind].get(colour, -1)
    if kind in (b"sBIT", b"bKGD"):
        return len(data) <= {b"sBIT": 4, b"bKGD": 6}[kind]
    if kind == b"cHRM" and len(data) == 32:
        return all(number < _LARGEST for number in struct.unpack(">8I", data))
    return len(data) == _SIZES.get(kind)


_CHUNK_WORDS = {
    **dict.fromkeys((b"tEXt", b"zTXt", b"iTXt"), "texts"),
    b"tIME": "time of the last change",
    b"caBX": "content credentials",
    b"PLTE": "suggested palette",
}


def _png_profile(data: bytes) -> bytes:
    """Of iCCP: name, 0, method 0, zlib data."""
    _, _, rest = data.partition(b"\0")
    try:
        return inflated(rest[1:])
    except zlib.error:
        return b""


def inflated(data: bytes, limit: int = 16 << 20) -> bytes:
    """zlib data. Raises zlib.error when they are cut, or would be larger than `limit`."""
    inflater = zlib.decompressobj()
    out = inflater.decompress(data, limit)
    if inflater.unconsumed_tail or not inflater.eof:
        raise zlib.error("too large, or cut")
    return out


def webp(chunks: Chunks, orientation: int) -> tuple[Chunks, Gone]:
    """The picture's chunks, a colour profile, and facts of EXIF. Flags of VP8X are the writer's business."""
    given = dict(reversed(chunks))  # the first of each kind counts
    exif = given.get(b"EXIF", b"").removeprefix(_EXIF)
    block, gone = facts_only(exif, orientation)
    colours, words = _profile(given.get(b"ICCP", b""))
    out: Chunks = [(name, given[name]) for name in (b"ALPH", b"VP8 ", b"VP8L") if name in given]
    if b"VP8X" in given:
        flags = given[b"VP8X"]
        out.insert(0, (b"VP8X", bytes((flags[0],)) + bytes(3) + flags[4:10]))
        out[1:1] = [(b"ICCP", colours)] if colours else []
        out += [(b"EXIF", block)] if block else []
    known = {b"EXIF", b"ICCP", b"VP8X", *(name for name, _ in out)}
    others = ["XMP" if name == b"XMP " else "unknown chunks" for name, _ in chunks if name not in known]
    return out, once([*gone, *words, *others])


def _profile(profile: bytes) -> tuple[bytes, Gone]:
    if not profile:
        return b"", []
    colours = colours_only(profile)
    return colours, [] if colours else ["unreadable colour profile"]


def once(words: Gone) -> Gone:
    return list(dict.fromkeys(words))
