"""Prefect's profile: what `prefect` in another terminal knows of the server that `person-removal serve` keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import PREFECT_API_URL, PREFECT_PLUGINS_ENABLED
from prefect.settings.profiles import load_current_profile, load_profiles, save_profiles, update_current_profile


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
        if ours and named is None and load_current_profile().settings.get(PREFECT_API_URL) == api:
            profiles = load_profiles()
            profiles.update_profile(load_current_profile().name, {PREFECT_API_URL: None})
            save_profiles(profiles)
