"""A whole run: what is published, what is computed again, what is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from artifacts import change, home, remove_stages
from collection_with_people import box_annotation, coco_settings, contents, manifest, remove, save_photo
from filelock import FileLock
from PIL import Image

from data.errors import InputError
from data.storage.store import Store
from flows.plan.selection import masks_ahead, selection
from flows.run.job import execute, prepare
from flows.run.lock import is_held, output_lock
from flows.run.runner import MissingInput
from flows.run.store_maintenance import prune

Computed = Callable[[], dict[str, int]]


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_people_are_gone_and_nothing_else_changes(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = remove(coco, out)
    assert summary is not None and summary.states == {"removed": 5, "passthrough": 1}
    assert summary.exit_code(allow_review=False) == 0
    for name, row in manifest(out).items():
        before, after = pixels(coco / "images" / name), pixels(out / "images" / name)
        hole = pixels(out / "masks" / name)
        assert before.shape == after.shape and set(np.unique(hole)) <= {0, 255}
        np.testing.assert_array_equal(after[hole == 0], before[hole == 0])
        red = (before == (220, 20, 30)).all(-1)
        assert (hole[red] == 255).all()
        assert not (after == (220, 20, 30)).all(-1).any()
        assert row["hole_share"] == pytest.approx((hole > 0).mean(), abs=1e-6)


def test_a_photo_without_people_is_copied_byte_for_byte(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    assert (tmp_path / "out/images/0003.png").read_bytes() == (coco / "images/0003.png").read_bytes()
    assert manifest(tmp_path / "out")["0003.png"]["state"] == "passthrough"


def test_the_annotation_file_loses_the_persons_only(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    before = json.loads((coco / "annotations/instances_test.json").read_text())
    after = json.loads((tmp_path / "out/annotations/instances_test.json").read_text())
    removed = json.loads((tmp_path / "out/annotations/removed_annotations.json").read_text())
    assert after["info"].pop("person_removal")["settings_sha256"]
    assert after["annotations"] == [a for a in before["annotations"] if a["category_id"] == 18]
    taken = [record["annotation"] for record in removed["annotations"]]
    assert taken == [a for a in before["annotations"] if a["category_id"] == 1]
    del before["annotations"], after["annotations"]
    assert after == before


def test_a_second_run_computes_nothing(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    assert computed() == {"segment": 6, "refine": 6, "inpaint": 6, "verify": 6, "publish": 6}
    first = contents(out)
    summary = remove(coco, out)
    assert computed() == {}
    assert summary is not None and summary.computed == 0
    assert contents(out) == first


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("refine.dilate=0.3", {"refine": 6, "inpaint": 5, "verify": 5, "publish": 5}),
        ("inpaint.telea.radius=0.021", {"inpaint": 6}),  # the same pixels: equal patches stop the wave
        ("inpaint.patchmatch.seed=5", {}),  # of another fill
        ("segment.yolo.weights=other-seg.pt", {}),  # of another segmenter
        ("segment.score=0.3", {}),  # of segmenters that guess
        ("inpaint.fill=navier-stokes", {"inpaint": 6, "verify": 5, "publish": 5}),
        ("verify.left=0.1", {"verify": 6}),
        ("publish.masks=false", {"publish": 6}),
        ("run.workers=2", {}),
    ],
)
def test_a_setting_recomputes_its_stage_and_what_really_follows(
    coco: Path, tmp_path: Path, computed: Computed, change: str, expected: dict[str, int]
) -> None:
    remove(coco, tmp_path / "out")
    computed()
    remove(coco, tmp_path / "out", change)
    assert computed() == expected


def test_an_edited_annotation_recomputes_only_its_photo(coco: Path, tmp_path: Path, computed: Computed) -> None:
    remove(coco, tmp_path / "out")
    computed()
    path = coco / "annotations/instances_test.json"
    tree = json.loads(path.read_text())
    tree["annotations"][0]["segmentation"] = [[20, 30, 40, 30, 40, 70, 20, 70]]
    path.write_text(json.dumps(tree))
    remove(coco, tmp_path / "out")
    assert computed() == dict.fromkeys(("segment", "refine", "inpaint", "verify", "publish"), 1)


def test_an_edited_bag_recomputes_only_its_photo(coco: Path, tmp_path: Path, computed: Computed) -> None:
    path = coco / "annotations/instances_test.json"
    tree = json.loads(path.read_text())
    tree["categories"].append({"id": 27, "name": "backpack"})
    tree["annotations"].append(box_annotation(900, 2, 27, (58, 30, 8, 20)))
    path.write_text(json.dumps(tree))
    remove(coco, tmp_path / "out")
    computed()
    tree["annotations"][-1] = box_annotation(900, 2, 27, (50, 30, 16, 20))
    path.write_text(json.dumps(tree))
    remove(coco, tmp_path / "out")
    assert computed()["segment"] == 1
    tree["annotations"][1] |= {"segmentation": [[40, 80, 62, 80, 62, 92, 40, 92]]}  # a dog: nobody carries it
    path.write_text(json.dumps(tree))
    computed()
    remove(coco, tmp_path / "out")
    assert computed() == {}


def test_a_renamed_photo_is_only_published_again(coco: Path, tmp_path: Path, computed: Computed) -> None:
    remove(coco, tmp_path / "out")
    computed()
    (coco / "images/0001.png").rename(coco / "images/renamed.png")
    path = coco / "annotations/instances_test.json"
    path.write_text(path.read_text().replace("0001.png", "renamed.png"))
    remove(coco, tmp_path / "out")
    assert computed() == {"publish": 1}
    assert (tmp_path / "out/images/renamed.png").exists() and not (tmp_path / "out/images/0001.png").exists()


def test_a_new_photo_is_the_only_one_computed(coco: Path, tmp_path: Path, computed: Computed) -> None:
    remove(coco, tmp_path / "out")
    computed()
    box = (50, 30, 20, 20)
    save_photo(coco / "images/0007.png", 7, box)
    path = coco / "annotations/instances_test.json"
    tree = json.loads(path.read_text())
    tree["images"].append({"id": 7, "file_name": "0007.png", "height": 96, "width": 128})
    tree["annotations"].append(box_annotation(900, 7, 1, box))
    path.write_text(json.dumps(tree))
    remove(coco, tmp_path / "out")
    assert computed() == dict.fromkeys(("segment", "refine", "inpaint", "verify", "publish"), 1)


@pytest.mark.parametrize("stage", ["given", "segment", "refine", "inpaint", "verify"])
def test_a_damaged_artifact_is_made_again_in_the_same_run(
    coco: Path, tmp_path: Path, computed: Computed, stage: str
) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    first = contents(out)
    files = home(out).files(stage)
    change(out, f"{stage}/{max(files, key=lambda name: files[name].size)[3:]}", lambda data: data[:-7])
    shutil.rmtree(out / "images")
    if stage == "given":  # or nobody would read it
        remove_stages(out, "segment")
    computed()
    again = remove(coco, out)
    assert again is not None and again.states == {"removed": 5, "passthrough": 1} and not again.problems
    assert contents(out) == first and computed().get(stage, 1) == 1
    assert remove(coco, out) is not None and not computed(), "nothing is left of it"


def test_a_deleted_output_is_published_again(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    first = contents(out)
    computed()
    (out / "images/0001.png").unlink()
    remove(coco, out)
    assert computed() == {"publish": 1} and contents(out) == first


def test_an_edited_output_is_set_aside_not_overwritten(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    (out / "images/0001.png").write_bytes(b"my own retouching")
    remove(coco, out)
    assert [p.read_bytes() for p in (out / "edited").rglob("0001.png")] == [b"my own retouching"]
    assert Image.open(out / "images/0001.png").size == (128, 96)


def test_only_the_stages_asked_for_run(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    with pytest.raises(MissingInput, match="nothing from stage 'segment' in the store; run it first"):
        remove(coco, out, stages="refine")
    assert remove(coco, out, stages="segment,refine") is None
    assert computed() == {"segment": 6, "refine": 6}
    assert not (out / "images").exists()
    remove(coco, out, stages="inpaint,verify,publish")
    assert computed() == {"inpaint": 6, "verify": 6, "publish": 6}


def test_masks_that_the_published_photos_do_not_show_are_counted(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    job = prepare(coco, out, coco_settings("refine.dilate=0.3"), selection("segment,refine"))
    assert masks_ahead(job.context) == 0
    execute(job)
    assert masks_ahead(job.context) == 5
    remove(coco, out, "refine.dilate=0.3")
    assert masks_ahead(job.context) == 0


def test_refresh_computes_a_stage_again_once(coco: Path, tmp_path: Path, computed: Computed) -> None:
    remove(coco, tmp_path / "out")
    computed()
    summary = remove(coco, tmp_path / "out", refresh="inpaint")
    assert computed() == {"inpaint": 6}  # equal patches: nothing after them
    assert summary is not None and (summary.computed, summary.by_stage) == (6, {"inpaint": 6})


def test_a_refused_photo_is_not_tried_again_every_night(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    (coco / "images/0001.png").write_bytes(b"no picture")
    (coco / "images/0002.png").write_bytes((coco / "images/0002.png").read_bytes()[:-200])
    first = remove(coco, out)
    assert first is not None and first.states == {"removed": 3, "passthrough": 1, "corrupt": 2}
    line = (out / "manifest.jsonl").read_bytes()
    computed()
    again = remove(coco, out)
    assert again is not None and again.states == first.states and again.problems == first.problems
    assert computed() == {} and (out / "manifest.jsonl").read_bytes() == line
    remove(coco, out, "input.megapixels=5")  # what may decide it has changed
    assert computed() == {"segment": 2}
    remove(coco, out, refresh="segment")
    assert computed()["segment"] == 6
    prune(Store(out / ".person-removal"))
    remove(coco, out)
    assert computed() == {}, "it is part of the last run"


def test_every_photo_ends_in_a_named_state(tmp_path: Path) -> None:
    """Segmenter mask-files on a plain folder with everything that people have in their folders."""
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    save_photo(photos / "ünï cödé name.png", 1, (20, 30, 16, 40))
    save_photo(photos / "nobody.jpg", 2, None, quality=90)
    save_photo(photos / "truncated.jpg", 3, None, quality=90)
    (photos / "truncated.jpg").write_bytes((photos / "truncated.jpg").read_bytes()[:-600])
    (photos / "text.jpg").write_text("this is no photo")
    (photos / "empty.jpg").write_bytes(b"")
    Image.fromarray(np.zeros((96, 128), np.float32)).save(photos / "float.tif")
    frames = [Image.fromarray(np.full((96, 128), value, np.uint8)) for value in (0, 90)]
    frames[0].save(photos / "moving.gif", save_all=True, append_images=frames[1:])
    save_photo(photos / "no mask.png", 4, None)
    (photos / "notes.txt").write_text("not a photo by its name: not part of the collection")
    masks.mkdir()
    person = np.zeros((96, 128), np.uint8)
    for photo in photos.iterdir():
        if photo.name != "no mask.png":
            Image.fromarray(person).save(masks / f"{photo.stem}.png")
    person[30:70, 20:36] = 255
    Image.fromarray(person).save(masks / "ünï cödé name.png")

    out = tmp_path / "out"
    summary = remove(photos, out, "segment.segmenter=mask-files", f"segment.mask_files.folder={masks}")
    states = {name: row["state"] for name, row in manifest(out).items()}
    assert states == {
        "ünï cödé name.png": "removed",
        "nobody.jpg": "passthrough",
        "truncated.jpg": "corrupt",
        "text.jpg": "corrupt",
        "empty.jpg": "corrupt",
        "float.tif": "refused",
        "moving.gif": "refused",
        "no mask.png": "refused",
    }
    assert summary is not None and summary.exit_code(allow_review=True) == 1
    assert sorted(p.name for p in (out / "images").iterdir()) == ["nobody.jpg", "ünï cödé name.png"]
    for name, row in manifest(out).items():
        assert (row["reason"] is None) == (row["state"] in ("removed", "passthrough"))
        assert row["reason"] is None or name in row["reason"]


def test_photos_that_share_a_stem_keep_their_own_masks(tmp_path: Path) -> None:
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    save_photo(photos / "a.png", 1, (20, 30, 16, 40))
    save_photo(photos / "a.jpg", 2, None)
    masks.mkdir()
    Image.fromarray(np.zeros((96, 128), np.uint8)).save(masks / "a.png")
    remove(photos, tmp_path / "out", "segment.segmenter=mask-files", f"segment.mask_files.folder={masks}")
    assert sorted(p.name for p in (tmp_path / "out/masks").iterdir()) == ["a.jpg.png", "a.png.png"]


@pytest.mark.parametrize("output", ["coco", "coco/out", "."])
def test_output_in_or_over_the_input_is_refused(coco: Path, tmp_path: Path, output: str) -> None:
    with pytest.raises(InputError, match="originals are never written to"):
        remove(coco, tmp_path / output)


def test_a_directory_with_other_files_is_refused(coco: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.doc").write_text("")
    with pytest.raises(InputError, match="holds other files"):
        remove(coco, tmp_path / "mine")


def test_another_inputs_output_is_refused(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    save_photo(tmp_path / "holiday/a.png", 1, None)
    with pytest.raises(InputError, match="holds the result of"):
        remove(tmp_path / "holiday", tmp_path / "out", "segment.segmenter=mask-files", "segment.mask_files.folder=.")


def test_a_second_run_at_the_same_time_is_refused(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    with (
        FileLock(tmp_path / "out/.person-removal/lock"),
        pytest.raises(InputError, match="another run is working there"),
    ):
        remove(coco, tmp_path / "out")
    remove(coco, tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="POSIX locks")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    (lock := tmp_path / "out/.person-removal/lock").parent.mkdir(parents=True)
    lock.touch()

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(InputError, match=r"out: its file system grants no locks \("):
        is_held(tmp_path / "out")
    with pytest.raises(InputError, match="grants no locks"), output_lock(tmp_path / "out"):
        pass


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_store_is_for_its_owner_only(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    assert (tmp_path / "out/.person-removal").stat().st_mode & 0o777 == 0o700


def test_workers_and_shards_do_not_change_a_byte(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "one", "run.workers=1", "run.shard_size=256")
    remove(coco, tmp_path / "two", "run.workers=2", "run.shard_size=1")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one == two
