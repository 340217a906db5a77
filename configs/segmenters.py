"""Every segmenter: its entry, and the settings that are its alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from configs.methods import Frozen, Method


@dataclass(frozen=True, kw_only=True)
class SegmenterMethod(Method):
    """given: its masks come with the photos, in annotation files or as mask files; they are somebody's word, not a
    network's guess. disjoint: no two people that it finds share a pixel. verifies: `verify.segmenter=auto` may choose
    it, the first in `SEGMENTERS` first. second_size: `segment.image_size` at which it verifies its own work, and the
    one that it takes where that is the first one's. verifying: values of its own settings as the verifier, where
    `verify.score` is the least for everybody."""

    given: Literal["", "annotations", "masks"] = ""
    disjoint: bool = False
    verifies: bool = False
    second_size: tuple[int, int] | None = None
    verifying: dict[str, object] = field(default_factory=dict)


class YoloSettings(Frozen):
    weights: str = "auto"
    """Registry name or path of an ultralytics `-seg` network: .pt, .onnx or .tflite. `auto` is the first on this
    machine of yolo26x-seg, yolo26l-seg, yolo26m-seg, yolo11x-seg, yolo11l-seg, yolo11m-seg, yolo26s-seg, yolo11s-seg,
    yolo26n-seg, yolo11n-seg (the publisher's order of mask mAP), and yolo11n-seg where none is."""
    trust: bool = False
    """Load pickled weights that are not in the registry (a pickle can run code)."""


class MaskRcnnSettings(Frozen):
    weights: str = "maskrcnn-resnet50-fpn-v2"
    """Registry name or path of the weights."""


class RfDetrSettings(Frozen):
    weights: str = "auto"
    """Registry name or path of an RF-DETR-Seg network, .onnx. `auto` is the first on this machine of rf-detr-seg-large,
    -medium, -small, -nano, and medium where none is."""


class MaskFilesSettings(Frozen):
    folder: str | None = None
    """Folder of the given masks: absolute, or relative to the input directory."""
    pattern: str = "{stem}.png"
    """File name of a photo's mask; `{stem}` and `{name}` stand for the photo's."""
    person: Literal["white", "black", "ids"] = "white"
    """The value that marks people; `ids` where every person has a number, and 0 is nobody."""


class EmbeddedSettings(Frozen):
    small_score: float | None = Field(default=None, ge=0, le=1)
    """Lowest confidence of people whose box is less than 64 pixels long, of whom the detector is never sure, and whom a
    false find costs little; None is `segment.score`."""
    further_sizes: tuple[Annotated[int, Field(ge=64, le=4096, multiple_of=32)], ...] = ()
    """Longer sides, in pixels, at which the detector sees the photo beside `segment.image_size`: who is found at any of
    them is a person."""


class UnionSettings(Frozen):
    segmenters: tuple[str, ...] = Field(default=("yolo", "embedded"), min_length=1)
    """The segmenters that find people together, each with its own weights."""

    @field_validator("segmenters")
    @classmethod
    def _different(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("each segmenter is named once")
        able = [name for name, method in SEGMENTERS.items() if method.settings is not cls and not method.given]
        if unknown := [name for name in names if name not in able]:
            raise ValueError(f"{unknown[0]} cannot take part; {', '.join(able)} can")
        return names


def _members(section: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = section.of(UnionSettings).segmenters
    return names


_BY_NETWORKS = frozenset({"score", "image_size", "tile", "tile_overlap", "device"})

SEGMENTERS: dict[str, SegmenterMethod] = {
    "yolo": SegmenterMethod(
        module="detection.yolo",
        label="YOLO",
        neural=True,
        licence="AGPL-3.0",
        settings=YoloSettings,
        auto=(
            *("yolo26x-seg", "yolo26l-seg", "yolo26m-seg", "yolo11x-seg", "yolo11l-seg", "yolo11m-seg"),
            *("yolo26s-seg", "yolo11s-seg", "yolo26n-seg", "yolo11n-seg"),
        ),
        otherwise="yolo11n-seg",
        verifies=True,
    ),
    "maskrcnn": SegmenterMethod(
        module="detection.maskrcnn",
        label="slow, fine outlines",
        neural=True,
        licence="BSD-3-Clause",
        settings=MaskRcnnSettings,
        ignores=frozenset({"image_size"}),
    ),
    "rf-detr": SegmenterMethod(
        module="detection.rf_detr",
        label="quick, free licence",
        neural=False,  # onnxruntime takes the CPU
        licence="Apache-2.0",
        settings=RfDetrSettings,
        auto=tuple(f"rf-detr-seg-{size}" for size in ("large", "medium", "small", "nano")),
        otherwise="rf-detr-seg-medium",
        verifies=True,
        ignores=frozenset({"image_size"}),
    ),
    "annotations": SegmenterMethod(
        module="detection.annotations",
        label="the annotation file's own masks",
        neural=False,
        given="annotations",
        disjoint=True,
        ignores=_BY_NETWORKS,
    ),
    "mask-files": SegmenterMethod(
        module="detection.mask_files",
        label="an image file of masks for each photo",
        neural=False,
        given="masks",
        disjoint=True,
        settings=MaskFilesSettings,
        ignores=_BY_NETWORKS | {"objects"},
    ),
    "embedded": SegmenterMethod(
        module="detection.embedded",
        label="small networks",
        neural=True,
        licence="AGPL-3.0 (the detector), Apache-2.0 (the masks)",
        settings=EmbeddedSettings,
        files=("yolov8n", "selfie-segmentation", "pose-landmark-full"),
        disjoint=True,
        verifies=True,
        second_size=(640, 960),
        verifying={"small_score": None, "further_sizes": ()},
        ignores=frozenset({"objects"}),
        per_photo=frozenset({"small_score", "further_sizes"}),
    ),
    "union": SegmenterMethod(
        module="detection.union",
        label="several, together",
        neural=True,
        settings=UnionSettings,
        uses=_members,
        per_photo=frozenset({"segmenters"}),
        ignores=_BY_NETWORKS | {"objects"},
    ),
}
"""By the name that `segment.segmenter` uses. Adding one: docs/adding-a-segmenter.md."""

GIVEN_MASKS: tuple[str, ...] = tuple(name for name, method in SEGMENTERS.items() if method.given)
"""Segmenters whose masks come with the photos."""
