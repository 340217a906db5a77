"""The server that `person-removal serve` starts: on Postgres by one setting, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path

import pytest
from command import Command
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_server import PERSON_REMOVAL, PREFECT, Operator, free_port, wait_for

from flows.deployments import ServerError, household
from flows.deployments.bare_names import full_name
from flows.deployments.household import full_disk
from flows.deployments.logs import KEPT, MOST, rotate
from flows.deployments.server import (
    api_url,
    asynchronous,
    forgetting,
    refuse_other_version,
    refuse_taken_port,
    start_server,
)

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


def test_the_processes_of_a_run_are_those_that_work_on_it() -> None:
    code = "import sys; print(flush=True); sys.stdin.read()"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words],
            env={**os.environ, household.RUN: run},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for run, *words in (("this-run", "engine"), ("this-run", "hook", "crashed"), ("other", "engine"))
    ]
    try:
        for process in processes:
            assert process.stdout and process.stdout.readline()
        assert [one.pid for one in household.processes_of("this-run")] == [processes[0].pid]
    finally:
        for process in processes:
            process.communicate()


@pytest.mark.parametrize(("days", "runs", "events"), [(90, 90, 7), (3, 3, 3)])
def test_a_server_forgets_runs_that_are_over_for_long(
    monkeypatch: pytest.MonkeyPatch, days: int, runs: int, events: int
) -> None:
    """As Prefect reads these settings in the server's process."""
    from prefect.settings import Settings

    for name, value in forgetting(days).items():
        monkeypatch.setenv(name, value)
    server = Settings().server
    assert server.services.db_vacuum.enabled_vacuum_types == {"events", "flow_runs", "orphans"}
    assert (server.services.db_vacuum.retention_period.days, server.events.retention_period.days) == (runs, events)


def test_what_the_samples_lack_is_known_without_torch() -> None:
    """`serve` asks at its start, and would hold torch's memory for as long as it runs."""
    code = """
import sys
from configs.load import load_settings
from flows.cli.deploy import ON_CPU
from flows.stages.context import resolve
assert resolve(load_settings("embedded", ON_CPU)).inpaint.device == "cpu"
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_log_is_put_aside_when_it_is_large(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    rotate(log)
    with log.open("ab") as writer:  # as the server holds it
        for number in range(KEPT + 2):
            writer.write(b"%d" % number * MOST)
            writer.flush()
            rotate(log)
        writer.write(b"goes on")
    kept = {path.name: path.read_bytes()[:1] for path in tmp_path.iterdir()}
    aside = {f"server.log.{number}": b"%d" % (KEPT + 2 - number) for number in range(1, KEPT + 1)}
    assert kept == {"server.log": b"g", **aside}


def test_a_port_that_something_else_has() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} on 127.0.0.1 cannot be had .*--port N"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", port)


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "not there yet"))
    assert not full_disk()
    monkeypatch.setattr(household, "ROOM", 1 << 62)
    with pytest.raises(ServerError, match=r"the disk is full \(\d+ MB are left\), .* make room"):
        start_server("127.0.0.1", free_port(), None, tmp_path / "log")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("theirs", "refused"), [("2.20.4", True), ("3.4.1", True), ("3.8.0", False), (None, False)])
def test_a_server_of_another_version(
    theirs: str | None,
    refused: bool,
    coco: Path,
    tmp_path: Path,
    person_removal: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if theirs else 404)
            self.end_headers()
            self.wfile.write(json.dumps(theirs).encode() if theirs else b"{}x")

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            api = f"http://127.0.0.1:{server.server_port}/api"
            if refused:
                sentence = f"The Prefect server at {api} is {theirs}, here Prefect is 3.8"
                with pytest.raises(ServerError, match=sentence):
                    refuse_other_version(api)
                monkeypatch.setenv("PREFECT_API_URL", api)
                with temporary_settings({PREFECT_API_URL: api}):  # Prefect read the environment when it was imported
                    run = person_removal("run", coco, tmp_path / "out", "--preset=coco", "--fill=telea", "--quiet")
                assert run.returncode == 2 and run.stderr.startswith(f"Error: {sentence}")
            else:
                refuse_other_version(api)
        finally:
            server.shutdown()
            thread.join()


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

        _who_watches_is_told(operator)

        # a pool of the same name that cannot run these deployments
        operator.answer("DELETE", "work_pools/person-removal").raise_for_status()
        made = operator.run(*PREFECT, "work-pool", "create", "person-removal", "--type", "docker")
        assert made.returncode == 0, made.stderr
        done = operator.run(*PERSON_REMOVAL, "deploy")
        assert done.returncode == 2
        assert "Error: Work pool 'person-removal' is of type 'docker', the deployments need a process" in done.stderr
    finally:
        operator.stop()
    wait_for(lambda: not _listens(operator.port), 10, "the server is gone")


def _who_watches_is_told(operator: Operator) -> None:
    """The automations of deploy/, on a real server, with runs that end as they should not."""
    heard: list[dict[str, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    script = str(Path(__file__).resolve().parents[3] / "deploy" / "watching.py")
    hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    try:
        mail = operator.run(sys.executable, script, "mail", "key", "from@example.com", "to@example.com")
        assert mail.returncode == 0, mail.stderr
        assert operator.post("automations/filter")[-1]["actions"][0]["type"] == "send-notification"
        # once more: it replaces them, and a night is missed after eleven seconds
        url = f"http://127.0.0.1:{hook.server_port}/"
        made = operator.run(sys.executable, script, "--hours", "0.003", "webhook", url)
        assert made.returncode == 0, made.stderr
        names = sorted(automation["name"] for automation in operator.post("automations/filter"))
        assert names == sorted({*names}) and "person-removal-did-not-run" in names

        nightly = operator.deployment("person-removal/nightly")
        for kind, state, message in (
            ("FAILED", "Failed", 'the "input" is\nnot there'),
            ("COMPLETED", "NeedsReview", "2 review"),
        ):
            run = operator.post(f"deployments/{nightly['id']}/create_flow_run", state={"type": "PENDING"})
            ended = {"type": kind, "name": state, "message": message}
            operator.post(f"flow_runs/{run['id']}/set_state", state=ended, force=True)
            told = wait_for(lambda: [it for it in heard if it["state"] == state], 60, f"{state} is told")  # noqa: B023
            assert told[0]["run"] == run["id"] and message in told[0]["body"]
        wait_for(lambda: [it for it in heard if "did-not-run" in it["subject"]], 90, "a night that is missed is told")
    finally:
        hook.shutdown()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
