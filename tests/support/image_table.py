"""The tables of docs/image-files.md, measured: python tests/support/image_table.py writes them anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from image_kinds import KINDS

from data.images import decode, encode
from data.images.writers.jpeg_blocks import CannotEdit, read_coefficients

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "image-files.md"
START, END = "<!-- kinds: measured -->\n", "<!-- end of kinds -->\n"


def table() -> str:
    lines = [
        "| kind | samples | outside the hole | what else changes, as the manifest's `notes` say |",
        "|---|---|---|---|",
    ]
    for name in KINDS:
        lines.append(f"| {name} | {' | '.join(_row(name))} |")
    return "\n".join(lines) + "\n"


def _row(name: str) -> tuple[str, str, str]:
    """Mode, what is equal outside the hole, and the notes."""
    photo = decode(KINDS[name].raw, name)
    hole = np.zeros(photo.pixels.shape[:2], np.uint8)
    hole[5:13, 18:30] = 255
    done = encode(photo, np.full_like(photo.pixels, 90), hole)
    again = decode(done.raw, name)
    outside = hole == 0
    if np.array_equal(again.samples[outside], photo.samples[outside]):
        kept = "every sample"
        if photo.format == "JPEG":
            kept = "every block"
    elif photo.format == "JPEG" and _blocks_equal(photo.raw, done.raw):
        kept = "every block"
    else:
        kept = "encoded anew"
    return photo.mode, kept, "; ".join(done.notes) or "nothing"


def _blocks_equal(before: bytes, after: bytes) -> bool:
    """Whether most blocks are the same: the hole touches a few MCUs only."""
    try:
        old, new = read_coefficients(before), read_coefficients(after)
    except CannotEdit:
        return False
    a, b = old.coefficients[0], new.coefficients[0]
    return bool((a[3:] == b[3:]).all() and (a[:, :2] == b[:, :2]).all())


def document() -> str:
    """The document with the tables as they are now."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return before + START + table() + END + after


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
