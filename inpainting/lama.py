"""LaMa (Suvorov et al., WACV 2022, arXiv 2109.07161) in the two forms that are published: TorchScript and ONNX.

Both take an image in 0..1 and a hole, 1 where to fill. The TorchScript file takes sides that are multiples of 8, gives
0..1 and runs on `inpaint.device`; the ONNX file takes 512 x 512, gives 0..255 and runs on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping

from configs import InpaintSettings, SettingsError
from configs.fills import ExternalSettings, LamaSettings
from data.types import Weight
from data.weights.files import trusted
from inpainting.external import PROGRAMS, ExternalFill, OtherConventionsError, check_conventions, opened

SETTING = "inpaint.lama.weights"
GUIDE_LONG = 512
"""Longer side in pixels of what it is given when it guides another fill."""


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> ExternalFill:
    """The fill of `inpaint.lama.weights`.

    Raises SettingsError, before any photo, for a file that is not LaMa as it was published. A TorchScript file is a
    program: only the registry's bytes are run.
    """
    path, own = weights[settings.of(LamaSettings).weights].path, trusted(weights[settings.of(LamaSettings).weights])
    suffix = path.suffix.lower()
    if suffix in PROGRAMS and not own:
        raise SettingsError(
            f"{SETTING}: {path} is a TorchScript file, a program, and not the registry's; `--fill external` with "
            "inpaint.external.weights and inpaint.external.trust=true runs one that you trust."
        )
    given = ExternalSettings(weights=path.name, output="0..255" if suffix == ".onnx" else "0..1")
    try:
        fill = opened(path, given, settings, SETTING, None if settings.fill == "lama" else GUIDE_LONG)
        check_conventions(fill, path.name)
    except OtherConventionsError as error:
        raise SettingsError(
            f"{SETTING}: {path} does not fill pictures as the published LaMa files do; `--fill external` takes "
            "networks with other conventions."
        ) from error
    return fill
