"""The refine stage: people -> hole. A mask that somebody edited by hand is the hole; else it is computed."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

import masks
from data.images import Decoded, to_raw_frame
from data.plan.entries import Entry
from data.rle import encode_counts
from data.storage.files import canonical_json, digest, sha256
from data.storage.places import as_path, read_bytes
from data.storage.store import artifact_key
from data.types import People, PhotoError, as_hole
from detection.mask_files import BadMask, mask_size, read_mask
from flows.facts import Frame, RefineFacts, Rows
from flows.stages.context import RunContext
from flows.stages.frames import better, fits_both, is_upright
from flows.stages.records import (
    HoleJson,
    StageOutput,
    extra_digest,
    read_made_up,
    read_missed,
    read_people,
    read_photo,
)

_BY_PHOTO = {"keep", "spare_masks"}
"""Settings that stand in a photo's key as what they say of that photo."""


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    settings = run.settings.refine.model_dump(mode="json", exclude=_BY_PHOTO)
    if entry.edited:
        settings = {"edited": True, "frame": run.settings.input.frame}  # no other setting changes what a hand drew
    shaded = [entry.sha256] if run.settings.refine.shadow and not entry.edited else []  # found in the pixels
    people = [rows["segment"]["sha256"], *extra_digest(rows)]
    inputs = [*people, *kept_digest(run, entry), *edited_digest(entry), *shaded]
    return artifact_key("refine", masks.STAGE_VERSION, settings, [], inputs)


def compute(run: RunContext, entry: Entry, rows: Rows) -> StageOutput:
    extra = read_missed(run, rows).plus([read_made_up(run, rows)]) if extra_digest(rows) else None
    return make_hole(run, entry, read_people(run, rows), extra, lambda: read_photo(run, entry))


def make_hole(
    run: RunContext, entry: Entry, people: People, extra: People | None, photo: Callable[[], Decoded]
) -> StageOutput:
    """The photo's hole and who stays, as an artifact. photo: reads it, where shadows are looked for.

    Raises PhotoError for a mask that cannot be used.
    """
    (spared, spared_frame), frame = _spared(run, entry, people.size), None
    choice = masks.choose(people, entry.keep, run.settings.refine, spared, extra)
    if entry.edited and entry.edited_sha256:
        known = people.union() & ~choice.kept
        drawn, frame = _drawn(run, entry, (entry.edited, entry.edited_sha256), known, photo().orientation)
        hole = as_hole(drawn)
        rest = as_hole(choice.kept & (hole == 0))
    else:
        everyone, settings = people.plus([extra] if extra else []), run.settings.refine
        if settings.shadow and len(everyone):
            seen = photo()
            hole, rest = masks.hole_and_rest(everyone, settings, seen.pixels, choice, seen.orientation)
        else:
            hole, rest = masks.hole_and_rest(everyone, settings, choice=choice)
    artifact: HoleJson = {"size": list(hole.shape), "counts": encode_counts(hole)}
    kept, stays = choice.kept & (hole == 0), 0
    if rest.any():
        artifact["kept"] = encode_counts(rest)
    if kept.any():
        found = map(people.boxed, people.persons)
        stays = sum(int(np.count_nonzero(kept[one.box.slices] & one.mask)) > one.area / 2 for one in found)
    share = round(float((hole > 0).mean()), 6)
    facts: RefineFacts = {"share": share, "kept": stays, "edited": bool(entry.edited)}
    if frame:
        facts["frame"] = frame
    if spared_frame:
        facts["spared_frame"] = spared_frame
    if not entry.edited:  # a hand's word on the hole is the last one
        # numbers are said of every photo: where nobody was found, nobody can be taken for another
        unmatched = sum(len(people) > 0 or not isinstance(item, int) for item in choice.unmatched)
        if extra and masks.is_outgrown(people, extra, entry.keep):
            unmatched += 1
        if entry.unsure:
            facts["unsure"] = entry.unsure
        if cut := masks.cut(people, choice, hole):
            facts["cut"] = cut
        if close := masks.may_be_cut(people, choice, hole):
            facts["may_be_cut"] = close
        if unmatched:
            facts["unmatched"] = unmatched
    return StageOutput(canonical_json(artifact), facts)


def choose(run: RunContext, entry: Entry, people: People, extra: People | None = None) -> masks.Choice:
    """Who of the photo's people stays, by the settings and by what goes with the photo."""
    spared, _ = _spared(run, entry, people.size)
    return masks.choose(people, entry.keep, run.settings.refine, spared, extra)


def _spared(run: RunContext, entry: Entry, size: tuple[int, int]) -> tuple[NDArray[np.bool_] | None, Frame | None]:
    """Where nothing is removed, bool H x W in the photo's raw frame, and its frame where that is not sure or another.
    Raises PhotoError."""
    if not entry.spared or not entry.spared_sha256:
        return None, None
    nobody = np.zeros(size, bool)  # what is there says nothing of the frame
    return _drawn(run, entry, (entry.spared, entry.spared_sha256), nobody, read_photo(run, entry).orientation)


def kept_digest(run: RunContext, entry: Entry) -> list[str]:
    """Digest of what says who stays; nothing when nobody is asked to."""
    settings = run.settings.refine
    said = [entry.keep, entry.spared_sha256, settings.min_size, settings.spare]
    if entry.unsure:
        said.append(entry.unsure)
    if entry.spared_sha256:
        said.append(run.settings.input.frame)
    return [digest(said)] if any(said) else []


def edited_digest(entry: Entry) -> list[str]:
    """Digest of the mask that somebody edited; nothing when nobody did."""
    return [entry.edited_sha256] if entry.edited_sha256 else []


def _drawn(
    run: RunContext, entry: Entry, file: tuple[str, str], known: NDArray[np.bool_], orientation: int
) -> tuple[NDArray[np.bool_], Frame | None]:
    """A mask file that goes with the photo (path and sha256 as planned), bool H x W in the photo's raw frame, as its
    published mask is, and the frame that it was drawn in where that is not sure or another.

    known: what it should agree with, bool H x W. Raises PhotoError.
    """
    (path, sha), size, wanted = file, known.shape, run.settings.input.frame
    raw = _read(entry, path, sha)
    stated = mask_size(BytesIO(raw))

    def turned() -> NDArray[np.bool_]:
        shown = (size[1], size[0]) if orientation >= 5 else (size[0], size[1])
        mask = _as_mask(entry, path, raw, shown)
        return to_raw_frame(mask.astype(np.uint8), orientation).astype(bool)

    if is_upright(stated, size, orientation):
        return turned(), None
    mask = _as_mask(entry, path, raw, (size[0], size[1]))
    if wanted == "raw" or not fits_both(stated, size, orientation):
        return mask, None
    frame = "upright" if wanted == "upright" else better(mask, turned(), known)
    return (turned() if frame == "upright" else mask), (None if frame == "raw" else frame)


def _read(entry: Entry, path: str, sha: str) -> bytes:
    try:
        raw = read_bytes(as_path(path))
    except FileNotFoundError:
        raw = b""
    if sha256(raw) != sha:
        raise PhotoError("failed", f"{entry.name}: the mask {path} changed during the run; run again.")
    return raw


def _as_mask(entry: Entry, path: str, raw: bytes, size: tuple[int, int]) -> NDArray[np.bool_]:
    try:
        return read_mask(BytesIO(raw), size)
    except BadMask as error:
        raise PhotoError("refused", f"{entry.name}: the mask {path} {error}.") from None
