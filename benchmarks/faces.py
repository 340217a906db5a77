"""How far apart faces are: of one person, of one person changed, of different people.

`python -P benchmarks/faces.py --coco COCO_DIR` takes the annotated people of a COCO directory: every face against
itself changed, and against the faces of other photos.
`python -P benchmarks/faces.py --pairs pairs.csv` takes photos of one person each, beside a CSV of pairs
(`file_x,file_y,Decision`, Yes or No), as deepface's unit tests have one (tests/unit/dataset/master.csv).
"""

from __future__ import annotations

import argparse
import csv
import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from configs.load import load_settings
from detection.faces import Face
from flows.evaluation.reference import listed_photos, read_annotated
from flows.family import DIFFERENT, SAME
from flows.stages import models

LIMITS = (SAME, 0.45, 0.5, 0.6, DIFFERENT)


def shares(distances: Sequence[float]) -> str:
    values = np.array(distances)
    return f"{len(values)} pairs; " + ", ".join(f"<= {limit}: {(values <= limit).sum()}" for limit in LIMITS)


def recompressed(pixels: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file))


def coco(directory: Path) -> None:
    settings, reader = load_settings("coco"), models.face_reader()
    changes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "flipped": lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
        "darker (x 0.6)": lambda pixels: (pixels * 0.6).astype(np.uint8),
        "brighter (x 1.4)": lambda pixels: np.clip(pixels * 1.4, 0, 255).astype(np.uint8),
        "smaller (x 0.7)": lambda pixels: cv2.resize(pixels, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA),
        "JPEG, quality 40": recompressed,
    }
    found: list[tuple[str, Face]] = []
    changed, gone, people, tall = defaultdict(list), defaultdict(int), 0, [0, 0]
    for photo in read_annotated(*listed_photos(directory, settings), settings):
        for person in (one for one in photo.truth.persons if not one.crowd):
            mask, (x, y, width, height) = photo.truth.mask(person), person.bbox
            faces = [face for face in reader.read(photo.pixels, person.bbox) if mask[int(face.y), int(face.x)]]
            people += 1
            tall[0] += height > 150
            if not faces:
                continue
            tall[1] += height > 150
            found.append((photo.name, faces[0]))
            for name, change in changes.items():
                pixels = change(photo.pixels)
                scale, side = pixels.shape[1] / mask.shape[1], mask.shape[1]
                box = (side - x - width if name == "flipped" else x, y, width, height)
                again = reader.read(pixels, tuple(value * scale for value in box))  # type: ignore[arg-type]
                if again:
                    changed[name].append(float(np.linalg.norm(again[0].vector - faces[0].vector)))
                gone[name] += not again
    print(f"{people} people, {len(found)} with a face; taller than 150 px: {tall[1]} of {tall[0]}")
    for name, distances in changed.items():
        print(f"{name}: face gone {gone[name]}; {shares(distances)}")
    different = [
        float(np.linalg.norm(a.vector - b.vector))
        for number, (photo, a) in enumerate(found)
        for other, b in found[:number]
        if other != photo
    ]
    print(f"people of different photos: {shares(different)}")


def pairs(path: Path) -> None:
    reader, faces = models.face_reader(), dict[str, list[Face]]()

    def face(name: str) -> np.ndarray | None:
        if name not in faces:
            pixels = np.asarray(ImageOps.exif_transpose(Image.open(path.parent / name)).convert("RGB"))
            faces[name] = reader.read(pixels, (0, 0, pixels.shape[1], pixels.shape[0]))
        return faces[name][0].vector if faces[name] else None

    distances = defaultdict(list)
    for row in csv.DictReader(path.open(encoding="utf-8")):
        a, b = face(row["file_x"]), face(row["file_y"])
        if a is not None and b is not None:
            distances[row["Decision"]].append(float(np.linalg.norm(a - b)))
    print(f"{len(faces)} photos, {sum(map(bool, faces.values()))} with a face")
    print(f"one person: {shares(distances['Yes'])}; farthest {max(distances['Yes']):.2f}")
    print(f"different people: {shares(distances['No'])}; nearest {min(distances['No']):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coco", type=Path)
    parser.add_argument("--pairs", type=Path)
    arguments = parser.parse_args()
    if arguments.coco:
        coco(arguments.coco)
    if arguments.pairs:
        pairs(arguments.pairs)


if __name__ == "__main__":
    main()
