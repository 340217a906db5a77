"""Every file of the input is taken, or somebody is told of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from image_kinds import KINDS, picture, saved

from configs import InputSettings
from data.collection.folder import read_collection
from data.collection.walk import walk_photos
from data.images import decode
from data.images.kinds import HEAD, is_picture
from data.types import PhotoError

JPEG = saved(picture(), "JPEG")


def put(root: Path, *names: str, raw: bytes = JPEG) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(raw)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_known_by_its_first_bytes(name: str) -> None:
    assert is_picture(KINDS[name].raw[:HEAD])


OTHERS = [
    *(b"", b"B", b"BM", b"BMW is a car, said the list.", b"{}", b"PK\3\4", b"RIFF\0\0\0\0WAVEfmt ", b"P", b"Page 1"),
    *(b"\0\0\0\x18ftypisom\0\0\0\0", b"\0\0\0\x14ftypqt  ", b"II", b"MM\0", b"GIF", b"%PDF-1.7", b"<svg/>", b"P 5 6"),
]


@pytest.mark.parametrize("head", OTHERS)
def test_other_files_are_no_pictures(head: bytes) -> None:
    assert not is_picture(head)


ODD = [
    *("a.pjpeg", "b.apng", "c.jps", "d.insp", "e.mpo", "f.hif", "g.CR2", "noext", "pic.jpg.bak", "tw.jpg_large"),
    *("h.HEICS", "i.txt", "j.mp4", "sub/k.thm"),
]


def test_photos_are_found_whatever_they_are_called(tmp_path: Path) -> None:
    names = [*ODD, *([] if os.name == "nt" else ["tw.jpg:orig"])]
    put(tmp_path, *names)
    assert [name for name, _ in walk_photos(tmp_path).photos] == sorted(names)


def test_what_is_no_photo_is_counted_and_named(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", ".b.jpg", "._a.jpg", ".thumbnails/c.jpg")
    put(tmp_path, "a.xmp", "b.xmp", "notes.txt", "v.MP4", "README", raw=b"hello")
    notes = read_collection(tmp_path, InputSettings()).notes
    kinds = notes[0].partition("(")[2].removesuffix(").").split(", ")
    assert notes[0].startswith("Files that are no photos, so they are not in the output: 5 (")
    assert sorted(kinds) == [".mp4: 1", ".txt: 1", ".xmp: 2", "no ending: 1"]
    assert notes[1:] == ("Hidden files and folders are not taken: .thumbnails/, .b.jpg.",)


def test_many_files_that_are_no_photos_take_one_sentence(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    put(tmp_path, *(f"{n}.k{n % 20}" for n in range(2000)), raw=b"{}")
    (note,) = read_collection(tmp_path, InputSettings()).notes
    assert "2000 (" in note and "others: 1200" in note and len(note) < 250


def test_photos_outside_the_photos_folder_are_named(tmp_path: Path) -> None:
    put(tmp_path, "images/a.jpg", "train2017/1.jpg", "train2017/2.jpg", "cover.png")
    (note,) = read_collection(tmp_path, InputSettings(images="images")).notes
    assert note == "Pictures outside the photos' folder, so they are not taken: 3 (train2017: 2, .: 1)."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_pipes_and_devices_without_a_photos_name_are_not_opened_for_good(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    assert [name for name, _ in walk_photos(tmp_path).photos] == ["a.jpg"]


UNREAD = {
    "a.cr3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Raw files of cameras are not supported; convert it"),
    "a.raf": (b"FUJIFILMCCD-RAW 0201FF159502", "Raw files of cameras"),
    "a.rw2": (b"IIU\0\x18\0\0\0" + bytes(90), "Raw files of cameras"),
    "a.orf": (b"IIRO\x08\0\0\0" + bytes(90), "Raw files of cameras"),
    "a.x3f": (b"FOVb" + bytes(90), "Raw files of cameras"),
    "a.raw": (bytes(range(1, 90)), "Raw files of cameras"),
    "a.nef": (b"MM\0*\0\0\0\x08" + bytes(90), "Raw files of cameras"),
    "a.jxl": (b"\xff\x0a" + bytes(40), "JPEG XL files"),
    "noname": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL files"),
    "a.exr": (b"v/1\1" + bytes(90), "OpenEXR files"),
    "a.xcf": (b"gimp xcf v011" + bytes(90), "GIMP files"),
    "a.ppm": (saved(picture(), "PPM"), "PPM files"),
    "a.tga": (saved(picture(), "TGA"), "TGA files"),
    "a.dng": (saved(picture(), "TIFF", save_all=True, append_images=[picture()]), "multi-page"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_kinds_that_nothing_here_reads_are_taken_and_refused_by_name(tmp_path: Path, name: str) -> None:
    raw, words = UNREAD[name]
    put(tmp_path, name, raw=raw)
    assert [found for found, _ in walk_photos(tmp_path).photos] == [name]
    with pytest.raises(PhotoError, match=words) as error:
        decode(raw, name)
    assert error.value.state == "refused"


def test_an_annotation_file_beside_the_photos_is_not_counted(tmp_path: Path) -> None:
    put(tmp_path, "train/a.jpg", "valid/b.jpg")
    people = {"categories": [{"id": 1, "name": "person"}], "annotations": []}
    for number, (split, name) in enumerate((("train", "a.jpg"), ("valid", "b.jpg"))):
        images = [{"id": number, "file_name": name, "width": 8, "height": 8}]
        put(tmp_path, f"{split}/_annotations.coco.json", raw=json.dumps({**people, "images": images}).encode())
    put(tmp_path, "train/notes.txt", raw=b"hello")
    notes = [note for note in read_collection(tmp_path, InputSettings()).notes if note.startswith("Files that are no")]
    assert notes == ["Files that are no photos, so they are not in the output: 1 (.txt: 1)."]
