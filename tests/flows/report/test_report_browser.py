"""report.html in a real browser: opened from disk, no network, by mouse, by keyboard, at phone width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report_pages import HOSTILE, PHOTOS, RUN, card, cut, names, opened, row

from flows.report.page import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the `dev` extra)")
pytestmark = [pytest.mark.browser, pytest.mark.slow]


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
    removed = card(page, "street/b.jpg").locator("svg.persons")
    found = card(page, "street/left.jpg").locator("svg.found")
    assert not hole.is_visible() and not removed.is_visible() and found.is_visible()
    page.get_by_label("Holes").check()
    page.get_by_label("People removed").check()
    page.get_by_label("People found after").uncheck()
    assert hole.is_visible() and removed.is_visible() and not found.is_visible()
    assert removed.locator(".over.left").count() == 4
    page.locator("h1").click()
    for key in "hpf":
        page.keyboard.press(key)
    assert not hole.is_visible() and not removed.is_visible() and found.is_visible()


def test_finds_are_told_apart_by_line_and_by_word(page: Any) -> None:
    kinds = ("inside", "elsewhere", "like")
    found = card(page, "street/left.jpg").locator("svg.found")
    assert [found.locator(f".over.{kind}").count() for kind in kinds] == [1, 1, 1]
    dashes = [found.locator(f".{kind}").evaluate("one => getComputedStyle(one).strokeDasharray") for kind in kinds]
    assert len(set(dashes)) == 3, "not by colour alone"
    card(page, "street/left.jpg").locator(".name").click()
    words = page.get_by_role("dialog").locator(".finds li").all_inner_texts()
    assert words == [
        "62\u00a0%, in what was filled in",
        "45\u00a0%, elsewhere in the photo",
        "90\u00a0%, may only look like a person (picture)",
    ]


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


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        ("found", "street/left.jpg", None),
        ("seam", "street/b.jpg", None),
        ("rim", "street/a.jpg", None),
        ("share", "street/b.jpg", None),
        ("people", "street/b.jpg", None),
        ("name", HOSTILE, "street/left.jpg"),
    ],
)
def test_orders(page: Any, order: str, first: str, last: str | None) -> None:
    page.get_by_label("Sort").select_option(order)
    shown = names(page)
    assert shown[0] == first and (last is None or shown[-1] == last)
    if order in ("seam", "rim"):
        assert set(shown[3:]) == {HOSTILE, "sea/empty.jpg", "sea/cut.jpg"}, "what was not measured comes last"


def test_orders_that_nothing_is_known_of_are_not_offered(browser: Any, tmp_path: Path) -> None:
    rows = [row(tmp_path, 0, *PHOTOS[0], verify={"looked": "none", "found": [], "left": 0})]
    with opened(browser, write_report(tmp_path, rows, RUN)) as page:
        values = page.get_by_label("Sort").locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert values == ["worst", "found", "share", "people", "name"]


def test_large_view_by_keyboard_alone(page: Any) -> None:
    opener = card(page, "street/left.jpg").locator(".name")
    opener.focus()
    page.keyboard.press("Enter")
    view = page.get_by_role("dialog")
    assert view.get_by_role("heading").inner_text() == "street/left.jpg"
    assert "embedded sees 3 people (62\u00a0%, 45\u00a0%, 90\u00a0%)" in view.inner_text()
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
    # the list goes on where one stopped looking, once the dialog has told that it is closed
    sync_api.expect(page.locator(":focus")).to_have_attribute("title", seen[-2])


def test_click_opens_the_large_view_of_the_filtered_list(page: Any) -> None:
    page.get_by_label("Search by name").fill("street/b")
    card(page, "street/b.jpg").locator(".stage").click()
    view = page.get_by_role("dialog")
    assert view.get_by_role("heading").inner_text() == "street/b.jpg"
    assert "1 of 1" in view.inner_text() and "filled at half size" in view.inner_text()
    view.get_by_role("button", name="Close").click()
    assert not view.is_visible()


def test_settings_weights_and_the_warning_are_there(page: Any) -> None:
    assert "delete all of these before you share" in page.get_by_role("note").inner_text()
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
    names = ("ground", "panel", "well", "warn", "ink", "soft", "accent", "on-accent", "warn-ink", "edge", *states)
    value = {name: page.evaluate(colour, name) for name in names}
    page.close()
    pairs = [(text, ground) for text in ("ink", "soft", *states) for ground in ("ground", "panel")]
    pairs += [("accent", "panel"), ("soft", "well"), ("warn-ink", "warn"), ("on-accent", "accent")]
    pairs += [("panel", state) for state in ("removed", "failed", "accent")]  # a decision's pressed button
    weak = {pair: contrast(*(value[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}
    assert contrast(value["edge"], value["panel"]) >= 3, "borders of fields (1.4.11)"


READ = """() => {
    const parse = (text) => {
        const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a];
    };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
    const ground = (node) => {
        const own = parse(getComputedStyle(node).backgroundColor);
        if (own[3] === 1) return own;
        return over(own, node.parentElement ? ground(node.parentElement) : [255, 255, 255, 1]);
    };
    const hex = (colour) => "#" + colour.slice(0, 3).map((v) => Math.round(v).toString(16).padStart(2, "0")).join("");
    const out = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const node = walk.currentNode.parentElement;
        const shown = walk.currentNode.data.trim() && node.checkVisibility({ opacityProperty: true });
        // What is switched off need not stand out (1.4.3); over a photo, labels bring their own ground.
        if (!shown || node.closest("script, option, :disabled, .stage")) continue;
        const behind = ground(node);
        out.push([walk.currentNode.data.trim(), hex(over(parse(getComputedStyle(node).color), behind)), hex(behind)]);
    }
    return out;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_as_it_is_painted(browser: Any, report: Path, scheme: str) -> None:
    """The colours that the browser has computed, of every text, in the list, a photo and the help."""
    with opened(browser, report, color_scheme=scheme, reduced_motion="reduce") as page:
        texts = page.evaluate(READ)
        card(page, "street/left.jpg").locator(".name").click()
        for key in "pd":
            page.keyboard.press(key)
        texts += page.locator("#viewer").evaluate(READ)
        page.keyboard.press("r")
        page.keyboard.press("?")
        texts += page.locator("#viewer").evaluate(READ)
    assert len(texts) > 150
    assert {(text, a, b) for text, a, b in texts if contrast(a, b) < 4.5} == set()


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


