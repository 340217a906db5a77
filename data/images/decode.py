"""An image file's bytes -> what the program works on, or a sentence that says why not."""

from __future__ import annotations

import math
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image, UnidentifiedImageError, features

from configs import InputSettings
from data.images import heif
from data.images.containers import jpeg_scans, tiff_samples, webp
from data.images.containers.jpeg import JpegFile, JpegStructureError, parse_jpeg
from data.images.containers.png import is_sound, is_whole
from data.images.kinds import SUFFIXES, is_heif, unread_kind
from data.images.orientation import to_raw_frame, upright
from data.images.pillow import load, open_image, pages
from data.images.samples import MODES, Palette, Samples, to_pixels
from data.images.writers import bmp
from data.types import PhotoError, Pixels

MEGAPIXELS = float(InputSettings().megapixels)
_ORIENTATION = 0x0112
_CONVERT = "convert it to PNG or JPEG"
_SEVERAL = "{}: animated and multi-page files are not supported; " + _CONVERT + "."
_JPEG_PROCESSES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Start-of-frame markers of sequential and progressive JPEG, with Huffman or arithmetic coding."""
_DEFLATE_ERRORS = {"error", "ZlibError", "DeflateError"}
"""Of zlib and imagecodecs: a stream that is damaged or cut, of which Pillow shows what there is and says nothing; or
one that is longer than its rows."""
_GIF_EXPANSION = 4096
"""Pixels that a byte of a GIF can hold: an LZW code of three bits or more is a string of at most 4,096 pixels."""
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
"""Sizes of those that Pillow reads."""


@dataclass(frozen=True)
class Decoded:
    """A decoded file. name: for sentences. pixels: uint8 H x W x 3 RGB, upright: as a person sees the photo.

    format: JPEG, PNG, WEBP, TIFF, BMP, GIF, JPEG2000, AVIF or HEIF. mode: of `samples`, one of MODES.
    orientation: EXIF 1..8 that turns `samples` upright. raw: the file's bytes. samples: as the file holds them, in its
    own (raw) frame. palette: of mode `P`. premultiplied: whether alpha is multiplied in.
    """

    name: str
    pixels: Pixels
    format: str
    mode: str
    orientation: int
    raw: bytes
    samples: Samples
    palette: Palette | None = None
    premultiplied: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in the file's own frame."""
        return self.samples.shape[0], self.samples.shape[1]


