"""Deciding on the page, in a real browser: by keys alone, undone, kept, exported, and understood by the next run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import coco_settings, manifest
from report_pages import back_in_the_list, card, make_report, names, opened, result_of

from flows.plan.selection import Selection
from flows.run.job import execute, prepare

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the `dev` extra)")
pytestmark = [pytest.mark.browser, pytest.mark.slow]
A, B, LEFT = "street/a.jpg", "street/b.jpg", "street/left.jpg"


def exported(page: Any) -> dict[str, Any]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export decisions").click()
    assert download.value.suggested_filename == "decisions.json"
    tree = json.loads(Path(download.value.path()).read_text())
    assert tree["person_removal_decisions"] == 1
    photos: dict[str, Any] = tree["photos"]
    return photos


def taken_in(page: Any, tmp_path: Path, tree: Any) -> str:
    file = tmp_path / "given.json"
    file.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    page.locator("#file").set_input_files(file)
    page.locator("#said", has_text="taken").wait_for(state="attached")
    return str(page.locator("#said").text_content())


def about(number: int) -> dict[str, str]:
    return {"result": result_of(number), "photo": result_of(100 + number)}


def test_the_whole_way_by_keys_alone(page: Any) -> None:
    """From the top of the page to an exported file: find a photo, look, decide, note, undo, mark, export."""

    def tab_to(selector: str) -> None:
        for _ in range(80):
            if page.evaluate("one => document.activeElement.matches(one)", selector):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by Tab")

    page.keyboard.press("/")
    page.keyboard.type("street")
    page.keyboard.press("Tab")
    tab_to(".card .name")
    page.keyboard.press("Enter")  # the photo under review comes first
    view = page.get_by_role("dialog")
    assert view.get_by_role("heading").inner_text() == LEFT
    page.keyboard.press("a")
    assert view.get_by_role("button", name="Approve").get_attribute("aria-pressed") == "true"
    page.keyboard.press("e")
    page.keyboard.type("nobody: a coat, really")
    page.keyboard.press("Escape")
    assert view.is_visible(), "Esc leaves the field first"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("r")
    tab_to("[name=reject_as]")
    page.keyboard.press("ArrowDown")
    assert view.get_by_label("leave the photo out").is_checked()
    second = view.get_by_role("heading").inner_text()
    page.keyboard.press("Escape")  # from a choice, the photo is left
    sync_api.expect(page.locator(":focus")).to_have_attribute("title", second)
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("p")
    tab_to(".person")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true", "the focus stays on it"
    page.keyboard.press("Escape")
    back_in_the_list(page)
    tab_to("#export")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    photos = json.loads(Path(download.value.path()).read_text())["photos"]
    assert photos[LEFT] == {"decision": "approve", "note": "nobody: a coat, really", **about(2)}
    rejected = [name for name, said in photos.items() if said["decision"] == "reject"]
    redone = [name for name, said in photos.items() if said["decision"] == "redo"]
    assert {*rejected, *redone} == {A, B} and photos[rejected[0]]["reject_as"] == "leave-out"
    assert len(photos[redone[0]]["settings"]["refine"]["keep"]) == 1


def test_deciding_twice_takes_it_back_and_undo_goes_step_by_step(page: Any) -> None:
    card(page, A).locator(".name").focus()
    page.keyboard.press("a")
    assert "Approved" in card(page, A).inner_text()
    assert page.evaluate("document.activeElement.title") == A, "the focus stays"
    page.keyboard.press("r")
    assert "Rejected" in card(page, A).inner_text()
    page.keyboard.press("r")
    assert "Rejected" not in card(page, A).inner_text()
    for text in ("Rejected", "Approved"):
        page.keyboard.press("z")
        assert text in card(page, A).inner_text()
    page.keyboard.press("z")
    assert page.locator("#decided").inner_text() == ""
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_decisions_are_kept_by_the_browser_and_progress_is_told(browser: Any, report: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#looked").inner_text() == "0 of 6 looked at"
    card(page, A).locator(".name").focus()
    page.keyboard.press("r")
    card(page, B).locator(".name").click()
    page.keyboard.press("Escape")
    back_in_the_list(page)
    page.reload()
    assert page.locator("#looked").inner_text() == "2 of 6 looked at"
    assert page.locator("#decided").inner_text() == "1 rejected"
    assert "Rejected" in card(page, A).inner_text()
    page.locator("[name=decision]").select_option("unseen")
    assert A not in names(page) and B not in names(page) and len(names(page)) == 4
    page.locator("[name=decision]").select_option("reject")
    assert names(page) == [A]
    other = context.new_page()
    text = report.read_text().replace("0123456789abcdef", "another")
    (report.parent / "another.html").write_text(text)
    other.goto((report.parent / "another.html").as_uri())
    assert other.locator("#decided").inner_text() == "", "another run has its own"
    context.close()


def test_a_decision_on_a_result_that_is_gone_is_dropped_and_said(browser: Any, report: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(report.as_uri())
    card(page, A).locator(".name").focus()
    page.keyboard.press("a")
    newer = report.parent / "newer.html"
    newer.write_text(report.read_text().replace(f'"{result_of(0)}"', f'"{result_of(50)}"'))
    said = page.get_by_text("1 decision was about results that are no more")
    for _ in range(100):  # the page of another file may read the browser's storage before the decision has got there
        page.goto(newer.as_uri())
        if said.count():
            break
        page.wait_for_timeout(100)
    assert said.is_visible()
    assert page.locator("#decided").inner_text() == ""
    context.close()


def test_without_storage_it_works_and_says_so(browser: Any, report: Path) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })")
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.get_by_text("This browser keeps nothing for this page").is_visible()
    card(page, A).locator(".name").focus()
    page.keyboard.press("a")
    assert exported(page) == {A: {"decision": "approve", **about(0)}}
    context.close()


def test_redo_says_with_what(page: Any) -> None:
    card(page, A).locator(".name").click()
    view = page.get_by_role("dialog")
    page.keyboard.press("d")
    assert view.get_by_label("Growth of the hole").input_value() == "0.16", "twice what it was"
    view.get_by_label("Growth of the hole").fill("0.2")
    view.get_by_role("combobox", name="Fill").select_option("telea")
    view.get_by_label("Other settings").fill("refine.close = 0.1; segment.segmenter=maskrcnn")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    back_in_the_list(page)
    settings = {
        "refine": {"dilate": 0.2, "close": 0.1},
        "inpaint": {"fill": "telea"},
        "segment": {"segmenter": "maskrcnn"},
    }
    assert exported(page)[A] == {"decision": "redo", "settings": settings, **about(0)}


@pytest.mark.parametrize("text", ["dilate=1", "run.workers=2", "refine.dilate"])
def test_settings_that_are_none_are_said_at_once(page: Any, text: str) -> None:
    card(page, A).locator(".name").click()
    view = page.get_by_role("dialog")
    page.keyboard.press("d")
    view.get_by_label("Other settings").fill(text)
    assert view.get_by_role("alert").inner_text().startswith("Write them as section.field=value")
    assert view.get_by_label("Other settings").get_attribute("aria-invalid") == "true"


def test_a_redo_of_nothing_is_not_exported(page: Any) -> None:
    card(page, A).locator(".name").click()
    page.keyboard.press("d")
    page.get_by_label("Growth of the hole").fill("")
    assert page.get_by_text("Say what to change").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    back_in_the_list(page)
    card(page, B).locator(".name").focus()
    page.keyboard.press("a")
    assert exported(page).keys() == {B}
    assert "1 redo says nothing of what to change" in page.locator("#said").inner_text()


def test_whom_to_keep_is_marked_on_the_photo(page: Any) -> None:
    card(page, B).locator(".name").click()
    page.keyboard.press("p")
    people = page.get_by_role("dialog").locator(".person")
    assert people.count() == 4
    first = page.get_by_role("button", name="Keep person 1 of 4")
    first.click()
    page.get_by_role("button", name="Keep person 3 of 4").click()
    assert first.get_attribute("aria-pressed") == "true" and first.inner_text() == "Keep"
    assert "2 of 4 people kept" in page.get_by_role("dialog").inner_text()
    first.click()
    page.keyboard.press("Escape")
    back_in_the_list(page)
    assert exported(page)[B]["settings"] == {"refine": {"keep": [[80, 20, 30, 80]]}}


def test_a_drag_over_a_person_slides_and_marks_nobody(page: Any) -> None:
    card(page, B).locator(".name").click()
    page.keyboard.press("p")
    box = page.get_by_role("button", name="Keep person 2 of 4").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y, steps=5)
    page.mouse.up()
    assert page.locator("[aria-pressed=true].person").count() == 0
    assert page.locator(".area input[type=range]").input_value() != "50"


def test_photos_without_a_result_cannot_be_decided(page: Any) -> None:
    card(page, "sea/cut.jpg").locator(".name").click()
    view = page.get_by_role("dialog")
    for word in ("Approve", "Reject", "Redo"):
        assert view.get_by_role("button", name=word).is_disabled()
    page.keyboard.press("a")
    assert "no result" in view.locator("#said").text_content()


def test_import(page: Any, tmp_path: Path) -> None:
    photos = {
        A: {"decision": "approve", "result": result_of(0)},
        B: {"decision": "reject", "reject_as": "leave-out", "note": "odd", "result": result_of(1)},
        LEFT: {"decision": "approve", "result": result_of(77)},
        "elsewhere.jpg": {"decision": "approve"},
        "sea/empty.jpg": {"decision": "perhaps"},
    }
    said = taken_in(page, tmp_path, {"person_removal_decisions": 1, "photos": photos})
    assert said == "2 decisions taken; 2 not understood, or of photos that are not here; 1 of other results, not taken."
    assert page.locator("#decided").inner_text() == "1 approved, 1 rejected"
    assert exported(page) == {A: photos[A] | about(0), B: photos[B] | about(1)}
    page.get_by_role("button", name="Undo").click()
    assert page.locator("#decided").inner_text() == "", "one step"


@pytest.mark.parametrize(
    "said",
    [
        {"settings": {"refine": None}},
        {"settings": [1]},
        {"settings": {"refine": {"keep": [None]}}},
        {"settings": {"refine": {"keep": {"0": 1}}}},
        {"reject_as": "zip"},
        {"note": {}},
        None,
        "redo",
    ],
)
def test_import_of_what_the_page_cannot_show(page: Any, tmp_path: Path, said: Any) -> None:
    decision = {"decision": "redo", **said} if isinstance(said, dict) else said
    told = taken_in(page, tmp_path, {"person_removal_decisions": 1, "photos": {B: decision}})
    assert told == "0 decisions taken; 1 not understood, or of photos that are not here."
    page.reload()
    card(page, B).locator(".name").click()
    page.keyboard.press("d")
    assert exported_settings(page)[B].keys() == {"refine"}


@pytest.mark.parametrize("settings", [None, {"refine": {"keep": [99, 0]}}])
def test_import_of_nobody(page: Any, tmp_path: Path, settings: Any) -> None:
    """What says nothing of the photo's people does no harm."""
    decision = {"decision": "redo", "settings": settings}
    taken_in(page, tmp_path, {"person_removal_decisions": 1, "photos": {B: decision}})
    page.reload()
    card(page, B).locator(".name").click()
    page.keyboard.press("p")
    page.get_by_role("button", name="Keep person 2 of 4").click()
    kept = [20, 20, 30, 80] if settings else []
    assert exported_settings(page)[B] == {"refine": {"keep": [one for one in (kept, [50, 20, 30, 80]) if one]}}


