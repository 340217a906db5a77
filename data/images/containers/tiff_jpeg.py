"""Whether the JPEG data inside a TIFF file are all there. libtiff fills what is missing with gray and says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.images.containers import jpeg_scans
from data.images.containers.jpeg import JpegFile, parse_jpeg
from data.images.pillow import open_image


def check_parts(page: Any, raw: bytes) -> None:
    """Raises ValueError when a strip or tile of a JPEG-coded page is smaller than it should be, or ends early.

    page: of tifffile, with compression 7 (TIFF technical note 2): every part is a JPEG stream, whose tables may stand
    in a tag.
    """
    tables = parse_jpeg(page.jpegtables).segments if page.jpegtables else ()
    for index, (start, length) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        part = JpegFile((*tables, *parse_jpeg(raw[start : start + length]).segments), b"")
        frame = part.frame
        rows, columns = _extent(page, index)
        if page.planarconfig == 1 and (frame.height < rows or frame.width < columns):
            raise ValueError("a part of its picture is smaller than its header says")
        if frame.precision != 8:
            continue  # no decoder here reads it
        jpeg_scans.check_size(part)
        jpeg_scans.check_scans(part)
        jpeg_scans.check_data(part, np.asarray(open_image(part.to_bytes())))


def _extent(page: Any, index: int) -> tuple[int, int]:
    """Rows and columns of a strip or tile; the last strip may be lower."""
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    top = index * page.rowsperstrip
    return min(page.rowsperstrip, page.imagelength - top), page.imagewidth
