"""Where things stand in a JSON file, so that it can be edited without being written anew.

A COCO file is one object with two long lists. Only the places of the lists' items are held in memory (16 bytes an
item), and what is kept is copied byte for byte: numbers keep their digits, objects their order and unknown keys.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from data.coco.errors import CocoError
from data.files import open_regular
from data.places import Stamp, is_remote, stamp_of

LISTS = ("images", "annotations")
_CHUNK = 1 << 22
_BLOCK = 1 << 23
_CONTAINERS = 10_000  # more values than this in the outermost object are no annotation file
_DEEPEST = 200  # the standard library's reader recurses
_QUOTE, _OPEN, _CLOSE = 1, 2, 3
_KIND = np.zeros(256, np.uint8)
_KIND[ord('"')] = _QUOTE
_KIND[[ord("{"), ord("[")]] = _OPEN
_KIND[[ord("}"), ord("]")]] = _CLOSE
_KEY = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:\s*\Z', re.DOTALL)
_GAP = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()

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
    the whole file. stamp: by which a change is noticed."""

    path: Path
    sha256: str
    length: int
    stamp: Stamp
    skeleton: bytes
    lists: Mapping[str, Items]
    local: LocalCopy

    def raw(self, name: str) -> Iterator[bytes]:
        """The text of every item of a list, in order, read in large blocks. Raises CocoError."""
        items = self.lists[name]
        with self.open() as file:
            first = 0
            while first < len(items):
                start = int(items.starts[first])
                last = int(np.searchsorted(items.ends, start + _BLOCK, side="right"))
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
                shutil.copyfileobj(source, file, _CHUNK)


def scan(path: Path) -> Layout:
    """Find the items of `images` and `annotations`. Raises CocoError for what is no such file."""
    try:
        local = LocalCopy(path)
        with open_regular(local.path) as file:
            stamp = stamp_of(local.path)
            containers, starts, ends, sha, size = _scan(file, path)
            lists = _lists(file, path, containers, starts, ends)
            skeleton = _skeleton(file, lists, size)
    except OSError as error:
        raise CocoError(f"{path}: cannot be read ({error.strerror or error}).") from None
    return Layout(path, sha, size, stamp, skeleton, lists, local)


def _scan(file: BinaryIO, path: Path) -> tuple[list[tuple[int, int]], Offsets, Offsets, str, int]:
    """Values of the outermost object that are containers, (start, end) each, and the items of those."""
    first = file.read(4)
    if first[:2] in (b"\xff\xfe", b"\xfe\xff") or (first[:1] and b"\0" in first and first.strip(b"\0")):
        raise CocoError(f"{path}: it is encoded as UTF-16 or UTF-32; COCO files are UTF-8, convert it.")
    digest, offset = hashlib.sha256(), 0
    file.seek(0)
    depth, in_string, escaping = 0, False, 0
    opened: list[int] = []
    closed: list[int] = []
    starts: list[Offsets] = []
    ends: list[Offsets] = []
    began = False
    while data := file.read(_CHUNK):
        digest.update(data)
        chunk = np.frombuffer(data, np.uint8)
        if not began:
            text = data.removeprefix(b"\xef\xbb\xbf") if offset == 0 else data
            if stripped := text.lstrip(b" \t\r\n"):
                began = True
                if stripped[:1] != b"{":
                    raise _not_coco(path) if stripped[:1] in b'["' else _not_json(path, "it does not start with '{'")
        where = np.flatnonzero(_KIND[chunk])
        kind = _KIND[chunk[where]]
        quotes = kind == _QUOTE
        if escaping or b"\\" in data:
            escaped, escaping = _escaped(chunk, where, escaping)
            quotes &= ~escaped
        inside = (np.cumsum(quotes, dtype=np.int64) + in_string) & 1  # after the event; a bracket changes nothing
        step = np.where(inside == 1, 0, (kind == _OPEN).astype(np.int64) - (kind == _CLOSE))
        depths = depth + np.cumsum(step)
        if where.size:
            depth, in_string = int(depths[-1]), bool(inside[-1])
            if int(depths.max()) > _DEEPEST:
                raise _not_json(path, "nested too deeply")
            if int(depths.min()) < 0:
                raise _not_json(path, "a bracket is closed that was never opened")
        at = where + offset
        opened += at[(step == 1) & (depths == 2)].tolist()
        closed += (at[(step == -1) & (depths == 1)] + 1).tolist()
        starts.append(at[(step == 1) & (depths == 3)])
        ends.append(at[(step == -1) & (depths == 2)] + 1)
        offset += len(data)
        if len(opened) > _CONTAINERS:
            raise _not_coco(path)
    if not began:
        raise _not_json(path, "it is empty")
    if depth or in_string:
        raise _not_json(path, "it ends in the middle")
    containers = list(zip(opened, closed, strict=True))
    return containers, np.concatenate(starts), np.concatenate(ends), digest.hexdigest(), offset


def _escaped(chunk: NDArray[np.uint8], where: NDArray[np.intp], carried: int) -> tuple[NDArray[np.bool_], int]:
    """Which of the bytes at `where` follow an odd number of backslashes; the parity at the chunk's end.

    carried: that parity at the end of the chunk before.
    """
    index = np.arange(len(chunk), dtype=np.int64)
    other = np.maximum.accumulate(np.where(chunk == ord("\\"), -1, index))  # the last byte that is no backslash
    before = np.concatenate([[-1], other])[where]
    run = where - 1 - before + np.where(before == -1, carried, 0)
    last = int(other[-1])
    return (run & 1).astype(bool), (len(chunk) - 1 - last + (carried if last == -1 else 0)) & 1


