"""Mask R-CNN: the way of its weights and grids, with random weights and literal detections.

Trained weights are fetched by users; what the published network finds is torchvision's matter.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from configs import SegmentSettings, SettingsError
from data.geometry import Box
from data.types import Photo, Weight
from detection import build_segmenter
from detection.maskrcnn import LONGER, Detections, MaskRcnn, load_network, paste, people


def grid(rows: slice = slice(None), columns: slice = slice(None)) -> Any:
    mask = np.zeros((28, 28), np.float32)
    mask[rows, columns] = 1
    return mask


@pytest.mark.parametrize(
    "box",
    [
        [10.0, 5.0, 38.0, 33.0],
        [-7.4, 3.3, 21.2, 50.1],  # out of the photo on the left
        [50.0, 30.0, 90.5, 70.5],  # and on the right and below
        [30.2, 20.7, 30.4, 20.8],  # less than a pixel
        [0.0, 0.0, 64.0, 48.0],
    ],
)
def test_pasting_equals_torchvisions(box: list[float]) -> None:
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    mask = np.random.default_rng(1).random((28, 28), dtype=np.float32)
    size = (48, 64)
    expected = (
        paste_masks_in_image(torch.from_numpy(mask)[None, None], torch.tensor([box], dtype=torch.float64), size)[
            0, 0
        ].numpy()
        > 0.5
    )
    np.testing.assert_array_equal(paste(mask, np.array(box), size).within(Box.whole(size)), expected)


def test_the_suppression_that_yolo_uses_is_torchvisions() -> None:
    from torchvision.ops import nms
    from ultralytics.utils.nms import TorchNMS

    rng = np.random.default_rng(0)
    for count in (1, 2, 30, 300):
        corners = rng.uniform(0, 200, (count, 2))
        boxes = torch.tensor(np.hstack([corners, corners + rng.uniform(5, 120, (count, 2))]), dtype=torch.float32)
        scores = torch.tensor(rng.permutation(count), dtype=torch.float32)
        assert TorchNMS.nms(boxes, scores, 0.7).tolist() == nms(boxes, scores, 0.7).tolist()


def test_detections_become_people_and_things() -> None:
    boxes = [[4, 2, 12, 18], [20, 2, 28, 18], [100, 100, 120, 120], [0, 0, 8, 8], [4, 2, 12, 18]]
    found = Detections(
        boxes=np.array(boxes, float),
        scores=np.array([0.9, 0.8, 0.7, 0.6, 0.5]),
        masks=np.stack([grid(), grid(rows=slice(0, 14)), grid(), np.zeros((28, 28), np.float32), grid()]),
        labels=("person", "person", "person", "person", "backpack"),
    )
    # The third lies outside, the fourth has no pixel. The grid's frame of 1/28 rounds outwards, as torchvision's does.
    seen = people(found, (20, 30))
    whole, upper = seen.persons
    assert (whole.bbox, whole.score, whole.source) == ((3.0, 2.0, 10.0, 16.0), 0.9, "maskrcnn")
    assert upper.bbox == (19.0, 2.0, 10.0, 8.0)
    assert [(thing.label, thing.bbox, thing.score) for thing in seen.objects] == [("backpack", whole.bbox, 0.5)]


class FixedNetwork:
    """Answers as torchvision's network does; counts how many images it is given at a time."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, ...]]] = []

    def __call__(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        self.batches.append([tuple(image.shape) for image in images])
        assert all(float(image.min()) >= 0 and float(image.max()) <= 1 for image in images)
        one = {
            "boxes": torch.tensor([[10.0, 10, 20, 30], [40, 10, 50, 30], [40, 10, 50, 30]]),
            "labels": torch.tensor([1, 18, 28]),  # a person, a dog, an umbrella
            "scores": torch.tensor([0.9, 0.9, 0.8]),
            "masks": torch.ones(3, 1, 28, 28),
        }
        return [one for _ in images]


def photo(height: int, width: int) -> Photo:
    return Photo("id", "a", np.full((height, width, 3), 255, np.uint8))


def test_only_what_is_wanted_and_one_photo_at_a_time_on_a_cpu() -> None:
    network = FixedNetwork()
    found = MaskRcnn(network, "cpu").segment([photo(60, 80), photo(40, 70)])
    assert [[p.bbox for p in people.persons] for people in found] == [[(9.0, 10.0, 12.0, 20.0)]] * 2
    assert not found[0].objects and network.batches == [[(3, 60, 80)], [(3, 40, 70)]]
    (wanted,) = MaskRcnn(network, "cpu", ("umbrella", "kite")).segment([photo(60, 80)])
    assert [(thing.label, thing.score) for thing in wanted.objects] == [("umbrella", 0.8)]


def test_large_photos_are_seen_reduced_and_pasted_at_their_own_size() -> None:
    network = FixedNetwork()
    (people,) = MaskRcnn(network, "cpu").segment([photo(100, 2 * LONGER)])
    assert network.batches == [[(3, 50, LONGER)]]
    assert people.size == (100, 2 * LONGER) and people.persons[0].bbox == (20.0, 19.0, 20.0, 42.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published layout with random weights, as torchvision's training script saves it."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    torch.manual_seed(1)
    network = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, num_classes=2)
    path = tmp_path_factory.mktemp("weights") / "own.pth"
    torch.save({"model": network.state_dict(), "epoch": 3}, path)
    return path


@pytest.mark.slow
def test_random_weights_run_and_give_masks_of_the_photos_size(weights: Path) -> None:
    network = load_network(weights, score=0.0, shorter=64, longer=96)
    noise = np.random.default_rng(1).integers(0, 256, (50, 75, 3), dtype=np.uint8)
    segmenter = MaskRcnn(network, "cpu")
    once = segmenter.segment([Photo("id", "a", noise)])
    assert once[0].size == (50, 75) and segmenter.segment([Photo("id", "a", noise)]) == once
    settings = SegmentSettings(segmenter="maskrcnn", device="cpu").with_weights(str(weights))
    assert build_segmenter(settings, {str(weights): Weight("own", weights, "0" * 64)})


def _edited(weights: Path, to: Path, change: Any) -> Path:
    state = torch.load(weights, weights_only=True)["model"]
    torch.save(change(state), to)
    return to


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda s: {"layer.weight": torch.ones(3)}, "it is another network's"),
        (lambda s: {k: v for k, v in s.items() if ".mask_" not in k}, "it has no mask head"),
        (lambda s: {k: v for k, v in s.items() if "layer4" not in k}, "its layers differ"),
        (lambda s: {**s, "roi_heads.box_predictor.cls_score.bias": torch.ones(21)}, "it has 21 classes"),
        (
            lambda s: {**s, "backbone.body.conv1.weight": torch.full((64, 3, 7, 7), torch.nan)},
            "conv1.weight is not fin",
        ),
        (lambda s: [1, 2, 3], "it is not a state dict"),
    ],
)
def test_files_that_are_not_these_weights(change: Any, found: str, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=found) as caught:
        load_network(_edited(weights, tmp_path / "other.pth", change), 0.1)
    assert "\n" not in str(caught.value) and "other.pth" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"not a network", b"PK\x03\x04 truncated"])
def test_files_that_cannot_be_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=r"broken\.pth cannot be read as a PyTorch state dict"):
        load_network(path, 0.1)
    with pytest.raises(SettingsError, match="does not exist"):
        load_network(tmp_path / "none.pth", 0.1)
