"""HEIC files (HEIF with HEVC pictures), where the package pillow-heif is installed: libheif, libde265 and x265."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.images.containers.tiff import Tiff, TiffError
from data.images.metadata import exif, xmp
from data.images.metadata.icc import colours_only
from data.images.samples import Samples
from data.types import PhotoError

QUALITY = 90
"""HEIC says nowhere with which quality it was written."""
_ORIENTATION = 0x0112
_MODES = ("L", "RGB", "RGBA")


def is_installed() -> bool:
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass(frozen=True)
class HeifPicture:
    """samples: uint8, as the file shows them: HEIF's own turns and mirrors are applied, EXIF's orientation never is."""

    mode: str
    samples: Samples


def read_size(raw: bytes) -> tuple[int, int]:
    """(width, height) of the primary picture, which is not decoded. Raises what pillow-heif raises."""
    width, height = _opened(raw).size
    return width, height


def read_picture(raw: bytes, name: str) -> HeifPicture:
    """The primary picture. Raises PhotoError `refused` for bursts and for more than 8 bits; other exceptions for
    damaged files."""
    file = _opened(raw)
    if len(file) > 1:
        raise PhotoError("refused", f"{name}: HEIC files of several pictures are not supported; convert it to JPEG.")
    if file.info.get("bit_depth", 8) != 8 or file.mode not in _MODES:
        raise PhotoError(
            "refused",
            f"{name}: HEIC files of {file.info.get('bit_depth')} bits a channel ({file.mode}) are not supported; "
            "convert it to JPEG.",
        )
    return HeifPicture(file.mode, np.asarray(file[0]).copy())


def with_picture(raw: bytes, mode: str, samples: Samples, scrub: bool) -> tuple[bytes, list[str]]:
    """The file with `samples`, encoded anew, and what of it went, in words.

    EXIF, XMP and the colour profile stay (scrub: only the profile); further pictures (thumbnails, depth and gain maps,
    mattes of people) go.
    """
    import pillow_heif

    info, gone = _opened(raw).info, []
    for key, words in (("thumbnails", "thumbnail"), ("depth_images", "depth map"), ("aux", "auxiliary pictures")):
        if info.get(key):
            gone.append(words)
    options: dict[str, object] = {"quality": QUALITY, "chroma": info.get("chroma") or 420, "save_nclx_profile": True}
    if profile := info.get("icc_profile"):
        options["icc_profile"] = colours_only(profile) if scrub else profile
    if scrub:
        gone.append("all metadata but the colour profile")
    else:
        if block := info.get("exif"):
            options["exif"], dropped = _exif(block)
            gone += dropped
        if packet := info.get("xmp"):
            options["xmp"], dropped = xmp.without_people(packet)
            gone += dropped
    out = io.BytesIO()
    height, width = samples.shape[:2]
    pillow_heif.encode(mode, (width, height), samples.tobytes(), out, **{k: v for k, v in options.items() if v})
    return out.getvalue(), list(dict.fromkeys(gone))


def _exif(block: bytes) -> tuple[bytes, list[str]]:
    """EXIF without previews. Its orientation says how the sensor was held: the picture is upright already."""
    edited, gone = exif.without_people(block.removeprefix(b"Exif\0\0"))
    if not edited:
        return b"", gone
    tiff = Tiff(edited)
    if (entry := tiff.get("IFD0", _ORIENTATION)) and entry.type == 3:
        try:
            tiff.set_numbers(entry, [1])
        except TiffError:
            return b"", [*gone, "unreadable EXIF"]
    return b"Exif\0\0" + bytes(tiff.data), gone


def _opened(raw: bytes) -> Any:
    import pillow_heif

    return pillow_heif.open_heif(io.BytesIO(raw), convert_hdr_to_8bit=False)
