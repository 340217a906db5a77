"""What annotation tools export, run as it comes: everybody annotated leaves, or what is in the way is said."""

from __future__ import annotations

import codecs
import json
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from collection_with_people import box_annotation, coco_settings, manifest
from exports import PERSONS, Export, Tree, coco, photos, write
from typer.testing import CliRunner

from data.coco import undo
from data.errors import InputError
from data.storage.files import digest
from data.storage.places import stamp_of
from flows.cli.main import app
from flows.cli.undo import undo_annotations
from flows.plan.selection import selection
from flows.run.job import execute, prepare

GONE = dict.fromkeys(PERSONS, "removed")
Change = Callable[[Tree], object]


def plain(change: Change = lambda tree: None, name: str = "annotations/instances_default.json") -> Callable[..., None]:
    """CVAT's layout, `images/` and `annotations/`, after a change to the tree."""

    def make(root: Path) -> None:
        photos(root / "images")
        tree = coco()
        change(tree)
        write(root / name, tree)

    return make


def renamed(template: str) -> Change:
    return lambda tree: [image.update(file_name=template.format(image["file_name"])) for image in tree["images"]]


def each(list_: str, **values: object) -> Change:
    return lambda tree: [item.update(values) for item in tree[list_]]


def roboflow(root: Path) -> None:
    """A category above the others named like the data set, `_annotations.coco.json` beside each split's photos."""
    for split, name in (("train", "a.jpg"), ("valid", "b.jpg")):
        photos(root / split, name)
        tree = coco(name)
        tree["categories"] = [
            {"id": 0, "name": "street-people", "supercategory": "none"},
            {"id": 1, "name": "person", "supercategory": "street-people"},
            {"id": 2, "name": "helmet", "supercategory": "street-people"},
        ]
        tree["annotations"].append(box_annotation(9, 1, 2, (100, 80, 9, 9)))
        write(root / split / "_annotations.coco.json", tree)
    (root / "README.roboflow.txt").write_text("exported")


def fiftyone(root: Path) -> None:
    photos(root / "data")
    write(root / "labels.json", coco())


def fiftyone_splits(root: Path) -> None:
    for split, name in (("train", "a.jpg"), ("validation", "b.jpg")):
        photos(root / split / "data", name)
        write(root / split / "labels.json", coco(name))


def supervisely(root: Path) -> None:
    photos(root / "ds0/img")
    write(root / "ds0/annotations/instances.json", coco())


def datumaro(root: Path) -> None:
    for split, name in (("train", "a.jpg"), ("val", "b.jpg")):
        photos(root / "images" / split, name)
        write(root / f"annotations/instances_{split}.json", coco(name))
        write(root / f"annotations/person_keypoints_{split}.json", coco(name))


def labelme2coco(root: Path) -> None:
    """`JPEGImages/` in the names, and floats for ids."""
    photos(root / "JPEGImages")
    tree = coco()
    renamed("JPEGImages/{}")(tree)
    for annotation in tree["annotations"]:
        annotation |= {"image_id": float(annotation["image_id"]), "category_id": 1.0}
    write(root / "annotations.json", tree)


def label_studio(root: Path) -> None:
    photos(root / "images")
    tree = coco()
    renamed("..\\..\\label-studio\\data\\media\\upload\\3\\{}")(tree)
    write(root / "result.json", tree)


def lvis(root: Path) -> None:
    photos(root / "train2017", "a.jpg")
    photos(root / "val2017", "b.jpg")
    tree = coco()
    for image, split in zip(tree["images"], ("train2017", "val2017"), strict=True):
        image["coco_url"] = f"http://images.cocodataset.org/{split}/{image.pop('file_name')}"
    tree["categories"] += [
        {"id": 7, "name": "baby_buggy"},
        {"id": 8, "name": "CD_player"},
        {"id": 9, "name": "mannequin"},
    ]
    tree["annotations"] += [box_annotation(50 + n, 1, n, (100, 80, 9, 9)) for n in (7, 8, 9)]
    write(root / "annotations/lvis_v1_train.json", tree)


