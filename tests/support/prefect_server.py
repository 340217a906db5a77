"""A real Prefect server with a worker on loopback, as `person-removal serve` runs them, and commands against it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil
from filelock import FileLock

from configs.environment import cache_dir

PERSON_REMOVAL = (sys.executable, "-m", "flows.cli.main")
PREFECT = (sys.executable, "-m", "prefect")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float, text: str) -> Any:
    """The first true value of `what`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := what():
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:.0f} s: {text}")


def empty_database(folder: Path) -> Path:
    """The SQLite file of a server that has started and done nothing, made once in `folder`."""
    path = folder / "prefect.db"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not path.exists():
            command = [*PREFECT, "server", "database", "upgrade", "-y"]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
            home = {"PREFECT_HOME": str(folder / "home")}
            subprocess.run(command, env=environment | home, check=True, capture_output=True, timeout=180)
            (folder / "home/prefect.db").rename(path)
    return path


@dataclass
class Operator:
    """A shell of somebody who runs Prefect: a home, a working directory that is not the project's, a server.

    database: what the server starts with, see `empty_database`.
    """

    folder: Path
    database: Path | None = None
    port: int = field(default_factory=free_port)
    process: Any = None
    begun: int = 0

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @cached_property
    def client(self) -> httpx.Client:
        """One for all questions: each new one reads the certificates, which takes longer than a question."""
        return httpx.Client(base_url=self.api, timeout=180, trust_env=False)

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    def environment(self, **more: str) -> dict[str, str]:
        root = Path(__file__).resolve().parents[2]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return {
            **kept,
            "PREFECT_HOME": str(self.folder / "home"),
            "HOME": str(self.folder),
            "PERSON_REMOVAL_CACHE": str(cache_dir()),
            "PREFECT_PLUGINS_ENABLED": "true",
            "PYTHONPATH": os.pathsep.join([str(root), kept.get("PYTHONPATH", "")]),
            **more,
        }

    def serve(self, *options: str) -> None:
        command = [*PERSON_REMOVAL, "serve", "--port", str(self.port), *options]
        home = self.folder / "home"
        if self.database and not home.exists():
            home.mkdir(mode=0o700)
            shutil.copyfile(self.database, home / "prefect.db")
        self.begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment(), stdout=log, stderr=log)
        wait_for(lambda: self.said("started!") or self.process.poll() is not None, 600, "the worker started")
        assert self.process.poll() is None, self.log.read_text()

    def said(self, text: str) -> bool:
        """Since it was started the last time."""
        return text in self.log.read_bytes()[self.begun :].decode("utf-8", "replace")

    def stop(self) -> None:
        """As a service manager does; what it started has to be gone afterwards."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        _, alive = psutil.wait_procs(family, timeout=5)
        assert not alive, "processes outlived person-removal serve"

    def run(self, *command: str, cwd: Path | None = None, **changes: str | None) -> subprocess.CompletedProcess[str]:
        """changes: of the environment; None takes a variable out of it."""
        environment = self.environment(PREFECT_API_URL=self.api) | changes
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            env={name: value for name, value in environment.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def start(self, deployment: str, **parameters: Any) -> str:
        """As `prefect deployment run`, which takes seconds to start itself; returns the flow run's id."""
        full = deployment if "/" in deployment else f"{deployment}/{deployment}"
        scheduled = {"type": "SCHEDULED"}
        made = self.post(
            f"deployments/{self.deployment(full)['id']}/create_flow_run", parameters=parameters, state=scheduled
        )
        return str(made["id"])

    def state(self, run: str) -> dict[str, Any]:
        return dict(self.get(f"flow_runs/{run}")["state"])

    def ended(self, run: str, seconds: float = 480) -> dict[str, Any]:
        """The final state of a run."""
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        wait_for(lambda: self.state(run)["type"] in final, seconds, f"run {run} ends; log: {self.log}")
        return self.state(run)

    def get(self, path: str) -> Any:
        return self.answer("GET", path).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        answer = self.answer("POST", path, body).raise_for_status()
        return answer.json() if answer.content else None

    def answer(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Asked again where the server's database is locked, as Prefect's own client does."""

        def ask() -> httpx.Response | None:
            answer = self.client.request(method, path, json=body)
            return None if answer.status_code == 503 else answer

        answer: httpx.Response = wait_for(ask, 180, f"the server has time for {path}")
        return answer

    def deployment(self, name: str) -> dict[str, Any]:
        return dict(self.get(f"deployments/name/{name}"))

    def processes_of(self, run: str) -> list[psutil.Process]:
        """The processes below the worker that work on a flow run."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if process.environ().get("PREFECT__FLOW_RUN_ID") == run:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def workers(self) -> list[psutil.Process]:
        family = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in family if "worker" in process.cmdline() and process.is_running()]


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=10)
