"""Which of several weights a method takes: decided when a run is planned, by what is on this machine."""

from __future__ import annotations

from configs.methods import Some
from data.weights.files import state


def with_ready_weights(section: Some, *others: str) -> Some:
    """The settings with every file by name that a method chooses among several (its setting `weights` is `auto`): the
    first that is on this machine, and where none is the one that the method has for that.

    others: methods beside those that the settings use.
    """
    beside = [section.model_copy(update={section.chooser: name}) for name in others]
    for name in dict.fromkeys(used for one in (section, *beside) for used in one.used()):
        if section.methods[name].auto and getattr(section.own(name), "weights", None) == "auto":
            here = (weights for weights in section.methods[name].auto if state(weights) != "missing")
            section = section.with_own(name, weights=next(here, None) or next(section.weights_of(name)))
    return section
