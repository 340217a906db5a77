"""JPEG 2000 files (boxes around a codestream) with another codestream. Source: ITU-T T.800 annex I."""

from __future__ import annotations

import struct

from data.images.metadata import exif, xmp

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"


def with_codestream(raw: bytes, code: bytes | None, scrub: bool) -> tuple[bytes, list[str]]:
    """The file with the codestream `code` (None: its own) and without what must go, in words.

    A bare codestream is replaced by the new one; boxes other than colour, XMP and EXIF go.
    """
    if raw[4:8] != b"jP  ":
        return (raw if code is None else code), []
    out, gone = bytearray(), []
    position = 0
    while position + 8 <= len(raw):
        size, kind = struct.unpack_from(">I4s", raw, position)
        start = position + 8
        if size == 1 and start + 8 <= len(raw):
            (size,) = struct.unpack_from(">Q", raw, start)
            start += 8
        end = len(raw) if size == 0 else position + size
        if end < start:
            raise ValueError("a box is shorter than its header")
        data = raw[start:end]
        if kind == b"jp2c":
            data = code if code is not None else data
        elif kind == b"uuid":
            data, words = _uuid(data, scrub)
            gone += words
        elif kind not in (b"jP  ", b"ftyp", b"jp2h"):
            data, gone = b"", [*gone, f"{kind.decode('latin-1').strip()} box"]
        if data:
            out += struct.pack(">I4s", len(data) + 8, kind) + data
        position = end
    return bytes(out), list(dict.fromkeys(gone))


def _uuid(data: bytes, scrub: bool) -> tuple[bytes, list[str]]:
    for name, edit in ((_XMP, xmp.without_people), (_EXIF, exif.without_people)):
        if data[:16] == name:
            edited, gone = edit(data[16:], scrub)
            return (name + edited if edited else b""), gone
    return b"", ["uuid box"]
