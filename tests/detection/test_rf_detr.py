"""`rf-detr` with a small network of the same signature, against the authors' own steps written plainly."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from red_detr import QUERIES, red_detr

from configs import SettingsError
from configs.load import load_settings
from data.geometry import Box
from data.types import People, Photo, Weight
from detection import build_segmenter
from detection.rf_detr import mask_at_size

RED, BLUE, GREY = (250, 20, 30), (30, 20, 250), (90, 110, 90)


def segmenter(path: Path, *chosen: str) -> Any:
    given = ["segment.segmenter=rf-detr", f"segment.rf_detr.weights={path}", "segment.tile=none", *chosen]
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    return build_segmenter(load_settings("coco", given).segment, {str(path): Weight(path.name, path, sha)})


def photo(height: int, width: int, **things: tuple[int, int, int, int]) -> Photo:
    """Grey with noise, with a red and a blue rectangle (top, bottom, left, right)."""
    pixels = np.random.default_rng(0).integers(-9, 10, (height, width, 3)).astype(np.int16)
    pixels = np.clip(pixels + GREY, 0, 255).astype(np.uint8)
    for name, (top, bottom, left, right) in things.items():
        pixels[top:bottom, left:right] = RED if name.startswith("red") else BLUE
    return Photo("a", "a.jpg", pixels)


def found(path: Path, one: Photo, *chosen: str) -> People:
    (people,) = segmenter(path, *chosen).segment([one])
    return people


def authors(path: Path, one: Photo) -> tuple[np.ndarray, np.ndarray]:
    """Scores (Q, 91) and masks (Q, H, W) as the authors' own code makes them of what the file gives."""
    image = torch.from_numpy(one.pixels).permute(2, 0, 1)[None].float() / 255
    side = onnxruntime.InferenceSession(str(path)).get_inputs()[0].shape[-1]
    image = torch.nn.functional.interpolate(image, (side, side), mode="bilinear", antialias=False)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (image - mean[:, None, None]) / deviation[:, None, None]
    _, labels, masks = onnxruntime.InferenceSession(str(path)).run(["dets", "labels", "masks"], {"input": x.numpy()})
    large = torch.nn.functional.interpolate(torch.from_numpy(masks), one.size, mode="bilinear", align_corners=False)
    return torch.from_numpy(labels[0]).sigmoid().numpy(), (large[0] > 0).numpy()


@pytest.mark.parametrize("size", [(64, 64), (300, 200), (48, 150)])
def test_it_gives_what_the_authors_own_steps_give(tmp_path: Path, size: tuple[int, int]) -> None:
    path, (height, width) = red_detr(tmp_path / "red.onnx"), size
    one = photo(height, width, red=(height // 4, height // 2, width // 8, width // 2))
    scores, masks = authors(path, one)
    people = found(path, one)
    (person,) = people.persons  # the two queries that find her are one person
    assert person.score == pytest.approx(scores[0, 1], abs=0.003)
    apart = people.mask(person) != masks[0]
    assert apart.sum() <= 0.005 * masks[0].sum()  # whole grey levels went in instead of fractions
    assert masks[0].sum() > 0.08 * height * width


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (301, 77), (5, 9)])
def test_masks_are_enlarged_as_torch_does_it(size: tuple[int, int]) -> None:
    logits = np.random.default_rng(0).normal(-0.5, 1, (16, 12)).astype(np.float32)
    logits[:3] = logits[:, -2:] = -1
    whole = mask_at_size(logits, size).within(Box.whole(size))
    large = torch.nn.functional.interpolate(torch.from_numpy(logits)[None, None], size, mode="bilinear")
    assert np.array_equal(whole, large[0, 0].numpy() > 0)
    assert mask_at_size(-np.abs(logits), size).area == 0


def test_things_that_are_carried_come_along_and_a_score_is_the_least(tmp_path: Path) -> None:
    path = red_detr(tmp_path / "red.onnx")
    one = photo(128, 128, red=(16, 80, 16, 48), blue=(40, 72, 64, 104))
    people = found(path, one)
    assert len(people.persons) == 1 and [thing.label for thing in people.objects] == ["backpack"]
    assert found(path, one, "segment.objects=[umbrella]").objects == ()
    certain = authors(path, one)[0][0, 1]
    assert len(found(path, one, f"segment.score={certain - 0.05:.3f}").persons) == 1
    assert found(path, one, f"segment.score={min(1, certain + 0.05):.3f}").persons == ()
    assert found(path, photo(100, 100)).persons == ()


def test_a_large_photo_is_seen_in_tiles_as_well(tmp_path: Path) -> None:
    path = red_detr(tmp_path / "red.onnx")
    small = photo(640, 640, red=(300, 310, 300, 310))  # 1 of 64 pixels when the whole photo is seen
    assert found(path, small).persons == ()
    assert len(found(path, small, "segment.tile=auto").persons) == 1


def test_the_photo_is_made_smaller_without_smoothing(tmp_path: Path) -> None:
    """At a tenth of its size bilinear reading meets two of ten columns, which are red here; a mean of all is grey."""
    one = photo(64, 640)
    columns = [10 * i + k for i in range(10, 40) for k in (4, 5)]
    one.pixels[16:48, columns] = RED
    path = red_detr(tmp_path / "red.onnx")
    assert authors(path, one)[1][0].any()
    assert len(found(path, one).persons) == 1


def other_signature(path: Path) -> Path:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], ["output0"])],
        "g",
        [value("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [value("output0", TensorProto.FLOAT, [1, 3, 8, 8])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_other_files_are_one_sentence(tmp_path: Path) -> None:
    wrong = {
        "boxes.onnx": lambda path: red_detr(path, with_masks=False),  # a detection network of the same family
        "own.onnx": lambda path: red_detr(path, classes=3),
        "yolo.onnx": other_signature,
    }
    for name, make in wrong.items():
        with pytest.raises(
            SettingsError, match=r"an RF-DETR-Seg network takes \[1, 3, S, S\] and gives boxes"
        ) as error:
            segmenter(make(tmp_path / name))
        said = str(error.value)
        assert said.startswith(f"segment.rf_detr.weights: {name} takes ") and "\n" not in said
    (tmp_path / "page.onnx").write_text("<html>quota exceeded</html>")
    with pytest.raises(SettingsError, match=r"page\.onnx is not an ONNX file"):
        segmenter(tmp_path / "page.onnx")
    (tmp_path / "rf-detr-seg-n-ft.pth").write_bytes(b"PK")
    with pytest.raises(SettingsError, match=r"is no \.onnx file; `model\.export\(\)` of the package rfdetr"):
        segmenter(tmp_path / "rf-detr-seg-n-ft.pth")


def test_the_network_of_these_tests_has_the_published_signature(tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(str(red_detr(tmp_path / "red.onnx")))
    shapes = {one.name: one.shape for one in (*session.get_inputs(), *session.get_outputs())}
    q = len(QUERIES)
    assert shapes == {"input": [1, 3, 64, 64], "dets": [1, q, 4], "labels": [1, q, 91], "masks": [1, q, 16, 16]}
