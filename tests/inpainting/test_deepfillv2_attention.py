"""Contextual attention in blocks equals the plain computation over all pairs at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fill_speed import Job, export_weights, measure
from hypothesis import given
from hypothesis import strategies as st
from plain_deepfillv2 import plain_attention
from torch import Tensor

from data.geometry import Box
from inpainting.deepfillv2 import attention
from inpainting.deepfillv2.attention import Options, contextual_attention, thinned
from inpainting.deepfillv2.boxes import view
from inpainting.deepfillv2.conventions import Layout

Case = tuple[Layout, Tensor, Tensor, Box, bool, int, int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    layout: Layout = draw(st.sampled_from(["pt", "tf", "mmagic"]))
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    random = torch.Generator().manual_seed(draw(st.integers(0, 1 << 30)))
    # scores of order one: larger ones make the softmax a choice, smaller ones a mean
    features = torch.randn(3, 2 * rows, 2 * columns, generator=random) * draw(st.sampled_from([0.02, 0.2]))
    hole = torch.zeros(1, 8 * rows, 8 * columns)
    for _ in range(draw(st.integers(0, 3))):
        top, left = draw(st.integers(0, 8 * rows - 1)), draw(st.integers(0, 8 * columns - 1))
        hole[:, top : draw(st.integers(top + 1, 8 * rows)), left : draw(st.integers(left + 1, 8 * columns))] = 1
    if draw(st.booleans()) and draw(st.booleans()):
        hole[:] = 1
    top, left = draw(st.integers(0, 2 * rows - 1)), draw(st.integers(0, 2 * columns - 1))
    bottom, right = draw(st.integers(top + 1, 2 * rows)), draw(st.integers(left + 1, 2 * columns))
    wanted = Box(left, top, right, bottom)
    return (
        layout,
        features,
        hole,
        wanted,
        draw(st.booleans()),
        draw(st.sampled_from([1, 3, 100])),
        draw(st.sampled_from([1, 100, 1 << 20])),
    )


@given(cases())
def test_blocks_and_boxes_change_nothing(case: Case) -> None:
    layout, features, hole, wanted, fusion, side, strip = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Options, "side", lambda *_: side)
        patch.setattr(attention, "STRIP", strip)
        ours = contextual_attention(features[None], hole[None], layout, [wanted], Options(fusion))[0][0]
    plain = plain_attention(features, hole, layout, fusion)
    torch.testing.assert_close(ours, view(plain, wanted), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("memory", "keys", "side"), [(64, 16_640, 15), (64, 4_224, 31), (1, 1 << 20, 1), (1, 64, 32)])
def test_memory_bounds_the_tiles(memory: int, keys: int, side: int) -> None:
    assert Options(True, memory).side(keys) == side
    assert side == 1 or 4 * 4 * keys * side**2 <= memory << 20


@pytest.mark.parametrize("layout", ["pt", "tf", "mmagic"])
def test_each_item_of_a_batch_has_its_own_keys(layout: Layout) -> None:
    features = torch.randn(2, 4, 12, 10, generator=torch.Generator().manual_seed(0)) * 0.2
    holes = torch.zeros(2, 1, 48, 40)
    holes[0, :, 8:30, 8:30] = 1
    holes[1, :, :, 30:] = 1
    (both,) = contextual_attention(features, holes, layout, [Box.whole((12, 10))], Options(fusion=True))
    for i in range(2):
        torch.testing.assert_close(both[i], plain_attention(features[i], holes[i], layout, True), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layout", ["pt", "tf", "mmagic"])
def test_no_known_key_pastes_nothing(layout: Layout) -> None:
    everywhere = [Box.whole((8, 8))]
    (out,) = contextual_attention(torch.randn(1, 4, 8, 8), torch.ones(1, 1, 32, 32), layout, everywhere, Options(True))
    assert torch.equal(out, torch.zeros(1, 4, 8, 8))


@pytest.mark.parametrize("layout", ["pt", "tf"])
@pytest.mark.parametrize("memory", [0, 64])  # 0: a tile for every query
def test_gradients_are_those_of_the_plain_computation(layout: Layout, memory: int) -> None:
    features = torch.randn(1, 4, 10, 8, generator=torch.Generator().manual_seed(0)) * 0.2
    hole = torch.zeros(1, 1, 40, 32)
    hole[..., 8:30, 8:24] = 1
    pull = torch.randn(4, 10, 8, generator=torch.Generator().manual_seed(1))
    ours, plain = features.clone().requires_grad_(), features.clone().requires_grad_()
    (made,) = contextual_attention(ours, hole, layout, [Box.whole((10, 8))], Options(layout == "pt", memory))
    (made[0] * pull).sum().backward()
    (plain_attention(plain[0], hole[0], layout, layout == "pt") * pull).sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("layout", "length", "factor", "positions"),
    [
        ("pt", 8, 2, [0, 2, 4, 6]),
        ("tf", 8, 2, [0, 2, 5, 7]),
        ("tf", 10, 2, [0, 2, 5, 7, 9]),  # 4.5 in the middle: halves go up
        ("tf", 2, 2, [0]),
        ("pt", 24, 8, [0, 8, 16]),
        ("tf", 24, 8, [0, 12, 23]),
    ],
)
def test_halving(layout: Layout, length: int, factor: int, positions: list[int]) -> None:
    assert thinned(torch.arange(length).expand(length, length), factor, layout)[0].tolist() == positions


@pytest.mark.slow
def test_a_megapixel_stays_below_one_and_a_half_gigabytes(tmp_path: Path) -> None:
    weights = str(export_weights(tmp_path / "pt.pth", "pt", 48))
    figures = measure(Job("whole", "pt", 1024, 1024, people=1, runs=0, device="cpu", weights=weights), tmp_path)
    assert figures.memory is not None and 0.3 < figures.memory < 1.5, figures.reason
