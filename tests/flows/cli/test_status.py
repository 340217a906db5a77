"""`person-removal status` and `--version`, and the figures of a run for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import remove
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from data.errors import InputError
from data.storage.store import Store
from flows.cli.main import app
from flows.results.provenance import tool_version
from flows.run.last_run import LastRun, prometheus, read_last_run

Command = Callable[..., Any]


@pytest.fixture
def person_removal(monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr("flows.cli.options.console.width", 200, raising=False)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)


def status(person_removal: Command, output: Path) -> dict[str, Any]:
    done = person_removal("status", output, "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_the_version(person_removal: Command) -> None:
    done = person_removal("--version")
    assert (done.exit_code, done.stdout) == (0, f"person-removal {tool_version()}\n")


def test_how_the_last_run_ended_and_what_the_next_one_would_do(
    person_removal: Command, coco: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (coco / "images/0001.png").write_bytes(b"no picture")
    remove(coco, out)
    before = sorted(tmp_path.rglob("*"))
    told = status(person_removal, out)
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written"
    assert (told["running"], told["killed"], told["last"]["exit_code"], told["last"]["error"]) == (
        False,
        False,
        1,
        None,
    )
    assert told["last"]["states"] == {"removed": 4, "passthrough": 1, "corrupt": 1}
    assert told["next"] == dict.fromkeys(("segment", "refine", "inpaint", "verify", "publish"), 0)
    assert told["size"]["files"] == sum(path.is_file() for path in out.rglob("*"))

    (out / "images/0002.png").unlink()
    (out / ".person-removal/running").touch()
    told = status(person_removal, out)
    assert told["killed"] and told["next"]["publish"] == 1 and told["next"]["inpaint"] == 0
    shown = person_removal("status", out).stdout
    assert "A run was killed here" in shown and "it would compute publish 1." in shown and "damaged" in shown


def test_a_run_that_ended_with_an_error_and_an_input_that_is_gone(
    person_removal: Command, coco: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    remove(coco, out)
    with pytest.raises(Exception, match="nothing from stage"):
        remove(coco, out, "segment.objects=[dog]", stages="refine")
    coco.rename(tmp_path / "gone")
    told = status(person_removal, out)
    assert told["last"]["exit_code"] == 2 and "nothing from stage 'segment'" in told["last"]["error"]
    assert told["next"] is None and "the input directory is not there" in told["next_unknown"]


def test_where_no_run_was(person_removal: Command, tmp_path: Path) -> None:
    assert isinstance(person_removal("status", tmp_path).exception, InputError)


def test_figures_for_prometheus(coco: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out "1"'
    remove(coco, out, "run.metrics=true")
    families = {f.name: f for f in text_string_to_metric_families((out / "metrics.prom").read_text())}
    figures = {
        (name.removeprefix("person_removal_"), *(v for k, v in s.labels.items() if k != "output")): s.value
        for name, family in families.items()
        for s in family.samples
    }
    assert {s.labels["output"] for family in families.values() for s in family.samples} == {str(out)}
    assert figures["photos", "removed"] == 5 and figures["photos", "review"] == 0
    assert figures["last_run_stage_photos", "inpaint", "computed"] == 6
    assert figures["last_run_exit_code",] == 0 and figures["last_run_stage_seconds", "publish"] > 0
    last = read_last_run(Store(out / ".person-removal"))
    assert last is not None and figures["last_run_timestamp_seconds",] == pytest.approx(last["ended"], abs=1e-3)


def test_a_run_that_published_nothing_has_no_states() -> None:
    last = LastRun(
        version="1", started=1, ended=2, photos=3, computed=0, states={}, stages={}, exit_code=2, error="-", run=""
    )
    text = prometheus(last, "/out")
    assert "person_removal_photos" not in text and 'exit_code{output="/out"} 2\n' in text


@pytest.mark.parametrize("note", ["[]", "{}", '{"states": 3}', "{", '{"ended": "now"}'])
def test_a_note_that_no_run_wrote_is_none(tmp_path: Path, note: str) -> None:
    (tmp_path / "last.json").write_text(note)
    assert read_last_run(Store(tmp_path)) is None
