"""The network gives the numbers of the published implementations, and none of the common port's faults.

Golden vectors: outputs of the common port (pt, tf; width 16) and of MMagic's own classes (mmagic; width 12, one case in
double precision) on random weights scaled so that activations stay of order one; with their default initialisation
outputs are 1e-6 and equality would prove nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmagic_weights import mmagic_weights
from plain_deepfillv2 import plain_generator

from inpainting.deepfillv2 import layers, load_generator
from inpainting.deepfillv2.attention import Options

GOLDEN = Path(__file__).parent / "golden"
LAYOUTS = ["pt", "tf", "mmagic"]
SHARED = Path(__file__).parents[2].parent / "shared" / "facts"
TOLERANCE = 5e-5  # reached: 1.3e-5; another processor sums in another order


def golden(layout: str) -> dict[str, Any]:
    with np.load(GOLDEN / f"deepfillv2_{layout}.npz") as file:
        found = {key: torch.from_numpy(file[key]).float() for key in file.files}
    return found if layout != "mmagic" else found | {f"G/{k}": v for k, v in mmagic_weights(12).items()}


def weights(vectors: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {key[2:]: value for key, value in vectors.items() if key.startswith("G/")}


@pytest.fixture(scope="module", params=LAYOUTS)
def vectors(request: pytest.FixtureRequest) -> dict[str, Any]:
    return golden(request.param)


@pytest.fixture(scope="module")
def generator(vectors: dict[str, Any]) -> Any:
    return load_generator({"G": weights(vectors)})


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.inference_mode():
        yield


def worst(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max())


def test_first_case(generator: Any, vectors: dict[str, Any]) -> None:
    coarse, refined = generator(vectors["a/image"], vectors["a/mask"])  # 64 x 96; mmagic 72 x 72
    assert worst(coarse, vectors["a/stage1"]) < TOLERANCE
    assert worst(refined, vectors["a/stage2"]) < TOLERANCE
    assert vectors["a/stage2"].std() > 0.2  # of order one: the comparison means something


def test_the_plain_computation_gives_them_too(generator: Any, vectors: dict[str, Any]) -> None:
    for case, stage in (("a", "stage1"), ("a", "stage2"), ("c", "stage2")):
        made = [
            plain_generator(generator, image[None], hole[None])
            for image, hole in zip(vectors[f"{case}/image"], vectors[f"{case}/mask"], strict=True)
        ]
        coarse, refined = (torch.cat(both) for both in zip(*made, strict=True))
        assert worst(coarse if stage == "stage1" else refined, vectors[f"{case}/{stage}"]) < TOLERANCE


@pytest.mark.parametrize("fusion", [True, False])
def test_fusion_is_a_choice_in_either_layout(
    generator: Any, vectors: Any, fusion: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, hole = vectors["a/image"], vectors["a/mask"]
    published = generator(image, hole)[1]
    monkeypatch.setattr(generator, "attention", Options(fusion))
    refined = generator(image, hole)[1]
    assert worst(refined, plain_generator(generator, image, hole)[1]) < TOLERANCE
    assert (worst(refined, published) < TOLERANCE) == (fusion == (generator.layout != "tf"))


def test_second_case(generator: Any, vectors: dict[str, Any]) -> None:
    # 200 x 136: the halved map is 25 x 17, where tf's halving meets exact halves; mmagic two of 72 x 96, a hole each
    _, refined = generator(vectors["c/image"], vectors["c/mask"])
    assert worst(refined, vectors["c/stage2"]) < TOLERANCE


def test_double_precision_gives_mmagic_s_own_numbers() -> None:
    with np.load(GOLDEN / "deepfillv2_mmagic.npz") as file:
        image, hole, *stages = (
            torch.from_numpy(file[f"a/{k}"]).double() for k in ("image", "mask", "stage1", "stage2")
        )
    generator = load_generator(mmagic_weights(12)).double()
    for made, stage in zip(generator(image, hole), stages, strict=True):
        assert worst(made, stage) < 1e-12
    assert worst(generator.complete(image, hole) * hole, stages[1] * hole) < 1e-12


@pytest.mark.parametrize("layout", ["pt", "tf"])
@pytest.mark.parametrize("case", ["a", "b", "c"])
def test_all_shared_vectors(layout: str, case: str) -> None:
    path = SHARED / f"deepfillv2_golden_{layout}.npz"
    if not path.is_file():
        pytest.skip("the full golden vectors are not beside the checkout (../shared/facts)")
    with np.load(path) as file:
        full = {key: torch.from_numpy(file[key]) for key in file.files}
    coarse, refined = load_generator(weights(full))(full[f"{case}/image"], full[f"{case}/mask"])
    assert worst(coarse, full[f"{case}/stage1"]) < TOLERANCE
    assert worst(refined, full[f"{case}/stage2"]) < TOLERANCE


@pytest.mark.parametrize("name", ["div4", "full_seed"])
@pytest.mark.parametrize("case", ["a72x72", "b96x128", "c72x96n2"])
def test_all_shared_vectors_of_mmagic(name: str, case: str) -> None:
    path = SHARED / f"golden_mmagic_deepfillv2_{name}.npz"
    if not path.is_file():
        pytest.skip("the full golden vectors are not beside the checkout (../shared/facts)")
    generator = load_generator({"state_dict": mmagic_weights(12 if name == "div4" else 48), "meta": {}})
    with np.load(path) as file:
        image, hole, *stages = (torch.from_numpy(file[f"{case}/{k}"]) for k in ("x", "mask", "stage1", "stage2"))
    for made, stage in zip(generator(image[:, :3], hole), stages, strict=True):
        assert worst(made, stage) < TOLERANCE


def test_complete_is_the_whole_frame_inside_and_the_photo_outside(generator: Any, vectors: Any) -> None:
    image, hole = vectors["c/image"], vectors["c/mask"]
    filled = generator.complete(image, hole)
    assert torch.equal(filled[hole.expand_as(filled) == 0], image[hole.expand_as(filled) == 0])
    assert worst(filled * hole, vectors["c/stage2"] * hole) < TOLERANCE


HOLES = {
    "corner": [(0, 9, 0, 12)],
    "last pixel": [(63, 64, 95, 96)],
    "bottom, from side to side": [(50, 64, 0, 96)],
    "two far apart": [(2, 6, 3, 9), (50, 60, 80, 94)],
    "everything": [(0, 64, 0, 96)],
    "one pixel": [(31, 32, 47, 48)],
    "all four borders": [(0, 5, 0, 96), (59, 64, 0, 96), (0, 64, 0, 5), (0, 64, 91, 96)],
    "specks everywhere": [(y, y + 2, x, x + 3) for y in range(0, 64, 13) for x in range(1, 96, 17)],
}


@pytest.mark.parametrize("boxes", HOLES.values(), ids=HOLES)
def test_complete_equals_forward(generator: Any, boxes: list[tuple[int, ...]]) -> None:
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    hole = torch.zeros(1, 1, 64, 96)
    for top, bottom, left, right in boxes:
        hole[..., top:bottom, left:right] = 1
    _, refined = generator(image, hole)
    assert torch.isfinite(refined).all()  # without a known patch a softmax over nothing would be NaN
    assert worst(generator.complete(image, hole) * hole, refined * hole) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("people", [1, 5])
def test_people_spread_over_a_photo(generator: Any, people: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand(1, 3, 333, 604, generator=torch.Generator().manual_seed(0)) * 2 - 1
    hole = torch.zeros(1, 1, 333, 604)
    for i in range(people):
        hole[..., 30 + 40 * i : 90 + 40 * i, 20 + 120 * i : 60 + 120 * i] = 1
    _, refined = generator(image, hole)
    for side in (256, 64):
        monkeypatch.setattr(layers, "TILE", side)
        assert worst(generator.complete(image, hole) * hole, refined * hole) < TOLERANCE


def test_gradients_do_not_depend_on_boxes(generator: Any, vectors: Any) -> None:
    image, hole = vectors["a/image"].clone(), vectors["a/mask"].clone()
    with torch.inference_mode(False):
        weight = generator.joint.layers[0].conv.weight.clone().requires_grad_()
        again = generator.dilated.layers[0].conv.weight.clone().requires_grad_()
        image, hole = image.clone(), hole.clone()
        own = {"joint.layers.0.conv.weight": weight, "dilated.layers.0.conv.weight": again}
        _, refined = torch.func.functional_call(generator, own, (image, hole))
        pulled = torch.autograd.grad((refined * hole).square().sum(), [weight, again])
        with torch.no_grad():
            step = 1e-3 / pulled[0].norm() * pulled[0]
            moved = {**own, "joint.layers.0.conv.weight": weight + step}
            _, further = torch.func.functional_call(generator, moved, (image, hole))
    gained = float((further * hole).square().sum() - (refined.detach() * hole).square().sum())
    assert gained == pytest.approx(float((pulled[0] * step).sum()), rel=0.05)
    assert pulled[1].abs().max() > 0


def test_no_hole_is_the_photo_itself(generator: Any, vectors: Any) -> None:
    image = vectors["a/image"]
    nothing = torch.zeros_like(vectors["a/mask"])
    assert torch.equal(generator.complete(image, nothing), image)
    assert all(torch.isfinite(out).all() for out in generator(image, nothing))


def test_each_photo_of_a_batch_has_its_own_hole(generator: Any, vectors: Any) -> None:
    images = torch.cat([vectors["a/image"], -vectors["a/image"]])
    holes = torch.cat([vectors["a/mask"], vectors["a/mask"].flip(-1)])
    together = generator(images, holes)
    for i in range(2):
        alone = generator(images[i : i + 1], holes[i : i + 1])
        assert worst(together[0][i : i + 1], alone[0]) < TOLERANCE
        assert worst(together[1][i : i + 1], alone[1]) < TOLERANCE
    filled = generator.complete(images, holes)
    assert worst(filled * holes, together[1] * holes) < TOLERANCE


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (61, 90), (64, 95), (65, 96)])
def test_any_size_comes_back_in_that_size(generator: Any, size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    hole = torch.zeros(1, 1, *size)
    hole[..., size[0] // 2 :, size[1] // 2 :] = 1
    coarse, refined = generator(image, hole)
    assert coarse.shape == refined.shape == image.shape
    assert worst(generator.complete(image, hole) * hole, refined * hole) < TOLERANCE


def test_what_the_hole_covers_is_never_read(generator: Any, vectors: Any) -> None:
    image, hole = vectors["a/image"], vectors["a/mask"]
    person = torch.where(hole > 0, torch.rand_like(image), image)
    assert torch.equal(generator(person, hole)[1], generator(image, hole)[1])
