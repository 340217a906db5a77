"""Fetching over HTTP, against a real server on loopback: whole, resumed, retried, refused, never half."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from data.weights import files as weights
from data.weights import http
from data.weights.registry import DriveSource, Entry, Registry, UrlSource

GOOD = b"\x80" + random.Random(0).randbytes(399_999)
SHA = hashlib.sha256(GOOD).hexdigest()
ETAG = '"version-1"'


class Answers(BaseHTTPRequestHandler):
    """Answers each path with the function the test put there; notes what was asked."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self.site.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        self.site.routes[self.path.split("?")[0]](self)

    def log_message(self, *args: object) -> None: ...

    def give(self, body: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length != len(body):
            self.close_connection = True

    def give_range(self, body: bytes = GOOD, etag: str = ETAG) -> None:
        """The file as a good server gives it: Range honoured while If-Range still holds."""
        asked = self.headers.get("Range")
        if asked and self.headers.get("If-Range", etag) == etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            span = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.give(body[start:], 206, ETag=etag, Content_Range=span)
        else:
            self.give(body, ETag=etag)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: object) -> None: ...  # clients that hang up are what these tests are about


class Site:
    """A server on loopback, and what it was asked: (path, Range, If-Range)."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[Answers], None]] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.server = Server(("127.0.0.1", 0), type("Bound", (Answers,), {"site": self}))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.server.shutdown()
    site.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.5))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, site: Site) -> Use:
    """Puts one entry, `net`, into the registry; its sources are paths of the site or Drive ids."""

    def install(*sources: str, **changes: object) -> None:
        found = [
            DriveSource(google_drive=source[6:]) if source.startswith("drive:") else UrlSource(url=site.url + source)
            for source in sources or ("/net.pt",)
        ]
        given = {"task": "pose", "file": "net.pt", "licence": "MIT", "bytes": len(GOOD), "sha256": SHA, "note": ""}
        entry = Entry.model_validate({**given, **changes, "sources": tuple(found)})
        monkeypatch.setattr(weights, "registry", lambda: Registry(weights={"net": entry}))

    install()
    monkeypatch.setattr(http, "DRIVE", site.url)
    return install


def files(cache: Path) -> set[str]:
    """The cache's weights and parts, without its bookkeeping."""
    return {path.name for path in cache.iterdir() if path.suffix not in {".json", ".lock"}}


def cut(handler: Answers) -> None:
    """The first 150,000 bytes, then the connection breaks."""
    if not handler.headers.get("Range"):
        handler.give(GOOD[:150_000], length=len(GOOD), ETag=ETAG)
    else:
        handler.give_range()


def test_a_whole_file(cache: Path, site: Site, use: Use) -> None:
    site.routes["/net.pt"] = lambda handler: handler.give_range()
    seen: list[tuple[int, int | None]] = []
    weight = weights.fetch("net", progress=lambda done, total: seen.append((done, total)))
    assert (weight.path, weight.sha256) == (cache / "net.pt", SHA)
    assert weight.path.read_bytes() == GOOD
    assert files(cache) == {"net.pt"}
    assert seen[0] == (0, len(GOOD)) and seen[-1] == (len(GOOD), len(GOOD))
    assert seen == sorted(seen)


def test_a_cut_connection_is_resumed_where_it_broke(cache: Path, site: Site, use: Use) -> None:
    site.routes["/net.pt"] = cut
    assert weights.fetch("net").sha256 == SHA
    assert site.asked == [("/net.pt", None, None), ("/net.pt", "bytes=150000-", ETAG)]


