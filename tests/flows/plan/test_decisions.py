"""Decisions of the review page: approve, reject and redo are inputs of their photo, and hold for what they are of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import coco_settings, contents, manifest
from PIL import Image
from typer.testing import CliRunner

from configs import SettingsError
from data.errors import InputError
from data.plan.shards import read_shard
from flows.cli.main import app
from flows.plan.manifests import read_manifest
from flows.plan.selection import Selection
from flows.results.finish import Summary
from flows.run.job import execute, prepare
from flows.stages import registry

pytestmark = pytest.mark.slow  # whole runs

PHOTO = "0001.png"


def run(coco: Path, out: Path, *overrides: str, decisions: Path | None = None, **chosen: Any) -> Summary:
    summary = execute(prepare(coco, out, coco_settings(*overrides), Selection(**chosen), decisions))
    assert summary is not None
    return summary


def write(path: Path, **photos: Any) -> Path:
    path.write_text(json.dumps({"person_removal_decisions": 1, "photos": photos.get("photos", photos)}))
    return path


def decide(tmp_path: Path, name: str = PHOTO, **decision: Any) -> Path:
    return write(tmp_path / "decided.json", photos={name: decision})


def kept(out: Path) -> dict[str, Any]:
    photos: dict[str, Any] = json.loads((out / "decisions.json").read_text())["photos"]
    return photos


def annotated_persons(out: Path, image: int) -> int:
    tree = json.loads((out / "annotations/instances_test.json").read_text())
    return sum(a["image_id"] == image and a["category_id"] == 1 for a in tree["annotations"])


def listed(out: Path) -> set[str]:
    return {image["file_name"] for image in json.loads((out / "annotations/instances_test.json").read_text())["images"]}


@pytest.fixture
def left_behind(coco: Path, tmp_path: Path) -> None:
    """The first photo is in review: its mask, edited by hand, leaves half of the person."""
    run(coco, tmp_path / "out")
    path = tmp_path / "out/masks/0001.png"
    mask = np.asarray(Image.open(path)).copy()
    mask[50:] = 0
    Image.fromarray(mask).save(path)
    run(coco, tmp_path / "out")


def test_approve_publishes_what_was_under_review(coco: Path, tmp_path: Path, left_behind: None) -> None:
    out = tmp_path / "out"
    row = manifest(out)[PHOTO]
    assert row["state"] == "review" and run(coco, out).exit_code(False) == 3
    seen = (out / "review" / PHOTO).read_bytes()
    summary = run(coco, out, decisions=decide(tmp_path, decision="approve", result=row["result_sha256"]))
    assert summary.exit_code(False) == 0 and summary.decided == ("By decision: 1 approved.",)
    assert (out / "images" / PHOTO).read_bytes() == seen and not (out / "review" / PHOTO).exists()
    now = manifest(out)[PHOTO]
    assert (now["state"], now["decision"], now["reason"]) == ("removed", "approve", None)
    assert "approved by hand" in now["notes"]
    assert annotated_persons(out, 1) == 0 and PHOTO in listed(out)


def test_reject_publishes_the_original_and_its_persons_stay_annotated(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    summary = run(coco, out, decisions=decide(tmp_path, decision="reject"))
    assert (out / "images" / PHOTO).read_bytes() == (coco / "images" / PHOTO).read_bytes()
    row = manifest(out)[PHOTO]
    assert (row["state"], row["decision"], row["hole_share"]) == ("passthrough", "reject", 0)
    assert "rejected by hand: the original is kept" in row["notes"]
    assert row["result_sha256"] != row["output_sha256"] == row["photo_sha256"]
    assert annotated_persons(out, 1) == 1 and annotated_persons(out, 2) == 0
    assert summary.exit_code(False) == 0 and summary.decided == ("By decision: 1 kept as the original.",)


def test_leaving_out_takes_the_photo_from_images_and_annotations(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    summary = run(coco, out, decisions=decide(tmp_path, decision="reject", reject_as="leave-out"))
    assert not any((out / folder / PHOTO).exists() for folder in ("images", "review")) and PHOTO not in listed(out)
    row = manifest(out)[PHOTO]
    assert (row["state"], row["output"], row["reason"]) == ("refused", None, "0001.png: left out by decision.")
    assert summary.exit_code(False) == 0 and summary.problems == ()
    records = json.loads((out / "annotations/removed_annotations.json").read_text())["images"]
    assert [record["reason"] for record in records] == ["left out by decision"]


def test_redo_makes_that_photo_alone_with_its_settings(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]]
) -> None:
    out = tmp_path / "out"
    run(coco, out)
    before = contents(out)
    computed()
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings={"refine": {"dilate": 0.3}}))
    assert computed() == {"refine": 1, "inpaint": 1, "verify": 1, "publish": 1}
    row = manifest(out)[PHOTO]
    assert row["settings"] == {"refine": {"dilate": 0.3}} and row["decision"] == "redo"
    changed = {name for name, data in contents(out).items() if before.get(name) != data}
    assert {name for name in changed if name.startswith("images/")} == {f"images/{PHOTO}"}
    alone = tmp_path / "alone"
    run(coco, alone, "refine.dilate=0.3")
    assert (alone / "images" / PHOTO).read_bytes() == (out / "images" / PHOTO).read_bytes()


@pytest.mark.parametrize("keep", ["largest", "0", [0], [[10, 10, 14, 30]]])
def test_redo_keeps_who_was_marked(coco: Path, tmp_path: Path, keep: Any) -> None:
    out, name = tmp_path / "out", "sub/0006.png"
    run(coco, out)
    run(coco, out, decisions=decide(tmp_path, name, decision="redo", settings={"refine": {"keep": keep}}))
    row = manifest(out)[name]
    assert "1 of the people kept" in row["notes"] and row["state"] == "removed"
    alone = tmp_path / "alone"
    (tmp_path / "keep.json").write_text(json.dumps({name: [0] if keep == "0" else keep}))
    run(coco, alone, f"refine.keep={tmp_path / 'keep.json'}")
    assert (alone / "images" / name).read_bytes() == (out / "images" / name).read_bytes()


def test_decisions_stay_until_they_are_changed(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]]
) -> None:
    out = tmp_path / "out"
    run(coco, out)
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings={"refine": {"dilate": 0.3}}, note="rim"))
    first = contents(out)
    computed()
    run(coco, out)
    assert computed() == {} and contents(out) == first
    assert kept(out)[PHOTO]["note"] == "rim" and kept(out)[PHOTO].keys() >= {"result", "photo"}
    run(coco, out, decisions=decide(tmp_path, "0002.png", decision="reject"))
    assert kept(out).keys() == {PHOTO, "0002.png"}, "a file speaks of its own photos only"
    run(coco, out, "inpaint.fill=navier-stokes")
    assert manifest(out)[PHOTO]["settings"] == {"refine": {"dilate": 0.3}}, "also when the others are made differently"


def test_a_decision_can_be_taken_back(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    first = contents(out)
    run(coco, out, decisions=decide(tmp_path, decision="reject"))
    run(coco, out, decisions=decide(tmp_path, decision="withdraw"))
    assert kept(out) == {}
    again = contents(out)
    del again["decisions.json"]
    assert again == first


def test_a_redone_photo_is_approved_with_its_settings(coco: Path, tmp_path: Path, left_behind: None) -> None:
    out, own = tmp_path / "out", {"inpaint": {"fill": "navier-stokes"}}
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings=own))
    row = manifest(out)[PHOTO]
    assert row["state"] == "review"
    given = decide(tmp_path, decision="approve", settings=own, result=row["result_sha256"])
    for file in (given, None):
        run(coco, out, decisions=file)
        now = manifest(out)[PHOTO]
        assert (now["state"], now["decision"], now["settings"]) == ("removed", "approve", own)
        assert now["output_sha256"] == row["result_sha256"]


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    ("word", "state"),
    [({"decision": "reject"}, "review"), ({"decision": "approve"}, "removed")],
    ids=["reject", "approve"],
)
def test_a_word_with_settings_that_no_longer_hold_still_counts(
    coco: Path, tmp_path: Path, word: dict[str, str], state: str, given: bool
) -> None:
    """As one without settings would: the settings go, so the result is another one."""
    out, own = tmp_path / "out", {"refine": {"dilate": 0.3}}
    run(coco, out)
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings=own))
    row = manifest(out)[PHOTO]
    file = decide(tmp_path, **word, settings=own, result=row["result_sha256"], photo=row["photo_sha256"])
    if not given:
        run(coco, out, decisions=file)
    (coco / "images" / PHOTO).write_bytes((coco / "images/0004.png").read_bytes())
    summary = run(coco, out, decisions=file if given else None)
    now = manifest(out)[PHOTO]
    assert (now["state"], now["decision"], now["settings"]) == (state, None, None)
    [sentence, *_] = summary.decided
    assert sentence == f"0001.png: '{word['decision']}' was decided of another result and is not applied; look again."


def test_a_decision_edited_by_hand_is_about_what_stands(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings={"refine": {"dilate": 0.2}}))
    for own in ({"refine": {"dilate": 0.3}}, {"inpaint": {"fill": "navier-stokes"}}):
        write(out / "decisions.json", photos={PHOTO: {"decision": "redo", "settings": own}})
        run(coco, out)
        assert manifest(out)[PHOTO]["settings"] == own and kept(out)[PHOTO].keys() >= {"result", "photo"}
    write(out / "decisions.json", photos={PHOTO: {"decision": "reject", "settings": own}})
    run(coco, out)
    assert manifest(out)[PHOTO]["state"] == "passthrough"
    write(out / "decisions.json", photos={PHOTO: {"decision": "withdraw"}})
    run(coco, out)
    assert manifest(out)[PHOTO]["decision"] is None and kept(out) == {}


def test_runs_that_were_planned_side_by_side_lose_no_decision(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    jobs = [
        prepare(coco, out, coco_settings(), Selection(), decide(tmp_path, name, decision="reject"))
        for name in (PHOTO, "0002.png")
    ]
    execute(jobs[0])
    execute(jobs[0])  # what it wrote itself is no change
    with pytest.raises(
        InputError, match=r"decisions.json: its decisions changed while this run was planned; run again"
    ):
        execute(jobs[1])
    assert kept(out).keys() == {PHOTO}


def test_a_redo_that_was_not_followed_can_be_decided_anew(coco: Path, tmp_path: Path) -> None:
    """The report shows it as one of a result that is no more; one that was followed, or waits, it does not."""

    def outdated(out: Path) -> bool:
        block = re.search(
            r'<script type="application/json" id="photos">(.*?)</script>', (out / "report.html").read_text(), re.S
        )
        assert block
        [photo] = [one for one in json.loads(block[1]) if one["name"] == PHOTO]
        return bool(photo["outdated"])

    out = tmp_path / "out"
    run(coco, out)
    given = decide(tmp_path, decision="redo", settings={"refine": {"dilate": 0.3}})
    run(coco, out, decisions=given, photos=("0002.png",))
    assert not outdated(out)
    run(coco, out)
    assert not outdated(out)
    (coco / "images" / PHOTO).write_bytes((coco / "images/0004.png").read_bytes())
    run(coco, out)
    assert outdated(out)


@pytest.mark.parametrize("size", [(96, 128), (48, 64)])
def test_a_rejected_photo_keeps_every_person_in_the_annotation_file(
    coco: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    """Also one without an outline, and where the stated size is not the photo's."""
    path, out = coco / "annotations/instances_test.json", tmp_path / "out"
    tree = json.loads(path.read_text())
    tree["images"][0] |= dict(zip(("height", "width"), size, strict=True))
    tree["annotations"].append({"id": 999, "image_id": 1, "category_id": 1, "segmentation": [], "bbox": [0, 0, 0, 0]})
    path.write_text(json.dumps(tree))
    save_mask(tmp_path / "masks")
    masked = "segment.segmenter=mask-files", f"segment.mask_files.folder={tmp_path / 'masks'}"
    run(coco, out, *masked)
    run(coco, out, *masked, decisions=decide(tmp_path, decision="reject"))
    assert manifest(out)[PHOTO]["state"] == "passthrough" and annotated_persons(out, 1) == 2


