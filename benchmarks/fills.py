"""Fills against the truth: person-free photos with real people pasted in, taken out again.

    python benchmarks/fills.py SCENES_DIR COCO_DIR --fills patchmatch,telea --limit 60 --size 256

SCENES_DIR holds photos without people, COCO_DIR a COCO directory with person masks. Each scene gets one
person (pixels and all, so that a fill or blend that looks under the hole is caught), at a size drawn from
a fixed list; the hole is the person's mask, dilated as the pipeline dilates it. Prints Markdown, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from configs import InpaintSettings, RefineSettings
from data.types import Hole, PhotoError, Pixels
from flows.evaluation import metrics
from inpainting import build_fill, compose, inpaint, required_weights

SHARES = (0.03, 0.08, 0.16, 0.28)
"""Share of the photo that the pasted person's mask covers, in turn."""
BINS = ((0.0, 0.08), (0.08, 0.18), (0.18, 1.0))
"""Shares of the hole by which the figures are grouped."""


@dataclass(frozen=True)
class Case:
    name: str
    truth: Pixels
    image: Pixels
    hole: Hole


def read(path: Path) -> Pixels:
    """The photo, uint8 H x W x 3 RGB. Raises ValueError when it cannot be read."""
    photo = cv2.imread(str(path))
    if photo is None:
        raise ValueError(f"{path} cannot be read as a photo")
    return np.ascontiguousarray(photo[..., ::-1], np.uint8)


def silhouettes(coco: Path) -> list[tuple[Pixels, Hole]]:
    """People of at least 96 px, cut to their box: pixels and mask (0 or 255), in the file's order."""
    document = json.loads(next((coco / "annotations").glob("instances*.json")).read_text())
    names = {image["id"]: image for image in document["images"]}
    found = []
    for annotation in document["annotations"]:
        polygons = annotation["segmentation"]
        if annotation["category_id"] != 1 or annotation.get("iscrowd") or not isinstance(polygons, list):
            continue
        x, y, w, h = (round(v) for v in annotation["bbox"])
        if max(w, h) < 96 or min(w, h) < 24:
            continue
        meta = names[annotation["image_id"]]
        path = next(iter(coco.glob(f"images/**/{meta['file_name']}")), coco / meta["file_name"])
        photo = read(path)
        rles = coco_mask.frPyObjects(polygons, meta["height"], meta["width"])
        mask = coco_mask.decode(coco_mask.merge(rles))[y : y + h, x : x + w] * np.uint8(255)
        if mask.any():
            found.append((photo[y : y + h, x : x + w].copy(), mask))
    return found


def cases(scenes: Path, coco: Path, limit: int, size: int) -> Iterator[Case]:
    """One case a scene, the same list on every call."""
    rng = np.random.default_rng(0)
    people = silhouettes(coco)
    refine = RefineSettings()
    for number, path in enumerate(sorted(scenes.glob("*.jpg"))[:limit]):
        photo = read(path)
        scale = size / min(photo.shape[:2])
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        truth = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=interpolation), np.uint8)
        height, width = truth.shape[:2]
        person, mask = people[int(rng.integers(len(people)))]
        area = SHARES[number % len(SHARES)] * height * width
        grow = min((area / (mask != 0).sum()) ** 0.5, 0.95 * height / mask.shape[0], 0.7 * width / mask.shape[1])
        to = max(8, round(mask.shape[1] * grow)), max(8, round(mask.shape[0] * grow))
        person = np.asarray(cv2.resize(person, to), np.uint8)
        mask = np.asarray(cv2.resize(mask, to, interpolation=cv2.INTER_NEAREST), np.uint8)
        y = int(rng.integers(height - to[1] + 1))
        x = int(rng.integers(width - to[0] + 1))
        hole = np.zeros((height, width), np.uint8)
        hole[y : y + to[1], x : x + to[0]] = mask
        image = truth.copy()
        image[y : y + to[1], x : x + to[0]][mask != 0] = person[mask != 0]
        reach = max(refine.dilate_min, round(refine.dilate * float((mask != 0).sum()) ** 0.5))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        yield Case(path.name, truth, image, np.asarray(cv2.dilate(hole, kernel), np.uint8))


