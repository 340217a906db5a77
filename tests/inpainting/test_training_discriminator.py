"""The discriminator gives the published implementation's numbers, and normalises as the paper tells it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from inpainting.deepfillv2.conventions import Layout
from inpainting.deepfillv2.discriminator import Discriminator, SpectralConv


def test_golden_vector() -> None:
    """Made by the common port on random weights of width 16."""
    path = Path(__file__).parents[2].parent / "shared" / "facts" / "deepfillv2_golden_D.npz"
    if not path.is_file():
        pytest.skip("the golden vector is not beside the checkout (../shared/facts)")
    with np.load(path) as file:
        vectors = {key: torch.from_numpy(file[key]) for key in file.files}
    discriminator = Discriminator(16)
    discriminator.load_state_dict({key[2:]: value for key, value in vectors.items() if key.startswith("D/")})
    with torch.no_grad():
        scores = discriminator(vectors["x"][:, :3], vectors["x"][:, 3:])
    assert scores.shape == vectors["y"].shape == (2, 256)
    assert float((scores - vectors["y"]).abs().max()) < 1e-6
    assert vectors["y"].std() > 0.01


def test_keys_and_shapes_of_the_published_snapshots() -> None:
    sizes = [4, 64, 128, 256, 256, 256, 256]
    expected = {
        f"conv{i}.conv_sn.{name}": shape
        for i, (inputs, outputs) in enumerate(pairwise(sizes), 1)
        for name, shape in (("weight", [outputs, inputs, 5, 5]), ("bias", [outputs]), ("weight_u", [outputs, 1]))
    }
    assert {key: list(value.shape) for key, value in Discriminator().state_dict().items()} == expected


def test_one_power_iteration_a_forward_pass_divides_the_weight_in_place() -> None:
    layer = SpectralConv(3, 5, "pt")
    weight, u = layer.weight.detach().flatten(1).double().numpy(), layer.weight_u.double().numpy()
    for _ in range(3):
        layer(torch.zeros(1, 3, 8, 8))
        v = weight.T @ u
        v /= np.linalg.norm(v)
        u = weight @ v
        u /= np.linalg.norm(u)
        weight = weight / (u.T @ weight @ v).item()
        np.testing.assert_allclose(layer.weight.detach().flatten(1).numpy(), weight, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(layer.weight_u.numpy(), u, rtol=1e-4, atol=1e-6)


def test_the_weight_s_largest_singular_value_becomes_one() -> None:
    torch.manual_seed(0)  # how fast it gets there depends on where it starts
    discriminator = Discriminator(8)
    for _ in range(60):
        discriminator(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 64, 64))
    for i in range(1, 7):
        weight = getattr(discriminator, f"conv{i}").conv_sn.weight.detach()
        assert float(torch.linalg.matrix_norm(weight.flatten(1), 2)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("layout", "before"), [("pt", 2), ("tf", 1)])
def test_padding_before_the_first_pixel(layout: Layout, before: int) -> None:
    """A weight that is one at its first tap shows which pixel the first output reads."""
    layer = SpectralConv(1, 1, layout)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, before, before] = 1
        layer.bias.zero_()  # type: ignore[union-attr]
        layer.weight_u.fill_(1)
    image = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(layer(image), image[..., ::2, ::2])


def test_every_layer_leaks_and_the_result_is_flat() -> None:
    discriminator = Discriminator(8)
    image, hole = torch.rand(2, 3, 128, 64) * 2 - 1, torch.zeros(2, 1, 128, 64)
    x = torch.cat([image, hole], dim=1)
    discriminator(image, hole)
    before = {key: value.clone() for key, value in discriminator.state_dict().items()}
    for i in range(1, 7):
        layer = SpectralConv(*before[f"conv{i}.conv_sn.weight"].shape[1::-1], "pt")
        layer.load_state_dict({k.split("conv_sn.")[1]: v for k, v in before.items() if k.startswith(f"conv{i}.")})
        x = F.leaky_relu(layer(x), 0.2)
    scores = discriminator(image, hole)
    assert scores.shape == (2, 32 * 2 * 1)
    torch.testing.assert_close(scores, x.flatten(1))
