"""Where things stand in a JSON file, so that it can be edited without being written anew.

A COCO file is one object with two long lists. Only the places of the lists' items are held in memory (16 bytes an
item), and what is kept is copied byte for byte: numbers keep their digits, objects their order and unknown keys.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from data.coco.errors import CocoError
from data.storage.files import open_regular
from data.storage.places import Stamp, is_remote, stamp_of

LISTS = ("images", "annotations")
BOM = b"\xef\xbb\xbf"
"""The byte order mark, which some editors put before UTF-8."""
CHUNK, BLOCK = 1 << 22, 1 << 23
"""Bytes that are read at a time, in a row and at places."""

Offsets = NDArray[np.int64]


@dataclass(frozen=True)
class Items:
    """A list in a file. starts, ends: of each item, in bytes. opened, closed: of what stands between the brackets."""

    starts: Offsets
    ends: Offsets
    opened: int
    closed: int

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class Layout:
    """skeleton: the file's text with the lists `images` and `annotations` emptied. sha256, length (bytes): of
    the whole file. stamp: by which a change is noticed. marked: whether a byte order mark stands before it all."""

    path: Path
    sha256: str
    length: int
    stamp: Stamp
    skeleton: bytes
    lists: Mapping[str, Items]
    local: LocalCopy
    marked: bool = False

    def raw(self, name: str) -> Iterator[bytes]:
        """The text of every item of a list, in order, read in large blocks. Raises CocoError."""
        items = self.lists[name]
        with self.open() as file:
            first = 0
            while first < len(items):
                start = int(items.starts[first])
                last = int(np.searchsorted(items.ends, start + BLOCK, side="right"))
                last = max(last, first + 1)
                file.seek(start)
                block = file.read(int(items.ends[last - 1]) - start)
                for a, b in zip(
                    (items.starts[first:last] - start).tolist(), (items.ends[first:last] - start).tolist(), strict=True
                ):
                    yield block[a:b]
                first = last

    def pick(self, file: BinaryIO, name: str, index: int) -> bytes:
        """The text of one item; `file` comes from `open`."""
        items = self.lists[name]
        start = int(items.starts[index])
        file.seek(start)
        return file.read(int(items.ends[index]) - start)

    def between(self, name: str) -> tuple[bytes, bytes, bytes]:
        """White space after `[`, the text between the first two items, white space before `]`."""
        items = self.lists[name]
        with self.open() as file:

            def text(start: int, end: int) -> bytes:
                file.seek(start)
                return file.read(end - start)

            if not len(items):
                return text(items.opened, items.closed), b", ", b""
            first, last = int(items.starts[0]), int(items.ends[-1])
            comma = text(int(items.ends[0]), int(items.starts[1])) if len(items) > 1 else b", "
            return text(items.opened, first), comma, text(last, items.closed)

    def open(self) -> BinaryIO:
        """The file, as it was when it was scanned. Raises CocoError."""
        try:
            file = open_regular(self.local.path)
        except OSError as error:
            raise CocoError(f"{self.path}: cannot be read ({error.strerror or error}).") from None
        if stamp_of(self.local.path) != self.stamp:
            file.close()
            raise CocoError(f"{self.path}: the file changed during the run; run again.")
        return file


class LocalCopy:
    """The file itself, or a copy of an object store's for as long as this lives: its items are read one by one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if is_remote(path):
            self._folder = tempfile.TemporaryDirectory()
            self.path = Path(self._folder.name) / "annotations.json"
            with self.path.open("wb") as file, open_regular(path) as source:
                shutil.copyfileobj(source, file, CHUNK)
