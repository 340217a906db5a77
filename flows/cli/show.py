"""What `person-removal run` shows: what it is about to do, how far it is, how it ended."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

import inpainting
from configs import Settings, SettingsError
from configs.load import load_settings
from configs.methods import Section
from configs.words import counted
from data.storage.places import storage_of
from data.types import STATES
from flows.cli.options import console, errors
from flows.facts import Row
from flows.pipeline import STAGE_NAMES
from flows.plan.decisions import RECORD
from flows.plan.selection import masks_ahead
from flows.report.states import STATE_WORDS
from flows.results.finish import Summary
from flows.run.forecast import Forecast
from flows.run.job import Job
from flows.run.progress import Counts, final_state, listening
from flows.stages.context import resolve_fill, wished_weights
from flows.stages.verifier import verifier_words

WORTH, SHARE = 10, 0.03
"""Finished photos, and the share of the work that was computed, from which the time that is left can be told: the first
photos wait for networks to load and say little of the others, those from the store nothing."""
EVERY = 30.0
"""Seconds between two lines where there is no terminal to draw on."""


def _fill(settings: Settings) -> str:
    """The fill, what guides it, and what would bring a better one where the preset's `auto` found the least."""
    inpaint = settings.inpaint
    name = inpaint.named if inpaint.guide else _with_file(inpaint)
    try:
        asked = load_settings(settings.preset)
    except SettingsError:  # the preset's file has gone since
        return name
    if resolve_fill(asked.inpaint).fill != inpaint.fill or not wished_weights(asked):
        return name
    if inpaint.fill != inpainting.choices(asked.inpaint)[-1].fill:
        return f"{name} (the best whose weights are here)"
    better = f"`person-removal weights fetch {' '.join(wished_weights(asked))}` brings a better one"
    return f"{name} (the best whose weights are here; {better})"


def _with_file(section: Section) -> str:
    """The chosen method, and which of several networks it takes."""
    name = section.chosen
    return f"{name} ({Path(next(section.weights_of(name))).name})" if section.methods[name].auto else name


