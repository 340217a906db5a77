"""The real networks on real photos; each test skips where its weights are not on this machine."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs import SegmentSettings, SettingsError
from data.images import decode
from data.types import Photo, Weight
from data.weights.files import WeightsError, find
from detection import Segmenter, build_segmenter
from detection.yolo_network import YoloNetwork

pytestmark = pytest.mark.slow


def load(name: str) -> Photo:
    """A photo that comes with the ultralytics package."""
    spec = importlib.util.find_spec("ultralytics")
    assert spec and spec.origin
    path = Path(spec.origin).parent / "assets" / name
    return Photo(name, name, decode(path.read_bytes(), name).pixels)


def build(settings: SegmentSettings) -> Segmenter:
    try:
        return build_segmenter(settings, {name: find(name) for name in settings.required_weights()})
    except WeightsError as error:
        pytest.skip(f"weights are not fetched: {error}")


@pytest.fixture(scope="module")
def embedded() -> Segmenter:
    return build(SegmentSettings(segmenter="embedded", device="cpu", image_size=960))  # as the preset has it


@pytest.fixture(scope="module")
def int8(shared: Path) -> Segmenter:
    path = shared / "data/models/yolov8n-seg_int8.tflite"
    return build(SegmentSettings(segmenter="yolo").with_weights(str(path)))


@pytest.fixture(params=["embedded", "int8"])
def segmenter(request: pytest.FixtureRequest) -> Segmenter:
    segmenter: Segmenter = request.getfixturevalue(request.param)
    return segmenter


def test_everybody_at_the_bus_is_covered_from_head_to_foot(segmenter: Segmenter) -> None:
    photo = load("bus.jpg")
    (people,) = segmenter.segment([photo])
    union = people.union()
    assert union.shape == photo.size == (1080, 810)
    points = {  # x, y
        "left man: head, chest, both knees, shoes": [(135, 430), (130, 560), (75, 770), (180, 770), (205, 880)],
        "middle man: head, hip, knee": [(285, 430), (285, 640), (300, 720)],
        "right man: back, thigh, shoe": [(790, 560), (765, 720), (705, 850)],
        "sleeve at the left border": [(15, 700)],
    }
    missed = {who: [p for p in at if not union[p[1], p[0]]] for who, at in points.items()}
    assert not any(missed.values()), missed
    assert union.mean() < 0.25  # and not by taking everything: they fill about a sixth of the photo


def test_two_men_are_two_people_and_share_no_pixel(embedded: Segmenter) -> None:
    """One mask over both men once cut the one who should stay."""
    (people,) = embedded.segment([load("zidane.jpg")])
    left, right = [(200, 500), (590, 290), (350, 650)], [(960, 90), (960, 300), (1000, 600)]  # x, y
    owners = [[i for i, p in enumerate(people.persons) if people.mask(p)[y, x]] for x, y in [*left, *right]]
    assert all(len(owner) == 1 for owner in owners), owners
    assert len({owner[0] for owner in owners[:3]}) == len({owner[0] for owner in owners[3:]}) == 1
    assert owners[0] != owners[-1]
    assert sum(people.area(person) for person in people.persons) == people.union().sum()


def test_the_same_bytes_each_time_alone_or_in_company(segmenter: Segmenter) -> None:
    bus, zidane = load("bus.jpg"), load("zidane.jpg")
    together = segmenter.segment([bus, zidane])
    assert [segmenter.segment([photo])[0] for photo in (zidane, bus)][::-1] == together


@pytest.mark.parametrize("wide", [False, True])
def test_cues_lie_on_the_people(wide: bool) -> None:
    try:
        network = YoloNetwork(find("yolov8n").path, "detect", "cpu", cues=True)
    except WeightsError as error:
        pytest.skip(f"weights are not fetched: {error}")
    pixels = load("bus.jpg").pixels
    pixels = pixels[380:920] if wide else pixels
    (found,) = network.find([pixels], 0.15, 640)
    assert found.cues is not None and len(found.cues) == len(found.scores) > 0
    cues = found.cues[0]
    person = cues.maps[:6:2].max(0)  # the head's three levels
    row, column = np.unravel_index(person.argmax(), person.shape)
    x, y = cues.x0 + column * cues.step, cues.y0 + row * cues.step
    inside = [a <= x <= c and b <= y <= d for a, b, c, d in found.boxes]
    assert any(inside)
    last = cues.x0 + (person.shape[1] - 1) * cues.step, cues.y0 + (person.shape[0] - 1) * cues.step
    assert all(
        0 <= end - side < 40 or abs(end - side) < 10 for end, side in zip(last, pixels.shape[1::-1], strict=True)
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 700), (700, 2), (64, 64)])
def test_any_size_of_photo(segmenter: Segmenter, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    (people,) = segmenter.segment([Photo("id", "a", noise)])
    assert people.size == size and people.union().shape == size


def test_a_large_photo_gives_masks_of_its_own_size(segmenter: Segmenter) -> None:
    small = load("bus.jpg")
    large = Photo("id", "large", np.repeat(np.repeat(small.pixels, 3, 0), 3, 1))  # 8 megapixels
    (found,), (expected,) = segmenter.segment([large]), segmenter.segment([small])
    ours, theirs = found.union(), np.repeat(np.repeat(expected.union(), 3, 0), 3, 1)
    assert ours.shape == (3240, 2430)
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.85


def test_the_process_is_left_as_it_was(segmenter: Segmenter) -> None:
    import cv2
    import torch

    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    before = np.get_printoptions(), dict(os.environ)
    segmenter.segment([load("zidane.jpg")])
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (2, 2)
    assert (np.get_printoptions(), dict(os.environ)) == before


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes ultralytics checkpoints with random weights and names of our choice."""

    def write(name: str, architecture: str = "yolo11n-seg.yaml", names: Any = None) -> Path:
        from ultralytics.models.yolo.model import YOLO

        model = YOLO(architecture, verbose=False)
        if names:
            model.model.names = names
        path = tmp_path_factory.mktemp("weights") / name
        model.save(path)
        return path

    return write


def own(path: Path, trust: bool = False, **settings: Any) -> Segmenter:
    weights = {str(path): Weight(path.name, path, "0" * 64)}
    return build_segmenter(
        SegmentSettings(device="cpu", **settings).with_own("yolo", weights=str(path), trust=trust), weights
    )


def test_own_checkpoints_run_once_they_are_trusted(
    checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.nn.autobackend import AutoBackend

    monkeypatch.delattr(AutoBackend, "warmup")  # on a CPU it would do nothing but import torchvision, for seconds
    path = checkpoint("own-seg.pt", names={i: "person" if i == 3 else f"animal {i}" for i in range(80)})
    with pytest.raises(SettingsError, match=r"set segment\.yolo\.trust"):
        own(path)
    (people,) = own(path, trust=True, score=0.0, image_size=64).segment([load("zidane.jpg")])
    assert people.size == (720, 1280)  # random weights: anybody or nobody


@pytest.mark.parametrize(
    ("architecture", "names", "found"),
    [
        ("yolo11n.yaml", None, "is a model for the task detect, not segment"),
        ("yolo11n-pose.yaml", None, "is a model for the task pose, not segment"),
        ("yolo11n-seg.yaml", {i: f"animal {i}" for i in range(80)}, "does not know the class person"),
    ],
)
def test_other_models_are_refused_by_what_they_are(
    architecture: str, names: Any, found: str, checkpoint: Callable[..., Path]
) -> None:
    with pytest.raises(SettingsError, match=found):
        own(checkpoint("other.pt", architecture, names), trust=True)
