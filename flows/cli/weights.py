"""`person-removal weights`: the networks' weights, what they are and whether they are here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from configs import SettingsError
from configs.load import load_settings, preset_names
from data.weights import files as weights
from data.weights.files import WeightsError
from flows.cli.options import Set, completing

app = typer.Typer(no_args_is_help=True, help="List, fetch and verify the networks' weights.")


def _names() -> list[str]:
    return [*weights.registry().weights, *weights.registry().aliases]


_STATES = {"ready": "[green]ready[/]", "missing": "missing", "damaged": "[red]damaged[/]"}


@app.command("list")
def list_() -> None:
    """Every weights file that is known by name.

    \b
    person-removal weights list
    """
    known = weights.registry()
    table = Table(box=None, pad_edge=False)
    for column in ("name", "task", "licence"):
        table.add_column(column, no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name, entry in known.weights.items():
        also = [alias for alias, target in known.aliases.items() if target == name]
        shown = f"{name} ({', '.join(also)})" if also else name
        table.add_row(shown, entry.task, entry.licence, _size(entry.bytes), _STATES[weights.state(name)])
    console = Console()
    console.print(table)
    console.print(f"Folder: {weights.folder()}", soft_wrap=True, highlight=False)


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Names from `list`.", autocompletion=completing(_names))
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Fetch what this preset needs.", autocompletion=completing(preset_names)),
    ] = None,
    set_: Set = None,
    given: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Take this file instead of fetching one.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Open no connection; fail if a file is missing.")] = False,
) -> None:
    """Fetch weights into the cache; what is there and whole stays as it is.

    \b
    person-removal weights fetch --preset embedded
    person-removal weights fetch places2 --from downloads/places2.pth
    """
    wanted = list(names or [])
    wished: list[str] = []
    if set_ and preset is None:
        _fail("--set goes with --preset.")
    if preset is not None:
        try:
            needed, wished = _needed_by(preset, set_ or [])
            wanted += needed
        except SettingsError as error:
            _fail(str(error))
        if not wanted and not wished:
            typer.echo(f"Preset {preset} needs no weights.")
            return
    if not wanted and not wished:
        _fail("Say what to fetch: a NAME from `person-removal weights list`, or --preset NAME.")
    _known(name for name in wanted if given is not None or not Path(name).expanduser().is_file())
    if given is not None and (preset is not None or len(wanted) != 1):
        _fail("--from goes with exactly one NAME.")
    for name in wished:
        try:
            typer.echo(_fetch(name, given, offline))
        except WeightsError as error:
            typer.echo(f"{error} Preset {preset} works without them, with a fill that is not as good.", err=True)
    _each(dict.fromkeys(wanted), lambda name: _fetch(name, given, offline))


@app.command()
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Default: all that are here.", autocompletion=completing(_names)),
    ] = None,
) -> None:
    """Hash the files again and compare them with the registry. Exit code 1: one of them is not as it should be.

    \b
    person-removal weights verify
    """
    _known(names or ())
    wanted = list(names or [name for name in weights.registry().weights if weights.state(name) != "missing"])
    if not wanted:
        typer.echo("No weights are here yet.")
    _each(wanted, lambda name: f"{weights.verify(name).name}: sha256 is right")


def _known(names: Iterable[str]) -> None:
    for name in names:
        try:
            weights.registry().resolve(name)
        except WeightsError as error:
            _fail(str(error))


def _needed_by(preset: str, overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """What the preset needs, and what makes it better."""
    from flows.stages.context import required_weights, wished_weights  # imports the networks' rooms: not for `list`

    settings = load_settings(preset, overrides)
    return required_weights(settings), wished_weights(settings)


def _fetch(name: str, given: Path | None, offline: bool) -> str:
    if name not in weights.registry() and given is None:
        return f"{weights.find(name).path}: your own file"  # a preset may name one
    name, entry = weights.registry().resolve(name)
    # On stderr, so that stdout holds the results alone.
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=entry.bytes)
        weight = weights.fetch(
            name,
            offline=offline,
            given=given,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    size = _size(weight.path.stat().st_size)
    return f"{name}: ready ({size}, licence {entry.licence}), sha256 {weight.sha256[:12]}"


def _each(names: Sequence[str] | dict[str, None], act: Callable[[str], str]) -> None:
    """One line on stdout for each name that works, one sentence on stderr for each that does not; exit 0 or 1."""
    failed = False
    for name in names:
        try:
            typer.echo(act(name))
        except WeightsError as error:
            typer.echo(str(error), err=True)
            failed = True
    if failed:
        raise typer.Exit(1)


def _fail(sentence: str) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def _size(size: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size:,} B"
