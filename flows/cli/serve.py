"""`person-removal serve`: a Prefect server and a worker on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Annotated

import typer

from flows.cli.deploy import MaybeInput, MaybeOutput, default_parameters, register_with_server, say_how
from flows.cli.options import Preset, Set, console
from flows.cli.signals import stopped_by_signals
from flows.deployments import RETENTION
from flows.deployments.household import end_leftovers, home, only_one
from flows.deployments.server import Child, api_url, start_server, start_worker
from flows.deployments.settings_files import check_prefect_database, check_prefect_settings


def serve(
    source: MaybeInput = None,
    output: MaybeOutput = None,
    preset: Preset = "",
    set_: Set = None,
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="Of the server and its pages.")] = 4200,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 lets others in, without a password.")
    ] = ("127.0.0.1"),
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="postgresql://USER@HOST/NAME; SQLite in PREFECT_HOME otherwise.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Runs at a time; each uses every core.")] = 1,
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
    defaults = default_parameters(source, output, preset, set_)
    check_prefect_settings()
    if not database:
        check_prefect_database()
    with stopped_by_signals(), only_one() as worker:
        left = end_leftovers(worker)
        if left:
            console.print(f"Ended {left} processes that an earlier serve had left.", markup=False)
        given = os.environ.get("PREFECT_API_URL")

        def server() -> Child:
            console.print(f"Starting a Prefect server on {host}:{port} ...", markup=False)
            return start_server(host, port, database, home() / "person-removal-server.log", retention, worker)

        _serve(defaults, given or api_url(host, port), None if given else server, limit, worker)


def _serve(defaults: dict[str, object], api: str, server: Callable[[], Child] | None, limit: int, worker: str) -> None:
    """server: starts the one at `api`; None where it is not ours."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.deployments.keeping import keep, leave
    from flows.deployments.profile import named_in_profile
    from flows.deployments.unfinished import Watch, others

    children: list[Child] = []

    def tell(sentence: str) -> None:
        console.print(sentence, markup=False)

    with ExitStack() as stack:
        stack.enter_context(temporary_settings({PREFECT_API_URL: api}))  # Prefect has read its settings in the check
        watch = Watch(worker)
        try:
            if server:
                children.append(server())
            for line in register_with_server(defaults):
                tell(f"  {line}")
            for sentence in (*watch.end_own(), *others(worker)):
                tell(sentence)
            tell(f"Open {api.removesuffix('/api')} (Ctrl-C stops everything). From another terminal:\n")
            if not stack.enter_context(named_in_profile(api, ours=server is not None)):
                tell(f"  prefect config set PREFECT_API_URL={api} PREFECT_PLUGINS_ENABLED=true   (once)")
            say_how()
            children.append(start_worker(api, limit, worker))
            keep(children, watch, api, tell)
        except KeyboardInterrupt:
            tell("Stopping.")
        finally:
            leave(children, watch, api, tell)
