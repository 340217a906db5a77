"""report.html in a real browser: opened from disk, no network, by mouse, by keyboard, at phone width."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.report.page import write_report
from flows.report.thumbnails import SUFFIXES, thumbnails

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the `dev` extra)")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=f"needs a browser: one of {', '.join(NAMES)} on PATH"),
]

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


def row(output: Path, number: int, name: str, state: str, people: int, pictured: bool) -> dict[str, Any]:
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
    seen = [{"bbox": [20, 20, 50, 80], "score": 0.62}] if state == "review" else []
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
        "output": f"images/{name}" if state in ("removed", "passthrough") else None,
        "mask": None,
        "notes": ["filled at half size"] if people == 4 else [],
        "cached": False,
        "verify": {"looked": "embedded", "found": seen, "left": 0},
        "thumbnails": links,
        "seconds": 0.5 + number,
    }


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("out put #1 %")
    return write_report(output, [row(output, n, *photo) for n, photo in enumerate(PHOTOS)], RUN)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


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
        return [url for url in self.requests if not url.startswith(("file:", "data:"))]


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The open report; whatever a test does, the page neither complains nor asks a network."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
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


def cut(scope: Any) -> float:
    """Per cent of the width, from the left, in which the photo before is seen."""
    clip = scope.locator("img.before").evaluate("image => getComputedStyle(image).clipPath")
    found = re.match(r"inset\(0px (?:calc\(100% - )?([\d.]+)%", clip)
    assert found, clip
    return float(found[1]) if "calc" in clip else 100 - float(found[1])


def test_worst_first_with_every_photo(page: Any) -> None:
    shown = names(page)
    assert shown[:2] == ["street/left.jpg", "sea/cut.jpg"]
    assert shown[-1] == "sea/empty.jpg"
    assert sorted(shown) == sorted(name for name, *_ in PHOTOS)
    assert page.locator("h1").inner_text() == "2 of 6 photos need a look"


def test_pictures_load_and_hostile_names_are_text(page: Any) -> None:
    widths = page.evaluate("""() => Promise.all(
        [...document.querySelectorAll("img.before, img.after")].map(async (image) => {
            image.loading = "eager";
            await image.decode();
            return image.naturalWidth;
        }))""")
    assert widths == [180] * 9  # four photos with two pictures, one with one
    hostile = card(page, HOSTILE)
    assert hostile.locator(".name").text_content() == HOSTILE
    assert page.locator("img[src=x]").count() == 0
    hostile.locator(".name").click()
    link = page.get_by_role("link", name="Open result").evaluate("link => decodeURIComponent(link.href)")
    assert link.endswith(f"/images/{HOSTILE}")


def test_photos_without_pictures_say_why(page: Any) -> None:
    cut_off = card(page, "sea/cut.jpg")
    assert cut_off.locator("img").count() == 0
    assert "The file ends too early." in cut_off.inner_text()
    assert "Corrupt" in cut_off.inner_text()
    assert card(page, "sea/empty.jpg").get_by_role("slider").count() == 0


def test_slider_by_keyboard(page: Any) -> None:
    slider = card(page, "street/a.jpg").get_by_role("slider")
    assert slider.get_attribute("aria-label") == "Before and after of street/a.jpg"
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert cut(card(page, "street/a.jpg")) == 60
    assert slider.get_attribute("aria-valuetext") == "60 % before"
    page.keyboard.press("Home")
    assert cut(card(page, "street/a.jpg")) == 0
    assert cut(card(page, "street/b.jpg")) == 50, "each photo has its own"


def test_slider_by_mouse_moves_the_border_between_the_pictures(page: Any) -> None:
    stage = card(page, "street/a.jpg").locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=4)
    page.mouse.up()
    assert cut(card(page, "street/a.jpg")) == pytest.approx(80, abs=1)
    assert page.locator("dialog[open]").count() == 0, "dragging is not a click"


def test_holes_and_found_people_are_overlays(page: Any) -> None:
    hole = card(page, "street/a.jpg").locator("img.hole")
    found = card(page, "street/left.jpg").locator("svg.found")
    assert not hole.is_visible() and found.is_visible()
    page.get_by_label("Holes").check()
    page.get_by_label("People found after").uncheck()
    assert hole.is_visible() and not found.is_visible()
    page.locator("h1").click()
    page.keyboard.press("h")
    assert not hole.is_visible()


def test_filter_search_and_sort(page: Any) -> None:
    page.get_by_label("Review 1").check()
    assert names(page) == ["street/left.jpg"]
    assert page.get_by_role("status").first.inner_text() == "Showing 1 of 6 photos"
    page.get_by_label("All 6").check()

    page.keyboard.press("/")
    page.keyboard.type("STREET b")
    assert names(page) == ["street/b.jpg"]
    page.get_by_label("Search by name").fill("nowhere")
    assert names(page) == []
    page.get_by_role("button", name="Show all photos").click()
    assert len(names(page)) == 6

    page.get_by_label("Sort").select_option("people")
    assert names(page)[0] == "street/b.jpg"
    page.get_by_label("Sort").select_option("name")
    assert names(page)[-3:] == ["street/a.jpg", "street/b.jpg", "street/left.jpg"]
    page.get_by_label("Sort").select_option("seconds")
    assert names(page)[0] == "sea/cut.jpg"


def test_large_view_by_keyboard_alone(page: Any) -> None:
    opener = card(page, "street/left.jpg").locator(".name")
    opener.focus()
    page.keyboard.press("Enter")
    view = page.get_by_role("dialog")
    assert view.get_by_role("heading").inner_text() == "street/left.jpg"
    assert "embedded sees 1 person (62\u00a0%)" in view.inner_text()
    page.keyboard.press("ArrowRight")
    assert cut(view) == 52
    page.keyboard.press(" ")
    assert cut(view) == 0
    page.keyboard.press("h")
    assert view.locator("img.hole").is_visible()

    seen = [view.get_by_role("heading").inner_text()]
    for _ in range(5):
        page.keyboard.press("ArrowDown")
        seen.append(view.get_by_role("heading").text_content())
    assert sorted(seen) == sorted(name for name, *_ in PHOTOS)
    assert view.get_by_role("button", name="Next photo").is_disabled()
    page.keyboard.press("ArrowUp")
    assert view.get_by_role("heading").text_content() == seen[-2]

    page.keyboard.press("Escape")
    assert not view.is_visible()
    assert opener.evaluate("button => button === document.activeElement"), "focus goes back"


def test_click_opens_the_large_view_of_the_filtered_list(page: Any) -> None:
    page.get_by_label("Search by name").fill("street/b")
    card(page, "street/b.jpg").locator(".stage").click()
    view = page.get_by_role("dialog")
    assert view.get_by_role("heading").inner_text() == "street/b.jpg"
    assert "1 of 1" in view.inner_text() and "filled at half size" in view.inner_text()
    view.get_by_role("button", name="Close").click()
    assert not view.is_visible()


def test_settings_weights_and_the_warning_are_there(page: Any) -> None:
    assert "delete both before you share" in page.get_by_role("note").inner_text()
    page.get_by_text("Settings", exact=True).click()
    assert page.get_by_role("row", name="refine.dilate 0.08").is_visible()
    page.get_by_text("Weights and licences").click()
    assert page.get_by_text("This run used no network weights.").is_visible()
    assert page.get_by_role("row", name="CC BY 4.0 6").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Any, report: Path, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 for every text colour on the grounds it is used on."""
    page = browser.new_page(color_scheme=scheme)
    page.goto(report.as_uri())
    states = ("removed", "passthrough", "review", "failed", "corrupt", "refused")
    colour = "name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()"
    names = ("ground", "panel", "well", "warn", "ink", "soft", "accent", "warn-ink", *states)
    value = {name: page.evaluate(colour, name) for name in names}
    page.close()
    pairs = [(text, ground) for text in ("ink", "soft", *states) for ground in ("ground", "panel")]
    pairs += [("accent", "panel"), ("soft", "well"), ("warn-ink", "warn")]
    weak = {pair: contrast(*(value[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two #rrggbb colours, 1..21."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_fits_a_phone_and_slides_under_a_finger(browser: Any, report: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    card(page, "street/a.jpg").locator(".stage").tap()
    view = page.get_by_role("dialog")
    assert view.is_visible()
    box = view.locator(".stage").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    assert cut(view) == pytest.approx(25, abs=1)
    context.close()


def test_deleted_thumbnails_are_named_not_broken(browser: Any, report: Path, tmp_path: Path) -> None:
    copy = tmp_path / "report.html"
    copy.write_bytes(report.read_bytes())
    page = browser.new_page()
    page.goto(copy.as_uri())
    text = card(page, "street/a.jpg").get_by_text("The thumbnails were deleted")
    text.wait_for(state="visible", timeout=10_000)
    assert not card(page, "street/a.jpg").locator(".divider").is_visible()
    page.close()


def test_five_thousand_photos_open_at_once_and_scroll_to_the_end(browser: Any, tmp_path: Path) -> None:
    first = row(tmp_path, 0, *PHOTOS[0])
    rows = [first | {"file_name": f"{n:05d}.jpg", "id": str(n)} for n in range(5000)]
    path = write_report(tmp_path, rows, RUN)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri())
    ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert ready < 5000, "milliseconds; about 300 on two free cores"
    assert page.locator(".card").count() < 500, "the rest is built when it is needed"
    page.get_by_label("Search by name").fill("04999")
    assert names(page) == ["04999.jpg"]
    page.get_by_label("Search by name").fill("0")
    shown = page.evaluate("""async () => {
        const deadline = performance.now() + 60000;
        const cards = () => document.querySelectorAll(".card").length;
        while (cards() < 3000 && performance.now() < deadline) {
            scrollTo(0, document.body.scrollHeight);
            await new Promise(requestAnimationFrame);
        }
        return cards();
    }""")
    assert shown >= 3000
    page.close()
