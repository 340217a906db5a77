"""The photo page's server: this machine only, nothing kept, whatever ends it."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import signal
import socket
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import psutil
import pytest
import red_app
from collection_with_people import texture
from filelock import FileLock
from PIL import Image
from red_people import RED
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from configs.load import load_settings
from data.errors import InputError
from data.images import decode
from flows.app.server import serving, temporary_folder
from flows.cli.main import app as commands


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_temporary_folder_of_ones_own_that_goes(root: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == root
        if os.name == "posix":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert Path(tempfile.mkdtemp()).is_relative_to(folder), "whatever a library puts down"
    assert list(root.iterdir()) == []
    assert tempfile.gettempdir() == str(root)


def test_an_error_leaves_no_folder(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt), temporary_folder() as folder:
        (folder / "photo.jpg").write_bytes(b"somebody")
        raise KeyboardInterrupt
    assert list(root.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_another_uses_stays(root: Path) -> None:
    left, used, other = root / "person-removal-app-left", root / "person-removal-app-used", root / "else"
    for folder in (left, used, other):
        (folder / "uploads").mkdir(parents=True)
        (folder / "uploads" / "photo.jpg").write_bytes(b"somebody")
    (left / "in-use").touch()
    with FileLock(used / "in-use"), temporary_folder():
        assert not left.exists()
        assert (used / "uploads" / "photo.jpg").exists() and other.exists()


@pytest.mark.slow  # imports torch
def test_weights_that_are_missing_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    done = CliRunner().invoke(commands, ["app", "--no-browser"])
    assert "person-removal weights fetch --preset embedded" in str(done.exception)


def test_a_taken_port_is_a_sentence(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(InputError, match=rf"Port {port} cannot be used .*--port"),
            serving(load_settings("embedded"), (), port),
        ):
            pass
    assert list(root.iterdir()) == []


class Page:
    """What a tab asks of the server, without a browser."""

    def __init__(self, address: str) -> None:
        self.place = urlsplit(address)
        self.key = self.place.path.rpartition("/")[2]
        self.host = f"{self.place.hostname}:{self.place.port}"
        self.tab = ""
        self.connects()

    def connects(self) -> None:
        live = f"ws://{self.host}/live?key={self.key}&tab={self.tab}"
        self.socket = connect(live, origin=f"http://{self.host}")  # type: ignore[arg-type]
        self.tab = self.hears("hello")["tab"]

    def hears(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of this kind with these fields."""
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv(timeout=60))
            if message["type"] == kind and all(message.get(name) == value for name, value in fields.items()):
                return message

    def asks(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection(str(self.place.hostname), self.place.port, timeout=60)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        said = json.loads(raw) if answer.headers.get_content_type() == "application/json" else raw
        return answer.status, said, {name.lower(): value for name, value in answer.headers.items()}

    def says(self, path: str, **data: Any) -> Any:
        status, said, _ = self.asks("POST", f"/t/{self.tab}/{path}", json.dumps(data).encode())
        assert status == 200, said
        return said

    def uploads(self, raw: bytes, name: str = "photo.png") -> Any:
        return self.asks("POST", f"/t/{self.tab}/photos?name={quote(name)}", raw)[1]


EDIT = {"segmenter": "embedded", "fill": "telea", "room": 0.06}


def photo(width: int = 512, height: int = 384) -> bytes:
    """With two red people."""
    pixels = texture(3, height, width).copy()
    pixels[120:280, 80:144] = pixels[80:320, 320:400] = RED
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[red_app.App]:
    with red_app.running(tmp_path_factory.mktemp("app") / "temporary") as running:
        yield running
        assert running.files() == [], "no photo is on the disk"
        assert running.asked() == [], "the server asks nobody"


@pytest.fixture
def page(app: red_app.App) -> Iterator[Page]:
    page = Page(app.address)
    yield page
    page.socket.close(1001)


@pytest.mark.slow
def test_a_photo_goes_the_whole_way_without_a_browser(page: Page) -> None:
    raw = photo()
    name = page.uploads(raw, "be/ach & dünes.png")["photo"]
    assert page.hears("opened", photo=name)["width"] == 512
    people = page.hears("people", photo=name)["people"]
    assert [one["number"] for one in people] == [1, 2]
    keep = {**EDIT, "keep": [people[1]["id"]]}
    hole = page.says(f"photos/{name}/hole", edit=keep)["hole"]
    assert hole.count("M") == 1
    key = page.says(f"photos/{name}/remove", edit=keep, tag=7)["key"]
    assert page.hears("result", photo=name)["key"] == key
    verdict = page.hears("verdict", photo=name, key=key)
    assert verdict["sure"] and "Nobody is seen in the result" in verdict["sentence"]
    made = page.says(f"photos/{name}/file", edit=keep)
    assert made["name"] == "ach & dünes-without-people.png"
    status, file, headers = page.asks("GET", f"/t/{page.tab}/files/{made['file']}")
    assert status == 200 and headers["content-disposition"].startswith("attachment; filename*=UTF-8''ach%20%26%20d")
    before, after = decode(raw, "before").pixels, decode(file, "after").pixels
    assert (before != after).any(2)[120:280, 80:144].mean() > 0.9
    np.testing.assert_array_equal(before[:, 300:], after[:, 300:])
    again = page.says("zip", items=[{"photo": name, "edit": keep}] * 2)
    with zipfile.ZipFile(io.BytesIO(page.asks("GET", f"/t/{page.tab}/files/{again['file']}")[1])) as archive:
        assert archive.namelist() == ["ach & dünes-without-people.png", "ach & dünes-without-people-2.png"]
        assert {archive.read(one) for one in archive.namelist()} == {file}


@pytest.mark.slow
def test_a_fill_of_several_places_says_how_far_it_is(page: Page) -> None:
    name = page.uploads(photo(1500))["photo"]
    everyone = [one["id"] for one in page.hears("people", photo=name)["people"]]
    dabs = [{"removes": True, "radius": 0.004, "points": [x, 0.5]} for x in (0.5, 0.95)]
    page.says(f"photos/{name}/remove", edit={**EDIT, "keep": everyone, "strokes": dabs})
    assert [page.hears("job", step="filling", of=2)["filled"] for _ in range(2)] == [1, 2]
    page.hears("result", photo=name)


@pytest.mark.slow
def test_a_phones_photo_comes_back_as_one(page: Page) -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif (the `heic` extra)")
    out = io.BytesIO()
    heif.from_pillow(Image.open(io.BytesIO(photo()))).save(out, quality=95)
    name = page.uploads(out.getvalue(), "IMG_1.HEIC")["photo"]
    assert len(page.hears("people", photo=name)["people"]) == 2
    view = page.asks("GET", f"/t/{page.tab}/photos/{name}/view")[1]
    assert Image.open(io.BytesIO(view)).format == "JPEG", "browsers show no HEIC"
    page.says(f"photos/{name}/remove", edit=EDIT)
    page.hears("result", photo=name)
    made = page.says(f"photos/{name}/file", edit=EDIT)
    assert made["name"] == "IMG_1-without-people.HEIC"
    assert decode(page.asks("GET", f"/t/{page.tab}/files/{made['file']}")[1], "out").format == "HEIF"


@pytest.mark.slow
def test_a_closed_tab_is_forgotten_also_while_its_photo_waits(app: red_app.App, page: Page) -> None:
    closing = Page(app.address)
    mine, theirs = page.uploads(photo(2400, 1800))["photo"], closing.uploads(photo())["photo"]
    address = f"/t/{closing.tab}/photos/{theirs}/view"
    assert page.asks("GET", address)[0] in (200, 404)
    closing.socket.close(1001)  # as a browser does that closes the tab
    until = time.monotonic() + 30
    while "closed meanwhile" not in str(page.asks("GET", address)[1]):
        assert time.monotonic() < until, "the closed tab is still known"
        time.sleep(0.05)
    page.hears("people", photo=mine)
    assert app.files() == []


@pytest.mark.slow
def test_a_tab_whose_connection_breaks_comes_back_to_its_photos(page: Page) -> None:
    name, tab = page.uploads(photo())["photo"], page.tab
    page.hears("people", photo=name)
    page.socket.socket.shutdown(socket.SHUT_RDWR)  # no goodbye: a laptop that sleeps, a browser that crashed
    page.connects()
    assert page.tab == tab
    page.says(f"photos/{name}/people", segmenter="embedded")  # what was said meanwhile may be lost
    assert page.hears("opened", photo=name) and len(page.hears("people", photo=name)["people"]) == 2


@pytest.mark.slow
def test_equal_photos_in_two_tabs_are_two_photos(app: red_app.App, page: Page) -> None:
    other, raw = Page(app.address), photo()
    names = [one.uploads(raw)["photo"] for one in (page, other)]
    assert names[0] != names[1]
    for one, name in zip((page, other), names, strict=True):
        assert len(one.hears("people", photo=name)["people"]) == 2
    assert page.asks("GET", f"/t/{page.tab}/photos/{names[1]}/view")[0] == 400, "of another tab"
    other.socket.close(1001)


@pytest.mark.slow
def test_whoever_waits_is_told_the_place_and_may_cancel(app: red_app.App, page: Page) -> None:
    other = Page(app.address)
    first = page.uploads(photo(3200, 2400))["photo"]
    page.hears("job", photo=first, state="working")
    second = other.uploads(photo())["photo"]
    waits = other.hears("job", photo=second, state="waiting")
    assert waits["ahead"] == 1 and waits["others"]
    other.says(f"photos/{second}/cancel")
    other.hears("job", photo=second, state="cancelled")
    page.says(f"photos/{first}/cancel")  # while it is computed
    page.hears("job", photo=first, state="cancelled")
    third = other.uploads(photo())["photo"]  # a new process computes
    assert other.hears("people", photo=third)["people"]
    other.socket.close(1001)


@pytest.mark.slow
def test_what_is_too_large_is_said_at_once(page: Page) -> None:
    out = io.BytesIO()
    Image.new("1", (14_100, 14_100)).save(out, format="PNG")  # 199 megapixels in 25 kB
    said = page.uploads(out.getvalue(), "black.png")["message"]
    assert re.match(r"black\.png: 14100 x 14100 pixels are more than the 40 megapixels .*input\.megapixels", said)
    status, said, _ = page.asks("POST", f"/t/{page.tab}/photos?name=film.mov", Content_Length=str(10**9))
    assert status == 400 and "at most 200 MB" in said["message"]
    assert "damaged" in page_fails(page, photo()[:5000]) and "empty" in page_fails(page, b"")


def page_fails(page: Page, raw: bytes) -> str:
    name = page.uploads(raw)["photo"]
    return str(page.hears("job", photo=name, state="failed")["message"])


@pytest.mark.slow
def test_other_sites_other_names_and_other_accounts_are_refused(app: red_app.App, page: Page) -> None:
    path, host = page.place.path, page.host
    status, _, headers = page.asks("GET", path)
    assert status == 200
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert (headers["x-frame-options"], headers["referrer-policy"]) == ("DENY", "no-referrer")
    assert page.asks("GET", path, Host="photos.example.com")[0] == 400, "another name for this machine"
    assert page.asks("GET", "/")[0] == page.asks("GET", "/k/guessed")[0] == 403, "without the key"
    assert page.asks("GET", "/openapi.json")[0] == page.asks("GET", "/assets/../web.py")[0] == 404
    assert page.asks("GET", f"/t/guessed/photos/{page.tab}/view")[0] == 400
    for method in ("PUT", "PATCH", "OPTIONS", "DELETE", "TRACE"):
        assert page.asks(method, f"/t/{page.tab}/photos")[0] == 405
    upload = f"/t/{page.tab}/photos?name=a.png"
    for foreign in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{host}"},
        {"Origin": f"http://{page.place.hostname}:{int(page.place.port or 0) + 1}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
    ):
        assert page.asks("POST", upload, photo(), **foreign)[0] == 403
        assert page.asks("GET", f"/t/{page.tab}/photos/x/view", **foreign)[0] == 403
    framed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    assert page.asks("GET", path, **framed)[0] == 403
    linked = {**framed, "Sec_Fetch_Dest": "document"}
    assert page.asks("GET", path, **linked)[0] == 200, "a link that leads to the page is followed"
    assert page.asks("POST", upload, photo(), Origin=f"http://{host}", Sec_Fetch_Site="same-origin")[0] == 200
    for key, origin in ((page.key, "http://evil.example"), (page.key, "null"), ("guessed", f"http://{host}")):
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            connect(f"ws://{host}/live?key={key}", origin=origin).recv(timeout=30)  # type: ignore[arg-type]


@pytest.mark.slow
def test_what_the_page_may_not_say_is_a_sentence(page: Page) -> None:
    name = page.uploads(photo())["photo"]
    page.hears("people", photo=name)
    endless = json.dumps({"edit": {**EDIT, "keep": [0]}}).replace("[0]", "[1e999]").encode()
    for body in (
        b"",
        b"[]",
        b"{",
        b'{"edit": 3}',
        b'{"edit": {"segmenter": "rm -rf"}}',
        b"\xff",
        b"[" * 10**5,
        endless,
    ):
        status, said, _ = page.asks("POST", f"/t/{page.tab}/photos/{name}/hole", body)
        assert status == 400 and said["message"].endswith("load it again.")
    assert page.asks("POST", f"/t/{page.tab}/photos/{name}/elsewhere", b"{}")[0] == 404
    assert page.asks("POST", f"/t/{page.tab}/zip", b"{}")[1]["message"] == "There is no result yet."
    assert page.asks("POST", f"/t/{page.tab}/zip", b'{"items": [5, "a"]}')[0] == 400
    nothing = {**EDIT, "keep": [0, 1]}
    page.says(f"photos/{name}/remove", edit=nothing)
    assert "Nothing is marked" in page.hears("job", photo=name, state="failed")["message"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_command_serves_this_machine_only_and_leaves_nothing(tmp_path: Path) -> None:
    opened = tmp_path / "opened.txt"
    with red_app.running(tmp_path / "temporary", browser=f"sh -c 'echo %s > {opened}'") as running:
        page = Page(running.address)
        assert page.place.hostname == "127.0.0.1"
        until = time.monotonic() + 30
        while not opened.exists() or not opened.read_text():
            assert time.monotonic() < until, "no browser was opened"
            time.sleep(0.05)
        once = urlsplit(opened.read_text().strip())
        assert page.key not in once.query, "other accounts can see a program's arguments"
        status, _, headers = page.asks("GET", f"/?{once.query}")
        assert (status, headers["location"]) == (303, page.place.path)
        assert page.asks("GET", f"/?{once.query}")[0] == 403, "it works once"
        assert len(running.folders()) == 1
        assert not _listens_elsewhere(int(page.place.port or 0))
        page.uploads(photo())
        page.hears("people")
        children = psutil.Process(running.process.pid).children(recursive=True)
        started = time.monotonic()
        running.process.send_signal(signal.SIGTERM)  # Ctrl-C: in test_app_browser.py
        while running.folders() and time.monotonic() - started < 30:
            time.sleep(0.05)
        assert running.folders() == []
        assert running.process.wait(60) == 0
        assert not psutil.wait_procs(children, 30)[1], "the process that computes ends with it"
        assert running.asked() == []


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_server_leaves_no_photo_and_no_process(tmp_path: Path) -> None:
    with red_app.running(tmp_path / "temporary") as running:
        page = Page(running.address)
        page.uploads(photo())
        page.hears("people")
        children = psutil.Process(running.process.pid).children(recursive=True)
        running.process.kill()
        running.process.wait(60)
        assert not psutil.wait_procs(children, 30)[1]
        assert running.files() == []


def _listens_elsewhere(port: int) -> bool:
    """Whether the port answers on this machine's address in its network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: nothing is sent, a route is chosen
            mine = probe.getsockname()[0]
        except OSError:
            return False
    if mine.startswith("127."):
        return False
    with socket.socket() as other:
        other.settimeout(2)
        return other.connect_ex((mine, port)) == 0
