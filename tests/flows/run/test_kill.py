"""kill -9 of the run, of a worker process, of the Prefect flow, each at a random moment; a disk that really is full."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from artifacts import artifacts
from collection_with_people import contents, make_coco, remove, save_photo
from killed import SETTINGS, check, kill, run_to_the_end
from PIL import Image

from data.errors import InputError

Undisturbed = tuple[Path, dict[str, bytes], float]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A collection, what a run makes of it, and how long that takes after its first artifact."""
    folder = tmp_path_factory.mktemp("undisturbed")
    coco = make_coco(folder / "coco")
    seconds = run_to_the_end(coco, folder / "out", {})
    return coco, contents(folder / "out"), seconds


def test_killed_in_its_middle(undisturbed: Undisturbed, tmp_path: Path) -> None:
    coco, expected, _ = undisturbed
    out = tmp_path / "out"
    kill(coco, out, {}, "run", photos=3)
    assert len(artifacts(out, "inpaint")) >= 3
    check(out, expected, partial(remove, coco, out, *SETTINGS))


@pytest.mark.parametrize("victim", ["run", "worker"])
def test_killed_at_a_random_moment(undisturbed: Undisturbed, tmp_path: Path, victim: str) -> None:
    coco, expected, seconds = undisturbed
    moment, out = random.uniform(0, seconds), tmp_path / "out"
    print(f"{victim} killed {moment:.3f} s after the first artifact")
    kill(coco, out, {}, victim, moment)
    check(out, expected, partial(remove, coco, out, *SETTINGS))


def test_a_killed_flow(undisturbed: Undisturbed, tmp_path: Path, prefect_server: str) -> None:
    coco, expected, seconds = undisturbed
    moment, out = random.uniform(0, seconds), tmp_path / "out"
    through_prefect = {"PREFECT_API_URL": prefect_server, "PREFECT_HOME": str(tmp_path / "prefect")}
    print(f"flow killed {moment:.3f} s after the first artifact")
    kill(coco, out, through_prefect, "run", moment)
    check(out, expected, partial(run_to_the_end, coco, out, through_prefect))


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs Linux and root, to mount a small tmpfs")
def test_a_full_disk(tmp_path: Path) -> None:
    """A tmpfs that the result does not fit on: one sentence a photo, nothing half-written, complete with more room."""
    photos, masks, disk = tmp_path / "photos", tmp_path / "masks", tmp_path / "disk"
    masks.mkdir()
    for number in range(12):
        save_photo(photos / f"{number:02d}.png", number, (20, 30, 16, 40))
        mask = np.zeros((96, 128), np.uint8)
        mask[30:70, 20:36] = 255
        Image.fromarray(mask).save(masks / f"{number:02d}.png")
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        out = disk / "out"
        options = ("segment.segmenter=mask-files", f"segment.mask_files.folder={masks}", "run.retries=0")
        summary = None
        try:
            summary = remove(photos, out, *options)
        except InputError as error:  # what speaks of the collection as a whole found no room
            assert "could not be written (No space left on device)" in str(error)
        if summary is not None:
            assert summary.states.get("failed") and "No space left" in " ".join(summary.problems)
        assert not list(out.rglob("*.tmp")), "nothing half-written"
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert remove(photos, out, *options).exit_code(allow_review=True) == 0
        remove(photos, tmp_path / "undisturbed", *options)
        assert contents(out) == contents(tmp_path / "undisturbed")
    finally:
        subprocess.run(["umount", str(disk)], check=False)
        shutil.rmtree(disk, ignore_errors=True)
