"""The registry of segmenters, and the neural ones around networks that are literal functions."""

import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs import SegmentSettings, SettingsError
from configs.segmenters import EmbeddedSettings
from data.geometry import Box
from data.types import Photo, Weight
from detection import SEGMENTERS, build_segmenter
from detection.crops import SIDE, Crop, SoftMask
from detection.embedded import CropNetworks, Embedded
from detection.fusion import Fusion, Fusions
from detection.litert import without_delegate_notice
from detection.sizes import SeveralSizes
from detection.yolo import Yolo, mask_at_size, people_from_masks
from detection.yolo_network import MOST_PIXELS, Cues, Found, YoloNetwork, _bounded


class FixedNetwork:
    """A detector that finds the same persons in every photo."""

    def __init__(self, boxes: Any, scores: Any, masks: Any = None) -> None:
        nothing = Cues(np.zeros((1, 2, 2), np.float32), 0, 0, 8)
        cues = (nothing,) * len(scores)
        self._found = Found(np.array(boxes, float).reshape(-1, 4), np.array(scores, float), masks, cues=cues)

    def find(self, images: Any, score: float, image_size: int) -> list[Found]:
        return [self._found for _ in images]


BOTH_ALIKE = Fusions(
    Fusion(0.0, defaultdict(float, pose=1.0, selfie=1.0), np.zeros(1, np.float32)),
    Fusion(0.0, defaultdict(float), np.ones(1, np.float32)),
)


def photo(height: int, width: int, value: int = 0) -> Photo:
    return Photo("id", "a.jpg", np.full((height, width, 3), value, np.uint8))


def brightness(crop: Crop) -> SoftMask:
    return crop[..., 0]


def nobody(crop: Crop) -> SoftMask:
    return np.zeros((SIDE, SIDE), np.float32)


def test_every_segmenter_of_the_settings_is_registered() -> None:
    names = SegmentSettings.model_fields["segmenter"].annotation
    assert set(SEGMENTERS) == set(names.__args__)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (SegmentSettings(), ["yolo11n-seg"]),
        (SegmentSettings().with_weights("my/own.onnx"), ["my/own.onnx"]),
        (SegmentSettings(segmenter="maskrcnn"), ["maskrcnn-resnet50-fpn-v2"]),
        (
            SegmentSettings(segmenter="maskrcnn").with_own("yolo", weights="yolo.pt").with_weights("own.pth"),
            ["own.pth"],
        ),
        (
            SegmentSettings(segmenter="union").with_own("union", segmenters=("embedded", "maskrcnn")),
            ["yolov8n", "selfie-segmentation", "pose-landmark-full", "maskrcnn-resnet50-fpn-v2"],
        ),
        (SegmentSettings(segmenter="embedded"), ["yolov8n", "selfie-segmentation", "pose-landmark-full"]),
        (SegmentSettings(segmenter="annotations"), []),
        (SegmentSettings(segmenter="mask-files"), []),
    ],
)
def test_required_weights(settings: SegmentSettings, names: list[str]) -> None:
    assert settings.required_weights() == names


def test_missing_weights_name_the_command_that_fetches_them() -> None:
    with pytest.raises(SettingsError, match="person-removal weights fetch yolo11n-seg"):
        build_segmenter(SegmentSettings(), {})


def test_importing_detection_is_light() -> None:
    code = (
        "import sys, detection, detection.yolo, detection.embedded, detection.annotations, detection.mask_files,"
        " detection.maskrcnn, detection.union, detection.tiles;"
        "print([m for m in ('torch', 'ultralytics', 'ai_edge_litert', 'prefect') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "trust", "found"),
    [
        ("own.pt", False, "is a pickle, which can run code, and is not in the registry; set segment.yolo.trust"),
        ("own.engine", False, "is none of .pt, .onnx, .tflite"),
        ("own.pt", True, "cannot be loaded"),
        ("own.tflite", False, "cannot be loaded"),
    ],
)
def test_weights_that_cannot_be_used_fail_before_any_photo(name: str, trust: bool, found: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"not a network")
    settings = SegmentSettings(device="cpu").with_own("yolo", weights=str(path), trust=trust)
    with pytest.raises(SettingsError, match=found) as caught:
        build_segmenter(settings, {str(path): Weight(name, path, "0" * 64)})
    assert "\n" not in str(caught.value)
    assert Image.open.__module__ == "PIL.Image"  # ultralytics puts its own in its place


