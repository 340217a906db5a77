"""Colour profiles without the texts, names and private data that they carry: what is left is how colours are meant.

Source of the format: ICC.1:2022 (profile version 4.4), sections 7 to 10; ICC.1:2001-04 (version 2.4) for `desc`.
"""

from __future__ import annotations

import struct

_COLOURS = {
    *(b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt", b"bkpt", b"lumi", b"chad", b"cicp", b"gamt"),
    *(b"rTRC", b"gTRC", b"bTRC", b"kTRC"),
    *(f"{way}{i}".encode() for way in ("A2B", "B2A", "D2B", "B2D") for i in range(4)),
}
"""The tags by which colours are computed."""
_HEADER, _ENTRY = 128, 12
_DATE = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_MOST_TAGS = 256


def colours_only(profile: bytes) -> bytes:
    """The profile with the same colours and nothing else; b"" when it cannot be read or is no photo's profile."""
    if len(profile) < _HEADER + 4 or profile[36:40] != b"acsp" or profile[12:16] not in _CLASSES:
        return b""
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    if count > _MOST_TAGS or _HEADER + 4 + count * _ENTRY > len(profile):
        return b""
    texts = _text(b"colours", profile[8])
    tags = {b"desc": texts, b"cprt": _text(b"none", profile[8], plain=True)}
    for i in range(count):
        name, start, size = struct.unpack_from(">4sII", profile, _HEADER + 4 + i * _ENTRY)
        data = _trimmed(profile[start : start + size]) if name in _COLOURS else b""
        if data:
            tags.setdefault(name, data)
    return _joined(_header(profile), tags)


def _header(profile: bytes) -> bytes:
    """Version, class, spaces, intent and illuminant of the header; no date, platform, maker, model, creator, digest."""
    header = bytearray(_HEADER)
    for start, end in ((8, 24), (36, 40), (64, 80)):
        header[start:end] = profile[start:end]
    header[24:36] = _DATE
    return bytes(header)


def _trimmed(data: bytes) -> bytes:
    """A tag's value without what stands behind its numbers; b"" for kinds that hold no numbers."""
    kind, size = data[:4], len(data)
    if size < 12:
        return b""
    if kind == b"XYZ ":
        end = 20
    elif kind == b"curv":
        end = 12 + 2 * struct.unpack_from(">I", data, 8)[0]
    elif kind == b"para":
        counts = (1, 3, 4, 5, 7)
        (function,) = struct.unpack_from(">H", data, 8)
        end = 12 + 4 * counts[function] if function < len(counts) else size + 1
    elif kind == b"sf32":
        end = 8 + 4 * 9
    elif kind == b"cicp":
        end = 12
    elif kind in (b"mft1", b"mft2", b"mAB ", b"mBA ", b"mpet"):
        end = size
    else:
        return b""
    return kind + bytes(4) + data[8:end] if end <= size else b""


def _text(words: bytes, version: int, plain: bool = False) -> bytes:
    """ASCII text as the profile's version keeps it; plain: of version 2, without the other scripts' copies."""
    if version >= 4:
        wide = words.decode().encode("utf-16-be")
        return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(wide), 28) + wide
    if plain:
        return b"text" + bytes(4) + words + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(words) + 1) + words + b"\0" + bytes(8 + 3 + 67)


def _joined(header: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, places = bytearray(struct.pack(">I", len(tags))), bytearray(), dict[bytes, int]()
    start = _HEADER + 4 + len(tags) * _ENTRY
    for name, data in tags.items():
        if data not in places:  # curves are often one for all three channels
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, places[data], len(data))
    whole = header + bytes(table) + bytes(body)
    return struct.pack(">I", len(whole)) + whole[4:]
