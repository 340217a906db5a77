"""LaMa by its name: networks of the same contract as the two published files, at the registry's names."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mean_fill import MeanFill, onnx_file, torchscript

from configs import SettingsError
from configs.load import load_settings
from data.types import Weight
from data.weights import files as weights
from data.weights.registry import Registry
from flows.stages.context import find_weights, resolve
from inpainting import build_fill, compose, inpaint
from inpainting.mending import MendedFill
from inpainting.shift_map.fill import ShiftMapFill

BARE = ["inpaint.device=cpu", "inpaint.feather=0", "inpaint.repair=false", "inpaint.texture=false"]


class Lama(MeanFill):
    """As big-lama.pt: sides that are multiples of 8, an image in 0..1, a mask of 0 and 1."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        assert image.shape[2] % 8 == 0 and image.shape[3] % 8 == 0
        assert image.shape[1] == 3 and mask.shape[1] == 1 and image.shape[2:] == mask.shape[2:]
        assert float(image.min()) >= 0 and float(image.max()) <= 1
        assert float((mask * (1 - mask)).abs().max()) == 0
        mean = (image * (1 - mask)).sum(dim=(2, 3), keepdim=True) / (1 - mask).sum()
        return image * (1 - mask) + mean * mask


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights, empty, and a registry whose two LaMa entries are the files put there."""
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    folder = tmp_path / "weights"
    folder.mkdir()
    published = weights.registry()

    def known() -> Registry:
        entries = dict(published.weights)
        for name in ("big-lama", "lama-onnx"):
            path = folder / entries[name].file
            if path.is_file():
                sha = hashlib.sha256(path.read_bytes()).hexdigest()
                entries[name] = entries[name].model_copy(update={"sha256": sha, "bytes": path.stat().st_size})
        return published.model_copy(update={"weights": entries})

    monkeypatch.setattr(weights, "registry", known)
    return folder


def put_program(cache: Path) -> Path:
    return torchscript(cache / "big-lama.pt", Lama())


def put_onnx(cache: Path) -> Path:
    return onnx_file(cache / "lama_fp32.onnx", side=512, times=255)


def filled(*chosen: str, size: tuple[int, int] = (61, 90)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(photo, hole, result) with the settings of `--fill lama`, as a run makes it."""
    settings = resolve(load_settings("coco", ["inpaint.fill=lama", *BARE, *chosen]))
    fill = build_fill(settings.inpaint, find_weights(settings))
    height, width = size
    image = np.random.default_rng(0).integers(60, 90, (height, width, 3), np.uint8)
    hole = np.zeros((height, width), np.uint8)
    hole[height // 3 : height // 2, width // 3 : width // 2] = 255
    image[hole > 0] = (255, 0, 255)  # the person, who must not be seen
    return image, hole, compose(image, hole, inpaint(image, hole, fill, settings.inpaint))


@pytest.mark.parametrize("put", [put_program, put_onnx])
@pytest.mark.parametrize("size", [(61, 90), (700, 933)])  # the larger one at reduced size
def test_either_file_fills_without_trust(cache: Path, put: Any, size: tuple[int, int]) -> None:
    put(cache)
    image, hole, result = filled(size=size)
    assert np.array_equal(result[hole == 0], image[hole == 0])
    assert np.abs(result[hole > 0].astype(int) - 75).mean() < 6  # 75 is the mean; enlarged, it gets fine detail back


def test_the_first_that_is_here_is_taken_and_the_first_of_all_is_asked_for(cache: Path) -> None:
    def chosen() -> str:
        return resolve(load_settings("coco", ["inpaint.fill=lama"])).inpaint.required_weights()[0]

    assert chosen() == "big-lama"
    with pytest.raises(weights.MissingWeightsError, match=r"Weights 'big-lama' are not .*fetch big-lama`.*205\.7 MB"):
        filled()
    put_onnx(cache)
    assert chosen() == "lama-onnx"
    put_program(cache)
    assert chosen() == "big-lama"
    assert resolve(load_settings("coco", ["inpaint.fill=lama", "inpaint.lama.weights=lama-onnx"])).inpaint == (
        load_settings("coco", ["inpaint.fill=lama", "inpaint.lama.weights=lama-onnx"]).inpaint
    ).model_copy(update={"device": "cpu"})


def test_what_it_makes_up_is_mended(cache: Path) -> None:
    put_program(cache)
    settings = resolve(load_settings("coco", ["inpaint.fill=lama", "inpaint.device=cpu"]))
    assert isinstance(build_fill(settings.inpaint, find_weights(settings)), MendedFill)


def test_it_guides_the_shift_map(cache: Path) -> None:
    put_onnx(cache)
    chosen = ["inpaint.fill=shift-map", "inpaint.shift_map.structure=lama", *BARE]
    settings = resolve(load_settings("coco", chosen))
    fill = build_fill(settings.inpaint, find_weights(settings))
    assert isinstance(fill, ShiftMapFill) and fill.guide_long == 512
    image, hole, result = filled(*chosen)
    assert np.array_equal(result[hole == 0], image[hole == 0])
    assert np.abs(result[hole > 0].astype(int) - 75).mean() < 12  # pieces of the photo, evened out


def built(path: Path, *chosen: str) -> Any:
    settings = load_settings("coco", ["inpaint.fill=lama", f"inpaint.lama.weights={path}", *BARE, *chosen]).inpaint
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    return build_fill(settings, {str(path): Weight(path.name, path, sha)})


def test_an_export_of_one_s_own_with_the_same_contract_is_taken(cache: Path, tmp_path: Path) -> None:
    built(onnx_file(tmp_path / "mine.onnx", side=512, times=255))
    built(onnx_file(tmp_path / "mine.onnx", times=255))  # of any size


def test_other_contracts_are_one_sentence(cache: Path, tmp_path: Path) -> None:
    same = "does not fill pictures as the published LaMa files do; `--fill external`"
    with pytest.raises(SettingsError, match=same):
        built(onnx_file(tmp_path / "unit.onnx", side=512))  # gives 0..1
    put_program(cache)
    torchscript(cache / "big-lama.pt", MeanFill(gives="0..255"))
    with pytest.raises(SettingsError, match=same) as error:
        filled()
    assert str(error.value).startswith("inpaint.lama.weights: ") and "\n" not in str(error.value)
    with pytest.raises(SettingsError, match=r"takes 512 x 512 pixels and no more; set .*inpaint\.window=512"):
        built(onnx_file(tmp_path / "f.onnx", side=512, times=255), "inpaint.strategy=whole")
    (tmp_path / "page.onnx").write_text("<html>")
    with pytest.raises(SettingsError, match=r"inpaint\.lama\.weights: .*page\.onnx is not an ONNX file"):
        built(tmp_path / "page.onnx")


def test_a_program_that_is_not_the_registry_s_is_not_run(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"mine\.pt is a TorchScript file, a program, and not the registry's"):
        built(torchscript(tmp_path / "mine.pt", Lama()))
    put_program(cache)
    with pytest.MonkeyPatch.context() as patch:
        published = weights.registry()
        patch.setattr(weights, "registry", lambda: published)
        torchscript(cache / "big-lama.pt", MeanFill())
        with pytest.raises(weights.WeightsError, match=r"big-lama\.pt is damaged"):
            filled()
