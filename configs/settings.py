"""The settings tree: frozen, one class a stage, and the only place where a default is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from configs.fills import FALLBACK, FILLS, FillMethod
from configs.methods import Frozen, Section, with_methods
from configs.segmenters import SEGMENTERS

if TYPE_CHECKING:
    SegmenterName: TypeAlias = str
    FillName: TypeAlias = str
    VerifierName: TypeAlias = str
else:  # choices, for validation, forms and help
    SegmenterName = Literal[*SEGMENTERS]
    FillName = Literal["auto", *FILLS]
    VerifierName = Literal[*SEGMENTERS, "auto", "same", "none"]
CARRIED = (
    *("backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite"),
    *("baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "cell phone"),
)
"""COCO's classes of things that people carry, wear or ride and that look odd without them."""


class InputSettings(Frozen):
    """Where the photos and their annotations are found inside the input directory."""

    annotations: str | None = None
    """COCO annotation files, relative to the input directory, comma-separated; found by themselves where the photos
    of each are found. `none` takes the photos as a plain folder."""
    images: str | None = None
    """Folder of the photos, relative to the input directory; found by itself in COCO directories."""
    megapixels: float = Field(default=200, gt=0, le=4096)
    """Photos with more million pixels are refused before they are decoded; one of 200 takes a worker about 4 GB."""
    missing: Literal["fail", "skip"] = "fail"
    """Photos that an annotation file lists and that are not there: `fail` names each of them, `skip` takes those that
    are there and only counts the others."""
    persons: tuple[str, ...] = ()
    """Categories of the annotation files that mean people, by name; none named takes the names of configs/persons.py
    (person, people, pedestrian, rider, man, woman, ...)."""
    frame: Literal["auto", "raw", "upright"] = "auto"
    """How given masks are drawn on a photo that EXIF turns, where their size fits both ways: as its pixels are stored
    (`raw`), or as the photo is shown (`upright`). `auto` asks the verifier; where that cannot
    tell, `raw` is taken and the photo ends in `review`."""
    licences: tuple[str, ...] = ()
    """Take only photos under these licences, by the annotation file's ids or names; none named takes all."""

    @field_validator("licences", "persons", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        if isinstance(value, str | int):  # `input.licences=4,5` and `input.licences=4` on the command line
            value = [part for part in str(value).split(",") if part.strip()]
        return tuple(str(item).strip() for item in value) if isinstance(value, list | tuple) else value


@with_methods
class SegmentSettings(Section):
    """Find people: photo -> instances."""

    methods: ClassVar = SEGMENTERS
    chooser: ClassVar = "segmenter"
    section: ClassVar = "segment"

    segmenter: SegmenterName = "yolo"
    """The segmenter that finds the people."""
    score: float = Field(default=0.15, ge=0, le=1)
    """Lowest confidence of a detection; low, because a missed person is worse than a larger hole."""
    image_size: int = Field(default=640, ge=64, le=4096, multiple_of=32)
    """Longer side, in pixels, at which `yolo` and the detector of `embedded` see the photo."""
    tile: Literal["auto", "none"] | Annotated[int, Field(ge=64, le=4096)] = "auto"
    """Side, in pixels, of the tiles in which larger photos are also searched; `auto` is what the network sees."""
    tile_overlap: float = Field(default=0.2, ge=0, le=0.5)
    """Least share of a tile that its neighbour shows too; people smaller than that are whole in one of them."""
    objects: tuple[str, ...] = CARRIED
    """Classes of things that segmenters which know them also give, by COCO's names; `refine.carry` decides which of
    them leave with a person."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1` or `mps`. A GPU takes several photos at a time, CUDA in half precision; a CPU one
    by one in single precision, so that its results never depend on the company. Exported files run on the CPU."""

    @property
    def given(self) -> str:
        """What the masks come in: `annotations`, `masks`, or nothing where a network finds the people."""
        return SEGMENTERS[self.segmenter].given


class RefineSettings(Frozen):
    """People -> one hole. Lengths are shares of a person's size, the square root of the mask's area."""

    speck: float = Field(default=0.02, ge=0, le=1)
    """Parts of a person smaller than this share of the person's area are dropped (never from given masks)."""
    close: float = Field(default=0.05, ge=0, le=0.5)
    """Cracks up to this wide are closed."""
    fill_holes: float = Field(default=0.1, ge=0, le=1)
    """Enclosed background up to this share of the person's area joins the hole."""
    snap: float = Field(default=0.02, ge=0, le=0.5)
    """A mask that ends this close to the photo's border is extended to it."""
    dilate: float = Field(default=0.06, ge=0, le=1)
    """The hole grows by this much around each person: rims and ghosts come from tight masks."""
    dilate_min: int = Field(default=4, ge=0, le=256)
    """Least growth in pixels."""
    carry: float = Field(default=0.04, ge=0, le=1)
    """Things at most this far from a person leave with them (what touches always does); 0 leaves all things."""
    shadow: bool = False
    """Shadows that people cast on the ground leave with them where they seem beyond doubt. Off, because they are not:
    of 13 that were found for 757 people, looked at one by one, 8 were right."""
    keep: str | None = None
    """Who stays: `largest`, numbers of the photo's people as in people.json (`0,2`), or a JSON file of photo name ->
    `"largest"`, numbers, and boxes `[x, y, width, height]` in pixels."""
    keep_margin: float = Field(default=0.02, ge=0, le=0.5)
    """Room around those who stay that another person's growth does not enter."""
    min_size: float = Field(default=0, ge=0, le=1)
    """People smaller than this share of the photo's diagonal stay; 0 removes everyone."""
    spare: tuple[tuple[float, ...], ...] = ()
    """Regions where nothing is removed: boxes `[x, y, width, height]` or polygons `[x1, y1, x2, y2, x3, y3, ...]`, all
    in shares of the photo's width and height."""
    spare_masks: str | None = None
    """Mask file in which white marks where nothing is removed; `{stem}` and `{name}` stand for the photo's, and a photo
    without such a file has no such region."""

    @field_validator("keep", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value  # `refine.keep=1` is a number in YAML

    @field_validator("spare")
    @classmethod
    def _shapes(cls, shapes: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        for shape in shapes:
            if len(shape) < 4 or len(shape) % 2:
                raise ValueError(f"a region is 4 numbers (a box) or at least 3 points, not {len(shape)} numbers")
            if not all(0 <= value <= 1 for value in shape):
                raise ValueError("regions are in shares of the photo's width and height, from 0 to 1")
        return shapes


@with_methods
class InpaintSettings(Section):
    """Fill the hole: photo + hole -> patches."""

    methods: ClassVar = FILLS
    chooser: ClassVar = "fill"
    section: ClassVar = "inpaint"

    fill: FillName = "deepfillv2"
    """The fill. `auto`: `shift-map` guided by `migan` where its weights are on this machine, else `patchmatch`; the
    run says which."""
    strategy: Literal["windows", "whole"] = "windows"
    """`windows` fills each group of holes in its surroundings; `whole` gives the fill the full photo, never reduced."""
    margin: float = Field(default=1.0, ge=0.05, le=8)
    """Context around a group of holes, as a share of the group's longer side."""
    window: int | None = Field(default=None, ge=64, le=4096, multiple_of=8)
    """Longer side, in pixels, above which a window is filled at reduced size; None is 256 for `patchmatch`, 8192 for
    `shift-map`, which looks at several sizes by itself, 512 for `lama`, and 384 for the others. None for `migan`: a
    photo of up to 1100 is seen whole, and of what is larger a window, reduced to 512."""
    feather: int = Field(default=2, ge=0, le=64)
    """Width in pixels of the blend inside the hole's rim."""
    harmony: float = Field(default=0, ge=0, le=1)
    """How much of the difference in colour between a fill's rim and its surroundings is taken out of the fill. Off:
    `patchmatch` has none (its rim is nearer to the surroundings than the truth's), a network of your own may."""
    repair: bool = True
    """Fills that are networks: what looks made up, because nothing around it is like it, is filled again by
    `patchmatch`."""
    texture: bool = True
    """Fills that are networks: fine detail like that of the surroundings is added to the fill."""
    most_hole: float = Field(default=0.45, gt=0, le=1)
    """Fills that are networks: a photo with a larger share of hole is filled by `patchmatch`, with a note."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1` or `mps`; ONNX files run on the CPU."""

    @property
    def longest(self) -> int:
        """Longer side of a window above which it is filled at reduced size."""
        return self.window or self._method.longest

    @property
    def reduced(self) -> int:
        """Longer side of such a window when it is filled."""
        return self.window or self._method.reduced or self.longest

    @property
    def named(self) -> str:
        """The fill in words."""
        return f"{self.fill} guided by {self.guide}" if self.guide else self.fill

    @property
    def guide(self) -> str | None:
        """The fill whose picture says what goes where, `auto` where that is open; None for fills without one."""
        return getattr(self.own(self.fill), "structure", None) if self._method.guides else None

    def guided_by(self, name: str) -> InpaintSettings:
        """The same with another guide."""
        return self.with_own(self.fill, structure=name)

    @property
    def _method(self) -> FillMethod:
        return FILLS.get(self.fill, FILLS[FALLBACK])


class VerifySettings(Frozen):
    """Search the result: is anyone left?"""

    segmenter: VerifierName = "auto"
    """The segmenter that searches the result for people (the verifier). `auto`: another one than made the masks,
    `yolo` or else `embedded`, if its weights are on this machine; if none is, the same one again, or none where the
    masks were given. `none` only checks that every known person is inside the hole."""
    weights: str | None = None
    """Registry name or path of the weights of a `yolo` or `maskrcnn` that verifies; None: the ones of `segment`."""
    score: float = Field(default=0.25, ge=0, le=1)
    """Lowest confidence that counts as somebody left."""
    left: float = Field(default=0.2, ge=0, le=1)
    """A known person with more than this share of pixels outside the hole is left behind."""
    passes: int = Field(default=1, ge=0, le=3)
    """Extra passes that also remove the people that the verifier found: those that the first one missed and, with a
    larger hole, what looks like a person in a fill."""
    refill: bool = True
    """Where nobody is seen but in what was filled, other fills are tried there, until the verifier sees nobody."""
    invented: float = Field(default=0.5, ge=0, le=1)
    """A network's fill of which more than this share looks made up, because nothing around it is like it, is for
    review."""
    hole_share: float = Field(default=0.6, gt=0, le=1)
    """A photo is for review when more than this share of it is filled in: it is mostly made up and hardly shows the
    place any more."""
    lookalikes: Literal["review", "remove", "ignore"] = "review"
    """What becomes of people who are shown on a screen or in a book: `review` flags the photo, `remove` takes them out
    like everyone, `ignore` leaves them with a note."""


class PublishSettings(Frozen):
    """Write the collection."""

    masks: bool = True
    """Write `masks/`: the hole of every photo as PNG."""
    report: bool = True
    """Write `report.html`."""
    scrub: bool = False
    """Keep of the metadata of every photo only colour profile, orientation, resolution and exposure; all else goes."""


class AnnotationSettings(Frozen):
    """Edit the annotation files: what happens to annotations of other things that lie in a hole."""

    overlap: Literal["flag", "clip", "drop", "keep"] = "flag"
    """`flag` notes the hidden share, `clip` also cuts it out of the outline, `drop` removes, `keep` leaves all."""
    hidden: float = Field(default=0.1, gt=0, le=1)
    """From this hidden share of its pixels an annotation is flagged, clipped or dropped."""
    gone: float = Field(default=0.9, gt=0, le=1)
    """From this hidden share it is removed (unless `keep`): there is nothing left to see."""

    @model_validator(mode="after")
    def _in_order(self) -> AnnotationSettings:
        if self.hidden > self.gone:
            raise ValueError(f"annotations.hidden ({self.hidden}) must not exceed annotations.gone ({self.gone})")
        return self


class RunSettings(Frozen):
    """How the work is done; nothing here changes a byte of the result."""

    workers: int = Field(default=0, ge=0, le=256)
    """Processes that compute; 0 is one for each CPU core of this machine, or of the cluster at `address`."""
    runner: Literal["threads", "dask", "ray"] = "threads"
    """What spreads the work: this machine's processes, or Dask or Ray (through Prefect)."""
    address: str | None = None
    """Address of a running Dask scheduler or Ray head; None starts workers on this machine."""
    shard_size: int = Field(default=0, ge=0, le=4096)
    """Most photos in a shard, the unit of a task; 0 is 256, or more where there would be more than 240 shards."""
    retries: int = Field(default=2, ge=0, le=10)
    """Further attempts after an error that can pass (I/O, memory)."""
    timeout: float = Field(default=1800, ge=0)
    """Seconds that a stage may take for one photo before its process is killed and the photo fails; 0: no limit."""
    keep: bool = True
    """Keep the artifacts in the store after publishing; without them the next run computes everything again."""
    wait: bool = False
    """Wait for another run that works in the output directory instead of refusing."""
    metrics: bool = False
    """Write `metrics.prom` into the output directory at the end: figures of the run for Prometheus' node exporter."""
    log_json: str | None = None
    """File that one JSON object a line is appended to for what is done with every photo; `-` is stderr."""


class Settings(Frozen):
    """Everything that a run is made of. Saved with the run."""

    preset: str = "default"
    """Name of the preset or file that these settings started from."""
    input: InputSettings = InputSettings()
    segment: SegmentSettings = SegmentSettings()
    refine: RefineSettings = RefineSettings()
    inpaint: InpaintSettings = InpaintSettings()
    verify: VerifySettings = VerifySettings()
    publish: PublishSettings = PublishSettings()
    annotations: AnnotationSettings = AnnotationSettings()
    run: RunSettings = RunSettings()

    @model_validator(mode="after")
    def _feather_stays_in_the_ring(self) -> Settings:
        # The blend mixes original pixels back in; further inwards than the ring they are the person's.
        if self.inpaint.feather > self.refine.dilate_min:
            raise ValueError(
                f"inpaint.feather ({self.inpaint.feather}) must not exceed refine.dilate_min "
                f"({self.refine.dilate_min}), or the blend would show the person's rim again"
            )
        return self
