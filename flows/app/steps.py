"""From a photo, its people and what the page says to hole, result, verification and file: arrays in, arrays out.

These run in the process that computes; nothing is kept here. All arrays are of the photo seen upright.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from PIL import Image

import inpainting
import masks
from configs import RefineSettings
from data.errors import InputError
from data.images import SUFFIXES, Decoded, Encoded, decode, encode
from data.rle import decode_counts, encode_counts
from data.types import Hole, Instance, Patch, People, Pixels
from flows.app.choices import Choice
from flows.app.edit import Edit
from flows.app.finding import Found, OpenPhoto
from flows.app.strokes import draw
from flows.app.views import fitted, picture
from flows.facts import InpaintFacts
from flows.stages import photo_steps, verify
from flows.stages.doubts import doubts_of_fill, doubts_of_keep
from flows.stages.finds import Find


@dataclass(frozen=True)
class Filled:
    """hole: RLE counts. patches: its pixels."""

    hole: str
    patches: tuple[Patch, ...]


@dataclass(frozen=True)
class Result:
    """rounds: one fill after the other, the first of the people. kept: RLE counts of what is no source. view: the
    result as the page shows it, JPEG. doubts: about those who stay. notes: of the fills,
    sentences."""

    rounds: tuple[Filled, ...]
    kept: str
    view: bytes
    doubts: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Verification:
    """Who may be left. looked: the segmenter that looked; `none`. independent: whether it is another one than the one
    that found the people. finds: whom it sees in the result. doubts: what is doubtful about the fill, in words."""

    looked: str
    independent: bool
    finds: tuple[Find, ...]
    doubts: tuple[str, ...] = ()

    def missed(self, lookalikes: bool) -> list[Instance]:
        """Those whom a larger hole would take out: the photo itself shows them. lookalikes: also pictures of people."""
        return [find.person for find in self.finds if find.where == "elsewhere" and (lookalikes or not find.like)]


def show(photo: OpenPhoto) -> tuple[Pixels, bytes]:
    """The photo at the page's size: its pixels, and as JPEG."""
    small = fitted(photo.pixels)
    return small, picture(small, photo.icc)


def open_photo(raw: bytes, name: str, megapixels: float) -> OpenPhoto:
    """Raises PhotoError for a file that is no photo, or one too large."""
    photo = decode(raw, name, megapixels)
    return OpenPhoto(photo, photo.pixels, _icc(photo))


def _icc(photo: Decoded) -> bytes:
    """The profile of colours as `pixels` has them: of RGB files only, others were converted."""
    if not photo.mode.startswith(("RGB", "P")):
        return b""
    try:
        with Image.open(io.BytesIO(photo.raw)) as image:
            return bytes(image.info.get("icc_profile") or b"")
    except Exception:  # a kind that Pillow does not read: shown without its profile
        return b""


# ------------------------------------------------------------ hole


def mark_people(found: Found, edit: Edit, refine: RefineSettings, pixels: Pixels) -> photo_steps.Marked:
    """Who goes and who stays, before anything was drawn; at the page's size for pixels of that size."""
    people, keep = _meant(found.people if pixels.shape[:2] == found.people.size else found.small, found, edit)
    return photo_steps.mark(people, keep, refine.model_copy(update={"dilate": edit.room}), lambda: pixels)


def _meant(people: People, found: Found, edit: Edit) -> tuple[People, tuple[int, ...]]:
    """The people whom the edit speaks of, and the numbers of those who stay."""
    numbers = [n for n, one in enumerate(found.ids) if n < len(found.ids) - found.late or one in edit.too]
    chosen = replace(people, persons=tuple(people.persons[n] for n in numbers))
    return chosen, tuple(at for at, n in enumerate(numbers) if found.ids[n] in edit.keep)


def with_strokes(marked: photo_steps.Marked, edit: Edit) -> photo_steps.Marked:
    """What a hand drew is the last word."""
    return marked.with_hole(draw(marked.hole, edit.strokes))


# ------------------------------------------------------------ result


