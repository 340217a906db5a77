"""A report of more photos than one page holds: whole at every moment, and one list in the browser."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_pages import PHOTOS, RUN, card, make_report, names, opened, row

from data.errors import InputError
from flows.report import page as report_page
from flows.report.page import write_report
from flows.report.states import STATE_WORDS

BY_BADNESS = ["street/left.jpg", "sea/cut.jpg", "street/b.jpg", PHOTOS[3][0], "street/a.jpg", "sea/empty.jpg"]
STATES = ["review", "corrupt", "removed", "removed", "removed", "passthrough"]


@pytest.fixture(scope="module", autouse=True)
def two_a_page() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_page, "PART", 2)
        yield


def rows_of(output: Path, count: int) -> list[dict[str, Any]]:
    return [row(output, n, *photo) for n, photo in enumerate(PHOTOS[:count])]


def read(page: Path) -> list[str]:
    """Names of a page's photos."""
    block = re.search(r'<script type="application/json" id="photos">(.*?)</script>', page.read_text(), re.S)
    assert block
    return [photo["name"] for photo in json.loads(block[1])]


def told(report: Path) -> dict[str, Any]:
    """What the page knows of the run."""
    block = re.search(r'<script type="application/json" id="page">(.*?)</script>', report.read_text(), re.S)
    assert block
    return dict(json.loads(block[1]))


def parts_of(report: Path) -> list[Path]:
    return [report.parent / name for name in told(report)["parts"]]


def index_of(report: Path) -> Path:
    return report.parent / told(report)["index"]


def all_names(report: Path) -> list[str]:
    return [name for page in (report, *parts_of(report)) for name in read(page)]