def via(root: Path) -> None:
    """Texts for ids, a flat polygon, no category where there is only one, a project file beside."""
    photos(root / "images")
    tree = coco()
    for image in tree["images"]:
        image["id"] = str(image["id"] - 1)
    for annotation in tree["annotations"]:
        annotation |= {"image_id": str(annotation["image_id"] - 1), "segmentation": annotation["segmentation"][0]}
        del annotation["category_id"]
    write(root / "annotations/via_export_coco.json", tree)
    write(root / "annotations/via_project.json", {"_via_settings": {}, "_via_img_metadata": {}})


def results_beside(root: Path) -> None:
    plain()(root)
    write(root / "annotations/instances_results.json", [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}])  # type: ignore[arg-type]


def open_images(tree: Tree) -> None:
    """Men and women instead of persons, faces within them."""
    tree["categories"] = [
        {"id": n, "name": name} for n, name in enumerate(("Man", "Woman", "Human face", "Mannequin"), 1)
    ]
    tree["annotations"][1]["category_id"] = 2
    x, y, w, _ = PERSONS["a.jpg"]
    tree["annotations"] += [box_annotation(3, 1, 3, (x + 2, y + 2, w - 4, 9)), box_annotation(4, 2, 4, (5, 5, 9, 20))]


def nuimages(tree: Tree) -> None:
    tree["categories"] = [{"id": 1, "name": "human.pedestrian.adult"}, {"id": 2, "name": "human--rider--bicyclist"}]
    tree["annotations"][1]["category_id"] = 2


def upper_case(root: Path) -> None:
    photos(root / "images")
    tree = coco()
    tree["images"][0]["file_name"] = "A.JPG"
    write(root / "annotations/instances_default.json", tree)


def other_unicode(root: Path) -> None:
    name = "caf\u00e9.jpg"
    photos(root / "images", "a.jpg")
    (root / "images/a.jpg").rename(root / "images" / unicodedata.normalize("NFD", name))
    tree = coco("a.jpg")
    tree["images"][0]["file_name"] = name
    write(root / "annotations/instances_default.json", tree)


def subset(root: Path) -> None:
    photos(root / "images")
    tree = coco()
    tree["images"] += [{"id": n, "file_name": f"x{n}.jpg", "height": 9, "width": 9} for n in range(10, 310)]
    tree["images"].append({"id": 400, "file_name": "/mnt/set/x.jpg", "height": 9, "width": 9})
    write(root / "annotations/instances_default.json", tree)


def encoded(encode: Callable[[str], bytes]) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        photos(root / "images")
        write(root / "annotations/instances_default.json", coco(), encode, indent=2)

    return make


def crlf(text: str) -> bytes:
    return codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode()


def twice(root: Path) -> None:
    """Of two photos of one name nobody knows which one a path of another machine means."""
    for camera in ("cam1", "cam2"):
        photos(root / "images" / camera, "a.jpg")
    photos(root / "images", "b.jpg")
    tree = coco()
    tree["images"][0]["file_name"] = "/srv/cam3/a.jpg"
    write(root / "annotations/instances_default.json", tree)


