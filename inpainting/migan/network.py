"""The generator of MI-GAN: a small U-Net of separable convolutions that fills 512 x 512 pixels.

Sargsyan et al., MI-GAN: A Simple Baseline for Image Inpainting on Mobile Devices, ICCV 2023. Names of the layers are
the published file's. Each activation there is a leaky ReLU (0.2) times the square root of 2, clamped at +-256. The
clamp is never reached and is left out; the gain, being positive, is multiplied into the convolution before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from inpainting.migan.bands import Band, in_bands

SIZE = 512
"""Pixels a side; the noise that the network adds is stored for this size."""
GAIN = math.sqrt(2)
_CHANNELS = {512: 64, 256: 128, 128: 256, 64: 512, 32: 512, 16: 512, 8: 512, 4: 512}
"""By the side of the feature maps."""
_BLUR = torch.outer(torch.tensor([1.0, 3.0, 3.0, 1.0]), torch.tensor([1.0, 3.0, 3.0, 1.0])) / 64
"""[1 3 3 1] both ways, applied at every second pixel before maps are halved."""
_LARGE = 256
"""Side of maps from which on they are computed in bands."""
_ROWS = 64
"""Of such maps, in a band."""
_HALO = 4
"""Pixels around what is wanted, in the maps before the first large ones, that the last blocks compute it from."""

Part = tuple[slice, slice]
"""Rows and columns of a picture."""
WHOLE: Part = slice(0, SIZE), slice(0, SIZE)


def act(x: Tensor) -> Tensor:
    """The activation without its gain, in place."""
    return F.leaky_relu_(x, 0.2)


def twice(x: Tensor) -> Tensor:
    """The maps [N, C, H, W] at twice their size: zeros between the pixels, then the filter [1 3 3 1] / 4 both ways.

    That is a linear enlargement, but beyond the border there are zeros: a quarter of its pixels.
    """
    large = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    for edge in (large[..., 0, :], large[..., -1, :], large[..., 0], large[..., -1]):
        edge *= 0.75
    return large


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The 1 x 1 convolution of maps [N, C, H, W].

    On one thread torch convolves fewer than 16 pictures with a slower library, so each row is given as a picture.
    """
    if x.device.type != "cpu":
        return F.conv2d(x, weight, bias)
    n, _, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(n * height, 1, width, -1).permute(0, 3, 1, 2)
    y = F.conv2d(rows, weight, bias)
    return y.permute(0, 2, 3, 1).reshape(n, height, width, -1).permute(0, 3, 1, 2)


