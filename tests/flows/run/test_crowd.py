"""Many people on one photo: memory follows the photo, not the people times the photo; too many are refused by name."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import box_annotation, manifest, remove, texture
from PIL import Image

from configs import RefineSettings
from data.plan import entries
from data.rle import BoxMask
from data.types import Instance, People
from masks import hole_and_rest

pytestmark = pytest.mark.slow  # whole runs


def crowd(folder: Path, people: int, orientation: int = 1, size: tuple[int, int] = (384, 512)) -> Path:
    """A COCO directory with one photo of `size` (height, width): people of 8 x 14 pixels, and a larger one first."""
    height, width = size
    exif = Image.Exif()
    exif[0x0112] = orientation
    (folder / "images").mkdir(parents=True)
    Image.fromarray(texture(1, height, width)).save(folder / "images/crowd.png", exif=exif)
    rng = np.random.default_rng(0)
    shown = size[::-1] if orientation >= 5 else size
    boxes = [(20, 20, 30, 60)]
    boxes += [
        (int(rng.integers(60, shown[1] - 8)), int(rng.integers(90, shown[0] - 14)), 8, 14) for _ in range(people - 1)
    ]
    tree: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "crowd.png", "height": shown[0], "width": shown[1]}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "umbrella"}],
        "annotations": [box_annotation(i + 1, 1, 1, box) for i, box in enumerate(boxes)],
    }
    tree["annotations"] += [
        box_annotation(9000, 1, 2, (48, 30, 12, 12)),
        box_annotation(9001, 1, 2, (100, 100, 12, 12)),
    ]
    (folder / "annotations").mkdir()
    (folder / "annotations/instances.json").write_text(json.dumps(tree))
    return folder


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("keep", [None, "largest"])
def test_no_stage_holds_a_full_frame_a_person(
    tmp_path: Path, orientation: int, keep: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole chain, from the annotations to the edited annotation file."""
    monkeypatch.delattr(People, "mask")
    monkeypatch.delattr(Instance, "from_mask")
    overrides = [f"refine.keep={keep}"] if keep else []
    remove(crowd(tmp_path / "in", 60, orientation), tmp_path / "out", *overrides)
    row = manifest(tmp_path / "out")["crowd.png"]
    assert (row["state"], row["people"]) == ("removed", 60)
    left = json.loads((tmp_path / "out/annotations/instances.json").read_text())["annotations"]
    assert [a["id"] for a in left if a["category_id"] == 1] == ([1] if keep else [])


def test_memory_follows_the_photo() -> None:
    """200 people on 4 megapixels: their full frames would be 800 MB."""
    size, rng = (2000, 2000), np.random.default_rng(0)
    spots = rng.integers(0, 1900, (200, 2)).tolist()
    people = [Instance.from_box(BoxMask(y, x, np.ones((60, 30), bool)), size, 0.9, "yolo") for x, y in spots]
    found = People(size, tuple(person for person in people if person))
    tracemalloc.start()
    hole, _ = hole_and_rest(found, RefineSettings())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert hole.any() and peak < 20 * hole.size


def test_more_annotations_than_a_photo_may_have_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "MOST_ANNOTATIONS", 61)
    remove(crowd(tmp_path / "few", 59), tmp_path / "a")
    remove(crowd(tmp_path / "many", 60), tmp_path / "b")
    assert manifest(tmp_path / "a")["crowd.png"]["state"] == "removed"
    row = manifest(tmp_path / "b")["crowd.png"]
    assert row["state"] == "refused"
    assert row["reason"] == (
        "crowd.png: its annotations outline 60 persons and 2 things, more than the 61 that a photo may have; mark a "
        "crowd as one region (iscrowd), or let a network find the people (--segmenter embedded)."
    )
    assert not list((tmp_path / "b").glob("images/*"))
