"""The page's server: on this machine only, with a temporary folder of its own that goes when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout
from starlette.applications import Starlette

from configs import Settings
from data.errors import InputError
from data.images import EXTENSIONS
from data.sample_photos import sample_paths
from flows.app import choices
from flows.app.desk import Desk
from flows.app.queue import Queue
from flows.app.sessions import Limits, Sessions
from flows.app.web import Web
from flows.app.worker import Worker, warm_up

HOST = "127.0.0.1"
_PREFIX = "person-removal-app-"
live = None
"""What the process that computes does; None for `worker.live`."""


def limits(settings: Settings, overrides: Sequence[str]) -> Limits:
    """What the page takes: fewer megapixels than a run, unless somebody asks for more."""
    said = any(one.split("=")[0].strip() == "input.megapixels" for one in overrides)
    return Limits(megapixels=settings.input.megapixels) if said else Limits()


@contextmanager
def serving(settings: Settings, overrides: Sequence[str], port: int, browser: bool = False) -> Iterator[str]:
    """The page's address with its key, as long as the block runs. port: 0 takes any that is free. Raises InputError,
    SettingsError when the settings cannot be used here."""
    with _socket(port) as place, temporary_folder() as temporary, closing(Worker(temporary, live)) as worker:
        # There, for this process never needs torch: it stays at a tenth of the memory.
        segmenters, fills = worker.call(choices.prepare, None, settings, tuple(overrides))
        usable = choices.usable(segmenters), choices.usable(fills)
        sessions = Sessions(*usable, limits(settings, overrides))
        queue = Queue(worker, (warm_up, usable[0][0], usable[1][0]))
        web = Web(Desk(sessions, queue), _about(segmenters, fills, sessions.limits))
        web.app.router.lifespan_context = _computing(sessions, queue)
        server = _server(web.app)
        thread = threading.Thread(target=server.run, args=([place],), name="page", daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.02)
            address = f"http://{HOST}:{place.getsockname()[1]}/"
            if browser:
                webbrowser.open(f"{address}?once={web.once}")
            yield f"{address}k/{web.key}"
        finally:
            server.should_exit = True
            queue.close()  # kills what is computed
            thread.join(10)


def _server(app: Starlette) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ws="websockets-sansio",
            ws_max_size=65_536,
            ws_ping_interval=15.0,
            ws_ping_timeout=30.0,
        )
    )


def _computing(sessions: Sessions, queue: Queue):  # type: ignore[no-untyped-def]
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        def anyone() -> bool:
            return bool(sessions.tabs)

        tasks = [asyncio.create_task(queue.work()), asyncio.create_task(queue.rest(anyone))]
        yield
        for task in tasks:
            task.cancel()

    return lifespan


def _about(segmenters: list[choices.Choice], fills: list[choices.Choice], most: Limits) -> dict[str, object]:
    """What a page is told first."""
    first = choices.usable(segmenters)[0].settings

    def named(found: list[choices.Choice]) -> list[dict[str, str]]:
        return [{"name": one.name, "label": one.label} for one in choices.usable(found)]

    return {
        "segmenters": named(segmenters),
        "fills": named(fills),
        "ways": [{"label": one.label, "problem": one.problem} for one in [*segmenters, *fills] if one.problem],
        "room": first.refine.dilate,
        "megapixels": most.megapixels,
        "megabytes": most.file_bytes // 1_000_000,
        "photos": most.tab_photos,
        "endings": sorted(EXTENSIONS),
        "samples": list(sample_paths()),
    }


def _socket(port: int) -> socket.socket:
    """Bound to the port, or to any that is free for 0. Raises InputError."""
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise InputError(f"Port {port} cannot be used ({error.strerror}): give another one with --port.") from None


def keep_going() -> None:
    """Until somebody ends the process."""
    while True:
        time.sleep(3600)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that only this user can read, where everything temporary of this process and its child goes; deleted
    afterwards, and so are those that killed processes left behind."""
    root = Path(tempfile.gettempdir())
    for old in root.glob(f"{_PREFIX}*"):
        _delete_if_left(old)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))  # mode 0700
    before = tempfile.tempdir
    lock = FileLock(folder / "in-use")
    lock.acquire()
    tempfile.tempdir = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)


def _delete_if_left(folder: Path) -> None:
    with suppress(Timeout, OSError):
        with FileLock(folder / "in-use", timeout=0):
            pass
        shutil.rmtree(folder, ignore_errors=True)
