"""Register work pool, deployments and the crash detection with the server that Prefect is configured for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NotRequired, TypedDict

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    WorkPoolCreate,
)
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import ParameterSchema, parameter_schema
from prefect.workers.process import ProcessWorker

from flows.deployments import POOL, ServerError
from flows.person_removal import person_removal
from flows.results.provenance import tool_version

REMOVED = "removed"
"""Tag of a deployment whose schedule was removed while a run of it went on; it is deleted once it has none."""


def register(defaults: dict[str, object]) -> list[str]:
    """Make what is not there yet; returns a line for each deployment.

    Deployments that are there get this version's form and entrypoint, where they have another one's; their parameters,
    schedules and limits are the operator's and stay. defaults: parameters of runs that are started without any, where
    they are to be other ones. Raises ServerError when the work pool's name is taken by one of another type.
    """
    with get_client(sync_client=True) as client:
        _make_pool(client)
        _make_automations(client)
        existing = {one.name: one for one in _deployments(client)}
        for one in [one for one in existing.values() if REMOVED in one.tags]:
            if not delete_when_idle(client, one):
                del existing[one.name]
        schema = parameter_schema(person_removal)
        lines = []
        for definition in definitions():
            lines.append(_deploy(client, existing.pop(definition["name"], None), schema, definition, defaults))
        for one in filter(_is_scheduled, existing.values()):
            _renew(client, one, schema, _nightly_definition())
            lines.append(f"{person_removal.name}/{one.name}: was there, its parameters and schedules stay")
        return lines


def scheduled(client: SyncPrefectClient) -> Iterator[DeploymentResponse]:
    """The flow's deployments that have a time and know what to work on."""
    return filter(_is_scheduled, _deployments(client))


def _is_scheduled(one: DeploymentResponse) -> bool:
    return bool(one.schedules and one.parameters.get("source"))


def _deployments(client: SyncPrefectClient) -> Iterator[DeploymentResponse]:
    flow, page = FlowFilter(name=FlowFilterName(any_=[person_removal.name])), 100
    for offset in itertools.count(0, page):
        found = client.read_deployments(flow_filter=flow, limit=page, offset=offset)
        yield from found
        if len(found) < page:
            return


def delete_when_idle(client: SyncPrefectClient, one: DeploymentResponse) -> int:
    """Delete a deployment, or take its times from it while runs of it go on; how many there are.

    Prefect keeps a run's place under its deployment's limit, and has no end for a run whose limit is not there any more
    (3.8.8: error 500 at each of its last states).
    """
    going_on = runs_of(client, one, {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING})
    if not going_on:
        client.delete_deployment(one.id)
    else:
        for timed in one.schedules:
            client.delete_deployment_schedule(one.id, timed.id)
        client.update_deployment(one.id, DeploymentUpdate(tags=sorted({*one.tags, REMOVED})))
    return len(going_on)


def runs_of(
    client: SyncPrefectClient, one: DeploymentResponse, states: set[StateType], limit: int = 50
) -> list[FlowRun]:
    """Runs of a deployment in one of these states, the latest first."""
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[one.id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=limit,
    )


def places_of_the_bare_name() -> tuple[str, str]:
    """What `prefect deployment run person-removal` works on, and where it writes."""
    with get_client(sync_client=True) as client:
        parameters = client.read_deployment_by_name(f"{person_removal.name}/{person_removal.name}").parameters
    return str(parameters.get("source")), str(parameters.get("output"))


def deploy_schedule(client: SyncPrefectClient, name: str, parameters: dict[str, object], timed: Schedule) -> None:
    """A deployment with parameters and one schedule, made or changed in one request; all else is as in `nightly`."""
    definition: Definition = {**_nightly_definition(), "name": name, "parameters": parameters, "schedules": [timed]}
    schema = parameter_schema(person_removal)
    try:
        existing = client.read_deployment_by_name(f"{person_removal.name}/{name}")
    except ObjectNotFound:
        _create(client, schema, definition, parameters)
        return
    changed = _update(existing, schema, definition)
    changed.parameters, changed.tags = parameters, [tag for tag in existing.tags if tag != REMOVED]
    changed.schedules = [DeploymentScheduleUpdate(schedule=_times(timed), active=timed["active"])]
    client.update_deployment(existing.id, changed)


def _nightly_definition() -> Definition:
    return next(definition for definition in definitions() if definition.get("schedules"))


class Schedule(TypedDict):
    """When a deployment runs. cron: in the usual five fields."""

    cron: str
    timezone: str
    active: bool


class Limit(TypedDict):
    """How many runs of a deployment may go on at once, and what becomes of others."""

    limit: int
    collision_strategy: str


class Pool(TypedDict):
    name: str
    job_variables: dict[str, object]


