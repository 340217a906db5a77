"""The report on paper, and its words on a phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from report_pages import PHOTOS, RUN, card, opened, row

from flows.report.page import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the `dev` extra)")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def printed(page: Any) -> tuple[int, int]:
    """Pages and different pictures of the printed page."""
    pdf = page.pdf(format="A4")
    return len(re.findall(rb"/Type /Page\b", pdf)), len(re.findall(rb"/Subtype /Image\b", pdf))


def test_all_photos_of_the_list_four_a_page(page: Any) -> None:
    assert printed(page)[0] == 1 + 2, "what the run was, then 4 and 2 photos"
    page.get_by_label("Removed 3").check()
    assert printed(page)[0] == 1 + 1
    assert page.locator("#sheet article").count() == 0, "nothing of it stays on the page"


def test_pictures_that_were_never_on_the_screen_are_printed(browser: Any, tmp_path: Path) -> None:
    rows = [row(tmp_path, 0, f"{n:02d}.jpg", "passthrough", 0, True) for n in range(40)]
    for n, one in enumerate(rows):
        link = f"report/{n}-before.jpg"
        Image.fromarray(np.full((120, 180, 3), 6 * n, np.uint8)).save(tmp_path / link)
        one["thumbnails"] = {"before": link}
    with opened(browser, write_report(tmp_path, rows, RUN)) as page:
        assert page.locator(".card").count() < 40
        assert printed(page) == (1 + 10, 40)


def test_paper_says_state_reason_decision_and_note(page: Any) -> None:
    card(page, "street/left.jpg").locator(".name").click()
    page.keyboard.press("a")
    page.keyboard.press("e")
    page.keyboard.type("a coat, really")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    papers = page.locator("#sheet article").all_inner_texts()
    assert len(papers) == len(PHOTOS)
    assert [
        word for word in ("street/left.jpg", "Review", "62\u00a0%", "Approved: a coat, really") if word not in papers[0]
    ] == []
    assert [word for word in ("Corrupt", "The file ends too early", "Undecided") if word not in papers[1]] == []
    assert not page.locator("#bar").is_visible() and not page.locator("#grid").is_visible()


def test_a_phone_is_told_of_fingers_and_not_of_keys(browser: Any, report: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(report.as_uri())
    card(page, "street/a.jpg").locator(".stage").tap()
    view = page.locator("#viewer")
    view.get_by_role("button", name="Approve").tap()
    # A tap becomes a click when the browser gets to it.
    sync_api.expect(page.locator("#said")).to_have_text("street/a.jpg: approved. Tap it again to take it back.")
    sync_api.expect(page.locator("#kept")).to_contain_text("Tap People")
    view.get_by_role("button", name="Close").tap()
    page.get_by_role("button", name="Help").tap()
    page.locator("#help").wait_for()
    words = page.locator("#help").inner_text()
    assert "Pinch" in words and "Esc" not in words
    context.close()