def test_embedded_keeps_what_both_networks_find_around_the_box() -> None:
    pixels = np.zeros((120, 160, 3), np.uint8)
    pixels[20:100, 40:80] = 255  # a bright person
    pixels[20:100, 120:140] = 255  # and somebody whom no box names
    segmenter = Embedded(
        FixedNetwork([[40, 20, 80, 100]], [0.9]),  # type: ignore[arg-type]
        CropNetworks(brightness, brightness),
        SegmentSettings(),
        BOTH_ALIKE,
    )
    (people,) = segmenter.segment([Photo("id", "a.jpg", pixels)])
    union, truth = people.union(), pixels[..., 0] > 0
    assert not union[:, 90:].any()
    assert (union[:, :90] & ~truth[:, :90]).sum() <= 0.15 * 3200  # a rim of interpolation
    assert not (truth[:, :90] & ~union[:, :90]).any()
    assert (people.persons[0].score, people.persons[0].source) == (0.9, "embedded")


def test_a_doubtful_find_takes_less_from_a_neighbour_than_a_sure_one() -> None:
    """Two boxes over one bright block: what both claim is split between them."""

    def first(score: float) -> int:
        boxes = FixedNetwork([[20, 20, 80, 100], [60, 20, 120, 100]], [0.9, score])
        networks = CropNetworks(brightness, brightness)
        (people,) = Embedded(boxes, networks, SegmentSettings(), BOTH_ALIKE).segment([pixels])  # type: ignore[arg-type]
        return people.area(people.persons[0])

    pixels = Photo("id", "a.jpg", np.pad(np.full((80, 100, 3), 255, np.uint8), ((20, 20), (20, 40), (0, 0))))
    assert first(0.15) > first(0.6) > first(0.9)


def test_one_network_alone_is_enough_where_it_is_sure() -> None:
    for networks in (CropNetworks(brightness, nobody), CropNetworks(nobody, brightness)):
        segmenter = Embedded(FixedNetwork([[10, 10, 70, 50]], [0.5]), networks, SegmentSettings(), BOTH_ALIKE)  # type: ignore[arg-type]
        (people,) = segmenter.segment([photo(60, 80, 255)])
        assert people.union()[10:50, 10:70].all()


