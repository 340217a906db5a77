"""The photo page's steps on arrays: strokes, outlines, who is computed again when."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from collection_with_people import texture
from literal_masks import mask
from PIL import Image
from red_people import RED, RedPeople

from configs import SettingsError
from configs.load import load_settings
from data.errors import InputError
from data.images import decode, to_raw_frame, upright
from data.types import Hole, Instance, PhotoError, Pixels, as_hole
from flows.app import views
from flows.app.choices import Choice, fills, segmenters, usable
from flows.app.sessions import Sessions, Tab
from flows.app.strokes import MOST_POINTS, Stroke, draw, parse_strokes
from flows.app.words import done, verdict
from flows.app.work import Look, Work
from flows.stages import models, photo_steps
from flows.stages.verify import Find

LEFT, RIGHT = (20, 30, 16, 40), (80, 20, 20, 60)  # x, y, width, height of two people


def photo(*people: tuple[int, int, int, int], orientation: int = 1, **options: Any) -> bytes:
    """A photo of 128 x 96 as it is shown, with red people; stored turned as `orientation` says."""
    pixels = texture(3).copy()
    for x, y, width, height in people:
        pixels[y : y + height, x : x + width] = RED
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    out = io.BytesIO()
    Image.fromarray(to_raw_frame(pixels, orientation)).save(out, **{"format": "PNG", "exif": exif, **options})
    return out.getvalue()


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> RedPeople:
    red = RedPeople()
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: red)
    return red


def choice(*overrides: str, name: str = "") -> Choice:
    settings = load_settings("embedded", overrides)
    return Choice(name or settings.inpaint.fill, settings, {})


def opened(raw: bytes, name: str = "photo.png") -> Work:
    return Work.open(raw, name, choice(name="red"), choice("inpaint.fill=telea"))


# ---------------------------------------------------------------- strokes


@pytest.mark.parametrize(
    ("strokes", "expected"),
    [
        ((), "....... ....... ..###.. ....... ......."),
        # a point, whose radius is at least a pixel
        ((Stroke(True, 0, ((2.5 / 7, 3.5 / 5),)),), "....... ....... ..###.. .###... ..#...."),
        # a line down the third column takes
        ((Stroke(False, 0, ((2.5 / 7, 0.1), (2.5 / 7, 0.9))),), "....... ....... ....#.. ....... ......."),
        # the last one over a place counts
        (
            (Stroke(True, 0, ((5.5 / 7, 0.1),)), Stroke(False, 0, ((5.5 / 7, 0.1),))),
            "....... ....... ..###.. ....... .......",
        ),
        # beside the photo
        ((Stroke(True, 0, ((3.0, 3.0),)),), "....... ....... ..###.. ....... ......."),
    ],
)
def test_strokes_on_a_hole(strokes: tuple[Stroke, ...], expected: str) -> None:
    before = as_hole(mask("....... ....... ..###.. ....... ......."))
    after = draw(before, strokes)
    np.testing.assert_array_equal(after > 0, mask(expected))
    assert set(np.unique(after)) <= {0, 255}
    assert (before > 0).sum() == 3, "the hole before is untouched"


def test_a_stroke_is_as_wide_on_a_large_photo_as_on_a_small_one() -> None:
    line = Stroke(True, 0.05, ((0.2, 0.5), (0.8, 0.5)))
    shares = [(draw(np.zeros(size, np.uint8), [line]) > 0).mean() for size in ((300, 400), (1200, 1600))]
    assert shares[0] == pytest.approx(shares[1], rel=0.03)


def test_strokes_as_the_page_sends_them() -> None:
    sent = [{"removes": True, "radius": 0.02, "points": [0.1, 0.2, 0.3, 0.4]}]
    sent += [{"removes": False, "radius": 1, "points": []}]
    assert parse_strokes(sent) == (Stroke(True, 0.02, ((0.1, 0.2), (0.3, 0.4))),)


@pytest.mark.parametrize(
    "sent",
    [
        *(None, 3, [3], [{}], [{"removes": True, "radius": "wide", "points": []}]),
        [{"removes": True, "radius": 0.1, "points": [1]}],
        [{"removes": True, "radius": float("nan"), "points": [1, 1]}],
        [{"removes": True, "radius": 0.1, "points": [1, 1e300]}],
        [{"removes": True, "radius": 0.1, "points": [0.5, 0.5] * (MOST_POINTS + 1)}],
    ],
)
def test_strokes_that_cannot_be_are_a_sentence(sent: Any) -> None:
    with pytest.raises(InputError, match=r"strokes .*\.$"):
        parse_strokes(sent)


# ---------------------------------------------------------------- pictures and outlines


def test_an_outline_goes_around_a_mask_and_what_it_encloses() -> None:
    ring = mask("..... .###. .#.#. .###. .....")
    assert views.outline(ring).count("M") == 2
    assert views.outline(ring).startswith("M1 1L")
    assert views.silhouette(ring) == "M1 1L1 3L3 3L3 1Z"
    assert views.outline(ring & False) == views.silhouette(ring & False) == ""


def test_a_silhouette_leaves_scraps_out() -> None:
    two = mask("####..... ####..... ####...## ####...## ####.....")
    assert views.outline(two).count("M") == 2
    assert views.silhouette(two).count("M") == 1


def test_a_number_stands_on_its_person() -> None:
    assert views.innermost(mask("###### ###### ###### #..... #..... #.....")) == (1, 1)
    assert views.innermost(mask("..... .###. .###. .###. .....")) == (2, 2)


@pytest.mark.parametrize(
    ("size", "shown"), [((480, 640), (480, 640)), ((3000, 4000), (1200, 1600)), ((9000, 2), (1600, 1))]
)
def test_photos_are_shown_no_larger_than_a_screen(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert views.view_size(size) == shown
    assert views.picture(np.zeros((*size, 3), np.uint8)).startswith("data:image/jpeg;base64,")


# ---------------------------------------------------------------- what this machine can use


@pytest.mark.slow  # imports torch
def test_what_is_missing_is_named_with_the_way_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    found, filled = segmenters(load_settings("embedded")), fills(load_settings("embedded"))
    assert found[0].name == "embedded"
    assert not usable(found)
    assert re.search(r"person-removal weights fetch yolov8n .*pose-landmark-full", str(found[0].problem))
    assert {"patchmatch", "telea", "navier-stokes"} <= {one.name for one in usable(filled)}
    assert any("person-removal weights fetch mmagic-places" in str(one.problem) for one in filled)
    assert [one.name for one in filled].count("patchmatch") == 1


def test_masks_from_files_are_no_choice() -> None:
    with pytest.raises(SettingsError, match="--preset embedded"):
        segmenters(load_settings("coco"))


def test_overrides_hold_for_every_choice() -> None:
    said = ("inpaint.margin=2", "inpaint.fill=telea", "segment.score=0.5")
    for one in fills(load_settings("embedded", said), said):
        assert one.problem or one.settings.inpaint.margin == 2
    assert fills(load_settings("embedded", said), said)[0].name == "telea"


def test_a_file_of_weights_is_one_choice(tmp_path: Path) -> None:
    file = tmp_path / "mine.pth"
    file.write_bytes(b"weights")
    said = (f"inpaint.deepfillv2.weights={file}",)
    names = [one.name for one in usable(fills(load_settings("embedded", said), said))]
    others = {"patchmatch", f"deepfillv2 {file}", "shift-map", "telea", "navier-stokes"}
    assert set(names) - {"migan"} == others  # migan where its weights are here
    assert len(names) == len(set(names))
    said = (*said, "inpaint.fill=deepfillv2")
    assert fills(load_settings("embedded", said), said)[0].name == f"deepfillv2 {file}"


# ---------------------------------------------------------------- the work on one photo


def test_only_what_a_control_affects_is_computed_again(eyes: RedPeople, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def counted(name: str) -> None:
        step = getattr(photo_steps, name)
        monkeypatch.setattr(photo_steps, name, lambda *args: (done.append(name), step(*args))[1])

    for name in ("find_people", "mark", "fill_hole"):
        counted(name)

    def since() -> list[str]:
        out = done.copy()
        done.clear()
        return out

    work = opened(photo(LEFT, RIGHT))
    assert len(work.people) == 2 and work.marked.hole.any()
    assert since() == ["find_people", "mark"]
    work.result(), work.look
    assert since() == ["fill_hole", "find_people"]
    assert not work.edit((), (), work.dilate), "nothing was changed"
    work.result(), work.look, work.file(False), work.file(True)
    assert since() == []
    assert work.edit((1,), (), work.dilate)
    work.result()
    assert since() == ["mark", "fill_hole"]
    work.fill = choice("inpaint.fill=navier-stokes")
    work.result(), work.look
    assert since() == ["fill_hole", "find_people"], "the hole stays"
    assert work.fills == ("telea", "navier-stokes")
    work.result("telea")
    assert since() == []
    work.edit((1,), (), 0.2)
    assert work.fills == ()


def test_the_hole_is_exact_whoever_stays_and_whatever_is_drawn(eyes: RedPeople) -> None:
    raw = photo(LEFT, RIGHT)
    work = opened(raw)
    work.edit((1,), (Stroke(True, 0.03, ((0.5, 0.1), (0.6, 0.1))), Stroke(False, 0.02, ((0.2, 0.35),))), 0.1)
    hole = work.marked.hole > 0
    assert hole[int(0.1 * 96), 64] and not hole[int(0.35 * 96), int(0.2 * 128)]
    assert not hole[50, 90], "who stays is not touched"
    out = decode(work.file(False).raw, "out")
    np.testing.assert_array_equal(out.pixels[~hole], decode(raw, "in").pixels[~hole])
    assert (out.pixels[hole] != decode(raw, "in").pixels[hole]).any()
    assert work.file_name == "photo-without-people.png"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_seen_upright_and_written_as_it_was(eyes: RedPeople, orientation: int) -> None:
    raw = photo(LEFT, orientation=orientation)
    work = opened(raw)
    assert work.pixels.shape == (96, 128, 3)
    assert work.people.persons[0].bbox == LEFT
    before, after = decode(raw, "in"), decode(work.file(False).raw, "out")
    assert (after.orientation, after.pixels.shape) == (orientation, before.pixels.shape)
    outside = work.marked.hole == 0
    np.testing.assert_array_equal(upright(after.pixels, orientation)[outside], work.pixels[outside])
    assert Image.open(io.BytesIO(after.raw)).getexif()[0x010F] == "a maker"


def test_who_is_seen_in_the_result_can_be_taken_out_too(eyes: RedPeople) -> None:
    work = opened(photo(LEFT, RIGHT))
    keeps = Stroke(False, 0.2, ((0.7, 0.5),))
    work.edit((), (keeps,), work.dilate)  # a hand keeps most of the right one
    look = work.look
    assert [find.where for find in look.finds] == ["elsewhere"]
    assert verdict(look)[0].startswith("Someone may be left, marked in the result: 1 whom the photo still shows (")
    work.edit((), (), work.dilate)
    assert not work.look.finds and verdict(work.look)[1]
    work.edit((1,), (), work.dilate)
    assert not work.look.finds, "who stays is not left behind"
    work.edit((), (keeps,), work.dilate)
    work.take_out_too()
    assert len(work.people) == 3


@pytest.mark.parametrize(
    ("finds", "sentence"),
    [
        ([], "Nobody found afterwards (a second look by yolo)."),
        (
            [("elsewhere", None), ("elsewhere", None), ("hole", None), ("elsewhere", "screen")],
            "Someone may be left, marked in the result: 2 whom the photo still shows; 1 in the filled part (another "
            "fill may do better); something like a person (screen) (a second look by yolo).",
        ),
    ],
)
def test_the_second_look_in_a_sentence(finds: list[Any], sentence: str) -> None:
    person = Instance((0, 0, 1, 1), 0.5, "", "yolo")
    look = Look("yolo", True, tuple(Find(person, where, like) for where, like in finds))
    assert verdict(look) == (sentence, not finds)
    unseen = "Nobody has looked at the result a second time."
    assert verdict(Look("none", False, ())) == (unseen, False), "no good news"


def test_a_fill_that_the_memory_is_too_small_for_fills_less_finely(
    eyes: RedPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small:
        def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
            if max(hole.shape) > 80:
                raise MemoryError
            return np.zeros_like(image)

    work = opened(photo(LEFT))
    monkeypatch.setattr(models, "fill", lambda settings, weights: Small())
    assert work.result().shape == (96, 128, 3)
    assert work.lower == "inpaint.window=64"
    assert "at a lower resolution (inpaint.window=64)" in done(work.lower)
    monkeypatch.undo()
    work.fill = choice("inpaint.fill=navier-stokes")
    assert work.result().any() and work.lower is None
    assert "resolution" not in done(work.lower)


def test_nobody_there_and_nothing_drawn_is_a_sentence(eyes: RedPeople) -> None:
    work = opened(photo())
    with pytest.raises(InputError, match="Nothing is marked"):
        work.result()
    work.edit((), (Stroke(True, 0.1, ((0.5, 0.5),)),), work.dilate)
    assert work.result().shape == (96, 128, 3)


@pytest.mark.parametrize("raw", [b"", b"no photo", photo(LEFT)[:500]])
def test_a_file_that_is_no_photo_is_a_sentence(raw: bytes) -> None:
    with pytest.raises(PhotoError, match=r"holiday\.png: "):
        opened(raw, "holiday.png")


# ---------------------------------------------------------------- tabs


def sessions(folder: Path, most: int = 300) -> Sessions:
    return Sessions(folder, [choice(name="red")], [choice("inpaint.fill=telea")], most)


def test_an_upload_is_in_memory_and_no_longer_on_the_disk(eyes: RedPeople, tmp_path: Path) -> None:
    tabs, upload = sessions(tmp_path), tmp_path / "0f3c" / "beach day.png"
    for session in ("one", "two", "one"):
        upload.parent.mkdir()
        upload.write_bytes(photo(LEFT))
        tabs.open(session, upload, "red", "telea")
        assert list(tmp_path.iterdir()) == []
    one, two = tabs.tab("one"), tabs.tab("two")
    assert one is not two and one.work.photo.name == "beach day.png"
    first = tabs.offer(one, "a.png", b"first")
    second = tabs.offer(one, "a.png", b"second")
    assert tabs.file(first) is None and tabs.file(second) == ("a.png", b"second")
    tabs.close("one")
    assert tabs.file(second) is None
    with pytest.raises(InputError, match="load it again"):
        tabs.tab("one")
    with pytest.raises(InputError, match="drop it again"):
        tabs.tab("three")
    assert tabs.tab("two") is two


def test_a_tab_closed_during_a_step_keeps_nothing(
    eyes: RedPeople, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tabs, upload = sessions(tmp_path), tmp_path / "beach.png"

    def opens(session: str) -> Tab:
        upload.write_bytes(photo(LEFT))
        return tabs.open(session, upload, "red", "telea")

    tab = opens("one")
    tabs.close("one")
    with pytest.raises(InputError, match="load it again"):
        tabs.offer(tab, "a.png", b"of nobody")
    with pytest.raises(InputError, match="load it again"):
        opens("one")  # it waited for another tab's step
    decoding = Work.open
    monkeypatch.setattr(Work, "open", lambda *args: (tabs.close("two"), decoding(*args))[1])
    with pytest.raises(InputError, match="load it again"):
        opens("two")
    assert not tabs._tabs and not tabs._files
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow  # imports gradio
def test_what_is_shown_and_on_offer_is_the_chosen_fills(eyes: RedPeople, tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="needs gradio (the `app` extra)")
    from flows.app.handlers import ORIGINAL, Handlers
    from flows.app.parts import Parts

    names = [one.name for one in fields(Parts)]
    both = [choice("inpaint.fill=telea"), choice("inpaint.fill=navier-stokes")]
    on = Handlers(Sessions(tmp_path, [choice(name="red")], both, 300), Parts(*names))  # type: ignore[arg-type]
    request: Any = SimpleNamespace(session_hash="one")

    def shown(step: Iterator[dict[str, Any]]) -> dict[str, Any]:
        return {name: value for part in step for name, value in part.items()}

    def token() -> str | None:
        return on.sessions.tab("one").token

    upload = tmp_path / "beach.png"
    upload.write_bytes(photo(LEFT))
    shown(on.photo(str(upload), "red", "telea", request))
    assert "message" not in shown(on.fill("navier-stokes", request)), "nothing was removed yet"
    shown(on.fill("telea", request))
    shown(on.remove(False, request))
    first = str(token())
    assert shown(on.fill("telea", request)) == {} and token() == first
    for other in ("navier-stokes", "telea"):  # the second one was computed before
        said = shown(on.fill(other, request))
        assert f"Press Remove for the result of {other}." in said["message"]
        assert not said["outcome"].visible and token() is None
        assert shown(on.scrub(True, request)) == shown(on.compare(ORIGINAL, request)) == {}
        assert shown(on.remove(False, request))["outcome"].visible and token()
    assert on.sessions.file(first) is None
    assert on.sessions.tab("one").work.fills == ("telea", "navier-stokes"), "what was computed is kept"


def test_only_what_was_dropped_is_read(tmp_path: Path) -> None:
    inside, secret = tmp_path / "uploads", tmp_path / "secret.png"
    inside.mkdir()
    secret.write_bytes(photo(LEFT))
    for path in (secret, inside / ".." / "secret.png"):
        with pytest.raises(InputError, match="dropped on the page"):
            sessions(inside).open("one", path, "red", "telea")
    assert secret.exists()
    with pytest.raises(InputError, match="did not arrive"):
        sessions(inside).open("one", inside / "gone.png", "red", "telea")


def test_a_large_file_is_a_sentence(tmp_path: Path) -> None:
    upload = tmp_path / "scan.tif"
    upload.write_bytes(bytes(1_000_001))
    with pytest.raises(InputError, match=r"scan\.tif: the page takes files of at most 1 MB"):
        sessions(tmp_path, most=1).open("one", upload, "red", "telea")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_blended_in_a_hole_that_a_hand_drew_on(eyes: RedPeople) -> None:
    """The ring around what was found is blended; a brush need not leave one around what it covers."""
    work = opened(photo(LEFT))
    settings = load_settings("embedded", ["inpaint.fill=telea"]).inpaint
    sharp = settings.model_copy(update={"feather": 0})
    found = work.marked
    drawn = found.with_hole(np.where(mask_of(RIGHT), np.uint8(255), found.hole))

    def filled(marked: photo_steps.Marked, settings: Any) -> list[bytes]:
        return [patch.pixels.tobytes() for patch in photo_steps.fill_hole(work.pixels, marked, settings, {})[0]]

    assert filled(found, settings) != filled(found, sharp)
    assert not found.with_hole(found.hole.copy()).drawn
    assert filled(drawn, settings) == filled(drawn, sharp)


def mask_of(box: tuple[int, int, int, int]) -> np.ndarray:
    x, y, width, height = box
    out = np.zeros((96, 128), bool)
    out[y : y + height, x : x + width] = True
    return out
