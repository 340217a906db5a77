"""Where the installed program starts. Worker processes import this file again and need no command, which are half a
second of imports."""

from __future__ import annotations


def main() -> None:
    """`flows.cli.main.main`."""
    from flows.cli.main import main as run

    run()
