"""`person-removal run photo.jpg out.jpg`: what a run over a folder gives, for photos by their names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from collection_with_people import FAST, save_photo
from PIL import Image

from configs import Settings
from configs.load import load_settings
from data.types import Instance, People, Photo, Weight
from flows.cli import one_photo
from flows.cli.main import main
from flows.plan.selection import selection
from flows.run import job
from flows.run.job import execute, prepare
from flows.stages import models

OPTIONS = (*FAST, "inpaint.fill=telea", "verify.segmenter=same")


class Reds:
    """Finds the red person of `save_photo`; nobody else."""

    def segment(self, photos: list[Photo]) -> list[People]:
        masks = [(photo.pixels == (220, 20, 30)).all(-1) for photo in photos]
        return [People(mask.shape, (Instance.from_mask(mask, 0.9, "reds"),) if mask.any() else ()) for mask in masks]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def found(*_: Settings) -> dict[str, Weight]:
        names = ("yolov8n", "selfie-segmentation", "pose-landmark-full")
        return {name: Weight(name, Path(name), "0" * 64) for name in names}

    monkeypatch.setattr(models, "segmenter", lambda settings, weights: Reds())
    monkeypatch.setattr(job, "find_weights", found)
    monkeypatch.setattr(one_photo, "find_weights", found)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        options = [part for setting in OPTIONS for part in ("--set", setting)]
        monkeypatch.setattr(sys, "argv", ["person-removal", "run", *map(str, arguments), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return call


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    save_photo(tmp_path / "in/a.png", 1, (20, 30, 16, 40))
    save_photo(tmp_path / "in/b.jpg", 2, None)
    save_photo(tmp_path / "in/most.png", 3, (14, 12, 90, 72))
    return tmp_path / "in"


def test_as_a_run_over_their_folder(run: Run, photos: Path, tmp_path: Path) -> None:
    summary = execute(prepare(photos, tmp_path / "run", load_settings("embedded", OPTIONS), selection()))
    assert summary and summary.states == {"removed": 1, "passthrough": 1, "review": 1}
    code, said, _ = run(*sorted(photos.iterdir()), tmp_path / "out")
    assert code == summary.exit_code(False) == 3
    for name, folder in (("a.png", "images"), ("b.jpg", "images"), ("most.png", "review")):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "run" / folder / name).read_bytes()
    assert "b.jpg: nobody was found" in said and "a.png: people taken out" in said
    (reason,) = summary.problems
    assert "most.png needs a look: " in said and reason.split(": ", 1)[1].rstrip(".") in said
    assert run(photos / "most.png", tmp_path / "one.png", "--allow-review")[0] == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "out/most.png").read_bytes()


def test_nothing_is_written_over(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"mine")
    code, _, said = run(photos / "a.png", tmp_path / "mine.png")
    assert code == 2 and "--force to write over it" in said and (tmp_path / "mine.png").read_bytes() == b"mine"
    assert run(photos / "a.png", tmp_path / "mine.png", "--force")[0] == 0
    assert Image.open(tmp_path / "mine.png").size == (128, 96)
    before = {path: path.read_bytes() for path in photos.iterdir()}
    for out in (photos / "a.png", photos):
        code, _, said = run(photos / "a.png", out, "--force")
        assert code == 2 and "originals are never written to" in said
    assert {path: path.read_bytes() for path in photos.iterdir()} == before


def test_a_broken_photo_stops_no_other(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "0.jpg").write_bytes(b"")
    code, _, said = run(photos / "0.jpg", photos / "a.png", tmp_path / "out")
    assert code == 1 and "0.jpg: the file is empty." in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


MISTAKES = {
    "not there": (["{photos}/no.jpg", "{out}/x.jpg"], "no.jpg: the photo is not there"),
    "a folder among them": (["{photos}", "{photos}/a.png", "{out}"], "a run takes one folder, or photos"),
    "two of one name": (["{photos}/a.png", "{photos}/../in/a.png", "{out}"], "two of the photos have this name"),
    "several into a file": (["{photos}/a.png", "{photos}/b.jpg", "{file}"], "several photos go into a folder"),
    "another format": (["{photos}/a.png", "{out}/x.jpg"], "the result keeps the photo's format"),
    "stages": (["{photos}/a.png", "{out}", "--stages", "segment"], "--stages is for a run over a folder"),
    "masks of a file": (["{photos}/a.png", "{out}", "--preset", "coco"], "choose one that finds people itself"),
    "a list of who stays": (["{photos}/a.png", "{out}", "--keep", "who.json"], "single photos take --keep largest"),
    "nobody of this name": (["{photos}/a.png", "{out}", "--keep", "larges"], "--keep larges: write 'largest', numbers"),
    "force for a folder": (["{photos}", "{out}", "--force"], "--force is for single photos"),
    "no workers": (["{photos}", "{out}", "--workers", "0"], "--workers 0: at least one process has to compute"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence(run: Run, photos: Path, tmp_path: Path, name: str) -> None:
    arguments, words = MISTAKES[name]
    (tmp_path / "file.png").write_bytes(b"mine")
    places = {"photos": photos, "out": tmp_path / "out", "file": tmp_path / "file.png"}
    code, _, said = run(*(argument.format(**places) for argument in arguments))
    assert code == 2 and words in said and len(said.strip().splitlines()) == 1, said
    assert not (tmp_path / "out").exists() and (tmp_path / "file.png").read_bytes() == b"mine"


def test_who_stays(run: Run, photos: Path, tmp_path: Path) -> None:
    assert run(photos / "a.png", tmp_path / "kept.png", "--keep", "largest")[0] == 0
    before, after = (np.asarray(Image.open(path)) for path in (photos / "a.png", tmp_path / "kept.png"))
    np.testing.assert_array_equal(before, after)
