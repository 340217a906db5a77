"""Kills of `person-removal serve` and of each of its processes, stops, and servers that were away: on real ones."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from artifacts import artifacts
from collection_with_people import make_slow_coco
from prefect_server import PERSON_REMOVAL, PREFECT, Operator, kill, wait_for

from flows.deployments.household import MARK
from flows.deployments.server import answers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes"),
]
PATCHMATCH = {"inpaint": {"fill": "patchmatch"}, "verify": {"segmenter": "none"}}
PHOTOS = 6
NOWHERE = {"source": "/nowhere", "output": "/nowhere/out"}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, prefect_database: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path_factory.mktemp("outages"), prefect_database)
    operator.serve()
    yield operator
    if operator.process.poll() is None:
        operator.stop()


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_slow_coco(tmp_path_factory.mktemp("slow") / "coco")


@pytest.fixture(scope="module")
def night(operator: Operator, coco: Path) -> Iterator[Night]:
    """A schedule of the photos; its deployment may have one run at a time."""
    settings = ["--set=inpaint.fill=patchmatch", "--set=verify.segmenter=none", "--set=run.workers=1"]
    done = operator.run(*PERSON_REMOVAL, "schedule", str(coco), str(operator.folder / "out"), *settings)
    assert done.returncode == 0, done.stderr
    yield Night(operator, operator.folder / "out")


class Night:
    """A run of the schedule, begun and in its middle."""

    def __init__(self, operator: Operator, out: Path) -> None:
        self.operator, self.out = operator, out
        self.run = ""

    def begin(self) -> None:
        """Until a photo is filled that was not before; everything is computed anew."""
        before = self.filled()
        self.run = self.operator.start("person-removal/nightly", refresh=["inpaint"])
        wait_for(lambda: self.filled() != before, 240, "a photo is filled")

    def filled(self) -> dict[str, float]:
        return artifacts(self.out, "inpaint")

    def state(self) -> tuple[str, str]:
        state = self.operator.state(self.run)
        return state["name"], state["message"] or ""


def of_this_serve(operator: Operator) -> list[psutil.Process]:
    """Every process that carries the mark of this `serve`, its descendants or not."""
    name = json.loads((operator.folder / "home/person-removal-serve.json").read_text())["worker"]
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == name and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def test_a_run_whose_worker_was_killed_is_cancelled_or_says_that_it_crashed(operator: Operator, night: Night) -> None:
    night.begin()
    working = [one for one in of_this_serve(operator) if one.environ().get("PREFECT__FLOW_RUN_ID") == night.run]
    assert working
    kill(operator.workers())
    operator.post(f"flow_runs/{night.run}/set_state", state={"type": "CANCELLING"})
    wait_for(lambda: night.state()[0] in ("Cancelled", "Crashed"), 120, "it is over")
    _, alive = psutil.wait_procs(working, timeout=10)
    assert not alive
    filled = night.filled()
    wait_for(lambda: operator.said("The worker ended; starting it again."), 60, "the worker is started again")
    assert night.filled() == filled


def test_a_killed_server_is_started_again_and_the_run_never_notices(operator: Operator, night: Night) -> None:
    night.begin()
    (server,) = (one for one in of_this_serve(operator) if "server" in one.cmdline()[2:5])
    kill([server, *server.children(recursive=True)])
    wait_for(lambda: operator.said("The server ended; starting it again."), 60, "the server is started again")
    wait_for(lambda: answers(operator.api), 120, "it answers")
    assert operator.ended(night.run)["name"] == "Completed"


def test_a_stop_says_what_it_leaves_and_the_next_night_runs(operator: Operator, night: Night) -> None:
    """As systemd does: SIGTERM, then waiting."""
    night.begin()
    segment = operator.deployment("person-removal/segment")["id"]
    waits = operator.post(f"deployments/{segment}/create_flow_run", name="later", parameters=NOWHERE)["id"]
    operator.stop()
    assert not of_this_serve(operator)
    assert operator.said("goes on where it was") and operator.said(f"prefect flow-run retry {night.run}")
    assert operator.said("Run later waits; it begins when a worker is here again.")
    operator.serve()
    assert operator.ended(waits)["type"] == "FAILED", "it began: there is no such directory"
    name, message = night.state()
    assert name == "Crashed" and f"`prefect flow-run retry {night.run}` goes on where it was" in message
    assert operator.run(*PREFECT, "flow-run", "retry", night.run).returncode == 0
    wait_for(lambda: night.state()[0] == "Completed", 480, "the retry completes")
    assert len((night.out / "manifest.jsonl").read_text().splitlines()) == PHOTOS


def test_another_machines_run_is_over_when_it_is_silent(
    operator: Operator, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage Prefect's automation has forgotten it; one that gave a sign of life of late stays."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.states import Running

    from flows.deployments import unfinished

    deployment = operator.deployment("person-removal/segment")["id"]
    with temporary_settings({PREFECT_API_URL: operator.api}), get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment, parameters=NOWHERE, state=Running())
        wait_for(lambda: not unfinished._is_silent(client, run), 60, "its beginning is a sign of life")
        watch = unfinished.Watch("nobody")
        assert watch.check() == [] and operator.state(str(run.id))["name"] == "Running"
        monkeypatch.setattr(unfinished, "SILENCE", 1.0)
        (said,) = wait_for(watch.check, 120, "it is silent")
        assert f"prefect flow-run retry {run.id} goes on where it was" in said
        assert operator.state(str(run.id))["name"] == "Crashed"


def test_after_a_kill_of_everything_the_next_night_runs_and_leaves_with_a_killed_serve(
    operator: Operator, night: Night
) -> None:
    """Power cut: nobody could say anything. The server was away for as long as it likes."""
    night.begin()
    family = of_this_serve(operator)
    operator.process.send_signal(signal.SIGKILL)
    operator.process.wait()
    kill(family)
    operator.serve()
    name, message = night.state()  # by serve, or by the automation where the server was away for longer than it waits
    assert name == "Crashed" and "process is gone" in message

    night.begin()  # one run at a time, and the dead one was counted as one
    family = of_this_serve(operator)
    assert len(family) > 3
    operator.process.send_signal(signal.SIGKILL)
    operator.process.wait()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
