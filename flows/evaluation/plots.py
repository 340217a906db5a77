"""Plots of figures, without photos in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flows.evaluation.estimates import Estimate
from flows.evaluation.persons import SIZES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def residual_plot(path: Path, curves: Mapping[float, Mapping[str, Estimate]], field: str, chosen: float) -> None:
    """What is left of people, and what looks like them beside the hole, against the area given up, for every value of
    a refine setting; bars are 95 % intervals. chosen: the value to mark. A value without people has no place."""
    curves = {value: figures for value, figures in curves.items() if {"area", "inside"} <= figures.keys()}
    figure, axes = new_figure(1)
    for name, label, marker in (
        ("inside", "people's pixels outside the hole", "o"),
        ("rim", "outline's band outside the hole", "^"),
        ("ghost", "pixels beside the hole that look like people", "s"),
    ):
        points = [(value, figures["area"], figures[name]) for value, figures in curves.items() if name in figures]
        outside = name == "inside"
        x = [area.value for _, area, _ in points]
        y = [100 * (1 - e.value if outside else e.value) for _, _, e in points]
        low = [100 * (e.high - e.value if outside else e.value - e.low) for _, _, e in points]
        high = [100 * (e.value - e.low if outside else e.high - e.value) for _, _, e in points]
        axes[0].errorbar(x, y, yerr=[low, high], marker=marker, capsize=2, label=label)
    for value, figures in curves.items():
        here = (figures["area"].value, 100 * (1 - figures["inside"].value))
        text = f"{value:g}" + (" (chosen)" if value == chosen else "")
        axes[0].annotate(text, here, textcoords="offset points", xytext=(4, 5), fontsize=8)
    axes[0].set(xlabel="hole area / people's area", ylabel="per cent", title=f"over refine.{field}")
    axes[0].set_ylim(bottom=0)
    axes[0].legend(fontsize=8)
    save(figure, path)


def sizes_plot(path: Path, figures: Mapping[str, Estimate]) -> None:
    """Persons covered by what was found, and left outside the hole, by COCO's sizes."""
    figure, axes = new_figure(2)
    for axis, name, title in zip(axes, ("covered", "left"), ("persons covered", "persons left"), strict=True):
        bars = [(size, figures[f"{name}_{size}"]) for size in SIZES if f"{name}_{size}" in figures]
        values = [100 * e.value for _, e in bars]
        errors = [[100 * (e.value - e.low) for _, e in bars], [100 * (e.high - e.value) for _, e in bars]]
        axis.bar([f"{size}\n({e.count:.0f})" for size, e in bars], values, yerr=errors, capsize=3)
        axis.set(ylabel="per cent", title=title)
    save(figure, path)


def fills_plot(
    path: Path, titles: Mapping[str, str], fills: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
) -> None:
    """A panel for each figure of `titles`, by size of the hole; bars are 95 % intervals. fills: figures by fill and
    size."""
    bins = list(next(iter(fills.values())))
    figure, axes = new_figure(4, -(-len(titles) // 4))
    for axis, (name, title) in zip(axes, titles.items(), strict=False):
        for number, (label, by_bin) in enumerate(fills.items()):
            points = [(i, by_bin[size][name]) for i, size in enumerate(bins) if name in by_bin[size]]
            x = [i + 0.12 * (number - (len(fills) - 1) / 2) for i, _ in points]
            errors = [[e.value - e.low for _, e in points], [e.high - e.value for _, e in points]]
            axis.errorbar(x, [e.value for _, e in points], yerr=errors, fmt="o", capsize=2, label=label)
        axis.set(title=title, xticks=range(len(bins)), xticklabels=bins)
    axes[0].legend(fontsize=8)
    for axis in axes[len(titles) :]:
        axis.set_axis_off()
    save(figure, path)


def left_plot(path: Path, runs: Mapping[str, Mapping[str, Estimate]]) -> None:
    """Persons left by COCO's sizes, and detections in holes over the least score; bars are 95 % intervals. runs: the
    figures of `removal.FIGURES` by name of the run."""
    figure, axes = new_figure(2)
    for number, (label, figures) in enumerate(runs.items()):
        sizes = [(i, figures[f"left_{size}"]) for i, size in enumerate(SIZES) if f"left_{size}" in figures]
        scores = [(float(name.partition("@")[2]), e) for name, e in figures.items() if name.startswith("in_hole@")]
        for axis, points, step in ((axes[0], sizes, 0.1), (axes[1], scores, 0.004)):
            x = [at + step * (number - (len(runs) - 1) / 2) for at, _ in points]
            y = [100 * e.value for _, e in points]
            errors = [[100 * (e.value - e.low) for _, e in points], [100 * (e.high - e.value) for _, e in points]]
            axis.errorbar(x, y, yerr=errors, fmt="o", capsize=3, label=label)
    axes[0].set(title="persons left", ylabel="per cent", xticks=range(len(SIZES)), xticklabels=list(SIZES))
    axes[1].set(title="detections in holes", ylabel="per cent of holes", xlabel="least score")
    for axis in axes:
        axis.set_ylim(bottom=0)
    axes[0].legend(fontsize=8)
    save(figure, path)


def new_figure(columns: int, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """An empty figure and its axes, row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import; no window, no global state
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * columns, 4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]


def save(figure: Figure, path: Path) -> None:
    """As PNG, or what else the name ends in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
