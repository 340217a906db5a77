"""A small report.html with real thumbnails, and what a page does besides showing itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flows.report.page import write_report
from flows.report.thumbnails import SUFFIXES, thumbnails

HOSTILE = 'o\'dd "q" <img src=x onerror=alert(1)> & 100%\n#?.jpg'
PHOTOS = [  # name, state, people, with pictures
    ("street/a.jpg", "removed", 1, True),
    ("street/b.jpg", "removed", 4, True),
    ("street/left.jpg", "review", 2, True),
    (HOSTILE, "removed", 2, True),
    ("sea/empty.jpg", "passthrough", 0, True),
    ("sea/cut.jpg", "corrupt", 0, False),
]
RUN: dict[str, Any] = {
    "id": "0123456789abcdef",
    "originals": "originals",
    "version": "0.1.0",
    "preset": "embedded",
    "settings": {"refine": {"dilate": 0.08}},
    "weights": [],
    "input": "/photos",
    "started": "2025-06-01T12:30:00",
    "seconds": 12.0,
    "photos_per_second": 0.5,
    "states": {},
    "cached": 0,
    "computed": 6,
    "licences": {"CC BY 4.0": 6},
}
_FOUND = [
    {"bbox": [20, 20, 50, 80], "score": 0.62, "where": "hole", "like": None},
    {"bbox": [120, 10, 30, 60], "score": 0.45, "where": "elsewhere", "like": None},
    {"bbox": [90, 10, 20, 30], "score": 0.9, "where": "elsewhere", "like": "picture"},
]


def result_of(number: int) -> str:
    return f"{number:064x}"


def row(output: Path, number: int, name: str, state: str, people: int, pictured: bool, **more: Any) -> dict[str, Any]:
    """A manifest row, with thumbnails of a red photo that becomes green where its hole is."""
    before = np.full((120, 180, 3), (200, 40, 40), np.uint8)
    hole = np.zeros((120, 180), np.uint8)
    hole[20:100, 20 : 40 + 30 * people] = 255
    after = np.where(hole[..., None] > 0, np.array([40, 180, 40], np.uint8), before)
    made = thumbnails(before, after if people else None, hole if people else None) if pictured else {}
    links = {key: f"report/{number}-{key}{SUFFIXES[key]}" for key in made}
    for key, link in links.items():
        (output / link).parent.mkdir(exist_ok=True)
        (output / link).write_bytes(made[key])
    quality = {"seam": 3.0 + people, "ring_delta_e": 9.0 - people, "texture": 1.0}
    verify = {"looked": "embedded", "found": _FOUND if state == "review" else [], "left": 0}
    return {
        "file_name": name,
        "id": str(number),
        "state": state,
        "reason": f"{name}: the file ends too early." if state == "corrupt" else None,
        "people": people,
        "hole_share": float((hole > 0).mean()) if people else 0.0,
        "width": 180 if pictured else None,
        "height": 120 if pictured else None,
        "format": "JPEG",
        "output": f"{'review' if state == 'review' else 'images'}/{name}" if state != "corrupt" else None,
        "mask": None,
        "notes": ["filled at half size"] if people == 4 else [],
        "verify": verify | ({"quality": quality} if people and number != 3 else {}),
        "thumbnails": links,
        "persons": [{"bbox": [20 + 30 * n, 20, 30, 80], "stays": False} for n in range(people)],
        "result_sha256": result_of(number) if pictured else None,
        "photo_sha256": result_of(100 + number) if pictured else None,
        "settings": None,
        **more,
    }


def make_report(output: Path, **more: Any) -> Path:
    """more: changes of single rows, by the number of the photo as text."""
    rows = [row(output, n, *photo) | more.get(f"photo{n}", {}) for n, photo in enumerate(PHOTOS)]
    for folder in ("originals", "images"):  # two photos are there themselves, larger than their thumbnails
        (output / folder / "street").mkdir(parents=True)
        for name in ("a", "b"):
            Image.new("RGB", (720, 480), "blue").save(output / folder / f"street/{name}.jpg")
    return write_report(output, rows, RUN)


class Watch:
    """What a page did besides showing itself."""

    def __init__(self, page: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def outside(self) -> list[str]:
        return [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))]


@contextmanager
def opened(browser: Any, report: Path, **options: Any) -> Iterator[Any]:
    """The open report; whatever is done inside, the page neither complains nor asks a network."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True, **options)
    page = context.new_page()
    watch = Watch(page)
    page.goto(report.as_uri())
    yield page
    context.close()
    assert watch.complaints == []
    assert watch.outside() == []
    assert any("-before.jpg" in url for url in watch.requests)


def names(page: Any) -> list[str]:
    return list(page.locator(".card .name").evaluate_all("all => all.map((one) => one.title)"))


def card(page: Any, name: str) -> Any:
    return page.locator(f'.card[data-id="{[n for n, *_ in PHOTOS].index(name)}"]')


def back_in_the_list(page: Any) -> None:
    """After the large view is closed: its event comes a moment later, and moves the focus."""
    page.locator("body > #said").wait_for(state="attached")


def cut(scope: Any) -> float:
    """Per cent of the width, from the left, in which the photo before is seen."""
    clip = scope.locator("img.before").evaluate("image => getComputedStyle(image).clipPath")
    found = re.fullmatch(r"inset\(0px (?:calc\()?(-?[\d.]+)%(?: - (-?[\d.]+)%\))? 0px 0px\)|inset\(0px\)", clip)
    assert found, clip
    return 100 - (float(found[1] or 0) - float(found[2] or 0))
