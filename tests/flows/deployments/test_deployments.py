"""Deployments on a real Prefect server, from another directory than the project's: runs, schedules, kills, retries."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from artifacts import artifacts
from collection_with_people import contents, make_slow_coco, remove
from command import Command
from prefect.client.orchestration import SyncPrefectClient
from prefect_server import PREFECT, Operator, kill, wait_for

from flows.deployments import register

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes"),
]

ROOT = Path(__file__).resolve().parents[3]
ALL = {"person-removal", "segment", "refine", "inpaint", "verify", "publish", "nightly"}
PATCHMATCH = {"inpaint": {"fill": "patchmatch"}, "verify": {"segmenter": "none"}}
QUICK = tuple(
    f"--set={setting}" for setting in ("inpaint.fill=telea", "verify.segmenter=none", "run.workers=1", "run.timeout=0")
)
SLOW = {"preset": "coco", "settings": PATCHMATCH}


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, prefect_database: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path_factory.mktemp("operator"), prefect_database)
    operator.serve()
    yield operator
    operator.stop()


@pytest.fixture
def command(operator: Operator, person_removal: Command) -> Iterator[Command]:
    """`person-removal`, in this process, with the server of `operator`."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: operator.api}):
        yield person_removal


@pytest.fixture(scope="module")
def slow_coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_slow_coco(tmp_path_factory.mktemp("slow") / "coco")


WRITTEN = (*PREFECT, "deployment", "run", "person-removal")
"""The command as the documentation has it."""
BARE: dict[str, str | None] = {"PREFECT_API_URL": None, "PREFECT_PLUGINS_ENABLED": None}
"""A terminal that knows nothing but Prefect's home."""


def test_the_command_as_it_is_written_takes_the_sample_photos(operator: Operator) -> None:
    started = operator.run(*WRITTEN, **BARE)
    run = uuid(started)
    assert "~/person-removal-demo/without-people" in started.stdout
    home = operator.folder / "person-removal-demo"
    wait_for(lambda: (home / "photos/zidane.jpg").is_file(), 120, "the sample photos are there")
    if operator.state(run)["type"] != "FAILED":
        operator.post(f"flow_runs/{run}/set_state", state={"type": "CANCELLING"})
    state = operator.ended(run)
    assert state["type"] == "CANCELLED" or "person-removal weights fetch" in state["message"]


def uuid(started: subprocess.CompletedProcess[str]) -> str:
    """Of the run that `prefect deployment run` has made."""
    assert started.returncode == 0, started.stdout + started.stderr
    found = re.search(r"UUID: (\S+)", started.stdout)
    assert found
    return found[1]


