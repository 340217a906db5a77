"""What the server says, in a file that does not grow for ever."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MOST, KEPT = 10_000_000, 5
"""Bytes from which a log is put aside, and how many such are kept."""


def rotate(log: Path) -> None:
    """Put a log that has grown large aside as `NAME.1`, earlier ones as `.2` and so on; the last one goes.

    Its writer keeps the file open (to append), so it is copied and emptied, as logrotate's `copytruncate` does; what is
    written between the two is lost.
    """
    if not log.is_file() or log.stat().st_size < MOST:
        return
    aside = [log.with_name(f"{log.name}.{number}") for number in range(1, KEPT + 1)]
    for older, newer in zip(aside[:0:-1], aside[-2::-1], strict=True):
        if newer.is_file():
            newer.replace(older)
    shutil.copyfile(log, aside[0])
    os.truncate(log, 0)
