"""Where a store lives: a folder of this machine, or a prefix of an object store; two classes behind one interface."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from data.storage.archive import Archive, Packed
from data.storage.files import READ_NO_LINK, is_temporary, read_own, write_atomic
from data.storage.inside import inside, remove_inside, write_inside
from data.storage.places import Listed, file_name, is_remote, list_files, read_bytes, read_head, stamp_of

ARCHIVE = "packed/artifacts.sqlar"
"""The file in which a folder keeps its small files."""
_HEAD = 1 << 16
_SMALL = 1 << 15
"""Bytes of the largest file that is packed: larger ones are not written twice."""
_SHARE = 16
"""Files are packed once they are a sixteenth as many as the archive holds: what few changes leave waits for more."""
_GONE = b"\n"
"""What stands under the name of a file of the archive that was removed, until the archive is written anew. No artifact
is so short."""


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

    def remove_all(self, names: Set[str]) -> None:
        """Delete files and free their place. The caller holds the lock."""
        ...

    def read(self, name: str) -> bytes:
        """A file. Raises OSError."""
        ...

    def head(self, name: str) -> bytes:
        """The first bytes of a file. Raises OSError."""
        ...

    def written(self, name: str) -> float:
        """When a file was written, see `moment`. Raises OSError."""
        ...

    def files(self, folder: str) -> dict[str, Listed]:
        """Every file below a folder, by its posix path there."""
        ...

    def pack(self, folders: Iterable[str]) -> int:
        """Put the small files of these folders together, once they are many; how many lie together now. The caller
        holds the lock, and nobody writes other content under their names meanwhile."""
        ...

    def mend(self) -> list[str]:
        """Damaged files that hold others, which are written anew with what can be read of them. The caller holds the
        lock."""
        ...

    def moment(self, seconds: float) -> float:
        """The time as its files' times are told."""
        ...


class LocalHome:
    """A folder of this machine. Every file is first one of its own, which any process may write; later small ones are
    moved into an archive (as Git does with its objects). What lies under a file's name counts before the archive."""

    def __init__(self, root: Path) -> None:
        self.root, self.archive = root, Archive(root / ARCHIVE)

    def create(self) -> None:
        self.own("lock")
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)

    def own(self, name: str) -> Path:
        return inside(self.root.parent, self._below(name))

    def write(self, name: str, data: bytes) -> None:
        write_inside(self.root.parent, self._below(name), data)

    def remove(self, name: str) -> None:
        if self.archive.get(name):
            self.write(name, _GONE)
        else:
            remove_inside(self.root.parent, self._below(name))

    def remove_all(self, names: Set[str]) -> None:
        if any(self.archive.get(name) for name in names):
            self.own(ARCHIVE)
            self.archive.rebuild((), set(names))
        for name in names:
            remove_inside(self.root.parent, self._below(name))

    def read(self, name: str) -> bytes:
        try:
            data = read_own(self.root / name)
        except (FileNotFoundError, NotADirectoryError):
            return self._packed(name).data
        if data == _GONE:
            raise self._missing(name)
        return data

    def head(self, name: str) -> bytes:
        # every photo of a cached run passes here, stage by stage: pathlib would take longer than the disk
        try:
            handle = os.open(f"{self.root}/{name}", READ_NO_LINK)
        except (FileNotFoundError, NotADirectoryError):
            return self._packed(name).data
        try:
            return os.read(handle, _HEAD)
        finally:
            os.close(handle)

    def written(self, name: str) -> float:
        with suppress(FileNotFoundError, NotADirectoryError):
            return (self.root / name).lstat().st_mtime
        return self._packed(name).written

    def files(self, folder: str) -> dict[str, Listed]:
        found = self.archive.files(folder)
        for name, file in list_files(self.root / folder).items():
            if file.size != len(_GONE):
                found[name] = file
            else:
                found.pop(name, None)
        return found

    def pack(self, folders: Iterable[str]) -> int:
        loose = {
            f"{folder}/{name}": file
            for folder in folders
            for name, file in list_files(self.root / folder).items()
            if file.size <= _SMALL and not is_temporary(file_name(name))
        }
        packed = self.archive.count()
        if not loose or _SHARE * len(loose) < packed:
            return packed
        moved = list[str]()

        def readable() -> Iterator[Packed]:
            for name, file in loose.items():
                with suppress(OSError):
                    data = read_own(self.root / name)
                    moved.append(name)
                    if data != _GONE:
                        yield Packed(name, file.written, data)

        self.own(ARCHIVE)
        self.archive.rebuild(readable(), set(loose))
        for name in moved:
            with suppress(OSError):
                if stamp_of(self.root / name) == loose[name].stamp:  # else written anew meanwhile
                    remove_inside(self.root.parent, self._below(name))
        return self.archive.count()

    def mend(self) -> list[str]:
        if self.archive.is_whole():
            return []
        self.own(ARCHIVE)
        self.archive.rebuild((), set())
        return [ARCHIVE]

    def moment(self, seconds: float) -> float:
        return seconds

    def _packed(self, name: str) -> Packed:
        """A file of the archive. Raises FileNotFoundError."""
        packed = self.archive.get(name)
        if packed is None:
            raise self._missing(name)
        return packed

    def _missing(self, name: str) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self.root}/{name}")

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

    def remove_all(self, names: Set[str]) -> None:
        for name in names:
            self.remove(name)

    def read(self, name: str) -> bytes:
        return read_bytes(self.root / name)

    def head(self, name: str) -> bytes:
        return read_head(self.root / name)

    def written(self, name: str) -> float:
        return (self.root / name).stat().st_mtime

    def files(self, folder: str) -> dict[str, Listed]:
        return list_files(self.root / folder)

    def mend(self) -> list[str]:
        return []

    def pack(self, folders: Iterable[str]) -> int:
        return 0  # an object is one PUT, and a bucket counts no inodes

    def moment(self, seconds: float) -> float:
        return math.floor(seconds)  # S3 counts whole seconds


def home_of(root: Path) -> Home:
    return ObjectHome(root) if is_remote(root) else LocalHome(root)
