"""Which checkpoints are read, and what is said about the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmagic_weights import mmagic_weights
from safetensors.torch import save_file
from torch import Tensor

from inpainting.deepfillv2 import CheckpointError, load_generator
from inpainting.deepfillv2.checkpoint import published
from inpainting.deepfillv2.layouts import FUSE_WEIGHT

GOLDEN = Path(__file__).parent / "golden"
State = dict[str, Tensor]


def state_dict(layout: str) -> State:
    if layout == "mmagic":
        return mmagic_weights(12)
    with np.load(GOLDEN / f"deepfillv2_{layout}.npz") as file:
        return {key[2:]: torch.from_numpy(file[key]) for key in file.files if key.startswith("G/")}


@pytest.fixture(params=["pt", "tf", "mmagic"])
def state(request: pytest.FixtureRequest) -> State:
    return state_dict(request.param)


def test_forms_of_one_checkpoint(state: State, tmp_path: Path) -> None:
    torch.save({"G": state, "n_iter": 3, "G_optim": {"state": {}}}, tmp_path / "training.pth")
    torch.save(state, tmp_path / "bare.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "own.safetensors")
    first = load_generator(state).state_dict()
    for form in ({"G": state}, *(tmp_path / n for n in ("training.pth", "bare.pth", "old.pth", "own.safetensors"))):
        again = load_generator(form).state_dict()
        assert all(torch.equal(first[key], again[key]) for key in first)
    assert load_generator(str(tmp_path / "bare.pth")).layout == load_generator(state).layout


def test_it_is_ready_to_use(state: State) -> None:
    generator = load_generator(state)
    assert not generator.training
    assert not any(p.requires_grad for p in generator.parameters())
    assert generator.c == (12 if generator.layout == "mmagic" else 16)


def test_published_width() -> None:
    from inpainting.deepfillv2.network import Generator

    for layout, count in (("pt", 4.05e6), ("tf", 4.05e6), ("mmagic", 4_414_908)):
        generator = load_generator(published(Generator(48, layout)))  # type: ignore[arg-type]
        assert (generator.c, generator.layout) == (48, layout)
        assert sum(p.numel() for p in generator.parameters()) == pytest.approx(count, rel=0.01)


def test_published_names_survive(state: State) -> None:
    again = published(load_generator(state))
    assert set(again) == set(state) - {FUSE_WEIGHT}
    assert all(torch.equal(again[key], state[key]) for key in again)


def test_fuse_weight_is_optional() -> None:
    state = state_dict("pt")
    assert FUSE_WEIGHT in state
    del state[FUSE_WEIGHT]
    assert load_generator(state).layout == "pt"


def test_a_checkpoint_of_mmagic_comes_with_its_discriminator_and_a_constant() -> None:
    state = mmagic_weights(12)
    beside = {
        "generator.stage2.contextual_attention_neck.contextual_attention.fuse_kernel": torch.eye(3)[None, None],
        "disc.conv1.conv.weight_orig": torch.ones(64, 4, 5, 5),
    }
    generator = load_generator({"meta": {"time": "2020"}, "state_dict": {**state, **beside}})
    assert set(published(generator)) == set(state)
    bare = {key.removeprefix("generator."): value for key, value in state.items()}
    again = published(load_generator(bare))
    assert all(torch.equal(again[key], state[key]) for key in state)


def test_half_precision_is_read_as_float32(state: State) -> None:
    generator = load_generator({key: value.half() for key, value in state.items()})
    assert {p.dtype for p in generator.parameters()} == {torch.float32}


def prefix_of(state: State) -> str:
    """What beside it in an mmagic checkpoint is another network's and none of ours."""
    return "generator." if first_weight(state).startswith("generator.") else ""


def first_weight(state: State) -> str:
    return next(
        key
        for key in state
        if key.endswith(("stage1.conv1.conv.weight", "enc1.conv.conv.weight")) or key == "conv1.conv.weight"
    )


def last_bias(state: State) -> str:
    return [key for key in state if key.endswith(".bias")][-1]


def without(state: State) -> State:
    return {key: value for key, value in state.items() if key != last_bias(state)}


DAMAGE: dict[str, tuple[Callable[[State], Any], str]] = {
    "empty": (lambda s: {}, "it is empty"),
    "another network": (lambda s: {"layer.weight": torch.ones(2)}, "it holds layer.weight"),
    "missing key": (without, "lacks"),
    "extra key": (lambda s: {**s, prefix_of(s) + "stage3.weight": torch.ones(1)}, "unknown stage3.weight"),
    "other width": (lambda s: {**s, last_bias(s): torch.ones(7)}, r"shape at .* \[7\] instead of \["),
    "odd first layer": (lambda s: {**s, first_weight(s): torch.ones(3)}, r"shape"),
    "NaN": (lambda s: {**s, last_bias(s): s[last_bias(s)] * float("nan")}, "NaN or infinite"),
    "infinite": (lambda s: {**s, last_bias(s): s[last_bias(s)] + float("inf")}, "NaN or infinite"),
    "no tensors": (lambda s: {"G": {"epoch": 3}}, "no state dict"),
    "G is a number": (lambda s: {"G": 3}, "no state dict"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(state: State, name: str, tmp_path: Path) -> None:
    damage, sentence = DAMAGE[name]
    path = tmp_path / "weights.pth"
    torch.save(damage(state), path)
    with pytest.raises(CheckpointError, match=sentence) as error:
        load_generator(path)
    said = str(error.value)
    assert said.startswith(str(path)) and said.endswith(".") and "\n" not in said
    if name in ("missing key", "other width", "NaN", "infinite"):
        assert last_bias(state).removeprefix("generator.") in said


def test_long_differences_are_cut(state: State) -> None:
    few = dict(list(state.items())[:4]) | {first_weight(state): state[first_weight(state)]}
    with pytest.raises(CheckpointError, match=r"lacks (\S+, ){2}\S+ and \d+ more"):
        load_generator(few)


class Runs:
    """Pickled, it would run a command on loading."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo ran > {self.marker}",)


def test_pickled_code_is_never_run(tmp_path: Path) -> None:
    path, marker = tmp_path / "evil.pth", tmp_path / "ran"
    torch.save({"G": Runs(marker)}, path)
    with pytest.raises(CheckpointError, match=r"evil\.pth .*never run"):
        load_generator(path)
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.999])
def test_truncated_files(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(state_dict("pt"), path)
    else:
        save_file(state_dict("pt"), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="weights") as error:
        load_generator(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"<html>quota exceeded</html>", b"\x89PNG\r\n", b"\x80\x02}q\x00.", b"\x00" * 64])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_files(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="weights"):
        load_generator(path)


@pytest.mark.filterwarnings("error:'torch.load' received")
def test_a_torchscript_file_is_refused_without_a_warning_beside_the_error(tmp_path: Path) -> None:
    torch.jit.trace(torch.nn.Identity(), torch.ones(1)).save(tmp_path / "program.pth")  # type: ignore[no-untyped-call]
    with pytest.raises(CheckpointError, match=r"no checkpoint: .*TorchScript"):
        load_generator(tmp_path / "program.pth")


def test_a_list_is_no_state_dict(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list, not a state dict"):
        load_generator(tmp_path / "list.pth")


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no weights at"):
        load_generator(tmp_path / "none.pth")
