"""Holes for training: of the right kinds and sizes, from people's real outlines."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from configs import SettingsError
from configs.training import HoleSettings
from inpainting.training.holes import draw_hole, read_silhouettes

ELLIPSE = cv2.ellipse(np.zeros((120, 60), np.uint8), (30, 60), (29, 59), 0, 0, 360, 255, -1)


@pytest.mark.parametrize("kind", ["silhouette", "free_form", "box"])
@pytest.mark.parametrize("size", [32, 128])
def test_each_kind_alone(kind: str, size: int) -> None:
    chances = dict.fromkeys(("silhouette", "free_form", "box"), 0.0) | {kind: 1.0}
    settings = HoleSettings.model_validate(chances)
    shares = []
    for seed in range(40):
        hole = draw_hole(np.random.default_rng(seed), size, [ELLIPSE], settings)
        assert hole.dtype == np.uint8 and hole.shape == (size, size) and set(np.unique(hole)) == {0, 255}
        shares.append((hole != 0).mean())
    assert max(shares) < 0.75 and np.std(shares) > 0.02  # small ones and large ones
    if kind == "box":
        rows, columns = np.nonzero(hole)
        assert (hole[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] == 255).all()


def test_all_kinds_together_leave_half_of_the_photo() -> None:
    settings = HoleSettings(silhouette=1, free_form=1, box=1, share=(0.1, 0.3))
    shares = [(draw_hole(np.random.default_rng(i), 64, [ELLIPSE], settings) != 0).mean() for i in range(60)]
    assert np.mean(shares) > 0.1 and max(shares) <= 0.55  # one part alone may be more than half


def test_the_same_numbers_make_the_same_hole() -> None:
    one, two, other = (draw_hole(np.random.default_rng(i), 64, [ELLIPSE], HoleSettings()) for i in (1, 1, 2))
    assert np.array_equal(one, two) and not np.array_equal(one, other)


@pytest.mark.parametrize("chances", [{"silhouette": 1.0}, {"free_form": 0.0, "box": 0.0, "silhouette": 0.0}])
def test_without_silhouettes_other_kinds_take_their_place(chances: dict[str, float]) -> None:
    assert draw_hole(np.random.default_rng(0), 64, [], HoleSettings.model_validate(chances)).any()


def coco_file(path: Path) -> Path:
    """A person 40 wide and 60 high, one of 10 x 10, a crowd, a dog, and a broken outline."""

    def square(x: int, y: int, w: int, h: int, category: int = 1, **more: object) -> dict[str, object]:
        outline = [[x, y, x + w, y, x + w, y + h, x, y + h]]
        return {"bbox": [x, y, w, h], "segmentation": outline, "category_id": category, "image_id": 1} | more

    annotations = [
        square(10, 20, 40, 60),
        square(0, 0, 10, 10),
        square(0, 0, 90, 90, iscrowd=1),
        square(0, 0, 90, 90, category=2),
        square(0, 0, 50, 50, segmentation=[[1, 2]]),
        square(0, 0, 50, 50, image_id=7),
    ]
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 100, "width": 100}],
        "annotations": [{"id": i, **annotation} for i, annotation in enumerate(annotations)],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
    }
    path.write_text(json.dumps(document))
    return path


def test_silhouettes_of_annotations(tmp_path: Path) -> None:
    (found,) = read_silhouettes([str(coco_file(tmp_path / "instances.json"))])
    assert found.shape == (60, 40) and (found == 255).all()


def test_silhouettes_of_mask_files(tmp_path: Path) -> None:
    mask = np.zeros((400, 300), np.uint8)
    mask[10:310, 20:60], mask[50:90, 200:240], mask[0:5, 0:5] = 255, 255, 255
    cv2.imwrite(str(tmp_path / "a.png"), mask)
    (tmp_path / "b.png").write_text("no picture")
    shapes = sorted(found.shape for found in read_silhouettes([str(tmp_path)]))
    assert shapes == [(40, 40), (256, 34)]  # long ones are kept at 256 pixels, specks are left out


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nowhere", "neither an annotation file nor a folder"),
        (lambda folder: folder, "no person of at least 32 pixels"),
        (lambda folder: (folder / "x.json").write_text("{") and folder / "x.json", r"x\.json"),
    ],
)
def test_places_without_people_are_named(tmp_path: Path, make: object, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_silhouettes([str(make(tmp_path))])  # type: ignore[operator]
