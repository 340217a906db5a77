"""What files that people pass on may set: a photo's masks, hole and fill, and nothing that could harm their reader."""

from __future__ import annotations

import json
import os
import pickle
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import coco_settings

from configs import Settings, SettingsError
from configs.load import load_settings, setting_names
from configs.per_photo import PER_PHOTO
from data.collection.keep_list import read_keep
from data.collection.marks import read_marks
from data.errors import InputError
from data.storage.json_files import LARGEST, read_json
from flows.plan.selection import Selection
from flows.plan.trust import check_preset
from flows.run.job import execute, prepare

FOR_THE_WHOLE_RUN = {
    "segment": {
        *("objects", "device", "yolo.weights", "yolo.trust", "maskrcnn.weights"),
        *("mask_files.folder", "mask_files.pattern", "mask_files.person"),
    },
    "refine": {"spare_masks"},
    "inpaint": {
        *("device", "deepfillv2.weights", "deepfillv2.attention_memory", "migan.weights"),
        *("external.weights", "external.range", "external.output", "external.mask", "external.size"),
        *("external.multiple", "external.trust"),
    },
}


@pytest.mark.parametrize("section", FOR_THE_WHOLE_RUN)
def test_every_setting_is_either_a_photos_or_the_whole_runs(section: str) -> None:
    """A new setting is for the whole run, until somebody has thought about it and says otherwise here and there."""
    known = set(setting_names(type(getattr(Settings(), section))))
    assert PER_PHOTO[section] <= known
    assert known - PER_PHOTO[section] >= FOR_THE_WHOLE_RUN[section]
    for name in PER_PHOTO[section]:
        assert not name.split(".")[-1].startswith(("trust", "device", "weights", "external"))


@pytest.mark.parametrize("place", ["given", "kept"])
@pytest.mark.parametrize(
    "name", [f"{section}.{name}" for section, names in FOR_THE_WHOLE_RUN.items() for name in sorted(names)]
)
def test_a_decision_sets_nothing_of_the_whole_run(coco: Path, tmp_path: Path, name: str, place: str) -> None:
    value = attrgetter(name)(Settings())
    settings = nested(name, list(value) if isinstance(value, tuple) else value)  # not even the default
    out = tmp_path / "out"
    prepare(coco, out, coco_settings(), Selection())
    file = tmp_path / "decided.json" if place == "given" else out / "decisions.json"
    decided = {"decision": "redo", "settings": settings}
    file.write_text(json.dumps({"person_removal_decisions": 1, "photos": {"0001.png": decided}}))
    with pytest.raises(SettingsError, match=f"0001.png: {name} is for --set alone"):
        prepare(coco, out, coco_settings(), Selection(), file if place == "given" else None)


def nested(name: str, value: object) -> dict[str, Any]:
    """`a.b`, 3 -> {"a": {"b": 3}}"""
    for part in reversed(name.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


class Harm:
    """Pickled, it makes a folder where it is read."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.made),)


def test_no_code_runs_from_decisions(coco: Path, tmp_path: Path) -> None:
    weights, made = tmp_path / "weights.pt", tmp_path / "made"
    weights.write_bytes(pickle.dumps(Harm(made)))
    settings = {"segment": {"segmenter": "yolo", "yolo": {"weights": str(weights), "trust": True}}}
    file = tmp_path / "decided.json"
    decided = {"0001.png": {"decision": "redo", "settings": settings}}
    file.write_text(json.dumps({"person_removal_decisions": 1, "photos": decided}))
    with pytest.raises(SettingsError, match="is for --set alone"):
        execute(prepare(coco, tmp_path / "out", coco_settings(), Selection(), file))
    assert not made.exists()


TRUSTING = "segment: {segmenter: annotations, yolo: {trust: true}}\n"


@pytest.mark.parametrize("folder", ["in", "in/presets", "out"])
@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TRUSTING, "segment.yolo.trust"),
        ("inpaint: {external: {trust: yes}}\n", "inpaint.external.trust"),
        ("run: {runner: dask, address: 'tcp://192.0.2.1:8786'}\n", "run.address"),
        ("run: {log_json: ../photo.jpg}\n", "run.log_json"),
    ],
)
def test_a_preset_that_came_with_photos_is_not_trusted(tmp_path: Path, folder: str, text: str, name: str) -> None:
    for made in ("in/presets", "out", "own"):
        (tmp_path / made).mkdir(parents=True)
    theirs, own = tmp_path / folder / "theirs.yaml", tmp_path / "own/mine.yaml"
    theirs.write_text(text)
    own.write_text(text)
    places = tmp_path / "in", tmp_path / "out"
    with pytest.raises(SettingsError, match=f"theirs.yaml: a preset .* may not set {name}"):
        check_preset(load_settings(str(theirs)), *places)
    check_preset(load_settings(str(own)), *places)
    own.unlink()
    own.symlink_to(theirs)
    with pytest.raises(SettingsError, match=f"may not set {name}"):
        check_preset(load_settings(str(own)), *places)
    theirs.write_text("refine: {dilate: 0.1}\n")
    check_preset(load_settings(str(theirs), base=nested(name, True if name.endswith("trust") else "mine")), *places)


def test_a_run_refuses_such_a_preset(coco: Path, tmp_path: Path) -> None:
    (coco / "preset.yaml").write_text(TRUSTING)
    settings = load_settings(str(coco / "preset.yaml"), ["inpaint.fill=telea", "verify.segmenter=none"])
    with pytest.raises(SettingsError, match=r"may not set segment\.yolo\.trust"):
        prepare(coco, tmp_path / "out", settings, Selection())


def _read(kind: str, path: Path) -> None:
    if kind == "keep":
        read_keep(path.name, path.parent, {"a.jpg"})
    elif kind == "marks":
        read_marks(path, {"a.jpg"})
    else:
        read_json(path, kind)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes and devices in this file system")
@pytest.mark.parametrize("kind", ["keep", "marks", "file of decisions"])
def test_what_is_read_has_an_end_and_says_one_thing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file.json"
    path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"file\.json: .* cannot be read .*not a regular file"):
        _read(kind, path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(InputError, match="not a regular file"):  # and nobody waits for who writes to it
        _read(kind, path)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InputError, match="larger than 268 MB"):
        _read(kind, path)
    path.write_text('{"a.jpg": "largest", "b.jpg": [0], "a.jpg": [1]}')
    with pytest.raises(InputError, match=r"file\.json: .* has 'a.jpg' twice; leave one of them"):
        _read(kind, path)
    path.write_text('{"a.jpg": ' + "9" * 5000 + "}")
    with pytest.raises(InputError, match="is not valid JSON"):
        _read(kind, path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("refine:\n  dilate: 0.1\n  dilate: 0.2\n", "'dilate' stands there twice"),
        ("refine: {dilate: 0.1}\nrefine: {close: 0.1}\n", "'refine' stands there twice"),
        ("#" * (1 << 20) + "\n", "cannot be read .it is larger than 1 MB"),
    ],
)
def test_a_preset_says_one_thing_and_has_an_end(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "preset.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=sentence):
        load_settings(str(path))
