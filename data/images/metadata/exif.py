"""EXIF without what shows or names people; everything else stays byte for byte, at its offset.

Tags: Exif 3.0 (CIPA DC-008), Microsoft's from the ExifTool tag tables.
"""

from __future__ import annotations

from data.images.containers.jpeg import JpegStructureError, parse_jpeg
from data.images.containers.tiff import MAKER_NOTE, Tiff, TiffError

_THUMBNAIL, _THUMBNAIL_BYTES, _STRIPS, _STRIP_BYTES = 0x0201, 0x0202, 0x0111, 0x0117
_PREVIEWS = {0x501B}  # Microsoft's ThumbnailData
_JPEG = b"\xff\xd8\xff"


def without_people(exif: bytes) -> tuple[bytes, list[str]]:
    """EXIF (a TIFF structure, without `Exif\\0\\0`) without thumbnails and previews, and what was taken out.

    A structure that cannot be read goes as a whole (b"").
    """
    try:
        tiff = Tiff(exif)
    except (TiffError, ValueError, IndexError, OverflowError):
        return b"", ["unreadable EXIF"]
    gone = remove_from(tiff)
    gone += _remove_loose_previews(tiff)
    return bytes(tiff.data), list(dict.fromkeys(gone))


def remove_from(tiff: Tiff) -> list[str]:
    """Edit a structure in place; returns what was taken out, for the notes."""
    gone: list[str] = []
    if "IFD1" in tiff.places:
        _remove_thumbnail(tiff)
        gone.append("EXIF thumbnail")
    previews = tiff.remove(lambda e: e.tag in _PREVIEWS or (e.tag == MAKER_NOTE and _JPEG in tiff.value(e)))
    if previews:
        gone.append("maker note with a preview" if any(e.tag == MAKER_NOTE for e in previews) else "preview")
    return gone


def _remove_loose_previews(tiff: Tiff) -> list[str]:
    """Zero JPEG pictures that no entry names (some maker notes point to them)."""
    start = tiff.data.find(_JPEG)
    if start < 0:
        return []
    while start >= 0:
        rest = bytes(tiff.data[start:])
        try:
            end = start + len(rest) - len(parse_jpeg(rest).trailer)
        except JpegStructureError:  # a cut one
            end = len(tiff.data)
        tiff.zero(start, end)
        start = tiff.data.find(_JPEG, max(end, start + 3))
    return ["preview"]


def _remove_thumbnail(tiff: Tiff) -> None:
    for where, size in ((_THUMBNAIL, _THUMBNAIL_BYTES), (_STRIPS, _STRIP_BYTES)):
        starts, sizes = tiff.get("IFD1", where), tiff.get("IFD1", size)
        if starts and sizes:
            try:
                places = list(zip(tiff.numbers(starts), tiff.numbers(sizes), strict=False))
            except TiffError:
                continue
            for start, length in places:
                tiff.zero(start, start + length)
                if where == _THUMBNAIL and start + length >= len(tiff.data) > start >= 8:
                    del tiff.data[start:]  # it was the end of the block
    pointer = tiff.next_directory_at("IFD0")
    tiff.remove_directory("IFD1")
    tiff.zero(pointer, pointer + 4)