def save_mask(folder: Path) -> None:
    """Mask files of every photo: the upper left corner."""
    mask = np.zeros((96, 128), np.uint8)
    mask[:30, :20] = 255
    for name in ("0001", "0002", "0003", "0004", "sub/0005", "sub/0006"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(folder / f"{name}.png")


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ({"decision": "approve"}, "removed"),
        ({"decision": "reject"}, "review"),
        ({"decision": "reject", "reject_as": "leave-out"}, "review"),
    ],
)
def test_a_word_on_another_result_is_told_and_not_followed(
    coco: Path, tmp_path: Path, decision: dict[str, Any], state: str
) -> None:
    """What was rejected and is another result now wants a look; what was approved goes by what the verifier says."""
    out = tmp_path / "out"
    run(coco, out)
    run(coco, out, decisions=decide(tmp_path, **decision))
    summary = run(coco, out, "inpaint.fill=navier-stokes")
    row = manifest(out)[PHOTO]
    assert (row["state"], row["decision"]) == (state, None)
    sentence = f"0001.png: '{decision['decision']}' was decided of another result and is not applied; look again."
    assert sentence in summary.decided
    assert summary.exit_code(False) == (3 if state == "review" else 0)
    run(coco, out)
    assert manifest(out)[PHOTO]["decision"] == decision["decision"], "with the result comes the word on it"


