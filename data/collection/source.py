"""One photo of a collection, before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.coco.ids import Id


@dataclass(frozen=True, slots=True)
class Source:
    """One photo of the collection. name: posix path below the photos' folder; refused: why it cannot be taken.

    listed: (number of the annotation file, image id) of every main file that lists it. doubt: why the annotation files
    may not say all that there is to say of its people.
    """

    name: str
    path: Path
    listed: tuple[tuple[int, Id], ...] = ()
    stated_size: tuple[int, int] | None = None
    refused: str | None = None
    doubt: str | None = None

    @property
    def image_id(self) -> Id | None:
        return self.listed[0][1] if self.listed else None
