"""What `person-removal serve` does while it runs and when it stops: children that end, runs that nobody has."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import httpx
from prefect.exceptions import PrefectException

from flows.deployments import ServerError
from flows.deployments.household import full_disk
from flows.deployments.logs import rotate
from flows.deployments.server import Child, answers
from flows.deployments.unfinished import Watch

CHECK_EVERY = 2.0
_AT_ONCE, _TRIES = 20.0, 3
"""Seconds; a child that lives shorter than this so many times in a row will not do better the next time."""


def keep(children: list[Child], watch: Watch, api: str, tell: Callable[[str], object]) -> None:
    """For ever: a child that ends (killed, out of memory) is started again. Raises ServerError where it is in vain."""
    in_vain, checked, full = Counter[str](), time.monotonic(), ""
    while True:
        time.sleep(0.5)
        for place, child in enumerate(children):
            if child.log:
                rotate(child.log)
            if not child.ended() or (child.name == "worker" and not answers(api)):
                continue  # without a server it would end at once
            in_vain[child.name] = in_vain[child.name] + 1 if time.monotonic() - child.started < _AT_ONCE else 0
            if in_vain[child.name] == _TRIES:
                raise ServerError(
                    f"The {child.name} ends as soon as it is started; see {child.log or 'the lines above'}."
                )
            tell(f"The {child.name} ended; starting it again.")
            child.stop()  # what it left behind
            children[place] = child.again()
        if time.monotonic() - checked > CHECK_EVERY:
            for sentence in _while_it_answers(watch, api, watch.check):
                tell(sentence)
            before, full = full, full_disk() if children[0].name == "server" else ""
            if full and not before:
                tell(full)
            checked = time.monotonic()


def leave(children: list[Child], watch: Watch, api: str, tell: Callable[[str], object]) -> None:
    """Stop the worker, say what becomes of the runs that it had and of those that wait, stop the server."""
    for child in reversed(children):  # the worker while the server still hears it
        child.stop()
        if child.name == "worker":
            for ask in (watch.end_own, watch.left):
                for sentence in _while_it_answers(watch, api, ask):
                    tell(sentence)


def _while_it_answers(watch: Watch, api: str, ask: Callable[[], list[str]]) -> list[str]:
    """A server that is away, or is too busy, is asked the next time."""
    try:
        if answers(api):
            return ask()
    except (httpx.HTTPError, PrefectException):
        pass
    watch.unheard()
    return []
