"""The photo page's steps on arrays: strokes, outlines, people, holes, results, files, and what the page may say."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
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
from data.images import decode, to_raw_frame
from data.types import Hole, Instance, People, PhotoError, Pixels, as_hole
from data.weights.files import WeightsError
from flows.api import remove_people
from flows.app import finding, steps, views
from flows.app.choices import Choice, fills, segmenters, usable
from flows.app.edit import Edit, Round, parse_edit
from flows.app.finding import Found, OpenPhoto
from flows.app.key import page_key
from flows.app.sessions import Limits, Sessions
from flows.app.steps import Result, Verification
from flows.app.strokes import MOST_POINTS, Stroke, draw, parse_strokes
from flows.app.words import verdict
from flows.stages import models, photo_steps
from flows.stages.finds import Find

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


def opened(raw: bytes, name: str = "photo.png") -> OpenPhoto:
    return steps.open_photo(raw, name, 40)


RED_ONES = choice(name="red")
FILLS = {name: choice(f"inpaint.fill={name}") for name in ("telea", "navier-stokes")}
EDIT = Edit("red", "telea", RED_ONES.settings.refine.dilate)


def removed(photo: OpenPhoto, edit: Edit = EDIT, base: Result | None = None) -> tuple[Found, Result]:
    found = finding.find(photo, RED_ONES)
    return found, steps.remove(photo, found, edit, RED_ONES, FILLS, base)


def hole_of(photo: OpenPhoto, edit: Edit = EDIT) -> np.ndarray:
    found = finding.find(photo, RED_ONES)
    marked = steps.mark_people(found, edit, RED_ONES.settings.refine, photo.pixels)
    return steps.with_strokes(marked, edit).hole > 0


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
    pixels = np.zeros((*size, 3), np.uint8)
    assert views.view_size(size) == views.fitted(pixels).shape[:2] == shown
    assert Image.open(io.BytesIO(views.picture(pixels))).size == shown[::-1]
    assert Image.open(io.BytesIO(views.picture(pixels, longest=None))).size == size[::-1]


def test_a_picture_keeps_its_colour_profile(eyes: RedPeople) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    shown = steps.show(opened(photo(LEFT, icc_profile=profile)))[1]
    assert Image.open(io.BytesIO(shown)).info["icc_profile"] == profile


@pytest.mark.parametrize(
    ("boxes", "order"),
    [
        ([], []),
        ([(50, 0, 9, 90), (10, 5, 9, 80), (30, 60, 9, 30)], [1, 2, 0]),  # one row, however tall they are
        ([(50, 0, 9, 9), (10, 2, 9, 9), (0, 50, 9, 9), (40, 48, 9, 9)], [1, 0, 2, 3]),
    ],
)
def test_people_are_numbered_as_one_reads(boxes: list[Any], order: list[int]) -> None:
    assert views.reading_order(boxes) == order


def test_tiny_and_uncertain_finds_come_last_and_late_ones_after_them() -> None:
    size = (1000, 400)

    def person(x: int, height: int, score: float) -> Instance:
        box = np.zeros(size, bool)
        box[100 : 100 + height, x : x + 20] = True
        return Instance.from_mask(box, score, "red")

    people = People(size, (person(10, 10, 0.9), person(50, 40, 0.3), person(100, 40, 0.9), person(200, 200, 0.2)))
    seen = views.people_view(people.plus([People(size, (person(0, 300, 0.9),))]), (4, 5, 6, 7, 8), late=1)
    assert [(one["id"], one["number"], one["folded"], one["late"]) for one in seen] == [
        *((6, 1, False, False), (7, 2, False, False)),
        *((4, 3, True, False), (5, 4, True, False)),
        (8, 5, False, True),
    ]


# ---------------------------------------------------------------- what this machine can use


@pytest.mark.slow  # imports torch
def test_what_is_missing_is_named_with_the_way_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSON_REMOVAL_CACHE", str(tmp_path))
    found, filled = segmenters(load_settings("embedded")), fills(load_settings("embedded"))
    assert found[0].name == "embedded"
    assert not usable(found)
    assert str(found[0].problem).endswith(": person-removal weights fetch --preset embedded")
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
    assert {"patchmatch", f"deepfillv2 {file}", "shift-map", "telea"} <= set(names)
    assert sum(name.startswith("deepfillv2") for name in names) == 1
    assert len(names) == len(set(names))
    said = (*said, "inpaint.fill=deepfillv2")
    assert fills(load_settings("embedded", said), said)[0].name == f"deepfillv2 {file}"


# ---------------------------------------------------------------- what the page says


SENT = {
    "segmenter": "red",
    "fill": "telea",
    "room": 0.06,
    "keep": [3, 1, 1],
    "rounds": [{"fill": "telea", "strokes": []}],
}


def test_what_the_page_says_is_a_value() -> None:
    edit = parse_edit(SENT, ["red"], ["telea"])
    assert edit == Edit("red", "telea", 0.06, (1, 3), rounds=(Round("telea", ()),))
    assert edit.key == replace(edit).key != replace(edit, keep=(1,)).key
    assert edit.before == replace(edit, rounds=()) and edit.before.before is None


@pytest.mark.parametrize(
    "wrong",
    [
        *({"segmenter": "yolo"}, {"fill": 3}, {"room": "wide"}, {"room": float("nan")}, {"room": 7}, {"keep": "all"}),
        *({"keep": [{}]}, {"rounds": [{}]}, {"rounds": 3}, {"strokes": [{}]}, {"too": None}),
    ],
)
def test_what_cannot_be_read_is_a_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"read; .*\.$"):
        parse_edit({**SENT, **wrong}, ["red"], ["telea"])
    for nothing in (None, [], "edit", {}):
        with pytest.raises(InputError, match="load it again"):
            parse_edit(nothing, ["red"], ["telea"])


# ---------------------------------------------------------------- people, hole, result


def test_the_file_is_the_one_that_a_run_gives(eyes: RedPeople, tmp_path: Path) -> None:
    raw = photo(LEFT, RIGHT)
    opened_photo = opened(raw, "beach.png")
    _, result = removed(opened_photo)
    name, encoded = steps.write(opened_photo, result, scrub=False)
    assert name == "beach-without-people.png"
    (tmp_path / "beach.png").write_bytes(raw)
    try:
        there = remove_people(tmp_path / "beach.png", "embedded", ["inpaint.fill=telea"])
    except WeightsError as error:
        pytest.skip(str(error))
    there.save(tmp_path / "out.png")
    assert encoded.raw == (tmp_path / "out.png").read_bytes()


def test_the_hole_is_exact_whoever_stays_and_whatever_is_drawn(eyes: RedPeople) -> None:
    raw = photo(LEFT, RIGHT)
    strokes = (Stroke(True, 0.03, ((0.5, 0.1), (0.6, 0.1))), Stroke(False, 0.02, ((0.2, 0.35),)))
    edit = replace(EDIT, keep=(1,), strokes=strokes, room=0.1)
    opened_photo = opened(raw)
    hole = hole_of(opened_photo, edit)
    assert hole[int(0.1 * 96), 64] and not hole[int(0.35 * 96), int(0.2 * 128)]
    assert not hole[50, 90], "who stays is not touched"
    _, encoded = steps.write(opened_photo, removed(opened_photo, edit)[1], scrub=False)
    out = decode(encoded.raw, "out")
    np.testing.assert_array_equal(out.pixels[~hole], decode(raw, "in").pixels[~hole])
    assert (out.pixels[hole] != decode(raw, "in").pixels[hole]).any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_seen_upright_and_written_as_it_was(eyes: RedPeople, orientation: int) -> None:
    raw = photo(LEFT, orientation=orientation)
    opened_photo = opened(raw)
    assert opened_photo.pixels.shape == (96, 128, 3)
    found, result = removed(opened_photo)
    assert found.people.persons[0].bbox == LEFT
    before, after = decode(raw, "in"), decode(steps.write(opened_photo, result, False)[1].raw, "out")
    assert (after.orientation, after.size) == (orientation, before.size)
    outside = ~hole_of(opened_photo)
    np.testing.assert_array_equal(after.pixels[outside], opened_photo.pixels[outside])
    assert Image.open(io.BytesIO(after.raw)).getexif()[0x010F] == "a maker"


def test_a_spot_of_the_result_is_filled_and_nothing_else(eyes: RedPeople) -> None:
    opened_photo = opened(photo(LEFT, RIGHT))
    edit = replace(EDIT, keep=(1,))
    _, first = removed(opened_photo, edit)
    spot = Round("navier-stokes", (Stroke(True, 0.05, ((0.3, 0.8),)),))
    _, second = removed(opened_photo, replace(edit, rounds=(spot,)), first)
    one, two = (steps.composed(opened_photo.pixels, result) for result in (first, second))
    changed = (one != two).any(2)
    painted = draw(np.zeros(changed.shape, np.uint8), spot.strokes) > 0
    assert changed.any() and not (changed & ~painted).any()
    out = decode(steps.write(opened_photo, second, False)[1].raw, "out")
    np.testing.assert_array_equal(out.pixels, two)
    with pytest.raises(InputError, match="Nothing is marked"):
        removed(opened_photo, replace(edit, rounds=(Round("telea", ()),)), first)


def test_a_large_photo_is_looked_at_quickly_first_and_everyone_keeps_their_id(eyes: RedPeople) -> None:
    small = Image.open(io.BytesIO(photo(LEFT, RIGHT)))
    out = io.BytesIO()
    small.resize((2560, 1920), Image.Resampling.NEAREST).save(out, format="PNG")
    large = opened(out.getvalue())
    quick = finding.find_quickly(large, RED_ONES)
    assert not quick.thorough and quick.small.size == (1200, 1600) and quick.people.size == (1920, 2560)
    swapped = replace(quick, ids=(7, 3))
    thorough = finding.find(large, RED_ONES, swapped)
    assert thorough.thorough and thorough.ids == (7, 3)
    marks = [
        steps.mark_people(thorough, EDIT, RED_ONES.settings.refine, pixels).hole
        for pixels in (large.pixels, views.fitted(large.pixels))
    ]
    assert (marks[0] > 0).mean() == pytest.approx((marks[1] > 0).mean(), rel=0.03), "the preview is what will be filled"
    nobody = replace(swapped, people=People(quick.people.size, quick.people.persons[:1]))
    eyes.segment = lambda photos: [People(photo.size) for photo in photos]  # type: ignore[method-assign]
    assert finding.find(large, RED_ONES, nobody).people.persons == quick.people.persons[:1], "who was shown stays"


def test_who_is_seen_in_the_result_can_be_taken_out_too(eyes: RedPeople) -> None:
    opened_photo = opened(photo(LEFT, RIGHT))
    keeps = replace(EDIT, strokes=(Stroke(False, 0.2, ((0.7, 0.5),)),))  # a hand keeps most of the right one
    found, result = removed(opened_photo, keeps)
    checked = steps.check(opened_photo, found, keeps, RED_ONES, FILLS, result)
    assert [find.where for find in checked.finds] == ["elsewhere"]
    assert verdict(checked)[0].startswith(
        "Someone may be left, marked in the result: 1 person whom the photo still shows. "
    )
    more, ids = finding.with_late(found, checked.missed(False))
    assert (len(more.people), more.late, ids) == (3, 1, (2,))
    assert finding.with_late(more, checked.missed(False)) == (more, ids), "nobody is added twice"
    refine = RED_ONES.settings.refine
    holes = [steps.mark_people(more, edit, refine, opened_photo.pixels).hole for edit in (EDIT, replace(EDIT, too=ids))]
    np.testing.assert_array_equal(holes[0] > 0, hole_of(opened_photo))
    kept = steps.mark_people(more, replace(EDIT, keep=(1, 2), too=ids), refine, opened_photo.pixels).hole
    assert not kept[50, 90] and holes[1][50, 90]
    for edit in (EDIT, replace(EDIT, keep=(1,))):
        found, result = removed(opened_photo, edit)
        assert not steps.check(opened_photo, found, edit, RED_ONES, FILLS, result).finds, "who stays is not left behind"


@pytest.mark.parametrize(
    ("finds", "sentence"),
    [
        ([], "Nobody is seen in the result. Checked by yolo, another network than the one that found the people."),
        (
            [("elsewhere", None), ("elsewhere", None), ("hole", None), ("elsewhere", "screen")],
            "Someone may be left, marked in the result: 2 people whom the photo still shows; 1 person in the filled "
            "part (another fill may do better); something like a person (screen). Checked by yolo, another network "
            "than the one that found the people.",
        ),
    ],
)
def test_the_verification_in_a_sentence(finds: list[Any], sentence: str) -> None:
    person = Instance((0, 0, 1, 1), 0.5, "", "yolo")
    checked = Verification("yolo", True, tuple(Find(person, where, like) for where, like in finds))
    assert verdict(checked) == (sentence, not finds)
    unseen = "The result has not been verified."
    assert verdict(Verification("none", False, ())) == (unseen, False), "no good news"


def test_a_fill_that_the_memory_is_too_small_for_fills_less_finely(
    eyes: RedPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small:
        def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
            if max(hole.shape) > 80:
                raise MemoryError
            return np.zeros_like(image)

    opened_photo = opened(photo(LEFT))
    monkeypatch.setattr(models, "fill", lambda settings, weights: Small())
    (note,) = removed(opened_photo)[1].notes
    assert note.endswith("filled at a lower resolution (inpaint.window=64).")
    monkeypatch.undo()
    eyes_again = RedPeople()
    monkeypatch.setattr(models, "segmenter", lambda settings, weights: eyes_again)
    assert removed(opened_photo)[1].notes == ()


def test_nobody_there_and_nothing_drawn_is_a_sentence(eyes: RedPeople) -> None:
    opened_photo = opened(photo())
    with pytest.raises(InputError, match="Nothing is marked"):
        removed(opened_photo)
    painted = replace(EDIT, strokes=(Stroke(True, 0.1, ((0.5, 0.5),)),))
    assert len(removed(opened_photo, painted)[1].rounds) == 1


@pytest.mark.parametrize("raw", [b"", b"no photo", photo(LEFT)[:500]])
def test_a_file_that_is_no_photo_is_a_sentence(raw: bytes) -> None:
    with pytest.raises(PhotoError, match=r"holiday\.png: "):
        opened(raw, "holiday.png")


# ---------------------------------------------------------------- tabs


def test_a_closed_tab_has_nothing_and_takes_nothing() -> None:
    sessions = Sessions([RED_ONES], FILLS.values(), Limits())
    tab = sessions.open()
    mine = sessions.take(tab, "a.png", b"photo", (1, 1))
    assert sessions.photo(tab, mine.id) is mine and sessions.tab(tab.id) is tab
    assert sessions.close(tab) == [mine.id]
    with pytest.raises(InputError, match="load it again"):
        sessions.tab(tab.id)
    with pytest.raises(InputError, match="closed meanwhile"):
        sessions.take(tab, "late.png", b"photo", (1, 1))
    assert not tab.photos and not tab.files and not sessions.tabs


def test_uploads_are_bounded_in_number_and_bytes() -> None:
    sessions = Sessions([RED_ONES], FILLS.values(), Limits(file_bytes=10_000_000, tab_photos=2, tabs=2, total_bytes=30))
    one, two = sessions.open(), sessions.open()
    with pytest.raises(InputError, match="2 tabs are open"):
        sessions.open()
    with pytest.raises(InputError, match=r"big\.png: the page takes files of at most 10 MB"):
        sessions.reserve(one, "big.png", 10_000_001)
    sessions.reserve(one, "a.png", 20)
    with pytest.raises(InputError, match=r"b\.png: the photos that are open take all the memory"):
        sessions.reserve(two, "b.png", 20)  # while the first is still arriving
    sessions.arrived(one, 20)
    for name in ("a.png", "b.png"):
        sessions.take(one, name, bytes(15), (1, 1))
    with pytest.raises(InputError, match=r"c\.png: 2 photos are here already"):
        sessions.reserve(one, "c.png", 0)
    with pytest.raises(InputError, match="memory"):
        sessions.reserve(two, "d.png", 1)


def test_nothing_is_blended_in_a_hole_that_a_hand_drew_on(eyes: RedPeople) -> None:
    """The ring around what was found is blended; a brush need not leave one around what it covers."""
    opened_photo = opened(photo(LEFT))
    settings = load_settings("embedded", ["inpaint.fill=telea"]).inpaint
    sharp = settings.model_copy(update={"feather": 0})
    people = finding.find(opened_photo, RED_ONES)
    found = steps.mark_people(people, EDIT, RED_ONES.settings.refine, opened_photo.pixels)
    drawn = found.with_hole(np.where(mask_of(RIGHT), np.uint8(255), found.hole))

    def filled(marked: photo_steps.Marked, settings: Any) -> list[bytes]:
        chosen = photo_steps.fill_settings(settings, marked.facts["edited"])
        filled = photo_steps.fill_hole(opened_photo.pixels, marked.hole, marked.kept, chosen, {})
        return [patch.pixels.tobytes() for patch in filled.patches]

    assert filled(found, settings) != filled(found, sharp)
    assert not found.with_hole(found.hole.copy()).facts["edited"]
    assert filled(drawn, settings) == filled(drawn, sharp)


def mask_of(box: tuple[int, int, int, int]) -> np.ndarray:
    x, y, width, height = box
    out = np.zeros((96, 128), bool)
    out[y : y + height, x : x + width] = True
    return out


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("beach", "beach"),
        ('a<b>:"c|?*', "a_b___c___"),
        ("n" * 300, "n" * 200),
        ("é" * 150, "é" * 100),
        ("", "photo"),
    ],
)
def test_a_name_that_every_file_system_takes(stem: str, name: str) -> None:
    assert steps.file_stem(stem) == name


def test_the_pages_key_stays_and_is_this_accounts_alone(tmp_path: Path) -> None:
    key = page_key(tmp_path / "cache")
    assert len(key) == 24 and page_key(tmp_path / "cache") == key
    file = tmp_path / "cache" / "page-key"
    assert os.name != "posix" or file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)  # as another account may have put it there
    other = page_key(tmp_path / "cache")
    assert os.name != "posix" or (other != key and page_key(tmp_path / "cache") == other)
    file.write_text("../etc", encoding="ascii")
    assert page_key(tmp_path / "cache") not in (other, "../etc")
    (tmp_path / "file").write_bytes(b"")
    assert page_key(tmp_path / "file") != page_key(tmp_path / "file"), "no folder can be made there: a key for once"
