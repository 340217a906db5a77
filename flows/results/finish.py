"""The end of a run: manifest, people, annotations, report, and what no longer belongs to the collection."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from data.collection.folder import Collection
from data.storage.files import atomic_file, canonical_json, read_own
from data.storage.places import storage_of
from data.storage.store import StoreError
from data.types import PUBLISHED, STATES, PeopleJson
from flows.facts import FinishedRecord, HowItWent, ManifestFacts, PhotoRecord, PublishRow, ShownPhoto
from flows.plan.decisions import Decisions, not_applied
from flows.plan.manifests import read_published
from flows.plan.planning import Plan
from flows.plan.selection import keep_published, published_rows
from flows.report.page import write_report
from flows.results.annotations import write_annotations
from flows.results.paths import without_paths
from flows.results.provenance import described, folders, repeatable
from flows.stages.context import RunContext
from flows.stages.output_files import withdraw_photo
from flows.stages.records import PublishedJson

_DONE = {"approve": "approved", "reject": "kept as the original", "redo": "with settings of their own"}


@dataclass(frozen=True)
class Summary:
    """How a run ended. states: photos by state, those that it left as they were included. computed: photos of which
    anything was computed in this run; by_stage: in each stage. missing: photos that it left out and that no earlier run
    has finished. decided: sentences on what became of decisions. left_out: photos in `refused` that somebody decided to
    leave out."""

    output: Path
    states: dict[str, int]
    computed: int
    by_stage: dict[str, int]
    seconds: float
    report: Path | None
    problems: tuple[str, ...]
    missing: int = 0
    decided: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def photos(self) -> int:
        return sum(self.states.values())

    @property
    def rate(self) -> float:
        """Photos a second."""
        return self.photos / max(self.seconds, 1e-9)

    def as_json(self) -> dict[str, object]:
        return {
            "states": self.states,
            "computed": self.computed,
            "by_stage": self.by_stage,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code(allow_review=False),
        }

    def exit_code(self, allow_review: bool) -> int:
        """0 when every photo is published or left out by decision; 3 when only `review` is left over (0 if allowed); 1
        otherwise."""
        undone = sum(self.states.get(state, 0) for state in ("corrupt", "refused", "failed"))
        if undone > self.left_out:
            return 1
        return 3 if self.states.get("review") and not allow_review else 0


class PhotosFailed(Exception):
    """Photos of a run failed that may not fail the next time."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(f"{summary.states['failed']} of {summary.photos} photos failed; run again.")
        self.summary = summary


def finish(
    context: RunContext,
    collection: Collection,
    manifests: Sequence[str],
    started: float,
    planned: Plan,
    computed: Mapping[str, Set[str]],
) -> Summary:
    """Write what speaks of the collection as a whole. started: seconds since the epoch. computed: ids of the photos of
    which each stage computed anything. Of photos that this run left alone (`planned.others`), what earlier runs said
    still holds."""
    others = planned.others
    former = published_rows(context, others) if others else []
    rows = [_slim(row) for path in manifests for row in read_published(path)] + former
    rows.sort(key=lambda row: str(row["name"]))
    output = context.output
    _withdraw_the_gone(context, {row["id"] for row in rows if "key" in row} | others)
    keep_published(context, manifests, former)
    table = [photo_record(row) for row in rows]
    with atomic_file(output / "manifest.jsonl") as file:
        file.writelines(map(_line, table))
    _write_people(context, rows)
    remarks = list(collection.notes)
    if collection.files:
        counts = write_annotations(context, collection, rows, repeatable(context, planned.decisions))
        remarks += [f"{name}: {', '.join(f'{n} {what}' for what, n in of.items())}." for name, of in counts.items()]
    states = Counter(str(row["state"]) for row in table)
    summary = Summary(
        output=output,
        states={state: states[state] for state in STATES if states[state]},
        computed=len(set[str]().union(*computed.values())),
        by_stage={stage: len(photos) for stage, photos in computed.items() if photos},
        seconds=time.time() - started,
        report=output / "report.html" if context.settings.publish.report else None,
        problems=tuple(
            str(row["reason"])
            for row in table
            if row["reason"] and row["state"] not in PUBLISHED and row["decision"] != "reject"
        ),
        missing=len(others) - len(former),
        decided=tuple(_decided(rows, planned.decisions)),
        left_out=sum(row["state"] == "refused" and row["decision"] == "reject" for row in table),
    )
    if context.settings.publish.report:
        known = folders(context, collection)
        shown = (_shown(line, row, planned.decisions, known) for line, row in zip(table, rows, strict=True))
        run: FinishedRecord = {
            **described(context, collection),
            **_figures(summary, started),
            "remarks": without_paths(remarks, known),
        }
        write_report(output, shown, run)
    return summary


