"""The artifact store: what a stage made of one photo, under a key of everything it was made from.

An artifact is one file: a JSON line (the payload's sha256 and a few facts about it) and the payload.
It is written whole or not at all, so whatever stands under a key can be used. Small ones are packed together later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from data.storage.files import (
    NotOwn,
    canonical_json,
    digest,
    is_temporary,
    read_own,
    sha256,
)
from data.storage.homes import home_of
from data.storage.inside import is_below
from data.storage.places import Listed

_Note = TypeVar("_Note")


class StoreError(Exception):
    """An artifact that is not what its header says. stage, key: its name."""

    def __init__(self, sentence: str, stage: str, key: str) -> None:
        super().__init__(sentence, stage, key)  # all, so that the error survives pickling
        self.sentence, self.stage, self.key = sentence, stage, key

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Artifact:
    """An artifact's header. sha256: of the payload. facts: small JSON values about it."""

    stage: str
    key: str
    sha256: str
    facts: Mapping[str, Any]


def artifact_key(
    stage: str, version: int, settings: Mapping[str, object], weights: Iterable[str], inputs: Iterable[str]
) -> str:
    """sha256 of all that determines an artifact; `weights` and `inputs` are sha256 digests, in order."""
    return digest([stage, version, settings, list(weights), list(inputs)])


def _name(stage: str, key: str) -> str:
    return f"{stage}/{key[:2]}/{key}"


class Store:
    """A folder of artifacts; readable by its owner only, because it holds personal data."""

    def __init__(self, root: Path) -> None:
        self.root, self.home = root, home_of(root)

    def create(self) -> None:
        self.home.create()

    def own(self, name: str) -> Path:
        """Path of a file of the store that is to be written or deleted. Raises InputError where a link in the store
        leads elsewhere."""
        return self.home.own(name)

    def scratch(self) -> Path:
        """A folder on its file system for what is there for a moment."""
        return self.root

    def path(self, stage: str, key: str) -> Path:
        return self.root / stage / key[:2] / key

    def header(self, stage: str, key: str) -> Artifact | None:
        """The artifact's header, or None when it is not there or unreadable (then it is made again)."""
        try:
            line, end, _ = self.home.head(_name(stage, key)).partition(b"\n")
            if not end:  # a header with more facts than most
                line = self.home.read(_name(stage, key)).partition(b"\n")[0]
            return self._parse(stage, key, line)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def read(self, stage: str, key: str) -> bytes:
        """The payload. Raises StoreError when it is missing or altered."""
        try:
            line, _, payload = self.home.read(_name(stage, key)).partition(b"\n")
            artifact = self._parse(stage, key, line)
        except (FileNotFoundError, NotADirectoryError, NotOwn, ValueError, KeyError, TypeError, RecursionError):
            raise StoreError(f"{self.path(stage, key)}: missing or unreadable artifact.", stage, key) from None
        if sha256(payload) != artifact.sha256:
            raise StoreError(f"{self.path(stage, key)}: altered artifact.", stage, key)
        return payload

    def write(self, stage: str, key: str, payload: bytes, facts: Mapping[str, object] | None = None) -> Artifact:
        artifact = Artifact(stage, key, sha256(payload), facts or {})
        line = canonical_json({"sha256": artifact.sha256, "facts": artifact.facts})
        self.home.write(_name(stage, key), line + b"\n" + payload)
        return artifact

    def discard(self, stage: str, key: str) -> None:
        self.home.remove(_name(stage, key))

    def artifacts(self, stage: str) -> dict[str, Listed]:
        """Every artifact of a stage, by its key."""
        names = ((name.split("/"), file) for name, file in self.home.files(stage).items())
        return {
            parts[1]: file
            for parts, file in names
            if len(parts) == 2 and parts[1][:2] == parts[0] and not is_temporary(parts[1])
        }

    def pack(self, stages: Iterable[str]) -> int:
        """Put small artifacts together, once they are many; how many lie together now. The caller holds the lock, and
        nobody writes other content under their keys meanwhile."""
        return self.home.pack(stages)

    def written_since(self, stage: str, key: str, moment: float) -> bool:
        """Whether the artifact was written at or after `moment` (seconds since the epoch)."""
        try:
            return self.home.written(_name(stage, key)) >= self.home.moment(moment)
        except OSError:
            return False

    def note(self, name: str, default: _Note) -> _Note:
        """A small JSON value that a run left in the store's folder for the next; `default` when it is not there,
        damaged or of another type."""
        try:
            value = json.loads(read_own(self.root / name))
        except (OSError, ValueError, RecursionError):
            return default
        return value if isinstance(value, type(default)) else default

    def write_note(self, name: str, value: object) -> None:
        self.home.write(name, canonical_json(value))

    def put(self, name: str, data: bytes) -> Path:
        """A file of the store that is named by its content; returns its path.

        What stands under the name is believed only when it is the same: the name alone proves nothing.
        """
        path = self.root / name
        try:
            if read_own(path) == data:
                return path
        except OSError:
            pass
        self.home.write(name, data)
        return path

    def names(self, note: str) -> list[str]:
        """A note that lists files of one folder of the store: their names, and nothing that is no plain name."""
        return [name for name in self.note(note, list[object]()) if isinstance(name, str) and is_below(f"{name}")]

    @staticmethod
    def _parse(stage: str, key: str, line: bytes) -> Artifact:
        header = json.loads(line)
        return Artifact(stage, key, header["sha256"], header["facts"])
