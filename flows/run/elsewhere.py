"""What workers in other processes and on other machines tell of photos, as they go: lines of JSON in the store.

The store is the one thing that the run and all of its workers reach. A task has a file of its own, which the run reads
on from where it was, and deletes when it is over.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.storage.files import is_temporary, read_own
from data.storage.places import list_files
from data.storage.store import Store
from flows.facts import Row
from flows.run.progress import Listener, tell
from flows.stages.context import RunContext

FOLDER = "told"
EVERY = 2.0
"""Seconds between two writes of a task, and between two looks of the run."""


@contextmanager
def telling(context: RunContext, stage: str) -> Iterator[Listener]:
    """What a task tells of its photos with: who listens in this process, or, on a cluster, the run."""
    if context.settings.run.runner == "threads":
        yield tell
        return
    name = f"{FOLDER}/{stage}-{secrets.token_hex(8)}.jsonl"
    lines, written, lock = list[bytes](), time.monotonic(), threading.Lock()

    def write() -> None:
        context.store.home.write(name, b"".join(lines))

    def say(stage: str, row: Row, stored: bool, seconds: float) -> None:
        nonlocal written
        with lock:
            lines.append(json.dumps([stage, _slim(row), stored, round(seconds, 4)]).encode() + b"\n")
            if time.monotonic() - written >= EVERY:
                write()
                written = time.monotonic()

    try:
        yield say
    finally:
        if lines:
            with suppress(OSError):  # a full disk has been told of by the photos themselves
                write()


def _slim(row: Row) -> Row:
    """Without what no listener asks for."""
    facts = row.get("facts")
    return {**row, "facts": {name: facts[name] for name in facts if name != "files"}} if facts else row


@contextmanager
def listening_elsewhere(context: RunContext) -> Iterator[Callable[[], None]]:
    """Inside, what workers elsewhere tell is told on in this process; yields what takes in what has come by now."""
    if context.settings.run.runner == "threads":
        yield lambda: None
        return
    store, read, lock, over = context.store, dict[str, int](), threading.Lock(), threading.Event()

    def take() -> None:
        with lock, suppress(OSError):
            for name, file in list_files(store.root / FOLDER).items():
                if file.size > read.get(name, 0) and not is_temporary(name):
                    read[name] = _tell_on(store.root / FOLDER / name, read.get(name, 0))

    def watch() -> None:
        while not over.wait(EVERY):
            take()

    clear(store)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield take
    finally:
        over.set()
        watcher.join()
        take()
        clear(store)


def clear(store: Store) -> None:
    """Delete what was told. The caller holds the lock of the output directory."""
    for name in list_files(store.root / FOLDER):
        with suppress(FileNotFoundError):
            store.own(f"{FOLDER}/{name}").unlink()


def _tell_on(path: Path, begin: int) -> int:
    """Tell of every whole line from byte `begin` on; where the next one begins."""
    new = read_own(path)[begin:]
    whole = new[: new.rfind(b"\n") + 1]
    for line in whole.splitlines():
        with suppress(ValueError, TypeError, KeyError):  # not written by a task of ours
            stage, row, stored, seconds = json.loads(line)
            tell(str(stage), row, bool(stored), float(seconds))
    return begin + len(whole)
