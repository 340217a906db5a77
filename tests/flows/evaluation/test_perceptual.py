"""LPIPS from a file: networks of known or random weights stand in for the published one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fill_cases import case

from data.errors import InputError
from flows.evaluation.fills import figures_of, judge_fills, parse_fills
from flows.evaluation.perceptual import load_lpips


class Half(torch.nn.Module):
    """Half the mean absolute difference: 1 between black and white in -1..1."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return ((a - b).abs().mean() / 2).reshape(1, 1, 1, 1)


class Features(torch.nn.Module):
    """The shape of LPIPS with random weights: differences of normalised features."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.ModuleList([torch.nn.Conv2d(3, 8, 5, 2), torch.nn.Conv2d(8, 16, 3, 2)])

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(1)
        for layer in self.layers:
            a, b = torch.relu(layer(a)), torch.relu(layer(b))
            total = total + (torch.nn.functional.normalize(a) - torch.nn.functional.normalize(b)).square().sum(1).mean()
        return total


class Constant(torch.nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.ones(1)


class One(torch.nn.Module):
    def forward(self, a: torch.Tensor) -> torch.Tensor:
        return a.mean()


def saved(path: Path, module: torch.nn.Module) -> Path:
    torch.jit.script(module).save(str(path))
    return path


def image(value: int) -> np.ndarray:
    return np.full((50, 70, 3), value, np.uint8)


def test_images_are_handed_over_in_the_range_of_lpips(tmp_path: Path) -> None:
    distance = load_lpips(saved(tmp_path / "half.pt", Half()))
    assert distance(image(0), image(255)) == pytest.approx(1)
    assert distance(image(0), image(51)) == pytest.approx(0.2, abs=1e-6)
    assert distance(image(9), image(9)) == 0


def test_a_network_of_features(tmp_path: Path) -> None:
    distance = load_lpips(saved(tmp_path / "features.pt", Features()))
    one = case()
    assert distance(one.truth, one.truth) == 0 < distance(one.image, one.truth)
    assert distance(one.image, one.truth) == pytest.approx(distance(one.truth, one.image))
    judged, shares = judge_fills(
        parse_fills("telea,mean", "embedded", ()),
        [one],
        further={"lpips": lambda result, case: distance(result, case.truth)},
    )
    assert figures_of(judged[0], shares, 0)["lpips"].value == judged[0].values[1]["lpips"] > 0


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (Constant(), "equal images are 1 apart, others 1: it is no distance"),
        (One(), "it does not map two images to a number"),
        (None, "no TorchScript file"),
    ],
)
def test_a_file_that_is_no_distance_is_one_sentence(
    tmp_path: Path, module: torch.nn.Module | None, sentence: str
) -> None:
    path = tmp_path / "file.pt"
    if module:
        saved(path, module)
    else:
        path.write_bytes(b"not a network")
    with pytest.raises(InputError, match=sentence):
        load_lpips(path)
    with pytest.raises(InputError, match="the file is not there"):
        load_lpips(tmp_path / "none.pt")
