"""Two fills side by side without their names, to be judged by eye."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from data.storage.files import canonical_json, write_atomic
from data.types import Pixels
from flows.evaluation.pairs import Case
from flows.evaluation.sheet import marked

_GAP = 12  # pixels of white between the pictures


class BlindPairs:
    """Writes `NNNN.png` (the hole, then the two fills in an order drawn by chance), and the key at the end.

    folder: where. labels: the two fills. seed: of the order.
    """

    def __init__(self, folder: Path, labels: tuple[str, str], seed: int) -> None:
        self.folder, self.labels, self.seed = folder, labels, seed
        self.key: dict[str, dict[str, str]] = {}

    def add(self, case: Case, results: Mapping[str, Pixels]) -> None:
        """One pair, unless one of the two fills could not fill it."""
        if not all(label in results for label in self.labels):
            return
        turned = np.random.default_rng([self.seed, case.pair.number]).random() < 0.5
        left, right = self.labels[::-1] if turned else self.labels
        shown = [marked(case.image, np.zeros(case.hole.shape, bool), case.hole), results[left], results[right]]
        gap = np.full((case.hole.shape[0], _GAP, 3), 255, np.uint8)
        name, out = f"{case.pair.number:04d}.png", io.BytesIO()
        Image.fromarray(np.hstack([shown[0], gap, shown[1], gap, shown[2]])).save(out, format="PNG")
        write_atomic(self.folder / name, out.getvalue())
        self.key[name] = {"left": left, "right": right}

    def write_key(self) -> Path:
        """`key.json`, in the folder above, so that nobody sees it while judging; and a list to note judgements in."""
        rows = "".join(f"{name},\n" for name in self.key)
        write_atomic(self.folder / "judgements.csv", b"picture,better (left right or same)\n" + rows.encode())
        path = self.folder.with_name(f"{self.folder.name}-key.json")
        write_atomic(path, canonical_json(self.key) + b"\n")
        return path
