"""A disk that fails, or a process that is killed, at the n-th write, sync or replacement of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data.storage import files


class Disk:
    """Counts what `atomic_file` asks of the disk; `fail` is called at number `at` (from 0), and after it when it
    `stays` broken. A write that fails has written half."""

    def __init__(self, at: int, fail: Callable[[], None], stays: bool = False) -> None:
        self.at, self.fail, self.stays, self.done = at, fail, stays, 0

    def count(self) -> bool:
        now = self.done
        self.done += 1
        return now == self.at or (self.stays and now > self.at)


class _File:
    def __init__(self, file: Any, disk: Disk) -> None:
        self._file, self._disk = file, disk

    def write(self, data: bytes) -> int:
        if self._disk.count():
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            self._disk.fail()
        return int(self._file.write(data))

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def failing(disk: Disk) -> Iterator[Disk]:
    """Every file that `atomic_file` writes is on this disk."""
    replace, fsync = os.replace, os.fsync

    def opened(path: Path, mode: str, **options: Any) -> Any:
        assert mode == "xb" and files.is_temporary(path.name)
        return _File(open(path, mode, **options), disk)  # noqa: PTH123 (Path.open takes no opener)

    def replaced(path: Path, target: Path, **options: Any) -> None:
        if disk.count():
            disk.fail()
        replace(path, target, **options)

    def synced(handle: int) -> None:
        if disk.count():
            disk.fail()
        fsync(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "open", opened, raising=False)  # what `atomic_file` calls, and nobody else there
        patch.setattr(os, "replace", replaced)
        patch.setattr(os, "fsync", synced)
        yield disk
