"""Plots of mask figures, without photos in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.evaluation.estimates import Estimate
from flows.evaluation.persons import SIZES


def residual_plot(path: Path, curves: Mapping[float, Mapping[str, Estimate]], field: str, chosen: float) -> None:
    """What is left of people, and what looks like them beside the hole, against the area given up, for every value of
    a refine setting; bars are 95 % intervals. chosen: the value to mark."""
    figure, axes = _figure(1)
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
    _save(figure, path)


def sizes_plot(path: Path, figures: Mapping[str, Estimate]) -> None:
    """Persons covered by what was found, and left outside the hole, by COCO's sizes."""
    figure, axes = _figure(2)
    for axis, name, title in zip(axes, ("covered", "left"), ("persons covered", "persons left"), strict=True):
        bars = [(size, figures[f"{name}_{size}"]) for size in SIZES if f"{name}_{size}" in figures]
        values = [100 * e.value for _, e in bars]
        errors = [[100 * (e.value - e.low) for _, e in bars], [100 * (e.high - e.value) for _, e in bars]]
        axis.bar([f"{size}\n({e.count:.0f})" for size, e in bars], values, yerr=errors, capsize=3)
        axis.set(ylabel="per cent", title=title)
    _save(figure, path)


def _figure(columns: int) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import; no window, no global state
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * columns, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(1, columns, i + 1) for i in range(columns)]


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
