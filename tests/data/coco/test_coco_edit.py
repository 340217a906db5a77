"""Annotation files are edited by the rules, and undone to what they were."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import hostile_cases
import numpy as np
import pytest
from coco_strategies import HEIGHT, WIDTH, coco_trees
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from configs import AnnotationSettings
from data.coco import CocoError, Edit, Fate, HoleRle, load_coco, undo, write_edited
from data.rle import encode_counts

CATEGORIES = [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}]


def hole(rows: slice = slice(None), columns: slice = slice(None)) -> HoleRle:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[rows, columns] = True
    return HoleRle((HEIGHT, WIDTH), encode_counts(mask))


LEFT_HALF = hole(columns=slice(0, 8))


def box(x: int, y: int, w: int, h: int) -> list[list[int]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def edit(
    folder: Path, tree: dict[str, Any], fates: list[Fate], dumps: Any = json.dumps, **options: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(the edited tree, the records of removed_annotations.json) of one file."""
    path = folder / "instances.json"
    path.write_text(dumps(tree), encoding="utf-8")
    write_edited(folder / "out", [Edit(load_coco(path), fates)], AnnotationSettings(**options), {"version": "1"})
    out = json.loads((folder / "out/instances.json").read_text())
    removed = json.loads((folder / "out/removed_annotations.json").read_text())
    return out, removed["images"] + removed["annotations"]


def tree(*annotations: dict[str, Any], images: int = 1) -> dict[str, Any]:
    return {
        "info": {"year": 2017},
        "images": [{"id": i, "file_name": f"{i}.png", "height": HEIGHT, "width": WIDTH} for i in range(images)],
        "annotations": [{"id": n, "image_id": 0, **a} for n, a in enumerate(annotations)],
        "categories": CATEGORIES,
        "mine": {"kept": [1.50, 1e2]},
    }


def dog(segmentation: Any, **more: Any) -> dict[str, Any]:
    return {"category_id": 2, "segmentation": segmentation, **more}


# x of a 4-pixel-wide dog -> its hidden share of the left half
@pytest.mark.parametrize(
    ("x", "action", "hidden"),
    [(0, "removed", 1.0), (4, "removed", 1.0), (6, "changed", 0.5), (7, "changed", 0.25), (8, "kept", None)],
)
def test_an_annotation_meets_the_hole(tmp_path: Path, x: int, action: str, hidden: float | None) -> None:
    given_ = tree(dog(box(x, 2, 4, 4), note="kept"))
    out, records = edit(tmp_path, given_, [Fate(hole=LEFT_HALF)])
    original = given_["annotations"][0]
    expected = {"kept": [original], "changed": [{**original, "person_removal": {"hidden": hidden}}], "removed": []}
    assert out["annotations"] == expected[action]
    assert [r["annotation"] for r in records] == ([] if action == "kept" else [original])
    if action == "removed":
        assert records == [
            {"file": 0, "index": 0, "action": "removed", "reason": "hidden", "hidden": hidden, "annotation": original}
        ]


@pytest.mark.parametrize(
    ("segmentation", "bbox"),
    [
        (box(6, 2, 4, 4), None),
        ({"size": [HEIGHT, WIDTH], "counts": [6 * 12 + 2, 4, 8, 4, 8, 4, 8, 4, 78]}, None),
        ({"size": [HEIGHT, WIDTH], "counts": "compressed"}, None),
        ([], [6, 2, 4, 4]),
        (None, [6.0, 2.0, 4.0, 4.0]),
        ([[1, 2, 3]], [6, 2, 4, 4]),  # broken: by its box
    ],
    ids=["polygon", "runs", "string", "box only", "no segmentation", "broken"],
)
def test_every_form_of_outline_is_measured(tmp_path: Path, segmentation: Any, bbox: Any) -> None:
    if isinstance(segmentation, dict) and segmentation["counts"] == "compressed":
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[2:6, 6:10] = True
        segmentation = {"size": [HEIGHT, WIDTH], "counts": encode_counts(mask)}
    out, _ = edit(tmp_path, tree(dog(segmentation, bbox=bbox)), [Fate(hole=LEFT_HALF)])
    assert out["annotations"][0]["person_removal"] == {"hidden": 0.5}


