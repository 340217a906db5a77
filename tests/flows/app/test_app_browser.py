"""The photo page in a real browser, end to end: a photo dropped, somebody kept, a brush, the result taken home."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import red_app
from chromium import CHROMIUM, NO_CHROMIUM
from collection_with_people import texture
from PIL import Image
from red_people import RED

from configs.load import load_settings
from data.images import decode, upright
from data.weights.files import WeightsError
from flows.stages.context import find_weights

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the `dev` extra)")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM),
    pytest.mark.skipif(find_spec("gradio") is None, reason="needs gradio (the `app` extra)"),
]
PLACE = 34853  # GPS


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[red_app.App]:
    with red_app.running(tmp_path_factory.mktemp("app") / "temporary") as running:
        yield running
        assert running.files() == [], "no photo is on the disk"
        assert running.stop() == 0
        assert running.asked() == [], "the server asks nobody either"
        assert running.folders() == []


class Tab:
    """A browser tab on the page, in words of the person who uses it. Errors and requests are noted."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(address)
        page.locator("#photo input[type=file]").wait_for(state="attached", timeout=60_000)

    def drop(self, name: str, raw: bytes) -> None:
        self.page.locator("#photo input[type=file]").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": raw}
        )

    def says(self, text: str | re.Pattern[str], where: str = "#message") -> None:
        sync_api.expect(self.page.locator(where)).to_contain_text(text, timeout=60_000)

    def goes(self) -> list[bool]:
        """Of each person, by number, whether the picture says that they go."""
        marks = self.page.locator("#stage .person")
        states = marks.evaluate_all("all => all.map((one) => [Number(one.dataset.number), one.ariaChecked])")
        return [state == "true" for _, state in sorted(states)]

    def listed(self) -> list[bool]:
        return list(self.page.locator("#people input").evaluate_all("all => all.map((one) => one.checked)"))

    def hole(self) -> str:
        return str(self.page.locator("#stage .hole").get_attribute("d"))

    def changes_hole(self, before: str) -> str:
        sync_api.expect(self.page.locator("#stage .hole")).not_to_have_attribute("d", before, timeout=30_000)
        return self.hole()

    def brush(self, mode: str, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.locator("#stage").get_by_text(mode, exact=True).click()
        box = self.page.locator("#stage svg").bounding_box()
        x, y, width, height = box["x"], box["y"], box["width"], box["height"]
        self.page.mouse.move(x + width * start[0], y + height * start[1])
        self.page.mouse.down()
        self.page.mouse.move(x + width * end[0], y + height * end[1], steps=5)
        self.page.mouse.up()

    def remove(self) -> None:
        self.page.get_by_role("button", name="Remove", exact=True).click()
        self.page.locator("#verdict").wait_for(timeout=60_000)
        self.page.locator("a.download").wait_for(timeout=60_000)

    def download(self) -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.page.get_by_role("link", name="Download").click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def tab(browser: Any, app: red_app.App) -> Iterator[Tab]:
    tab = Tab(browser, app.address)
    yield tab
    tab.close()
    assert tab.complaints == []
    assert all(url.startswith((app.address, "data:", "blob:")) for url in tab.requests)


def photo(format_: str = "JPEG", orientation: int = 1, seed: int = 3) -> bytes:
    """512 x 384 with two red people, left and right, and a place in its metadata."""
    pixels = texture(seed, 384, 512).copy()
    pixels[120:280, 80:144] = RED
    pixels[80:320, 320:400] = RED
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    exif.get_ifd(PLACE).update({1: "N", 2: (48.0, 51.0, 30.0)})
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format=format_, exif=exif, **({"quality": 92} if format_ == "JPEG" else {}))
    return out.getvalue()


