"""Shard manifests: what a stage said of every photo of a shard; a small JSON file in the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from data.storage.files import read_own
from data.storage.places import as_path
from flows.facts import PublishRow, Row


class ShardManifest(TypedDict):
    """shard: file name of the plan's shard. inputs: file names of the manifests that this one was made from."""

    shard: str
    inputs: list[str]
    rows: list[Row]


def read_manifest(path: str | Path) -> list[Row]:
    """Rows of a shard manifest, in the shard's order."""
    manifest: ShardManifest = _manifest(str(path))
    return manifest["rows"]


def read_published(path: str | Path) -> list[PublishRow]:
    """Rows of a shard manifest of the publish stage."""
    return list[PublishRow](read_manifest(path))


@lru_cache(maxsize=32)  # every later stage of a shard reads it
def _manifest(path: str) -> ShardManifest:
    """A manifest's content: named by its content, so it cannot change; not to be written to."""
    manifest: ShardManifest = json.loads(read_own(as_path(path)))
    return manifest


def manifest_chain(paths: Sequence[str]) -> set[str]:
    """File names of these shard manifests, of all that they were made from, and of their shards' plans."""
    out: set[str] = set()
    todo = [as_path(path) for path in paths]
    while todo:
        path = todo.pop()
        if path.name not in out:
            manifest = _manifest(str(path))
            out |= {path.name, manifest["shard"]}
            todo += [path.with_name(name) for name in manifest["inputs"]]
    return out
