"""Seconds and peak memory of reading and editing an annotation file of the size of instances_train2017.json.

    python benchmarks/coco_edit.py                      # makes the file (about 450 MB) in a temporary folder
    python benchmarks/coco_edit.py --keep /tmp/made     # makes it there once
    python benchmarks/coco_edit.py --share 0.1          # a tenth of it

Every measurement is a fresh process: reading (what a plan does), editing in each mode (what the end of a run does,
with a hole on every photo that has persons), undoing, and for comparison `json.load` + `json.dump` of the same file.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

IMAGES, ANNOTATIONS = 118_287, 860_001
CATEGORIES = 80
PERSONS = 0.305  # share of the annotations, as in train2017


def make(path: Path, share: float, seed: int = 1) -> None:
    """A file with train2017's counts and mean sizes: polygons of about 20 corners with two decimals, 1.2 % crowds."""
    rng = np.random.default_rng(seed)
    images, annotations = int(IMAGES * share), int(ANNOTATIONS * share)
    with path.open("w") as file:
        head = {
            "info": {"description": "COCO 2017 shape", "year": 2017},
            "licenses": [
                {"url": "http://creativecommons.org/licenses/by/2.0/", "id": 4, "name": "Attribution License"}
            ],
        }
        file.write(json.dumps(head)[:-1] + ', "images": [')
        sizes = rng.permuted([(480, 640), (640, 480), (427, 640), (640, 640)] * (images // 4 + 1), axis=0)[:images]
        for n in range(images):
            h, w = (int(v) for v in sizes[n])
            name = f"{n + 1:012d}.jpg"
            image = {"license": 4, "file_name": name, "coco_url": f"http://images.cocodataset.org/train2017/{name}"}
            image |= {"height": h, "width": w, "date_captured": "2013-11-18 06:56:10"}
            image |= {"flickr_url": f"http://farm8.staticflickr.com/7216/{n:010d}_af0f941e1a_z.jpg", "id": n + 1}
            file.write((", " if n else "") + json.dumps(image))
        file.write('], "annotations": [')
        for n in range(annotations):
            index = int(rng.integers(images))
            h, w = (int(v) for v in sizes[index])
            category = 1 if rng.random() < PERSONS else int(rng.integers(2, CATEGORIES + 1))
            size = float(np.exp(rng.normal(4.0, 0.9)))
            crowd = rng.random() < 0.012
            cx, cy = rng.uniform(0, w), rng.uniform(0, h)
            angle = np.sort(rng.uniform(0, 2 * np.pi, max(3, int(rng.gamma(2.2, 9)))))
            radius = size * rng.uniform(0.7, 1.2, len(angle))
            x = np.clip(cx + radius * np.cos(angle), 0, w).round(2)
            y = np.clip(cy + radius * np.sin(angle), 0, h).round(2)
            box = [float(x.min()), float(y.min()), round(float(np.ptp(x)), 2), round(float(np.ptp(y)), 2)]
            if crowd:
                counts = rng.integers(1, 200, 1500)
                counts = counts[np.cumsum(counts) < h * w]
                counts = [*counts.tolist(), int(h * w - counts.sum())]
                segmentation: object = {"counts": counts, "size": [h, w]}
            else:
                segmentation = [np.stack([x, y], 1).ravel().tolist()]
            annotation = {"segmentation": segmentation, "area": box[2] * box[3] * 0.7, "iscrowd": int(crowd)}
            annotation |= {"image_id": index + 1, "bbox": box, "category_id": category, "id": n + 1}
            file.write((", " if n else "") + json.dumps(annotation))
        names = ["person", *(f"thing {n}" for n in range(2, CATEGORIES + 1))]
        categories = [{"supercategory": "x", "id": n + 1, "name": name} for n, name in enumerate(names)]
        file.write('], "categories": ' + json.dumps(categories) + "}")


def work(what: str, path: Path) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    if what == "json":
        with path.open() as file:
            tree = json.load(file)
        with path.with_suffix(".out").open("w") as file:
            json.dump(tree, file)
    elif what == "read":
        from data.coco import load_coco

        load_coco(path)
    elif what == "undo":
        from data.coco import undo

        folder = path.parent / f"edited-{path.stem}"
        print(undo(folder / path.name, folder / "removed_annotations.json", path.with_suffix(".undone")))
    else:
        edit(path, what)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"| {what} | {seconds:.1f} s | {cpu:.1f} s | {peak / 1e9:.2f} GB |", flush=True)


def edit(path: Path, mode: str) -> None:
    """Read and edit; the holes are made from the persons' own boxes, as run lengths (that is not what is measured
    elsewhere, so it is part of the time here)."""
    from pycocotools import mask as coco_mask

    from configs import AnnotationSettings
    from data.coco import Edit, Fate, HoleRle, load_coco, write_edited
    from data.coco.members import parse

    coco = load_coco(path)
    boxes: dict[int, list[list[float]]] = {}
    with coco.layout.open() as file:
        for index, image_id in enumerate(coco.image_ids):
            if coco.is_person(index):
                x, y, w, h = parse(coco.layout.pick(file, "annotations", index))["bbox"]
                boxes.setdefault(image_id, []).append([x, y, x, y + h, x + w, y + h, x + w, y])

    def fate(image: dict[str, Any]) -> Fate:
        if image["id"] not in boxes:
            return Fate()
        h, w = image["height"], image["width"]
        hole = coco_mask.merge(coco_mask.frPyObjects(boxes[image["id"]], h, w))
        return Fate(hole=HoleRle((h, w), hole["counts"].decode()))

    fates = [fate(image) for image in coco.images]

    folder = path.parent / f"edited-{path.stem}"
    print(write_edited(folder, [Edit(coco, fates)], AnnotationSettings(overlap=mode), {"version": "benchmark"}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="folder of the made file; kept, and used again when it is there")
    parser.add_argument("--share", type=float, default=1.0, help="share of train2017's counts")
    parser.add_argument("--work", nargs=2, metavar=("WHAT", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--only", default="read,flag,undo,clip,undo,json", help="comma-separated")
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work[0], Path(arguments.work[1]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"instances_made{arguments.share:g}.json"
        if not path.exists():
            make(path, arguments.share)
        print(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB\n", flush=True)
        print("| what | time | CPU time | peak memory |\n|---|---|---|---|", flush=True)
        for what in arguments.only.split(","):
            subprocess.run([sys.executable, __file__, "--work", what, str(path)], check=True)


if __name__ == "__main__":
    main()
