"""Time of one photo's refinement: python benchmarks/refine.py [--repeats 50]

640 x 480 with five people of ragged outline, and 4000 x 3000 with the same people enlarged; one thread. `plain` does
the same over the full frame for each person, as one would write it down: the same hole, byte for byte.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from unittest.mock import patch

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from configs import RefineSettings
from data.geometry import Box
from data.types import Instance, People
from masks import refine

STANDING = ((60, 180, 40, 150), (150, 200, 45, 180), (260, 90, 30, 110), (400, 240, 80, 200), (560, 150, 35, 140))
"""x, y, width, height of the people in 640 x 480."""


def five_people(scale: float) -> People:
    rng = np.random.default_rng(0)
    size = (round(480 * scale), round(640 * scale))
    persons = []
    for box in STANDING:
        x, y, w, h = (round(v * scale) for v in box)
        mask = np.zeros(size, np.uint8)
        cv2.ellipse(mask, (x + w // 2, y + h // 2), (w // 2, h // 2), 0, 0, 360, 1, -1)
        noise = cv2.resize(rng.random((size[0] // 4, size[1] // 4)).astype(np.float32), size[::-1])
        persons.append(Instance.from_mask((mask > 0) & (noise > 0.25), 0.9, "yolo"))
    return People(size, tuple(persons))


def plain(people: People, settings: RefineSettings) -> np.ndarray:
    with patch("masks.refine._surroundings", lambda masks, margin, size: Box.whole(size)):
        return refine(people, settings)


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats
    cv2.setNumThreads(1)
    settings = RefineSettings()
    table = Table("photo", "refine, ms", "plain, ms", title="CPU milliseconds, median")
    for scale in (1.0, 6.25):
        people = five_people(scale)
        assert (refine(people, settings) == plain(people, settings)).all()
        fast = milliseconds(lambda people=people: refine(people, settings), repeats)
        slow = milliseconds(lambda people=people: plain(people, settings), max(3, repeats // 10))
        table.add_row(f"{people.size[1]} x {people.size[0]}", f"{fast:.1f}", f"{slow:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