@dataclass(frozen=True)
class Show:
    """out: where to tell it. as_json: stdout is left to the summary. problems: where the photos with problems go."""

    out: Console
    problems: Console
    as_json: bool = False

    @classmethod
    def of(cls, *, quiet: bool = False, as_json: bool = False) -> Show:
        out = Console(quiet=True) if quiet else errors if as_json else console
        return cls(out, errors if quiet else out, as_json)

    def announce(self, job: Job) -> None:
        settings, planned, output = job.context.settings, job.planned, job.context.output
        free = storage_of(output).free(output)
        self._say(
            f"{counted(planned.photos)}, {planned.bytes / 1e6:.1f} MB, in {counted(len(planned.shards), 'shard')}"
            + (f"; free on disk: {free / 1e9:.1f} GB" if free is not None else "")
        )
        self._say(
            f"preset {settings.preset}: segment with {_with_file(settings.segment)}, "
            f"fill with {_fill(settings)}, {verifier_words(settings)}"
        )
        for note in job.collection.notes:
            self.out.print(note, style="yellow", markup=False)
        if planned.decisions.by_name:
            self._say(f"decisions: {planned.decisions.summary()} (kept in {output / RECORD})")
        for note in planned.decisions.notes:
            self.problems.print(note, style="yellow", markup=False)
        if planned.edited:
            self._say(
                f"masks edited by hand: {len(planned.edited)}, the first of {planned.edited[0]}. "
                "They are used as drawn, whatever the refine settings; delete one to have it computed again."
            )
        if free is not None and planned.bytes * 3 > free:
            self.out.print("Little room: the run may need about three times the photos' size.", style="yellow")

    def forecast(self, ahead: Forecast) -> None:
        """What a run would do."""
        over = "".join(f", {count} of them {state} before they start" for state, count in ahead.over.items())
        others = f", {ahead.others} others stay as they are" if ahead.others else ""
        self._say(f"{counted(ahead.photos)}, {ahead.bytes / 1e6:.1f} MB{over}{others}")
        table = Table("stage", "by", "stored", "to compute", "s a photo")
        for name, stage in ahead.stages.items():
            seconds = "not measured here" if stage.seconds is None else f"{stage.seconds:.2f}"
            table.add_row(name, stage.by, str(stage.stored), str(stage.compute), seconds if stage.compute else "")
        self.out.print(table)
        for note in ahead.notes:
            self.out.print(note, style="yellow", markup=False)
        if ahead.largest.value:
            self._say(f"Largest photo: {ahead.largest.name}, {ahead.largest.value:.1f} megapixels.")
        if ahead.people:
            self._say(
                f"People: the annotations outline {ahead.people}, at most {ahead.crowd.value:.0f} on one photo "
                f"({ahead.crowd.name})."
            )
        if not any(stage.compute for stage in ahead.stages.values()):
            self._say("Everything is in the store: nothing would be computed.")
        elif ahead.seconds is None:
            way = "a run of these measures it" if ahead.others else "run a few with --photos first"
            self._say(f"Time: unknown: {ahead.unknown}; {way}.")
        else:
            self._say(
                f"Time: about {_minutes(ahead.seconds)} with {ahead.workers} processes on {ahead.cores} cores, as "
                "measured here."
            )
        free = f", {ahead.free / 1e9:.1f} GB are free" if ahead.free is not None else ""
        self._say(f"Disk: up to {ahead.room / 1e6:.0f} MB below {ahead.output}{free}. Nothing was written.")

    @contextmanager
    def following(self, job: Job) -> Iterator[None]:
        """Inside, it is shown how far the run is: bars on a terminal, else a line now and then."""
        so_far = SoFar(job.planned.photos, job.selection.reached)
        bars = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        below = Text()
        tasks = {stage: bars.add_task(stage, total=so_far.photos, note="") for stage in so_far.stages}
        said = time.monotonic()

        def listen(stage: str, row: Row, from_store: bool, seconds: float) -> None:
            nonlocal said
            so_far.count(stage, row, from_store, seconds)
            stored = so_far.stored[stage]
            bars.update(
                tasks[stage], completed=len(so_far.counts[stage].photos), note=f"{stored} cached" if stored else ""
            )
            below.plain = so_far.sentence()
            if not self.out.is_terminal and time.monotonic() - said >= EVERY:
                said = time.monotonic()
                self._say(so_far.sentence())

        drawn = Live(Group(bars, below), console=self.out) if self.out.is_terminal else nullcontext()
        with drawn, listening(listen):
            yield

    def stages_done(self, job: Job) -> None:
        """The end of a run that publishes nothing."""
        if job.selection.reached[-1] == "refine" and (ahead := masks_ahead(job.context)):
            self._say(
                f"{counted(ahead)} in images/ and review/ {'has' if ahead == 1 else 'have'} another hole than masks/ "
                "shows now; a run without --stages fills the new ones."
            )
        self._say(f"Stages done: {', '.join(job.selection.stages)}.")
        if job.selection.reached[-1] == "refine" and job.context.settings.publish.masks:
            self._say(
                f"The holes are in {job.context.output / 'masks'}: white is removed. Edit any of them, "
                "then run again without --stages."
            )

    def close(self, summary: Summary) -> None:
        table = Table("state", "photos", "", title=None)
        for state in STATES:
            if state in summary.states:
                table.add_row(state, str(summary.states[state]), STATE_WORDS[state].meaning)
        self.out.print(table)
        self._problems(summary.problems)
        if summary.computed:
            self._say(f"{_done(summary)}; {summary.seconds:.1f} s ({_pace(summary.rate)}).")
        else:
            self._say(f"Everything was cached: nothing computed; {summary.seconds:.1f} s.")
        if summary.missing:
            self._say(
                f"{counted(summary.missing)} of the collection never took part in a run, so OUT does not have them."
            )
        for sentence in summary.decided:
            self._say(sentence)
        if summary.report:
            self._say(f"Report: {summary.report}")

    def _problems(self, problems: Sequence[str]) -> None:
        for sentence in problems[:10]:
            self.problems.print(f"  {sentence}", markup=False)
        if len(problems) > 10:
            self.problems.print(f"  ... and {len(problems) - 10} more, all in manifest.jsonl.", markup=False)

    def _say(self, sentence: str) -> None:
        self.out.print(sentence, markup=False)


