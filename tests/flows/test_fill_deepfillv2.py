"""`person-removal fill` with a DeepFillv2 checkpoint: the published implementation's own numbers, in uint8."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from flows.cli.main import main

GOLDEN = Path(__file__).parents[1] / "inpainting/golden"


@pytest.fixture(params=["pt", "tf"])
def vectors(request: pytest.FixtureRequest) -> dict[str, Any]:
    with np.load(GOLDEN / f"deepfillv2_{request.param}.npz") as file:
        return {key: file[key].astype(np.float32) for key in file.files}


def person_removal(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["person-removal", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_whole_strategy_gives_the_published_numbers(
    vectors: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {key[2:]: torch.from_numpy(value) for key, value in vectors.items() if key.startswith("G/")}
    torch.save({"G": weights}, tmp_path / "weights.pth")
    pixels = np.rint((vectors["a/image"][0].transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)
    hole = (vectors["a/mask"][0, 0] > 0.5).astype(np.uint8) * np.uint8(255)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    Image.fromarray(hole).save(tmp_path / "hole.png")
    # the photo is the vector's image rounded to uint8, so the expected output is computed from it
    from inpainting.deepfillv2 import load_generator

    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float() / 127.5 - 1
    with torch.inference_mode():
        refined = load_generator({"G": weights})(image, torch.from_numpy(hole)[None, None].float() / 255)[1]
    expected = ((refined[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).numpy()

    options = ["--weights", tmp_path / "weights.pth", "--set", "inpaint.strategy=whole"]
    places = [tmp_path / name for name in ("photo.png", "hole.png", "out.png")]
    assert person_removal(monkeypatch, "fill", *places, *options) == 0
    out = np.asarray(Image.open(tmp_path / "out.png")).astype(int)
    inside = hole > 0
    np.testing.assert_array_equal(out[~inside], pixels[~inside])
    difference = np.abs(out[inside] - expected[inside])
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3
    # and that is the golden output, up to what rounding the photo to uint8 does
    golden = np.clip(np.rint((vectors["a/stage2"][0].transpose(1, 2, 0) + 1) * 127.5), 0, 255)
    assert np.abs(out[inside] - golden[inside]).mean() < 2


def test_a_checkpoint_that_is_none_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"G": {"something": torch.zeros(1)}}, tmp_path / "weights.pth")
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(np.full((64, 64), 255, np.uint8) * (np.arange(64) > 40).astype(np.uint8)).save(tmp_path / "h.png")
    places = [tmp_path / name for name in ("photo.png", "h.png", "out.png")]
    assert person_removal(monkeypatch, "fill", *places, "--weights", tmp_path / "weights.pth") == 2
    said = capsys.readouterr().err.strip()
    assert "weights.pth" in said and len(said.splitlines()) == 1
    assert not (tmp_path / "out.png").exists()


def test_a_run_with_such_a_checkpoint_ends_before_any_photo(
    coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"G": {"something": torch.zeros(1)}}, tmp_path / "weights.pth")
    settings = ["--preset", "coco", "--fill", "deepfillv2", "--set", f"inpaint.weights={tmp_path / 'weights.pth'}"]
    assert person_removal(monkeypatch, "run", coco, tmp_path / "out", *settings, "--set", "run.workers=2") == 2
    said = capsys.readouterr().err.strip()
    assert "weights.pth" in said and len(said.splitlines()) == 1
    assert not (tmp_path / "out/images").exists()
