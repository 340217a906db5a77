"""AVIF (and HEIF) files written anew with their picture and nothing else.

What stays is named: the primary picture, the tiles it is made of, its alpha, and the properties that say how to show
them. Sources: ISO/IEC 14496-12 (boxes), 23008-12 (items and properties), AV1-ISOBMFF, AV1 section 5.3 (OBUs).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from data.images.metadata.icc import colours_only

_ITEMS = (b"av01", b"grid")
_PROPERTIES = {
    *(b"ispe", b"pixi", b"pasp", b"clap", b"irot", b"imir"),
    *(b"av1C", b"colr", b"auxC", b"a1op", b"lsel", b"a1lx"),
}
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0")
_OBU_METADATA, _OBU_PADDING = 5, 15
_MOST_ITEMS = 4096


@dataclass
class Item:
    """kind: `av01` ... data: its bytes. properties: numbers of properties (from 0), with whether each is essential."""

    kind: bytes = b""
    data: bytes = b""
    properties: list[tuple[int, bool]] = field(default_factory=list)


def picture_only(raw: bytes) -> bytes:
    """The file with its primary picture alone. Raises ValueError for a file that is built otherwise."""
    top = dict(reversed(list(boxes(raw))))  # the first of each kind counts
    if b"ftyp" not in top or b"meta" not in top:
        raise ValueError("it has no ftyp or meta box")
    inside = dict(reversed(list(boxes(top[b"meta"][4:]))))
    primary, items = _items(raw, inside)
    properties = _properties(inside[b"iprp"], items)
    links = list(_links(inside.get(b"iref", b"")))
    kept = _kept(primary, items, properties, links)
    return _written(primary, {i: items[i] for i in sorted(kept)}, properties, links)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each box; the last one may be cut. Raises ValueError."""
    position = 0
    while position + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if size == 1 and start + 8 <= len(data):
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = len(data) if size == 0 else position + size
        if end < start:
            raise ValueError("a box is shorter than its header")
        yield kind, data[start:end]
        position = end


def _items(raw: bytes, inside: dict[bytes, bytes]) -> tuple[int, dict[int, Item]]:
    """The primary item's number, and the coded items."""
    pitm, infos = Reader(inside[b"pitm"]), Reader(inside[b"iinf"])
    primary = pitm.number(2 if pitm.version == 0 else 4)
    infos.number(2 if infos.version == 0 else 4)
    items: dict[int, Item] = {}
    for _, data in boxes(infos.rest()):
        info = Reader(data)
        if info.version in (2, 3) and len(items) < _MOST_ITEMS:
            number = info.number(2 if info.version == 2 else 4)
            info.number(2)
            items[number] = Item(kind=info.take(4))
    for number, data in _places(raw, inside[b"iloc"], inside.get(b"idat", b"")):
        if number in items and items[number].kind == b"av01":
            items[number].data = _picture_units(data)
        elif number in items and items[number].kind == b"grid":
            items[number].data = data[: 12 if data[1:2] == b"\x01" else 8]
    return primary, items


