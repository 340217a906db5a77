"""How well a segmenter's masks cover the annotated people of a COCO directory.

    python benchmarks/masks.py COCO_DIR --segmenter embedded [--limit 50] [--json figures.json]

mean IoU: of the union of all people, over photos with people. recall: share of the people's pixels that
the union covers, mean over photos. covered: persons (not crowds) at least half covered by the union, by
COCO's sizes (small < 32², medium < 96², large in pixels of area). COCO-trained networks have seen
train2017: quote figures from other photos.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from configs import InputSettings, SegmentSettings
from data.collection import read_collection
from data.images import decode
from data.types import Given, Photo
from data.weights import find
from detection import build_segmenter, required_weights
from detection.annotations import AnnotatedPeople

SIZES = {"small": 0.0, "medium": 32.0**2, "large": 96.0**2}  # least area in pixels


@dataclass
class Figures:
    """Sums over photos; `summary` divides."""

    ious: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    covered: dict[str, list[bool]] = field(default_factory=lambda: {size: [] for size in SIZES})

    def add(self, found: NDArray[np.bool_], people: Sequence[tuple[NDArray[np.bool_], bool]]) -> None:
        """found: union mask, bool H x W. people: (true mask, is a crowd) of each annotation."""
        truth = np.logical_or.reduce([mask for mask, _ in people])
        both = int((found & truth).sum())
        self.ious.append(both / int((found | truth).sum()))
        self.recalls.append(both / int(truth.sum()))
        for mask, crowd in people:
            if not crowd:
                area = int(mask.sum())
                size = next(name for name in reversed(SIZES) if area >= SIZES[name])
                self.covered[size].append(int((found & mask).sum()) >= area / 2)

    def summary(self) -> dict[str, Any]:
        everyone = [c for group in self.covered.values() for c in group]
        return {
            "photos": len(self.ious),
            "persons": len(everyone),
            "mean_iou": _mean(self.ious),
            "recall": _mean(self.recalls),
            "covered": _mean(everyone),
            **{f"covered_{size}": _mean(group) for size, group in self.covered.items()},
            "seconds_a_photo": _mean(self.seconds),
        }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def photos_with_people(directory: Path) -> list[tuple[Path, Given]]:
    """(file, person annotations) of each photo that has people, in the order of the names."""
    collection = read_collection(directory, InputSettings())
    if not collection.mains:
        raise SystemExit(f"{directory} has no COCO annotation file to compare with.")
    people = collection.mains[0].coco.persons_by_image()
    return [
        (source.path, Given(tuple(people[source.image_id])))
        for source in collection.sources
        if not source.refused and source.image_id in people
    ]


def read(path: Path, given: Given) -> Photo:
    return Photo(path.stem, path.name, decode(path.read_bytes(), path.name).pixels, given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, metavar="COCO_DIR")
    parser.add_argument("--segmenter", default="embedded", choices=("embedded", "yolo", "annotations"))
    parser.add_argument("--weights", help="yolo: registry name or path")
    parser.add_argument("--trust", action="store_true", help="yolo: load a .pt from outside the registry")
    parser.add_argument("--score", type=float, default=SegmentSettings().score)
    parser.add_argument("--image-size", type=int, default=SegmentSettings().image_size)
    parser.add_argument("--limit", type=int, help="only the first photos")
    parser.add_argument("--every", type=int, default=1, help="only every N-th photo")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()

    settings = SegmentSettings(
        segmenter=options.segmenter,
        weights=options.weights,
        score=options.score,
        image_size=options.image_size,
        trust=options.trust,
    )
    segmenter = build_segmenter(settings, {name: find(name) for name in required_weights(settings)})
    truth = AnnotatedPeople()
    figures = Figures()
    photos = photos_with_people(options.directory)[:: options.every][: options.limit]
    for path, given in track(photos, "segmenting", console=Console(stderr=True)):
        photo = read(path, given)
        start = time.perf_counter()
        (found,) = segmenter.segment([photo])
        figures.seconds.append(time.perf_counter() - start)
        (people,) = truth.segment([photo])
        figures.add(found.union(), [(people.mask(p), p.crowd) for p in people.persons])

    summary = figures.summary()
    table = Table(title=f"{options.segmenter} on {options.directory.name}", show_header=False)
    for name, value in summary.items():
        table.add_row(name.replace("_", " "), str(value))
    Console().print(table)
    if options.json:
        report = {"settings": settings.model_dump(mode="json"), "figures": summary}
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