def exported_settings(page: Any) -> dict[str, Any]:
    page.keyboard.press("Escape")
    back_in_the_list(page)
    return {name: said["settings"] for name, said in exported(page).items()}


def test_what_is_decided_in_the_large_view_stands_in_the_list(page: Any) -> None:
    card(page, A).locator(".name").click()
    page.keyboard.press("a")
    page.keyboard.press("e")
    page.keyboard.type("odd")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    back_in_the_list(page)
    sync_api.expect(card(page, A).locator(".said")).to_have_text("Approved")
    page.keyboard.press("r")
    assert exported(page)[A] == {"decision": "reject", "note": "odd", **about(0)}, "the note stays"


def test_a_redo_that_was_not_followed_is_decided_anew(browser: Any, tmp_path: Path) -> None:
    own = {"refine": {"dilate": 0.3}}
    late = {"decision": "redo", "settings": own, "result": result_of(90), "photo": result_of(101)}
    report = make_report(tmp_path, photo1={"decided": late, "outdated": True})
    with opened(browser, report) as page:
        assert page.locator("#decided").inner_text() == ""
        card(page, B).locator(".name").click()
        for _ in range(3):
            page.keyboard.press("d")
        page.get_by_label("Growth of the hole").fill("0.3")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        back_in_the_list(page)
        page.reload()
        assert page.locator("#decided").inner_text() == "1 to be redone"
        assert exported(page)[B]["result"] == result_of(1), "of the result that was looked at"
        file = tmp_path / "old.json"
        file.write_text(json.dumps({"person_removal_decisions": 1, "photos": {B: late}}))
        page.locator("#file").set_input_files(file)
        sync_api.expect(page.locator("#said")).to_contain_text("1 of other results, not taken")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "This file is not JSON: nothing was taken."),
        ("[]", "This file holds no decisions: nothing was taken."),
        ('{"person_removal_decisions": 1}', "This file holds no decisions: nothing was taken."),
        ("null", "This file holds no decisions: nothing was taken."),
    ],
)
def test_import_of_another_file(page: Any, tmp_path: Path, text: str, sentence: str) -> None:
    assert taken_in(page, tmp_path, text) == sentence


