"""The annotation files of a collection without its people: edited, never exported anew.

What is kept is copied byte for byte; what leaves or changes goes to `removed_annotations.json` with its place and its
original text, from which `data.coco.undo` puts the original together again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from configs import AnnotationSettings
from data.coco.captions import mentions_people
from data.coco.file import CocoFile
from data.coco.ids import Id, id_of
from data.coco.members import members, parse, with_members
from data.coco.overlap import HoleRle, hidden_share, visible_part
from data.coco.spans import LISTS
from data.storage.files import atomic_file
from data.types import Annotation

REMOVED = "removed_annotations.json"
FORMAT = 1


@dataclass(frozen=True)
class Fate:
    """What became of an image of an annotation file. left: why it is not in `images/`, None when it is there.

    hole: what was taken out of it, None when nothing was. kept: the pixels of people who were asked to stay. whole: the
    original is there, so nothing of it leaves.
    """

    left: str | None = None
    hole: HoleRle | None = None
    kept: HoleRle | None = None
    whole: bool = False


@dataclass(frozen=True)
class Edit:
    """One annotation file and the fate of each of its images, by their place in the list.

    check_persons: persons that are mostly outside the hole leave under a reason of their own (it takes a while, and is
    of use where somebody else than this file said where the people are). name: of the result, below the folder of the
    results; its own if none is given.
    """

    coco: CocoFile
    fates: Sequence[Fate]
    check_persons: bool = False
    name: str = ""

    @property
    def output(self) -> str:
        return self.name or self.coco.path.name

    def by_id(self) -> dict[Id, Fate]:
        """By image id; of images that share one, one that left counts."""
        out: dict[Id, Fate] = {}
        for image, fate in zip(self.coco.images, self.fates, strict=True):
            image_id = id_of(image.get("id"))
            if image_id is not None and (fate.left or image_id not in out):
                out[image_id] = fate
        return out


@dataclass(frozen=True)
class Verdict:
    """What happens to an annotation: it is kept, leaves (`removed`), or gets other values (`changed`)."""

    action: str
    reason: str = ""
    values: Mapping[str, object] | None = None


KEEP = Verdict("kept")


def write_edited(
    folder: Path, edits: Sequence[Edit], settings: AnnotationSettings, about: Mapping[str, object]
) -> dict[str, dict[str, int]]:
    """Write every file of `edits` below `folder` (as `Edit.output`), and `removed_annotations.json`: all or none.

    about: goes to `info.person_removal`, with the digest of the file that was edited. Returns how many annotations met
    what, by file name and reason. Raises CocoError when a file changed since it was read, OSError.
    """
    counts: dict[str, dict[str, int]] = {}
    with ExitStack() as stack:
        outputs = [stack.enter_context(atomic_file(folder / edit.output, durable=True)) for edit in edits]
        removed = stack.enter_context(atomic_file(folder / REMOVED, durable=True))  # left first: in place first
        _write_head(removed, edits, about)
        records = _Records(removed, "images")
        for number, edit in enumerate(edits):
            for index, (raw, fate) in enumerate(zip(edit.coco.layout.raw("images"), edit.fates, strict=True)):
                if fate.left:
                    records.add(number, index, Verdict("removed", fate.left), "image", raw)
        records.close()
        records = _Records(removed, "annotations")
        for number, (edit, output) in enumerate(zip(edits, outputs, strict=True)):
            counts[edit.output] = _write_file(output, number, edit, settings, about, records)
        records.close()
        removed.write(b"\n}\n")
    return counts


def judge(edit: Edit, index: int, raw: bytes, fates: Mapping[Id, Fate], settings: AnnotationSettings) -> Verdict:
    """The rules, in order: what happens to the annotation at `index`, whose text is `raw`."""
    coco = edit.coco
    image_id = coco.image_ids[index]
    fate = None if image_id is None else fates.get(image_id)
    if fate is not None and fate.left:
        return Verdict("removed", fate.left)
    if fate is not None and fate.whole:
        return KEEP
    if coco.is_person(index) and not _stays(raw, fate):
        outside = edit.check_persons and fate is not None and _is_outside(raw, fate.hole)
        return Verdict("removed", "person outside the hole" if outside else "person")
    if fate is None or fate.hole is None:
        return KEEP
    if index in coco.captions:
        stale = settings.overlap != "keep" and mentions_people(parse(raw)["caption"])
        return Verdict("changed", "caption", {"person_removal": {"stale": True}}) if stale else KEEP
    if settings.overlap == "keep":
        return KEEP
    annotation = parse(raw)
    hidden = hidden_share(annotation, fate.hole)
    if hidden is None:
        return Verdict("kept", "no usable outline")
    return _by_share(annotation, hidden, fate.hole, settings)


def _stays(raw: bytes, fate: Fate | None) -> bool:
    """Whether a person annotation is of somebody who was asked to stay: most of it is theirs."""
    return fate is not None and fate.kept is not None and (hidden_share(parse(raw), fate.kept) or 0) > 0.5


def _is_outside(raw: bytes, hole: HoleRle | None) -> bool:
    """Whether a person annotation lies mostly outside the hole: the photo may still show somebody."""
    return hole is None or (hidden_share(parse(raw), hole) or 0) < 0.5


def _by_share(annotation: Annotation, hidden: float, hole: HoleRle, settings: AnnotationSettings) -> Verdict:
    if hidden >= settings.gone or (settings.overlap == "drop" and hidden >= settings.hidden):
        return Verdict("removed", "hidden", {"hidden": round(hidden, 4)})
    if hidden < settings.hidden:
        return KEEP
    values: dict[str, object] = {"person_removal": {"hidden": round(hidden, 4)}}
    if settings.overlap == "clip":
        values |= visible_part(annotation, hole)
        return Verdict("changed", "clipped", values)
    return Verdict("changed", "partly hidden", values)


def _write_file(
    output: BinaryIO,
    number: int,
    edit: Edit,
    settings: AnnotationSettings,
    about: Mapping[str, object],
    records: _Records,
) -> dict[str, int]:
    layout, fates = edit.coco.layout, edit.by_id()
    counts: Counter[str] = Counter()

    def images() -> Iterator[bytes]:
        return (raw for raw, fate in zip(layout.raw("images"), edit.fates, strict=True) if not fate.left)

    def annotations() -> Iterator[bytes]:
        for index, raw in enumerate(layout.raw("annotations")):
            verdict = judge(edit, index, raw, fates, settings)
            counts[verdict.reason or verdict.action] += 1
            if verdict.action == "kept":
                yield raw
                continue
            records.add(number, index, verdict, "annotation", raw)
            if verdict.action == "changed":
                assert verdict.values is not None
                yield with_members(raw, {key: _json(value) for key, value in verdict.values.items()})

    skeleton = _with_info(layout.skeleton, {**about, "input_sha256": layout.sha256})
    write_lists(output, skeleton, {"images": images(), "annotations": annotations()}, layout.between)
    return dict(sorted(counts.items()))


def write_lists(
    output: BinaryIO,
    skeleton: bytes,
    lists: Mapping[str, Iterator[bytes]],
    between: Callable[[str], tuple[bytes, bytes, bytes]],
) -> None:
    """A skeleton with its lists filled. between: white space before, separator, white space after, by list."""
    text = skeleton.decode("utf-8")
    places = {key: end for key, _, end, value in members(skeleton) if key in LISTS and value == "[]"}
    at = 0
    for name, end in sorted(places.items(), key=lambda place: place[1]):
        before, separator, after = between(name)
        output.write(text[at : end - 1].encode("utf-8"))
        output.write(before)
        for index, raw in enumerate(lists[name]):
            output.write(separator + raw if index else raw)
        output.write(after + b"]")
        at = end
    output.write(text[at:].encode("utf-8"))


def _with_info(skeleton: bytes, about: Mapping[str, object]) -> bytes:
    """`info.person_removal` set. An `info` that is no object gives way to one (undo brings it back)."""
    old = next((value for key, _, _, value in reversed(members(skeleton)) if key == "info"), "{}")
    old = old if old.startswith("{") else "{}"
    return with_members(skeleton, {"info": with_members(old.encode("utf-8"), {"person_removal": _json(about)})})


def _write_head(removed: BinaryIO, edits: Sequence[Edit], about: Mapping[str, object]) -> None:
    files = [
        {
            "file": edit.output,
            "sha256": edit.coco.layout.sha256,
            "bytes": edit.coco.layout.length,
            "skeleton": edit.coco.layout.skeleton.decode("utf-8"),
            "between": {name: [part.decode("utf-8") for part in edit.coco.layout.between(name)] for name in LISTS},
            **({"marked": True} if edit.coco.layout.marked else {}),
        }
        for edit in edits
    ]
    made: dict[str, object] = {"format": FORMAT, **about}
    head = _json({"person_removal": made, "files": files})
    removed.write(head.removesuffix(b"}"))


class _Records:
    """A list of `removed_annotations.json`, a line an item."""

    def __init__(self, output: BinaryIO, name: str) -> None:
        self.output = output
        self.before = b"\n"
        output.write(f',\n"{name}": ['.encode())

    def add(self, number: int, index: int, verdict: Verdict, kind: str, raw: bytes) -> None:
        head = {"file": number, "index": index, "action": verdict.action, "reason": verdict.reason}
        if verdict.action == "removed" and verdict.values:
            head |= verdict.values
        self.output.write(self.before + _json(head).removesuffix(b"}") + f', "{kind}": '.encode() + raw + b"}")
        self.before = b",\n"

    def close(self) -> None:
        self.output.write(b"\n]")


def _json(value: object) -> bytes:
    return json.dumps(value).encode("ascii")
