"""Every command with everything that it may be given: a sentence and its exit code, never a fault of the program."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from collection_with_people import FAST, make_coco, remove
from command import Command

from configs.load import SettingsError, load_settings
from data.errors import InputError
from data.storage.places import PlaceError, as_path, is_remote
from flows.cli.main import main

QUICK = ["--preset", "coco", "--fill", "telea", *(part for setting in FAST for part in ("--set", setting))]
DEEP = 100_000
BAD = {
    "nested lists": b"[" * DEEP + b"]" * DEEP,
    "nested objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "nested lists in a list": b'{"images": ' + b"[" * DEEP + b"]" * DEEP + b', "annotations": []}',
    "nested in an image": b'{"images": [{"id": 1, "file_name": '
    + b"[" * DEEP
    + b"]" * DEEP
    + b'}], "annotations": []}',
    "5,000 digits": b"1" * 5_000,
    "5,000 digits inside": b'{"images": [{"id": ' + b"9" * 5_000 + b', "file_name": "0000.png"}], "annotations": []}',
    "5,000 digits in a member": b'{"photos": {"a": ' + b"9" * 5_000 + b'}, "info": {"year": ' + b"9" * 5_000 + b"}}",
    "cut": b'{"images": [',
    "nothing": b"",
    "other bytes": b"\xff\xfe\x00\x01" * 50,
    "zeros": bytes(2_000),
    "a number": b"1e999",
    "text": b'"text"',
    "null": b"null",
    "a list": b"[1, 2]",
    "lone surrogates": b'{"images": "\\ud800", "photos": {"\\ud800": "\\udfff"}, "\\ud800": 1}',
}
KINDS = [*BAD, "a folder"]
FEW = ["nested lists", "5,000 digits in a member", "other bytes", "null", "a folder"]
"""For what takes a run of its own."""


def write(path: Path, kind: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "a folder":
        path.unlink(missing_ok=True)
        path.mkdir()
    else:
        path.write_bytes(BAD[kind])
    return path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., int]:
    """The command, run in this process; returns its exit code once it is seen to be no fault of the program."""
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def run(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["person-removal", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = "".join(capsys.readouterr())
        code = int(ended.value.code or 0)
        assert code in (0, 1, 2, 3) and "Traceback" not in said, said[-3_000:]
        assert len(said) < 20_000, "no value is shown whole"
        return code

    return run


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    return make_coco(tmp_path / "coco")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO directory and a run of it."""
    folder = tmp_path_factory.mktemp("finished")
    make_coco(folder / "coco")
    arguments = ["person-removal", "run", str(folder / "coco"), str(folder / "out"), *QUICK, "--quiet"]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(sys, "argv", arguments)
        main()
    return folder


