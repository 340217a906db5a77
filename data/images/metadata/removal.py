"""What goes out of a file's metadata, container by container.

From a photo out of which people were taken goes what still shows them: thumbnails, previews, face regions, whatever
follows the picture. The rest stays byte for byte. What `--scrub` leaves stands in `metadata.allowed`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

from data.images.containers.jpeg import APP0, APP1, APP2, APP11, APP13, APP14, COM, JpegFile, Segment
from data.images.containers.png import Chunk
from data.images.containers.tiff import Tiff
from data.images.containers.webp import Chunks
from data.images.metadata import exif, xmp
from data.images.metadata.allowed import Gone, inflated, once

_EXIF, _XMP, _XMP_MORE = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_ICC, _PHOTOSHOP = b"ICC_PROFILE\0", b"Photoshop 3.0\0"
_JPEG = b"\xff\xd8\xff"
_THUMBNAILS = {1033, 1036}  # Photoshop's image resources


def jpeg(file: JpegFile) -> tuple[JpegFile, Gone]:
    """The file without what must go; the picture's own segments stay as they are."""
    out: list[Segment] = []
    gone: Gone = []
    for segment in file.segments:
        data, words = _jpeg_segment(segment) if segment.is_metadata else (segment.data, [])
        gone += words
        if data is not None:
            out.append(Segment(segment.marker, data))
    if file.trailer.strip(b"\0"):
        gone.append(f"{len(file.trailer):,} bytes behind the picture")
    return JpegFile(tuple(out), b""), once(gone)


def _jpeg_segment(segment: Segment) -> tuple[bytes | None, Gone]:
    marker, data = segment.marker, segment.data
    if marker == APP0 and data.startswith(b"JFIF\0"):
        if len(data) > 14:
            return data[:12] + b"\0\0", ["JFIF thumbnail"]
        return data, []
    if marker == APP0 and data.startswith(b"JFXX\0"):
        return None, ["JFIF thumbnail"]
    if marker == APP1 and data.startswith(_EXIF):
        edited, gone = exif.without_people(data[6:])
        return (data[:6] + edited if edited else None), gone
    if marker == APP1 and data.startswith(_XMP):
        edited, gone = xmp.without_people(data[len(_XMP) :])
        return (_XMP + edited if edited else None), gone
    if marker == APP1 and data.startswith(_XMP_MORE):
        return None, ["extended XMP (previews, depth maps)"]
    if marker == APP2 and data.startswith(_ICC):
        return data, []
    if marker == APP2:
        return None, ["multi-picture directory" if data.startswith(b"MPF\0") else "APP2 segment of another kind"]
    if marker == APP11:
        return None, ["content credentials (they hold a thumbnail and sign the old picture)"]
    if marker == APP13 and data.startswith(_PHOTOSHOP):
        edited, gone = photoshop(data[len(_PHOTOSHOP) :])
        return (_PHOTOSHOP + edited if edited else None), gone
    if marker == APP14 and data.startswith(b"Adobe"):
        return data, []
    if marker == COM:
        return data, []
    if _JPEG in data:
        return None, [f"APP{marker - APP0} segment"]
    return data, []


def photoshop(data: bytes) -> tuple[bytes, Gone]:
    """Photoshop's image resources without thumbnails."""
    out, gone = bytearray(), []
    for number, resource in _resources(data):
        if number in _THUMBNAILS:
            gone.append("Photoshop thumbnail")
        else:
            out += resource
    return bytes(out), once(gone)


