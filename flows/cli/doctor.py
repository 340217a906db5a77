"""`person-removal doctor`: what is in the way on this machine, and how to get it out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from configs.load import load_settings, preset_names
from data.storage.places import as_path
from flows.cli.options import completing, console

_MARKS = {"ok": "[green]ok[/]     ", "note": "[yellow]note[/]   ", "problem": "[red]problem[/]"}


def doctor(
    output: Annotated[
        Path | None, typer.Argument(metavar="OUT", parser=as_path, help="Where a result would go; default: here.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its weights must be here.", autocompletion=completing(preset_names)),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """What is in the way on this machine, and how to get it out.

    Packages, devices, weights, disk, and the Prefect server of PREFECT_API_URL, the only network that is touched.
    Exit code 1: there is a problem.

    \b
    person-removal doctor --preset embedded
    """
    from flows.doctor import examine  # httpx, and then all that it looks at

    if preset:
        load_settings(preset)
    findings = []
    for finding in examine(preset, output):
        findings.append(finding)
        if not as_json:
            console.print(f"{_MARKS[finding.level]}  {finding.about}: ", end="")
            console.print(finding.what, markup=False)
            if finding.fix:
                console.print(f"           -> {finding.fix}", markup=False)
    problems = sum(finding.level == "problem" for finding in findings)
    if as_json:
        found = {"problems": problems, "findings": [asdict(finding) for finding in findings]}
        console.print_json(json.dumps(found), ensure_ascii=True)
    else:
        console.print(f"{problems} problem(s)." if problems else "Nothing is in the way.")
    raise typer.Exit(1 if problems else 0)