FILES: dict[str, Callable[[Path, Path, Path], list[str | Path]]] = {
    "decisions": lambda coco, out, bad: ["run", coco, out, *QUICK, "--decisions", bad],
    "a keep list": lambda coco, out, bad: ["run", coco, out, *QUICK, "--keep", bad],
    "a preset": lambda coco, out, bad: ["run", coco, out, "--preset", bad.rename(bad.with_suffix(".yaml"))],
    "annotations elsewhere": lambda coco, out, bad: ["run", coco, out, *QUICK, "--set", f"input.annotations={bad}"],
    "weights": lambda coco, out, bad: [
        "run",
        coco,
        out,
        *QUICK,
        "--fill",
        "deepfillv2",
        "--set",
        f"inpaint.deepfillv2.weights={bad}",
    ],
    "a fill's weights": lambda coco, out, bad: ["fill", bad, bad, out, "--weights", bad],
    "a fill's photo": lambda coco, out, bad: ["fill", bad, coco / "images/0000.png", out / "x.png", "--fill", "telea"],
    "marks": lambda coco, out, bad: ["family", coco, out, "--segmenter", "annotations", "--marks", bad],
    "a training's settings": lambda coco, out, bad: ["train", out, "--config", bad],
    "a checkpoint": lambda coco, out, bad: ["train", out, "--set", f"data.photos={coco}", "--resume", bad],
    "annotations to undo": lambda coco, out, bad: ["undo-annotations", bad, bad, "-o", out.with_suffix(".json")],
    "pairs": lambda coco, out, bad: [
        *("evaluate", "removal", coco, "--segmenter", "annotations", "--scenes", coco / "images"),
        *("--fills", "telea", "--ids", bad, "--set", "verify.segmenter=none"),
    ],
    "weights to take": lambda coco, out, bad: ["weights", "fetch", "places2", "--from", bad],
    "an input": lambda coco, out, bad: ["run", bad, out, *QUICK],
    "an output": lambda coco, out, bad: ["run", coco, bad, *QUICK],
    "an output to look after": lambda coco, out, bad: ["cache", "size", bad],
    "a log": lambda coco, out, bad: ["run", coco, out, *QUICK, "--log-json", bad / "x" if bad.is_dir() else bad],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FEW)
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_given(call: Callable[..., int], coco: Path, tmp_path: Path, file: str, kind: str) -> None:
    call(*FILES[file](coco, tmp_path / "out", write(tmp_path / "bad/file.json", kind)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_annotation_file_of_the_collection(call: Callable[..., int], coco: Path, tmp_path: Path, kind: str) -> None:
    write(next((coco / "annotations").glob("*.json")), kind)
    call("run", coco, tmp_path / "out", *QUICK)
    call("run", coco, tmp_path / "out", *QUICK, "--dry-run", "--json")
    call("evaluate", "masks", coco, "--segmenter", "annotations")


STORED = ("manifest.jsonl", "people.json", "decisions.json", "annotations/removed_annotations.json", "plan", "notes")


@pytest.mark.slow
@pytest.mark.parametrize("kind", FEW)
@pytest.mark.parametrize("name", STORED)
def test_a_file_of_an_earlier_run(
    call: Callable[..., int], finished: Path, tmp_path: Path, name: str, kind: str
) -> None:
    for part in ("coco", "out"):
        shutil.copytree(finished / part, tmp_path / part, symlinks=True)
    out = tmp_path / "out"
    found = {"plan": (".person-removal/plan*", ".person-removal/shards/*"), "notes": (".person-removal/*.json",)}
    for path in [path for pattern in found.get(name, (name,)) for path in out.glob(pattern)] or [out / name]:
        if path.is_file() or not path.exists():
            write(path, kind)
    for command in (
        ["run", tmp_path / "coco", out, *QUICK],
        ["run", tmp_path / "coco", out, *QUICK, "--status", "review"],
        *(["cache", what, out] for what in ("size", "verify", "prune")),
        ["evaluate", "masks", tmp_path / "coco", "--segmenter", "annotations", "--of", out],
        [
            "evaluate",
            "removal",
            tmp_path / "coco",
            "--segmenter",
            "annotations",
            "--of",
            out,
            "--verifier",
            "annotations",
        ],
        ["undo-annotations", out / "annotations/instances.json", "-o", tmp_path / "undone.json"],
    ):
        call(*command)


VALUES = [
    *("[" * 1_000, "{" * 1_000, "9" * 5_000, "2026-02-30", "1e999", ".nan", "*a", "&a [*a]", "!!python/object:x.y {}"),
    *("", "'", "\x00", "\udcff", "[1, [2]]", "{a: {b: c}}", "-1", "true"),
]
SETTINGS = (
    "refine.dilate",
    "segment.yolo.weights",
    "inpaint.patchmatch.seed",
    "input.megapixels",
    "run.workers",
    "refine.keep",
    "publish",
)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_value_of_a_setting(setting: str, value: str) -> None:
    try:
        load_settings("coco", [f"{setting}={value}"])
    except SettingsError as error:
        assert len(str(error)) < 6_000


def test_a_file_of_aliases_ends(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]", *(f"a{i}: &a{i} [{f'*a{i - 1}, ' * 9}]" for i in range(1, 12))]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(SettingsError, match="aliases"):
        load_settings(str(tmp_path / "bomb.yaml"))


ADDRESSES = {
    "https://user:SECRET@host/photos": "environment",
    "s3://KEY:SECRET@bucket/photos": "environment",
    "s3:KEY:SECRET@bucket": "environment",
    "https://host/photos?X-Amz-Signature=SECRET": "environment",
    "https://host/photos": "no file system is known for https://",
    "http:///": "no file system is known for http://",
    "file:///photos": "no file system is known for file://",
    "s3://": "write it as s3://bucket/folder",
    "s3:/bucket/photos": "write it as s3://bucket/folder",
    "s3:///photos": "write it as s3://bucket/folder",
    "s3:bucket": "write it as s3://bucket/folder",
    "s3://two words/photos": "write it as s3://bucket/folder",
    "s3://KEY:SEC/RET+SECRET@bucket/photos": "environment",
    "s3://bucket:80/photos;sig=SECRET": "s3://bucket:80/photos: write it as",
    "https://host/photos#SECRET": "https://host/photos: no file system",
    "https://host/photos?SECRET": "https://host/photos: no file system",
    "simplecache::s3://KEY:SECRET@bucket/photos": "environment",
    "simplecache::s3://bucket/photos": "no file system is known for simplecache::s3://",
    "zip://a.zip::s3://KEY:SECRET@bucket/photos": "environment",
    "jdbc:postgresql://KEY:SECRET@host/photos": "environment",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_none(call: Callable[..., int], coco: Path, tmp_path: Path, address: str) -> None:
    with pytest.raises(PlaceError, match=ADDRESSES[address]) as told:
        as_path(address)
    assert "SECRET" not in str(told.value)


@pytest.mark.parametrize("address", ["https://user:SECRET@host/photos", "s3://KEY:SECRET@bucket/photos"])
def test_no_command_shows_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], coco: Path, tmp_path: Path, address: str
) -> None:
    for arguments in (
        ["run", address, str(tmp_path / "out")],
        ["run", str(coco), address],
        ["run", str(coco), str(tmp_path / "out"), address],
        ["run", str(coco), str(tmp_path / "out"), "--decisions", address],
        ["run", str(coco), str(tmp_path / "out"), "--preset", address],
        ["run", str(coco), str(tmp_path / "out"), "--segmenter", address],
        ["family", address, str(tmp_path / "out")],
        ["cache", "size", address],
        ["schedule", address, str(tmp_path / "out")],
        ["undo-annotations", address, "-o", str(tmp_path / "restored.json")],
        ["fill", address, address, address, "--fill", "telea"],
        ["run", str(coco), str(tmp_path / "out"), "--preset", "coco", "--set", f"run.log_json={address}"],
    ):
        monkeypatch.setattr(sys, "argv", ["person-removal", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = "".join(capsys.readouterr())
        assert ended.value.code == 2 and "SECRET" not in said and "Traceback" not in said, said


@pytest.mark.parametrize("place", ["a/b", "C:\\photos", "C:/photos", "a:b", "/x/s3:y", "s3", "folder/https:"])
def test_a_local_path_stays_one(place: str) -> None:
    assert as_path(place) == Path(place) and not is_remote(as_path(place))


def test_a_file_name_is_no_emoji(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["person-removal", "run", "a:b:c", "out", "--preset", "coco"])
    with pytest.raises(SystemExit):
        main()
    assert "a:b:c: the input directory is not there" in capsys.readouterr().err


@pytest.mark.parametrize("log", ["", "no/folder/log.jsonl"])
def test_a_log_that_cannot_be_written(coco: Path, tmp_path: Path, log: str) -> None:
    with pytest.raises(InputError, match=r"the log cannot be written there; .*run\.log_json"):
        remove(coco, tmp_path / "out", f"run.log_json={tmp_path / log}")


def test_a_preset_is_not_set() -> None:
    with pytest.raises(SettingsError, match="--preset NAME"):
        load_settings("coco", ["preset=embedded"])


def test_a_key_may_have_any_sign() -> None:
    pytest.importorskip("s3fs")
    for key in ("s3://bucket/a?b.jpg", "s3://bucket/a@b#c.jpg", "s3://bucket/été.jpg"):
        assert str(as_path(key)) == key
    assert json.dumps(str(as_path("s3://bucket/x")))


def test_the_result_of_another_user(
    person_removal: Command, coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its store is for its owner alone. Tests may run as root, who may look into everything."""
    store, scandir = tmp_path / "out/.person-removal", os.scandir
    store.mkdir(parents=True)

    def denied(path: Any) -> Any:
        if str(path) == str(store):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    for words in (("status", store.parent), ("run", coco, store.parent, "--preset", "coco")):
        done = person_removal(*words)
        assert done.returncode == 2
        assert done.stderr == f"Error: {store}: Permission denied; run as a user that may read and write it.\n"


def test_a_hole_is_filled_whatever_the_weights_of_segmenters_are(call: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "cache/weights").mkdir(parents=True)
    (tmp_path / "cache/weights/yolo11n-seg.pt").write_bytes(b"damaged")
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((40, 60, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "hole.png"), np.pad(np.full((8, 8), 255, np.uint8), ((16, 16), (26, 26))))
    filled = tmp_path / "filled.png"
    assert call("fill", tmp_path / "photo.png", tmp_path / "hole.png", filled, "--fill", "telea") == 0
    assert filled.is_file()