def test_the_next_call_resumes_what_the_last_one_left(
    cache: Path, site: Site, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.routes["/net.pt"] = cut
    with monkeypatch.context() as patch:
        patch.setattr(http, "ATTEMPTS", 1)
        with pytest.raises(weights.WeightsError, match="the connection broke"):
            weights.fetch("net")
    assert files(cache) == {"net.pt.part", "net.pt.part.from"}
    assert weights.fetch("net").sha256 == SHA
    assert site.asked[-1] == ("/net.pt", "bytes=150000-", ETAG)
    assert files(cache) == {"net.pt"}


def test_a_server_that_ignores_ranges(cache: Path, site: Site, use: Use) -> None:
    def whole_on_the_second(handler: Answers) -> None:
        if len(site.asked) == 1:
            handler.give(GOOD[:150_000], length=len(GOOD), ETag=ETAG)
        else:
            handler.give(GOOD, ETag=ETAG)

    site.routes["/net.pt"] = whole_on_the_second
    assert weights.fetch("net").sha256 == SHA
    assert site.asked[1][1] == "bytes=150000-"


def test_a_file_that_changed_meanwhile_is_not_glued_to_the_old_half(cache: Path, site: Site, use: Use) -> None:
    use(sha256=None, bytes=None)  # no checksum would notice

    def another_on_the_second(handler: Answers) -> None:
        if len(site.asked) == 1:
            handler.give(b"\0" * 150_000, length=len(GOOD), ETag='"version-0"')
        else:
            handler.give_range()

    site.routes["/net.pt"] = another_on_the_second
    assert weights.fetch("net").sha256 == SHA


def test_without_a_mark_of_its_version_a_file_is_not_resumed(cache: Path, site: Site, use: Use) -> None:
    def unmarked(handler: Answers) -> None:
        if len(site.asked) == 1:
            handler.give(GOOD[:150_000], length=len(GOOD))
        else:
            handler.give(GOOD)

    site.routes["/net.pt"] = unmarked
    assert weights.fetch("net").sha256 == SHA
    assert site.asked[1][1] is None


def test_a_range_that_was_not_asked_for_starts_over(cache: Path, site: Site, use: Use) -> None:
    def shifted(handler: Answers) -> None:
        if handler.headers.get("Range"):
            handler.give(GOOD[9:], 206, ETag=ETAG, Content_Range=f"bytes 9-{len(GOOD) - 1}/{len(GOOD)}")
        elif len(site.asked) == 1:
            cut(handler)
        else:
            handler.give_range()

    site.routes["/net.pt"] = shifted
    assert weights.fetch("net").sha256 == SHA


def test_a_part_longer_than_the_file_starts_over(cache: Path, site: Site, use: Use) -> None:
    cache.mkdir(parents=True)
    (cache / "net.pt.part").write_bytes(GOOD + b"more")
    (cache / "net.pt.part.from").write_text(f'{{"address": "{site.url}/net.pt", "mark": "\\"version-1\\""}}')
    site.routes["/net.pt"] = lambda h: h.give(b"", 416) if h.headers.get("Range") else h.give_range()
    assert weights.fetch("net").sha256 == SHA
    assert [asked[1] for asked in site.asked] == ["bytes=400004-", None]


def test_a_wrong_checksum_deletes_the_part(cache: Path, site: Site, use: Use) -> None:
    site.routes["/net.pt"] = lambda handler: handler.give_range(GOOD[::-1])
    with pytest.raises(weights.WeightsError, match=f"has the sha256 [0-9a-f]{{64}}, not {SHA}") as error:
        weights.fetch("net")
    assert "`person-removal weights fetch net --from FILE`" in str(error.value)
    assert files(cache) == set()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda h: h.give(GOOD[:-1]), "offers 399,999 bytes instead of 400,000"),
        (lambda h: h.give(GOOD + b"!"), "offers 400,001 bytes instead of 400,000"),
        (lambda h: h.give(b"", 404), "HTTP 404"),
        (lambda h: h.give(b"", 403), "HTTP 403"),
        (lambda h: h.give(b"", 503), "HTTP 503"),
        (lambda h: h.give(b"<html><title>Log in</title>", Content_Type="text/html"), r"a web page .*\('Log in'\)"),
        (lambda h: h.give(b"", 302, Location="/net.pt"), r"leads to no file \(Exceeded maximum allowed redirects\)"),
        (lambda h: h.give(b"", 302, Location="ftp://a/net.pt"), r"leads to no file \(.*unsupported protocol 'ftp://'"),
        (lambda h: h.give(GOOD[:9], length=len(GOOD)), r"the connection broke \(.*received 9 bytes, expected 400000\)"),
    ],
)
def test_what_is_not_the_file_is_said(
    cache: Path, site: Site, use: Use, answer: Callable[[Answers], None], reason: str
) -> None:
    site.routes["/net.pt"] = answer
    with pytest.raises(weights.WeightsError, match=reason):
        weights.fetch("net")
    assert files(cache) == set()


def test_an_end_without_a_length_is_noticed(cache: Path, site: Site, use: Use) -> None:
    def unlimited(handler: Answers) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(GOOD[:1000])
        handler.close_connection = True

    site.routes["/net.pt"] = unlimited
    with pytest.raises(weights.WeightsError, match="ended after 1,000 of 400,000 bytes"):
        weights.fetch("net")
    assert len(site.asked) == http.ATTEMPTS
    assert files(cache) == set()


def test_a_web_page_in_disguise_is_noticed_without_a_checksum(cache: Path, site: Site, use: Use) -> None:
    use(sha256=None, bytes=None)
    site.routes["/net.pt"] = lambda h: h.give(b"\n<!DOCTYPE html><p>Sorry", Content_Type="application/octet-stream")
    with pytest.raises(weights.WeightsError, match="is a web page"):
        weights.fetch("net")
    assert files(cache) == set()


