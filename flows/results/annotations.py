"""The annotation files of a run: what became of each image, read from the stages' rows."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TypedDict

from data.coco import REMOVED, Edit, Fate, HoleRle, write_edited
from data.coco.ids import size_of
from data.coco.licences import attribution, licences_of
from data.collection.annotation_files import AnnotationFile
from data.collection.folder import Collection
from data.errors import InputError
from data.images import read_mask_png
from data.rle import encode_counts
from data.storage.files import digest, write_atomic
from data.storage.inside import inside, is_below
from data.storage.places import Stamp, stamp_of
from data.storage.store import StoreError
from data.types import PUBLISHED
from flows.facts import PublishRow
from flows.stages.context import RunContext
from flows.stages.frames import hole_in_frame
from flows.stages.output_files import set_aside
from flows.stages.records import HoleJson, PublishedJson

ATTRIBUTION = "attribution.csv"


def write_annotations(
    context: RunContext, collection: Collection, rows: Sequence[PublishRow], about: Mapping[str, object]
) -> dict[str, dict[str, int]]:
    """Write `annotations/`: what `images/` holds, without the persons, and `attribution.csv`; not when they stand there
    already, made from the same. A file there that somebody changed is moved to `edited/`.

    Returns what happened to how many annotations, by file name and reason. Raises CocoError, InputError, OSError.
    """
    record = _Record(context)
    made_from = _made_from(context, collection, rows, about)
    if record.holds(made_from):
        return record.counts
    record.begin([ATTRIBUTION, *(f"annotations/{name}" for name in (REMOVED, *_names(collection)))])
    counts = _write(context, collection, rows, about)
    record.end(made_from, counts)
    return counts


def _names(collection: Collection) -> list[str]:
    return [file.output for file in collection.files]


def _made_from(
    context: RunContext, collection: Collection, rows: Sequence[PublishRow], about: Mapping[str, object]
) -> str:
    """Digest of everything that decides what is written, but the day."""
    return digest(
        [
            {key: value for key, value in about.items() if key != "date"},
            context.settings.annotations.model_dump(mode="json"),
            [[file.output, file.coco.layout.sha256, file.prefix, file.main] for file in collection.files],
            [list(context.settings.input.persons), context.settings.input.frame],
            sorted(collection.left_out),
            [[row["name"], row.get("state"), row.get("sha256"), *_said(row)] for row in rows],
        ]
    )


def _said(row: PublishRow) -> list[str | None]:
    facts = row.get("facts", {})
    return [facts.get("state"), facts.get("decision")]


class _Noted(TypedDict, total=False):
    """made_from: a digest. files: by name; None for one that is being written. counts: of annotations."""

    made_from: str
    files: dict[str, Stamp | None]
    counts: dict[str, dict[str, int]]


class _Record:
    """What was written the last time, a note in the store: which files are ours, and from what they were made."""

    NAME = "annotations.json"

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.data = context.store.note(self.NAME, _Noted())
        files = self.data.get("files")
        self.files: dict[str, Stamp | None] = (
            {name: stamp for name, stamp in files.items() if name == ATTRIBUTION or _is_annotation(name)}
            if isinstance(files, dict)
            else {}
        )
        self.counts: dict[str, dict[str, int]] = self.data.get("counts", {})

    def holds(self, made_from: str) -> bool:
        return self.data.get("made_from") == made_from and all(self._is_ours(name) for name in self.files)

    def begin(self, names: Sequence[str]) -> None:
        """Make room for these files, and note that they are ours, for a run that is killed while it writes them."""
        output = self.context.output
        for name in {*names, *self.files}:
            path = inside(output, name)
            if (path.exists() or path.is_symlink()) and not self._is_ours(name):
                set_aside(self.context, name)
            elif name not in names:
                path.unlink(missing_ok=True)
        self.files = dict.fromkeys(names)
        self.context.store.write_note(self.NAME, {"files": self.files})

    def end(self, made_from: str, counts: dict[str, dict[str, int]]) -> None:
        files = {name: stamp_of(self.context.output / name) for name in self.files}
        self.context.store.write_note(self.NAME, {"made_from": made_from, "files": files, "counts": counts})

    def _is_ours(self, name: str) -> bool:
        if name not in self.files:
            return False
        path = self.context.output / name
        try:
            return not path.is_symlink() and self.files[name] in (None, stamp_of(path))
        except OSError:
            return False


def _is_annotation(name: str) -> bool:
    """Whether runs write such annotation files: on a note of another file nobody acts."""
    return name.startswith("annotations/") and is_below(name)


def _write(
    context: RunContext, collection: Collection, rows: Sequence[PublishRow], about: Mapping[str, object]
) -> dict[str, dict[str, int]]:
    by_name = {row["name"]: row for row in rows}
    holes: dict[str, HoleJson] = {}
    own_masks = context.settings.segment.given == "annotations"

    def fate(file: AnnotationFile, image: Mapping[str, object]) -> Fate:
        name = file.name_of(image)
        row = by_name.get(name)
        if row is None:
            return Fate(left="licence" if name in collection.left_out else "not in the collection")
        facts = row.get("facts", {})
        state = str(row.get("state") or facts["state"])
        rejected = facts.get("decision") == "reject"
        if state not in PUBLISHED:
            return Fate(left="left out by decision" if rejected else f"photo is {state}")
        if rejected:  # the original: everybody is still in it
            return Fate(whole=True)
        if state != "removed" and not facts.get("kept"):
            return Fate()
        if name not in holes:
            holes[name] = _hole(context, row)
        hole = holes[name]

        def in_frame(counts: str) -> HoleRle | None:
            height, width = hole["size"]
            stated = size_of(image.get("height"), image.get("width"))
            shown = facts.get("frame") == "upright" if own_masks else context.settings.input.frame == "upright"
            return hole_in_frame(counts, (height, width), stated, int(facts.get("orientation", 1)), shown)

        return Fate(
            hole=in_frame(hole["counts"]) if state == "removed" else None,
            kept=in_frame(hole["kept"]) if "kept" in hole else None,
        )

    edits = [
        Edit(file.coco, [fate(file, image) for image in file.coco.images], not own_masks, file.output)
        for file in collection.files
    ]
    counts = write_edited(context.output / "annotations", edits, context.settings.annotations, about)
    write_atomic(context.output / ATTRIBUTION, _attribution(collection, by_name), durable=True)
    return counts


def _attribution(collection: Collection, by_name: Mapping[str, PublishRow]) -> bytes:
    """Who made the published photos, under which licence, and that they were changed: as licences ask to be told."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    table.writerow(["file_name", "licence", "licence_url", "author", "source", "changes"])
    listed: dict[str, dict[str, str]] = {}
    for file in collection.mains:
        for image, licence in zip(file.coco.images, licences_of(file.coco), strict=True):
            listed.setdefault(file.name_of(image), attribution(image, licence))
    for name, known in sorted(listed.items()):
        row = by_name.get(name)
        facts = row.get("facts") if row else None
        if facts and facts["state"] in PUBLISHED:
            changes = "people removed" if facts["state"] == "removed" else "none"
            table.writerow([_as_text(cell) for cell in (name, *known.values(), changes)])
    return out.getvalue().encode("utf-8", "replace")


def _as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins as such gets an apostrophe in front (OWASP, CSV
    injection), full-width signs, which some take for the usual ones, and blanks before them included."""
    first = unicodedata.normalize("NFKC", cell.lstrip(" \xa0\u3000\ufeff"))[:1]
    return f"'{cell}" if first in tuple("=+-@\t\r\n|%") else cell


def _hole(context: RunContext, row: PublishRow) -> HoleJson:
    """The photo's hole; where its artifact was pruned after an earlier run, from the published mask."""
    try:
        published: PublishedJson = json.loads(context.store.read("publish", row["key"]))
        return published["hole"]
    except StoreError:
        name = row["facts"]["mask"] or ""
        path = context.output / name
        if not (is_below(name) and path.is_file() and not path.is_symlink()):
            raise InputError(
                f"{row['name']}: its hole is neither in the store nor in masks/, and the annotations need it; "
                "run without --photos and --status."
            ) from None
        hole = read_mask_png(path)
        return {"size": list(hole.shape), "counts": encode_counts(hole)}
