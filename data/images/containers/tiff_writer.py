"""TIFF structures written anew, out of nothing but the entries that are given.

Source of the format: TIFF 6.0, section 2; Exif 3.0 (CIPA DC-008), section 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.images.containers.tiff import EXIF_IFD, GPS_IFD, INTEROP_IFD

LONG = 4
_BELOW = {"Exif": ("IFD0", EXIF_IFD), "GPS": ("IFD0", GPS_IFD), "Interop": ("Exif", INTEROP_IFD)}
"""The directory in which each other one is named, and the tag that names it."""


@dataclass(frozen=True)
class Field:
    """type: of TIFF (3 is SHORT ...). value: in the file's byte order."""

    tag: int
    type: int
    count: int
    value: bytes


def write_tiff(
    order: str, directories: Mapping[str, Sequence[Field]], pictures: Sequence[bytes] = (), places: int = 0
) -> bytes:
    """A TIFF of the byte order `order` (`<` or `>`).

    directories: `IFD0`, and any of `Exif`, `GPS` and `Interop`; the entries that point to them are made here. pictures:
    strips or tiles; the entry `places` of IFD0 (of type LONG) gets their offsets.
    """
    fields = {name: list(given) for name, given in directories.items()}
    for name in ("Interop", "GPS", "Exif"):
        if name in fields:
            above, tag = _BELOW[name]
            fields.setdefault(above, []).append(Field(tag, LONG, 1, bytes(4)))
    if pictures:
        fields["IFD0"].append(Field(places, LONG, len(pictures), bytes(4 * len(pictures))))
    at, starts, values = 8, {}, {}
    for name in ("IFD0", "Exif", "GPS", "Interop"):
        if name in fields:
            fields[name].sort(key=lambda field: field.tag)
            starts[name] = at
            at += 2 + 12 * len(fields[name]) + 4
            for field in fields[name]:
                if len(field.value) > 4:
                    values[name, field.tag] = at
                    at += len(field.value) + len(field.value) % 2
    offsets = [at + sum(len(picture) for picture in pictures[:i]) for i in range(len(pictures))]
    pointers = {_BELOW[name]: [start] for name, start in starts.items() if name != "IFD0"} | {("IFD0", places): offsets}

    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8))
    for name in starts:
        body = bytearray()
        out += struct.pack(f"{order}H", len(fields[name]))
        for field in fields[name]:
            numbers = pointers.get((name, field.tag))
            value = field.value if numbers is None else struct.pack(f"{order}{len(numbers)}I", *numbers)
            out += struct.pack(f"{order}HHI", field.tag, field.type, field.count)
            if len(value) <= 4:
                out += value.ljust(4, b"\0")
            else:
                out += struct.pack(f"{order}I", values[name, field.tag])
                body += value + bytes(len(value) % 2)
        out += bytes(4) + body
    return bytes(out) + b"".join(pictures)
