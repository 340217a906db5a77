"""Process-wide switches that must stand before the heavy libraries are imported."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

# Nothing phones home. Values the user has set win.
_SWITCHES = {
    # Two-thread torch is about 6x slower beside any other busy process with the default policy.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Large pages for torch's memory, where Linux has them: MI-GAN on a CPU takes 0.30 s instead of 0.55.
    "THP_MEM_ALLOC_ENABLE": "1",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # A cold ephemeral server needs 10 to 16 s; Prefect gives up after 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "RAY_USAGE_STATS_ENABLED": "0",
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    # ultralytics checkpoints are read with weights_only=True.
    "ULTRALYTICS_SAFE_LOAD": "1",
}


def cache_dir() -> Path:
    """Per-user cache (weights, library settings); `PERSON_REMOVAL_CACHE` moves it."""
    chosen = os.environ.get("PERSON_REMOVAL_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("person-removal"))


def log_dir() -> Path:
    """Per-user folder of logs of errors; inside the cache where `PERSON_REMOVAL_CACHE` moves that."""
    if os.environ.get("PERSON_REMOVAL_CACHE"):
        return cache_dir() / "logs"
    return Path(platformdirs.user_log_dir("person-removal"))


def prepare_environment() -> None:
    """Set every switch that the user has not set; creates no file and imports nothing heavy."""
    libraries = cache_dir() / "libraries"
    for name, value in {
        **_SWITCHES,
        "YOLO_CONFIG_DIR": str(libraries / "ultralytics"),
        "MPLCONFIGDIR": str(libraries / "matplotlib"),
        "TORCHINDUCTOR_CACHE_DIR": str(libraries / "inductor"),
    }.items():
        os.environ.setdefault(name, value)
