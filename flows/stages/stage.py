"""What a stage is: how its artifact is named, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data.plan.entries import Entry
from flows.facts import Row, Rows
from flows.stages.context import RunContext
from flows.stages.records import StageOutput


@dataclass(frozen=True)
class Stage:
    """A function from one photo's inputs to one artifact.

    key: name of the photo's artifact, a digest of everything that decides its content. compute: its content and facts.
    intact: whether an artifact that is in the store still holds.
    """

    name: str
    key: Callable[[RunContext, Entry, Rows], str]
    compute: Callable[[RunContext, Entry, Rows], StageOutput]
    intact: Callable[[RunContext, Row], bool] = lambda run, row: True
