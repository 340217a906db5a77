"""`person-removal app` in a process of its own, where red patches are people: no weights are needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import red_worker

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]


class App:
    """address: of the page. temporary: where the process may put temporary files."""

    def __init__(self, process: subprocess.Popen[str], address: str, temporary: Path) -> None:
        self.process, self.address, self.temporary = process, address, temporary

    def folders(self) -> list[Path]:
        return list(self.temporary.glob("person-removal-app-*"))

    def files(self) -> list[Path]:
        """Files that hold anything."""
        return [p for folder in self.folders() for p in folder.rglob("*") if p.is_file() and p.stat().st_size]

    def asked(self) -> list[str]:
        """What the process asked of other machines; with `red` only."""
        noted = self.temporary / red_worker.NETWORK
        return noted.read_text(encoding="utf-8").splitlines() if noted.exists() else []

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def running(temporary: Path, *options: str, red: bool = True, browser: str = "") -> Iterator[App]:
    """The command, until the block is left; with `red` its segmenter is `RedPeople` and its fill `telea`. browser: the
    command that opens the page, `%s` being its address; by default none is opened."""
    start = [sys.executable, str(SUPPORT / "red_app.py")] if red else [sys.executable, "-m", "flows.cli.main"]
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*start, "app", "--port", "0", *(() if browser else ("--no-browser",)), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(SUPPORT))),
            "PYTHONUNBUFFERED": "1",
            "BROWSER": browser,
            "http_proxy": "http://127.0.0.1:9",  # a company's proxy, which knows nothing of this machine
        },
    )
    try:
        yield App(process, _address(process), temporary)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(60)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    said, until = [], time.monotonic() + 120
    while time.monotonic() < until:
        line = process.stdout.readline()
        if not line:
            break
        said.append(line)
        if line.startswith("Open "):
            return line.split()[1]
    raise AssertionError("the page did not start: " + "".join(said))


if __name__ == "__main__":
    import red_worker

    sys.addaudithook(red_worker.note_network)
    from flows.app import server
    from flows.cli.main import main

    server.live = red_worker.live  # type: ignore[assignment]
    main()
