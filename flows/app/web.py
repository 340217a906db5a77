"""The page's addresses: the page itself, what a tab asks, and the connection that says that the tab is there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from configs import UserError
from data.errors import InputError
from data.images import read_size
from data.sample_photos import sample_paths
from flows.app.desk import Desk
from flows.app.edit import UNREADABLE, Edit, parse_edit
from flows.app.guard import Guard
from flows.app.key import page_key
from flows.app.sessions import Photo, Tab

MOST_JSON = 8_000_000
"""Bytes that a tab may say about a photo."""
GRACE = 8.0
"""Seconds that a tab whose connection broke has to come back; one that was closed says so and has none."""
_LEFT = 1001  # WebSocket: the page goes away (RFC 6455, 7.4.1)
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Web:
    """key: of the address; whoever has it may open tabs. once: a key for the browser that is started, which is used up
    by its first visit, because other accounts of the machine can see a program's arguments."""

    def __init__(self, desk: Desk, about: dict[str, object]) -> None:
        """about: what the page is told first: choices, limits, samples."""
        self.desk, self.about = desk, about
        self.key, self.once = page_key(), secrets.token_urlsafe(18)
        self.samples = sample_paths()
        self.app = Starlette(
            routes=[
                Route("/", self.front),
                Route("/k/{key}", self.page),
                Route("/assets/{name}", self.asset),
                Route("/samples/{name}", self.sample),
                WebSocketRoute("/live", self.live),
                Route("/t/{tab}/photos", self._said(self.upload), methods=["POST"]),
                Route("/t/{tab}/photos/{photo}", self._said(self.drop), methods=["DELETE"]),
                Route("/t/{tab}/photos/{photo}/view", self._said(self.view)),
                Route("/t/{tab}/photos/{photo}/full", self._said(self.full)),
                Route("/t/{tab}/photos/{photo}/{what}", self._said(self.change), methods=["POST"]),
                Route("/t/{tab}/zip", self._said(self.zip), methods=["POST"]),
                Route("/t/{tab}/files/{token}", self._said(self.download)),
            ],
            middleware=[Middleware(Guard)],
        )

    # ------------------------------------------------------------ the page

    async def front(self, request: Request) -> Response:
        """Without a key; the browser that was started is led on to the page, once."""
        said = request.query_params.get("once", "")
        if said and self.once and secrets.compare_digest(said.encode(), self.once.encode()):
            self.once = ""
            return RedirectResponse(f"/k/{self.key}", 303)
        return Response(_asset("locked.html"), 403, media_type="text/html")

    async def page(self, request: Request) -> Response:
        if not self._has_key(request.path_params["key"]):
            return Response(_asset("locked.html"), 403, media_type="text/html")
        return Response(_asset("index.html"), media_type="text/html")

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = {file.name for file in (files("flows.app") / "assets").iterdir()}
        if name not in found:
            return Response(status_code=404)
        return Response(_asset(name), media_type=_KINDS[name.rpartition(".")[2]])

    async def sample(self, request: Request) -> Response:
        path: Path | None = self.samples.get(request.path_params["name"])
        return Response(path.read_bytes(), media_type="image/jpeg") if path else Response(status_code=404)

    def _has_key(self, said: str) -> bool:
        return secrets.compare_digest(said.encode(), self.key.encode())

    # ------------------------------------------------------------ the connection

    async def live(self, socket: WebSocket) -> None:
        """As long as it is open the tab is there. A tab that lost it comes back with its id."""
        sessions = self.desk.sessions
        await socket.accept()
        if not self._has_key(socket.query_params.get("key", "")):
            return await socket.close(4401)
        try:
            tab = sessions.tabs.get(socket.query_params.get("tab", "")) or sessions.open()
        except InputError as error:
            return await socket.close(4429, str(error))
        tab.connections += 1
        self.desk.queue.get_ready()
        await socket.send_json({"type": "hello", "tab": tab.id, **self.about})
        sender = asyncio.create_task(self._send(socket, tab))
        code = _LEFT
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect as gone:
            code = gone.code
        finally:
            sender.cancel()
            tab.connections -= 1
            if code != _LEFT:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(GRACE)
            if not tab.connections:
                self.desk.queue.forget(sessions.close(tab))

    @staticmethod
    async def _send(socket: WebSocket, tab: Tab) -> None:
        while True:
            message = await tab.outbox.get()
            try:
                await socket.send_json(message)
            except Exception:  # the connection broke: whoever comes back asks again
                return

    # ------------------------------------------------------------ what a tab asks

    async def upload(self, request: Request, tab: Tab) -> Response:
        """A photo as the body, its name in the query. Too large ones are refused before they are read to the end, and
        before their pixels are decoded."""
        name = Path(request.query_params.get("name", "").replace("\\", "/")).name or "photo"
        raw = await self._body(request, tab, name)
        size = await asyncio.to_thread(read_size, raw) or (1, 1)
        most = self.desk.sessions.limits.megapixels
        if size[0] * size[1] > most * 1e6:
            raise InputError(
                f"{name}: {size[0]} x {size[1]} pixels are more than the {most:g} megapixels that this page takes; "
                "start it with --set input.megapixels=200 where the memory is there, or use person-removal run."
            )
        photo = self.desk.sessions.take(tab, name, raw, size)
        self.desk.detect(tab, photo, self._one_of(request.query_params.get("segmenter")))
        return JSONResponse({"photo": photo.id, "name": name, "bytes": len(raw)})

    async def _body(self, request: Request, tab: Tab, name: str) -> bytes:
        sessions = self.desk.sessions
        said = request.headers.get("content-length", "")
        if not said.isdigit():
            raise InputError(f"{name}: the size of the file is not said.")
        size = int(said)
        sessions.reserve(tab, name, size)
        try:
            parts, held = [], 0
            async for part in request.stream():
                parts.append(part)
                held += len(part)
                if held > size:
                    raise InputError(f"{name}: the file is longer than it was said to be.")
            return b"".join(parts)
        except ClientDisconnect:
            raise InputError(f"{name}: the file did not arrive.") from None
        finally:
            sessions.arrived(tab, size)

    async def drop(self, request: Request, tab: Tab) -> Response:
        photo = self._photo(request, tab)
        del tab.photos[photo.id]
        self.desk.queue.forget([photo.id])
        return JSONResponse({})

    async def view(self, request: Request, tab: Tab) -> Response:
        """At the page's size; `key` names a result."""
        photo, key = self._photo(request, tab), request.query_params.get("key", "")
        result = photo.results.get(key)
        raw = result.view if result else b"" if key else photo.view
        return Response(raw, media_type="image/jpeg") if raw else Response(status_code=404)

    async def full(self, request: Request, tab: Tab) -> Response:
        raw = await self.desk.picture(tab, self._photo(request, tab), request.query_params.get("key"))
        return Response(raw, media_type="image/jpeg")

    async def change(self, request: Request, tab: Tab) -> Response:
        """people, hole, remove, file or cancel."""
        photo, what = self._photo(request, tab), request.path_params["what"]
        said = await _json(request)
        if what == "cancel":
            self.desk.queue.cancel(lambda job: job.photo is photo)
        elif what == "people":
            self.desk.detect(tab, photo, self._one_of(said.get("segmenter")))
        elif what == "hole":
            edit = self._edit(said)
            return JSONResponse({"hole": await asyncio.to_thread(self.desk.outline, photo, edit)})
        elif what == "remove":
            edit = self._edit(said)
            self.desk.remove(tab, photo, edit, said.get("tag"))
            return JSONResponse({"key": edit.key})
        elif what == "file":
            name, encoded = await self.desk.file(tab, photo, self._edit(said), bool(said.get("scrub")))
            token = self.desk.offer(tab, name, encoded.raw)
            return JSONResponse({"file": token, "name": name, "bytes": len(encoded.raw), "notes": list(encoded.notes)})
        else:
            return Response(status_code=404)
        return JSONResponse({})

    async def zip(self, request: Request, tab: Tab) -> Response:
        said = await _json(request)
        items = said.get("items")
        if not isinstance(items, list) or not items:
            raise InputError("There is no result yet.")
        sessions = self.desk.sessions
        if not all(isinstance(one, dict) for one in items):
            raise InputError(UNREADABLE)
        wanted = [(sessions.photo(tab, str(one.get("photo"))), self._edit(one)) for one in items]
        raw, notes = await self.desk.zip(tab, wanted, bool(said.get("scrub")))
        name = "without-people.zip"
        token = self.desk.offer(tab, name, raw)
        return JSONResponse({"file": token, "name": name, "bytes": len(raw), "notes": notes})

    async def download(self, request: Request, tab: Tab) -> Response:
        file = tab.files.get(request.path_params["token"])
        if file is None:
            return Response("This file is no longer there: go back to the page and press Download again.", 404)
        disposition = f"attachment; filename*=UTF-8''{quote(file.name)}"
        return Response(file.raw, media_type=file.kind, headers={"Content-Disposition": disposition})

    def _said(self, handler: Callable[[Request, Tab], Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        """The handler with the tab of its address, and its errors as sentences for the page."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request, self.desk.sessions.tab(request.path_params["tab"]))
            except UserError as error:
                return JSONResponse({"message": str(error)}, 400)

        return answer

    def _photo(self, request: Request, tab: Tab) -> Photo:
        return self.desk.sessions.photo(tab, request.path_params["photo"])

    def _edit(self, said: dict[str, object]) -> Edit:
        return parse_edit(said.get("edit"), self.desk.sessions.segmenters, self.desk.sessions.fills)

    def _one_of(self, segmenter: object) -> str:
        known = list(self.desk.sessions.segmenters)
        return str(segmenter) if segmenter in known else known[0]


async def _json(request: Request) -> dict[str, object]:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MOST_JSON:
            raise InputError("These are more brush strokes than the page can take; undo some and use a larger brush.")
    try:
        said = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InputError(UNREADABLE)
    return said


def _asset(name: str) -> bytes:
    return (files("flows.app") / "assets" / name).read_bytes()
