"""Crops with holes, each a function of the seed and its number alone: whoever asks, and whenever, gets the same."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from configs import SettingsError
from configs.training import TrainSettings
from data.types import Hole, Pixels
from inpainting.training.holes import Silhouette, draw_hole

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
AHEAD = 3
"""Batches that are prepared while the network learns."""
_TRIES = 16
_log = logging.getLogger("person_removal.training")


@dataclass(frozen=True)
class Item:
    """A crop. truth: uint8 S x S x 3. hole: uint8 S x S. given: the truth with its hole filled by the pre-fill."""

    truth: Pixels
    hole: Hole
    given: Pixels

    def mirrored(self) -> Item:
        return Item(*(np.ascontiguousarray(array[:, ::-1]) for array in (self.truth, self.hole, self.given)))


class Window(NamedTuple):
    """A square of a photo, in its pixels."""

    top: int
    left: int
    side: int


class Shaped(Protocol):
    """An array or a tensor."""

    @property
    def shape(self) -> Sequence[int]: ...


Photo = TypeVar("Photo", bound=Shaped)
Made = TypeVar("Made")


class Prefilled(Protocol):
    """Fills the hole of the pair `number` before the network does; the truth itself where nothing does."""

    def __call__(self, number: int, truth: Pixels, hole: Hole) -> Pixels: ...


@dataclass(frozen=True)
class Items:
    """All crops there are, by number from 0. purpose: keeps those for training and for validation apart."""

    photos: tuple[Path, ...]
    people: Sequence[Silhouette]
    settings: TrainSettings
    purpose: str = "train"

    def pair(self, number: int) -> tuple[Pixels, Hole]:
        """The truth and the hole of a pair."""
        rng, photo, window = self.draw(number, read_photo)
        return self._cut(photo, window), self.hole(rng)

    def draw(self, number: int, read: Callable[[Path], Photo | None]) -> tuple[np.random.Generator, Photo, Window]:
        """The randomness that the pair's hole is drawn with, its photo and the square to cut out.

        read: gives a photo of shape H x W x 3, None for one that is not readable. Raises SettingsError.
        """
        rng = drawn(self.settings.run.seed, self.purpose, number)
        first = int(rng.integers(len(self.photos)))
        for path in (self.photos[(first + i) % len(self.photos)] for i in range(_TRIES)):
            photo = read(path)
            if photo is not None:
                return rng, photo, self._window(rng, photo.shape[:2])
        raise SettingsError(f"data.photos: {_TRIES} photos in a row cannot be read, the last of them {path}.")

    def hole(self, rng: np.random.Generator) -> Hole:
        """The hole of a pair, drawn after its window."""
        return draw_hole(rng, self.settings.data.size, self.people, self.settings.holes)

    def number(self, index: int) -> int:
        """Of the pair that the step index // batch sees at place index % batch."""
        pairs = self.settings.data.pairs
        if not pairs or self.purpose != "train":
            return index
        epoch, place = divmod(index, pairs)
        return int(_order(self.settings.run.seed, epoch, pairs)[place])

    def is_mirrored(self, index: int) -> bool:
        """Whether the pair is mirrored there."""
        flip = self.settings.data.flip and self.purpose == "train"
        return flip and bool(drawn(self.settings.run.seed, "flip", index).random() < 0.5)

    def item(self, index: int, prefilled: Prefilled) -> Item:
        """What the step index // batch sees at place index % batch."""
        number = self.number(index)
        truth, hole = self.pair(number)
        item = Item(truth, hole, prefilled(number, truth, hole))
        return item.mirrored() if self.is_mirrored(index) else item

    def batches(
        self, start: int, prefilled: Prefilled, rank: int = 0, world: int = 1
    ) -> Generator[list[Item], None, None]:
        """The batch of step `start` (from 0), then of the next ones, for ever: this process's share of each."""
        return self.ahead(lambda index: self.item(index, prefilled), start, rank, world)

    def ahead(
        self, make: Callable[[int], Made], start: int, rank: int, world: int
    ) -> Generator[list[Made], None, None]:
        """What `make` gives for every index of this process's share of a batch, from step `start` on, for ever; made by
        threads, some batches ahead."""
        size = self.settings.optimiser.batch
        waiting: deque[list[Future[Made]]] = deque()
        with ThreadPoolExecutor(self.settings.data.workers) as threads:
            try:
                while True:
                    while len(waiting) < AHEAD:
                        step = start + len(waiting)
                        mine = range(step * size + rank, (step + 1) * size, world)
                        waiting.append([threads.submit(make, index) for index in mine])
                    yield [future.result() for future in waiting.popleft()]
                    start += 1
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _window(self, rng: np.random.Generator, size: Sequence[int]) -> Window:
        data = self.settings.data
        scale = float(np.exp(rng.uniform(*np.log(data.scales))))
        side = min(max(1, round(data.size * scale)), *size)
        y, x = (int(rng.integers(length - side + 1)) for length in size)
        return Window(y, x, side)

    def _cut(self, photo: Pixels, window: Window) -> Pixels:
        (y, x, side), size = window, self.settings.data.size
        interpolation = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
        crop = cv2.resize(photo[y : y + side, x : x + side], (size, size), interpolation=interpolation)
        return np.asarray(crop, np.uint8)


def drawn(seed: int, purpose: str, number: int) -> np.random.Generator:
    """Randomness that depends on these three alone."""
    return np.random.default_rng([seed, *hashlib.sha256(purpose.encode()).digest()[:4], number])


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, pairs: int) -> NDArray[np.int64]:
    return drawn(seed, "order", epoch).permutation(pairs)


def read_photo(path: Path) -> Pixels | None:
    """The photo upright, uint8 H x W x 3 RGB; None, and a word in the log, for a file that is none."""
    try:
        photo = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        photo = None
    if photo is None:
        _name(path)
        return None
    return np.ascontiguousarray(photo[..., ::-1], np.uint8)


@lru_cache(maxsize=1000)
def _name(path: Path) -> None:
    """Once is enough."""
    _log.warning("%s cannot be read as a photo; another one takes its place.", path)


def find_photos(folders: Sequence[str], setting: str) -> list[Path]:
    """Photos in folders, through and through, sorted by name. Raises SettingsError for a folder without any."""
    found: list[Path] = []
    for folder in folders:
        root = Path(folder).expanduser()
        here = [path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES] if root.is_dir() else []
        if not here:
            raise SettingsError(f"{setting}: there are no photos in {root}.")
        found += sorted(here, key=lambda path: path.relative_to(root).as_posix())
    return found


def split_photos(settings: TrainSettings) -> tuple[list[Path], list[Path]]:
    """(training, validation) photos, no photo in both. Raises SettingsError."""
    if not settings.data.photos:
        raise SettingsError("data.photos names no folder of photos: `--set data.photos=FOLDER`.")
    photos = find_photos(settings.data.photos, "data.photos")
    if settings.validation.photos:
        others = find_photos(settings.validation.photos, "validation.photos")
        watched = {path.resolve() for path in others}
        kept = [path for path in photos if path.resolve() not in watched]
        if not kept:
            raise SettingsError("validation.photos: every photo of data.photos is there; nothing is left to train on.")
        return kept, others
    held = set(photos[:: settings.validation.holdout])
    kept = [path for path in photos if path not in held]
    if not kept:
        raise SettingsError(f"data.photos holds {len(photos)} photo: too few to train on some and validate on others.")
    return kept, sorted(held)
