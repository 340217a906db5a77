"""`person-removal weights`: what it prints, and how it ends."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data.weights import files as weights
from data.weights.registry import Registry
from flows.cli.weights import app

GOOD = b"weights"
SHA = hashlib.sha256(GOOD).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "cache" / "weights"


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of two small files that no source gives."""
    entry: dict[str, Any] = {
        "task": "pose",
        "licence": "AGPL-3.0",
        "bytes": len(GOOD),
        "sha256": SHA,
        "note": "",
        "sources": [{"url": "http://127.0.0.1:9/nothing"}],
    }
    entries = {"one": {**entry, "file": "one.bin"}, "two": {**entry, "file": "two.bin"}}
    known = Registry.model_validate({"weights": entries, "aliases": {"uno": "one"}})
    monkeypatch.setattr(weights, "registry", lambda: known)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def put(cache: Path, name: str, content: bytes = GOOD) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    (cache / name).write_bytes(content)


def test_list_shows_every_entry_and_its_state() -> None:
    code, out, _ = run("list")
    assert code == 0
    for name, entry in weights.registry().weights.items():
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert entry.task in line and entry.licence in line
        assert line.rstrip().endswith("missing")
    assert "places2-pt (places2)" in out


@pytest.mark.usefixtures("two")
def test_list_tells_ready_from_damaged(cache: Path) -> None:
    put(cache, "one.bin")
    put(cache, "two.bin", b"wrong!!")
    _, out, _ = run("list")
    states = {line.split()[0]: line.split()[-1] for line in out.splitlines()[1:3]}
    assert states == {"one": "ready", "two": "damaged"}


@pytest.mark.usefixtures("two")
def test_fetch_of_what_is_there() -> None:
    put(weights.folder(), "one.bin")
    assert run("fetch", "uno", "--offline") == (0, f"one: ready (7 B, licence AGPL-3.0), sha256 {SHA[:12]}\n", "")


@pytest.mark.usefixtures("two")
def test_one_failure_does_not_stop_the_others(cache: Path) -> None:
    put(cache, "two.bin")
    code, out, err = run("fetch", "one", "two", "--offline")
    assert code == 1
    assert out.startswith("two: ready")
    assert err.startswith("Weights 'one' are not on this machine and --offline forbids") and err.count("\n") == 1


@pytest.mark.usefixtures("two")
def test_fetch_from_a_file(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "given").write_bytes(GOOD)
    code, _, _ = run("fetch", "one", "--from", str(tmp_path / "given"))
    assert code == 0
    assert (cache / "one.bin").read_bytes() == GOOD


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fetch",), "Say what to fetch"),
        (("fetch", "nothing"), "There are no weights named 'nothing'"),
        (("fetch", "--preset", "nothing"), "There is no preset 'nothing'"),
        (("fetch", "yolov8n", "places2", "--from", "x"), "--from goes with exactly one NAME"),
        (("fetch", "one", "--set", "inpaint.fill=telea"), "--set goes with --preset"),
        (("verify", "nothing"), "There are no weights named 'nothing'"),
    ],
)
def test_a_wrong_request_is_one_sentence_on_stderr(arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err and err.count("\n") == 1


def test_a_preset_names_what_it_needs() -> None:
    code, _, err = run("fetch", "--preset", "embedded", "--offline")
    assert code == 1
    assert len(err.splitlines()) == 4
    assert "Weights 'migan' are not on this machine" in err and "Preset embedded works without them" in err
    for name in ("yolov8n", "selfie-segmentation", "pose-landmark-full"):
        assert f"Weights '{name}' are not on this machine" in err


def test_a_preset_without_weights_is_done_at_once() -> None:
    plain = ("fetch", "--preset", "coco", "--set", "inpaint.fill=patchmatch")
    assert run(*plain) == (0, "Preset coco needs no weights.\n", "")


def test_what_only_makes_a_preset_better_may_be_missing() -> None:
    code, out, err = run("fetch", "--preset", "coco", "--offline")
    assert (code, out, err.count("\n")) == (0, "", 1)
    assert "Weights 'migan' are not on this machine" in err
    assert err.endswith("Preset coco works without them, with a fill that is not as good.\n")


@pytest.mark.usefixtures("two")
def test_verify_hashes_what_is_there(cache: Path) -> None:
    assert run("verify") == (0, "No weights are here yet.\n", "")
    put(cache, "one.bin")
    assert run("verify") == (0, "one: sha256 is right\n", "")
    put(cache, "two.bin", b"wrong!!")
    code, out, err = run("verify")
    assert (code, out) == (1, "one: sha256 is right\n")
    assert "two.bin is damaged" in err
