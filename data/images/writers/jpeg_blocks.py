"""Change a JPEG only where the hole is: every other block keeps its quantised DCT coefficients.

The hole is composed in the planes that the file really holds (Y, Cb, Cr at their own resolution): samples that the
hole does not reach are the inverse transform of the file's own coefficients, unclipped and unrounded, so that even in
a touched block they change only by the block's new quantisation; samples that it reaches come from the new pixels
alone, so that nothing of the person is left in them. Reading and writing of coefficients is jpeglib's.
"""

from __future__ import annotations

import io
import tempfile
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.images.containers.jpeg import (
    APP14,
    FRAMES,
    SOS,
    Frame,
    JpegFile,
    JpegStructureError,
    Segment,
    huffman_tables,
    parse_jpeg,
)
from data.types import Hole

Coefficients = NDArray[np.int16]
"""int16, rows x columns x 8 x 8: quantised, blocks in raster order."""

_LIBRARY = threading.Lock()
"""jpeglib keeps the build it uses, and markers, in globals."""


class CannotEdit(Exception):
    """A JPEG whose coefficients cannot be edited; the message says why, as a part of a sentence."""


@dataclass(frozen=True)
class Planes:
    """coefficients, tables: one a component; tables uint16 8 x 8 in raster order."""

    coefficients: tuple[Coefficients, ...]
    tables: tuple[NDArray[np.uint16], ...]


def edit_blocks(raw: bytes, pixels: NDArray[np.uint8], hole: Hole) -> bytes:
    """The JPEG `raw` with `pixels` (uint8 H x W x 3 RGB, or H x W for a gray one) where `hole` is 255 (uint8 H x W).

    Returns a file with the same tables, sampling and kind (baseline or progressive), without any
    metadata segment. Raises CannotEdit.
    """
    file = parse_jpeg(raw)
    frame = _checked(file)
    with _LIBRARY, tempfile.TemporaryDirectory(prefix="person-removal-") as folder:
        image, planes = _read(file, frame, Path(folder))
        new = _edited(frame, planes, pixels, hole, _is_rgb(file, frame))
        written = _write(image, new, file, frame, Path(folder))
    return _with_component_ids(parse_jpeg(written), frame).to_bytes()


def rewritten(raw: bytes) -> bytes:
    """The JPEG `raw` (CMYK, too) coded anew from its own coefficients, without any metadata. Raises CannotEdit."""
    file = parse_jpeg(raw)
    frame = _checked(file, (1, 3, 4))
    with _LIBRARY, tempfile.TemporaryDirectory(prefix="person-removal-") as folder:
        image, planes = _read(file, frame, Path(folder))
        written = _write(image, list(planes.coefficients), file, frame, Path(folder))
    return _with_component_ids(parse_jpeg(written), frame).to_bytes()


def read_coefficients(raw: bytes) -> Planes:
    """Quantised coefficients of a JPEG. Raises CannotEdit."""
    file = parse_jpeg(raw)
    with _LIBRARY, tempfile.TemporaryDirectory(prefix="person-removal-") as folder:
        return _read(file, _checked(file), Path(folder))[1]


def _checked(file: JpegFile, planes: tuple[int, ...] = (1, 3)) -> Frame:
    try:
        frame = file.frame
    except JpegStructureError as error:
        raise CannotEdit(str(error)) from None
    if frame.process not in (0xC0, 0xC1, 0xC2) or frame.precision != 8:
        raise CannotEdit("its coding is neither baseline nor progressive with 8 bits")
    if len(frame.components) not in planes:
        raise CannotEdit(f"it has {len(frame.components)} colour planes (CMYK)")
    mcu_height, mcu_width = frame.mcu
    if any(mcu_height % (8 * c.v) or mcu_width % (8 * c.h) for c in frame.components):
        raise CannotEdit("its planes are sampled at a broken ratio")
    return frame


def _is_rgb(file: JpegFile, frame: Frame) -> bool:
    """Whether the planes are R, G, B: libjpeg's rule (jdapimin.c, default_decompress_parms)."""
    if any(s.marker == 0xE0 and s.data[:5] == b"JFIF\0" for s in file.segments):
        return False
    if file.colour_transform is not None:
        return file.colour_transform == 0
    return [c.id for c in frame.components] == [0x52, 0x47, 0x42]


# ---------------------------------------------------------------- planes and blocks


_BAND = 1 << 20
"""Pixels, about, that are worked on at a time: what stands for them in floats is many times as large."""


