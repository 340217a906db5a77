"""Other pixels in a TIFF file: every tag and every byte that is not the picture's stays where it is."""

from __future__ import annotations

import sys
import zlib

import numpy as np

from data.images.containers.tiff import Entry, Tiff
from data.images.samples import Samples

_COMPRESSION, _PHOTOMETRIC, _PLANAR, _PREDICTOR, _FILL_ORDER = 259, 262, 284, 317, 266
_STRIPS, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_NONE, _DEFLATE = 1, 8
_CMYK = 5
_NAMES = {5: "LZW", 6: "JPEG", 7: "JPEG", 32773: "PackBits", 50000: "Zstandard"}
_OF_JPEG = {347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532}
"""Tags of JPEG and YCbCr coding (TIFF 6.0, sections 21 and 22; technical note 2), out of place beside RGB."""
_LAYERS = 37724  # Photoshop's ImageSourceData


def replace_picture(raw: bytes, samples: Samples) -> tuple[bytes, list[str]]:
    """The TIFF `raw` with the picture `samples` (H x W, or H x W x channels), and what is different about it.

    An uncompressed picture stays uncompressed; every other lossless one is written with Deflate. Raises TiffError.
    """
    tiff, notes = Tiff(raw), []
    compression = _first(tiff, _COMPRESSION, _NONE)
    layers = tiff.remove(lambda entry: entry.directory == "IFD0" and entry.tag == _LAYERS)
    if layers:
        notes.append("Photoshop's layers dropped")
    photometric = _first(tiff, _PHOTOMETRIC, 2)
    if compression in (6, 7) or photometric == 6:
        tiff.remove(lambda entry: entry.directory == "IFD0" and entry.tag in _OF_JPEG)
        plain = 1 if samples.ndim == 2 else photometric if photometric == _CMYK else 2  # no longer YCbCr
        tiff.set_numbers(_entry(tiff, _PHOTOMETRIC), [plain])
    tiled = tiff.get("IFD0", _TILES) is not None
    offsets, sizes = _entry(tiff, _TILES if tiled else _STRIPS), _entry(tiff, _TILE_BYTES if tiled else _STRIP_BYTES)
    free = sorted(zip(tiff.numbers(offsets), tiff.numbers(sizes), strict=False))
    for entry in (offsets, sizes):
        tiff.zero(entry.start, entry.end)
    for start, size in free:
        tiff.zero(start, start + size)  # the old picture must not stay in the file
    picture = _padded_to_one_tile(tiff, samples) if tiled else samples
    if not tiled and (rows := tiff.get("IFD0", _ROWS_PER_STRIP)):
        tiff.set_numbers(rows, [samples.shape[0]])
    if (planar := tiff.get("IFD0", _PLANAR)) and picture.ndim == 3:
        tiff.set_numbers(planar, [1])
    if fill_order := tiff.get("IFD0", _FILL_ORDER):
        tiff.set_numbers(fill_order, [1])
    data = _packed(tiff, picture, compression)
    if compression not in (_NONE, _DEFLATE, 32946):
        notes.append(f"compressed with Deflate instead of {_NAMES.get(compression, f'method {compression}')}")
    _place(tiff, data, free, offsets, sizes)
    return bytes(tiff.data), notes


def _packed(tiff: Tiff, picture: Samples, compression: int) -> bytes:
    """The samples in the file's byte order and depth, compressed; sets the tags that say so."""
    predictor = tiff.get("IFD0", _PREDICTOR)
    horizontal = predictor is not None and tiff.numbers(predictor)[0] == 2 and picture.dtype != bool
    if picture.dtype == bool:
        data = np.packbits(picture ^ (_first(tiff, _PHOTOMETRIC, 1) == 0), axis=1).tobytes()
    else:
        if picture.ndim == 2 and _first(tiff, _PHOTOMETRIC, 1) == 0:
            picture = np.iinfo(picture.dtype).max - picture  # 0 is white
        if horizontal and compression != _NONE:
            picture = picture.copy()
            picture[:, 1:] -= picture[:, :-1].copy()  # wraps around, as it is meant to
        little = tiff.order == "<"
        data = (picture.byteswap() if little != (sys.byteorder == "little") else picture).tobytes()
    if predictor is not None and not (horizontal and compression != _NONE):
        tiff.set_numbers(predictor, [1])
    if compression == _NONE:
        return data
    tiff.set_numbers(_entry(tiff, _COMPRESSION), [_DEFLATE])
    return zlib.compress(data, 6)


def _place(tiff: Tiff, data: bytes, free: list[tuple[int, int]], offsets: Entry, sizes: Entry) -> None:
    """Put the picture where the old one was, if it fits there in one piece, else at the file's end."""
    start, end = free[0][0], free[0][0]
    for place, size in free:
        if place != end:
            break
        end = place + size
    if end >= len(tiff.data):  # the picture ends the file
        del tiff.data[start:]
        end = start + len(data)
        tiff.data += bytes(len(data))
    if start < 8 or len(data) > end - start:
        tiff.data += bytes(len(tiff.data) % 2)
        start = len(tiff.data)
        tiff.data += data
    else:
        tiff.data[start : start + len(data)] = data
    tiff.set_numbers(offsets, [start])
    tiff.set_numbers(sizes, [len(data)])


def _padded_to_one_tile(tiff: Tiff, samples: Samples) -> Samples:
    """One tile holds the whole picture; its sides are multiples of 16 (TIFF 6.0, section 15)."""
    height, width = (-(-n // 16) * 16 for n in samples.shape[:2])
    tiff.set_numbers(_entry(tiff, _TILE_WIDTH), [width])
    tiff.set_numbers(_entry(tiff, _TILE_HEIGHT), [height])
    pad = [(0, height - samples.shape[0]), (0, width - samples.shape[1])] + [(0, 0)] * (samples.ndim - 2)
    return np.pad(samples, pad, mode="edge")


def _entry(tiff: Tiff, tag: int) -> Entry:
    entry = tiff.get("IFD0", tag)
    if entry is None:
        raise ValueError(f"the TIFF has no tag {tag}")
    return entry


def _first(tiff: Tiff, tag: int, default: int) -> int:
    entry = tiff.get("IFD0", tag)
    return tiff.numbers(entry)[0] if entry else default
