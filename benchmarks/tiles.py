"""Whether people are found in large photos as in small ones: mosaics of a COCO directory against its photos alone.

    python benchmarks/tiles.py COCO_DIR --segmenter embedded [--megapixels 24] [--mosaics 2] [--set tile=640 ...]

recall: share of the people's pixels that the masks cover, mean over photos. covered: persons (not crowds) at least half
covered, by COCO's sizes (small < 32², medium < 96², large in pixels of area). outside: pixels found beside people, as a
share of the people's. Memory is the process's peak after everything.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from configs import InputSettings, SegmentSettings
from data.collection.folder import read_collection
from data.geometry import Box
from data.images import decode
from data.types import GivenMasks, People, Photo
from data.weights.files import find
from detection import Segmenter, build_segmenter
from detection.annotations import AnnotatedPeople

CELL = 660
"""Side of a photo's place in the mosaic; COCO's photos are at most 640 pixels long."""
SIZES = {"small": 0.0, "medium": 32.0**2, "large": 96.0**2}


@dataclass
class Figures:
    ious: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    covered: dict[str, list[bool]] = field(default_factory=lambda: {size: [] for size in SIZES})
    outside: int = 0
    people: int = 0
    seconds: float = 0.0

    def add(self, found: NDArray[np.bool_], truth: People) -> None:
        union = truth.union()
        self.ious.append(float((found & union).sum() / (found | union).sum()))
        self.recalls.append(float((found & union).sum() / union.sum()))
        self.outside += int((found & ~union).sum())
        self.people += int(union.sum())
        for person in truth.persons:
            if not person.crowd:
                mask = truth.mask(person)
                size = next(name for name in reversed(SIZES) if mask.sum() >= SIZES[name])
                self.covered[size].append(bool((found & mask).sum() >= mask.sum() / 2))

    def row(self) -> list[str]:
        every = [c for group in self.covered.values() for c in group]
        sizes = " / ".join(f"{np.mean(group):.3f}" for group in self.covered.values() if group)
        return [
            f"{np.mean(self.recalls):.3f}",
            f"{np.mean(every):.3f} ({sizes})",
            f"{self.outside / self.people:.2f}",
            f"{self.seconds:.0f}",
        ]


def photos_with_people(directory: Path) -> list[Photo]:
    collection = read_collection(directory, InputSettings())
    if not collection.mains:
        raise SystemExit(f"{directory} has no COCO annotation file to compare with.")
    people = collection.mains[0].coco.persons_by_image()
    return [
        Photo(s.name, s.name, decode(s.path.read_bytes(), s.name).pixels, GivenMasks(tuple(people[s.image_id])))
        for s in collection.sources
        if not s.refused and s.image_id in people
    ]


def mosaics(photos: Sequence[Photo], pixels: float, count: int) -> Iterator[tuple[Photo, list[tuple[Photo, Box]]]]:
    """(mosaic of about 3 : 2, its photos and where they are), at most `count` of them, on mid-gray."""
    columns, rows = round(math.sqrt(1.5 * pixels) / CELL), round(math.sqrt(pixels / 1.5) / CELL)
    for number in range(count):
        some = photos[number * rows * columns : (number + 1) * rows * columns]
        if not some:
            return
        canvas = np.full((rows * CELL, columns * CELL, 3), 128, np.uint8)
        places = []
        for i, photo in enumerate(some):
            (height, width), y, x = photo.size, i // columns * CELL, i % columns * CELL
            where = Box.at(x + (CELL - width) // 2, y + (CELL - height) // 2, width, height)
            canvas[where.slices] = photo.pixels
            places.append((photo, where))
        yield Photo(f"mosaic {number}", f"mosaic {number}", canvas), places


def measure(segmenter: Segmenter, looks: Sequence[tuple[Photo, list[tuple[Photo, Box]]]], name: str) -> Figures:
    truth, figures = AnnotatedPeople(), Figures()
    for seen, places in track(looks, name, console=Console(stderr=True)):
        start = time.process_time()
        (people,) = segmenter.segment([seen])
        figures.seconds += time.process_time() - start
        union = people.union()
        for photo, where in places:
            figures.add(union[where.slices], truth.segment([photo])[0])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="COCO_DIR")
    parser.add_argument("--segmenter", default="embedded", choices=("embedded", "yolo", "maskrcnn", "union"))
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--mosaics", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="of the segment settings")
    options = parser.parse_args()

    fields: dict[str, Any] = {k: yaml.safe_load(v) for k, v in (one.split("=", 1) for one in options.set)}

    def built(**more: Any) -> Segmenter:
        settings = SegmentSettings(segmenter=options.segmenter, **{**fields, **more})
        return build_segmenter(settings, {name: find(name) for name in settings.required_weights()})

    looks = list(mosaics(photos_with_people(options.directory), options.megapixels * 1e6, options.mosaics))
    alone = [(p, [(p, Box.at(0, 0, p.size[1], p.size[0]))]) for _, places in looks for p, _ in places]
    height, width = looks[0][0].size
    table = Table("seen", "recall", "covered (S / M / L)", "outside", "CPU s", title=options.segmenter)
    table.add_row(f"{len(alone)} photos alone", *measure(built(tile="none"), alone, "alone").row())
    table.add_row(f"mosaics of {width} x {height}, tiles", *measure(built(), looks, "in tiles").row())
    table.add_row("the same without tiles", *measure(built(tile="none"), looks, "whole").row())
    Console(width=110).print(table)
    if sys.platform != "win32":
        import resource

        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB (of all three rows)")


if __name__ == "__main__":
    main()
