"""The flow, its stages, and what people use: `remove_people`, the command line, the report.

>>> from flows import remove_people
>>> result = remove_people(image, preset="embedded")    # uint8 H x W x 3 RGB
>>> result.image, result.hole, result.people
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.own_packages import check_own_packages

check_own_packages()

if TYPE_CHECKING:
    from flows.api import Result, remove_people

__all__ = ["Result", "remove_people"]


def __getattr__(name: str) -> object:
    """Import the interface when it is asked for: the command line must not wait for it."""
    if name in __all__:
        from flows import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
