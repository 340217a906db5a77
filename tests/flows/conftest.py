"""Fixtures of whole runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import CHROMIUM
from collection_with_people import make_coco

from flows.run import progress


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """A COCO directory of six small photos, see `make_coco`."""
    return make_coco(tmp_path / "coco")


@pytest.fixture
def computed() -> Iterator[Callable[[], dict[str, int]]]:
    """Photos computed (not taken from the store) by stage since the last call."""
    counts: Counter[str] = Counter()

    def listen(stage: str, row: dict[str, Any], stored: bool, seconds: float) -> None:
        if not stored:
            counts[stage] += 1

    def take() -> dict[str, int]:
        out = dict(counts)
        counts.clear()
        return out

    progress.listeners.append(listen)
    yield take
    progress.listeners.remove(listen)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Tests that ask for it are skipped where it or playwright is not there."""
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
