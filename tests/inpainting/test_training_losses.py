"""Losses on tables small enough to be checked by hand."""

from __future__ import annotations

import pytest
import torch

from configs.training import LossSettings
from inpainting.training.losses import hinge_discriminator, hinge_generator, l1


def image(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows)[None, None].expand(1, 3, -1, -1)


HOLE = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])


@pytest.mark.parametrize(
    ("where", "grain", "made", "expected"),
    [
        ("all", 1, [[0.4, 0.0], [0.2, 0.2]], 0.2),  # (0.4 + 0 + 0.2 + 0.2) / 4
        ("hole", 1, [[0.4, 0.0], [0.2, 0.2]], 0.2),  # (0.4 + 0) / 2
        ("hole", 1, [[0.0, 0.0], [9.0, 9.0]], 0.0),  # known pixels do not count
        ("all", 2, [[0.4, -0.4], [0.2, -0.2]], 0.0),  # texture around the right mean costs nothing
        ("hole", 2, [[0.4, -0.4], [9.0, 9.0]], 0.0),
        ("hole", 2, [[0.4, 0.4], [9.0, 9.0]], 0.4),  # a wrong mean costs what it costs without grain
    ],
)
def test_l1(where: str, grain: int, made: list[list[float]], expected: float) -> None:
    settings = LossSettings.model_validate({"where": where, "grain": grain})
    assert float(l1(image(made), image([[0.0, 0.0], [0.0, 0.0]]), HOLE, settings)) == pytest.approx(expected)


def test_l1_of_a_batch_is_the_mean_of_its_photos() -> None:
    """So that a batch may be shared by several processes."""
    made = torch.rand(2, 3, 8, 8)
    holes = torch.zeros(2, 1, 8, 8)
    holes[0, :, :2], holes[1, :, 3:] = 1, 1
    for settings in (LossSettings(where="hole"), LossSettings(where="hole", grain=4), LossSettings()):
        alone = [l1(made[i : i + 1], made[i : i + 1] * 0, holes[i : i + 1], settings) for i in range(2)]
        torch.testing.assert_close(l1(made, made * 0, holes, settings), torch.stack(alone).mean())


@pytest.mark.parametrize(
    ("real", "filled", "expected"),
    [([2.0, 1.0], [-1.0, -5.0], 0.0), ([0.0, 0.0], [0.0, 0.0], 1.0), ([3.0, 0.0], [-3.0, 1.0], 0.5 * (0.5 + 1.0))],
)
def test_hinge(real: list[float], filled: list[float], expected: float) -> None:
    assert float(hinge_discriminator(torch.tensor(real), torch.tensor(filled))) == pytest.approx(expected)


def test_the_generator_wants_high_scores() -> None:
    assert float(hinge_generator(torch.tensor([1.0, 3.0]))) == -2
