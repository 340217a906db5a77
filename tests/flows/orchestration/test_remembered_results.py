"""Results that Prefect remembers lie in the output directory, which may come from somebody else: none is read that
could run code, and none that speaks of files elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.storage.files import sha256
from data.storage.store import Store
from flows.orchestration.tasks import AS_JSON, is_remembered

KEY = "a" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "out/.person-removal")
    made.create()
    return made


def written(store: Store, path: Path | str, serializer: dict[str, Any] | None = None, **more: Any) -> Path:
    """What Prefect writes of a result."""
    said = {"storage_key": KEY, "expiration": None, "serializer": serializer or AS_JSON.model_dump(mode="json")}
    record = {"metadata": said, "result": json.dumps(str(path)), **more}
    return store.put(f"prefect/{KEY}", json.dumps(record).encode())


def manifest(store: Store, content: bytes = b'{"rows": []}') -> Path:
    return store.put(f"shards/segment-0-{sha256(content)[:16]}.json", content)


def test_a_result_of_a_task_is_remembered(store: Store) -> None:
    assert not is_remembered(store, KEY)
    written(store, manifest(store))
    assert is_remembered(store, KEY)


@pytest.mark.parametrize(
    "serializer",
    [
        {"type": "pickle"},
        {"type": "compressed", "serializer": {"type": "pickle"}, "compressionlib": "lzma"},
        {"type": "json"},
        AS_JSON.model_dump(mode="json") | {"object_decoder": "os.system"},
        AS_JSON.model_dump(mode="json") | {"jsonlib": "cloudpickle"},
        AS_JSON.model_dump(mode="json") | {"loads_kwargs": {"cls": "x"}},
    ],
    ids=lambda serializer: "-".join(map(str, serializer.values()))[:40],
)
def test_no_other_serializer(store: Store, serializer: dict[str, Any]) -> None:
    written(store, manifest(store), serializer)
    assert not is_remembered(store, KEY)


def test_nothing_beside_the_two_members(store: Store) -> None:
    written(store, manifest(store), data="x")  # an older form, in which it would count before `result`
    assert not is_remembered(store, KEY)
    path = written(store, manifest(store))
    text = path.read_text()
    path.write_text(text[:-1] + ', "metadata": {"serializer": {"type": "pickle"}}}')
    assert not is_remembered(store, KEY)


def test_no_file_elsewhere(store: Store, tmp_path: Path) -> None:
    content = b'{"rows": ["mine"]}'
    elsewhere = tmp_path / f"segment-0-{sha256(content)[:16]}.json"
    elsewhere.write_bytes(content)
    written(store, elsewhere)
    assert not is_remembered(store, KEY)
    link = store.root / "shards" / elsewhere.name
    link.parent.mkdir()
    link.symlink_to(elsewhere)
    written(store, link)
    assert not is_remembered(store, KEY)
    path = manifest(store)
    written(store, path)
    path.write_bytes(content)  # not what its name says
    assert not is_remembered(store, KEY)


def test_no_link(store: Store, tmp_path: Path) -> None:
    path = written(store, manifest(store))
    path.rename(tmp_path / "record")
    path.symlink_to(tmp_path / "record")
    assert not is_remembered(store, KEY)
