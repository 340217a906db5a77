"""What a run was: for its report, and in the annotation files so that it can be repeated."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from data.coco.licences import licences_of
from data.collection.folder import Collection
from data.storage.files import digest
from data.weights.files import registry
from flows.facts import RunRecord
from flows.plan.decisions import Decisions
from flows.results.paths import names_of, way_to, without_paths
from flows.stages.context import RunContext


def described(context: RunContext, collection: Collection) -> RunRecord:
    """What the report says of what was done, and to what."""
    shown: RunRecord = {
        "version": tool_version(),
        "preset": context.settings.preset,
        "settings": context.settings.model_dump(mode="json"),
        "weights": [
            {"name": name, "sha256": weight.sha256, "licence": _licence(name)}
            for name, weight in context.weights.items()
        ],
        "input": collection.root.name,
        "id": digest([str(context.output), str(collection.images)])[:16],
        "licences": _photo_licences(collection),
        "originals": None,
    }
    shown = without_paths(shown, folders(context, collection))
    shown["originals"] = way_to(collection.images, collection.root, context.output)
    return shown


def folders(context: RunContext, collection: Collection) -> dict[str, str]:
    """The folders that sentences of this run may name, and what is said of them to others."""
    return names_of([collection.root, context.output, *(file.coco.path.parent for file in collection.files)])


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


def repeatable(context: RunContext, decisions: Decisions) -> dict[str, object]:
    """What `info.person_removal` says: enough to repeat the run."""
    decided = {"decisions_sha256": decisions.digest()} if decisions.by_name else {}
    return decided | {
        "version": tool_version(),
        "settings_sha256": digest(context.settings.model_dump(mode="json", exclude={"run", "preset"})),
        "settings": without_paths(context.settings.model_dump(mode="json", exclude={"run"}), {}),
        "weights": {Path(name).name: weight.sha256 for name, weight in sorted(context.weights.items())},
        "date": datetime.now(UTC).date().isoformat(),
    }


def tool_version() -> str:
    try:
        return version("person-removal")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "unknown"
