"""A Prefect plugin: `prefect deployment run person-removal` means `person-removal/person-removal`.

Prefect loads it by the entry point group `prefect.plugins` where plugins are switched on (this project's prefect.toml,
or PREFECT_PLUGINS_ENABLED=true). Where Prefect has changed inside, names stay as they are and Prefect says what
it makes of them; the form with the slash always works.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from prefect.plugins import register_hook

_METHOD = "read_deployment_by_name"


@register_hook
def setup_environment(*, ctx: object) -> None:
    """Prefect's hook, called before its command line and its workers do anything."""
    try:
        from prefect.client.orchestration import PrefectClient, SyncPrefectClient
    except ImportError:
        return
    for client in (PrefectClient, SyncPrefectClient):
        method = getattr(client, _METHOD, None)
        if callable(method) and not hasattr(method, "__wrapped__"):
            setattr(client, _METHOD, _with_full_name(method))


def full_name(name: str) -> str:
    """`x` -> `x/x`; a name with a slash stays."""
    return name if "/" in name or not name else f"{name}/{name}"


def _with_full_name(method: Callable[..., object]) -> Callable[..., object]:
    @wraps(method)
    def read(self: object, name: object, *args: object, **kwargs: object) -> object:
        return method(self, full_name(name) if isinstance(name, str) else name, *args, **kwargs)

    return read
