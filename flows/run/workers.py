"""Worker processes that outlive single shards, survive the death of one of them, and are stopped when they hang."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_pools: dict[int, _Pool] = {}
_lock = threading.Lock()
_here = threading.RLock()  # one photo at a time is computed in this process itself
_given_up = threading.Event()
_TOLD_WITHIN = 3.0
"""Seconds between the end of a process that was told to end and our own hearing of it."""


def run_in_processes(
    function: Callable[..., Result],
    arguments: Sequence[tuple[object, ...]],
    jobs: Sequence[Job],
    workers: int,
    lost: Callable[[Job, str], Result],
    timeout: float = 0,
) -> Iterator[tuple[Job, Result, float]]:
    """(job, function(*arguments), seconds) for every job, as they finish.

    A job whose process dies (killed for memory, a crash in C) is tried once more, one that takes longer than
    `timeout` seconds (0: no limit) has its process killed; the result is then `lost(job, why)`. The other jobs are
    not affected. Without a limit, one worker or one job works here instead of in a process of its own, and so does
    everything in a process that may not have children (a Dask worker is one).
    """
    alone = workers <= 1 or len(jobs) <= 1
    if (alone and not timeout) or multiprocessing.current_process().daemon:
        prepare_process()
        for args, job in zip(arguments, jobs, strict=True):
            refuse_given_up()
            started = time.monotonic()
            with _here:
                result = function(*args)
            yield job, result, time.monotonic() - started
        return
    if not jobs:
        return
    pool = _get_pool(workers)
    futures: dict[Future[tuple[Result, float]], Job] = {
        pool.submit(function, args, timeout): job for args, job in zip(arguments, jobs, strict=True)
    }
    try:
        for future in as_completed(futures):
            job = futures[future]
            try:
                yield job, *future.result()
            except _Lost as error:
                yield job, lost(job, str(error)), error.seconds
    finally:  # an error or Ctrl-C: what has not started yet will not be wanted
        for future in futures:
            future.cancel()


def overlapping(function: Callable[[Job], Result], items: Sequence[Job], at_once: int = 3) -> list[Result]:
    """[function(item) for item in items], a few at a time on threads, whose photos share the pool of processes.

    So the pool has work while the last photos of one shard's stage are finished. No more than a few shards are under
    way, which bounds what waits in memory. An error or Ctrl-C stops the processes, so that no thread goes on: again
    and again, because a thread between two stages asks for new ones.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="shard") as threads:
        futures = [threads.submit(function, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            _given_up.set()
            for future in futures:
                future.cancel()
            while not all(future.done() for future in futures):
                stop_processes()
                time.sleep(0.05)
            raise


def prepare_process() -> None:
    """One computing thread a process: sums of floats depend on how many threads share them, so a fixed number keeps
    results equal whatever the machine, and processes share the cores better than threads do."""
    import cv2

    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def stop_processes() -> None:
    """Stop every worker process at once; what they write is written whole or not at all."""
    with _lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.stop()


@contextmanager
def given_up_when_stopped() -> Iterator[None]:
    """Where an error, Ctrl-C or a cancellation ends what is inside, nothing is started or stored for it any more.

    Stopping the processes is not enough: threads that work on other shards would start new ones for the next stage.
    """
    _given_up.clear()
    try:
        yield
    except BaseException:
        _given_up.set()
        raise
    finally:
        stop_processes()


def give_up() -> None:
    """From another thread than the run's: it ends with `Stopped`, and nothing is started or stored for it any more."""
    _given_up.set()
    stop_processes()


def refuse_given_up() -> None:
    """Raises Stopped in a run that was stopped."""
    if _given_up.is_set():
        raise Stopped


class Stopped(Exception):
    """The processes were stopped while there was still work for them."""


class _Lost(Exception):
    """A job that has no result."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class _Pool:
    """As many threads as worker processes; each job's thread drives one process through a pipe, so that it knows
    which job a process dies or hangs with (an executor of the standard library would lose them all)."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all: set[_Worker] = set()
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def submit(
        self, function: Callable[..., Result], args: tuple[object, ...], timeout: float
    ) -> Future[tuple[Result, float]]:
        return self._threads.submit(self._run, function, args, timeout)

    def stop(self) -> None:
        """Every job that has no result yet ends with `Stopped`. (Cancelling it would leave `as_completed` waiting for
        ever: an executor that shuts down tells nobody of what it cancels.)"""
        with self._lock:
            self._stopped.set()
        for worker in list(self._all):
            worker.kill()
        self._threads.shutdown(wait=True)

    def _run(self, function: Callable[..., Result], args: tuple[object, ...], timeout: float) -> tuple[Result, float]:
        started = time.monotonic()
        for attempt in range(2):
            worker = self._worker()
            try:
                worker.get_ready()
                started = time.monotonic()
                result: Result = worker.run(function, args, timeout)
            except TimeoutError:
                self._drop(worker)
                raise _Lost(f"took longer than {timeout:g} s", time.monotonic() - started) from None
            except (EOFError, ConnectionError):
                self._drop(worker)
                # whoever stops a run may tell the whole family, and the children know it a moment earlier than we do
                if self._stopped.wait(_TOLD_WITHIN if worker.was_told_to_end() else 0):
                    raise Stopped from None
                if attempt:
                    raise _Lost("died (out of memory?)", time.monotonic() - started) from None
            except BaseException:
                self._idle.put(worker)
                raise
            else:
                self._idle.put(worker)
                break
        return result, time.monotonic() - started

    def _worker(self) -> _Worker:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            with self._lock:
                if self._stopped.is_set():
                    raise Stopped from None
                worker = _Worker()
                self._all.add(worker)
            return worker

    def _drop(self, worker: _Worker) -> None:
        worker.kill()
        self._all.discard(worker)


class _Worker:
    """One child process that does one job at a time."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # forked torch and OpenMP threads hang
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # or its end would never be seen here
        self._ready = False

    def get_ready(self) -> None:
        """Wait for its start, which is not the first job's time. Raises EOFError, ConnectionError."""
        if not self._ready:
            self._ready = self._pipe.recv()

    def run(self, function: Callable[..., Result], args: tuple[object, ...], timeout: float) -> Result:
        """Raises TimeoutError, EOFError or ConnectionError (the process is gone), and what the function raises."""
        self._pipe.send((function, args))
        if not self._pipe.poll(timeout or None):
            raise TimeoutError
        value, error = self._pipe.recv()
        if error is not None:
            raise error
        result: Result = value
        return result

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def was_told_to_end(self) -> bool:
        """Whether SIGTERM ended it: neither a crash nor the kernel, when memory is short, sends that."""
        return self._process.exitcode == -signal.SIGTERM


def _work(pipe: Connection[object, tuple[Callable[..., object], tuple[object, ...]]]) -> None:
    """The life of a worker process: a job in, its result or error out."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=leave_with_parent, daemon=True).start()
    prepare_process()
    pipe.send(True)
    while True:
        try:
            function, args = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((function(*args), None))
        except Exception as error:
            pipe.send((None, error))


def leave_with_parent() -> None:
    """A killed parent leaves its workers waiting for ever; they leave with it instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _get_pool(workers: int) -> _Pool:
    with _lock:
        refuse_given_up()
        return _pools.setdefault(max(workers, 1), _Pool(max(workers, 1)))
