"""docs/evaluation.md says of every figure and column of every table what it is, as the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.cli.evaluate import _table
from flows.evaluation import fills, masks, removal
from flows.evaluation.estimates import Estimate
from flows.evaluation.words import Figure

PAGE = (Path(__file__).parents[3] / "docs/evaluation.md").read_text(encoding="utf-8")
WAYS = {1: "higher", -1: "lower", 0: "as the truth"}
MASKS, LEFT, FILLS = "Are people found and covered?", "Is anyone left?", "Which fill is best?"


def section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def told(heading: str) -> dict[str, list[str]]:
    """The further cells of the section's table of figures, by the first one."""
    table = re.search(r"\| figure \|.*\n\|[-|]+\n((?:\|.*\n)+)", section(heading))
    assert table
    rows = [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table[1].splitlines()]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize(("heading", "figures"), [(MASKS, masks.FIGURES), (LEFT, removal.FIGURES)])
def test_every_figure_with_its_unit_and_which_way_is_better(heading: str, figures: dict[str, Figure]) -> None:
    said = {name: tuple(cells[:2]) for name, cells in told(heading).items()}
    assert said == {name: (figure.better, figure.unit) for name, figure in figures.items()}


def test_every_figure_of_fills() -> None:
    said = {name: cells[0] for name, cells in told(FILLS).items()}
    assert said == {figure.title: WAYS[figure.better] for figure in fills.FIGURES.values()}


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        (MASKS, [str(column.header) for column in _table({"left": Estimate(0.5, 0.4, 0.6, 2)}, "").columns]),
        (LEFT, [*removal.LEFT, *removal.DETECTED[:5], removal.DETECTED[-1]]),
        (FILLS, ["fill", "hole", "pairs", "CPU s"]),
    ],
)
def test_every_other_column(heading: str, columns: list[str]) -> None:
    assert [name for name in columns if f"`{name}`" not in section(heading)] == []
