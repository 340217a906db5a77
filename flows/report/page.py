"""report.html: every photo of a run, worst first, without a network: one file, beyond 5,000 photos one and its parts.

A page that is opened from disk may not fetch a file beside it, nor can a browser check a script there against a hash
(Chromium asks for CORS). It may frame a page there, which hands its photos over by `postMessage`. So a part is a page
with one script, each under a policy of hashes. One more such page is the index: what a search, an order, a filter and
decisions need to know of every photo, in columns, so that these read 1/12 of the whole.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, get_args
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, Template
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from configs.settings import FillName
from data.storage.files import atomic_file, is_temporary, sha256
from data.storage.inside import remove_inside, write_inside
from data.storage.places import list_files
from data.types import PUBLISHED
from flows.facts import FindFacts, FinishedRecord, ShownPhoto
from flows.report.states import SHOWS_PEOPLE, STATE_WORDS

_SCRIPTS = (  # concatenated in this order
    *("dom.js", "people.js", "compare.js", "zoom.js", "decisions.js", "parts.js", "grid.js"),
    *("facts.js", "decide.js", "viewer.js", "print.js", "list.js"),
)
PART = 5_000
"""Photos of report.html itself, and of each part beside it."""
PARTS = "report/parts"
"""Where the parts lie. Their names say what is in them: a part never changes, so report.html is the whole switch."""
RESULT_SHOWN = 16
"""Hex digits of a result's sha256 in the index: enough to know whether a decision is about that result."""
_HAND_OVER = 'parent.postMessage(document.getElementById("photos").textContent, "*")'
ORDERED = ("seam", "ring_delta_e", "invented")
"""The figures of a fill by which the list can be ordered."""
# EXIF orientation: a point of the file's frame -> the same point of the upright photo, both in 0..1
_UPRIGHT: dict[int, Callable[[float, float], tuple[float, float]]] = {
    1: lambda x, y: (x, y),
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}


def write_report(output: Path, rows: Iterable[ShownPhoto], run: FinishedRecord) -> Path:
    """Write `output`/report.html whole or not at all; returns its path.

    rows: the rows of manifest.jsonl; `thumbnails`, `output` and `mask` are paths relative to `output`. Boxes in
    `verify.found` and `persons` (bbox, stays) are in the file's own frame; an `orientation` (EXIF, 1..8) turns them
    upright. `decided`: what is kept of the photo's decision, `outdated`: whether it was of another result.
    run: id (the browser keeps decisions under it), originals (their folder, relative to `output`, or None), version,
    preset, settings, weights, input, started (ISO 8601), seconds, photos_per_second, states, cached, computed, licences
    (licence name -> photos, or None).

    Photos beyond the first `PART` go to pages in `PARTS`, under names of their content: they stand before report.html
    is replaced, and those of the report before leave after that. So whenever it is killed, a whole report stands.
    Raises InputError where a link in `output` leads elsewhere.
    """
    collected = _collect(rows)
    parts = []
    for start in range(PART, len(collected.photos), PART):
        parts.append(_write_part(output, f"[{','.join(collected.photos[start : start + PART])}]"))
    index = _write_part(output, _index(collected.briefs)) if parts else None
    path = output / "report.html"
    with atomic_file(path) as file:
        for piece in _pieces(collected, run, parts, index):
            # `replace`: a directory name need not be UTF-8. The photos' names are ASCII here, escaped as JSON.
            file.write(piece.encode("utf-8", "replace"))
    for name in list_files(output / PARTS):
        if f"{PARTS}/{name}" not in (*parts, index) and (
            is_temporary(name) or re.fullmatch(r"[0-9a-f]{24}\.html", name)
        ):
            remove_inside(output, f"{PARTS}/{name}")
    return path


def render(rows: Iterable[ShownPhoto], run: FinishedRecord) -> str:
    """The page as text, of up to `PART` photos: one HTML document with its style, script and data inside."""
    return "".join(_pieces(_collect(rows), run, (), None))


class Brief(NamedTuple):
    """What the list knows of a photo before its part is read; the names of the fields are the columns of the index."""

    name: str
    state: int
    people: int
    share: float
    surest: float
    left: int
    size: tuple[int, int] | None
    remarked: bool
    quality: Mapping[str, float] | None
    result: str | None
    decided: object
    outdated: bool


@dataclass
class _Collected:
    """All photos of a run: their texts and briefs, worst first, and what is told of them as a whole. measured: the
    figures of fills that are known of any."""

    photos: list[Markup] = field(default_factory=list)
    briefs: list[Brief] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATE_WORDS, 0))
    people: int = 0
    left_out: int = 0
    measured: set[str] = field(default_factory=set)


