"""Files that are not whole yet: the room that they need, and how they go. (Of what fetches them, nothing: a run needs
no HTTP client, which takes a fifth of a second to import.)"""

from __future__ import annotations

import shutil
from pathlib import Path

from data.weights.registry import WeightsError


def check_space(folder: Path, needed: int) -> None:
    """WeightsError when `folder`'s disk has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WeightsError(
            f"The disk of {folder} has {free / 1e6:,.1f} MB left, and {needed / 1e6:,.1f} MB are needed: free some, or "
            "set PERSON_REMOVAL_CACHE to a folder on another disk."
        )


def discard(part: Path) -> None:
    """Remove a part and the note about where it came from."""
    note_of(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def note_of(part: Path) -> Path:
    """The file beside a part that says where it came from."""
    return part.with_name(part.name + ".from")