def test_what_is_no_checkpoint_is_not_recorded_as_one(cache: Path, site: Site, use: Use) -> None:
    use(sha256=None, bytes=None)
    site.routes["/net.pt"] = lambda h: h.give(b'{"error": "quota"}', Content_Type="application/json")
    with pytest.raises(weights.WeightsError, match="is no PyTorch checkpoint"):
        weights.fetch("net")
    site.routes["/net.pt"] = lambda handler: handler.give_range()
    assert weights.fetch("net").sha256 == SHA


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "nonsense://proxy"),
        ("ALL_PROXY", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://[::1"),
        ("SSL_CERT_FILE", "/nowhere.pem"),
    ],
)
def test_connections_that_this_machine_s_settings_forbid(
    cache: Path, use: Use, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(weights.WeightsError, match=r"No connection can be opened .* mend or unset HTTPS_PROXY"):
        weights.fetch("net")


def test_a_fault_of_this_machine_is_said_once_and_no_other_source_is_asked(cache: Path, site: Site, use: Use) -> None:
    use("/net.pt", "/second.pt")
    site.routes["/net.pt"] = site.routes["/second.pt"] = lambda handler: handler.give_range()
    (cache / "net.pt.part").mkdir(parents=True)
    with pytest.raises(weights.WeightsError, match=r"cannot be written to .*net\.pt\.part \(Is a directory\)"):
        weights.fetch("net")
    (cache / "net.pt.part").rmdir()
    (cache / "recorded.json").write_text("{")
    use("/net.pt", sha256=None)
    with pytest.raises(weights.WeightsError, match=r"recorded.json is not readable: delete it"):
        weights.fetch("net")
    assert [path for path, *_ in site.asked] == ["/net.pt"]
    assert files(cache) == set()


def test_the_second_source_helps(cache: Path, site: Site, use: Use) -> None:
    use("/gone.pt", "/net.pt")
    site.routes["/gone.pt"] = lambda handler: handler.give(b"", 404)
    site.routes["/net.pt"] = lambda handler: handler.give_range()
    assert weights.fetch("net").sha256 == SHA


def test_every_source_has_its_say_in_one_sentence(cache: Path, site: Site, use: Use) -> None:
    use("/gone.pt", "/wrong.pt")
    site.routes["/gone.pt"] = lambda handler: handler.give(b"", 404)
    site.routes["/wrong.pt"] = lambda handler: handler.give_range(GOOD[::-1])
    with pytest.raises(weights.WeightsError, match=r"gone.pt: HTTP 404; .*wrong.pt: has the sha256") as error:
        weights.fetch("net")
    assert "\n" not in str(error.value)


def test_half_of_one_source_is_not_continued_from_another(cache: Path, site: Site, use: Use) -> None:
    use("/first.pt", "/second.pt")
    site.routes["/first.pt"] = lambda h: (
        h.give(b"", 404) if h.headers.get("Range") else h.give(b"\0" * 150_000, length=len(GOOD), ETag=ETAG)
    )
    site.routes["/second.pt"] = lambda handler: handler.give_range()
    assert weights.fetch("net").sha256 == SHA
    assert site.asked[-1] == ("/second.pt", None, None)


def test_a_busy_server_is_asked_again(cache: Path, site: Site, use: Use) -> None:
    site.routes["/net.pt"] = lambda h: h.give(b"", 503) if len(site.asked) < 3 else h.give_range()
    assert weights.fetch("net").sha256 == SHA
    assert len(site.asked) == 3


def test_a_refusal_is_not_asked_again(cache: Path, site: Site, use: Use) -> None:
    site.routes["/net.pt"] = lambda handler: handler.give(b"", 404)
    with pytest.raises(weights.WeightsError):
        weights.fetch("net")
    assert len(site.asked) == 1


def test_a_stalling_server_costs_the_timeout(
    cache: Path, site: Site, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ATTEMPTS", 2)
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.1))
    wake = threading.Event()

    def stall(handler: Answers) -> None:
        handler.give(GOOD[:1000], length=len(GOOD))
        wake.wait(5)

    site.routes["/net.pt"] = stall
    start = time.monotonic()
    with pytest.raises(weights.WeightsError, match=r"no answer within 0.1 s"):
        weights.fetch("net")
    assert time.monotonic() - start < 3
    wake.set()
    assert len(site.asked) == 2


