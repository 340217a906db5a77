"""What is told of a run while it works: problems with a limit, counts by stage, one JSON object a line."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from configs.words import counted
from data.errors import InputError
from data.types import PUBLISHED
from flows.facts import PublishFacts, Row

Listener = Callable[[str, Row, bool, float], None]
"""Told of every photo: stage, row, whether it came from the store, seconds of computing."""
listeners: list[Listener] = []
_telling = threading.RLock()
SHOWN = 20
"""Problems that are told one by one; of the others, how many there are."""


def tell(stage: str, row: Row, stored: bool, seconds: float) -> None:
    """Tell every listener of a photo that a stage has finished."""
    with _telling:  # shards come on several threads
        for listener in listeners:
            listener(stage, row, stored, seconds)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """`listener` is told of every photo that a stage finishes in this process."""
    listeners.append(listener)
    try:
        yield
    finally:
        listeners.remove(listener)


@contextmanager
def problems_to(warn: Callable[[str], object]) -> Iterator[None]:
    """Every photo that ends in trouble is told once, by a sentence that names it; after `SHOWN` they are counted."""
    told: set[str] = set()

    def listen(stage: str, row: Row, stored: bool, seconds: float) -> None:
        state = final_state(stage, row)
        if state in (None, *PUBLISHED) or row["id"] in told or _fact(row, "decision") or row.get("damaged"):
            return  # what was damaged is made once more in the same run
        told.add(row["id"])
        if len(told) <= SHOWN:
            warn(f"{state}: {_reason(row)}")

    with listening(listen):
        yield
    if len(told) > SHOWN:
        warn(f"... and {len(told) - SHOWN} more photos with problems, all in manifest.jsonl.")


def final_state(stage: str, row: Row) -> str | None:
    """The state that a photo ended in; None before its last stage."""
    state = row.get("state") or (_fact(row, "state") if stage == "publish" else None)
    return str(state) if state else None


@dataclass
class StageCount:
    """Photos that a stage has finished. seconds: of computing, summed over processes."""

    photos: set[str] = field(default_factory=set)
    computed: int = 0
    seconds: float = 0.0

    def sentence(self, stage: str, photos: int) -> str:
        """photos: in the run; what was not told of one came from the store, a whole shard at once."""
        cached = max(photos - self.computed, 0)
        return f"{stage}: {counted(self.computed)} computed in {self.seconds:.1f} s of work, {cached} from the store"


class Counts(defaultdict[str, StageCount]):
    """A listener that counts by stage. computed: ids of the photos of
    which each stage computed anything. megapixels: of each photo that was published anew. people: the most of
    one."""

    def __init__(self) -> None:
        super().__init__(StageCount)
        self.megapixels, self.people, self.computed = list[float](), 0, defaultdict[str, set[str]](set)

    def told(self, stage: str, rows: Iterable[Row]) -> None:
        """Tell of these rows of a finished stage what nobody has told of them: they came from the store, all at once
        (Prefect remembers the result of a whole shard)."""
        for row in rows:
            if row["id"] not in self[stage].photos:
                tell(stage, row, True, 0)

    def __call__(self, stage: str, row: Row, stored: bool, seconds: float) -> None:
        count = self[stage]
        count.photos.add(row["id"])
        count.computed += not stored
        count.seconds += seconds
        if not stored:
            self.computed[stage].add(row["id"])
        facts: PublishFacts | None = row.get("facts") if stage == "publish" and not stored else None
        if facts and facts["width"] and facts["height"]:
            self.megapixels.append(facts["width"] * facts["height"] / 1e6)
            self.people = max(self.people, facts["people"] or 0)


@contextmanager
def json_log(target: str | None, **about: object) -> Iterator[Callable[..., None]]:
    """One JSON object a line into a file (appended) or, for `-`, on stderr; yields what writes an event.

    Photos from the store are told once, when they are published; about: goes into every line. Raises InputError.
    """
    if target is None:
        yield lambda event, **values: None
        return
    try:
        file: IO[str] = sys.stderr if target == "-" else Path(target).expanduser().open("a", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{target}: the log cannot be written ({error.strerror}); name another (run.log_json)."
        ) from None
    lock = threading.Lock()

    def write(event: str, **values: object) -> None:
        line = json.dumps(
            {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **about, **values}
        )
        with lock:
            file.write(line + "\n")
            file.flush()

    def listen(stage: str, row: Row, stored: bool, seconds: float) -> None:
        if stored and stage != "publish":
            return
        values = {"photo": row["name"], "stage": stage, "state": final_state(stage, row) or "done", "cached": stored}
        reason = {"reason": _reason(row)} if _reason(row) else {}
        write("photo", **values, seconds=round(seconds, 3), **reason)

    try:
        with listening(listen):
            yield write
    except BaseException as error:
        write("error", reason=str(error) or type(error).__name__)
        raise
    finally:
        if file is not sys.stderr:
            file.close()


def _reason(row: Row) -> str | None:
    reason = row.get("reason") or _fact(row, "reason")
    return str(reason) if reason else None


def _fact(row: Row, name: str) -> object:
    facts: Mapping[str, object] = row.get("facts") or {}
    return facts.get(name)
