"""The original file with other pixels in the hole: same format, mode, size and metadata."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, JpegImagePlugin

from data.images import heif
from data.images.containers import png, webp
from data.images.containers.isobmff import picture_only
from data.images.containers.jpeg import APP14, JpegFile, parse_jpeg
from data.images.containers.tiff import Tiff
from data.images.decode import Decoded, decode
from data.images.metadata import allowed, avif, removal
from data.images.orientation import to_raw_frame
from data.images.pillow import open_image
from data.images.samples import Samples, with_fill
from data.images.second_decoder import agrees
from data.images.writers import bmp, jp2, tiff_bare, tiff_picture
from data.images.writers.jpeg_blocks import CannotEdit, edit_blocks, rewritten
from data.types import Hole, PhotoError, Pixels

AVIF_QUALITY = 90
"""AVIF says nowhere with which quality it was written."""
_DAMAGED = "its structure is odd or damaged, so that it cannot be written back; save it anew with an image editor"
_HEIF_NEAR = 8.0
"""Mean difference, of 255 steps, of a picture that was encoded once more."""
_UNCERTAIN = "two decoders read its picture differently; save it anew with an image editor"


@dataclass(frozen=True)
class Encoded:
    """raw: the file's bytes. notes: every way in which it departs from the original, beyond the hole."""

    raw: bytes
    notes: tuple[str, ...] = ()


def encode(original: Decoded, pixels: Pixels, hole: Hole, *, scrub: bool = False) -> Encoded:
    """The original file with `pixels` where the hole is; what its metadata still shows of the people is dropped.

    pixels: uint8 H x W x 3 RGB. hole: uint8 H x W, 255 where the pixels are new; both upright. Outside the hole
    JPEG keeps its quantised coefficients, and lossless kinds their samples; the docs (image-files.md) say what each
    kind keeps. scrub: of the metadata only what `metadata.allowed` names. An empty hole without `scrub` is the
    original, byte for byte. What was written is read back before it is returned. Raises PhotoError.
    """
    assert pixels.shape == original.pixels.shape and hole.shape == pixels.shape[:2], "the output has the input's size"
    if not hole.any():
        return scrubbed(original) if scrub else Encoded(original.raw)
    pixels, hole = (to_raw_frame(array, original.orientation) for array in (pixels, hole))
    samples = with_fill(original.samples, original.mode, pixels, hole, original.palette, original.premultiplied)
    if original.format == "PNG":
        samples = png.representable(samples, original.raw)
        samples = png.keep_transparency(samples, original.samples, hole, original.raw)
    elif original.format == "BMP":
        samples = bmp.representable(samples, original.raw)
    return _written(original, samples, hole, scrub)


def scrubbed(original: Decoded) -> Encoded:
    """The file with every pixel as it was, and of its metadata only what `data.images.metadata.allowed` names."""
    hole = np.zeros(original.samples.shape[:2], np.uint8)
    return _written(original, original.samples, hole, True)