def test_a_closed_port_is_reported_soon(cache: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = (
        weights.registry().weights["net"].model_copy(update={"sources": (UrlSource(url="http://127.0.0.1:9/net.pt"),)})
    )
    monkeypatch.setattr(weights, "registry", lambda: Registry(weights={"net": entry}))
    with pytest.raises(weights.WeightsError, match="cannot be reached"):
        weights.fetch("net")


Usage = namedtuple("Usage", "free")


def test_a_full_disk_is_said_before_the_download(
    cache: Path, site: Site, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.routes["/net.pt"] = lambda handler: handler.give_range()
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(100_000))
    with pytest.raises(
        weights.WeightsError, match=r"disk of .* has 0.1 MB left, and 0.4 MB are needed: .* PERSON_REMOVAL_CACHE"
    ):
        weights.fetch("net")
    assert files(cache) == set()


FORM = b"""<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>
<p class="uc-warning-caption">Google Drive can't scan this file for viruses.</p>
<form id="download-form" action="%s/download" method="get">
<input type="submit" id="uc-download-link" value="Download anyway"/>
<input type="hidden" name="id" value="FILE"><input type="hidden" name="export" value="download">
<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="a&amp;b"></form></body></html>"""

QUOTA = b"""<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p></body></html>"""


def test_google_drive_gives_a_small_file_at_once(cache: Path, site: Site, use: Use) -> None:
    use("drive:FILE")
    site.routes["/uc"] = lambda handler: handler.give_range()
    assert weights.fetch("net").sha256 == SHA
    assert site.asked[0][0] == "/uc?export=download&id=FILE"


def test_google_drive_asks_to_confirm_a_large_file(cache: Path, site: Site, use: Use) -> None:
    use("drive:FILE", sha256=None, bytes=None)
    site.routes["/uc"] = lambda h: h.give(FORM % site.url.encode(), Content_Type="text/html; charset=utf-8")
    site.routes["/download"] = cut
    assert weights.fetch("net").sha256 == SHA
    confirmed = "/download?id=FILE&export=download&confirm=t&uuid=a%26b"
    assert [asked[0] for asked in site.asked] == ["/uc?export=download&id=FILE", confirmed] * 2
    assert site.asked[-1][1] == "bytes=150000-"


def test_google_drives_quota_page_is_quoted(cache: Path, site: Site, use: Use) -> None:
    use("drive:FILE", sha256=None, bytes=None)
    site.routes["/uc"] = lambda handler: handler.give(QUOTA, Content_Type="text/html")
    with pytest.raises(weights.WeightsError) as error:
        weights.fetch("net")
    assert "https://drive.google.com/file/d/FILE/view: gives a web page instead of the file" in str(error.value)
    assert "Quota exceeded Too many users have viewed or downloaded this file recently" in str(error.value)
    assert files(cache) == set()


def test_a_confirmation_without_end_is_given_up(cache: Path, site: Site, use: Use) -> None:
    use("drive:FILE")
    site.routes["/uc"] = lambda h: h.give(FORM % site.url.encode(), Content_Type="text/html")
    site.routes["/download"] = site.routes["/uc"]
    with pytest.raises(weights.WeightsError, match="web pages instead of the file"):
        weights.fetch("net")
    assert len(site.asked) == 3


FETCH = """
import sys
from data.weights import files as weights
from data.weights.registry import Registry
known = Registry.model_validate_json(sys.argv[1])
weights.registry = lambda: known
print(weights.fetch("net").sha256)
"""


def fetching_process() -> subprocess.Popen[str]:
    known = weights.registry().model_dump_json()
    command = [sys.executable, "-c", FETCH, known]
    root = Path(__file__).parents[3]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root)


def slowly(handler: Answers) -> None:
    """The file in 40 pieces over a second."""
    start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
    span = f"bytes {start}-{len(GOOD) - 1}/{len(GOOD)}"
    extra = {"Content_Range": span} if start else {}
    handler.give(GOOD[start : start + 1], 206 if start else 200, length=len(GOOD) - start, ETag=ETAG, **extra)
    try:
        for at in range(start + 1, len(GOOD), 10_000):
            handler.wfile.write(GOOD[at : at + 10_000])
            time.sleep(0.025)
    except OSError:
        handler.close_connection = True  # the reader is gone


@pytest.mark.slow
def test_two_processes_fetch_once(cache: Path, site: Site, use: Use) -> None:
    site.routes["/net.pt"] = slowly
    both = [fetching_process(), fetching_process()]
    results = [process.communicate(timeout=60) for process in both]
    assert [out.strip() for out, _ in results] == [SHA, SHA], results
    assert len(site.asked) == 1


@pytest.mark.slow
def test_a_killed_fetch_leaves_nothing_under_the_name_and_is_resumed(cache: Path, site: Site, use: Use) -> None:
    site.routes["/net.pt"] = slowly
    process = fetching_process()
    part = cache / "net.pt.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    assert "net.pt" not in files(cache)
    assert 0 < part.stat().st_size < len(GOOD)
    assert weights.fetch("net").sha256 == SHA
    assert site.asked[-1][1] is not None
