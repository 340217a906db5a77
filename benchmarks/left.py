"""Persons that a run left: python benchmarks/left.py COCO_DIR OUT

Compares the holes that a run published with the person annotations of the COCO directory it ran on. A person is left
when more than a fifth of its pixels lie outside the hole. Also says how much the photos changed outside the holes (JPEG
is encoded anew; lossless formats must show 0).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools.coco import COCO

SIZES = (("small", 0, 32**2), ("medium", 32**2, 96**2), ("large", 96**2, 1e12))
LEFT = 0.2


def main(source: Path, output: Path) -> None:
    (annotations,) = (source / "annotations").glob("instances*.json")
    coco = COCO(str(annotations))
    (person,) = coco.getCatIds(catNms=["person"])
    rows = {row["file_name"]: row for row in map(json.loads, (output / "manifest.jsonl").open(encoding="utf-8"))}
    persons: dict[str, list[bool]] = {name: [] for name, *_ in SIZES}
    inside = people = holes = 0
    changes: list[float] = []
    for image in coco.dataset["images"]:
        row = rows[image["file_name"]]
        if not row["mask"]:
            continue
        hole = np.asarray(Image.open(output / row["mask"])) > 0
        union = np.zeros_like(hole)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]], catIds=[person])):
            mask = coco.annToMask(annotation).astype(bool)
            union |= mask
            if not annotation.get("iscrowd") and mask.any():
                size = next(name for name, low, high in SIZES if low <= annotation["area"] < high)
                persons[size].append(float((mask & ~hole).sum() / mask.sum()) > LEFT)
        inside, people, holes = inside + (union & hole).sum(), people + union.sum(), holes + hole.sum()
        if row["state"] == "removed" and not hole.all():
            before, after = (np.asarray(Image.open(p).convert("RGB"), np.int16) for p in places(source, output, row))
            changes.append(float((np.abs(before - after).max(-1)[~hole] > 0).mean()))
    everyone = [left for group in persons.values() for left in group]
    for name, group in [*persons.items(), ("all", everyone)]:
        print(f"{name:7} {sum(group):5} of {len(group):5} persons left ({np.mean(group or [0]):.1%})")
    print(f"person pixels in the holes: {inside / people:.1%}; hole area / person area: {holes / people:.2f}")
    print(f"pixels outside the holes that changed: {np.mean(changes or [0]):.2%}")


def places(source: Path, output: Path, row: dict[str, str]) -> tuple[Path, Path]:
    return source / "images" / row["file_name"], output / row["output"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
