"""A pool of worker processes that outlives single shards and survives the death of a worker."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_pool: ProcessPoolExecutor | None = None
_lock = threading.Lock()


def run_in_processes(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    jobs: Sequence[Job],
    workers: int,
    died: Callable[[Job], Result],
) -> Iterator[tuple[Job, Result]]:
    """(job, function(*arguments)) for every job, as they finish.

    With one worker or one job it runs here. A job whose process dies (killed for memory, a crash in C) is tried once
    more alone, then its result is `died(job)`; the others are not affected.
    """
    if workers <= 1 or len(jobs) <= 1:
        prepare_process()
        for args, job in zip(arguments, jobs, strict=True):
            yield job, function(*args)
        return
    futures: dict[Future[Result], int] = {}
    try:
        for index, args in enumerate(arguments):
            futures[_get_pool(workers).submit(function, *args)] = index
    except BrokenProcessPool:
        pass
    unfinished = list(range(len(futures), len(jobs)))
    for future in as_completed(futures):
        try:
            yield jobs[futures[future]], future.result()
        except BrokenProcessPool:
            unfinished.append(futures[future])
    for index in unfinished:
        try:
            yield jobs[index], _get_pool(workers).submit(function, *arguments[index]).result()
        except BrokenProcessPool:
            yield jobs[index], died(jobs[index])


def prepare_process() -> None:
    """One computing thread a process: sums of floats depend on how many threads share them, so a fixed number keeps
    results equal whatever the machine, and processes share the cores better than threads do."""
    import cv2

    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def stop_processes() -> None:
    """Stop the pool, if there is one."""
    global _pool
    with _lock:
        if _pool is not None:
            _pool.shutdown(cancel_futures=True)
            _pool = None


def _get_pool(workers: int) -> ProcessPoolExecutor:
    global _pool
    with _lock:
        if _pool is not None and getattr(_pool, "_broken", False):
            _pool = None
        if _pool is None:
            _pool = ProcessPoolExecutor(
                workers,
                mp_context=multiprocessing.get_context("spawn"),  # forked torch and OpenMP threads hang
                initializer=_start_worker,
            )
        return _pool


def _start_worker() -> None:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    prepare_process()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A killed parent leaves its workers waiting for ever; they leave with it instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
