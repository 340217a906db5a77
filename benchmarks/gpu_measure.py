"""Time, memory and the table's rows of `benchmarks/gpu.py`."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

CUDA = "cuda"
ENOUGH = 2.0
"""Seconds after which nothing is repeated."""
RUNS = 5


@dataclass(frozen=True)
class Row:
    """largest, mean: differences between the two devices, in `unit`. cpu, gpu: milliseconds a photo. memory: peak of
    the device in MB, the network included. None is what was not measured."""

    part: str
    largest: float | None = None
    mean: float | None = None
    unit: str = ""
    cpu: float | None = None
    gpu: float | None = None
    memory: float | None = None
    note: str = ""

    def __str__(self) -> str:
        def shown(value: float | None, form: str) -> str:
            return "" if value is None else format(value, form)

        figures = (shown(self.cpu, ".0f"), shown(self.gpu, ".1f"), shown(self.memory, ",.0f"))
        apart = (shown(self.largest, ".3g"), shown(self.mean, ".2g"))
        return f"| {self.part} | {' | '.join(apart)} | {self.unit} | {' | '.join(figures)} | {self.note} |"


HEAD = """| part | largest difference | mean | of | CPU, ms a photo | CUDA, ms a photo | CUDA, MB | note |
|---|---|---|---|---|---|---|---|"""


def timed(work: Callable[[], Any], device: str) -> tuple[Any, float]:
    """What the work gives, and its milliseconds: the middle of some runs after a first one, or of that alone where it
    takes long."""
    seconds: list[float] = []
    result = None
    while len(seconds) <= RUNS and (len(seconds) < 1 or sum(seconds) < ENOUGH):
        start = time.perf_counter()
        result = work()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    later = sorted(seconds[1:] or seconds)
    return result, 1000 * later[len(later) // 2]


def on_gpu(make: Callable[[str], Callable[[], Any]]) -> tuple[Any, float, float]:
    """Result, milliseconds and peak megabytes of the work that `make` makes for the GPU."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result, milliseconds = timed(make(CUDA), CUDA)
    return result, milliseconds, (torch.cuda.max_memory_allocated() - before) / 1e6


@contextmanager
def small_device(megabytes: float) -> Iterator[None]:
    """Within it torch may take only so many megabytes more of the device than it holds."""
    gc.collect()
    torch.cuda.empty_cache()
    allowed = torch.cuda.memory_reserved() + megabytes * 1e6
    torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.get_device_properties(0).total_memory)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
