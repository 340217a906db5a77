"""`person-removal evaluate removal` on tiny folders."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from collection_with_people import FAST, make_coco, remove, save_photo
from PIL import Image
from typer.testing import CliRunner

from configs import SegmentSettings
from configs.segmenters import SEGMENTERS
from data.errors import InputError
from data.types import Instance, People, Photo
from data.weights.files import WeightsError, find
from flows.cli import evaluate_removal
from flows.cli.main import app
from flows.evaluation import fills
from flows.stages import models

pytestmark = pytest.mark.slow  # whole runs and evaluations

RED = (220, 20, 30)
QUICK = [option for setting in FAST for option in ("--set", setting)]


class RedSegmenter:
    """A network that takes every red rectangle for a person, the upper ones with more confidence."""

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [self._people(photo) for photo in photos]

    def _people(self, photo: Photo) -> People:
        red = (photo.pixels == RED).all(-1)
        halves = [red & (np.arange(red.shape[1]) < 64), red & (np.arange(red.shape[1]) >= 64)]
        scores = (0.9, 0.3)
        found = (Instance.from_mask(m, s, "maskrcnn") for m, s in zip(halves, scores, strict=True) if m.any())
        return People(photo.size, tuple(found))


@pytest.fixture
def red_verifier(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def build(settings: SegmentSettings, weights: Any) -> RedSegmenter:
        assert settings.score == 0.15  # as low as figures are told for
        return RedSegmenter()

    monkeypatch.setitem(SEGMENTERS, "maskrcnn", replace(SEGMENTERS["maskrcnn"], settings=None))  # no weights
    monkeypatch.setattr("detection.maskrcnn.build", build)
    models._segmenter.cache_clear()
    yield
    models._segmenter.cache_clear()


def evaluate(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["evaluate", "removal", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def figures(path: Path) -> dict[str, Any]:
    return json.loads((path / "removal.json").read_text())["runs"]


# ---------------------------------------------------------------- photos with people


def test_a_finished_run(coco: Path, tmp_path: Path, red_verifier: None) -> None:
    remove(coco, tmp_path / "run", "refine.keep=1")  # the second of the two people of a photo stays
    out = tmp_path / "figures"
    text = evaluate(coco, "--of", tmp_path / "run", "--verifier", "maskrcnn", "--out", out)
    run = figures(out)["run"]
    assert "6 of 6 photos; masks by annotations, verified in the run by nobody; judged by maskrcnn" in text
    assert "─" in text and "residual: people's pixels outside the hole" in text, "drawn, and its words explained"
    assert run["photos"] == 6 and run["left"]["value"] == pytest.approx(1 / 6, abs=1e-4)
    assert run["residual"]["value"] == pytest.approx(14 * 30 / run["residual"]["of"], abs=1e-4)
    assert run["changed"]["value"] == 0  # lossless files
    assert "changed_blocks" not in run and run["masks_by"] == ["annotations"]
    seen = {name: run[name]["value"] for name in run if "@" in name and "_s" not in name and "_m" not in name}
    assert seen["elsewhere@0.15"] == seen["elsewhere@0.25"] == pytest.approx(1 / 6, abs=1e-4)
    assert seen["elsewhere@0.4"] == seen["in_hole@0.15"] == 0  # it is sure of who is on the left only
    assert seen["again@0.25"] == pytest.approx(1 / 6, abs=1e-4)
    assert seen["before@0.25"] == 1 and seen["before@0.5"] == pytest.approx(3 / 6, abs=1e-4)
    assert {path.name for path in out.iterdir()} == {
        *("removal.json", "removal.md", "removal.png", "removal-by-photo.json", "removal-worst.jpg")
    }
    photos = {photo["file_name"]: photo for photo in json.loads((out / "removal-by-photo.json").read_text())["run"]}
    assert [found["where"] for found in photos["sub/0006.png"]["found"]] == ["elsewhere"]
    assert photos["0003.png"] | {"found": []} == photos["0003.png"] and photos["0003.png"]["persons"] == 0


def test_runs_made_for_every_fill_and_a_sample(coco: Path, tmp_path: Path, red_verifier: None) -> None:
    common = (coco, "--preset", "coco", "--verifier", "maskrcnn", *QUICK, "--limit", 3, "--seed", 2)
    text = evaluate(*common, "--fills", "telea,navier-stokes", "--out", tmp_path / "a")
    runs = figures(tmp_path / "a")
    assert list(runs) == ["telea", "navier-stokes"] and text.count("3 of 3 photos") == 2
    assert all(run["left"]["value"] == run["again@0.15"]["value"] == 0 for run in runs.values())
    manifest = (tmp_path / "a/run/manifest.jsonl").read_text().splitlines()
    assert len(manifest) == 3
    evaluate(*common, "--fills", "telea,navier-stokes", "--out", tmp_path / "b")
    for name in ("removal.json", "removal-by-photo.json", "removal.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_run_that_is_kept_needs_no_temporary_folder(
    coco: Path, tmp_path: Path, red_verifier: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = evaluate_removal.tempfile.TemporaryDirectory
    stub = SimpleNamespace(TemporaryDirectory=lambda prefix: made.append(prefix) or real(prefix=prefix))
    monkeypatch.setattr(evaluate_removal, "tempfile", stub)
    common = (coco, "--preset", "coco", "--verifier", "maskrcnn", *QUICK, "--limit", 1)
    evaluate(*common, "--out", tmp_path / "a")
    assert made == []
    evaluate(*common)
    assert made == ["person-removal-"]


def test_jpeg_blocks_outside_the_holes_are_the_same(coco: Path, tmp_path: Path) -> None:
    pytest.importorskip("jpeglib")
    [annotations] = (coco / "annotations").iterdir()
    tree = json.loads(annotations.read_text().replace(".png", ".jpg"))
    annotations.write_text(json.dumps(tree))
    for path in sorted((coco / "images").rglob("*.png")):
        Image.open(path).save(path.with_suffix(".jpg"), quality=90, subsampling=2)
        path.unlink()
    remove(coco, tmp_path / "run")
    text = evaluate(coco, "--of", tmp_path / "run", "--out", tmp_path / "figures")
    run = figures(tmp_path / "figures")["run"]
    assert run["changed_blocks"]["value"] == 0 and run["changed_blocks"]["of"] > 300 and "changed" not in run
    assert "judged by nobody" in text and not any("@" in name for name in run)
    broken = next((tmp_path / "run/images").rglob("0001.jpg"))
    Image.open(broken).save(broken, quality=30)
    evaluate(coco, "--of", tmp_path / "run", "--out", tmp_path / "figures")
    assert figures(tmp_path / "figures")["run"]["changed_blocks"]["value"] > 0.05


# ---------------------------------------------------------------- scenes without people


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four photos without people, and no networks to look at them, which would take the tests' time."""
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    for seed in range(4):
        save_photo(tmp_path / f"scenes/{seed}.png", seed, None)
    return tmp_path / "scenes"


