"""A TIFF file with its picture and the few facts that `--scrub` leaves, written anew."""

from __future__ import annotations

import struct

from data.images.containers.tiff import Tiff
from data.images.containers.tiff_writer import Field, write_tiff
from data.images.metadata.exif_facts import ORIENTATION, exif_directories, resolution
from data.images.metadata.icc import colours_only

_SHORT, _LONG, _UNDEFINED = 3, 4, 7
_STRIPS, _TILES, _ICC, _EXIF_IFD = 273, 324, 34675, 34665
_PICTURE = {
    *(256, 257, 258, 259, 262, 266, 277, 278, 279, 284, 317),  # size, bits, compression, colours, strips, layout
    *(320, 322, 323, 325, 332, 338, 339),  # palette, tiles, inks, extra samples, sample format
}
"""Tags of IFD0 without which the picture cannot be read."""


def bare(raw: bytes, orientation: int) -> tuple[bytes, list[str]]:
    """The TIFF `raw` with nothing but what its picture needs, orientation, resolution, exposure and colour profile.

    raw: as written by `tiff_picture.replace_picture`. orientation: 1..8. Returns what was taken out, too, in words.
    Raises TiffError.
    """
    tiff = Tiff(raw)
    fields: list[Field] = []
    gone: list[str] = []
    for entry in tiff.entries("IFD0"):
        if entry.tag in _PICTURE and entry.type in (_SHORT, _LONG) and all(f.tag != entry.tag for f in fields):
            fields.append(Field(entry.tag, entry.type, entry.count, tiff.value(entry)))
    places = _TILES if tiff.get("IFD0", _TILES) else _STRIPS
    starts, sizes = tiff.get("IFD0", places), tiff.get("IFD0", places + (1 if places == _TILES else 6))
    if starts is None or sizes is None:
        raise ValueError("the TIFF does not say where its picture is")
    pairs = zip(tiff.numbers(starts), tiff.numbers(sizes), strict=True)
    pictures = [bytes(tiff.data[start : start + size]) for start, size in pairs]
    fields.append(Field(ORIENTATION, _SHORT, 1, struct.pack(f"{tiff.order}H", orientation)))
    fields += resolution(tiff)
    if profile := tiff.get("IFD0", _ICC):
        colours = colours_only(tiff.value(profile))
        fields += [Field(_ICC, _UNDEFINED, len(colours), colours)] if colours else []
        gone += [] if colours else ["unreadable colour profile"]
    kept = {field.tag for field in fields} | {places, _EXIF_IFD}
    if any(e.tag not in kept for e in tiff.entries("IFD0")):
        gone.append("all tags but the picture's")
    if "GPS" in tiff.places:
        gone.append("GPS position")
    directories = {"IFD0": fields, **exif_directories(tiff, tiff.order)}
    return write_tiff(tiff.order, directories, pictures, places), gone
