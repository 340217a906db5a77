"""How the process of a flow run leaves before its work is done: it is told to stop, or its run is suspended."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.context import FlowRunContext

from flows.run.workers import Stopped, give_up

LOOKS_EVERY, LEAVES_WITHIN = 1.0, 5.0
"""Seconds."""


def leave_soon(code: int) -> None:
    """A flow's process ends within seconds, whatever a thread of it still waits for: a photo in a C library, a server
    that does not answer. What it writes is written whole or not at all."""
    if "PREFECT__FLOW_RUN_ID" in os.environ:  # a worker's, which says how the run ended; not somebody's notebook
        timer = threading.Timer(LEAVES_WITHIN, os._exit, [code])
        timer.daemon = True
        timer.start()


@contextmanager
def stopped_when_suspended() -> Iterator[None]:
    """Inside a flow run: where it is suspended (Pause on Prefect's pages), its work stops within seconds, and Prefect's
    `Pause` is raised.

    Prefect itself looks between two tasks, and a task may take an hour. A resume before that would start a second
    process in the same output directory. Photos on a cluster's workers are not stopped.
    """
    context = FlowRunContext.get()
    if context is None:
        raise RuntimeError("only a flow run can be suspended")
    request, over = context.flow_run_suspension_request, threading.Event()

    def watch() -> None:
        while not request.is_requested():
            if over.wait(LOOKS_EVERY):
                return
        leave_soon(0)  # a worker calls a run crashed that leaves with another code
        while True:
            give_up()  # again and again: a run that has just begun forgets what the one before it was told
            if over.wait(LOOKS_EVERY):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except Stopped:
        request.raise_if_requested()
        raise
    finally:
        over.set()
        watcher.join()
