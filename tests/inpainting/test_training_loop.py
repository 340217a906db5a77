"""A training resumes to the same trajectory, shares its batches, stops when asked to, and leaves what it should."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from configs.training import TrainSettings
from data.errors import InputError
from data.types import Weight
from inpainting.deepfillv2 import CheckpointError, load_generator
from inpainting.training import curves, loop
from inpainting.training.loop import Place, Progress

pytestmark = pytest.mark.slow
DRAW = curves._plot
FIGURES = {"worst": lambda result, truth, hole: float(np.abs(result.astype(int) - truth).max())}


@pytest.fixture(scope="module", autouse=True)
def curves_are_not_drawn() -> Iterator[None]:
    """They take most of the time of a short training; one test looks at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "_plot", lambda *arguments: None)
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(6):
        small = rng.integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"{i}.png"), cv2.resize(small, (80, 60), interpolation=cv2.INTER_CUBIC))
    return folder


def settings_of(photos: Path, **sections: Mapping[str, Any]) -> TrainSettings:
    tree: dict[str, Any] = {
        "data": {"photos": [str(photos)], "size": 32, "workers": 2},
        "network": {"width": 8, "discriminator": 8},
        "optimiser": {"steps": 6, "batch": 2, "rate": 1e-3},
        "validation": {"items": 3, "every": 3, "holdout": 3},
        "run": {"device": "cpu", "checkpoint": 3},
    }
    for section, values in sections.items():
        tree[section] = tree.get(section, {}) | dict(values)
    return TrainSettings.model_validate(tree)


def run(settings: TrainSettings, folder: Path, start: Path | None = None, **more: Any) -> Place:
    place = Place(folder)
    state = loop.begin(settings, start)
    loop.train(state, settings, loop.gather(settings), place, FIGURES, folder / "pairs", **more)
    return place


def assert_equal(one: Any, other: Any) -> None:
    """Two checkpoints' contents, bit for bit."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, Mapping):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "zeros": {},
    "bfloat16": {"run": {"bf16": True, "channels_last": True}},
    "pre-filled pairs": {"network": {"prefill": "telea"}, "data": {"pairs": 5}, "loss": {"where": "hole", "grain": 4}},
    "photos on the device": {"data": {"resident": True}},
    "L1 alone, tf": {"network": {"layout": "tf"}, "loss": {"adversarial": 0}},
}


@pytest.fixture(scope="module")
def six_steps(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """What a variant's training leaves, made once: tests look at it and change nothing."""
    return cache(lambda name: run(settings_of(photos, **VARIANTS[name]), tmp_path_factory.mktemp("six")))


