"""The files of deploy/ and the Containerfile: they name what is there, and set what `person-removal serve` sets."""

from __future__ import annotations

import email
import email.policy
import importlib.util
import json
import re
import shlex
import shutil
import socketserver
import subprocess
import sys
import threading
import tomllib
from email.message import EmailMessage
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
import yaml

from flows.deployments import RETENTION
from flows.deployments.server import SETTINGS, forgetting

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"


def test_the_container_has_every_package_and_no_root() -> None:
    lines = (ROOT / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert all((ROOT / name).exists() for name in copied)
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], "pyproject.toml", "README.md", "LICENSE"} <= copied
    users = [line for line in lines if line.startswith("USER ")]
    assert (
        users
        and users[-1] != "USER root"
        and lines.index(users[-1]) > max(i for i, line in enumerate(lines) if line.startswith("RUN "))
    )
    assert next(line for line in lines if line.startswith("CMD ")) == 'CMD ["serve", "--host", "0.0.0.0"]'


def test_compose_sets_what_serve_sets() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    environment = services["server"]["environment"]
    wanted = {**SETTINGS, **forgetting(RETENTION)}
    wanted.pop("DO_NOT_TRACK")
    assert {name: environment.get(name) for name in wanted} == wanted
    assert services["worker"]["command"] == ["serve"] and services["server"]["ports"] == ["127.0.0.1:4200:4200"]
    assert "5432" not in json.dumps(services), "the database is for the server alone"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_units_are_units(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("person-removal")
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/person-removal/bin/person-removal", str(program))
        (tmp_path / path.name).write_text(re.sub(r"(?m)^User=.*\n", "", text))
    units = ["person-removal.service", "person-removal@coco.service", "person-removal@coco.timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", *(f"./{unit}" for unit in units)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and "person-removal" not in done.stderr, done.stderr


def test_a_job_of_kubernetes_runs_prefects_command_in_our_image() -> None:
    """On Prefect's own template, as prefect-kubernetes 0.8 writes it."""
    variables = {name: {"type": "string"} for name in ("image", "memory_request", "cpu_request", "command")}
    container = {"name": "prefect-job", "image": "{{ image }}", "args": "{{ command }}", "resources": {"requests": {}}}
    template = {
        "variables": {"properties": variables},
        "job_configuration": {"job_manifest": {"spec": {"template": {"spec": {"containers": [container]}}}}},
    }
    script = [sys.executable, str(DEPLOY / "kubernetes/job-template.py"), "registry/image", "claim"]
    done = subprocess.run(script, input=json.dumps(template), capture_output=True, text=True, check=True)
    made = json.loads(done.stdout)
    pod = made["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "claim"}}]
    job = pod["containers"][0]
    assert (job["command"][0], job["args"], job["image"]) == ("env", "{{ command }}", "{{ image }}")
    assert job["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    assert made["variables"]["properties"]["image"]["default"] == "registry/image"
    fetches = yaml.safe_load((DEPLOY / "kubernetes/weights.yaml").read_text())["spec"]["template"]["spec"][
        "containers"
    ][0]
    assert job["command"][1:] == [f"{one['name']}={one['value']}" for one in fetches["env"]]
    assert job["volumeMounts"] == fetches["volumeMounts"]


def test_manifests_of_kubernetes_name_one_another() -> None:
    parts = list(yaml.safe_load_all((DEPLOY / "kubernetes/worker.yaml").read_text()))
    by_kind = {part["kind"]: part for part in parts}
    account, (subject,) = by_kind["ServiceAccount"]["metadata"], by_kind["RoleBinding"]["subjects"]
    assert subject == {"kind": "ServiceAccount", **account}, "an account without its namespace is refused"
    assert {part["metadata"]["namespace"] for part in parts} == {"default"}, "where Prefect's template makes jobs"
    assert by_kind["RoleBinding"]["roleRef"]["name"] == by_kind["Role"]["metadata"]["name"]
    pod = by_kind["Deployment"]["spec"]["template"]
    assert pod["spec"]["serviceAccountName"] == account["name"]
    environment = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    assert environment["PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES"] == "default", "the role's reach"
    assert pod["metadata"]["labels"] == by_kind["Deployment"]["spec"]["selector"]["matchLabels"]


@pytest.mark.parametrize("name", ["person-removal.service", "person-removal@.service"])
def test_what_a_unit_starts_is_a_command(name: str) -> None:
    start = re.search(r"(?m)^ExecStart=(.+)$", (DEPLOY / "systemd" / name).read_text())
    assert start
    words = shlex.split(start[1])[1:]
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.main", words[0], "--help"], capture_output=True, text=True, check=True
    )
    assert all(word in done.stdout for word in words[1:] if word.startswith("--"))


class MailServer(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as one mail needs."""

    recipients: ClassVar[list[str]] = []
    mails: ClassVar[list[EmailMessage]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            command = line.decode().lower()
            if command.startswith("rcpt"):
                self.recipients.append(command.strip())
            if command.startswith("data"):
                self.wfile.write(b"354 go on\r\n")
                lines = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.mails.append(email.message_from_bytes(lines, policy=email.policy.default))
            self.wfile.write(b"221 bye\r\n" if command.startswith("quit") else b"250 well\r\n")


def test_what_a_webhook_is_told_is_mailed() -> None:
    spec = importlib.util.spec_from_file_location("mail", DEPLOY / "mail.py")
    assert spec and spec.loader
    mail = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mail)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), MailServer) as smtp:
        host, port = smtp.server_address[:2]
        with mail.receiver(f"{host}:{port}", "nights@example.com", ["a@example.com", "b@example.com"], 0) as server:
            url = f"http://127.0.0.1:{server.server_port}/"
            for one in (smtp, server):
                threading.Thread(target=one.serve_forever, daemon=True).start()
            told = {
                "subject": "Person removal:\r\nBcc: x@example.com",
                "body": "Run é: Failed,\nthe input is not there",
            }
            assert httpx.post(url, json=told, trust_env=False).status_code == 204
            assert httpx.post(url, json=["else"], trust_env=False).status_code == 400
            smtp.shutdown()
            smtp.server_close()
            assert httpx.post(url, json=told, trust_env=False).status_code == 502
            server.shutdown()
    (sent,) = MailServer.mails
    assert (sent["subject"], sent["to"]) == ("Person removal: Bcc: x@example.com", "a@example.com, b@example.com")
    assert sent.get_content().splitlines() == told["body"].splitlines() and MailServer.recipients == [
        "rcpt to:<a@example.com>",
        "rcpt to:<b@example.com>",
    ]
