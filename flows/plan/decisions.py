"""What people decided of single photos: read, checked, put into the plan, and kept in the output directory.

A decision is an input of its photo like any other. `approve` and `reject` speak of one result and hold for no other;
`redo` gives the photo settings of its own, which hold while the photo is the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypedDict, get_args

from configs import GIVEN_MASKS, Settings, SettingsError
from configs.load import setting_names, with_own
from configs.per_photo import PER_PHOTO, OwnSettings
from data.collection.keep_list import as_keep, parse_keep
from data.errors import InputError
from data.plan.entries import Entry
from data.storage.files import canonical_json, digest, read_own, write_atomic
from data.storage.json_files import read_json
from data.types import Keep

RECORD = "decisions.json"
"""Where an output directory keeps what was decided: in the format that `--decisions` takes."""
_MARK, _FORMAT, _KIND = "person_removal_decisions", 1, "file of decisions"

Word = Literal["approve", "reject", "redo", "withdraw"]
RejectAs = Literal["original", "leave-out"]


@dataclass(frozen=True)
class Decision:
    """decision: the result is good, or is not, or is to be made with other settings; `withdraw` forgets what was
    decided. reject_as: what is published in place of a rejected result, the original or nothing. settings: the
    photo's own, by section. result: sha256 of the result that was looked at. photo: sha256 of the original."""

    decision: Word
    reject_as: RejectAs = "original"
    settings: OwnSettings = field(default_factory=dict)
    note: str = ""
    result: str | None = None
    photo: str | None = None

    @property
    def publishes(self) -> str | None:
        """What the decision wants in `images/`: `approve` (the result), `original`, `leave-out`, or no word on it."""
        return {"approve": "approve", "reject": self.reject_as}.get(self.decision)

    def as_json(self) -> dict[str, object]:
        """Without what is left open."""
        said = {name: getattr(self, name) for name in ("decision", "result", "photo", "settings", "note")}
        said |= {"reject_as": self.reject_as} if self.decision == "reject" else {}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True)
class Decisions:
    """by_name: what holds, by photo. given: what a file has just brought, not looked at yet. kept: what the output
    directory held before. notes: sentences for who runs it, on what does not hold."""

    by_name: Mapping[str, Decision] = field(default_factory=dict)
    given: Mapping[str, Decision] = field(default_factory=dict)
    kept: Mapping[str, Decision] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def settings(self, base: Settings) -> list[Settings]:
        """Each different tree of settings that a photo has for itself."""
        own = {
            canonical_json(decision.settings): decision.settings
            for decision in (*self.by_name.values(), *self.given.values())
        }
        return [with_own(base, settings) for settings in own.values() if settings]

    def summary(self) -> str:
        """`3 approve, 1 redo`."""
        counts = Counter(decision.decision for decision in self.by_name.values())
        return ", ".join(f"{counts[word]} {word}" for word in get_args(Word) if counts[word])

    def digest(self) -> str:
        """Of everything that decides what is published."""
        return digest({name: {**one.as_json(), "note": ""} for name, one in self.by_name.items()})


NOTHING = Decisions()


class PublishedResult(TypedDict, total=False):
    """What the last run's manifest says of a photo's result."""

    result_sha256: str | None
    settings: OwnSettings | None


def take_decisions(output: Path, file: Path | None, base: Settings) -> Decisions:
    """What is kept in the output directory, and what `file` brings.

    base: the run's settings. Raises InputError, SettingsError: a file, decision or setting that cannot be used.
    """
    kept = _read_record(output, base)
    given = read_decisions(file, base) if file else {}
    return Decisions(kept, given, kept)


def _read_record(output: Path, base: Settings) -> dict[str, Decision]:
    """The decisions that the output directory keeps; none where it keeps no file of them, which is never a link."""
    try:
        return _decisions(output / RECORD, read_json(output / RECORD, _KIND, follow=False), base)
    except (FileNotFoundError, NotADirectoryError):
        return {}


