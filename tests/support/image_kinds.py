"""Small image files of every kind, made here: by Pillow and OpenCV, and by hand where neither writes them."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pillow_heif
import tifffile
from PIL import Image

SIZE = (45, 29)
"""Width and height: no multiple of any block."""


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """A smooth coloured picture with some grain."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 216, (max(1, size[1] // 8), max(1, size[0] // 8), 3), np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.int16)
    image = Image.fromarray(np.clip(smooth + rng.integers(-4, 5, smooth.shape), 0, 255).astype(np.uint8))
    if mode in ("RGBA", "LA"):
        image = image.convert(mode[:-1])
        image.putalpha(Image.linear_gradient("L").resize(size))
        return image
    if mode == "P":
        return image.quantize(32)
    return image.convert(mode)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format=format_, **options)
    return out.getvalue()


def deep(channels: int, size: tuple[int, int] = SIZE) -> np.ndarray[Any, np.dtype[np.uint16]]:
    """uint16 H x W (x channels), with low bytes that 8 bits would lose."""
    shape = (size[1], size[0]) if channels == 1 else (size[1], size[0], channels)
    return np.random.default_rng(1).integers(0, 1 << 16, shape, np.uint16)


def by_opencv(extension: str, array: np.ndarray[Any, Any], *options: int) -> bytes:
    done, data = cv2.imencode(extension, array, list(options))
    assert done
    return bytes(data.tobytes())


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows: bytes, depth: int, colour: int, size: tuple[int, int], *extra: bytes, interlace: int = 0) -> bytes:
    """A PNG from filtered rows. colour: 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlace)
    body = png_chunk(b"IHDR", header) + b"".join(extra) + png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


def unfiltered(rows: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """uint8 H x bytes behind filter 0."""
    return np.insert(rows, 0, 0, axis=1).tobytes()


def gray_alpha_16() -> bytes:
    samples = deep(2).astype(">u2")
    return png(unfiltered(samples.reshape(SIZE[1], -1).view(np.uint8)), 16, 4, SIZE)


def interlaced() -> bytes:
    """An Adam7 PNG of 8-bit gray."""
    gray = np.asarray(picture("L"))
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(unfiltered(gray[y::dy, x::dx]) for y, x, dy, dx in passes)
    return png(rows, 8, 0, SIZE, interlace=1)


def with_jpeg_segment(raw: bytes, marker: int, data: bytes) -> bytes:
    return raw[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data + raw[2:]


def bmp(
    bits: int,
    size: int = 40,
    masks: tuple[int, ...] = (),
    top_down: bool = False,
    colours: int = 0,
    compression: int | None = None,
    data: bytes | None = None,
) -> bytes:
    """A BMP of random pixels. size: of its header. masks: red, green, blue and alpha in a pixel."""
    rng = np.random.default_rng(2)
    width, height = SIZE
    if data is None:
        data = rng.integers(0, 256, ((width * bits + 31) // 32 * 4) * height, np.uint8).tobytes()
    palette = np.zeros((colours, 3 if size == 12 else 4), np.uint8)
    palette[:, :3] = rng.integers(0, 256, (colours, 3))
    method = compression if compression is not None else 3 if masks else 0
    fields = (width, -height if top_down else height, 1, bits, method, len(data), 2835, 2835, colours, 0)
    head = (
        struct.pack("<IHHHH", 12, width, height, 1, bits) if size == 12 else struct.pack("<IiiHHIIiiII", size, *fields)
    )
    head = (head + b"".join(struct.pack("<I", mask) for mask in masks)).ljust(size, b"\0")
    start = 14 + len(head) + palette.size
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + head + palette.tobytes() + data


def bmp_run_lengths() -> bytes:
    rows = np.random.default_rng(3).integers(0, 200, (SIZE[1], SIZE[0]), np.uint8)
    runs = b"".join(b"".join(bytes((1, value)) for value in row) + b"\0\0" for row in rows.tolist())
    return bmp(8, colours=200, compression=1, data=runs + b"\0\1")


def heic(image: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, format="HEIF", **{"quality": 90, **options})
    return out.getvalue()


@dataclass(frozen=True)
class Kind:
    """raw: a file. keeps: `blocks` (JPEG), `samples` (lossless) or `look` (encoded anew, near to it). note: that the
    manifest carries for every such file. words: for the table in docs/image-files.md."""

    raw: bytes
    keeps: str
    note: str = ""
    words: str = ""
    mode: str = field(default="")


def _gray_4_bit() -> bytes:
    values = np.arange(SIZE[1] * (SIZE[0] + 1)).reshape(SIZE[1], -1) % 16
    return png(unfiltered((values[:, ::2] << 4 | values[:, 1::2]).astype(np.uint8)), 4, 0, SIZE)


def _jpeg(mode: str = "RGB", **options: Any) -> bytes:
    return saved(picture(mode), "JPEG", **{"quality": 90, **options})


def _sampled(luma: int) -> bytes:
    """A JPEG of another sampling than Pillow writes; luma: OpenCV's code."""
    bgr = np.asarray(picture())[..., ::-1]
    return by_opencv(".jpg", bgr, cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, luma)


