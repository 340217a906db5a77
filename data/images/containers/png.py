"""PNG files with other pixels: every chunk but the picture's own stays, at its place, byte for byte.

Source of the format: PNG specification, third edition (W3C), sections 5, 9 and 11.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.images.samples import Samples
from data.types import Hole

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Adam7 (section 8.1): first column and row of each pass, and its steps."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Chunk:
    kind: bytes
    data: bytes

    def to_bytes(self) -> bytes:
        return (
            struct.pack(">I", len(self.data))
            + self.kind
            + self.data
            + struct.pack(">I", zlib.crc32(self.kind + self.data))
        )


def parse_png(raw: bytes) -> list[Chunk]:
    """Whole chunks up to IEND, which is put there when the file ends without it (the picture may be whole)."""
    out: list[Chunk] = []
    position = len(SIGNATURE)
    while position + 12 <= len(raw):
        (length,) = struct.unpack(">I", raw[position : position + 4])
        chunk = Chunk(raw[position + 4 : position + 8], raw[position + 8 : position + 8 + length])
        position += 12 + length
        if position > len(raw):
            break
        if chunk.kind == b"IEND":
            break
        out.append(chunk)
    return [*out, Chunk(b"IEND", b"")]


def join_png(chunks: list[Chunk]) -> bytes:
    return SIGNATURE + b"".join(chunk.to_bytes() for chunk in chunks)


def with_samples(chunks: list[Chunk], samples: Samples) -> list[Chunk]:
    """The chunks with the picture `samples` (of the header's own kind and depth), written without interlacing."""
    out: list[Chunk] = []
    written = False
    for chunk in chunks:
        if chunk.kind == b"IHDR":
            depth, colour = chunk.data[8], chunk.data[9]
            out.append(Chunk(b"IHDR", chunk.data[:12] + b"\0"))
        elif chunk.kind == b"iDOT":
            pass  # Apple's: where the halves of the old picture's stream start
        elif chunk.kind != b"IDAT":
            out.append(chunk)
        elif not written:
            written = True
            rows = _rows(samples, depth, colour)
            step = max(1, depth * _CHANNELS[colour] // 8)
            stream = zlib.compress(_filtered(rows, step if colour != 3 and depth >= 8 else 0), 6)
            out.append(Chunk(b"IDAT", stream))
    return out


def representable(samples: Samples, raw: bytes) -> Samples:
    """`samples` in the steps that the PNG `raw` has: 2 and 4 bits of gray are spread over 0..255."""
    depth, colour = raw[24], raw[25]
    if colour != 0 or depth >= 8 or samples.dtype == bool:
        return samples
    step = 255 // ((1 << depth) - 1)
    return ((samples.astype(np.uint16) + step // 2) // step * step).astype(np.uint8)


def keep_transparency(samples: Samples, before: Samples, hole: Hole, raw: bytes) -> Samples:
    """`samples` whose hole is as opaque as `before`, where the PNG `raw` names one colour as transparent (tRNS).

    A filled pixel that happens to get that colour gets the next one; a pixel that had it keeps it, as alpha stays.
    """
    depth, colour = raw[24], raw[25]
    data = next((chunk.data for chunk in parse_png(raw) if chunk.kind == b"tRNS"), b"")
    channels = _CHANNELS[colour]
    if colour not in (0, 2) or len(data) < 2 * channels:
        return samples
    most = (1 << depth) - 1
    key = np.frombuffer(data[: 2 * channels], ">u2") & most
    step = 1
    if samples.dtype != bool and depth < 8:  # Pillow spreads 2 and 4 bits of gray over 0..255
        step = 255 // most
    inside = hole != 0
    planes = samples.reshape(*samples.shape[:2], channels)
    clear = (before.reshape(planes.shape) == key * step).all(2)
    taken = inside & ~clear & (planes == key * step).all(2)
    out = planes.copy()
    out[inside & clear] = key * step
    last = int(key[-1])
    out[taken, -1] = (last + 1 if last < most else last - 1) * step
    return out.reshape(samples.shape)


def is_sound(raw: bytes) -> bool:
    """Whether the picture's chunks are what their checksums say. A stream whose end was overwritten with zeros (half a
    download) goes on as some picture or other, and Pillow looks at no checksum of IDAT."""
    position = len(SIGNATURE)
    while position + 12 <= len(raw):
        (length,) = struct.unpack_from(">I", raw, position)
        kind, end = raw[position + 4 : position + 8], position + 8 + length
        if kind in (b"IDAT", b"PLTE", b"tRNS") and end + 4 <= len(raw):
            seen = zlib.crc32(memoryview(raw)[position + 4 : end])
            if seen != struct.unpack_from(">I", raw, end)[0]:
                return False
        if kind == b"IEND":
            break
        position = end + 4
    return True


def is_whole(raw: bytes) -> bool:
    """Whether every row is there; Pillow takes a picture whose stream ends well before its last row for whole."""
    chunks = parse_png(raw)
    wanted = _size(chunks)
    return _inflated_size(chunks, wanted)[0] >= wanted


def is_exact(chunks: list[Chunk]) -> bool:
    """Whether the picture's stream holds the rows and nothing else, neither inflated nor behind its end."""
    wanted = _size(chunks)
    return _inflated_size(chunks, wanted + 1) == (wanted, False)


def _size(chunks: list[Chunk]) -> int:
    """Bytes of all rows with their filters."""
    width, height, depth, colour, interlaced = struct.unpack(">IIBB2xB", chunks[0].data[:13])
    bits = depth * _CHANNELS[colour]

    def size(columns: int, rows: int) -> int:
        return rows * (1 + (columns * bits + 7) // 8) if columns else 0

    if interlaced:
        return sum(size(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in _PASSES)
    return size(width, height)


def _inflated_size(chunks: list[Chunk], enough: int) -> tuple[int, bool]:
    """How many bytes the stream inflates to, counted until they are `enough`; whether more follows its end."""
    inflater = zlib.decompressobj()
    count = 0
    for chunk in chunks:
        data = chunk.data if chunk.kind == b"IDAT" else b""
        while data and count < enough:  # never more than a megabyte of it at a time
            count += len(inflater.decompress(data, 1 << 20))
            data = inflater.unconsumed_tail
    return count, bool(inflater.unused_data)


def is_interlaced(chunks: list[Chunk]) -> bool:
    return chunks[0].kind == b"IHDR" and chunks[0].data[12] != 0


def _rows(samples: Samples, depth: int, colour: int) -> NDArray[np.uint8]:
    """Samples packed as the file holds them: uint8, H x bytes."""
    height = samples.shape[0]
    if depth == 16:
        return samples.astype(">u2").reshape(height, -1).view(np.uint8)
    flat = samples.astype(np.uint8).reshape(height, -1)
    if depth == 8:
        return flat
    if colour == 0 and samples.dtype != bool:  # Pillow spreads 2 and 4 bits of gray over 0..255
        flat //= np.uint8(255 // ((1 << depth) - 1))
    bits = (flat[..., None] >> np.arange(depth - 1, -1, -1, dtype=np.uint8)) & 1
    return np.packbits(bits.reshape(height, -1), axis=1)


def _filtered(rows: NDArray[np.uint8], step: int) -> bytes:
    """Every row behind its filter's number. step: bytes a pixel; 0 leaves the rows as they are.

    Each row takes the filter whose differences are smallest in sum (the specification's heuristic, section 12.7).
    """
    height, width = rows.shape
    out = np.zeros((height, width + 1), np.uint8)
    out[:, 1:] = rows
    if not step:
        return out.tobytes()
    band = max(1, (1 << 22) // max(1, width))  # keeps the intermediate arrays small
    for start in range(0, height, band):
        part = slice(start, min(height, start + band))
        above = np.zeros_like(rows[part])
        above[1:] = rows[part][:-1]
        if start:
            above[0] = rows[start - 1]
        best = np.abs(rows[part].view(np.int8).astype(np.int16)).sum(1, dtype=np.int64)
        for number, candidate in enumerate(_filters(rows[part], above, step), start=1):
            cost = np.abs(candidate.view(np.int8).astype(np.int16)).sum(1, dtype=np.int64)
            better = cost < best
            best = np.where(better, cost, best)
            chosen = np.flatnonzero(better) + start
            out[chosen, 0] = number
            out[chosen, 1:] = candidate[better]
    return out.tobytes()


def _filters(rows: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> Iterator[NDArray[np.uint8]]:
    """Sub, Up, Average, Paeth: filters 1 to 4 (section 9.2)."""

    def shifted(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        out = np.zeros_like(array)
        out[:, step:] = array[:, :-step] if step < array.shape[1] else 0
        return out

    left, corner = shifted(rows), shifted(above)
    yield rows - left
    yield rows - above
    yield rows - ((left.astype(np.uint16) + above) >> 1).astype(np.uint8)
    a, b, c = (x.astype(np.int16) for x in (left, above, corner))
    to_a, to_b, to_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    predicted = np.where((to_a <= to_b) & (to_a <= to_c), left, np.where(to_b <= to_c, above, corner))
    yield rows - predicted
