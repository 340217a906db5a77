"""Metadata of AVIF files, edited at their place, because a box's place is written in other boxes."""

from __future__ import annotations

from data.images.containers.tiff import Tiff
from data.images.metadata import exif, xmp

_HEADERS = (b"II*\0", b"MM\0*")
_PACKET, _END = (b"<?xpacket begin", b"<x:xmpmeta"), b"</x:xmpmeta>"


def without_people(raw: bytes) -> tuple[bytes, list[str]]:
    """The file, of the same length, without previews, and what was taken out.

    Where the EXIF and XMP items are is seen by their first bytes, which no AV1 stream has by chance (1 in 2^32).
    """
    data, gone = bytearray(raw), []
    for header in _HEADERS:
        start = data.find(header)
        while start >= 0:
            tiff = Tiff(bytes(data[start:]))
            gone += exif.remove_from(tiff)
            data[start:] = tiff.data.ljust(len(data) - start, b"\0")
            start = data.find(header, start + 4)
    starts = [place for place in (data.find(word) for word in _PACKET) if place >= 0]
    end = data.rfind(_END) + len(_END)
    if starts and end > min(starts):
        packet = bytes(data[min(starts) : end])
        edited, words = xmp.without_people(packet)
        gone += words
        # A packet that grew cannot go back, so it goes.
        edited = edited if len(edited) <= len(packet) else b""
        data[min(starts) : end] = edited.ljust(len(packet))
    return bytes(data), list(dict.fromkeys(gone))