def test_redo_of_another_result_is_told_and_not_followed(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    old = manifest(out)[PHOTO]["result_sha256"]
    run(coco, out, "inpaint.fill=navier-stokes")
    given = decide(tmp_path, decision="redo", settings={"refine": {"dilate": 0.3}}, result=old)
    job = prepare(coco, out, coco_settings("inpaint.fill=navier-stokes"), Selection(), given)
    [note] = job.planned.decisions.notes
    assert note == "0001.png: 'redo' was decided of another result and is not applied; look again."
    execute(job)
    assert manifest(out)[PHOTO]["settings"] is None and not (out / "decisions.json").exists()


def test_a_redo_that_came_too_late_leaves_the_one_that_holds(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    old = manifest(out)[PHOTO]["result_sha256"]
    first, late = ({"refine": {"dilate": value}} for value in (0.2, 0.3))
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings=first, result=old))
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings=late, result=old))
    assert manifest(out)[PHOTO]["settings"] == first == kept(out)[PHOTO]["settings"]


def test_what_was_decided_of_another_photo_of_that_name_is_not_followed(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    run(coco, out, decisions=decide(tmp_path, decision="redo", settings={"refine": {"keep": [[20, 30, 16, 40]]}}))
    assert manifest(out)[PHOTO]["hole_share"] == 0
    (coco / "images" / PHOTO).write_bytes((coco / "images/0004.png").read_bytes())
    run(coco, out)
    assert manifest(out)[PHOTO]["settings"] is None and manifest(out)[PHOTO]["hole_share"] > 0


def test_decisions_go_into_another_output_directory(coco: Path, tmp_path: Path) -> None:
    """The record of one run is an input of another: the same photos and settings give the same collection."""
    first, second = tmp_path / "one", tmp_path / "two"
    run(coco, first)
    decisions = {
        "0001.png": {"decision": "reject"},
        "0002.png": {"decision": "redo", "settings": {"refine": {"dilate": 0.3}}},
        "0004.png": {"decision": "approve"},
    }
    run(coco, first, decisions=write(tmp_path / "decided.json", photos=decisions))
    run(coco, second, decisions=first / "decisions.json")
    assert contents(second) == contents(first)


def test_only_some_photos_of_a_run(coco: Path, tmp_path: Path) -> None:
    """A decision of a photo that this run leaves alone is kept, and followed when the photo's turn comes."""
    out = tmp_path / "out"
    run(coco, out)
    run(coco, out, decisions=decide(tmp_path, decision="reject"), photos=("0002.png",))
    assert manifest(out)[PHOTO]["decision"] is None
    run(coco, out)
    assert manifest(out)[PHOTO]["decision"] == "reject"


def test_a_photo_without_a_result_cannot_be_decided(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (coco / "images" / PHOTO).write_bytes(b"no picture")
    run(coco, out)
    summary = run(coco, out, decisions=decide(tmp_path, decision="approve", result="0" * 64))
    assert "0001.png: 'approve' is not applied: there is no result of this photo." in summary.decided
    assert summary.exit_code(False) == 1


def test_the_annotation_file_says_that_somebody_decided(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(coco, out)
    said = json.loads((out / "annotations/instances_test.json").read_text())["info"]["person_removal"]
    run(coco, out, decisions=decide(tmp_path, decision="reject"))
    now = json.loads((out / "annotations/instances_test.json").read_text())["info"]["person_removal"]
    assert "decisions_sha256" not in said and len(now["decisions_sha256"]) == 64


REDO = {"decision": "redo"}


@pytest.mark.parametrize(
    ("photos", "sentence"),
    [
        ({"0009.png": {"decision": "reject"}}, "there is no photo '0009.png' in the collection"),
        ({PHOTO: {"decision": "maybe"}}, "0001.png: 'maybe' is no decision; the decisions are approve, reject, redo"),
        ({PHOTO: "approve"}, "'approve' is no decision"),
        ({PHOTO: {"decision": "reject", "reject_as": "zip"}}, "reject_as is 'zip'; it is original or leave-out"),
        ({PHOTO: {"decision": "approve", "colour": 1}}, "'colour' says nothing of a decision"),
        ({PHOTO: {"decision": "approve", "note": 1}}, "note is 1, not a text"),
        ({PHOTO: REDO}, "redo needs `settings`"),
        ({PHOTO: REDO | {"settings": [1]}}, "settings is .1.; write it as"),
        ({PHOTO: REDO | {"settings": {"refine.dilate": 0.1}}}, "write it as"),
        ({PHOTO: REDO | {"settings": {"run": {"workers": 2}}}}, "of segment, refine, inpaint for itself, not 'run'"),
        (
            {PHOTO: REDO | {"settings": {"refine": {"dialte": 1}}}},
            "no setting 'refine.dialte' .*dilate",
        ),
        ({PHOTO: REDO | {"settings": {"refine": {"dilate": 7}}}}, "0001.png: refine.dilate = 7: "),
        ({PHOTO: REDO | {"settings": {"inpaint": {"feather": 9}}}}, "must not exceed refine.dilate_min"),
        ({PHOTO: REDO | {"settings": {"refine": {"keep": [-1]}}}}, "refine.keep: -1 is neither a person's number"),
        ({PHOTO: REDO | {"settings": {"refine": {"keep": "all"}}}}, "--keep all: write"),
        ({PHOTO: REDO | {"settings": {"refine": {"spare_masks": "x"}}}}, "refine.spare_masks is for --set alone"),
        ({PHOTO: REDO | {"settings": {"segment": {"segmenter": "mask-files"}}}}, "'mask-files' is for the whole coll"),
        ({PHOTO: {"decision": "approve"}}, "'approve' needs the `result`"),
    ],
)
def test_a_decision_that_cannot_be_used_is_one_sentence(
    coco: Path, tmp_path: Path, photos: dict[str, Any], sentence: str
) -> None:
    given = write(tmp_path / "decided.json", photos=photos)
    with pytest.raises((InputError, SettingsError), match=sentence) as caught:
        run(coco, tmp_path / "out", decisions=given)
    assert str(given) in str(caught.value) or "--keep" in sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "the file of decisions cannot be read"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no decisions of the report"),
        ('{"person_removal_decisions": 2, "photos": {}}', "no decisions of the report"),
        ('{"person_removal_decisions": 1, "photos": []}', "no decisions of the report"),
    ],
)
@pytest.mark.parametrize("place", ["given", "kept"])
def test_a_file_that_is_none_is_one_sentence(
    coco: Path, tmp_path: Path, text: str | None, sentence: str, place: str
) -> None:
    given, out = tmp_path / "decided.json", tmp_path / "out"
    run(coco, out)
    file = given if place == "given" else out / "decisions.json"
    if text is None and place == "kept":
        run(coco, out)
        return
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=sentence):
        run(coco, out, decisions=given if place == "given" else None)


