"""What a DeepFillv2 fill costs by size, and that it is the same as a plain one: `bench_fill.py --help`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from fill_speed import WAYS, Job, Measured, export_weights, measure
from rich.table import Table

from configs import SettingsError, UserError
from data.storage.files import write_atomic
from flows.cli.options import console
from flows.evaluation.plots import new_figure, save
from inpainting.deepfillv2.conventions import CONVENTIONS, Layout

HALF = ("plain", "port")
"""Ways whose memory grows with the square of the photo's pixels."""


def fill(
    sizes: Annotated[
        str, typer.Option(metavar="WxH,...", help="Width x height, multiples of 8.")
    ] = "256x256,512x512,680x512,1024x1024",
    ways: Annotated[
        str | None,
        typer.Option(metavar="WAY,...", help="whole, windows, plain (slow, obvious), port; default: all."),
    ] = None,
    layouts: Annotated[str, typer.Option(metavar="LAYOUT,...", help="pt, tf, mmagic, or several.")] = "pt",
    people: Annotated[str, typer.Option(metavar="N,...", help="People in the photo, 10 % of it together.")] = "1",
    port: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Checkout of nipponjo/deepfillv2-pytorch to compare with.")
    ] = None,
    largest: Annotated[float, typer.Option(metavar="MP", help="Up to which plain and port are tried.")] = 0.4,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Checkpoint; default: random ones of the published size.")
    ] = None,
    width: Annotated[int, typer.Option(metavar="N", help="Of the random weights' network; 48 is published.")] = 48,
    runs: Annotated[int, typer.Option(metavar="N", help="Of which the median counts, after a first one.")] = 3,
    device: Annotated[str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1.")] = "cpu",
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="The figures as JSON too.")] = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="FILE", help="Seconds and memory as a plot.")] = None,
) -> None:
    """Seconds, peak memory of a fresh process and the largest difference of a DeepFillv2 fill, by size and way.

    whole and windows are inpaint.strategy's; windows sees another context, so its result is not compared.

    \b
    python benchmarks/bench_fill.py --sizes 512x512,1024x1024 --people 1,5 --json figures.json
    python benchmarks/bench_fill.py --port deepfillv2-pytorch --largest 1.1
    """
    chosen = ways.split(",") if ways else ["whole", "windows", "plain", *(["port"] if port else [])]
    if odd := [way for way in chosen if way not in WAYS]:
        raise SettingsError(f"--ways {odd[0]}: it is one of {', '.join(WAYS)}.")
    if "port" in chosen and not port:
        raise SettingsError("--ways port needs --port DIR, a checkout of nipponjo/deepfillv2-pytorch.")
    shapes = [_shape(size) for size in sizes.split(",")]
    counts = [_count(number) for number in people.split(",")]
    checkout = str(port.absolute()) if port else None
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for layout, checkpoint in _checkpoints(weights, layouts, width, folder):
            for (height, across), count, way in product(shapes, counts, chosen):
                if way in HALF and height * across > largest * 1e6:
                    continue
                job = Job(way, layout, height, across, count, runs, device, str(checkpoint), checkout)
                measured.append(measure(job, folder))
                console.print(_told(measured[-1]), markup=False)
    rows = [_row(one, measured) for one in measured]
    console.print(_table(rows))
    if out:
        write_atomic(out, json.dumps({"rows": rows}, indent=1).encode())
    if png:
        _speed_plot(png, rows)


def _shape(size: str) -> tuple[int, int]:
    """(height, width) of `WIDTHxHEIGHT`."""
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise SettingsError(f"--sizes {size}: a size is width x height, as 680x512.")
    if int(width) % 8 or int(height) % 8:
        raise SettingsError(f"--sizes {size}: only multiples of 8 can be compared, the port cuts off the rest.")
    return int(height), int(width)


def _count(number: str) -> int:
    """How many people."""
    if not number.isdigit() or int(number) == 0:
        raise SettingsError(f"--people {number}: it is how many, as 1 or 1,5.")
    return int(number)


