"""Weights over HTTP: one file into a `.part` file, resumed where it stopped, retried when that can help."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from data.weights.parts import check_space, discard, note_of
from data.weights.registry import Progress, SourceError, WeightsError

DRIVE = "https://drive.google.com"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
ATTEMPTS = 5
CONNECT_ATTEMPTS = 2  # behind a firewall that swallows packets each one costs the connect timeout
FIRST_WAIT = 0.5  # seconds; doubles with each attempt, with jitter

_PASSING_STATUS = {408, 425, 429, 500, 502, 503, 504}
_PAGE_LIMIT = 1 << 20

NextPage = Callable[[str, str], str]
"""(page's address, page's HTML) -> the address to ask next, or SourceError."""


class _Passing(SourceError):
    """A failure that another attempt may not meet."""


def download(address: str, part: Path, size: int | None, progress: Progress) -> None:
    """Bring the file at `address` into `part`.

    A `part` that an earlier call left behind is continued when the server still has the same file
    (its ETag or date, sent as If-Range). size: expected bytes, None = unknown.
    Raises SourceError; `part` then holds what came in, for the next call, where that can be continued. Raises
    WeightsError and OSError for faults of this machine, which no other source would mend.
    """
    _retrying(address, part, size, progress, _refuse_page)


def download_from_drive(file_id: str, part: Path, size: int | None, progress: Progress) -> None:
    """`download` from Google Drive, which asks for a confirmation before it gives a large file."""
    _retrying(f"{DRIVE}/uc?export=download&id={file_id}", part, size, progress, _confirm_page)


def _retrying(address: str, part: Path, size: int | None, progress: Progress, page: NextPage) -> None:
    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=_enough,
        wait=wait_exponential_jitter(initial=FIRST_WAIT, max=8, jitter=FIRST_WAIT),
        reraise=True,
    )
    try:
        with _client() as client:
            retrying(_attempt, client, address, part, size, progress, page)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise SourceError(f"cannot be reached ({_line(error)})") from error
    except httpx.TimeoutException:
        raise SourceError(f"no answer within {TIMEOUT.read:g} s") from None
    except (httpx.TooManyRedirects, httpx.UnsupportedProtocol) as error:
        raise SourceError(f"leads to no file ({_line(error).rstrip('.')})") from error
    except httpx.HTTPError as error:
        raise SourceError(f"the connection broke ({_line(error).rstrip('.')})") from error


def _client() -> httpx.Client:
    headers = {"User-Agent": "person-removal", "Accept-Encoding": "identity"}
    try:
        return httpx.Client(timeout=TIMEOUT, follow_redirects=True, headers=headers)
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:  # of a proxy's or certificates' variable
        raise WeightsError(
            f"No connection can be opened with this machine's settings ({_line(error).rstrip('.')}): mend or unset "
            "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY or SSL_CERT_FILE."
        ) from error


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, httpx.TransportError | _Passing) and not isinstance(error, httpx.UnsupportedProtocol)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _enough(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    unreachable = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return state.attempt_number >= (CONNECT_ATTEMPTS if unreachable else ATTEMPTS)


def _attempt(
    client: httpx.Client, address: str, part: Path, size: int | None, progress: Progress, page: NextPage
) -> None:
    have, mark = _resumable(part, address)
    if have and have == size:
        return  # complete; the caller's checksum has the last word
    headers = {"Range": f"bytes={have}-", "If-Range": mark} if have else {}
    url = address
    for _ in range(3):  # the file, or a page that leads to it
        with client.stream("GET", url, headers=headers) as response:
            if url.startswith("https:") and response.url.scheme != "https":
                raise SourceError("leads to an unencrypted address")
            _check_status(response, part)
            if response.headers.get("Content-Type", "").startswith(("text/html", "application/xhtml")):
                url = page(str(response.url), _page_text(response))
                continue
            _save(response, address, part, have, size, progress)
            return
    raise SourceError("gives web pages instead of the file")


def _check_status(response: httpx.Response, part: Path) -> None:
    if response.status_code == 416:  # the part is longer than the file: start over
        discard(part)
        raise _Passing("HTTP 416")
    if response.status_code in _PASSING_STATUS:
        raise _Passing(f"HTTP {response.status_code}")
    if response.status_code not in {200, 206}:
        raise SourceError(f"HTTP {response.status_code}")


def _save(response: httpx.Response, address: str, part: Path, have: int, size: int | None, progress: Progress) -> None:
    resumed = response.status_code == 206
    if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        discard(part)
        raise _Passing("a range that was not asked for")
    if not resumed:
        have = 0
        discard(part)
    length = response.headers.get("Content-Length")
    total = have + int(length) if length and "Content-Encoding" not in response.headers else None
    if total is not None and size is not None and total != size:
        raise SourceError(f"offers {total:,} bytes instead of {size:,}")
    wanted = total or size
    if wanted:
        check_space(part.parent, wanted - have)
    try:
        with part.open("ab" if resumed else "wb") as out:
            if not resumed:
                _remember(part, address, response)
            progress(have, wanted)
            for chunk in response.iter_bytes():  # as it comes: a chunk size would hold back the tail of a cut one
                out.write(chunk)
                have += len(chunk)
                progress(have, wanted)
                if size is not None and have > size:
                    raise SourceError(f"gives more than {size:,} bytes")
        if size is not None and have < size:
            raise _Passing(f"ended after {have:,} of {size:,} bytes")
    except BaseException:
        if not note_of(part).exists():  # nothing says of what it is a part: it cannot be continued
            part.unlink(missing_ok=True)
        raise


def _remember(part: Path, address: str, response: httpx.Response) -> None:
    # Without a mark of the file's version, a continued part could be two files glued together.
    etag = response.headers.get("ETag", "")
    mark = etag if etag.startswith('"') else response.headers.get("Last-Modified")
    if mark:
        note_of(part).write_text(json.dumps({"address": address, "mark": mark}), encoding="utf-8")


def _resumable(part: Path, address: str) -> tuple[int, str]:
    try:
        note = json.loads(note_of(part).read_text(encoding="utf-8"))
        if note["address"] == address:
            return part.stat().st_size, str(note["mark"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass  # no part, or one whose origin is unknown
    return 0, ""


def _page_text(response: httpx.Response) -> str:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > _PAGE_LIMIT:
            break
    return body.decode("utf-8", "replace")


def _refuse_page(address: str, html: str) -> str:
    page = _Page(html)
    raise SourceError(f"gives a web page instead of the file{page.quoted}")


def _confirm_page(address: str, html: str) -> str:
    page = _Page(html)
    if page.action is None:  # quota used up, sign-in, or not shared any more
        raise SourceError(f"gives a web page instead of the file{page.quoted}")
    return str(httpx.URL(urljoin(address, page.action)).copy_merge_params(page.fields))


class _Page(HTMLParser):
    """What Google Drive's pages say: the download form, or why there is none."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._texts: list[str] = []
        self._listening = ""
        self.feed(html)

    @property
    def quoted(self) -> str:
        said = " ".join(" ".join(self._texts).split())[:200].rstrip(".")
        return f" ('{said}')" if said else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == "download-form":
            self.action = given.get("action")
        elif tag == "input" and given.get("type") == "hidden" and given.get("name"):
            self.fields[given["name"]] = given.get("value", "")
        elif tag == "title" or given.get("class") == "uc-error-subcaption":
            self._listening = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._listening:
            self._listening = ""

    def handle_data(self, data: str) -> None:
        if self._listening:
            self._texts.append(data)
