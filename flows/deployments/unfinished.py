"""Flow runs that nobody works on any more, and cancellations that nobody carries out.

A worker says how its runs ended. When it goes down together with the server, nobody does: the run stays Running, and a
schedule whose limit is one run never starts another. Prefect's crash automation does not help, because the server
forgets what it waited for when it is away for longer than a minute.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelled, Crashed

from flows.deployments import POOL
from flows.deployments.household import end, processes_of

SILENCE = 150.0
"""Seconds without a heartbeat (there is one every 30 s) after which a run of another machine is taken for dead."""
_WORKER_HAS = 4.0
"""Seconds in which a worker carries out a cancellation by itself."""
_UNFINISHED = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


class Watch:
    """Looks after the runs of the pool, from beside the worker that is called `worker`."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._heard_since = time.monotonic()
        self._noticed: dict[tuple[UUID, str], float] = {}

    @cached_property
    def _client(self) -> SyncPrefectClient:
        """One for all questions: to make one takes longer than to ask."""
        return get_client(sync_client=True)

    def unheard(self) -> None:
        """The server did not answer: nobody's silence means anything yet."""
        self._heard_since = time.monotonic()
        self._noticed.clear()

    def end_own(self) -> list[str]:
        """While the worker does not live: every run that it had is over. Returns a sentence for each."""
        client = self._client
        return [sentence for run in _unfinished(client) if self._is_own(run) for sentence in _over(client, run)]

    def left(self) -> list[str]:
        """What stays when worker and server stop: runs that wait, and runs of other workers; a sentence for each."""
        waiting = [f"Run {run.name} waits; it begins when a worker is here again." for run in _waiting(self._client)]
        others = [run for run in _unfinished(self._client) if not self._is_own(run)]
        return waiting + [f"Run {run.name} is another worker's, and goes on." for run in others]

    def check(self) -> list[str]:
        """Carry out cancellations that nobody does, end runs whose process is gone; a sentence for each."""
        said, still, client = list[str](), set[tuple[UUID, str]](), self._client
        for run in _unfinished(client):
            key = (run.id, run.state_name or "")
            still.add(key)
            waited = time.monotonic() - self._noticed.setdefault(key, time.monotonic())
            if self._is_own(run):
                working = processes_of(str(run.id))
                if run.state_type == StateType.CANCELLING and waited > _WORKER_HAS:
                    end(working, 2)
                    said += _over(client, run)
                elif waited > (SILENCE / 5 if run.state_type == StateType.RUNNING else SILENCE) and not working:
                    said += _over(client, run)
            elif waited > SILENCE and time.monotonic() - self._heard_since > SILENCE and _is_silent(client, run):
                said += _over(client, run)
        self._noticed = {key: when for key, when in self._noticed.items() if key in still}
        return said

    def _is_own(self, run: FlowRun) -> bool:
        return run.labels.get("prefect.worker.name") == self._worker


def others(worker: str) -> list[str]:
    """A sentence on workers that share the pool: runs at a time add up, and each works where it runs."""
    with get_client(sync_client=True) as client:
        found = client.read_workers_for_work_pool(POOL)
    alive = sorted(one.name for one in found if one.status == WorkerStatus.ONLINE and one.name != worker)
    return [f"Also a worker of this pool: {name}. Runs go to either." for name in alive]


def _unfinished(client: SyncPrefectClient) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNFINISHED))),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])),
    )


def _waiting(client: SyncPrefectClient) -> list[FlowRun]:
    """Runs whose time has come and that no worker has begun."""
    due = FlowRunFilterNextScheduledStartTime.model_validate({"before_": datetime.now(UTC)})
    kind = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=kind, next_scheduled_start_time=due),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL])),
    )


def _is_silent(client: SyncPrefectClient, run: FlowRun) -> bool:
    """Whether neither a heartbeat nor another sign of life came of late."""
    since = datetime.now(UTC) - timedelta(seconds=SILENCE)
    signs = EventFilter(
        occurred=EventOccurredFilter.model_validate({"since": since}),
        event=EventNameFilter(prefix=["prefect.flow-run."]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
    )
    return not client.read_events(signs, limit=1).events


def _over(client: SyncPrefectClient, run: FlowRun) -> list[str]:
    """The run's end, as it was asked for or as it came to pass; nothing where the server does not take it."""
    if run.state_type == StateType.CANCELLING:
        state: State[object] = Cancelled(message="Cancelled; its processes are gone.")
        what = "cancelled"
    else:
        why = "Its process is gone (stopped, killed, or the machine went down)"
        state = Crashed(message=f"{why}; `prefect flow-run retry {run.id}` goes on where it was.")
        what = f"crashed, its process is gone; prefect flow-run retry {run.id} goes on where it was"
    try:
        try:
            client.set_flow_run_state(run.id, state, force=True)
        except PrefectHTTPStatusError:  # its deployment was deleted, and with it the limit that it held a place of
            lease = run.state and run.state.state_details.deployment_concurrency_lease_id
            if not lease:
                raise
            client.release_concurrency_slots_with_lease(lease)
            client.set_flow_run_state(run.id, state, force=True)
    except PrefectHTTPStatusError:  # the other runs are looked after all the same
        return []
    return [f"Run {run.name}: {what}."]
