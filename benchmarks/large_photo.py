"""Seconds and peak memory of filling three people in a photo of 12 megapixels, each line in a fresh process.

    python benchmarks/large_photo.py [PHOTO] --set "" fill=auto patchmatch.guide=none "patchmatch.guide=none window=384"

PHOTO (the ultralytics package's bus.jpg unless given) is enlarged to 4000 x 3000 and gets grain; the people are bodies
of 700 to 900 px, far apart. The process has one computing thread, as every process of a run.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from configs.load import load_settings
from data.types import Hole, Pixels
from data.weights.files import find
from flows.run.workers import prepare_process
from flows.stages.context import resolve_fill
from inpainting import build_fill, inpaint, settings_for

PEOPLE = ((500, 2200, 800), (1900, 700, 700), (3300, 2300, 900))
"""Centre x, centre y and height in pixels."""


def picture(path: Path) -> tuple[Pixels, Hole]:
    """The enlarged photo and its hole."""
    small = cv2.imread(str(path))
    large = cv2.resize(small, (4000, 3000), interpolation=cv2.INTER_CUBIC)[..., ::-1]
    grain = np.random.default_rng(0).integers(-7, 8, large.shape, np.int8)
    hole = np.zeros(large.shape[:2], np.uint8)
    for x, y, height in PEOPLE:
        cv2.ellipse(hole, (x, y + height // 10), (height // 6, 2 * height // 5), 0, 0, 360, 255, -1)
        cv2.circle(hole, (x, y - 2 * height // 5), height // 10, 255, -1)
    grainy = np.clip(large.astype(np.int16) + grain, 0, 255)  # nothing wider: making it must not be the peak
    return grainy.astype(np.uint8), hole


def measure(path: Path, chosen: str) -> str:
    """One line of the table."""
    image, hole = picture(path)
    asked = load_settings("coco", ["inpaint.fill=patchmatch", *(f"inpaint.{part}" for part in chosen.split())]).inpaint
    settings, _ = settings_for(resolve_fill(asked), hole)
    fill = build_fill(settings, {name: find(name) for name in settings.required_weights()})
    prepare_process()
    wall, cpu = time.perf_counter(), time.process_time()
    inpaint(image, hole, fill, settings)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)
    return f"| {chosen or 'defaults'} | {wall:.1f} | {cpu:.1f} | {peak:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found = find_spec("ultralytics")
    bus = Path(str(found.origin)).parent / "assets" / "bus.jpg" if found else None
    parser.add_argument("photo", type=Path, nargs="?", default=bus)
    parser.add_argument(
        "--set", nargs="+", default=[""], metavar="'NAME=VALUE ...'", help="inpaint settings, a line each"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(measure(arguments.photo, arguments.one))
        return
    print("| settings | seconds | CPU seconds | peak memory of the process, GB |\n|---|---|---|---|")
    for chosen in arguments.set:
        command = [sys.executable, __file__, str(arguments.photo), "--one", chosen]
        print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
