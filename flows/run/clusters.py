"""How many photos a running Dask or Ray cluster computes at once: it is asked when work is planned."""

from __future__ import annotations

from configs import RunSettings, Settings, SettingsError

PATIENCE = 15
"""Seconds within which a scheduler has to answer."""
MOST = 256
"""Processes that settings may name."""


def with_cluster_size(settings: Settings) -> Settings:
    """The settings with `run.workers` as the cluster at `run.address` says, where nobody has set it.

    Raises SettingsError where none answers, or the package to ask it is missing.
    """
    run = settings.run
    if run.runner == "threads" or not run.address or run.workers:
        return settings
    found = min(cluster_size(run), MOST)
    return settings.model_copy(update={"run": run.model_copy(update={"workers": found})})


def cluster_size(run: RunSettings) -> int:
    """Tasks that the cluster runs at once; 0 while it has no workers."""
    assert run.address is not None
    ask, what = (_dask, "Dask scheduler") if run.runner == "dask" else (_ray, "Ray head")
    try:
        return ask(run.address)
    except ImportError:
        raise SettingsError(
            f"run.runner {run.runner!r} needs another package: pip install 'person-removal[{run.runner}]'."
        ) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SettingsError(
            f"run.address {run.address!r}: no {what} answers there ({reason}); start it, or correct --address."
        ) from None


def _dask(address: str) -> int:
    from distributed import Client

    with Client(address, timeout=PATIENCE) as client:  # type: ignore[no-untyped-call]
        return sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())


def _ray(address: str) -> int:
    import logging

    import ray

    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        return int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
    finally:
        ray.shutdown()
