"""The files of the output directory: which are ours, and which somebody changed by hand.

What we wrote for a photo stands in the store (`published`), and what is about to be written stands there first, so that
a run that was killed in between never takes its own file for somebody's edit.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from data.errors import InputError
from data.plan.entries import Entry
from data.storage.files import sha256, sha256_of
from data.storage.inside import inside, is_below, remove_inside, write_inside
from data.storage.places import bytes_in, is_remote, stamp_of, storage_of
from flows.facts import PublishedFile
from flows.stages.context import RunContext

MASKS = "masks/"
"""Where holes are published. A mask that somebody edited there is never moved or overwritten: it is the hole."""
FOLDERS = ("images/", "review/", "report/", MASKS)
"""Where files of photos are published."""
_LINK, _SHARED = "link", "shared"
_LARGEST = 1 << 33
"""Bytes: no result is larger."""


def check_photo_folders(run: RunContext, entries: Iterable[Entry]) -> None:
    """Raises InputError where a folder below the output directory into which a photo's files go is a link."""
    names = (name for entry in entries if entry.state is None for name in (entry.name, entry.mask_name))
    for folder in {name.rpartition("/")[0] for name in names if "/" in name}:
        for place in FOLDERS:
            inside(run.output, f"{place}{folder}/photo")


def with_edited_masks(run: RunContext, entries: Sequence[Entry]) -> list[Entry]:
    """Entries with the masks in the output directory that are not as they were published."""
    with ThreadPoolExecutor(storage_of(run.output).at_once) as threads:
        return list(threads.map(partial(_with_edited_mask, run), entries))


def _with_edited_mask(run: RunContext, entry: Entry) -> Entry:
    name = f"{MASKS}{entry.mask_name}"
    path = run.output / name
    stamp = run.stamp(name)
    if stamp is None or entry.state:
        return entry
    files, ours = _record(run, entry.id)
    if name in files and files[name]["stamp"] == stamp:
        return entry  # not looked into, as photos are not
    if bytes_in(stamp) > _LARGEST:
        raise InputError(f"{path}: the file is larger than any mask; delete it, or move it away.")
    sha = sha256_of(path)
    return entry if sha in ours.get(name, ()) else replace(entry, edited=str(path), edited_sha256=sha)


def write_files(
    run: RunContext, entry: Entry, files: Mapping[str, bytes], *, alone: bool = True
) -> dict[str, PublishedFile]:
    """Write a photo's files; returns what `is_intact` needs of those that are ours now, by name.

    A file that somebody changed since it was published is moved to `edited/`, an edited mask stays where it is.
    alone: earlier files of the photo that are not among these leave.
    """
    previous, ours = _record(run, entry.id)
    shas = {name: sha256(data) for name, data in files.items()}
    if any(name not in previous or previous[name]["sha256"] != sha for name, sha in shas.items()):
        _write_record(run, entry, previous, shas)
    written: dict[str, PublishedFile] = {}
    for name, data in files.items():
        if _write_file(run, name, data, shas[name], ours.get(name, set())):
            written[name] = {"sha256": shas[name], "stamp": stamp_of(run.output / name)}
    others = {name: file for name, file in previous.items() if name not in files}
    if alone:
        for name in others:
            _withdraw(run, name, ours[name])
        others = {}
    _write_record(run, entry, {**others, **written})
    return written


def withdraw_photo(run: RunContext, photo_id: str) -> None:
    """Take back all files of a photo; somebody's edits are kept aside, edited masks where they are."""
    for name, shas in _record(run, photo_id)[1].items():
        _withdraw(run, name, shas)
    run.store.discard("published", photo_id)


def is_intact(run: RunContext, files: Mapping[str, PublishedFile] | None) -> bool:
    """Whether every file still stands as `write_files` left it."""
    return files is not None and all(run.stamp(name) == list(file["stamp"]) for name, file in files.items())


def _write_file(run: RunContext, name: str, data: bytes, sha: str, ours: set[str]) -> bool:
    """Whether the file that stands there now is ours."""
    path = inside(run.output, name)
    present = _digest_of(path)
    if present == sha:
        return True
    if present == _SHARED and sha256_of(path) in {sha, *ours}:
        present = None  # ours, and somebody else's too: the new one is ours alone
    if present is not None and present not in ours:
        if name.startswith(MASKS) and present != _LINK:
            return False
        set_aside(run, name)
    write_inside(run.output, name, data)
    return True


def _digest_of(path: Path) -> str | None:
    """sha256 of a file, None where none is; `_LINK` for a link, a device or a file larger than any of ours, which are
    never looked into, and `_SHARED` for one of several hard links."""
    if is_remote(path):
        return sha256_of(path) if path.exists() else None
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
        return _LINK
    return sha256_of(path) if status.st_nlink == 1 else _SHARED


def _withdraw(run: RunContext, name: str, ours: set[str]) -> None:
    path = inside(run.output, name)
    present = _digest_of(path)
    if present == _SHARED:
        present = sha256_of(path)
    if present in ours:
        remove_inside(run.output, name)
    elif present is not None and not name.startswith(MASKS):
        set_aside(run, name)


def set_aside(run: RunContext, name: str) -> None:
    """Move a file that somebody changed to `edited/`."""
    aside = f"edited/{time.strftime('%Y-%m-%dT%H%M%S')}/{name}"
    storage_of(run.output).move(inside(run.output, name), inside(run.output, aside))


def _record(run: RunContext, photo_id: str) -> tuple[dict[str, PublishedFile], dict[str, set[str]]]:
    """The photo's published files, and the digests that each file of ours may have."""
    record = run.store.header("published", photo_id)
    if record is None:
        return {}, {}
    try:
        files = {name: file for name, file in record.facts["files"].items() if _may_be_ours(name)}
        writing = {name: sha for name, sha in record.facts.get("writing", {}).items() if _may_be_ours(name)}
        ours = {name: {files[name]["sha256"]} if name in files else set() for name in files | writing}
        for name, sha in writing.items():
            ours[name].add(sha)
        return files, ours
    except (KeyError, TypeError, AttributeError):  # a record that no run wrote
        return {}, {}


def _may_be_ours(name: str) -> bool:
    """Whether runs write such files of photos: a record of another one is not ours, and nobody acts on it."""
    return name.startswith(FOLDERS) and is_below(name)


def _write_record(
    run: RunContext, entry: Entry, files: Mapping[str, PublishedFile], writing: Mapping[str, str] | None = None
) -> None:
    facts = {"files": dict(files), "name": entry.name, **({"writing": dict(writing)} if writing else {})}
    run.store.write("published", entry.id, b"", facts)