def test_five_thousand_photos_cost_what_is_seen(browser: Any, tmp_path: Path) -> None:
    first = row(tmp_path, 0, *PHOTOS[0])
    rows = [first | {"file_name": f"{n:05d}.jpg", "id": str(n), "width": 120 + n % 200} for n in range(5000)]
    path = write_report(tmp_path, rows, RUN)
    with opened(browser, path) as page:
        ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        assert ready < 5000, "milliseconds; about 300 on two free cores"
        most = page.evaluate("""async () => {
            let most = 0;
            const end = document.documentElement.scrollHeight;
            for (let y = 0; y < end; y += end / 30) {
                scrollTo(0, y);
                await new Promise(requestAnimationFrame);
                await new Promise(requestAnimationFrame);
                most = Math.max(most, document.querySelectorAll("*").length);
            }
            scrollTo(0, end);
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            return most;
        }""")
        assert most < 2500, "elements, wherever one is in the list"
        assert names(page)[-1] == "04999.jpg"
        assert page.locator(".card").last.get_attribute("aria-posinset") == "5000"
        page.get_by_label("Search by name").fill("04321")
        assert names(page) == ["04321.jpg"]


def test_rows_fill_the_width_and_nothing_overlaps(page: Any) -> None:
    for width in (1280, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        boxes = [one.bounding_box() for one in page.locator(".card").all()]
        assert len(boxes) == len(PHOTOS)
        assert max(box["x"] + box["width"] for box in boxes) <= width
        for n, a in enumerate(boxes):
            for b in boxes[n + 1 :]:
                apart_x = a["x"] + a["width"] <= b["x"] + 1 or b["x"] + b["width"] <= a["x"] + 1
                apart_y = a["y"] + a["height"] <= b["y"] + 1 or b["y"] + b["height"] <= a["y"] + 1
                assert apart_x or apart_y


def scale(page: Any) -> float:
    return float(page.locator(".area .stage").evaluate("box => getComputedStyle(box).getPropertyValue('--z') || 1"))


def open_photo(page: Any, name: str) -> Any:
    card(page, name).locator(".name").click()
    return page.locator(".area .stage").bounding_box()


def test_zoom_by_keys_and_buttons(page: Any) -> None:
    box = open_photo(page, "street/a.jpg")
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.4)
    page.keyboard.press("-")
    assert scale(page) == pytest.approx(1)
    page.keyboard.press("1")
    assert scale(page) == pytest.approx(180 / box["width"], rel=0.01), "one pixel of the photo is one of the page"
    page.keyboard.press("0")
    assert scale(page) == 1
    page.get_by_role("button", name="Zoom in").click()
    assert scale(page) == pytest.approx(1.4)
    before = page.locator("img.after").last.bounding_box()
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator("img.after").last.bounding_box()["x"] < before["x"]
    page.get_by_role("button", name="Fit the window").click()
    assert scale(page) == 1


