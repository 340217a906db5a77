"""What the store holds, what of it is still needed, and whether it is intact."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.plan.shards import read_shard
from data.storage.files import is_temporary, read_own, write_atomic
from data.storage.homes import ARCHIVE
from data.storage.inside import inside, is_below
from data.storage.places import Listed, file_name, is_remote, list_files
from data.storage.store import Store, StoreError
from flows.facts import Row
from flows.pipeline import STAGE_NAMES
from flows.plan.manifests import manifest_chain, read_manifest
from flows.plan.selection import STANDING
from flows.run.lock import RUNNING, this_process
from flows.stages.context import STORE

ARTIFACTS = ("given", *STAGE_NAMES)
"""Folders of the store whose content can be made again."""
RECORDS = "published"
"""What was published: without it a later run could not tell its own files from edited ones. Never pruned, and never
packed, so that no damage is to more than one."""
PACKED = ARCHIVE.split("/")[0]
_NOTES = ("shards", "runs", "prefect")
_MANY, _SHARE = 4096, 4
"""While a run goes on, artifacts are put together when so many are new, and a quarter as many as lie together already:
so these are written anew few times, in all about five times their bytes."""
_LATEST = "latest.json"
_DAY = 86400.0
_YOUNG = 60.0
"""Seconds for which a temporary file may still belong to somebody who plans a run without holding the lock."""


@dataclass
class Share:
    """A part of the store. number: of artifacts, or of other files."""

    number: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        self.number += 1
        self.bytes += size


@dataclass(frozen=True)
class Sizes:
    """shares: by stage; `notes` is what is no artifact (plans, shard manifests, digests, temporary files). files,
    bytes: on the disk, where small artifacts lie together in one file."""

    shares: dict[str, Share]
    files: int
    bytes: int


def sizes(store: Store) -> Sizes:
    """How large the store is."""
    stages = (*ARTIFACTS, RECORDS)
    on_disk, shares = list_files(store.root), {name: Share() for name in (*stages, "notes")}
    notes = ((name, file) for name, file in on_disk.items() if name.split("/")[0] not in (*stages, PACKED))
    for share, files in ((stage, store.home.files(stage).items()) for stage in stages):
        for name, file in files:
            shares["notes" if is_temporary(PurePosixPath(name).name) else share].add(file.size)
    for _, file in notes:
        shares["notes"].add(file.size)
    return Sizes(shares, len(on_disk), sum(file.size for file in on_disk.values()))


def verify(store: Store) -> list[str]:
    """Discard every truncated or altered artifact, so that the next run makes it again; their paths in the store."""
    found = store.home.mend()
    for stage in (*ARTIFACTS, RECORDS):
        for key in sorted(store.artifacts(stage)):
            try:
                store.read(stage, key)
            except StoreError:
                store.discard(stage, key)
                found.append(store.path(stage, key).relative_to(store.root).as_posix())
    return found


def prune(store: Store, *, everything: bool = False, older_than: float = 0, dry_run: bool = False) -> dict[str, Share]:
    """Delete artifacts that neither the last run nor the output directory as it stands is made from; what that frees.

    everything: also those that they are made from. older_than: only what was written more than so many seconds ago.
    The caller holds the lock.
    """
    needed = _needed(store, _chain(store)) if not everything else {}
    now, freed, gone = time.time(), {name: Share() for name in (*ARTIFACTS, "notes")}, set[str]()
    for stage in ARTIFACTS:
        for name, file in store.home.files(stage).items():
            key = PurePosixPath(name).name
            if is_temporary(key) or key in needed.get(stage, ()) or now - file.written < older_than:
                continue
            freed[stage].add(file.size)
            gone.add(f"{stage}/{name}")
    if not dry_run:
        store.home.remove_all(gone)
    for path, file in [*_old_notes(store, now, older_than or _YOUNG), *_temporary(store, now)]:
        freed["notes"].add(file.size)
        if not dry_run:
            _delete(path, store.root)
    return freed


def was_killed(store: Store) -> bool:
    """Whether a run has begun and not ended; where none is at work it was killed."""
    return (store.root / RUNNING).exists()


def begin(store: Store, output: Path) -> None:
    """Before a run: clear what a killed one left half-written. The caller holds the lock."""
    if is_remote(store.root):  # a PUT leaves nothing behind
        return
    if was_killed(store):
        for path, _ in [*_temporary(store, time.time()), *_temporary_output(output)]:
            _delete(path, store.root)
    write_atomic(store.own(RUNNING), this_process().encode())


def end(store: Store, manifests: Sequence[str]) -> None:
    """After a run: remember what it is made from, drop the notes of runs that are over for more than a day, and put
    small artifacts together."""
    store.write_note(_LATEST, [file_name(path) for path in manifests])
    for path, _ in _old_notes(store, time.time(), _DAY):
        _delete(path, store.root)
    store.pack(ARTIFACTS)
    store.own(RUNNING).unlink(missing_ok=True)


class Packing:
    """A listener that puts small artifacts together while a run goes on, each time that they have become many, so that
    a first run needs no more files than a later one."""

    def __init__(self, store: Store) -> None:
        self.store, self.written, self.packed = store, 0, 0

    def __call__(self, stage: str, row: Row, stored: bool, seconds: float) -> None:
        self.written += not stored
        if self.written >= max(_MANY, self.packed / _SHARE):
            self.packed, self.written = self.store.pack(ARTIFACTS), 0


def _delete(path: Path, root: Path) -> None:
    """Delete a file below `root`, however it got there. Raises InputError where a link leads elsewhere."""
    if not is_remote(path):
        inside(root.parent, path.relative_to(root.parent).as_posix())
    path.unlink(missing_ok=True)


def _chain(store: Store) -> set[str]:
    """File names of the plans and shard manifests of the last run and of what is published."""
    names: set[str] = set()
    for pointer in (_LATEST, STANDING):
        try:
            names |= manifest_chain([str(store.root / "shards" / name) for name in store.names(pointer)])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):  # gone or damaged
            continue
    return {name for name in names if is_below(f"shards/{name}") and "/" not in name}


def _needed(store: Store, names: Iterable[str]) -> dict[str, set[str]]:
    """Keys by stage of every artifact that these shard manifests and plans speak of."""
    needed: dict[str, set[str]] = defaultdict(set)
    for name in names:
        path, stage = store.root / "shards" / name, name.split("-")[0]
        try:
            if stage == "plan":
                needed["given"] |= {entry.given for entry in read_shard(path) if entry.given}
            elif stage in STAGE_NAMES:
                rows = read_manifest(path)
                needed[stage] |= {row[name] for row in rows for name in ("key", "refusal") if name in row}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):  # gone or damaged
            continue
    return needed


def _old_notes(store: Store, now: float, older_than: float) -> list[tuple[Path, Listed]]:
    """Plans, shard manifests, run files and Prefect's results that nothing speaks of any more."""
    old = [
        (store.root / folder / name, file)
        for folder in _NOTES
        for name, file in list_files(store.root / folder).items()
        if now - file.written > older_than
    ]
    if not old:
        return []
    chain = _chain(store)
    return [(path, file) for path, file in old if not _is_needed(path, chain)]


def _is_needed(path: Path, chain: set[str]) -> bool:
    if path.parent.name != "prefect":
        return path.name in chain
    try:  # a result of Prefect's holds the path of a shard manifest
        text = read_own(path).decode("utf-8", "replace")
    except OSError:
        return False
    return any(part in chain for part in text.replace("\\", "/").replace('"', "/").split("/"))


def _temporary(store: Store, now: float) -> list[tuple[Path, Listed]]:
    return [
        (store.root / name, file)
        for name, file in list_files(store.root).items()
        if is_temporary(PurePosixPath(name).name)
        and (name.split("/")[0] in (*STAGE_NAMES, RECORDS, PACKED) or now - file.written > _YOUNG)
    ]


def _temporary_output(output: Path) -> list[tuple[Path, Listed]]:
    return [
        (output / name, file)
        for name, file in list_files(output).items()
        if is_temporary(PurePosixPath(name).name) and not name.startswith(f"{STORE}/")
    ]
