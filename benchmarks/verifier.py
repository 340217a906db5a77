"""What a verifier is good for, on a COCO directory with people.

`looks`: persons that boxes of `embedded` (960 px, from 0.15 on) miss and that another look finds, and what it finds
where nobody is annotated. `refill`: photos whose fill looks like somebody, filled again with another seed or with a
hole larger by what was seen; judged by the same network and by the boxes of `embedded`, which had no say.

python benchmarks/verifier.py looks COCO_DIR --weights yolov8n-seg.tflite
python benchmarks/verifier.py refill COCO_DIR --weights yolov8n-seg.tflite
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import inpainting
from configs import Settings
from configs.load import load_settings
from data.types import Hole, Photo, Pixels, as_hole
from data.weights.files import find
from detection.yolo_network import YoloNetwork
from flows.evaluation.reference import AnnotatedPhoto, listed_photos, read_annotated
from flows.evaluation.removal import lies_inside
from flows.stages import models
from masks import refine
from masks.morphology import dilate

SCORE = 0.25
Boxes = NDArray[np.float64]


def photos(coco: Path, settings: Settings) -> Iterator[AnnotatedPhoto]:
    return read_annotated(*listed_photos(coco, settings), settings)


def looks(coco: Path, weights: str) -> None:
    detector = YoloNetwork(find("yolov8n").path, "detect", "cpu")
    other = YoloNetwork(find(weights).path, "segment", "cpu")

    def mirrored(pixels: Pixels) -> Boxes:
        boxes = detector.find([np.ascontiguousarray(pixels[:, ::-1])], SCORE, 960)[0].boxes
        return np.stack([pixels.shape[1] - boxes[:, 2], boxes[:, 1], pixels.shape[1] - boxes[:, 0], boxes[:, 3]], 1)

    ways: dict[str, Callable[[Pixels], Boxes]] = {
        "embedded again": lambda pixels: detector.find([pixels], SCORE, 960)[0].boxes,
        "embedded, mirrored": mirrored,
        "embedded, 640 px": lambda pixels: detector.find([pixels], SCORE, 640)[0].boxes,
        "embedded, 1280 px": lambda pixels: detector.find([pixels], SCORE, 1280)[0].boxes,
        f"yolo ({Path(weights).name})": lambda pixels: other.find([pixels], SCORE, 640)[0].boxes,
    }
    missed, found, nobody = 0, Counter[str](), Counter[str]()
    for photo in photos(coco, load_settings("coco")):
        boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in (p.bbox for p in photo.truth.persons)]).reshape(-1, 4)
        single = np.array([not person.crowd for person in photo.truth.persons], bool)
        first = detector.find([photo.pixels], 0.15, 960)[0].boxes
        unseen = single & ~(iou(boxes, first) > 0.5).any(1)
        missed += int(unseen.sum())
        for name, look in ways.items():
            seen = look(photo.pixels)
            found[name] += int((unseen & (iou(boxes, seen) > 0.5).any(1)).sum())
            known = (iou(seen, first) > 0.5).any(1) | (iou(seen, boxes) > 0.3).any(1)
            nobody[name] += int((~known & ~(inside(seen, boxes[~single]) > 0.5).any(1)).sum())
    print(f"{missed} persons missed\n\n| verifier | of these found | boxes where nobody is annotated |\n|---|---|---|")
    for name in ways:
        print(f"| {name} | {found[name]} | {nobody[name]} |")


def refill(coco: Path, weights: str) -> None:
    settings = load_settings(
        "coco", ["segment.segmenter=yolo", f"segment.yolo.weights={weights}", f"segment.score={SCORE}"]
    )
    segmenter = models.segmenter(settings.segment, {weights: find(weights)})
    detector = YoloNetwork(find("yolov8n").path, "detect", "cpu")

    def seen_in(result: Pixels, hole: Hole) -> tuple[list[NDArray[np.bool_]], int]:
        """Masks that lie in the hole, and how many boxes of the other detector do."""
        people = segmenter.segment([Photo("", "", result)])[0]
        masks = [mask for mask in map(people.mask, people.persons) if lies_inside(mask, hole > 0)]
        boxes = detector.find([result], SCORE, 640)[0].boxes.round().astype(int)
        return masks, sum(bool((hole[y0:y1, x0:x1] > 0).mean() > 0.5) for x0, y0, x1, y1 in boxes.tolist())

    def filled(pixels: Pixels, hole: Hole, seed: int) -> Pixels:
        how = settings.inpaint.with_own("patchmatch", seed=seed)
        return inpainting.compose(pixels, hole, inpainting.inpaint(pixels, hole, models.fill(how, {}), how))

    same, other, count = Counter[str](), Counter[str](), 0
    names = ("as it was", "seed 2", "seed 3", "seed 4", "larger hole", "larger hole, seed 2")
    for photo in photos(coco, settings):
        hole = refine(photo.truth, settings.refine)
        masks = seen_in(filled(photo.pixels, hole, 1), hole)[0] if hole.any() else []
        if not masks:
            continue
        count += 1
        grown = [dilate(m, max(settings.refine.dilate_min, settings.refine.dilate * m.sum() ** 0.5)) for m in masks]
        larger = as_hole(np.logical_or.reduce([hole > 0, *grown]))
        for name, where, seed in zip(names, (hole, hole, hole, hole, larger, larger), (1, 2, 3, 4, 1, 2), strict=True):
            again, boxes = seen_in(filled(photo.pixels, where, seed), where)
            same[name] += bool(again)
            other[name] += bool(boxes)
    print(f"{count} photos with somebody in the fill\n\n| filled | still so | by the other detector |\n|---|---|---|")
    for name in names:
        print(f"| {name} | {same[name]} | {other[name]} |")


def iou(a: Boxes, b: Boxes) -> Boxes:
    both = _both(a, b)
    return np.asarray(both / (_area(a)[:, None] + _area(b)[None] - both))


def inside(a: Boxes, b: Boxes) -> Boxes:
    """Share of each of `a` that lies in each of `b`."""
    return np.asarray(_both(a, b) / _area(a)[:, None])


def _both(a: Boxes, b: Boxes) -> Boxes:
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(2))


def _area(boxes: Boxes) -> Boxes:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("looks", "refill"))
    parser.add_argument("coco", type=Path)
    parser.add_argument("--weights", required=True, help="of a yolo -seg network: a file or a name of the registry")
    options = parser.parse_args()
    {"looks": looks, "refill": refill}[options.what](options.coco, options.weights)
