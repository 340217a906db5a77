"""A small collection with people that every whole-run test can afford: rectangles on textured ground."""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from configs import Settings
from configs.load import load_settings
from flows.plan.selection import selection
from flows.results.finish import Summary
from flows.run.job import execute, prepare

FAST = ("inpaint.fill=telea", "verify.segmenter=none", "run.workers=1", "run.retries=0", "run.timeout=0")


def texture(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    rng = np.random.default_rng(seed)
    small = rng.integers(60, 200, (height // 8, width // 8, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def save_photo(path: Path, seed: int, person: tuple[int, int, int, int] | None, scale: int = 1, **options: Any) -> None:
    """person: x, y, width, height of a red rectangle. scale: 1 is 128 x 96 pixels."""
    pixels = texture(seed, 96 * scale, 128 * scale).copy()
    if person:
        x, y, w, h = person
        pixels[y : y + h, x : x + w] = (220, 20, 30)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def box_annotation(id_: int, image_id: int, category: int, box: tuple[int, int, int, int]) -> dict[str, Any]:
    x, y, w, h = box
    return {
        "id": id_,
        "image_id": image_id,
        "category_id": category,
        "bbox": [x, y, w, h],
        "area": w * h,
        "iscrowd": 0,
        "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
        "note": "kept as it is",
    }


def make_coco(root: Path) -> Path:
    """Six PNG photos, four with a person and one with two; one has nobody; all have a dog."""
    for name, content in _files_of_coco().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@cache
def _files_of_coco() -> dict[str, bytes]:
    """Drawn once, because hundreds of tests ask for them."""
    persons = {1: [(20, 30, 16, 40)], 2: [(60, 20, 24, 60)], 3: [], 4: [(0, 10, 12, 80)], 5: [(100, 40, 28, 56)]}
    persons[6] = [(10, 10, 14, 30), (90, 50, 14, 30)]
    files, images, annotations = dict[str, bytes](), [], []
    for image_id, boxes in persons.items():
        name = f"{'sub/' if image_id > 4 else ''}{image_id:04d}.png"
        pixels = texture(image_id).copy()
        for box in boxes:
            x, y, w, h = box
            pixels[y : y + h, x : x + w] = (220, 20, 30)
            annotations.append(box_annotation(100 + len(annotations), image_id, 1, box))
        encoded = BytesIO()
        Image.fromarray(pixels).save(encoded, "PNG")
        files[f"images/{name}"] = encoded.getvalue()
        annotations.append(box_annotation(100 + len(annotations), image_id, 18, (40, 80, 20, 10)))
        images.append({"id": image_id, "file_name": name, "height": 96, "width": 128, "license": 4})
    tree = {
        "info": {"description": "test"},
        "licenses": [{"id": 4, "name": "Attribution"}],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
        "images": images,
        "annotations": annotations,
        "unknown_key": [1, 2],
    }
    return files | {"annotations/instances_test.json": json.dumps(tree).encode()}


def make_slow_coco(root: Path) -> Path:
    """`make_coco` with larger photos that take a while each, so that there is a middle to kill a run in."""
    coco = make_coco(root)
    path = coco / "annotations/instances_test.json"
    tree = json.loads(path.read_text())
    for image in tree["images"]:
        save_photo(coco / "images" / image["file_name"], image["id"], (150, 100, 100, 200), scale=4)
        image |= {"height": 384, "width": 512}
    for annotation in tree["annotations"]:
        annotation["segmentation"] = [[150, 100, 250, 100, 250, 300, 150, 300]]
        annotation["bbox"] = [150, 100, 100, 200]
    path.write_text(json.dumps(tree))
    return coco


def coco_settings(*overrides: str) -> Settings:
    return load_settings("coco", [*FAST, *overrides])


def remove(
    source: Path, output: Path, *overrides: str, stages: str | None = None, refresh: str | None = None
) -> Summary | None:
    """A whole run in this process."""
    return execute(prepare(source, output, coco_settings(*overrides), selection(stages, refresh)))


def manifest(output: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in (output / "manifest.jsonl").read_text().splitlines()]
    return {row["file_name"]: row for row in rows}


def contents(output: Path) -> dict[str, bytes]:
    """Every published file but the report (it shows times) and the store."""
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and ".person-removal" not in path.parts and path.name != "report.html"
    }
