"""A whole run at the size of COCO: `python -P benchmarks/large.py --photos 1000 10000 118287 [--prefect]`

It makes COCO directories of distinct photos of 32 x 32 pixels with one or two persons each (every fifth has nobody),
and takes the persons out with telea, so that what is measured is everything but the networks: plan, five stages, store,
manifest, annotations, report. Every step is `person-removal run` in a process of its own. The memory is that of all its
processes together (unique and shared pages once, where the system tells), taken twice a second.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import psutil

SIDE = 32
SETTINGS = ["inpaint.fill=telea", "verify.segmenter=none"]


def make_coco(folder: Path, count: int, seed: int = 0) -> Path:
    """A COCO directory of `count` photos, no two alike: colours, grain and persons from a random number generator."""
    rng = np.random.default_rng(seed)
    images = folder / "images"
    images.mkdir(parents=True)
    (folder / "annotations").mkdir()
    listed, annotations = [], []
    for number in range(count):
        pixels = cv2.resize(rng.integers(0, 255, (4, 4, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        pixels ^= rng.integers(0, 8, pixels.shape, np.uint8)
        for _ in range(number % 5 and 1 + number % 2):
            x, y, width, height = (int(v) for v in rng.integers((2, 2, 4, 6), (20, 16, 9, 14)))
            pixels[y : y + height, x : x + width] = rng.integers(0, 255, 3)
            outline = [x, y, x + width, y, x + width, y + height, x, y + height]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": [outline],
                    "bbox": [x, y, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
        name = f"{number:012d}.jpg"
        (images / name).write_bytes(cv2.imencode(".jpg", pixels)[1].tobytes())
        listed.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE, "license": 1})
    tree = {
        "images": listed,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
        "licenses": [{"id": 1, "name": "CC0", "url": ""}],
    }
    (folder / "annotations" / "instances.json").write_text(json.dumps(tree))
    return folder


def measure(source: Path, output: Path, workers: int, prefect: bool, log: Path) -> dict[str, float]:
    """One `person-removal run`: seconds, processor seconds and peak memory in MB of all its processes."""
    command = [sys.executable, "-P", "-m", "flows.cli.main", "run", str(source), str(output), "--preset", "coco"]
    command += [word for setting in SETTINGS for word in ("--set", setting)] + ["--workers", str(workers)]
    command += ["--prefect"] if prefect else []
    begun, cpu = time.monotonic(), sum(os.times()[2:4])
    peak: Counter[str] = Counter()
    with log.open("ab") as said:
        running = subprocess.Popen(command, stdout=said, stderr=said)
        while running.poll() is None:
            now = memory(running.pid)
            peak = peak if peak["all"] >= now["all"] else now
            time.sleep(0.5)
    if running.returncode not in (0, 3):
        raise SystemExit(f"exit code {running.returncode}, see {log}")
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "cpu": round(sum(os.times()[2:4]) - cpu, 1),
        "peak_mb": round(peak["all"] / 1e6),
        "peak_main_mb": round(peak["main"] / 1e6),
    }


def memory(pid: int) -> Counter[str]:
    """Bytes that a process and its descendants hold now."""
    sizes: Counter[str] = Counter()
    with suppress(psutil.Error):
        main = psutil.Process(pid)
        for process in (main, *main.children(recursive=True)):
            with suppress(psutil.Error):
                full = process.memory_full_info()
                size = getattr(full, "pss", full.uss)
                sizes["all"] += size
                sizes["main"] += size if process == main else 0
    return sizes


def count_files(folder: Path) -> dict[str, dict[str, float]]:
    """Files and MB by folder of an output directory; of the store by stage."""
    files: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for here, _, names in os.walk(folder):
        parts = Path(here).relative_to(folder).parts
        place = "/".join(parts[:2] if parts[:1] == (".person-removal",) else parts[:1]) or "."
        files[place] += len(names)
        size[place] += sum((Path(here) / name).stat().st_size for name in names)
    return {place: {"files": files[place], "mb": round(size[place] / 1e6, 1)} for place in sorted(files)}


def database_mb(home: Path) -> float:
    """Prefect's database, once what is in its log is written into it."""
    with sqlite3.connect(home / "prefect.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return round((home / "prefect.db").stat().st_size / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--folder", type=Path, help="where everything goes and stays; default: a temporary folder")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--prefect", action="store_true", help="then twice more through Prefect, a server of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        base = options.folder or Path(temporary)
        base.mkdir(exist_ok=True)
        figures: list[dict[str, object]] = []
        print("| photos | step | seconds | CPU s | peak MB | of it the run itself | database MB |")
        print("|---|---|---|---|---|---|---|")
        for count in options.photos:
            source, output, home = base / f"{count}", base / f"{count}-out", base / f"{count}-prefect"
            if not source.exists():
                make_coco(source, count)
            shutil.rmtree(output, ignore_errors=True)
            steps = [("first", output, False), ("all cached", output, False)]
            if options.prefect:
                flow = base / f"{count}-flow"
                shutil.rmtree(flow, ignore_errors=True)
                os.environ |= {"PREFECT_HOME": str(home), "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true"}
                os.environ.pop("PREFECT_API_URL", None)
                steps += [("first, Prefect", flow, True), ("all cached, Prefect", flow, True)]
            for label, place, prefect in steps:
                row = measure(source, place, options.workers, prefect, base / "said.txt")
                row |= {"database_mb": database_mb(home)} if prefect else {}
                figures.append({"photos": count, "step": label, **row})
                print(f"| {count} | {label} | {' | '.join(str(value) for value in row.values())} |", flush=True)
            figures.append({"photos": count, "files": (found := count_files(output))})
            print("\n".join(f"  {name}: {of['files']} files, {of['mb']} MB" for name, of in found.items()), flush=True)
            (base / "large.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
