"""Photos a second of the flow, of the plain run, and of the script that one would write without this program."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

import inpainting
from configs import Settings
from data.sample_photos import copy_samples
from data.types import Hole
from flows.deployments.server import api_url, start_server
from flows.plan.selection import selection
from flows.results.finish import Summary
from flows.run.job import execute, prepare
from flows.stages import models
from flows.stages.context import find_weights, resolve

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Timing:
    """photos were done in `seconds`; computed: of them not taken from the store. cpu: seconds of all processes but a
    server's, which is what to compare on a machine that does other things too."""

    what: str
    photos: int
    computed: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.photos / max(self.seconds, 1e-9)


def compare(source: Path, names: Sequence[str], settings: Settings, folder: Path, naive: int) -> Iterator[Timing]:
    """Time everything on the photos `names` of `source`, one after the other; results go below `folder`.

    The naive script gets the plain run's holes as its masks, and `naive` of the photos: it is slow. The Prefect
    server runs already when the flow starts.
    """

    def plain(output: Path) -> Summary | None:
        return execute(prepare(source, output, settings, selection(photos=names)))

    def flow(output: Path) -> Summary | None:
        from flows.person_removal import person_removal

        call: Any = person_removal  # the overloads of a flow differ between Prefect's versions
        summary: Summary | None = call(str(source), str(output), settings=settings, photos=list(names))
        return summary

    yield _timed("plain run", plain, folder / "plain")
    yield _timed("plain run, all cached", plain, folder / "plain")
    with server(folder / "prefect"):
        from flows import person_removal  # noqa: F401  (its import takes seconds once)

        yield _timed("flow (Prefect)", flow, folder / "flow")
        yield _timed("flow (Prefect), all cached", flow, folder / "flow")
    chosen = [names[i] for i in np.linspace(0, len(names) - 1, min(naive, len(names))).astype(int)]
    yield _naive(source, chosen, settings, folder)


def _timed(what: str, run: Callable[[Path], Summary | None], output: Path) -> Timing:
    started, cpu = time.perf_counter(), _cpu()
    summary = run(output)
    assert summary is not None
    return Timing(what, summary.photos, summary.computed, time.perf_counter() - started, _cpu() - cpu)


def _cpu() -> float:
    """CPU seconds of this process and of those it has waited for: the worker processes of a run that is over."""
    return sum(os.times()[:4])


def _naive(source: Path, names: Sequence[str], settings: Settings, folder: Path) -> Timing:
    """Photo by photo in plain Python: decode, take the mask, dilate it, fill the whole photo, encode."""
    settings = resolve(settings)
    whole = settings.inpaint.model_copy(update={"strategy": "whole"})
    fill = models.fill(whole, find_weights(settings))
    found = next(path for path in (source, source / "images", *source.rglob("*")) if (path / names[0]).is_file())
    out = folder / "naive"
    out.mkdir(exist_ok=True)
    started, cpu = time.perf_counter(), _cpu()
    for name in names:
        pixels = np.asarray(Image.open(found / name).convert("RGB"))
        mask = _mask(folder / "plain" / "masks", name, pixels.shape[:2])
        hole = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)
        if hole.any():
            pixels = inpainting.compose(pixels, hole, inpainting.inpaint(pixels, hole, fill, whole))
        Image.fromarray(pixels).save(out / f"{Path(name).stem}.jpg", quality=95)
    return Timing("naive script", len(names), len(names), time.perf_counter() - started, _cpu() - cpu)


def _mask(folder: Path, name: str, size: tuple[int, ...]) -> Hole:
    for path in (folder / Path(name).with_suffix(".png"), folder / f"{name}.png"):
        if path.is_file():
            return np.asarray(Image.open(path).convert("L"))
    return np.zeros(size, np.uint8)


@contextmanager
def server(home: Path) -> Iterator[None]:
    """A Prefect server on loopback with a database of its own; it stops with the block. Raises ServerError."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    api = api_url(HOST, port)
    variables = {"PREFECT_API_URL": api, "PREFECT_HOME": str(home), "PREFECT_LOGGING_LEVEL": "ERROR"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        running = start_server(HOST, port, None, home / "server.log")
        from flows.deployments.profile import flows_tell

        try:
            with flows_tell(api):
                yield
        finally:
            running.stop()
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def sample_photos() -> Iterator[Path]:
    """The photos of the ultralytics package in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        copy_samples(Path(folder))
        yield Path(folder)
