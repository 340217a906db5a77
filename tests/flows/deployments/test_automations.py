"""The crash automation waits for heartbeats of runs that run, and of no others: held against Prefect's own states."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import prefect.states
from prefect.client.schemas.objects import StateType

from flows.deployments.register import automations
from flows.orchestration import flow_runs

WORKS = {StateType.RUNNING, StateType.CANCELLING}
"""In these a process is there, and sends heartbeats."""
OF_TASKS = {"Cached", "RolledBack", "NotReady"}


def prefects_states() -> dict[str, StateType]:
    """Every state that Prefect names in a function of its own."""
    found = {}
    for name, make in inspect.getmembers(prefect.states, inspect.isfunction):
        if name[0].isupper() and make.__module__ == "prefect.states" and name != "Any":
            needs = (
                {"scheduled_time": datetime.now(UTC)} if "scheduled_time" in inspect.signature(make).parameters else {}
            )
            state = make(**needs)
            found[state.name] = state.type
    return found


def test_every_end_and_every_wait_is_in_the_rule() -> None:
    (rule,) = automations()
    expected = {event.removeprefix("prefect.flow-run.") for event in rule.trigger.expect} - {"heartbeat"}
    states = prefects_states()
    assert len(states) > 14 and {"Completed", "AwaitingRetry", "Submitting", "Suspended"} <= states.keys()
    assert expected >= {name for name, kind in states.items() if kind not in WORKS}
    assert not expected & {name for name, kind in states.items() if kind in WORKS}, "its process may die in these"


def sources() -> list[str]:
    names = ("prefect.flow_engine", "prefect.server.orchestration.core_policy", "prefect.server.schemas.states")
    return [Path(str(find_spec(name).origin)).read_text(encoding="utf-8") for name in names]


def test_names_that_states_get_elsewhere_are_in_the_rule() -> None:
    (rule,) = automations()
    expected = {event.removeprefix("prefect.flow-run.") for event in rule.trigger.expect}
    named = {name for source in sources() for name in re.findall(r'[^_]name="([A-Z]\w+)"', source)}
    assert "TimedOut" in named
    working = {name for name, kind in prefects_states().items() if kind in WORKS}
    assert named - OF_TASKS - working <= expected
    ours = set(re.findall(r'"(\w+)"', inspect.getsource(flow_runs).split("name = {")[1].split("}")[0]))
    assert ours == {"Completed", "Incomplete", "NeedsReview"} and ours <= expected
