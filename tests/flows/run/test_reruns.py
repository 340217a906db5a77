"""Runs over some photos or stages: the others stay as they are, and what is written still speaks of all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from collection_with_people import coco_settings, contents, manifest, remove
from filelock import FileLock

from data.errors import InputError
from data.storage.store import Store
from flows.plan.selection import Selection, selection
from flows.run.job import execute, prepare
from flows.run.progress import SHOWN, problems_to, tell

Computed = Callable[[], dict[str, int]]


def rerun(coco: Path, out: Path, *overrides: str, **chosen):  # type: ignore[no-untyped-def]
    return execute(prepare(coco, out, coco_settings(*overrides), selection(**chosen)))


@pytest.mark.parametrize(
    ("patterns", "photos"),
    [(["0001.png"], 1), (["000[12].png"], 2), (["sub/*"], 2), (["0005*"], 1), (["0001*", "sub/*"], 3), (["*"], 6)],
)
def test_only_photos_of_such_names_are_computed(
    coco: Path, tmp_path: Path, computed: Computed, patterns: list[str], photos: int
) -> None:
    remove(coco, tmp_path / "out")
    computed()
    rerun(coco, tmp_path / "out", photos=patterns, refresh="inpaint")
    assert computed()["inpaint"] == photos


def test_another_stated_size_is_another_photo_for_the_given_masks(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    path = coco / "annotations/instances_test.json"
    tree = json.loads(path.read_text())
    tree["images"][0] |= {"height": 48, "width": 64}
    path.write_text(json.dumps(tree))
    remove(coco, tmp_path / "out")
    row = manifest(tmp_path / "out")["0001.png"]
    assert row["state"] == "refused" and "the annotation file says 64 x 48" in row["reason"]


def test_what_is_written_speaks_of_all_photos(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    before, rows = contents(out), manifest(out)
    summary = rerun(coco, out, "refine.dilate=0.4", photos=["0001.png"])
    assert summary.states == {"removed": 5, "passthrough": 1} and summary.missing == 0
    changed = {name for name, data in contents(out).items() if data != before[name]}
    assert {"images/0001.png", "masks/0001.png", "manifest.jsonl"} <= changed
    assert not {name for name in changed if name.startswith(("images/", "masks/")) and "0001" not in name}
    assert contents(out).keys() == before.keys()
    assert {name: row for name, row in manifest(out).items() if name != "0001.png"} == {
        name: row for name, row in rows.items() if name != "0001.png"
    }
    # and a second time, from what the first left
    rerun(coco, out, photos=["sub/*"])
    assert manifest(out).keys() == rows.keys() and contents(out).keys() == before.keys()
    rerun(coco, out)
    assert {n: d for n, d in contents(out).items() if "annotations" not in n} == {
        n: d for n, d in before.items() if "annotations" not in n
    }


def test_pruned_artifacts_of_the_others_are_not_missed(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    before, store = contents(out), Store(out / ".person-removal")
    for stage in ("segment", "refine", "inpaint", "verify", "publish"):
        for key in store.artifacts(stage):
            store.discard(stage, key)
    rerun(coco, out, photos=["0002.png"])
    assert {n: d for n, d in contents(out).items() if "annotations" not in n} == {
        n: d for n, d in before.items() if "annotations" not in n
    }


def test_photos_that_no_run_has_done_are_not_spoken_of(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = rerun(coco, out, photos=["0001.png", "0003.png"])
    assert summary.states == {"removed": 1, "passthrough": 1} and summary.missing == 4
    assert manifest(out).keys() == {"0001.png", "0003.png"}
    kept = json.loads((out / "annotations/instances_test.json").read_text())
    assert {image["file_name"] for image in kept["images"]} == {"0001.png", "0003.png"}
    remove(coco, out)
    remove(coco, tmp_path / "at-once")
    assert contents(out) == contents(tmp_path / "at-once")


def test_a_photo_that_left_the_collection_leaves_with_a_run_over_others(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    path = coco / "annotations/instances_test.json"
    tree = json.loads(path.read_text())
    tree["images"] = [image for image in tree["images"] if image["file_name"] != "0002.png"]
    path.write_text(json.dumps(tree))
    (coco / "images/0002.png").unlink()
    rerun(coco, out, photos=["0001.png"])
    assert "0002.png" not in manifest(out) and not (out / "images/0002.png").exists()


def test_photos_by_the_state_they_ended_in(coco: Path, tmp_path: Path, computed: Computed) -> None:
    out = tmp_path / "out"
    whole = (coco / "images/0001.png").read_bytes()
    (coco / "images/0001.png").write_bytes(whole[:200])
    assert remove(coco, out).exit_code(False) == 1  # type: ignore[union-attr]
    assert manifest(out)["0001.png"]["state"] == "corrupt"
    (coco / "images/0001.png").write_bytes(whole)
    computed()
    summary = rerun(coco, out, status="corrupt,failed", refresh="inpaint")
    assert computed()["inpaint"] == 1 and summary.exit_code(False) == 0
    again = rerun(coco, out, status="corrupt,failed")
    assert again.states == summary.states and computed() == {}, "nothing has that state: nothing to do, no error"


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"photos": ["street_*"]}, "--photos street_*: no photo of the collection has such a name."),
        ({"status": "failed"}, "manifest.jsonl: not there yet"),
        ({"status": "fail"}, "there is no state 'fail'"),
        ({"stages": "inpiant"}, "there is no stage 'inpiant'"),
        ({"stages": "verify", "refresh": "inpaint"}, "--refresh inpaint: the stage is not among"),
    ],
)
def test_a_choice_that_cannot_be_made(coco: Path, tmp_path: Path, chosen: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence.replace("*", r"\*")):
        rerun(coco, tmp_path / "out", **chosen)


def test_a_run_waits_for_another_when_it_is_told_to(coco: Path, tmp_path: Path) -> None:
    job = prepare(coco, tmp_path / "out", coco_settings("run.wait=true"), Selection())
    taken, released = threading.Event(), threading.Event()

    def other_run() -> None:
        with FileLock(tmp_path / "out/.person-removal/lock"):
            taken.set()
            time.sleep(0.5)
            released.set()

    threading.Thread(target=other_run).start()
    assert taken.wait(20)
    assert execute(job).states == {"removed": 5, "passthrough": 1}  # type: ignore[union-attr]
    assert released.is_set()


def test_the_log_in_lines_of_json(coco: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    (coco / "images/0001.png").write_bytes(b"no photo")
    remove(coco, tmp_path / "out", f"run.log_json={log}")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["event"] == "start" and lines[0]["photos"] == 6
    assert lines[-1]["event"] == "end" and lines[-1]["states"] == {"removed": 4, "passthrough": 1, "corrupt": 1}
    assert lines[-1]["exit_code"] == 1
    photos = [line for line in lines if line["event"] == "photo"]
    assert {(p["stage"], p["state"]) for p in photos if p["photo"] == "0002.png"} == {
        *((stage, "done") for stage in ("segment", "refine", "inpaint", "verify")),
        ("publish", "removed"),
    }
    assert all(p["seconds"] >= 0 and p["time"] for p in photos)
    (corrupt,) = {p["reason"] for p in photos if p["photo"] == "0001.png"}
    assert "0001.png" in corrupt
    remove(coco, tmp_path / "out", f"run.log_json={log}")
    again = [json.loads(line) for line in log.read_text().splitlines()][len(lines) :]
    assert {(p["stage"], p["cached"]) for p in again if p["event"] == "photo" and p["state"] == "removed"} == {
        ("publish", True)
    }


def test_problems_never_flood_the_log() -> None:
    told: list[str] = []
    with problems_to(told.append):
        for number in range(1000):
            for stage in ("segment", "refine"):
                tell(
                    stage, {"id": str(number), "name": "x", "state": "failed", "reason": f"{number}.png: no."}, True, 0
                )
    assert told[0] == "failed: 0.png: no." and len(told) == SHOWN + 1
    assert told[-1] == f"... and {1000 - SHOWN} more photos with problems, all in manifest.jsonl."
