"""`person-removal train`: learns from 50 photos, stops on Ctrl-C, goes on, and says what is wrong."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from configs.training import TrainSettings
from flows.cli.main import main
from flows.cli.train import _flat

ROOT = Path(__file__).parents[3]
TINY = ["data.size=64", "network.width=12", "network.discriminator=8", "optimiser.batch=4", "optimiser.rate=0.0005"]
TINY += ["run.device=cpu", "data.workers=2"]


def command(output: Path, photos: Path, *settings: str) -> list[str]:
    given = [f"data.photos={photos}", *TINY, *settings]
    return ["train", str(output), *(part for setting in given for part in ("--set", setting))]


def person_removal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["person-removal", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def textures(folder: Path, count: int) -> None:
    """Slopes of colour with stripes: what surrounds a hole tells what was in it."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:120, 0:160] / 160
    for i in range(count):
        slope = rng.uniform(0, 255, 3) + (x[..., None] * rng.uniform(-120, 120, 3) + y[..., None] * 60)
        stripes = 25 * np.sin(2 * np.pi * rng.uniform(4, 12) * (x + rng.uniform(-1, 1) * y))
        cv2.imwrite(str(folder / f"{i:02d}.png"), np.clip(slope + stripes[..., None], 0, 255).astype(np.uint8))


def masks(folder: Path) -> None:
    folder.mkdir()
    for i, size in enumerate([(30, 80), (50, 90), (40, 60)]):
        mask = cv2.ellipse(np.zeros((200, 120), np.uint8), (60, 100), size, 0, 0, 360, 255, -1)
        cv2.imwrite(str(folder / f"{i}.png"), mask)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """50 real photos where they are beside the checkout, else 50 made ones."""
    real = ROOT.parent / "shared" / "data" / "train-photos" / "free"
    folder = tmp_path / "photos"
    if not real.is_dir():
        textures(folder, 50)
        return folder
    folder.mkdir()
    for path in sorted(real.glob("*.jpg"))[::8][:50]:
        (folder / path.name).write_bytes(path.read_bytes())
    assert sum(1 for _ in folder.iterdir()) == 50
    return folder