def _lists(
    file: BinaryIO, path: Path, containers: list[tuple[int, int]], starts: Offsets, ends: Offsets
) -> dict[str, Items]:
    found: dict[str, Items] = {}
    before = 0
    for start, end in containers:
        file.seek(max(before, start - 200))
        key = _KEY.search(file.read(start - max(before, start - 200)))
        before = end
        name = _text(key[1]) if key else None
        if name not in LISTS:
            continue
        file.seek(start)
        if file.read(1) != b"[":
            raise _not_coco(path)
        if name in found:
            raise CocoError(f"{path}: '{name}' stands in it twice; keep one.")
        low, high = np.searchsorted(starts, [start, end])
        items = Items(starts[low:high], ends[low:high], start + 1, end - 1)
        _check_gaps(file, path, name, items)
        found[name] = items
    if len(found) < len(LISTS):
        raise _not_coco(path)
    return found


def _check_gaps(file: BinaryIO, path: Path, name: str, items: Items) -> None:
    """Between the items stand commas and white space, and nothing else."""
    edges = [(items.opened, int(items.starts[0]) if len(items) else items.closed)]
    if len(items):
        edges.append((int(items.ends[-1]), items.closed))
    for start, end in edges:
        file.seek(start)
        if file.read(min(end - start, _CHUNK)).strip(b" \t\r\n"):
            raise _no_objects(path, name)
    first, seen = 0, set[bytes]()
    while first < len(items) - 1:  # the gaps of about a block of the file at a time
        start = int(items.ends[first])
        last = max(int(np.searchsorted(items.starts, start + _BLOCK, side="right")), first + 2)
        file.seek(start)
        block = file.read(int(items.starts[last - 1]) - start)
        for a, b in zip(
            (items.ends[first : last - 1] - start).tolist(),
            (items.starts[first + 1 : last] - start).tolist(),
            strict=True,
        ):
            gap = block[a:b]
            if gap not in seen:
                if not _GAP.fullmatch(gap):
                    raise _no_objects(path, name)
                if len(gap) < 100 and len(seen) < 1000:
                    seen.add(gap)
        first = last - 1


def _skeleton(file: BinaryIO, lists: Mapping[str, Items], size: int) -> bytes:
    parts, at = [], 0
    for items in sorted(lists.values(), key=lambda items: items.opened):
        file.seek(at)
        parts.append(file.read(items.opened - at))
        at = items.closed
    file.seek(at)
    parts.append(file.read(size - at))
    return b"".join(parts).removeprefix(b"\xef\xbb\xbf")


def _text(raw: bytes) -> str | None:
    try:
        text: str = json.loads(raw)
    except ValueError:
        return None
    return text


def _not_json(path: Path, why: str) -> CocoError:
    return CocoError(f"{path}: not valid JSON ({why}).")


def _not_coco(path: Path) -> CocoError:
    return CocoError(f"{path}: not a COCO annotation file (it needs the lists 'images' and 'annotations').")


def _no_objects(path: Path, name: str) -> CocoError:
    return CocoError(f"{path}: every entry of '{name}' has to be an object.")


# ---------------------------------------------------------------- one object


def parse(raw: bytes) -> Any:
    """A JSON value, fast where that loses nothing: what orjson is too strict for (NaN, 1e400, lone surrogates) the
    standard library reads as Python does. Raises ValueError, RecursionError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)


def members(raw: bytes) -> list[tuple[str, int, int, str]]:
    """(key, start, end, text of the value) of every member of an object's text; start and end enclose key and value,
    in characters. Raises ValueError, RecursionError."""
    text = raw.decode("utf-8")
    out: list[tuple[str, int, int, str]] = []
    at = _skip(text, _skip(text, 0) + 1)  # behind the brace
    while text[at : at + 1] == '"':
        start = at
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # behind the colon
        value = at
        _, at = _DECODER.raw_decode(text, at)
        out.append((key, start, at, text[value:at]))
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return out


def with_members(raw: bytes, values: Mapping[str, bytes]) -> bytes:
    """The object's text with these members set: replaced where they stand, new ones at the end. All else is kept."""
    if b"\\u" not in raw and not any(json.dumps(key).encode() in raw for key in values) and raw.endswith(b"}"):
        # None of them is there (the usual case): nothing has to be read.
        added = b", ".join(json.dumps(key).encode() + b": " + value for key, value in values.items())
        return raw[:-1] + (b", " if raw[1:-1].strip() else b"") + added + b"}"
    text, out, at = raw.decode("utf-8"), [], 0
    found = members(raw)
    names = {key for key, *_ in found}
    for key, start, end, _ in found:
        if key in values:
            out += [text[at:start], json.dumps(key), ": ", values[key].decode("utf-8")]
            at = end
    if new := [f"{json.dumps(key)}: {value.decode('utf-8')}" for key, value in values.items() if key not in names]:
        end = found[-1][2] if found else text.index("{") + 1
        if at < end:
            out.append(text[at:end])
            at = end
        out.append((", " if found else "") + ", ".join(new))
    return "".join([*out, text[at:]]).encode("utf-8")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
