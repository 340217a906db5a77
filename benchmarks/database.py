"""When SQLite is not enough for Prefect's server: `python -P benchmarks/database.py [--postgres URL] [--clients 1 4]`

Each client makes runs, states, logs and events one after the other without a pause and without trying anything again,
which is far more than a night does. What is counted: requests that were answered, requests that were refused (HTTP 503
where the database was locked, or the connection was cut), and the longest that a client waited. Each time a server of
its own starts; the database of `--postgres` should be empty.
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from flows.deployments.server import api_url, start_server

HOST = "127.0.0.1"


@dataclass
class Served:
    """What one client met with. longest: seconds."""

    answered: int = 0
    refused: int = 0
    longest: float = 0.0


class Client:
    """A client of the server at `api`, which counts."""

    def __init__(self, api: str) -> None:
        self.http = httpx.Client(base_url=api, timeout=120, trust_env=False)
        self.served = Served()

    def ask(self, path: str, body: object) -> str:
        """POST; the id of what was made, "" where there is none."""
        begun = time.monotonic()
        try:
            answer = self.http.post(path, json=body)
        except httpx.TransportError:
            answer = httpx.Response(503)
        self.served.longest = max(self.served.longest, time.monotonic() - begun)
        if answer.is_server_error:
            self.served.refused += 1
            return ""
        answer.raise_for_status()
        self.served.answered += 1
        made = answer.json() if answer.content else None
        return str(made.get("id", "")) if isinstance(made, dict) else ""

    def work(self, seconds: float) -> Served:
        """Runs with two states, twenty lines of log and ten events each, for so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            flow = self.ask("/flows/", {"name": "load"})
            run = flow and self.ask("/flow_runs/", {"flow_id": flow, "state": {"type": "PENDING"}})
            if run:
                self.ask(f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}, "force": True})
                self.ask("/logs/", [_line(run) for _ in range(20)])
                self.ask("/events", [_event(run) for _ in range(10)])
                self.ask(f"/flow_runs/{run}/set_state", {"state": {"type": "COMPLETED"}, "force": True})
        return self.served


def _line(run: str) -> dict[str, object]:
    now = datetime.now(UTC).isoformat()
    return {"name": "load", "level": 20, "message": "a line", "timestamp": now, "flow_run_id": run}


def _event(run: str) -> dict[str, object]:
    now, resource = datetime.now(UTC).isoformat(), {"prefect.resource.id": f"prefect.flow-run.{run}"}
    return {"occurred": now, "event": "load.tick", "resource": resource, "id": str(uuid.uuid4()), "payload": {}}


@contextmanager
def server(database: str | None) -> Iterator[str]:
    """A Prefect server with a home of its own; its API's URL."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        os.environ["PREFECT_HOME"] = home
        running = start_server(HOST, port, database, Path(home) / "server.log")
        try:
            yield api_url(HOST, port)
        finally:
            running.stop()


def measure(database: str | None, clients: int, seconds: float) -> Served:
    """All clients together."""
    with server(database) as api, ThreadPoolExecutor(clients) as threads:
        served = [*threads.map(lambda _: Client(api).work(seconds), range(clients))]
    total = Served(longest=max(one.longest for one in served))
    total.answered, total.refused = sum(one.answered for one in served), sum(one.refused for one in served)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", metavar="URL", help="as of person-removal serve --database")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    print("| database | clients | answered | refused | longest wait |\n|---|---|---|---|---|")
    for database in (None, given.postgres) if given.postgres else (None,):
        for clients in given.clients:
            one = measure(database, clients, given.seconds)
            name = "Postgres" if database else "SQLite"
            print(f"| {name} | {clients} | {one.answered} | {one.refused} | {one.longest:.1f} s |", flush=True)


if __name__ == "__main__":
    main()
