"""The page of `person-removal family`: people are clicked, marks come out, and the next command takes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from collection_with_people import FAST
from faces_by_colour import ByColour, paint
from page_rules import BROKEN_RULES
from report_pages import Watch
from typer.testing import CliRunner

from flows.cli.main import app
from flows.report.faces_page import FacedPerson, FacedPhoto, faces_page
from flows.report.thumbnails import thumbnails
from flows.stages import models

HOSTILE = "</script><img src=x onerror=alert(1)> & 'a'.jpg"
PICTURE = thumbnails(np.full((60, 90, 3), 120, np.uint8), None, None)["before"]


def faced(*words: str | None, name: str = "a.jpg", **more: Any) -> FacedPhoto:
    people = [FacedPerson((10 + 30 * n, 10, 20, 40), word, None, False, True) for n, word in enumerate(words)]
    return FacedPhoto(name, PICTURE, (90, 60), more.get("orientation", 1), people)


def written(tmp_path: Path, *photos: FacedPhoto) -> Path:
    path = tmp_path / "faces.html"
    path.write_text(faces_page(photos, 0))
    return path


def export(page: Any) -> Any:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export marks").click()
    assert download.value.suggested_filename == "marks.json"
    return json.loads(Path(download.value.path()).read_text())


@pytest.mark.browser
@pytest.mark.slow
def test_from_clicks_to_a_keep_list(coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: Any) -> None:
    """Ann is clicked in one photo and found in sub/0005; sub/0006 holds somebody who may be Ann and does stay, and 0004
    somebody without a face, who leaves."""
    monkeypatch.setattr(models, "face_reader", lambda: ByColour())
    paint(coco / "images/0002.png", (60, 20, 24, 60), 80)
    paint(coco / "images/0004.png", (0, 10, 12, 80), 0)
    paint(coco / "images/sub/0006.png", (10, 10, 14, 30), 170)
    paint(coco / "images/sub/0006.png", (90, 50, 14, 30), 80)

    def family(*options: str | Path) -> str:
        command = ["family", coco, tmp_path / "out", "--preset", "coco", *options]
        command += [part for setting in FAST for part in ("--set", setting)]
        done = CliRunner().invoke(app, list(map(str, command)), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    first, doubts, keep = tmp_path / "faces.html", tmp_path / "doubts.html", tmp_path / "keep.json"
    family("--page", first)
    page = browser.new_page(offline=True, accept_downloads=True)
    watch = Watch(page)
    page.goto(first.as_uri())
    assert page.locator("article").count() == 5, "photos with people"
    page.get_by_role("button", name="Person 1 of 0001.png").click()
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    marks = tmp_path / "marks.json"
    marks.write_text(json.dumps(export(page)))
    assert json.loads(marks.read_text())["people"] == {"Ann": [{"photo": "0001.png", "box": [20, 30, 16, 40]}]}

    text = family("--marks", marks, "--page", doubts, "--keep", keep)
    assert "4 of 6 photos are decided, 2 are not" in text and "2 are doubtful" in text
    assert f"--marks {marks} --page doubts.html" in text and f"--keep {keep}" in text

    page.goto(doubts.as_uri())
    page.get_by_label("With doubts 2").check()
    assert sorted(page.locator("article h3").all_inner_texts()) == ["0004.png", "sub/0006.png"]
    page.get_by_role("button", name="of sub/0006.png: doubtful").click()
    page.get_by_role("button", name="Ann", exact=True).click()
    page.get_by_role("button", name="Person 1 of 0004.png").click()
    page.get_by_role("button", name="Leaves", exact=True).click()
    assert page.locator("#told").inner_text().endswith("0 doubtful")
    marks.write_text(json.dumps(export(page)))
    text = family("--marks", marks, "--keep", tmp_path / "settled.json")
    assert "6 of 6 photos are decided, 0 are not" in text and "doubts.html" not in text
    assert json.loads((tmp_path / "settled.json").read_text()) == {
        "0001.png": {"keep": [[20.0, 30.0, 16.0, 40.0]]},
        "sub/0005.png": {"keep": [[100.0, 40.0, 28.0, 56.0]]},
        "sub/0006.png": {"keep": [[10.0, 10.0, 14.0, 30.0]]},
    }
    assert watch.complaints == [] and watch.outside() == []
    page.close()


@pytest.mark.browser
@pytest.mark.slow
def test_everyone_can_use_it(browser: Any, tmp_path: Path) -> None:
    path = written(tmp_path, faced("stays", "unsure", name=HOSTILE), faced("leaves", None, name="b.jpg", orientation=6))
    page = browser.new_page(color_scheme="dark", viewport={"width": 390, "height": 844}, offline=True)
    watch = Watch(page)
    page.goto(path.as_uri())
    assert page.locator("h3").first.text_content() == HOSTILE
    assert page.evaluate(BROKEN_RULES) == []
    page.locator(".person").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(BROKEN_RULES) == []
    page.keyboard.type("Ben")
    page.keyboard.press("Enter")
    assert "Ben stays" in page.evaluate("document.activeElement.ariaLabel"), "the focus stays on the person"
    assert watch.complaints == [] and watch.outside() == []
    page.close()


def test_names_are_data_and_photos_left_out_are_counted() -> None:
    page = faces_page([faced("unsure", name=HOSTILE)], 3)
    assert "<img src=x" not in page and "3 further photos" in page
    assert "default-src &#39;none&#39;; img-src data:" in page and "unsafe" not in page