def _checkpoints(weights: Path | None, layouts: str, width: int, folder: Path) -> list[tuple[str, Path]]:
    """Layouts and files to measure."""
    if weights:
        from inpainting.deepfillv2 import CheckpointError, load_generator

        try:
            generator = load_generator(weights)
        except (CheckpointError, OSError) as error:
            raise SettingsError(f"--weights {weights}: {getattr(error, 'strerror', None) or error}") from None
        if generator.prefill != "none":
            raise SettingsError(
                f"--weights {weights}: its network refines what {generator.prefill} fills, which not every way times; "
                "give one that fills by itself."
            )
        return [(generator.layout, weights.absolute())]
    wanted = layouts.split(",")
    if odd := [layout for layout in wanted if layout not in CONVENTIONS]:
        raise SettingsError(f"--layouts {odd[0]}: it is one of {', '.join(CONVENTIONS)}, or several with commas.")
    return [(layout, export_weights(folder / f"{layout}.pth", cast(Layout, layout), width)) for layout in wanted]


def _told(one: Measured) -> str:
    job = one.job
    what = f"{job.width}x{job.height}, {job.people} people, {job.layout}, {job.way}"
    return f"{what}: {one.reason or f'{one.seconds:.2f} s, {one.memory:.2f} GB'}"


def _row(one: Measured, measured: Sequence[Measured]) -> dict[str, Any]:
    """The figures of a measurement, and how it compares with the plain way and the port on the same photo."""
    job = {key: value for key, value in asdict(one.job).items() if key not in ("weights", "port")}
    row: dict[str, Any] = job | {"seconds": one.seconds, "cpu": one.cpu, "memory": one.memory, "reason": one.reason}
    for other in measured:
        if other.job.way in HALF and other.job.case == one.job.case and other is not one:
            row[f"difference_{other.job.way}"] = one.apart(other)
            if one.seconds and other.seconds:
                row[f"speedup_{other.job.way}"] = other.seconds / one.seconds
    return row


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    others = [way for way in HALF if any(f"difference_{way}" in row for row in rows)]
    titles = {"plain": "the plain one", "port": "the port"}
    table = Table("photo", "people", "fill", "s", "CPU s", "GB", *(titles[way] for way in others))
    for row in rows:
        cells = [f"{row['width']}x{row['height']}", str(row["people"]), f"{row['layout']} {row['way']}"]
        cells += [f"{row[key]:.2f}" if row[key] is not None else "-" for key in ("seconds", "cpu", "memory")]
        for way in others:
            speedup, apart = row.get(f"speedup_{way}"), row.get(f"difference_{way}")
            times = f"{speedup:.1f} x" if speedup else ""
            cells.append(f"{times}, {apart['largest']} ({apart['share']:.2%})" if apart else times)
        table.add_row(*cells)
    table.caption = (
        "Against the others: their time as a multiple; largest difference in levels (share of hole values)."
        if others
        else None
    )
    return table


def _speed_plot(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Seconds and peak memory over megapixels, a line for each way, layout and number of people. rows: of
    `_row`."""
    figure, axes = new_figure(2)
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row["seconds"] is not None:
            lines.setdefault(f"{row['way']}, {row['layout']}, people: {row['people']}", []).append(row)
    for axis, name, title in zip(axes, ("seconds", "memory"), ("seconds", "peak memory, GB"), strict=True):
        for label, points in lines.items():
            x = [row["width"] * row["height"] / 1e6 for row in points]
            axis.plot(x, [row[name] for row in points], "o-", label=label)
        axis.set(title=title, xlabel="megapixels")
        axis.grid(alpha=0.3)
    axes[0].set_yscale("log")
    axes[1].set_ylim(bottom=0)
    axes[1].legend(fontsize=8)
    save(figure, path)


app = typer.Typer()
app.command()(fill)

if __name__ == "__main__":
    try:
        app()
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
