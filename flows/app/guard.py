"""Who may ask the page's server: this machine's own page alone."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

NAMES = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-frame-options": b"DENY",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    b"cache-control": b"no-store",
}


class Guard:
    """Refuses requests by another name (a foreign name that leads here), of another site, and in a frame; puts headers
    on every answer, by which the browser asks nobody else and keeps nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        problem = _problem(scope)
        if problem and scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 4403, "reason": problem[1]})

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                mine = [(name, value) for name, value in message.get("headers", []) if name.lower() not in _HEADERS]
                message["headers"] = [*mine, *_HEADERS.items()]
            await send(message)

        if problem:
            return await PlainTextResponse(problem[1], problem[0])(scope, receive, with_headers)
        return await self.app(scope, receive, with_headers)


def _problem(scope: Scope) -> tuple[int, str] | None:
    """Status and sentence of what is refused."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in NAMES and host not in NAMES:
        return 400, "This page answers to 127.0.0.1 and localhost only."
    foreign = 403, "This page answers to itself only, not to other sites."
    if "origin" in headers and headers["origin"] != f"http://{host}":
        return foreign
    site = headers.get("sec-fetch-site", "none")
    # A link that leads to the page is followed; what a tab has is under /t/.
    page = scope.get("method") == "GET" and not scope["path"].startswith("/t/")
    opens = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if site not in ("same-origin", "none") and not (page and opens):
        return foreign
    return None