def test_the_whole_pipeline_on_what_deploy_was_told_and_then_one_stage_of_it(
    operator: Operator, command: Command, coco: Path, tmp_path: Path
) -> None:
    done = command("deploy", coco, tmp_path / "out", "--preset=coco", *QUICK)
    assert done.returncode == 0 and f"{coco} -> {tmp_path / 'out'}" in done.stdout, done.stderr
    for stage in ("segment", "nightly"):
        given = operator.deployment(f"person-removal/{stage}")["parameters"]["source"]
        assert given == ("" if stage == "nightly" else str(coco))

    run = uuid(operator.run(*WRITTEN, "--watch", **BARE))
    state = operator.state(run)
    assert (state["name"], state["message"]) == ("Completed", "5 removed, 1 passthrough")
    remove(coco, tmp_path / "plain")
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")
    assert operator.get(f"flow_runs/{run}")["name"] == "coco -> out"

    artifacts = operator.post("artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
    progress = {a["key"]: a["data"] for a in artifacts if a["type"] == "progress"}
    assert progress == {f"progress-{s}": 100.0 for s in ("segment", "refine", "inpaint", "verify", "publish")}
    (table,) = (json.loads(a["data"]) for a in artifacts if a["key"] == "result")
    assert {row["state"]: row["photos"] for row in table} == {"removed": 5, "passthrough": 1}
    (report,) = (a["data"] for a in artifacts if a["key"] == "report")
    assert (tmp_path / "out/report.html").as_uri() in report

    again = operator.start("person-removal/inpaint", photos=["0001*"])
    assert operator.ended(again)["message"] == "Stages done: inpaint."
    assert operator.get(f"flow_runs/{again}")["name"] == "coco -> out: inpaint, 0001*"


def test_half_of_the_places_is_refused(command: Command, coco: Path) -> None:
    one = command("deploy", coco)
    assert one.returncode == 2 and "Give IN and OUT both" in one.stderr


def test_an_unknown_deployment_is_prefects_to_tell(operator: Operator) -> None:
    done = operator.run(*PREFECT, "deployment", "run", "person-removel")
    assert done.returncode == 1 and "Deployment 'person-removel' not found!" in done.stdout + done.stderr


def test_deployments_of_this_version_are_not_written_again(
    operator: Operator, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = SyncPrefectClient.update_deployment, list[object]()

    def told(client: SyncPrefectClient, *which: Any) -> None:
        written.append(which)
        write(client, *which)

    monkeypatch.setattr(SyncPrefectClient, "update_deployment", told)
    assert command("deploy").returncode == 0 and not written
    monkeypatch.setattr(register, "tool_version", lambda: "another")
    assert command("deploy").returncode == 0 and len(written) == len(ALL)
    assert {made["version"] for made in operator.post("deployments/filter")} == {"another"}


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"stages": ["inpiant"]}, "'inpiant' is not one of"),
        ({"status": ["fail"]}, "'fail' is not one of"),
        ({"settings": {"refine": {"dilate": "much"}}}, "Validation failed for field 'settings.refine.dilate'"),
        ({"settings": {"refine": {"dilate": 7}}}, "Validation failed for field 'settings.refine.dilate'"),
        ({"settings": {"refine": {"dilatte": 1}}}, "'dilatte' was unexpected"),
    ],
    ids=["stage", "status", "type", "range", "name"],
)
def test_wrong_parameters_are_refused_before_a_run_is_made(
    operator: Operator, parameters: dict[str, object], sentence: str
) -> None:
    deployment = operator.deployment("person-removal/person-removal")["id"]
    before = operator.post("flow_runs/count")
    body = {"parameters": {"source": "/a", "output": "/b", **parameters}}
    answer = operator.answer("POST", f"deployments/{deployment}/create_flow_run", body)
    assert answer.status_code == 409 and sentence in answer.json()["detail"]
    assert operator.post("flow_runs/count") == before


def test_a_form_that_nobody_touched_sets_nothing(operator: Operator) -> None:
    """The pages make a form of this schema and send every default back."""
    schema = operator.deployment("person-removal/person-removal")["parameter_openapi_schema"]
    assert set(schema["required"]) == {"source", "output"}
    assert schema["properties"]["settings"]["default"] == {}
    for model in schema["definitions"].values():
        for name, field in model["properties"].items():
            assert "default" not in field and field.get("type") != "boolean", name
            assert "description" in field or "$ref" in field or "allOf" in field, name


@pytest.fixture
def none_left(operator: Operator) -> Iterator[None]:
    """No schedule of a test stays for the next one, however it ends."""
    yield
    for made in operator.post("deployments/filter"):
        if made["name"] not in ALL:
            operator.answer("DELETE", f"deployments/{made['id']}")


@pytest.mark.usefixtures("none_left")
def test_every_pair_of_directories_has_a_schedule_of_its_own(
    operator: Operator, command: Command, coco: Path, tmp_path: Path
) -> None:
    schedule = partial(command, "schedule")
    one, two = tmp_path / "one", tmp_path / "two"
    assert [timed["active"] for timed in operator.deployment("person-removal/nightly")["schedules"]] == [False]
    first = schedule(coco, one, *QUICK, "--cron", "30 2 * * *", "--timezone", "Europe/Berlin")
    assert first.returncode == 0 and "person-removal/nightly:" in first.stdout, first.stderr
    times, moved = first.stdout.splitlines()[2:4]
    assert times.count("02:30 CE") >= 2 and "that night has no such time" in moved and "01:30 CET" in moved
    assert schedule(coco, two, *QUICK).stdout.startswith(f"New:\nperson-removal/two: {coco} -> {two}\n")
    assert schedule(coco, one, *QUICK, "--cron", "0 5 * * *").stdout.startswith("Changed:\nperson-removal/nightly: ")
    for name, cron, output in (("nightly", "0 5 * * *", one), ("two", "0 2 * * *", two)):
        made = operator.deployment(f"person-removal/{name}")
        (timed,) = made["schedules"]
        assert timed["active"] and timed["schedule"]["cron"] == cron and made["global_concurrency_limit"]["limit"] == 1
        assert made["parameters"]["output"] == str(output)

    (tmp_path / "other").mkdir()
    for arguments, sentence in (
        ((tmp_path / "other", one), f"{one}: schedule 'nightly' writes there, from {coco}"),
        ((coco, one, "--name", "mine"), "has a schedule, 'nightly'; change it under that name"),
        ((coco, tmp_path / "three", "--name", "two"), "that schedule is of"),
        ((coco, tmp_path / "three", "--name", "segment"), "a schedule cannot be called so"),
        (("--resume", "three"), "There is no schedule 'three'; there are nightly, two."),
    ):
        refused = schedule(*arguments)
        assert refused.returncode == 2 and sentence in refused.stderr
        assert len(refused.stderr.splitlines()) == 1, refused.stderr

    # serve registers at every start; what the operator set stays
    assert schedule("--pause", "two").returncode == 0
    assert command("deploy").stdout.count("its parameters and schedules stay") == len(ALL) + 1
    assert "  paused; 0 2 * * * (UTC)\n" in schedule("--list").stdout
    assert schedule("--resume", "two").returncode == 0
    assert [timed["active"] for timed in operator.deployment("person-removal/two")["schedules"]] == [True]
    for name in ("nightly", "two"):
        assert schedule("--remove", name).stdout.startswith(f"Removed {name}: {coco} -> ")
    assert schedule("--list").stdout.startswith("There is no schedule")
    assert command("deploy").returncode == 0, "nightly stands ready again"


