"""What stages read: the photo as planned, and what earlier stages made of it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, NotRequired, TypedDict, TypeVar, cast

import inpainting
from data.images import Decoded, decode, read_photo_bytes, to_raw_frame
from data.plan.entries import Entry
from data.rle import decode_counts, encode_counts
from data.storage.files import sha256
from data.storage.places import as_path
from data.storage.store import StoreError
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


def by_stage(earlier: Mapping[str, Row]) -> Rows:
    """The rows as the stages see them: which facts a row has is told by the name of its stage."""
    return cast(Rows, earlier)


def read_photo(run: RunContext, entry: Entry, known: bool = True) -> Decoded:
    """The photo as planned. known: whether the segment stage has read these bytes. Raises PhotoError, also when the
    file is no longer the one that was planned."""
    raw = read_photo_bytes(as_path(entry.path), entry.name)
    if sha256(raw) != entry.sha256:
        raise PhotoError("failed", f"{entry.name}: the file changed during the run; run again.")
    return decode(raw, entry.name, run.settings.input.megapixels, known=known)


Read = TypeVar("Read")


def _read(run: RunContext, stage: str, key: str, parse: Callable[[bytes], Read]) -> Read:
    """What an artifact says. Raises StoreError for one that no stage has written, so that it is made again: a store may
    come from somebody else."""
    payload = run.store.read(stage, key)
    try:
        return parse(payload)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, MemoryError):
        raise StoreError(f"{run.store.path(stage, key)}: not an artifact of {stage}.", stage, key) from None


def read_people(run: RunContext, rows: Rows) -> People:
    return _read(run, "segment", rows["segment"]["key"], lambda raw: People.from_json(json.loads(raw)))


def read_missed(run: RunContext, rows: Rows) -> People:
    """People whom the verifier found in what is the photo's own."""
    return _read(run, "verify", rows["verify"]["key"], lambda raw: People.from_json(json.loads(raw)["missed"]))


def read_hallucinated(run: RunContext, rows: Rows) -> People:
    """Whom the verifier saw in a fill: the hole grows by them, but nobody was there."""
    return _read(run, "verify", rows["verify"]["key"], lambda raw: People.from_json(json.loads(raw)["made_up"]))


def read_hole(run: RunContext, rows: Rows) -> Hole:
    return _read(run, "refine", rows["refine"]["key"], hole_of)


def orientation_of(rows: Rows) -> int:
    """EXIF 1..8 that turns what the photo's file holds upright."""
    return rows["segment"]["facts"].get("orientation", 1)


def read_kept(run: RunContext, rows: Rows) -> Hole | None:
    return _read(run, "refine", rows["refine"]["key"], kept_of)


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
    return _read(run, "inpaint", rows["inpaint"]["key"], inpainting.unpack)


def refill_json(patches: Sequence[Patch]) -> dict[str, str]:
    """What an artifact of the verify stage says of pixels that lie over the first fill's; nothing where none do."""
    return {"patches": b64encode(inpainting.pack(patches)).decode("ascii")} if patches else {}


def read_refill(run: RunContext, rows: Rows) -> list[Patch]:
    """Patches that lie over those of the inpaint stage, where another fill took the place of a part of them."""
    if "refilled" not in rows["verify"]["facts"]:
        return []
    return _read(
        run, "verify", rows["verify"]["key"], lambda raw: inpainting.unpack(b64decode(json.loads(raw)["patches"]))
    )


def extra_digest(rows: Rows) -> list[str]:
    """Digest of the extra people that an earlier pass found; nothing when there are none, so that a further pass
    over a photo that needs none has the first pass's keys."""
    extra = rows["verify"]["facts"]["extra"] if "verify" in rows else None
    return [extra] if extra else []
