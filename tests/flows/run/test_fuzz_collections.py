"""Random hostile annotation files and names, from the plan to the published collection: nothing breaks, no photo is
lost, no file is written outside the output."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import hostile_cases
import numpy as np
import pytest
from coco_strategies import values
from collection_with_people import box_annotation, manifest, remove
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from configs import AnnotationSettings
from data.coco import CocoError, Edit, Fate, HoleRle, load_coco, undo, write_edited
from data.collection.file_names import match_names
from data.errors import InputError
from data.rle import encode_counts

pytestmark = [pytest.mark.slow, pytest.mark.fuzz]
HEIGHT, WIDTH = 24, 32
QUICK = ("publish.report=false", "publish.masks=false")
hostile_names = st.one_of(
    st.sampled_from(
        [
            *("a.png", "./a.png", "sub/b.png", "sub//b.png", "A.png", "sub", ".", "..", "", "/", "//", "~", "*"),
            *(
                "../a.png",
                "sub/../../a.png",
                "/etc/passwd",
                "C:\\a.png",
                "a\\b.png",
                "a\0.png",
                "a\n.png",
                "\ud800.png",
            ),
            *(
                "CON",
                "aux.png",
                "a.png/",
                "a.png/b",
                "x" * 256 + ".png",
                "é.png",
                "e\u0301.png",
                "\u202e.png",
                "pipe.png",
            ),
            *(".hidden.png", "-rf", "a.png ", "images/a.png", "annotations/instances.json", "link.png", "loop.png"),
        ]
    ),
    st.text(max_size=12),
    values,
)
hostile_values = st.one_of(
    values,
    hostile_names,
    st.sampled_from(
        [
            [[0, 0, WIDTH, 0, WIDTH, HEIGHT]],
            [[1e308, 0, -1e308, 5, 3, 3]],
            [[0.5] * 7],
            {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]},
            {"size": [HEIGHT, WIDTH], "counts": [2**63]},
            {"size": [HEIGHT, WIDTH], "counts": "o" * 40},
            {"size": [WIDTH, HEIGHT], "counts": []},
            {"size": [10**9, 10**9], "counts": "0"},
            *(1, 2, 3, 1.0, 18, -1, 10**30, HEIGHT, WIDTH),
        ]
    ),
)


def tree() -> dict[str, Any]:
    size = {"height": HEIGHT, "width": WIDTH}
    return {
        "info": {"year": 2017},
        "licenses": [{"id": 3, "name": "NoDerivs", "url": "http://x/by-nd/"}, {"id": 4, "name": "Attribution"}],
        "images": [
            {"id": 1, "file_name": "a.png", "license": 3, **size},
            {"id": 2, "file_name": "sub/b.png", "license": 4, **size},
            {"id": 3, "file_name": "gone.png", **size},
        ],
        "annotations": [
            box_annotation(1, 1, 1, (4, 4, 8, 12)),
            box_annotation(2, 1, 18, (8, 4, 8, 12)),
            box_annotation(3, 2, 1, (20, 4, 8, 12)),
            {**box_annotation(4, 2, 18, (2, 2, 8, 8)), "segmentation": {"size": [HEIGHT, WIDTH], "counts": [700, 68]}},
            {"id": 5, "image_id": 1, "caption": "A man and a dog"},
        ],
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
    }


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a tree."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [*([path] if path else []), *(place for key, value in items for place in places(value, (*path, key)))]


@st.composite
def spoilt_trees(draw: st.DrawFn) -> dict[str, Any]:
    """A good tree with a few of its values replaced, removed, doubled or moved elsewhere."""
    spoilt = tree()
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(spoilt)))
        parent = spoilt
        for key in path[:-1]:
            parent = parent[key]
        match draw(st.sampled_from(["replace", "replace", "replace", "remove", "double", "swap"])):
            case "replace":
                strategy = hostile_names if path[-1] == "file_name" else hostile_values
                parent[path[-1]] = copy.deepcopy(draw(strategy))  # a later change must not reach the strategy's own
            case "remove":
                del parent[path[-1]]
            case "double" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[path[-1]]))
            case _:
                other = draw(st.sampled_from(places(spoilt)))
                value: Any = spoilt
                for key in other:
                    value = value[key]
                parent[path[-1]] = copy.deepcopy(value)
        if not places(spoilt):
            break
    return spoilt


def make(root: Path) -> None:
    """Photos a.png and sub/b.png, a pipe, a link out and a loop."""
    pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    (root / "images/sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        Image.fromarray(pixels).save(root / "images" / name)
    if os.name != "nt":
        os.mkfifo(root / "images/pipe.png")
        (root / "images/link.png").symlink_to("/etc/hostname")
        (root / "images/loop.png").symlink_to("loop.png")


FOUND = {"a.png", "sub/b.png"} | ({"pipe.png", "link.png", "loop.png"} if os.name != "nt" else set())


@given(spoilt_trees())
def test_whole_runs(spoilt: dict[str, Any]) -> None:
    hostile_cases.count["collections"] += 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        root, out = folder / "in", folder / "out"
        make(root)
        (root / "annotations").mkdir()
        (root / "annotations/instances.json").write_text(json.dumps(spoilt))
        try:
            summary = remove(root, out, *QUICK)
        except InputError as error:
            assert str(error).startswith(str(root)) and "\n" not in str(error)
            assert not (out / "images").exists()
            return
        assert summary is not None
        assert {path.name for path in folder.iterdir()} == {"in", "out"}
        rows = manifest(out)
        lines = (out / "manifest.jsonl").read_text().splitlines()
        listed = {image["file_name"] for image in spoilt["images"] if isinstance(image.get("file_name"), str)}
        listed -= match_names(listed, FOUND).keys()  # they are photos under another name
        normal = {name.removeprefix("./").replace("//", "/").rstrip("/") for name in listed if name.strip("/. ")}
        assert rows.keys() >= FOUND and len(rows) == len(lines) == summary.photos
        assert len(normal - {name.rstrip("/") for name in rows}) == 0
        for row in rows.values():
            assert (row["reason"] is None) == (row["state"] in ("removed", "passthrough"))
            assert "unexpected error" not in (row["reason"] or ""), row["reason"]
        published = {p.relative_to(out / "images").as_posix() for p in (out / "images").rglob("*") if p.is_file()}
        assert published == {name for name, row in rows.items() if row["state"] in ("removed", "passthrough")}
        allowed = {
            "images",
            "annotations",
            "manifest.jsonl",
            "people.json",
            "attribution.csv",
            "review",
            ".person-removal",
        }
        assert {path.name for path in out.iterdir()} <= allowed
        edited = out / "annotations/instances.json"
        restored = undo(edited, out / "annotations/removed_annotations.json", folder / "undone.json")
        assert restored.exact


@st.composite
def spoilt_bytes(draw: st.DrawFn) -> bytes:
    """A good file with bytes flipped, cut out, doubled or put in."""
    raw = bytearray(json.dumps(tree(), indent=draw(st.sampled_from([None, 1]))).encode())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        length = draw(st.integers(0, 40))
        new = draw(
            st.one_of(st.binary(max_size=6), st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b'\\"']))
        )
        match draw(st.sampled_from(["put", "replace", "cut", "double", "end"])):
            case "put":
                raw[at:at] = new
            case "replace":
                raw[at : at + len(new)] = new
            case "cut":
                del raw[at : at + length]
            case "double":
                raw[at:at] = raw[at : at + length]
            case "end":
                del raw[at:]
    return bytes(raw)


@given(spoilt_bytes())
def test_bytes_are_read_as_the_standard_library_reads_them(raw: bytes) -> None:
    """What is read is what `json` reads; what it cannot read is refused; what is read is edited and undone."""
    hostile_cases.count["annotation files"] += 1
    try:
        expected = json.loads(raw)
    except ValueError:
        expected = None
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "a.json").write_bytes(raw)
        try:
            coco = load_coco(folder / "a.json")
        except CocoError as error:
            usable = isinstance(expected, dict) and all(
                isinstance(expected.get(key), list) and all(isinstance(item, dict) for item in expected[key])
                for key in ("images", "annotations")
            )
            # Keys that stand twice are refused although `json` takes the last.
            assert not usable or "twice" in str(error) or raw.count(b'"segments_info"'), error
            return
        assert expected is not None
        assert json.dumps(coco.images) == json.dumps(expected["images"])
        assert len(coco.image_ids) == len(expected["annotations"])
        hole = HoleRle((HEIGHT, WIDTH), encode_counts(np.tri(HEIGHT, WIDTH, 9)))
        fates = [Fate(hole=hole) if n % 2 == 0 else Fate(left="gone") for n in range(len(coco.images))]
        for overlap in ("flag", "clip"):
            write_edited(folder / "out", [Edit(coco, fates)], AnnotationSettings(overlap=overlap), {"version": "1"})
            json.loads((folder / "out/a.json").read_bytes())
            json.loads((folder / "out/removed_annotations.json").read_bytes())
            restored = undo(folder / "out/a.json", folder / "out/removed_annotations.json", folder / "b.json")
            assert restored.exact == (not raw.startswith(b"\xef\xbb\xbf"))
