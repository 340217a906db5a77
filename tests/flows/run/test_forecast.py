"""`run --dry-run`: what the run then does, and not a byte written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import FAST, coco_settings, remove
from PIL import Image
from typer.testing import CliRunner

from data.errors import InputError
from data.storage.store import Store
from flows.cli.main import app
from flows.plan.selection import selection
from flows.run.forecast import Forecast, OfPhoto, forecast
from flows.run.job import check_input, execute, prepare
from flows.run.progress import Counts, StageCount
from flows.run.rates import NOTE, measured, note_rates, stage_name

STAGES = ("segment", "refine", "inpaint", "verify", "publish")


def ahead(coco: Path, out: Path, *overrides: str, stages: str | None = None, refresh: str | None = None) -> Forecast:
    wanted = selection(stages, refresh)
    return forecast(check_input(coco, out, coco_settings(*overrides), wanted), wanted)


def to_compute(found: Forecast) -> dict[str, int]:
    return {stage: of.compute for stage, of in found.stages.items() if of.compute}


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written_where_there_is_nothing_yet(coco: Path, tmp_path: Path) -> None:
    found = ahead(coco, tmp_path / "out")
    assert to_compute(found) == dict.fromkeys(STAGES, 6) and not (tmp_path / "out").exists()
    assert found.photos == 6 and found.room == 3 * found.bytes


CHANGES: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "nothing": lambda coco: (),
    "a setting of refine": lambda coco: ("refine.dilate=0.3",),
    "a setting of inpaint": lambda coco: ("inpaint.feather=0",),
    "somebody stays": lambda coco: ("refine.keep=largest",),
    "a photo": lambda coco: Image.new("RGB", (128, 96)).save(coco / "images/0003.png") or (),
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_says_what_the_run_then_does(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]], name: str
) -> None:
    """At most: where another hole comes out equal, what follows is in the store after all."""
    remove(coco, tmp_path / "out")
    computed()
    overrides = CHANGES[name](coco)
    before = everything(tmp_path / "out")
    said = to_compute(ahead(coco, tmp_path / "out", *overrides))
    assert everything(tmp_path / "out") == before and computed() == {}
    remove(coco, tmp_path / "out", *overrides)
    done = computed()
    assert all(done.get(stage, 0) <= count for stage, count in said.items()) and set(done) <= set(said)
    assert max(done.values(), default=0) == max(said.values(), default=0)
    assert to_compute(ahead(coco, tmp_path / "out", *overrides)) == {}


def test_stages_and_refresh(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out", stages="segment,refine")
    assert to_compute(ahead(coco, tmp_path / "out")) == dict.fromkeys(STAGES[2:], 6)
    assert to_compute(ahead(coco, tmp_path / "out", stages="segment,refine", refresh="refine")) == {"refine": 6}
    with pytest.raises(InputError, match="6 photos have nothing from stage 'inpaint'"):
        ahead(coco, tmp_path / "out", stages="verify")


def test_photos_that_are_over_are_no_work(coco: Path, tmp_path: Path) -> None:
    (coco / "images/0002.png").unlink()
    found = ahead(coco, tmp_path / "out")
    assert found.over == {"failed": 1} and found.stages["segment"].compute == 5


def test_time_is_unknown_until_a_run_has_measured_it(coco: Path, tmp_path: Path) -> None:
    found = ahead(coco, tmp_path / "out")
    assert found.seconds is None and "no run in this output directory has measured segment annotations" in found.unknown
    remove(coco, tmp_path / "out")
    found = ahead(coco, tmp_path / "out", refresh=",".join(STAGES))
    assert found.seconds is not None and found.unknown == "" and found.seconds > 0
    other = ahead(coco, tmp_path / "out", "inpaint.fill=navier-stokes")
    assert other.seconds is None and other.unknown.endswith("inpaint navier-stokes"), "another fill, another time"


RATES = {f"{stage} cpu": [6.0, 6] for stage in ("refine", "inpaint telea", "verify none", "publish")}
PHOTO = 128 * 96 / 1e6


@pytest.mark.parametrize(
    ("sizes", "most", "why"),
    [
        ([6 * PHOTO, 6], [PHOTO, 2], ""),
        ([6 * PHOTO / 1.9, 6], [PHOTO / 1.9, 1], ""),
        ([6 * PHOTO / 2.1, 6], [PHOTO / 2.1, 2], "is larger than the photos that were measured here"),
        ([6 * PHOTO / 2.1, 6], [PHOTO, 2], "the photos have 0.0 megapixels"),
        ([6 * PHOTO * 2.1, 6], [5 * PHOTO, 2], "the photos have 0.0 megapixels"),  # the same holds the other way round
        ([6 * PHOTO, 6], [PHOTO, 0], "has more people than the photos"),
        (None, None, "is larger than the photos"),  # nothing was published yet
    ],
)
def test_time_is_told_for_photos_like_those_that_were_measured(
    coco: Path, tmp_path: Path, sizes: list[float] | None, most: list[float] | None, why: str
) -> None:
    remove(coco, tmp_path / "out")
    note = {**RATES, "photos megapixels": sizes, "most megapixels people": most}
    Store(tmp_path / "out/.person-removal").write_note(NOTE, {k: v for k, v in note.items() if v})
    found = ahead(coco, tmp_path / "out", "refine.dilate=0.3")
    assert why in found.unknown and bool(found.unknown) == bool(why)
    assert found.seconds is None if why else found.seconds == pytest.approx(6 * 4)


def test_more_processes_than_cores_are_no_faster(coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    remove(coco, tmp_path / "out")
    store = Store(tmp_path / "out/.person-removal")
    store.write_note(NOTE, {**RATES, "photos megapixels": [6 * PHOTO, 6], "most megapixels people": [PHOTO, 2]})
    times = [ahead(coco, tmp_path / "out", "refine.dilate=0.3", f"run.workers={n}").seconds for n in (1, 2, 16)]
    assert times == pytest.approx([24, 12, 12])
    counts = Counts()
    counts["refine"] = StageCount(set(), 16, 80.0)  # 16 processes on 2 cores: 8 times as long each
    context = check_input(coco, tmp_path / "out", coco_settings("run.workers=16"), selection()).context
    note_rates(context, counts)
    assert store.note(NOTE, dict[str, Any]())["refine cpu"] == [16.0, 22]


def test_the_largest_photo_and_the_most_people(coco: Path, tmp_path: Path) -> None:
    """Of a photo beyond Pillow's own limit, too; a plain folder has no sizes but those in the files."""
    found = ahead(coco, tmp_path / "out")
    assert (found.people, found.crowd) == (6, OfPhoto("sub/0006.png", 2))
    (tmp_path / "in").mkdir()
    Image.new("1", (20_000, 9_950)).save(tmp_path / "in/huge.png")
    Image.new("L", (640, 480)).save(tmp_path / "in/small.bmp")
    wanted, settings = (
        selection(),
        coco_settings("segment.segmenter=mask-files", f"segment.mask_files.folder={tmp_path}/in"),
    )
    found = forecast(check_input(tmp_path / "in", tmp_path / "out", settings, wanted), wanted)
    assert found.largest == OfPhoto("huge.png", 199.0) and found.people is None


