"""What each control does: from the tab's work to what the page shows next. Errors are sentences on the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from html import escape
from pathlib import Path

import gradio as gr

from configs import UserError
from data.errors import InputError
from flows.app import views
from flows.app.parts import Parts, Shown
from flows.app.sessions import Sessions, Tab
from flows.app.strokes import StrokeJson, parse_strokes
from flows.app.words import done, note, verdict
from flows.app.work import Work

_log = logging.getLogger("person_removal.app")
ORIGINAL = "the original"


def _in_words(step: Callable[..., Iterator[Shown]]) -> Callable[..., Iterator[Shown]]:
    """The handler, with its errors as a sentence on the page, and its buttons free again afterwards."""

    @wraps(step)
    def handler(self: Handlers, *args: object) -> Iterator[Shown]:
        parts = self.parts
        try:
            yield from step(self, *args)
        except UserError as error:
            yield {parts.message: note(str(error), "error"), **self.free()}
        except MemoryError:
            sentence = "The photo is too large for this machine's memory; try a smaller one."
            yield {parts.message: note(sentence, "error"), **self.free()}
        except Exception:
            _log.exception("a step of the page failed")
            sentence = "Something went wrong that should not have; the terminal says what."
            yield {parts.message: note(sentence, "error"), **self.free()}

    return handler


class Handlers:
    """One method a control; `request` says which browser tab asks."""

    def __init__(self, sessions: Sessions, parts: Parts) -> None:
        self.sessions, self.parts = sessions, parts

    @_in_words
    def photo(self, upload: str | None, segmenter: str, fill: str, request: gr.Request) -> Iterator[Shown]:
        parts = self.parts
        if not upload:
            return
        hidden: Shown = {parts.desk: gr.Row(visible=False), parts.outcome: gr.Column(visible=False)}
        yield {**self.busy("Looking for people"), **hidden}
        try:
            tab = self.sessions.open(str(request.session_hash), Path(upload), segmenter, fill)
            shown = self._everything(tab)
        except BaseException:
            yield {parts.upload: None, parts.stage: None}
            raise
        yield {parts.upload: None, parts.desk: gr.Row(visible=True), **shown}

    @_in_words
    def edited(self, request: gr.Request, event: gr.EventData) -> Iterator[Shown]:
        """A click on somebody or a brush stroke: the page sends all that it knows."""
        tab = self._tab(request)
        if event.of != _of(tab):
            return  # a click that waited while another photo was dropped, or other eyes found other people
        tab.edit = int(event.edit)
        yield from self._edit(tab, event.keep, event.strokes)

    @_in_words
    def people(self, going: list[int], request: gr.Request) -> Iterator[Shown]:
        tab = self._tab(request)
        yield from self._edit(tab, set(range(len(tab.work.people))) - set(going))

    @_in_words
    def everyone(self, request: gr.Request) -> Iterator[Shown]:
        yield from self._edit(self._tab(request), ())

    @_in_words
    def nobody(self, request: gr.Request) -> Iterator[Shown]:
        tab = self._tab(request)
        yield from self._edit(tab, range(len(tab.work.people)))

    @_in_words
    def dilate(self, percent: float, request: gr.Request) -> Iterator[Shown]:
        tab = self._tab(request)
        yield from self._edit(tab, tab.work.keep, dilate=percent / 100)

    @_in_words
    def segmenter(self, name: str, request: gr.Request) -> Iterator[Shown]:
        tab = self._tab(request)
        yield self.busy("Looking for people")
        tab.work.choose_segmenter(self.sessions.segmenters[name])
        yield {**self._withdrawn(tab), **self._everything(tab)}

    @_in_words
    def fill(self, name: str, request: gr.Request) -> Iterator[Shown]:
        """What is shown, and on offer, is another fill's: it goes, and comes back at once with `Remove`."""
        tab = self._tab(request)
        if name == tab.work.fill.name:
            return
        tab.work.fill = self.sessions.fills[name]
        shown = self._withdrawn(tab)
        if tab.work.fills:
            shown[self.parts.message] = note(f"Press Remove for the result of {name}.")
        yield shown

    @_in_words
    def remove(self, scrub: bool, request: gr.Request) -> Iterator[Shown]:
        yield from self._remove(self._tab(request), scrub)

    @_in_words
    def remove_them_too(self, scrub: bool, request: gr.Request) -> Iterator[Shown]:
        tab = self._tab(request)
        tab.work.take_out_too()
        yield from self._remove(tab, scrub)

    @_in_words
    def compare(self, other: str, request: gr.Request) -> Iterator[Shown]:
        tab = self._tab(request)
        if tab.token:  # else the click waited while the result was withdrawn
            yield self._compared(tab.work, other)

    @_in_words
    def scrub(self, scrub: bool, request: gr.Request) -> Iterator[Shown]:
        tab = self._tab(request)
        if tab.token:
            yield self._offered(tab, scrub)

    def closed(self, request: gr.Request) -> None:
        self.sessions.close(request.session_hash)

    # ------------------------------------------------------------ what they share

    def free(self) -> Shown:
        """The buttons as they are when nothing is computed."""
        return {self.parts.go: gr.Button("Remove", interactive=True), self.parts.again: gr.Button(interactive=True)}

    def busy(self, what: str) -> Shown:
        """The same while something slow is done."""
        button = gr.Button(f"{what} ...", interactive=False)
        return {
            self.parts.message: note(f"{what} ...", "busy"),
            self.parts.go: button,
            self.parts.again: gr.Button(interactive=False),
        }

    def _tab(self, request: gr.Request) -> Tab:
        return self.sessions.tab(request.session_hash)

    def _edit(
        self,
        tab: Tab,
        keep: Iterable[object],
        strokes: Sequence[StrokeJson] | None = None,
        dilate: float | None = None,
    ) -> Iterator[Shown]:
        work, parts = tab.work, self.parts
        numbers = [number for number in keep if isinstance(number, int)]
        drawn = work.strokes if strokes is None else parse_strokes(strokes)
        changed = work.edit(numbers, drawn, work.dilate if dilate is None else dilate)
        shown = self._marks(tab)
        if changed:
            shown |= {**self._withdrawn(tab), parts.message: ""}
        yield shown

    def _withdrawn(self, tab: Tab) -> Shown:
        """The result is not of what the controls say now: it is hidden, and its file no longer to be had."""
        self.sessions.withdraw(tab)
        return {self.parts.outcome: gr.Column(visible=False)}

    def _everything(self, tab: Tab) -> Shown:
        """A photo whose people have just been found."""
        work, parts = tab.work, self.parts
        count = len(work.people)
        found = f"{count} {'person' if count == 1 else 'people'} found" if count else "Nobody was found"
        hint = "check who goes, then press Remove" if count else "paint over whom you see, then press Remove"
        picture = views.picture(work.pixels)
        shown = self._marks(tab)
        return {
            **shown,
            parts.stage: gr.HTML(shown[parts.stage], picture=picture),
            parts.message: note(f"{work.photo.name}: {found}; {hint}."),
            parts.dilate: round(100 * work.dilate),
            parts.segmenter: work.segmenter.name,
            **self.free(),
        }

    def _marks(self, tab: Tab) -> Shown:
        """Who goes and the hole, on the picture and in the list."""
        work, parts = tab.work, self.parts
        people, marked = work.people, work.marked
        height, width = views.view_size(people.size)
        goes = sum(not stays for stays in marked.choice.stays)
        view = {
            "photo": tab.photo,
            "of": _of(tab),
            "edit": tab.edit,
            "width": width,
            "height": height,
            "alt": f"{work.photo.name}: {len(people)} people, {goes} of them go",
            "people": views.people_view(people, marked.choice.stays),
            "hole": views.outline(marked.hole),
            "strokes": len(work.strokes),
        }
        list_ = gr.CheckboxGroup(
            choices=[(views.name_of(people, index), index) for index in range(len(people))],
            value=[index for index, stays in enumerate(marked.choice.stays) if not stays],
            visible=bool(len(people)),
        )
        several = len(people) > 1
        buttons: Shown = {part: gr.Button(visible=several) for part in (parts.everyone, parts.nobody)}
        return {parts.stage: view, parts.people: list_, **buttons}

    def _remove(self, tab: Tab, scrub: bool) -> Iterator[Shown]:
        work, parts = tab.work, self.parts
        yield self.busy(f"Filling with {work.fill.name}")
        work.result()
        yield self.busy("Looking whether anyone is left")
        look = work.look
        sentence, sure = verdict(look, work.marked.doubts)
        others = [ORIGINAL, *(name for name in work.fills if name != work.fill.name)]
        yield {
            **self._marks(tab),
            **self._compared(work, ORIGINAL),
            **self._offered(tab, scrub),
            **self.free(),
            parts.message: note(done(work.lower)),
            parts.verdict: note(sentence, "good" if sure else "warn"),
            parts.again: gr.Button(visible=bool(look.missed(work.lookalikes)), interactive=True),
            parts.compare: gr.Radio(others, value=ORIGINAL, visible=len(others) > 1),
            parts.outcome: gr.Column(visible=True),
        }

    def _compared(self, work: Work, other: str) -> Shown:
        """The result on the right, the original or another fill's result on the left."""
        if other != ORIGINAL and other not in work.fills:
            raise InputError(f"There is no result of {other} for this hole yet.")
        size = work.people.size
        height, width = views.view_size(size)
        value = {
            "left": "Before" if other == ORIGINAL else other,
            "right": "After" if other == ORIGINAL else work.fill.name,
            "width": width,
            "height": height,
            "found": [views.box_view(size, find.person.bbox) for find in work.look.finds],
        }
        before = work.pixels if other == ORIGINAL else work.result(other)
        return {self.parts.result: gr.HTML(value, before=views.picture(before), after=views.picture(work.result()))}

    def _offered(self, tab: Tab, scrub: bool) -> Shown:
        """The link to the file, and how it departs from the original beyond the hole."""
        encoded = tab.work.file(scrub)
        name = tab.work.file_name
        token = self.sessions.offer(tab, name, encoded.raw)
        size = len(encoded.raw) / 1e6
        notes = "".join(f"<li>{escape(one)}</li>" for one in encoded.notes)
        link = (
            f'<a class="download" href="photo/{token}" download="{escape(name)}">Download</a>'
            f"<p>{escape(name)}, {tab.work.photo.format}, {size:.1f} MB</p>"
        )
        return {self.parts.download: link + (f"<ul>{notes}</ul>" if notes else "")}


def _of(tab: Tab) -> str:
    """What the numbers of people on the page speak of."""
    return f"{tab.photo} {tab.work.segmenter.name}"
