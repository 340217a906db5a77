"""The whole training: steps, validations, checkpoints, from wherever it stands to its end or until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from configs import SettingsError
from configs.training import TrainSettings
from data.errors import InputError
from inpainting.training import processes
from inpainting.training.curves import Curves
from inpainting.training.data import Item, Items, split_photos
from inpainting.training.holes import read_silhouettes
from inpainting.training.pairs import build_prefill
from inpainting.training.resident import hold, resident_batches
from inpainting.training.state import State, export, fresh, metadata, resume, save_checkpoint
from inpainting.training.step import Batch, as_batch, take_step
from inpainting.training.validation import Figure, validate, write_sheet


@dataclass(frozen=True)
class Material:
    """What is trained and validated on."""

    train: Items
    validation: Items


@dataclass(frozen=True)
class Place:
    """The output folder's files."""

    folder: Path

    def checkpoint(self, step: int) -> Path:
        return self.folder / "checkpoints" / f"{step:08d}.pth"

    def checkpoints(self) -> list[Path]:
        """Oldest first. Files of other names are somebody's own."""
        found = [path for path in (self.folder / "checkpoints").glob("*.pth") if path.stem.isdecimal()]
        return sorted(found, key=lambda path: int(path.stem))

    def sheet(self, step: int) -> Path:
        return self.folder / "samples" / f"{step:08d}.png"

    @property
    def weights(self) -> Path:
        """The mean generator, for `inpaint.deepfillv2.weights`."""
        return self.folder / "weights.safetensors"


@dataclass(frozen=True)
class Pace:
    """Of the steps since the last validation, which is not counted. network: share of the time that was not spent
    waiting for crops."""

    steps_a_second: float
    network: float


@dataclass(frozen=True)
class Progress:
    """After a step, or before the first one. validation: figures, where they were taken. pace: with them, once there
    are steps."""

    step: int
    losses: Mapping[str, float]
    validation: Mapping[str, float] | None = None
    pace: Pace | None = None


@dataclass
class Stopwatch:
    """Seconds since the last `pace`: waiting for crops, and learning."""

    device: torch.device
    waited: float = 0.0
    learnt: float = 0.0
    steps: int = 0

    def wait(self, batches: Iterator[Batch]) -> Batch:
        began = time.monotonic()
        batch = next(batches)
        if self.device.type == "cuda":  # crops that are cut there are not the network's time
            torch.cuda.synchronize(self.device)
        self.waited += time.monotonic() - began
        return batch

    def learn(self, step: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        """step: returns numbers, so that the device is done when it returns."""
        began = time.monotonic()
        losses = step()
        self.learnt += time.monotonic() - began
        self.steps += 1
        return losses

    def pace(self) -> Pace | None:
        whole = self.waited + self.learnt
        found = Pace(self.steps / whole, self.learnt / whole) if whole else None
        self.waited, self.learnt, self.steps = 0.0, 0.0, 0
        return found


def gather(settings: TrainSettings) -> Material:
    """Find photos and silhouettes. Raises SettingsError."""
    if settings.data.resident and settings.network.prefill != "none":
        raise SettingsError("data.resident: holes are filled before the network sees them on the CPU; leave it out.")
    train, held = split_photos(settings)
    people = tuple(read_silhouettes(settings.holes.silhouettes))
    items = Items(tuple(train), people, settings)
    return Material(items, replace(items, photos=tuple(held), purpose="validate"))


def batches_of(items: Items, cache: Path | None, start: int, device: torch.device) -> Generator[Batch, None, None]:
    """This process's share of every batch from step `start` on, on the device."""
    rank, world = processes.rank(), processes.world()
    if items.settings.data.resident:
        return resident_batches(items, hold(items, device), start, rank, world)
    return _moved(items.batches(start, build_prefill(items, cache), rank, world), items.settings, device)


def _moved(
    read: Generator[list[Item], None, None], settings: TrainSettings, device: torch.device
) -> Generator[Batch, None, None]:
    with closing(read):
        for items in read:
            yield as_batch(items, device, settings.run.channels_last)


def choose_checkpoint(place: Place, wanted: str | None) -> Path | None:
    """The checkpoint to go on from: None to start anew, `latest`, or a file. Raises InputError."""
    there = place.checkpoints()
    if wanted is None:
        if there:
            raise InputError(
                f"{place.folder} holds a training of {int(there[-1].stem)} steps: go on with `--resume latest`, "
                "or give another folder."
            )
        return None
    if wanted == "latest":
        if not there:
            raise InputError(f"{place.folder} holds no checkpoint to go on from; leave --resume out.")
        return there[-1]
    if there and Path(wanted).resolve() != there[-1].resolve():  # the later ones would be another course's
        raise InputError(
            f"{place.folder} holds a training of {int(there[-1].stem)} steps, whose newest checkpoint {wanted} is not: "
            "go on from that one with `--resume latest`, or from this one in another folder."
        )
    return Path(wanted)


def begin(settings: TrainSettings, start: Path | None = None) -> State:
    """The state to train from: of the checkpoint `start`, or a fresh one; nothing is written. Joins the other
    processes. Raises SettingsError, CheckpointError, FileNotFoundError."""
    device = processes.start(settings)
    return resume(start, settings, device) if start else fresh(settings, device)


def train(
    state: State,
    settings: TrainSettings,
    material: Material,
    place: Place,
    figures: Mapping[str, Figure],
    cache: Path | None = None,
    tell: Callable[[Progress], None] = lambda progress: None,
    stopped: Callable[[], bool] = lambda: False,
) -> State:
    """Train to `optimiser.steps`, or until `stopped` or `run.minutes`; the last state, whose checkpoint is written.

    state: of `begin`. cache: where pre-fills of pairs are kept. tell: called after every step.
    """
    device, first = state.device, processes.rank() == 0
    curves = Curves(place.folder, settings.optimiser.steps, state.step, settings.run.tensorboard) if first else None
    validating = build_prefill(material.validation, None)
    held = [material.validation.item(i, validating) for i in range(settings.validation.items)] if first else []
    began, last, clock = time.monotonic(), settings.optimiser.steps, Stopwatch(device)

    def report(losses: Mapping[str, float]) -> None:
        if curves:
            found, sheet = validate(state, held, settings, figures)
            curves.validation(state.step, found)
            curves.write()
            write_sheet(place.sheet(state.step), sheet)
            tell(Progress(state.step, losses, found, clock.pace()))

    def keep() -> None:
        if first:
            about = metadata(state, settings, len(material.train.photos))
            save_checkpoint(state, place.checkpoint(state.step), about)
            export(state, place.weights, about)
            for old in place.checkpoints()[: -settings.run.keep]:
                old.unlink()

    if state.step == 0:
        report({})
    batches = batches_of(material.train, cache, state.step, device)
    try:
        while state.step < last:
            batch = clock.wait(batches)
            losses = clock.learn(partial(take_step, state, batch, settings))
            if curves:
                curves.step(state.step, losses)
                tell(Progress(state.step, losses))
            late = bool(settings.run.minutes) and time.monotonic() - began > 60 * settings.run.minutes
            end = processes.any_of(late or stopped(), device)
            if state.step % settings.validation.every == 0 or (state.step == last and not end):
                report(losses)
            if end or state.step == last or state.step % settings.run.checkpoint == 0:
                keep()
            if end:
                break
    finally:
        batches.close()
    if curves:
        curves.write()
    processes.meet()
    return state
