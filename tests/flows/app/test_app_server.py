"""The photo page's server: this machine only, nothing kept, whatever ends it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import stat
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import red_app
from filelock import FileLock
from typer.testing import CliRunner

from configs.load import load_settings
from data.errors import InputError
from flows.app.choices import Choice
from flows.app.server import serving, temporary_folder
from flows.cli.main import app


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    return tmp_path


def test_a_temporary_folder_of_ones_own_that_goes(root: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == root
        if os.name == "posix":
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert Path(os.environ["GRADIO_TEMP_DIR"]).is_relative_to(folder)
        assert Path(tempfile.mkdtemp()).is_relative_to(folder), "whatever a library puts down"
    assert list(root.iterdir()) == []
    assert "GRADIO_TEMP_DIR" not in os.environ
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
    done = CliRunner().invoke(app, ["app", "--no-browser"])
    assert "person-removal weights fetch yolov8n selfie-segmentation" in str(done.exception)


def test_a_taken_port_is_a_sentence(root: Path) -> None:
    settings = load_settings("embedded")
    choices = [Choice("embedded", settings, {})], [Choice("patchmatch", settings, {})]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"Port {port} cannot be used .*--port"), serving(*choices, port):
            pass
    assert list(root.iterdir()) == []


@pytest.mark.slow
def test_the_command_serves_this_machine_only_and_leaves_nothing(tmp_path: Path) -> None:
    with red_app.running(tmp_path / "temporary") as page:
        place = urlsplit(page.address)
        assert place.hostname == "127.0.0.1"
        assert len(page.folders()) == 1
        assert _status(page.address, "/") == 200
        assert _status(page.address, "/", host="photos.example.com") == 400, "another name for this machine"
        assert _status(page.address, "/photo/guessed") == 404
        assert not _listens_elsewhere(int(place.port or 0))
        started = time.monotonic()
        page.process.send_signal(signal.SIGTERM)  # Ctrl-C: in test_app_browser.py
        while page.folders() and time.monotonic() - started < 30:
            time.sleep(0.05)
        assert page.folders() == []
        assert page.process.wait(60) == 0
        assert page.asked() == []


def _status(address: str, path: str, host: str | None = None) -> int:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    status = connection.getresponse().status
    connection.close()
    return status


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