def _written(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    if agrees(original) is False:
        raise PhotoError("refused", f"{original.name}: {_UNCERTAIN}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            encoded = _WRITERS[original.format](original, samples, hole, scrub)
        again = decode(encoded.raw, "the result", math.inf)
        faithful = _is_faithful(again, original, samples, bool(hole.any())) and agrees(again) is not False
    except (PhotoError, MemoryError, OSError) as error:
        if isinstance(error, PhotoError):
            raise PhotoError("refused", f"{original.name}: {_DAMAGED}") from error
        raise
    except Exception as error:  # decoders look away from much that writers cannot
        raise PhotoError("refused", f"{original.name}: {_DAMAGED}") from error
    if not faithful:
        raise PhotoError("refused", f"{original.name}: {_DAMAGED}")
    return encoded


def _is_faithful(again: Decoded, original: Decoded, samples: Samples, filled: bool) -> bool:
    """Whether what was written reads as what was meant: the samples of lossless kinds, the kind and size of others."""
    meant = original.mode
    if again.mode == "RGB" and meant == "RGBA" and (samples[..., 3] == 255).all():
        meant, samples = "RGB", samples[..., :3]  # WebP leaves out an alpha that says nothing
    if (again.format, again.mode, again.samples.shape) != (original.format, meant, samples.shape):
        return False
    if again.orientation != original.orientation and original.format not in ("GIF", "AVIF"):
        # These two have it from XMP at most, which their viewers do not ask.
        return False
    if original.format == "HEIF":  # scrubbed ones are encoded anew, too
        return bool(np.abs(again.samples.astype(np.int16) - samples).mean() < _HEIF_NEAR)
    lossy = original.format in ("JPEG", "AVIF") or (
        original.format == "WEBP" and webp.lossy_quality(webp.parse_webp(original.raw)) is not None
    )
    return (lossy and filled) or bool(np.array_equal(again.samples, samples))


# ---------------------------------------------------------------- kinds that keep everything outside the hole


def _jpeg(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    file = parse_jpeg(original.raw)
    kept, gone = allowed.jpeg(file, original.orientation) if scrub else removal.jpeg(file)
    notes = _dropped(gone)
    if not hole.any() and not scrub:
        return Encoded(kept.to_bytes(), notes)
    head = kept.metadata
    try:
        # With `scrub` an untouched picture is coded anew from its coefficients: nothing hides between its codes.
        body = parse_jpeg(edit_blocks(original.raw, samples, hole) if hole.any() else rewritten(original.raw))
    except CannotEdit as error:
        if not hole.any():
            return Encoded(kept.to_bytes(), notes)
        body = parse_jpeg(_jpeg_anew(original, samples))
        notes = (f"re-encoded with the file's own tables: {error}", *notes)
        # What the colours are is Pillow's word now, the other metadata are the file's.
        head = tuple(s for s in head if s.marker != APP14) + tuple(s for s in body.metadata if s.marker == APP14)
    if file.restarts:
        notes = (*notes, "restart markers dropped")
    return Encoded(JpegFile(head + tuple(s for s in body.segments if not s.is_metadata), b"").to_bytes(), notes)


def _jpeg_anew(original: Decoded, samples: Samples) -> bytes:
    source = open_image(original.raw)
    options: dict[str, object] = {"qtables": source.quantization}  # type: ignore[attr-defined]
    sampling = JpegImagePlugin.get_sampling(source)
    if sampling >= 0:
        options["subsampling"] = sampling
    options["progressive"] = bool(source.info.get("progressive"))
    options["keep_rgb"] = original.mode == "RGB" and parse_jpeg(original.raw).colour_transform == 0
    return _pillow(Image.fromarray(samples, original.mode), "JPEG", options)


def _png(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    chunks = png.parse_png(original.raw)
    kept, gone = allowed.png(chunks, original.orientation) if scrub else removal.png(chunks)
    notes = _dropped(gone)
    if hole.any() or (scrub and not png.is_exact(chunks)):
        if png.is_interlaced(kept):
            notes = (*notes, "written without interlacing")
        kept = png.with_samples(kept, samples)
    return Encoded(png.join_png(kept), notes)


def _tiff(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    tiff = Tiff(original.raw)
    gone = removal.tiff(tiff)
    raw, more = bytes(tiff.data), list[str]()
    if hole.any() or scrub:
        raw, more = tiff_picture.replace_picture(raw, samples)
    if scrub:
        raw, words = tiff_bare.bare(raw, original.orientation)
        gone = allowed.once([*gone, *words])
    return Encoded(raw, (*_dropped(gone), *more))


def _bmp(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    notes = ("written without run lengths",) if bmp.read_header(original.raw).is_run_length else ()
    raw = bmp.replace_pixels(original.raw, samples, hole)
    return Encoded(bmp.bare(raw) if scrub else raw, notes)


# ---------------------------------------------------------------- kinds that Pillow writes anew


def _gif(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    source = open_image(original.raw)
    keep = ("transparency", "background", "duration")
    options: dict[str, object] = {str(key): value for key, value in source.info.items() if key in keep}
    gone = []
    if comment := source.info.get("comment"):
        if scrub:
            gone.append("comment")
        else:
            options["comment"] = comment
    return Encoded(_pillow(_image(original, samples), "GIF", {**options, "optimize": False}), _dropped(gone))


def _webp(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    chunks = webp.parse_webp(original.raw)
    kept, gone = allowed.webp(chunks, original.orientation) if scrub else removal.webp(chunks)
    notes = _dropped(gone)
    quality = webp.lossy_quality(chunks)
    if not hole.any():
        kept = webp.with_flags(kept)
        if scrub:
            kept = webp.without_tails(kept, lambda raw: _reads_alike(raw, original))
        return Encoded(webp.join_webp(kept), notes)
    if quality is None:
        options: dict[str, object] = {"lossless": True}
    else:
        options = {"quality": quality, "alpha_quality": 100}
        notes = (f"re-encoded: lossy WebP with quality {quality}, as the original seems to have", *notes)
    for name, option in ((b"ICCP", "icc_profile"), (b"EXIF", "exif"), (b"XMP ", "xmp")):
        if data := dict(kept).get(name):
            options[option] = data
    return Encoded(_pillow(_image(original, samples), "WEBP", {**options, "exact": True, "method": 4}), notes)


def _reads_alike(raw: bytes, original: Decoded) -> bool:
    try:
        return bool(np.array_equal(decode(raw, "the result", math.inf).samples, original.samples))
    except PhotoError:
        return False


def _jpeg2000(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    # Never the old codestream: it holds comments, and what else its writer left in it.
    code = _pillow(_image(original, samples), "JPEG2000", {"irreversible": False, "no_jp2": True})
    raw, gone = jp2.bare(original.raw, code) if scrub else jp2.with_codestream(original.raw, code)
    return Encoded(raw, ("written losslessly, so that no pixel outside the hole changes", *_dropped(gone)))


def _avif(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    clean, gone = avif.without_people(original.raw)
    if scrub:
        clean, gone = picture_only(clean), ["all but the picture"]
    if not hole.any():
        return Encoded(clean, _dropped(gone))
    source = open_image(clean)
    options: dict[str, object] = {"quality": AVIF_QUALITY, "subsampling": "4:4:4", "max_threads": 1, "speed": 6}
    options |= {key: source.info[key] for key in ("icc_profile", "exif", "xmp") if source.info.get(key)}
    notes = (f"re-encoded: AVIF with quality {AVIF_QUALITY}, 4:4:4", *_dropped(gone))
    return Encoded(_pillow(_image(original, samples), "AVIF", options), notes)


def _heif(original: Decoded, samples: Samples, hole: Hole, scrub: bool) -> Encoded:
    raw, gone = heif.with_picture(original.raw, original.mode, samples, scrub)
    return Encoded(raw, (f"re-encoded: HEIC with quality {heif.QUALITY}", *_dropped(gone)))


def _image(original: Decoded, samples: Samples) -> Image.Image:
    image = Image.fromarray(samples)
    if original.palette is not None:
        image.putpalette(original.palette[:, :3].tobytes())
    return image


def _pillow(image: Image.Image, format_: str, options: dict[str, object]) -> bytes:
    out = io.BytesIO()
    try:
        image.save(out, format=format_, **options)
    except OSError as error:  # nothing that a retry mends: it writes to memory
        raise ValueError(str(error)) from None
    return out.getvalue()


def _dropped(gone: list[str]) -> tuple[str, ...]:
    return (f"dropped: {', '.join(gone)}",) if gone else ()


_WRITERS: dict[str, Callable[[Decoded, Samples, Hole, bool], Encoded]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "TIFF": _tiff,
    "BMP": _bmp,
    "GIF": _gif,
    "WEBP": _webp,
    "JPEG2000": _jpeg2000,
    "AVIF": _avif,
    "HEIF": _heif,
}
