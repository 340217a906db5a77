"""Seconds and peak memory of filling three people in a photo of 12 megapixels, each line in a fresh process.

    python benchmarks/large_photo.py [PHOTO] --set "" fill=auto patchmatch.guide=none "patchmatch.guide=none window=384"
    python benchmarks/large_photo.py [PHOTO] --steps embedded

PHOTO (the ultralytics package's bus.jpg unless given) is enlarged to 4000 x 3000 and gets grain; the people are bodies
of 700 to 900 px, far apart. With `--steps PRESET` it is enlarged to 12 megapixels as it is, saved as JPEG, and taken
through all steps of a run but the verifier, with the people who are in it. The process has one computing thread, as
every process of a run.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

import inpainting
import masks
from configs.load import load_settings
from data.images import decode, encode, mask_png
from data.types import Hole, Pixels
from data.weights.files import find
from flows.report.thumbnails import thumbnails
from flows.run.workers import prepare_process
from flows.stages import models
from flows.stages.context import find_weights, resolve, resolve_fill
from flows.stages.photo_steps import fill_hole, fill_settings, find_people, mark
from flows.stages.verify import check
from inpainting import build_fill, inpaint, settings_for

Result = TypeVar("Result")
PEOPLE = ((500, 2200, 800), (1900, 700, 700), (3300, 2300, 900))
"""Centre x, centre y and height in pixels."""


def picture(path: Path) -> tuple[Pixels, Hole]:
    """The enlarged photo and its hole."""
    small = cv2.imread(str(path))
    hole = np.zeros((3000, 4000), np.uint8)
    for x, y, height in PEOPLE:
        cv2.ellipse(hole, (x, y + height // 10), (height // 6, 2 * height // 5), 0, 0, 360, 255, -1)
        cv2.circle(hole, (x, y - 2 * height // 5), height // 10, 255, -1)
    return enlarged(small, (4000, 3000)), hole


def enlarged(small: Pixels, size: tuple[int, int]) -> Pixels:
    """A BGR picture as RGB of `size` (width, height), with grain."""
    large = cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)[..., ::-1]
    grain = np.random.default_rng(0).integers(-7, 8, large.shape, np.int8)
    return np.clip(large.astype(np.int16) + grain, 0, 255).astype(np.uint8)  # nothing wider: it must not be the peak


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
    return f"| {chosen or 'defaults'} | {wall:.1f} | {cpu:.1f} | {peak():.2f} |"


def peak() -> float:
    """Gigabytes that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def steps(path: Path, preset: str) -> None:
    """A line for each step of one photo."""
    small = cv2.imread(str(path))
    by = (12e6 / (small.shape[0] * small.shape[1])) ** 0.5
    large = enlarged(small, (round(small.shape[1] * by), round(small.shape[0] * by)))
    raw = cv2.imencode(".jpg", large[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    settings = resolve(load_settings(preset, ["verify.segmenter=none"]))
    weights, filling = find_weights(settings), fill_settings(settings.inpaint, drawn=False)
    prepare_process()

    def step(name: str, function: Callable[[], Result]) -> Result:
        wall, cpu = time.perf_counter(), time.process_time()
        result = function()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {peak():.2f} |", flush=True)
        return result

    photo = step("decode, check that it is whole", lambda: decode(raw, path.name))
    before = photo.pixels
    step("import and load the segmenter", lambda: models.segmenter(settings.segment, weights))
    people = step("segment", lambda: find_people(before, path.name, settings.segment, weights))
    marked = step("refine", lambda: mark(people, (), settings.refine, lambda: before))
    able, _ = settings_for(filling, marked.hole)
    step("import and load the fill", lambda: models.fill(able, weights))
    filled = step("inpaint", lambda: fill_hole(before, marked.hole, marked.kept, filling, weights))
    packed = step("pack the patches", lambda: inpainting.pack(filled.patches))
    patches = step("unpack them, for each of two stages", lambda: inpainting.unpack(packed))
    after = step("compose", lambda: inpainting.compose(before, marked.hole, patches))
    choice = masks.choose(people, (), settings.refine)
    step(
        "figures of the fill",
        lambda: check(
            settings, lambda: before, lambda: after, lambda _, __: people, people, marked.hole, choice, (), marked.kept
        ),
    )
    step("write the file, read it back", lambda: encode(photo, after, marked.hole))
    step("mask and the report's pictures", lambda: (mask_png(marked.hole), thumbnails(before, after, marked.hole)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found = find_spec("ultralytics")
    bus = Path(str(found.origin)).parent / "assets" / "bus.jpg" if found else None
    parser.add_argument("photo", type=Path, nargs="?", default=bus)
    parser.add_argument(
        "--set", nargs="+", default=[""], metavar="'NAME=VALUE ...'", help="inpaint settings, a line each"
    )
    parser.add_argument("--steps", metavar="PRESET", help="all steps of a run, by this preset")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.steps:
        print("| step | seconds | CPU seconds | peak memory so far, GB |\n|---|---|---|---|")
        steps(arguments.photo, arguments.steps)
        return
    if arguments.one is not None:
        print(measure(arguments.photo, arguments.one))
        return
    print("| settings | seconds | CPU seconds | peak memory of the process, GB |\n|---|---|---|---|")
    for chosen in arguments.set:
        command = [sys.executable, __file__, str(arguments.photo), "--one", chosen]
        print(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
