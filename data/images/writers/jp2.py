"""JPEG 2000 files (boxes around a codestream) with another codestream. Source: ITU-T T.800 annex I."""

from __future__ import annotations

import struct

from data.images.containers.isobmff import boxes
from data.images.metadata import exif, xmp
from data.images.metadata.icc import colours_only

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = b"JpgTiffExif->JP2"


def with_codestream(raw: bytes, code: bytes) -> tuple[bytes, list[str]]:
    """The file with the codestream `code` and without what must go, in words.

    A bare codestream is replaced by the new one; boxes other than colour, XMP and EXIF go.
    """
    if raw[4:8] != b"jP  ":
        return code, []
    out, gone = bytearray(), []
    for kind, data in boxes(raw):
        if kind == b"jp2c":
            data = code
        elif kind == b"uuid":
            data, words = _uuid(data)
            gone += words
        elif kind not in (b"jP  ", b"ftyp", b"jp2h"):
            data, gone = b"", [*gone, f"{kind.decode('latin-1').strip()} box"]
        if data:
            out += _box(kind, data)
    return bytes(out), list(dict.fromkeys(gone))


def _uuid(data: bytes) -> tuple[bytes, list[str]]:
    for name, edit in ((_XMP, xmp.without_people), (_EXIF, exif.without_people)):
        if data[:16] == name:
            edited, gone = edit(data[16:])
            return (name + edited if edited else b""), gone
    return b"", ["uuid box"]


def bare(raw: bytes, code: bytes) -> tuple[bytes, list[str]]:
    """The file with the codestream `code`, what its colours and resolution are, and nothing else."""
    if raw[4:8] != b"jP  ":
        return code, []
    top = list(boxes(raw))
    header = b"".join(_colours_only(kind, data) for kind, data in boxes(dict(reversed(top))[b"jp2h"]))
    file = _box(b"jP  ", b"\r\n\x87\n") + _box(b"ftyp", b"jp2 " + bytes(4) + b"jp2 ")
    others = any(kind not in (b"jP  ", b"ftyp", b"jp2h", b"jp2c") for kind, _ in top)
    return file + _box(b"jp2h", header) + _box(b"jp2c", code), ["boxes beside the picture's"] if others else []


def _colours_only(kind: bytes, data: bytes) -> bytes:
    """A box of the header superbox (annex I.5.3), b"" for one that is not needed."""
    if kind == b"ihdr":
        return _box(kind, data[:14])
    if kind in (b"bpcc", b"pclr", b"cmap", b"cdef"):
        return _box(kind, data)
    if kind == b"colr" and data[:1] == b"\1":
        return _box(kind, data[:7])
    if kind == b"colr":
        profile = colours_only(data[3:])
        return _box(kind, data[:3] + profile) if profile else b""
    if kind == b"res ":
        return _box(kind, b"".join(_box(k, d[:10]) for k, d in boxes(data) if k in (b"resc", b"resd")))
    return b""


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data