def test_a_person_whom_pose_misses_is_shown_to_it_in_a_mirror() -> None:
    def left_handed(crop: Crop) -> SoftMask:
        """Finds the bright person where the crop's left half is brighter than the right one."""
        halves = crop[:, : SIDE // 2].mean(), crop[:, SIDE // 2 :].mean()
        return crop[..., 0] * (halves[0] > halves[1])

    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[20:80, 50:80] = 255  # the right half of the box
    network = FixedNetwork([[20, 20, 80, 80]], [0.9])
    alone = Fusions(Fusion(0.0, defaultdict(float, pose=1.0), np.zeros(1, np.float32)), BOTH_ALIKE.small)
    segmenter = Embedded(network, CropNetworks(nobody, left_handed), SegmentSettings(), alone)  # type: ignore[arg-type]
    union = segmenter.segment([Photo("id", "a.jpg", pixels)])[0].union()
    assert union[22:78, 52:78].all() and not union[:, :46].any()


def test_of_a_small_person_only_the_detector_is_asked() -> None:
    """Its cues say yes in the left half of the box, and no mask network is run."""

    def never(crop: Crop) -> SoftMask:
        raise AssertionError("a mask network was asked")

    network = FixedNetwork([[8, 8, 36, 36]], [0.5])
    maps = np.repeat(np.where(np.arange(14) < 5, 9, -9).astype(np.float32)[None, None], 14, 1)
    network._found = replace(network._found, cues=(Cues(maps, 1.5, 1.5, 4),))
    segmenter = Embedded(network, CropNetworks(never, never), SegmentSettings(), BOTH_ALIKE)  # type: ignore[arg-type]
    union = segmenter.segment([photo(56, 64)])[0].union()
    assert union[8:36, 8:19].all() and not union[:, 24:].any()


def test_people_found_at_several_sizes_are_each_found_once() -> None:
    """The second size gives a surer box of the first person, half of her again, and somebody else."""

    boxes = {640: [[0, 0, 100, 200]], 1280: [[2, 0, 100, 200], [0, 0, 100, 100], [200, 0, 210, 30]]}
    scores = {640: np.array([0.5]), 1280: np.array([0.8, 0.3, 0.2])}

    class BySize:
        def find(self, images: Any, score: float, image_size: int) -> list[Found]:
            cues = tuple(Cues(np.zeros((1, 2, 2), np.float32), 0, 0, image_size) for _ in scores[image_size])
            found = Found(np.array(boxes[image_size], float), scores[image_size], None, cues=cues)
            return [found.where(found.scores >= score) for _ in images]

    (found,) = SeveralSizes(BySize(), (1280,)).find([photo(300, 300).pixels], 0.2, 640)
    assert found.boxes.tolist() == boxes[1280] and found.scores.tolist() == [0.8, 0.3, 0.2]
    (found,) = SeveralSizes(BySize(), (1280, 640)).find([photo(300, 300).pixels], 0.4, 640)
    assert [cues.step for cues in found.cues or ()] == [1280]


def test_small_people_count_from_a_score_of_their_own() -> None:
    boxes = [[0, 0, 20, 63], [30, 0, 60, 70], [70, 0, 90, 63]]

    class Honest(FixedNetwork):
        def find(self, images: Any, score: float, image_size: int) -> list[Found]:
            return [found.where(found.scores >= score) for found in super().find(images, score, image_size)]

    def found(own: float | None) -> list[float]:
        settings = SegmentSettings(segmenter="embedded", score=0.1, embedded=EmbeddedSettings(small_score=own))
        networks = CropNetworks(brightness, brightness)
        network = Honest(boxes, [0.06, 0.06, 0.04])
        (people,) = Embedded(network, networks, settings, BOTH_ALIKE).segment([photo(100, 100, 255)])  # type: ignore[arg-type]
        return [person.score for person in people.persons]

    assert (found(None), found(0.05), found(0.02)) == ([], [0.06], [0.06, 0.04])
    assert found(0.2) == []


def test_a_person_whose_mask_fails_is_an_ellipse_not_a_miss() -> None:
    segmenter = Embedded(
        FixedNetwork([[10, 10, 70, 50]], [0.5]),  # type: ignore[arg-type]
        CropNetworks(nobody, nobody),
        SegmentSettings(),
        BOTH_ALIKE,
    )
    (people,) = segmenter.segment([photo(60, 80)])
    assert people.persons[0].bbox == (10.0, 10.0, 60.0, 40.0)
    assert abs(people.union().sum() - np.pi * 30 * 20) < 30


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1)])
def test_embedded_on_the_smallest_photos(height: int, width: int) -> None:
    segmenter = Embedded(
        FixedNetwork([[0, 0, width, height], [-3, -3, -1, -1]], [0.9, 0.2]),  # type: ignore[arg-type]
        CropNetworks(brightness, brightness),
        SegmentSettings(),
        BOTH_ALIKE,
    )
    (people,) = segmenter.segment([photo(height, width, 255)])
    assert people.union().all() and len(people) == 1  # the second box lies outside the photo


