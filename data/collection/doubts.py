"""People whom annotation files may speak of without saying so: of which photos, and what is said about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from data.coco.categories import plain
from data.coco.ids import Id, id_of
from data.collection.annotation_files import AnnotationFile
from data.collection.source import Source

MOST_NAMES = 12


@dataclass(frozen=True)
class Known:
    """What a file says of its people. people: how many by image id. adrift, elsewhere: annotations of
    people without an image id, and of images that the file does not list. unsure, untold: annotations that may be of
    people, by category name, and those of them without a category. assumed: persons only because the file knows nothing
    else."""

    people: Counter[Id]
    adrift: int
    elsewhere: int
    unsure: Counter[str]
    untold: int
    assumed: int


def with_doubts(sources: Sequence[Source], mains: Sequence[AnnotationFile], known: Sequence[Known]) -> list[Source]:
    """The sources, with the reason why a photo may show people whom its annotations do not tell of. known: of each of
    the files."""

    def doubt(source: Source) -> str | None:
        for number, image_id in source.listed:
            file, of = mains[number], known[number]
            if not file.coco.persons and not any(mains[other].coco.persons for other, _ in source.listed):
                return f"{file.output} has no category that is known to mean people"
            if of.adrift or (of.elsewhere and not of.people[image_id]):
                return f"{of.adrift + of.elsewhere} annotation(s) of people in {file.output} belong to no image there"
        return None

    return [replace(source, doubt=doubt(source)) for source in sources]


def said_of_disagreement(
    sources: Sequence[Source], mains: Sequence[AnnotationFile], known: Sequence[Known]
) -> Iterator[str]:
    """A sentence on photos of which one file tells more people than another: all of both are taken."""
    apart = [
        source.name
        for source in sources
        if len({known[number].people[image_id] for number, image_id in source.listed}) > 1
    ]
    if apart:
        names = " and ".join(file.output for file in mains)
        yield f"{names} tell different numbers of people in {len(apart)} photos ({apart[0]}); all of them are taken."


def said_of_people(mains: Sequence[AnnotationFile], known: Sequence[Known]) -> Iterator[str]:
    """Sentences on which categories are taken as people, and on what may be people and is not taken."""
    for file, of in zip(mains, known, strict=True):
        coco = file.coco
        taken = sorted({name for i, name, _ in coco.categories if i in coco.persons and i in coco.category_ids})
        if any(plain(name) != "person" for name in taken):
            yield f"{file.output}: categories that are taken as people: {_listed(taken)} (input.persons)."
        if of.assumed:
            yield f"{file.output}: annotations without a category, taken as people: {of.assumed} (it knows no other)."
        if not coco.persons:
            yield f"{file.output}: {no_people(file)}; its photos end in review."
        if of.unsure:
            yield (
                f"{file.output}: categories that may mean people: {_listed(sorted(of.unsure))}; photos with such an "
                "annotation outside the hole end in review; --set input.persons=NAME,NAME names those that do."
            )
        if of.untold:
            yield (
                f"{file.output}: annotations of no category that it lists: {of.untold}; photos with such an annotation "
                "outside the hole end in review."
            )
        if of.adrift or of.elsewhere:
            yield (
                f"{file.output}: person annotations of images that it does not list: {of.adrift + of.elsewhere}; "
                "photos that may show these people end in review."
            )


def no_people(file: AnnotationFile) -> str:
    """That a file knows no people, with the categories that it has and the way out."""
    names = [name for _, name, _ in file.coco.categories]
    if not names:
        return "it has no categories with an id and a name, so nobody can tell which annotations are people"
    return (
        f"none of its categories ({_listed(names)}) is known to mean people; name those that do: "
        "--set input.persons=NAME,NAME"
    )


def known_people(file: AnnotationFile) -> Known:
    """What the file says of its people, from one pass over what is held of its annotations."""
    coco = file.coco
    ids = frozenset(id_of(image.get("id")) for image in coco.images) - {None}
    names = {i: name for i, name, _ in coco.categories}
    people: Counter[Id] = Counter()
    unsure: Counter[str] = Counter()
    adrift = elsewhere = untold = assumed = 0
    for index, (image_id, category) in enumerate(zip(coco.image_ids, coco.category_ids, strict=True)):
        person = coco.is_person(index)
        if not person and not coco.may_be_person(index):
            continue
        if person:
            assumed += category is None
        elif category in names:
            unsure[names[category]] += 1
        else:
            untold += 1
        if image_id is None:
            adrift += 1
        elif image_id not in ids:
            elsewhere += 1
        elif person:
            people[image_id] += 1
    return Known(people, adrift, elsewhere, unsure, untold, assumed)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
