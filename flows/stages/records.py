"""What stages read: the photo as planned, and what earlier stages made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, NotRequired, TypedDict, cast

import inpainting
from data.images import Decoded, decode, read_photo_bytes, to_raw_frame
from data.plan.entries import Entry
from data.rle import decode_counts, encode_counts
from data.storage.files import sha256
from data.storage.places import as_path
from data.types import Hole, Patch, People, PeopleJson, PhotoError, as_hole
from flows.facts import Row, Rows
from flows.stages.context import RunContext


class StageOutput(NamedTuple):
    """An artifact. facts: small JSON values about it; flows.facts has a class of them for each stage."""

    payload: bytes
    facts: Mapping[str, object]


class HoleJson(TypedDict):
    """An artifact of the refine stage, of the photo upright. size: (height, width). counts, kept: COCO compressed RLE
    of the hole, and of what stays but is no source of the fill, where there is any. orientation: as in SegmentFacts."""

    size: list[int]
    counts: str
    kept: NotRequired[str]
    orientation: NotRequired[int]


class PublishedJson(TypedDict):
    """An artifact of the publish stage, in the file's own frame, as the files of the output are. people: everyone
    found, extra passes included."""

    people: PeopleJson
    hole: HoleJson


def by_stage(given: Mapping[str, Row]) -> Rows:
    """The rows as the stages see them: which facts a row has is told by the name of its stage."""
    return cast(Rows, given)


def read_photo(run: RunContext, entry: Entry) -> Decoded:
    """The photo as planned. Raises PhotoError, also when the file is no longer the one that was planned."""
    raw = read_photo_bytes(as_path(entry.path), entry.name)
    if sha256(raw) != entry.sha256:
        raise PhotoError("failed", f"{entry.name}: the file changed during the run; run again.")
    return decode(raw, entry.name, run.settings.input.megapixels)


def read_people(run: RunContext, rows: Rows) -> People:
    return People.from_json(json.loads(run.store.read("segment", rows["segment"]["key"])))


def read_missed(run: RunContext, rows: Rows) -> People:
    """People whom the second looks found in what is the photo's own."""
    return People.from_json(json.loads(run.store.read("verify", rows["verify"]["key"]))["missed"])


def read_made_up(run: RunContext, rows: Rows) -> People:
    """Whom the second looks saw in a fill: the hole grows by them, but nobody was there."""
    return People.from_json(json.loads(run.store.read("verify", rows["verify"]["key"]))["made_up"])


def read_hole(run: RunContext, rows: Rows) -> Hole:
    return hole_of(run.store.read("refine", rows["refine"]["key"]))


def orientation_of(rows: Rows) -> int:
    """EXIF 1..8 that turns what the photo's file holds upright."""
    return rows["segment"]["facts"].get("orientation", 1)


def read_kept(run: RunContext, rows: Rows) -> Hole | None:
    return kept_of(run.store.read("refine", rows["refine"]["key"]))


def hole_of(artifact: bytes) -> Hole:
    """The hole in an artifact of the refine stage."""
    data: HoleJson = json.loads(artifact)
    return _as_hole(data, data["counts"])


def kept_of(artifact: bytes) -> Hole | None:
    """What stays but is no source of the fill, as a hole would mark it; None when there is nothing of that."""
    data: HoleJson = json.loads(artifact)
    return _as_hole(data, data["kept"]) if "kept" in data else None


def in_raw_frame(artifact: HoleJson) -> HoleJson:
    """A hole as files of the output have it: in the frame of the photo's own file."""
    orientation = artifact.get("orientation", 1)
    if orientation == 1:
        return artifact
    counts = {name: _turned(artifact, str(artifact[name])) for name in ("counts", "kept") if name in artifact}
    return cast(HoleJson, {"size": artifact["size"][:: -1 if orientation >= 5 else 1], **counts})


def _turned(artifact: HoleJson, counts: str) -> str:
    return encode_counts(to_raw_frame(_as_hole(artifact, counts), artifact["orientation"]))


def _as_hole(data: HoleJson, counts: str) -> Hole:
    height, width = data["size"]
    return as_hole(decode_counts(counts, (height, width)))


def read_patches(run: RunContext, rows: Rows) -> list[Patch]:
    return inpainting.unpack(run.store.read("inpaint", rows["inpaint"]["key"]))


def extra_digest(rows: Rows) -> list[str]:
    """Digest of the extra people that an earlier look found; nothing when there are none, so that a further pass
    over a photo that needs none has the first pass's keys."""
    extra = rows["verify"]["facts"]["extra"] if "verify" in rows else None
    return [extra] if extra else []
