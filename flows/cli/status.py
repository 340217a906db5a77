"""`person-removal status`: how the last run ended, what the next one would do, how large it all is."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from configs import RunSettings, Settings, UserError
from configs.words import counted
from data.errors import InputError
from data.storage.files import read_own
from data.storage.places import as_path, list_files
from data.storage.store import Store
from data.types import STATES
from flows.cli.options import Result, console
from flows.plan.selection import Selection
from flows.report.states import STATE_WORDS
from flows.run.checks import check_links, input_of
from flows.run.forecast import Forecast, forecast
from flows.run.job import absolute, check_input
from flows.run.last_run import LastRun, read_last_run
from flows.run.lock import is_held
from flows.run.store_maintenance import was_killed
from flows.stages.context import STORE


def status(
    output: Result,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """How the last run ended, what the next one would do, how large it all is. Nothing is written.

    \b
    person-removal status out/
    """
    output = absolute(output)
    check_links(output)
    store = Store(output / STORE)
    source = input_of(store)
    if source is None:
        raise InputError(f"{output}: there is no result of a run here.")
    last, files = read_last_run(store), list_files(output)
    running = is_held(output)
    ahead = _next(source, output, last)
    in_store = [file.size for name, file in files.items() if name.startswith(f"{STORE}/")]
    size = {"files": len(files), "bytes": sum(file.size for file in files.values())}
    size |= {"store_files": len(in_store), "store_bytes": sum(in_store)}
    killed = not running and was_killed(store)
    if as_json:
        todo = {s: of.compute for s, of in ahead.stages.items()} if isinstance(ahead, Forecast) else None
        facts = {"input": source, "output": str(output), "running": running, "killed": killed, "last": last}
        unknown = None if isinstance(ahead, Forecast) else ahead
        facts |= {"next": todo, "next_unknown": unknown, "size": size}
        console.print_json(json.dumps(facts), ensure_ascii=True)
        return
    console.print(f"{source} -> {output}", markup=False)
    if running:
        console.print("A run is working there now.", markup=False)
    if killed:
        console.print("A run was killed here; the next one goes on where it was.", markup=False)
    _say_last(last)
    console.print(ahead if isinstance(ahead, str) else _say_next(ahead), markup=False)
    console.print(
        f"Size: {size['bytes'] / 1e6:.1f} MB in {size['files']} files, of it the store {size['store_bytes'] / 1e6:.1f} "
        f"MB in {size['store_files']} files.",
        markup=False,
    )


def _say_last(last: LastRun | None) -> None:
    if last is None:
        console.print("No run has ended here yet.", markup=False)
        return
    when = datetime.fromtimestamp(last["ended"]).strftime("%Y-%m-%d %H:%M")
    took = last["ended"] - last["started"]
    what = f"{counted(last['photos'])} in {took:.1f} s, {last['computed']} computed"
    how = f"it ended with an error: {last['error']}" if last["error"] else f"exit code {last['exit_code']}"
    console.print(f"Last run: ended {when} ({_ago(time.time() - last['ended'])} ago), {what}; {how}", markup=False)
    if last["states"]:
        table = Table("state", "photos", "")
        for state in STATES:
            if state in last["states"]:
                table.add_row(state, str(last["states"][state]), STATE_WORDS[state].meaning)
        console.print(table)


def _next(source: str, output: Path, last: LastRun | None) -> Forecast | str:
    """What the next run would do with the settings of the last one, or why that is not known."""
    try:
        saved = json.loads(read_own(output / STORE / "runs" / last["run"])) if last else {}
        settings = Settings.model_validate(saved["settings"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "Next run: unknown, the settings of the last one are not here; see person-removal run --dry-run."
    # How the work is done is not asked: no cluster is connected to because a file in OUT names one.
    settings = settings.model_copy(update={"run": RunSettings()})
    try:
        wanted = Selection()
        return forecast(check_input(as_path(source), output, settings, wanted), wanted)
    except UserError as error:
        return f"Next run: it would end with an error: {error}"


def _say_next(ahead: Forecast) -> str:
    todo = {stage: of.compute for stage, of in ahead.stages.items() if of.compute}
    if not todo:
        return f"Next run, with the same settings: nothing to compute for {counted(ahead.photos)}."
    stages = ", ".join(f"{stage} {number}" for stage, number in todo.items())
    return f"Next run, with the same settings: of {counted(ahead.photos)} it would compute {stages}."


def _ago(seconds: float) -> str:
    """`40 s`, `12 min`, `5 h`, `3 days`."""
    for size, word in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(seconds, 0):.0f} s"
