"""The page's server: on this machine only, with a temporary folder of its own that goes when it ends."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from filelock import FileLock, Timeout

from configs import Settings, SettingsError
from data.errors import InputError
from flows.app import choices
from flows.run.workers import prepare_process

if TYPE_CHECKING:
    from fastapi import Response

    from flows.app.sessions import Sessions

HOST = "127.0.0.1"
MOST_MEGABYTES = 300
"""Largest file that is taken."""
_PREFIX = "person-removal-app-"


def prepare(settings: Settings, overrides: Sequence[str]) -> tuple[list[choices.Choice], list[choices.Choice]]:
    """Segmenters and fills, the chosen ones first. Raises SettingsError when one of those cannot be used here."""
    segmenters, fills = choices.segmenters(settings, overrides), choices.fills(settings, overrides)
    for first in (segmenters[0], fills[0]):
        if first.problem:
            raise SettingsError(first.problem)
    return segmenters, fills


@contextmanager
def serving(
    segmenters: list[choices.Choice], fills: list[choices.Choice], port: int, browser: bool = False
) -> Iterator[str]:
    """The page's address, as long as the block runs. port: 0 takes any that is free. Raises InputError."""
    port = _free(port)
    with temporary_folder() as temporary:
        try:
            import gradio  # noqa: F401
        except ImportError:
            raise InputError(
                "The photo page needs Gradio: pip install -e '.[app]' in the source tree, or pip install gradio."
            ) from None
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware

        from flows.app.page import asset, build, theme
        from flows.app.sessions import Sessions

        prepare_process()
        _ask_no_proxy()
        sessions = Sessions(temporary, choices.usable(segmenters), choices.usable(fills), MOST_MEGABYTES)
        page = build(sessions, segmenters, fills)
        app, address, _ = page.launch(
            server_name=HOST,
            server_port=port,
            share=False,
            inbrowser=browser,
            prevent_thread_lock=True,
            quiet=True,
            show_error=False,
            max_file_size=MOST_MEGABYTES * 1_000_000,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            app_kwargs={"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])]},
            theme=theme(),
            css=asset("page.css"),
        )
        try:
            app.add_api_route("/photo/{token}", _download(sessions))
            yield address
        finally:
            page.close(verbose=False)


def _free(port: int) -> int:
    """The port, or any that is free for 0. Raises InputError, before seconds are spent on imports."""
    try:
        with socket.create_server((HOST, port)) as place:
            return int(place.getsockname()[1])
    except OSError as error:
        raise InputError(f"Port {port} cannot be used ({error.strerror}): give another one with --port.") from None


def _ask_no_proxy() -> None:
    """Gradio asks its own server whether it is up, and would ask a company's proxy for it."""
    before = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (before, HOST, "localhost")))


def keep_going() -> None:
    """Until somebody ends the process."""
    while True:
        time.sleep(3600)


def _download(sessions: Sessions) -> Callable[[str], Response]:
    from fastapi import Response

    def photo(token: str) -> Response:
        found = sessions.file(token)
        if found is None:
            return Response("This file is no longer there: go back to the page and press Remove again.", 404)
        name, raw = found
        return Response(
            raw,
            media_type="application/octet-stream",
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
                "Cache-Control": "no-store",
            },
        )

    return photo


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that only this user can read, where everything temporary of this process goes; deleted afterwards, and
    so are those that killed processes left behind. Gradio reads its place when it is imported."""
    root = Path(tempfile.gettempdir())
    for old in root.glob(f"{_PREFIX}*"):
        _delete_if_left(old)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))  # mode 0700
    before = {"tempdir": tempfile.tempdir, "gradio": os.environ.get("GRADIO_TEMP_DIR")}
    lock = FileLock(folder / "in-use")
    lock.acquire()
    tempfile.tempdir = str(folder)
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    try:
        yield folder
    finally:
        tempfile.tempdir = before["tempdir"]
        os.environ.pop("GRADIO_TEMP_DIR")
        if before["gradio"] is not None:
            os.environ["GRADIO_TEMP_DIR"] = before["gradio"]
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _delete_if_left(folder: Path) -> None:
    with suppress(Timeout, OSError):
        with FileLock(folder / "in-use", timeout=0):
            pass
        shutil.rmtree(folder, ignore_errors=True)