def remove(
    photo: OpenPhoto,
    found: Found,
    edit: Edit,
    segmenter: Choice,
    fills: Mapping[str, Choice],
    base: Result | None,
    tell: Callable[[int, int], None] | None = None,
) -> Result:
    """The photo without those who go. base: the result of `edit.before`, which is then corrected. tell: see
    `inpainting.inpaint`.

    Raises InputError when there is no hole, PhotoError when it leaves nothing to fill from.
    """
    if base is None:
        marked = with_strokes(mark_people(found, edit, segmenter.settings.refine, photo.pixels), edit)
        before, fill, doubts = photo.pixels, fills[edit.fill], tuple(doubts_of_keep(marked.facts))
        hole, kept, drawn = marked.hole, marked.kept, marked.facts["edited"]
    else:
        before, doubts = composed(photo.pixels, base), base.doubts
        last = edit.rounds[-1]
        size = before.shape[:2]
        hole = draw(np.zeros(size, np.uint8), last.strokes)
        kept, drawn = np.where(hole == 0, _hole(base.kept, size), np.uint8(0)), True
        fill = fills[last.fill]
    if not hole.any():
        raise InputError("Nothing is marked: choose somebody in the photo, or paint over what shall go.")
    settings = photo_steps.fill_settings(fill.settings.inpaint, drawn)
    patches, facts = photo_steps.fill_hole(before, hole, kept, settings, fill.weights, tell)
    after = inpainting.compose(before, hole, patches)
    rounds = (*(base.rounds if base else ()), Filled(encode_counts(hole), tuple(patches)))
    kept_counts = base.kept if base else encode_counts(kept)
    notes = dict.fromkeys((*(base.notes if base else ()), *_notes(facts)))  # each once
    return Result(rounds, kept_counts, picture(after, photo.icc), doubts, tuple(notes))


def _notes(facts: InpaintFacts) -> list[str]:
    notes = []
    if note := facts.get("note"):
        notes.append(f"{note[0].upper()}{note[1:]}.")
    if lower := facts.get("degraded"):
        notes.append(f"The memory was too small for it: filled at a lower resolution ({lower}).")
    return notes


def composed(pixels: Pixels, result: Result) -> Pixels:
    """The result's pixels."""
    for filled in result.rounds:
        pixels = inpainting.compose(pixels, _hole(filled.hole, pixels.shape[:2]), filled.patches)
    return pixels


def _whole_hole(result: Result, size: tuple[int, ...]) -> Hole:
    hole = np.zeros(size[:2], np.uint8)
    for filled in result.rounds:
        hole |= _hole(filled.hole, size)
    return hole


def _hole(counts: str, size: tuple[int, ...]) -> Hole:
    return decode_counts(counts, (size[0], size[1])).astype(np.uint8) * np.uint8(255)


def check(
    photo: OpenPhoto, found: Found, edit: Edit, segmenter: Choice, fills: Mapping[str, Choice], result: Result
) -> Verification:
    """Whom the verifier sees in the result."""
    settings = segmenter.settings
    people, keep = _meant(found.people, found, edit)
    checked = verify.check(
        settings.model_copy(update={"inpaint": fills[edit.fill].settings.inpaint}),
        lambda: photo.pixels,
        lambda: composed(photo.pixels, result),
        lambda verifier, after: photo_steps.find_people(after, photo.photo.name, verifier, segmenter.weights),
        people,
        _whole_hole(result, photo.pixels.shape),
        masks.choose(people, keep, settings.refine),
        keep,
    )
    facts = checked.facts
    return Verification(facts["looked"], facts["independent"], checked.finds, tuple(doubts_of_fill(facts)))


def write(photo: OpenPhoto, result: Result, scrub: bool) -> tuple[str, Encoded]:
    """The result as a file of the photo's own kind, and the file's name. Raises PhotoError."""
    hole = _whole_hole(result, photo.pixels.shape)
    encoded = encode(photo.photo, composed(photo.pixels, result), hole, scrub=scrub)
    path, suffixes = PurePath(photo.photo.name), SUFFIXES[photo.photo.format]
    suffix = path.suffix if path.suffix.lower() in suffixes else suffixes[0]
    return f"{file_stem(path.stem)}-without-people{suffix}", encoded


def file_stem(stem: str) -> str:
    """A name's stem as every file system takes it: at most 200 bytes of UTF-8, no character that Windows refuses."""
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", stem)
    return stem.encode("utf-8", "replace")[:200].decode("utf-8", "ignore") or "photo"


def full_picture(photo: OpenPhoto, result: Result | None) -> bytes:
    """The photo, or the result, in its own size as the page shows it."""
    pixels = photo.pixels if result is None else composed(photo.pixels, result)
    return picture(pixels, photo.icc, longest=None)
