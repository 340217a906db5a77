"""Dask and Ray on this machine: the same bytes, also when a worker is killed in the middle."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import coco_settings, contents, make_coco, remove
from prefect_server import free_port, kill

from configs import SettingsError
from flows.orchestration import task_runners
from flows.pipeline import STAGE_NAMES
from flows.run import clusters
from flows.run.clusters import with_cluster_size
from flows.stages.context import RunContext, resolve

SLOW_FILL = ("inpaint.fill=patchmatch", "run.shard_size=1")
needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A collection, and what the plain run makes of it."""
    folder = tmp_path_factory.mktemp("plain")
    coco = make_coco(folder / "coco")
    remove(coco, folder / "out", *SLOW_FILL)
    return coco, contents(folder / "out")


def flow(source: Path, output: Path, *overrides: str) -> Any:
    from flows.person_removal import person_removal

    return person_removal(str(source), str(output), settings=coco_settings(*SLOW_FILL, *overrides))


def when_something_is_filled(output: Path, kill: Callable[[], None]) -> threading.Thread:
    """Kill as soon as the first hole is filled, which is in the middle."""

    def wait() -> None:
        deadline = time.monotonic() + 120
        while not list((output / ".person-removal/inpaint").glob("*/*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        kill()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@needs_sigkill
def test_dask(prefect_harness: None, plain: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the extra `dask`")
    pytest.importorskip("prefect_dask", reason="needs the extra `dask`")
    coco, expected = plain
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        settings = coco_settings("run.runner=dask", f"run.address={address}", "run.workers=0")
        assert with_cluster_size(settings).run.workers == 2
        victim = next(iter(cluster.workers.values())).pid
        out = tmp_path / "killed"
        killer = when_something_is_filled(out, lambda: os.kill(victim, signal.SIGKILL))
        summary = flow(coco, out, "run.runner=dask", f"run.address={address}", "run.workers=0")
        killer.join()
    assert summary.states == {"removed": 5, "passthrough": 1}
    assert contents(out) == expected


@pytest.mark.slow
def test_dask_workers_of_its_own_tell_of_every_photo(
    prefect_harness: None, plain: tuple[Path, dict[str, bytes]], tmp_path: Path, computed: Callable[[], dict[str, int]]
) -> None:
    pytest.importorskip("prefect_dask", reason="needs the extra `dask`")
    coco, expected = plain
    summary = flow(coco, tmp_path / "out", "run.runner=dask", "run.workers=2", "run.shard_size=2")
    assert contents(tmp_path / "out") == expected
    assert computed() == summary.by_stage == dict.fromkeys(STAGE_NAMES, 6)
    assert not list((tmp_path / "out/.person-removal/told").iterdir())


RAY_HEAD = """
import sys, ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def ray_head(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    """A Ray cluster of two workers that another process has started: its address and that process."""
    pytest.importorskip("prefect_ray", reason="needs the extra `ray`")
    import psutil

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # else only who has its token is let in
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-c", RAY_HEAD]
    pipe = subprocess.PIPE
    head = psutil.Popen(command, env={**os.environ, "PYTHONPATH": path}, stdin=pipe, stdout=pipe, text=True)
    try:
        yield head.stdout.readline().strip(), head
    finally:
        family = [head, *head.children(recursive=True)]
        head.stdin.close()
        kill(psutil.wait_procs(family, timeout=20)[1])


@pytest.mark.slow
@needs_sigkill
def test_ray_by_its_address_and_a_worker_that_is_killed(
    prefect_harness: None, plain: tuple[Path, dict[str, bytes]], tmp_path: Path, ray_head: tuple[str, Any]
) -> None:
    import psutil

    def kill_a_worker() -> None:
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            for process in head.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[:1] and process.cmdline()[0].split()[0] in titles:
                        process.kill()
                        killed.append(process.pid)
                        return

    coco, expected = plain
    address, head = ray_head
    titles = {f"ray::{stage}" for stage in STAGE_NAMES}  # of a worker that is at work on one
    out, killed = tmp_path / "out", list[int]()
    settings = coco_settings("run.runner=ray", f"run.address={address}", "run.workers=0")
    assert with_cluster_size(settings).run.workers == 2
    killer = when_something_is_filled(out, kill_a_worker)
    summary = flow(coco, out, "run.runner=ray", f"run.address={address}", "run.workers=0")
    killer.join()
    assert killed, "no worker was at work"
    assert summary.states == {"removed": 5, "passthrough": 1}
    assert contents(out) == expected


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray waits for 30 s, whatever it is told: Dask stands for both."""
    pytest.importorskip("prefect_dask", reason="needs the extra `dask`")
    monkeypatch.setattr(clusters, "PATIENCE", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(SettingsError, match=rf"run.address '{address}': no Dask scheduler answers there"):
        with_cluster_size(coco_settings("run.runner=dask", f"run.address={address}", "run.workers=0"))


def test_a_package_that_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(address: str | None, workers: int) -> None:
        raise ImportError("No module named 'prefect_dask'")

    monkeypatch.setattr(task_runners, "_dask", missing)
    with pytest.raises(SettingsError, match=r"pip install 'person-removal\[dask\]'"):
        task_runners._runner(coco_settings("run.runner=dask").run, 2)


@pytest.mark.parametrize(
    ("overrides", "tasks", "processes_a_task"),
    [
        (["run.workers=3"], 3, 3),
        (["run.workers=3", "run.runner=dask"], 3, 1),
        (["run.workers=0", "run.runner=ray", "run.address=ray://head:10001"], 16, 1),
    ],
)
def test_a_task_on_a_cluster_stays_on_its_worker(
    tmp_path: Path, overrides: list[str], tasks: int, processes_a_task: int
) -> None:
    context = RunContext(tmp_path, resolve(coco_settings(*overrides)), {})
    assert (context.tasks, context.workers) == (tasks, processes_a_task)
