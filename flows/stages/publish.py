"""The publish stage: the photo's file, its mask, its thumbnails, and what the manifest tells of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np

import inpainting
from data.geometry import BBox
from data.images import Decoded, bbox_to_raw_frame, encode, mask_png, people_to_raw_frame, to_raw_frame
from data.plan.entries import Entry
from data.storage.files import canonical_json, digest, sha256
from data.storage.store import artifact_key
from data.types import Hole, People, Pixels, State
from flows.facts import EarlierFacts, PublishFacts, Rows, Verified, VerifyFacts
from flows.report.thumbnails import SUFFIXES, thumbnails
from flows.stages import refine
from flows.stages.context import RunContext
from flows.stages.doubts import FRAMES, photo_state, reasons
from flows.stages.frames import not_in_hole
from flows.stages.output_files import MASKS, write_files
from flows.stages.photo_steps import DEGRADED, NOTE
from flows.stages.records import (
    HoleJson,
    StageOutput,
    hole_of,
    in_raw_frame,
    read_hole,
    read_missed,
    read_patches,
    read_people,
    read_photo,
    read_refill,
)

STAGE_VERSION = 11
"""Part of every key: raise it when the same result gives other files or facts than before."""


def key(run: RunContext, entry: Entry, rows: Rows) -> str:
    return artifact_key(
        "publish",
        STAGE_VERSION,
        run.settings.publish.model_dump(mode="json"),
        [],
        [
            *(entry.name, entry.mask_name, entry.sha256),
            *(rows["segment"]["sha256"], rows["refine"]["sha256"]),
            *(rows["inpaint"]["sha256"], rows["verify"]["sha256"]),
            digest([rows["refine"]["facts"], rows["verify"]["facts"], rows["inpaint"]["facts"]]),
            digest([entry.settings, entry.decision, entry.decided_on]),
            *_doubted(entry, rows),
        ],
    )


def _doubted(entry: Entry, rows: Rows) -> list[str]:
    """Digest of what makes it doubtful that the given masks are all that there is; nothing where nothing does."""
    doubts = [entry.doubt, entry.doubtful, rows["segment"]["facts"].get("frame")]
    return [digest(doubts)] if any(doubts) else []


def compute(run: RunContext, entry: Entry, rows: Rows) -> StageOutput:
    first, extra = read_people(run, rows), read_missed(run, rows)
    people, refined = first.plus([extra]), rows["refine"]["facts"]
    stays = refine.choose(run, entry, rows, first, extra).stays if refined["kept"] else (False,) * len(people)
    photo, hole = read_photo(run, entry), read_hole(run, rows)
    patches = [*read_patches(run, rows), *read_refill(run, rows)]
    result = inpainting.compose(photo.pixels, hole, patches) if hole.any() else photo.pixels
    frame = rows["segment"]["facts"].get("frame")
    facts: EarlierFacts = {
        "refine": refined,
        "inpaint": rows["inpaint"]["facts"],
        "verify": rows["verify"]["facts"],
        "given": {"frame": frame, "doubt": entry.doubt, "not_in_hole": not_in_hole(run, entry, photo, hole, frame)},
    }
    row = publish_photo(run, entry, photo, hole, result, people, stays, facts)
    artifact: HoleJson = json.loads(run.store.read("refine", rows["refine"]["key"]))
    raw = people_to_raw_frame(people, photo.orientation)
    return StageOutput(canonical_json({"people": raw.to_json(), "hole": in_raw_frame(artifact)}), row)


def publish_photo(
    run: RunContext,
    entry: Entry,
    photo: Decoded,
    hole: Hole,
    result: Pixels,
    people: People,
    stays: Sequence[bool],
    facts: EarlierFacts,
) -> PublishFacts:
    """Write the photo's files below the output directory; returns the facts of its manifest row.

    `images/` gets what can be used, `review/` what somebody has to look at first. A photo without people is copied
    byte for byte (with `publish.scrub` all but its metadata). people, stays: everyone found, and who was asked to stay.
    facts: of the stages before, by name.
    """
    verified, scrub = facts["verify"], run.settings.publish.scrub
    share = float((hole > 0).mean())
    encoded = encode(photo, result, hole, scrub=scrub)
    result_sha256 = sha256(encoded.raw)
    state, outdated = decided_state(photo_state(hole, facts), entry, result_sha256, bool(hole.any()))
    decided = None if outdated else entry.decision
    if decided == "original":
        encoded, share = encode(photo, photo.pixels, np.zeros_like(hole), scrub=scrub), 0.0
    raw = encoded.raw
    output = None if decided == "leave-out" else f"{'review' if state == 'review' else 'images'}/{entry.name}"
    files = {output: raw} if output else {}
    if run.settings.publish.masks and not entry.edited:
        files[f"{MASKS}{entry.mask_name}"] = mask_png(to_raw_frame(hole, photo.orientation))
    pictures: dict[str, str] = {}
    if run.settings.publish.report:
        removed = bool(hole.any())
        made = thumbnails(photo.pixels, result if removed else None, hole if removed else None)
        pictures = {kind: f"report/{entry.id}-{kind}{SUFFIXES[kind]}" for kind in made}
        files |= {pictures[kind]: data for kind, data in made.items()}

    def in_file(bbox: Sequence[float]) -> BBox:
        x, y, w, h = bbox
        return bbox_to_raw_frame((x, y, w, h), people.size, photo.orientation)

    written = write_files(run, entry, files)
    return {
        "state": state,
        "reason": _reason(state, facts, entry, outdated),
        "people": len(people),
        "persons": [
            {"bbox": [round(v, 1) for v in in_file(person.bbox)], "stays": stay}
            for person, stay in zip(people.persons, stays, strict=True)
        ],
        "kept": facts["refine"]["kept"],
        "hole_share": round(share, 6),
        "width": photo.size[1],
        "height": photo.size[0],
        "format": photo.format,
        "output": output,
        "output_sha256": sha256(raw) if output else None,
        "result_sha256": result_sha256,
        "photo_sha256": entry.sha256,
        "decision": _word(decided, entry),
        "outdated": outdated,
        "settings": entry.settings,
        "mask": f"{MASKS}{entry.mask_name}" if run.settings.publish.masks or entry.edited else None,
        "notes": [*_notes(share, facts, decided, entry), *encoded.notes],
        "verify": _told(verified, in_file),
        "thumbnails": pictures,
        "orientation": photo.orientation,
        "frame": facts["given"]["frame"],
        "files": written,
    }


def _told(facts: VerifyFacts, in_file: Callable[[Sequence[float]], BBox]) -> Verified:
    """What the manifest tells of the verify stage; `quality` only where there is a hole. in_file: a box in the frame of
    the photo's file."""
    told: Verified = {
        "looked": facts["looked"],
        "independent": facts["independent"],
        "left": facts["left"],
        "found": [{**found, "bbox": list(in_file(found["bbox"]))} for found in facts["found"]],
    }
    if "quality" in facts:
        told["quality"] = facts["quality"]
    if "refilled" in facts:
        told["refilled"] = facts["refilled"]
    return told


