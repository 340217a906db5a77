"""The open browser tabs: each has its photo in memory, and nothing of it is left when the tab is closed."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import InputError
from flows.app.choices import Choice
from flows.app.work import Work

_CLOSED = "This page was closed meanwhile: load it again."


@dataclass
class Tab:
    """photo: changes with every photo that is dropped. edit: the page's number of the last change that is in `work`.
    token: of the file that can be downloaded now. closed: nobody sees it any more, though a step may still compute."""

    work: Work
    photo: str = field(default_factory=lambda: secrets.token_hex(4))
    edit: int = 0
    token: str | None = None
    closed: bool = False


class Sessions:
    """Tabs by the browser's session id, and the files that can be downloaded, by unguessable tokens."""

    def __init__(self, temporary: Path, segmenters: list[Choice], fills: list[Choice], most_megabytes: int) -> None:
        """temporary: where the server puts uploads, which are read and deleted at once. segmenters, fills: usable."""
        self.temporary = temporary.resolve()
        self.segmenters = {choice.name: choice for choice in segmenters}
        self.fills = {choice.name: choice for choice in fills}
        self.most_megabytes = most_megabytes
        self._tabs: dict[str, Tab] = {}
        self._closed: set[str] = set()
        self._files: dict[str, tuple[str, bytes]] = {}

    def open(self, session: str, upload: Path, segmenter: str, fill: str) -> Tab:
        """Take the uploaded file into memory, in the place of the tab's last photo. Raises InputError, PhotoError."""
        self._forget(session)
        raw = self._take(upload)
        if len(raw) > self.most_megabytes * 1e6:
            raise InputError(
                f"{upload.name}: the page takes files of at most {self.most_megabytes} MB; use the command line."
            )
        work = Work.open(raw, upload.name, self.segmenters[segmenter], self.fills[fill])
        tab = self._tabs[session] = Tab(work)
        if session in self._closed:  # asked after it is in: closing may happen at any moment, in another thread
            self._forget(session)
            raise InputError(_CLOSED)
        return tab

    def tab(self, session: str | None) -> Tab:
        """Raises InputError when there is none (any more)."""
        if session in self._closed:
            raise InputError(_CLOSED)
        if session not in self._tabs:
            raise InputError("There is no photo here any more: drop it again.")
        return self._tabs[session]

    def close(self, session: str | None) -> None:
        """Forget the tab's photo and its file, for good: what is still computed for it is not kept either."""
        if session:
            self._closed.add(session)
            self._forget(session)

    def _forget(self, session: str) -> None:
        tab = self._tabs.pop(session, None)
        if tab:
            tab.closed = True
            self.withdraw(tab)

    def offer(self, tab: Tab, name: str, raw: bytes) -> str:
        """Make the file the one that the tab can download; returns its token. Raises InputError."""
        self.withdraw(tab)
        tab.token = secrets.token_urlsafe(24)
        self._files[tab.token] = name, raw
        if tab.closed:  # asked after it is there, as above
            self.withdraw(tab)
            raise InputError(_CLOSED)
        return tab.token

    def withdraw(self, tab: Tab) -> None:
        """The file can no longer be downloaded."""
        self._files.pop(tab.token or "", None)
        tab.token = None

    def file(self, token: str) -> tuple[str, bytes] | None:
        """Name and bytes of a file on offer."""
        return self._files.get(token)

    def _take(self, upload: Path) -> bytes:
        upload = upload.resolve()
        if not upload.is_relative_to(self.temporary):
            raise InputError("Only photos that were dropped on the page are read.")
        try:
            raw = upload.read_bytes()
        except OSError:
            raise InputError("The photo did not arrive: drop it again.") from None
        finally:
            folder = upload.parent
            upload.unlink(missing_ok=True)
            if folder != self.temporary:
                shutil.rmtree(folder, ignore_errors=True)
        return raw
