"""What is found in an input directory, and what is said when it cannot be used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from configs import InputSettings
from data.collection import InputError, is_inside, read_collection


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def tree(*names: str, **extra: Any) -> str:
    images = [{"id": n, "file_name": name, "height": 4, "width": 6} for n, name in enumerate(names)]
    return json.dumps({"images": images, "annotations": [], "categories": [{"id": 1, "name": "person"}], **extra})


def names(root: Path, **settings: Any) -> list[str]:
    return [source.name for source in read_collection(root, InputSettings(**settings)).sources]


def test_photos_are_found_in_a_fixed_order_and_nothing_else(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a/z.png", "a/y.tiff", "notes.txt", ".hidden.jpg", ".trash/c.jpg", "c.webp")
    assert names(tmp_path) == ["a/y.tiff", "a/z.png", "b.JPG", "c.webp"]


@pytest.mark.parametrize(
    ("images", "annotations"),
    [
        ("images", "annotations/instances_train2017.json"),
        ("train2017", "annotations/instances_train2017.json"),
        ("images/train2017", "annotations/instances_train2017.json"),
        (".", "annotations/labels.json"),
    ],
)
def test_coco_layouts(tmp_path: Path, images: str, annotations: str) -> None:
    touch(tmp_path, f"{images}/1.jpg", f"{images}/2.jpg", annotations)
    (tmp_path / annotations).write_text(tree("1.jpg", "2.jpg"))
    found = read_collection(tmp_path, InputSettings())
    assert found.annotations == tmp_path / annotations
    assert [(s.name, s.image_id, s.stated_size) for s in found.sources] == [("1.jpg", 0, (4, 6)), ("2.jpg", 1, (4, 6))]


def test_of_several_splits_the_one_whose_photos_are_here(tmp_path: Path) -> None:
    touch(tmp_path, "val2017/1.jpg")
    for split in ("train2017", "val2017"):
        touch(tmp_path, f"annotations/instances_{split}.json")
        (tmp_path / f"annotations/instances_{split}.json").write_text(tree("1.jpg"))
    assert names(tmp_path) == ["1.jpg"]
    touch(tmp_path, "train2017/1.jpg")
    with pytest.raises(InputError, match=r"several annotation files .*choose one with --set input.annotations"):
        names(tmp_path)
    assert names(tmp_path, annotations="annotations/instances_train2017.json") == ["1.jpg"]


@pytest.mark.parametrize(
    ("file_name", "inside"),
    [
        ("a.jpg", True),
        ("sub/a.jpg", True),
        ("..a.jpg", True),
        ("../a.jpg", False),
        ("sub/../../a.jpg", False),
        ("/etc/a.jpg", False),
        ("c:\\a.jpg", False),
        ("c:a.jpg", False),
        ("sub\\a.jpg", False),
        ("a\0.jpg", False),
        ("", False),
    ],
)
def test_names_that_leave_the_folder(file_name: str, inside: bool) -> None:
    assert is_inside(file_name) is inside


def test_unusable_images_of_an_annotation_file_are_refused_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "images/1.jpg", "secret.jpg")
    touch(tmp_path, "annotations/instances.json")
    data = json.loads(tree("1.jpg", "../secret.jpg", "1.jpg", "gone.jpg"))
    (tmp_path / "annotations/instances.json").write_text(json.dumps(data))
    found = {s.name: s.refused for s in read_collection(tmp_path, InputSettings()).sources}
    assert "leads out" in str(found["../secret.jpg"])
    assert "several images" in str(found["1.jpg"])
    assert "not a regular file" in str(found["gone.jpg"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_links_out_and_devices_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.jpg", "outside.jpg")
    (tmp_path / "in/link.jpg").symlink_to(tmp_path / "outside.jpg")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    os.mkfifo(tmp_path / "in/pipe.jpg")
    found = {s.name: s.refused for s in read_collection(tmp_path / "in", InputSettings()).sources}
    assert found["a.jpg"] is None
    assert "leads out" in str(found["link.jpg"])
    assert "not a regular file" in str(found["pipe.jpg"])
    assert len(found) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a COCO annotation file"),
        ("[" * 100_000, "not a COCO annotation file"),
        ('{"images": [], "annotations": {}}', "not a COCO annotation file"),
        ('{"images": [1], "annotations": []}', "every entry of 'images' has to be an object"),
        ('{"images": [], "annotations": [{"segments_info": []}]}', "panoptic"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
)
def test_broken_annotation_files(tmp_path: Path, text: str, words: str) -> None:
    touch(tmp_path, "images/1.jpg", "annotations/instances.json")
    (tmp_path / "annotations/instances.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_collection(tmp_path, InputSettings())


def test_empty_and_missing_directories(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photos in it"):
        read_collection(tmp_path, InputSettings())
    with pytest.raises(InputError, match="not there"):
        read_collection(tmp_path / "x", InputSettings())
