"""TIFF structures, edited in place: the same code serves TIFF files and the EXIF block, which is a small TIFF.

Offsets inside a TIFF are absolute, and maker notes hold offsets that nobody knows. So nothing ever moves: an entry
that goes is taken out of its directory, its value is zeroed, and all else stays at its byte.
Source of the format: TIFF 6.0, section 2; Exif 3.0 (CIPA DC-008), section 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
_MOST_ENTRIES = 4096
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
MAKER_NOTE = 0x927C


class TiffError(ValueError):
    """Bytes that are not a TIFF structure."""


@dataclass(frozen=True)
class Entry:
    """directory: `IFD0`, `IFD1`, `Exif`, `GPS` or `Interop`. place: of its 12 bytes. start, end: of its value."""

    directory: str
    tag: int
    type: int
    count: int
    place: int
    start: int
    end: int


class Tiff:
    """A TIFF structure in a mutable copy of its bytes (`data`)."""

    def __init__(self, raw: bytes) -> None:
        self.data = bytearray(raw)
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(raw[:4]))
        if order is None or len(raw) < 8:
            raise TiffError("it has no TIFF header")
        self.order = order
        self.places: dict[str, int] = {}
        """Where each directory starts."""
        self._find("IFD0", self._number("I", 4), set())

    def entries(self, directory: str | None = None) -> Iterator[Entry]:
        """Entries of one directory, or of all, in the file's order."""
        for name, place in self.places.items():
            if directory in (None, name):
                yield from self._entries(name, place)

    def get(self, directory: str, tag: int) -> Entry | None:
        return next((entry for entry in self.entries(directory) if entry.tag == tag), None)

    def value(self, entry: Entry) -> bytes:
        return bytes(self.data[entry.start : entry.end])

    def numbers(self, entry: Entry) -> list[int]:
        """Values of a BYTE, SHORT or LONG entry."""
        letter = {1: "B", 3: "H", 4: "I", 13: "I"}.get(entry.type)
        if letter is None:
            raise TiffError(f"tag {entry.tag} is not a number")
        count = (entry.end - entry.start) // _SIZES[entry.type]
        return list(struct.unpack(f"{self.order}{count}{letter}", self.value(entry)))

    def set_numbers(self, entry: Entry, values: list[int]) -> None:
        """Other numbers in the entry, as LONG when they do not fit; they must fit where its values are."""
        letter = "H" if entry.type == 3 and max(values) < 1 << 16 else "I"
        packed = struct.pack(f"{self.order}{len(values)}{letter}", *values)
        if len(packed) > 4:
            raise TiffError("more numbers than an entry holds")
        kind = 3 if letter == "H" else 4
        struct.pack_into(f"{self.order}HI", self.data, entry.place + 2, kind, len(values))
        self.data[entry.place + 8 : entry.place + 12] = packed.ljust(4, b"\0")

    def remove(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Take out the entries that are `wanted`, with their values; returns them."""
        gone = []
        for name, place in self.places.items():
            entries = list(self._entries(name, place))
            leaving = [entry for entry in entries if wanted(entry)]
            if not leaving:
                continue
            gone += leaving
            kept = [bytes(self.data[e.place : e.place + 12]) for e in entries if e not in leaving]
            old_end = place + 2 + 12 * len(entries)
            rest = bytes(self.data[old_end : old_end + 4])
            for entry in leaving:
                self.zero(entry.start, entry.end)
            body = struct.pack(f"{self.order}H", len(kept)) + b"".join(kept) + rest
            self.data[place : old_end + len(rest)] = body.ljust(old_end + len(rest) - place, b"\0")
        return gone

    def remove_directory(self, name: str) -> None:
        """Zero a directory with its values; who pointed to it is the caller's business."""
        place = self.places.pop(name)
        entries = list(self._entries(name, place))
        for entry in entries:
            self.zero(entry.start, entry.end)
        self.zero(place, place + 2 + 12 * len(entries) + 4)

    def zero(self, start: int, end: int) -> None:
        start, end = max(8, min(start, len(self.data))), min(end, len(self.data))
        self.data[start:end] = bytes(max(0, end - start))

    def next_directory_at(self, name: str) -> int:
        """Where the pointer to the directory after `name` stands."""
        place = self.places[name]
        return place + 2 + 12 * self._count(place)

    def _find(self, name: str, place: int, seen: set[int]) -> None:
        if place in seen or place < 8 or place + 2 > len(self.data) or name in self.places:
            return  # loops and pointers into nowhere
        seen.add(place)
        self.places[name] = place
        if name == "IFD0":
            for tag, below in ((EXIF_IFD, "Exif"), (GPS_IFD, "GPS")):
                self._follow(name, tag, below, seen)
            pointer = self.next_directory_at(name)
            if pointer + 4 <= len(self.data):
                self._find("IFD1", self._number("I", pointer), seen)
        elif name == "Exif":
            self._follow(name, INTEROP_IFD, "Interop", seen)

    def _follow(self, name: str, tag: int, below: str, seen: set[int]) -> None:
        entry = self.get(name, tag)
        if entry and entry.type in (4, 13) and entry.count == 1:
            self._find(below, self._number("I", entry.start), seen)

    def _count(self, place: int) -> int:
        """Entries of the directory at `place`, as far as the bytes go."""
        count = self._number("H", place)
        return min(count, _MOST_ENTRIES, max(0, (len(self.data) - place - 2) // 12))

    def _entries(self, name: str, place: int) -> Iterator[Entry]:
        for i in range(self._count(place)):
            at = place + 2 + 12 * i
            tag, kind, count = struct.unpack_from(f"{self.order}HHI", self.data, at)
            size = _SIZES.get(kind, 1) * count
            start = at + 8 if size <= 4 else self._number("I", at + 8)
            end = min(start + size, len(self.data))
            yield Entry(name, tag, kind, count, at, min(start, end), end)

    def _number(self, letter: str, at: int) -> int:
        number: int = struct.unpack_from(self.order + letter, self.data, at)[0]
        return number