def decode(raw: bytes, name: str, megapixels: float = MEGAPIXELS, *, known: bool = False) -> Decoded:
    """Decode an image file's bytes. Raises PhotoError (`corrupt` or `refused`), which names the file.

    megapixels: photos with more are refused before their pixels are decoded. known: these very bytes were decoded
    before, so that they are not read a second time to see whether a JPEG's data are all there.
    """
    if not raw:
        raise PhotoError("corrupt", f"{name}: the file is empty.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd EXIF and large photos are not worth a line each
            return _decode(raw, name, megapixels, known)
    except (PhotoError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise PhotoError(*_unidentified(raw, name)) from None
    except Exception as error:  # decoders raise whatever they like on broken bytes
        kind = _strange_bmp(raw) if raw[:2] == b"BM" else unread_kind(raw, PurePosixPath(name).suffix.lower())
        if kind:
            raise PhotoError("refused", f"{name}: {kind} are not supported; {_CONVERT}.") from None
        raise PhotoError("corrupt", f"{name}: damaged image file ({' '.join(str(error).split())}).") from None


def read_size(raw: bytes) -> tuple[int, int] | None:
    """(width, height) in the file's own frame, as its header says; no pixel is decoded. None for what has no header
    that can be read: `decode` says why."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        if raw[:4] in tiff_samples.HEADERS:
            header = tiff_samples.read_header(raw)
            return header.width, header.height
        if is_heif(raw):
            return heif.read_size(raw) if heif.is_installed() else None
        return open_image(raw).size
    return None


def _decode(raw: bytes, name: str, megapixels: float, known: bool) -> Decoded:
    if raw[:4] in (b"II+\0", b"MM\0+"):
        raise PhotoError("refused", f"{name}: big TIFF files are not supported; {_CONVERT}.")
    if raw[:4] in tiff_samples.HEADERS:
        return _decode_tiff(raw, name, megapixels)
    if is_heif(raw):
        return _decode_heif(raw, name, megapixels)
    image = open_image(raw)
    _refuse_large(image.size, name, megapixels)
    file = _whole_jpeg(raw, name) if image.format in ("JPEG", "MPO") else None
    if image.format == "PNG" and not is_whole(raw):
        raise PhotoError("corrupt", f"{name}: damaged image file (it ends before its picture does).")
    if image.format == "PNG" and not is_sound(raw):
        raise PhotoError("corrupt", f"{name}: damaged image file (its picture data are not what their checksum says).")
    if image.format == "BMP" and raw[:2] == b"BM":
        bmp.read_header(raw)  # Pillow takes run lengths that end early for whole
    if image.format == "WEBP":
        webp.check_size(webp.parse_webp(raw))
    if image.format == "GIF" and math.prod(image.size) > _GIF_EXPANSION * len(raw):
        raise ValueError(f"{image.width} x {image.height} pixels are more than its bytes can hold")
    if image.format not in SUFFIXES and image.format != "MPO":
        raise PhotoError("refused", f"{name}: {image.format} files are not supported; {_CONVERT}.")
    if image.format != "MPO" and pages(image) > 1:
        raise PhotoError("refused", _SEVERAL.format(name))
    mode, samples = _samples(image, raw, name)
    if file is not None and not known:
        jpeg_scans.check_data(file, samples)
    palette, orientation = _palette(image) if mode == "P" else None, _orientation(image)
    return Decoded(
        name=name,
        pixels=_upright(to_pixels(samples, mode, palette), orientation),
        format="JPEG" if image.format == "MPO" else str(image.format),
        mode=mode,
        orientation=orientation,
        raw=raw,
        samples=samples,
        palette=palette,
    )


def _decode_tiff(raw: bytes, name: str, megapixels: float) -> Decoded:
    header = tiff_samples.read_header(raw)
    _refuse_large((header.width, header.height), name, megapixels)
    if header.several:
        raise PhotoError("refused", _SEVERAL.format(name))
    if header.sub_pictures:
        raise PhotoError("refused", f"{name}: the TIFF holds further pictures (raw or reduced ones); {_CONVERT}.")
    image = _opened(raw)
    # Pillow looks for the orientation in XMP, too, and turns the picture upright by itself.
    orientation = header.orientation if image is None else _orientation(image)
    if header.pillows and image is not None:
        tiff_samples.check_jpeg(raw)
        mode, samples = _samples(image, raw, name)
        samples = _turned_back(samples, orientation)
        picture = tiff_samples.TiffPicture(mode, samples, _palette(image) if mode == "P" else None, False)
    else:
        try:
            picture = tiff_samples.read_picture(raw, name)
        except (PhotoError, ValueError):  # refused, or seen to be damaged
            raise
        except Exception as error:
            if image is None or (type(error).__name__ in _DEFLATE_ERRORS and not tiff_samples.deflate_ends(raw)):
                raise
            load(image)  # where Pillow fails, too, the file is damaged
            raise PhotoError(
                "refused", f"{name}: its TIFF layout is odd, and not every decoder reads it; {_CONVERT}."
            ) from None
    if picture.samples.shape[:2] != (header.height, header.width):
        raise PhotoError("corrupt", f"{name}: damaged image file (its picture has another size than its header says).")
    return Decoded(
        name=name,
        pixels=_upright(to_pixels(picture.samples, picture.mode, picture.palette, picture.premultiplied), orientation),
        format="TIFF",
        mode=picture.mode,
        orientation=orientation,
        raw=raw,
        samples=picture.samples,
        palette=picture.palette,
        premultiplied=picture.premultiplied,
    )


def _decode_heif(raw: bytes, name: str, megapixels: float) -> Decoded:
    if not heif.is_installed():
        raise PhotoError("refused", f"{name}: HEIC files need another package: pip install 'person-removal[heic]'.")
    _refuse_large(heif.read_size(raw), name, megapixels)
    picture = heif.read_picture(raw, name)
    return Decoded(
        name=name,
        pixels=to_pixels(picture.samples, picture.mode),
        format="HEIF",
        mode=picture.mode,
        orientation=1,
        raw=raw,
        samples=picture.samples,
    )


def _opened(raw: bytes) -> Image.Image | None:
    """The header by Pillow; None for layouts that it does not know."""
    try:
        return open_image(raw)
    except UnidentifiedImageError:
        return None


def _refuse_large(size: tuple[int, int], name: str, megapixels: float) -> None:
    width, height = size
    if width * height > megapixels * 1e6:
        raise PhotoError(
            "refused",
            f"{name}: {width} x {height} pixels are more than input.megapixels={megapixels:g} allows; raise it if "
            "the memory is there.",
        )


def _whole_jpeg(raw: bytes, name: str) -> JpegFile:
    """The JPEG's segments. Pillow accepts files that end too early, and fills what is missing with gray."""
    file = parse_jpeg(raw)
    if file.frame.process not in _JPEG_PROCESSES:
        raise PhotoError("refused", f"{name}: lossless and hierarchical JPEG files are not supported; {_CONVERT}.")
    jpeg_scans.check_size(file)
    jpeg_scans.check_scans(file)
    return file


def _samples(image: Image.Image, raw: bytes, name: str) -> tuple[str, Samples]:
    depth = _depth(image, raw)
    if depth == 16 and image.format == "PNG":
        return _deep(image, raw)
    # float, 32-bit, 10-bit AVIF ...: Pillow would cut them to 8 bits in silence
    if depth > 8 or image.mode not in MODES:
        raise PhotoError(
            "refused", f"{name}: {image.mode} with {depth} bits a channel is not supported; {_CONVERT} with 8 bits."
        )
    load(image)
    return image.mode, np.asarray(image)


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    return np.ascontiguousarray(upright(pixels, orientation))


def _turned_back(samples: Samples, orientation: int) -> Samples:
    if orientation == 1:
        return samples
    if samples.ndim == 2 or samples.shape[2] == 3:
        return to_raw_frame(samples, orientation)
    return np.dstack([to_raw_frame(samples[..., i], orientation) for i in range(samples.shape[2])])


def _deep(image: Image.Image, raw: bytes) -> tuple[str, Samples]:
    """The samples of a 16-bit PNG, by OpenCV; Pillow keeps 8 bits of them."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # a broken file gets its sentence from us
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(raw, np.uint8), flags)
    if decoded is None or decoded.dtype != np.uint16:
        raise ValueError("its 16-bit picture cannot be read")
    if decoded.ndim == 2:
        return "L;16", decoded
    alpha = image.mode in ("RGBA", "LA", "PA")
    if raw[:4] == b"\x89PNG" and raw[25] in (0, 4):  # gray, which OpenCV spreads over three channels with alpha
        return ("LA;16", decoded[..., [0, 3]]) if raw[25] == 4 else ("L;16", decoded[..., 0])
    order = [2, 1, 0, 3] if alpha and decoded.shape[2] == 4 else [2, 1, 0]
    return ("RGBA;16" if len(order) == 4 else "RGB;16"), decoded[..., order]


def _depth(image: Image.Image, raw: bytes) -> int:
    """Bits a channel."""
    if image.format == "PNG":
        return raw[24]
    if image.format == "JPEG2000":
        place = raw.find(b"\xff\x4f\xff\x51")  # SOC and SIZ, which says the depth (T.800 A.5.1)
        return (raw[place + 42] & 0x7F) + 1 if 0 <= place < len(raw) - 42 else 32
    if image.format == "AVIF":
        return 8 if _avif_is_8_bit(raw) else 10
    return 16 if image.mode.startswith("I;16") else 32 if image.mode in ("I", "F") else 8


def _avif_is_8_bit(raw: bytes) -> bool:
    """By its AV1 configuration record (AV1-ISOBMFF 2.3.3): high_bitdepth is the second bit of its third byte."""
    place = raw.find(b"av1C")
    return 0 <= place < len(raw) - 7 and not raw[place + 6] & 0x40


def _palette(image: Image.Image) -> Palette:
    colours = np.frombuffer(bytes(image.palette.palette) if image.palette else b"", np.uint8)
    channels = len(image.palette.mode) if image.palette else 3
    colours = colours[: len(colours) // channels * channels].reshape(-1, channels)
    out = np.full((max(1, len(colours)), 4), (0, 0, 0, 255), np.uint8)
    out[: len(colours), :channels] = colours
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):
        out[: len(transparency), 3] = np.frombuffer(transparency, np.uint8)[: len(out)]
    elif isinstance(transparency, int) and transparency < len(out):
        out[transparency, 3] = 0
    return out


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF that cannot be read says nothing of the picture, which may be whole
        return 1
    return int(value) if value in range(1, 9) else 1


def _unidentified(raw: bytes, name: str) -> tuple[Literal["corrupt", "refused"], str]:
    if raw[:2] == b"BM" and (kind := _strange_bmp(raw)):
        return "refused", f"{name}: {kind} are not supported; {_CONVERT}."
    if raw[:3] == b"\xff\xd8\xff" and (kind := _strange_jpeg(raw)):
        return "refused", f"{name}: {kind} are not supported; {_CONVERT} with 8 bits."
    if raw[4:12] in (b"ftypavif", b"ftypavis") and not features.check("avif"):
        return "refused", f"{name}: this build of Pillow reads no AVIF; install a current one: pip install -U pillow."
    if kind := unread_kind(raw, PurePosixPath(name).suffix.lower()):
        return "refused", f"{name}: {kind} are not supported; {_CONVERT}."
    return "corrupt", f"{name}: not an image that can be read."


def _strange_jpeg(raw: bytes) -> str | None:
    """What a whole JPEG is that Pillow does not open; None for a damaged one."""
    try:
        frame = parse_jpeg(raw).frame
    except JpegStructureError:
        return None
    if frame.precision != 8:
        return f"JPEG files with {frame.precision} bits a channel"
    if len(frame.components) not in (1, 3, 4):
        return f"JPEG files with {len(frame.components)} colour planes"
    return None if frame.process in _JPEG_PROCESSES else "lossless and hierarchical JPEG files"


def _strange_bmp(raw: bytes) -> str | None:
    """What a BMP is that Pillow does not read although all of it is there; None for a damaged one."""
    try:
        header = bmp.read_header(raw)
    except ValueError:
        return None
    if header.compression in (0, 1, 2) and header.bits in (1, 4, 8, 24, 32) and header.size in _BMP_HEADERS:
        return None
    return f"BMP files of this layout ({header.bits} bits a pixel, method {header.compression})"
