"""Image files in and out: decoded once, written back in the format, mode and with the metadata they had."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError

from data.places import read_bytes
from data.types import PhotoError, Pixels

FORMATS = {"JPEG", "MPO", "PNG", "WEBP", "TIFF"}
MODES = {"RGB", "L"}
EXTENSIONS = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff"),
    # found, and refused by name rather than passed over in silence
    *(".bmp", ".gif", ".heic", ".heif", ".avif", ".jp2", ".jxl"),
}
_ORIENTATION = 0x0112
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class Decoded:
    """A decoded file. pixels: uint8 H x W x 3 RGB in the file's own (raw) frame.

    orientation: EXIF 1..8, not applied to `pixels`. raw: the file's bytes.
    """

    pixels: Pixels
    format: str
    mode: str
    orientation: int
    raw: bytes


def decode(raw: bytes, name: str) -> Decoded:
    """Decode an image file's bytes. Raises PhotoError (`corrupt` or `refused`), which names the file."""
    if not raw:
        raise PhotoError("corrupt", f"{name}: the file is empty.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd EXIF and large photos are not worth a line each
            image = Image.open(io.BytesIO(raw))
            _refuse_unsupported(image, raw, name)
            orientation = _orientation(image)
            image.load()
    except (PhotoError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise PhotoError("corrupt", f"{name}: not an image that can be read.") from None
    except Image.DecompressionBombError:
        raise PhotoError("refused", f"{name}: too many pixels for one photo.") from None
    except Exception as error:  # decoders raise whatever they like on broken bytes
        raise PhotoError("corrupt", f"{name}: damaged image file ({' '.join(str(error).split())}).") from None
    pixels = np.asarray(image.convert("RGB"))
    if image.format == "TIFF":  # the one format that Pillow turns upright by itself
        pixels = to_raw_frame(pixels, orientation)
    return Decoded(
        pixels=pixels,
        format="JPEG" if image.format == "MPO" else str(image.format),
        mode=image.mode,
        orientation=orientation,
        raw=raw,
    )


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(_ORIENTATION, 1)
    return int(value) if value in range(1, 9) else 1


def _refuse_unsupported(image: Image.Image, raw: bytes, name: str) -> None:
    if image.format not in FORMATS:
        raise PhotoError("refused", f"{name}: {image.format} files are not supported; convert it to PNG or JPEG.")
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise PhotoError("refused", f"{name}: animated and multi-page files are not supported.")
    depth = raw[24] if image.format == "PNG" else max(_bits(image))
    if image.mode not in MODES or depth > 8:
        raise PhotoError(
            "refused",
            f"{name}: {image.mode} with {depth} bits a channel is not supported; convert it to 8-bit RGB or grayscale.",
        )


def _bits(image: Image.Image) -> tuple[int, ...]:
    tags = getattr(image, "tag_v2", {})
    return tuple(tags.get(258, (8,))) if image.format == "TIFF" else (8,)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """The array as a person sees it: EXIF orientation (1..8) applied. H x W or H x W x 3."""
    return _transpose(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def to_raw_frame(pixels: Pixels, orientation: int) -> Pixels:
    """Inverse of `upright`."""
    return _transpose(pixels, orientation)


def _transpose(pixels: Pixels, orientation: int) -> Pixels:
    method = _UNDO.get(orientation)
    if method is None:
        return pixels
    return np.asarray(Image.fromarray(pixels).transpose(method))


def encode(original: Decoded, pixels: Pixels) -> bytes:
    """The original file with other pixels: same format, mode, size, metadata; embedded previews are dropped,
    because they still show the people.

    pixels: uint8 H x W x 3 RGB in the raw frame. JPEG is encoded with the file's own tables and sampling;
    PNG, TIFF and lossless WebP keep every pixel.
    """
    assert pixels.shape == original.pixels.shape, "the output has the input's size"
    source = Image.open(io.BytesIO(original.raw))
    image = Image.fromarray(pixels).convert(original.mode)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.save(out, format=original.format, **_save_options(source, original))
    return out.getvalue()


def _save_options(source: Image.Image, original: Decoded) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key in ("icc_profile", "dpi", "xmp"):
        if source.info.get(key):
            options[key] = source.info[key]
    if original.format == "TIFF":
        options["tiffinfo"] = source.tag_v2  # type: ignore[attr-defined]
        options["compression"] = source.info.get("compression")
        return options
    exif = source.getexif()
    if exif:
        options["exif"] = exif.tobytes()  # rewritten without the thumbnail's directory (IFD1)
    if original.format == "JPEG":
        options["qtables"] = source.quantization  # type: ignore[attr-defined]
        sampling = JpegImagePlugin.get_sampling(source)
        if sampling >= 0:
            options["subsampling"] = sampling
        options["progressive"] = bool(source.info.get("progressive"))
        if source.info.get("comment"):
            options["comment"] = source.info["comment"]
    elif original.format == "PNG":
        options["pnginfo"] = _text_chunks(source)
        if "transparency" in source.info:
            options["transparency"] = source.info["transparency"]
    elif original.format == "WEBP":
        lossless = b"VP8L" in original.raw[:64]
        options |= {"lossless": True, "exact": True} if lossless else {"quality": 95}
    return options


def _text_chunks(source: Image.Image) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    for key, value in getattr(source, "text", {}).items():
        if isinstance(value, PngImagePlugin.iTXt):
            chunks.add_itxt(key, str(value), value.lang or "", value.tkey or "")
        else:
            chunks.add_text(key, value)
    return chunks


def read_photo_bytes(path: Path, name: str) -> bytes:
    """The file's bytes. Raises PhotoError `failed` when it is gone; other I/O errors pass through (they may pass)."""
    try:
        return read_bytes(path)
    except FileNotFoundError:
        raise PhotoError("failed", f"{name}: the file is not there.") from None
    except PermissionError:
        raise PhotoError("failed", f"{name}: no permission to read the file.") from None


def mask_png(hole: Pixels) -> bytes:
    """A hole (uint8 H x W, 0 or 255) as PNG."""
    out = io.BytesIO()
    Image.fromarray(hole).save(out, format="PNG")
    return out.getvalue()


__all__ = [
    "EXTENSIONS",
    "Decoded",
    "decode",
    "encode",
    "mask_png",
    "read_photo_bytes",
    "to_raw_frame",
    "upright",
]