def test_yolo_leaves_out_masks_without_a_pixel() -> None:
    masks = np.zeros((3, 4, 6), bool)
    masks[0, 1:3, 2:5] = True
    masks[2, :, 0] = True
    network = FixedNetwork(np.zeros((3, 4)), [0.9, 0.5, 0.2], masks)
    (people,) = Yolo(network, SegmentSettings()).segment([photo(4, 6)])  # type: ignore[arg-type]
    assert [(p.bbox, p.score, p.source) for p in people.persons] == [
        ((2.0, 1.0, 3.0, 2.0), 0.9, "yolo"),
        ((0.0, 0.0, 1.0, 4.0), 0.2, "yolo"),
    ]
    assert not people_from_masks(Found(np.zeros((0, 4)), np.zeros(0), None), (4, 6))


def test_yolo_gives_the_things_that_people_carry() -> None:
    masks = np.zeros((2, 4, 6), bool)
    masks[0, 1:3, 2:5] = masks[1, :, 0] = True
    found = Found(np.zeros((2, 4)), np.array([0.9, 0.4]), masks, ("person", "handbag"))
    people = people_from_masks(found, (4, 6))
    assert [p.score for p in people.persons] == [0.9]
    assert [(o.label, o.score, o.bbox) for o in people.objects] == [("handbag", 0.4, (0.0, 0.0, 1.0, 4.0))]


def test_masks_of_a_reduced_photo_come_back_at_its_size() -> None:
    small = np.zeros((30, 40), bool)
    small[10:20, 5:15] = True
    small[:, 39] = True  # reaches the border: must reach it at full size too
    full = mask_at_size(small, (301, 399)).within(Box.whole((301, 399)))
    assert full[104:197, 54:146].all() and full[:, 392:].all()  # corners are rounded
    assert abs(full.sum() - small.sum() * (301 * 399) / (30 * 40)) < 0.05 * full.sum()


@pytest.mark.parametrize(
    ("device", "calls"),
    [
        ("cpu", [(1, False)] * 12),
        ("cuda:0", [(8, True), (2, True), (2, True)]),
        ("mps", [(8, False), (2, False), (2, False)]),
    ],
)
def test_a_gpu_takes_batches_and_cuda_half_precision(device: str, calls: list[tuple[int, bool]]) -> None:
    import torch

    class Model:
        def predict(self, images: list[Any], **options: Any) -> list[Any]:
            made.append((len(images), options.get("half", False)))
            boxes = SimpleNamespace(
                xyxy=torch.tensor([[0.0, 0, images[0].shape[1], 4]]), conf=torch.ones(1), cls=torch.zeros(1)
            )
            return [SimpleNamespace(boxes=boxes, masks=None) for _ in images]

    made: list[tuple[int, bool]] = []
    network = object.__new__(YoloNetwork)
    vars(network).update(_device=device, _model=Model(), _labels={0: "person"}, _task="detect", _layers={})
    images = [np.zeros((8, 9 if i in (3, 7) else 6, 3), np.uint8) for i in range(12)]  # two of another size
    found = network.find(images, 0.2, 640)
    assert made == calls and len(found) == 12
    assert [one_pass.boxes[0, 2] for one_pass in found] == [image.shape[1] for image in images]
    assert found[0].boxes.tolist() == [[0, 0, 6, 4]] and found[0].labels == ("person",)


def test_large_photos_are_reduced_before_masks_are_made() -> None:
    reduced = _bounded(np.zeros((5000, 4000, 3), np.uint8))
    assert reduced.shape[0] * reduced.shape[1] <= MOST_PIXELS
    assert reduced.shape[0] / reduced.shape[1] == pytest.approx(5 / 4, rel=0.01)
    assert _bounded(np.zeros((3, 60000, 3), np.uint8)).shape == (3, 60000, 3)


def test_only_the_delegate_notice_is_dropped_from_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match="no such network"), without_delegate_notice():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nWARNING: disk full\n")
        raise OSError("no such network")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "WARNING: disk full\nafter\n"