def fill_with_mean(case: Case) -> Pixels:
    """The photo with the mean of its known pixels in the hole: what any fill has to beat."""
    out = case.image.copy()
    out[case.hole != 0] = np.rint(case.image[case.hole == 0].mean(axis=0)).astype(np.uint8)
    return out


def figures(result: Pixels, case: Case) -> dict[str, float]:
    truth, hole = case.truth, case.hole
    return {
        "psnr": metrics.psnr(result, truth, hole),
        "ssim": metrics.ssim(result, truth, hole),
        "seam": metrics.seam(result, hole) / max(metrics.seam(truth, hole), 0.5),
        "ring": metrics.ring_delta_e(result, hole) - metrics.ring_delta_e(truth, hole),
        "swd": metrics.sliced_wasserstein(result, truth, hole),
        "detail": metrics.fine_detail(result, hole) / max(metrics.fine_detail(truth, hole), 0.5),
    }


def measure(name: str, todo: list[Case], base: InpaintSettings) -> list[dict[str, float]]:
    """Figures of one fill on every case; `mean` is the mean fill."""
    settings = base if name == "mean" else base.model_copy(update={"fill": name})
    fill = None
    if name != "mean":
        weights = {}
        for needed in required_weights(settings):
            from data.weights import find  # only fills with weights need it

            weights[needed] = find(needed)
        fill = build_fill(settings, weights)
    rows = []
    for case in todo:
        started = time.process_time()  # of all threads: the same on a busy machine
        if fill is None:
            result = fill_with_mean(case)
        else:
            try:
                result = compose(case.image, case.hole, inpaint(case.image, case.hole, fill, settings))
            except PhotoError as error:
                print(f"{case.name}: {error}")
                continue
        seconds = time.process_time() - started
        share = float((case.hole != 0).mean())
        rows.append({"share": share, "seconds": seconds, **figures(result, case)})
    return rows


COLUMNS = {"psnr": "hole-PSNR dB", "ssim": "SSIM", "seam": "seam / truth's", "ring": "ring ΔE − truth's",
           "swd": "sliced Wasserstein", "detail": "fine detail / truth's", "seconds": "CPU s a photo"}  # fmt: skip


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Medians for ratios, means for the rest, by share of the hole; Markdown."""
    lines = ["| fill | hole | n | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 3) + "|"]
    for name, rows in results.items():
        for low, high in (*BINS, (0.0, 1.0)):
            chosen = [r for r in rows if low <= r["share"] < high]
            if not chosen:
                continue
            label = "all" if (low, high) == (0.0, 1.0) else f"{low:.0%} to {high:.0%}"
            cells = [
                f"{_middle(key, chosen):.3f}" if key == "ssim" else f"{_middle(key, chosen):.2f}" for key in COLUMNS
            ]
            lines.append(f"| {name} | {label} | {len(chosen)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _middle(key: str, rows: list[dict[str, float]]) -> float:
    values = [r[key] for r in rows]
    return float(np.median(values) if key in ("seam", "detail") else np.mean(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes", type=Path)
    parser.add_argument("coco", type=Path)
    parser.add_argument("--fills", default="mean,telea,navier-stokes,patchmatch")
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--size", type=int, default=256, help="shorter side of the photos in pixels")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an inpaint setting")
    parser.add_argument("--json", type=Path, help="write the figures of every photo here")
    arguments = parser.parse_args()
    base = InpaintSettings.model_validate(dict(pair.split("=", 1) for pair in arguments.set))
    todo = list(cases(arguments.scenes, arguments.coco, arguments.limit, arguments.size))
    results = {name: measure(name, todo, base) for name in arguments.fills.split(",")}
    print(table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