def read_decisions(path: Path, base: Settings) -> dict[str, Decision]:
    """The decisions of a file, by photo name. Raises InputError, SettingsError."""
    try:
        return _decisions(path, read_json(path, _KIND), base)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path}: the {_KIND} cannot be read ({error.strerror or error}).") from None


def _decisions(path: Path, tree: object, base: Settings) -> dict[str, Decision]:
    if not isinstance(tree, dict) or tree.get(_MARK) != _FORMAT or not isinstance(tree.get("photos"), dict):
        raise InputError(
            f'{path}: no decisions of the report; such a file is {{"{_MARK}": {_FORMAT}, "photos": {{NAME: ...}}}}.'
        )
    return {name: _decision(value, f"{path}: {name}", base) for name, value in tree["photos"].items()}


def plan_decisions(
    decisions: Decisions, entries: Sequence[Entry], published: Mapping[str, PublishedResult], file: str
) -> tuple[list[Entry], Decisions]:
    """Entries with what was decided of them, and the decisions that hold: those kept, photo by photo under those given.

    published: rows of the last run's manifest, by name. file: for messages. Raises InputError for a photo that is not
    in the collection, or a word on a result that nobody named.
    """
    known = {entry.name: entry for entry in entries}
    if unknown := sorted(decisions.given.keys() - known.keys()):
        raise InputError(f"{file}: there is no photo {unknown[0]!r} in the collection.")
    holding, planned, notes = dict(decisions.by_name), dict(known), list(decisions.notes)
    by_hand = {name: one for name, one in holding.items() if name in known and not (one.result or one.photo)}
    for where, new in ((RECORD, by_hand), (file, decisions.given)):
        for name, decision in new.items():
            row = published.get(name, PublishedResult())
            decision = _bound(decision, known[name], row, f"{where}: {name}")
            if decision.decision == "withdraw":
                holding.pop(name, None)
            elif decision.publishes or _settings_hold(decision, known[name], row):
                holding[name] = decision
            else:
                notes.append(not_applied(name, decision))
    for name in sorted(holding.keys() & known.keys()):  # a photo that is gone may come back
        decision = holding[name]
        if _settings_hold(decision, known[name], published.get(name, PublishedResult())):
            planned[name] = _decided(known[name], decision)
        elif decision.publishes:  # the word counts without them: of another result, so that somebody looks again
            planned[name] = _decided(known[name], replace(decision, settings={}))
        else:
            notes.append(not_applied(name, decision))
    return list(planned.values()), Decisions(holding, {}, decisions.kept, tuple(notes))


def not_applied(name: str, decision: Decision) -> str:
    """What somebody is told of a decision that is not followed."""
    return f"{name}: '{decision.decision}' was decided of another result and is not applied; look again."