def _collect(rows: Iterable[ShownPhoto]) -> _Collected:
    """Of a photo no more than its text and its brief are held in memory."""
    out = _Collected()
    collected = []
    for row in rows:
        out.counts[row["state"]] += 1
        out.people += (row.get("people") or 0) if row["state"] == "removed" else 0
        out.left_out += row["state"] == "refused" and row.get("decision") == "reject"
        verify = row.get("verify")
        out.measured |= set((verify.get("quality") if verify else None) or ())
        photo = _photo(row)
        collected.append((badness(row), _text(photo), _brief(photo)))
    collected.sort(key=lambda one: one[0])
    out.photos = [text for _, text, _ in collected]
    out.briefs = [brief for _, _, brief in collected]
    return out


def _text(value: object) -> Markup:
    return htmlsafe_json_dumps(value, separators=(",", ":"))


def _index(briefs: Sequence[Brief]) -> str:
    """One list a column; of what few photos have, {position: value}; of the fill's figures, {name: list}."""
    columns: dict[str, Any] = dict(zip(Brief._fields, zip(*briefs, strict=True), strict=True))
    measured = sorted({name for quality in columns["quality"] if quality for name in quality})
    columns["quality"] = {name: [(one or {}).get(name) for one in columns["quality"]] for name in measured}
    columns["remarked"] = [int(one) for one in columns["remarked"]]
    for rare in ("decided", "outdated"):
        columns[rare] = {at: value for at, value in enumerate(columns[rare]) if value}
    return str(_text(columns))


def _brief(photo: Mapping[str, Any]) -> Brief:
    result, quality = photo["result"], photo["quality"]
    figures = {name: round(value, 3) for name, value in quality.items() if name in ORDERED} if quality else None
    other = {
        "state": list(STATE_WORDS).index(photo["state"]),
        "share": round(photo["share"], 4),
        "quality": figures,
        "result": result and result[:RESULT_SHOWN],
    }
    return Brief(**{name: other.get(name, photo[name]) for name in Brief._fields})


def _write_part(output: Path, text: str) -> str:
    """A page that hands `text` over; returns its name in `output`."""
    document = _part(text)
    name = f"{PARTS}/{sha256(document)[:24]}.html"
    write_inside(output, name, document)
    return name


def _part(text: str) -> bytes:
    policy = f"default-src 'none'; script-src {source_hash(_HAND_OVER)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>A part of report.html</title></head>'
        f'<body><script type="application/json" id="photos">{text}</script>'
        f"<script>{_HAND_OVER}</script></body></html>\n"
    ).encode()