@pytest.fixture
def two_schedules(command: Command, coco: Path, tmp_path: Path, none_left: None) -> tuple[str, str]:
    """Of the same photos, into directories of their own."""
    for name in ("one", "two"):
        made = command("schedule", coco, tmp_path / name, *QUICK, "--name", name)
        assert made.returncode == 0, made.stderr
    return "one", "two"


def test_a_night_without_the_photos_and_then_two_that_are_due_at_the_same_minute(
    operator: Operator, command: Command, coco: Path, two_schedules: tuple[str, str]
) -> None:
    """Neither of the two cancels the other."""
    shutil.move(coco, coco.with_name("moved"))
    gone = operator.start("person-removal/two")
    assert operator.ended(gone)["message"] == f"{coco}: the input directory is not there."
    shutil.move(coco.with_name("moved"), coco)
    runs = [operator.start(f"person-removal/{name}") for name in two_schedules]
    assert [operator.ended(run)["name"] for run in runs] == ["Completed", "Completed"]
    shutil.move(coco, coco.with_name("moved"))
    listed = command("schedule", "--list").stdout
    assert listed.count("  last: Completed: 5 removed") == 2 and f"{coco} is not there" in listed


@pytest.fixture
def going_on(operator: Operator, two_schedules: tuple[str, str]) -> Iterator[str]:
    """A run of schedule `two` that goes on for as long as a test wants: no worker has it."""
    pool = "work_pools/person-removal"
    operator.answer("PATCH", pool, {"is_paused": True}).raise_for_status()
    try:
        two = operator.deployment("person-removal/two")
        run = str(operator.post(f"deployments/{two['id']}/create_flow_run")["id"])
        for state in ("PENDING", "RUNNING"):
            operator.post(f"flow_runs/{run}/set_state", state={"type": state})
        yield run
    finally:
        operator.answer("PATCH", pool, {"is_paused": False}).raise_for_status()


def test_a_run_whose_schedule_is_removed_ends_as_if_it_were_there(
    operator: Operator, command: Command, going_on: str
) -> None:
    assert "1 run of it goes on until it ends" in command("schedule", "--remove", "two").stdout
    operator.post(f"flow_runs/{going_on}/set_state", state={"type": "COMPLETED"})
    assert operator.state(going_on)["type"] == "COMPLETED"
    assert command("deploy").returncode == 0
    assert "two" not in {one["name"] for one in operator.post("deployments/filter")}


