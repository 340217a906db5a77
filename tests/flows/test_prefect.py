"""The flow through a real Prefect server: the same bytes as the plain run, and everything from the cache next time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import coco_settings, contents, remove


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


def flow(*arguments: Any, **options: Any) -> Any:
    from flows.person_removal import person_removal

    return person_removal(*arguments, **options)


def task_states() -> list[str]:
    """State names of every task run of the latest flow run."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    with get_client(sync_client=True) as client:
        latest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[latest.id])))
    return sorted(run.state_name or "" for run in runs)


@pytest.mark.slow
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
    assert set(task_states()) == {"Cached"}

    # Prefect remembers results whose files are gone; the store is asked, so they are made again.
    shutil.rmtree(out / ".person-removal/refine")
    (out / "images/0001.png").unlink()
    flow(str(coco), str(out), settings=coco_settings())
    assert computed()["refine"] == 6
    assert contents(out) == contents(tmp_path / "plain")


@pytest.mark.slow
def test_refresh_runs_a_stage_again(coco: Path, tmp_path: Path, computed: Callable[[], dict[str, int]]) -> None:
    out = tmp_path / "out"
    flow(str(coco), str(out), settings=coco_settings())
    computed()
    flow(str(coco), str(out), settings=coco_settings(), refresh=["inpaint"])
    assert computed() == {"inpaint": 6}
