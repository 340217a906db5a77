"""Which segmenters and fills this machine can use now, and how to get the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import inpainting
from configs import GIVEN_MASKS, InpaintSettings, Settings, SettingsError
from configs.fills import FILLS
from configs.load import load_settings, preset_names
from configs.methods import field_of
from configs.segmenters import SEGMENTERS
from data.types import Weight
from data.weights.files import WeightsError, find, registry, state
from flows.stages.context import resolve, resolve_fill
from flows.stages.verifier import verifier_settings


@dataclass(frozen=True)
class Choice:
    """name: of the segmenter or fill, with its weights where there are several. settings: that use it. weights: what
    they need. problem: why it cannot be used here, one sentence; None when it can."""

    name: str
    settings: Settings
    weights: dict[str, Weight]
    problem: str | None = None

    @property
    def label(self) -> str:
        name = self.name.split()[0]
        method = SEGMENTERS.get(name) or FILLS[name]
        return f"{self.name} ({method.label})"


def prepare(settings: Settings, overrides: Sequence[str]) -> tuple[list[Choice], list[Choice]]:
    """Segmenters and fills, the chosen ones first. Raises SettingsError when one of those cannot be used here."""
    found, filled = segmenters(settings, overrides), fills(settings, overrides)
    for first in (found[0], filled[0]):
        if first.problem:
            raise SettingsError(first.problem)
    return found, filled


def segmenters(chosen: Settings, overrides: Sequence[str] = ()) -> list[Choice]:
    """The chosen one first, then every other that looks for people by itself."""
    mine = chosen.segment.segmenter
    if mine in GIVEN_MASKS:
        raise SettingsError(
            f"The segmenter {mine} takes masks from files, a photo that is dropped has none; take one that finds "
            f"people itself: {'--preset embedded' if chosen.preset == 'coco' else '--set segment.segmenter=embedded'}."
        )
    own = chosen.preset in preset_names() and load_settings(chosen.preset).segment.segmenter == mine
    out = [_choice(mine, chosen, fetch=f"--preset {chosen.preset}" if own else None)]
    for name in SEGMENTERS:
        if name != mine and name not in GIVEN_MASKS:
            preset = name if name in preset_names() else "default"  # which has what fits it beside the name
            out.append(_other(name, preset, overrides, {"segment": {"segmenter": name}}))
    return out


def fills(chosen: Settings, overrides: Sequence[str] = ()) -> list[Choice]:
    """The chosen one first, then every other; networks once for each file of weights that is here."""
    try:
        chosen = chosen.model_copy(update={"inpaint": resolve_fill(chosen.inpaint)})
    except WeightsError:  # damaged ones are the problem of the choice that needs them
        chosen = chosen.model_copy(update={"inpaint": inpainting.choices(chosen.inpaint)[-1]})
    mine = _fill_name(chosen.inpaint)
    out = [_choice(mine, chosen, fill=True)]
    for name in FILLS:
        several = _several(name)
        for weights in [one for one in several if state(one) == "ready"] or several[:1]:
            own = {field_of(name): {"weights": weights}}
            out.append(_other(f"{name} {weights}", "default", overrides, {"inpaint": {"fill": name, **own}}, True))
        if not several:
            out.append(_other(name, "default", overrides, {"inpaint": {"fill": name}}, True))
    once: dict[str, Choice] = {}
    for choice in out:
        once.setdefault(choice.name, choice)
    return list(once.values())


def _several(name: str) -> list[str]:
    """The networks of the registry that a fill can take, the default first; none where there is no choice."""
    known = [weights for weights, entry in registry().weights.items() if entry.method == name]
    if len(known) < 2:
        return []
    default = [registry().resolve(weights)[0] for weights in InpaintSettings().weights_of(name)]
    return sorted(known, key=lambda one: one not in default)


def _fill_name(settings: InpaintSettings) -> str:
    if not _several(settings.fill):
        return settings.fill
    (weights,) = settings.weights_of(settings.fill)
    return f"{settings.fill} {registry().resolve(weights)[0] if weights in registry() else weights}"


def _other(name: str, preset: str, overrides: Sequence[str], base: dict[str, object], fill: bool = False) -> Choice:
    section = "inpaint" if fill else "segment"
    said = [one for one in overrides if one.split(".")[0].strip() == section]
    keep = [one for one in said if one.split("=")[0].strip() not in ("segment.segmenter", "inpaint.fill")]
    try:
        settings = load_settings(preset, keep, base=base)
        return _choice(_fill_name(settings.inpaint) if fill else name, settings, fill)
    except SettingsError as error:
        file = f"{name} needs a file of yours: person-removal app --set inpaint.{name}.weights=FILE.onnx"
        return Choice(name, Settings(), {}, file if name == "external" else str(error))


def _choice(name: str, settings: Settings, fill: bool = False, fetch: str | None = None) -> Choice:
    """One method by its name; fetch: words for `weights fetch` that bring more than what this one misses."""
    try:
        settings = resolve(settings)
        wanted = settings.inpaint.required_weights() if fill else _detection_weights(settings)
    except (SettingsError, WeightsError) as error:
        return Choice(name, settings, {}, str(error))
    found, missing, problem = {}, [], ""
    for weights in wanted:
        try:
            found[weights] = find(weights)
        except WeightsError as error:
            missing.append(weights)
            problem = problem or str(error)
    if missing and all(state(weights) == "missing" for weights in missing if weights in registry()):
        problem = f"{name} needs weights that are not here: person-removal weights fetch {fetch or ' '.join(missing)}"
    return Choice(name, settings, found, problem or None)


def _detection_weights(settings: Settings) -> list[str]:
    """Weights of the segmenter and of the verifier."""
    verifier = verifier_settings(settings)
    again = verifier.required_weights() if verifier else []
    return list(dict.fromkeys([*settings.segment.required_weights(), *again]))


def usable(choices: Sequence[Choice]) -> list[Choice]:
    return [choice for choice in choices if choice.problem is None]
