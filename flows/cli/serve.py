"""`person-removal serve`: a Prefect server and a worker on this machine."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from configs.load import load_settings, merge, parse_override
from data.errors import InputError
from flows.cli.deploy import MaybeInput, MaybeOutput, default_parameters, register_with_server, say_how
from flows.cli.options import Input, Output, Preset, Set, console
from flows.cli.signals import stopped_by_signals
from flows.deployments import RETENTION, ServerError
from flows.deployments.logs import rotate
from flows.deployments.settings_files import check_prefect_database, check_prefect_settings
from flows.run.job import absolute

if TYPE_CHECKING:
    from flows.deployments.server import Child


def serve(
    source: MaybeInput = None,
    output: MaybeOutput = None,
    preset: Preset = "",
    set_: Set = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the server and its pages.")] = 4200,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets others in, without a password.")] = (
        "127.0.0.1"
    ),
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="postgresql://USER@HOST/NAME; SQLite in PREFECT_HOME otherwise.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Runs at a time; each uses every core.")] = 1,
    retention: Annotated[
        int, typer.Option(metavar="DAYS", min=1, help="How long the server keeps runs with their logs.")
    ] = RETENTION,
) -> None:
    """Server, worker and deployments on this machine, until Ctrl-C.

    With PREFECT_API_URL set, that server is used and only a worker is started. With IN and OUT,
    `prefect deployment run person-removal` works on these; without, on sample photos.

    \b
    person-removal serve --port 4300 --limit 2
    person-removal serve /data/coco /data/coco-clean --preset coco
    """
    from flows.deployments import server

    defaults = default_parameters(source, output, preset, set_)

    check_prefect_settings()
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.deployments.profile import named_in_profile

    if not database:
        check_prefect_database()
    given = os.environ.get("PREFECT_API_URL")
    api = given or server.api_url(host, port)
    children: list[server.Child] = []
    with stopped_by_signals(), ExitStack() as stack:
        try:
            if not given:
                console.print(f"Starting a Prefect server on {host}:{port} ...", markup=False)
                children.append(server.start_server(host, port, database, _log_file(), retention))
            with temporary_settings({PREFECT_API_URL: api}):  # Prefect has read its settings by now, in the check
                for line in register_with_server(defaults):
                    console.print(f"  {line}", markup=False)
                console.print(f"Open {api.removesuffix('/api')} (Ctrl-C stops everything). From another terminal:\n")
                if not stack.enter_context(named_in_profile(api, ours=not given)):
                    console.print(f"  prefect config set PREFECT_API_URL={api} PREFECT_PLUGINS_ENABLED=true   (once)")
                say_how()
            children.append(server.start_worker(api, limit))
            _keep(children)
        except KeyboardInterrupt:
            console.print("Stopping.", markup=False)
        finally:
            for child in reversed(children):  # the worker while the server still hears it
                child.stop()


def _keep(children: list[Child]) -> None:
    """Until the server ends; a worker that ends (killed for memory) is started again, unless it ends at once."""
    started = time.monotonic()
    while True:
        time.sleep(0.5)
        rotate(_log_file())
        worker = children[-1]
        if worker.ended():
            if time.monotonic() - started < 20:
                raise ServerError("The worker ended as soon as it was started; what it said stands above.")
            console.print("The worker ended; starting it again.", markup=False)
            worker.stop()  # what it left behind
            children[-1], started = worker.again(), time.monotonic()
        elif any(child.ended() for child in children):
            raise ServerError(f"The server ended by itself; what it said is in {_log_file()}.")


def schedule(
    source: Input,
    output: Output,
    cron: Annotated[str, typer.Option(help="When: minute hour day month weekday.")] = "0 2 * * *",
    timezone: Annotated[str, typer.Option(help="Of the times in --cron, as in Europe/Berlin.")] = "UTC",
    preset: Preset = "coco",
    set_: Set = None,
) -> None:
    """What is done every night, and when. The preset is coco where none is named: such photos have annotations.

    \b
    person-removal schedule /photos /photos-without-people --cron "30 1 * * *"
    """
    load_settings(preset, set_ or ())  # refused here rather than at night
    if not source.is_dir():
        raise InputError(f"{source}: the input directory is not there.")
    settings: dict[str, object] = {}
    for assignment in set_ or ():
        merge(settings, parse_override(assignment))
    register_with_server()
    from flows.deployments.register import schedule_nightly

    places = {"source": str(absolute(source)), "output": str(absolute(output))}
    schedule_nightly({**places, "preset": preset, "settings": settings}, cron, timezone)
    console.print(f"person-removal/nightly: {cron} ({timezone}), {source} -> {output}", markup=False)


def _log_file() -> Path:
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    return home / "person-removal-server.log"
