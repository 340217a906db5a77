"""BMP files, changed pixel by pixel in place. Source: Windows BITMAPINFOHEADER, BITMAPV4HEADER and BITMAPV5HEADER."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.images.samples import Samples
from data.types import Hole

_RGB, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS = 0, 1, 2, 3, 6
_MASKS = {16: (0x7C00, 0x3E0, 0x1F), 24: (0xFF0000, 0xFF00, 0xFF), 32: (0xFF0000, 0xFF00, 0xFF)}
"""Where red, green and blue are in a pixel, for files that do not say it."""
_SRGB = b"BGRs"


@dataclass(frozen=True)
class BmpHeader:
    """size: of the header. start: of the pixels. width, height: in pixels. top_down: the order of its rows.

    bits: a pixel. masks: of red, green and blue in it; none for palettes and run lengths.
    """

    size: int
    start: int
    width: int
    height: int
    top_down: bool
    bits: int
    compression: int
    masks: tuple[int, ...]

    @property
    def stride(self) -> int:
        """Bytes a row: whole words of 4."""
        return (self.width * self.bits + 31) // 32 * 4

    @property
    def is_run_length(self) -> bool:
        return self.compression in (_RLE8, _RLE4)


def read_header(raw: bytes) -> BmpHeader:
    """Raises ValueError for what is no BMP, or one that ends before its picture does."""
    if raw[:2] != b"BM" or len(raw) < 26:
        raise ValueError("it has no BMP header")
    start, size = struct.unpack_from("<II", raw, 10)
    if size < 16:  # OS/2 1.x
        width, height, _, bits = struct.unpack_from("<HHHH", raw, 18)
        compression = _RGB
    else:
        width, height, _, bits = struct.unpack_from("<iiHH", raw, 18)
        compression = struct.unpack_from("<I", raw, 30)[0] if size >= 20 and len(raw) >= 34 else _RGB
    masks = _MASKS.get(bits, ())
    if compression in (_BITFIELDS, _ALPHA_BITFIELDS) and size >= 40 and len(raw) >= 66:
        masks = struct.unpack_from("<III", raw, 54)
    header = BmpHeader(size, start, width, abs(height), height < 0, bits, compression, masks)
    if width <= 0 or not height or bits not in (1, 2, 4, 8, 16, 24, 32, 64):
        raise ValueError("its BMP header makes no sense")
    held = len(raw) - start
    needed = header.stride * header.height if compression in (_RGB, _BITFIELDS, _ALPHA_BITFIELDS) else 1
    if header.is_run_length:
        (needed,) = struct.unpack_from("<I", raw, 34)
    if held < max(1, needed):
        raise ValueError("it ends before its picture does")
    return header


def representable(samples: Samples, raw: bytes) -> Samples:
    """`samples` in the steps that the BMP `raw` has: 16 bits a pixel hold 5 or 6 bits a colour."""
    header = read_header(raw)
    if header.bits != 16 or samples.ndim != 3:
        return samples
    out = samples.copy()
    for channel, mask in enumerate(header.masks):
        most = mask >> _shift(mask)
        out[..., channel] = _in_steps(samples[..., channel], most) * 255 // most
    return out


def replace_pixels(raw: bytes, samples: Samples, hole: Hole) -> bytes:
    """The BMP `raw` with `samples` (H x W palette indices or bits, or H x W x 3 or 4) where the hole is 255.

    Every other byte stays, but for run lengths: those become plain rows of 8 bits a pixel. Raises ValueError.
    """
    header = read_header(raw)
    if header.is_run_length:
        return _without_run_lengths(raw, header, samples)
    if (samples.ndim == 2) != (header.bits <= 8) or samples.shape[:2] != (header.height, header.width):
        raise ValueError("its pixels are of another kind than its header says")
    data = np.frombuffer(raw, np.uint8).copy()
    rows = data[header.start : header.start + header.stride * header.height].reshape(header.height, header.stride)
    new, inside = (samples, hole != 0) if header.top_down else (samples[::-1], hole[::-1] != 0)
    if header.bits < 8:
        used = (header.width * header.bits + 7) // 8
        values = _unpacked(rows[:, :used], header.bits)
        values[:, : header.width][inside] = new[inside]
        rows[:, :used] = _packed(values, header.bits)
    elif header.bits == 8:
        rows[:, : header.width][inside] = new[inside]
    else:
        size = header.bits // 8
        pixels = rows[:, : header.width * size].reshape(header.height, header.width, size)
        pixels[inside] = _pixels(new[inside], pixels[inside], header)
        rows[:, : header.width * size] = pixels.reshape(header.height, header.width * size)
    return data.tobytes()


def bare(raw: bytes) -> bytes:
    """The BMP `raw`, as written here, with its headers, palette and rows, and no byte between, beside or behind them.

    Raises ValueError.
    """
    header = read_header(raw)
    masks = palette = b""
    words = bytearray(raw[14 : 14 + header.size])
    if header.size >= 108:  # V4, V5: whatever colour space, profile or place of one is named becomes sRGB
        words[56:] = _SRGB + bytes(header.size - 60)
    elif header.size > 56:  # OS/2 2.x has words of its own
        words[40:] = bytes(header.size - 40)
    elif header.size == 40:
        masks = raw[54 : 54 + {_BITFIELDS: 12, _ALPHA_BITFIELDS: 16}.get(header.compression, 0)]
    if header.bits <= 8:
        entry = 3 if header.size < 16 else 4
        begin = 14 + header.size + len(masks)
        used = struct.unpack_from("<I", words, 32)[0] if header.size >= 36 else 0
        palette = raw[begin : min(begin + entry * min(used or 256, 1 << header.bits), header.start)]
    rows = np.frombuffer(raw, np.uint8, header.stride * header.height, header.start)
    rows = rows.reshape(header.height, header.stride).copy()
    rows[:, (header.width * header.bits + 7) // 8 :] = 0
    if header.size >= 40:
        struct.pack_into("<I", words, 20, rows.size)
        struct.pack_into("<II", words, 32, len(palette) // 4, 0)
    start = 14 + len(words) + len(masks) + len(palette)
    head = struct.pack("<2sIII", b"BM", start + rows.size, 0, start)
    return head + bytes(words) + masks + palette + rows.tobytes()


def _pixels(new: Samples, old: NDArray[np.uint8], header: BmpHeader) -> NDArray[np.uint8]:
    """Pixels (uint8 N x bytes, little-endian) with the colours `new` (N x 3 or 4); their other bits stay."""
    size = old.shape[1]
    words = sum(old[:, i].astype(np.uint32) << np.uint32(8 * i) for i in range(size))
    values = np.asarray(words, np.uint32)
    for channel, mask in enumerate(header.masks):
        shift = _shift(mask)
        colour = _in_steps(new[:, channel], mask >> shift).astype(np.uint32) << np.uint32(shift)
        values = values & ~np.uint32(mask) | colour
    return np.stack([(values >> np.uint32(8 * i) & np.uint32(255)).astype(np.uint8) for i in range(size)], axis=1)


def _in_steps(values: Samples, most: int) -> NDArray[np.uint32]:
    """0..255 -> 0..most."""
    return (values.astype(np.uint32) * np.uint32(most) + np.uint32(127)) // np.uint32(255)


def _shift(mask: int) -> int:
    if not mask:
        raise ValueError("one of its colours has no bits")
    return (mask & -mask).bit_length() - 1


def _unpacked(rows: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Values of 1, 2 or 4 bits, the first in the highest bits."""
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    return (rows[..., None] >> shifts & np.uint8((1 << bits) - 1)).reshape(rows.shape[0], -1)


def _packed(values: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    packed: NDArray[np.uint8] = np.bitwise_or.reduce(values.reshape(len(values), -1, 8 // bits) << shifts, axis=2)
    return packed


def _without_run_lengths(raw: bytes, header: BmpHeader, samples: Samples) -> bytes:
    """Header and palette of `raw`, and the palette indices `samples` as plain rows of 8 bits."""
    stride = (header.width + 3) // 4 * 4
    rows = np.zeros((header.height, stride), np.uint8)
    rows[:, : header.width] = samples if header.top_down else samples[::-1]
    head = bytearray(raw[: header.start])
    colours = struct.unpack_from("<I", raw, 46)[0] or 1 << header.bits  # 0: as many as its bits can name
    struct.pack_into("<I", head, 2, header.start + rows.size)
    struct.pack_into("<HII", head, 28, 8, _RGB, rows.size)
    struct.pack_into("<I", head, 46, colours)
    return bytes(head) + rows.tobytes()