def _places(raw: bytes, iloc: bytes, idat: bytes) -> Iterator[tuple[int, bytes]]:
    """(item, its bytes)."""
    read = Reader(iloc)
    sizes = read.number(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(read.number(4 if read.version == 2 else 2)):
        number = read.number(4 if read.version == 2 else 2)
        method = read.number(2) & 15 if read.version else 0
        read.number(2)  # the file that it is in: this one
        start = read.number(base)
        out = b""
        source = idat if method == 1 else raw
        for _ in range(read.number(2)):
            read.number(index if read.version else 0)
            at, size = start + read.number(offset), read.number(length)
            out += source[at : at + size] if size else source[at:]
        yield number, out


def _properties(iprp: bytes, items: dict[int, Item]) -> list[tuple[bytes, bytes]]:
    """Every property; which item has which is written into the items."""
    parts = dict(boxes(iprp))
    read = Reader(parts[b"ipma"])
    for _ in range(read.number(4)):
        item = items.get(read.number(4 if read.version else 2), Item())
        for _ in range(read.number(1)):
            wide = bool(read.flags & 1)
            value = read.number(2 if wide else 1)
            top = 15 if wide else 7
            if value & (1 << top) - 1:  # 0 is none
                item.properties.append(((value & (1 << top) - 1) - 1, bool(value >> top)))
    out = list(boxes(parts[b"ipco"]))
    if any(i >= len(out) for item in items.values() for i, _ in item.properties):
        raise ValueError("an item has a property that is not there")
    return out


def _links(iref: bytes) -> Iterator[tuple[bytes, int, list[int]]]:
    """(kind, from, to) of each reference."""
    if not iref:
        return
    read = Reader(iref)
    size = 4 if read.version else 2
    for kind, data in boxes(read.rest()):
        link = Reader(b"\0\0\0\0" + data)
        start = link.number(size)
        yield kind, start, [link.number(size) for _ in range(link.number(2))]


def _kept(
    primary: int,
    items: dict[int, Item],
    properties: list[tuple[bytes, bytes]],
    links: list[tuple[bytes, int, list[int]]],
) -> set[int]:
    """The primary item, its alpha, and what these are made of."""
    kept = {primary}
    for kind, start, ends in links:
        if kind == b"auxl" and primary in ends and start in items:
            names = [properties[i][1][4:] for i, _ in items[start].properties if properties[i][0] == b"auxC"]
            if any(name.startswith(_ALPHA) for name in names):
                kept.add(start)
    for _ in range(2):  # of tiles, which may be grids again
        kept |= {end for kind, start, ends in links if kind == b"dimg" and start in kept for end in ends}
    if not all(i in items and items[i].kind in _ITEMS and items[i].data for i in kept):
        raise ValueError("its picture is not coded as AV1")
    return kept


def _written(
    primary: int,
    items: dict[int, Item],
    properties: list[tuple[bytes, bytes]],
    links: list[tuple[bytes, int, list[int]]],
) -> bytes:
    """ftyp, meta and mdat with nothing but these items."""
    allowed = {i: clean for i, (kind, data) in enumerate(properties) if (clean := _clean(kind, data)) is not None}
    used = sorted({i for item in items.values() for i, _ in item.properties if i in allowed})
    ipco = b"".join(_box(properties[i][0], allowed[i]) for i in used)
    ipma = struct.pack(">I", len(items))
    infos, references = b"", b""
    for number, item in items.items():
        places = [(used.index(i) + 1, essential) for i, essential in item.properties if i in allowed]
        ipma += struct.pack(">IB", number, len(places)) + b"".join(struct.pack(">H", e << 15 | i) for i, e in places)
        hidden = int(number != primary)
        infos += _box(b"infe", struct.pack(">BHBIH4s", 3, 0, hidden, number, 0, item.kind) + b"\0")
    for kind, start, ends in links:
        ends = [end for end in ends if end in items]
        if kind in (b"dimg", b"auxl", b"prem") and start in items and ends:
            references += _box(kind, struct.pack(f">IH{len(ends)}I", start, len(ends), *ends))

    def meta(at: int) -> bytes:
        iloc = struct.pack(">IHI", 2 << 24, 0x4400, len(items))
        for number, item in items.items():
            iloc += struct.pack(">IHHHII", number, 0, 0, 1, at, len(item.data))
            at += len(item.data)
        return _box(
            b"meta",
            bytes(4)
            + _box(b"hdlr", bytes(8) + b"pict" + bytes(12) + b"\0")
            + _box(b"pitm", struct.pack(">II", 1 << 24, primary))
            + _box(b"iloc", iloc)
            + _box(b"iinf", struct.pack(">II", 1 << 24, len(items)) + infos)
            + (_box(b"iref", struct.pack(">I", 1 << 24) + references) if references else b"")
            + _box(b"iprp", _box(b"ipco", ipco) + _box(b"ipma", b"\x01\0\0\x01" + ipma)),
        )

    head = _box(b"ftyp", b"avif" + bytes(4) + b"avifmif1miaf")
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + _box(b"mdat", b"".join(item.data for item in items.values()))


def _clean(kind: bytes, data: bytes) -> bytes | None:
    """A property without texts; None when it goes."""
    if kind not in _PROPERTIES:
        return None
    if kind == b"colr" and data[:4] in (b"prof", b"rICC"):
        profile = colours_only(data[4:])
        return data[:4] + profile if profile else None
    if kind == b"colr":
        return data[:11] if data[:4] == b"nclx" else None
    if kind == b"auxC":
        return bytes(4) + next((name for name in _ALPHA if data[4:].startswith(name)), b"\0")
    if kind == b"av1C":
        return data[:4] + _picture_units(data[4:])
    longest = {b"ispe": 12, b"pasp": 8, b"clap": 32, b"irot": 1, b"imir": 1, b"a1op": 1, b"lsel": 2, b"a1lx": 13}
    return data[: 5 + data[4] if kind == b"pixi" else longest[kind]]


def _picture_units(data: bytes) -> bytes:
    """OBUs without those that hold metadata or padding. Data that are no OBUs stay as they are.

    (AV1 section 5.3.2: type in bits 3 to 6 of the first byte, an extension byte, a size as LEB128.)
    """
    out, position = b"", 0
    while position < len(data):
        header, at = data[position], position + 1
        at += bool(header & 4)
        if not header & 2:  # without a size it is the last one
            size = len(data) - at
        else:
            size, shift = 0, 0
            while at < len(data) and shift < 56:
                byte = data[at]
                size |= (byte & 127) << shift
                at, shift = at + 1, shift + 7
                if not byte & 128:
                    break
        end = at + size
        if end > len(data):
            raise ValueError("its AV1 data are cut")
        if header >> 3 & 15 not in (_OBU_METADATA, _OBU_PADDING):
            out += data[position:end]
        position = end
    return out


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, kind) + data


class Reader:
    """Numbers of a full box, one after the other. Raises ValueError at the end of the data."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0
        self.version = self.number(1)
        self.flags = self.number(3)

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.data):
            raise ValueError("a box is cut")
        out = self.data[self.position : end]
        self.position = end
        return out

    def rest(self) -> bytes:
        return self.data[self.position :]
