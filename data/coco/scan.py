"""Find the items of a COCO file's two lists in one pass over its bytes, without parsing them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from data.coco.errors import CocoError, NotAnnotationsError
from data.coco.spans import BLOCK, BOM, CHUNK, LISTS, Items, Layout, LocalCopy, Offsets
from data.storage.files import open_regular
from data.storage.places import stamp_of

NO_LISTS = "not a COCO annotation file (it needs the lists 'images' and 'annotations')"
_OTHERS = (
    ({"_via_img_metadata"}, "a project of VIA"),
    ({"shapes", "imagePath"}, "a file of LabelMe"),
    ({"items", "categories"}, "a file of Datumaro"),
    ({"objects", "size"}, "a file of Supervisely"),
    ({"asset", "regions"}, "a file of VoTT"),
)
"""Keys of other tools' files, and whose they are."""
_CONTAINERS = 10_000  # more values than this in the outermost object are no annotation file
_DEEPEST = 200  # the standard library's reader recurses
_QUOTE, _OPEN, _CLOSE = 1, 2, 3
_KIND = np.zeros(256, np.uint8)
_KIND[ord('"')] = _QUOTE
_KIND[[ord("{"), ord("[")]] = _OPEN
_KIND[[ord("}"), ord("]")]] = _CLOSE
_KEY = re.compile(rb'("(?:[^"\\]|\\.)*")\s*:\s*\Z', re.DOTALL)
_GAP = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")


def scan(path: Path) -> Layout:
    """Find the items of `images` and `annotations`. Raises CocoError for what is no such file."""
    try:
        local = LocalCopy(path)
        with open_regular(local.path) as file:
            stamp = stamp_of(local.path)
            containers, starts, ends, sha, size = _scan(file, path)
            lists = _lists(file, path, containers, starts, ends)
            skeleton = _skeleton(file, lists, size)
            marked = skeleton.startswith(BOM)
    except OSError as error:
        raise CocoError(f"{path}: cannot be read ({error.strerror or error}).") from None
    return Layout(path, sha, size, stamp, skeleton.removeprefix(BOM), lists, local, marked)


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
    while data := file.read(CHUNK):
        digest.update(data)
        chunk = np.frombuffer(data, np.uint8)
        if not began:
            text = data.removeprefix(BOM) if offset == 0 else data
            if stripped := text.lstrip(b" \t\r\n"):
                began = True
                if stripped[:1] == b"[":
                    raise NotAnnotationsError(f"{path}: {NO_LISTS}; it is a list, as results of a network are.")
                if stripped[:1] != b"{":
                    raise _not_coco(path) if stripped[:1] == b'"' else _not_json(path, "it does not start with '{'")
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
        raise _not_coco(path, _kind(_skeleton(file, found, file.seek(0, 2))))
    return found


def _kind(text: bytes) -> str:
    """Of which tool a file without the two lists is, by its keys; empty when that is not known."""
    if len(text) > BLOCK:
        return ""
    try:
        keys = set(json.loads(text))
    except (ValueError, RecursionError, TypeError):
        return ""
    return next((f"; it is {what}, export it as COCO" for needed, what in _OTHERS if needed <= keys), "")


def _check_gaps(file: BinaryIO, path: Path, name: str, items: Items) -> None:
    """Between the items stand commas and white space, and nothing else."""
    edges = [(items.opened, int(items.starts[0]) if len(items) else items.closed)]
    if len(items):
        edges.append((int(items.ends[-1]), items.closed))
    for start, end in edges:
        file.seek(start)
        if rest := file.read(min(end - start, CHUNK)).strip(b" \t\r\n"):
            if rest == b"," and len(items):
                raise _not_json(path, f"a comma stands behind the last entry of '{name}'; take it out")
            raise _no_objects(path, name)
    first, seen = 0, set[bytes]()
    while first < len(items) - 1:  # the gaps of about a block of the file at a time
        start = int(items.ends[first])
        last = max(int(np.searchsorted(items.starts, start + BLOCK, side="right")), first + 2)
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
    return b"".join(parts)


def _text(raw: bytes) -> str | None:
    try:
        text: str = json.loads(raw)
    except ValueError:
        return None
    return text


def _not_json(path: Path, why: str) -> CocoError:
    return CocoError(f"{path}: not valid JSON ({why}).")


def _not_coco(path: Path, kind: str = "") -> CocoError:
    return NotAnnotationsError(f"{path}: {NO_LISTS}{kind}.")


def _no_objects(path: Path, name: str) -> CocoError:
    return CocoError(f"{path}: every entry of '{name}' has to be an object.")