def test_zoom_by_wheel_keeps_the_point_under_the_pointer_and_drags(page: Any) -> None:
    box = open_photo(page, "street/a.jpg")
    x, y = box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25
    page.mouse.move(x, y)
    for _ in range(4):
        page.mouse.wheel(0, -120)
    page.wait_for_timeout(100)
    assert scale(page) > 2
    image = page.locator(".area img.after")
    at = image.bounding_box()
    assert (x - at["x"]) / at["width"] == pytest.approx(0.75, abs=0.01)
    page.mouse.down()
    page.mouse.move(x - 60, y + 10, steps=4)
    page.mouse.up()
    assert image.bounding_box()["x"] == pytest.approx(at["x"] - 60, abs=2)
    assert cut(page.locator(".area")) != 50, "in the picture's own width, the border lies elsewhere now"
    border = page.locator(".area .divider").bounding_box()["x"]
    assert border == pytest.approx(box["x"] + box["width"] / 2, abs=2), "and stays where it is on the page"
    page.mouse.move(border + 1, y)
    page.mouse.down()
    page.mouse.move(border + 101, y, steps=4)
    page.mouse.up()
    assert page.locator(".area .divider").bounding_box()["x"] == pytest.approx(border + 100, abs=6)
    assert image.bounding_box()["x"] == pytest.approx(at["x"] - 60, abs=2)


def test_pinch(browser: Any, report: Path) -> None:
    with opened(browser, report, has_touch=True) as page:
        box = open_photo(page, "street/a.jpg")
        touch = page.context.new_cdp_session(page)
        middle = box["y"] + box["height"] / 2

        def fingers(kind: str, apart: float | None) -> None:
            centre = box["x"] + box["width"] / 2
            points = [] if apart is None else [{"x": centre + s * apart, "y": middle, "id": s + 1} for s in (-1, 1)]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        fingers("touchStart", 50)
        for apart in (60, 80, 100):
            fingers("touchMove", apart)
        fingers("touchEnd", None)
        page.wait_for_timeout(100)
        assert scale(page) == pytest.approx(2, rel=0.15)
        assert page.locator(".area input[type=range]").input_value() == "50", "a pinch does not slide"


def test_zoomed_in_the_files_themselves_are_shown(page: Any) -> None:
    open_photo(page, "street/b.jpg")
    page.keyboard.press("+")
    page.locator(".stage[data-files=shown]").wait_for(timeout=10_000)
    assert page.locator(".area img.before").evaluate("image => image.src").endswith("/originals/street/b.jpg")
    assert page.locator(".area img.after").evaluate("image => image.naturalWidth") == 720


def test_help_says_every_key(page: Any) -> None:
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Look, decide, hand it back")
    assert help_.is_visible() and "--decisions decisions.json" in help_.inner_text()
    page.keyboard.press("Escape")
    assert not help_.is_visible()


def test_everything_has_a_name(page: Any) -> None:
    """Every control is announced by a name, every picture has a text, and ids are there once."""
    open_photo(page, "street/b.jpg")
    page.keyboard.press("d")
    page.keyboard.press("p")
    nameless = page.evaluate("""() => [...document.querySelectorAll("button, input, select, textarea, a")]
        .filter((one) => !(one.innerText?.trim() || one.ariaLabel || one.labels?.length || one.hidden))
        .map((one) => one.outerHTML)""")
    assert nameless == []
    assert page.locator("img:not([alt])").count() == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))


def test_nothing_moves_for_those_who_asked_for_it(browser: Any, report: Path) -> None:
    with opened(browser, report, reduced_motion="reduce") as page:
        moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((one) => {
            const style = getComputedStyle(one);
            return style.animationName !== "none" || style.transitionDuration.split(",").some((t) => parseFloat(t) > 0);
        }).length""")
    assert moving == 0
