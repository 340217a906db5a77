"""Writes, moves and deletions that stay in one directory, whoever filled that directory before.

An output directory may come from somebody else, with links in it that lead to other places, or with records of files
that lie elsewhere. Three things keep what is done there inside:

* every name is a plain path below the directory, without `..`;
* no folder on the way may be a link (a junction, on Windows): `inside` looks at each one directly before a file is
  written, moved or deleted there. Folders that are not there yet cannot be links; whoever writes makes them;
* the last part may be a link, since `os.replace`, `os.unlink` and the exclusive creation of temporary files under
  random names act on the link itself. Nothing is opened for writing in place, so a hard link is replaced as well.

Between the look and the write lie microseconds. Only who may write into the output directory while a run works there
could use them; and who may do that with the user's own rights needs no link. A directory that was prepared before the
run, which is what this is about, does not change in between.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from data.errors import InputError
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
