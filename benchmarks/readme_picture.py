"""The README's picture, from what `make demo` made: python benchmarks/readme_picture.py [DEMO_DIR]"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from figure import before_mask_after
from PIL import Image

demo = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
before = np.asarray(Image.open(demo / "photos/bus.jpg").convert("RGB"))
hole = np.asarray(Image.open(demo / "without-people/masks/bus.png"))
after = np.asarray(Image.open(demo / "without-people/images/bus.jpg").convert("RGB"))
strip = Image.fromarray(before_mask_after(before, hole, after))
strip.thumbnail((1500, 1500))
Path("docs").mkdir(exist_ok=True)
strip.save("docs/before-mask-after.jpg", quality=88)
