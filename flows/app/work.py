"""One photo in one browser tab: what is known of it, and what each change of a control makes of it.

Every step is computed when it is first asked for and again only when something that it depends on has changed:
photo + segmenter -> people; + who stays + growth + strokes -> hole; + fill -> result and second look; + scrub -> file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

import inpainting
from data.errors import InputError
from data.images import SUFFIXES, Decoded, Encoded, decode, upright
from data.types import Instance, Patch, People, Pixels
from flows.app.choices import Choice
from flows.app.strokes import Stroke, draw
from flows.stages import photo_steps
from flows.stages.verifier import is_independent, look_settings
from flows.stages.verify import Find, judge, not_kept


class Look(NamedTuple):
    """Who may be left. looked: the segmenter that looked; `none`. independent: whether it is another one than the one
    that found the people. finds: whom it sees in the result."""

    looked: str
    independent: bool
    finds: tuple[Find, ...]

    def missed(self, lookalikes: bool) -> list[Instance]:
        """Those whom a larger hole would take out: the photo itself shows them. lookalikes: also pictures of people."""
        return [find.person for find in self.finds if find.where == "elsewhere" and (lookalikes or not find.like)]


@dataclass
class Work:
    """photo: the file. pixels: of the photo seen upright, as everything here is. segmenter, fill, dilate, keep,
    strokes: what the controls say; change them through `choose` and `edit`."""

    photo: Decoded
    pixels: Pixels
    segmenter: Choice
    fill: Choice
    dilate: float
    keep: tuple[int, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    _people: dict[str, People] = field(default_factory=dict)
    _marked: photo_steps.Marked | None = None
    _patches: dict[str, tuple[list[Patch], str | None]] = field(default_factory=dict)
    _looks: dict[str, Look] = field(default_factory=dict)

    @classmethod
    def open(cls, raw: bytes, name: str, segmenter: Choice, fill: Choice) -> Work:
        """Raises PhotoError for a file that is no photo, or one too large."""
        photo = decode(raw, name, segmenter.settings.input.megapixels)
        pixels = np.ascontiguousarray(upright(photo.pixels, photo.orientation))
        return cls(photo, pixels, segmenter, fill, segmenter.settings.refine.dilate)

    # ------------------------------------------------------------ what the controls say

    def edit(self, keep: Sequence[int], strokes: Sequence[Stroke], dilate: float) -> bool:
        """Who stays, what was drawn, how much the hole grows; returns whether that makes another hole."""
        valid = tuple(sorted({number for number in keep if 0 <= number < len(self.people)}))
        said = valid, tuple(strokes), dilate
        if said == (self.keep, self.strokes, self.dilate):
            return False
        self.keep, self.strokes, self.dilate = said
        self._forget_hole()
        return True

    def choose_segmenter(self, segmenter: Choice) -> None:
        """Other eyes: the people are others, so nobody is kept by number any more."""
        if segmenter.name != self.segmenter.name:
            self.segmenter, self.keep = segmenter, ()
            self._forget_hole()

    def take_out_too(self) -> None:
        """Put the people whom the second look found to have been missed to the others."""
        missed = self.look.missed(self.lookalikes)
        self._people[self.segmenter.name] = self.people.plus([People(self.people.size, tuple(missed))])
        self._forget_hole()

    def _forget_hole(self) -> None:
        self._marked = None
        self._patches.clear()
        self._looks.clear()

    @property
    def lookalikes(self) -> bool:
        """Whether pictures of people are taken out like people."""
        return self.segmenter.settings.verify.lookalikes == "remove"

    # ------------------------------------------------------------ what follows from it

    @property
    def people(self) -> People:
        name = self.segmenter.name
        if name not in self._people:
            settings = self.segmenter.settings.segment
            self._people[name] = photo_steps.find_people(self.pixels, self.photo.name, settings, self.segmenter.weights)
        return self._people[name]

    @property
    def marked(self) -> photo_steps.Marked:
        """The hole of those who leave, and then what a hand drew: that is the last word."""
        if self._marked is None:
            refine = self.segmenter.settings.refine.model_copy(update={"dilate": self.dilate})
            marked = photo_steps.mark(self.people, self.keep, refine, self.pixels)
            self._marked = marked.with_hole(draw(marked.hole, self.strokes))
        return self._marked

    @property
    def fills(self) -> tuple[str, ...]:
        """Names of the fills that have filled the present hole."""
        return tuple(self._patches)

    def result(self, fill: str | None = None) -> Pixels:
        """The photo without people, filled by the present fill; or by another that has already filled this hole.

        Raises InputError when there is no hole, PhotoError when it leaves nothing to fill from.
        """
        name = fill or self.fill.name
        hole = self.marked.hole
        if not hole.any():
            raise InputError("Nothing is marked: choose somebody in the photo, or paint over what shall go.")
        if name not in self._patches:
            settings, weights = self.fill.settings.inpaint, self.fill.weights
            self._patches[name] = photo_steps.fill_hole(self.pixels, self.marked, settings, weights)
        return inpainting.compose(self.pixels, hole, self._patches[name][0])

    @property
    def lower(self) -> str | None:
        """What had to be set lower for the result of the present fill, for want of memory."""
        return self._patches[self.fill.name][1]

    @property
    def look(self) -> Look:
        """Whom a second look sees in the result of the present fill."""
        name = self.fill.name
        if name not in self._looks:
            self._looks[name] = self._look()
        return self._looks[name]

    def _look(self) -> Look:
        settings = self.segmenter.settings
        looker = look_settings(settings)
        if looker is None:
            return Look("none", False, ())
        result = self.result()
        seen = photo_steps.find_people(result, self.photo.name, looker, self.segmenter.weights)
        seen = not_kept(seen, self.people, self.marked.choice, settings.refine)
        finds = judge(seen, self.marked.hole, self.pixels, result)
        return Look(looker.segmenter, is_independent(settings.segment, looker), tuple(finds))

    def file(self, scrub: bool) -> Encoded:
        """The result as a file of the photo's own kind. Raises PhotoError."""
        return photo_steps.as_file(self.photo, self.result(), self.marked.hole, scrub=scrub)

    @property
    def file_name(self) -> str:
        path = PurePath(self.photo.name)
        suffixes = SUFFIXES[self.photo.format]
        return f"{path.stem}-without-people{path.suffix if path.suffix.lower() in suffixes else suffixes[0]}"
