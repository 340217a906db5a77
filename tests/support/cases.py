"""Runs case folders: inputs that went wrong once, each with how it has to end.

A case is a folder with `in/` (the input), `run.sh` (what is run; `$PR` is the program, `$PY` a Python, `$BUS` a photo
with people) and `expect.txt` (the right outcome, in words). Where it also has `outcome.json`, that is held to:

    {"exit": [0, 3], "states": {"a.jpg": ["removed", "review"]}, "says": ["part of what is printed"],
     "files": ["out/report.html"]}

    python tests/support/cases.py FOLDER...        # a case, or a folder of cases

Every case is run in a copy. It fails when a traceback is printed, when it takes longer than TIMEOUT, when a file of its
`in/` is another one afterwards, or when it ends otherwise than its `outcome.json` says; then the exit code is 1.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TIMEOUT = 600
ROOT = Path(__file__).parents[2]


def case_folders(places: list[Path]) -> list[Path]:
    """The cases in these folders, or that these folders are."""
    return [case for place in places for case in sorted([place, *place.iterdir()]) if (case / "run.sh").is_file()]


def run_case(case: Path, scratch: Path, outcome: dict[str, Any] | None = None) -> tuple[list[str], str]:
    """What is wrong with how a case ends (nothing where all is well), and what it printed. scratch: a new folder.
    outcome: in place of its `outcome.json`."""
    here = scratch / case.name
    scratch.mkdir(exist_ok=True)
    shutil.copytree(case, here, symlinks=True)
    before = _digests(here / "in")
    environment = os.environ | {
        "PR": os.environ.get("PR", str(_program(scratch))),
        "PY": sys.executable,
        "BUS": os.environ.get("BUS", str(_bus())),
        "PYTHONPATH": str(ROOT),
    }
    try:
        done = subprocess.run(
            ["sh", "run.sh"],
            cwd=here,
            env=environment,
            timeout=TIMEOUT,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return [f"it took longer than {TIMEOUT} s"], ""
    text = done.stdout + done.stderr
    problems = ["a traceback was printed"] if "Traceback (most recent call last)" in text else []
    if _digests(here / "in") != before:
        problems.append("a file of its input was changed")
    stated = here / "outcome.json"
    if outcome is None and stated.is_file():
        outcome = json.loads(stated.read_text(encoding="utf-8"))
    return problems + (_differences(outcome, here, text) if outcome else []), text


def _differences(wanted: dict[str, Any], here: Path, text: str) -> list[str]:
    out = []
    if "exit" in wanted and not any(f"exit {code}" in text.splitlines() for code in wanted["exit"]):
        out.append(f"none of the exit codes {wanted['exit']} was printed")
    plain = " ".join(text.split())
    out += [f"it does not say: {part}" for part in wanted.get("says", ()) if " ".join(part.split()) not in plain]
    out += [f"there is no {name}" for name in wanted.get("files", ()) if not (here / name).exists()]
    manifest = here / "out/manifest.jsonl"
    lines = manifest.read_text(encoding="utf-8").splitlines() if manifest.is_file() else []
    states = {row["file_name"]: row["state"] for row in map(json.loads, lines)}
    for name, right in wanted.get("states", {}).items():
        if states.get(name) not in right:
            out.append(f"{name} is {states.get(name)}, not {' or '.join(map(str, right))}")
    return out


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _program(scratch: Path) -> Path:
    """A script that runs this tree's `person-removal`."""
    script = scratch / "person-removal"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flows.cli.main "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def _bus() -> Path | str:
    found = find_spec("ultralytics")
    return Path(found.origin).parent / "assets/bus.jpg" if found and found.origin else ""


def main(places: list[str]) -> int:
    """Run the cases and print how each ended; returns the exit code."""
    cases, failed = case_folders([Path(place) for place in places]), 0
    for case in cases:
        with tempfile.TemporaryDirectory() as scratch:
            problems, text = run_case(case.resolve(), Path(scratch))
        failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok    '} {case.name}: {'; '.join(problems) or 'see what is right below'}")
        print("    right: " + (case / "expect.txt").read_text(encoding="utf-8").strip())
        for line in text.strip().splitlines()[-12:]:
            print("    " + line)
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
