"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import hostile_cases
import pytest
from hypothesis import HealthCheck, settings

import configs  # noqa: F401  (sets the environment before any test imports torch)

# `ci` tries the same examples every time; `make fuzz` looks for new ones, many more of them.
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True, suppress_health_check=_SLOW)
settings.register_profile("fuzz", deadline=None, max_examples=3000, print_blob=True, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, files of many slow tests come first: one of them at the end would run alone."""
    if hasattr(config, "workerinput"):
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        items.sort(key=lambda item: -slow[item.path])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of a parallel run (`pytest -n 2`) hands over what it counted."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["hostile"] = dict(hostile_cases.count)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    hostile_cases.count.update(getattr(node, "workeroutput", {}).get("hostile", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for kind, number in sorted(hostile_cases.count.items()):
        terminalreporter.write_line(f"hostile {kind}: {number} tried")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Development data beside the checkout (real photos, golden vectors); tests skip where it is absent."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.skip("needs the development data folder `shared` beside the checkout")
    return path
