"""What a run has published, photo by photo, instead of what is computed for the purpose."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from data.images import decode, people_upright, read_mask_png, to_raw_frame, upright
from data.storage.places import read_bytes
from data.types import Hole, People, PeopleJson, Pixels
from flows.evaluation.estimates import Parts
from flows.evaluation.exactness import LOSSLESS, changed_blocks, changed_pixels
from flows.evaluation.masks import Case
from flows.evaluation.reference import AnnotatedPhoto
from flows.facts import PhotoRecord


@dataclass(frozen=True)
class Published:
    """A photo and what became of it. found: whom the run found. row: its line of the manifest. raw: the published
    file, which holds `result`."""

    photo: AnnotatedPhoto
    found: People
    hole: Hole
    result: Pixels
    raw: bytes
    row: PhotoRecord


class FinishedRun:
    """An output directory. Raises InputError for one that holds no result."""

    def __init__(self, output: Path) -> None:
        self.output = output
        try:
            lines = read_bytes(output / "manifest.jsonl").decode().splitlines()
            self.rows: dict[str, PhotoRecord] = {row["file_name"]: row for row in map(json.loads, lines)}
            self.people: dict[str, PeopleJson] = dict(json.loads(read_bytes(output / "people.json")))
        except OSError as error:
            raise InputError(f"{output}: it holds no result of a run ({error.strerror}).") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError(f"{output}: its manifest.jsonl or people.json is damaged; run again.") from None

    def published(self, photos: Iterable[AnnotatedPhoto]) -> Iterator[Published]:
        """Every photo that was published with its mask. Raises InputError for a file that is gone since."""
        for photo in photos:
            row = self.rows.get(photo.name)
            mask, output = (row.get("mask"), row.get("output")) if row else (None, None)
            if not row or not mask or not output or photo.name not in self.people:
                continue
            try:
                mask_, raw = read_mask_png(self.output / mask), read_bytes(self.output / output)
            except OSError as error:
                raise InputError(f"{self.output}: {photo.name} cannot be read ({error.strerror}); run again.") from None
            result, hole = decode(raw, output).pixels, upright(mask_, photo.orientation)
            found = people_upright(People.from_json(self.people[photo.name]), photo.orientation)
            yield Published(photo, found, hole, result, raw, row)

    def cases(self, photos: Iterable[AnnotatedPhoto]) -> Iterator[tuple[Case, Hole, Parts]]:
        """The same for figures of masks: the case, the hole, and the part of the figure `changed`."""
        for one in self.published(photos):
            photo = one.photo
            changed = {"changed": changed_pixels(photo.pixels, one.result, one.hole)}
            yield Case(photo.name, photo.pixels, photo.truth, one.found), one.hole, changed


def exactness(one: Published) -> Parts:
    """The part of `changed` for a lossless file, of `changed_blocks` for a JPEG file, nothing for others."""
    if one.row["format"] in LOSSLESS:
        return {"changed": changed_pixels(one.photo.pixels, one.result, one.hole)}
    if one.row["format"] == "JPEG":
        hole = to_raw_frame(one.hole, one.photo.orientation)
        blocks = changed_blocks(read_bytes(one.photo.path), one.raw, hole)
        return {"changed_blocks": blocks} if blocks else {}
    return {}
