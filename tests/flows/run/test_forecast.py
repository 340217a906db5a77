"""`run --dry-run`: what the run then does, and not a byte written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
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
from flows.run.forecast import Forecast, forecast
from flows.run.job import execute, open_places, prepare
from flows.run.progress import Counts, StageCount
from flows.run.rates import NOTE, note_rates, seconds_per_photo

STAGES = ("segment", "refine", "inpaint", "verify", "publish")


def ahead(coco: Path, out: Path, *overrides: str, stages: str | None = None, refresh: str | None = None) -> Forecast:
    wanted = selection(stages, refresh)
    return forecast(open_places(coco, out, coco_settings(*overrides), wanted), wanted)


def to_compute(found: Forecast) -> dict[str, int]:
    return {stage: of.compute for stage, of in found.stages.items() if of.compute}


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written_where_there_is_nothing_yet(coco: Path, tmp_path: Path) -> None:
    found = ahead(coco, tmp_path / "out")
    assert to_compute(found) == dict.fromkeys(STAGES, 6) and not (tmp_path / "out").exists()
    assert found.photos == 6 and found.seconds > 0 and found.memory > 0 and found.room == 3 * found.bytes


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


def test_time_is_what_was_measured_here(coco: Path, tmp_path: Path) -> None:
    assert not any(stage.measured for stage in ahead(coco, tmp_path / "out").stages.values())
    remove(coco, tmp_path / "out")
    Store(tmp_path / "out/.person-removal").write_note(NOTE, {"refine cpu": [12.0, 6], "inpaint telea cpu": [5.0, 1]})
    found = ahead(coco, tmp_path / "out", "refine.dilate=0.3")
    assert found.stages["inpaint"].measured and not found.stages["verify"].measured
    others = found.stages["verify"].seconds + found.stages["publish"].seconds
    assert found.seconds == pytest.approx(6 * (2 + 5 + others))
    other = ahead(coco, tmp_path / "out", "inpaint.fill=navier-stokes")
    assert not other.stages["inpaint"].measured, "another fill takes another time"


def test_a_run_keeps_what_it_measured(coco: Path, tmp_path: Path) -> None:
    remove(coco, tmp_path / "out")
    rates = json.loads((tmp_path / "out/.person-removal" / NOTE).read_text())
    names = {"segment annotations cpu", "refine cpu", "inpaint telea cpu", "verify none cpu", "publish cpu"}
    assert set(rates) == names and all(photos == 6 for _, photos in rates.values())
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
    wanted = selection()
    context = open_places(coco, out, coco_settings(), wanted).context
    note_rates(context, counts)
    assert store.note(NOTE, dict[str, Any]())["refine cpu"] == [2060.0, 2001]
    assert seconds_per_photo(context, "refine", 1.0) == (pytest.approx(2060 / 2001), True)
    store.write_note(NOTE, {"refine cpu": 3.0})
    assert not seconds_per_photo(context, "refine", 1.0)[1], "a note of an earlier version says less than needed"


def test_another_device_takes_another_time(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    Store(out / ".person-removal").write_note(NOTE, {"segment embedded cpu": [2.0, 1]})
    context = open_places(coco, out, coco_settings(), selection()).context
    for device, measured in (("cpu", True), ("cuda:0", False)):
        segment = context.settings.segment.model_copy(update={"segmenter": "embedded", "device": device})
        there = replace(context, settings=context.settings.model_copy(update={"segment": segment}))
        assert seconds_per_photo(there, "segment", 1.0)[1] is measured


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
    found = json.loads(CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False).stdout)
    assert found["photos"] == 6 and found["stages"]["inpaint"]["compute"] == 6
