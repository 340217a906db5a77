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

GOLDEN = Path(__file__).parents[2] / "inpainting/golden"


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


def golden_state() -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / "deepfillv2_pt.npz") as file:
        return {key[2:]: torch.from_numpy(file[key]).float() for key in file.files if key.startswith("G/")}


FIRST, LAST = "stage1.conv1.conv.weight", "stage2.conv_to_rgb.conv.bias"


def damaged(how: str, path: Path) -> None:
    state = golden_state()
    if how == "missing keys":
        del state[LAST]
    elif how == "extra keys":
        state["stage3.conv.weight"] = torch.ones(1)
    elif how == "another width":
        state[FIRST] = torch.ones(48, 5, 5, 5)
    elif how == "NaN":
        state[LAST][0] = torch.nan
    torch.save([1, 2] if how == "no state dict" else {"G": state}, path)
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:50_000])


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("missing keys", f"lacks {LAST}"),
        ("extra keys", "has unknown stage3.conv.weight"),
        ("another width", "stage1.conv1.conv.bias [16] instead of [48]"),
        ("NaN", f"NaN or infinite weights in {LAST}"),
        ("no state dict", "holds a list, not a state dict"),
        ("truncated", "is truncated, or no checkpoint"),
    ],
)
def test_a_run_with_a_damaged_checkpoint_ends_before_any_photo(
    coco: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
    sentence: str,
) -> None:
    damaged(how, tmp_path / "weights.pth")
    settings = [
        "--preset",
        "coco",
        "--fill",
        "deepfillv2",
        "--set",
        f"inpaint.deepfillv2.weights={tmp_path / 'weights.pth'}",
    ]
    assert person_removal(monkeypatch, "run", coco, tmp_path / "out", *settings, "--set", "run.workers=2") == 2
    said = capsys.readouterr().err.strip()
    assert "weights.pth" in said and sentence in said and len(said.splitlines()) == 1
    assert not (tmp_path / "out/images").exists()


@pytest.mark.parametrize("name", ["celebahq", "celebahq-tf", "places2", "places2-tf"])
def test_published_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the name's layout, brought from elsewhere, is known by that name and fills."""
    layout = "tf" if name.endswith("-tf") else "pt"
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    with np.load(GOLDEN / f"deepfillv2_{layout}.npz") as file:
        state = {key[2:]: torch.from_numpy(file[key]).float() for key in file.files if key.startswith("G/")}
    torch.save({"G": state, "n_iter": 1}, tmp_path / "brought.pth")
    assert person_removal(monkeypatch, "weights", "fetch", name, "--from", tmp_path / "brought.pth") == 0
    photo = np.random.default_rng(0).integers(0, 256, (80, 96, 3), np.uint8)
    hole = np.zeros((80, 96), np.uint8)
    hole[20:60, 30:60] = 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(hole).save(tmp_path / "hole.png")
    places = [tmp_path / file for file in ("photo.png", "hole.png", "out.png")]
    options = ["--weights", name, "--set", "inpaint.strategy=whole"]
    assert person_removal(monkeypatch, "fill", *places, *options) == 0
    out = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(out[hole == 0], photo[hole == 0])
    assert (out[hole > 0] != photo[hole > 0]).mean() > 0.9
