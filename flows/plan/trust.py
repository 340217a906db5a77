"""What only the person who starts a run may switch on: not a preset that came with the photos or with a result."""

from __future__ import annotations

from pathlib import Path

from configs import Settings, SettingsError
from configs.load import preset_names, read_yaml, setting_names
from data.storage.places import is_remote

_OWN = (
    *(name for name in setting_names(Settings) if name.endswith(".trust")),
    *("run.address", "run.log_json"),
)
"""Settings that let a file's code run, that connect to an address, or that write outside the output directory."""


def check_preset(settings: Settings, *places: Path) -> None:
    """Raises SettingsError where the settings' preset is a file inside one of the `places` (real paths), reached by a
    link or not, and sets what only its user may."""
    if settings.preset in preset_names():
        return
    path = Path(settings.preset).absolute()
    ways = (path, path.parent.resolve() / path.name, path.resolve())
    if not any(way.is_relative_to(place) for place in places if not is_remote(place) for way in ways):
        return
    tree = read_yaml(settings.preset)
    for name in _OWN:
        value: object = tree
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value:
            raise SettingsError(
                f"{path}: a preset that lies in the input or output directory may not set {name}; copy it to a place "
                "of your own, or use --set."
            )