def tiff(channels: int, bits: int = 16, bigtiff: bool = False, **options: Any) -> bytes:
    """A TIFF of random samples by tifffile. channels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA."""
    samples = deep(channels) if bits == 16 else (deep(channels) >> 8).astype(np.uint8)
    if options.get("planarconfig") == "separate":
        samples = np.moveaxis(samples, 2, 0)
    options.setdefault("photometric", "rgb" if channels > 2 else "minisblack")
    if channels in (2, 4):
        options.setdefault("extrasamples", ["unassalpha"])
    if channels == 2:
        options.setdefault("planarconfig", "contig")
    return by_tifffile(samples, bigtiff=bigtiff, **options)


def by_tifffile(samples: np.ndarray[Any, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, samples, metadata=None, **options)
    return out.getvalue()


def tiff_premultiplied(bits: int) -> bytes:
    samples = deep(4) if bits == 16 else (deep(4) >> 8).astype(np.uint8)
    samples[..., :3] = np.minimum(samples[..., :3], samples[..., 3:])
    out = io.BytesIO()
    tifffile.imwrite(out, samples, metadata=None, photometric="rgb", extrasamples=["assocalpha"])
    return out.getvalue()


def _tiff(mode: str, **options: Any) -> bytes:
    return saved(picture(mode), "TIFF", **options)


KINDS = {
    "JPEG 4:4:4": Kind(_jpeg(subsampling=0), "blocks"),
    "JPEG 4:2:2": Kind(_jpeg(subsampling=1), "blocks"),
    "JPEG 4:2:0": Kind(_jpeg(subsampling=2), "blocks"),
    "JPEG 4:4:0": Kind(_sampled(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440), "blocks"),
    "JPEG 4:1:1": Kind(_sampled(cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411), "blocks"),
    "JPEG gray": Kind(_jpeg("L"), "blocks"),
    "JPEG progressive": Kind(_jpeg(progressive=True), "blocks"),
    "JPEG optimised": Kind(_jpeg(optimize=True), "blocks"),
    "JPEG RGB": Kind(_jpeg(keep_rgb=True), "blocks"),
    "JPEG with restart markers": Kind(_jpeg(restart_marker_blocks=2), "blocks", "restart markers dropped"),
    "JPEG CMYK": Kind(_jpeg("CMYK"), "look", "re-encoded with the file's own tables: it has 4 colour planes (CMYK)"),
    "PNG RGB": Kind(saved(picture(), "PNG"), "samples"),
    "PNG RGBA": Kind(saved(picture("RGBA"), "PNG"), "samples"),
    "PNG gray": Kind(saved(picture("L"), "PNG"), "samples"),
    "PNG gray and alpha": Kind(saved(picture("LA"), "PNG"), "samples"),
    "PNG 1 bit": Kind(saved(picture("1"), "PNG"), "samples"),
    "PNG gray 4 bits": Kind(_gray_4_bit(), "samples"),
    "PNG palette": Kind(saved(picture("P"), "PNG"), "samples"),
    "PNG palette, transparent": Kind(saved(picture("P"), "PNG", transparency=bytes([0, 128, *[255] * 30])), "samples"),
    "PNG gray, interlaced": Kind(interlaced(), "samples", "written without interlacing"),
    "PNG gray 16 bits": Kind(by_opencv(".png", deep(1)), "samples"),
    "PNG gray and alpha 16 bits": Kind(gray_alpha_16(), "samples"),
    "PNG RGB 16 bits": Kind(by_opencv(".png", deep(3)), "samples"),
    "PNG RGBA 16 bits": Kind(by_opencv(".png", deep(4)), "samples"),
    "WebP lossless": Kind(saved(picture(), "WEBP", lossless=True), "samples"),
    "WebP lossless, alpha": Kind(saved(picture("RGBA"), "WEBP", lossless=True, exact=True), "samples"),
    "WebP lossy": Kind(saved(picture(), "WEBP", quality=80), "look", "re-encoded: lossy WebP with quality"),
    "WebP lossy, alpha": Kind(saved(picture("RGBA"), "WEBP", quality=80), "look", "re-encoded: lossy WebP"),
    "TIFF RGB": Kind(_tiff("RGB"), "samples"),
    "TIFF gray": Kind(_tiff("L"), "samples"),
    "TIFF 1 bit": Kind(_tiff("1"), "samples"),
    "TIFF palette": Kind(_tiff("P"), "samples"),
    "TIFF RGBA": Kind(_tiff("RGBA"), "samples"),
    "TIFF CMYK": Kind(_tiff("CMYK"), "samples"),
    "TIFF LZW": Kind(_tiff("RGB", compression="tiff_lzw"), "samples", "compressed with Deflate instead of LZW"),
    "TIFF Deflate": Kind(_tiff("RGB", compression="tiff_adobe_deflate"), "samples"),
    "TIFF gray, PackBits": Kind(_tiff("L", compression="packbits"), "samples", "compressed with Deflate"),
    "TIFF JPEG": Kind(_tiff("RGB", compression="jpeg"), "samples", "compressed with Deflate instead of JPEG"),
    "TIFF gray 16 bits": Kind(saved(Image.fromarray(deep(1)), "TIFF"), "samples"),
    "TIFF RGB 16 bits": Kind(by_opencv(".tiff", deep(3), cv2.IMWRITE_TIFF_COMPRESSION, 1), "samples"),
    "TIFF RGB 16 bits, Deflate": Kind(by_opencv(".tiff", deep(3), cv2.IMWRITE_TIFF_COMPRESSION, 8), "samples"),
    "TIFF RGBA 16 bits": Kind(by_opencv(".tiff", deep(4)), "samples", "compressed with Deflate instead of LZW"),
    "TIFF RGB 16 bits, planes": Kind(tiff(3, planarconfig="separate"), "samples"),
    "TIFF RGB 16 bits, planes, big-endian": Kind(tiff(3, planarconfig="separate", byteorder=">"), "samples"),
    "TIFF RGB 16 bits, planes in tiles": Kind(tiff(3, planarconfig="separate", tile=(16, 16)), "samples"),
    "TIFF RGB 16 bits, planes, Deflate": Kind(tiff(3, planarconfig="separate", compression="zlib"), "samples"),
    "TIFF RGB 16 bits, LZW, predictor": Kind(
        tiff(3, compression="lzw", predictor=True, rowsperstrip=5), "samples", "compressed with Deflate instead of LZW"
    ),
    "TIFF RGBA 16 bits, planes": Kind(tiff(4, planarconfig="separate"), "samples"),
    "TIFF RGB, planes": Kind(tiff(3, 8, planarconfig="separate"), "samples"),
    "TIFF RGB, tiles, big-endian": Kind(tiff(3, 8, tile=(16, 32), byteorder=">"), "samples"),
    "TIFF gray and alpha": Kind(tiff(2, 8), "samples"),
    "TIFF gray and alpha 16 bits": Kind(tiff(2), "samples"),
    "TIFF RGBA, premultiplied": Kind(tiff_premultiplied(8), "samples"),
    "TIFF RGBA 16 bits, premultiplied": Kind(tiff_premultiplied(16), "samples"),
    "TIFF RGB and a fourth channel": Kind(tiff(4, 8, extrasamples=["unspecified"]), "samples"),
    "TIFF gray 16 bits, white is 0": Kind(tiff(1, photometric="miniswhite", rowsperstrip=7), "samples"),
    "TIFF JPEG, YCbCr": Kind(tiff(3, 8, photometric="ycbcr", compression="jpeg"), "samples", "instead of JPEG"),
    "TIFF JPEG in tiles": Kind(tiff(3, 8, tile=(32, 32), compression="jpeg"), "samples", "instead of JPEG"),
    "TIFF gray JPEG": Kind(tiff(1, 8, compression="jpeg"), "samples", "instead of JPEG"),
    "TIFF RGB, Zstandard": Kind(
        tiff(3, 8, compression="zstd"), "samples", "compressed with Deflate instead of Zstandard"
    ),
    "BMP RGB": Kind(saved(picture(), "BMP"), "samples"),
    "BMP palette": Kind(saved(picture("P"), "BMP"), "samples"),
    "BMP gray": Kind(saved(picture("L"), "BMP"), "samples"),
    "BMP 1 bit": Kind(saved(picture("1"), "BMP"), "samples"),
    "BMP palette, 4 bits": Kind(bmp(4, colours=16), "samples"),
    "BMP palette, run lengths": Kind(bmp_run_lengths(), "samples", "written without run lengths"),
    "BMP 16 bits": Kind(bmp(16), "samples"),
    "BMP 16 bits, 5-6-5": Kind(bmp(16, masks=(0xF800, 0x7E0, 0x1F)), "samples"),
    "BMP 32 bits": Kind(bmp(32), "samples"),
    "BMP 32 bits, top-down": Kind(bmp(32, top_down=True), "samples"),
    "BMP 32 bits, alpha (V4)": Kind(bmp(32, size=108, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)), "samples"),
    "BMP 32 bits, alpha (V5)": Kind(bmp(32, size=124, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000)), "samples"),
    "BMP RGB, OS/2": Kind(bmp(24, size=12), "samples"),
    "GIF": Kind(saved(picture("P"), "GIF"), "samples"),
    "GIF, transparent": Kind(saved(picture("P"), "GIF", transparency=3), "samples"),
    "JPEG 2000, reversible": Kind(saved(picture(), "JPEG2000"), "samples", "written losslessly"),
    "JPEG 2000, lossy": Kind(
        saved(picture(), "JPEG2000", irreversible=True, quality_layers=[20]), "samples", "written losslessly"
    ),
    "JPEG 2000 gray, bare codestream": Kind(saved(picture("L"), "JPEG2000", no_jp2=True), "samples", "written"),
    "AVIF": Kind(saved(picture(), "AVIF", quality=90), "look", "re-encoded: AVIF with quality 90"),
    "AVIF, alpha": Kind(saved(picture("RGBA"), "AVIF", quality=90), "look", "re-encoded: AVIF with quality 90"),
    "HEIC": Kind(heic(picture()), "look", "re-encoded: HEIC with quality 90"),
    "HEIC, alpha": Kind(heic(picture("RGBA")), "look", "re-encoded: HEIC with quality 90"),
    "HEIC gray": Kind(heic(picture("L")), "look", "re-encoded: HEIC with quality 90"),
}
"""By the name that docs/image-files.md gives them."""
