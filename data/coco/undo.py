"""An edited annotation file and what was taken out of it -> the original."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from data.coco.edit import FORMAT, REMOVED, write_lists
from data.coco.errors import CocoError
from data.coco.members import members, parse
from data.coco.scan import scan
from data.coco.spans import BOM, LISTS, Layout
from data.storage.files import atomic_file, sha256_of

_KINDS = {"images": "image", "annotations": "annotation"}


class _Source(TypedDict):
    """A file that was edited, as `removed_annotations.json` tells of it. skeleton: its text, the lists emptied.
    between: white space before, separator and white space after, by list. marked: whether it had a byte order mark."""

    file: str
    sha256: str
    bytes: int
    skeleton: str
    between: dict[str, list[str]]
    marked: NotRequired[bool]


class _Taken(TypedDict):
    """An item of a list of `removed_annotations.json`. file: the number of its file. index: its place there."""

    file: int
    index: int
    action: str


@dataclass(frozen=True)
class Restored:
    """restored: items put back, by list. exact: whether the file is the original byte for byte (else its content)."""

    restored: dict[str, int]
    exact: bool


def undo(edited: Path, removed: Path, output: Path) -> Restored:
    """Write the annotation file that `edited` was made from. Raises CocoError, OSError."""
    try:
        return _undo(edited, removed, output)
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # records that no run writes
        raise CocoError(
            f"{removed}: it or {edited} is damaged ({type(error).__name__}: {error}); "
            "take the files as the run wrote them."
        ) from None


def _undo(edited: Path, removed: Path, output: Path) -> Restored:
    kept, taken = scan(edited), scan(removed)
    head = json.loads(taken.skeleton)
    about = head.get("person_removal")
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise CocoError(f"{removed}: not a {REMOVED} of this version.")
    number, file = _which(kept, head["files"], edited, removed)
    restored: dict[str, int] = {}

    def items(name: str) -> Iterator[bytes]:
        keep, index = kept.raw(name), 0
        for at, action, raw in _records(taken, name, number):
            while index < at:
                if (item := next(keep, None)) is None:
                    raise CocoError(f"{edited}: items of '{name}' are missing that the run left in it.")
                yield item
                index += 1
            if action == "changed":
                next(keep, None)
            yield raw
            index += 1
            restored[name] = restored.get(name, 0) + 1
        yield from keep

    def between(name: str) -> tuple[bytes, bytes, bytes]:
        before, separator, after = (part.encode("utf-8") for part in file["between"][name])
        return before, separator, after

    with atomic_file(output, durable=True) as out:
        if file.get("marked"):
            out.write(BOM)
        write_lists(out, file["skeleton"].encode("utf-8"), {name: items(name) for name in LISTS}, between)
    return Restored(restored, sha256_of(output) == file["sha256"])


def _which(kept: Layout, files: list[_Source], edited: Path, removed: Path) -> tuple[int, _Source]:
    """The number of the edited file in `removed`, by the digest of what it was made from."""
    info = json.loads(kept.skeleton).get("info")
    about = info.get("person_removal") if isinstance(info, dict) else None
    source = about.get("input_sha256") if isinstance(about, dict) else None
    for number, file in enumerate(files):
        if file["sha256"] == source:
            return number, file
    raise CocoError(f"{edited}: it was not written together with {removed}; give the two files of one run.")


def _records(taken: Layout, name: str, number: int) -> Iterator[tuple[int, str, bytes]]:
    """(index in the original, action, original text) of one file's items, in order."""
    for raw in taken.raw(name):
        record: _Taken = parse(raw)
        if record["file"] == number:
            text = {key: value for key, _, _, value in members(raw)}[_KINDS[name]]
            yield record["index"], record["action"], text.encode("utf-8")
