"""Which files may be photos, by their names and by their first bytes. What is taken and cannot be read is refused by
name; nothing that may be a photo is passed over in silence."""

from __future__ import annotations

import re
import struct

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".jps", ".mpo", ".insp"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif", ".heics", ".heifs"),
}
"""How the names of each format's files end, the usual one first."""
_RAW = """
    .3fr .ari .arw .bay .cap .cr2 .cr3 .crw .dcr .dcs .dng .drf .eip .erf .fff .gpr .iiq .k25 .kdc .mdc .mef .mos .mrw
    .nef .nrw .orf .pef .ptx .pxn .r3d .raf .raw .rw2 .rwl .rwz .sr2 .srf .srw .x3f
"""
RAW = tuple(_RAW.split())
"""Sensor data of cameras."""
_OTHERS = (
    *(".jxl", ".jpm", ".jxr", ".wdp", ".hdp", ".bpg", ".flif", ".psd", ".psb", ".xcf", ".tga", ".exr", ".hdr"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm", ".pcx", ".wbmp", ".ras", ".sgi", ".dds"),
)
EXTENSIONS = {*(suffix for suffixes in SUFFIXES.values() for suffix in suffixes), *RAW, *_OTHERS}
"""Endings of photos' names, small letters: of those that can be read, and of those that are refused by name."""
HEAD = 32
"""Bytes that `is_picture` looks at."""

_TIFF_STARTS = (b"II*\0", b"MM\0*")
_STARTS = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", *_TIFF_STARTS, b"II+\0", b"MM\0+", b"GIF87a", b"GIF89a"),
    *(
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\xff\x4f\xff\x51",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"8BPS\0",
        b"gimp xcf",
        b"II\xbc\1",
    ),
    *(b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"#?RADIANCE", b"v/1\1", b"BPG\xfb"),
)
_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
_NETPBM = re.compile(rb"P[1-7]\s+(#|\d|WIDTH)")


def is_picture(head: bytes) -> bool:
    """Whether a file that starts so holds a still picture, whatever its name. head: its first HEAD bytes."""
    if head.startswith(_STARTS) or _NETPBM.match(head):
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] in _HEIF_BRANDS | {b"avif", b"avis", b"crx "}
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    return head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS


def is_heif(raw: bytes) -> bool:
    """Whether it is HEIF with HEVC pictures (HEIC), by its brands (ISO/IEC 23008-12, annex B); AVIF is not."""
    if raw[4:8] != b"ftyp":
        return False
    end = min(struct.unpack_from(">I", raw)[0], 256)
    brands = {raw[8:12], *(raw[i : i + 4] for i in range(16, end, 4))}
    return raw[8:12] in _HEIF_BRANDS and not brands & {b"avif", b"avis"}


def unread_kind(raw: bytes, suffix: str) -> str | None:
    """The kind of a file that nothing here reads, as the beginning of a sentence; None where none is known."""
    if raw.startswith(_RAW_STARTS) or raw[4:12] == b"ftypcrx " or raw[6:14] == b"HEAPCCDR":
        return "Raw files of cameras"
    if raw[:4] == b"\xff\xd8\xff\xf7":
        return "JPEG-LS files"
    if raw[:2] == b"\xff\x0a" or raw.startswith(b"\0\0\0\x0cJXL \r\n\x87\n"):
        return "JPEG XL files"
    for start, kind in (
        *((b"8BPS", "Photoshop files"), (b"gimp xcf", "GIMP files"), (b"II\xbc\1", "JPEG XR files")),
        *((b"#?RADIANCE", "Radiance files"), (b"v/1\1", "OpenEXR files"), (b"BPG\xfb", "BPG files")),
    ):
        if raw.startswith(start):
            return kind
    is_known = (
        raw.startswith(_STARTS) and raw[:4] not in _TIFF_STARTS
    )  # most raw files are TIFF of their maker's own kind
    return "Raw files of cameras" if suffix in RAW and not is_known else None
