"""Figures of masks on literal pictures: P and Q are annotated people, C a crowd."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from collection_with_people import manifest, remove
from literal_masks import mask
from typer.testing import CliRunner

from configs import RefineSettings
from data.errors import InputError
from data.types import Instance, People
from flows.cli.evaluate import _curve_table
from flows.cli.main import app
from flows.evaluation.estimates import estimate
from flows.evaluation.finished import FinishedRun
from flows.evaluation.masks import Case, ghost, judge, measure
from flows.evaluation.plots import residual_plot

TRUTH = "PPPP.... PPPP.... PPPP.... PPPP.... ......QQ ......QQ CC...... CC......"


def people(text: str) -> People:
    persons = tuple(Instance.from_mask(mask(text, c), 1.0, "yolo", c == "C") for c in "PQC" if c in text)
    return People(mask(text).shape, persons)


def case(found: str) -> Case:
    return Case("a.png", np.zeros((8, 8, 3), np.uint8), people(TRUTH), people(found), 0.5)


def hole(text: str) -> np.ndarray:
    return mask(text).astype(np.uint8) * np.uint8(255)


def test_parts_of_one_photo() -> None:
    found = case("PPP..... PPP..... PPP..... PPP..... ........ ......PP ........ ........")
    removed = hole("####.... ####.... ####.... ####.... ........ ######## ........ ########")
    parts = measure(found, removed)
    assert parts["mean_iou"] == (14 / 24, 1.0)
    assert parts["recall"] == (14 / 24, 1.0) and parts["precision"] == (1.0, 1.0)
    assert parts["covered"] == (2.0, 2.0)  # P three quarters, Q half; the crowd does not count
    assert parts["inside"] == (16 + 2 + 2, 24.0) and parts["area"] == (32.0, 24.0)
    assert parts["left"] == (1.0, 2.0) and parts["left_small"] == (1.0, 2.0)
    assert parts["seconds"] == (0.5, 1.0)


def test_a_photo_without_people_counts_for_what_was_found_wrongly() -> None:
    nobody = Case("b.png", np.zeros((8, 8, 3), np.uint8), People((8, 8)), people(TRUTH))
    parts = measure(nobody, hole(TRUTH.replace("P", "#")))
    assert "mean_iou" not in parts and parts["precision"] == (0.0, 1.0) and parts["area"] == (16.0, 0.0)


def test_a_hole_that_is_too_tight_shows_a_ghost() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(100, 120, (120, 120, 3), np.uint8)
    somebody, outline = np.zeros((120, 120), bool), np.zeros((120, 120), bool)
    somebody[30:90, 45:75] = True
    outline[34:86, 49:71] = True  # drawn 4 px too tight
    pixels[somebody] = rng.integers(200, 220, (somebody.sum(), 3))
    tight, wide = ghost(pixels, outline, outline), ghost(pixels, outline, somebody)
    assert tight[0] / tight[1] > 0.95 and wide[0] / wide[1] < 0.05


def test_an_interval_holds_the_value_and_narrows_with_photos() -> None:
    rng = np.random.default_rng(1)
    few = [{"x": (float(v), 1.0)} for v in rng.random(20)]
    many = few * 20
    a, b = estimate(few)["x"], estimate(many)["x"]
    assert a.low < a.value < a.high and a.value == pytest.approx(b.value)
    assert (b.high - b.low) < (a.high - a.low) / 3
    assert a.high - a.low == pytest.approx(4 * np.std([p["x"][0] for p in few]) / np.sqrt(20), rel=0.15)


def test_the_curve_over_a_setting_is_what_the_setting_gives() -> None:
    found = case(TRUTH)
    variants = {v: RefineSettings(dilate=0, dilate_min=int(v)) for v in (0.0, 2.0)}
    judged = judge([(found, hole("........ " * 8), {})], variants, worst=3)
    assert judged.curves[2.0]["area"].value > judged.curves[0.0]["area"].value >= 1
    assert judged.figures["inside"].value == 0 and [name for name, _ in judged.worst] == ["a.png"]


def test_a_figure_that_one_value_does_not_have_is_a_dash(tmp_path: Path) -> None:
    """A hole so wide that no background is left around it has no ghost; without people there is no area either."""
    one = estimate([{"inside": (1.0, 2.0), "area": (3.0, 2.0), "ghost": (1.0, 4.0)}])
    curves = {0.0: one, 0.5: {name: one[name] for name in ("inside", "area")}, 1.0: {"ghost": one["ghost"]}}
    table = _curve_table("dilate", curves)
    cells = {column.header: list(column.cells) for column in table.columns}
    assert cells["ghost"] == ["0.2500", "-", "0.2500"] and cells["area"] == ["1.5000", "1.5000", "-"]
    residual_plot(tmp_path / "plot.png", curves, "dilate", 0.5)
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_command(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures"
    sweep = ["--sweep", "dilate=0,0.2", "--out", str(out)]
    result = CliRunner().invoke(app, ["evaluate", "masks", str(coco), "--preset", "coco", *sweep])
    assert result.exit_code == 0, result.output
    report = json.loads((out / "masks.json").read_text())
    assert report["photos"] == 6 and report["figures"]["mean_iou"]["value"] == 1
    assert set(report["sweep"]["dilate"]) == {"0", "0.2", f"{RefineSettings().dilate:g}"}
    assert {p.name for p in out.iterdir()} == {"masks.json", "sizes.png", "dilate.png", "worst.jpg"}


def test_command_on_a_run(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out", "refine.keep=1")
    arguments = ["evaluate", "masks", str(coco), "--of", str(tmp_path / "out"), "--out", str(tmp_path / "figures")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures/masks.json").read_text())["figures"]
    assert figures["changed"]["value"] == 0
    assert figures["left"]["value"] == pytest.approx(1 / 6, abs=1e-4)
    assert manifest(tmp_path / "out")["sub/0006.png"]["notes"] == ["1 of the people kept"]


def test_a_sample_is_the_same_for_the_same_seed(coco: Path) -> None:
    command = ["evaluate", "masks", str(coco), "--preset", "coco", "--limit", "2", "--seed"]
    tables = ["".join(CliRunner().invoke(app, [*command, seed]).output.split("seconds")[0]) for seed in ("3", "3")]
    assert tables[0] == tables[1] and "2 photos" in tables[0]


def test_a_damaged_manifest_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text('{"file_name": "a.png", ')
    (tmp_path / "people.json").write_text("{}")
    with pytest.raises(InputError, match="damaged; run again"):
        FinishedRun(tmp_path)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--sweep", "dilate=a"], "write it as dilate="),
        (["--sweep", "keep=1"], "there is no such number among the refine settings"),
        (["--of", "nowhere"], "it holds no result of a run"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(coco: Path, options: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, ["evaluate", "masks", str(coco), "--preset", "coco", *options])
    assert isinstance(result.exception, InputError) and sentence in str(result.exception)
