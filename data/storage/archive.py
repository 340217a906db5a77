"""Many small files in one: an SQLite archive (https://sqlite.org/sqlar.html), written whole, then only read.

SQLite is the index on the disk: a file is found in microseconds, and no process holds the names of a million. An
archive is never changed in place: a new one takes its place in one step. So it is opened as immutable: SQLite then
locks nothing, on any file system, and neither needs a journal nor believes one that lies beside it.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from data.storage.files import atomic_file
from data.storage.inside import is_below
from data.storage.places import Listed

_TABLE = "CREATE TABLE sqlar(name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB)"
_SCHEMA = [("index", "sqlite_autoindex_sqlar_1", None), ("table", "sqlar", _TABLE)]
_MODE = stat.S_IFREG | 0o600
_LONGEST = 1 << 24
"""Bytes of a file, or of a question, beyond which nothing is read."""
_OPEN = 4
"""Archives that a thread holds open."""
log = logging.getLogger("person_removal")


class Packed(NamedTuple):
    """A file of an archive. name: a posix path. written: seconds since the epoch."""

    name: str
    written: float
    data: bytes


class Archive:
    """The archive at `path`, which need not be there: then it holds nothing. It may come from somebody else: what is no
    archive of ours holds nothing either, and a file of it that cannot be read is not in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, name: str) -> Packed | None:
        """A file."""
        return next(self._packed(self._select("name, mtime, data", "name = ?", name)), None)

    def files(self, folder: str) -> dict[str, Listed]:
        """The files below a folder, by their posix paths there."""
        found = dict[str, Listed]()
        with suppress(sqlite3.Error, UnicodeError):  # row by row: there may be a hundred thousand; "0" follows "/"
            for name, size, time in self._rows("name, sz, mtime", "name >= ? AND name < ?", f"{folder}/", f"{folder}0"):
                if isinstance(size, int) and isinstance(time, int | float) and is_below(name):
                    found[name[len(folder) + 1 :]] = Listed([size, None], time)
        return found

    def count(self) -> int:
        """How many files it holds."""
        return sum(number for (number,) in self._select("count(*)", "1"))

    def is_whole(self) -> bool:
        """Whether all that it ever held can be read; so it is where it is not there."""
        if not os.path.lexists(self.path):
            return True
        connection = _connection(str(self.path))
        with suppress(sqlite3.Error):
            return connection is not None and connection.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
        return False

    def rebuild(self, new: Iterable[Packed], without: set[str]) -> None:
        """Write it anew: what it held but for the names `without`, and `new`. Raises OSError."""
        with atomic_file(self.path, durable=True) as file, closing(sqlite3.connect(file.name)) as made:
            try:
                made.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLE};")
                for files in ((file for file in self._all() if file.name not in without), new):
                    rows = ((file.name, _MODE, file.written, len(file.data), file.data) for file in files)
                    made.executemany("INSERT OR REPLACE INTO sqlar VALUES (?, ?, ?, ?, ?)", rows)
                made.commit()
            except sqlite3.Error as error:
                code = errno.ENOSPC if error.sqlite_errorcode == sqlite3.SQLITE_FULL else errno.EIO
                raise OSError(code, os.strerror(code), str(self.path)) from error
            _close_all()  # Windows replaces no open file

    def _all(self) -> Iterator[Packed]:
        """Every file that can be read, up to the first damage."""
        try:
            yield from self._packed(self._rows("name, mtime, data", "1"))
            damaged = os.path.lexists(self.path) and _connection(str(self.path)) is None
        except sqlite3.Error:
            damaged = True
        if damaged:
            log.warning("%s: damaged; what cannot be read of it is computed again.", self.path)

    @staticmethod
    def _packed(rows: Iterable[tuple[Any, ...]]) -> Iterator[Packed]:
        for name, time, data in rows:
            if isinstance(name, str) and isinstance(time, int | float) and isinstance(data, bytes):
                yield Packed(name, time, data)

    def _select(self, what: str, where: str, *values: str) -> list[tuple[Any, ...]]:
        with suppress(sqlite3.Error, UnicodeError):
            return list(self._rows(what, where, *values))
        return []

    def _rows(self, what: str, where: str, *values: str) -> Iterator[tuple[Any, ...]]:
        connection = _connection(str(self.path))
        if connection:
            yield from connection.execute(f"SELECT {what} FROM sqlar WHERE {where}", values)


_here = threading.local()


def _connection(path: str) -> sqlite3.Connection | None:
    """An archive, open for reading; None where none of ours is."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
    known: dict[str, tuple[object, sqlite3.Connection | None]] = _here.__dict__
    if path not in known or known[path][0] != stamp:
        if len(known) >= _OPEN:
            _close_all()
        known[path] = (stamp, _open(path) if stat.S_ISREG(status.st_mode) else None)
    return known[path][1]


def _open(path: str) -> sqlite3.Connection | None:
    # half a megabyte a thread: the system keeps what is read often
    connection = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
        connection.executescript("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -512;")
        if connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type").fetchall() == _SCHEMA:
            return connection
    except (sqlite3.Error, UnicodeError):
        pass
    connection.close()
    return None


def _close_all() -> None:
    """Close what this thread holds open."""
    for _, connection in _here.__dict__.values():
        if connection:
            connection.close()
    _here.__dict__.clear()
