"""Whether this machine can do what the program promises; each problem with its way out.

Nothing is changed, and no network is touched but the Prefect server that PREFECT_API_URL names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from flows.doctor.finding import Finding
from flows.doctor.machine import check_cache, check_devices, check_disk
from flows.doctor.networks import check_methods, check_weights
from flows.doctor.packages import check_images, check_opencv, check_packages, check_python
from flows.doctor.prefect import check_server

__all__ = ["Finding", "examine"]


def examine(preset: str | None = None, folder: Path | None = None) -> Iterator[Finding]:
    """Every finding, as it is made. preset: its weights must be here. folder: where a result would go."""
    checks: tuple[Callable[[], Iterable[Finding]], ...] = (
        check_python,
        check_packages,
        check_opencv,
        check_images,
        check_methods,
        check_devices,
        lambda: check_weights(preset),
        check_cache,
        lambda: check_disk(folder or Path.cwd()),
        check_server,
    )
    for check in checks:
        yield from check()
