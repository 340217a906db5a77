"""Mail what Prefect's webhook is told, through any SMTP server.

    SMTP_USER=me SMTP_PASSWORD=secret python deploy/mail.py smtp.example.com:587 nights@example.com me@example.com ...
    python deploy/watching.py webhook http://127.0.0.1:4201/

It runs beside Prefect's server and listens on this machine alone. With SMTP_USER it logs in, after STARTTLS.
"""

from __future__ import annotations

import argparse
import json
import os
import smtplib
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MOST = 100_000
"""Bytes of what is told; the automations tell a few hundred."""


def send(smtp: str, sender: str, to: list[str], told: dict[str, str]) -> None:
    """One mail. Raises OSError (smtplib's errors are such) where it cannot be sent."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(told["subject"].split())
    mail["From"], mail["To"] = sender, ", ".join(to)
    mail.set_content(told["body"])
    host, _, port = smtp.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=30) as server:
        if user := os.environ.get("SMTP_USER"):
            server.starttls()
            server.login(user, os.environ["SMTP_PASSWORD"])
        server.send_message(mail)


def receiver(smtp: str, sender: str, to: list[str], port: int) -> ThreadingHTTPServer:
    """A server that mails each JSON object with `subject` and `body` that it is posted; 502 where that fails."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                told = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), MOST)))
                send(smtp, sender, to, {name: str(told[name]) for name in ("subject", "body")})
            except (ValueError, TypeError, KeyError) as error:
                self.send_error(400, "not what automations.yaml tells", repr(error))
            except OSError as error:
                self.send_error(502, "the mail was not sent", repr(error))
            else:
                self.send_response(204)
                self.end_headers()

    return ThreadingHTTPServer(("127.0.0.1", port), Receiver)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("smtp", metavar="HOST[:PORT]")
    parser.add_argument("sender")
    parser.add_argument("to", nargs="+")
    parser.add_argument("--port", type=int, default=4201, help="that it listens on")
    given = parser.parse_args()
    receiver(given.smtp, given.sender, given.to, given.port).serve_forever()


if __name__ == "__main__":
    main()
