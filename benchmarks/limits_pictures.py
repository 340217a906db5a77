"""The pictures of docs/limits.md, from finished runs: python benchmarks/limits_pictures.py COCO_DIR OUT PHOTOS OUT"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from figure import before_mask_after
from PIL import Image

WIDTH = 1200
PICTURES = {"crowd": "000000000542", "thin-things": "000000000086", "huge-hole": "zidane"}


def only(folder: Path, pattern: str) -> Path:
    return next(path for path in sorted(folder.rglob(pattern)) if ".person-removal" not in path.parts)


def picture(source: Path, out: Path, stem: str) -> Image.Image:
    before = np.asarray(Image.open(only(source, f"{stem}.jpg")).convert("RGB"))
    hole = np.asarray(Image.open(only(out / "masks", f"{stem}*.png")))
    published = [folder for folder in ("images", "review") if list((out / folder).rglob(f"{stem}.jpg"))]
    after = np.asarray(Image.open(only(out / published[0], f"{stem}.jpg")).convert("RGB"))
    strip = Image.fromarray(before_mask_after(before, hole, after))
    strip.thumbnail((WIDTH, WIDTH))
    return strip


def main() -> None:
    coco, coco_out, photos, photos_out = (Path(argument) for argument in sys.argv[1:5])
    for name, stem in PICTURES.items():
        places = (photos, photos_out) if stem == "zidane" else (coco, coco_out)
        picture(*places, stem).save(f"docs/limits-{name}.jpg", quality=85)


if __name__ == "__main__":
    main()
