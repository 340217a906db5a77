"""The open browser tabs and their photos: in memory only, and nothing of them is left when the tab is gone."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from data.errors import InputError
from data.types import Pixels
from flows.app.choices import Choice
from flows.app.edit import Edit
from flows.app.finding import Found
from flows.app.steps import Result, Verification
from flows.app.worker import Seed
from flows.stages.photo_steps import Marked

RESULTS, RESULT_BYTES = 12, 200_000_000
"""Results of a photo that are kept for undo, redo and comparing, and bytes of all of them; older ones are computed
again."""
FILES = 4
"""Files on offer in one tab."""


@dataclass(frozen=True)
class Limits:
    """What the page takes. megapixels: of a photo. file_bytes: of one file; tab_photos, tabs: how many;
    total_bytes: of all files in all tabs together, which are held in memory."""

    megapixels: float = 40
    file_bytes: int = 200_000_000
    tab_photos: int = 50
    tabs: int = 50
    total_bytes: int = 1_500_000_000


@dataclass(eq=False)
class Photo:
    """name: of the file. raw: its bytes. megapixels: the most that it may have; megapixel_count: that it has. small,
    view: at the page's size, once it was opened. found: by segmenter. results, verifications: by `Edit.key`."""

    id: str
    name: str
    raw: bytes
    megapixels: float
    megapixel_count: float = 1
    small: Pixels | None = None
    view: bytes = b""
    found: dict[str, Found] = field(default_factory=dict)
    results: OrderedDict[str, Result] = field(default_factory=OrderedDict)
    verifications: dict[str, tuple[Verification, tuple[int, ...]]] = field(default_factory=dict)
    marks: OrderedDict[tuple[object, ...], Marked] = field(default_factory=OrderedDict)

    @property
    def seed(self) -> Seed:
        return Seed(self.id, self.name, self.megapixels, self.raw)

    def last_found(self) -> Found | None:
        """Of whatever segmenter: people who are found again keep their ids."""
        return next(reversed(self.found.values()), None)

    def keep_result(self, edit: Edit, result: Result) -> None:
        self.results[edit.key] = result
        self.results.move_to_end(edit.key)
        while len(self.results) > RESULTS or (len(self.results) > 2 and self._held() > RESULT_BYTES):
            self.verifications.pop(self.results.popitem(last=False)[0], None)

    def _held(self) -> int:
        patches = {
            id(one): one.pixels.nbytes for result in self.results.values() for f in result.rounds for one in f.patches
        }
        return sum(patches.values())


@dataclass(frozen=True)
class Offer:
    """A file that can be downloaded."""

    name: str
    raw: bytes
    kind: str = "application/octet-stream"


@dataclass(eq=False)
class Tab:
    """outbox: what the page is to be told. closed: nobody sees it any more."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    photos: dict[str, Photo] = field(default_factory=dict)
    files: OrderedDict[str, Offer] = field(default_factory=OrderedDict)
    outbox: asyncio.Queue[dict[str, object]] = field(default_factory=asyncio.Queue)
    connections: int = 0
    arriving: int = 0
    closed: bool = False

    def tell(self, **message: object) -> None:
        self.outbox.put_nowait(message)

    def offer(self, file: Offer) -> str:
        """Its unguessable name in the tab's address."""
        token = secrets.token_urlsafe(16)
        self.files[token] = file
        while len(self.files) > FILES:
            self.files.popitem(last=False)
        return token


class Sessions:
    """Tabs by their unguessable ids. segmenters, fills: usable, the first is chosen."""

    def __init__(self, segmenters: Iterable[Choice], fills: Iterable[Choice], limits: Limits) -> None:
        self.segmenters = {choice.name: choice for choice in segmenters}
        self.fills = {choice.name: choice for choice in fills}
        self.limits = limits
        self.tabs: dict[str, Tab] = {}
        self._arriving = 0

    def open(self) -> Tab:
        """Raises InputError when there are too many."""
        if len(self.tabs) >= self.limits.tabs:
            raise InputError(f"{self.limits.tabs} tabs are open on this page already: close some.")
        tab = Tab()
        self.tabs[tab.id] = tab
        return tab

    def tab(self, id: str) -> Tab:
        """Raises InputError when there is none (any more)."""
        if id not in self.tabs:
            raise InputError("This page was closed meanwhile, and its photos are forgotten: load it again.")
        return self.tabs[id]

    def photo(self, tab: Tab, id: str) -> Photo:
        """Raises InputError."""
        if id not in tab.photos:
            raise InputError("This photo is not here any more: drop it again.")
        return tab.photos[id]

    def close(self, tab: Tab) -> list[str]:
        """Forget the tab with everything in it; returns the ids of its photos."""
        tab.closed = True
        self.tabs.pop(tab.id, None)
        gone = list(tab.photos)
        tab.photos.clear()
        tab.files.clear()
        return gone

    def reserve(self, tab: Tab, name: str, size: int) -> None:
        """Make room for a file that arrives, until `arrived`. Raises InputError when it is too much."""
        limits = self.limits
        if len(tab.photos) + tab.arriving >= limits.tab_photos:
            raise InputError(f"{name}: {limits.tab_photos} photos are here already; use the command line for folders.")
        if size > limits.file_bytes:
            most = limits.file_bytes // 1_000_000
            raise InputError(f"{name}: the page takes files of at most {most} MB; use the command line.")
        held = sum(len(photo.raw) for one in self.tabs.values() for photo in one.photos.values())
        if held + self._arriving + size > limits.total_bytes:
            raise InputError(f"{name}: the photos that are open take all the memory there is for them; close some.")
        self._arriving += size
        tab.arriving += 1

    def arrived(self, tab: Tab, size: int) -> None:
        self._arriving -= size
        tab.arriving -= 1

    def take(self, tab: Tab, name: str, raw: bytes, size: tuple[int, int]) -> Photo:
        """The tab's new photo. Raises InputError when the tab was closed while the file arrived."""
        if tab.closed:
            raise InputError("This page was closed meanwhile.")
        photo = Photo(secrets.token_hex(6), name, raw, self.limits.megapixels, size[0] * size[1] / 1e6)
        tab.photos[photo.id] = photo
        return photo
