"""`person-removal weights`: what it prints, and how it ends."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from configs import UserError
from data.weights import files as weights
from data.weights.registry import Registry, registry
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


def test_list_shows_every_entry_and_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncut, whatever the terminal's width."""
    monkeypatch.setenv("COLUMNS", "40")
    code, out, _ = run("list")
    assert code == 0
    for name, entry in weights.registry().weights.items():
        (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert entry.method in line and entry.licence in line
        assert line.rstrip().endswith("missing")
    assert "places2-pt (places2)" in out
    lines = [line.split()[0] for line in out.splitlines()]
    assert lines.index("segmentation") < lines.index("yolo11x-seg") < lines.index("inpainting") < lines.index("migan")
    use = {line.split()[0]: line for line in out.splitlines()}
    assert "source owed" in use["yolo11n-seg"] and " no " in use["celebahq-tf"] and " yes " in use["big-lama"]
    count = len(weights.registry().weights)
    assert re.search(rf"Missing: {count} of {count} files \([0-9,]+ MB and \d+ of unknown size\)\.", out)


@pytest.mark.usefixtures("two")
def test_list_tells_ready_from_damaged(cache: Path) -> None:
    put(cache, "one.bin")
    put(cache, "two.bin", b"wrong!!")
    _, out, _ = run("list")
    states = {line.split()[0]: line.split()[-1] for line in out.splitlines()[2:4]}
    assert states == {"one": "ready", "two": "damaged"}
    assert "All of them are here." in out  # `verify` and a run say which one is damaged


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
        (("fetch", "lama"), "There are no weights named 'lama' (did you mean big-lama, lama-onnx?)"),
        (("fetch", "BIG-LAMA"), "There are no weights named 'BIG-LAMA' (did you mean big-lama?)"),
        (("fetch", "big-lma"), "There are no weights named 'big-lma' (did you mean big-lama?)"),
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


@pytest.fixture
def barred(two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`two` under a licence that forbids commercial use."""
    monkeypatch.delenv("PERSON_REMOVAL_ACCEPT", raising=False)
    known = weights.registry()
    entries = {**known.weights, "two": known.weights["two"].model_copy(update={"licence": "CC-BY-NC-4.0"})}
    found = registry().model_copy(update={"weights": entries, "aliases": {}})
    monkeypatch.setattr(weights, "registry", lambda: found)


@pytest.mark.usefixtures("barred")
def test_all_that_is_missing_is_named_with_sizes_and_licences_before_anything_is_fetched() -> None:
    code, out, err = run("fetch", "one", "two")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "To fetch: one (7 B, AGPL-3.0), two (7 B, CC-BY-NC-4.0); over the network 14 B in all.",
        "AGPL-3.0 (one): who passes the program on, or lets others use it over a network, gives them the source of "
        "the whole.",
        "CC-BY-NC-4.0 (two): no commercial use.",
        "CC-BY-NC-4.0 must be accepted: say --yes, or set PERSON_REMOVAL_ACCEPT=CC-BY-NC-4.0 in a script; nothing was "
        "fetched.",
    ]
    assert not weights.folder().exists()


@pytest.mark.usefixtures("barred")
@pytest.mark.parametrize("way", ["option", "setting"])
def test_an_accepted_licence_is_no_hindrance(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "setting":
        monkeypatch.setenv("PERSON_REMOVAL_ACCEPT", "MIT, CC-BY-NC-4.0")
    code, _, err = run("fetch", "two", *(["--yes"] if way == "option" else []))
    assert code == 1 and "must be accepted" not in err
    assert "Weights 'two' could not be fetched (http://127.0.0.1:9/nothing: cannot be reached" in err


@pytest.mark.usefixtures("barred")
def test_a_file_that_is_here_asks_for_nothing(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(GOOD)
    assert run("fetch", "two", "--from", str(tmp_path / "given"))[0] == 0
    code, out, err = run("fetch", "two")
    assert (code, err) == (0, "") and out.startswith("two: ready")


@pytest.mark.parametrize("command", [("list",), ("verify",), ("fetch", "yolov8n")])
@pytest.mark.parametrize("place", ["", "weights"])
def test_a_file_in_the_folder_s_place(cache: Path, place: str, command: tuple[str, ...]) -> None:
    path = cache.parent / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("somebody's")
    result = CliRunner().invoke(app, list(command))
    said = str(result.exception) if isinstance(result.exception, UserError) else result.stderr.splitlines()[-1]
    assert result.exit_code and said.startswith(f"{path} is a file, not a folder for weights: set PERSON_REMOVAL_CACHE")
    assert path.read_text() == "somebody's"


@pytest.mark.usefixtures("two")
def test_verify_hashes_what_is_there(cache: Path) -> None:
    assert run("verify") == (0, "No weights are here yet.\n", "")
    put(cache, "one.bin")
    assert run("verify") == (0, "one: sha256 is right\n", "")
    put(cache, "two.bin", b"wrong!!")
    code, out, err = run("verify")
    assert (code, out) == (1, "one: sha256 is right\n")
    assert "two.bin is damaged" in err
