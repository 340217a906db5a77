"""Seconds and peak memory of a whole run over one photo of 24 megapixels with 300 annotated people.

    python benchmarks/crowd.py [--people 100 300] [--fill telea]

Each line is a run in fresh processes: segment, refine, inpaint, verify (without a verifier), publish, annotations.
`small` people are 30 x 60 pixels, `large` ones 20 to 230 pixels wide and three times as tall, so that they hide most of
the photo and each other. The largest process of the run is what counts.
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
from PIL import Image

SIZE = (4000, 6000)


def outline(rng: np.random.Generator, large: bool) -> list[float]:
    """A polygon around somebody who stands anywhere in the photo."""
    width = int(rng.integers(20, 230)) if large else 30
    height = 3 * width if large else 60
    x, y = rng.integers(0, SIZE[1] - width), rng.integers(0, SIZE[0] - height)
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ragged = 1 + 0.2 * np.sin(7 * turn)
    points = np.stack([x + width / 2 * (1 + np.cos(turn) * ragged), y + height / 2 * (1 + np.sin(turn))], 1)
    return points.clip(0, SIZE[::-1]).round(1).ravel().tolist()  # type: ignore[no-any-return]


def make_collection(folder: Path, people: int, large: bool) -> None:
    """A COCO directory with one JPEG of coarse noise."""
    rng = np.random.default_rng(people)
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    coarse = Image.fromarray(rng.integers(0, 255, (SIZE[0] // 50, SIZE[1] // 50, 3), np.uint8))
    coarse.resize(SIZE[::-1], Image.Resampling.BICUBIC).save(folder / "images/crowd.jpg", quality=95)
    annotations: list[dict[str, Any]] = [
        {"id": i + 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": [outline(rng, large)]}
        for i in range(people)
    ]
    tree = {
        "images": [{"id": 1, "file_name": "crowd.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": annotations,
    }
    (folder / "annotations/instances.json").write_text(json.dumps(tree))


def measure(people: int, large: bool, fill: str) -> str:
    """One line of the table, in a process whose only children are those of the run."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_collection(folder / "in", people, large)
        command = [str(Path(sys.executable).with_name("person-removal")), "run", "in", "out", "--preset", "coco"]
        command += ["--fill", fill, "--set", "verify.segmenter=none", "--set", "verify.hole_share=1"]
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    size = "large" if large else "small"
    return f"| {people} {size} | {fill} | {wall:.1f} | {used.ru_utime + used.ru_stime:.1f} | {peak:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--fill", default="telea")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(measure(int(arguments.one[0]), arguments.one[1] == "large", arguments.fill))
        return
    print("| people | fill | seconds | CPU seconds | peak memory of a process, GB |\n|---|---|---|---|---|")
    for size in ("small", "large"):
        for people in arguments.people:
            command = [sys.executable, __file__, "--one", str(people), size, "--fill", arguments.fill]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
