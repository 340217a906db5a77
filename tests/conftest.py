"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

import configs  # noqa: F401  (sets the environment before any test imports torch)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Development data beside the checkout (real photos, golden vectors); tests skip where it is absent."""
    path = Path(__file__).resolve().parents[2] / "shared"
    if not path.is_dir():
        pytest.skip("needs the development data folder `shared` beside the checkout")
    return path