def _resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of every whole resource (Photoshop file format, image resource blocks)."""
    position = 0
    while position + 12 <= len(data) and data[position : position + 4] in (b"8BIM", b"PHUT", b"MeSa", b"AgHg"):
        (number,) = struct.unpack_from(">H", data, position + 4)
        name = (data[position + 6] + 2) // 2 * 2
        if position + 10 + name > len(data):
            return
        (size,) = struct.unpack_from(">I", data, position + 6 + name)
        end = position + 10 + name + size + size % 2
        yield number, data[position:end]
        position = end


def tiff(file: Tiff) -> Gone:
    """Edits the structure of a TIFF file in place."""
    gone = exif.remove_from(file)
    for tag, edit in ((0x02BC, xmp.without_people), (0x8649, photoshop)):
        if entry := file.get("IFD0", tag):
            edited, words = edit(file.value(entry))
            if words:
                gone += words
                # The value keeps its length; XMP is padded with spaces, as packets are.
                padding = b" " if tag == 0x02BC else b"\0"
                if edited and len(edited) <= entry.end - entry.start:
                    file.data[entry.start : entry.end] = edited.ljust(entry.end - entry.start, padding)
                else:
                    file.remove(lambda e, tag=tag: e.directory == "IFD0" and e.tag == tag)  # type: ignore[misc]
    return once(gone)


def png(chunks: list[Chunk]) -> tuple[list[Chunk], Gone]:
    """Chunks without what must go."""
    out: list[Chunk] = []
    gone: Gone = []
    for chunk in chunks:
        data, words = _png_chunk(chunk)
        gone += words
        if data is not None:
            out.append(Chunk(chunk.kind, data))
    return out, once(gone)


def _png_chunk(chunk: Chunk) -> tuple[bytes | None, Gone]:
    kind, data = chunk.kind, chunk.data
    if kind == b"eXIf":
        edited, gone = exif.without_people(data)
        return edited or None, gone
    if kind == b"caBX":
        return None, ["content credentials (they hold a thumbnail and sign the old picture)"]
    if kind in (b"tEXt", b"zTXt", b"iTXt"):
        keyword = data.split(b"\0")[0]
        if keyword == b"XML:com.adobe.xmp":
            return _itxt_xmp(data) if kind == b"iTXt" else (None, ["unreadable XMP"])
        if keyword.lower() in (b"raw profile type exif", b"raw profile type app1"):
            return _raw_profile(kind, data)
        if keyword.lower().startswith((b"raw profile type", b"thumb::")) and not keyword.lower().endswith(b"icc"):
            return None, [keyword.decode("latin-1")]
    return data, []


def _raw_profile(kind: bytes, data: bytes) -> tuple[bytes | None, Gone]:
    """EXIF in a text chunk, where older programs keep it: ImageMagick writes its name, its length and its digits."""
    keyword, _, text = data.partition(b"\0")
    packed = kind == b"zTXt"
    try:
        name, _, *digits = (inflated(text[1:]) if packed else text).decode("ascii").split()
        block = bytes.fromhex("".join(digits))
    except (ValueError, zlib.error):
        return None, ["unreadable EXIF"]
    start = b"Exif\0\0" if block.startswith(b"Exif\0\0") else b""
    edited, gone = exif.without_people(block[len(start) :])
    if kind == b"iTXt" or not edited:  # of no program that is known, or XMP
        return None, [keyword.decode("latin-1")]
    if not gone:
        return data, []
    edited = start + edited
    lines = [edited.hex()[i : i + 72] for i in range(0, 2 * len(edited), 72)]
    body = "\n".join((f"\n{name}\n{len(edited):8d}", *lines, "")).encode("ascii")
    return keyword + b"\0" + (b"\0" + zlib.compress(body) if packed else body), gone


def _itxt_xmp(data: bytes) -> tuple[bytes | None, Gone]:
    """iTXt: keyword, compression flag and method, language, translated keyword, text (PNG, section 11.3.3.4)."""
    keyword, _, rest = data.partition(b"\0")
    if len(rest) < 2:
        return None, ["unreadable XMP"]
    language, _, after = rest[2:].partition(b"\0")
    translated, _, text = after.partition(b"\0")
    packed = rest[0] == 1
    try:
        packet = inflated(text) if packed else text
    except zlib.error:
        return None, ["unreadable XMP"]
    edited, gone = xmp.without_people(packet)
    if not gone:
        return data, []
    if not edited:
        return None, gone
    body = zlib.compress(edited) if packed else edited
    return b"\0".join((keyword, rest[:2] + language, translated, body)), gone


def webp(chunks: Chunks) -> tuple[Chunks, Gone]:
    """Chunks without what must go. Flags of VP8X are the writer's business."""
    out: Chunks = []
    gone: Gone = []
    edits: dict[bytes, Callable[[bytes], tuple[bytes, Gone]]] = {
        b"EXIF": _webp_exif,
        b"XMP ": xmp.without_people,
    }
    for name, data in chunks:
        words: Gone = []
        if name in edits:
            data, words = edits[name](data)
        elif name not in (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP"):
            data, words = b"", [f"{name.decode('latin-1').strip()} chunk"]
        gone += words
        if data:
            out.append((name, data))
    return out, once(gone)


def _webp_exif(data: bytes) -> tuple[bytes, Gone]:
    prefix = data[:6] if data.startswith(b"Exif\0\0") else b""  # some writers keep JPEG's
    edited, gone = exif.without_people(data[len(prefix) :])
    return (prefix + edited if edited else b""), gone
