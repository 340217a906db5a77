"""Digests of weights files, remembered, so that a run does not hash 100 MB each time it starts."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from data.storage.files import sha256_of, write_atomic
from data.weights.registry import WeightsError


def digest(path: Path, folder: Path, fresh: bool = False) -> str:
    """sha256 of the file at `path`, from `folder`/digests.json while its size and mtime stay the same.

    fresh: hash it in any case.
    """
    key = str(path.resolve())
    stat = path.stat()
    stamp = [stat.st_size, stat.st_mtime_ns]
    known: object = None
    if not fresh:
        with suppress(OSError, ValueError, AttributeError):  # a lost cache costs a second, no more
            known = json.loads((folder / "digests.json").read_text(encoding="utf-8")).get(key)
    if isinstance(known, dict) and known.get("stamp") == stamp:
        return str(known["sha256"])
    found = sha256_of(path)
    remember(path, found, folder)
    return found


def remember(path: Path, sha256: str, folder: Path) -> None:
    """Let `digest` know the digest of the file at `path`, as it is now."""
    with suppress(OSError):  # a cache that cannot be written (shared, read-only) still serves
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        _put(folder / "digests.json", str(path.resolve()), {"stamp": stamp, "sha256": sha256})


def recorded(name: str, folder: Path) -> str | None:
    """The digest that the first fetch of `name` recorded, for weights whose registry entry has none."""
    path = folder / "recorded.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get(name)
        return None if found is None else str(found["sha256"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise WeightsError(f"{path} is not readable: delete it to record the checksums anew.") from None


def record(name: str, sha256: str, origin: str, folder: Path) -> None:
    """Keep the digest of a first fetch."""
    _put(folder / "recorded.json", name, {"sha256": sha256, "from": origin})


def _put(path: Path, key: str, value: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), timeout=10):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            content = {}
        content = {**(content if isinstance(content, dict) else {}), key: value}
        write_atomic(path, json.dumps(content, indent=1).encode())
