"""MI-GAN's network gives what the published file gives, and reads no other file for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from configs import InpaintSettings
from data.weights import files as weights
from inpainting.migan import fill as migan
from inpainting.migan.network import WHOLE, Generator, Part, build_generator, pointwise, twice
from inpainting.migan.onnx_tensors import read_tensors

GOLDEN = Path(__file__).parent / "golden" / "migan.npz"
SIDE = 512


@pytest.fixture(scope="module")
def network() -> migan.MiganFill:
    try:
        weight = weights.find("migan")
    except weights.WeightsError as error:
        pytest.skip(str(error))
    return migan.build(InpaintSettings(fill="migan", device="cpu"), {"migan": weight})


def picture() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture of waves, lines and noise, and a hole in it."""
    y, x = np.mgrid[:SIDE, :SIDE]
    rng = np.random.default_rng(3)
    waves = 120 + 60 * np.sin(x[..., None] / 37 + np.arange(3)) + 30 * np.cos(y[..., None] / 23)
    waves[(x // 64 + y // 64) % 2 == 0] -= 40
    image = np.clip(waves + rng.normal(0, 4, waves.shape), 0, 255).astype(np.uint8)
    hole = np.zeros((SIDE, SIDE), np.uint8)
    hole[130:390, 200:330] = 255
    hole[300:440, 180:240] = 255
    return image, hole


def test_gives_what_the_published_file_gives(network: migan.MiganFill) -> None:
    """The golden values are the published pipeline's on this picture, at every eighth pixel of the hole that lies
    far enough inside for its blend to play no part."""
    image, hole = picture()
    with np.load(GOLDEN) as file:
        rows, columns, expected = file["rows"], file["columns"], file["result"]
    assert len(rows) > 300
    assert (hole[rows, columns] == 255).all()
    painted = network.network(np.where(hole[..., None] == 0, image, np.uint8(0)), hole)
    assert np.abs(painted[rows, columns] - expected).max() <= 1  # the file rounds down to whole levels
    assert np.abs(painted[rows, columns] - 0.5 - expected).max() <= 0.5 + 0.02


def test_the_same_as_the_published_graph(network: migan.MiganFill) -> None:
    runtime = pytest.importorskip("onnxruntime")
    path = weights.find("migan").path
    model = onnx.load(str(path))
    bare = "/model/synthesis/b512/Add_1_output_0"
    model.graph.output.append(helper.make_tensor_value_info(bare, onnx.TensorProto.FLOAT, None))
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image, hole = picture()
    given = {"image": image.transpose(2, 0, 1)[None], "mask": (255 - hole)[None, None]}
    expected = np.clip((session.run([bare], given)[0][0].transpose(1, 2, 0) + 1) * 127.5, 0, 255)
    painted = network.network(np.where(hole[..., None] == 0, image, np.uint8(0)), hole)
    assert np.abs(painted - expected)[hole != 0].max() < 0.5  # the rest need not be painted


def test_fill_changes_the_hole_alone_at_any_size(network: migan.MiganFill) -> None:
    image, hole = picture()
    for height, width in ((40, 40), (33, 300), (512, 384)):
        window, inside = image[:height, :width], hole[-height:, -width:]
        filled = network.fill(window, inside)
        assert filled.shape == (height, width, 3)
        assert (filled[inside == 0] == window[inside == 0]).all()


def test_nothing_of_the_hole_is_seen(network: migan.MiganFill) -> None:
    image, hole = picture()
    other = np.where(hole[..., None] != 0, 255 - image, image)
    assert np.array_equal(network.paint(image, hole)[hole != 0], network.paint(other, hole)[hole != 0])


@pytest.mark.parametrize(
    "part",
    [WHOLE, (slice(200, 201), slice(0, SIDE)), (slice(60, 330), slice(3, 90)), (slice(500, 512), slice(511, 512))],
)
def test_bands_give_what_whole_maps_give(part: Part) -> None:
    generator = Generator().eval()
    x = torch.randn(1, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        x = x.contiguous(memory_format=torch.channels_last)
        whole, banded = generator.at_once(x), generator(x, part)
    assert banded.shape == whole.shape
    assert torch.allclose(banded[:, :, *part], whole[:, :, *part], rtol=1e-4, atol=1e-5)


def test_twice_is_zero_stuffing_and_the_filter() -> None:
    x = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    kernel = (row[:, None] * row).repeat(3, 1, 1, 1)
    expected = torch.nn.functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=3)
    assert torch.allclose(twice(x), expected, atol=1e-6)


def test_pointwise_is_the_convolution() -> None:
    x, weight = torch.randn(2, 4, 8, 6), torch.randn(5, 4, 1, 1)
    bias = torch.randn(5)
    assert torch.allclose(pointwise(x, weight, bias), torch.nn.functional.conv2d(x, weight, bias), atol=1e-5)


def test_reads_the_tensors_of_an_onnx_file(tmp_path: Path) -> None:
    values = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b.c": np.float32([[[-1.5]]])}
    whole = numpy_helper.from_array(np.arange(3, dtype=np.int64), "numbers")
    initializers = [*(numpy_helper.from_array(value, name) for name, value in values.items()), whole]
    graph = helper.make_graph([], "g", [], [], initializers)
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph), str(path))
    read = read_tensors(path)
    assert read.keys() == values.keys()
    assert all(np.array_equal(read[name], value) for name, value in values.items())


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01", b"\xff" * 40, b"PK\x03\x04 a zip", b"<html>no weights</html>", b":\x90\x4e"]
)
def test_other_bytes_are_no_onnx_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="ONNX file"):
        read_tensors(path)


def test_tensors_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not MI-GAN's weights: the tensor model\.encoder\.b512\.fromrgb"):
        build_generator({"other": np.zeros((2, 2), np.float32)})
