"""The flow through a real Prefect server: the same bytes as the plain run, and everything from the cache next time."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from artifacts import remove_stages
from collection_with_people import coco_settings, contents, remove
from prefect_server import wait_for

from flows.pipeline import STAGE_NAMES
from flows.plan.selection import selection
from flows.run.job import execute, prepare
from flows.run.progress import listening
from flows.run.workers import Stopped, refuse_given_up

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_harness")]


def flow(*arguments: Any, **options: Any) -> Any:
    from flows.person_removal import person_removal

    return person_removal(*arguments, **options)


def task_states(tasks: int) -> set[str]:
    """State names of the task runs of the latest flow run.

    tasks: how many it has. The server is told of a task's states beside the flow, so they are waited for.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    def ended() -> set[str]:
        latest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[latest.id])))
        states = [run.state for run in runs if run.state and run.state.is_final()]
        return {state.name or "" for state in states} if len(states) == tasks else set()

    with get_client(sync_client=True) as client:
        found: set[str] = wait_for(ended, 60, f"{tasks} task runs of the latest flow run end")
    return found


SHARDS = 2
"""Of the six photos."""


def test_same_bytes_as_the_plain_run_and_cached_the_second_time(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]]
) -> None:
    remove(coco, tmp_path / "plain")
    computed()
    out = tmp_path / "prefect"
    summary = flow(str(coco), str(out), settings=coco_settings())
    assert summary.states == {"removed": 5, "passthrough": 1}
    assert contents(out) == contents(tmp_path / "plain")
    assert computed() == {"segment": 6, "refine": 6, "inpaint": 6, "verify": 6, "publish": 6}

    again = flow(str(coco), str(out), settings=coco_settings())
    assert computed() == {} and again.computed == 0
    assert task_states(SHARDS * len(STAGE_NAMES)) == {"Cached"}

    # Prefect remembers results whose files are gone; the store is asked, so they are made again.
    remove_stages(out, "refine")
    (out / "images/0001.png").unlink()
    flow(str(coco), str(out), settings=coco_settings())
    assert computed()["refine"] == 6
    assert contents(out) == contents(tmp_path / "plain")


class Harm:
    """Pickled, it makes a folder where it is read."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.made),)


def test_no_pickle_in_the_output_directory_is_read(coco: Path, tmp_path: Path) -> None:
    """Prefect's results lie there, and it lets each say how it is to be read."""
    import cloudpickle
    from prefect.serializers import PickleSerializer

    out, made = tmp_path / "out", tmp_path / "made"
    flow(str(coco), str(out), settings=coco_settings())
    records = list((out / ".person-removal/prefect").iterdir())
    assert records
    for path in records:
        record = json.loads(path.read_text())
        record["metadata"]["serializer"] = PickleSerializer().model_dump(mode="json")
        record["result"] = base64.encodebytes(cloudpickle.dumps(Harm(made))).decode()
        path.write_text(json.dumps(record))
    summary = flow(str(coco), str(out), settings=coco_settings())
    assert not made.exists()
    assert summary.computed == 0 and summary.states == {"removed": 5, "passthrough": 1}
    assert '"type":"pickle"' not in "".join(path.read_text() for path in records)
    flow(str(coco), str(out), settings=coco_settings())
    assert task_states(SHARDS * len(STAGE_NAMES)) == {"Cached"}


def test_what_was_decided_of_photos_goes_through_the_flow(coco: Path, tmp_path: Path) -> None:
    decided = tmp_path / "decided.json"
    photos = {
        "0001.png": {"decision": "reject"},
        "0002.png": {"decision": "redo", "settings": {"refine": {"dilate": 0.3}}},
    }
    for name in ("plain", "prefect"):
        remove(coco, tmp_path / name)
    decided.write_text(json.dumps({"person_removal_decisions": 1, "photos": photos}))
    execute(prepare(coco, tmp_path / "plain", coco_settings(), selection(), decided))
    flow(str(coco), str(tmp_path / "prefect"), settings=coco_settings(), decisions=str(decided))
    assert contents(tmp_path / "prefect") == contents(tmp_path / "plain")
    assert (tmp_path / "prefect/images/0001.png").read_bytes() == (coco / "images/0001.png").read_bytes()
    job = prepare(coco, tmp_path / "prefect", coco_settings(), selection())
    assert {name: one.decision for name, one in job.planned.decisions.by_name.items()} == {
        "0001.png": "reject",
        "0002.png": "redo",
    }


