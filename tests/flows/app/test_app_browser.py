"""The photo page in a real browser: every journey by mouse, keyboard and finger, on a desktop, a tablet and a phone."""

from __future__ import annotations

import base64
import io
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import red_app
from collection_with_people import texture
from page_rules import BROKEN_RULES
from PIL import Image
from red_people import RED

from configs.load import load_settings
from data.images import decode
from data.weights.files import WeightsError
from flows.stages.context import find_weights

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the `dev` extra)")
pytestmark = [pytest.mark.browser, pytest.mark.slow]
DESKTOP, TABLET, PHONE = ((1440, 900), (1024, 768), (390, 844))
PLACE = 34853  # GPS
sync_api.expect.set_options(timeout=60_000)  # however loaded the machine is


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

    def __init__(self, browser: Any, address: str, size: tuple[int, int] = DESKTOP, **options: Any) -> None:
        phone = {"is_mobile": True, "has_touch": True} if size == PHONE else {}
        self.address = address.partition("/k/")[0]
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **phone, **options)
        self.page = page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("response", lambda answer: answer.status >= 400 and self.complaints.append(answer.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url.replace("ws://", "http://")))
        page.goto(address)
        page.locator("body.ready").wait_for(timeout=60_000)

    def choose(self, *files: tuple[str, bytes]) -> None:
        sent = [{"name": name, "mimeType": "image/png", "buffer": raw} for name, raw in files]
        self.page.locator("#file").set_input_files(sent)

    def carry(self, event: str, where: str, name: str, raw: bytes) -> None:
        """A file that is dropped on an element, or pasted."""
        self.page.locator(where).evaluate(
            """(target, [kind, name, text]) => {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], name, { type: name.endsWith(".mov") ? "video/mp4" : "image/png" }));
                const options = { bubbles: true, cancelable: true };
                const event = kind === "paste" ? new ClipboardEvent(kind, { ...options, clipboardData: data })
                    : new DragEvent(kind, { ...options, dataTransfer: data });
                target.dispatchEvent(event);
            }""",
            [event, name, base64.b64encode(raw).decode()],
        )

    def finds(self, count: int) -> None:
        sync_api.expect(self.page.locator("#people .person")).to_have_count(count)

    def goes(self) -> list[bool]:
        return list(self.page.locator("#people input").evaluate_all("all => all.map((one) => one.checked)"))

    def hole(self) -> str:
        return str(self.page.locator("#marks .hole").get_attribute("d"))

    def changes_hole(self, before: str) -> str:
        self.waits(lambda: self.hole() != before, "the hole stays as it was")
        return self.hole()

    def has_hole(self, hole: str) -> None:
        self.waits(lambda: self.hole() == hole, "the hole is another one")

    def waits(self, until: Callable[[], bool], else_: str) -> None:
        end = time.monotonic() + 30
        while not until():
            assert time.monotonic() < end, else_
            self.page.wait_for_timeout(30)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the photo (shares) is on the screen."""
        box = self.page.locator("#frame").bounding_box()
        return box["x"] + box["width"] * x, box["y"] + box["height"] * y

    def tool(self, name: str) -> None:
        self.page.locator(f"input[name=tool][value={name}] + span").click()

    def view(self, name: str) -> None:
        self.page.locator(f"input[name=view][value={name}] + span").click()

    def shows(self, view: str) -> None:
        sync_api.expect(self.page.locator(f"input[name=view][value={view}]")).to_be_checked()

    def brush(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*end), steps=5)
        self.page.mouse.up()

    def removes(self, button: str | re.Pattern[str] = re.compile("^Remove")) -> None:
        self.page.get_by_role("button", name=button).first.click()
        self.has_result()

    def has_result(self) -> None:
        self.shows("result")
        sync_api.expect(self.page.locator("#download")).to_be_enabled()

    def download(self, button: str = "#download") -> tuple[str, bytes]:
        with self.page.expect_download() as download:
            self.page.locator(button).click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    def complains(self, text: str) -> None:
        sync_api.expect(self.page.locator("#said")).to_contain_text(text, timeout=30_000)

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []
        assert all(url.startswith((self.address, "data:", "blob:")) for url in self.requests), self.requests


@pytest.fixture
def tab(browser: Any, app: red_app.App) -> Iterator[Tab]:
    tab = Tab(browser, app.address)
    yield tab
    tab.close()


def photo(format_: str = "PNG", orientation: int = 1, seed: int = 3) -> bytes:
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
    raw = photo("JPEG")
    tab.carry("drop", "#welcome h2", "beach day.jpg", raw)
    sync_api.expect(tab.page.locator("#before")).to_be_visible()
    tab.finds(2)
    assert tab.goes() == [True, True]
    sync_api.expect(tab.page.locator("#go")).to_have_text("Remove 2 people")
    everyone = tab.changes_hole("")

    tab.page.mouse.click(*tab.at(0.7, 0.5))  # the one on the right
    one = tab.changes_hole(everyone)
    assert tab.goes() == [True, False]
    tab.page.locator("#room").fill("20")
    wide = tab.changes_hole(one)
    tab.page.mouse.click(*tab.at(0.5, 0.3))  # a thing that nobody found
    tab.page.get_by_role("button", name="Nobody found here: paint it").click()
    sync_api.expect(tab.page.locator("input[name=tool][value=brush]")).to_be_checked()
    tab.brush((0.5, 0.1), (0.6, 0.1))
    added = tab.changes_hole(wide)
    assert tab.page.locator("#marks .drawn path").count() == 0, "what was drawn is in the hole"
    tab.tool("erase")
    tab.brush((0.5, 0.1), (0.52, 0.1))
    erased = tab.changes_hole(added)

    for hole in (added, wide, one, everyone):  # everything is undone, one after the other
        tab.page.keyboard.press("Control+z")
        tab.has_hole(hole)
    assert tab.goes() == [True, True]
    sync_api.expect(tab.page.locator("#undo")).to_be_disabled()
    for hole in (one, wide, added, erased):
        tab.page.locator("#redo").click()
        tab.has_hole(hole)
    tab.page.keyboard.press("Control+z")
    tab.has_hole(added)

    tab.removes("Remove 1 person")
    sync_api.expect(tab.page.locator("#verdict")).to_contain_text("Nobody is seen in the result")
    name, result = tab.download()
    assert name == "beach day-without-people.jpg"
    before, after = decode(raw, "before"), decode(result, "after")
    changed = (before.pixels != after.pixels).any(2)
    assert after.format == "JPEG" and after.pixels.shape == (384, 512, 3)
    assert changed[120:280, 80:144].mean() > 0.99, "the one on the left"
    assert changed[36:40, 270:300].any(), "under the brush"
    assert not changed[70:340, 310:410].any(), "whoever is kept, beyond the JPEG blocks that the brush touched"
    assert not changed[340:].any() and not changed[:, 420:].any()
    assert Image.open(io.BytesIO(result)).getexif().get_ifd(PLACE)
    tab.page.locator("#more > summary").click()
    tab.page.locator("#scrub").check()
    assert not Image.open(io.BytesIO(tab.download()[1])).getexif().get_ifd(PLACE)

    tab.page.keyboard.press("Control+z")  # the removal too
    tab.shows("mark")
    sync_api.expect(tab.page.locator("#download")).to_be_disabled()
    tab.page.keyboard.press("Control+y")
    tab.has_result()
    tab.carry("drop", "#stage", "second.png", photo())  # on the work: it stays
    sync_api.expect(tab.page.locator("#strip .photo")).to_have_count(2)


def test_a_spot_of_the_result_is_brushed_again_and_the_earlier_result_stays(tab: Tab) -> None:
    raw = photo()
    tab.choose(("photo.png", raw))
    tab.finds(2)
    tab.removes()
    first = decode(tab.download()[1], "first").pixels
    tab.tool("brush")
    tab.brush((0.5, 0.9), (0.55, 0.9))
    assert tab.page.locator("#marks .drawn path").count() == 1
    tab.page.get_by_role("button", name="Fill the painted spot").click()
    sync_api.expect(tab.page.locator("#marks .drawn path")).to_have_count(0)
    tab.has_result()
    changed = (decode(tab.download()[1], "second").pixels != first).any(2)
    rows, columns = np.nonzero(changed)
    assert rows.min() > 300 and columns.min() > 200 and columns.max() < 320, "just the spot"

    tab.view("compare")
    sync_api.expect(tab.page.locator(".tag.left")).to_have_text("Original")
    tab.page.locator("#against").select_option(label="Result 1 (telea)")
    sync_api.expect(tab.page.locator(".tag.left")).to_have_text("Result 1 (telea)")
    sync_api.expect(tab.page.locator(".tag.right")).to_have_text("Result 2 (telea)")
    middle = tab.page.locator("#cut").bounding_box()["x"]
    x, y = tab.at(0.2, 0.5)
    tab.page.mouse.click(x, y)
    assert abs(tab.page.locator("#cut").bounding_box()["x"] - x) < 4 < middle - x
    assert re.match(r"inset\(0px 8\d", str(tab.page.locator("#before").evaluate("image => image.style.clipPath")))

    for _ in range(2):  # the fill, then the stroke
        tab.page.keyboard.press("Control+z")
    tab.has_result()
    np.testing.assert_array_equal(decode(tab.download()[1], "again").pixels, first)


def test_wheel_keys_and_drag_zoom_and_move_while_brushing(tab: Tab) -> None:
    tab.choose(("photo.png", photo()))
    tab.finds(2)
    tab.tool("brush")
    whole = tab.page.locator("#frame").bounding_box()
    tab.page.mouse.move(*tab.at(0.25, 0.5))
    point = tab.at(0.25, 0.5)
    for _ in range(4):
        tab.page.mouse.wheel(0, -120)
    tab.waits(lambda: tab.page.locator("#frame").bounding_box()["width"] > 2 * whole["width"], "the wheel zooms")
    tab.page.wait_for_timeout(200)
    large = tab.page.locator("#frame").bounding_box()
    assert tab.at(0.25, 0.5) == pytest.approx(point, abs=2), "what is under the mouse stays there"
    before = tab.hole()
    x, y = tab.at(0.4, 0.6)
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + 60, y, steps=4)
    tab.page.mouse.up()
    after = tab.changes_hole(before)
    painted = {int(at) for at in re.findall(r"[ML](\d+) ", after)} - {
        int(at) for at in re.findall(r"[ML](\d+) ", before)
    }
    assert painted and all(0.3 * 512 < at < 0.6 * 512 for at in painted), "where the zoomed photo was painted"
    tab.tool("pick")
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x + 50, y + 20, steps=4)
    tab.page.mouse.up()
    moved = tab.page.locator("#frame").bounding_box()
    assert (moved["x"] - large["x"], moved["y"] - large["y"]) == pytest.approx((50, 20), abs=2)
    assert tab.goes() == [True, True], "a drag is no click"
    tab.page.keyboard.press("0")
    assert tab.page.locator("#frame").bounding_box() == pytest.approx(whole, abs=1)

    def fills(share: float) -> bool:
        """Whether the photo is as wide as its stage, or as high as a share of the window."""
        photo, room = (tab.page.locator(id).bounding_box() for id in ("#frame", "#stage"))
        return bool(photo["width"] > 0.9 * room["width"] or photo["height"] > share * tab.page.viewport_size["height"])

    stage, job = tab.page.locator("#stage"), tab.page.locator("#job")
    for width, height, share in (
        *((*size, 0.4) for size in (DESKTOP, TABLET, PHONE)),
        (667, 375, 0.6),
        (720, 450, 0.6),
    ):
        tab.page.set_viewport_size({"width": width, "height": height})  # the last two: a phone that lies, and 200 %
        job.evaluate("job => { job.hidden = false; }")
        at, of = stage.bounding_box(), job.bounding_box()
        assert of["x"] >= at["x"] + at["width"] or of["y"] >= at["y"] + at["height"], "progress covers the photo"
        job.evaluate("job => { job.hidden = true; }")
        assert stage.bounding_box() == at, "the photo stays where it is when progress comes"
        tab.waits(lambda: fills(share), "the photo is a stamp")  # noqa: B023
        tab.waits(lambda: tab.page.evaluate(BROKEN_RULES) == [], "a rule is broken")


def test_the_keyboard_is_enough(browser: Any, app: red_app.App) -> None:
    tab = Tab(browser, app.address, TABLET)
    tab.page.on("filechooser", lambda _: None)  # the browser is told early: its own dialog would open for a fast key
    keys = tab.page.keyboard
    keys.press("Tab")
    while tab.page.evaluate("document.activeElement.id") != "choose":
        keys.press("Tab")
    with tab.page.expect_file_chooser() as chooser:
        keys.press("Enter")
    chooser.value.set_files({"name": "photo.png", "mimeType": "image/png", "buffer": photo()})
    tab.finds(2)
    everyone = tab.changes_hole("")
    keys.press("2")
    kept = tab.changes_hole(everyone)
    assert tab.goes() == [True, False]
    for _ in range(40):
        keys.press("Tab")
        if tab.page.evaluate("document.activeElement.ariaLabel") == "Person 1 goes: left, 42% of the height":
            break
    keys.press(" ")
    tab.changes_hole(kept)
    assert tab.goes() == [False, False]
    focused = tab.page.evaluate("document.activeElement.ariaLabel")
    assert focused == "Person 1 goes: left, 42% of the height", "the focus stays where it was"
    keys.press(" ")
    tab.has_hole(kept)
    keys.press("b")
    for key in ("ArrowUp", "ArrowUp", "Space"):
        keys.press(key)
    sync_api.expect(tab.page.locator("#tip")).to_be_visible()
    dab = tab.changes_hole(kept)
    keys.press("Shift+ArrowRight")
    tab.changes_hole(dab)
    tab.page.evaluate("document.querySelector('#go').click(); document.querySelector('#undo').click()")
    tab.waits(lambda: bool(tab.page.evaluate("personRemoval.page.now.history.at(-1).removed")), "no result comes")
    tab.shows("mark")  # it was undone while it was computed
    for _ in range(2):  # the stroke, the removal
        keys.press("Control+y")
    tab.has_result()
    keys.press("Control+z")
    tab.shows("mark")
    tab.page.locator("input[name=tool][value=brush]").focus()  # as it is after a click on it
    keys.press("Enter")
    tab.has_result()
    keys.press("Control+z")
    tab.page.locator("#go").focus()
    keys.press("Enter")
    tab.has_result()
    assert tab.page.evaluate("document.activeElement.id") == "go", "the focus stays where it was"
    sync_api.expect(tab.page.locator("#tip")).to_be_visible()
    keys.press("c")
    tab.shows("compare")
    sync_api.expect(tab.page.locator("#tip")).to_be_hidden()
    tab.page.locator("#border").focus()
    keys.press("Home")
    assert tab.page.locator("#border").get_attribute("aria-valuetext") == "0 % before"
    tab.page.locator("#stage").focus()
    with tab.page.expect_download():
        keys.press("s")
    keys.press("?")
    sync_api.expect(tab.page.locator("#about")).to_be_visible()
    keys.press("Escape")
    tab.close()


def test_a_phone_with_fingers(browser: Any, app: red_app.App) -> None:
    tab = Tab(browser, app.address, PHONE, color_scheme="dark")
    tab.choose(("turned.jpg", photo("JPEG", orientation=6)))
    tab.finds(2)
    everyone = tab.changes_hole("")
    box = tab.page.locator("#frame").bounding_box()
    assert box["height"] > box["width"], "upright"
    for where in ("#go", "#download", "#tools"):
        seen = tab.page.locator(where).bounding_box()
        assert seen["y"] >= 0 and seen["y"] + seen["height"] <= 844, f"{where} is in reach"
    tab.page.locator("#people .person").nth(1).tap()
    one = tab.changes_hole(everyone)
    finger = tab.context.new_cdp_session(tab.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    tab.page.locator("input[name=tool][value=brush] + span").tap()
    x, y = tab.at(0.5, 0.1)
    touch("touchStart", (x, y))
    for step in range(1, 5):
        touch("touchMove", (x + 8 * step, y))
    touch("touchEnd")
    painted = tab.changes_hole(one)
    middle = tab.at(0.5, 0.5)
    touch("touchStart", (middle[0] - 20, middle[1]))
    touch("touchStart", (middle[0] - 20, middle[1]), (middle[0] + 20, middle[1]))
    for step in range(1, 6):
        touch("touchMove", (middle[0] - 20 - 8 * step, middle[1]), (middle[0] + 20 + 8 * step, middle[1]))
    touch("touchEnd")
    assert tab.page.locator("#frame").bounding_box()["width"] > 2 * box["width"], "two fingers pinch"
    tab.has_hole(painted)
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 390
    tab.page.locator("#go").tap()
    tab.has_result()
    tab.page.locator("input[name=tool][value=pick] + span").tap()
    original = tab.page.locator(".tag.left", has_text="Original")
    touch("touchStart", tab.at(0.5, 0.5))  # and held
    sync_api.expect(original).to_be_visible()
    touch("touchEnd")
    sync_api.expect(original).to_be_hidden()
    after = decode(tab.download()[1], "after")
    assert after.orientation == 6 and after.pixels.shape == (512, 384, 3), "upright"
    ground, ink = tab.page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert brightness(ground) < brightness(ink)
    tab.close()


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3]))


def test_several_photos_the_same_for_all_and_one_zip(tab: Tab) -> None:
    tab.carry("paste", "body", "pasted.png", photo())
    tab.finds(2)
    tab.choose(("photo.png", photo(seed=5)), ("photo.png", photo(seed=6)))
    tab.finds(2)
    photos = tab.page.locator("#strip .photo")
    sync_api.expect(photos).to_have_count(3)
    tab.page.locator("#room").fill("3")
    tab.page.get_by_role("button", name="Do the same for all photos").click()
    sync_api.expect(tab.page.locator("#strip .photo.done")).to_have_count(3)
    name, raw = tab.download("#zip")
    assert name == "without-people.zip"
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = archive.namelist()
        assert names == ["pasted-without-people.png", "photo-without-people.png", "photo-without-people-2.png"]
        result = decode(archive.read(names[2]), "result")
    assert Image.open(io.BytesIO(result.raw)).getexif()[0x010F] == "a maker"
    np.testing.assert_array_equal(result.pixels[340:], decode(photo(seed=6), "").pixels[340:])
    tab.page.get_by_role("button", name="Close pasted.png").click()
    sync_api.expect(photos).to_have_count(2)
    photos.nth(0).locator(".open").click()
    sync_api.expect(tab.page.locator("#name")).to_have_text("photo.png")
    assert tab.page.locator("#room").input_value() == "3"


def test_two_fills_side_by_side_and_whoever_is_left(tab: Tab) -> None:
    tab.choose(("photo.png", photo()))
    tab.finds(2)
    before = tab.changes_hole("")
    tab.page.locator("#size").evaluate("range => { range.value = 160; }")
    tab.tool("erase")
    tab.brush((0.7, 0.25), (0.7, 0.8))
    tab.changes_hole(before)
    tab.removes()
    verdict = tab.page.locator("#verdict")
    sync_api.expect(verdict).to_contain_text("Someone may be left, marked in the result: 1 person whom")
    assert tab.page.locator("#marks .finds rect").count() == 1
    assert tab.goes() == [True, True]
    tab.page.get_by_role("button", name="Remove them too").click()
    sync_api.expect(tab.page.locator("#people .person")).to_have_count(3)
    tab.has_result()
    tab.page.locator("#more > summary").click()
    tab.page.locator("#fill").select_option("navier-stokes")
    tab.shows("mark")
    sync_api.expect(tab.page.locator("#download")).to_be_disabled()
    tab.removes()
    tab.page.locator("#fill").select_option("telea")
    sync_api.expect(tab.page.locator("#download")).to_be_enabled()  # it is there already
    tab.page.locator("#ways summary").click()
    assert "person-removal weights fetch yolo11n-seg" in tab.page.locator("#ways").inner_text()


def test_errors_are_sentences_and_the_page_goes_on(tab: Tab) -> None:
    for name, raw, sentence in (
        ("cut.jpg", photo("JPEG")[:4000], "cut.jpg: damaged image file"),
        ("a.jxl", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100), "a.jxl: JPEG XL files are not supported"),
        ("empty.png", b"", "empty.png: the file is empty"),
    ):
        tab.choose((name, raw))
        tab.complains(sentence)
        sync_api.expect(tab.page.locator("#welcome")).to_be_visible()
    tab.choose(("one.jpg", b"no picture"), ("two.jpg", b"no picture"))
    for name in ("one.jpg", "two.jpg"):
        tab.complains(f"{name}: not an image that can be read")
    tab.complaints = [one for one in tab.complaints if "400" not in one]
    tab.carry("drop", "body", "film.mov", b"moov")
    tab.complains("film.mov: this is no photo")
    for what in ("dragover", "drop"):
        left = """kind => document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true,
            dataTransfer: Object.assign(new DataTransfer(), {}) }))"""
        assert not tab.page.evaluate(left, what), "a link that is dropped does not leave the page"
    tab.complains("That is no file")
    tab.page.get_by_role("button", name="Close this message").click()
    sync_api.expect(tab.page.locator("#said")).to_be_hidden()
    tab.page.get_by_role("button", name=re.compile("sample photo")).first.click()
    sync_api.expect(tab.page.locator("#stage")).to_be_visible()
    sync_api.expect(tab.page.locator("#people h2")).to_have_text("Nobody was found")
    sync_api.expect(tab.page.locator("#go")).to_be_disabled()


def test_a_closed_tab_is_forgotten(tab: Tab, browser: Any, app: red_app.App) -> None:
    other = Tab(browser, app.address)
    for one in (tab, other):  # equal photos in two tabs
        one.choose(("same.png", photo()))
    for one in (tab, other):
        one.finds(2)
    mine, theirs = (str(one.page.locator("#before").get_attribute("src")) for one in (tab, other))
    assert tab.context.request.get(tab.address + theirs).ok
    other.close()
    until = time.monotonic() + 30
    while tab.context.request.get(tab.address + theirs).status != 400:
        assert time.monotonic() < until, "the closed tab's photo can still be had"
        time.sleep(0.1)
    assert tab.context.request.get(tab.address + mine).ok


def test_a_page_goes_on_when_its_server_is_back(browser: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path / "cache"))
    with red_app.running(tmp_path / "temporary") as first:
        tab = Tab(browser, first.address)
        tab.choose(("photo.png", photo()))
        tab.finds(2)
        tab.page.keyboard.press("2")
        tab.removes("Remove 1 person")
        first.process.kill()
        tab.complains("The page's server has ended. Start person-removal app again")
        tab.carry("drop", "#stage", "second.png", photo(seed=4))
    port = first.address.rpartition(":")[2].partition("/")[0]
    with red_app.running(tmp_path / "temporary", "--port", port) as again:
        assert again.address == first.address
        tab.complains("The server was started again, and the photos are there again")
        tab.finds(2)
        tab.page.locator("#strip .open").first.click()
        assert tab.goes() == [True, False], "what was chosen stays"
        tab.removes("Remove 1 person")
        assert decode(tab.download()[1], "").pixels.shape == (384, 512, 3)
        tab.complaints.clear()  # the browser counts each try
        tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, TABLET, PHONE], ids=["desktop", "tablet", "phone"])
def test_everyone_can_use_it(browser: Any, app: red_app.App, size: tuple[int, int], scheme: str) -> None:
    """Names, labels, contrast, sizes of targets, nothing beside the screen; in each state of the page."""
    tab = Tab(browser, app.address, size, color_scheme=scheme, reduced_motion="reduce")

    def holds(state: str) -> None:
        assert tab.page.evaluate(BROKEN_RULES) == [], state

    holds("the empty page")
    tab.choose(("photo.png", photo()), ("second.png", photo(seed=8)))
    tab.finds(2)
    tab.tool("brush")
    tab.page.locator("#more > summary").click()
    holds("people")
    tab.removes()
    tab.page.locator("#verdict").wait_for(timeout=60_000)
    holds("the result")
    tab.view("compare")
    tab.page.locator("#help").click()
    holds("help")
    tab.close()


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
        tab.page.get_by_role("button", name="Try the sample photo bus.jpg").click()
        sync_api.expect(tab.page.locator("#people h2")).to_have_text(re.compile("[4-8] people"), timeout=120_000)
        before = tab.changes_hole("")
        tab.page.mouse.click(*tab.at(0.955, 0.54))  # the man on the right
        tab.changes_hole(before)
        tab.removes()
        result = decode(tab.download()[1], "after")
        original = decode(raw, "before")
        changed = (result.pixels != original.pixels).any(2)
        assert 0.1 < changed.mean() < 0.5
        assert not changed[:, 700:][:300].any() and not changed[950:].any()
        assert not changed[500:700, 760:].any(), "whoever is kept, on the right"
        assert result.pixels.shape == (1080, 810, 3)
        tab.close()
        assert running.files() == []