def _decided(rows: Iterable[PublishRow], decisions: Decisions) -> Iterator[str]:
    """Sentences on what became of the decisions of photos."""
    counts: Counter[str] = Counter()
    for row in rows:
        said, facts = decisions.by_name.get(row["name"]), row.get("facts", {})
        if decision := facts.get("decision"):
            left_out = decision == "reject" and facts["state"] == "refused"
            counts["left out" if left_out else _DONE[decision]] += 1
        elif said and said.publishes and not facts:
            yield f"{row['name']}: '{said.decision}' is not applied: there is no result of this photo."
        if facts.get("outdated") and said:
            yield not_applied(row["name"], said)
    if counts:
        yield f"By decision: {', '.join(f'{number} {what}' for what, number in sorted(counts.items()))}."


def _slim(row: PublishRow) -> PublishRow:
    """Without the files' digests and stamps, more than half of a row: a hundred thousand of them are held here."""
    if "facts" not in row:
        return row
    slim, facts = row.copy(), row["facts"].copy()
    facts.pop("files", None)
    slim["facts"] = facts
    return slim


def photo_record(row: PublishRow) -> PhotoRecord:
    """A photo's line of manifest.jsonl: nothing that differs between equal runs (no times)."""
    facts = row.get("facts", {})
    record = {
        "file_name": row["name"],
        "state": row.get("state") or facts["state"],
        **{key: facts.get(key) for key in ManifestFacts.__annotations__},
        "reason": row.get("reason") or facts.get("reason"),
    }
    return cast(PhotoRecord, record)  # whose keys these are


def _shown(line: PhotoRecord, row: PublishRow, decisions: Decisions, known: Mapping[str, str]) -> ShownPhoto:
    """What the report shows of a photo. known: see `without_paths`."""
    facts, decided = row.get("facts", {}), decisions.by_name.get(row["name"])
    outdated = facts.get("outdated")
    if facts and decided and decided.decision == "redo":  # one that was not followed may be decided anew
        outdated = facts.get("settings") != decided.settings and facts.get("result_sha256") != decided.result
    return {
        **line,
        "reason": without_paths(line["reason"], known),
        "notes": without_paths(line["notes"], known),
        "id": row["id"],
        "orientation": facts.get("orientation", 1),
        "thumbnails": facts.get("thumbnails"),
        "persons": facts.get("persons"),
        "outdated": outdated,
        "decided": decided.as_json() if decided else None,
    }


def _line(row: PhotoRecord) -> bytes:
    return json.dumps(row, ensure_ascii=True).encode() + b"\n"


def _write_people(context: RunContext, rows: Iterable[PublishRow]) -> None:
    """Everyone that was found, by file name; masks as COCO RLE. Streamed: for a large collection it is large too."""
    former: dict[str, PeopleJson] | None = None

    def of(row: PublishRow) -> PeopleJson | None:
        try:
            published: PublishedJson = json.loads(context.store.read("publish", row["key"]))
            return published["people"]
        except StoreError:  # a photo that this run left alone, whose artifacts were pruned since
            return None

    done = sorted((row for row in rows if "key" in row), key=lambda row: str(row["name"]))
    at_once = storage_of(context.output).at_once
    with ThreadPoolExecutor(at_once) as threads, atomic_file(context.output / "people.json") as file:
        file.write(b"{")
        before = b""
        for start in range(0, len(done), 256):
            chunk = done[start : start + 256]
            for row, people in zip(chunk, threads.map(of, chunk), strict=True):
                if people is None:
                    former = _former_people(context) if former is None else former
                    if row["name"] not in former:
                        continue
                    people = former[row["name"]]
                file.write(before + canonical_json(row["name"]) + b":" + canonical_json(people))
                before = b","
        file.write(b"}")


def _former_people(context: RunContext) -> dict[str, PeopleJson]:
    try:
        return dict(json.loads(read_own(context.output / "people.json")))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _withdraw_the_gone(context: RunContext, current: Set[str]) -> None:
    """Files of photos that left the collection, or that could not be published this time, leave the output too.
    current: ids of those that stay."""
    for photo_id in context.store.artifacts("published").keys() - current:
        withdraw_photo(context, photo_id)


def _figures(summary: Summary, started: float) -> HowItWent:
    """What the report says of how the run went."""
    return {
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(summary.seconds, 1),
        "photos_per_second": round(summary.rate, 4),
        "states": summary.states,
        "computed": summary.computed,
        "cached": summary.photos - summary.computed,
    }
