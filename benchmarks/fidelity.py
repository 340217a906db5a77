"""What a run changes in JPEG files beside the holes: python benchmarks/fidelity.py COCO_DIR [--limit N]

Runs `--preset coco` (filled by telea, which is fast; the fill does not matter here) on the COCO directory as it is and
on re-encodings of it as 4:2:0, 4:2:2 and progressive, and compares every output with its original:

- quantised coefficients outside the touched MCUs that are equal (all of them have to be),
- photos without people that are copied byte for byte,
- file size against the original, less what the hole's other content changes (the difference between Pillow's
  encodings of both pictures, same tables and sampling),
- pixels outside the touched MCUs, and inside them outside the hole: mean change in grey levels.

Then the time to encode, for the collection's own photos and for one of 12 megapixels.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin

from data.images import decode, encode
from data.images.containers.jpeg import parse_jpeg
from data.images.writers.jpeg_blocks import CannotEdit, has_standard_tables, read_coefficients

VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "4:2:0": {"subsampling": 2},
    "4:2:2": {"subsampling": 1},
    "progressive": {"progressive": True, "subsampling": 2},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("coco", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="Only so many photos.")
    arguments = parser.parse_args()
    print(
        "| JPEGs | removed | equal coefficients outside touched MCUs | passthrough byte-identical | size / original | "
        "size change that is not the hole's: median, middle 90 % | change outside touched MCUs | in them, outside the "
        "hole |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, options in VARIANTS.items():
            source = variant(arguments.coco, Path(folder) / name.replace(":", ""), options, arguments.limit)
            print(row(name, source, Path(folder) / f"out {name}".replace(":", "")), flush=True)
    timing(arguments.coco)


def variant(coco: Path, target: Path, options: dict[str, Any], limit: int) -> Path:
    """A copy of the COCO directory, its photos encoded anew with `options` (none: copied).

    Every tenth photo loses its annotations, so that some pass through.
    """
    (annotations,) = (coco / "annotations").glob("instances*.json")
    tree = json.loads(annotations.read_bytes())
    tree["images"] = sorted(tree["images"], key=lambda image: image["file_name"])[: limit or None]
    ids = {image["id"] for image in tree["images"]}
    nobody = {image["id"] for image in tree["images"][::10]}
    tree["annotations"] = [a for a in tree["annotations"] if a["image_id"] in ids - nobody]
    for folder in ("images", "annotations"):
        (target / folder).mkdir(parents=True)
    (target / "annotations" / annotations.name).write_text(json.dumps(tree))
    for image in tree["images"]:
        place = target / "images" / image["file_name"]
        if options:
            Image.open(coco / "images" / image["file_name"]).save(place, "JPEG", quality=90, **options)
        else:
            shutil.copy(coco / "images" / image["file_name"], place)
    return target


def row(name: str, source: Path, output: Path) -> str:
    command = [sys.executable, "-m", "flows.cli.main", "run", source, output, "--preset", "coco", "--fill", "telea"]
    command += ["--set", "verify.segmenter=none", "--set", "publish.report=false"]
    subprocess.run(command, cwd=source, stdout=subprocess.DEVNULL, check=False)
    rows = [json.loads(line) for line in (output / "manifest.jsonl").open(encoding="utf-8")]
    passed = [places(source, output, r) for r in rows if r["state"] == "passthrough"]
    same = sum(before.read_bytes() == after.read_bytes() for before, after in passed)
    compared = [
        compare(*(p.read_bytes() for p in places(source, output, r)), np.asarray(Image.open(output / r["mask"])))
        for r in rows
        if r["state"] == "removed"
    ]
    equal, blocks = sum(c["equal"] for c in compared), sum(c["blocks"] for c in compared)
    sizes, extra = ([c[key] for c in compared] for key in ("size", "extra"))
    low, high = np.percentile(extra, (5, 95))
    outside, rim = (np.mean([c[key] for c in compared]) for key in ("outside", "rim"))
    noted = sum(any("re-encoded" in note for note in r["notes"] or []) for r in rows)
    return (
        f"| {name} | {len(compared)} ({noted} re-encoded) | {equal:,} of {blocks:,} blocks | {same} of {len(passed)} | "
        f"{np.median(sizes):.3f} | {np.median(extra):+.2%}, {low:+.2%} to {high:+.2%} | {outside:.5f} | {rim:.2f} |"
    )


def places(source: Path, output: Path, row: dict[str, Any]) -> tuple[Path, Path]:
    return source / "images" / row["file_name"], output / row["output"]


def compare(before: bytes, after: bytes, hole: np.ndarray) -> dict[str, float]:
    """Of one photo: blocks outside touched MCUs, and how many of them are equal; sizes; mean changes in grey levels."""
    frame = parse_jpeg(before).frame
    mcu_height, mcu_width = frame.mcu
    touched = np.zeros((-(-frame.height // mcu_height), -(-frame.width // mcu_width)), bool)
    rows, columns = np.nonzero(hole)
    touched[rows // mcu_height, columns // mcu_width] = True
    equal = blocks = 0
    try:
        old, new = read_coefficients(before), read_coefficients(after)
        for component, a, b in zip(frame.components, old.coefficients, new.coefficients, strict=True):
            kept = ~touched.repeat(component.v, 0).repeat(component.h, 1)[: a.shape[0], : a.shape[1]]
            equal += int((a[kept] == b[kept]).all((1, 2)).sum())
            blocks += int(kept.sum())
    except CannotEdit:
        blocks = int((~touched).sum())
    first, second = (Image.open(io.BytesIO(raw)) for raw in (before, after))
    options = {
        "qtables": first.quantization,
        "subsampling": max(0, JpegImagePlugin.get_sampling(first)),
        "optimize": not has_standard_tables(parse_jpeg(before)),
    }
    content = [size(image.convert(first.mode), options) for image in (first, second)]
    a, b = (np.asarray(image.convert("RGB"), np.int16) for image in (first, second))
    change = np.abs(a - b).mean(-1)
    pixels = touched.repeat(mcu_height, 0).repeat(mcu_width, 1)[: frame.height, : frame.width]
    rim = pixels & (hole == 0)
    return {
        "equal": equal,
        "blocks": blocks,
        "size": len(after) / len(before),
        "extra": (len(after) - len(before) - (content[1] - content[0])) / len(before),
        "outside": float(change[~pixels].mean()) if (~pixels).any() else 0.0,
        "rim": float(change[rim].mean()) if rim.any() else 0.0,
    }


def size(image: Image.Image, options: dict[str, Any]) -> int:
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return len(out.getvalue())


def timing(coco: Path) -> None:
    """Median CPU seconds of `encode` with a hole in the middle fifth, beside Pillow's plain encoding."""
    names = sorted((coco / "images").glob("*.jpg"))[:20]
    small = [Image.open(name).convert("RGB") for name in names]
    large = small[0].resize((4000, 3000), Image.Resampling.BICUBIC)
    print("\n| photo | kind | encode, CPU s | Pillow's plain encoding, CPU s |\n|---|---|---|---|")
    for words, images in (("0.3 megapixels", small), ("12 megapixels", [large] * 3)):
        for kind, options in (("baseline 4:2:0", {"subsampling": 2}), ("progressive 4:2:0", {"progressive": True})):
            seconds, plain = [], []
            for image in images:
                out = io.BytesIO()
                image.save(out, "JPEG", quality=90, **options)
                photo = decode(out.getvalue(), "photo.jpg")
                hole = np.zeros(photo.pixels.shape[:2], np.uint8)
                height, width = hole.shape
                hole[2 * height // 5 : 3 * height // 5, 2 * width // 5 : 3 * width // 5] = 255
                pixels = np.where(hole[..., None] > 0, np.uint8(128), photo.pixels)
                start = time.process_time()
                encode(photo, pixels, hole)
                middle = time.process_time()
                Image.fromarray(pixels).save(io.BytesIO(), "JPEG", quality=90, **options)
                seconds.append(middle - start)
                plain.append(time.process_time() - middle)
            print(f"| {words} | {kind} | {np.median(seconds):.3f} | {np.median(plain):.3f} |")


if __name__ == "__main__":
    main()