def published_results(output: Path) -> dict[str, PublishedResult]:
    """What the manifest of the last run says of each photo's result; nothing where there was none."""
    try:
        rows = map(json.loads, read_own(output / "manifest.jsonl").splitlines())
        return {
            row["file_name"]: {"result_sha256": row.get("result_sha256"), "settings": row.get("settings")}
            for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def record(output: Path, decisions: Decisions, base: Settings) -> None:
    """Keep what holds in the output directory, for later runs and for people to read and edit.

    Raises InputError when neither what was read nor what holds stands there: somebody else wrote meanwhile.
    """

    def photos(decided: Mapping[str, Decision]) -> dict[str, object]:
        return {name: decision.as_json() for name, decision in sorted(decided.items())}

    holding, published = photos(decisions.by_name), photos(_read_record(output, base))
    if published not in (photos(decisions.kept), holding):
        raise InputError(f"{output / RECORD}: its decisions changed while this run was planned; run again.")
    if published != holding:
        write_atomic(output / RECORD, json.dumps({_MARK: _FORMAT, "photos": holding}, indent=1).encode() + b"\n")


def _bound(decision: Decision, entry: Entry, row: PublishedResult, where: str) -> Decision:
    """A decision that a hand wrote without digests is about what stands now."""
    result = decision.result or row.get("result_sha256")
    if decision.publishes and not result and not entry.state:
        raise InputError(
            f"{where}: '{decision.decision}' needs the `result` that it is about (result_sha256 in manifest.jsonl); no "
            "run has made one here yet."
        )
    return replace(decision, result=result, photo=decision.photo or entry.sha256 or None)


def _settings_hold(decision: Decision, entry: Entry, row: PublishedResult) -> bool:
    """Whether the photo's own settings were decided of the photo as it is, and of the result that stands, or have been
    followed since."""
    if not decision.settings:
        return True
    if decision.photo not in (None, entry.sha256):
        return False
    result = row.get("result_sha256")
    return result in (None, decision.result) or row.get("settings") == decision.settings


def _decided(entry: Entry, decision: Decision) -> Entry:
    if decision.settings:
        entry = replace(entry, settings=decision.settings)
        keep = decision.settings.get("refine", {}).get("keep")
        entry = entry if keep is None else replace(entry, keep=_keep(keep, entry.name), unsure=0)
    if decision.publishes:
        entry = replace(entry, decision=decision.publishes, decided_on=decision.result)
    return entry


def _decision(value: object, where: str, base: Settings) -> Decision:
    words = ", ".join(get_args(Word))
    if not isinstance(value, dict) or value.get("decision") not in get_args(Word):
        said = value.get("decision") if isinstance(value, dict) else value
        raise InputError(f"{where}: {said!r} is no decision; the decisions are {words}.")
    known = Decision.__dataclass_fields__
    if unknown := [key for key in value if key not in known]:
        raise InputError(f"{where}: {unknown[0]!r} says nothing of a decision; known are {', '.join(known)}.")
    given = {key: item for key, item in value.items() if item is not None}
    for key in ("note", "result", "photo"):
        if not isinstance(given.get(key, ""), str):
            raise InputError(f"{where}: {key} is {given[key]!r}, not a text.")
    if given.get("reject_as", "original") not in get_args(RejectAs):
        choices = " or ".join(get_args(RejectAs))
        raise InputError(f"{where}: reject_as is {given['reject_as']!r}; it is {choices}.")
    decision = Decision(**given)
    _check_settings(decision.settings, where, base)
    if decision.decision == "redo" and not decision.settings:
        raise InputError(f'{where}: redo needs `settings`, as {{"refine": {{"dilate": 0.1}}}}.')
    return decision


def _check_settings(own: object, where: str, base: Settings) -> None:
    if not isinstance(own, dict) or not all(isinstance(fields, dict) for fields in own.values()):
        raise SettingsError(f'{where}: settings is {own!r:.80}; write it as {{"refine": {{"dilate": 0.1}}}}.')
    for section, fields in own.items():
        if section not in PER_PHOTO:
            raise SettingsError(f"{where}: a photo has settings of {', '.join(PER_PHOTO)} for itself, not {section!r}.")
        known = set(setting_names(type(getattr(base, section))))
        for name in sorted(_leaves(fields)):
            if name not in PER_PHOTO[section] and name in known:
                raise SettingsError(f"{where}: {section}.{name} is for --set alone; no file of decisions may set it.")
    segmenter = own.get("segment", {}).get("segmenter")
    if segmenter in GIVEN_MASKS and segmenter != base.segment.segmenter:
        raise SettingsError(f"{where}: segmenter {segmenter!r} is for the whole collection; use --set.")
    try:
        with_own(base, own)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None
    if (keep := own.get("refine", {}).get("keep")) is not None:
        _keep(keep, where)


def _leaves(fields: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """`dilate`, `patchmatch.seed`: the names of nested values."""
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _keep(value: object, where: str) -> Keep:
    """`largest`, `0,2`, or a list of numbers and boxes as in a keep-list. Raises InputError."""
    return parse_keep(value) if isinstance(value, str) else as_keep(value, f"{where}: refine.keep")
