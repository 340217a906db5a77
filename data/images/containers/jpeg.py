"""The structure of a JPEG file: segments, frame, scans, and what comes after the picture.

Source of the formats: ITU-T T.81 annex B; the Adobe segment from Adobe technical note 5116.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

SOI, EOI, SOS, DQT, DHT, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
APP0, APP1, APP2, APP11, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE
FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}

_MARKER = re.compile(rb"\xff(?=[^\x00\xff\xd0-\xd7])", re.DOTALL)
"""Where coded data end: a marker that is neither a byte of theirs (0xFF 0x00) nor one between restart intervals."""


class JpegStructureError(ValueError):
    """Bytes that are not the segments of a whole JPEG file."""


@dataclass(frozen=True)
class Segment:
    """marker: its second byte. data: the payload without marker and length; for SOS with the scan's coded bytes."""

    marker: int
    data: bytes

    @property
    def is_metadata(self) -> bool:
        """APP0 to APP15, or a comment."""
        return APP0 <= self.marker <= 0xEF or self.marker == COM

    def to_bytes(self) -> bytes:
        length = struct.unpack(">H", self.data[:2])[0] if self.marker == SOS else len(self.data) + 2
        if self.marker == SOS:  # its length word is kept in front, because the coded bytes have none
            return bytes((0xFF, SOS)) + self.data
        if length > 0xFFFF:
            raise JpegStructureError("a segment is longer than 65,533 bytes")
        return bytes((0xFF, self.marker)) + struct.pack(">H", length) + self.data


@dataclass(frozen=True)
class Component:
    """One plane of the picture. h, v: sampling factors. table: number of its quantisation table."""

    id: int
    h: int
    v: int
    table: int


@dataclass(frozen=True)
class Frame:
    """The picture's header. process: the SOF marker (0xC0 baseline, 0xC2 progressive ...)."""

    process: int
    precision: int
    height: int
    width: int
    components: tuple[Component, ...]

    @property
    def mcu(self) -> tuple[int, int]:
        """(height, width) in pixels of a minimum coded unit."""
        return 8 * max(c.v for c in self.components), 8 * max(c.h for c in self.components)

    def blocks(self, component: Component) -> tuple[int, int]:
        """(rows, columns) of the component's 8 x 8 blocks."""
        mcu_height, mcu_width = self.mcu
        return -(-self.height * component.v // mcu_height), -(-self.width * component.h // mcu_width)


@dataclass(frozen=True)
class JpegFile:
    """segments: everything between SOI and EOI, in order. trailer: what follows EOI."""

    segments: tuple[Segment, ...]
    trailer: bytes

    @property
    def metadata(self) -> tuple[Segment, ...]:
        return tuple(s for s in self.segments if s.is_metadata)

    @property
    def frame(self) -> Frame:
        """Raises JpegStructureError when the header makes no sense."""
        frames = [s for s in self.segments if s.marker in FRAMES]
        if len(frames) != 1:
            raise JpegStructureError("it has no single frame header")
        return _frame(frames[0])

    @property
    def restarts(self) -> bool:
        return any(s.marker == DRI and s.data != b"\0\0" for s in self.segments)

    @property
    def colour_transform(self) -> int | None:
        """Of the Adobe segment: 0 is RGB or CMYK, 1 YCbCr, 2 YCCK; None without one."""
        for segment in self.segments:
            if segment.marker == APP14 and segment.data[:5] == b"Adobe" and len(segment.data) >= 12:
                return segment.data[11]
        return None

    def to_bytes(self) -> bytes:
        body = b"".join(segment.to_bytes() for segment in self.segments)
        return b"\xff\xd8" + body + b"\xff\xd9" + self.trailer


def parse_jpeg(raw: bytes) -> JpegFile:
    """Segments of a JPEG file. Raises JpegStructureError, also for a file that ends before its picture does."""
    if raw[:2] != b"\xff\xd8":
        raise JpegStructureError("it does not start as a JPEG")
    segments: list[Segment] = []
    position = 2
    while True:
        marker, position = _next_marker(raw, position)
        if marker == EOI:
            return JpegFile(tuple(segments), raw[position:])
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers that stand alone
            continue
        if position + 2 > len(raw):
            raise JpegStructureError("it ends inside a segment")
        end = position + struct.unpack(">H", raw[position : position + 2])[0]
        if end > len(raw) or end < position + 2:
            raise JpegStructureError("it ends inside a segment")
        if marker == SOS:
            end = _end_of_scan(raw, end)
            segments.append(Segment(SOS, raw[position:end]))
        else:
            segments.append(Segment(marker, raw[position + 2 : end]))
        position = end


def _next_marker(raw: bytes, position: int) -> tuple[int, int]:
    """The next marker and the position behind it; stray bytes before it are skipped, as every decoder does."""
    position = raw.find(b"\xff", position)
    while 0 <= position < len(raw) - 1:
        marker = raw[position + 1]
        if marker not in (0x00, 0xFF):
            return marker, position + 2
        position = raw.find(b"\xff", position + 1)
    raise JpegStructureError("it ends before the picture does")


def _end_of_scan(raw: bytes, position: int) -> int:
    found = _MARKER.search(raw, position)
    if found is None:
        raise JpegStructureError("it ends before the picture does")
    return found.start()


def _frame(segment: Segment) -> Frame:
    data = segment.data
    if len(data) < 6 or len(data) < 6 + 3 * data[5] or data[5] == 0:
        raise JpegStructureError("its frame header is cut")
    precision, height, width, count = struct.unpack(">BHHB", data[:6])
    components = tuple(
        Component(data[i], data[i + 1] >> 4, data[i + 1] & 15, data[i + 2]) for i in range(6, 6 + 3 * count, 3)
    )
    if not height or not width or not all(1 <= c.h <= 4 and 1 <= c.v <= 4 and c.table <= 3 for c in components):
        raise JpegStructureError("its frame header makes no sense")
    return Frame(segment.marker, precision, height, width, components)


def huffman_tables(file: JpegFile) -> Iterator[tuple[int, bytes]]:
    """(class and number, lengths and values) of every Huffman table."""
    for segment in file.segments:
        data = segment.data if segment.marker == DHT else b""
        while len(data) >= 17:
            end = 17 + sum(data[1:17])
            yield data[0], data[1:end]
            data = data[end:]
