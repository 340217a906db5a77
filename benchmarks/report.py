"""How fast report.html opens and how much memory it takes, by the number of photos, in headless Chromium.

python benchmarks/report.py [PHOTOS ...]      (5000 when none are named)

Small thumbnails of noise, one set for all photos, so that the page's own work is what is measured. Opened from disk,
nothing cached. `heap`: of JavaScript, after a collection. `elements`: in the document. The search is for one photo's
name, at once after opening; its time is in CPU seconds of all processes of the browser.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from flows.report.page import write_report
from flows.report.thumbnails import SUFFIXES, thumbnails

TRIES = 5
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
RUN: dict[str, Any] = {
    "id": "benchmark",
    "originals": None,
    "version": "-",
    "preset": "coco",
    "settings": {},
    "weights": [],
    "input": "photos",
    "started": "2025-01-01T00:00:00",
    "seconds": 1.0,
    "photos_per_second": 1.0,
    "states": {},
    "cached": 0,
    "computed": 0,
    "licences": None,
}
SEEN = """async () => {
    const seen = () => [...document.querySelectorAll(".card img.before")].some((one) => one.complete);
    while (document.readyState === "loading" || !seen()) await new Promise(requestAnimationFrame);
}"""
SCROLL = """async () => {
    let most = 0;
    const frame = () => new Promise(requestAnimationFrame);
    const end = document.documentElement.scrollHeight;
    const times = [];
    for (let step = 0; step <= 100; step += 1) {
        const start = performance.now();
        scrollTo(0, (end * step) / 100);
        await frame();
        await frame();
        times.push(performance.now() - start);
        most = Math.max(most, document.querySelectorAll("*").length);
    }
    return [most, times.sort((a, b) => a - b)[95]];
}"""


def make(output: Path, photos: int) -> Path:
    rng = np.random.default_rng(1)
    before, after = (rng.integers(0, 255, (90, 120, 3), np.uint8) for _ in range(2))
    hole = np.zeros((90, 120), np.uint8)
    hole[20:70, 30:60] = 255
    links = {}
    for kind, made in thumbnails(before, after, hole).items():
        links[kind] = f"report/{kind}{SUFFIXES[kind]}"
        (output / links[kind]).parent.mkdir(exist_ok=True)
        (output / links[kind]).write_bytes(made)
    persons = [{"bbox": [30, 20, 30, 50], "stays": False}] * 3
    found = [{"bbox": [30, 20, 30, 50], "score": 0.5, "where": "hole", "like": None}]

    def row(n: int) -> dict[str, Any]:
        verify = {"looked": "yolo", "left": 0, "found": found * (n % 9 == 0), "quality": {"seam": n % 50}}
        return {
            "file_name": f"{n % 40:02d}/{n:012d}.jpg",
            "id": str(n),
            "state": "review" if n % 9 == 0 else "removed",
            "reason": None,
            "people": 3,
            "hole_share": n % 97 / 100,
            "width": 480 + n % 300,
            "height": 480,
            "format": "JPEG",
            "output": f"images/{n:012d}.jpg",
            "mask": f"masks/{n:012d}.png",
            "notes": [],
            "verify": verify,
            "thumbnails": links,
            "persons": persons,
            "result_sha256": f"{n:064x}",
            "photo_sha256": f"{n:064x}",
        }

    return write_report(output, map(row, range(photos)), RUN)


def cpu(browser: Browser) -> float:
    """CPU seconds of every process of the browser that runs now."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(process["cpuTime"] for process in found))


def measure(browser: Browser, path: Path, photos: int) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    start = time.monotonic()
    page.goto(path.as_uri(), wait_until="commit")
    page.evaluate(SEEN)
    opened = time.monotonic() - start
    session = context.new_cdp_session(page)

    def heap() -> float:
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    first, before = heap(), cpu(browser)
    page.get_by_label("Search by name").fill(f"{photos - 1:012d}")
    page.locator(f".card[data-id='{photos - 1}']:only-child img.before").wait_for(timeout=120_000)
    searched = cpu(browser) - before
    page.get_by_label("Search by name").fill("")
    page.locator(f".card[data-id='{photos - 1}']:only-child").wait_for(state="detached")
    most, frame = page.evaluate(SCROLL)
    after = heap()
    start = time.monotonic()
    page.get_by_label("Sort").select_option("seam")
    resort = time.monotonic() - start
    context.close()
    return {
        "opened (s)": opened,
        "heap at first (MB)": first,
        "heap after scrolling to the end (MB)": after,
        "most elements": float(most),
        "95 % of scroll steps within (ms)": frame,
        "another order (s)": resort,
        "first search (CPU s)": searched,
    }


def main() -> None:
    assert CHROMIUM, "needs Chromium on PATH"
    print(
        "| photos | page (MB) | "
        + "opened (s) | first search (CPU s) | heap at first → at the end (MB) | most elements | p95 scroll step (ms) "
        + "| sort (s) |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for photos in map(int, sys.argv[1:] or ["5000"]):
            with tempfile.TemporaryDirectory() as folder:
                path = make(Path(folder), photos)
                tries = [measure(browser, path, photos) for _ in range(TRIES)]
                m = {name: statistics.median(one[name] for one in tries) for name in tries[0]}
                megabytes = sum(one.stat().st_size for one in path.parent.rglob("*.html")) / 1e6
                print(
                    f"| {photos:,} | {megabytes:.1f} | {m['opened (s)']:.2f} | {m['first search (CPU s)']:.2f} | "
                    f"{m['heap at first (MB)']:.0f} → {m['heap after scrolling to the end (MB)']:.0f} | "
                    f"{m['most elements']:.0f} | {m['95 % of scroll steps within (ms)']:.0f} | "
                    f"{m['another order (s)']:.2f} |",
                    flush=True,
                )
        browser.close()


if __name__ == "__main__":
    main()
