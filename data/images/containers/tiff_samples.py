"""The samples of a TIFF file as it holds them, in whichever order, depth and compression: tifffile reads them.

Pillow keeps 8 of 16 bits, OpenCV scrambles separate planes of 16 bits, and both change colours that alpha is
multiplied into.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.images.containers import tiff_jpeg
from data.images.samples import Palette, Samples
from data.types import PhotoError

HEADERS = (b"II*\0", b"MM\0*")
_JPEG, _CCITT, _YCBCR = {6, 7}, {2, 3, 4}, 6
_EXPANSION = {1: 1, 5: 4096, 6: 2048, 7: 2048, 8: 1032, 32946: 1032, 32773: 64}
"""By compression: how many bytes of the picture a byte of the file can hold. LZW: a code of 9 bits or more is a string
of at most 4,096 bytes (TIFF 6.0, section 13); Deflate: zlib's 1032; PackBits: 2 bytes are at most 128; JPEG: a block
takes a bit, and is at most 171 samples of the picture (colours at a fourth of the width and height)."""
_MODES = {
    (0, 1): {1: "1", 8: "L", 16: "L;16"},
    (1, 1): {1: "1", 8: "L", 16: "L;16"},
    (1, 2): {8: "LA", 16: "LA;16"},
    (2, 3): {8: "RGB", 16: "RGB;16"},
    (2, 4): {8: "RGBA", 16: "RGBA;16"},
    (3, 1): {8: "P"},
    (5, 4): {8: "CMYK"},
}
"""By photometric interpretation and samples a pixel: the mode of each depth."""
_FORMS = {1: "", 2: " signed", 3: " float", 5: " complex", 6: " complex float"}
_ASSOCIATED, _INK_SET, _ORIENTATION, _SUB_IFDS = 1, 332, 274, 330


@dataclass(frozen=True)
class TiffHeader:
    """What the first directory says. pillows: whether Pillow reads its picture as it is, and tifffile does not (JPEG,
    YCbCr and fax coding). own: whether of Pillow, OpenCV and tifffile only the last reads its picture rightly (16 bits
    in separate planes, with 0 for white, or of gray and alpha in tiles). several, sub_pictures: whether further
    pictures are in the file."""

    width: int
    height: int
    orientation: int
    pillows: bool
    own: bool
    several: bool
    sub_pictures: bool


@dataclass(frozen=True)
class TiffPicture:
    """samples: in the file's own frame. premultiplied: whether the colours are multiplied by alpha."""

    mode: str
    samples: Samples
    palette: Palette | None
    premultiplied: bool


@contextmanager
def _first_page(raw: bytes) -> Iterator[tuple[Any, Any]]:
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # a broken file gets its sentence from us
    with tifffile.TiffFile(io.BytesIO(raw)) as file:
        yield file, file.pages[0]


def read_header(raw: bytes) -> TiffHeader:
    """Raises whatever tifffile does for a damaged file."""
    with _first_page(raw) as (file, page):
        if page.imagewidth <= 0 or page.imagelength <= 0:
            raise ValueError("its picture has no size")
        try:
            several = bool(file.pages[1])
        except IndexError:
            several = False
        separate = page.planarconfig == 2 and page.samplesperpixel > 1
        compression = int(page.tags.valueof(259, 1))
        orientation = page.tags.valueof(_ORIENTATION, 1)
        return TiffHeader(
            width=int(page.imagewidth),
            height=int(page.imagelength),
            orientation=int(orientation) if orientation in range(1, 9) else 1,
            pillows=compression in _JPEG | _CCITT or page.tags.valueof(262) == _YCBCR,
            own=page.bitspersample == 16
            and (separate or int(page.photometric) == 0 or (page.is_tiled and page.samplesperpixel == 2)),
            several=several,
            sub_pictures=_SUB_IFDS in page.tags,
        )


def check_jpeg(raw: bytes) -> None:
    """Raises ValueError for a JPEG-coded picture that is larger than its bytes can hold, or ends early."""
    with _first_page(raw) as (_, page):
        if int(page.compression) in _JPEG:
            _check_extent(page, len(raw))
        if int(page.compression) == 7:
            tiff_jpeg.check_parts(page, raw)


def deflate_ends(raw: bytes) -> bool:
    """Whether every strip or tile of a Deflate-coded picture is a whole stream, with the checksum that it states."""
    with _first_page(raw) as (_, page):
        for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
            inflater, data = zlib.decompressobj(), raw[start : start + length]
            try:
                while data and not inflater.eof:
                    inflater.decompress(data, 1 << 20)
                    data = inflater.unconsumed_tail
            except zlib.error:
                return False
            if not inflater.eof:
                return False
    return True


def read_picture(raw: bytes, name: str) -> TiffPicture:
    """Raises PhotoError `refused` for samples that no mode names; other exceptions for damaged files."""
    with _first_page(raw) as (_, page):
        mode = _mode(page, name)
        _check_extent(page, len(raw))
        samples: Samples = page.asarray(maxworkers=1)
        palette = _palette(page.colormap) if mode == "P" else None
        premultiplied = mode[-1] == "A" or mode.endswith("A;16")
        premultiplied = premultiplied and page.extrasamples[:1] == (_ASSOCIATED,)
        white = int(page.photometric) == 0
        planes = page.samplesperpixel if page.samplesperpixel > 1 else None
        expected = tuple(n for n in (page.imagelength, page.imagewidth, planes) if n)
        if planes and page.planarconfig == 2:
            samples = np.moveaxis(samples, 0, 2)
    if samples.shape != expected:
        raise ValueError("its picture has another size than its header says")
    if white:  # 0 is white
        samples = ~samples
    return TiffPicture(mode, np.ascontiguousarray(samples, samples.dtype.newbyteorder("=")), palette, premultiplied)


def _mode(page: Any, name: str) -> str:
    bits, count, form = page.bitspersample, page.samplesperpixel, int(page.sampleformat)
    plain = form == 1 and page.imagedepth == 1 and page.tags.valueof(_INK_SET, 1) == 1
    mode = _MODES.get((int(page.photometric), count), {}).get(bits) if plain and isinstance(bits, int) else None
    if mode is None:
        kind = getattr(page.photometric, "name", page.photometric)
        raise PhotoError(
            "refused",
            f"{name}: TIFF files of {count} samples a pixel with {bits}{_FORMS.get(form, ' other')} bits ({kind}) are "
            "not supported; convert it to PNG or JPEG with 8 bits.",
        )
    return mode


def _palette(colours: Any) -> Palette:
    """uint8 N x 4 of the file's 3 x N 16-bit values."""
    out = np.full((colours.shape[1], 4), 255, np.uint8)
    out[:, :3] = (np.asarray(colours, np.uint16) >> 8).T
    return out


def _check_extent(page: Any, size: int) -> None:
    """Raises ValueError when a strip or tile is not there, or when all of them cannot hold the picture."""
    if len(page.dataoffsets) != len(page.databytecounts) or len(page.dataoffsets) < np.prod(page.chunked):
        raise ValueError("parts of its picture are missing")
    held = 0
    for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        if start < 8 or length <= 0 or start + length > size:
            raise ValueError("it ends before its picture does")
        held += length
    row = -(-page.imagewidth * page.samplesperpixel * page.bitspersample // 8)
    most = _EXPANSION.get(int(page.compression))
    if most and held * most < row * page.imagelength:
        raise ValueError(f"{page.imagewidth} x {page.imagelength} pixels are more than its bytes can hold")
