"""One run at a time in an output directory, also when the one before was killed."""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from data.errors import InputError
from data.storage.files import canonical_json, read_own
from data.storage.inside import inside
from data.storage.places import file_system, is_remote
from flows.stages.context import STORE

RUNNING = "running"
"""Of the store: there from a run's beginning to its end, after a kill too. It says who it was."""
LEASE = 120.0
"""Seconds for which a run holds an object store's lock without renewing it."""


@contextmanager
def output_lock(output: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock of an output directory. Raises InputError when another run has it and is not to be waited for.

    On a disk the operating system frees the lock of a killed run at once. In an object store the lock is an object
    with an owner and a lease, which a run renews while it lives.
    """
    path = output / STORE / "lock"
    if is_remote(path):
        with _leased(output, path, wait):
            yield
        return
    _refuse_other(inside(output, f"{STORE}/lock"))
    lock = FileLock(path, timeout=-1 if wait else 0)
    try:
        with _file_system_locks(output):
            lock.acquire()
    except Timeout:
        raise InputError(
            f"{output}: another run is working there{_said_by(output)}; stop it, or wait for it (--wait, "
            "run.wait=true)."
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_held(output: Path) -> bool:
    """Whether a run is at work in an output directory."""
    path = output / STORE / "lock"
    if is_remote(path):
        until = _read(path).get("until")
        return isinstance(until, int | float) and until > time.time()
    if not path.is_file():
        return False
    _refuse_other(inside(output, f"{STORE}/lock"))
    try:
        with _file_system_locks(output), FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def _file_system_locks(output: Path) -> Iterator[None]:
    """Raises InputError where there are none: a network file system whose server or mount grants no locks."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
            raise
        raise InputError(
            f"{output}: its file system grants no locks ({error.strerror}), so two runs could work there at once; "
            "mount it with locks, or give an output directory on another one."
        ) from None


def _refuse_other(path: Path) -> None:
    """Raises InputError where the lock is not a file of its own: it is opened in place, and may be emptied."""
    with suppress(FileNotFoundError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise InputError(f"{path}: this is no lock of a run but a link to another file; delete it.")


def this_process() -> str:
    """Who works in an output directory: another machine may ask."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def _said_by(output: Path) -> str:
    with suppress(OSError, ValueError, InputError):  # it ends, or has just begun
        owner = read_own(inside(output, f"{STORE}/{RUNNING}")).decode()
        return f" ({owner[:200]})" if owner and owner.isprintable() else ""
    return ""


@contextmanager
def _leased(output: Path, path: Path, wait: bool) -> Iterator[None]:
    owner = f"{this_process()}, {secrets.token_hex(4)}"
    while True:
        try:
            _take(output, path, owner)
            break
        except InputError:
            if not wait:
                raise
            time.sleep(5)
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE / 4):
            with suppress(OSError):
                path.write_bytes(_lease(owner))

    renewer = threading.Thread(target=renew, daemon=True)
    renewer.start()
    try:
        yield
    finally:
        done.set()
        renewer.join()
        path.unlink(missing_ok=True)


def _take(output: Path, path: Path, owner: str) -> None:
    try:
        file_system(path).pipe_file(str(path), _lease(owner), mode="create")  # only if it is not there
        return
    except FileExistsError:
        pass
    held = _read(path)
    until = held.get("until")
    left = (until if isinstance(until, int | float) else 0) - time.time()
    if left > 0:
        raise InputError(
            f"{output}: another run is working there ({held.get('owner')}); stop it, or wait for it (--wait). "
            f"The lock of a killed run ends by itself, this one in {left:.0f} s."
        )
    path.write_bytes(_lease(owner))
    time.sleep(1)  # two that find the same dead lease: the last to write has it
    if _read(path).get("owner") != owner:
        raise InputError(f"{output}: another run has just started there; stop it, or wait for it (--wait).")


def _read(path: Path) -> dict[str, object]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _lease(owner: str) -> bytes:
    return canonical_json({"owner": owner, "until": time.time() + LEASE})