def test_from_the_drop_to_the_download(tab: Tab) -> None:
    raw = photo()
    tab.drop("beach day.jpg", raw)
    tab.says("2 people found")
    assert tab.goes() == tab.listed() == [True, True]
    everyone = tab.hole()

    tab.page.locator('#stage .person[data-number="1"]').click()
    one = tab.changes_hole(everyone)
    assert tab.goes() == [True, False]
    sync_api.expect(tab.page.locator("#people input").nth(1)).not_to_be_checked()
    tab.page.locator("#people").get_by_label("1: left").uncheck()
    tab.changes_hole(one)
    tab.page.locator("#people").get_by_label("1: left").check()
    sync_api.expect(tab.page.locator("#stage .hole")).to_have_attribute("d", one)

    tab.page.locator("#room input[type=number]").fill("20")
    wide = tab.changes_hole(one)
    tab.brush("Brush: remove", (0.5, 0.1), (0.6, 0.1))
    added = tab.changes_hole(wide)
    tab.brush("Brush: keep", (0.5, 0.1), (0.52, 0.1))
    tab.changes_hole(added)
    tab.page.get_by_role("button", name="Undo").click()
    sync_api.expect(tab.page.locator("#stage .hole")).to_have_attribute("d", added)
    assert tab.page.locator("#stage .drawn path").count() == 0, "what was drawn is in the hole"

    tab.remove()
    assert "Nobody found afterwards" in tab.page.locator("#verdict").inner_text()
    name, result = tab.download()
    assert name == "beach day-without-people.jpg"
    before, after = decode(raw, "before"), decode(result, "after")
    changed = (before.pixels != after.pixels).any(2)
    assert after.format == "JPEG" and after.pixels.shape == (384, 512, 3)
    assert changed[120:280, 80:144].mean() > 0.99, "the one on the left"
    assert changed[36:40, 270:300].any(), "under the brush"
    assert not changed[70:340, 310:410].any(), "whoever is kept, beyond the JPEG blocks that the brush touched"
    assert not changed[340:].any() and not changed[:, 420:].any()
    assert Image.open(io.BytesIO(result)).getexif()[0x010F] == "a maker"
    assert Image.open(io.BytesIO(result)).getexif().get_ifd(PLACE)

    tab.page.get_by_label("Without personal metadata").check()
    sync_api.expect(tab.page.locator("#download")).to_contain_text("dropped")
    assert not Image.open(io.BytesIO(tab.download()[1])).getexif().get_ifd(PLACE)

    tab.page.get_by_role("button", name="Nobody").click()
    sync_api.expect(tab.page.locator("#outcome")).to_be_hidden()
    assert tab.page.locator("a.download:visible").count() == 0, "a result that is no longer meant"


def test_clicks_while_other_people_are_looked_for_do_not_freeze_the_picture(browser: Any) -> None:
    """The picture's script alone: `said` is what it asks of the server, `answer` what that says."""
    from flows.app.page import asset

    page = browser.new_page()
    page.set_content(f"<div id=stage>{asset('stage.html')}</div>")
    page.evaluate(
        """(script) => {
            window.said = []; window.props = {value: null, picture: ""};
            const take = (names, show) => { window.answer = (value) => { props.value = value; show(); }; };
            new Function("element", "props", "trigger", "watch", script)(
                document.querySelector("#stage"), props, (name, event) => said.push(event), take);
        }""",
        asset("stage.js"),
    )

    def answer(of: str, edit: int, *stays: bool, strokes: int = 0, hole: str = "") -> None:
        people = [
            {"number": n, "name": str(n), "stays": stay, "place": [20, 20 + 40 * n], "outline": "M0 0L9 0L9 9Z"}
            for n, stay in enumerate(stays)
        ]
        view = {"photo": "1", "of": of, "edit": edit, "width": 100, "height": 100, "alt": "", "people": people}
        page.evaluate("(view) => answer(view)", {**view, "hole": hole, "strokes": strokes})

    def click(number: int) -> None:
        page.locator(f'.person[data-number="{number}"] rect').dispatch_event("click")

    def said() -> dict[str, Any]:
        return dict(page.evaluate("said.at(-1)"))

    answer("1 these", 0, False, False)
    click(0)
    click(1)
    assert (said()["edit"], said()["keep"]) == (2, [0, 1])
    answer("1 these", 1, True, False, hole="M1 1Z")  # of the first click
    assert page.locator('.person[aria-checked="false"]').count() == 2, "the second one is not taken back"
    answer("1 others", 0, False, False, False)  # both were dropped, for they spoke of people before
    assert page.locator('.person[aria-checked="true"]').count() == 3
    click(2)
    assert (said()["of"], said()["edit"], said()["keep"]) == ("1 others", 1, [2])

    page.get_by_text("Brush: remove").click()
    page.locator("svg").click(force=True)
    assert (said()["edit"], len(said()["strokes"])) == (2, 1)
    answer("1 these", 1, False, False)
    assert (said()["of"], said()["keep"], len(said()["strokes"])) == ("1 these", [], 1), "strokes are of no people"
    page.close()


