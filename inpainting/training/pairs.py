"""Pre-fills of the training pairs: computed once, kept as small PNG files, by as many processes as are wanted."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from configs import InpaintSettings
from data.storage.files import sha256, write_atomic
from data.types import Hole, Pixels
from inpainting import STAGE_VERSION, Fill, build_fill
from inpainting.training.data import Items


@dataclass(frozen=True)
class Prefill:
    """`inpainting.training.data.Prefilled`. fill: None leaves the truth. folder: where results are kept, or None."""

    fill: Fill | None
    folder: Path | None = None

    def __call__(self, number: int, truth: Pixels, hole: Hole) -> Pixels:
        if self.fill is None:
            return truth
        path = self.folder / f"{number:08d}.png" if self.folder else None
        inside = hole[..., None] != 0
        kept = _read(path) if path else None
        if kept is None or kept.shape != truth.shape:
            # what the hole covers is hidden from the fill, as a person would be
            filled = self.fill.fill(np.where(inside, np.uint8(0), truth), hole)
            if path:
                _, png = cv2.imencode(".png", np.where(inside, filled, np.uint8(0))[..., ::-1])
                write_atomic(path, png.tobytes(), durable=True)
        else:
            filled = np.asarray(kept[..., ::-1], np.uint8)
        return np.where(inside, filled, truth)


def _read(path: Path) -> Pixels | None:
    """BGR; None for a file that is not there or damaged."""
    try:
        return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value]
    except (OSError, cv2.error):
        return None


def build_prefill(items: Items, cache: Path | None) -> Prefill:
    """The pre-fill of these items; `cache`: the folder in which pairs are kept, of many trainings."""
    settings = items.settings
    if settings.network.prefill == "none":
        return Prefill(None)
    fill = build_fill(InpaintSettings(fill=settings.network.prefill), {})
    limited = settings.data.pairs and items.purpose == "train"
    return Prefill(fill, cache / _key(items) if cache and limited else None)


def _key(items: Items) -> str:
    """Of everything that decides what a pair is and how it is filled."""
    settings = items.settings
    said = [
        [settings.run.seed, items.purpose, settings.data.size, settings.data.scales, settings.network.prefill],
        settings.holes.model_dump(mode="json"),
        InpaintSettings().model_dump(mode="json"),
        STAGE_VERSION,
        [[path.name, path.stat().st_size] for path in items.photos],
        [sha256(shape.tobytes()) for shape in items.people],
    ]
    return sha256(json.dumps(said).encode())[:16]


def prepare(items: Items, cache: Path, workers: int) -> Iterator[int]:
    """Fill every pair that is not filled yet; yields the number that is done from time to time."""
    prefill = build_prefill(items, cache)
    if prefill.folder is None:
        return
    prefill.folder.mkdir(parents=True, exist_ok=True)
    there = {path.stem for path in prefill.folder.glob("*.png") if path.stat().st_size}
    missing = [n for n in range(items.settings.data.pairs) if f"{n:08d}" not in there]
    done = items.settings.data.pairs - len(missing)
    yield done
    if not missing:
        return
    context = multiprocessing.get_context("spawn")  # threads of torch and OpenCV do not survive a fork
    processes = ProcessPoolExecutor(workers, context, _begin, (items, cache))
    try:
        for _ in processes.map(_one, missing, chunksize=4):
            done += 1
            yield done
    finally:
        processes.shutdown(cancel_futures=True)


_own: tuple[Items, Prefill] | None = None


def _begin(items: Items, cache: Path) -> None:
    global _own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's to answer
    cv2.setNumThreads(1)
    _own = items, build_prefill(items, cache)


def _one(number: int) -> None:
    assert _own is not None
    items, prefill = _own
    prefill(number, *items.pair(number))
