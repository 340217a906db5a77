"""Case folders end as they say; those beside the project, where there are any, too."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cases import ROOT, case_folders, run_case
from exports import coco, photos, write

BESIDE = ROOT.parent / "shared/cases"
OUTCOMES: dict[str, dict[str, list[str]]] = {
    "02_exif_turn_with_same_size": {key: ["review"] for key in ("square90.jpg", "turned180.jpg", "mirrored.jpg")},
    "03d_second_file_without_category_person": {"train/a.jpg": ["removed"], "val/b.jpg": ["removed", "review"]},
    "04_two_annotation_files_of_one_name": {"train/a.jpg": ["removed"], "valid/a2.jpg": ["removed"]},
    "14_message_bbox_only": {key: ["refused"] for key in ("a.jpg", "b.jpg")},
    "14_message_lvis_v1": {key: ["removed"] for key in ("val2017/a.jpg", "val2017/b.jpg")},
    "14_message_roboflow_splits": {"train/a.jpg": ["removed"], "valid/b.jpg": ["removed"]},
}
"""States of the photos of the cases beside the project, where they are not all of `a.jpg` and `b.jpg` removed."""
BOTH = {key: ["removed"] for key in ("a.jpg", "b.jpg")}
ABOUT_COCO = ("02", "03", "04", "14")
posix = pytest.mark.skipif(sys.platform == "win32", reason="the cases are shell scripts")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$PR` computes in its own process: two photos are not worth two more."""
    script = tmp_path / "person-removal"
    one = "--set run.workers=1 --set run.timeout=0"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m flows.cli.main "$@" {one}\n')
    script.chmod(0o755)
    monkeypatch.setenv("PR", str(script))


def beside() -> list[Path]:
    cases = case_folders([BESIDE]) if BESIDE.is_dir() else []
    return [case for case in cases if case.name.startswith(ABOUT_COCO)]


@posix
@pytest.mark.slow
@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("case", beside(), ids=lambda case: case.name)
def test_a_case_beside_the_project(case: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cases" / case.name
    copy.parent.mkdir()
    copy.symlink_to(case)
    problems, text = run_case(copy, tmp_path / "scratch", {"states": OUTCOMES.get(case.name, BOTH)})
    assert problems == [], text


@posix
@pytest.mark.slow
@pytest.mark.usefixtures("program")
def test_a_case_that_ends_as_it_says_and_one_that_does_not(tmp_path: Path) -> None:
    """Two splits with an annotation file of one name each: both come back."""
    case = tmp_path / "cases/splits"
    for split, name in (("train", "a.jpg"), ("valid", "b.jpg")):
        photos(case / "in" / split, name)
        write(case / "in" / split / "_annotations.coco.json", coco(name))
    run = "run in out --preset coco --fill telea --set verify.segmenter=none"
    (case / "run.sh").write_text(f'"$PR" {run}; echo "exit $?"\n')
    (case / "expect.txt").write_text("both splits are taken, each annotation file comes back")
    files = [f"out/annotations/{split}/_annotations.coco.json" for split in ("train", "valid")]
    right = {"exit": [0], "states": {"train/a.jpg": ["removed"], "valid/b.jpg": ["removed"]}, "files": files}
    (case / "outcome.json").write_text(json.dumps(right))
    assert case_folders([case]) == case_folders([tmp_path / "cases"]) == [case]
    problems, text = run_case(case, tmp_path / "scratch")
    assert problems == [], text

    wrong = {"exit": [3], "states": {"train/a.jpg": ["review"]}, "says": ["good morning"], "files": ["out/gone"]}
    (case / "outcome.json").unlink()
    (case / "run.sh").write_text(
        f'cp -r "{tmp_path}/scratch/splits/out" out; echo "exit 0"; '
        + 'echo x >> in/new.txt; echo "Traceback (most recent call last)"\n'
    )
    problems, _ = run_case(case, tmp_path / "again", wrong)
    assert problems == [
        "a traceback was printed",
        "a file of its input was changed",
        "none of the exit codes [3] was printed",
        "it does not say: good morning",
        "there is no out/gone",
        "train/a.jpg is removed, not review",
    ]
