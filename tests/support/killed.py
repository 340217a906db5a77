"""kill -9 at a random moment of a run, and what has to hold after the next one."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from artifacts import artifacts
from collection_with_people import contents

STAGES = ("segment", "refine", "inpaint", "verify", "publish")
SETTINGS = ("inpaint.fill=patchmatch", "verify.segmenter=none", "run.shard_size=2")
OPTIONS = ("--preset", "coco", *(part for setting in SETTINGS for part in ("--set", setting)), "--workers", "2")


def start(source: Path, output: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flows.cli.main", "run", str(source), str(output), *OPTIONS]
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        command,
        env={**os.environ, **environment, "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run_to_the_end(source: Path, output: Path, environment: Mapping[str, str]) -> float:
    """Seconds between the first artifact and the end."""
    process = start(source, output, environment)
    begun = _first_artifact(process, output)
    assert process.wait(600) == 0
    return time.monotonic() - begun


def kill(
    source: Path, output: Path, environment: Mapping[str, str], victim: str, after: float = 0, photos: int = 0
) -> None:
    """Start a run and kill it, or (victim `worker`) one of its processes, so many seconds after its first artifact and
    once so many photos are filled."""
    process = start(source, output, environment)
    _first_artifact(process, output)
    time.sleep(after)
    while len(artifacts(output, "inpaint")) < photos and process.poll() is None:
        time.sleep(0.01)
    with contextlib.suppress(psutil.Error, ProcessLookupError, IndexError):
        if victim == "worker":
            random.choice(psutil.Process(process.pid).children(recursive=True)).kill()
        else:
            os.kill(process.pid, signal.SIGKILL)  # it alone: its workers have to leave by themselves
    process.wait(600)
    _nobody_is_left_of(process.pid)


def check(output: Path, expected: Mapping[str, bytes], again: Callable[[], object]) -> None:
    """`again` runs once more: complete, equal to an undisturbed run, and no artifact that stood there was computed
    again."""
    before = artifacts(output, *STAGES)
    again()
    after = artifacts(output, *STAGES)
    twice = [name for name in before if after.get(name) != before[name] and not name.startswith("publish/")]
    assert not twice, f"computed twice: {twice}"
    result = contents(output)
    assert not [name for name in result if name.endswith(".tmp")], "half-written files were left"
    assert result == expected


def _first_artifact(process: subprocess.Popen[bytes], output: Path) -> float:
    folder = output / ".person-removal/segment"
    while not any(folder.glob("*/*")) and process.poll() is None:
        time.sleep(0.005)
    return time.monotonic()


def _nobody_is_left_of(session: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("worker processes outlived their parent")
