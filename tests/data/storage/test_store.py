"""The artifact store: whole or not there, and never quietly wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.storage.files import atomic_file
from data.storage.store import Store, StoreError, artifact_key


@given(st.binary(max_size=300))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, payload: bytes) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    made = store.write("refine", "ab12", payload, {"share": 0.5})
    assert store.read("refine", "ab12") == payload
    assert store.header("refine", "ab12") == made


def test_what_is_not_there_is_none_and_reading_it_an_error(tmp_path: Path) -> None:
    assert Store(tmp_path).header("refine", "ab12") is None
    with pytest.raises(StoreError, match="missing or unreadable"):
        Store(tmp_path).read("refine", "ab12")


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b + b"x", lambda b: b"", lambda b: b"\n\n"],
)
def test_an_altered_artifact_is_found(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    store = Store(tmp_path)
    store.write("inpaint", "cd34", b"payload")
    path = store.path("inpaint", "cd34")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError):
        store.read("inpaint", "cd34")


def test_every_part_of_a_key_counts() -> None:
    base = ("refine", 1, {"dilate": 0.1}, ["w"], ["i"])
    variants = [
        base,
        ("inpaint", *base[1:]),
        ("refine", 2, *base[2:]),
        ("refine", 1, {"dilate": 0.2}, ["w"], ["i"]),
        ("refine", 1, {"dilate": 0.1}, ["v"], ["i"]),
        ("refine", 1, {"dilate": 0.1}, ["w"], ["j"]),
        ("refine", 1, {"dilate": 0.1}, ["w", "i"], []),
    ]
    assert len({artifact_key(*v) for v in variants}) == len(variants)  # type: ignore[arg-type]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"before")
    with pytest.raises(OSError, match="No space"), atomic_file(tmp_path / "a.bin") as file:
        file.write(b"aft")
        raise OSError(28, "No space left on device")
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"] and (tmp_path / "a.bin").read_bytes() == b"before"