@pytest.fixture(scope="module")
def first_step(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """What a training leaves that was stopped after its first step; likewise."""
    return run(settings_of(photos), tmp_path_factory.mktemp("first"), stopped=lambda: True)


@pytest.mark.parametrize("name", VARIANTS)
def test_three_steps_and_three_more_are_six(
    name: str, six_steps: Callable[[str], Place], photos: Path, tmp_path: Path
) -> None:
    settings, whole = settings_of(photos, **VARIANTS[name]), six_steps(name)
    half = run(settings, tmp_path / "half", stopped=lambda: True)  # after the first step
    assert [p.name for p in half.checkpoints()] == ["00000001.pth"]
    run(settings, tmp_path / "half", half.checkpoint(1))
    again = run(settings, tmp_path / "again", whole.checkpoint(3))
    contents = [torch.load(p.checkpoint(6), weights_only=True) for p in (whole, half, again)]
    assert_equal(contents[0], contents[1])
    assert_equal(contents[0], contents[2])
    assert rows(whole.folder / "losses.csv") == rows(half.folder / "losses.csv")
    assert rows(whole.folder / "validation.csv") == rows(half.folder / "validation.csv")
    assert rows(again.folder / "losses.csv") == rows(whole.folder / "losses.csv")[3:]
    assert_equal(load_file(whole.weights), load_file(half.weights))


def test_what_it_leaves(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_plot", DRAW)
    told: list[Progress] = []
    settings = settings_of(photos, run={"keep": 1, "device": "cpu", "checkpoint": 2})
    place = run(settings, tmp_path, tell=told.append)
    assert [p.name for p in place.checkpoints()] == ["00000006.pth"]
    content = torch.load(place.checkpoint(6), weights_only=True)
    assert {"G", "D", "G_optim", "D_optim", "n_iter"} <= content.keys() and content["n_iter"] == 6
    assert "stage1.conv1.conv.weight" in content["G"] and "conv1.conv_sn.weight_u" in content["D"]
    assert content["metadata"]["prefill"] == "none" and content["metadata"]["photos"] == "4"

    assert [row["step"] for row in rows(place.folder / "losses.csv")] == list("123456")
    assert [row["step"] for row in rows(place.folder / "validation.csv")] == list("036")
    assert [p.step for p in told if p.validation] == [0, 3, 6]
    assert told[0].pace is None and all(p.pace and 0 < p.pace.network < 1 for p in told[1:] if p.validation)
    assert set(told[-1].validation or {}) == {"l1", "worst"}
    assert cv2.imread(str(place.folder / "curves.png")).std() > 5
    sheet = cv2.imread(str(place.sheet(6)))
    assert sheet.shape == (3 * 32, 5 * 32, 3)  # hole, given, coarse, refined, truth


def test_its_weights_are_a_generator_s(six_steps: Callable[[str], Place]) -> None:
    """The mean of the steps is what is loaded, from the export and from the checkpoint."""
    place = six_steps("zeros")
    content = torch.load(place.checkpoint(6), weights_only=True)
    for path in (place.weights, place.checkpoint(6)):
        generator = load_generator(path)
        assert generator.c == 8
        first = generator.coarse.layers[0].conv.weight  # type: ignore[union-attr]
        assert torch.equal(first, content["G_ema"]["stage1.conv1.conv.weight"])
        assert not torch.equal(first, content["G"]["stage1.conv1.conv.weight"])
    with safe_open(place.weights, "pt") as file:
        assert file.metadata()["width"] == "8" and file.metadata()["steps"] == "6"


def test_a_refiner_s_weights_bring_their_prefill(six_steps: Callable[[str], Place]) -> None:
    from configs import InpaintSettings
    from inpainting.deepfillv2.fill import DeepFill, build
    from inpainting.opencv import OpenCVFill

    place = six_steps("pre-filled pairs")
    for path in (place.weights, place.checkpoint(6)):
        fill = build(
            InpaintSettings(device="cpu").with_weights(str(path)), {str(path): Weight(str(path), path, "0" * 64)}
        )
        assert isinstance(fill, DeepFill) and isinstance(fill.prefill, OpenCVFill)


def test_a_start_from_weights(six_steps: Callable[[str], Place], photos: Path, tmp_path: Path) -> None:
    first = six_steps("zeros")
    network = {"width": 8, "discriminator": 8, "start": str(first.weights)}
    told: list[Progress] = []
    run(settings_of(photos, network=network), tmp_path, tell=told.append, stopped=lambda: True)
    last = rows(first.folder / "validation.csv")[-1]
    assert told[0].step == 0 and told[0].validation
    assert told[0].validation["l1"] == pytest.approx(float(last["l1"]))


def test_minutes_are_a_limit(photos: Path, tmp_path: Path) -> None:
    place = run(settings_of(photos, run={"minutes": 1e-6, "device": "cpu"}), tmp_path)
    assert [p.name for p in place.checkpoints()] == ["00000001.pth"]


def test_resuming_drops_what_came_after_the_checkpoint(
    six_steps: Callable[[str], Place], photos: Path, tmp_path: Path
) -> None:
    place = Place(shutil.copytree(six_steps("zeros").folder, tmp_path / "copy"))
    before = rows(place.folder / "losses.csv"), rows(place.folder / "validation.csv")
    place.checkpoint(6).unlink()
    run(settings_of(photos), place.folder, place.checkpoint(3))
    assert (rows(place.folder / "losses.csv"), rows(place.folder / "validation.csv")) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": {"width": 12, "discriminator": 8}}, r"network\.width 8 .* not 12"),
        ({"network": {"width": 8, "discriminator": 16}}, "another discriminator"),
        ({"network": {"width": 8, "discriminator": 8, "prefill": "telea"}}, r"network\.prefill none, not telea"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    change: dict[str, Any], words: str, first_step: Place, photos: Path
) -> None:
    with pytest.raises(CheckpointError, match=words):
        loop.begin(settings_of(photos, **change), first_step.checkpoint(1))


def test_weights_are_nothing_to_resume_from(first_step: Place, photos: Path) -> None:
    with pytest.raises(CheckpointError, match=r"network\.start="):
        loop.begin(settings_of(photos), first_step.weights)


def test_a_start_with_another_prefill_is_refused(first_step: Place, photos: Path) -> None:
    network = {"width": 8, "discriminator": 8, "prefill": "telea", "start": str(first_step.weights)}
    with pytest.raises(CheckpointError, match=r"weights\.safetensors has network\.prefill none, not telea"):
        loop.begin(settings_of(photos, network=network))


def test_rates_and_betas_are_the_settings_after_resuming(first_step: Place, photos: Path) -> None:
    changed = {"steps": 6, "batch": 2, "rate": 3e-4, "discriminator_rate": 7e-4, "betas": (0.1, 0.2)}
    state = loop.begin(settings_of(photos, optimiser=changed), first_step.checkpoint(1))
    for optimiser, rate in ((state.generator_optimiser, 3e-4), (state.discriminator_optimiser, 7e-4)):
        assert [(group["lr"], group["betas"]) for group in optimiser.param_groups] == [(rate, (0.1, 0.2))]
        assert optimiser.state, "what was learnt stays"
    assert state.made_with == settings_of(photos).model_dump(mode="json")


def test_a_training_is_not_overwritten(six_steps: Callable[[str], Place], tmp_path: Path) -> None:
    assert loop.choose_checkpoint(Place(tmp_path), None) is None
    with pytest.raises(InputError, match="no checkpoint"):
        loop.choose_checkpoint(Place(tmp_path), "latest")
    place = six_steps("zeros")
    with pytest.raises(InputError, match=r"training of 6 steps.*--resume latest"):
        loop.choose_checkpoint(place, None)
    assert loop.choose_checkpoint(place, "latest") == place.checkpoint(6)


def test_only_the_newest_checkpoint_of_a_folder_goes_on_there(tmp_path: Path) -> None:
    place, other = Place(tmp_path / "out"), tmp_path / "elsewhere.pth"
    place.checkpoint(1).parent.mkdir(parents=True)
    best = place.checkpoint(1).with_name("best.pth")
    for path in (place.checkpoint(1), place.checkpoint(2), best, other):
        path.touch()
    assert place.checkpoints() == [place.checkpoint(1), place.checkpoint(2)]
    assert loop.choose_checkpoint(place, "latest") == place.checkpoint(2)
    assert loop.choose_checkpoint(place, str(place.checkpoint(2).parent / ".." / "checkpoints/00000002.pth"))
    for path in (place.checkpoint(1), best, other):
        with pytest.raises(InputError, match=r"training of 2 steps.*another folder"):
            loop.choose_checkpoint(place, str(path))
    assert loop.choose_checkpoint(Place(tmp_path / "new"), str(best)) == best


SHARED = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from configs.training import TrainSettings
from inpainting.training import curves, loop, processes
curves._plot = lambda *arguments: None
settings = TrainSettings.model_validate_json(sys.argv[1])
loop.train(loop.begin(settings), settings, loop.gather(settings), loop.Place(Path(sys.argv[2])), {})
processes.end()
"""


def test_two_processes_learn_what_one_learns(photos: Path, tmp_path: Path) -> None:
    """Each takes half of every batch; gloo averages their gradients."""
    settings = settings_of(photos, optimiser={"steps": 4, "batch": 4, "rate": 1e-3}, run={"device": "cpu"})
    one = run(settings, tmp_path / "one")
    script = tmp_path / "share.py"
    script.write_text(SHARED)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [*torchrun, str(script), settings.model_dump_json(), str(tmp_path / "two")],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    alone, together = (torch.load(p.checkpoint(4), weights_only=True) for p in (one, Place(tmp_path / "two")))
    for network in ("G", "D", "G_ema"):
        for key, value in alone[network].items():
            torch.testing.assert_close(together[network][key], value, atol=2e-4, rtol=1e-3, msg=f"{network} {key}")
    losses = [[float(row["l1_refined"]) for row in rows(p / "losses.csv")] for p in (one.folder, tmp_path / "two")]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