def _edited(frame: Frame, planes: Planes, pixels: NDArray[np.uint8], hole: Hole, rgb: bool) -> list[Coefficients]:
    """New coefficients of every component; only the MCUs around the hole are looked at, a few rows of them at a
    time."""
    mcu_height, mcu_width = frame.mcu
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    top, bottom = int(rows[0]) // mcu_height, int(rows[-1]) // mcu_height + 1
    left, right = int(columns[0]) // mcu_width, int(columns[-1]) // mcu_width + 1
    step = max(1, _BAND // (mcu_height * mcu_width * (right - left)))
    out = [coefficients.copy() for coefficients in planes.coefficients]
    for first in range(top, bottom, step):
        last = min(first + step, bottom)
        part = slice(first * mcu_height, last * mcu_height), slice(left * mcu_width, right * mcu_width)
        if not hole[part].any():
            continue
        for index, component in enumerate(frame.components):
            region = slice(first * component.v, last * component.v), slice(left * component.h, right * component.h)
            old = planes.coefficients[index][region]
            plane, touched = component_plane(frame, index, pixels[part], hole[part], rgb)
            size = slice(8 * old.shape[0]), slice(8 * old.shape[1])  # border MCUs have blocks that no file holds
            out[index][region] = edit_plane(old, planes.tables[index], plane[size], touched[size])
    return out


def component_plane(
    frame: Frame, index: int, pixels: NDArray[np.uint8], hole: Hole, rgb: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """A component's samples (float64, -128..127) and which of them the hole reaches (bool).

    pixels, hole: a part of the photo that starts at an MCU. Both are padded to whole MCUs by repeating the last row
    and column, so that what is left of a person in the invisible part of border blocks goes, too. A sample of a
    reduced plane is the mean of its pixels (ITU-T T.871).
    """
    mcu_height, mcu_width = frame.mcu
    component = frame.components[index]
    down, across = mcu_height // (8 * component.v), mcu_width // (8 * component.h)
    pad = (0, -hole.shape[0] % mcu_height), (0, -hole.shape[1] % mcu_width)
    values = np.pad(_component(pixels, index, len(frame.components), rgb), pad, mode="edge")
    reached: NDArray[np.bool_] = np.pad(hole != 0, pad, mode="edge")
    cells = [(slice(y, None, down), slice(x, None, across)) for y in range(down) for x in range(across)]
    samples = values[cells[0]].astype(np.float64)
    for cell in cells[1:]:
        samples += values[cell]  # without rounding: so few values of 24 bits
    samples /= len(cells)
    samples -= 128
    return samples, np.logical_or.reduce([reached[cell] for cell in cells])


def _component(pixels: NDArray[np.uint8], index: int, count: int, rgb: bool) -> NDArray[np.float32]:
    """One plane at full size: JFIF's YCbCr (ITU-T T.871), or the RGB channel; 0..255."""
    if count == 1:
        return pixels.astype(np.float32)
    if rgb:
        return pixels[..., index].astype(np.float32)
    weights = (
        (0.299, 0.587, 0.114),
        (-0.168735892, -0.331264108, 0.5),
        (0.5, -0.418687589, -0.081312411),
    )[index]
    out = np.zeros(pixels.shape[:2], np.float32)
    for channel, weight in enumerate(weights):
        out += pixels[..., channel] * np.float32(weight)
    return out + np.float32(128 if index else 0)


def edit_plane(
    coefficients: Coefficients, table: NDArray[np.uint16], plane: NDArray[np.float64], touched: NDArray[np.bool_]
) -> Coefficients:
    """New coefficients: `plane`'s samples where `touched`, the old ones' elsewhere; untouched blocks are the old.

    plane, touched: 8 rows x 8 columns of the coefficients' blocks.
    """
    rows, columns = coefficients.shape[:2]
    count = np.add.reduceat(touched.reshape(rows, 8, -1).sum(1, dtype=np.uint8), np.arange(0, 8 * columns, 8), axis=1)
    blocks, partly = count > 0, (count > 0) & (count < 64)
    if not blocks.any():
        return coefficients
    mixed = _blocks(plane, rows, columns)[blocks]
    if partly.any():  # of the others nothing is left
        old = (coefficients[partly].reshape(-1, 64) * table.reshape(64).astype(np.float64)) @ _TRANSFORM
        reached = _blocks(touched, rows, columns)[partly]
        mixed[partly[blocks]] = np.where(reached, mixed[partly[blocks]], old)
    # Rounded first, so that a tie falls the same way whatever the processor's last bit.
    scaled = np.round(mixed @ _TRANSFORM.T / table.reshape(64), 6)
    limit = 1023  # of baseline coding (T.81 table F.1)
    out = coefficients.copy()
    out[blocks] = np.clip(np.rint(scaled), -limit, limit).astype(np.int16).reshape(-1, 8, 8)
    return out


def _blocks(plane: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
    """The blocks of 8 x 8 samples of a plane, rows x columns x 64."""
    return plane.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3).reshape(rows, columns, 64)


def _cosines() -> NDArray[np.float64]:
    """The orthonormal 8-point DCT-II as a matrix: rows are frequencies (T.81 A.3.3)."""
    k, x = np.mgrid[0:8, 0:8]
    return np.asarray(np.cos((2 * x + 1) * k * np.pi / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5), np.float64)


_TRANSFORM = np.kron(_cosines(), _cosines())
"""The 8 x 8 DCT-II of a block's 64 samples in raster order: one product for many blocks is ten times as quick as two
for each. Its transpose is its inverse."""


# ---------------------------------------------------------------- jpeglib


def _read(file: JpegFile, frame: Frame, folder: Path) -> tuple[Any, Planes]:
    try:
        import jpeglib
    except ImportError:
        raise CannotEdit("the package jpeglib has no build for this machine") from None
    path = folder / "in.jpg"
    # Without metadata: the library takes at most 50 segments of it. Adobe's decides the colours.
    bare = JpegFile(tuple(s for s in file.segments if not s.is_metadata or s.marker == APP14), b"")
    path.write_bytes(bare.to_bytes())
    try:
        with jpeglib.version("turbo210"):
            image = jpeglib.read_dct(path)
            image.load()
    except OSError as error:
        raise CannotEdit(f"its coefficients cannot be read ({error})") from None
    parts = (image.Y, image.Cb, image.Cr, image.K)[: len(frame.components)]
    sizes = [frame.blocks(component) for component in frame.components]
    if [part.shape[:2] for part in parts] != sizes:
        raise CannotEdit("its planes have other sizes than its header says")
    return image, Planes(tuple(parts), tuple(image.qt[n] for n in image.quant_tbl_no))


def _write(image: Any, new: list[Coefficients], file: JpegFile, frame: Frame, folder: Path) -> bytes:
    import jpeglib

    image.Y = new[0]
    if len(new) >= 3:
        image.Cb, image.Cr = new[1:3]
    if len(new) == 4:
        image.K = new[3]
    image.markers = []
    path = folder / "out.jpg"
    # mozjpeg is the one build that writes progressive files from coefficients.
    build = "mozjpeg403" if frame.process == 0xC2 else "turbo210"
    optimised = frame.process == 0xC2 or not has_standard_tables(file)
    try:
        with jpeglib.version(build):
            image.write_dct(str(path), flags=["+OPTIMIZE_CODING" if optimised else "-OPTIMIZE_CODING"])
    except OSError as error:
        raise CannotEdit(f"its coefficients cannot be written ({error})") from None
    return path.read_bytes()


def has_standard_tables(file: JpegFile) -> bool:
    """Whether its Huffman tables are T.81's typical ones (annex K.3), as encoders write that do not optimise."""
    return {table for _, table in huffman_tables(file)} <= _standard_tables()


@lru_cache(maxsize=1)
def _standard_tables() -> frozenset[bytes]:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", optimize=False, progressive=False)
    return frozenset(table for _, table in huffman_tables(parse_jpeg(out.getvalue())))


def _with_component_ids(written: JpegFile, frame: Frame) -> JpegFile:
    """The planes' own ids again: without an Adobe segment they decide the colours."""
    ids = {mine.id: own.id for mine, own in zip(written.frame.components, frame.components, strict=True)}

    def renamed(segment: Segment) -> Segment:
        data = bytearray(segment.data)
        if segment.marker == SOS:  # length (2), number of components, then id and tables of each
            for i in range(3, 3 + 2 * data[2], 2):
                data[i] = ids[data[i]]
        elif segment.marker in FRAMES:
            for i in range(6, 6 + 3 * data[5], 3):
                data[i] = ids[data[i]]
        return Segment(segment.marker, bytes(data))

    return JpegFile(tuple(renamed(s) for s in written.segments if not s.is_metadata), b"")
