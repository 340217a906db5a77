"""Curves: means of losses by interval, what a resumed training overwrites, and TensorBoard where it is wanted."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest

from configs import SettingsError
from inpainting.training import curves
from inpainting.training.curves import Curves


def test_rows_are_means_of_an_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "ROWS", 3)
    made = Curves(tmp_path, 6, 0, tensorboard=False)
    for step in range(1, 6):
        made.step(step, {"l1": float(step)})
    made.write()
    assert (tmp_path / "losses.csv").read_text().splitlines() == ["step,l1", "2,1.5", "4,3.5"]


def test_a_resumed_training_takes_the_place_of_what_it_repeats(tmp_path: Path) -> None:
    for start, values in ((0, {1: 1.0, 2: 2.0, 3: 3.0}), (2, {3: 30.0, 4: 40.0})):
        made = Curves(tmp_path, 4, start, tensorboard=False)
        for step, value in values.items():
            made.step(step, {"l1": value})
            made.validation(step, {"psnr": value})
        made.write()
    for name, column in (("losses", "l1"), ("validation", "psnr")):
        lines = (tmp_path / f"{name}.csv").read_text().splitlines()
        assert lines == [f"step,{column}", "1,1.0", "2,2.0", "3,30.0", "4,40.0"]
    assert cv2.imread(str(tmp_path / "curves.png")).std() > 5


def test_a_picture_of_nothing_yet(tmp_path: Path) -> None:
    made = Curves(tmp_path, 4, 0, tensorboard=False)
    made.validation(0, {"psnr": 12.0})
    made.write()
    assert (tmp_path / "curves.png").is_file()


def test_tensorboard(tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    made = Curves(tmp_path, 4, 0, tensorboard=True)
    made.step(1, {"l1": 0.5})
    made.validation(1, {"psnr": 12.0})
    made.write()
    events = loader.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("train/l1")] == [0.5]
    assert [event.value for event in events.Scalars("validation/psnr")] == [12.0]


def test_without_the_package_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SettingsError, match=r"pip install -e '\.\[tensorboard\]'"):
        Curves(tmp_path, 4, 0, tensorboard=True)
