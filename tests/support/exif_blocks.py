"""EXIF blocks as phones and cameras write them, laid out by hand so that every offset is known."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SHORT, LONG, ASCII, RATIONAL, UNDEFINED, BYTE = 3, 4, 2, 5, 7, 1
Value = bytes | int | list[tuple[int, int]]


@dataclass(frozen=True)
class Block:
    """raw: the TIFF structure. places: where the values of (directory, tag) stand."""

    raw: bytes
    places: dict[tuple[str, int], tuple[int, int]]


def block(order: str, directories: dict[str, dict[int, tuple[int, Value]]], thumbnail: bytes = b"") -> Block:
    """directories: `IFD0` (first), `Exif`, `GPS`, `IFD1`, each tag -> (type, value). order: `<` or `>`."""
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    starts, at = {}, 8
    for name, entries in directories.items():
        starts[name] = at
        links = {"IFD0": ("Exif" in directories) + ("GPS" in directories), "IFD1": 2 if thumbnail else 0}
        at += 2 + 12 * (len(entries) + links.get(name, 0)) + 4
    places: dict[tuple[str, int], tuple[int, int]] = {}
    values = bytearray()
    for name, given in directories.items():
        entries = dict(given)
        if name == "IFD0":
            entries |= {
                tag: (LONG, starts[below]) for below, tag in (("Exif", 0x8769), ("GPS", 0x8825)) if below in starts
            }
        if name == "IFD1" and thumbnail:
            entries |= {0x0201: (LONG, at + len(values)), 0x0202: (LONG, len(thumbnail))}
            values += thumbnail
        data += struct.pack(order + "H", len(entries))
        for tag, (kind, value) in sorted(entries.items()):
            count, body = _packed(order, kind, value)
            if len(body) <= 4:
                places[name, tag] = len(data) + 8, len(data) + 8 + len(body)
                field = body.ljust(4, b"\0")
            else:
                place = at + len(values)
                places[name, tag] = place, place + len(body)
                values += body + bytes(len(body) % 2)
                field = struct.pack(order + "I", place)
            data += struct.pack(order + "HHI", tag, kind, count) + field
        follows = starts["IFD1"] if name == "IFD0" and "IFD1" in starts else 0
        data += struct.pack(order + "I", follows)
    assert len(data) == at
    return Block(bytes(data + values), places)


def _packed(order: str, kind: int, value: Value) -> tuple[int, bytes]:
    if isinstance(value, bytes):
        return len(value), value
    if isinstance(value, int):
        return 1, struct.pack(order + ("H" if kind == SHORT else "I"), value)
    return len(value), b"".join(struct.pack(order + "II", *pair) for pair in value)


MAKER_NOTE = b"Phone\0\1\0" + bytes(range(1, 200))
DIRECTORIES: dict[str, dict[int, tuple[int, Value]]] = {
    "IFD0": {
        0x010E: (ASCII, b"Ann and Bob at the lake\0"),
        0x010F: (ASCII, b"Phones\0"),
        0x0110: (ASCII, b"Model 7\0"),
        0x0112: (SHORT, 6),
        0x0132: (ASCII, b"2026:05:01 10:11:12\0"),
        0x013B: (ASCII, b"Ann Author\0"),
        0x8298: (ASCII, b"(c) Ann Author\0"),
        0x9C9D: (BYTE, "Ann Author\0".encode("utf-16-le")),
    },
    "Exif": {
        0x829A: (RATIONAL, [(1, 250)]),
        0x9003: (ASCII, b"2026:05:01 10:11:12\0"),
        0x9286: (UNDEFINED, b"ASCII\0\0\0with Bob"),
        0xA434: (ASCII, b"Lens 26 mm\0"),
        0xA431: (ASCII, b"SN-123456\0"),
        0x927C: (UNDEFINED, MAKER_NOTE),
    },
    "GPS": {1: (ASCII, b"N\0"), 2: (RATIONAL, [(48, 1), (8, 1), (0, 1)])},
    "IFD1": {0x0103: (SHORT, 6)},
}
