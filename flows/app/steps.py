"""From a photo and what the page says about it to people, hole, result, second look and file: arrays in, arrays out.

These run in the process that computes; nothing is kept here. All arrays are of the photo seen upright.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import cv2
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
from flows.app.strokes import draw
from flows.app.views import SURE, fitted, picture, view_size
from flows.stages import photo_steps, verify
from flows.stages.doubts import doubts_of_fill, doubts_of_keep
from flows.stages.verify import Find

SAME = 0.5
"""Least intersection over union of two finds of one person, by a quick and by a thorough look."""


@dataclass(frozen=True)
class OpenPhoto:
    """photo: the file. pixels: uint8 H x W x 3 of the photo seen upright. icc: its colour profile, b"" for none."""

    photo: Decoded
    pixels: Pixels
    icc: bytes


@dataclass(frozen=True)
class Found:
    """People at the photo's size and at the page's, with ids that stay the same when somebody looks again.

    late: how many at the end were found by the second look. thorough: whether the photo was looked at in full size.
    """

    people: People
    small: People
    ids: tuple[int, ...]
    late: int = 0
    thorough: bool = True


@dataclass(frozen=True)
class Filled:
    """hole: RLE counts. patches: its pixels."""

    hole: str
    patches: tuple[Patch, ...]


@dataclass(frozen=True)
class Result:
    """rounds: one fill after the other, the first of the people. kept: RLE counts of what is no source. view: the
    result as the page shows it, JPEG. doubts, lower: see `photo_steps`."""

    rounds: tuple[Filled, ...]
    kept: str
    view: bytes
    doubts: tuple[str, ...]
    lower: str | None


@dataclass(frozen=True)
class Look:
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


# ------------------------------------------------------------ people


def find_quickly(photo: OpenPhoto, segmenter: Choice, before: Found | None = None) -> Found:
    """Everyone that can be seen at the page's size: a fraction of the time of a thorough look at a large photo."""
    height, width = view_size(photo.pixels.shape)
    if (height, width) == photo.pixels.shape[:2]:
        return find(photo, segmenter, before)
    settings, name = segmenter.settings.segment, photo.photo.name
    small = photo_steps.find_people(fitted(photo.pixels), name, settings, segmenter.weights)
    large = _resized(small, (photo.pixels.shape[0], photo.pixels.shape[1]))
    return Found(large, small, _ids(small, before), thorough=False)


def find(photo: OpenPhoto, segmenter: Choice, before: Found | None = None) -> Found:
    """Everyone, as a run finds them; whoever is in `before` keeps their id. Sure finds of a quick look that a thorough
    one does not have stay: nobody who was shown leaves the page by themselves."""
    people = photo_steps.find_people(photo.pixels, photo.photo.name, segmenter.settings.segment, segmenter.weights)
    if before is not None and not before.thorough:
        people = people.plus([People(people.size, _not_covered(before.people, people))])
    small = _resized(people, view_size(people.size))
    return Found(people, small, _ids(small, before))


def _not_covered(before: People, people: People) -> tuple[Instance, ...]:
    union = people.union()
    out = []
    for person in before.persons:
        mask = before.boxed(person)
        if person.score >= SURE and (mask.mask & union[mask.box.slices]).sum() < SAME * mask.area:
            out.append(person)
    return tuple(out)


def with_late(found: Found, missed: Sequence[Instance]) -> tuple[Found, tuple[int, ...]]:
    """Together with those whom the second look found, and the ids of these; nobody is added twice."""
    ids = []
    for person in missed:
        known = range(len(found.ids) - found.late, len(found.ids))
        same = next((n for n in known if _likeness(found.people, found.people.persons[n], person) >= SAME), None)
        if same is None:
            same = len(found.ids)
            people = found.people.plus([People(found.people.size, (person,))])
            small = found.small.plus([_resized(People(people.size, (person,)), found.small.size)])
            found = replace(
                found, people=people, small=small, ids=(*found.ids, max(found.ids, default=-1) + 1), late=found.late + 1
            )
        ids.append(found.ids[same])
    return found, tuple(ids)