def test_what_the_run_knows_is_shown_and_can_be_taken_back(browser: Any, tmp_path: Path) -> None:
    known = {"decision": "reject", "result": result_of(0), "photo": result_of(100)}
    own = {"refine": {"dilate": 0.3}}
    redone = {"decision": "redo", "settings": own, "result": result_of(90), "photo": result_of(101)}
    report = make_report(tmp_path, photo0={"decided": known}, photo1={"decided": redone, "settings": own})
    with opened(browser, report) as page:
        assert page.locator("#decided").inner_text() == "1 rejected, 1 to be redone"
        assert exported(page) == {A: known, B: redone}
        card(page, A).locator(".name").focus()
        page.keyboard.press("r")
        card(page, B).locator(".name").focus()
        page.keyboard.press("a")
        assert exported(page) == {
            A: {"decision": "withdraw", **about(0)},
            B: {"decision": "approve", "settings": own, **about(1)},
        }, "a redone photo is approved as it is now"


def test_from_the_page_to_the_next_run(browser: Any, coco: Path, tmp_path: Path) -> None:
    """Nothing is made up here: a run, its own report, decisions by hand, and the run that follows them."""
    out, settings = tmp_path / "out", coco_settings("verify.segmenter=none")
    execute(prepare(coco, out, settings, Selection()))
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto((out / "report.html").as_uri())
    page.locator(".card .name[title='0001.png']").focus()
    page.keyboard.press("r")
    page.locator(".card .name[title='sub/0006.png']").click()
    page.keyboard.press("p")
    page.get_by_role("button", name="Keep person 2 of 2").click()
    page.keyboard.press("Escape")
    back_in_the_list(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export decisions").click()
    file = tmp_path / "decisions.json"
    download.value.save_as(file)
    execute(prepare(coco, out, settings, Selection(), file))
    rows = manifest(out)
    assert (out / "images/0001.png").read_bytes() == (coco / "images/0001.png").read_bytes()
    assert rows["0001.png"]["decision"] == "reject" and rows["sub/0006.png"]["decision"] == "redo"
    assert "1 of the people kept" in rows["sub/0006.png"]["notes"]
    page.reload()
    assert page.locator("#decided").inner_text() == "1 rejected, 1 to be redone", "now the run's own"
    assert page.locator("#dropped").is_hidden()
    page.locator(".card .name[title='sub/0006.png']").click()
    assert "1 of 2 people kept" in page.get_by_role("dialog").inner_text()
    context.close()
