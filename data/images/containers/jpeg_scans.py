"""Whether the coded data of a JPEG are all there. Decoders fill what is missing with gray and say nothing.

Source of the format: ITU-T T.81, annexes F (sequential) and G (progressive).
"""

from __future__ import annotations

import re
import warnings

import numpy as np
from numpy.typing import NDArray

from data.images.containers.jpeg import APP0, APP14, DRI, SOS, Frame, JpegFile, JpegStructureError, Segment
from data.images.pillow import open_image

_ENDS_EARLY = "its picture data end before its picture does"
_HUFFMAN = {0xC0, 0xC1, 0xC2}
_RESTART = re.compile(rb"(\xff+[\xd0-\xd7])")
_MORE = np.random.default_rng(0).integers(0, 255, 1024, np.uint8).tobytes()
"""Bytes without 0xFF: coded data of some picture or other. A kilobyte is more than a block takes (T.81 F.1.2)."""


def check_size(file: JpegFile) -> None:
    """Raises JpegStructureError for a picture larger than the file's bytes can hold: no decoder should try it.

    With Huffman coding every block of 8 x 8 samples takes at least one bit for its DC value (a code of one bit; the
    shortest that there is), in the first scan of its component. Arithmetic coding has no such bound.
    """
    frame = file.frame
    if frame.process not in _HUFFMAN:
        return
    blocks = sum(rows * columns for rows, columns in map(frame.blocks, frame.components))
    if 8 * sum(len(s.data) for s in file.segments if s.marker == SOS) < blocks:
        raise JpegStructureError(f"{frame.width} x {frame.height} pixels are more than its bytes can hold")


def check_scans(file: JpegFile) -> None:
    """Raises JpegStructureError when scans are missing: a component has none, a progressive one was not refined to its
    last bit (a file cut between two scans), or a scan has fewer restart intervals than its blocks need."""
    frame = file.frame
    if frame.process not in _HUFFMAN:
        return
    left: dict[tuple[int, int], int] = {}  # (component, coefficient): bits that are still to come
    interval = 0  # MCUs between two restart markers
    for segment in file.segments:
        if segment.marker == DRI and len(segment.data) == 2:
            interval = int.from_bytes(segment.data, "big")
        if segment.marker != SOS:
            continue
        data = segment.data
        count = data[2] if len(data) > 2 else 0
        if not count or len(data) < 6 + 2 * count:
            raise JpegStructureError("a scan's header is cut")
        first, last, bits = data[3 + 2 * count], data[4 + 2 * count], data[5 + 2 * count] & 15
        if frame.process != 0xC2:
            first = last = bits = 0
        ids = data[3 : 3 + 2 * count : 2]
        for component in ids:
            left |= {(component, k): bits for k in range(first, min(last, 63) + 1)}
        if interval and len(_RESTART.findall(data)) < -(-_units(frame, ids) // interval) - 1:
            raise JpegStructureError(_ENDS_EARLY)
    if any(left.values()) or any((component.id, 0) not in left for component in frame.components):
        raise JpegStructureError(_ENDS_EARLY)


def _units(frame: Frame, ids: bytes) -> int:
    """MCUs of a scan of these components: blocks, where there is but one (T.81 A.2.2)."""
    components = [component for component in frame.components if component.id in ids]
    if len(components) == 1:
        rows, columns = frame.blocks(components[0])
    else:
        rows, columns = -(-frame.height // frame.mcu[0]), -(-frame.width // frame.mcu[1])
    return rows * columns


def check_data(file: JpegFile, pixels: NDArray[np.uint8]) -> None:
    """Raises JpegStructureError when a decoder still reads coded data where the file has none left.

    pixels: uint8 H x W or H x W x channels, as Pillow decodes the file. Decoders ignore what stands between a scan's
    last block and the next marker, so more coded data there (and before each restart marker) change nothing in a whole
    file. In a cut one they are taken for the missing blocks.
    """
    frame = file.frame
    if frame.process not in _HUFFMAN:
        return  # an arithmetic decoder reads ahead, so that what follows may count
    picture = (s for s in file.segments if not s.is_metadata or s.marker in (APP0, APP14))  # those decide the colours
    longer = JpegFile(tuple(_longer(s) if s.marker == SOS else s for s in picture), b"")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            other = np.asarray(open_image(longer.to_bytes()))
        except OSError:  # what follows a cut may be no code at all
            raise JpegStructureError(_ENDS_EARLY) from None
    if not np.array_equal(other, pixels):
        raise JpegStructureError(_ENDS_EARLY)


def _longer(scan: Segment) -> Segment:
    head = int.from_bytes(scan.data[:2], "big")
    parts = _RESTART.split(scan.data[head:])
    parts[::2] = [part + _MORE for part in parts[::2]]
    return Segment(SOS, scan.data[:head] + b"".join(parts))
