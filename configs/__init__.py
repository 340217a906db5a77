"""Settings of a run: the settings tree, presets, and the process environment they imply.

Importing this package prepares the environment (see `configs.environment`), because thread and
telemetry switches only work when they are set before torch, ultralytics or Prefect are imported;
every other room imports `configs` first.
"""

from configs.environment import cache_dir, prepare_environment

prepare_environment()

from configs.errors import SettingsError, UserError  # noqa: E402  (the environment has to come first)
from configs.persons import PERSONS  # noqa: E402
from configs.segmenters import GIVEN_MASKS  # noqa: E402
from configs.settings import (  # noqa: E402
    AnnotationSettings,
    InpaintSettings,
    InputSettings,
    PublishSettings,
    RefineSettings,
    RunSettings,
    SegmenterName,
    SegmentSettings,
    Settings,
    VerifySettings,
)

__all__ = [
    "GIVEN_MASKS",
    "PERSONS",
    "AnnotationSettings",
    "InpaintSettings",
    "InputSettings",
    "PublishSettings",
    "RefineSettings",
    "RunSettings",
    "SegmentSettings",
    "SegmenterName",
    "Settings",
    "SettingsError",
    "UserError",
    "VerifySettings",
    "cache_dir",
]
