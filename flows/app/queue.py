"""Who computes when: one job at a time, those that somebody waits for first, each told its place in the queue."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from configs import UserError
from flows.app.sessions import Photo, Tab
from flows.app.worker import Died, Worker

_log = logging.getLogger("person_removal.app")
FIRST_GUESS = {"reading": 0.4, "finding": 2.0, "looking closer": 6.0, "filling": 4.0, "checking": 6.0, "writing": 1.5}
"""Seconds that a step takes for 12 megapixels, until one was measured on this machine."""
IDLE = 15.0
"""Seconds without any tab after which the process that computes is ended, so that its memory is free."""

Call = Callable[..., Awaitable[Any]]
"""call(step, function, *args): function(photo, *args) in the process that computes, the page being told of the step.
With tells=True it is function(photo, *args, tell), and the page hears what `tell(done, of)` says."""


@dataclass(eq=False)
class Job:
    """kind: detect, thorough, remove, check, file, picture. run: what is to be done. patient: whether nobody waits for
    it. problem: why it failed, a sentence, once it is done."""

    tab: Tab
    photo: Photo
    kind: str
    run: Callable[[Call], Awaitable[None]]
    patient: bool = False
    cancelled: bool = False
    problem: str | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, state: str, **more: object) -> None:
        if not self.tab.closed:
            self.tab.tell(type="job", photo=self.photo.id, job=self.kind, state=state, patient=self.patient, **more)


class Queue:
    """One worker for all tabs: a computation takes a core and much memory, and two at once would both be slower."""

    def __init__(self, worker: Worker, warm_up: tuple[Any, ...] | None = None) -> None:
        """warm_up: a function and its arguments, which get a new process ready."""
        self.worker, self.warm_up = worker, warm_up
        self._waiting: list[Job] = []
        self._now: Job | None = None
        self._new = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="worker")
        self._seconds = dict(FIRST_GUESS)
        self._last_used = time.monotonic()

    def submit(self, job: Job) -> Job:
        """Put it into the queue; a patient one goes behind all others."""
        self._waiting.append(job)
        self._waiting.sort(key=lambda one: one.patient)  # stable: in the order of the questions
        self._tell_places()
        self._new.set()
        return job

    def cancel(self, wanted: Callable[[Job], bool]) -> None:
        """Cancel jobs: those that wait leave the queue, the one that is computed loses its process."""
        for job in [one for one in self._waiting if wanted(one)]:
            self._waiting.remove(job)
            self._end(job, "cancelled")
        if self._now is not None and wanted(self._now) and not self._now.cancelled:
            self._now.cancelled = True
            self.worker.kill()
            self.get_ready()
        self._tell_places()

    def forget(self, photos: list[str]) -> None:
        """Of photos that are gone: their jobs, and their pixels in the process."""
        self.cancel(lambda job: job.photo.id in photos)
        self._thread.submit(self.worker.forget, photos)

    def get_ready(self) -> None:
        """Start the process and load its networks, while a photo is chosen."""
        if self.warm_up is not None and not self.worker.is_warm:
            self._thread.submit(self._warmed, *self.warm_up)

    def _warmed(self, function: Callable[..., object], *args: object) -> None:
        if self.worker.is_warm:
            return
        with suppress(Died):
            try:
                self.worker.call(function, None, *args)
                self.worker.is_warm = True
            except UserError as error:  # whoever needs it will meet it, and is told
                _log.warning("%s", error)

    async def rest(self, anyone: Callable[[], bool]) -> None:
        """End the process when no tab was open for a while, for ever. anyone: whether one is."""
        while True:
            await asyncio.sleep(IDLE / 5)
            if anyone() or self._now or self._waiting:
                self._last_used = time.monotonic()
            elif time.monotonic() - self._last_used > IDLE and self.worker.is_alive:
                await asyncio.get_running_loop().run_in_executor(self._thread, self.worker.kill)

    async def work(self) -> None:
        """Do the jobs, for ever."""
        while True:
            while not self._waiting:
                self._new.clear()
                await self._new.wait()
            job = self._now = self._waiting.pop(0)
            self._tell_places()
            await self._do(job)
            self._now = None
            self._last_used = time.monotonic()

    def close(self) -> None:
        self.worker.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _do(self, job: Job) -> None:
        for attempt in (1, 2):
            try:
                await job.run(partial(self._call, job))
                return self._end(job, "cancelled" if job.cancelled else "done")
            except Died:
                if job.cancelled or job.tab.closed:
                    return self._end(job, "cancelled")
                if attempt == 1:  # it may have been another job's memory
                    continue
                sentence = f"{job.photo.name}: the computation was ended by the system, which may be out of memory."
                return self._end(job, "failed", message=sentence)
            except UserError as error:
                return self._end(job, "failed", message=str(error))
            except MemoryError:
                sentence = f"{job.photo.name}: the photo is too large for this machine's memory; try a smaller one."
                return self._end(job, "failed", message=sentence)
            except Exception:
                _log.exception("a step of the page failed")
                sentence = "Something went wrong that should not have; the terminal says what."
                return self._end(job, "failed", message=sentence)
        return None

    async def _call(
        self, job: Job, step: str, function: Callable[..., object], *args: object, tells: bool = False
    ) -> object:
        if job.cancelled or job.tab.closed:
            raise Died
        large = (job.photo.megapixel_count + 4) / 16  # of 12 megapixels; a small photo has its people and holes, too
        about = round(self._seconds[step] * large, 2)
        job.tell("working", step=step, about=about)
        started = time.monotonic()
        loop = asyncio.get_running_loop()

        def hear(done: int, of: int) -> None:
            left = (time.monotonic() - started) * (of - done) / done
            more = {"step": step, "about": about, "filled": done, "of": of, "left": round(left, 2)}
            loop.call_soon_threadsafe(partial(job.tell, "working", **more))

        call = partial(self.worker.call, function, job.photo.seed, *args, hear=hear if tells else None)
        value = await loop.run_in_executor(self._thread, call)
        if job.cancelled or job.tab.closed:
            raise Died
        taken = (time.monotonic() - started) / large
        self._seconds[step] += (taken - self._seconds[step]) / 2
        return value

    def _end(self, job: Job, state: str, **more: object) -> None:
        job.problem = str(more["message"]) if "message" in more else None
        job.tell(state, **more)
        job.done.set()

    def _tell_places(self) -> None:
        """Ahead of each: the jobs of the queue before it, and the one that is computed."""
        computed = self._now is not None and not self._now.done.is_set()
        for place, job in enumerate(self._waiting):
            ahead = place + computed
            others = {one.tab for one in self._waiting[:place]} | ({self._now.tab} if self._now and computed else set())
            job.tell("waiting", ahead=ahead, others=bool(others - {job.tab}))
