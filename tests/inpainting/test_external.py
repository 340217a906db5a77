"""Networks from elsewhere: TorchScript and ONNX files, each with its own conventions."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from mean_fill import RANGES, MeanFill, onnx_file, torchscript
from onnx import TensorProto, helper

from configs import InpaintSettings, SettingsError
from configs.load import load_settings
from data.types import Weight
from inpainting import build_fill, compose, inpaint


class Saturated(MeanFill):
    """Takes and gives 0..1 and, unlike MeanFill, nothing else: as networks that end in a sigmoid."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        mean = (image * (1 - mask)).sum(dim=(2, 3), keepdim=True) / (1 - mask).sum()
        return (image * (1 - mask) + mean * mask).clamp(0, 1)


OWN = ("range", "output", "mask", "size", "multiple", "trust")


def built(path: Path, **chosen: Any) -> tuple[Any, InpaintSettings]:
    bare = {"repair": False, "texture": False}
    own = {"weights": str(path), "trust": True} | {n: chosen.pop(n) for n in OWN if n in chosen}
    given = {"fill": "external", "external": own, "device": "cpu"}
    settings = InpaintSettings.model_validate({**given, **bare, **chosen})
    return build_fill(
        settings, {str(path): Weight(path.name, path, hashlib.sha256(path.read_bytes()).hexdigest())}
    ), settings


def gradient(height: int = 61, width: int = 90) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(60, 90, (height, width, 3), np.uint8)
    hole = np.zeros((height, width), np.uint8)
    hole[20:50, 30:55] = 255
    image[hole > 0] = (255, 0, 255)  # the person, who must not be seen
    return image, hole


def assert_filled_with_the_mean(path: Path, **chosen: Any) -> None:
    fill, settings = built(path, feather=0, **chosen)
    image, hole = gradient()
    result = compose(image, hole, inpaint(image, hole, fill, settings))
    assert np.array_equal(result[hole == 0], image[hole == 0])
    assert (np.abs(result[hole > 0].astype(int) - 75) <= 2).all()


@pytest.mark.parametrize("takes", RANGES)
@pytest.mark.parametrize("gives", RANGES)
@pytest.mark.parametrize("known", [False, True])
def test_conventions(tmp_path: Path, takes: str, gives: str, known: bool) -> None:
    path = torchscript(tmp_path / "network.pt", MeanFill(takes, gives, known))
    mask = "known" if known else "hole"
    assert_filled_with_the_mean(path, range=takes, output=gives, mask=mask)


@pytest.mark.parametrize(
    ("kind", "chosen"),
    [
        ({}, {}),
        ({"swapped": True}, {}),
        ({"side": 512}, {}),
        ({"pixels": TensorProto.UINT8}, {"range": "0..255", "mask": "known", "multiple": 1}),
        ({"pixels": TensorProto.FLOAT16}, {}),
    ],
    ids=["float", "mask first", "fixed size", "bytes", "half precision"],
)
def test_onnx(tmp_path: Path, kind: dict[str, Any], chosen: dict[str, Any]) -> None:
    assert_filled_with_the_mean(onnx_file(tmp_path / "network.onnx", **kind), **chosen)


def test_a_network_of_one_size(tmp_path: Path) -> None:
    assert_filled_with_the_mean(torchscript(tmp_path / "n.pt", MeanFill(size=384)), size=384)


