"""Tell somebody when a night did not go well: failed, needs a look, or did not run.

    python deploy/watching.py webhook https://hooks.example.com/person-removal
    python deploy/watching.py mail SENDGRID_KEY from@example.com to@example.com ...

It saves a block with the server of PREFECT_API_URL and gives the automations of `automations.yaml` an action that uses
it; run again it replaces both. The webhook gets a JSON object: subject, body, state, run. Other blocks (Slack, Teams,
PagerDuty) take the mail block's place in one line.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml
from prefect.blocks.notifications import SendgridEmail
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore

NAME = "person-removal-watching"
SUBJECT = "Person removal: {{ automation.name }}"
BODY = (
    "{{ automation.description }}\n{% if flow_run %}Run {{ flow_run.name }}: {{ flow_run.state.name }}, "
    "{{ flow_run.state.message }}\n{{ flow_run|ui_url }}{% endif %}"
)
TEXT = {"subject": SUBJECT, "body": BODY, "state": "{{ flow_run.state.name }}", "run": "{{ flow_run.id }}"}


def webhook(url: str) -> dict[str, Any]:
    """An action that posts to `url`."""
    block = Webhook(method="POST", url=url, allow_private_urls=True)
    payload = "{" + ", ".join(f'"{name}": {_as_json(text)}' for name, text in TEXT.items()) + "}"
    return {"type": "call-webhook", "block_document_id": str(block.save(NAME, overwrite=True)), "payload": payload}


def mail(key: str, sender: str, to: list[str]) -> dict[str, Any]:
    """An action that sends a mail through SendGrid."""
    block = SendgridEmail(api_key=key, sender_email=sender, to_emails=to)
    identity = str(block.save(NAME, overwrite=True))
    return {"type": "send-notification", "block_document_id": identity, "subject": SUBJECT, "body": BODY}


def _as_json(template: str) -> str:
    """A template whose text is quoted as JSON once it is rendered: messages have quotes and line ends."""
    pieces = json.dumps(template)[1:-1].replace('\\"', '"')
    return "{% filter tojson %}" + pieces.replace("\\n", "\n") + "{% endfilter %}"


def register(action: dict[str, Any], hours: float) -> None:
    """Make the automations, or replace those of the same names. hours: after which a night is missed."""
    text = Path(__file__).with_name("automations.yaml").read_text(encoding="utf-8")
    with get_client(sync_client=True) as client:
        known = {automation.name: automation.id for automation in client.read_automations()}
        for definition in yaml.safe_load(text)["automations"]:
            if definition["trigger"]["posture"] == "Proactive":
                definition["trigger"]["within"] = round(hours * 3600)
            if definition["name"] in known:
                client.delete_automation(known[definition["name"]])
            client.create_automation(AutomationCore.model_validate({**definition, "actions": [action]}))
            print(f"{definition['name']}: {definition['description']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=26, help="without a run after which it is said so")
    ways = parser.add_subparsers(dest="way", required=True)
    ways.add_parser("webhook").add_argument("url")
    by_mail = ways.add_parser("mail")
    by_mail.add_argument("key")
    by_mail.add_argument("sender")
    by_mail.add_argument("to", nargs="+")
    given = parser.parse_args()
    action = webhook(given.url) if given.way == "webhook" else mail(given.key, given.sender, given.to)
    register(action, given.hours)


if __name__ == "__main__":
    main()
