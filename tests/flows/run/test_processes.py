"""Worker processes: results as they come, and the loss of one that dies or hangs is the loss of one photo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from configs import SettingsError
from flows.run.workers import Stopped, given_up_when_stopped, overlapping, run_in_processes, stop_processes


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    with given_up_when_stopped():
        yield


def square(number: int) -> int:
    return number * number


def pid(number: int) -> int:
    return os.getpid()


def die(number: int) -> int:
    if number == 1:
        os._exit(9)
    return number


def die_once(number: int, mark: str) -> int:
    if number == 1 and not Path(mark).exists():
        Path(mark).touch()
        os._exit(9)
    return number


def fault(number: int) -> int:
    raise SettingsError(f"no {number}")


def collect(function, jobs, workers, timeout=0.0, *more):  # type: ignore[no-untyped-def]
    arguments = [(job, *more) for job in jobs]
    lost = run_in_processes(function, arguments, jobs, workers, lambda job, why: f"{job} {why}", timeout)
    return {job: result for job, result, _ in lost}


@pytest.mark.parametrize(("workers", "timeout"), [(1, 0), (1, 60), (2, 0), (2, 60)])
def test_every_job_has_its_result(workers: int, timeout: float) -> None:
    assert collect(square, range(9), workers, timeout) == {n: n * n for n in range(9)}


def test_one_worker_without_a_limit_works_in_this_process() -> None:
    assert set(collect(pid, range(2), 1).values()) == {os.getpid()}
    assert os.getpid() not in collect(pid, range(2), 1, 60).values()


def test_processes_are_kept_for_the_next_jobs() -> None:
    first = set(collect(pid, range(8), 2).values())
    assert set(collect(pid, range(8), 2).values()) <= first and len(first) <= 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_dies_costs_its_own_job_only(workers: int) -> None:
    assert collect(die, range(4), workers, 60) == {0: 0, 1: "1 died (out of memory?)", 2: 2, 3: 3}


def test_a_process_that_dies_by_chance_costs_nothing(tmp_path: Path) -> None:
    assert collect(die_once, range(3), 2, 60, str(tmp_path / "mark")) == {0: 0, 1: 1, 2: 2}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_hangs_is_killed_and_the_others_go_on(workers: int) -> None:
    seconds = [(0,), (600,), (0,), (0,)]  # time.sleep: a process needs no time to import it, whatever the load
    slept = run_in_processes(time.sleep, seconds, range(4), workers, lambda job, why: f"{job} {why}", 4)
    assert {job: result for job, result, _ in slept} == {0: None, 1: "1 took longer than 4 s", 2: None, 3: None}


def test_an_error_that_every_job_would_meet_ends_the_run() -> None:
    with pytest.raises(SettingsError, match="no "):
        collect(fault, range(4), 2)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_stopping_does_not_wait_for_what_runs() -> None:
    jobs = run_in_processes(time.sleep, [(0,), (600,)], [0, 1], 2, lambda job, why: None)
    assert next(jobs)[:2] == (0, None)
    started = time.monotonic()
    stop_processes()
    assert time.monotonic() - started < 60


def be_told_to_end(number: int, folder: str) -> int:
    (Path(folder) / f"{os.getpid()}").touch()
    if number == 1:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(600)
    return number


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_run_whose_family_is_told_to_end_starts_no_new_process(tmp_path: Path) -> None:
    """A cancellation reaches the processes a moment before it reaches the run that they work for."""
    jobs = run_in_processes(be_told_to_end, [(1, str(tmp_path))], [1], 2, lambda job, why: -1, 60)
    ended: list[BaseException] = []

    def take() -> None:
        try:
            list(jobs)
        except Stopped as error:
            ended.append(error)

    waiting = threading.Thread(target=take)
    with pytest.raises(KeyboardInterrupt), given_up_when_stopped():
        waiting.start()
        while not list(tmp_path.iterdir()):
            time.sleep(0.01)
        raise KeyboardInterrupt
    waiting.join()
    assert len(ended) == len(list(tmp_path.iterdir())) == 1
    for workers, timeout in ((2, 60), (1, 0)):
        with pytest.raises(Stopped):
            collect(square, range(4), workers, timeout)
    with given_up_when_stopped():
        assert collect(square, range(2), 1) == {0: 0, 1: 1}


def test_several_shards_are_under_way_and_their_order_stays() -> None:
    both = threading.Barrier(2, timeout=30)  # passed only by two at a time
    assert overlapping(lambda number: (both.wait() >= 0, number), range(6), at_once=2) == [(True, n) for n in range(6)]


def test_an_error_in_one_shard_ends_the_others() -> None:
    begun = []

    def shard(number: int) -> None:
        begun.append(number)
        fault(number)

    with pytest.raises(SettingsError, match="no 0"):
        overlapping(shard, range(100), at_once=1)
    assert begun[0] == 0


def fault_or_wait(shard: int, number: int) -> int:
    if shard == 0:
        raise SettingsError(f"no {number}")
    time.sleep(0.02)
    return number


def test_shards_that_wait_for_the_same_processes_end_with_the_one_that_failed() -> None:
    """Those whose photos were still waiting in the queue, too: nobody tells them of it but the pool itself."""

    def shard(number: int) -> object:
        return collect(partial(fault_or_wait, number), range(400), 2, 60)

    with pytest.raises(SettingsError, match="no "):
        overlapping(shard, range(6))


def test_a_worker_process_imports_no_command_and_no_client() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    start = project["scripts"]["person-removal"].partition(":")[0]  # which processes import again
    code = f"import sys, {start}, flows.run.runner; print('flows.cli.main' in sys.modules, 'httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
