"""`person-removal weights`: the networks' weights, what they are and whether they are here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from configs import SettingsError
from configs.load import load_settings, preset_names
from data.weights import files as weights
from data.weights.files import WeightsError
from data.weights.registry import Licence, Task
from flows.cli.options import Set, completing

app = typer.Typer(no_args_is_help=True, help="List, fetch and verify the networks' weights.")


def _names() -> list[str]:
    return [*weights.registry().weights, *weights.registry().aliases]


_COMMERCIAL = {"yes": "yes", "source": "source owed", "no": "[red]no[/]", "unknown": "unknown"}
_STATES = {"ready": "[green]ready[/]", "missing": "missing", "damaged": "[red]damaged[/]"}


@app.command("list")
def list_() -> None:
    """Every weights file that is known by name, by task: who uses it, its licence, its size, and whether it is here.

    \b
    person-removal weights list
    """
    known, here = weights.registry(), weights.folder()
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("name", "used by", "licence", "commercial"):
        table.add_column(column, no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    states = {name: weights.state(name) for name in known.weights}
    for task in get_args(Task):
        group = {name: entry for name, entry in known.weights.items() if entry.task == task}
        if group:
            table.add_row(f"[bold]{task}[/]")
        for name, entry in group.items():
            also = [alias for alias, target in known.aliases.items() if target == name]
            shown = f"{name} ({', '.join(also)})" if also else name
            use = _COMMERCIAL[known.licence(entry).commercial]
            table.add_row(shown, entry.method, entry.licence, use, _size(entry.bytes), _STATES[states[name]])
    missing = [name for name, state in states.items() if state == "missing"]
    total, unknown = known.download_bytes(missing)
    left = f"{total / 1e6:,.0f} MB and {len(unknown)} of unknown size" if unknown else f"{total / 1e6:,.0f} MB"
    say = partial(Console().print, soft_wrap=True, highlight=False)
    Console(width=1000).print(table)  # never cut: names are copied, and read by scripts
    say("Commercial use is what the licence says; photos that a network was trained on may have terms of their own.")
    say(f"Missing: {len(missing)} of {len(states)} files ({left})." if missing else "All of them are here.")
    say(f"Folder: {here}")


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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept licences that restrict use.")] = False,
) -> None:
    """Fetch weights into the cache; what is there and whole stays as it is.

    A licence that forbids commercial use has to be accepted: the command asks; a script says --yes, or names the
    licences in PERSON_REMOVAL_ACCEPT (with commas).

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
    if given is None and not offline:
        _announce([*wanted, *wished], yes)
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
    weights.folder()
    wanted = list(names or [name for name in weights.registry().weights if weights.state(name) != "missing"])
    if not wanted:
        typer.echo("No weights are here yet.")
    _each(wanted, lambda name: f"{weights.verify(name).name}: sha256 is right")


def _announce(names: Iterable[str], yes: bool) -> None:
    """On stderr, before anything is fetched: all that is missing, the sum, and what licences ask. Ends the command
    where one that restricts use is not accepted."""
    known = weights.registry()
    missing = [name for name in dict.fromkeys(known.resolve(n)[0] for n in names if n in known) if not _ready(name)]
    if not missing:
        return
    entries = {name: known.weights[name] for name in missing}
    listed = ", ".join(
        f"{name} ({_size(entry.bytes) if entry.bytes else 'size unknown'}, {entry.licence})"
        for name, entry in entries.items()
    )
    total = weights.size_said(*known.download_bytes(missing))
    install = known.lacking(missing)
    and_install = f" They also need `{install}`." if install else ""
    typer.echo(f"To fetch: {listed}; over the network {total} in all.{and_install}", err=True)
    by_licence: dict[str, list[str]] = {}
    for name, entry in entries.items():
        by_licence.setdefault(entry.licence, []).append(name)
    for licence, those in by_licence.items():
        if asks := known.licence(entries[those[0]]).asks:
            typer.echo(f"{licence} ({', '.join(those)}): {asks}.", err=True)
    accepted = os.environ.get("PERSON_REMOVAL_ACCEPT", "").replace(" ", "").split(",")
    barred = [name for name in by_licence if known.licences.get(name, Licence()).commercial == "no"]
    asked = [name for name in barred if name not in accepted and not yes]
    if not asked:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        if typer.confirm(f"Do you accept {' and '.join(asked)}?", err=True):
            return
        raise typer.Exit(1)
    _fail(
        f"{' and '.join(asked)} must be accepted: say --yes, or set PERSON_REMOVAL_ACCEPT={','.join(asked)} in a "
        "script; nothing was fetched."
    )


def _ready(name: str) -> bool:
    return weights.state(name) == "ready"


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
