"""A Prefect server and a worker as child processes: what `person-removal serve` keeps running."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import httpx

from flows.deployments import POOL, RETENTION, ServerError
from flows.deployments.household import MARK, full_disk
from flows.deployments.logs import rotate

SETTINGS = {
    # Task runs are written in batches: 10 s instead of 37 s of the server's time for 1,000 of them.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


def forgetting(days: int) -> dict[str, str]:
    """Settings by which the server deletes runs that ended more than so many days ago, and events after a week."""
    return {
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(days * 86400),
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{min(days, 7)}D",
    }


STARTS_WITHIN = 300.0
"""Seconds; a cold start on a busy machine takes 10 to 30."""


class Child:
    """A `prefect ...` command in a process group of its own, so that nothing it starts outlives it; and it does not
    outlive us."""

    def __init__(self, name: str, *arguments: str, environment: Mapping[str, str], log: Path | None = None) -> None:
        self.name, self._made_by = name, (name, arguments, environment, log)
        self.log = log
        options = {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
        output = log.open("ab") if log else None
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows.deployments.child", *arguments],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            stdin=subprocess.PIPE,  # its end tells the child that we are gone
            **options,
        )
        if output:
            output.close()

    def again(self) -> Child:
        """The same command, started once more."""
        name, arguments, environment, log = self._made_by
        return Child(name, *arguments, environment=environment, log=log)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def stop(self, patience: float = 20) -> None:
        """Ask it to stop, then make it; its own children too."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.wait()

    def _signal(self, number: int) -> None:
        try:
            if sys.platform == "win32":
                self._process.terminate()
            else:
                os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass


def start_server(
    host: str, port: int, database: str | None, log: Path, days: int = RETENTION, worker: str = ""
) -> Child:
    """A server that answers. database: SQLAlchemy's URL, SQLite in Prefect's home by default. days: see `forgetting`.
    worker: the name of the worker beside it.

    Raises ServerError.
    """
    refuse_taken_port(host, port)
    if not database and (full := full_disk()):
        raise ServerError(full)
    # The port by setting, not by option: only so the pages that the server sends know it.
    environment = {
        **SETTINGS,
        **forgetting(days),
        MARK: worker,
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
    }
    environment["PREFECT_API_URL"] = api_url(host, port)
    if database:
        environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = asynchronous(database)
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log)
    server = Child("server", "server", "start", environment=environment, log=log)
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while not answers(api_url(host, port)):
            if server.ended() or time.monotonic() > deadline:
                raise ServerError(f"The Prefect server did not start ({_last_line(log)}); all it said is in {log}.")
            time.sleep(0.3)
    except BaseException:
        server.stop()
        raise
    return server


def start_worker(api: str, limit: int, name: str) -> Child:
    """A worker of the deployments' pool that runs at most `limit` runs at a time."""
    arguments = ("worker", "start", "--pool", POOL, "--limit", str(limit), "--name", name)
    environment = {
        MARK: name,
        "PREFECT_API_URL": api,
        "PREFECT_WORKER_QUERY_SECONDS": "2",  # it asks for work every 10 s by default
        # bare names are the command line's; a worker only logs that it cannot load plugins in a running event loop
        "PREFECT_PLUGINS_ENABLED": os.environ.get("PREFECT_PLUGINS_ENABLED", "false"),
    }
    return Child("worker", *arguments, environment=environment)


def api_url(host: str, port: int) -> str:
    """Of a server on this machine."""
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/api"


def answers(api: str, patience: float = 5) -> bool:
    """Whether a Prefect server is there. patience: seconds that a busy one may take; where nothing listens, it is known
    at once."""
    try:
        return _ask(f"{api}/health", patience).text.strip() == "true"
    except httpx.HTTPError:
        return False


def version_of(api: str) -> str | None:
    """Prefect's version on a server that answers; None where it does not say."""
    try:
        return str(_ask(f"{api}/admin/version").json())
    except (httpx.HTTPError, ValueError):
        return None


def _ask(url: str, patience: float = 5) -> httpx.Response:
    return httpx.get(url, timeout=patience, trust_env=False, verify=_certificates())


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: a server that starts is asked three times a second, and they take longer than the question."""
    return httpx.create_ssl_context(trust_env=False)


def refuse_other_version(api: str) -> None:
    """Raises ServerError before anything is written to a server whose version differs in more than its last number."""
    theirs, ours = version_of(api), version("prefect")
    if theirs is not None and theirs.split(".")[:2] != ours.split(".")[:2]:
        raise ServerError(
            f"The Prefect server at {api} is {theirs}, here Prefect is {ours}: install the same on both "
            f"(pip install prefect=={ours} where the server runs), or start one with person-removal serve."
        )


def refuse_taken_port(host: str, port: int) -> None:
    """Raises ServerError when something listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            return
        except OSError as error:
            why = error.strerror or str(error)
    api = api_url(host, port)
    if answers(api):
        raise ServerError(
            f"Port {port} has a Prefect server already: use it with PREFECT_API_URL={api}, or take --port N."
        )
    raise ServerError(f"Port {port} on {host} cannot be had ({why}): take another with --port N.")


def asynchronous(database: str) -> str:
    """The URL with the driver that Prefect wants: `postgresql://` -> `postgresql+asyncpg://`."""
    dialect, separator, rest = database.partition("://")
    drivers = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
    return f"{drivers.get(dialect, dialect)}{separator}{rest}"


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