EXPORTS = [
    Export("CVAT", plain(), GONE),
    Export("Datumaro", datumaro, {"train/a.jpg": "removed", "val/b.jpg": "removed"}),
    Export("Roboflow", roboflow, {"train/a.jpg": "removed", "valid/b.jpg": "removed"}),
    Export("FiftyOne", fiftyone, GONE),
    Export("FiftyOne, splits", fiftyone_splits, {"train/data/a.jpg": "removed", "validation/data/b.jpg": "removed"}),
    Export("Supervisely", supervisely, GONE),
    Export("LabelMe", labelme2coco, {f"JPEGImages/{name}": "removed" for name in PERSONS}),
    Export("Label Studio on Windows", label_studio, GONE, "each is taken for the photo that its end fits"),
    Export("LVIS", lvis, {"train2017/a.jpg": "removed", "val2017/b.jpg": "removed"}),
    Export("VIA", via, GONE, "annotations without a category, taken as people: 2"),
    Export("results beside", results_beside, GONE, "instances_results.json: not a COCO annotation file"),
    Export(
        "a folder of any name",
        lambda root: (photos(root / "fotos"), write(root / "annotations/instances_x.json", coco())),
        GONE,
    ),
    Export("backslashes", plain(renamed("images\\{}")), GONE),
    Export("a drive", plain(renamed("D:\\sets\\people\\{}")), GONE),
    Export("another machine", plain(renamed("/home/me/set/images/{}")), GONE),
    Export("an address", plain(renamed("https://bucket.example.com/set/{}?sig=x%2Fy")), GONE),
    Export("a relative path", plain(renamed("../images/{}")), GONE),
    Export("percent signs", plain(renamed("images%2F{}")), GONE),
    Export("letter case", upper_case, GONE),
    Export("Unicode form", other_unicode, {unicodedata.normalize("NFD", "caf\u00e9.jpg"): "removed"}),
    Export("sizes in floats", plain(each("images", height=96.0, width=128.0)), GONE),
    Export("sizes as texts", plain(each("images", height="96", width="128")), GONE),
    Export("text as category id", plain(each("annotations", category_id="1")), GONE),
    Export("name as category id", plain(each("annotations", category_id="person")), GONE),
    Export("Open Images", plain(open_images), GONE, "taken as people: Man, Woman"),
    Export("nuImages, Mapillary", plain(nuimages), GONE, "taken as people"),
    Export("Pedestrian", plain(each("categories", name="Pedestrian")), GONE, "taken as people: Pedestrian"),
    Export("personas", plain(each("categories", name="Personas")), GONE, "taken as people: Personas"),
    Export("BOM and CRLF", encoded(crlf), GONE),
    Export("NaN", plain(each("annotations", area=float("nan"))), GONE),
    Export("a subset", subset, GONE, "of the listed photos, 301 are not here and not taken", ("input.missing=skip",)),
    Export("own words", plain(each("categories", name="Besucher 1")), GONE, "", ("input.persons=besucher_1, other",)),
    # What cannot be right is said.
    Export(
        "a person-like name",
        plain(
            lambda tree: (
                tree["categories"].append({"id": 2, "name": "Person_sitting"})
                or tree["annotations"][0].update(category_id=2)
            )
        ),
        {"a.jpg": "review", "b.jpg": "removed"},
        "may mean people: Person_sitting",
    ),
    Export(
        "only heads of some",
        plain(
            lambda tree: (
                tree["categories"].append({"id": 2, "name": "head"}) or tree["annotations"][0].update(category_id=2)
            )
        ),
        {"a.jpg": "review", "b.jpg": "removed"},
        "may mean people: head",
    ),
    Export(
        "ids off by one",
        plain(lambda tree: [a.update(image_id=a["image_id"] + 1) for a in tree["annotations"]]),
        {"a.jpg": "review", "b.jpg": "removed"},
    ),
    Export("boxes only", plain(each("annotations", segmentation=[])), dict.fromkeys(PERSONS, "refused")),
    Export(
        "two of one name",
        twice,
        {"b.jpg": "removed", "/srv/cam3/a.jpg": "refused", "cam1/a.jpg": "refused", "cam2/a.jpg": "refused"},
    ),
    Export("UTF-16", encoded(lambda text: text.encode("utf-16")), None, "UTF-16 or UTF-32; COCO files are UTF-8"),
    Export(
        "a comma too many",
        encoded(lambda text: text.replace('\n  ],\n  "categories', ',\n  ],\n  "categories').encode()),
        None,
        "a comma stands behind the last entry of 'annotations'; take it out",
    ),
    Export(
        "no people",
        plain(each("categories", name="car")),
        None,
        "none of its categories (car) is known to mean people; name those that do: --set input.persons=",
    ),
    Export("no categories", plain(lambda tree: tree.pop("categories")), None, "it has no categories"),
    Export(
        "VIA's project",
        plain(lambda tree: (tree.clear(), tree.update(_via_img_metadata={}))),
        None,
        "it is a project of VIA, export it as COCO",
    ),
    Export("a name of its own", plain(name="my_export.json"), None, "name it with --set input.annotations=FILE"),
    Export("a file that is named", plain(name="my_export.json"), GONE, "", ("input.annotations=my_export.json",)),
    Export(
        "names under another key",
        plain(lambda tree: [i.update(filename=i.pop("file_name")) for i in tree["images"]]),
        None,
        "its images have no file_name, so nobody can tell of which photos it speaks",
    ),
    Export("no images", plain(lambda tree: tree.update(images=[])), None, "it lists no images"),
    Export(
        "names without ending",
        plain(lambda tree: [i.update(file_name=i["file_name"][:1]) for i in tree["images"]]),
        GONE,
    ),
    Export(
        "a kind of person",
        plain(
            lambda tree: tree.update(
                categories=[{"id": 1, "name": "barista", "supercategory": "person"}, {"id": 2, "name": "person"}]
            )
        ),
        dict.fromkeys(PERSONS, "review"),
        "may mean people: barista",
    ),
    Export("photos elsewhere", plain(renamed("other{}")), None, "(the first one is called 'othera.jpg')"),
]


