"""What a large collection costs beside computing: plan, cache check, finish; time, memory, store, database.

`python benchmarks/plan.py [--photos 1000 10000 118287] [--prefect]`

The photos are tiny JPEGs that differ in a comment, so every one has its own digest; nobody is in them, so that
computing them is cheap. Every figure is of a fresh process. Writes a table and `plan.json` beside the photos.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def make_photos(folder: Path, count: int) -> Path:
    """A COCO directory of `count` photos of 16 x 16 pixels, and an annotation file with one person, far away."""
    rng = np.random.default_rng(0)
    out = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(out, "JPEG")
    start, rest = out.getvalue()[:2], out.getvalue()[2:]
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    listed = []
    for number in range(count):
        name = f"{number:012d}.jpg"
        comment = f"photo {number}".encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (images / name).write_bytes(start + segment + rest)
        listed.append({"id": number, "file_name": name, "width": 16, "height": 16})
    tree = {"images": listed, "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / "instances.json").write_text(json.dumps(tree))
    return folder


def step(name: str, source: Path, output: Path, prefect: bool = False) -> dict[str, Any]:
    """Run one step in a fresh process: seconds without imports, peak memory in MB."""
    command = [
        sys.executable,
        "-P",
        __file__,
        "--step",
        name,
        str(source),
        str(output),
        *(["--prefect"] if prefect else []),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_step(name: str, source: Path, output: Path, prefect: bool) -> None:
    from configs.load import load_settings
    from flows.plan.selection import Selection
    from flows.run.job import execute, prepare

    settings = load_settings("coco", ["inpaint.fill=telea", "verify.segmenter=none", "run.workers=1"])
    from flows.person_removal import person_removal  # imported in every step, so that memory compares

    begun, cpu = time.perf_counter(), time.process_time()
    if prefect:
        person_removal(str(source), str(output), settings=settings)
    else:
        job = prepare(source, output, settings, Selection())
        if name == "run":
            execute(job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "seconds": round(time.perf_counter() - begun, 2),
                "cpu": round(time.process_time() - cpu, 2),
                "peak_mb": round(peak / (1024 if sys.platform != "darwin" else 1024**2)),
            }
        )
    )


def folder_mb(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)


def with_prefect(source: Path, output: Path, home: Path) -> dict[str, Any]:
    """The all-cached run through a server of its own, and what its database has grown by."""
    environment = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true"}
    os.environ.update(environment)
    os.environ.pop("PREFECT_API_URL", None)
    figures = step("run", source, output, prefect=True)
    with sqlite3.connect(home / "prefect.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return {**figures, "database_mb": round((home / "prefect.db").stat().st_size / 1e6, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 10000, 118287])
    parser.add_argument("--folder", type=Path, help="where the photos go and stay; default: a temporary folder")
    parser.add_argument("--prefect", action="store_true", help="also through Prefect (a server of its own)")
    parser.add_argument("--step", nargs=3, metavar=("NAME", "IN", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, source, output = options.step
        run_step(name, Path(source), Path(output), options.prefect)
        return
    with tempfile.TemporaryDirectory() as temporary:
        base = options.folder or Path(temporary)
        rows = []
        print("| photos | step | seconds | CPU s | peak MB | |\n|---|---|---|---|---|---|")
        for count in options.photos:
            source, output = base / f"{count}", base / f"{count}-out"
            if not source.exists():
                make_photos(source, count)
            for name, label in (
                ("plan", "first plan"),
                ("plan", "second plan"),
                ("run", "first run"),
                ("run", "all cached"),
            ):
                show(rows, count, label, step(name, source, output))
            show(rows, count, "store", {"store_mb": folder_mb(output / ".person-removal")})
            if options.prefect:
                home = base / f"{count}-prefect"
                for label in ("all cached, Prefect", "all cached, Prefect again"):
                    show(rows, count, label, with_prefect(source, output, home))
        (base / "plan.json").write_text(json.dumps(rows, indent=1))


def show(rows: list[dict[str, Any]], count: int, label: str, figures: dict[str, Any]) -> None:
    rows.append({"photos": count, "step": label, **figures})
    rest = ", ".join(f"{k} {v}" for k, v in figures.items() if k not in ("seconds", "cpu", "peak_mb"))
    cells = [str(figures.get(key, "")) for key in ("seconds", "cpu", "peak_mb")]
    print(f"| {count} | {label} | {' | '.join(cells)} | {rest} |", flush=True)


if __name__ == "__main__":
    main()
