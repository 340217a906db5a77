"""A page on which people are clicked who stay or leave; it gives the marks file of `person-removal family`."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jinja2 import Environment, FunctionLoader
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from data.geometry import BBox
from flows.report.page import asset, source_hash, upright_box

_SCRIPTS, _STYLES = ("dom.js", "faces.js"), ("report.css", "faces.css")


class FacedPerson(NamedTuple):
    """A found person. box: x, y, width, height in pixels of the file's own frame. word: stays, unsure or leaves; None
    where nobody is marked yet. name: who it is, or may be. marked: whether a mark says so. face: whether it shows one
    face by which it can be found elsewhere."""

    box: BBox
    word: str | None
    name: str | None
    marked: bool
    face: bool


class FacedPhoto(NamedTuple):
    """picture: JPEG, upright. size: (width, height) of the file's own frame. orientation: EXIF, 1..8."""

    name: str
    picture: bytes
    size: tuple[int, int]
    orientation: int
    persons: Sequence[FacedPerson]


def faces_page(photos: Iterable[FacedPhoto], left_out: int) -> str:
    """One HTML document that needs no network; the photos in the given order. left_out: how many with people are not
    among them."""
    style, script = "".join(map(asset, _STYLES)), "".join(map(asset, _SCRIPTS))
    environment = Environment(autoescape=True, loader=FunctionLoader(asset), trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("faces.html").render(
        photos=Markup(htmlsafe_json_dumps([_photo(photo) for photo in photos], separators=(",", ":"))),
        left_out=left_out,
        style=Markup(style),
        script=Markup(script),
        policy="default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {source_hash(style)}; script-src {source_hash(script)}",
    )


def _photo(photo: FacedPhoto) -> dict[str, object]:
    width, height = photo.size[::-1] if photo.orientation >= 5 else photo.size
    return {
        "name": photo.name,
        "picture": f"data:image/jpeg;base64,{base64.b64encode(photo.picture).decode()}",
        "ratio": width / height,
        "persons": [
            {
                "bbox": [round(value, 1) for value in person.box],
                "box": upright_box(person.box, photo.size, photo.orientation),
                "word": person.word,
                "name": person.name,
                "marked": person.marked,
                "face": person.face,
            }
            for person in photo.persons
        ],
    }