@pytest.mark.parametrize("export", EXPORTS, ids=[export.tool for export in EXPORTS])
def test_an_export_runs_as_it_comes(tmp_path: Path, export: Export) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    export.make(root)
    originals = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    settings = coco_settings(*export.settings)
    if export.states is None:
        with pytest.raises(InputError) as caught:
            prepare(root, out, settings, selection())
        assert export.says in str(caught.value)
        return
    job = prepare(root, out, settings, selection())
    summary = execute(job)
    assert {name: row["state"] for name, row in manifest(out).items()} == export.states
    assert export.says in "\n".join(job.collection.notes)
    assert summary is not None and (summary.exit_code(False) == 0) == (set(export.states.values()) == {"removed"})
    assert originals == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for file in job.collection.files:
        edited = out / "annotations" / file.output
        assert undo(edited, out / "annotations/removed_annotations.json", tmp_path / "again.json").exact
        assert (tmp_path / "again.json").read_bytes() == file.coco.path.read_bytes()
        left = json.loads(edited.read_bytes())
        published = {name for name, state in export.states.items() if state in ("removed", "passthrough")}
        assert {file.name_of(image) for image in left["images"]} <= published
        assert not any(a["category_id"] in (1, "1", "person") for a in left["annotations"] if export.tool != "LVIS")


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_names_that_only_some_systems_have(tmp_path: Path) -> None:
    photos(tmp_path / "in/images")
    (tmp_path / "in/images/a.jpg").rename(tmp_path / "in/images/a:b.jpg")
    tree = coco()
    tree["images"][0]["file_name"] = "a:b.jpg"
    write(tmp_path / "in/annotations/instances.json", tree)
    execute(prepare(tmp_path / "in", tmp_path / "out", coco_settings(), selection()))
    assert {name: row["state"] for name, row in manifest(tmp_path / "out").items()} == {
        "a:b.jpg": "removed",
        "b.jpg": "removed",
    }


def test_a_second_file_that_knows_no_people(tmp_path: Path) -> None:
    """Its photos are in review: it may call them otherwise."""
    datumaro(tmp_path / "in")
    write(tmp_path / "in/annotations/instances_val.json", coco("b.jpg", category="Besucher"))
    job = prepare(tmp_path / "in", tmp_path / "out", coco_settings(), selection())
    execute(job)
    rows = manifest(tmp_path / "out")
    assert (rows["train/a.jpg"]["state"], rows["val/b.jpg"]["state"]) == ("removed", "review")
    assert "instances_val.json has no category that is known to mean people" in rows["val/b.jpg"]["reason"]
    assert "none of its categories (Besucher) is known to mean people" in "\n".join(job.collection.notes)


