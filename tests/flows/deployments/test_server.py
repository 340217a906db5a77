"""The server that `person-removal serve` starts: on Postgres by one setting, and what it refuses."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prefect_server import PERSON_REMOVAL, PREFECT, Operator, free_port, wait_for

from flows.deployments import ServerError
from flows.deployments.bare_names import full_name
from flows.deployments.server import api_url, asynchronous, refuse_taken_port

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgresql://me:secret@host/name", "postgresql+asyncpg://me:secret@host/name"),
        ("postgres://host/name", "postgresql+asyncpg://host/name"),
        ("postgresql+asyncpg://host/name", "postgresql+asyncpg://host/name"),
        ("sqlite:///prefect.db", "sqlite+aiosqlite:///prefect.db"),
    ],
)
def test_a_database_url_as_people_write_it(given: str, wanted: str) -> None:
    assert asynchronous(given) == wanted


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("box", "box")])
def test_where_this_machine_finds_its_server(host: str, url: str) -> None:
    assert api_url(host, 4200) == f"http://{url}:4200/api"


@pytest.mark.parametrize(("name", "full"), [("x", "x/x"), ("x/y", "x/y"), ("", "")])
def test_a_bare_name_is_a_flow_and_its_deployment(name: str, full: str) -> None:
    assert full_name(name) == full


def test_a_port_that_something_else_has() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} on 127.0.0.1 cannot be had .*--port N"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", port)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """A cluster of its own in a temporary folder; its URL. Postgres does not run as root."""
    if not PROGRAMS:
        pytest.skip("needs Debian's postgresql package")
    user = None
    if os.geteuid() == 0:
        import pwd

        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            pytest.skip("needs the user `postgres`, because this test runs as root")
    folder, port = Path("/tmp" if user else str(tmp_path)) / f"pg-{os.getpid()}", free_port()  # noqa: S108
    folder.mkdir()
    if user:
        shutil.chown(folder, user)
    run = [str(PROGRAMS[-1] / "pg_ctl"), "--pgdata", str(folder / "data"), "--silent"]
    options = f"-p {port} -h 127.0.0.1 -k {folder}"
    try:
        subprocess.run(
            [*run, "initdb", "--options", "--username=operator --auth=trust --no-sync"], user=user, check=True, cwd="/"
        )
        subprocess.run(
            [*run, "--log", str(folder / "log"), "--wait", "--options", options, "start"],
            user=user,
            check=True,
            cwd="/",
        )
        yield f"postgresql://operator@127.0.0.1:{port}/postgres"
        subprocess.run([*run, "--mode", "immediate", "stop"], user=user, check=True, cwd="/")
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
def test_postgres_by_one_setting_and_a_pool_of_another_type(postgres: str, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    operator.serve("--database", postgres)
    try:
        assert operator.deployment("person-removal/person-removal")["work_pool_name"] == "person-removal"
        assert not list(tmp_path.rglob("prefect.db")), "nothing went to SQLite"

        # a pool of the same name that cannot run these deployments
        httpx.delete(f"{operator.api}/work_pools/person-removal", trust_env=False).raise_for_status()
        made = operator.run(*PREFECT, "work-pool", "create", "person-removal", "--type", "docker")
        assert made.returncode == 0, made.stderr
        done = operator.run(*PERSON_REMOVAL, "deploy")
        assert done.returncode == 2
        assert "Error: Work pool 'person-removal' is of type 'docker', the deployments need a process" in done.stderr
    finally:
        operator.stop()
    wait_for(lambda: not _listens(operator.port), 10, "the server is gone")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