def test_every_photo_once_worst_first(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    assert read(report) == BY_BADNESS[:2]
    assert all_names(report) == BY_BADNESS
    assert sorted([*parts_of(report), index_of(report)]) == sorted((tmp_path / "report/parts").iterdir())


def test_the_index_knows_of_every_photo_what_the_list_asks_for(tmp_path: Path) -> None:
    report = make_report(tmp_path, photo2={"decided": {"decision": "approve"}, "outdated": True})
    block = re.search(r'id="photos">(.*?)</script>', index_of(report).read_text(), re.S)
    assert block
    columns = json.loads(block[1])
    assert columns == {
        "name": BY_BADNESS,
        "state": [list(STATE_WORDS).index(state) for state in STATES],
        "people": [2, 0, 4, 2, 1, 0],
        "share": [0.2963, 0, 0.5185, 0.2963, 0.1852, 0],
        "surest": [0.62, 0, 0, 0, 0, 0],
        "left": [0] * 6,
        "size": [[180, 120], None, *[[180, 120]] * 4],
        "remarked": [1, 0, 0, 0, 0, 0],
        "quality": {"ring_delta_e": [7, None, 5, None, 8, None], "seam": [5, None, 7, None, 4, None]},
        "result": [f"{0:016x}", None, *[f"{0:016x}"] * 4],
        "decided": {"0": {"decision": "approve"}},
        "outdated": {"0": True},
    }


@pytest.mark.parametrize("photos", [0, 1, 2])
def test_what_fits_is_one_file(tmp_path: Path, photos: int) -> None:
    report = write_report(tmp_path, rows_of(tmp_path, photos), RUN)
    assert len(read(report)) == photos
    assert not (tmp_path / "report/parts").exists() and "frame-src" not in report.read_text()


def test_parts_run_one_script_under_a_policy_of_hashes(tmp_path: Path) -> None:
    for part in parts_of(make_report(tmp_path)):
        policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', part.read_text())
        assert policy and re.fullmatch(r"default-src 'none'; script-src 'sha256-[\w+/]{43}='", policy[1])
        assert "<img src=x" not in part.read_text(), "a name is data"


def test_parts_of_the_report_before_leave_and_nothing_else(tmp_path: Path) -> None:
    report = make_report(tmp_path)
    before = parts_of(report)
    (tmp_path / "report/parts/mine.txt").write_text("a note")
    (tmp_path / "report/parts/.0123456789abcdef.tmp").write_text("of a process that was killed")
    write_report(tmp_path, rows_of(tmp_path, 4), RUN)
    assert len(all_names(report)) == 4
    left = {path.name for path in (tmp_path / "report/parts").iterdir()}
    assert left == {parts_of(report)[0].name, index_of(report).name, "mine.txt"} and not left & {
        path.name for path in before
    }


@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_killed_between_two_files_the_report_before_stands_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    """done: files of the new report that were in place."""
    report = make_report(tmp_path)
    replace, left = os.replace, iter(range(done))

    def killed(*args: Any, **more: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        replace(*args, **more)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_report(tmp_path, [one | {"people": 9} for one in rows_of(tmp_path, 6)], RUN)
    assert all_names(report) == BY_BADNESS
    assert '"people":9' not in "".join(page.read_text() for page in (report, *parts_of(report)))


def test_parts_stay_in_the_output_directory(tmp_path: Path) -> None:
    output, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (output / "report").mkdir(parents=True)
    elsewhere.mkdir()
    (output / "report/parts").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(InputError, match="is a link"):
        write_report(output, rows_of(output, 6), RUN)
    assert list(elsewhere.iterdir()) == []


def marked(test: Any) -> Any:
    return pytest.mark.browser(pytest.mark.slow(test))


def counted(page: Any, text: str) -> None:
    page.locator("#count", has_text=text).wait_for()


@marked
def test_parts_are_turned_like_pages(page: Any) -> None:
    assert names(page) == BY_BADNESS[:2] and page.locator("iframe").count() == 0
    later = page.get_by_role("button", name="Next 2")
    for start in (2, 4):
        later.click()
        counted(page, f"Photos {start + 1} to {start + 2} of 6 photos")
        page.wait_for_function("name => document.activeElement.title === name", arg=BY_BADNESS[start])
        assert names(page) == BY_BADNESS[start : start + 2]
    assert later.is_disabled()
    page.get_by_role("button", name="Previous 2").click()
    counted(page, "Photos 3 to 4")
    assert names(page) == BY_BADNESS[2:4]


@marked
def test_search_order_and_filters_are_about_all_photos(page: Any) -> None:
    page.get_by_label("Search by name").fill("empty")
    counted(page, "Showing 1 of 6 photos")
    assert names(page) == ["sea/empty.jpg"]
    page.get_by_label("Search by name").fill("")
    page.get_by_label("Sort").select_option("people")
    counted(page, "Photos 1 to 2 of 6")
    assert names(page)[0] == "street/b.jpg"
    page.get_by_label("Removed 3").check()
    counted(page, "Photos 1 to 2 of 3 that match")


@marked
def test_a_state_is_read_no_further_than_it_goes(page: Any) -> None:
    reads: list[str] = []
    page.on("request", lambda request: reads.append(request.url))
    page.get_by_label("Review 1").check()
    counted(page, "Showing 1 of 6")
    assert not any("/parts/" in url for url in reads), "that photo is on the first page"
    page.get_by_label("Unchanged 1").check()
    counted(page, "Showing 1 of 6")
    assert names(page) == ["sea/empty.jpg"] and sum("/parts/" in url for url in reads) == 2


@marked
def test_decisions_are_one_set_over_all_parts(browser: Any, report: Path) -> None:
    with opened(browser, report) as page:
        for name in ("street/left.jpg", "street/a.jpg"):
            page.get_by_label("Search by name").fill(name)
            counted(page, "Showing 1 of 6")
            card(page, name).locator(".name").focus()
            page.keyboard.press("a" if "left" in name else "r")
        assert page.locator("#decided").inner_text() == "1 approved, 1 rejected"
        page.reload()
        assert page.locator("#decided").inner_text() == "1 approved (of the first 2 photos)"
        card(page, "street/left.jpg").locator(".name").focus()
        page.keyboard.press("r")  # is written, and with it what was not read yet
        page.reload()
        with page.expect_download() as download:
            page.get_by_role("button", name="Export decisions").click()
        photos = json.loads(Path(download.value.path()).read_text())["photos"]
        assert {name: said["decision"] for name, said in photos.items()} == {
            "street/left.jpg": "reject",
            "street/a.jpg": "reject",
        }


@marked
def test_photos_of_several_parts_stand_in_one_list(page: Any) -> None:
    page.get_by_label("Sort").select_option("people")
    page.locator(".card .name", has_text="b.jpg").first.wait_for()
    assert names(page)[0] == "street/b.jpg"
    card(page, "street/b.jpg").locator(".name").click()
    for name in ("street/b.jpg", "street/left.jpg"):
        assert page.locator("#viewer-name", has_text=name).is_visible()
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.get_by_label("Search by name").fill("a.jpg")
    counted(page, "Showing 1 of 6")
    card(page, "street/a.jpg").locator("img.before").wait_for()


@marked
def test_a_decision_on_another_result_is_dropped_before_its_part_is_read(browser: Any, report: Path) -> None:
    kept = {"mine": {"street/a.jpg": {"decision": "approve", "result": "f" * 64}}, "looked": {"street/b.jpg": "0" * 64}}
    with opened(browser, report) as page:
        page.evaluate("kept => localStorage.setItem(`person-removal:${data('page').id}`, JSON.stringify(kept))", kept)
        page.reload()
        page.locator("select[name=decision]").select_option("unseen")
        counted(page, "Photos 1 to 2 of 5 that match")
        assert "street/b.jpg" not in names(page)
        assert "1 decision was about results that are no more" in page.locator("#dropped").inner_text()


@marked
@pytest.mark.parametrize(
    ("lost", "seen"), [("index", ["sea/cut.jpg", "street/left.jpg"]), ("parts", [PHOTOS[3][0], "sea/cut.jpg"])]
)
def test_a_missing_part_is_said(browser: Any, report: Path, lost: str, seen: list[str]) -> None:
    """Photos that are here are shown in the order that was asked for; whose part is lost, in their place."""
    text, alone = report.read_text(), report.with_name("alone.html")
    for name in [told(report)["index"]] if lost == "index" else told(report)["parts"]:
        text = text.replace(name, f"./report/no{name[1:]}")
    alone.write_text(text)
    page = browser.new_page()
    page.goto(alone.as_uri())
    page.get_by_label("Sort").select_option("name")
    page.get_by_text("A part of this report cannot be read").first.wait_for()
    page.locator("#missing").wait_for()
    assert names(page) == seen
    assert page.locator(".card .blank", has_text="A part of this report").count() == (0 if lost == "index" else 1)
    page.close()