@pytest.fixture
def large_coco(tmp_path: Path) -> Path:
    """One photo with two persons large enough to cut out, one too small, and a crowd."""
    root = make_coco(tmp_path / "large")
    [annotations] = (root / "annotations").iterdir()
    save_photo(root / "images/large.png", 9, (60, 20, 80, 240), scale=3)
    tree = json.loads(annotations.read_text())
    tree["images"] = [{"id": 9, "file_name": "large.png", "height": 288, "width": 384, "license": 4}]
    outlines = {1: (60, 20, 80, 240), 2: (200, 100, 50, 120), 3: (300, 10, 20, 40)}
    tree["annotations"] = [
        {"id": i, "image_id": 9, "category_id": 1, "bbox": [x, y, w, h], "area": w * h, "iscrowd": int(i == 4),
         "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]]}
        for i, (x, y, w, h) in outlines.items()
    ]  # fmt: skip
    annotations.write_text(json.dumps(tree))
    return root


def test_fills_on_scenes(scenes: Path, large_coco: Path, tmp_path: Path) -> None:
    common = (large_coco, "--scenes", scenes, "--fills", "telea,mean", "--size", 64, "--limit", 5)
    text = evaluate(*common, "--out", tmp_path / "a", "--blind", "mean,telea")
    report = json.loads((tmp_path / "a/fills.json").read_text())
    assert report["pairs"] == 5 and list(report["fills"]) == ["telea", "mean"]
    assert re.search(r"│ pairs +│ telea +│ 5 ", text) and "Minus telea, on the same pairs" in text
    assert "SSIM: structural similarity" in text and "| telea | all | 5 |" in (tmp_path / "a/fills.md").read_text()
    pairs = json.loads((tmp_path / "a/pairs.json").read_text())["pairs"]
    assert {pair["annotation"] for pair in pairs} <= {1, 2} and len({pair["scene"] for pair in pairs}) == 4
    by_pair = json.loads((tmp_path / "a/fills-by-pair.json").read_text())
    assert [row["number"] for row in by_pair] == [1, 2, 3, 4, 5]
    telea, mean = (np.mean([row["fills"][fill]["psnr"] for row in by_pair]) for fill in ("telea", "mean"))
    assert report["fills"]["mean"]["all"]["psnr"]["value"] == pytest.approx(mean, abs=1e-4)
    assert report["minus telea"]["mean"]["all"]["psnr"]["value"] == pytest.approx(mean - telea, abs=1e-4)
    assert report["minus telea"]["mean"]["all"]["psnr"]["verdict"] == "too few pairs"

    # The pairs that were written are the pairs that are judged again, to the byte, whatever the seed would draw.
    evaluate(*common, "--out", tmp_path / "b", "--ids", tmp_path / "a/pairs.json")
    for name in ("pairs.json", "fills-by-pair.json", "fills.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    evaluate(*common, "--out", tmp_path / "c", "--seed", "5")
    assert (tmp_path / "a/fills-by-pair.json").read_bytes() != (tmp_path / "c/fills-by-pair.json").read_bytes()

    # Fewer pairs are the beginning of more.
    evaluate(*common[:-1], 2, "--out", tmp_path / "few")
    assert json.loads((tmp_path / "few/pairs.json").read_text())["pairs"] == pairs[:2]


def columns(path: Path, count: int) -> list[np.ndarray]:
    """The pictures of a blind sheet, without their names and the gaps."""
    picture = np.asarray(Image.open(path))[28:]
    width = (picture.shape[1] - 12 * (count - 1)) // count
    return [picture[:, i * (width + 12) : i * (width + 12) + width] for i in range(count)]


def most_common_colour(pixels: np.ndarray) -> float:
    """Share of the most frequent colour, 0 to 1."""
    return float(np.unique(pixels, axis=0, return_counts=True)[1].max() / len(pixels))


def test_blind_sheets_hide_who_is_who(scenes: Path, large_coco: Path, tmp_path: Path) -> None:
    options = ("--fills", "telea,mean,navier-stokes", "--size", 64, "--limit", 8, "--out", tmp_path / "a")
    evaluate(large_coco, "--scenes", scenes, *options, "--blind", "mean,telea,navier-stokes")
    key = json.loads((tmp_path / "a/blind-key.json").read_text())
    names = sorted(path.name for path in (tmp_path / "a/blind").iterdir())
    assert names == [*sorted(key), "judgements.csv"] and len(key) == 8
    assert "picture,best (A B C or same)" in (tmp_path / "a/blind/judgements.csv").read_text()
    assert len({tuple(order.values()) for order in key.values()}) > 2  # not always the same places
    for name, order in key.items():
        assert sorted(order.values()) == ["mean", "navier-stokes", "telea"]
        _, *shown = columns(tmp_path / "a/blind" / name, 4)
        hole = np.any([(shown[0] != other).any(2) for other in shown[1:]], axis=0)
        flat = [most_common_colour(picture[hole]) for picture in shown]  # one colour, but for the blend at the rim
        assert list(order)[int(np.argmax(flat))] == next(letter for letter, fill in order.items() if fill == "mean")


def test_judgements_of_blind_sheets_are_counted(tmp_path: Path) -> None:
    key = {"0001.png": {"A": "telea", "B": "mean"}, "0002.png": {"A": "mean", "B": "telea"}, "0003.png": {"A": "mean"}}
    (tmp_path / "key.json").write_text(json.dumps(key))
    (tmp_path / "one.csv").write_text("picture,best\n0001.png,a\n0002.png,B\n0003.png,\n")
    (tmp_path / "two.csv").write_text("picture,best\n0001.png,same\n0002.png,A\n")
    (tmp_path / "three.csv").write_text("picture,best\n0001.png,C\n")
    script = Path(__file__).parents[3] / "benchmarks/blind_counts.py"

    def count(*judges: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(script), "key.json", *judges]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    lines = count("one.csv", "two.csv").stdout.splitlines()
    assert lines[0] == "| judge | mean | telea | same | sheets |"
    assert lines[2:] == ["| one.csv | 0 | 2 | 0 | 2 |", "| two.csv | 1 | 0 | 1 | 2 |", "| all | 1 | 2 | 1 | 4 |"]
    assert "C is none of the columns of this sheet" in count("three.csv").stderr


def test_blind_sheets_of_photos_with_people(large_coco: Path, tmp_path: Path) -> None:
    common = (large_coco, "--preset", "coco", "--blind", "mean,telea", *QUICK)
    text = evaluate(*common, "--out", tmp_path / "a")
    key = json.loads((tmp_path / "a/blind-key.json").read_text())
    assert list(key) == ["0001.png"] and sorted(key["0001.png"].values()) == ["mean", "telea"]
    assert "To be judged by eye" in text and not (tmp_path / "a/fills.json").exists()
    photo, *shown = columns(tmp_path / "a/blind/0001.png", 3)
    assert (photo == RED).all(2).sum() > 5000 > 50 > max((picture == RED).all(2).sum() for picture in shown)
    evaluate(*common, "--out", tmp_path / "b")
    assert (tmp_path / "a/blind/0001.png").read_bytes() == (tmp_path / "b/blind/0001.png").read_bytes()


def test_a_hole_with_somebody_in_it_counts(
    scenes: Path, large_coco: Path, tmp_path: Path, red_verifier: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def red(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        return np.where((hole != 0)[..., None], np.uint8(RED), image)

    monkeypatch.setattr(fills, "fill_with_mean", red)
    options = ("--fills", "telea,mean", "--size", 64, "--limit", 3, "--verifier", "maskrcnn", "--out", tmp_path / "a")
    evaluate(large_coco, "--scenes", scenes, *options)
    found = json.loads((tmp_path / "a/fills.json").read_text())["fills"]
    assert [found[fill]["all"]["person"]["value"] for fill in ("telea", "mean")] == [0, 100]


def test_figures_without_weights_are_left_out_and_said(
    scenes: Path, large_coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = (large_coco, "--scenes", scenes, "--fills", "mean", "--size", 64, "--limit", 1)
    text = evaluate(*common)
    for title in ("feature distance", "person found, %"):
        assert f"{title}: left out." in text
    assert "made up, %" in text and "weights fetch" in text
    with pytest.raises(WeightsError, match="yolov8n"):
        evaluate(*common, "--verifier", "embedded")
    monkeypatch.delenv("PERSON_REMOVAL_CACHE")
    try:
        find("yolov8n")
    except WeightsError as error:
        pytest.skip(str(error))
    assert "feature distance: left out." not in evaluate(*common, "--out", tmp_path / "a")
    assert "| feature distance |" in (tmp_path / "a/fills.md").read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--of", "SCENES"], "leave it out with --scenes"),
        (["--blind", "telea,lama"], "name two or more of the fills that are compared: telea, mean"),
        (["--blind", "telea,mean"], "say where with --out DIR"),
        (["--ids", "missing.json"], "the list of pairs cannot be read"),
        (["--ids", "SCENES/list.json"], "it is no list of pairs"),
    ],
)
def test_what_cannot_be_asked_of_scenes(
    scenes: Path, large_coco: Path, tmp_path: Path, options: list[str], sentence: str
) -> None:
    (scenes / "list.json").write_text('{"person_removal_pairs": 1, "pairs": [{"number": 1}]}')
    filled = [option.replace("SCENES", str(scenes)) for option in options]
    with pytest.raises(InputError, match=sentence):
        evaluate(large_coco, "--scenes", scenes, "--fills", "telea,mean", *filled)


def test_a_scene_or_person_that_is_gone_is_one_sentence(scenes: Path, large_coco: Path, tmp_path: Path) -> None:
    common = (large_coco, "--scenes", scenes, "--fills", "mean", "--size", 64)
    evaluate(*common, "--out", tmp_path / "a")
    pairs = tmp_path / "a/pairs.json"
    text = pairs.read_text()
    pairs.write_text(text.replace('"annotation": ', '"annotation": 9'))
    with pytest.raises(InputError, match=r"the person of annotation 9\d in large.png cannot be used"):
        evaluate(*common, "--ids", pairs)
    pairs.write_text(text.replace('"scene": "', '"scene": "no'))
    with pytest.raises(InputError, match="is not there"):
        evaluate(*common, "--ids", pairs)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--fills", "telea,mean"], "it is compared with --scenes only"),
        (["--fills", "telea", "--of", "."], "give one of the two"),
        (["--verifier", "annotations"], "a segmenter that finds people by itself"),
        (["--verifier", "same"], "a segmenter that finds people by itself"),
        (["--verifier", "embedded:x.pt"], "embedded takes no file"),
        (["--ids", "a.json"], "name the scenes with --scenes"),
        (["--blind", "telea,mean"], "say where with --out DIR"),
        (["--blind", "telea", "--out", "a"], "name two or more fills"),
        (["--blind", "telea,mean", "--fills", "telea"], "leave out --fills, --of and --verifier"),
    ],
)
def test_what_cannot_be_asked_of_photos_with_people(coco: Path, options: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        evaluate(coco, "--preset", "coco", *options)
