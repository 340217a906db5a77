"""SN-PatchGAN: which patches of a filled photo look real (paper, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainting.deepfillv2.conventions import Layout

SLOPE = 0.2
"""Of the leaky ReLU after every layer."""


class SpectralConv(nn.Conv2d):
    """A strided 5x5 convolution whose weight has spectral norm one (Miyato et al. 2018, algorithm 1).

    Every forward pass makes one power iteration and divides the weight by the norm it finds, in place, as the common
    port does: the stored weight is the normalised one.
    """

    def __init__(self, inputs: int, outputs: int, layout: Layout) -> None:
        super().__init__(inputs, outputs, kernel_size=5, stride=2)
        self.around = (2, 2, 2, 2) if layout == "pt" else (1, 2, 1, 2)  # TensorFlow's SAME at even sizes
        self.weight_u: Tensor
        self.register_buffer("weight_u", F.normalize(torch.randn(outputs, 1), dim=0))

    @torch.no_grad()
    def normalise(self) -> None:
        """One power iteration; afterwards the weight is divided by its largest singular value as now known."""
        weight = self.weight.flatten(1)  # [outputs, inputs 25]
        right = F.normalize(weight.T @ self.weight_u, dim=0)
        self.weight_u.copy_(F.normalize(weight @ right, dim=0))
        self.weight.data.div_((self.weight_u.T @ weight @ right).squeeze())

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            self.normalise()
        return super().forward(F.pad(x, self.around))


class Layer(nn.Module):
    """Convolution and leaky ReLU, under the published key `conv_sn`."""

    def __init__(self, inputs: int, outputs: int, layout: Layout) -> None:
        super().__init__()
        self.conv_sn = SpectralConv(inputs, outputs, layout)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv_sn(x), SLOPE)


class Discriminator(nn.Module):
    """Scores of the patches of a photo with its hole, above 0 for real ones.

    c: width, 64 in the published weights, whose keys these are (`conv1.conv_sn.weight` ...).
    """

    def __init__(self, c: int = 64, layout: Layout = "pt") -> None:
        super().__init__()
        self.conv1 = Layer(4, c, layout)  # [c, H/2, W/2]
        self.conv2 = Layer(c, 2 * c, layout)
        self.conv3 = Layer(2 * c, 4 * c, layout)
        self.conv4 = Layer(4 * c, 4 * c, layout)
        self.conv5 = Layer(4 * c, 4 * c, layout)
        self.conv6 = Layer(4 * c, 4 * c, layout)  # [4c, H/64, W/64]

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """[B, scores]. image: [B, 3, H, W] in [-1, 1]. hole: [B, 1, H, W], 1 = filled."""
        x = torch.cat([image, hole], dim=1)
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5, self.conv6):
            x = layer(x)
        return x.flatten(1)