def test_the_keyboard_is_enough(tab: Tab) -> None:
    tab.drop("photo.png", photo("PNG"))
    tab.says("2 people found")
    before = tab.hole()
    mark = tab.page.locator('#stage .person[data-number="0"]')
    assert re.match("Remove person 1: left, 42% of the height", str(mark.get_attribute("aria-label")))
    mark.focus()
    tab.page.keyboard.press("Enter")
    tab.changes_hole(before)
    assert tab.goes() == [False, True]
    focused = tab.page.evaluate("document.activeElement.dataset.number")
    assert focused == "0", "the focus stays where it was"
    tab.page.keyboard.press(" ")
    sync_api.expect(tab.page.locator("#stage .hole")).to_have_attribute("d", before)
    tab.remove()
    slider = tab.page.get_by_role("slider", name="Before and after")
    slider.focus()
    tab.page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0 % Before"
    assert "100%" in tab.page.locator("#result .before").evaluate("image => image.style.clipPath")


def test_two_fills_side_by_side(tab: Tab) -> None:
    tab.drop("photo.png", photo("PNG"))
    tab.says("2 people found")
    tab.remove()
    assert not tab.page.locator("#compare").is_visible()
    tab.page.locator("#fill").get_by_text("navier-stokes").click()
    tab.says("Press Remove for the result of navier-stokes")
    tab.remove()
    tab.page.locator("#compare").get_by_text("telea").click()
    sync_api.expect(tab.page.locator("#result .tag.left")).to_have_text("telea")
    assert tab.page.locator("#result .tag.right").inner_text() == "navier-stokes"


def test_whoever_is_left_is_marked_and_taken_out_too(tab: Tab) -> None:
    tab.drop("photo.png", photo("PNG"))
    tab.says("2 people found")
    before = tab.hole()
    tab.page.locator("#stage .size input").evaluate("range => { range.value = 100; }")
    tab.brush("Brush: keep", (0.7, 0.3), (0.7, 0.8))
    tab.changes_hole(before)
    tab.remove()
    tab.says("Someone may be left, marked in the result: 1 whom the photo still shows", "#verdict")
    assert tab.page.locator("#result rect").count() == 1
    tab.page.get_by_role("button", name="Remove them too").click()
    sync_api.expect(tab.page.locator("#stage .person")).to_have_count(3, timeout=30_000)


def test_the_next_photo_starts_anew(tab: Tab) -> None:
    tab.drop("first.png", photo("PNG"))
    tab.says("first.png: 2 people found")
    before = tab.hole()
    tab.brush("Brush: remove", (0.45, 0.1), (0.55, 0.1))
    with_stroke = tab.changes_hole(before)
    tab.page.locator("#stage").get_by_text("Choose people").click()
    tab.page.locator('#stage .person[data-number="0"]').click()
    tab.changes_hole(with_stroke)
    tab.remove()
    tab.drop("second.png", photo("PNG", seed=9))
    tab.says("second.png: 2 people found")
    assert tab.goes() == [True, True] and tab.hole() == before
    assert tab.page.locator("#stage .drawn path").count() == 0
    assert not tab.page.locator("#outcome").is_visible()


def test_errors_are_sentences_and_the_page_goes_on(tab: Tab) -> None:
    for name, raw, sentence in (
        ("cut.jpg", photo()[:4000], "cut.jpg: damaged image file"),
        ("a.jxl", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "a.jxl: JPEG XL files are not supported"),
        ("empty.png", b"", "empty.png: the file is empty"),
    ):
        tab.drop(name, raw)
        tab.says(sentence)
        assert not tab.page.locator("#stage").is_visible()
    tab.drop("fine.png", photo("PNG"))
    tab.says("fine.png: 2 people found")
    tab.page.get_by_text("More", exact=True).click()
    assert "person-removal weights fetch yolo11n-seg" in tab.page.locator(".ways").inner_text()
    tab.page.get_by_role("button", name="Nobody").click()
    sync_api.expect(tab.page.locator("#stage .hole")).to_have_attribute("d", "")
    tab.page.get_by_role("button", name="Remove", exact=True).click()
    tab.says("Nothing is marked")


