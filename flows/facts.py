"""What the stages say of a photo: the keys of the JSON objects in the store, in shard manifests and in manifest.jsonl.

A new field of manifest.jsonl is a line of `ManifestFacts`, and what `flows.stages.publish.publish_photo` gives for it.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict  # Python 3.11's own says too little for pydantic to check values by it

from configs.per_photo import OwnSettings
from data.storage.places import Stamp
from data.types import State

Frame = Literal["raw", "upright", "unsure"]
"""Which way round masks are drawn: as the photo's pixels are stored, as it is shown, or nobody knows."""


class SegmentFacts(TypedDict):
    """frame: of given masks, where it is not `raw`. orientation: EXIF 2..8 of a photo whose file holds it turned."""

    people: int
    orientation: NotRequired[int]
    frame: NotRequired[Frame]


class RefineFacts(TypedDict):
    """share: of the photo that is hole. kept: how many stay. edited: whether a hand drew the hole. frame,
    spared_frame: how its mask, and that of where nothing is removed, was drawn, where that is not as the pixels are
    stored. unsure, cut, may_be_cut, unmatched: what is doubtful about those who stay, where anything is
    (`flows.stages.doubts`)."""

    share: float
    kept: int
    edited: bool
    frame: NotRequired[Frame]
    spared_frame: NotRequired[Frame]
    unsure: NotRequired[int]
    cut: NotRequired[int]
    may_be_cut: NotRequired[int]
    unmatched: NotRequired[int]


class InpaintFacts(TypedDict, total=False):
    """degraded: what had to be set lower for want of memory. note: why another fill was used than the settings name."""

    degraded: str
    note: str


class FindFacts(TypedDict):
    """Somebody whom the verifier found: see `flows.stages.finds.Find`."""

    bbox: list[float]
    score: float
    where: Literal["hole", "elsewhere"]
    like: str | None


class RefillFacts(TypedDict):
    """fill: the one that took the place of a fill that looked like somebody. score: of whom that looked like."""

    fill: str
    score: float


class Verified(TypedDict):
    """What the manifest tells of the verify stage. looked: name of the segmenter. left: known people outside the hole.
    quality: figures of the fill (inpainting.quality), where there is a hole. refilled: where a part of it was filled
    again."""

    looked: str
    independent: bool
    left: int
    found: list[FindFacts]
    quality: NotRequired[dict[str, float]]
    refilled: NotRequired[RefillFacts]


class VerifyFacts(Verified):
    """doubts: how many finds count. extra: digest of the people for a further pass. matched: boxes of the keep-list
    that only the verifier finds. made_up, invented: shares, where they are more than the settings allow. degraded: of a
    fill that was tried instead, as in InpaintFacts."""

    doubts: int
    extra: str | None
    matched: NotRequired[int]
    made_up: NotRequired[float]
    invented: NotRequired[float]
    degraded: NotRequired[str]


class GivenFacts(TypedDict):
    """frame: of given masks. doubt: about the annotations. not_in_hole: how many that may be people are outside it."""

    frame: Frame | None
    doubt: str | None
    not_in_hole: int


class EarlierFacts(TypedDict):
    """What the publish stage knows of the photo from the stages before."""

    refine: RefineFacts
    inpaint: InpaintFacts
    verify: VerifyFacts
    given: GivenFacts


class PublishedFile(TypedDict):
    """A file of the output directory as it was written. stamp: see `data.storage.places.Stamp`."""

    sha256: str
    stamp: Stamp


class PersonFacts(TypedDict):
    """bbox: x, y, width, height in pixels of the file's own frame. stays: whether they were asked to stay."""

    bbox: list[float]
    stays: bool


class ManifestFacts(TypedDict):
    """What manifest.jsonl says of a photo beyond its name and state, in this order; docs/output.md describes it. Each
    is None for a photo without a result, but for `reason`."""

    reason: str | None
    people: int | None
    hole_share: float | None
    width: int | None
    height: int | None
    format: str | None
    output: str | None
    output_sha256: str | None
    result_sha256: str | None
    photo_sha256: str | None
    mask: str | None
    verify: Verified | None
    notes: list[str] | None
    decision: str | None
    settings: OwnSettings | None


class PublishFacts(ManifestFacts):
    """outdated: whether a decision is of another result. thumbnails: paths by kind. files: all that were written."""

    state: State
    persons: list[PersonFacts]
    kept: int
    outdated: bool
    thumbnails: dict[str, str]
    orientation: int
    frame: Frame | None
    files: NotRequired[dict[str, PublishedFile]]


class PhotoRecord(ManifestFacts):
    """A line of manifest.jsonl."""

    file_name: str
    state: State


class ShownPhoto(PhotoRecord):
    """What the report shows of a photo. decided: what is kept of its decision, see docs/review.md."""

    id: str
    orientation: int
    thumbnails: dict[str, str] | None
    persons: list[PersonFacts] | None
    outdated: bool | None
    decided: dict[str, object] | None


class WeightRecord(TypedDict):
    """A weights file of a run; licence: None for a file of the user's own."""

    name: str
    sha256: str
    licence: str | None


class RunRecord(TypedDict):
    """What was done, and to what. id: the browser keeps decisions under it. originals: their folder, relative to the
    output, None where the report may not link to it. licences: photos by licence name, where the input states any."""

    version: str
    preset: str
    settings: OwnSettings
    weights: list[WeightRecord]
    input: str
    id: str
    licences: dict[str, int] | None
    originals: str | None


class HowItWent(TypedDict):
    """started: ISO 8601. states: photos by state. computed, cached: photos."""

    started: str
    seconds: float
    photos_per_second: float
    states: dict[str, int]
    computed: int
    cached: int


class FinishedRecord(RunRecord, HowItWent):
    """What the report says of a run."""

    remarks: list[str]


Facts = TypeVar("Facts")


class StageRow(TypedDict, Generic[Facts]):
    """What a stage says of one photo: key, sha256 and facts of its artifact, or, where the photo is over, its state and
    the reason. refusal: key of the artifact that keeps these. damaged: an artifact could not be read and was discarded,
    so that the stage before can make it anew."""

    name: str
    id: str
    key: NotRequired[str]
    sha256: NotRequired[str]
    facts: NotRequired[Facts]
    state: NotRequired[State]
    reason: NotRequired[str]
    refusal: NotRequired[str]
    damaged: NotRequired[bool]


Row = StageRow[Any]
"""A row of whatever stage, as shard manifests hold it."""
PublishRow = StageRow[PublishFacts]


class Rows(TypedDict, total=False):
    """The photo's rows of earlier stages."""

    segment: StageRow[SegmentFacts]
    refine: StageRow[RefineFacts]
    inpaint: StageRow[InpaintFacts]
    verify: StageRow[VerifyFacts]
