"""Fills side by side without their names, to be judged by eye."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from configs import Settings
from data.storage.files import canonical_json, write_atomic
from data.types import Hole, Pixels
from flows.evaluation.reference import listed_photos, read_annotated
from flows.evaluation.sheet import marked
from inpainting.invention import surroundings
from masks import refine

_SIDE = 640
"""Pixels of the longer side of each picture; smaller ones are enlarged to it, twice at most."""
_GAP, _HEAD = 12, 28
_AROUND = 0.75
"""What is shown around the hole, as a share of its longer side."""


class BlindSheets:
    """Writes `NNNN.png` (the photo with the hole's edge in green, then every fill in an order drawn by chance, as A, B,
    ...), and the key at the end.

    folder: where. labels: the fills, 2 to 26. seed: of the order.
    """

    def __init__(self, folder: Path, labels: Sequence[str], seed: int) -> None:
        self.folder, self.labels, self.seed = folder, tuple(labels), seed
        self.key: dict[str, dict[str, str]] = {}

    def add(self, number: int, image: Pixels, hole: Hole, results: Mapping[str, Pixels]) -> None:
        """One photo, unless one of the fills could not fill it. image, results: uint8 H x W x 3. hole: uint8 H x W."""
        if not all(label in results for label in self.labels):
            return
        order = np.random.default_rng([self.seed, number]).permutation(len(self.labels))
        columns = dict(zip(ascii_uppercase, (self.labels[i] for i in order), strict=False))
        box = surroundings(hole, _AROUND, 48)
        edged = marked(_enlarged(image[box]), np.zeros(_enlarged(hole[box]).shape, bool), _enlarged(hole[box], False))
        shown = [edged, *(_enlarged(results[label][box]) for label in columns.values())]
        name, out = f"{number:04d}.png", io.BytesIO()
        _row(shown, ("photo", *columns)).save(out, format="PNG")
        write_atomic(self.folder / name, out.getvalue())
        self.key[name] = columns

    def write_key(self) -> Path:
        """`FOLDER-key.json`, beside the folder, so that nobody sees it while judging; and a list for judgements."""
        letters = " ".join(ascii_uppercase[: len(self.labels)])
        rows = "".join(f"{name},\n" for name in self.key)
        write_atomic(self.folder / "judgements.csv", f"picture,best ({letters} or same)\n{rows}".encode())
        path = self.folder.with_name(f"{self.folder.name}-key.json")
        write_atomic(path, canonical_json(self.key) + b"\n")
        return path


def photos_with_holes(
    coco: Path, settings: Settings, limit: int | None = None, seed: int = 0
) -> Iterator[tuple[str, Pixels, Hole]]:
    """Name, pixels and hole of the photos of a COCO directory, or of a random `limit` of them, upright; the hole is
    what the refine settings make of the annotated people. Photos without a hole are passed over. Raises InputError."""
    collection, sources = listed_photos(coco, settings, limit, seed)
    for photo in read_annotated(collection, sources, settings):
        hole = refine(photo.truth, settings.refine, photo.pixels)
        if hole.any():
            yield photo.name, photo.pixels, hole


def _enlarged(pixels: NDArray[np.uint8], smooth: bool = True) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = min(2.0, _SIDE / max(height, width))
    if scale == 1:
        return np.ascontiguousarray(pixels)
    how = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize((round(width * scale), round(height * scale)), how))


def _row(pictures: Sequence[Pixels], names: Sequence[str]) -> Image.Image:
    """Pictures of one size beside each other, each under its name."""
    height, width = pictures[0].shape[:2]
    out = Image.new("RGB", (len(pictures) * (width + _GAP) - _GAP, height + _HEAD), "white")
    draw = ImageDraw.Draw(out)
    for i, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        out.paste(Image.fromarray(picture), (i * (width + _GAP), _HEAD))
        draw.text((i * (width + _GAP) + 4, 2), name, fill="black", font=ImageFont.load_default(20))
    return out
