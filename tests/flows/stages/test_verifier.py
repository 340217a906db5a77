"""The verifier: resolved when a run is planned, by the weights that are on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from configs.load import load_settings
from configs.segmenters import EmbeddedSettings
from data.types import Weight
from data.weights.files import MissingWeightsError, WeightsError
from flows.stages import context, ready_weights, verifier
from flows.stages.verifier import is_independent, resolve_verifier, verifier_settings, verifier_words

EMBEDDED = ("yolov8n", "selfie-segmentation", "pose-landmark-full")
YOLO = ("yolo11n-seg",)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the weights on this machine."""
    names: set[str] = set()

    def find(name: str) -> Weight:
        if name not in names:
            raise MissingWeightsError(f"{name} is missing")
        return Weight(name, Path(name), "0" * 64)

    monkeypatch.setattr(verifier, "find", find)
    monkeypatch.setattr(context, "find", find)
    monkeypatch.setattr(ready_weights, "state", lambda name: "ready" if name in names else "missing")
    return names


@pytest.mark.parametrize(
    ("first", "weights", "verifier", "independent"),
    [
        ("annotations", (*YOLO, *EMBEDDED), "yolo", True),
        ("annotations", EMBEDDED, "embedded", True),
        ("annotations", EMBEDDED[:2], "none", False),  # one of its files is missing
        ("mask-files", (), "none", False),
        ("embedded", (*YOLO, *EMBEDDED), "yolo", True),
        ("embedded", EMBEDDED, "embedded", False),
        ("yolo", (*YOLO, *EMBEDDED), "embedded", True),
        ("yolo", YOLO, "yolo", False),
        ("maskrcnn", EMBEDDED, "embedded", True),
        ("union", (*YOLO, *EMBEDDED), "union", False),  # both have looked already
    ],
)
def test_auto_is_another_segmenter_whose_weights_are_here(
    there: set[str], first: str, weights: tuple[str, ...], verifier: str, independent: bool
) -> None:
    there |= set(weights)
    settings = load_settings("default", [f"segment.segmenter={first}"])
    resolved = settings.model_copy(update={"verify": resolve_verifier(settings)})
    assert resolved.verify.segmenter == verifier
    assert is_independent(settings.segment, verifier_settings(resolved)) == independent
    words = verifier_words(resolved)
    assert ("another segmenter" in words) == independent
    assert ("by no segmenter" in words) == (verifier == "none")
    assert ("again" in words) == (verifier != "none" and not independent)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("verify.segmenter=none",), "no segmenter (known people only)"),
        (("verify.segmenter=same",), "embedded again at another scale (640 px), the segmenter that made the masks"),
        (
            ("verify.segmenter=yolo", "verify.weights=/other/x-seg.pt"),
            "yolo (x-seg.pt), another segmenter than the one that made the masks",
        ),
    ],
)
def test_a_named_one_is_taken_at_its_word(there: set[str], overrides: tuple[str, ...], words: str) -> None:
    there |= {*YOLO, *EMBEDDED}
    settings = load_settings("embedded", overrides)
    assert (
        verifier_words(settings.model_copy(update={"verify": resolve_verifier(settings)}))
        == f"results verified by {words}"
    )


@pytest.mark.parametrize(("first", "second"), [(960, 640), (1280, 640), (640, 960)])
def test_embedded_looks_again_at_another_scale(there: set[str], first: int, second: int) -> None:
    settings = load_settings("embedded", ["verify.segmenter=same", f"segment.image_size={first}"])
    verifier = verifier_settings(settings)
    assert verifier and verifier.image_size == second


def test_embedded_looks_again_at_a_size_that_is_new_and_at_the_looks_score(there: set[str]) -> None:
    verifier = verifier_settings(load_settings("thorough", ["verify.segmenter=same", "verify.score=0.3"]))
    assert verifier and (verifier.image_size, verifier.score) == (960, 0.3)
    assert verifier.own("embedded") == EmbeddedSettings()  # its own score for small people would be below the look's


def test_two_networks_of_one_segmenter_are_independent(there: set[str]) -> None:
    settings = load_settings("default", ["verify.segmenter=yolo", "verify.weights=/other/x-seg.pt"])
    verifier = verifier_settings(settings)
    assert (
        verifier and verifier.required_weights() == ["/other/x-seg.pt"] and is_independent(settings.segment, verifier)
    )
    assert context.required_weights(settings)[-1] == "/other/x-seg.pt"


@pytest.mark.parametrize(
    ("overrides", "here", "taken"),
    [
        (("segment.segmenter=yolo",), (), "yolo11n-seg"),  # what a fetch would bring
        (("segment.segmenter=yolo",), ("yolo11x-seg", "yolo26s-seg"), "yolo11x-seg"),
        (("segment.segmenter=yolo", "segment.yolo.weights=yolo26n-seg"), ("yolo26x-seg",), "yolo26n-seg"),
        (("segment.segmenter=rf-detr",), (), "rf-detr-seg-medium"),
        (("segment.segmenter=rf-detr",), ("rf-detr-seg-nano", "rf-detr-seg-small"), "rf-detr-seg-small"),
        (("segment.segmenter=embedded",), (*EMBEDDED, "yolo26n-seg", "yolo11n-seg"), "yolo26n-seg"),  # the verifier's
        (("segment.segmenter=embedded", "verify.weights=auto"), (*EMBEDDED, "yolo26n-seg"), "yolo26n-seg"),
    ],
)
def test_auto_weights_are_the_best_that_are_here(
    there: set[str], overrides: tuple[str, ...], here: tuple[str, ...], taken: str
) -> None:
    there |= set(here)
    settings = load_settings("default", ["inpaint.fill=telea", *overrides])
    assert taken in context.required_weights(context.resolve(settings))


def test_weights_that_a_setting_names_are_never_passed_over(there: set[str]) -> None:
    there |= set(EMBEDDED)
    resolved = context.resolve(load_settings("coco", ["verify.weights=/gone.pt"]))
    with pytest.raises(WeightsError, match="gone"):
        context.find_weights(resolved)


def test_damaged_weights_are_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(name: str) -> Weight:
        raise WeightsError(f"{name} is damaged")

    monkeypatch.setattr(verifier, "find", damaged)
    with pytest.raises(WeightsError, match="yolo11n-seg is damaged"):
        resolve_verifier(load_settings("coco"))


def test_the_looks_score_and_the_things_it_tells_from_people(there: set[str]) -> None:
    there |= set(YOLO)
    settings = load_settings("coco", ["verify.score=0.3"])
    verifier = verifier_settings(settings.model_copy(update={"verify": resolve_verifier(settings)}))
    assert verifier and verifier.score == 0.3 and {"tv", "laptop", "book"} <= set(verifier.objects)
