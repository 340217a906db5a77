"""The page's computing process where red patches are people, and where every question to another machine is noted."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

NETWORK = "network.txt"


def note_network(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook that writes down every connection and every name that is not this machine's."""
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        place = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        host = place[0] if isinstance(place, tuple) else place
        if host not in ("127.0.0.1", "localhost", b"127.0.0.1", b"localhost"):
            with (Path(os.environ["TMPDIR"]) / NETWORK).open("a", encoding="utf-8") as file:
                file.write(f"{event} {host!r}\n")


def live(pipe: Connection, temporary: Path) -> None:
    sys.addaudithook(note_network)
    from red_people import RedPeople

    from configs.load import load_settings
    from flows.app import choices, worker
    from flows.stages import models

    eyes = RedPeople()
    models.segmenter = lambda settings, weights: eyes  # type: ignore[assignment]
    settings = load_settings("embedded", ("inpaint.fill=telea", "verify.segmenter=same"))
    other = load_settings("embedded", ("inpaint.fill=navier-stokes",))
    missing = "yolo needs weights that are not here: person-removal weights fetch yolo11n-seg"
    choices.prepare = lambda *_: (  # type: ignore[assignment]
        [choices.Choice("embedded", settings, {}), choices.Choice("yolo", settings, {}, missing)],
        [choices.Choice("telea", settings, {}), choices.Choice("navier-stokes", other, {})],
    )
    worker.live(pipe, temporary)