def test_a_run_keeps_what_it_measured(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    rates = json.loads((tmp_path / "out/.person-removal" / NOTE).read_text())
    names = {"segment annotations cpu", "refine cpu", "inpaint telea cpu", "verify none cpu", "publish cpu"}
    assert all(rates[name][1] == 6 for name in names)
    assert rates["photos megapixels"] == [pytest.approx(6 * PHOTO, abs=1e-3), 6]
    assert rates["most megapixels people"] == [pytest.approx(PHOTO, abs=1e-3), 2]
    remove(coco, tmp_path / "out")
    assert json.loads((tmp_path / "out/.person-removal" / NOTE).read_text()) == rates, (
        "nothing computed, nothing learnt"
    )


def test_one_slow_photo_does_not_outweigh_what_thousands_took(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    store = Store(out / ".person-removal")
    store.write_note(NOTE, {"refine cpu": [2000.0, 2000]})
    counts = Counts()
    counts["refine"] = StageCount(set(), 1, 60.0)
    context = check_input(coco, out, coco_settings(), selection()).context
    note_rates(context, counts)
    assert store.note(NOTE, dict[str, Any]())["refine cpu"] == [2060.0, 2001]
    assert measured(context).seconds == {"refine cpu": pytest.approx(2060 / 2001)}
    store.write_note(NOTE, {"refine cpu": 3.0})
    assert measured(context).seconds == {}, "a note of an earlier version says less than needed"


def test_another_device_takes_another_time(coco: Path, tmp_path: Path) -> None:
    context = check_input(coco, tmp_path / "out", coco_settings(), selection()).context
    for device in ("cpu", "cuda:0"):
        segment = context.settings.segment.model_copy(update={"segmenter": "embedded", "device": device})
        there = context.settings.model_copy(update={"segment": segment})
        assert stage_name(there, "segment").endswith(f"embedded {device}")


def test_a_photo_with_settings_of_its_own_is_in_the_store_too(coco: Path, tmp_path: Path) -> None:
    decided = tmp_path / "decided.json"
    photos = {"0001.png": {"decision": "redo", "settings": {"refine": {"dilate": 0.3}}}}
    decided.write_text(json.dumps({"person_removal_decisions": 1, "photos": photos}))
    execute(prepare(coco, tmp_path / "out", coco_settings(), selection(), decided))
    assert to_compute(ahead(coco, tmp_path / "out")) == {}


def test_on_the_command_line(coco: Path, tmp_path: Path) -> None:
    options = [part for setting in FAST for part in ("--set", setting)]
    command = ["run", str(coco), str(tmp_path / "out"), "--preset", "coco", "--dry-run", *options]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0 and "Nothing was written." in done.stdout and not (tmp_path / "out").exists()
    assert "run a few with --photos first" in done.stdout
    few = CliRunner().invoke(app, [*command, "--photos", "0001.png"], catch_exceptions=False)
    assert "a run of these measures it" in few.stdout and "--photos first" not in few.stdout
    found = json.loads(CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False).stdout)
    assert found["photos"] == 6 and found["stages"]["inpaint"]["compute"] == 6 and found["seconds"] is None
