"""What of EXIF may stay in a scrubbed photo: how it is turned, its resolution, how it was exposed, and no text.

The block is written anew with the facts that are named here, so that nothing that the file hides between its entries
goes along. Every fact is a single number. Tags: Exif 3.0 (CIPA DC-008).
"""

from __future__ import annotations

import struct

from data.images.containers.tiff import GPS_IFD, MAKER_NOTE, Tiff, TiffError
from data.images.containers.tiff_writer import Field, write_tiff

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SIGNED = 1, 2, 3, 4, 5, 7, 10
ORIENTATION = 0x0112
RESOLUTION = {0x011A: _RATIONAL, 0x011B: _RATIONAL, 0x0128: _SHORT}  # XResolution, YResolution, ResolutionUnit
EXPOSURE = {
    0x829A: _RATIONAL,  # ExposureTime
    0x829D: _RATIONAL,  # FNumber
    0x8822: _SHORT,  # ExposureProgram
    0x8827: _SHORT,  # PhotographicSensitivity
    0x8830: _SHORT,  # SensitivityType
    **dict.fromkeys(range(0x8831, 0x8836), _LONG),  # StandardOutputSensitivity to ISOSpeedLatitudezzz
    0x9201: _SIGNED,  # ShutterSpeedValue
    0x9202: _RATIONAL,  # ApertureValue
    0x9203: _SIGNED,  # BrightnessValue
    0x9204: _SIGNED,  # ExposureBiasValue
    0x9205: _RATIONAL,  # MaxApertureValue
    0x9207: _SHORT,  # MeteringMode
    0x9208: _SHORT,  # LightSource
    0x9209: _SHORT,  # Flash
    0x920A: _RATIONAL,  # FocalLength
    0xA001: _SHORT,  # ColorSpace
    0xA002: _LONG,  # PixelXDimension
    0xA003: _LONG,  # PixelYDimension
    0xA20E: _RATIONAL,  # FocalPlaneXResolution
    0xA20F: _RATIONAL,  # FocalPlaneYResolution
    0xA210: _SHORT,  # FocalPlaneResolutionUnit
    0xA215: _RATIONAL,  # ExposureIndex
    0xA217: _SHORT,  # SensingMethod
    **dict.fromkeys(range(0xA401, 0xA404), _SHORT),  # CustomRendered, ExposureMode, WhiteBalance
    0xA404: _RATIONAL,  # DigitalZoomRatio
    **dict.fromkeys(range(0xA405, 0xA40B), _SHORT),  # FocalLengthIn35mmFilm to Sharpness
    0xA40C: _SHORT,  # SubjectDistanceRange
    0xA500: _RATIONAL,  # Gamma
}
_INTEROP_INDEX = 0x0001
_COLOUR_SPACES = (b"R98\0", b"R03\0", b"THM\0")  # DCF: the only words of the interoperability index
_VERSION = Field(0x9000, _UNDEFINED, 4, b"0232")


def facts_only(exif: bytes, orientation: int) -> tuple[bytes, list[str]]:
    """EXIF (a TIFF structure, without `Exif\\0\\0`) with nothing but the facts, and what was taken out, in words.

    exif: may be empty. orientation: 1..8, how the photo is turned, wherever it says so. Empty bytes when no fact is
    left and the photo is upright.
    """
    tiff, gone = None, []
    if exif:
        try:
            tiff = Tiff(exif)
            gone = _left_out(tiff)
        except (TiffError, ValueError, IndexError, OverflowError):
            gone = ["unreadable EXIF"]
    order = tiff.order if tiff else ">"
    directories = exif_directories(tiff, order) if tiff else {}
    first = resolution(tiff) if tiff else []
    if orientation != 1:
        first.append(Field(ORIENTATION, _SHORT, 1, struct.pack(f"{order}H", orientation)))
    if not first and not directories:
        return b"", gone
    return write_tiff(order, {"IFD0": first, **directories}), gone


def resolution(tiff: Tiff) -> list[Field]:
    """The facts of IFD0."""
    return _numbers(tiff, "IFD0", RESOLUTION)


def exif_directories(tiff: Tiff, order: str) -> dict[str, list[Field]]:
    """The facts of the directory `Exif`, with `Interop` where it says the colour space; empty without any."""
    facts = _numbers(tiff, "Exif", EXPOSURE)
    if not facts:
        return {}
    index = tiff.get("Interop", _INTEROP_INDEX)
    if index is None or tiff.value(index) not in _COLOUR_SPACES:
        return {"Exif": [_VERSION, *facts]}
    return {"Exif": [_VERSION, *facts], "Interop": [Field(_INTEROP_INDEX, _ASCII, 4, tiff.value(index))]}


def _numbers(tiff: Tiff, directory: str, allowed: dict[int, int]) -> list[Field]:
    """The first entry of each allowed tag that is one number of its kind."""
    out: dict[int, Field] = {}
    for entry in tiff.entries(directory):
        kind = allowed.get(entry.tag)
        if kind is None or entry.count != 1 or entry.tag in out:
            continue
        value = tiff.value(entry)
        if kind in (_RATIONAL, _SIGNED):
            if entry.type == kind and len(value) == 8:
                out[entry.tag] = Field(entry.tag, kind, 1, value)
        elif entry.type in (_BYTE, _SHORT, _LONG) and len(value) == {_BYTE: 1, _SHORT: 2, _LONG: 4}[entry.type]:
            out[entry.tag] = Field(entry.tag, entry.type, 1, value)
    return list(out.values())


def _left_out(tiff: Tiff) -> list[str]:
    """What the structure holds that is no fact, in words for the notes."""
    known = {*RESOLUTION, *EXPOSURE, ORIENTATION, 0x8769, GPS_IFD, 0xA005, MAKER_NOTE, 0x9000, _INTEROP_INDEX, 0x0213}
    others = any(e.tag not in known for name in ("IFD0", "Exif") for e in tiff.entries(name))
    words = {
        "EXIF thumbnail": "IFD1" in tiff.places,
        "GPS position": "GPS" in tiff.places,
        "maker note": tiff.get("Exif", MAKER_NOTE) is not None,
        "EXIF texts and times": others,
    }
    return [word for word, there in words.items() if there]