class Separable(nn.Module):
    """A depthwise 3 x 3 convolution and a 1 x 1 convolution, an activation after each.

    resize: -1 halves the maps between the two, 1 doubles them after the second. noise: a constant map added to the
    second one's output, [H, W].
    """

    def __init__(self, channels: int, to: int, resize: int = 0, noise: int = 0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.conv2 = nn.Conv2d(channels, to, 1, bias=False)
        self.resize = resize
        self.blur: Tensor | None
        self.noise: Tensor | None
        self.register_buffer("blur", _BLUR.repeat(channels, 1, 1, 1) if resize < 0 else None)
        self.register_buffer("noise", torch.zeros(noise, noise) if noise else None)

    def forward(self, x: Tensor, part: Part = WHOLE) -> Tensor:
        """part: which part of the picture comes out, for the noise there."""
        x = act(self.conv1(x))
        if self.blur is not None:
            x = F.conv2d(x, self.blur, stride=2, padding=1, groups=x.shape[1])
        x = pointwise(x, self.conv2.weight)
        if self.resize > 0:
            x = twice(x)
        if self.noise is not None:
            x = x.add_(self.noise[part])
        return act(x)


class EncoderBlock(nn.Module):
    """Maps of one size: gives them, for the generator's block of that size, and those of half the size."""

    def __init__(self, side: int) -> None:
        super().__init__()
        channels = _CHANNELS[side]
        if side == SIZE:
            self.fromrgb = nn.Conv2d(4, channels, 1)
        self.conv1 = Separable(channels, channels)
        self.conv2 = Separable(channels, _CHANNELS[max(4, side // 2)], resize=-1 if side > 4 else 0)

    def maps(self, x: Tensor) -> Tensor:
        """Those of this size."""
        if hasattr(self, "fromrgb"):
            x = act(pointwise(x, self.fromrgb.weight, self.fromrgb.bias))
        return cast(Tensor, self.conv1(x))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.maps(x)
        return x, self.conv2(x)


class SynthesisBlock(nn.Module):
    """Maps of twice the size of those that come in (of the first block: of the same), and their part of the picture."""

    def __init__(self, side: int) -> None:
        super().__init__()
        channels, first = _CHANNELS[side], side == 4
        noise = 0 if first else side
        self.conv1 = Separable(channels if first else _CHANNELS[side // 2], channels, 0 if first else 1, noise)
        self.conv2 = Separable(channels, channels, noise=noise)
        self.torgb = nn.Conv2d(channels, 3, 1)

    def forward(self, x: Tensor, skip: Tensor, part: Part = WHOLE) -> tuple[Tensor, Tensor]:
        """part: which part of the picture comes out."""
        x = self.conv2(self.conv1(x, part).add_(skip), part)
        return x, pointwise(x, self.torgb.weight, self.torgb.bias)


class Generator(nn.Module):
    """Input float32 [N, 4, 512, 512]: known - 0.5 (known = 1, hole = 0), then RGB in -1..1 with 0 in the hole.

    Output [N, 3, 512, 512]: RGB in -1..1, a little beyond where it overshoots; the known pixels painted anew too.
    """

    def __init__(self) -> None:
        super().__init__()
        sides = sorted(_CHANNELS)
        self.encoder = nn.ModuleDict({f"b{side}": EncoderBlock(side) for side in reversed(sides)})
        self.synthesis = nn.ModuleDict({f"b{side}": SynthesisBlock(side) for side in sides})

    def forward(self, x: Tensor, part: Part = WHOLE) -> Tensor:
        """part: what of the picture is wanted; on a CPU the last blocks compute nothing else, and the rest is 0."""
        return self._in_bands(x, part) if x.device.type == "cpu" else self.at_once(x)

    def at_once(self, x: Tensor) -> Tensor:
        """The picture from whole maps."""
        skips = {}
        for name, block in self.encoder.items():
            skips[name], x = block(x)
        picture: Tensor | None = None
        for name, block in self.synthesis.items():
            x, part = block(x, skips.pop(name))
            picture = _with(picture, part)
        assert picture is not None
        return picture

    def _in_bands(self, x: Tensor, wanted: Part) -> Tensor:
        """The same, with large maps in bands. The largest ones are computed twice rather than kept."""
        given, largest = x, cast(EncoderBlock, self.encoder[f"b{SIZE}"])
        skips: dict[str, Callable[[Part], Tensor]] = {}
        for name, block in self.encoder.items():
            height = x.shape[2]
            encode = partial(_encoded, block, x)
            # two filters, and the one of 4 x 4 pixels from an even row on
            if height == SIZE:
                (x,) = in_bands(partial(_without_maps, encode), height, (0.5,), _ROWS, 4)
                skips[name] = lambda part: largest.maps(given[:, :, *part])
            else:
                maps, x = in_bands(encode, height, (1, 0.5), _ROWS, 4) if height >= _LARGE else block(x)
                skips[name] = partial(_part_of, maps)
        picture: Tensor | None = None
        part = WHOLE  # of the maps that come in
        for name, block in self.synthesis.items():
            side, skip = int(name[1:]), skips.pop(name)
            if side == _LARGE and picture is not None:
                part = _around(wanted, SIZE // x.shape[2], x.shape[2])
                x, picture = x[:, :, *part], picture[:, :, *part]
            if side < _LARGE:
                x, more = block(x, skip(WHOLE))
            else:
                # two filters and an enlargement between them
                rows = _ROWS // 2
                synthesise = partial(_synthesised, block, x, skip, part)
                if side == SIZE:
                    (more,) = in_bands(partial(_without_maps, synthesise), x.shape[2], (2,), rows, 2)
                else:
                    x, more = in_bands(synthesise, x.shape[2], (2, 2), rows, 2)
                part = _twice_as_large(part)
            picture = _with(picture, more)
        assert picture is not None
        whole = picture.new_zeros((len(picture), 3, SIZE, SIZE))
        whole[:, :, *part] = picture
        return whole


def _around(part: Part, scale: int, side: int) -> Part:
    """What of maps `scale` times smaller than the picture, `side` pixels long, its part is computed from."""
    rows, columns = (slice(max(0, s.start // scale - _HALO), min(side, -(-s.stop // scale) + _HALO)) for s in part)
    return rows, columns


def _twice_as_large(part: Part) -> Part:
    rows, columns = (slice(2 * s.start, 2 * s.stop) for s in part)
    return rows, columns


def _with(picture: Tensor | None, part: Tensor) -> Tensor:
    """The picture so far at the size of a block's part of it, and that added."""
    return part if picture is None else twice(picture).add_(part)


def _part_of(maps: Tensor, part: Part) -> Tensor:
    return maps[:, :, *part]


def _without_maps(compute: Callable[[Band], list[Tensor]], band: Band) -> list[Tensor]:
    return compute(band)[1:]


def _encoded(block: nn.Module, x: Tensor, band: Band) -> list[Tensor]:
    return list(block(x[:, :, band.sources()]))


def _synthesised(block: nn.Module, x: Tensor, skip: Callable[[Part], Tensor], part: Part, band: Band) -> list[Tensor]:
    """x: the part `part` of the maps before the block."""
    rows, columns = _twice_as_large((slice(part[0].start + band.first, part[0].start + band.last), part[1]))
    return list(block(x[:, :, band.sources()], skip((rows, columns)), (rows, columns)))


def build_generator(tensors: Mapping[str, NDArray[np.float32]]) -> Generator:
    """The generator with the tensors of `migan_pipeline_v2.onnx`, by their names there.

    Raises ValueError for tensors of another network.
    """
    with torch.device("meta"):  # the tensors of the file are put in, not copied over others
        generator = Generator()
    names = _published_names(generator, tensors)
    state = {}
    for name, value in generator.state_dict().items():
        if name.endswith(".blur"):
            state[name] = _BLUR.repeat(len(value), 1, 1, 1)
            continue
        array = tensors.get(names[name])
        if array is None or array.shape != tuple(value.shape):
            found = "is missing" if array is None else f"has the shape {list(array.shape)}, not {list(value.shape)}"
            raise ValueError(f"these are not MI-GAN's weights: the tensor {names[name]} {found}.")
        gain = 1.0 if ".torgb." in name else GAIN
        state[name] = torch.from_numpy(array * np.float32(gain))
    generator.load_state_dict(state, assign=True)
    return generator.eval().requires_grad_(False)


def _published_names(generator: Generator, tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, str]:
    """Each tensor of the generator -> its name in the file. The exporter numbered the noise maps in the order in which
    they are added: of each size the first is `conv1`'s."""
    noise = sorted(name for name in tensors if name.startswith("onnx::Add_") and tensors[name].ndim == 2)
    of_side: dict[int, list[str]] = {}
    for name in sorted(noise, key=lambda name: int(name.rpartition("_")[2])):
        of_side.setdefault(len(tensors[name]), []).append(name)
    names = {}
    for name in generator.state_dict():
        if name.endswith(".noise"):
            _, block, convolution, _ = name.split(".")
            numbered = of_side.get(int(block[1:]), [])
            which = int(convolution[-1]) - 1
            names[name] = numbered[which] if which < len(numbered) else f"onnx::Add_ of {block}"
        else:
            names[name] = f"model.{name}"
    return names
