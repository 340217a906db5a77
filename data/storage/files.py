"""Files that are either whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from data.storage.places import is_remote, put, read_bytes


@contextmanager
def atomic_file(path: Path, durable: bool = False, folder: int | None = None) -> Iterator[BinaryIO]:
    """A new file that stands under `path` once the block is left without an error; no reader sees a part of it.

    It is written under a temporary name in the same folder and put in place by `os.replace`; for an object store in
    a temporary file and put there in one. durable: on the disk before it is put in place, so that not even a power
    failure leaves a part of it (costs milliseconds). folder: an open folder of this machine that the file is put into,
    whatever has taken that folder's place meanwhile; `path` is then a plain name.
    """
    if folder is None and is_remote(path):
        with tempfile.TemporaryDirectory() as scratch:
            with (Path(scratch) / "object").open("wb") as file:
                yield file
            put(Path(scratch) / "object", path)
        return
    if folder is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    # The photo's name is not part of it: names may be as long as the file system allows.
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        # "x": never through a link that stands there
        with open(temporary, "xb", opener=partial(os.open, mode=0o666, dir_fd=folder)) as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def is_temporary(name: str) -> bool:
    """Whether `atomic_file` gave a file this name: one that is still there was left by a killed process."""
    return re.fullmatch(r"\.[0-9a-f]{16}\.tmp", name) is not None


def write_atomic(path: Path, data: bytes, durable: bool = False) -> None:
    """`data` as a file, through `atomic_file` or one PUT."""
    if is_remote(path):
        path.write_bytes(data)
        return
    with atomic_file(path, durable) as file:
        file.write(data)


# O_NONBLOCK: to open a pipe would else wait for somebody who writes to it.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_LARGEST = 1 << 31
READ_NO_LINK = _READ | getattr(os, "O_NOFOLLOW", 0)
"""Flags to open a file that may not be a link, where the system can tell (Windows cannot: see `open_regular`)."""


class NotOwn(OSError):
    """A link, pipe, device, socket or directory where a file was to be."""


def open_regular(path: Path, *, follow: bool = True) -> BufferedReader:
    """A regular file, open for reading; a pipe, device, socket or directory is a NotOwn and never blocks.

    follow: whether it may be a link; without, one is a NotOwn, too.
    """
    if is_remote(path):
        return BufferedReader(cast(Any, path.open("rb")))
    if not follow and path.is_symlink():
        raise NotOwn(f"{path.name} is a link")
    handle = os.open(path, _READ if follow else READ_NO_LINK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotOwn(f"{path.name} is not a regular file")
    return os.fdopen(handle, "rb")


def read_regular(path: Path, most: int, *, follow: bool = True) -> bytes:
    """The bytes of a regular file, see `open_regular`. Raises OSError, also where there are more than `most`."""
    with open_regular(path, follow=follow) as file:
        if not is_remote(path) and os.fstat(file.fileno()).st_size > most:
            raise OSError(f"{path.name} is larger than {most / 1e6:.0f} MB")
        return file.read()


def read_own(path: Path) -> bytes:
    """The bytes of a file of an output directory: a regular file that is no link. Raises OSError."""
    return read_bytes(path) if is_remote(path) else read_regular(path, _LARGEST, follow=False)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path) -> str:
    """sha256 of a whole file, lower-case hex. Raises OSError."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: object) -> bytes:
    """One text for equal values: sorted keys, no spaces. What digests are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def digest(value: object) -> str:
    """sha256 of a JSON value."""
    return sha256(canonical_json(value))
