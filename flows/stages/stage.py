"""What a stage is: how its artifact is named, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data.plan.entries import Entry
from flows.facts import Row, Rows
from flows.stages.context import RunContext
from flows.stages.records import StageOutput


@dataclass(frozen=True)
class Stage:
    """A function from one photo's inputs to one artifact.

    facts: what is known of its facts. key: name of the photo's artifact, a digest of everything that decides its
    content. compute: its content and facts. intact: whether an artifact that is in the store still holds.
    """

    name: str
    facts: TypeAdapter[Any]
    key: Callable[[RunContext, Entry, Rows], str]
    compute: Callable[[RunContext, Entry, Rows], StageOutput]
    intact: Callable[[RunContext, Row], bool] = lambda run, row: True

    def holds(self, run: RunContext, row: Row) -> bool:
        """Whether a row from the store can be used: its facts are such as runs write, and it is intact."""
        try:
            self.facts.validate_python(row.get("facts"))
        except (ValidationError, RecursionError):
            return False
        return self.intact(run, row)
