"""Losses and validation figures as CSV, as a picture, and for TensorBoard where that is wanted."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs import SettingsError
from data.storage.files import write_atomic

ROWS = 5000
"""Rows of losses that a whole training leaves, at most."""
Row = dict[str, float]


class Curves:
    """The figures of a training in its output folder: `losses.csv`, `validation.csv`, `curves.png`."""

    def __init__(self, folder: Path, steps: int, start: int, tensorboard: bool) -> None:
        self.folder, self.interval = folder, max(1, steps // ROWS)
        # what a stopped training wrote after the checkpoint comes again
        self.losses = [row for row in _read(folder / "losses.csv") if row["step"] <= start]
        self.validations = [row for row in _read(folder / "validation.csv") if row["step"] <= start]
        self.open: list[Mapping[str, float]] = []
        self.board = _board(folder / "tensorboard", start) if tensorboard else None

    def step(self, step: int, losses: Mapping[str, float]) -> None:
        """Take a step's losses; every `interval` steps their means become a row."""
        self.open.append(losses)
        if step % self.interval == 0:
            means = {name: sum(row[name] for row in self.open) / len(self.open) for name in losses}
            self.losses.append({"step": step, **means})
            self.open.clear()
            self._show("train", step, means)

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        self.validations = [row for row in self.validations if row["step"] != step]
        self.validations.append({"step": step, **figures})
        self._show("validation", step, figures)

    def write(self) -> None:
        """All files anew."""
        _write(self.folder / "losses.csv", self.losses)
        _write(self.folder / "validation.csv", self.validations)
        _plot(self.folder / "curves.png", self.losses, self.validations)
        if self.board:
            self.board.flush()

    def _show(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        if self.board:
            for name, value in figures.items():
                self.board.add_scalar(f"{kind}/{name}", value, step)


def _board(folder: Path, start: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise SettingsError(
            "run.tensorboard needs the package tensorboard: pip install -e '.[tensorboard]'; losses.csv and "
            "curves.png come without."
        ) from None
    return SummaryWriter(str(folder), purge_step=start + 1)


def _read(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def _write(path: Path, rows: list[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows({**row, "step": int(row["step"])} for row in rows)
    write_atomic(path, text.getvalue().encode())


def _plot(path: Path, losses: list[Row], validations: list[Row]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import; no window, no global state
    from matplotlib.figure import Figure

    kinds = [("training", losses), ("validation", validations)]
    figure = Figure(figsize=(11, 7), layout="constrained")
    FigureCanvasAgg(figure)
    columns = max(1, *(len(rows[-1]) - 1 if rows else 1 for _, rows in kinds))
    for line, (kind, rows) in enumerate(kinds):
        for column, name in enumerate(list(rows[-1])[1:] if rows else []):
            axis = figure.add_subplot(2, columns, line * columns + column + 1)
            points = [(row["step"], row[name]) for row in rows if name in row]
            axis.plot(*zip(*points, strict=True), marker="." if len(points) < 50 else None, linewidth=1)
            axis.set(title=f"{kind}: {name}", xlabel="step")
    figure.savefig(path, dpi=110, metadata={"Software": None})
