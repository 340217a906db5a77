"""Whole runs over COCO directories of several annotation files: consistent, repeatable, attributed, undone."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import FAST, box_annotation, contents, manifest, remove, save_photo
from PIL import Image
from pycocotools.coco import COCO
from typer.testing import CliRunner

from configs.load import load_settings
from data.coco import undo
from flows.cli.main import app
from flows.plan.selection import selection
from flows.run.job import execute, prepare

SIZE = {"height": 96, "width": 128}
PERSON = (20, 30, 16, 40)
QUICK = [part for setting in FAST for part in ("--set", setting)]
KINDS = ("instances", "person_keypoints", "captions")


def make(root: Path) -> Path:
    """Splits `train` (three photos, one of them broken) and `val` (one); instances, keypoints and captions of each."""
    licences = [
        {"id": 3, "name": "Attribution-NoDerivs License", "url": "http://creativecommons.org/licenses/by-nd/2.0/"},
        {"id": 4, "name": "Attribution License", "url": "http://creativecommons.org/licenses/by/2.0/"},
    ]
    (root / "annotations").mkdir(parents=True)
    for split, ids in {"train": (1, 2, 3), "val": (1,)}.items():
        images: list[dict[str, Any]] = []
        trees: dict[str, dict[str, Any]] = {}
        for n in ids:
            save_photo(root / split / f"{n}.png", n, None if n == 2 else PERSON)
            images.append({"id": n, "file_name": f"{n}.png", "license": 3 if n == 2 else 4, **SIZE})
            images[-1]["flickr_url"] = f"http://example.com/{split}/{n}"
        if split == "train":
            (root / "train/3.png").write_bytes(b"broken")
        for kind in KINDS:
            tree: dict[str, Any] = {"info": {"year": 2017}, "licenses": licences, "images": images, "annotations": []}
            for n in ids:
                person = {**box_annotation(10 * n, n, 1, PERSON), "keypoints": [20, 30, 2], "num_keypoints": 1}
                dog = box_annotation(10 * n + 1, n, 18, (30, 60, 20, 20))
                caption = {"id": n, "image_id": n, "caption": "A man walks his dog"}
                of = {"instances": [person, dog] if n != 2 else [dog], "person_keypoints": [person] if n != 2 else []}
                tree["annotations"] += of.get(kind, [caption])
            if kind != "captions":
                tree["categories"] = [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]
            trees[kind] = tree
        for kind, tree in trees.items():
            (root / f"annotations/{kind}_{split}.json").write_text(json.dumps(tree))
    return root


def read(out: Path, name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((out / f"annotations/{name}.json").read_bytes())
    return tree


def test_several_files_of_several_splits_stay_consistent(tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(make(tmp_path / "coco"), out)
    states = {name: row["state"] for name, row in manifest(out).items()}
    assert states == {
        "train/1.png": "removed",
        "train/2.png": "passthrough",
        "train/3.png": "corrupt",
        "val/1.png": "removed",
    }
    for kind in KINDS:
        assert [image["id"] for image in read(out, f"{kind}_train")["images"]] == [1, 2]
        assert [image["id"] for image in read(out, f"{kind}_val")["images"]] == [1]
        assert COCO(str(out / f"annotations/{kind}_val.json")).imgs.keys() == {1}
    assert [a["id"] for a in read(out, "instances_train")["annotations"]] == [11, 21]
    assert "person_removal" in read(out, "instances_train")["annotations"][0]
    assert read(out, "person_keypoints_train")["annotations"] == []
    captions = read(out, "captions_train")["annotations"]
    assert [a.get("person_removal") for a in captions] == [{"stale": True}, None], "nobody left the second photo"
    for path in sorted((tmp_path / "coco/annotations").glob("*.json")):
        edited = out / "annotations" / path.name
        assert undo(edited, out / "annotations/removed_annotations.json", tmp_path / path.name).exact
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_who_has_to_be_named(tmp_path: Path) -> None:
    remove(make(tmp_path / "coco"), tmp_path / "out")
    with (tmp_path / "out/attribution.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by = "http://creativecommons.org/licenses/by/2.0/"
    assert rows[0] == {
        "file_name": "train/1.png",
        "licence": "Attribution License",
        "licence_url": by,
        "author": "",
        "source": "http://example.com/train/1",
        "changes": "people removed",
    }
    assert [(row["file_name"], row["changes"]) for row in rows] == [
        ("train/1.png", "people removed"),
        ("train/2.png", "none"),
        ("val/1.png", "people removed"),
    ]


def test_photos_of_other_licences_are_no_part_of_the_run(tmp_path: Path) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    remove(coco, out)
    result = CliRunner().invoke(
        app,
        ["run", str(coco), str(out), "--preset", "coco", "--licences", "Attribution License", *QUICK],
    )
    assert result.exit_code == 1, "the broken photo"
    assert "Not taken, for want of the licence Attribution License: 1 photos." in result.output
    assert manifest(out).keys() == {"train/1.png", "train/3.png", "val/1.png"}
    assert not (out / "images/train/2.png").exists(), "what an earlier run published is taken back"
    assert [image["id"] for image in read(out, "captions_train")["images"]] == [1]
    reasons = {(r["index"], r["reason"]) for r in read(out, "removed_annotations")["images"] if r["file"] == 0}
    assert reasons == {(1, "licence"), (2, "photo is corrupt")}


def test_licences_that_forbid_changes_are_said(tmp_path: Path) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    result = CliRunner().invoke(app, ["run", str(coco), str(out), "--preset", "coco", *QUICK])
    sentence = "Photos under a licence that forbids passing on changed copies: 1 (Attribution-NoDerivs License: 1)"
    assert sentence in result.output and sentence in (out / "report.html").read_text()


def test_workers_and_shards_do_not_change_a_byte(tmp_path: Path) -> None:
    coco = make(tmp_path / "coco")
    remove(coco, tmp_path / "one", "run.workers=1", "run.shard_size=256")
    remove(coco, tmp_path / "two", "run.workers=2", "run.shard_size=1")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_what_the_file_says_of_the_run_is_enough_to_repeat_it(tmp_path: Path) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    remove(coco, out, "refine.dilate=0.2", "annotations.overlap=clip", "inpaint.patchmatch.seed=7")
    said = read(out, "instances_val")["info"]["person_removal"]
    assert said.keys() == {"version", "settings_sha256", "settings", "weights", "date", "input_sha256"}
    (tmp_path / "again.yaml").write_text(json.dumps(said["settings"]))
    settings = load_settings(str(tmp_path / "again.yaml"), ["run.workers=1"])
    execute(prepare(coco, tmp_path / "again", settings, selection()))
    first, second = contents(out), contents(tmp_path / "again")
    name = "again.yaml"  # no folder of the machine
    for path in [p for p in second if p.startswith("annotations/")]:
        second[path] = second[path].replace(json.dumps(name).encode(), b'"coco"')
    assert second == first


@pytest.mark.parametrize("mode", ["flag", "clip", "drop", "keep"])
def test_another_rule_for_annotations_computes_nothing_again(tmp_path: Path, mode: str, computed: Any) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    remove(coco, out)
    computed()
    remove(coco, out, f"annotations.overlap={mode}")
    assert computed() == {}
    dogs = [a for a in read(out, "instances_val")["annotations"] if a["category_id"] == 18]
    assert len(dogs) == (mode != "drop")


def test_undo_from_the_command_line(tmp_path: Path) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    remove(coco, out)
    edited, removed = out / "annotations/instances_val.json", out / "annotations/removed_annotations.json"
    target = tmp_path / "was.json"
    result = CliRunner().invoke(app, ["undo-annotations", str(edited), str(removed), "-o", str(target)])
    assert result.exit_code == 0 and "put back 2 annotations; byte for byte the original" in result.output
    assert target.read_bytes() == (coco / "annotations/instances_val.json").read_bytes()
    again = CliRunner().invoke(app, ["undo-annotations", str(edited), str(removed), "-o", str(target)])
    assert again.exit_code == 1 and "is there already" in str(again.exception)


def stamps(out: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (out / "annotations").iterdir()}


def test_annotation_files_that_stand_there_are_not_written_again(tmp_path: Path) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    remove(coco, out)
    before = stamps(out)
    remove(coco, out)
    assert stamps(out) == before
    remove(coco, out, "annotations.hidden=0.3")
    assert not {*stamps(out).items()} & {*before.items()}


def test_an_edited_annotation_file_is_set_aside_and_one_that_is_gone_is_made_again(tmp_path: Path) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    remove(coco, out)
    first = contents(out)
    (out / "annotations/instances_val.json").write_text("mine")
    (out / "annotations/captions_val.json").unlink()
    remove(coco, out)
    (kept,) = (out / "edited").rglob("*.json")
    assert kept.name == "instances_val.json" and kept.read_text() == "mine"
    assert {name: data for name, data in contents(out).items() if not name.startswith("edited/")} == first


def test_a_split_that_leaves_takes_its_annotation_files_along(tmp_path: Path) -> None:
    coco, out = make(tmp_path / "coco"), tmp_path / "out"
    remove(coco, out)
    (coco / "val").rename(tmp_path / "val")
    remove(coco, out)
    assert {*stamps(out)} == {f"{kind}_train.json" for kind in KINDS} | {"removed_annotations.json"}
    assert not (out / "edited").exists()


@pytest.mark.parametrize("keep", ["largest", "0", "0,1"])
def test_who_was_asked_to_stay_keeps_the_annotation(tmp_path: Path, keep: str) -> None:
    coco, out = tmp_path / "coco", tmp_path / "out"
    boxes = [PERSON, (80, 30, 10, 20)]
    save_photo(coco / "images/a.png", 1, PERSON)
    tree = {
        "images": [{"id": 1, "file_name": "a.png", **SIZE}],
        "annotations": [box_annotation(n, 1, 1, box) for n, box in enumerate(boxes)],
        "categories": [{"id": 1, "name": "person"}],
    }
    (coco / "annotations").mkdir()
    (coco / "annotations/instances.json").write_text(json.dumps(tree))
    remove(coco, out, f"refine.keep={keep}")
    stay = [0, 1] if keep == "0,1" else [0]
    assert read(out, "instances")["annotations"] == [tree["annotations"][n] for n in stay]


def test_persons_that_another_segmenter_missed_are_counted(tmp_path: Path) -> None:
    """The annotation file knows them: their annotations leave, and the report says that the photos may show them."""
    coco, out, masks = make(tmp_path / "coco"), tmp_path / "out", tmp_path / "masks"
    for name in ("train/1", "train/2", "val/1"):
        mask = np.zeros((96, 128), np.uint8)
        if name == "val/1":
            mask[30:70, 20:36] = 255
        (masks / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(masks / f"{name}.png")
    remove(coco, out, "segment.segmenter=mask-files", f"segment.mask_files.folder={masks}", "publish.report=true")
    records = read(out, "removed_annotations")["annotations"]
    reasons = {(r["file"], r["index"]): r["reason"] for r in records if r["reason"].startswith("person")}
    assert reasons == {
        (0, 0): "person outside the hole",
        (1, 0): "person",
        (2, 0): "person outside the hole",
        (4, 0): "person",
    }
    assert "1 person outside the hole" in (out / "report.html").read_text()
