"""Publish one photo: its file, its mask, its thumbnails, and what is known of it for the manifest."""

from __future__ import annotations

from typing import Any

from data.files import sha256
from data.images import Decoded, encode, mask_png
from data.plan import Entry
from data.types import Hole, Pixels, State
from flows.context import RunContext
from flows.outputs import MASKS, write_files
from flows.report.thumbnails import SUFFIXES, thumbnails

STAGE_VERSION = 7
"""Part of every key: raise it when the same result gives other files or facts than before."""

_VERIFIED = ("looked", "independent", "left", "found", "quality")
"""Facts of the verify stage that the manifest tells; `quality` only where there is a hole."""
MADE_UP = 0.7
"""Above this share of hole a result says little about the place; the manifest notes it."""


def publish_photo(
    run: RunContext,
    entry: Entry,
    photo: Decoded,
    hole: Hole,
    result: Pixels,
    people: int,
    facts: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Write the photo's files below the output directory; returns the facts of its manifest row.

    `images/` gets what can be used, `review/` what somebody has to look at first. A photo without people is copied
    byte for byte (with `publish.scrub` all but its metadata). facts: of the stages before, by name.
    """
    verified = facts["verify"]
    state, share = photo_state(hole, verified), float((hole > 0).mean())
    folder = "review" if state == "review" else "images"
    encoded = encode(photo, result, hole, scrub=run.settings.publish.scrub)
    raw = encoded.raw
    files = {f"{folder}/{entry.name}": raw}
    if run.settings.publish.masks and not entry.edited:
        files[f"{MASKS}{entry.mask_name}"] = mask_png(hole)
    pictures: dict[str, str] = {}
    if run.settings.publish.report:
        removed = bool(hole.any())
        made = thumbnails(photo.pixels, result if removed else None, hole if removed else None, photo.orientation)
        pictures = {kind: f"report/{entry.id}-{kind}{SUFFIXES[kind]}" for kind in made}
        files |= {pictures[kind]: data for kind, data in made.items()}

    written = write_files(run, entry, files)
    return {
        "state": state,
        "reason": _reason(state, verified, entry.name),
        "people": people,
        "kept": facts["refine"]["kept"],
        "hole_share": round(share, 6),
        "width": photo.pixels.shape[1],
        "height": photo.pixels.shape[0],
        "format": photo.format,
        "output": f"{folder}/{entry.name}",
        "output_sha256": sha256(raw),
        "mask": f"{MASKS}{entry.mask_name}" if run.settings.publish.masks or entry.edited else None,
        "notes": [*_notes(share, facts["refine"], verified), *encoded.notes],
        "verify": {key: verified[key] for key in _VERIFIED if key in verified},
        "thumbnails": pictures,
        "orientation": photo.orientation,
        "files": written,
    }


def photo_state(hole: Hole, verified: dict[str, Any]) -> State:
    """`review` when somebody may be left, else `removed` or, where there was nobody, `passthrough`."""
    if verified["left"] or verified["doubts"]:
        return "review"
    return "removed" if hole.any() else "passthrough"


def _notes(share: float, refined: dict[str, Any], verified: dict[str, Any]) -> list[str]:
    notes = [f"{share:.0%} of the photo is made up"] if share > MADE_UP else []
    if refined["kept"]:
        notes.append(f"{refined['kept']} of the people kept")
    if refined["edited"]:
        notes.append("mask edited by hand")
    like = [found["like"] for found in verified["found"] if found["like"]]
    if like:
        notes.append(f"{len(like)} seen that may only look like people ({', '.join(sorted(set(like)))})")
    return notes


def _reason(state: State, verified: dict[str, Any], name: str) -> str | None:
    if state != "review":
        return None
    parts = [f"{verified['left']} known person(s) not inside the hole"] if verified["left"] else []
    for where, place in (("hole", "what was filled in"), ("elsewhere", "the rest of the result")):
        scores = [found["score"] for found in verified["found"] if found["where"] == where]
        if scores:
            parts.append(f"{len(scores)} person(s) seen in {place} (score up to {max(scores):.2f})")
    return f"{name}: {' and '.join(parts)}."


def publish_mask(run: RunContext, entry: Entry, hole: Hole) -> None:
    """Write the hole of a photo that is not filled yet, for somebody to edit."""
    if run.settings.publish.masks and not entry.edited:
        write_files(run, entry, {f"{MASKS}{entry.mask_name}": mask_png(hole)}, alone=False)
