"""Settings of `person-removal train`: frozen, one class a concern, and the only place where a default is written."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from configs.errors import SettingsError
from configs.load import merge, parse_override, read_yaml, sentence
from configs.methods import Frozen


def _listed(value: object) -> object:
    """`--set data.photos=a,b` is a list too."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Chance = Annotated[float, Field(ge=0, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class DataSettings(Frozen):
    """What the network sees."""

    photos: Paths = ()
    """Folders of photos without people, searched through and through."""
    size: int = Field(default=256, ge=32, le=1024, multiple_of=8)
    """Side of the square crops, in pixels."""
    scales: tuple[float, float] = (1.0, 2.0)
    """Least and most pixels of the photo that become one of the crop; drawn for every crop."""
    flip: bool = True
    """Mirror half of the crops."""
    pairs: int = Field(default=0, ge=0)
    """Different pairs of crop and hole that there are at all; 0 draws new ones for ever. With a pre-fill that takes
    long, some thousands, filled once and kept in `cache`."""
    cache: str | None = None
    """Folder where the pre-fills of `pairs` are kept; none is `pairs` in the output folder."""
    resident: bool = False
    """Keep all photos on `run.device` as they are and cut crops there, instead of reading photos for every step: 0.9 MB
    a photo of 640 x 480. Without a pre-fill."""
    workers: int = Field(default=4, ge=1, le=64)
    """Threads that prepare crops while the network learns."""

    @field_validator("scales")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0.1 <= value[0] <= value[1] <= 32:
            raise ValueError("the least and the most scale, in this order, from 0.1 to 32")
        return value


class HoleSettings(Frozen):
    """What is cut out of the crops. Each kind comes with its own chance; where several come, they add up."""

    silhouettes: Paths = ()
    """COCO annotation files (their persons) and folders of mask files (white = person)."""
    silhouette: Chance = 0.7
    """Chance of one to three people's silhouettes, grown as `refine.dilate` grows them."""
    free_form: Chance = 0.3
    """Chance of brush strokes (paper, section 3.4)."""
    box: Chance = 0.15
    """Chance of a rectangle."""
    share: tuple[float, float] = (0.02, 0.25)
    """Least and most share of the crop that each kind covers."""
    most: float = Field(default=0.5, gt=0, le=0.9)
    """Most share of the crop that all of them cover."""

    @field_validator("share")
    @classmethod
    def _in_order(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0.001 <= value[0] <= value[1] <= 0.9:
            raise ValueError("the least and the most share, in this order, from 0.001 to 0.9")
        return value


class NetworkSettings(Frozen):
    """What learns."""

    width: int = Field(default=48, ge=4, le=128, multiple_of=4)
    """Of the generator; 48 in the published weights."""
    layout: Literal["pt", "tf"] = "pt"
    """Padding, halving and key names; `pt` as the common PyTorch port."""
    prefill: Literal["none", "patchmatch", "telea", "navier-stokes"] = "none"
    """What fills the hole before the network refines it; its outputs are then added to that. `none`: zeros."""
    discriminator: int = Field(default=64, ge=8, le=128)
    """Width of the discriminator."""
    start: str | None = None
    """Weights file that the generator starts from; none starts from random ones."""


class LossSettings(Frozen):
    """What is learnt: weights of the generator's losses."""

    coarse: float = Field(default=1.0, ge=0)
    """L1 of the coarse stage."""
    refined: float = Field(default=1.0, ge=0)
    """L1 of the refined stage."""
    adversarial: float = Field(default=1.0, ge=0)
    """Hinge loss against the discriminator; 0 trains without one."""
    where: Literal["all", "hole"] = "all"
    """Pixels that L1 looks at. A network with a pre-fill learns from the `hole` alone."""
    grain: int = Field(default=1, ge=1, le=32)
    """L1 compares the means of squares of so many pixels: above 1 only colours and shading, and the texture is left to
    the pre-fill or to the discriminator."""


class OptimiserSettings(Frozen):
    """How it is learnt."""

    steps: int = Field(default=100_000, ge=1)
    """Steps of the whole training."""
    batch: int = Field(default=16, ge=1)
    """Crops in a step, of all processes together."""
    rate: float = Field(default=1e-4, gt=0)
    """Learning rate of the generator (Adam)."""
    discriminator_rate: float = Field(default=1e-4, gt=0)
    """Learning rate of the discriminator."""
    betas: tuple[Decay, Decay] = (0.5, 0.999)
    """Adam's decay of the mean and of the variance."""
    clip: float = Field(default=10.0, gt=0)
    """Longest gradient; longer ones are shortened to it."""
    ema: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the running mean of the generator's weights, which is what is validated and exported."""


class ValidationSettings(Frozen):
    """How it is watched."""

    photos: Paths = ()
    """Folders of photos to validate on; none takes every `holdout`-th training photo, which is then not trained on."""
    holdout: int = Field(default=20, ge=2)
    """See `photos`."""
    items: int = Field(default=32, ge=1)
    """Crops with holes, the same ones every time."""
    every: int = Field(default=1000, ge=1)
    """Steps between validations; a sheet of samples and the curves are written then too."""


class TrainRunSettings(Frozen):
    """How the work is done."""

    seed: int = Field(default=1, ge=0)
    """Of the first weights and, with the step's number, of everything that is drawn."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1` or `mps`; under torchrun each process takes the GPU of its number."""
    bf16: bool = False
    """Convolutions in bfloat16 (autocast): faster on GPUs and on CPUs that have it."""
    channels_last: bool = False
    """Memory order that suits bfloat16 convolutions."""
    checkpoint: int = Field(default=1000, ge=1)
    """Steps between checkpoints."""
    keep: int = Field(default=3, ge=1)
    """Newest checkpoints that are kept."""
    minutes: float = Field(default=0, ge=0)
    """Stop after so long, with a checkpoint to go on from; 0: no limit."""
    tensorboard: bool = False
    """Write curves for TensorBoard too."""


class TrainSettings(Frozen):
    """Everything that a training is made of. Saved with it."""

    data: DataSettings = DataSettings()
    holes: HoleSettings = HoleSettings()
    network: NetworkSettings = NetworkSettings()
    loss: LossSettings = LossSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    validation: ValidationSettings = ValidationSettings()
    run: TrainRunSettings = TrainRunSettings()


def load_training(config: str | None = None, overrides: Sequence[str] = ()) -> TrainSettings:
    """The settings of a YAML file, or of `train.yaml` of this package, with `section.field=value` overrides on top.

    Raises SettingsError.
    """
    packaged = None if config else (files("configs") / "train.yaml").read_text(encoding="utf-8")
    tree = read_yaml(config or "train.yaml", packaged, "training")
    for assignment in overrides:
        merge(tree, parse_override(assignment))
    try:
        return TrainSettings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(sentence(error, TrainSettings)) from None
