"""Schedules: a deployment for each pair of input and output, so that each has its own times, parameters and limit.

Prefect's limit on runs at a time is a deployment's; two directories in one deployment would cancel each other's nights.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, construct_schedule
from prefect.server.schemas.schedules import CronSchedule as ServersCronSchedule

from flows.deployments import ServerError
from flows.deployments.register import definitions, delete_when_idle, deploy_schedule, runs_of, scheduled
from flows.person_removal import person_removal

FIRST = "nightly"
"""The deployment that stands ready for the first schedule; others are called after their output directory."""
_NOT_IN_NAMES = re.compile(r"[/%&<>]")
_AHEAD = 400
"""Times that are looked through for one that the clock's change moves."""


@dataclass(frozen=True)
class Nightly:
    """A schedule as the server has it. cron: "" where somebody set times of another kind. last: the state of its latest
    run; "" before the first."""

    name: str
    source: str
    output: str
    cron: str
    timezone: str
    active: bool
    last: str = ""


def check_times(cron: str, timezone: str) -> None:
    """Raises ServerError, one sentence, where a schedule cannot have such times."""
    fields = cron.split()
    if len(fields) != 5 and not (len(fields) == 1 and cron.startswith("@")):
        raise ServerError(
            f"--cron {cron!r} has {len(fields)} fields; it takes 5: minute hour day month weekday, as in '0 2 * * *'."
        )
    try:
        construct_schedule(cron=cron, timezone=timezone)
    except ValueError:
        raise ServerError(f"--cron {cron!r} --timezone {timezone!r}: not a time that a schedule can have.") from None
    if not next_times(cron, timezone):
        raise ServerError(f"--cron {cron!r}: such a day never comes; give one that is in the calendar.")


def next_times(cron: str, timezone: str, count: int = 3, after: datetime | None = None) -> list[datetime]:
    """When a schedule fires next, as Prefect's scheduler computes it, in the zone's time; none where it never does.
    after: now, where it is not given."""
    zone = ZoneInfo(timezone)
    return [date.astimezone(zone) for date in _dates(cron, timezone, count, after or datetime.now(UTC))]


def moved_by_the_clock(cron: str, timezone: str) -> datetime | None:
    """The next time that is another one than the schedule says, because that night the clock leaves it out."""
    times = next_times(cron, timezone, _AHEAD)
    as_written = _dates(cron, "UTC", _AHEAD, datetime.now(ZoneInfo(timezone)).replace(tzinfo=UTC))
    pairs = zip(times, as_written, strict=False)
    return next((time for time, written in pairs if time.replace(tzinfo=UTC) != written), None)


def _dates(cron: str, timezone: str, count: int, start: datetime) -> list[datetime]:
    try:
        return list(asyncio.run(ServersCronSchedule(cron=cron, timezone=timezone).get_dates(count, start=start)))
    except ValueError:  # croniter's, after fifty years
        return []


def set_schedule(parameters: dict[str, object], cron: str, timezone: str, name: str | None) -> tuple[Nightly, bool]:
    """Make the schedule of a pair of `source` and `output`, or change the one that it has; and whether it is new.

    Raises ServerError where another schedule has the output or the name.
    """
    source, output = str(parameters["source"]), str(parameters["output"])
    with get_client(sync_client=True) as client:
        existing = {one.name: one for one in scheduled(client)}
        same = next((one for one in existing.values() if one.parameters["output"] == output), None)
        if same and same.parameters["source"] != source:
            raise ServerError(
                f"{output}: schedule {same.name!r} writes there, from {same.parameters['source']}; give another output "
                f"directory, or remove that one (schedule --remove {same.name})."
            )
        if same and name not in (None, same.name):
            raise ServerError(
                f"{source} -> {output} has a schedule, {same.name!r}; change it under that name, or remove it first "
                f"(schedule --remove {same.name})."
            )
        chosen = same.name if same else _free_name(name, output, existing)
        deploy_schedule(client, chosen, parameters, {"cron": cron, "timezone": timezone, "active": True})
        return Nightly(chosen, source, output, cron, timezone, active=True), same is None


def schedules() -> list[Nightly]:
    """Every schedule of the server, by name."""
    with get_client(sync_client=True) as client:
        return sorted((_nightly(client, one) for one in scheduled(client)), key=lambda one: one.name)


def switch(name: str, active: bool) -> Nightly:
    """Pause a schedule or let it go on. Raises ServerError where there is none of that name."""
    with get_client(sync_client=True) as client:
        one = _named(client, name)
        client.update_deployment_schedule(one.id, one.schedules[0].id, active=active)
        return _nightly(client, _named(client, name))


def remove(name: str) -> tuple[Nightly, int]:
    """Delete a schedule; and how many of its runs go on. Raises ServerError where there is none of that name."""
    with get_client(sync_client=True) as client:
        one = _named(client, name)
        gone, running = _nightly(client, one), delete_when_idle(client, one)
        return gone, running


def _named(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    existing = {one.name: one for one in scheduled(client)}
    if name.removeprefix(f"{person_removal.name}/") in existing:
        return existing[name.removeprefix(f"{person_removal.name}/")]
    known = f"there are {', '.join(sorted(existing))}" if existing else "there is none at all"
    raise ServerError(f"There is no schedule {name!r}; {known}.")


def _free_name(name: str | None, output: str, existing: dict[str, DeploymentResponse]) -> str:
    taken = {definition["name"] for definition in definitions()} - {FIRST} | existing.keys()
    if name is None:
        own = _NOT_IN_NAMES.sub("-", re.split(r"[/\\]", output.rstrip("/\\"))[-1]) or FIRST
        numbered = (f"{own}-{number}" for number in range(2, 100_000))
        return next(one for one in (FIRST, own, *numbered) if one not in taken)
    if name in existing:
        has = existing[name].parameters
        raise ServerError(
            f"--name {name}: that schedule is of {has['source']} -> {has['output']}; give another name, or remove it."
        )
    if name in taken or not name.strip() or _NOT_IN_NAMES.search(name):
        raise ServerError(f"--name {name!r}: a schedule cannot be called so; give another name, without / % & < >.")
    return name


def _nightly(client: SyncPrefectClient, one: DeploymentResponse) -> Nightly:
    timed, has = one.schedules[0], one.parameters
    schedule = timed.schedule
    cron, zone = (
        (schedule.cron, schedule.timezone or "UTC") if isinstance(schedule, CronSchedule) else (str(schedule), "UTC")
    )
    begun = set(StateType) - {StateType.SCHEDULED}
    runs = runs_of(client, one, begun, limit=1)
    state = runs[0].state if runs else None
    last = f"{state.name}: {state.message}" if state and state.message else state.name if state else ""
    active = timed.active and not one.paused
    return Nightly(one.name, str(has["source"]), str(has["output"]), cron, zone, active, last or "")