def test_the_sample_photos_and_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from data.sample_photos import SAMPLE_OUTPUT, SAMPLE_SOURCE, copy_samples

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    photos = tmp_path / "person-removal-demo/photos"
    copy_samples(photos)
    (photos / "annotations.json").write_text(
        json.dumps(
            {
                "images": [
                    {"id": 1, "file_name": "bus.jpg", "width": 810, "height": 1080},
                    {"id": 2, "file_name": "zidane.jpg", "width": 1280, "height": 720},
                ],
                "categories": [{"id": 1, "name": "person"}],
                "annotations": [],
            }
        )
    )
    state = flow(SAMPLE_SOURCE, SAMPLE_OUTPUT, "coco", settings=coco_settings(), return_state=True)
    out = tmp_path / "person-removal-demo/without-people"
    assert state.is_completed()
    assert state.message.startswith(f"2 passthrough in {out}. These were the sample photos. Your own: prefect deploy")


def test_refresh_runs_a_stage_again(coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]]) -> None:
    out = tmp_path / "out"
    flow(str(coco), str(out), settings=coco_settings())
    computed()
    flow(str(coco), str(out), settings=coco_settings(), refresh=["inpaint"])
    assert computed() == {"inpaint": 6}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"source": "/nowhere"}, "/nowhere: the input directory is not there."),
        ({"stages": ["inpaint"]}, "nothing from stage 'segment' in the store; run it first (--stages segment)."),
        ({"output": "~/person-removal-demo/without-people"}, "one of them is of the sample photos; give both"),
        ({"photos": ["street_*"]}, "--photos street_*: no photo of the collection has such a name."),
        ({"preset": "cocoa"}, "There is no preset 'cocoa'"),
    ],
    ids=["directory", "stage", "samples", "photos", "preset"],
)
def test_what_cannot_be_done_is_the_runs_state_in_one_sentence(
    coco: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, Any], sentence: str
) -> None:
    chosen = {"source": str(coco), "output": str(tmp_path / "out"), "preset": "coco", **change}
    state = flow(**chosen, return_state=True)
    assert state.is_failed() and sentence in state.message
    assert "Traceback" not in caplog.text
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) <= 1 and not [text for text in errors if not text.startswith("Finished in state Failed")], errors
    with pytest.raises(Exception, match=sentence[:10]):
        flow(**chosen)


def test_names_of_states_say_what_to_do(
    coco: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (coco / "images/0001.png").write_bytes(b"no photo")
    state = flow(str(coco), str(tmp_path / "out"), settings=coco_settings(), return_state=True)
    assert (state.is_completed(), state.name) == (True, "Incomplete")
    assert state.message == "4 removed, 1 passthrough, 1 corrupt"
    assert caplog.text.count("corrupt: 0001.png") == 1, "a warning that names the photo, once"

    def broken(*arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("flows.stages.refine.masks.hole_and_rest", broken)
    change = coco_settings("refine.dilate=0.3")
    state = flow(str(coco), str(tmp_path / "out"), settings=change, return_state=True)
    assert state.is_failed() and state.message == "1 corrupt, 5 failed"
    from flows.results.finish import PhotosFailed

    with pytest.raises(PhotosFailed, match="5 of 6 photos failed; run again") as caught:
        flow(str(coco), str(tmp_path / "out"), settings=change)
    assert caught.value.summary.states["failed"] == 5


def test_a_run_that_is_suspended_stops_within_a_task_and_goes_on_where_it_was(
    coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the pages' Pause does it. Prefect hears of the state at once, and looks for it between two tasks only."""
    from prefect.context import FlowRunContext
    from prefect.exceptions import Pause
    from prefect.states import Suspended

    from flows.orchestration import leaving

    monkeypatch.setattr(leaving, "LOOKS_EVERY", 0.05)
    out, settings = tmp_path / "out", coco_settings()
    filled: list[str] = []

    def suspend(stage: str, row: Any, stored: bool, seconds: float) -> None:
        if stage == "inpaint":
            filled.append(row["id"])
            context = FlowRunContext.get()
            assert context
            context.flow_run_suspension_request.mark_requested(Suspended())
            with suppress(Stopped):
                wait_for(refuse_given_up, 30, "the run is told to stop")

    with listening(suspend), pytest.raises(Pause):
        flow(str(coco), str(out), settings=settings)
    assert 1 <= len(filled) <= SHARDS and not (out / "images").exists()
    computed()
    flow(str(coco), str(out), settings=settings)
    assert computed()["inpaint"] == 6 - len(filled)
    remove(coco, tmp_path / "plain")
    assert contents(out) == contents(tmp_path / "plain")
