"""Prefect's worker for runs as processes, with which a crashed run can be retried at once.

When a process has crashed, Prefect reports it, looks for hooks, which takes seconds, and reports it again. A retry in
between was crashed by the second report; or it ended the worker, and all its runs, because the worker still held the
place of the first try.
"""

from __future__ import annotations

from uuid import UUID

import httpx
from anyio.abc import TaskStatus
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult


class RetryingWorker(ProcessWorker):
    """Takes the place of Prefect's own in the process that imports this module."""

    _busy: frozenset[UUID] = frozenset()
    """The runs that have a place, as long as they have it."""

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run a flow run in a process; the result has the status 0 where the server knows already how the run ended."""
        self._busy |= {flow_run.id}
        try:
            before = await self._ends(flow_run.id)
            result = await super().run(flow_run, configuration, task_status)
            if result.status_code != 0 and before is not None and (await self._ends(flow_run.id) or set()) - before:
                return ProcessWorkerResult(status_code=0, identifier=result.identifier)
            return result
        finally:
            self._busy -= {flow_run.id}

    async def _submit_scheduled_flow_runs(self, flow_run_response: list[WorkerFlowRunResponse]) -> list[FlowRun]:
        """Prefect's, for runs that have no place here; the others come again with the next question for work."""
        return await super()._submit_scheduled_flow_runs(
            [one for one in flow_run_response if one.flow_run.id not in self._busy]
        )

    async def _ends(self, run: UUID) -> set[UUID] | None:
        """The final states that a run has had, as their ids; None where the server does not say."""
        try:
            return {state.id for state in await self.client.read_flow_run_states(run) if state.is_final()}
        except httpx.HTTPError:
            return None