def _likeness(people: People, a: Instance, b: Instance) -> float:
    """Intersection over union."""
    shared = people.shared(a, b)
    return shared / max(1, people.area(a) + people.area(b) - shared)


def _ids(people: People, before: Found | None) -> tuple[int, ...]:
    """Ids for people; the best match in `before` gives its own."""
    if before is None:
        return tuple(range(len(people)))
    likeness = {
        (new, old): _likeness(people, person, other)
        for new, person in enumerate(people.persons)
        for old, other in enumerate(before.small.persons)
    }
    ids: dict[int, int] = {}
    for new, old in sorted(likeness, key=lambda pair: -likeness[pair]):
        if likeness[new, old] >= SAME and new not in ids and before.ids[old] not in ids.values():
            ids[new] = before.ids[old]
    first = max(before.ids, default=-1) + 1
    others = [new for new in range(len(people)) if new not in ids]
    ids |= {new: first + at for at, new in enumerate(others)}
    return tuple(ids[new] for new in range(len(people)))


def _resized(people: People, size: tuple[int, int]) -> People:
    """The same people in a photo of another size."""
    if size == people.size:
        return people
    scale = size[1] / people.size[1], size[0] / people.size[0]

    def counts(of: str) -> str:
        mask = decode_counts(of, people.size).astype(np.uint8) * np.uint8(255)
        way = cv2.INTER_AREA if size[0] < people.size[0] else cv2.INTER_LINEAR
        return encode_counts(np.asarray(cv2.resize(mask, size[::-1], interpolation=way)) > 127)

    def box(of: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        x, y, width, height = of
        return x * scale[0], y * scale[1], width * scale[0], height * scale[1]

    persons = [
        replace(
            one, bbox=box(one.bbox), counts=counts(one.counts), doubtful=counts(one.doubtful) if one.doubtful else ""
        )
        for one in people.persons
    ]
    things = [replace(one, bbox=box(one.bbox), counts=counts(one.counts)) for one in people.objects]
    return People(size, tuple(persons), tuple(things))


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
    photo: OpenPhoto, found: Found, edit: Edit, segmenter: Choice, fills: Mapping[str, Choice], base: Result | None
) -> Result:
    """The photo without those who go. base: the result of `edit.before`, which is then corrected.

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
    patches, facts = photo_steps.fill_hole(before, hole, kept, settings, fill.weights)
    after, lower = inpainting.compose(before, hole, patches), facts.get(photo_steps.DEGRADED)
    rounds = (*(base.rounds if base else ()), Filled(encode_counts(hole), tuple(patches)))
    kept_counts = base.kept if base else encode_counts(kept)
    return Result(rounds, kept_counts, picture(after, photo.icc), doubts, lower or (base.lower if base else None))


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
) -> Look:
    """Whom a second look sees in the result."""
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
    return Look(facts["looked"], facts["independent"], checked.finds, tuple(doubts_of_fill(facts)))


def write(photo: OpenPhoto, result: Result, scrub: bool) -> tuple[str, Encoded]:
    """The result as a file of the photo's own kind, and the file's name. Raises PhotoError."""
    hole = _whole_hole(result, photo.pixels.shape)
    encoded = encode(photo.photo, composed(photo.pixels, result), hole, scrub=scrub)
    path, suffixes = PurePath(photo.photo.name), SUFFIXES[photo.photo.format]
    suffix = path.suffix if path.suffix.lower() in suffixes else suffixes[0]
    return f"{path.stem}-without-people{suffix}", encoded


def full_picture(photo: OpenPhoto, result: Result | None) -> bytes:
    """The photo, or the result, in its own size as the page shows it."""
    pixels = photo.pixels if result is None else composed(photo.pixels, result)
    return picture(pixels, photo.icc, longest=None)