@pytest.mark.parametrize(
    ("segmentation", "bbox"),
    [([[1, 2]], None), ({"size": [10**9, 10**9], "counts": "0"}, [1, 2]), ("x", ["1", 1, 1, 1]), (None, [0, 0, -4, 2])],
)
def test_what_has_no_usable_outline_stays_as_it_is(tmp_path: Path, segmentation: Any, bbox: Any) -> None:
    given_ = tree(dog(segmentation, bbox=bbox))
    out, records = edit(tmp_path, given_, [Fate(hole=LEFT_HALF)])
    assert out["annotations"] == given_["annotations"] and records == []


@pytest.mark.parametrize(
    ("overlap", "kept", "flagged"),
    [("flag", [0, 1], [1]), ("drop", [0], []), ("keep", [0, 1, 2], []), ("clip", [0, 1], [1])],
)
def test_modes(tmp_path: Path, overlap: str, kept: list[int], flagged: list[int]) -> None:
    given_ = tree(dog(box(10, 2, 4, 4)), dog(box(6, 2, 4, 4)), dog(box(1, 2, 4, 4)))
    out, _ = edit(tmp_path, given_, [Fate(hole=LEFT_HALF)], overlap=overlap)
    assert [a["id"] for a in out["annotations"]] == kept
    assert [a["id"] for a in out["annotations"] if "person_removal" in a] == flagged


def test_thresholds_are_settings(tmp_path: Path) -> None:
    given_ = tree(dog(box(6, 2, 4, 4)))
    assert edit(tmp_path, given_, [Fate(hole=LEFT_HALF)], hidden=0.6)[0]["annotations"] == given_["annotations"]
    assert edit(tmp_path, given_, [Fate(hole=LEFT_HALF)], gone=0.5)[0]["annotations"] == []
    with pytest.raises(ValueError, match="must not exceed"):
        AnnotationSettings(hidden=0.8, gone=0.5)


def test_clip_cuts_the_hole_out_of_the_outline(tmp_path: Path) -> None:
    given_ = tree(
        dog(box(6, 2, 4, 4), area=16.0, bbox=[6, 2, 4, 4], iscrowd=0, note="kept"), dog([], bbox=[6, 2, 4, 4])
    )
    out, _ = edit(tmp_path, given_, [Fate(hole=LEFT_HALF)], overlap="clip")
    mask, alone = out["annotations"]
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[2:6, 8:10] = True
    np.testing.assert_array_equal(coco_mask.decode(mask["segmentation"]).astype(bool), expected)
    assert (mask["area"], mask["bbox"], mask["note"]) == (8, [8, 2, 2, 4], "kept")
    assert alone["bbox"] == [8, 2, 2, 4] and alone["segmentation"] == [] and "area" not in alone


def test_persons_leave_crowd_and_all_wherever_they_are(tmp_path: Path) -> None:
    person = {"category_id": 1, "segmentation": box(10, 2, 2, 2)}
    crowd = {**person, "iscrowd": 1, "segmentation": {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}}
    given_ = tree(person, dog(box(10, 2, 2, 2)), crowd, {**person, "image_id": 77}, {**person, "segmentation": "?"})
    out, records = edit(tmp_path, given_, [Fate()])
    assert out["annotations"] == [given_["annotations"][1]]
    assert [(r["index"], r["reason"]) for r in records] == [(0, "person"), (2, "person"), (3, "person"), (4, "person")]


def test_images_that_are_not_published_take_their_annotations_along(tmp_path: Path) -> None:
    given_ = tree(dog([]), {**dog([]), "image_id": 1}, {**dog([]), "image_id": 5}, images=2)
    out, records = edit(tmp_path, given_, [Fate(left="photo is review"), Fate()])
    assert out["images"] == given_["images"][1:]
    assert [a["image_id"] for a in out["annotations"]] == [1, 5], "of no image: not ours to judge"
    assert [r["reason"] for r in records] == ["photo is review", "photo is review"]


@pytest.mark.parametrize(
    ("caption", "stale"),
    [
        ("A man riding a wave", True),
        ("Two WOMEN, laughing.", True),
        ("a skier", True),
        ("A cow and her calf", True),
        ("A dog on a bench", False),
        ("A manhole cover by a human-made wall", True),
        ("A manhole cover", False),
        ("", False),
    ],
)
def test_captions_that_mention_people_are_stale(tmp_path: Path, caption: str, stale: bool) -> None:
    given_ = tree({"caption": caption})
    out, records = edit(tmp_path, given_, [Fate(hole=LEFT_HALF)])
    expected = {"person_removal": {"stale": True}} if stale else {}
    assert out["annotations"] == [{**given_["annotations"][0], **expected}] and len(records) == stale
    assert edit(tmp_path, given_, [Fate()])[0]["annotations"] == given_["annotations"], "nobody was taken out"


