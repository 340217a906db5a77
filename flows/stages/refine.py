"""The refine stage: people -> hole. A mask that somebody edited by hand is the hole; else it is computed."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray

import masks
from data.images import bbox_upright, mask_upright, raw_size
from data.plan.entries import Entry
from data.rle import encode_counts
from data.storage.files import canonical_json, digest, sha256
from data.storage.places import as_path, read_bytes
from data.storage.store import artifact_key
from data.types import Keep, People, PhotoError, as_hole
from detection.mask_files import BadMask, mask_size, read_mask
from flows.facts import Frame, Rows
from flows.stages.context import RunContext
from flows.stages.frames import better, fits_both, is_upright
from flows.stages.photo_steps import mark
from flows.stages.records import (
    HoleJson,
    StageOutput,
    extra_digest,
    orientation_of,
    read_hallucinated,
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
    turned = [orientation_of(rows)] if orientation_of(rows) != 1 else []  # masks and boxes of files turn with the photo
    inputs = [*people, *kept_digest(run, entry), *edited_digest(entry), *shaded, *map(str, turned)]
    return artifact_key("refine", masks.STAGE_VERSION, settings, [], inputs)


def compute(run: RunContext, entry: Entry, rows: Rows) -> StageOutput:
    """The photo's hole and who stays. Raises PhotoError for a mask that cannot be used."""
    extra = read_missed(run, rows).plus([read_hallucinated(run, rows)]) if extra_digest(rows) else None
    people, orientation = read_people(run, rows), orientation_of(rows)
    spared, spared_frame = _spared(run, entry, people.size, orientation)
    keep, frame, drawn = keep_of(entry, people.size, orientation), None, None
    if entry.edited and entry.edited_sha256:
        choice = masks.choose(people, keep, run.settings.refine, spared, extra)
        known = people.union() & ~choice.kept
        mask, frame = _drawn(run, entry, (entry.edited, entry.edited_sha256), known, orientation)
        drawn = as_hole(mask)
    marked = mark(
        people,
        keep,
        run.settings.refine,
        lambda: read_photo(run, entry).pixels,
        spared=spared,
        extra=extra,
        drawn=drawn,
        unsure=entry.unsure,
    )
    artifact: HoleJson = {"size": list(people.size), "counts": encode_counts(marked.hole)}
    if marked.kept.any():
        artifact["kept"] = encode_counts(marked.kept)
    if orientation != 1:
        artifact["orientation"] = orientation
    facts = marked.facts
    if frame:
        facts["frame"] = frame
    if spared_frame:
        facts["spared_frame"] = spared_frame
    return StageOutput(canonical_json(artifact), facts)


def choose(run: RunContext, entry: Entry, rows: Rows, people: People, extra: People | None = None) -> masks.Choice:
    """Who of the photo's people stays, by the settings and by what goes with the photo."""
    orientation = orientation_of(rows)
    spared, _ = _spared(run, entry, people.size, orientation)
    return masks.choose(people, keep_of(entry, people.size, orientation), run.settings.refine, spared, extra)


def keep_of(entry: Entry, size: tuple[int, int], orientation: int) -> Keep:
    """The photo's keep-list, whose boxes are in pixels of the file, for the upright photo of `size` (height, width)."""
    if entry.keep == "largest" or orientation == 1:
        return entry.keep
    return tuple(item if isinstance(item, int) else bbox_upright(item, size, orientation) for item in entry.keep)


def _spared(
    run: RunContext, entry: Entry, size: tuple[int, int], orientation: int
) -> tuple[NDArray[np.bool_] | None, Frame | None]:
    """Where nothing is removed, bool H x W, and the frame of its file where that is not sure or not the raw one.
    Raises PhotoError."""
    if not entry.spared or not entry.spared_sha256:
        return None, None
    nobody = np.zeros(size, bool)  # what is there says nothing of the frame
    return _drawn(run, entry, (entry.spared, entry.spared_sha256), nobody, orientation)


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
    """A mask file that goes with the photo (path and sha256 as planned), bool H x W upright, and the frame that it was
    drawn in where that is not sure or not the raw one, which published masks are in.

    known: what it should agree with, bool H x W upright. Raises PhotoError.
    """
    (path, sha), shown, wanted = file, (known.shape[0], known.shape[1]), run.settings.input.frame
    raw, size = _read(entry, path, sha), raw_size(shown, orientation)
    stated = mask_size(BytesIO(raw))
    if is_upright(stated, size, orientation):
        return _as_mask(entry, path, raw, shown), None
    mask = mask_upright(_as_mask(entry, path, raw, size), orientation)
    if wanted == "raw" or not fits_both(stated, size, orientation):
        return mask, None
    as_shown = _as_mask(entry, path, raw, shown)
    frame = "upright" if wanted == "upright" else better(mask, as_shown, known)
    return (as_shown if frame == "upright" else mask), (None if frame == "raw" else frame)


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