class Definition(TypedDict):
    """A deployment as prefect.yaml has it."""

    name: str
    entrypoint: str
    description: str
    tags: list[str]
    work_pool: Pool
    enforce_parameter_schema: bool
    parameters: NotRequired[dict[str, object]]
    schedules: NotRequired[list[Schedule]]
    concurrency_limit: NotRequired[Limit]


def definitions() -> list[Definition]:
    """The deployments of prefect.yaml: of the package, where it is installed, or of the source tree."""
    packaged = Path(str(files("flows.deployments"))) / "prefect.yaml"
    path = packaged if packaged.is_file() else Path(__file__).parents[2] / "prefect.yaml"
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"])


def _make_pool(client: SyncPrefectClient) -> None:
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        return
    if pool.type != "process":
        raise ServerError(
            f"Work pool {POOL!r} is of type {pool.type!r}, the deployments need a process work pool; "
            f"delete it (prefect work-pool delete {POOL}) and register again."
        )


def automations() -> list[AutomationCore]:
    """What automations.yaml says."""
    text = (files("flows.deployments") / "automations.yaml").read_text(encoding="utf-8")
    return [AutomationCore.model_validate(one) for one in yaml.safe_load(text)["automations"]]


def _make_automations(client: SyncPrefectClient) -> None:
    """Those that are not there yet. One that is there waits for this version's events; its patience, what it does and
    whether it is on are the operator's."""
    existing = {one.name: one for one in client.read_automations()}
    for automation in automations():
        there = existing.get(automation.name)
        if there is None:
            client.create_automation(automation)
        elif _events(there) and _events(there) != (wanted := _events(automation)):
            trigger = there.trigger.model_copy(update={"expect": wanted})
            changed = AutomationCore.model_validate({**there.model_dump(exclude={"id", "trigger"}), "trigger": trigger})
            client.update_automation(there.id, changed)


def _events(automation: AutomationCore) -> set[str]:
    return set(getattr(automation.trigger, "expect", ()))


def _deploy(
    client: SyncPrefectClient,
    existing: DeploymentResponse | None,
    schema: ParameterSchema,
    definition: Definition,
    defaults: dict[str, object],
) -> str:
    name = f"{person_removal.name}/{definition['name']}"
    own = definition.get("parameters", {})
    if definition.get("schedules"):
        defaults = {}  # they are of runs that somebody starts
    if existing is None:
        _create(client, schema, definition, {**own, **defaults})
        return f"{name}: new"
    new_ones = defaults or "source" not in existing.parameters  # without a source the bare command would not run
    _renew(client, existing, schema, definition, {**own, **(defaults or existing.parameters)} if new_ones else None)
    stay = "its schedules stay, its parameters are new" if defaults else "its parameters and schedules stay"
    return f"{name}: was there, {stay}"


def _renew(
    client: SyncPrefectClient,
    existing: DeploymentResponse,
    schema: ParameterSchema,
    definition: Definition,
    parameters: dict[str, object] | None = None,
) -> None:
    """Nothing is asked of the server where the deployment is as it should be: a change takes it long."""
    changed = _update(existing, schema, definition)
    if parameters is not None:
        changed.parameters = parameters
    wanted = changed.model_dump(exclude_unset=True)
    if wanted != existing.model_dump(include=set(wanted)):
        client.update_deployment(existing.id, changed)


def _create(
    client: SyncPrefectClient,
    schema: ParameterSchema,
    definition: Definition,
    parameters: dict[str, object],
) -> None:
    limit, pool = definition.get("concurrency_limit"), definition["work_pool"]
    client.create_deployment(
        flow_id=client.create_flow(person_removal),
        name=definition["name"],
        version=tool_version(),
        entrypoint=definition["entrypoint"],
        description=definition["description"],
        tags=definition["tags"],
        parameters=parameters,
        parameter_openapi_schema=schema.model_dump(),
        enforce_parameter_schema=definition["enforce_parameter_schema"],
        work_pool_name=pool["name"],
        job_variables=pool["job_variables"],
        schedules=[
            DeploymentScheduleCreate(schedule=_times(item), active=item["active"])
            for item in definition.get("schedules", [])
        ],
        concurrency_limit=limit["limit"] if limit else None,
        concurrency_options=_collisions(limit) if limit else None,
        pull_steps=[],
    )


def _update(existing: DeploymentResponse, schema: ParameterSchema, definition: Definition) -> DeploymentUpdate:
    return DeploymentUpdate(
        version=tool_version(),
        entrypoint=definition["entrypoint"],
        description=definition["description"],
        tags=existing.tags,
        job_variables=existing.job_variables,
        parameter_openapi_schema=schema.model_dump(),
        enforce_parameter_schema=definition["enforce_parameter_schema"],
    )


def _collisions(limit: Limit) -> ConcurrencyOptions:
    return ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy(limit["collision_strategy"]))


def _times(item: Schedule) -> CronSchedule:
    return CronSchedule(cron=item["cron"], timezone=item["timezone"])
