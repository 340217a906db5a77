"""What is found in an input directory, and what is said when it cannot be used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from configs import InputSettings
from data.collection.annotation_files import is_inside
from data.collection.folder import read_collection
from data.errors import InputError


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
    assert [file.coco.path for file in found.files] == [tmp_path / annotations]
    assert [(s.name, s.image_id, s.stated_size) for s in found.sources] == [("1.jpg", 0, (4, 6)), ("2.jpg", 1, (4, 6))]


def annotate(root: Path, name: str, *photos: str, **extra: Any) -> None:
    touch(root, f"annotations/{name}")
    (root / "annotations" / name).write_text(tree(*photos, **extra))


def taken(root: Path, **settings: Any) -> list[tuple[str, str, bool]]:
    """(annotation file, prefix of its photos, whether its persons count)."""
    files = read_collection(root, InputSettings(**settings)).files
    return [(file.coco.path.name, file.prefix, file.main) for file in files]


def test_several_splits_are_taken_together(tmp_path: Path) -> None:
    for split in ("train2017", "val2017", "test2017"):
        annotate(tmp_path, f"instances_{split}.json", "1.jpg")
    touch(tmp_path, "val2017/1.jpg")
    assert names(tmp_path) == ["1.jpg"] and taken(tmp_path) == [("instances_val2017.json", "", True)]
    notes = read_collection(tmp_path, InputSettings()).notes
    assert notes[0] == "instances_test2017.json: its photos are not here, so it is not in the output."
    touch(tmp_path, "train2017/1.jpg", "train2017/2.jpg")
    assert names(tmp_path) == ["train2017/1.jpg", "train2017/2.jpg", "val2017/1.jpg"]
    assert taken(tmp_path) == [
        ("instances_train2017.json", "train2017/", True),
        ("instances_val2017.json", "val2017/", True),
    ]
    assert names(tmp_path, annotations="annotations/instances_train2017.json") == ["1.jpg", "2.jpg"]


def test_splits_in_one_folder(tmp_path: Path) -> None:
    annotate(tmp_path, "instances_train.json", "1.jpg")
    annotate(tmp_path, "instances_val.json", "2.jpg")
    touch(tmp_path, "images/1.jpg", "images/2.jpg")
    assert names(tmp_path) == ["1.jpg", "2.jpg"] and [prefix for _, prefix, _ in taken(tmp_path)] == ["", ""]


def test_keypoints_and_captions_follow_their_instances(tmp_path: Path) -> None:
    touch(tmp_path, "val2017/1.jpg")
    for name in ("instances", "person_keypoints", "captions", "panoptic", "stuff", "image_info"):
        annotate(tmp_path, f"{name}_val2017.json", "1.jpg")
    annotate(tmp_path, "captions_train2017.json", "9.jpg")
    assert taken(tmp_path) == [
        ("instances_val2017.json", "", True),
        ("person_keypoints_val2017.json", "", False),
        ("captions_val2017.json", "", False),
    ]
    assert list(read_collection(tmp_path, InputSettings()).notes) == [
        "captions_train2017.json: it is not edited, so it is not in the output.",
        "image_info_val2017.json: it is not edited (lists of images are not supported), so it is not in the output.",
        "panoptic_val2017.json: it is not edited (panoptic annotations are not supported), so it is not in the output.",
        "stuff_val2017.json: it is not edited (stuff annotations are not supported), so it is not in the output.",
    ]


def test_of_two_files_that_list_the_same_photos_somebody_has_to_choose(tmp_path: Path) -> None:
    touch(tmp_path, "images/1.jpg")
    annotate(tmp_path, "instances_a.json", "1.jpg")
    annotate(tmp_path, "instances_b.json", "./1.jpg", "2.jpg")
    with pytest.raises(
        InputError, match=r"list the same photos \(annotations/instances_a.json and .*choose one with --set"
    ):
        names(tmp_path)
    both = read_collection(
        tmp_path, InputSettings(annotations="annotations/instances_a.json,annotations/instances_b.json")
    )
    assert {source.name: source.listed for source in both.sources} == {"1.jpg": ((0, 0), (1, 0)), "2.jpg": ((1, 1),)}


def test_only_panoptic_or_stuff_is_refused_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "annotations/panoptic_val2017.json")
    with pytest.raises(
        InputError, match=r"panoptic_val2017.json: panoptic annotations are not supported; add the inst"
    ):
        names(tmp_path)
    assert names(tmp_path, annotations="none") == ["1.jpg"]


LICENCES = [
    {"id": 3, "name": "Attribution-NonCommercial-NoDerivs License", "url": "http://x/by-nc-nd/2.0/"},
    {"id": 4, "name": "Attribution License", "url": "http://x/by/2.0/"},
]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("4", ["1.jpg"]), ("attribution license", ["1.jpg"]), ("3, 4", ["0.jpg", "1.jpg"]), ("6", ["2.jpg"])],
)
def test_only_photos_of_the_licences_asked_for(tmp_path: Path, wanted: str, expected: list[str]) -> None:
    data = json.loads(tree("0.jpg", "1.jpg", "2.jpg", "3.jpg", licenses=LICENCES))
    for image, licence in zip(data["images"], (3, 4, 6, None), strict=True):
        image["license"] = licence
    touch(tmp_path, *(f"images/{n}.jpg" for n in range(5)), "annotations/instances.json")
    (tmp_path / "annotations/instances.json").write_text(json.dumps(data))
    assert names(tmp_path, licences=wanted) == expected
    left = read_collection(tmp_path, InputSettings(licences=wanted)).left_out
    assert sorted([*left, *expected]) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    with pytest.raises(InputError, match=r"no licence 'mine' in it; it knows: 3 Attribution-NonC.*; 4 Attribution Li"):
        names(tmp_path, licences="mine")
    (note,) = read_collection(tmp_path, InputSettings()).notes
    assert note == (
        "Photos under a licence that forbids passing on changed copies: 2 (Attribution-NonCommercial-NoDerivs "
        "License: 1, licence 6: 1); --licences takes only those of the licences you name."
    )


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
    assert found["gone.jpg"] is None, "the plan finds out that it is not there"


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
    with pytest.raises(InputError, match=r"not there\.$"):
        read_collection(tmp_path / "x", InputSettings())
    touch(tmp_path, "holiday/letter.docx")
    with pytest.raises(InputError, match=r"no photos in it\. Files that are no photos, .*: 1 \(\.docx: 1\)\."):
        read_collection(tmp_path / "holiday", InputSettings())
    with pytest.raises(InputError, match=r"not there \(did you mean 'holiday'\?\)\."):
        read_collection(tmp_path / "holidays", InputSettings())
    with pytest.raises(InputError, match="neither a folder nor a photo"):
        read_collection(tmp_path / "holiday/letter.docx", InputSettings())
