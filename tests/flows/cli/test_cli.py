"""The command line: names that scripts rely on, exit codes, and one sentence for every mistake."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from collection_with_people import FAST, save_photo
from command import Command
from PIL import Image
from pycocotools import mask as coco_mask
from typer.testing import CliRunner

from configs.load import USUAL
from data.storage.store import Store
from flows import remove_people
from flows.cli.help import plain
from flows.cli.main import app
from flows.cli.show import SoFar

ROOT = Path(__file__).resolve().parents[3]
QUICK = [part for setting in FAST for part in ("--set", setting)]


def test_run_and_its_folders(person_removal: Command, coco: Path, tmp_path: Path) -> None:
    done = person_removal("run", coco, tmp_path / "out", "--preset", "coco", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "people taken out" in done.stdout and str(tmp_path / "out" / "report.html") in done.stdout
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {
        *("images", "masks", "annotations", "manifest.jsonl", "people.json", "report.html"),
    }
    again = person_removal("run", coco, tmp_path / "out", "--preset", "coco", *QUICK)
    assert "nothing computed" in again.stdout


@pytest.mark.parametrize(("allow", "code"), [((), 3), (("--allow-review",), 0)])
def test_exit_code_of_review(person_removal: Command, tmp_path: Path, allow: tuple[str, ...], code: int) -> None:
    """The settings cannot make a hole that misses a known person; a hand-made artifact in the store can."""
    mask = np.zeros((96, 128), np.uint8)
    save_photo(tmp_path / "in/a.png", 1, (10, 10, 30, 30))
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks/nobody.png")
    mask[10:40, 10:40] = 255
    Image.fromarray(mask).save(tmp_path / "masks/a.png")
    run = ["run", tmp_path / "in", tmp_path / "out", "--segmenter", "mask-files", "--fill", "telea", *QUICK]
    run += ["--set", f"segment.mask_files.folder={tmp_path / 'masks'}"]
    assert person_removal(*run).returncode == 0
    store = Store(tmp_path / "out/.person-removal")
    (key,) = store.artifacts("refine")
    rle = coco_mask.encode(np.asfortranarray(np.zeros((96, 128), np.uint8)))
    empty = json.dumps({"size": [96, 128], "counts": rle["counts"].decode()}).encode()
    store.write("refine", key, empty, {"share": 0.0, "kept": 0, "edited": False})

    done = person_removal(*run, *allow)
    assert done.returncode == code
    assert "1 person known and not inside the hole" in done.stdout
    assert (tmp_path / "out/review/a.png").exists() and not (tmp_path / "out/images/a.png").exists()


def test_exit_code_of_a_broken_photo(person_removal: Command, coco: Path, tmp_path: Path) -> None:
    (coco / "images/0002.png").write_bytes(b"")
    done = person_removal("run", coco, tmp_path / "out", "--preset", "coco", *QUICK, "--allow-review")
    assert done.returncode == 1
    assert "0002.png: the file is empty." in done.stdout


MISTAKES = {
    "no input": (["run", "{coco}o", "out"], "the input directory is not there (did you mean 'coco'?)"),
    "unknown preset": (["run", "{coco}", "{out}", "--preset", "embeded"], "did you mean 'embedded'?"),
    "unknown setting": (["run", "{coco}", "{out}", "--set", "refine.dilat=1"], "did you mean 'refine.dilate'?"),
    "unknown fill": (["run", "{coco}", "{out}", "--fill", "telia"], "did you mean 'telea'?"),
    "unknown stage": (["run", "{coco}", "{out}", "--preset", "coco", "--stages", "fill"], "there is no stage 'fill'"),
    "stage not run yet": (["run", "{coco}", "{out}", "--preset", "coco", "--stages", "inpaint"], "--stages segment"),
    "missing weights": (
        ["run", "{coco}", "{out}", "--preset", "default"],
        "Weights 'yolo11n-seg', 'mmagic-places' are not on this machine: `person-removal weights fetch yolo11n-seg "
        "mmagic-places` fetches them (6.2 MB and mmagic-places of unknown size), or take `--preset embedded`",
    ),
    "given masks without annotations": (["run", "{photos}", "{out}", "--preset", "coco"], "input.annotations=FILE"),
    "refresh outside": (
        ["run", "{coco}", "{out}", "--preset", "coco", "--stages", "segment", "--refresh", "inpaint"],
        "not among --stages",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence(
    person_removal: Command, monkeypatch: pytest.MonkeyPatch, coco: Path, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "empty"))
    arguments, words = MISTAKES[name]
    places = {"coco": coco, "out": tmp_path / "out", "photos": coco / "images"}
    done = person_removal(*(argument.format(**places) for argument in arguments))
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_folder_where_a_command_is_expected_names_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "holiday").mkdir()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(plain(app), ["holiday", "out"])
    assert done.exit_code == 2 and "Did you mean 'person-removal run holiday out'?" in done.output


def test_fill_one_photo_with_a_mask_of_ones_own(person_removal: Command, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.png", 1, (20, 30, 16, 40))
    hole = np.zeros((96, 128), np.uint8)
    hole[26:74, 16:40] = 255
    Image.fromarray(hole).save(tmp_path / "hole.png")
    done = person_removal("fill", tmp_path / "a.png", tmp_path / "hole.png", tmp_path / "b.png", "--fill", "telea")
    assert done.returncode == 0, done.stderr
    before, after = np.asarray(Image.open(tmp_path / "a.png")), np.asarray(Image.open(tmp_path / "b.png"))
    np.testing.assert_array_equal(after[hole == 0], before[hole == 0])
    assert not (after == (220, 20, 30)).all(-1).any()


@pytest.mark.slow
def test_a_server_that_is_not_there_is_one_sentence(coco: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", "run", str(coco), str(tmp_path / "out"), "--preset", "coco", *QUICK],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api"},
        timeout=120,
    )
    assert done.returncode == 2 and done.stderr.strip().splitlines()[-1].startswith("Error: No Prefect server")
    assert "Traceback" not in done.stderr


def test_a_mask_drawn_on_the_upright_photo_is_turned_into_the_files_frame(
    person_removal: Command, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    save_photo(tmp_path / "a.png", 1, (20, 30, 16, 40), exif=exif)
    hole = np.zeros((96, 128), np.uint8)
    hole[26:74, 16:40] = 255
    Image.fromarray(np.rot90(hole, -1).copy()).save(tmp_path / "upright.png")
    done = person_removal("fill", tmp_path / "a.png", tmp_path / "upright.png", tmp_path / "b.png", "--fill", "telea")
    assert done.returncode == 0, done.stderr
    before, after = np.asarray(Image.open(tmp_path / "a.png")), np.asarray(Image.open(tmp_path / "b.png"))
    np.testing.assert_array_equal(after[hole == 0], before[hole == 0])
    assert not (after == (220, 20, 30)).all(-1).any()


GRAY = np.zeros((96, 128), np.uint8)
GRAY[26:74, 16:40] = 255
SOFT, PHOTO = GRAY.copy(), np.dstack([*np.indices((96, 128)), GRAY.astype(int)]).astype(np.uint8)
SOFT[26:74, 40:43] = (200, 128, 60)


def painted(red: int, green: int, blue: int, opacity: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.dstack([*(np.full_like(opacity, value) for value in (red, green, blue)), opacity])


DRAWN = {
    "soft": (SOFT, "hole.png", 42, "a value of 128 or more is filled"),
    "a JPEG": (np.dstack([GRAY] * 3), "hole.jpg", 40, "a value of 128 or more is filled"),
    "opaque alpha": (np.dstack([GRAY, GRAY, GRAY, GRAY | 255]), "hole.png", 40, ""),
    "white on a layer": (painted(255, 255, 255, SOFT), "hole.png", 42, "what is painted on it is filled"),
    "red on a layer": (painted(255, 0, 0, SOFT), "hole.png", 42, "what is painted on it is filled"),
    "black on a layer": (painted(0, 0, 0, SOFT), "hole.png", 42, "what is painted on it is filled"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_masks_as_painting_programs_save_them(person_removal: Command, tmp_path: Path, name: str) -> None:
    pixels, file, right, words = DRAWN[name]
    save_photo(tmp_path / "a.png", 1, (20, 30, 16, 40))
    Image.fromarray(pixels).save(tmp_path / file)
    fill = ["fill", tmp_path / "a.png", tmp_path / file, tmp_path / "b.png", "--fill", "telea"]
    done = person_removal(*fill)
    assert done.returncode == 0 and words in done.stdout, done.stderr
    assert len(done.stdout.strip().splitlines()) == (2 if words else 1)
    share = 48 * (right - 16) / (96 * 128)
    assert f"filled {share:.1%} of the photo" in done.stdout
    first = (tmp_path / "b.png").read_bytes()
    again = person_removal(*fill)
    assert again.returncode == 2 and "--force to write over it" in again.stderr
    (tmp_path / "b.png").write_bytes(b"mine")
    assert person_removal(*fill, "--force").returncode == 0 and (tmp_path / "b.png").read_bytes() == first


FILL_MISTAKES = {
    "mask of another size": (np.zeros((50, 60), np.uint8), "b.png", "is 60 x 50 pixels; the photo is 128 x 96"),
    "gray mask": (np.full((96, 128), 99, np.uint8), "b.png", "has no value above 99"),
    "16 bits": (GRAY.astype(np.uint16) * 128, "b.png", "has the mode I;16; save it as an 8-bit"),
    "black mask": (np.zeros((96, 128), np.uint8), "b.png", "nothing to fill, the mask has no white"),
    "transparent mask": (np.zeros((96, 128, 4), np.uint8), "b.png", "nothing to fill, the mask has no white"),
    "photo for a mask": (PHOTO, "b.png", "is coloured; save it as a plain black and white image"),
    "gray photo for a mask": (
        np.tile(np.arange(0, 256, 2, np.uint8), (96, 1)),
        "b.png",
        "of it is neither black nor white",
    ),
    "photo with a hole": (np.dstack([PHOTO, 255 - GRAY]), "b.png", "is a picture with transparent places"),
    "another format": (GRAY, "b.jpg", "the result keeps the photo's format"),
    "white mask": (np.full((96, 128), 255, np.uint8), "b.png", "all of the mask is white"),
    "over the original": (GRAY, "a.png", "originals are never written to"),
    "over the mask": (GRAY, "hole.png", "originals are never written to"),
    "over a folder": (GRAY, "folder.png", "this is a folder"),
}


@pytest.mark.parametrize("name", FILL_MISTAKES)
def test_mistakes_of_fill(person_removal: Command, tmp_path: Path, name: str) -> None:
    mask, out, words = FILL_MISTAKES[name]
    save_photo(tmp_path / "a.png", 1, None)
    (tmp_path / "folder.png").mkdir()
    original = (tmp_path / "a.png").read_bytes()
    Image.fromarray(mask).save(tmp_path / "hole.png")
    done = person_removal("fill", tmp_path / "a.png", tmp_path / "hole.png", tmp_path / out, "--fill", "telea")
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert (tmp_path / "a.png").read_bytes() == original and not (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("arguments", "example"),
    [
        ((), "person-removal run holiday/ without-people/"),
        (("beach",), "person-removal run beach without-people/"),
        (("a.jpg", "--keep", "largest"), "person-removal run a.jpg out.jpg"),
    ],
)
def test_a_run_without_a_place_for_its_results(
    person_removal: Command, arguments: tuple[str, ...], example: str
) -> None:
    done = person_removal("run", *arguments)
    assert (done.returncode, done.stderr) == (2, f"Error: OUT is missing, where the results go: {example}\n")


def test_the_installed_command_starts_and_its_help_shows_examples() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", "run", "--help"], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0 and "--preset coco" in done.stdout and "\\b" not in done.stdout


def test_scrub_takes_the_author_out_of_every_photo(person_removal: Command, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Ann Author"
    save_photo(tmp_path / "in/a.jpg", 1, None, exif=exif)
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.zeros((96, 128), np.uint8)).save(tmp_path / "masks/a.png")
    run = ["run", tmp_path / "in", tmp_path / "out", "--segmenter", "mask-files", "--fill", "telea", *QUICK, "--scrub"]
    assert person_removal(*run, "--set", f"segment.mask_files.folder={tmp_path / 'masks'}").returncode == 0
    assert b"Ann Author" in (tmp_path / "in/a.jpg").read_bytes()
    assert b"Ann Author" not in (tmp_path / "out/images/a.jpg").read_bytes()


def test_a_command_without_preset_takes_the_usual_one_or_says_which() -> None:
    """`""`: of a run that is deployed without places, which has no preset yet."""

    def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        for word, other in getattr(command, "commands", {}).items():
            yield from leaves(other, f"{name} {word}".strip())
        yield from [] if hasattr(command, "commands") else [(name, command)]

    taken = {
        name: option.default
        for name, command in leaves(typer.main.get_command(app))
        for option in command.params
        if option.name == "preset"
    }
    own = {"schedule": "coco", "bench pipeline": None, "doctor": None, "weights fetch": None}
    assert {name: preset for name, preset in taken.items() if preset not in (USUAL, "")} == own
    assert {"run", "fill", "app", "family", "evaluate masks"} <= taken.keys()
    assert inspect.signature(remove_people).parameters["preset"].default == USUAL


COMMANDS = (
    "",
    "run",
    "demo",
    "fill",
    "train",
    "undo-annotations",
    "serve",
    "deploy",
    "schedule",
    "weights fetch",
    "cache prune",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_screen_and_shows_an_example(
    person_removal: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    done = person_removal(*command.split(), "--help")
    assert done.returncode == 0 and len(done.stdout.splitlines()) <= (54 if command == "run" else 46)
    assert not command or f"person-removal {command} " in done.stdout
    assert not re.search(r"<[a-zA-Z]|<list", done.stdout), "a type says nothing of what is wanted"


def test_json_is_all_that_stdout_holds(person_removal: Command, coco: Path, tmp_path: Path) -> None:
    (coco / "images/0002.png").write_bytes(b"")
    run = ["run", coco, tmp_path / "out", "--preset", "coco", *QUICK, "--json"]
    done = person_removal(*run)
    summary = json.loads(done.stdout)
    assert summary["exit_code"] == done.returncode == 1
    assert summary["states"] == {
        "removed": 4,
        "passthrough": 1,
        "review": 0,
        "corrupt": 1,
        "refused": 0,
        "failed": 0,
    }
    assert summary["problems"] == ["0002.png: the file is empty."]
    assert summary["report"] == str(tmp_path / "out/report.html")
    assert "people taken out" in done.stderr
    stopped = person_removal(*run, "--stages", "segment", "--quiet")
    assert json.loads(stopped.stdout) == {"output": str(tmp_path / "out"), "stages": ["segment"], "exit_code": 0}
    assert stopped.stderr == ""


def test_quiet_tells_of_problems_only(person_removal: Command, coco: Path, tmp_path: Path) -> None:
    run = ["run", coco, tmp_path / "out", "--preset", "coco", *QUICK, "--quiet"]
    assert person_removal(*run) == (0, "", "")
    (coco / "images/0002.png").write_bytes(b"")
    assert person_removal(*run) == (1, "", "  0002.png: the file is empty.\n")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("run in out --preset e", ["embedded"]),
        ("run in out --fill t", ["telea"]),
        ("run in out --segmenter ma", ["maskrcnn", "mask-files"]),
        ("run in out --status removed,re", ["removed,removed", "removed,review", "removed,refused"]),
        ("run in out --set refine.dil", ["refine.dilate=", "refine.dilate_min="]),
        ("weights fetch pose", ["pose-landmark-full"]),
    ],
)
def test_a_shell_completes_values(
    person_removal: Command, monkeypatch: pytest.MonkeyPatch, words: str, offered: list[str]
) -> None:
    """As the script of `--show-completion` asks for them."""
    monkeypatch.setenv("_PERSON_REMOVAL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"person-removal {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    assert person_removal().stdout.split() == offered


def test_how_far_a_run_is() -> None:
    so_far = SoFar(photos=20, stages=("segment", "publish"))
    assert so_far.sentence() == "0 of 20 photos"
    for number in range(20):
        so_far.count("segment", {"id": str(number), "facts": {}}, False, 3.0)
    published = {"state": "removed", "width": 2000, "height": 1500, "people": 2}
    for number in range(8):
        so_far.count("publish", {"id": str(number), "facts": published}, False, 1.0)
    assert (so_far.counts.megapixels, so_far.counts.people) == ([3.0] * 8, 2)
    so_far.count("publish", {"id": "8", "state": "corrupt", "reason": "-"}, True, 0)
    assert so_far.work == (pytest.approx(69 / 80), pytest.approx(69 / 80))
    so_far.started -= 690  # 69 of 80 parts took as long
    assert so_far.sentence() == "9 of 20 photos, 77 s a photo: removed 8, corrupt 1", "too few to tell the time left"
    so_far.count("publish", {"id": "9", "facts": published}, False, 1.0)
    so_far.started -= 10
    assert so_far.sentence() == "10 of 20 photos, 70 s a photo, about 1:40 left: removed 9, corrupt 1"


def test_photos_from_the_store_say_nothing_of_how_long_the_others_take() -> None:
    so_far = SoFar(photos=100, stages=("segment",))
    row = {"key": "-", "facts": {}}
    for number in range(90):
        so_far.count("segment", {"id": str(number), "state": "removed", **row}, True, 0.0)
    so_far.started -= 1
    assert "left" not in so_far.sentence()
    for number in range(90, 95):
        so_far.count("segment", {"id": str(number), "state": "removed", **row}, False, 2.0)
    so_far.started -= 9
    assert "about 0:10 left" in so_far.sentence(), "five took ten seconds, five are left"
