"""`python -m flows.deployments.child worker start ...`: a Prefect command that leaves with whoever started it; with the
two mends that its server and its worker need.

Whoever starts it keeps the other end of its standard input open and writes nothing. That end closes however the
starter ends, kill -9 included, on every operating system.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
import warnings

_PATIENCE = 20.0
"""Seconds that the command has to stop what it started."""


def main() -> None:
    """Run Prefect's command line in this process."""
    threading.Thread(target=_leave_with_starter, daemon=True).start()
    _mend(sys.argv[1])
    sys.argv[0] = "prefect"
    from prefect.cli import app

    app()


def _mend(command: str) -> None:
    if command == "server":
        from flows.deployments.one_writer import let_writers_wait

        let_writers_wait()
    elif command == "worker":
        with warnings.catch_warnings(action="ignore"):  # "the existing type will be overridden": so it shall be
            importlib.import_module("flows.deployments.worker")


def _leave_with_starter() -> None:
    while os.read(0, 1024):  # the end of the file: the starter is gone
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    if sys.platform != "win32":
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
