"""The plan: which photos a run works on, with everything that decides their keys, in shards."""

from __future__ import annotations

from collections.abc import Set as Names
from dataclasses import dataclass, field

from data.collection.folder import Collection
from data.plan.entries import Entry, make_entries
from data.plan.shards import write_shards
from flows.plan.decisions import NOTHING, RECORD, Decisions, plan_decisions, published_results
from flows.stages.context import RunContext
from flows.stages.output_files import check_photo_folders, with_edited_masks


@dataclass(frozen=True)
class Plan:
    """A plan that is ready to run.

    run, shards: paths of the saved context and the plan's shards. photos, bytes: of the photos in them. edited: names
    of those whose mask a hand edited. others: ids of the collection's photos that this run leaves as they are.
    decisions: those that hold.
    """

    run: str
    shards: tuple[str, ...]
    photos: int
    bytes: int
    context: RunContext = field(repr=False)
    edited: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    decisions: Decisions = NOTHING


def plan_shards(
    context: RunContext,
    collection: Collection,
    photos: Names[str] | None = None,
    decisions: Decisions = NOTHING,
    decided_in: str = RECORD,
) -> Plan:
    """Digest the photos and assign them to shards; of a collection, only those named in `photos` (None: all).

    decisions: of single photos, from the file `decided_in`. Raises InputError, CocoError.
    """
    entries, chosen, decisions = plan_entries(context, collection, photos, decisions, decided_in)
    shards = write_shards(chosen, context.store, context.settings.run.shard_size, context.tasks, of=len(entries))
    return Plan(
        run=str(context.save()),
        shards=tuple(str(path) for path in shards),
        photos=len(chosen),
        bytes=sum(entry.bytes for entry in chosen),
        context=context,
        edited=tuple(entry.name for entry in chosen if entry.edited),
        others=frozenset(entry.id for entry in entries) - {entry.id for entry in chosen},
        decisions=decisions,
    )


def plan_entries(
    context: RunContext, collection: Collection, photos: Names[str] | None, decisions: Decisions, decided_in: str
) -> tuple[list[Entry], list[Entry], Decisions]:
    """All entries of the collection, those that the run works on, and the decisions that hold; see `plan_shards`."""
    entries = make_entries(collection, context.settings, context.store)
    published = published_results(context.output) if decisions.by_name or decisions.given else {}
    entries, decisions = plan_decisions(decisions, entries, published, decided_in)
    check_photo_folders(context, entries)
    chosen = with_edited_masks(context, [entry for entry in entries if photos is None or entry.name in photos])
    return entries, chosen, decisions