def _done(summary: Summary) -> str:
    """What was computed: `186 photos`, `3 of 186 photos computed, the rest from the store`, or of which stages."""
    most = max(summary.by_stage.values())
    if most == summary.photos and len(summary.by_stage) == len(STAGE_NAMES):
        return counted(summary.photos)
    if len(summary.by_stage) == len(STAGE_NAMES):
        return f"{summary.computed} of {counted(summary.photos)} computed, the rest from the store"
    stages = ", ".join(f"{stage} of {counted(number)}" for stage, number in summary.by_stage.items())
    return f"Computed: {stages}; the rest of {counted(summary.photos)} from the store"


class SoFar:
    """How far a run is, from what is told of its photos."""

    def __init__(self, photos: int, stages: Sequence[str]) -> None:
        self.photos, self.stages, self.started = photos, stages, time.monotonic()
        self.counts, self.states = Counts(), dict[str, str]()
        self.stored: Counter[str] = Counter()
        self.by_state: Counter[str] = Counter()  # counted as they come: every photo asks for them

    def count(self, stage: str, row: Row, from_store: bool, seconds: float) -> None:
        first = row["id"] not in self.counts[stage].photos  # not of an extra pass
        self.stored[stage] += from_store and first and "key" in row
        self.counts(stage, row, from_store, seconds)
        if state := final_state(stage, row):
            self.by_state[self.states.get(row["id"], "")] -= 1
            self.by_state[state] += 1
            self.states[row["id"]] = state

    @property
    def work(self) -> tuple[float, float]:
        """Share of the work that is done, 0..1, and of it what was computed, not found in the store: photos by stage,
        each stage weighing what its photos take here."""
        cost = {stage: c.seconds / c.computed for stage, c in self.counts.items() if c.computed}
        mean = sum(cost.values()) / len(cost) if cost else 1.0  # of a stage that has not begun
        weight = {stage: cost.get(stage, mean) for stage in self.stages}
        done, stored = (
            sum(weight[stage] * number[stage] for stage in self.stages) / max(sum(weight.values()) * self.photos, 1e-9)
            for number in (Counter({stage: len(count.photos) for stage, count in self.counts.items()}), self.stored)
        )
        return done, done - stored

    def sentence(self) -> str:
        """`80 of 186 photos, 1.9 photos/s, about 0:55 left: removed 70, review 2`."""
        seconds, done, (work, computed) = time.monotonic() - self.started, len(self.states), self.work
        parts = [f"{done} of {counted(self.photos)}"]
        if done:
            parts.append(_pace(done / max(seconds, 1e-9)))
        if done >= WORTH and computed >= SHARE and work < 1 - 1e-9:
            parts.append(f"about {_minutes(seconds * (1 - work) / computed)} left")
        states = ", ".join(f"{state} {self.by_state[state]}" for state in STATES if self.by_state[state])
        return ", ".join(parts) + (f": {states}" if states else "")


def _pace(rate: float) -> str:
    """`1.85 photos/s`, or where that would be next to nothing `24 s a photo`."""
    return f"{rate:.2f} photos/s" if rate >= 0.1 else f"{1 / max(rate, 1e-9):.0f} s a photo"


def _minutes(seconds: float) -> str:
    """`0:55`, `12:03`, `3:02:10`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
