"""Artifacts that have the right shape and were made by no stage: they are made again, and nothing crashes on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import contents, remove

from data.rle import encode_counts
from data.storage.files import canonical_json
from data.storage.store import Store

MANY = encode_counts(np.ones((500, 500), bool))
PERSON = {"bbox": [1, 1, 2, 2], "score": 1.0, "source": "annotations", "iscrowd": 0}


def people(counts: str, size: Any = (96, 128), **more: Any) -> bytes:
    person = {**PERSON, "segmentation": {"size": list(size), "counts": counts}, **more}
    return canonical_json({"size": size, "persons": [person], "objects": []})


@pytest.mark.parametrize(
    ("stage", "payload"),
    [
        ("segment", people(MANY)),
        ("segment", people("~~~")),
        ("segment", people("11P")),
        ("segment", people(encode_counts(np.ones((96, 128), bool)), bbox=["x", 1, 2, 2])),
        ("segment", people(encode_counts(np.ones((96, 128), bool)), doubtful={"counts": MANY})),
        ("segment", canonical_json({"size": [96, 128]})),
        ("segment", canonical_json([1, 2])),
        ("refine", canonical_json({"size": [96, 128], "counts": MANY})),
        ("refine", canonical_json({"size": [10**9, 10**9], "counts": "0"})),
        ("inpaint", b"no patches"),
        ("verify", b"{}"),
    ],
)
def test_they_are_made_again(coco: Path, tmp_path: Path, stage: str, payload: bytes) -> None:
    remove(coco, tmp_path / "out")
    expected = contents(tmp_path / "out")
    store = Store(tmp_path / "out/.person-removal")
    for key in store.artifacts(stage):
        header = store.header(stage, key)
        assert header is not None
        store.write(stage, key, payload, header.facts)
    for key in store.artifacts("publish"):
        store.discard("publish", key)
    for _ in range(3):  # what is found to be wrong is discarded, stage by stage
        remove(coco, tmp_path / "out")
    assert contents(tmp_path / "out") == expected
