"""The shards of a plan: which photos are worked on together, so that a new photo moves no other."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from data.plan.entries import Entry
from data.storage.files import canonical_json, read_own, sha256
from data.storage.store import Store

_FIELDS = [field.name for field in fields(Entry)]


def write_shards(
    entries: Iterable[Entry], store: Store, shard_size: int, workers: int, *, of: int | None = None
) -> list[Path]:
    """Shard manifests (JSON, named by their content), at most about `shard_size` photos each.

    A photo's shard is hash(name) mod N; N is kept between runs, so that a new photo does not move the others.
    shard_size 0: 256, or more, so that a large collection does not fill Prefect's database (19 KB a task).
    of: photos in the collection that the entries were selected from; it decides N.
    """
    entries = list(entries)
    photos = len(entries) if of is None else of
    count = _shard_count(photos, store, shard_size or max(256, math.ceil(1.2 * photos / 240)), workers)
    shards: dict[int, list[Entry]] = {}
    for entry in entries:
        shards.setdefault(int(entry.id, 16) % count, []).append(entry)
    width = len(str(count - 1))
    out = []
    for number, members in sorted(shards.items()):
        data = canonical_json([{name: getattr(member, name) for name in _FIELDS} for member in members])
        out.append(store.put(f"shards/plan-{number:0{width}}-{sha256(data)[:16]}.json", data))
    return out


def read_shard(path: Path) -> list[Entry]:
    """Entries of a shard manifest."""
    return [_entry(item) for item in json.loads(read_own(path))]


def _entry(item: dict[str, Any]) -> Entry:
    keep = item["keep"]
    return Entry(
        **{
            **item,
            "stated_size": tuple(item["stated_size"]) if item["stated_size"] else None,
            "keep": keep if isinstance(keep, str) else tuple(k if isinstance(k, int) else tuple(k) for k in keep),
        }
    )


def _shard_count(photos: int, store: Store, shard_size: int, workers: int) -> int:
    known = store.note("shards.json", dict[str, object]()).get("count")
    if isinstance(known, int) and known > 0 and math.ceil(photos / known) <= shard_size:
        return known
    # 20 % of air: hashing fills shards unevenly, and collections grow.
    count = max(1, min(photos, 2 * workers), math.ceil(1.2 * photos / shard_size))
    store.write_note("shards.json", {"count": count})
    return count
