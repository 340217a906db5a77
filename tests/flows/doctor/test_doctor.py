"""`person-removal doctor`: each problem is found, with its way out, and nothing else is one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from guarded import GUARDED
from typer.testing import CliRunner

from configs.fills import FILLS
from configs.segmenters import SEGMENTERS
from flows.cli.main import app
from flows.doctor import machine, networks, packages, prefect
from flows.doctor.finding import Finding

ROOT = Path(__file__).resolve().parents[3]


def problems(findings: Iterator[Finding]) -> dict[str, tuple[str, str | None]]:
    return {finding.about: (finding.what, finding.fix) for finding in findings if finding.level == "problem"}


def installed(monkeypatch: pytest.MonkeyPatch, **others: str | None) -> None:
    """As if these versions were installed; None: not at all."""

    def fake(name: str) -> str:
        if name not in others:
            return version(name)
        found = others[name]
        if found is None:
            raise packages.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(packages, "version", fake)


@pytest.mark.parametrize(
    ("name", "found", "what", "fix"),
    [
        ("fastapi", "0.165.0", "with a newer one Prefect's server dies", "pip install 'fastapi<0.151'"),
        ("sqlalchemy", "2.1.0", "Prefect's schedules never fire", "pip install 'sqlalchemy<2.1'"),
        ("rich", "12.0", "12.0 is installed, >=13 is needed", "pip install 'rich>=13'"),
        ("pydantic", None, "not installed", "pip install 'pydantic>=2.9'"),
    ],
)
def test_packages_that_do_not_fit(
    monkeypatch: pytest.MonkeyPatch, name: str, found: str | None, what: str, fix: str
) -> None:
    installed(monkeypatch, **{name: found})
    said, way_out = problems(packages.check_packages())[name]
    assert what in said and way_out == fix


def test_a_version_that_was_not_tried_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, pillow="99.0")
    assert not problems(packages.check_packages())
    notes = [finding for finding in packages.check_packages() if finding.level == "note"]
    assert any("pillow 99.0 (tried with" in note.what for note in notes)


def test_packages_of_an_extra_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, onnxruntime=None, **{"prefect-ray": None})
    assert not problems(packages.check_packages())


def test_two_packages_that_bring_cv2(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"cv2": ["opencv-python", "opencv-python-headless"]}
    monkeypatch.setattr(packages, "packages_distributions", lambda: both)
    what, fix = problems(packages.check_opencv())["opencv"]
    assert "both bring cv2" in what and fix is not None and "uninstall -y opencv-python-headless" in fix


def test_opencv_without_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(packages, "import_module", fails)
    what, fix = problems(packages.check_opencv())["opencv"]
    assert "libGL.so.1" in what and fix == "apt-get install libgl1 libglib2.0-0"


def test_patchmatch_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchmatch.patchmatch_available", False)
    found = problems(networks.check_methods())
    assert found.keys() == {"fill patchmatch", "fill shift-map"}, "the shift map's guide without weights"
    assert "native library" in found["fill patchmatch"][0]


def test_every_method_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    found = {finding.about: finding for finding in networks.check_methods()}
    assert set(found) == {f"segmenter {name}" for name in SEGMENTERS} | {f"fill {name}" for name in FILLS}
    assert found["segmenter yolo"].fix == "person-removal weights fetch yolo11n-seg"
    assert found["fill telea"].level == "ok"
    assert "inpaint.external.weights=FILE" in found["fill external"].what


def test_weights_that_are_damaged_or_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    assert not problems(networks.check_weights(None)), "who uses the preset coco needs none"
    assert problems(networks.check_weights("embedded")) == {
        "preset embedded": (
            "cannot run: without the weights yolov8n, selfie-segmentation, pose-landmark-full",
            "person-removal weights fetch --preset embedded",
        )
    }
    (tmp_path / "weights").mkdir()
    entry = networks.weights.registry().weights["selfie-segmentation"]
    (tmp_path / "weights" / entry.file).write_bytes(b"x" * (entry.bytes or 1))
    what, fix = problems(networks.check_weights(None))["weights selfie-segmentation"]
    assert "is damaged" in what and fix == "person-removal weights fetch selfie-segmentation"


def test_a_file_in_place_of_the_folder_is_one_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "weights").touch()
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    found = problems(networks.check_weights(None))
    assert list(found) == ["weights"] and "is a file, not a folder for weights" in found["weights"][0]


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "file/cache"))
    what, fix = problems(machine.check_cache())["cache"]
    assert "cannot be written" in what and fix == "set PERSON_REMOVAL_CACHE to a folder of yours"


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not problems(machine.check_disk(tmp_path / "new/folder"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e9))
    assert "1.0 GB free" in problems(machine.check_disk(tmp_path))["disk"][0]
    assert list(tmp_path.iterdir()) == []


@contextmanager
def api(answers: dict[str, bytes]) -> Iterator[str]:
    """A server on loopback that knows these paths."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, b""))

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_server_of_prefect_api_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert not problems(prefect.check_server())
    with api({"/api/health": b"true", "/api/admin/version": b'"3.1.0"'}) as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        (finding,) = prefect.check_server()
        assert finding.level == "note" and "is 3.1.0, here it is" in finding.what
    (finding,) = prefect.check_server()
    assert finding.level == "problem" and "no server answers" in finding.what


@pytest.mark.slow
@pytest.mark.parametrize(("options", "code"), [((), 0), (("--preset", "embedded"), 1)])
def test_exit_code_and_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    done = CliRunner().invoke(app, ["doctor", str(tmp_path), "--json", *options])
    tree = json.loads(done.stdout)
    found = [finding["about"] for finding in tree["findings"] if finding["level"] == "problem"]
    assert done.exit_code == code and len(found) == tree["problems"]
    assert found == (["preset embedded"] if options else [])


@pytest.mark.slow
def test_it_touches_no_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, "doctor"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NETWORK" not in done.stderr and "Nothing is in the way." in done.stdout
