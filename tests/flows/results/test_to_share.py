"""What is shared with a result: no folder of the machine, no formula, and one list of what to delete before."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from collection_with_people import FAST, make_coco

from configs.load import load_settings
from flows.plan.selection import selection
from flows.report.states import SHOWS_PEOPLE
from flows.results.annotations import _as_text
from flows.results.paths import names_of, way_to, without_paths
from flows.run.job import execute, prepare

ROOT = Path(__file__).resolve().parents[3]


def remove(source: Path, output: Path, *overrides: str, preset: str = "coco") -> None:
    execute(prepare(source, output, load_settings(preset, [*FAST, *overrides]), selection()))


def test_no_folder_of_the_machine_is_in_what_is_shared(tmp_path: Path) -> None:
    coco = make_coco(tmp_path / "of ann/coco")
    (coco / "images/0002.png").write_bytes(b"")
    (tmp_path / "of bob").mkdir()
    preset = tmp_path / "of bob/mine.yaml"
    preset.write_text("segment:\n  segmenter: annotations\ninpaint:\n  fill: telea\n")
    keep = tmp_path / "of bob/keep.json"
    keep.write_text("{}")
    log = f"run.log_json={tmp_path / 'of bob/log'}"
    remove(coco, tmp_path / "of cid/out", f"refine.keep={keep}", log, preset=str(preset))
    for path in (tmp_path / "of cid/out").rglob("*"):
        if path.suffix in (".html", ".json", ".csv", ".jsonl") and ".person-removal" not in path.parts:
            text = path.read_text()
            for word in ("of ann", "of bob", "of cid", str(tmp_path), str(Path.home())):
                assert word not in text, path.name
    assert "keep.json" in (tmp_path / "of cid/out/report.html").read_text()


@pytest.mark.parametrize(
    ("source", "output", "way"),
    [
        ("photos", "out", "../photos"),
        ("photos", "results/one", "../../photos"),
        ("ann/photos", "out", None),
        ("ann/photos", "ann/out", "../photos"),
        ("ann/photos", "ann/lee/out", "../../photos"),
    ],
)
def test_originals_are_linked_where_the_way_says_nothing_of_the_machine(
    tmp_path: Path, source: str, output: str, way: str | None
) -> None:
    root = tmp_path / source
    assert way_to(root, root, tmp_path / output) == way
    assert way_to(root / "images", root, tmp_path / output) == (way and f"{way}/images")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("/home/ann/x/best.pt", "best.pt"),
        ("C:\\Users\\ann\\best.pt", "best.pt"),
        ("\\\\server\\share\\best.pt", "best.pt"),
        ("../../ann/masks", "masks"),
        ("masks/{stem}.png", "masks/{stem}.png"),
        ("/data/in/annotations/a.json: 3 unknown.", "a.json: 3 unknown."),
        ("in /data/in/a.jpg and /data/in", "in in/a.jpg and in"),
        ({"a": ["/x/y", 3, None, True]}, {"a": ["y", 3, None, True]}),
    ],
)
def test_paths_become_names(value: object, said: object) -> None:
    assert without_paths(value, names_of([Path("/data/in"), Path("/data")])) == said


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "|", "%"])
def test_attribution_holds_no_formula(start: str) -> None:
    assert _as_text(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"
    assert _as_text("a=b@c") == "a=b@c" and _as_text("") == ""


def test_a_formula_in_an_annotation_file_is_text_in_the_table(tmp_path: Path) -> None:
    coco = make_coco(tmp_path / "coco")
    path = next((coco / "annotations").glob("*.json"))
    tree = json.loads(path.read_text())
    for image in tree["images"]:
        image |= {"author": '=HYPERLINK("https://x";"y")', "flickr_url": "@SUM(1+1)*cmd|' /C calc'!A0", "license": 1}
    tree["licenses"] = [{"id": 1, "name": "-2+3", "url": "+1"}]
    path.write_text(json.dumps(tree))
    remove(coco, tmp_path / "out")
    with (tmp_path / "out/attribution.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) > 1 and not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@")]
    assert rows[1][3].startswith("'=HYPERLINK") and rows[1][1].startswith("'-2+3")


@pytest.mark.parametrize("page", ["README.md", "docs/output.md", "docs/review.md"])
def test_every_page_names_what_to_delete(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in SHOWS_PEOPLE)
