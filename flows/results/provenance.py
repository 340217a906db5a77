"""What a run was: for its report, and in the annotation files so that it can be repeated."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from data.coco.licences import licences_of
from data.collection.folder import Collection
from data.storage.files import digest
from data.storage.places import is_remote
from data.weights.files import registry
from flows.plan.decisions import Decisions
from flows.stages.context import RunContext


def described(context: RunContext, collection: Collection) -> dict[str, Any]:
    """What the report says of what was done, and to what."""
    return {
        "version": tool_version(),
        "preset": context.settings.preset,
        "settings": context.settings.model_dump(mode="json"),
        "weights": [
            {"name": name, "sha256": weight.sha256, "licence": _licence(name)}
            for name, weight in context.weights.items()
        ],
        "input": collection.root.name,
        "id": digest([str(context.output), str(collection.images)])[:16],
        "originals": _way(context.output, collection.images),
        "licences": _photo_licences(collection),
    }


def _way(start: Path, folder: Path) -> str | None:
    """The folder as a relative path, for links of a page; None where there is none (another drive, an object store)."""
    if is_remote(start) or is_remote(folder):
        return None
    try:
        return Path(os.path.relpath(folder, start)).as_posix()
    except ValueError:
        return None


def _licence(name: str) -> str | None:
    return registry().resolve(name)[1].licence if name in registry() else None


def _photo_licences(collection: Collection) -> dict[str, int] | None:
    """Photos by licence name, for the report."""
    if not collection.files:
        return None
    counts = Counter(
        str(licence or "not stated")
        for file in collection.mains
        for image, licence in zip(file.coco.images, licences_of(file.coco), strict=True)
        if file.name_of(image) not in collection.left_out
    )
    return dict(counts.most_common())


def repeatable(context: RunContext, decisions: Decisions) -> dict[str, Any]:
    """What `info.person_removal` says: enough to repeat the run."""
    decided = {"decisions_sha256": decisions.digest()} if decisions.by_name else {}
    return decided | {
        "version": tool_version(),
        "settings_sha256": digest(context.settings.model_dump(mode="json", exclude={"run", "preset"})),
        "settings": context.settings.model_dump(mode="json", exclude={"run"}),
        "weights": {name: weight.sha256 for name, weight in sorted(context.weights.items())},
        "date": datetime.now(UTC).date().isoformat(),
    }


def tool_version() -> str:
    try:
        return version("person-removal")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "unknown"
