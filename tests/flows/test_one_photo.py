"""One photo comes out alike whichever way it goes: through a run, `remove_people`, or the page for one photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from collection_with_people import FAST, manifest, texture
from PIL import Image

from configs import SegmentSettings
from configs.load import load_settings
from data.images import decode, to_raw_frame
from data.types import Instance, People, Photo, Weight
from flows import api, remove_people
from flows.app import finding, steps
from flows.app.choices import Choice
from flows.app.edit import Edit
from flows.plan.selection import selection
from flows.run import job
from flows.run.job import execute, prepare
from flows.stages import models

BIG, SMALL, WHOLE = (20, 20, 30, 60), (90, 30, 12, 20), (4, 4, 110, 88)  # x, y, width, height as shown
SURE, DOUBTFUL = 0.9, 0.2


@dataclass
class White:
    """A network that takes white for people; of small ones it is not certain."""

    settings: SegmentSettings

    def segment(self, photos: Sequence[Photo]) -> list[People]:
        return [People(photo.size, tuple(self._persons(photo))) for photo in photos]

    def _persons(self, photo: Photo) -> list[Instance]:
        white = (photo.pixels.min(2) > 240).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(white)
        scores = {n: SURE if stats[n, cv2.CC_STAT_AREA] > 800 else DOUBTFUL for n in range(1, count)}
        seen = [n for n in scores if stats[n, cv2.CC_STAT_AREA] > 50 and scores[n] >= self.settings.score]
        return [Instance.from_mask(labels == n, scores[n], "embedded") for n in seen]


def shown(*people: tuple[int, int, int, int]) -> np.ndarray:
    pixels = texture(3).copy()
    for x, y, width, height in people:
        pixels[y : y + height, x : x + width] = 255
    return pixels


def photos(folder: Path) -> None:
    """A photo of each kind that is stored in another way than it is seen, and of each way in which one can end."""
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    both = shown(BIG, SMALL)
    options = {"quality": 95, "subsampling": 0}
    Image.fromarray(to_raw_frame(shown(BIG), 6)).save(folder / "turned.jpg", exif=exif, **options)
    Image.fromarray(to_raw_frame(both, 6)).save(folder / "turned.png", exif=exif)
    alpha = np.dstack([both, np.full(both.shape[:2], 200, np.uint8)])
    Image.fromarray(alpha).save(folder / "alpha.png")
    cv2.imwrite(str(folder / "deep.png"), both[..., ::-1].astype(np.uint16) * 257)
    tifffile.imwrite(folder / "deep.tif", both.astype(np.uint16) * 257, photometric="rgb")
    Image.fromarray(both).convert("L").save(folder / "grey.png")
    Image.fromarray(shown(BIG)).convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    Image.fromarray(shown()).save(folder / "nobody.png")
    Image.fromarray(shown(WHOLE)).save(folder / "most.png")


NAMES = (
    "turned.jpg",
    "turned.png",
    "alpha.png",
    "deep.png",
    "deep.tif",
    "grey.png",
    "cmyk.jpg",
    "nobody.png",
    "most.png",
)
OVERRIDES = (*FAST, "verify.segmenter=same", "segment.score=0.5", "verify.score=0.1", "segment.tile=none")


@pytest.fixture(scope="module", params=["", "largest"], ids=["everyone leaves", "the largest stays"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with `in` and `out`, and who stays."""
    root, keep = tmp_path_factory.mktemp("one"), request.param
    photos(root / "in")
    with pytest.MonkeyPatch.context() as patch:
        networks(patch)
        settings = load_settings("embedded", [*OVERRIDES, *([f"refine.keep={keep}"] if keep else [])])
        execute(prepare(root / "in", root / "out", settings, selection()))
    return root, keep


def networks(patch: pytest.MonkeyPatch) -> None:
    """`White` instead of every network."""
    found = {
        name: Weight(name, Path(name), "0" * 64) for name in ("yolov8n", "selfie-segmentation", "pose-landmark-full")
    }
    patch.setattr(models, "segmenter", lambda settings, weights: White(settings))
    patch.setattr(job, "find_weights", lambda _: found)
    patch.setattr(api, "find_weights", lambda _: found)


@pytest.mark.parametrize("name", NAMES)
def test_remove_people_gives_what_a_run_gives(
    ran: tuple[Path, str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks(monkeypatch)
    (root, keep), row = ran, manifest(ran[0] / "out")[name]
    result = remove_people(root / "in" / name, "embedded", OVERRIDES, keep or None)
    result.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == (root / "out" / row["output"]).read_bytes()
    assert (result.state, len(result.people)) == (row["state"], row["people"])
    assert " and ".join(result.doubts) == (row["reason"] or "").removeprefix(f"{name}: ").removesuffix(".")
    mask = to_raw_frame(result.hole, result.photo.orientation) if result.photo else result.hole
    np.testing.assert_array_equal(mask, np.asarray(Image.open(root / "out" / row["mask"])))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_gives_what_a_run_gives(ran: tuple[Path, str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    networks(monkeypatch)
    (root, keep), row = ran, manifest(ran[0] / "out")[name]
    choice = Choice("embedded", load_settings("embedded", OVERRIDES), {})
    photo = steps.open_photo((root / "in" / name).read_bytes(), name, 50)
    found, fills = finding.find(photo, choice), {"telea": choice}
    edit = Edit("embedded", "telea", choice.settings.refine.dilate)
    if keep and len(found.people):
        areas = [found.people.area(person) for person in found.people.persons]
        edit = replace(edit, keep=(found.ids[int(np.argmax(areas))],))
    for _ in range(2):
        if not steps.mark_people(found, edit, choice.settings.refine, photo.pixels).hole.any():
            assert row["people"] == 0 or keep, "nothing to take out: the page says so"
            return
        result = steps.remove(photo, found, edit, choice, fills, None)
        look = steps.check(photo, found, edit, choice, fills, result)
        found, ids = finding.with_late(found, look.missed(False))
        edit = replace(edit, too=ids)
    assert steps.write(photo, result, False)[1].raw == (root / "out" / row["output"]).read_bytes()
    doubts = [*result.doubts, *look.doubts]
    assert bool(doubts or look.finds) == (row["state"] == "review")
    assert all(doubt in (row["reason"] or "") for doubt in doubts)


def test_what_a_run_says_is_seen_here(ran: tuple[Path, str]) -> None:
    """The photos above end in every way that they are meant to."""
    root, keep = ran
    rows = manifest(root / "out")
    assert {name: row["people"] for name, row in rows.items()} == {
        **dict.fromkeys(NAMES, 2),
        "turned.jpg": 1,
        "cmyk.jpg": 1,
        "nobody.png": 0,
        "most.png": 1,
    }
    if not keep:
        assert rows["most.png"]["state"] == "review" and "of the photo is made up" in rows["most.png"]["reason"]
        assert rows["turned.png"]["state"] == rows["deep.tif"]["state"] == "removed"
        published = decode((root / "out/images/turned.png").read_bytes(), "turned.png").pixels
        assert not (published.min(2) > 240).any()
