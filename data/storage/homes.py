"""Where a store lives: a folder of this machine, or a prefix of an object store; two classes behind one interface."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Protocol

from data.storage.files import READ_NO_LINK, write_atomic
from data.storage.inside import inside, remove_inside, write_inside
from data.storage.places import is_remote, read_head

_HEAD = 1 << 16


class Home(Protocol):
    """Names are posix paths below the root. Raises InputError where a link leads elsewhere."""

    def create(self) -> None:
        """Make it, for its owner alone."""
        ...

    def own(self, name: str) -> Path:
        """Path of a file that is to be written or deleted."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """A file, whole or not at all."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file; nothing happens where none is."""
        ...

    def head(self, name: str) -> bytes:
        """The first bytes of a file. Raises OSError."""
        ...

    def moment(self, seconds: float) -> float:
        """The time as its files' times are told."""
        ...


class LocalHome:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self) -> None:
        self.own("lock")
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)

    def own(self, name: str) -> Path:
        return inside(self.root.parent, self._below(name))

    def write(self, name: str, data: bytes) -> None:
        write_inside(self.root.parent, self._below(name), data)

    def remove(self, name: str) -> None:
        remove_inside(self.root.parent, self._below(name))

    def head(self, name: str) -> bytes:
        # every photo of a cached run passes here, stage by stage: pathlib would take longer than the disk
        handle = os.open(f"{self.root}/{name}", READ_NO_LINK)
        try:
            return os.read(handle, _HEAD)
        finally:
            os.close(handle)

    def moment(self, seconds: float) -> float:
        return seconds

    def _below(self, name: str) -> str:
        return f"{self.root.name}/{name}"


class ObjectHome:
    """A prefix of an object store: it knows no folders and no links, and who may read there is set at the bucket."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self) -> None:
        return

    def own(self, name: str) -> Path:
        return self.root / name

    def write(self, name: str, data: bytes) -> None:
        write_atomic(self.root / name, data)

    def remove(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def head(self, name: str) -> bytes:
        return read_head(self.root / name)

    def moment(self, seconds: float) -> float:
        return math.floor(seconds)  # S3 counts whole seconds


def home_of(root: Path) -> Home:
    return ObjectHome(root) if is_remote(root) else LocalHome(root)
