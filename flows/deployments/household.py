"""One `person-removal serve` for each of Prefect's homes, and everything that an earlier one left behind.

Every process that `serve` starts, and whatever these start, has `MARK` in its environment. So the next one finds what
outlived the last one, whatever it was killed with, and never takes another program that has got its number since.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from data.storage.files import write_atomic
from flows.deployments import ServerError

MARK = "PERSON_REMOVAL_SERVE"
RUN = "PREFECT__FLOW_RUN_ID"
"""The environment of a flow run's process names the run; Prefect's own."""

ROOM = 20_000_000
"""Bytes that have to be free in Prefect's home."""


def home() -> Path:
    """Prefect's, where its database and profiles are."""
    return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()


def full_disk() -> str:
    """A sentence where Prefect's home has no room: its server answers everything with error 500."""
    there = next(place for place in (home(), *home().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free > ROOM:
        return ""
    return (
        f"{home()}: the disk is full ({free / 1e6:.0f} MB are left), Prefect's server can note nothing there; make "
        "room, or give PREFECT_HOME another place."
    )


@contextmanager
def only_one() -> Iterator[str]:
    """Inside, no other `serve` starts on this home; yields the name of its worker, which stays the same.

    Raises ServerError where another one lives, or the home cannot be written.
    """
    note = home() / "person-removal-serve.json"
    try:
        home().mkdir(parents=True, exist_ok=True)
        lock = FileLock(home() / "person-removal-serve.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise ServerError(
            f"person-removal serve runs already (process {_read(note).get('process')}) with PREFECT_HOME {home()}: "
            "stop it, or give this one another PREFECT_HOME."
        ) from None
    except OSError as error:
        raise ServerError(f"{home()}: Prefect's home cannot be written ({error.strerror or error}).") from None
    try:
        name = str(_read(note).get("worker") or f"{socket.gethostname()}-{secrets.token_hex(3)}")
        write_atomic(note, json.dumps({"process": os.getpid(), "worker": name}).encode())
        yield name
    except OSError as error:
        raise ServerError(f"{note}: cannot be written ({error.strerror or error}).") from None
    finally:
        lock.release()


def end_leftovers(worker: str) -> int:
    """End every process that an earlier `serve` of this name started; how many there were."""
    return end(_with(MARK, worker))


def processes_of(run: str) -> list[psutil.Process]:
    """The processes on this machine that work on a flow run; not the one by which Prefect looks for hooks of a run that
    has ended: it leaves by itself, and to end it fills the log with a traceback."""
    return [process for process in _with(RUN, run) if "hook" not in _words(process)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def end(processes: list[psutil.Process], patience: float = 3) -> int:
    """Ask processes to stop, then make them."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=patience)
    return len(processes)


def _with(name: str, value: str) -> list[psutil.Process]:
    found, own = [], {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # other users' processes do not show their environment
            if process.pid not in own and process.environ().get(name) == value:
                found.append(process)
    return found


def _read(note: Path) -> Mapping[str, object]:
    try:
        return dict(json.loads(note.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