@cache
def _template() -> Template:
    """Compiling it takes as long as all else of a small report: once a process."""
    environment = Environment(autoescape=True, loader=FunctionLoader(asset), trim_blocks=True, lstrip_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters |= {"duration": _duration, "when": _when, "flat": _flat}
    return environment.get_template("report.html")


def _pieces(collected: _Collected, run: FinishedRecord, parts: Sequence[str], index: str | None) -> Iterator[str]:
    """The page, piece by piece. parts, index: names of the files beside it: photos beyond the first `PART`, and what
    the list knows of every photo; None where there are no parts."""
    style, script = asset("report.css"), "".join(map(asset, _SCRIPTS))
    counts, total = collected.counts, len(collected.photos)
    yield from _template().generate(
        photos=collected.photos[:PART],
        total=total,
        run=run,
        states=STATE_WORDS,
        counts=counts,
        unsettled=sum(n for state, n in counts.items() if state not in PUBLISHED) - collected.left_out,
        page={
            "id": run["id"],
            "originals": _link(run.get("originals")),
            "fills": get_args(FillName),
            "dilate": run["settings"].get("refine", {}).get("dilate"),
            "measured": sorted(collected.measured),
            "parts": [_link(name) for name in parts],
            "index": _link(index),
            "part": PART,
            "total": total,
            "counts": counts,
        },
        people=collected.people,
        shows_people=SHOWS_PEOPLE,
        style=Markup(style),
        script=Markup(script),
        # With these hashes the browser runs this script and no other, whatever a file name holds.
        policy="default-src 'none'; img-src 'self' file: data:; base-uri 'none'; form-action 'none'; "
        + ("frame-src 'self' file:; " if parts else "")
        + f"style-src {source_hash(style)}; script-src {source_hash(script)}",
    )


def badness(row: ShownPhoto) -> tuple[int, float, int, float, float, str]:
    """Sort key, worst first: state, surest person left, people left behind, how much of the fill looks made up, share
    of the hole, name."""
    verify = row.get("verify")
    surest = max((found["score"] for found in _found(row)), default=0.0)
    order = list(STATE_WORDS).index(row["state"])
    quality = verify.get("quality") if verify else None
    invented = (quality or {}).get("invented", 0.0)
    left = verify.get("left", 0) if verify else 0
    return order, -surest, -left, -invented, -(row.get("hole_share") or 0.0), row["file_name"]


def _found(row: ShownPhoto) -> list[FindFacts]:
    verify = row.get("verify")
    return verify.get("found", []) if verify else []


def _photo(row: ShownPhoto) -> dict[str, object]:
    """What the page needs of a manifest row; links percent-encoded, boxes as shares of the upright photo. surest: the
    highest score of what was found after and is not known to be a picture or the like, else 0. remarked: whether the
    list has a line about it: its reason, or who is left; where there is no picture, that stands in its place."""
    verify, thumbnails = row.get("verify"), row.get("thumbnails") or {}
    left = verify.get("left", 0) if verify else 0
    seen = bool(verify and verify.get("looked") and (_found(row) or left))
    size = (row.get("width") or 0, row.get("height") or 0)
    orientation = row.get("orientation") or 1
    turned = size[::-1] if orientation >= 5 else size
    return {
        "id": row["id"],
        "name": row["file_name"],
        "state": row["state"],
        "reason": _reason(row),
        "people": row.get("people") or 0,
        "share": row.get("hole_share") or 0.0,
        "size": turned if all(size) else None,
        "format": row.get("format"),
        "output": _link(row.get("output")),
        "mask": _link(row.get("mask")),
        "notes": list(row.get("notes") or ()),
        "looked": verify.get("looked") if verify else None,
        "independent": verify.get("independent") if verify else None,
        "left": left,
        "surest": round(max((one["score"] for one in _found(row) if not one.get("like")), default=0), 3),
        "remarked": bool(thumbnails.keys() & {"before", "after"}) and (seen or bool(row.get("reason"))),
        "quality": verify.get("quality") if verify else None,
        "found": [
            {
                "box": upright_box(found["bbox"], size, orientation),
                "score": round(found["score"], 3),
                "where": found.get("where"),
                "like": found.get("like"),
            }
            for found in _found(row)
            if all(size)
        ],
        "persons": [
            {
                "box": upright_box(person["bbox"], size, orientation),
                "bbox": [round(v) for v in person["bbox"]],
                "stays": person["stays"],
            }
            for person in row.get("persons") or ()
            if all(size)
        ],
        "result": row.get("result_sha256"),
        "original": row.get("photo_sha256"),
        "settings": row.get("settings"),
        "decided": row.get("decided"),
        "outdated": bool(row.get("outdated")),
        "thumbnails": {key: _link(path) for key, path in thumbnails.items()},
    }


def _reason(row: ShownPhoto) -> str | None:
    """The reason without the name in front: the page shows the name beside it."""
    reason: str = row.get("reason") or ""
    short = reason.removeprefix(f"{row['file_name']}: ")
    return short[:1].upper() + short[1:] or None


def _link(path: str | None) -> str | None:
    """A relative URL for a posix path: every byte that means something in a URL or in HTML is encoded."""
    # `./` so that a name such as `javascript:x.jpg` stays a path; surrogates are undecodable bytes of names.
    return None if path is None else "./" + quote(path.encode("utf-8", "surrogateescape"))


def upright_box(box: Iterable[float], size: tuple[int, int], orientation: int) -> list[float]:
    """x, y, width, height in pixels of the file's frame -> left, top, width, height in 0..1, upright."""
    x, y, w, h = box
    turn = _UPRIGHT.get(orientation, _UPRIGHT[1])
    ends = [turn(px / size[0], py / size[1]) for px, py in ((x, y), (x + w, y + h))]
    (left, right), (top, bottom) = sorted(p[0] for p in ends), sorted(p[1] for p in ends)
    return [round(v, 4) for v in (left, top, right - left, bottom - top)]


def _flat(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Nested settings -> (dotted name, value), in order."""
    out: list[tuple[str, object]] = []
    for key, value in settings.items():
        name = f"{prefix}{key}"
        out += _flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return out


def _duration(seconds: float) -> str:
    """75.2 -> `1 min 15 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _when(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M")


def asset(name: str) -> str:
    return (files("flows.report") / "assets" / name).read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
