"""Pictures of the people who can be marked: one a face, with a frame around it and what lists call the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from data.collection.marks import Mark
from data.plan.shards import read_shard
from data.storage.places import as_path
from data.types import Pixels
from detection.faces import Face
from flows.family import DetectedPerson, Verdict, marked
from flows.report.faces_page import FacedPerson, FacedPhoto
from flows.report.thumbnails import thumbnails
from flows.run.job import Job
from flows.stages.records import read_photo

MOST = 96
"""People on one sheet."""
PHOTOS = 500
"""Photos on one page: about 40 MB."""
_LONGEST = 800
"""Pixels of their longer side there."""
_SIDE, _COLUMNS, _LINE = 300, 5, 18
_AROUND = 1.5
"""How far from the face's middle a picture reaches, in sides of the face."""
_FRAME = (60, 255, 90)


def can_be_marked(photos: Mapping[str, Sequence[DetectedPerson]]) -> list[tuple[str, DetectedPerson, Face]]:
    """(photo, person, face) of everybody whose mask shows one face, the largest faces first; no face is in it twice."""
    found = [(name, person, person.face) for name, people in photos.items() for person in people if person.face]
    return sorted(found, key=lambda item: -item[2].side)


def portraits(job: Job, found: Sequence[tuple[str, DetectedPerson, Face]]) -> Image.Image:
    """A sheet of the people that `can_be_marked` gives, each with the photo's name, the number in the list of the
    photo's people, and the box as a keep-list writes it."""
    font = ImageFont.load_default(_LINE - 6)
    rows = -(-len(found) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _SIDE, max(1, rows) * (_SIDE + 3 * _LINE)), "black")
    draw = ImageDraw.Draw(sheet)
    for place, (name, person, picture) in enumerate(_pictures(job, found)):
        x, y = place % _COLUMNS * _SIDE, place // _COLUMNS * (_SIDE + 3 * _LINE)
        sheet.paste(Image.fromarray(picture), (x, y))
        box = ", ".join(f"{value:g}" for value in (round(value, 1) for value in person.box))
        for line, text in enumerate((_end_of(name), f"person {person.number}", f"box [{box}]")):
            draw.text((x + 3, y + _SIDE + line * _LINE), text, fill="white", font=font)
    return sheet


def photos_to_mark(
    job: Job,
    photos: Mapping[str, Sequence[DetectedPerson]],
    verdicts: Mapping[str, Sequence[Verdict]],
    marks: Sequence[Mark],
) -> tuple[list[FacedPhoto], int]:
    """The photos with people for the page, those with doubts first, then those with the largest faces, at most
    `PHOTOS`; and how many more there are. verdicts: empty where nobody is marked yet."""

    def first(name: str) -> tuple[bool, float, str]:
        doubt = any(verdict.word == "unsure" for verdict in verdicts.get(name, ()))
        return not doubt, -max((face.side for one in photos[name] for face in one.faces), default=0.0), name

    order = sorted((name for name, people in photos.items() if people), key=first)
    entries = {entry.name: entry for shard in job.planned.shards for entry in read_shard(as_path(shard))}
    out = []
    for name in order[:PHOTOS]:
        photo = read_photo(job.context, entries[name])
        people = photos[name]
        by_hand = [marked(mark, people) for mark in marks if mark.photo == name]
        said: Sequence[Verdict | None] = verdicts.get(name) or [None] * len(people)
        persons = [
            FacedPerson(one.box, v.word if v else None, v.name if v else None, one in by_hand, one.face is not None)
            for one, v in zip(people, said, strict=True)
        ]
        height, width = photo.pixels.shape[:2]
        size = (height, width) if photo.orientation >= 5 else (width, height)
        picture = thumbnails(photo.pixels, None, None, _LONGEST)["before"]
        out.append(FacedPhoto(name, picture, size, photo.orientation, persons))
    return out, len(order) - len(out)


def _pictures(
    job: Job, found: Sequence[tuple[str, DetectedPerson, Face]]
) -> Iterator[tuple[str, DetectedPerson, Pixels]]:
    entries = {entry.name: entry for shard in job.planned.shards for entry in read_shard(as_path(shard))}
    for name, person, face in found:
        photo = read_photo(job.context, entries[name])
        yield name, person, portrait(photo.pixels, face, str(person.number))


def portrait(pixels: Pixels, face: Face, label: str) -> Pixels:
    """The face with a frame around it, and what is around it, uint8 300 x 300 x 3; grey where the photo ends. The label
    stands above the frame, because another face may be in the picture. pixels: upright, uint8 H x W x 3."""
    reach = _AROUND * face.side
    left, top = round(face.x - reach), round(face.y - reach)
    side = max(1, round(2 * reach))
    crop = np.full((side, side, 3), 90, np.uint8)
    y0, y1 = max(0, top), min(pixels.shape[0], top + side)
    x0, x1 = max(0, left), min(pixels.shape[1], left + side)
    crop[y0 - top : y1 - top, x0 - left : x1 - left] = pixels[y0:y1, x0:x1]
    way = cv2.INTER_AREA if side > _SIDE else cv2.INTER_CUBIC
    out = Image.fromarray(np.asarray(cv2.resize(crop, (_SIDE, _SIDE), interpolation=way), np.uint8))
    draw, low, high = ImageDraw.Draw(out), _SIDE / 3, 2 * _SIDE / 3  # the face is a third of the picture
    draw.rectangle((low, low, high, high), outline=_FRAME, width=2)
    font = ImageFont.load_default(26)
    draw.rectangle((low, low - 30, low + 10 + draw.textlength(label, font=font), low), fill=_FRAME)
    draw.text((low + 5, low - 30), label, fill="black", font=font)
    return np.asarray(out)


def _end_of(name: str) -> str:
    """The last part of a photo's name that fits below a picture."""
    return name if len(name) <= 44 else f"...{name[-41:]}"
