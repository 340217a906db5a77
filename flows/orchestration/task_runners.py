"""Where Prefect's tasks run: on threads of this process, or on the workers of a Dask or Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from configs import RunSettings, SettingsError
from flows.stages.context import RunContext


@contextmanager
def task_runner_of(context: RunContext) -> Iterator[None]:
    """Inside, the tasks of this flow run are submitted where `run.runner` says. Raises SettingsError.

    A flow has its task runner before it has its parameters, so another one takes its place for this run.
    """
    flow_run = FlowRunContext.get()
    if context.settings.run.runner == "threads" or flow_run is None:
        yield
        return
    runner = _runner(context.settings.run, context.tasks)
    with runner, flow_run.model_copy(update={"task_runner": runner}):
        yield


def _runner(settings: RunSettings, workers: int) -> AbstractContextManager[object]:
    """A started cluster of this machine, or a client of the one at `run.address`."""
    try:
        return (_dask if settings.runner == "dask" else _ray)(settings.address, workers)
    except ImportError:
        raise SettingsError(
            f"run.runner {settings.runner!r} needs another package: pip install 'person-removal[{settings.runner}]'."
        ) from None


def _dask(address: str | None, workers: int) -> AbstractContextManager[object]:
    from prefect_dask.task_runners import DaskTaskRunner

    logging.getLogger("distributed").setLevel(logging.WARNING)  # it tells of every connection

    if address:
        return DaskTaskRunner(address=address)
    return DaskTaskRunner(
        cluster_kwargs={
            "n_workers": workers,
            "threads_per_worker": 1,  # a photo is computed on one core
            "processes": True,
            "dashboard_address": None,
            "silence_logs": logging.WARNING,
            "env": _server(),
        }
    )


def _server() -> dict[str, str]:
    """Where workers of this machine find the server: one that this process has started for itself is in no setting,
    and without it each of them would start its own."""
    with get_client(sync_client=True) as client:
        return {"PREFECT_API_URL": str(client.api_url)}


def _ray(address: str | None, workers: int) -> AbstractContextManager[object]:
    from prefect_ray import RayTaskRunner

    options = {"include_dashboard": False, "log_to_driver": False, "runtime_env": {"env_vars": _server()}}
    runner: AbstractContextManager[object] = RayTaskRunner(
        address=address, init_kwargs={} if address else {"num_cpus": workers, **options}
    )
    return runner
