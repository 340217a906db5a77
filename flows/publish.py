"""Publish one photo: its file, its mask, its thumbnails, and what is known of it for the manifest."""

from __future__ import annotations

import time
from typing import Any

from data.files import sha256, sha256_of, write_atomic
from data.images import Decoded, encode, mask_png
from data.places import move, stamp_of
from data.plan import Entry
from data.types import Hole, PhotoError, Pixels, State
from flows.context import RunContext
from flows.report.thumbnails import SUFFIXES, thumbnails

STAGE_VERSION = 4

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
    byte for byte (with `publish.scrub` all but its metadata). A file that somebody changed since it was published is
    moved to `edited/`, never overwritten. facts: of the stages before, by name.
    """
    verified = facts["verify"]
    state, share = photo_state(hole, verified), float((hole > 0).mean())
    folder = "review" if state == "review" else "images"
    try:
        encoded = encode(photo, result, hole, scrub=run.settings.publish.scrub)
    except PhotoError as error:  # the room below knows no names
        raise PhotoError(error.state, f"{entry.name}: {error.sentence}") from None
    raw = encoded.raw
    files = {f"{folder}/{entry.name}": raw}
    if run.settings.publish.masks:
        files[f"masks/{entry.mask_name}"] = mask_png(hole)
    pictures: dict[str, str] = {}
    if run.settings.publish.report:
        removed = bool(hole.any())
        made = thumbnails(photo.pixels, result if removed else None, hole if removed else None, photo.orientation)
        pictures = {kind: f"report/{entry.id}-{kind}{SUFFIXES[kind]}" for kind in made}
        files |= {pictures[kind]: data for kind, data in made.items()}

    previous = _record(run, entry.id)
    written = {name: _publish_file(run, name, data, previous) for name, data in files.items()}
    for name in previous.keys() - written.keys():
        withdraw(run, name, previous[name]["sha256"])
    run.store.write("published", entry.id, b"", {"files": written, "name": entry.name})
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
        "mask": f"masks/{entry.mask_name}" if run.settings.publish.masks else None,
        "notes": [*_notes(share, facts["refine"]), *encoded.notes],
        "verify": {key: verified[key] for key in ("looked", "found", "left")},
        "thumbnails": pictures,
        "orientation": photo.orientation,
        "files": written,
    }


def photo_state(hole: Hole, verified: dict[str, Any]) -> State:
    """`review` when somebody may be left, else `removed` or, where there was nobody, `passthrough`."""
    if verified["left"] or verified["found"]:
        return "review"
    return "removed" if hole.any() else "passthrough"


def is_intact(run: RunContext, row: dict[str, Any]) -> bool:
    """Whether every file that the row speaks of still stands as it was published."""
    return all(run.stamp(name) == list(file["stamp"]) for name, file in row["facts"]["files"].items())


def withdraw(run: RunContext, name: str, published_sha256: str) -> None:
    """Take back a published file that no longer belongs to the result; somebody's edit of it is kept aside."""
    path = run.output / name
    if path.is_file():
        if sha256_of(path) == published_sha256:
            path.unlink()
        else:
            _set_aside(run, name)


def _publish_file(run: RunContext, name: str, data: bytes, previous: dict[str, Any]) -> dict[str, Any]:
    path, sha = run.output / name, sha256(data)
    if path.exists():
        present = sha256_of(path)
        if present != sha:
            if name not in previous or previous[name]["sha256"] != present:
                _set_aside(run, name)
            write_atomic(path, data)
    else:
        write_atomic(path, data)
    return {"sha256": sha, "stamp": stamp_of(path)}


def _set_aside(run: RunContext, name: str) -> None:
    move(run.output / name, run.output / "edited" / time.strftime("%Y-%m-%dT%H%M%S") / name)


def _record(run: RunContext, photo_id: str) -> dict[str, Any]:
    record = run.store.header("published", photo_id)
    return dict(record.facts["files"]) if record else {}


def _notes(share: float, refined: dict[str, Any]) -> list[str]:
    notes = [f"{share:.0%} of the photo is made up"] if share > MADE_UP else []
    if refined["kept"]:
        notes.append(f"{refined['kept']} of the people kept")
    return notes


def _reason(state: State, verified: dict[str, Any], name: str) -> str | None:
    if state != "review":
        return None
    parts = []
    if verified["left"]:
        parts.append(f"{verified['left']} known person(s) not inside the hole")
    if verified["found"]:
        best = max(found["score"] for found in verified["found"])
        parts.append(f"{len(verified['found'])} person(s) seen in the result (score up to {best:.2f})")
    return f"{name}: {' and '.join(parts)}."