def test_the_command_line_says_what_was_decided(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--preset", "coco", "--fill", "telea", "--workers", "1", "--set", "verify.segmenter=none"]
    CliRunner().invoke(app, ["run", str(coco), str(out), *options])
    given = decide(tmp_path, decision="reject")
    result = CliRunner().invoke(app, ["run", str(coco), str(out), *options, "--decisions", str(given)])
    assert result.exit_code == 0, result.output
    assert f"decisions: 1 reject (kept in {out / 'decisions.json'})" in result.output
    assert "By decision: 1 kept as the original." in result.output


def test_a_decision_is_in_the_key(coco: Path, tmp_path: Path) -> None:
    """Whatever was decided of a photo, its publishing is another one."""
    out = tmp_path / "out"
    job = prepare(coco, out, coco_settings(), Selection())
    execute(job)
    entry = read_shard(Path(job.planned.shards[0]))[0]
    shards = out / ".person-removal/shards"
    rows = {
        stage: row
        for stage in ("segment", "refine", "inpaint", "verify")
        for path in shards.glob(f"{stage}-*.json")
        for row in read_manifest(path)
        if row["id"] == entry.id
    }
    said: list[dict[str, Any]] = [
        {},
        {"decision": "approve", "decided_on": "a"},
        {"decision": "approve", "decided_on": "b"},
        {"decision": "original", "decided_on": "a"},
        {"decision": "leave-out", "decided_on": "a"},
        {"settings": {"refine": {"dilate": 0.3}}},
    ]
    keys = {registry.STAGES["publish"].key(job.context, replace(entry, **one), rows) for one in said}
    assert len(keys) == len(said)