@pytest.mark.slow
def test_fifty_photos_lower_the_validation_loss(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    masks(tmp_path / "masks")
    settings = [f"holes.silhouettes={tmp_path / 'masks'}", "optimiser.steps=30", "validation.every=30"]
    settings += ["validation.items=16", "validation.holdout=5", "run.checkpoint=30"]
    output = tmp_path / "out"
    assert person_removal(monkeypatch, *command(output, photos, *settings)) == 0
    said = capsys.readouterr().out
    assert "40 photos to train on, 10 to validate on, 3 silhouettes" in said
    with (output / "validation.csv").open() as file:
        rows = list(csv.DictReader(file))
    first, last = ({name: float(value) for name, value in row.items()} for row in (rows[0], rows[-1]))
    assert first["step"] == 0 and set(first) == {"step", "l1", "psnr", "ssim"}
    assert last["l1"] < 0.85 * first["l1"] and last["psnr"] > first["psnr"] + 0.5, (first, last)

    # and what it learnt is a fill
    shot = tmp_path / "shot.png"
    Image.fromarray(np.asarray(Image.open(next(photos.iterdir())).convert("RGB").resize((96, 96)))).save(shot)
    hole = np.zeros((96, 96), np.uint8)
    hole[30:60, 30:60] = 255
    Image.fromarray(hole).save(tmp_path / "hole.png")
    places = [str(tmp_path / name) for name in ("shot.png", "hole.png", "filled.png")]
    assert person_removal(monkeypatch, "fill", *places, "--weights", str(output / "weights.safetensors")) == 0
    change = np.asarray(Image.open(places[2])).astype(int) - np.asarray(Image.open(places[0]))
    assert change[hole > 0].any() and not change[hole == 0].any()


def start(arguments: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", *arguments],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a test cannot press Ctrl-C there without ending itself")
def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    textures(tmp_path / "photos", 4)
    output = tmp_path / "out"
    settings = ["optimiser.steps=1000000", "validation.items=2", "validation.holdout=2"]
    process = start(command(output, tmp_path / "photos", *settings))
    try:
        deadline = time.monotonic() + 240
        while not (output / "samples").is_dir():  # it is past its first validation
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "no silhouettes: strokes and boxes are the holes" in said
    assert "Stopped after step" in said and "--resume latest" in said and "Traceback" not in said
    (checkpoint,) = (output / "checkpoints").iterdir()
    done = int(checkpoint.stem)
    assert done >= 1

    settings = [f"optimiser.steps={done + 1}", *settings[1:], "optimiser.clip=5"]
    assert person_removal(monkeypatch, *command(output, tmp_path / "photos", *settings), "--resume", "latest") == 0
    assert (output / "checkpoints" / f"{done + 1:08d}.pth").is_file()
    assert "Another optimiser.clip than" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "data.photos names no folder"),
        (["--set", "data.photos=nowhere"], "no photos in nowhere"),
        (["--set", "optimiser.steps=0"], "optimiser.steps = 0"),
        (["--resume", "latest"], "no checkpoint to go on from"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--set", "run.device=cuda:99"], "run.device"),
        (["--set", "data.photos=."], "apart from the photos"),
        (["--set", "optimiser.betas=[0.5, 1.0]"], "optimiser.betas"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert person_removal(monkeypatch, "train", str(tmp_path / "out"), *arguments) == 2
    said = capsys.readouterr().err.strip()
    assert words in said and len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_training_that_is_there_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out/checkpoints").mkdir(parents=True)
    (tmp_path / "out/checkpoints/00000500.pth").touch()
    assert person_removal(monkeypatch, *command(tmp_path / "out", tmp_path / "photos")) == 2
    assert "training of 500 steps" in capsys.readouterr().err


def test_an_output_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("mine")
    assert person_removal(monkeypatch, *command(tmp_path / "out", tmp_path / "photos")) == 2
    said = capsys.readouterr().err.strip()
    assert "is a file" in said and len(said.splitlines()) == 1 and (tmp_path / "out").read_text() == "mine"


def test_a_failed_resume_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    textures(tmp_path / "photos", 4)
    output = tmp_path / "out"
    (output / "checkpoints").mkdir(parents=True)
    torch.save({"G": {}}, output / "checkpoints/00000001.pth")
    (output / "settings.yaml").write_text("as it was")
    settings = ["validation.holdout=2", "network.prefill=telea", "data.pairs=3"]
    assert person_removal(monkeypatch, *command(output, tmp_path / "photos", *settings), "--resume", "latest") == 2
    assert "00000001.pth" in capsys.readouterr().err
    assert (output / "settings.yaml").read_text() == "as it was" and not (output / "pairs").exists()


@pytest.mark.parametrize(
    ("change", "other"),
    [
        ({"validation": {"holdout": 5}}, {"validation.holdout"}),
        ({"validation": {"photos": ["held"]}}, {"validation.photos"}),
        ({"validation": {"items": 5, "every": 7}, "run": {"keep": 9}, "optimiser": {"steps": 9}}, set()),
        ({"optimiser": {"rate": 0.5}}, {"optimiser.rate"}),
    ],
)
def test_what_makes_another_course(change: dict[str, dict[str, object]], other: set[str]) -> None:
    trees = (TrainSettings().model_dump(mode="json"), TrainSettings.model_validate(change).model_dump(mode="json"))
    assert {name for name, _ in _flat(trees[0]) ^ _flat(trees[1])} == other


def test_a_file_to_resume_from_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    textures(tmp_path / "photos", 4)
    (tmp_path / "page.pth").write_text("<html>")
    for name, words in (("page.pth", "page.pth"), ("missing.pth", "no weights at")):
        arguments = command(tmp_path / "out", tmp_path / "photos", "validation.holdout=2")
        assert person_removal(monkeypatch, *arguments, "--resume", str(tmp_path / name)) == 2
        said = capsys.readouterr().err.strip()
        assert words in said and len(said.splitlines()) == 1