def decided_state(state: State, entry: Entry, result: str, hole: bool) -> tuple[State, bool]:
    """The state by what somebody decided of the result with the sha256 `result`, and whether they decided of another
    one: then an approval says nothing, and where the earlier result was rejected somebody has to look again."""
    if entry.decision is None:
        return state, False
    if entry.decided_on != result:
        return (state if entry.decision == "approve" else "review"), True
    if entry.decision == "approve":
        return ("removed" if hole else "passthrough"), False
    return ("passthrough" if entry.decision == "original" else "refused"), False


def _word(decided: str | None, entry: Entry) -> str | None:
    """What was decided and followed: `approve`, `reject` or `redo`."""
    if decided:
        return "approve" if decided == "approve" else "reject"
    return "redo" if entry.settings else None


def _notes(share: float, facts: EarlierFacts, decided: str | None, entry: Entry) -> list[str]:
    refined, verified = facts["refine"], facts["verify"]
    degraded = facts["inpaint"].get(DEGRADED) or verified.get(DEGRADED)
    words = {"approve": "approved by hand", "original": "rejected by hand: the original is kept"}
    notes = [f"{share:.0%} of the photo is made up"] if share and verified.get("made_up") else []
    if degraded:
        notes.append(f"out of memory: filled at a lower resolution ({degraded})")
    if facts["inpaint"].get(NOTE):
        notes.append(facts["inpaint"][NOTE])
    if again := verified.get("refilled"):
        notes.append(
            f"the fill looked like somebody (score {again['score']:.2f}): filled there by {again['fill']} instead"
        )
    if refined["kept"]:
        notes.append(f"{refined['kept']} of the people kept")
    if refined["edited"]:
        notes.append("mask edited by hand")
    frame = refined.get("frame") if refined["edited"] else facts["given"]["frame"]
    if frame:
        notes.append(f"masks taken as drawn on the photo as it is {FRAMES[frame]}")
    like = [found["like"] for found in verified["found"] if found["like"]]
    if like:
        notes.append(f"{len(like)} seen that may only look like people ({', '.join(sorted(set(like)))})")
    if decided in words:
        notes.append(words[decided])
    if entry.settings:
        notes.append("made with settings of its own")
    return notes


def _reason(state: State, facts: EarlierFacts, entry: Entry, outdated: bool) -> str | None:
    if state == "refused":
        return f"{entry.name}: left out by decision."
    if state != "review":
        return None
    rejected = outdated and entry.decision != "approve"
    parts = ["an earlier result was rejected, this is another one"] if rejected else []
    return f"{entry.name}: {' and '.join([*parts, *reasons(facts)])}."


def publish_mask(run: RunContext, entry: Entry, rows: Rows) -> None:
    """Write the hole of a photo that is not filled yet, for somebody to edit."""
    if run.settings.publish.masks and not entry.edited:
        artifact: HoleJson = in_raw_frame(json.loads(run.store.read("refine", rows["refine"]["key"])))
        hole = hole_of(canonical_json(artifact))
        write_files(run, entry, {f"{MASKS}{entry.mask_name}": mask_png(hole)}, alone=False)
