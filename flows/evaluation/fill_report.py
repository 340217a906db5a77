"""What `evaluate removal --scenes` writes and shows: tables, figures as JSON, pictures of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from data.types import Pixels, as_hole
from flows.evaluation.estimates import Estimate
from flows.evaluation.fills import BINS, FIGURES, Judged, against, figures_of, in_bin, told, verdict
from flows.evaluation.pairs import Case
from flows.evaluation.sheet import marked

HEAD = ("figure", "fill", *(name.replace(" to ", "–") for name in BINS))
Rows = list[tuple[str, ...]]


def table(judged: Sequence[Judged], shares: Mapping[int, float], seed: int) -> str:
    """Markdown: every figure with its 95 % interval, by fill and size of the hole; CPU seconds are means."""
    names = told(judged)
    head = ["fill", "hole", "pairs", *(figure.title for figure in names.values()), "CPU s"]
    lines = [_row(head), "|---" * len(head) + "|"]
    for one in judged:
        for name in BINS:
            numbers = [number for number in in_bin(shares, name) if number in one.values]
            if not numbers:
                continue
            figures = figures_of(one, numbers, seed)
            seconds = f"{np.mean([one.seconds[number] for number in numbers]):.2f}"
            lines.append(_row([one.label, name, str(len(numbers)), *(_cell(figures, f) for f in names), seconds]))
    return "\n".join(lines) + "\n"


def differences_table(judged: Sequence[Judged], shares: Mapping[int, float], seed: int) -> str:
    """Markdown: every other fill minus the first on the same pairs; empty with one fill."""
    first, *others = judged
    names = told(judged)
    head = ["fill", "hole", *(figure.title for figure in names.values())]
    lines = [f"Minus {first.label}, on the same pairs:\n", _row(head), "|---" * len(head) + "|"]
    for one in others:
        for name in BINS:
            changes = against(first, one, in_bin(shares, name), seed)
            if changes:
                cells = (f"{_cell(changes, f, '+')} {verdict(f, changes[f])}".strip() for f in names)
                lines.append(_row([one.label, name, *cells]))
    return "\n".join(lines) + "\n" if others else ""


def rows_by_figure(judged: Sequence[Judged], shares: Mapping[int, float], seed: int) -> tuple[Rows, Rows]:
    """The same two tables for a terminal, where twelve figures side by side have no room: cells below `HEAD`, of every
    fill, and of every other one minus the first on the same pairs."""
    first, *others = judged
    figures = {(one.label, name): figures_of(one, in_bin(shares, name), seed) for one in judged for name in BINS}
    changes = {(one.label, name): against(first, one, in_bin(shares, name), seed) for one in others for name in BINS}

    def change(label: str, name: str, figure: str) -> str:
        found = changes[label, name]
        return f"{_cell(found, figure, '+')} {verdict(figure, found[figure])}" if figure in found else "-"

    def seconds(one: Judged, name: str) -> str:
        taken = [one.seconds[number] for number in in_bin(shares, name) if number in one.seconds]
        return f"{np.mean(taken):.2f}" if taken else "-"

    values: Rows = []
    differences: Rows = []
    for figure, meaning in told(judged).items():
        values += [(meaning.title, o.label, *(_cell(figures[o.label, n], figure) for n in BINS)) for o in judged]
        differences += [(meaning.title, o.label, *(change(o.label, n, figure) for n in BINS)) for o in others]
    values += [("CPU s", one.label, *(seconds(one, name) for name in BINS)) for one in judged]
    for one in judged:
        counts = (sum(number in one.values for number in in_bin(shares, name)) for name in BINS)
        values.append(("pairs", one.label, *map(str, counts)))
    return values, differences


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(figures: Mapping[str, Estimate], name: str, sign: str = "") -> str:
    if name not in figures:
        return "-"
    estimate, digits = figures[name], FIGURES[name].digits
    return f"{estimate.value:{sign}.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def as_json(judged: Sequence[Judged], shares: Mapping[int, float], seed: int) -> dict[str, object]:
    """Everything but the times, so that the same seed gives the same bytes."""
    first, *others = judged
    return {
        "figures": {figure: what.what for figure, what in told(judged).items()},
        "fills": {
            one.label: {name: _estimates(figures_of(one, in_bin(shares, name), seed)) for name in BINS}
            for one in judged
        },
        f"minus {first.label}": {
            one.label: {name: _changes(against(first, one, in_bin(shares, name), seed)) for name in BINS}
            for one in others
        },
        "failed": {one.label: {str(n): why for n, why in one.failed.items()} for one in judged if one.failed},
    }


def by_pair(judged: Sequence[Judged], shares: Mapping[int, float]) -> list[dict[str, object]]:
    """Every pair's figures, as measured."""
    return [
        {
            "number": number,
            "share": round(share, 5),
            "fills": {
                one.label: {name: round(value, 5) for name, value in one.values[number].items()}
                for one in judged
                if number in one.values
            },
        }
        for number, share in shares.items()
    ]


def _estimates(figures: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: {**figure.to_json(), "of": round(figure.count, 3)} for name, figure in figures.items()}


def _changes(changes: Mapping[str, Estimate]) -> dict[str, object]:
    return {name: {**change.to_json(), "verdict": verdict(name, change)} for name, change in changes.items()}


def row_of_pictures(case: Case, results: Mapping[str, Pixels]) -> list[tuple[str, Pixels]]:
    """(caption, picture) of a pair: what was to be filled, the truth, and every fill."""
    hole = as_hole(case.hole != 0)
    name = f"{case.pair.number}: {case.share:.0%} of {case.pair.scene}"
    there = np.zeros(hole.shape, bool)
    return [(name, marked(case.image, there, hole)), ("truth", case.truth), *results.items()]
