"""Writes, moves and deletions that stay in one directory, whoever filled that directory before.

An output directory may come from somebody else, with links in it that lead to other places, or with records of files
that lie elsewhere. Three things keep what is done there inside:

* every name is a plain path below the directory, without `..`;
* no folder on the way may be a link (a junction, on Windows): `inside` looks at each one directly before a file is
  written, moved or deleted there. Folders that are not there yet cannot be links; whoever writes makes them;
* the last part may be a link, since `os.replace`, `os.unlink` and the exclusive creation of temporary files under
  random names act on the link itself. Nothing is opened for writing in place, so a hard link is replaced as well.

Between the look and the write somebody else may put a link in a folder's place. Where the system can open files from an
open folder (Linux, macOS), `write_inside` and `remove_inside` open each folder from the one above it, never through a
link, so that a file lands in the folder that was looked at. On Windows microseconds stay, which only who may write into
the output directory while a run works there could use.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.errors import InputError
from data.storage.files import atomic_file, write_atomic
from data.storage.places import is_remote

_NAME_SURROGATE = 0x20000000
"""Bit of the reparse tags of Windows that stand for another place: symbolic links and junctions have it."""


def inside(root: Path, name: str) -> Path:
    """`root / name`, for a file that is to be written, moved or deleted there.

    root: a real path (without links). name: a posix path below it. An object store knows no links. Raises InputError
    where the name or a folder on the way leads out of `root`.
    """
    if not is_below(name):
        raise InputError(f"{name!r}: the name leads out of {root}; nothing is written there.")
    if is_remote(root):
        return root / name
    folder = str(root)
    for part in name.split("/")[:-1]:
        folder = f"{folder}{os.sep}{part}"
        try:
            status = os.lstat(folder)
        except (FileNotFoundError, NotADirectoryError):
            break
        if is_link(status):
            raise InputError(_sentence(folder))
    return root / name


def write_inside(root: Path, name: str, data: bytes, durable: bool = False) -> None:
    """A file below a directory, whole or not at all, see `inside` and `data.storage.files.write_atomic`."""
    path = inside(root, name)
    if is_remote(root) or not _FROM_FOLDERS:
        write_atomic(path, data, durable)
        return
    root.mkdir(parents=True, exist_ok=True)
    with _folder(root, name, make=True) as folder, atomic_file(Path(path.name), durable, folder) as file:
        file.write(data)


def remove_inside(root: Path, name: str) -> None:
    """Delete a file below a directory, see `inside`; nothing happens where none is."""
    path = inside(root, name)
    if is_remote(root) or not _FROM_FOLDERS:
        path.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError, NotADirectoryError), _folder(root, name) as folder:
        os.unlink(name.rpartition("/")[2], dir_fd=folder)


_FROM_FOLDERS = {os.open, os.mkdir, os.unlink} <= os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_OPEN = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@contextmanager
def _folder(root: Path, name: str, make: bool = False) -> Iterator[int]:
    """The folder of a file below `root`, open, reached without a link. make: those that are not there are made."""
    way, handle = str(root), os.open(root, _OPEN & ~getattr(os, "O_NOFOLLOW", 0))
    try:
        for part in name.split("/")[:-1]:
            way = f"{way}{os.sep}{part}"
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            try:
                inner = os.open(part, _OPEN, dir_fd=handle)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK) and os.path.islink(way):  # noqa: PTH114
                    raise InputError(_sentence(way)) from None
                error.filename = way  # not the name in its folder alone
                raise
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def is_below(name: str) -> bool:
    """Whether a posix path has parts that are plain names only."""
    plain = all(part not in ("", ".", "..") for part in name.split("/")) and "\0" not in name
    return plain and (os.sep == "/" or not ("\\" in name or ":" in name))


def is_link(status: os.stat_result) -> bool:
    """Whether an `os.lstat` is of a symbolic link, or of a junction."""
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_reparse_tag", 0) & _NAME_SURROGATE)


def refuse_links(root: Path, depth: int = 1) -> None:
    """Raises InputError where something `depth` levels below a directory, or less, is a link to a directory or to
    nothing. root: need not be there; its own way is not looked at."""
    if not is_remote(root):
        for folder in _links(str(root), depth):
            raise InputError(_sentence(folder))


def _links(folder: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_link_entry(entry):
                    if not os.path.isfile(entry.path):  # noqa: PTH113  (a link to a file is replaced, never followed)
                        yield entry.path
                elif depth > 1 and entry.is_dir(follow_symlinks=False):
                    yield from _links(entry.path, depth - 1)
    except (FileNotFoundError, NotADirectoryError):
        return


def _is_link_entry(entry: os.DirEntry[str]) -> bool:
    # `is_symlink` costs no system call; where there are junctions, neither does `stat`
    return entry.is_symlink() or (os.name == "nt" and is_link(entry.stat(follow_symlinks=False)))


def _sentence(folder: str) -> str:
    return (
        f"{folder} is a link that leads to {os.path.realpath(folder)}; a run writes into the output directory alone, "
        "so replace the link by a folder, or give another output directory."
    )