def test_what_is_kept_is_kept_byte_for_byte(tmp_path: Path) -> None:
    text = (
        '{ "mine" : 1.50, "categories": [{"id":1,"name":"Person"}],\n '
        '"images": [ {"id":0, "file_name":"0.png",\t"x":1e400} ,\n'
        '{"file_name":"\\u00e9\\ud800.png","id":1} ],"annotations":[\n{"id":7,"image_id":0,'
        '"area":1.1000000000000000001,'
        '"category_id":2, "note": NaN, "big": 123456789012345678901234567890},{"image_id":0,"category_id":1}\n]}\n'
    )
    (tmp_path / "a.json").write_text(text)
    coco = load_coco(tmp_path / "a.json")
    write_edited(tmp_path / "out", [Edit(coco, [Fate(), Fate()])], AnnotationSettings(), {"v": 1})
    out = (tmp_path / "out/a.json").read_text()
    about = json.dumps({"v": 1, "input_sha256": coco.layout.sha256})
    expected = text.replace(',{"image_id":0,"category_id":1}', "").replace(
        "]}\n", "]" + f', "info": {{"person_removal": {about}}}' + "}\n"
    )
    assert out == expected
    restored = undo(tmp_path / "out/a.json", tmp_path / "out/removed_annotations.json", tmp_path / "b.json")
    assert restored.exact and (tmp_path / "b.json").read_text() == text


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: NaN is NaN, 1 is not True and not 1.0."""
    return json.dumps(a) == json.dumps(b)


@pytest.mark.fuzz
@pytest.mark.parametrize("indent", [None, 1])
@settings(max_examples=50)
@given(data=st.data())
def test_edited_and_undone_is_the_original(indent: int | None, data: st.DataObject) -> None:
    hostile_cases.count["annotation files"] += 1
    original = data.draw(coco_trees())
    text = json.dumps(original, indent=indent, ensure_ascii=data.draw(st.booleans()))
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate cannot stand in UTF-8; escaped it can
        raw = json.dumps(original, indent=indent).encode()
    whole = hole()
    fate = st.sampled_from([Fate(), Fate(left="photo is review"), Fate(hole=LEFT_HALF), Fate(hole=whole)])
    fates = [data.draw(fate) for _ in original["images"]]
    options = AnnotationSettings(overlap=data.draw(st.sampled_from(["flag", "clip", "drop", "keep"])))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "a.json").write_bytes(raw)
        try:
            coco = load_coco(folder / "a.json")
        except CocoError as error:
            assert "panoptic" in str(error)
            return
        write_edited(folder / "out", [Edit(coco, fates)], options, {"version": "1"})
        _check_rules(original, fates, json.loads((folder / "out/a.json").read_bytes()))
        restored = undo(folder / "out/a.json", folder / "out/removed_annotations.json", folder / "b.json")
        assert restored.exact and (folder / "b.json").read_bytes() == raw


def _check_rules(original: dict[str, Any], fates: list[Fate], edited: dict[str, Any]) -> None:
    """What holds whatever the mode: order, ids, unknown keys, and nobody left."""
    kept = [image for image, fate in zip(original["images"], fates, strict=True) if not fate.left]
    assert same(edited["images"], kept)
    gone = [image["id"] for image, fate in zip(original["images"], fates, strict=True) if fate.left]
    at = 0
    for annotation in edited["annotations"]:
        assert not (type(annotation.get("category_id")) in (int, float) and annotation["category_id"] == 1)
        assert not any(
            annotation.get("image_id") == i for i in gone if not isinstance(annotation.get("image_id"), list)
        )
        changed = {"person_removal", "segmentation", "area", "bbox"}
        while not same(_less(original["annotations"][at], changed), _less(annotation, changed)):
            at += 1  # an IndexError is a failure: no item of the original, or not in order
        at += 1
    rest = {"images", "annotations", "info"}
    assert same(_less(edited, rest), _less(original, rest))
    info = original.get("info")
    assert same(
        _less(edited["info"], {"person_removal"}), _less(info, {"person_removal"}) if isinstance(info, dict) else {}
    )


def _less(item: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in keys}


@pytest.mark.parametrize("overlap", ["flag", "clip", "drop", "keep"])
def test_pycocotools_loads_the_result(tmp_path: Path, shared: Path, overlap: str) -> None:
    path = shared / "data/coco-people/annotations/instances_train2017.json"
    coco = load_coco(path)
    fates = []
    for image in coco.images:
        mask = np.zeros((image["height"], image["width"]), bool)
        mask[:, : image["width"] // 2] = True
        fates.append(Fate(hole=HoleRle(mask.shape, encode_counts(mask))))
    settings_ = AnnotationSettings(overlap=overlap)
    counts = write_edited(tmp_path / "out", [Edit(coco, fates)], settings_, {})[path.name]
    loaded = COCO(str(tmp_path / "out" / path.name))
    assert loaded.getAnnIds(catIds=[1]) == [] and len(loaded.imgs) == 186
    for annotation in loaded.anns.values():
        shown = loaded.annToMask(annotation)
        if overlap == "clip" and "person_removal" in annotation:
            assert shown.sum() == annotation["area"] and not shown[:, : shown.shape[1] // 2].any()
    assert counts["person"] == 773 and sum(counts.values()) == 1912
    undone = undo(tmp_path / "out" / path.name, tmp_path / "out/removed_annotations.json", tmp_path / "b.json")
    assert undone.exact and (tmp_path / "b.json").read_bytes() == path.read_bytes()


def test_several_files_share_one_record(tmp_path: Path) -> None:
    for name in ("instances_a.json", "captions_a.json"):
        (tmp_path / name).write_text(json.dumps(tree(dog(box(1, 1, 3, 3)), {"caption": "a boy"}, images=2)))
    edits = [
        Edit(load_coco(tmp_path / n), [Fate(hole=LEFT_HALF), Fate(left="gone")])
        for n in ("instances_a.json", "captions_a.json")
    ]
    write_edited(tmp_path / "out", edits, AnnotationSettings(), {})
    removed = tmp_path / "out/removed_annotations.json"
    for edit_ in edits:
        name = edit_.coco.path.name
        assert undo(tmp_path / "out" / name, removed, tmp_path / f"undone_{name}").exact
    with pytest.raises(CocoError, match="not written together with"):
        undo(tmp_path / "captions_a.json", removed, tmp_path / "x.json")
    with pytest.raises(CocoError, match=r"not a removed_annotations.json"):
        undo(tmp_path / "out/captions_a.json", tmp_path / "captions_a.json", tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [(b'"files"', b'"photos"'), (b'"index": 1', b'"index": "1"'), (b'"image":', b'"person":'), (b'"file":', b'"f":')],
)
def test_a_damaged_record_is_one_sentence(tmp_path: Path, before: bytes, after: bytes) -> None:
    edit(tmp_path, tree(images=2), [Fate(), Fate(left="gone")])
    removed = tmp_path / "out/removed_annotations.json"
    assert before in removed.read_bytes()
    removed.write_bytes(removed.read_bytes().replace(before, after))
    with pytest.raises(CocoError, match="is damaged"):
        undo(tmp_path / "out/instances.json", removed, tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_an_output_is_edited_again(tmp_path: Path) -> None:
    """The result of one run as the input of the next: the newer flag counts."""
    once, _ = edit(tmp_path, tree(dog(box(6, 2, 4, 4))), [Fate(hole=hole(columns=slice(0, 7)))])
    assert once["annotations"][0]["person_removal"] == {"hidden": 0.25}
    twice, _ = edit(tmp_path, once, [Fate(hole=LEFT_HALF)])
    assert twice["annotations"][0]["person_removal"] == {"hidden": 0.5}


def test_a_file_that_changes_during_the_run_is_not_edited(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tree()))
    coco = load_coco(path)
    path.write_text(json.dumps(tree(dog([]))))
    with pytest.raises(CocoError, match="changed during the run; run again"):
        write_edited(tmp_path / "out", [Edit(coco, [Fate()])], AnnotationSettings(), {})
    assert list((tmp_path / "out").iterdir()) == []
