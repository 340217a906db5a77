"""`person-removal train`: own weights for DeepFillv2, from own photos."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from configs.training import TrainSettings, load_training
from data.errors import InputError
from data.storage.files import write_atomic
from data.types import Hole, Pixels
from flows.cli.options import console

if TYPE_CHECKING:
    from inpainting.training.loop import Material, Place
    from inpainting.training.state import State


def train(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="New or empty folder, or one to go on in.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML file of settings; default: the paper's recipe.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as data.photos=photos/.")
    ] = None,
    resume: Annotated[str | None, typer.Option(metavar="latest|FILE", help="Go on from a checkpoint.")] = None,
) -> None:
    """Train DeepFillv2 on photos without people; checkpoints, curves and samples come into OUT.

    Ctrl-C stops after the step at hand, with a checkpoint. Several GPUs: the same command under torchrun.

    \b
    person-removal train own/ --set data.photos=photos/ --set holes.silhouettes=instances_train2017.json
    person-removal fill photo.jpg hole.png filled.jpg --weights own/weights.safetensors
    torchrun --nproc-per-node 4 -m flows.cli.main train own/ --config train.yaml
    """
    settings = load_training(str(config) if config else None, set_ or ())
    from inpainting.deepfillv2.errors import CheckpointError
    from inpainting.training import loop, processes  # torch: only now

    place = loop.Place(output.expanduser().resolve())
    if place.folder.is_file():
        raise InputError(f"{output} is a file; give a folder for the training.")
    for folder in (*settings.data.photos, *settings.validation.photos):
        if place.folder.is_relative_to(Path(folder).expanduser().resolve()):  # samples would be photos the next time
            raise InputError(f"{output}: the output folder must lie apart from the photos in {folder}.")
    start = loop.choose_checkpoint(place, resume)
    cache = Path(settings.data.cache).expanduser() if settings.data.cache else place.folder / "pairs"
    try:
        state = loop.begin(settings, start)
        material = loop.gather(settings)
        first = processes.rank() == 0
        with _interrupts() as stopped, _bar(first) as bar:
            if first:
                _introduce(settings, material, place, state, start)
                _fill_pairs(material, cache, bar, stopped)
            if processes.any_of(bool(stopped), state.device):
                console.print("Stopped before the first step; the same command goes on.", markup=False)
                raise typer.Exit
            task = bar.add_task("training", total=settings.optimiser.steps)

            def tell(progress: loop.Progress) -> None:
                bar.update(task, completed=progress.step, description=_words(progress.losses) or "training")
                if progress.validation:
                    pace = progress.pace
                    said = f"; {pace.steps_a_second:.3g} steps/s, {pace.network:.0%} of it the network" if pace else ""
                    bar.console.print(f"step {progress.step:,}: {_words(progress.validation)}{said}", markup=False)

            loop.train(state, settings, material, place, _figures(), cache, tell, lambda: bool(stopped))
    except (CheckpointError, FileNotFoundError) as error:
        raise InputError(str(error)) from None
    finally:
        processes.end()
    if first and state.step < settings.optimiser.steps:
        console.print(
            f"Stopped after step {state.step:,} of {settings.optimiser.steps:,}; the same command with "
            "`--resume latest` goes on.",
            markup=False,
        )
    elif first:
        console.print(
            f"Done: `--fill deepfillv2 --set inpaint.deepfillv2.weights={place.weights}` uses it.", markup=False
        )


def _introduce(settings: TrainSettings, material: Material, place: Place, state: State, start: Path | None) -> None:
    """Say what is trained on, and save the settings."""
    people = len(material.train.people)
    console.print(
        f"{len(material.train.photos):,} photos to train on, {len(material.validation.photos):,} to validate on, "
        + (f"{people:,} silhouettes of people." if people else "no silhouettes: strokes and boxes are the holes."),
        markup=False,
    )
    ours = settings.model_dump(mode="json")
    if start:
        names = sorted({name for name, _ in _flat(state.made_with) ^ _flat(ours)})
        if names:
            console.print(f"Another {', '.join(names)} than {start} was made with: another course.", markup=False)
    write_atomic(place.folder / "settings.yaml", yaml.safe_dump(ours, sort_keys=False).encode())


def _flat(tree: Mapping[str, object]) -> set[tuple[str, str]]:
    """Names and values of the settings that a training's course depends on."""
    free = {"data.workers", "data.cache", "optimiser.steps", "network.start"}
    free |= {"validation.items", "validation.every"}
    free |= {f"run.{name}" for name in ("checkpoint", "keep", "minutes", "tensorboard")}
    every = {
        (f"{section}.{name}", repr(value))
        for section, fields in tree.items()
        if isinstance(fields, dict)
        for name, value in fields.items()
    }
    return {(name, value) for name, value in every if name not in free}


def _fill_pairs(material: Material, cache: Path, bar: Progress, stopped: list[int]) -> None:
    """The pre-fills of all pairs, before the first step."""
    from inpainting.training.pairs import prepare

    data = material.train.settings.data
    task = bar.add_task(f"pre-fills ({material.train.settings.network.prefill})", total=data.pairs, visible=False)
    for done in prepare(material.train, cache, data.workers):
        bar.update(task, completed=done, visible=True)
        if stopped:
            break
    bar.remove_task(task)


def _figures() -> dict[str, Callable[[Pixels, Pixels, Hole], float]]:
    from inpainting import metrics

    return {"psnr": metrics.psnr, "ssim": metrics.ssim}


def _words(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def _bar(shown: bool) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.description}"), console=console, disable=not shown)


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """A list that is no longer empty after Ctrl-C or a polite end by the system; the second Ctrl-C ends at once."""
    caught: list[int] = []

    def note(number: int, frame: object) -> None:
        if caught and number == signal.SIGINT:
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
