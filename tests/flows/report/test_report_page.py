"""report.html as text: order, escaping, links, boxes, and that it is whole or not there."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from flows.report.page import badness, render, write_report

RUN: dict[str, Any] = {
    "version": "0.1.0",
    "preset": "embedded",
    "settings": {"preset": "embedded", "refine": {"dilate": 0.08}, "segment": {"weights": None, "trust": False}},
    "weights": [{"name": "places2", "sha256": "ab" * 32, "licence": "CC BY-NC 4.0"}],
    "input": "/photos/<holiday> & more",
    "started": "2025-06-01T12:30:00+00:00",
    "seconds": 193.4,
    "photos_per_second": 1.274,
    "states": {},
    "cached": 1,
    "computed": 2,
    "licences": None,
    "id": "0123456789abcdef",
    "originals": "../photos",
}


def row(name: str = "a.jpg", state: str = "removed", **more: Any) -> dict[str, Any]:
    return {
        "file_name": name,
        "id": f"id-{name}",
        "state": state,
        "reason": None,
        "people": 1,
        "hole_share": 0.1,
        "width": 200,
        "height": 100,
        "format": "JPEG",
        "output": f"images/{name}",
        "mask": None,
        "notes": [],
        "verify": {"looked": "embedded", "found": [], "left": 0},
        "thumbnails": {},
        **more,
    }


def found(*scores: float) -> dict[str, Any]:
    return {
        "looked": "embedded",
        "left": 0,
        "found": [{"bbox": [0, 0, 9, 9], "score": score} for score in scores],
    }


def embedded(page: str) -> list[dict[str, Any]]:
    """The photos as the browser reads them."""
    block = re.search(r'<script type="application/json" id="photos">(.*?)</script>', page, re.S)
    assert block
    photos: list[dict[str, Any]] = json.loads(block[1])
    return photos


def test_worst_first() -> None:
    rows = [
        row("passthrough", "passthrough", hole_share=0.0),
        row("removed-small", hole_share=0.1),
        row("removed-large", hole_share=0.6),
        row("removed-doubt", verify=found(0.3)),
        row("refused", "refused"),
        row("corrupt", "corrupt"),
        row("failed", "failed"),
        row("review-30", "review", verify=found(0.3, 0.1)),
        row("review-90", "review", verify=found(0.2, 0.9)),
        row("review-left", "review", verify={"looked": "none", "found": [], "left": 2}),
    ]
    assert [r["file_name"] for r in sorted(rows, key=badness)] == [
        "review-90",
        "review-30",
        "review-left",
        "failed",
        "corrupt",
        "refused",
        "removed-doubt",
        "removed-large",
        "removed-small",
        "passthrough",
    ]
    assert embedded(render(reversed(rows), RUN))[0]["name"] == "review-90"


HOSTILE = [
    "</script><script>alert(1)</script>.jpg",
    "<!--<script>.jpg",
    "a b/'q'\"uote\".jpg",
    "100% #1 ?x=1&y=2;.jpg",
    "line\nbreak\u2028.jpg",
    "javascript:alert(1).jpg",
    "снимок/写真 🌇.jpg",
    "back\\slash.jpg",
    "{{ 7*7 }}.jpg",
    "latin-1 \udce9.jpg",  # a file name that is not UTF-8, as Python hands it out
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_survive_and_stay_data(name: str, tmp_path: Path) -> None:
    page = write_report(tmp_path, [row(name, reason=f"{name}: odd")], RUN).read_text(encoding="utf-8")
    [photo] = embedded(page)
    assert photo["name"] == name
    assert photo["reason"] == "Odd"
    assert unquote(photo["output"], errors="surrogateescape") == f"./images/{name}"
    assert re.fullmatch(r"[A-Za-z0-9_.~/%-]+", photo["output"])

    class Tags(HTMLParser):
        scripts = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.scripts += tag == "script"

    tags = Tags()
    tags.feed(page)
    assert tags.scripts == 4  # photos, states, the page, its script


def test_the_runs_own_words_are_escaped() -> None:
    run = RUN | {"weights": [{"name": "<b>w", "sha256": "00", "licence": "A&B"}], "licences": {"<i>CC BY": 3}}
    page = render([row()], run)
    assert "/photos/&lt;holiday&gt; &amp; more" in page
    assert "&lt;b&gt;w" in page and "A&amp;B" in page and "&lt;i&gt;CC BY" in page
    assert "<b>w" not in page and "<i>CC" not in page


def test_weights_without_a_known_licence_say_so() -> None:
    run = RUN | {"weights": [{"name": "mine.pt", "sha256": "00", "licence": None}]}
    assert "not stated" in render([row()], run)


def test_an_input_directory_that_is_not_utf8_can_be_reported(tmp_path: Path) -> None:
    path = write_report(tmp_path, [row()], RUN | {"input": "/photos/\udce9t\udce9"})
    assert "/photos/?t?" in path.read_text(encoding="utf-8")


def test_settings_weights_and_figures_are_shown() -> None:
    page = render([row(people=3), row("b.jpg", "review", people=5)], RUN)
    assert "3 min 13 s" in page and "1.27" in page and "2025-06-01 12:30" in page
    assert re.search(r"refine\.dilate</th><td>0\.08<", page)
    assert re.search(r"segment\.weights</th><td>–<", page)
    assert re.search(r"segment\.trust</th><td>false<", page)
    assert "ab" * 32 in page and "CC BY-NC 4.0" in page
    assert re.search(r"People removed</dt><dd>3<", page), "people of photos under review are not gone"
    assert "A photo took</dt><dd>50.0 s<" in render([row()], RUN | {"photos_per_second": 0.02})


@pytest.mark.parametrize(
    ("states", "headline"),
    [
        ([], "The collection is empty"),
        (["removed"], "The photo went through"),
        (["removed", "passthrough"], "All 2 photos went through"),
        (["removed", "review"], "1 of 2 photos needs a look"),
        (["corrupt", "failed", "refused"], "3 of 3 photos need a look"),
        (["removed", "left out"], "All 2 photos went through"),
    ],
)
def test_headline(states: list[str], headline: str) -> None:
    rows = [row(f"{n}.jpg", state) for n, state in enumerate(states) if state != "left out"]
    rows += [row("out.jpg", "refused", decision="reject") for state in states if state == "left out"]
    page = render(rows, RUN)
    assert f"<h1>{headline}</h1>" in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize(
    ("orientation", "size", "box"),  # of a 200 x 100 file with someone in its upper left: 20, 10, 40, 30
    [
        (1, [200, 100], [0.1, 0.1, 0.2, 0.3]),
        (2, [200, 100], [0.7, 0.1, 0.2, 0.3]),
        (3, [200, 100], [0.7, 0.6, 0.2, 0.3]),
        (4, [200, 100], [0.1, 0.6, 0.2, 0.3]),
        (5, [100, 200], [0.1, 0.1, 0.3, 0.2]),
        (6, [100, 200], [0.6, 0.1, 0.3, 0.2]),
        (7, [100, 200], [0.6, 0.7, 0.3, 0.2]),
        (8, [100, 200], [0.1, 0.7, 0.3, 0.2]),
    ],
)
def test_boxes_turn_with_the_photo(orientation: int, size: list[int], box: list[float]) -> None:
    verify = {"looked": "yolo", "left": 0, "found": [{"bbox": [20, 10, 40, 30], "score": 0.5}]}
    persons = [{"bbox": [20, 10, 40, 30], "stays": False}]
    [photo] = embedded(render([row(verify=verify, orientation=orientation, persons=persons)], RUN))
    assert photo["size"] == size
    assert photo["found"][0]["box"] == photo["persons"][0]["box"] == pytest.approx(box)
    assert photo["persons"][0]["bbox"] == [20, 10, 40, 30], "a keep-list speaks of the file's own frame"


def test_a_photo_that_was_never_decoded_has_a_row() -> None:
    bare = row("x.jpg", "corrupt", width=None, height=None, format=None, hole_share=None, people=None)
    [photo] = embedded(render([bare | {"verify": None, "output": None}], RUN))
    assert (photo["size"], photo["people"], photo["share"], photo["output"]) == (None, 0, 0.0, None)


def test_nothing_of_the_page_is_fetched_from_elsewhere() -> None:
    page = render([row()], RUN)
    assert not re.search(r"""(src|href)\s*=\s*["'](https?:)?//""", page)
    assert "default-src &#39;none&#39;" in page and "unsafe" not in page and "@import" not in page


def test_an_interrupted_write_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_report(tmp_path, [row("old.jpg")], RUN)
    before = path.read_bytes()

    def full_disk(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_report(tmp_path, [row("new.jpg")], RUN)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
