"""Tables of figures on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table


def drawn(head: Sequence[str], cells: Sequence[Sequence[str]], title: str | None = None) -> Table:
    """A table whose cells are `value (low to high)` or words. The interval stands below its value, so that all columns
    fit 80 characters."""
    table = Table(*head, title=escape(title) if title else None)
    for row in cells:
        table.add_row(*(escape(cell).replace(" (", "\n(").replace(" to ", "–") for cell in row))
    return table
