"""Fixtures of whole runs."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM, NO_CHROMIUM
from collection_with_people import make_coco
from command import Command, Done
from prefect_server import empty_database, free_port

from flows.cli.main import main
from flows.run import progress

SERVICES_OF_A_SERVER = (
    *("CANCELLATION_CLEANUP", "CLEANUP_RECONCILER", "FOREMAN", "LATE_RUNS"),
    *("PAUSE_EXPIRATIONS", "REPOSSESSOR", "SCHEDULER", "TRIGGERS"),
)
"""What Prefect's server does again and again for deployments and automations."""


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """A COCO directory of six small photos, see `make_coco`."""
    return make_coco(tmp_path / "coco")


@pytest.fixture
def computed() -> Iterator[Callable[[], dict[str, int]]]:
    """Photos computed (not taken from the store) by stage since the last call."""
    counts: Counter[str] = Counter()

    def listen(stage: str, row: dict[str, Any], stored: bool, seconds: float) -> None:
        if not stored:
            counts[stage] += 1

    def take() -> dict[str, int]:
        out = dict(counts)
        counts.clear()
        return out

    progress.listeners.append(listen)
    yield take
    progress.listeners.remove(listen)


@pytest.fixture
def person_removal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, run in this process: starting one costs seconds."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["person-removal", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Prefect's server makes of SQLite at its first start, to copy: making it takes longer than all the rest of
    the start. Processes of a parallel run share it."""
    base = tmp_path_factory.getbasetemp()
    return empty_database((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prefect")


@pytest.fixture(scope="session")
def prefect_server(prefect_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prefect server that every flow of this process's tests may tell of itself: a start takes a
    server fifteen seconds of computing. What servers do by themselves is off, so that it costs nothing meanwhile."""
    from flows.deployments.server import api_url, start_server

    home, port = tmp_path_factory.mktemp("server"), free_port()
    shutil.copyfile(prefect_database, home / "prefect.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(home))
        patch.setenv("PREFECT_SERVER_UI_ENABLED", "false")
        for service in SERVICES_OF_A_SERVER:
            patch.setenv(f"PREFECT_SERVER_SERVICES_{service}_ENABLED", "false")
        server = start_server("127.0.0.1", port, None, home / "server.log")
    yield api_url("127.0.0.1", port)
    server.stop()


@pytest.fixture(scope="module")
def prefect_harness(prefect_server: str) -> Iterator[None]:
    """Flows in this process talk to a server on loopback; Prefect's own threads, too, which would start another one."""
    from prefect.context import _temporary_global_settings_context, get_settings_context

    from flows.deployments.profile import flows_tell

    with flows_tell(prefect_server), _temporary_global_settings_context(get_settings_context()):
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Tests that ask for it are skipped where it or playwright is not there."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the `dev` extra)")
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