def test_a_run_whose_deployment_was_deleted_ends(operator: Operator, going_on: str) -> None:
    """By Prefect's own command: its server has no end for the run, because its limit left with the deployment."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.deployments import unfinished

    two = operator.deployment("person-removal/two")
    operator.answer("DELETE", f"deployments/{two['id']}").raise_for_status()
    with temporary_settings({PREFECT_API_URL: operator.api}), get_client(sync_client=True) as client:
        (said,) = unfinished._over(client, client.read_flow_run(UUID(going_on)))
    assert "crashed, its process is gone" in said and operator.state(going_on)["type"] == "CRASHED"


def test_a_schedule_fires(operator: Operator, coco: Path, tmp_path: Path) -> None:
    segment = operator.deployment("person-removal/segment")
    places = {"source": str(coco), "output": str(tmp_path / "out")}
    parameters = {"stages": ["segment"], "preset": "coco", "settings": {"run": {"workers": 1, "timeout": 0}}, **places}
    (made,) = _every_minute(operator, segment["id"], parameters)
    try:
        fired = wait_for(lambda: _runs_of(operator, segment["id"], "COMPLETED"), 240, "the schedule fired")
        assert fired[0]["auto_scheduled"]
    finally:
        operator.answer("DELETE", f"deployments/{segment['id']}/schedules/{made['id']}")


def _every_minute(operator: Operator, deployment: str, parameters: dict[str, object]) -> list[dict[str, str]]:
    """In a few seconds for the first time."""
    times = {"interval": 60, "anchor_date": (datetime.now(UTC) + timedelta(seconds=10)).isoformat()}
    body = [{"schedule": times, "active": True, "parameters": parameters}]
    return list(operator.answer("POST", f"deployments/{deployment}/schedules", body).raise_for_status().json())


def _runs_of(operator: Operator, deployment: str, state: str) -> list[dict[str, object]]:
    wanted = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": [state]}}}
    return list(operator.post("flow_runs/filter", flow_runs=wanted))


def test_a_killed_run_is_crashed_and_a_retry_goes_on(operator: Operator, slow_coco: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = operator.start("person-removal", source=str(slow_coco), output=str(out), **SLOW)
    wait_for(lambda: artifacts(out, "inpaint"), 240, "the first photo is filled")
    kill(operator.processes_of(run))
    assert operator.ended(run)["type"] == "CRASHED"
    kept = artifacts(out, "inpaint")
    assert 0 < len(kept) < 6

    # what `prefect flow-run retry` does, but at once, while the worker still looks for hooks of the crashed run
    operator.post(f"flow_runs/{run}/set_state", state={"type": "SCHEDULED", "name": "Scheduled"}, force=True)
    assert operator.ended(run)["type"] == "COMPLETED"
    assert not operator.said("The worker ended")
    states = [state["type"] for state in operator.get(f"flow_run_states/?flow_run_id={run}")]
    assert (states.count("CRASHED"), states.count("RUNNING")) == (1, 2)
    assert kept.items() <= artifacts(out, "inpaint").items(), "what stood there was not computed again"
    remove(slow_coco, tmp_path / "undisturbed", "inpaint.fill=patchmatch")
    assert contents(out) == contents(tmp_path / "undisturbed")


def test_prefects_own_deploy_from_a_clean_clone(operator: Operator, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, files):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, clone / name)
    done = operator.run(*PREFECT, "--no-prompt", "deploy", "--all", cwd=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    deployments = operator.post("deployments/filter")
    assert {deployment["name"] for deployment in deployments} == ALL
    for deployment in deployments:
        assert deployment["entrypoint"] == "flows.person_removal.person_removal"
        assert not deployment["pull_steps"] and deployment["enforce_parameter_schema"]
    # in the clone prefect.toml switches the bare names on
    listed = operator.run(
        *(*PREFECT, "deployment", "run", "person-removal", "--param", "source=x"),
        cwd=clone,
        PREFECT_PLUGINS_ENABLED=None,
    )
    assert "one of them is of the sample photos" in operator.ended(uuid(listed))["message"]
    assert "'source': 'x'" in listed.stdout


def test_what_serve_and_deploy_refuse(
    operator: Operator, person_removal: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(operator.folder / "home"))
    again = person_removal("serve", "--port", "4999")
    assert again.returncode == 2 and f"serve runs already (process {operator.process.pid})" in again.stderr
    monkeypatch.setenv("PREFECT_HOME", str(operator.folder / "another"))
    taken = person_removal("serve", "--port", str(operator.port))
    assert taken.returncode == 2
    assert taken.stderr.strip() == (
        f"Error: Port {operator.port} has a Prefect server already: use it with PREFECT_API_URL={operator.api}, "
        "or take --port N."
    )
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        gone = person_removal("deploy")
    assert gone.returncode == 2 and "No Prefect server answers at http://127.0.0.1:9/api" in gone.stderr
    never = person_removal("schedule", "/nowhere", "/out")
    assert never.returncode == 2 and never.stderr == "Error: /nowhere: the input directory is not there.\n"
