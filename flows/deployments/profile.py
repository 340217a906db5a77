"""Prefect's profile: what `prefect` in another terminal knows of the server that `person-removal serve` keeps; and
which server the flows of this process tell of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_API_URL, PREFECT_PLUGINS_ENABLED, temporary_settings
from prefect.settings.profiles import load_current_profile, load_profiles, save_profiles, update_current_profile

from flows.deployments.household import full_disk


@contextmanager
def named_in_profile(api: str, ours: bool) -> Iterator[bool]:
    """Inside, the active profile names the server and switches bare names on, where it names no other server; yields
    whether `prefect` finds the server without further ado.

    ours: the server leaves with us, and what was written of it is taken out again.
    """
    settings = load_current_profile().settings
    named, plugins = settings.get(PREFECT_API_URL), settings.get(PREFECT_PLUGINS_ENABLED)
    if named not in (None, api) or str(plugins).lower() == "false":
        yield False
        return
    try:
        update_current_profile({"PREFECT_API_URL": api, "PREFECT_PLUGINS_ENABLED": "true"})
    except OSError:  # a home that is read-only
        yield False
        return
    try:
        yield True
    finally:
        mine = ours and named is None and load_current_profile().settings.get(PREFECT_API_URL) == api
        if mine and not full_disk():  # where it is full, Prefect would empty the file
            profiles = load_profiles()
            profiles.update_profile(load_current_profile().name, {PREFECT_API_URL: None})
            save_profiles(profiles)


@contextmanager
def flows_tell(api: str) -> Iterator[None]:
    """Inside, flows of this process tell the server at `api`, also where Prefect is loaded already and reads no
    environment any more. At the end everything is told: once the server is gone, the end of the process would wait
    minutes for the threads that try."""
    try:
        with temporary_settings({PREFECT_API_URL: api}):
            yield
    finally:
        EventsWorker.drain_all(timeout=30)
        APILogWorker.drain_all(timeout=30)
