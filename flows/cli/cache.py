"""`person-removal cache`: how large the store is, what of it can go, whether it is intact."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from data.errors import InputError
from data.storage.store import Store
from flows.cli.options import Result, console
from flows.run import store_maintenance
from flows.run.checks import check_links, is_store
from flows.run.job import absolute
from flows.run.lock import output_lock
from flows.stages.context import STORE

app = typer.Typer(no_args_is_help=True, help="The store beside a result: size, what can go, whether it is intact.")


@app.command()
def size(output: Result) -> None:
    """Artifacts and bytes by stage, and how many files they are.

    \b
    person-removal cache size out/
    """
    sizes = store_maintenance.sizes(_store(output))
    _print(sizes.shares)
    console.print(
        f"On the disk: {sizes.bytes / 1e6:.1f} MB in {sizes.files} files; small artifacts lie together in one."
    )


@app.command()
def prune(
    output: Result,
    everything: Annotated[bool, typer.Option("--all", help="Also what the last run is made from.")] = False,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was written longer ago: 30d, 12h, 90m.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, delete nothing.")] = False,
) -> None:
    """Delete what neither the last run nor the published result is made from.

    With --all the next run computes everything again; published files stay, and what you edited is still recognised.

    \b
    person-removal cache prune out/ --older-than 30d --dry-run
    """
    store, age = _store(output), _seconds(older_than)
    with output_lock(absolute(output)):
        freed = store_maintenance.prune(store, everything=everything, older_than=age, dry_run=dry_run)
    _print(freed)
    total = sum(share.bytes for share in freed.values())
    console.print(f"{'Would free' if dry_run else 'Freed'} {total / 1e6:.1f} MB.")


@app.command()
def verify(output: Result) -> None:
    """Read every artifact and discard those that are truncated or altered.

    The next run makes again what was discarded, and nothing else. Exit code 1: something was discarded.

    \b
    person-removal cache verify out/
    """
    store = _store(output)
    with output_lock(absolute(output)):
        found = store_maintenance.verify(store)
    for name in found:
        console.print(f"  {name}: damaged, discarded", markup=False)
    console.print(f"{len(found)} damaged; run again to make them anew." if found else "Every artifact is intact.")
    raise typer.Exit(1 if found else 0)


def _store(output: Path) -> Store:
    output = absolute(output)
    check_links(output)
    if not is_store(output / STORE):
        raise InputError(f"{output}: there is no result of a run here.")
    return Store(output / STORE)


def _seconds(text: str | None) -> float:
    if text is None:
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if not match:
        raise InputError(f"--older-than {text}: write it as 30d, 12h or 90m.")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]


def _print(shares: dict[str, store_maintenance.Share]) -> None:
    table = Table("", "number", "MB")
    for name, share in shares.items():
        if share.number:
            table.add_row(name, str(share.number), f"{share.bytes / 1e6:.1f}")
    number, size = (sum(getattr(share, part) for share in shares.values()) for part in ("number", "bytes"))
    table.add_row("all", str(number), f"{size / 1e6:.1f}", style="bold")
    console.print(table)
