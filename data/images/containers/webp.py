"""WebP files as chunks (RIFF), and the quality that a lossy one was written with."""

from __future__ import annotations

import struct
from collections.abc import Callable

Chunks = list[tuple[bytes, bytes]]


def parse_webp(raw: bytes) -> Chunks:
    """(name, data) of every chunk. Raises ValueError."""
    if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP":
        raise ValueError("it does not start as a WebP")
    out, position = [], 12
    while position + 8 <= len(raw):
        name, (size,) = raw[position : position + 4], struct.unpack_from("<I", raw, position + 4)
        out.append((name, raw[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    return out


def join_webp(chunks: Chunks) -> bytes:
    body = b"".join(n + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for n, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def check_size(chunks: Chunks) -> None:
    """Raises ValueError for a lossy picture larger than its bytes can hold.

    Each macroblock of 16 x 16 pixels names its prediction modes with fixed probabilities (RFC 6386, section 11.2): the
    cheapest way takes 3.4 bits; 2 are asked for here. A flat lossless picture takes no bits at all.
    """
    data = next((data for name, data in chunks if name == b"VP8 "), b"")
    if len(data) >= 10:
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", data, 6))
        if 8 * len(data) < 2 * -(-width // 16) * -(-height // 16):
            raise ValueError(f"{width} x {height} pixels are more than its bytes can hold")


def lossy_quality(chunks: Chunks) -> int | None:
    """libwebp's quality (0..100) that gives the picture's quantiser; None for a lossless file.

    The base quantiser index (0..127) stands in the frame header (RFC 6386, section 9.6). libwebp makes it of the
    quality as 127 * (1 - cbrt(c) ** e) (quant_enc.c), where c is 2/3 of the quality below 0.75 and 2 q - 1 above, and
    e, 1.446 for the segment that the header speaks of in most photos, depends on the picture. Written with Pillow's
    defaults at 30 to 95, photos come out 0 to 16 too high, most of them within 1.
    """
    data = next((data for name, data in chunks if name == b"VP8 "), None)
    if data is None or len(data) < 11:
        return None
    index = _base_index(data[10:])
    compression: float = (1 - index / 127) ** (3 / 1.446)
    quality = 1.5 * compression if compression < 0.5 else (compression + 1) / 2
    return max(1, min(100, round(100 * quality)))


def _base_index(partition: bytes) -> int:
    read = _BoolReader(partition)
    read.literal(2)  # colour space, clamping
    if read.literal(1):  # segments
        update_map, update_data = read.literal(1), read.literal(1)
        if update_data:
            read.literal(1)
            for bits in (7, 6):
                for _ in range(4):
                    if read.literal(1):
                        read.literal(bits + 1)
        if update_map:
            for _ in range(3):
                if read.literal(1):
                    read.literal(8)
    read.literal(1 + 6 + 3)  # loop filter: kind, level, sharpness
    if read.literal(1) and read.literal(1):
        for _ in range(8):
            if read.literal(1):
                read.literal(7)
    read.literal(2)  # partitions
    return read.literal(7)


class _BoolReader:
    """RFC 6386, section 7.3, for bits of even probability."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 2
        self.value = int.from_bytes(data[:2].ljust(2, b"\0"), "big")
        self.range = 255
        self.bits = 0

    def literal(self, count: int) -> int:
        out = 0
        for _ in range(count):
            out = out << 1 | self._bit()
        return out

    def _bit(self) -> int:
        split = 1 + (((self.range - 1) * 128) >> 8)
        bit = int(self.value >= split << 8)
        if bit:
            self.range -= split
            self.value -= split << 8
        else:
            self.range = split
        while self.range < 128:
            self.value <<= 1
            self.range <<= 1
            self.bits += 1
            if self.bits == 8:
                self.bits = 0
                self.value |= self.data[self.position] if self.position < len(self.data) else 0
                self.position += 1
        return bit


def with_flags(chunks: Chunks) -> Chunks:
    """The chunks with VP8X's flags (WebP container specification) for the metadata that are there."""
    present = {name for name, _ in chunks}
    flags = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}

    def fixed(data: bytes) -> bytes:
        kept = data[0] & ~sum(flags.values()) | sum(flag for name, flag in flags.items() if name in present)
        return bytes((kept,)) + data[1:]

    return [(name, fixed(data) if name == b"VP8X" and data else data) for name, data in chunks]


_TAIL = 8
"""Bytes: encoders end their data with some that no decoder asks for."""


def without_tails(chunks: Chunks, reads_alike: Callable[[bytes], bool]) -> Chunks:
    """The chunks, the picture's without what stands behind its coded data: as short as `reads_alike` finds the file
    with them unchanged. Most have no such tail, which one look says."""
    out = list(chunks)
    for place, (name, data) in enumerate(chunks):
        if name not in (b"VP8 ", b"VP8L", b"ALPH"):
            continue

        def with_length(count: int) -> bytes:
            return join_webp([*out[:place], (name, data[:count]), *out[place + 1 :]])  # noqa: B023

        low, high = 0, max(0, len(data) - _TAIL)
        if not high or not reads_alike(with_length(high)):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if reads_alike(with_length(middle)) else (middle, high)
        out[place] = (name, data[:high])
    return out
