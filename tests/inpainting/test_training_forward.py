"""The batched, differentiable forward pass of training gives inference's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from inpainting.deepfillv2 import load_generator
from inpainting.deepfillv2.network import Generator
from inpainting.training.forward import forward, initialise, whole

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=[("pt", "none"), ("tf", "none"), ("pt", "telea")], ids=lambda p: "-".join(p))
def generator(request: pytest.FixtureRequest) -> Generator:
    layout, prefill = request.param
    with np.load(GOLDEN / f"deepfillv2_{layout}.npz") as file:
        state = {key[2:]: torch.from_numpy(file[key]) for key in file.files if key.startswith("G/")}
    return load_generator({"G": state, "metadata": {"prefill": prefill}})


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    image = torch.rand(3, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    hole = torch.zeros(3, 1, 64, 96)
    hole[0, :, 10:40, 20:50] = 1
    hole[1, :, :, 80:] = 1
    hole[2, :, 0:7, 0:9] = 1
    hole[2, :, 50:60, 60:64] = 1
    return image, hole


def test_it_equals_complete_and_forward(generator: Generator, batch: tuple[Tensor, Tensor]) -> None:
    image, hole = batch
    with torch.no_grad():
        coarse, refined = forward(generator, image, hole)
        frames = generator(image, hole)
        for i in range(3):
            filled = generator.complete(image[i : i + 1], hole[i : i + 1])[0]
            assert float(((filled - refined[i]) * hole[i]).abs().max()) < TOLERANCE
    assert float((coarse - frames[0]).abs().max()) < TOLERANCE
    assert float((refined - frames[1]).abs().max()) < TOLERANCE
    assert refined.std() > 0.2  # of order one: the comparison means something


def test_fusion_is_the_generator_s_choice(generator: Generator, batch: tuple[Tensor, Tensor]) -> None:
    before = generator.attention
    made = {}
    try:
        for fusion in (True, False):
            generator.attention = before._replace(fusion=fusion)
            with torch.no_grad():
                made[fusion] = forward(generator, *batch)[1]
                assert float((made[fusion] - generator(*batch)[1]).abs().max()) < TOLERANCE
    finally:
        generator.attention = before
    assert float((made[True] - made[False]).abs().max()) > 10 * TOLERANCE


@pytest.mark.parametrize("prefill", ["none", "patchmatch"])
def test_every_weight_learns_from_the_first_step(prefill: str, batch: tuple[Tensor, Tensor]) -> None:
    generator = Generator(8, "pt", prefill)
    initialise(generator, 0)
    coarse, refined = forward(generator, *batch)
    (coarse.square().sum() + refined.square().sum()).backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_gradients_are_those_of_inference(generator: Generator, batch: tuple[Tensor, Tensor]) -> None:
    image, hole = (part[:1] for part in batch)
    weight = generator.attention_in.layers[0].conv.weight  # type: ignore[union-attr]
    weight.requires_grad_(True)
    pull = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))

    def gradient(refined: Tensor) -> Tensor:
        return torch.autograd.grad((refined * pull).sum(), weight)[0]

    both = gradient(generator(image, hole)[1]), gradient(forward(generator, image, hole)[1])
    weight.requires_grad_(False)
    torch.testing.assert_close(both[0], both[1], rtol=1e-3, atol=1e-3 * float(both[0].abs().max()))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_first_weights_keep_activations_of_order_one(seed: int) -> None:
    generator = Generator(16)
    initialise(generator, seed)
    x = torch.randn(1, 5, 64, 64, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for layer in list(generator.coarse.layers)[:-1]:
            x = whole(layer, x)  # type: ignore[arg-type]
            assert 0.1 < float(x.std()) < 5


def test_first_weights_are_the_seed_s() -> None:
    made = []
    for seed in (1, 1, 2):
        torch.rand(7)  # what was drawn before plays no part
        generator = Generator(8)
        initialise(generator, seed)
        made.append(torch.cat([p.flatten() for p in generator.parameters()]))
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_a_refiner_starts_as_its_prefill() -> None:
    generator = Generator(16, "pt", "patchmatch")
    initialise(generator, 0)
    image, hole = torch.rand(1, 3, 64, 64) * 2 - 1, torch.ones(1, 1, 64, 64)
    with torch.no_grad():
        _, refined = forward(generator, image, hole)
    assert float((refined - image).abs().mean()) < 0.03
