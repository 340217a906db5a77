"""The process that computes: it is killed to cancel what it does, and to give its memory back; the server stays."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Container
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from configs import UserError
from data.types import Photo
from flows.app.choices import Choice
from flows.run.workers import leave_with_parent, prepare_process

_log = logging.getLogger("person_removal.app")
Value = TypeVar("Value")
PHOTOS = 2
"""Decoded photos that the process keeps; the others are decoded again."""


class Seed(NamedTuple):
    """What a photo is opened from. raw: None where the process has it open."""

    id: str
    name: str
    megapixels: float
    raw: bytes | None


class Progress(NamedTuple):
    """How many parts of a call are done, of how many."""

    done: int
    of: int


class Died(Exception):
    """The process is gone: it was killed, by us or for want of memory, or crashed in C."""


class Worker:
    """One child process and one call at a time; a new process is started when the last one is gone."""

    def __init__(self, temporary: Path, life: Callable[[Connection, Path], None] | None = None) -> None:
        """temporary: a private folder, in which the process has one for its temporary files. life: what the process
        does; by default `live`."""
        self._life = life or live
        self._temporary = temporary / "computing"
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None
        self._open: list[str] = []  # photos that the process has open, as it counts them itself
        self._lock = threading.Lock()
        self._closed = False
        self.is_warm = False

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def start(self) -> Connection:
        """The pipe to the process, which is started if there is none. Raises Died after `close`."""
        with self._lock:
            if self._closed:
                raise Died
            if not self.is_alive:
                self._temporary.mkdir(mode=0o700, exist_ok=True)
                context = multiprocessing.get_context("spawn")  # forked torch and OpenMP threads hang
                self._pipe, theirs = context.Pipe()
                self._process = context.Process(target=self._life, args=(theirs, self._temporary), daemon=True)
                self._process.start()
                theirs.close()  # or its end would never be seen here
                self._open, self.is_warm = [], False
            assert self._pipe is not None
            return self._pipe

    def call(
        self,
        function: Callable[..., Value],
        seed: Seed | None,
        *args: object,
        hear: Callable[[int, int], None] | None = None,
    ) -> Value:
        """function(photo, *args), or function(*args) without a seed. hear: the function gets one argument more, which
        it calls to be heard here. Raises Died, and what the function raises."""
        pipe = self.start()
        try:
            if seed is not None:
                has = seed.id in self._open
                self._open = [*(one for one in self._open if one != seed.id), seed.id][-PHOTOS:]
                seed = seed._replace(raw=None if has else seed.raw)
            pipe.send((function, seed, args, hear is not None))
            while isinstance(said := pipe.recv(), Progress):
                assert hear is not None
                hear(*said)
            value, error = said
        except (EOFError, OSError):
            raise Died from None
        if error is not None:
            if seed is not None and seed.raw is not None:
                self._open = [one for one in self._open if one != seed.id]  # it may be what could not be opened
            raise error
        result: Value = value
        return result

    def forget(self, photos: Container[str]) -> None:
        """Free the memory of photos that nobody has open any more."""
        gone = [one for one in self._open if one in photos]
        if gone and self._pipe is not None:
            with suppress(OSError):
                self._pipe.send((None, None, gone, False))
            self._open = [one for one in self._open if one not in gone]

    def kill(self) -> None:
        """End the process at once, whatever it does: a call under way raises Died."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()
                shutil.rmtree(self._temporary, ignore_errors=True)
            self._process, self.is_warm = None, False

    def close(self) -> None:
        """The same, for good."""
        self._closed = True
        self.kill()


def warm_up(segmenter: Choice, fill: Choice) -> None:
    """Load the networks while a photo is chosen."""
    from flows.stages import models

    nothing = Photo("nothing", "nothing", np.zeros((64, 64, 3), np.uint8))  # the first photo of a network takes longest
    models.segmenter(segmenter.settings.segment, segmenter.weights).segment([nothing])
    models.fill(fill.settings.inpaint, fill.weights)
    prepare_process()


def live(pipe: Connection, temporary: Path) -> None:
    """The life of the process: a call in, its value or error out. temporary: where libraries put temporary files."""
    tempfile.tempdir = str(temporary)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # equal results whatever the machine, see prepare_process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=leave_with_parent, daemon=True).start()
    from flows.app.finding import OpenPhoto
    from flows.app.steps import open_photo

    prepare_process()
    photos: OrderedDict[str, OpenPhoto] = OrderedDict()
    while True:
        try:
            function, seed, args, tells = pipe.recv()
        except EOFError:
            return
        if function is None:
            for gone in args:
                photos.pop(gone, None)
            continue
        try:
            if tells:
                args = (*args, lambda done, of: pipe.send(Progress(done, of)))
            if seed is None:
                pipe.send((function(*args), None))
                continue
            if seed.raw is not None:
                photos[seed.id] = open_photo(seed.raw, seed.name, seed.megapixels)
            photos.move_to_end(seed.id)
            while len(photos) > PHOTOS:
                photos.popitem(last=False)
            pipe.send((function(photos[seed.id], *args), None))
        except (UserError, MemoryError) as error:
            pipe.send((None, error))
        except Exception as error:
            _log.exception("a step of the page failed")
            pipe.send((None, RuntimeError(str(error))))