def test_two_files_that_tell_different_people(tmp_path: Path) -> None:
    plain()(tmp_path / "in")
    other = coco()
    del other["annotations"][0]
    write(tmp_path / "in/annotations/instances_other.json", other)
    both = "input.annotations=annotations/instances_default.json,annotations/instances_other.json"
    job = prepare(tmp_path / "in", tmp_path / "out", coco_settings(both), selection())
    (note,) = job.collection.notes
    assert note == (
        "instances_default.json and instances_other.json tell different numbers of people in 1 photos (a.jpg); all of "
        "them are taken."
    )


def test_two_files_that_state_different_sizes(tmp_path: Path) -> None:
    plain()(tmp_path / "in")
    other = coco()
    other["images"][0] |= {"height": 128, "width": 96}
    write(tmp_path / "in/annotations/instances_other.json", other)
    both = "input.annotations=annotations/instances_default.json,annotations/instances_other.json"
    execute(prepare(tmp_path / "in", tmp_path / "out", coco_settings(both), selection()))
    rows = manifest(tmp_path / "out")
    assert (
        rows["a.jpg"]["reason"] == "a.jpg: the annotation files state different sizes; mend or leave out one of them."
    )
    assert rows["b.jpg"]["state"] == "removed"


def test_undo_finds_the_record_above_the_file(tmp_path: Path) -> None:
    roboflow(tmp_path / "in")
    execute(prepare(tmp_path / "in", tmp_path / "out", coco_settings(), selection()))
    edited, again = tmp_path / "out/annotations/valid/_annotations.coco.json", tmp_path / "again.json"
    result = CliRunner().invoke(app, ["undo-annotations", str(edited), "-o", str(again)])
    assert result.exit_code == 0 and "byte for byte" in " ".join(result.output.split())
    assert again.read_bytes() == (tmp_path / "in/valid/_annotations.coco.json").read_bytes()
    alone = tmp_path / "alone/_annotations.coco.json"
    alone.parent.mkdir()
    alone.write_bytes(edited.read_bytes())
    with pytest.raises(InputError, match=r"there is no removed_annotations\.json beside it or in a folder above"):
        undo_annotations(alone, None, output=tmp_path / "other.json")


def test_an_output_of_the_old_layout_is_taken_over(tmp_path: Path) -> None:
    """Runs before this one put every file under its own name: that file of theirs leaves, an edited one is kept."""
    fiftyone_splits(tmp_path / "in")
    execute(prepare(tmp_path / "in", tmp_path / "out", coco_settings(), selection()))
    annotations, note = tmp_path / "out/annotations", tmp_path / "out/.person-removal/annotations.json"
    (annotations / "labels.json").write_text("{}")
    record = json.loads(note.read_text())
    record["files"]["annotations/labels.json"] = stamp_of(annotations / "labels.json")
    note.write_text(json.dumps(record | {"made_from": "an older run"}))
    execute(prepare(tmp_path / "in", tmp_path / "out", coco_settings(), selection()))
    names = {path.relative_to(annotations).as_posix() for path in annotations.rglob("*.json")}
    assert names == {"train/labels.json", "validation/labels.json", "removed_annotations.json"}


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_a_photo_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    photos(tmp_path / "in")
    for old, new in (("a.jpg", "[1].jpg"), ("b.jpg", "1.jpg")):
        (tmp_path / "in" / old).rename(tmp_path / "in" / new)
    write(tmp_path / "in/annotations/instances.json", coco())
    settings = coco_settings(
        "segment.segmenter=mask-files", f"segment.mask_files.folder={tmp_path}", "input.annotations=none"
    )

    def chosen(*patterns: str) -> int:
        return prepare(tmp_path / "in", tmp_path / "out", settings, selection(photos=patterns)).planned.photos

    assert chosen("[1].jpg") == 1 and chosen("[12].jpg") == 1 and chosen("*.jpg") == 2
    job = prepare(tmp_path / "in", tmp_path / "out", settings, selection(photos=["[1].jpg"]))
    assert list(job.planned.others) == [digest("1.jpg")[:16]]
