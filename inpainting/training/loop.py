"""The whole training: steps, validations, checkpoints, from wherever it stands to its end or until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from configs.training import TrainSettings
from data.errors import InputError
from inpainting.training import processes
from inpainting.training.curves import Curves
from inpainting.training.data import Items, split_photos
from inpainting.training.holes import read_silhouettes
from inpainting.training.pairs import build_prefill
from inpainting.training.state import State, export, fresh, metadata, resume, save_checkpoint
from inpainting.training.step import as_batch, take_step
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
class Progress:
    """After a step, or before the first one. validation: figures, where they were taken."""

    step: int
    losses: Mapping[str, float]
    validation: Mapping[str, float] | None = None


def gather(settings: TrainSettings) -> Material:
    """Find photos and silhouettes. Raises SettingsError."""
    train, held = split_photos(settings)
    people = tuple(read_silhouettes(settings.holes.silhouettes))
    items = Items(tuple(train), people, settings)
    return Material(items, replace(items, photos=tuple(held), purpose="validate"))


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
    began, last = time.monotonic(), settings.optimiser.steps

    def report(losses: Mapping[str, float]) -> None:
        if curves:
            found, sheet = validate(state, held, settings, figures)
            curves.validation(state.step, found)
            curves.write()
            write_sheet(place.sheet(state.step), sheet)
            tell(Progress(state.step, losses, found))

    def keep() -> None:
        if first:
            about = metadata(state, settings, len(material.train.photos))
            save_checkpoint(state, place.checkpoint(state.step), about)
            export(state, place.weights, about)
            for old in place.checkpoints()[: -settings.run.keep]:
                old.unlink()

    if state.step == 0:
        report({})
    batches = material.train.batches(
        state.step, build_prefill(material.train, cache), processes.rank(), processes.world()
    )
    try:
        while state.step < last:
            batch = as_batch(next(batches), device, settings.run.channels_last)
            losses = take_step(state, batch, settings)
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
