"""What the page says about one photo: a value that the result follows from, so that undo is an earlier value."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, replace

from data.errors import InputError
from flows.app.strokes import Stroke, parse_strokes

MOST_ROUNDS = 100
"""Corrections of one result."""
MOST_ROOM = 0.5
UNREADABLE = "The page said something that could not be read; load it again."


@dataclass(frozen=True)
class Round:
    """A correction of the result: what was painted over it, and the fill that fills just that."""

    fill: str
    strokes: tuple[Stroke, ...]


@dataclass(frozen=True)
class Edit:
    """segmenter, fill: names of choices. room: `refine.dilate`. keep: ids of people who stay. too: ids of people whom
    only the verifier found and who go as well. strokes: drawn on the photo. rounds: corrections, in order."""

    segmenter: str
    fill: str
    room: float
    keep: tuple[int, ...] = ()
    too: tuple[int, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    rounds: tuple[Round, ...] = ()

    @property
    def key(self) -> str:
        """Names the result: equal edits of one photo give equal pixels."""
        said = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    @property
    def before(self) -> Edit | None:
        """The edit without the last correction; None where there is none."""
        return replace(self, rounds=self.rounds[:-1]) if self.rounds else None


def parse_edit(said: object, segmenters: Container[str], fills: Container[str]) -> Edit:
    """An edit as the page sends it. Raises InputError for anything else."""
    try:
        if not isinstance(said, Mapping):
            raise TypeError(said)
        rounds = [Round(_one_of(fills, one["fill"]), parse_strokes(one["strokes"])) for one in said.get("rounds", ())]
        if len(rounds) > MOST_ROUNDS:
            raise InputError(f"A result can be corrected {MOST_ROUNDS} times; download it and drop it as a new photo.")
        return Edit(
            segmenter=_one_of(segmenters, said["segmenter"]),
            fill=_one_of(fills, said["fill"]),
            room=_room(said["room"]),
            keep=_ids(said.get("keep", ())),
            too=_ids(said.get("too", ())),
            strokes=parse_strokes(said.get("strokes", ())),
            rounds=tuple(rounds),
        )
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError):
        raise InputError(UNREADABLE) from None


def _one_of(names: Container[str], name: object) -> str:
    if not isinstance(name, str) or name not in names:
        raise ValueError(name)
    return name


def _ids(said: object) -> tuple[int, ...]:
    if not isinstance(said, list | tuple) or len(said) > 10_000:
        raise ValueError(said)
    return tuple(sorted({int(one) for one in said}))


def _room(said: object) -> float:
    room = float(said)  # type: ignore[arg-type]
    if not math.isfinite(room) or not 0 <= room <= MOST_ROOM:
        raise ValueError(said)
    return round(room, 4)