@pytest.mark.parametrize(
    ("network", "chosen", "sentence"),
    [
        (MeanFill(gives="0..255"), {}, r"gives values of 0..255, not 0..1; set inpaint\.external\.output=0\.\.255"),
        (MeanFill(), {"output": "-1..1"}, r"gives values of 0\.\.1, not -1\.\.1"),
        (MeanFill(gives="-1..1"), {}, r"set inpaint\.external\.output=-1\.\.1"),
        (MeanFill(known=True), {}, r"leaves the hole unfilled; inpaint\.external\.mask=known may be"),
        (MeanFill(), {"mask": "known"}, r"leaves the hole unfilled; inpaint\.external\.mask=hole may be"),
        (Saturated(), {"range": "-1..1"}, r"leaves the hole unfilled; .* or inpaint\.external\.range is not"),
        (Saturated(), {"range": "0..255", "output": "0..1"}, "does not continue a plain picture"),
        (MeanFill("-1..1", "0..1"), {}, "does not continue a plain picture"),
        (MeanFill(size=256), {}, r"cannot fill a picture of 128 x 128 .*external\.size"),
    ],
)
def test_wrong_conventions_are_told(tmp_path: Path, network: MeanFill, chosen: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as error:
        built(torchscript(tmp_path / "network.pt", network), **chosen)
    assert str(error.value).startswith("inpaint.external.weights: network.pt") and "\n" not in str(error.value)


class Odd(torch.nn.Module):
    """Gives what `kind` says instead of a filled image."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self.kind == "nan":
            return image / (mask - mask)
        if self.kind == "small":
            return image[:, :, ::2, ::2]
        return image


class OneInput(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (Odd("nan"), "gives NaN or infinite values"),
        (Odd("small"), r"shape \[1, 3, 64, 64\] for an image of \[1, 3, 128, 128\]"),
        (Odd("same"), "leaves the hole unfilled"),
        (OneInput(), "cannot fill a picture"),
    ],
)
def test_networks_that_fill_nothing(tmp_path: Path, network: torch.nn.Module, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        built(torchscript(tmp_path / "network.pt", network))


@pytest.mark.parametrize("name", ["network.pt", "network.onnx"])
@pytest.mark.parametrize("content", [b"", b"<html>quota exceeded</html>", b"PK\x03\x04" + bytes(60)])
def test_other_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=r"network\.(pt|onnx) is not a[n]? (TorchScript|ONNX) file"):
        built(tmp_path / name)


def test_a_program_is_run_only_when_trusted_and_data_always(tmp_path: Path) -> None:
    path = torchscript(tmp_path / "network.pt")
    with pytest.raises(SettingsError, match=r"set inpaint\.external\.trust=true"):
        built(path, trust=False)
    built(onnx_file(tmp_path / "network.onnx"), trust=False)


def test_a_pickle_is_no_torchscript(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "state.pt")
    with pytest.raises(SettingsError, match="not a TorchScript file"):
        built(tmp_path / "state.pt")


def test_an_onnx_file_with_other_inputs(tmp_path: Path) -> None:
    info = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 8, 8])
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["out"])], "g", [info], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "one.onnx")
    with pytest.raises(SettingsError, match=r"one\.onnx takes image \[1, 3, 8, 8\], not an image"):
        built(tmp_path / "one.onnx")


def test_without_onnxruntime_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = onnx_file(tmp_path / "network.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SettingsError, match=r"needs onnxruntime: pip install 'person-removal\[onnx\]'"):
        built(path)


@pytest.mark.parametrize("chosen", [{"window": 512}, {"strategy": "whole"}])
def test_a_window_larger_than_the_network(tmp_path: Path, chosen: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"takes 384 x 384 pixels and no more; set .*inpaint\.window=384"):
        built(onnx_file(tmp_path / "network.onnx", side=384), **chosen)


def test_other_people_are_not_seen(tmp_path: Path) -> None:
    fill, _ = built(torchscript(tmp_path / "network.pt"))
    image, hole = gradient()
    other = np.zeros_like(hole)
    other[:, 70:] = 255
    image[other > 0] = (0, 255, 0)
    filled = fill.fill(image, hole, other)
    assert (np.abs(filled[hole > 0].astype(int) - 75) <= 2).all()
    assert np.array_equal(filled[hole == 0], image[hole == 0])


def test_the_file_is_part_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"needs a file of yours: --set inpaint\.external\.weights="):
        load_settings("coco", ["inpaint.fill=external"])
    settings = load_settings("coco", ["inpaint.fill=external", f"inpaint.external.weights={tmp_path / 'lama.pt'}"])
    assert settings.inpaint.required_weights() == [str(tmp_path / "lama.pt")]


class Hungry(MeanFill):
    """Wants more memory than there is, for all but the small picture of the trial."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        mean = (image * (1 - mask)).sum(dim=(2, 3), keepdim=True) / (1 - mask).sum()
        if image.shape[-1] > 128:
            image = image + torch.zeros(1 << 55).sum()
        return image * (1 - mask) + mean * mask


def test_no_memory_is_a_memory_error(tmp_path: Path) -> None:
    fill, _ = built(torchscript(tmp_path / "network.pt", Hungry()))
    with pytest.raises(MemoryError):
        fill.fill(*gradient(64, 200))


def test_no_memory_in_the_trial_says_nothing_about_the_settings(tmp_path: Path) -> None:
    path = torchscript(tmp_path / "network.pt", Hungry())
    with pytest.raises(MemoryError):
        built(path, size=256, window=256)
