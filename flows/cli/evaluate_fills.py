"""`person-removal evaluate removal --scenes`: fills against the truth on photos without people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from configs.load import load_settings
from data.errors import InputError
from data.storage.files import write_atomic
from data.types import PhotoError, Pixels
from flows.cli.options import console
from flows.cli.tables import drawn
from flows.evaluation.blind import BlindSheets, photos_with_holes
from flows.evaluation.fill_report import (
    HEAD,
    as_json,
    by_pair,
    differences_table,
    row_of_pictures,
    rows_by_figure,
    table,
)
from flows.evaluation.fills import BINS, Contender, Judged, figures_of, in_bin, judge_fills, parse_fills, told
from flows.evaluation.further import further_figures
from flows.evaluation.pairs import Case, draw_pairs, make_cases, pairs_json, read_pairs
from flows.evaluation.plots import fills_plot
from flows.evaluation.sheet import contact_sheet
from flows.run.workers import prepare_process

COMPARED = "patchmatch,telea,navier-stokes,mean"
SHOWN = 12
"""Pairs on the contact sheet."""


@dataclass(frozen=True)
class FillsAsked:
    """The command's arguments, as they are named there."""

    coco: Path
    scenes: Path
    fills: str
    preset: str
    overrides: Sequence[str]
    limit: int | None
    seed: int
    ids: Path | None
    size: int
    paste: bool
    blind: str | None
    lpips: Path | None
    verifier: str | None
    out: Path | None


def evaluate_fills(asked: FillsAsked) -> None:
    """Prints the tables; writes them, the pairs, all figures, plots and pictures to `out`."""
    contenders = parse_fills(asked.fills, asked.preset, asked.overrides)
    settings = load_settings(asked.preset, asked.overrides)
    blind = _blind(asked, contenders)
    further = further_figures(
        settings, asked.lpips, asked.verifier, lambda text: console.print(text, style="yellow", markup=False)
    )
    if asked.ids:
        pairs = read_pairs(asked.ids)[: asked.limit]
    else:
        pairs = draw_pairs(asked.scenes, asked.coco, settings, asked.limit, asked.seed)
    pictures: list[tuple[str, Pixels]] = []
    shown = {pairs[len(pairs) * i // min(SHOWN, len(pairs))].number for i in range(min(SHOWN, len(pairs)))}

    def on_case(case: Case, results: Mapping[str, Pixels]) -> None:
        if asked.out and case.pair.number in shown and len(results) == len(contenders):
            pictures.extend(row_of_pictures(case, results))
        if blind:
            blind.add(case.pair.number, case.image, case.hole, results)

    prepare_process()
    cases = make_cases(pairs, asked.scenes, asked.coco, settings, asked.size, asked.paste)
    progress = track(cases, "filling", len(pairs), console=Console(stderr=True))
    judged, shares = judge_fills(contenders, progress, on_case, further)
    values, differences = rows_by_figure(judged, shares, asked.seed)
    console.print(drawn(HEAD, values, "Fills against the truth, by the hole's share of the photo"))
    if differences:
        console.print(drawn(HEAD, differences, f"Minus {judged[0].label}, on the same pairs"))
    for meaning in told(judged).values():
        better = {1: "more is better", -1: "less is better", 0: "best as the truth's own"}[meaning.better]
        console.print(f"{meaning.title}: {meaning.what}; {better}", markup=False, highlight=False)
    console.print("With the interval of 95 %; docs/evaluation.md says more.", markup=False)
    for one in judged:
        if one.failed:
            console.print(f"{one.label}: {len(one.failed)} pairs failed, the first: {next(iter(one.failed.values()))}")
    if asked.out:
        _write(asked, asked.out, contenders, judged, shares)
        write_atomic(asked.out / "pairs.json", pairs_json(pairs))
        text = f"{table(judged, shares, asked.seed)}\n{differences_table(judged, shares, asked.seed)}"
        write_atomic(asked.out / "fills.md", text.encode())
        contact_sheet(pictures, columns=2 + len(contenders)).save(asked.out / "fills.jpg", quality=88)
        if blind:
            console.print(f"To be judged by eye: {blind.folder}; who is who: {blind.write_key()}", markup=False)
        console.print(f"Written: {asked.out}", markup=False)


def _blind(asked: FillsAsked, contenders: Sequence[Contender]) -> BlindSheets | None:
    if not asked.blind:
        return None
    labels = tuple(part.strip() for part in asked.blind.split(","))
    known = [contender.label for contender in contenders]
    if len(labels) < 2 or len(labels) != len(set(labels)) or not set(labels) <= set(known):
        raise InputError(f"--blind {asked.blind}: name two or more of the fills that are compared: {', '.join(known)}.")
    if not asked.out:
        raise InputError("--blind writes pictures; say where with --out DIR.")
    return BlindSheets(asked.out / "blind", labels, asked.seed)


def write_blind(
    coco: Path, fills: str, preset: str, overrides: Sequence[str], limit: int | None, seed: int, out: Path | None
) -> None:
    """Sheets of these fills on photos with people, whose holes are those of their annotations. Raises InputError."""
    contenders = parse_fills(fills, preset, overrides)
    if len(contenders) < 2:
        raise InputError(f"--blind {fills}: name two or more fills.")
    if not out:
        raise InputError("--blind writes pictures; say where with --out DIR.")
    settings = load_settings(preset, overrides)
    prepare_process()
    built = {contender.label: contender.build() for contender in contenders}
    sheets = BlindSheets(out / "blind", list(built), seed)
    photos = photos_with_holes(coco, settings, limit, seed)
    for number, (name, image, hole) in enumerate(track(photos, "filling", limit, console=Console(stderr=True)), 1):
        try:
            sheets.add(number, image, hole, {label: fill(image, hole) for label, fill in built.items()})
        except PhotoError as error:
            console.print(f"{name}: {error.sentence}", markup=False)
    console.print(f"To be judged by eye: {sheets.folder}; who is who: {sheets.write_key()}", markup=False)


def _write(
    asked: FillsAsked, out: Path, contenders: Sequence[Contender], judged: Sequence[Judged], shares: Mapping[int, float]
) -> None:
    settings = {c.label: c.settings.inpaint.model_dump(mode="json") if c.settings else None for c in contenders}
    report: dict[str, object] = {
        "size": asked.size,
        "pasted": asked.paste,
        "seed": asked.seed,
        "pairs": len(shares),
        "settings": settings,
        **as_json(judged, shares, asked.seed),
    }
    seconds = {one.label: {str(number): round(value, 4) for number, value in one.seconds.items()} for one in judged}
    for name, tree in (("fills", report), ("fills-by-pair", by_pair(judged, shares)), ("seconds", seconds)):
        write_atomic(out / f"{name}.json", json.dumps(tree, indent=1).encode() + b"\n")
    bins = [name for name in BINS if in_bin(shares, name)]
    estimates = {
        one.label: {name: figures_of(one, in_bin(shares, name), asked.seed) for name in bins} for one in judged
    }
    fills_plot(out / "fills.png", {figure: what.title for figure, what in told(judged).items()}, estimates)
