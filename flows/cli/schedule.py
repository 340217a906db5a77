"""`person-removal schedule`: what is done every night, and when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import InputError
from data.storage.places import as_path, is_remote
from flows.cli.deploy import default_parameters, register_with_server
from flows.cli.options import Preset, Set, console

if TYPE_CHECKING:
    from flows.deployments.schedules import Nightly

KNOWN = "Schedules that are there"
Pause = Annotated[str | None, typer.Option(metavar="NAME", rich_help_panel=KNOWN, help="No nights until resumed.")]


def schedule(
    source: Annotated[Path | None, typer.Argument(metavar="[IN]", parser=as_path, help="What is worked on.")] = None,
    output: Annotated[Path | None, typer.Argument(metavar="[OUT]", parser=as_path, help="Where it goes.")] = None,
    cron: Annotated[str, typer.Option(metavar="M H D M W", help="When: minute hour day month weekday.")] = "0 2 * * *",
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="Of the times in --cron, as in Europe/Berlin.")] = "UTC",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of a new schedule; nightly, then OUT's own name.")
    ] = None,
    preset: Preset = "coco",
    set_: Set = None,
    list_: Annotated[bool, typer.Option("--list", rich_help_panel=KNOWN, help="Show all of them.")] = False,
    pause: Pause = None,
    resume: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=KNOWN, help="Let a paused one go on.")
    ] = None,
    remove: Annotated[str | None, typer.Option(metavar="NAME", rich_help_panel=KNOWN, help="Delete it.")] = None,
) -> None:
    """What is done every night, and when: one schedule for each IN and OUT, made or changed. The preset is coco where
    none is named: such photos have annotations.

    \b
    person-removal schedule /photos /photos-without-people --cron "30 1 * * *" --timezone Europe/Berlin
    person-removal schedule --list
    """
    asked = [list_, pause is not None, resume is not None, remove is not None, source is not None]
    if sum(asked) != 1:
        raise InputError("Give IN and OUT, or one of --list, --pause NAME, --resume NAME and --remove NAME.")
    if source is not None:
        _make(default_parameters(source, output, preset, set_), cron, timezone, name)
        return
    register_with_server()
    from flows.deployments import schedules

    if remove is not None:
        gone, running = schedules.remove(remove)
        goes_on = f"; {running} run of it goes on until it ends or is cancelled" if running else ""
        console.print(f"Removed {gone.name}: {gone.source} -> {gone.output}{goes_on}.", markup=False)
    elif list_:
        found = schedules.schedules()
        for one in found:
            _show(one)
        if not found:
            console.print("There is no schedule: person-removal schedule IN OUT makes one.", markup=False)
    else:
        _show(schedules.switch(str(pause or resume), active=resume is not None))


def _make(parameters: dict[str, object], cron: str, timezone: str, name: str | None) -> None:
    from flows.deployments import schedules

    schedules.check_times(cron, timezone)  # refused before anything is asked of the server
    register_with_server()
    one, new = schedules.set_schedule(parameters, cron, timezone, name)
    console.print("New:" if new else "Changed:", markup=False)
    _show(one)
    moved = schedules.moved_by_the_clock(cron, timezone)
    if moved:
        console.print(f"  that night has no such time, the clock is changed: {_said(moved)}", markup=False)


def _show(one: Nightly) -> None:
    from flows.deployments.schedules import next_times

    console.print(f"person-removal/{one.name}: {one.source} -> {one.output}", markup=False)
    times = ", ".join(map(_said, next_times(one.cron, one.timezone)))
    when = f"{one.cron} ({one.timezone}): {times or 'never'}" if one.cron else "at times that were set elsewhere"
    console.print(f"  {when if one.active else f'paused; {one.cron} ({one.timezone})'}", markup=False)
    if one.last:
        console.print(f"  last: {one.last}", markup=False)
    if not is_remote(as_path(one.source)) and not as_path(one.source).is_dir():
        console.print(f"  {one.source} is not there (any more)", markup=False)


def _said(time: datetime) -> str:
    return f"{time:%a %d %b %Y %H:%M %Z}"
