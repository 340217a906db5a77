"""What is done for a photo on the page, and in which order; the page is told what comes out of it."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace
from pathlib import PurePath

from data.errors import InputError
from data.images import Encoded
from flows.app import finding, steps, views
from flows.app.edit import Edit
from flows.app.finding import Found
from flows.app.queue import Call, Job, Queue
from flows.app.sessions import Offer, Photo, Sessions, Tab
from flows.app.steps import Result, Verification
from flows.app.words import verdict

MARKS = 8
"""Holes of people, before strokes, that are kept of a photo for the preview."""


class Desk:
    """One for all tabs."""

    def __init__(self, sessions: Sessions, queue: Queue) -> None:
        self.sessions, self.queue = sessions, queue

    # ------------------------------------------------------------ people

    def detect(self, tab: Tab, photo: Photo, segmenter: str) -> None:
        """Open the photo and find its people: quickly first, then in full size while somebody looks at them."""

        async def run(call: Call) -> None:
            await self._opened(call, tab, photo)
            if segmenter not in photo.found:
                choice, before = self.sessions.segmenters[segmenter], photo.last_found()
                found = await call("finding", finding.find_quickly, choice, before)
                assert isinstance(found, Found)
                photo.found[segmenter] = found
            await self.tell_people(tab, photo, segmenter)
            if not photo.found[segmenter].thorough:
                self.queue.submit(Job(tab, photo, "thorough", again, patient=True))

        async def again(call: Call) -> None:
            await self._thorough(call, tab, photo, segmenter)

        self.queue.submit(Job(tab, photo, "detect", run))

    async def _opened(self, call: Call, tab: Tab, photo: Photo, tell: bool = True) -> None:
        if photo.small is None:
            small, photo.view = await call("reading", steps.show)
            photo.small = small
        if tell:
            height, width = photo.small.shape[:2]
            tab.tell(type="opened", photo=photo.id, width=width, height=height)

    async def _thorough(self, call: Call, tab: Tab, photo: Photo, segmenter: str) -> Found:
        found = photo.found.get(segmenter)
        if found is None or not found.thorough:
            await self._opened(call, tab, photo, tell=photo.small is None)
            choice, before = self.sessions.segmenters[segmenter], found or photo.last_found()
            found = await call("looking closer", finding.find, choice, before)
            assert isinstance(found, Found)
            photo.found[segmenter] = found
            photo.marks.clear()
            await self.tell_people(tab, photo, segmenter)
        return found

    async def tell_people(self, tab: Tab, photo: Photo, segmenter: str) -> None:
        found = photo.found[segmenter]
        people = await asyncio.to_thread(views.people_view, found.small, found.ids, found.late)
        tab.tell(type="people", photo=photo.id, segmenter=segmenter, thorough=found.thorough, people=people)

    # ------------------------------------------------------------ hole

    def outline(self, photo: Photo, edit: Edit) -> str:
        """Of the hole, at the page's size: the same steps as at the photo's, in a fraction of the time."""
        found = photo.found.get(edit.segmenter)
        if found is None or photo.small is None:
            raise InputError("The people of this photo are still looked for.")
        name = (edit.segmenter, found.thorough, found.late, edit.room, edit.keep, edit.too)
        marked = photo.marks.get(name)
        if marked is None:
            refine = self.sessions.segmenters[edit.segmenter].settings.refine
            marked = photo.marks[name] = steps.mark_people(found, edit, refine, photo.small)
            while len(photo.marks) > MARKS:
                photo.marks.popitem(last=False)
        return views.outline(steps.with_strokes(marked, edit).hole)

    # ------------------------------------------------------------ result

    def remove(self, tab: Tab, photo: Photo, edit: Edit, tag: object) -> None:
        """Fill, show the result, and then verify that nobody is left. tag: the page's name of its question."""

        async def run(call: Call) -> None:
            result = await self._result(call, tab, photo, edit)
            tab.tell(type="result", photo=photo.id, key=edit.key, tag=tag, notes=list(result.notes))
            if edit.key in photo.verifications:
                self._tell_verdict(tab, photo, edit)
            else:
                self.queue.submit(Job(tab, photo, "check", check, patient=True))

        async def check(call: Call) -> None:
            found, result = photo.found[edit.segmenter], photo.results.get(edit.key)
            if result is None:
                return
            choice = self.sessions.segmenters[edit.segmenter]
            checked = await call("checking", steps.check, found, edit, choice, self.sessions.fills, result)
            assert isinstance(checked, Verification)
            late = photo.found[edit.segmenter].late
            missed = checked.missed(choice.settings.verify.lookalikes == "remove")
            photo.found[edit.segmenter], ids = finding.with_late(photo.found[edit.segmenter], missed)
            photo.verifications[edit.key] = checked, ids
            if photo.found[edit.segmenter].late != late:
                await self.tell_people(tab, photo, edit.segmenter)
            self._tell_verdict(tab, photo, edit)

        self.queue.submit(Job(tab, photo, "remove", run))

    async def _result(self, call: Call, tab: Tab, photo: Photo, edit: Edit) -> Result:
        result = photo.results.get(edit.key)
        if result is None:
            found = await self._thorough(call, tab, photo, edit.segmenter)
            base = await self._result(call, tab, photo, edit.before) if edit.before else None
            segmenter, fills = self.sessions.segmenters[edit.segmenter], self.sessions.fills
            result = await call("filling", steps.remove, found, edit, segmenter, fills, base, tells=True)
            assert isinstance(result, Result)
            if base is not None:  # one copy of what they share
                result = replace(result, rounds=(*base.rounds, result.rounds[-1]))
        photo.keep_result(edit, result)
        return result

    def _tell_verdict(self, tab: Tab, photo: Photo, edit: Edit) -> None:
        checked, ids = photo.verifications[edit.key]
        result = photo.results.get(edit.key)
        sentence, sure = verdict(checked, result.doubts if result else ())
        size = photo.found[edit.segmenter].people.size
        boxes = [views.box_view(size, find.person.bbox) for find in checked.finds]
        too = [one for one in ids if one not in edit.too]
        tab.tell(type="verdict", photo=photo.id, key=edit.key, sentence=sentence, sure=sure, boxes=boxes, too=too)

    # ------------------------------------------------------------ files

    async def file(self, tab: Tab, photo: Photo, edit: Edit, scrub: bool) -> tuple[str, Encoded]:
        """Name and bytes of the result. Raises InputError with the sentence when there can be none."""
        out: list[tuple[str, Encoded]] = []

        async def run(call: Call) -> None:
            result = await self._result(call, tab, photo, edit)
            out.append(await call("writing", steps.write, result, scrub))

        await self._wait(Job(tab, photo, "file", run))
        return out[0]

    async def picture(self, tab: Tab, photo: Photo, key: str | None) -> bytes:
        """The photo, or a result, in its own size."""
        result = photo.results.get(key or "")
        if key and result is None:
            raise InputError("This result is not kept any more: press Remove again.")
        out: list[bytes] = []

        async def run(call: Call) -> None:
            picture = await call("reading", steps.full_picture, result)
            assert isinstance(picture, bytes)
            out.append(picture)

        await self._wait(Job(tab, photo, "picture", run))
        return out[0]

    async def _wait(self, job: Job) -> None:
        await self.queue.submit(job).done.wait()
        if job.cancelled or job.tab.closed or job.problem:
            raise InputError(job.problem or "Cancelled.")

    async def zip(self, tab: Tab, wanted: list[tuple[Photo, Edit]], scrub: bool) -> tuple[bytes, dict[str, list[str]]]:
        """All results as one zip, and what is to be said of each file. Names that occur twice are numbered."""
        out, notes, taken = io.BytesIO(), {}, set[str]()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # photos are compressed already
            for photo, edit in wanted:
                name, encoded = await self.file(tab, photo, edit, scrub)
                path, number = PurePath(name), 2
                while name.lower() in taken:
                    name, number = f"{path.stem}-{number}{path.suffix}", number + 1
                taken.add(name.lower())
                archive.writestr(name, encoded.raw)
                if encoded.notes:
                    notes[name] = list(encoded.notes)
        return out.getvalue(), notes

    def offer(self, tab: Tab, name: str, raw: bytes) -> str:
        return tab.offer(Offer(name, raw))
