"""Figures of the holes that a run has published, instead of holes computed for the purpose."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.images import decode, read_mask_png
from data.places import read_bytes
from data.types import Hole, People, Pixels
from flows.evaluation.estimates import Parts
from flows.evaluation.masks import Case
from flows.evaluation.reference import AnnotatedPhoto


class FinishedRun:
    """An output directory. Raises InputError for one that holds no result."""

    def __init__(self, output: Path) -> None:
        self.output = output
        try:
            lines = read_bytes(output / "manifest.jsonl").decode().splitlines()
            self.rows = {row["file_name"]: row for row in map(json.loads, lines)}
            self.people = json.loads(read_bytes(output / "people.json"))
        except OSError as error:
            raise InputError(f"{output}: it holds no result of a run ({error.strerror}).") from None
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{output}: its manifest.jsonl or people.json is damaged; run again.") from None

    def cases(self, photos: Iterable[AnnotatedPhoto]) -> Iterator[tuple[Case, Hole, Parts]]:
        """Every photo that was published with its mask: the case, the hole, and the part of the figure `changed`."""
        for photo in photos:
            row = self.rows.get(photo.name, {})
            if not row.get("mask") or not row.get("output") or photo.name not in self.people:
                continue
            hole = read_mask_png(self.output / row["mask"])
            found = People.from_json(self.people[photo.name])
            changed = {"changed": self._changed(photo, row["output"], hole)}
            yield Case(photo.name, photo.pixels, photo.truth, found), hole, changed

    def _changed(self, photo: AnnotatedPhoto, name: str, hole: Hole) -> tuple[float, float]:
        after: Pixels = decode(read_bytes(self.output / name), name).pixels
        differs = (after != photo.pixels).any(2) & (hole == 0)
        return float(np.count_nonzero(differs)), float(np.count_nonzero(hole == 0))
