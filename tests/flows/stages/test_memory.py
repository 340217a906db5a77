"""Out of memory: a hole is filled at a lower resolution, and the result is never taken for the full one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from collection_with_people import FAST

from configs import InpaintSettings
from configs.load import load_settings
from data.types import Hole, Pixels
from flows.plan.selection import selection
from flows.run.job import execute, prepare
from flows.stages import models
from flows.stages.photo_steps import inpaint_within_memory
from inpainting.deepfillv2.fill import DeepFill


class Small:
    """Fills with one value what has at most `most` pixels a side; there is no memory for more."""

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, [0]

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        self.seen.append(max(hole.shape))
        if self.seen[-1] > self.most:
            raise MemoryError("no room")
        return np.full_like(image, 7)


@pytest.fixture
def photo() -> Pixels:
    return np.full((600, 800, 3), 200, np.uint8)


@pytest.fixture
def hole() -> Hole:
    hole = np.zeros((600, 800), np.uint8)
    hole[100:500, 200:600] = 255
    return hole


@pytest.mark.parametrize(
    ("most", "settings", "lower"),
    [
        (2000, {}, None),
        (384, {}, None),
        (383, {}, "inpaint.window=192"),
        (100, {}, "inpaint.window=96"),
        (2000, {"strategy": "whole"}, None),
        (799, {"strategy": "whole"}, "inpaint.window=400"),
        (399, {"strategy": "whole"}, "inpaint.window=200"),
        (799, {"window": 4096}, "inpaint.window=400"),  # a window is never larger than the photo
    ],
)
def test_the_resolution_is_halved_until_it_fits(
    photo: Pixels, hole: Hole, most: int, settings: dict[str, Any], lower: str | None
) -> None:
    patches, said = inpaint_within_memory(photo, hole, Small(most), InpaintSettings(harmony=0, **settings), None)
    assert said == lower
    assert sum(patch.pixels.size for patch in patches) >= 3 * 400 * 400


def test_there_is_a_least_resolution(photo: Pixels, hole: Hole) -> None:
    with pytest.raises(MemoryError, match="no room"):
        inpaint_within_memory(photo, hole, fill := Small(20), InpaintSettings(), None)
    assert min(fill.seen[1:]) >= 64


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), MemoryError),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"), MemoryError),
        (RuntimeError("shapes differ"), RuntimeError),
    ],
)
def test_what_torch_calls_it(photo: Pixels, hole: Hole, error: Exception, raised: type[Exception]) -> None:
    class Generator:
        layout = "pt"

        def complete(self, image: Any, hole: Any) -> Any:
            raise error

    with pytest.raises(raised) as caught:
        DeepFill(Generator(), torch.device("cpu")).fill(photo, hole)  # type: ignore[arg-type]
    assert type(caught.value) is raised


def test_a_cpu_without_memory_says_so() -> None:
    class Generator:
        layout = "pt"

        def complete(self, image: Any, hole: Any) -> Any:
            return torch.empty(1 << 50)

    with pytest.raises(MemoryError):
        DeepFill(Generator(), torch.device("cpu")).fill(  # type: ignore[arg-type]
            np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 255, np.uint8)
        )


def test_a_run_says_so_and_the_next_one_tries_again(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings("coco", [*FAST, "inpaint.strategy=whole"])

    def run(most: int) -> dict[str, list[str]]:
        monkeypatch.setattr(models, "fill", lambda settings, weights: Small(most))
        execute(prepare(coco, tmp_path / "out", settings, selection()))
        rows = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
        return {row["file_name"]: [note for note in row["notes"] if "memory" in note] for row in rows}

    degraded = run(100)
    said = {note for notes in degraded.values() for note in notes}
    assert said == {"out of memory: filled at a lower resolution (inpaint.window=64)"}  # the photos are 128 wide
    computed()
    assert run(100) == degraded  # again and again: never stored as what was asked for
    assert computed().get("inpaint") == sum(map(bool, degraded.values()))
    assert not any(run(1000).values())
    assert computed()["inpaint"] == sum(map(bool, degraded.values()))
    assert not any(run(100).values())  # the full result stands in the store, nothing is computed
    assert not computed()


def test_one_worker_is_not_told_to_be_fewer(coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "fill", lambda settings, weights: Small(0))
    settings = load_settings("coco", [*FAST, "run.workers=1", "run.retries=0"])
    summary = execute(prepare(coco, tmp_path / "out", settings, selection()))
    assert summary and summary.problems
    assert all("stage 'inpaint'; it needs more than this machine has free" in said for said in summary.problems)