def test_two_tabs_have_two_photos_and_a_closed_one_has_none(tab: Tab, browser: Any, app: red_app.App) -> None:
    other = Tab(browser, app.address)
    first, second = photo("PNG", seed=5), photo("PNG", seed=6)
    tab.drop("first.png", first)
    other.drop("second.png", second)
    tab.says("first.png")
    other.says("second.png")
    tab.remove()
    other.remove()
    (name, mine), (_, theirs) = tab.download(), other.download()
    assert name == "first-without-people.png"
    outside = np.s_[340:, :]
    np.testing.assert_array_equal(decode(mine, "").pixels[outside], decode(first, "").pixels[outside])
    np.testing.assert_array_equal(decode(theirs, "").pixels[outside], decode(second, "").pixels[outside])
    link = app.address + str(other.page.locator("a.download").get_attribute("href"))
    other.page.goto("about:blank")
    until = time.monotonic() + 30
    while tab.context.request.get(link).status != 404:
        assert time.monotonic() < until, "the closed tab's file can still be had"
        time.sleep(0.2)
    assert tab.context.request.get(app.address + str(tab.page.locator("a.download").get_attribute("href"))).ok
    other.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_in_any_light(browser: Any, app: red_app.App, scheme: str) -> None:
    options = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    tab = Tab(browser, app.address, color_scheme=scheme, **options)
    tab.drop("turned.jpg", photo(orientation=6))
    tab.says("2 people found")
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 390
    before = tab.hole()
    tab.page.locator('#stage .person[data-number="1"]').tap()
    tab.changes_hole(before)
    tab.remove()
    frame = tab.page.locator("#result .frame").bounding_box()
    assert frame["height"] > frame["width"], "upright"
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 390
    after = decode(tab.download()[1], "after")
    assert after.orientation == 6 and after.pixels.shape == (384, 512, 3)
    ground, ink = tab.page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]"
    )
    assert (brightness(ground) < brightness(ink)) == (scheme == "dark")
    tab.page.locator("#go").scroll_into_view_if_needed()
    said = tab.page.locator("#message .note").bounding_box()
    assert 0 <= said["y"] < 100, "what the page says stays in sight"
    assert tab.complaints == []
    tab.close()


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3]))


def test_a_real_photo_with_the_real_networks(browser: Any, tmp_path: Path) -> None:
    ultralytics = find_spec("ultralytics")
    if ultralytics is None or ultralytics.origin is None:
        pytest.skip("needs the photos of the ultralytics package")
    try:
        find_weights(load_settings("embedded"))
    except WeightsError as error:
        pytest.skip(str(error))
    raw = (Path(ultralytics.origin).parent / "assets" / "bus.jpg").read_bytes()
    with red_app.running(tmp_path / "temporary", red=False) as running:
        tab = Tab(browser, running.address)
        tab.drop("bus.jpg", raw)
        tab.says(re.compile(r"[4-8] people found"))  # four, and what may be a hand or a head of somebody
        before = tab.hole()
        tab.page.locator('#stage .person[data-number="1"] rect').click()
        tab.changes_hole(before)
        tab.remove()
        result = decode(tab.download()[1], "after")
        original = decode(raw, "before")
        changed = (result.pixels != original.pixels).any(2)
        assert 0.1 < changed.mean() < 0.5
        assert not changed[:, 700:][:300].any() and not changed[950:].any()
        assert not changed[450:700, 760:].any(), "whoever is kept, on the right"
        assert upright(result.pixels, result.orientation).shape == (1080, 810, 3)
        assert all(url.startswith((running.address, "data:", "blob:")) for url in tab.requests)
        tab.close()
        assert running.files() == []
