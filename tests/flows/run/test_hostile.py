"""What strangers put into a collection: each photo ends in one state with one sentence, and nothing leaves the output.

docs/coco.md holds the same sentences; a test keeps the two together.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from collection_with_people import box_annotation, manifest, remove, save_photo

from configs import InputSettings
from data.collection.folder import read_collection
from data.errors import InputError
from data.plan import entries

pytestmark = pytest.mark.slow  # whole runs

ROOT = Path(__file__).resolve().parents[3]
Tree = dict[str, Any]
Spoil = Callable[[Path, Tree], Any]
"""Given the input directory and its annotation tree: spoils them; bytes or text replace the annotation file."""
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX files")


def make(root: Path) -> Tree:
    """One photo of one person, `good.png`."""
    save_photo(root / "images/good.png", 1, (20, 30, 16, 40))
    return {
        "images": [{"id": 1, "file_name": "good.png", "height": 96, "width": 128}],
        "annotations": [box_annotation(1, 1, 1, (20, 30, 16, 40)), box_annotation(2, 1, 18, (60, 60, 20, 20))],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    }


def image(name: Any, image_id: Any = 2, height: Any = 96, width: Any = 128) -> Tree:
    return {"id": image_id, "file_name": name, "height": height, "width": width}


def add(tree: Tree, *images: Tree) -> None:
    tree["images"] += images


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below a folder with its content's digest."""
    return {
        os.fsencode(path.relative_to(folder)).hex(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def run(tmp_path: Path, spoil: Spoil, *overrides: str) -> dict[str, Any]:
    """The manifest of a run over a spoilt collection; nothing outside the output was written."""
    root, out = tmp_path / "in", tmp_path / "out"
    tree = make(root)
    spoilt = spoil(root, tree)
    raw = json.dumps(tree) if spoilt is None else spoilt
    (root / "annotations").mkdir(exist_ok=True)
    if raw is not SKIP:
        (root / "annotations/instances.json").write_bytes(raw.encode() if isinstance(raw, str) else raw)
    before = snapshot(root)
    remove(root, out, *overrides)
    assert snapshot(root) == before
    assert {path.name for path in tmp_path.iterdir()} <= {"in", "out", "outside"}
    rows = manifest(out)
    lines = (out / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == len(rows), "one line a photo"
    published = {p.relative_to(out / "images").as_posix() for p in (out / "images").rglob("*") if p.is_file()}
    assert published == {name for name, row in rows.items() if row["state"] in ("removed", "passthrough")}
    edited = json.loads((out / "annotations/instances.json").read_bytes()) if raw is not SKIP else {"images": []}
    for item in edited["images"]:
        assert str(item["file_name"]).removeprefix("./").replace("//", "/") in published
    return rows


SKIP = object()


# ---------------------------------------------------------------- photos


def listed(name: Any, **more: Any) -> Spoil:
    return lambda root, tree: add(tree, image(name, **more))


def directory(root: Path, tree: Tree) -> None:
    (root / "images/dir.jpg").mkdir()
    add(tree, image("dir.jpg"))


def fifo(root: Path, tree: Tree) -> None:
    os.mkfifo(root / "images/pipe.jpg")


def device(root: Path, tree: Tree) -> None:
    (root / "images/zero.jpg").symlink_to("/dev/zero")


def unix_socket(root: Path, tree: Tree) -> None:
    here = Path.cwd()
    os.chdir(root / "images")  # the address of a socket is short
    try:
        socket.socket(socket.AF_UNIX).bind("socket.jpg")
    finally:
        os.chdir(here)


def link_out(root: Path, tree: Tree) -> None:
    save_photo(root.parent / "outside/secret.png", 2, None)
    (root / "images/link.png").symlink_to(root.parent / "outside/secret.png")
    add(tree, image("link.png"))


def link_folder_out(root: Path, tree: Tree) -> None:
    save_photo(root.parent / "outside/secret.png", 2, None)
    (root / "images/sub").symlink_to(root.parent / "outside")
    add(tree, image("sub/secret.png"))


def loop(root: Path, tree: Tree) -> None:
    (root / "images/a.png").symlink_to("b.png")
    (root / "images/b.png").symlink_to("a.png")
    (root / "images/self").symlink_to(".")
    add(tree, image("a.png", 2), image("b.png", 3))


def dangling(root: Path, tree: Tree) -> None:
    (root / "images/gone.png").symlink_to("nothing.png")


def newline(root: Path, tree: Tree) -> None:
    save_photo(root / "images/two\nlines.png", 2, None)


def not_utf8(root: Path, tree: Tree) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    save_photo(root / "images/x.png", 2, None)
    (root / "images/x.png").rename(root / "images" / name)


def shared_stem(root: Path, tree: Tree) -> None:
    for n, name in enumerate(["a.png", "a.jpg", "A.PNG", "a.png.png"], 2):
        save_photo(root / "images" / name, n, None)
        add(tree, image(name, n))


def long_names(root: Path, tree: Tree) -> None:
    for n, name in enumerate(["x" * 251 + ".png", "x" * 251 + ".jpg", "ü" * 125 + ".png"], 2):
        save_photo(root / "images" / name, n, None)
        add(tree, image(name, n))


def dotted(root: Path, tree: Tree) -> None:
    save_photo(root / "images/sub/b.png", 2, None)
    add(tree, image("./sub//b.png"))


def same_file_twice(root: Path, tree: Tree) -> None:
    add(tree, image("./good.png", 2))


def odd_but_fine(root: Path, tree: Tree) -> None:
    for n, name in enumerate(
        ["Screenshot 9.41.00\u202fAM.png", "👨‍👩‍👧.png", "..a.png", "-rf.png", " .png", "a'\"<b>.png"], 2
    ):
        save_photo(root / "images" / name, n, None)
        add(tree, image(name, n))


def unreadable_photo(root: Path, tree: Tree) -> None:
    save_photo(root / "images/secret.png", 2, None)
    (root / "images/secret.png").chmod(0)
    add(tree, image("secret.png"))


PHOTOS: list[tuple[str, Spoil, dict[str, tuple[str, str | None]]]] = [
    ("directory", directory, {"dir.jpg": ("refused", "dir.jpg: not a regular file.")}),
    ("fifo", fifo, {"pipe.jpg": ("refused", "pipe.jpg: not a regular file.")}),
    ("device", device, {"zero.jpg": ("refused", "zero.jpg: not a regular file.")}),
    ("socket", unix_socket, {"socket.jpg": ("refused", "socket.jpg: not a regular file.")}),
    ("link out", link_out, {"link.png": ("refused", "link.png: a link that leads out of the input directory.")}),
    (
        "folder link out",
        link_folder_out,
        {"sub/secret.png": ("refused", "sub/secret.png: a link that leads out of the input directory.")},
    ),
    (
        "loop",
        loop,
        {"a.png": ("refused", "a.png: not a regular file."), "b.png": ("refused", "b.png: not a regular file.")},
    ),
    ("dangling link", dangling, {"gone.png": ("refused", "gone.png: not a regular file.")}),
    (
        "newline",
        newline,
        {"two\nlines.png": ("refused", r"'two\nlines.png': control characters or an unreadable encoding in the name.")},
    ),
    (
        "not UTF-8",
        not_utf8,
        {"caf\udce9.png": ("refused", r"'caf\udce9.png': control characters or an unreadable encoding in the name.")},
    ),
    ("shared stem", shared_stem, dict.fromkeys(["a.png", "a.jpg", "A.PNG", "a.png.png"], ("passthrough", None))),
    (
        "255 bytes",
        long_names,
        dict.fromkeys(["x" * 251 + ".png", "x" * 251 + ".jpg", "ü" * 125 + ".png"], ("passthrough", None)),
    ),
    ("dots and slashes", dotted, {"sub/b.png": ("passthrough", None)}),
    (
        "odd but fine",
        odd_but_fine,
        dict.fromkeys(
            ["Screenshot 9.41.00\u202fAM.png", "👨‍👩‍👧.png", "..a.png", "-rf.png", " .png", "a'\"<b>.png"],
            ("passthrough", None),
        ),
    ),
    ("missing", listed("gone.png"), {"gone.png": ("failed", "gone.png: the file is not there.")}),
    (
        "../",
        listed("../secret.png"),
        {"../secret.png": ("refused", "'../secret.png': file_name leads out of the photos' folder.")},
    ),
    (
        "absolute",
        listed("/etc/passwd"),
        {"/etc/passwd": ("refused", "'/etc/passwd': file_name leads out of the photos' folder.")},
    ),
    ("root", listed("/"), {"/": ("refused", "'/': file_name leads out of the photos' folder.")}),
    ("dot", listed("."), {".": ("refused", "'.': file_name leads out of the photos' folder.")}),
    ("folder", listed("./"), {"./": ("refused", "'./': file_name leads out of the photos' folder.")}),
    ("NUL", listed("a\0.png"), {"a\0.png": ("refused", r"'a\x00.png': file_name leads out of the photos' folder.")}),
    (
        "backslash",
        listed("..\\a.png"),
        {"..\\a.png": ("refused", r"'..\\a.png': file_name leads out of the photos' folder.")},
    ),
    ("drive", listed("C:a.png"), {"C:a.png": ("refused", "'C:a.png': file_name leads out of the photos' folder.")}),
    (
        "surrogate",
        lambda root, tree: json.dumps({**tree, "images": [*tree["images"], image("\ud800.png")]}),
        {"\ud800.png": ("refused", r"'\ud800.png': control characters or an unreadable encoding in the name.")},
    ),
    (
        "name too long",
        listed("y" * 300 + ".png"),
        {
            "y" * 300 + ".png": (
                "refused",
                "y" * 300 + ".png: no file can be reached under this name (File name too long).",
            )
        },
    ),
    (
        "no name",
        listed(None),
        {"(image 2 without a file_name)": ("refused", "(image 2 without a file_name): its file_name is not a text.")},
    ),
    (
        "number as name",
        listed(7),
        {"(image 2 without a file_name)": ("refused", "(image 2 without a file_name): its file_name is not a text.")},
    ),
    (
        "listed twice",
        listed("good.png"),
        {"good.png": ("refused", "good.png: several images of the annotation file have this file_name.")},
    ),
    (
        "listed twice, spelt otherwise",
        same_file_twice,
        {"good.png": ("refused", "good.png: several images of the annotation file have this file_name.")},
    ),
]


def with_photo(change: Callable[[Tree], Any]) -> Spoil:
    """A second photo, b.png, whose image or annotation is then changed."""

    def spoil(root: Path, tree: Tree) -> Any:
        save_photo(root / "images/b.png", 2, None)
        add(tree, image("b.png"))
        tree["annotations"].append(box_annotation(3, 2, 1, (40, 30, 16, 40)))
        return change(tree)

    return spoil


def segmentation(value: Any, **more: Any) -> Spoil:
    return with_photo(lambda tree: tree["annotations"][-1].update(segmentation=value, **more))


def unusable(why: str) -> dict[str, tuple[str, str | None]]:
    return {"b.png": ("refused", f"b.png: annotation 3 cannot be used: {why}; mend or remove it.")}


def only_people(tree: Tree) -> None:
    tree["categories"] = [c for c in tree["categories"] if c["name"] == "person"]
    tree["annotations"] = [a for a in tree["annotations"] if a["category_id"] == 1]
    del tree["annotations"][-1]["category_id"]


NOT_A_NUMBER = {"b.png": ("refused", "b.png: its image id is not a number.")}
BOX = (
    "b.png: annotation 3 has a box and no outline; name another segmenter, which finds outlines itself "
    "(--segmenter embedded, or yolo)."
)
WRONG_SIZE = "b.png: the photo is 128 x 96, the annotation file says {}; its masks would not fit."
FOUND = {"b.png": ("removed", None)}
ADRIFT = "{}: 1 annotation(s) of people in instances.json belong to no image there."
MAYBE = {"b.png": ("review", "b.png: 1 annotation that may be people outside the hole.")}

ANNOTATIONS: list[tuple[str, Spoil, dict[str, tuple[str, str | None]]]] = [
    *(
        (f"image id {value!r}", with_photo(lambda tree, v=value: tree["images"][-1].update(id=v)), NOT_A_NUMBER)
        for value in (2.5, True, None, [2], {"id": 2})
    ),
    *(
        (f"image id {value!r}", with_photo(lambda tree, v=value: tree["images"][-1].update(id=v)), FOUND)
        for value in ("2", 2.0, " 2 ", "2.0")
    ),
    (
        "image id twice",
        with_photo(lambda tree: tree["images"][-1].update(id=1)),
        {
            "b.png": ("refused", "b.png: several images of the annotation file have its id 1."),
            "good.png": ("refused", "good.png: several images of the annotation file have its id 1."),
        },
    ),
    (
        "annotation id twice",
        with_photo(lambda tree: tree["annotations"][-1].update(id=1)),
        {"b.png": ("removed", None)},
    ),
    *(
        (f"image_id {value!r}", with_photo(lambda tree, v=value: tree["annotations"][-1].update(image_id=v)), FOUND)
        for value in ("2", 2.0, "2.0", "b.png", "b")
    ),
    *(
        (
            f"image_id {value!r}",
            with_photo(lambda tree, v=value: tree["annotations"][-1].update(image_id=v)),
            {name: ("review", ADRIFT.format(name)) for name in ("b.png", "good.png")},
        )
        for value in (None, [2], {"a": 1}, True, 1e400)
    ),
    *(
        (
            f"image_id {value!r}",  # of another image: whoever is annotated in good.png is known
            with_photo(lambda tree, v=value: tree["annotations"][-1].update(image_id=v)),
            {"b.png": ("review", ADRIFT.format("b.png"))},
        )
        for value in (99, "c.png")
    ),
    *(
        (
            f"category_id {value!r}",
            with_photo(lambda tree, v=value: tree["annotations"][-1].update(category_id=v)),
            FOUND,
        )
        for value in ("1", 1.0, "person")
    ),
    *(
        (
            f"category_id {value!r}",
            with_photo(lambda tree, v=value: tree["annotations"][-1].update(category_id=v)),
            MAYBE,
        )
        for value in (None, [1], {"a": 1}, True, float("nan"), 77, "77")
    ),
    (
        "no category_id where there are only people",
        with_photo(only_people),
        FOUND,
    ),
    *(
        (
            f"stated {height!r} x {width!r}",
            with_photo(lambda tree, h=height, w=width: tree["images"][-1].update(height=h, width=w)),
            {"b.png": ("refused", WRONG_SIZE.format(said))},
        )
        for height, width, said in [
            (100, 128, "128 x 100"),
            (0, 0, "0 x 0"),
            (-96, 128, "128 x -96"),
            (10**9, 10**9, f"{10**9} x {10**9}"),
            (96.5, 128, "no size"),
            ("96 px", "128 px", "no size"),
            (None, None, "no size"),
            (True, True, "no size"),
        ]
    ),
    *(
        (
            f"stated {height!r} x {width!r}",
            with_photo(lambda tree, h=height, w=width: tree["images"][-1].update(height=h, width=w)),
            FOUND,
        )
        for height, width in [("96", "128"), (96.0, 128.0)]
    ),
    ("no segmentation", segmentation(None), {"b.png": ("refused", BOX)}),
    ("empty segmentation", segmentation([]), {"b.png": ("refused", BOX)}),
    (
        "no segmentation, no box",
        with_photo(lambda tree: tree["annotations"][-1].update(segmentation=None, bbox=None)),
        unusable("it has no segmentation"),
    ),
    ("a polygon without its list", segmentation([40, 30, 56, 30, 56, 70, 40, 70]), FOUND),
    ("pairs", segmentation([[40, 30], [56, 30], [56, 70], [40, 70]]), FOUND),
    ("lists of pairs", segmentation([[[40, 30], [56, 30], [56, 70], [40, 70]]]), FOUND),
    ("RLE in floats", segmentation({"size": [96.0, 128.0], "counts": [5000.0, 9.0, 7279.0]}, bbox=None), FOUND),
    ("text as segmentation", segmentation("x"), unusable("it has a segmentation of type str")),
    ("number as segmentation", segmentation(7), unusable("it has a segmentation of type int")),
    (
        "shares of the photo",
        segmentation([[0.3, 0.3, 0.5, 0.3, 0.5, 0.7]]),
        unusable("its outline is not where its box is ([40, 30, 16, 40], in pixels from the top left)"),
    ),
    (
        "a line",
        segmentation([[1, 1, 2, 2]]),
        unusable("a polygon needs at least 3 points as x, y pairs, but it has 4 numbers"),
    ),
    (
        "NaN corner",
        segmentation([[1, 1, 9, 1, float("nan"), 9]]),
        unusable("a polygon has a coordinate that is not a finite number"),
    ),
    (
        "huge corner",
        segmentation([[1, 1, 10**400, 1, 9, 9]]),
        unusable("a polygon has a coordinate that is not a finite number"),
    ),
    (
        "text corner",
        segmentation([["1", 1, 9, 1, 9, 9]]),
        unusable("a polygon has a coordinate that is not a finite number"),
    ),
    (
        "far outside",
        segmentation([[1, 1, 1e9, 1, 9, 9]]),
        unusable("a polygon spans [1.0, 1.0] to [1000000000.0, 9.0], far outside the photo of 128 x 96 pixels"),
    ),
    (
        "millions of corners",
        segmentation([[0, 0, 128, 96] * 500_000]),
        unusable("its outline is 128000000 pixels long, longer than 50152 in a photo of 128 x 96"),
    ),
    (
        "twenty thousand polygons",
        segmentation([[1, 1, 2, 1, 2, 2]] * 20_000, bbox=None),
        {"b.png": ("removed", None)},
    ),
    (
        "RLE bomb",
        segmentation({"size": [10**9, 10**9], "counts": [10**18]}),
        unusable(f"its RLE is {10**9} x {10**9} pixels (width x height), the photo 128 x 96"),
    ),
    (
        "RLE bomb of the right size",
        segmentation({"size": [96, 128], "counts": [10**18]}),
        unusable(f"its RLE covers {10**18} pixels, the photo has 12288"),
    ),
    (
        "short RLE",
        segmentation({"size": [96, 128], "counts": [5, 5]}),
        unusable("its RLE covers 10 pixels, the photo has 12288"),
    ),
    (
        "negative run",
        segmentation({"size": [96, 128], "counts": [12289, -1]}),
        unusable("its RLE has a run that is not a whole number of 0 or more"),
    ),
    (
        "RLE string of nonsense",
        segmentation({"size": [96, 128], "counts": "\x00é"}),
        unusable("its RLE string is damaged at character 0"),
    ),
    (
        "RLE without counts",
        segmentation({"size": [96, 128]}),
        unusable("its RLE counts are NoneType instead of a list or a string"),
    ),
    (
        "RLE without size",
        segmentation({"counts": [1]}),
        unusable("its RLE has the size None instead of [height, width]"),
    ),
    (
        "NaN elsewhere",
        with_photo(lambda tree: tree["annotations"][-1].update(area=float("nan"))),
        {"b.png": ("removed", None)},
    ),
]


@pytest.mark.parametrize(("spoil", "expected"), [case[1:] for case in PHOTOS], ids=[case[0] for case in PHOTOS])
@posix
def test_photos(tmp_path: Path, spoil: Spoil, expected: dict[str, tuple[str, str | None]]) -> None:
    rows = run(tmp_path, spoil)
    assert {name: (row["state"], row["reason"]) for name, row in rows.items()} == {
        "good.png": ("removed", None),
        **expected,
    }


@pytest.mark.parametrize(
    ("spoil", "expected"), [case[1:] for case in ANNOTATIONS], ids=[case[0] for case in ANNOTATIONS]
)
def test_annotations(tmp_path: Path, spoil: Spoil, expected: dict[str, tuple[str, str | None]]) -> None:
    started = time.process_time()
    rows = run(tmp_path, spoil)
    assert {name: (row["state"], row["reason"]) for name, row in rows.items()} == {
        "good.png": ("removed", None),
        **expected,
    }
    assert time.process_time() - started < 60, "bounded, whatever the numbers"


NO_LISTS = "not a COCO annotation file (it needs the lists 'images' and 'annotations')"
NO_OBJECTS = "every entry of 'annotations' has to be an object."
NOT_UTF8 = "it is encoded as UTF-16 or UTF-32; COCO files are UTF-8, convert it."
NO_PERSON = (
    "none of its categories (cat, dog) is known to mean people; name those that do: --set input.persons=NAME,NAME."
)
NO_CATEGORIES = "it has no categories with an id and a name, so nobody can tell which annotations are people."
COMMA = "not valid JSON (a comma stands behind the last entry of 'annotations'; take it out)."

FILES: list[tuple[str, Callable[[str], str | bytes], str]] = [
    ("empty", lambda text: b"", "not valid JSON (it is empty)."),
    ("blank", lambda text: b" \n" * 3_000_000, "not valid JSON (it is empty)."),
    ("truncated", lambda text: text[:-9], "not valid JSON (it ends in the middle)."),
    ("cut in a string", lambda text: text[: text.index("good") + 2], "not valid JSON (it ends in the middle)."),
    ("zeros", lambda text: bytes(50_000_000), "not valid JSON (it does not start with '{')."),
    ("digits", lambda text: b"0" * 50_000_000, "not valid JSON (it does not start with '{')."),
    ("UTF-16", lambda text: text.encode("utf-16"), NOT_UTF8),
    ("UTF-16, no mark", lambda text: text.encode("utf-16-le"), NOT_UTF8),
    ("UTF-32", lambda text: text.encode("utf-32"), NOT_UTF8),
    ("Latin-1", lambda text: text.replace("dog", "chien m\xe9chant").encode("latin-1"), "not valid JSON ("),
    ("deep", lambda text: text.replace('"dog"', "[" * 100_000 + "]" * 100_000), "not valid JSON (nested too deeply)."),
    ("too many brackets", lambda text: text + "]", "not valid JSON (a bracket is closed that was never opened)."),
    ("two objects", lambda text: text + text, "'images' stands in it twice; keep one."),
    ("rubbish behind", lambda text: text + "x", "not valid JSON ("),
    ("wrong bracket", lambda text: text.replace('"dog"}', '"dog"]'), "not valid JSON ("),
    ("no comma", lambda text: text.replace("}, {", "} {"), NO_OBJECTS),
    ("comma too many", lambda text: text.replace('}], "categories"', '},], "categories"'), COMMA),
    ("a list", lambda text: f"[{text}]", f"{NO_LISTS}; it is a list, as results of a network are."),
    ("VIA", lambda text: '{"_via_img_metadata": {}}', f"{NO_LISTS}; it is a project of VIA, export it as COCO."),
    (
        "LabelMe",
        lambda text: '{"shapes": [], "imagePath": "a.jpg"}',
        f"{NO_LISTS}; it is a file of LabelMe, export it as COCO.",
    ),
    ("a text", lambda text: '"images"', NO_LISTS),
    ("no lists", lambda text: "{}", NO_LISTS),
    ("no annotations", lambda text: '{"images": []}', NO_LISTS),
    ("lists are objects", lambda text: '{"images": {}, "annotations": {}}', NO_LISTS),
    ("lists are null", lambda text: '{"images": null, "annotations": null}', NO_LISTS),
    (
        "lists of numbers",
        lambda text: '{"images": [1], "annotations": []}',
        "every entry of 'images' has to be an object.",
    ),
    (
        "lists of millions of numbers",
        lambda text: '{"images": [], "annotations": [' + "0," * 10_000_000 + "0]}",
        NO_OBJECTS,
    ),
    ("lists of lists", lambda text: '{"images": [], "annotations": [[], []]}', NO_OBJECTS),
    ("a list twice", lambda text: text[:-1] + ', "images": []}', "'images' stands in it twice; keep one."),
    ("a hundred thousand keys", lambda text: text[:-1] + ', "k": []' * 100_000 + "}", NO_LISTS),
    (
        "panoptic",
        lambda text: text.replace('"bbox"', '"segments_info"'),
        "panoptic annotations are not supported; use the instances file.",
    ),
    (
        "stuff",
        lambda text: text.replace('"name": "', '"supercategory": "sky-stuff", "name": "'),
        "stuff annotations are not supported; use the instances file.",
    ),
    ("no person", lambda text: text.replace('"person"', '"cat"'), NO_PERSON),
    ("no categories", lambda text: text.replace('"categories"', '"kinds"'), NO_CATEGORIES),
    (
        "categories are odd",
        lambda text: text.replace(
            '"categories": [', '"categories": [7, null, {"name": "person"}, {"id": [], "name": "person"}], "x": ['
        ),
        NO_CATEGORIES,
    ),
]


@pytest.mark.parametrize(("spoil", "sentence"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_annotation_files(tmp_path: Path, spoil: Callable[[str], str | bytes], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        run(tmp_path, lambda root, tree: spoil(json.dumps(tree)))
    path = tmp_path / "in/annotations/instances.json"
    assert str(caught.value).startswith(f"{path}: {sentence}") and len(str(caught.value)) < 400
    assert not (tmp_path / "out/images").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: "\n\t " + text + " \r\n",
        lambda text: text.replace(": ", ":\n").replace(", ", ",\r\n\t"),
        lambda text: text.replace('"images"', '"im\\u0061ges"', 1),
        lambda text: text.replace("96", "96" + " " * 5_000_000, 1),
        lambda text: text[:-1] + ', "images2": [[[{"images": [1], "annotations": {"a": "\\"]}"}}]]]}',
        lambda text: text[:-1] + ', "back": "' + "\\\\" * 2_100_000 + '\\""}',
        lambda text: text[:-1] + ', "info": null}',
    ],
    ids=[
        "BOM",
        "blanks around",
        "blanks between",
        "escaped key",
        "megabytes of blanks",
        "look-alikes",
        "backslashes",
        "no info",
    ],
)
def test_odd_annotation_files_that_are_fine(tmp_path: Path, spoil: Callable[[str], str | bytes]) -> None:
    rows = run(tmp_path, lambda root, tree: spoil(json.dumps(tree)))
    assert {name: row["state"] for name, row in rows.items()} == {"good.png": "removed"}


@posix
def test_an_annotation_file_that_is_a_pipe_blocks_nobody(tmp_path: Path) -> None:
    def spoil(root: Path, tree: Tree) -> Any:
        (root / "annotations").mkdir()
        os.mkfifo(root / "annotations/instances.json")
        return SKIP

    with pytest.raises(InputError, match=r"instances.json: cannot be read \(instances.json is not a regular file\)"):
        run(tmp_path, spoil)


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    rows = run(tmp_path, unreadable_photo)
    assert rows["secret.png"]["state"] == "failed"


def test_a_photo_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, for tests that run as root."""
    of = entries.sha256_of

    def denied(path: Path) -> str:
        if path.name == "b.png":
            raise PermissionError(13, "Permission denied")
        return of(path)

    monkeypatch.setattr(entries, "sha256_of", denied)
    rows = run(tmp_path, with_photo(lambda tree: None))
    assert (rows["b.png"]["state"], rows["b.png"]["reason"]) == ("failed", "b.png: cannot be read (Permission denied).")


def test_a_folder_that_may_not_be_listed_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passed over, its photos would be lost without a word."""
    scandir = os.scandir

    def denied(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(InputError, match=r"closed: the folder cannot be listed \(Permission denied\)"):
        run(tmp_path, lambda root, tree: (root / "images/closed").mkdir())


@posix
def test_names_that_the_outputs_file_system_takes_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(root: Path, tree: Tree) -> None:
        for n, name in enumerate(["GOOD.png", "Good.png"], 2):
            save_photo(root / "images" / name, n, None)
            add(tree, image(name, n))

    monkeypatch.setattr(entries, "_is_one_file", lambda folder, name, other: True)
    rows = run(tmp_path, spoil)
    sentence = "{}: where the output is, its name is the same as that of GOOD.png; rename one of them."
    assert {name: (row["state"], row["reason"]) for name, row in rows.items()} == {
        "GOOD.png": ("passthrough", None),
        "Good.png": ("refused", sentence.format("Good.png")),
        "good.png": ("refused", sentence.format("good.png")),
    }


def test_persons_of_no_image_are_counted(tmp_path: Path) -> None:
    tree = make(tmp_path)
    tree["annotations"] += [box_annotation(n, i, 1, (1, 1, 9, 9)) for n, i in enumerate((1, 2, "1", None, [1]), 3)]
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances.json").write_text(json.dumps(tree))
    (note,) = read_collection(tmp_path, InputSettings()).notes
    assert note == (
        "instances.json: person annotations of images that it does not list: 3; photos that may show these people end "
        "in review."
    )


def test_links_to_folders_are_named(tmp_path: Path) -> None:
    save_photo(tmp_path / "elsewhere/a.png", 1, None)
    save_photo(tmp_path / "in/b.png", 1, None)
    (tmp_path / "in/more").symlink_to(tmp_path / "elsewhere")
    (note,) = read_collection(tmp_path / "in", InputSettings()).notes
    assert note == f"{tmp_path / 'in'}: links to folders are not followed (more); copy them there."


def sentences() -> Iterator[str]:
    for _, _, expected in [*PHOTOS, *ANNOTATIONS]:
        yield from (reason for _, reason in expected.values() if reason and len(reason) < 200)
    yield from (sentence for _, _, sentence in FILES)


def test_the_page_has_every_sentence() -> None:
    text = (ROOT / "docs/coco.md").read_text(encoding="utf-8")
    assert [sentence for sentence in dict.fromkeys(sentences()) if sentence not in text] == []
