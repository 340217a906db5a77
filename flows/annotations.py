"""The annotation files of a run: what became of each image, read from the stages' rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from data.coco import CocoFile, Edit, Fate, HoleRle, write_edited
from data.collection import InputError
from data.images import upright
from data.store import StoreError
from data.types import decode_counts, encode_counts
from flows.context import RunContext
from flows.stages import Row

PUBLISHED = ("removed", "passthrough")


def write_annotations(context: RunContext, coco: CocoFile, rows: Sequence[Row], about: Mapping[str, Any]) -> None:
    """Write `annotations/`: what `images/` holds, without the persons. Raises CocoError, OSError."""
    by_name = {row["name"]: row for row in rows}
    fates = [_fate(context, image, by_name.get(str(image.get("file_name")))) for image in coco.images]
    write_edited(context.output / "annotations", [Edit(coco, fates)], context.settings.annotations, about)


def _fate(context: RunContext, image: Mapping[str, Any], row: Row | None) -> Fate:
    if row is None:
        return Fate(left="not in the collection")
    facts = row.get("facts", {})
    state = str(row.get("state") or facts["state"])
    if state not in PUBLISHED:
        return Fate(left=f"photo is {state}")
    if not facts["hole_share"]:
        return Fate()
    return Fate(hole=_in_frame(_hole(context, row), image, int(facts.get("orientation", 1))))


def _hole(context: RunContext, row: Row) -> dict[str, Any]:
    """The photo's hole; where its artifact was pruned after an earlier run, from the published mask."""
    try:
        return dict(json.loads(context.store.read("publish", row["key"]))["hole"])
    except StoreError:
        path = context.output / (row["facts"]["mask"] or "")
        if not path.is_file():
            raise InputError(
                f"{row['name']}: its hole is neither in the store nor in masks/, and the annotations need it; "
                "run without --photos and --status."
            ) from None
        mask = np.asarray(Image.open(path).convert("L"))
        return {"size": list(mask.shape), "counts": encode_counts(mask)}


def _in_frame(hole: dict[str, Any], image: Mapping[str, Any], orientation: int) -> HoleRle | None:
    """The hole in the frame that the image's annotations are in: the file's own, or the upright one where the stated
    size says so. None when it is neither, so that nothing can be said of overlaps."""
    height, width = hole["size"]
    stated = image.get("height"), image.get("width")
    if stated == (height, width):
        return HoleRle((height, width), hole["counts"])
    if orientation >= 5 and stated == (width, height):
        mask = upright(decode_counts(hole["counts"], (height, width)).astype(np.uint8), orientation)
        return HoleRle((width, height), encode_counts(mask))
    return None
