"""What is known of a way to find people or to fill a hole beside its code: one entry a method, and its own settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from configs.errors import SettingsError


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, kw_only=True)
class Method:
    """A segmenter or a fill. Its name is the key of its entry; `-` in it is `_` in the names of its settings.

    module: its file, imported when it is first built. build: the file's function that builds it. label: a few words
    for people, as lists of choices show them. neural: whether it runs on the section's `device`; the others take
    the CPU. licence: of its code and weights, where it is not this project's. settings: its own ones; a field
    `weights` among them names its file. files: registry names of weights that it always needs. auto: those of which
    its setting `weights`, where that is `auto`, stands for the first on this machine, and for `otherwise` where
    none is, which is the first of them where it is empty. uses: names of other methods that take part with these
    settings. ignores: settings shared with other methods that change nothing here, so that they stay out of its
    artifacts' keys. per_photo: own settings that a file of decisions may set for one photo; nothing that names a
    file, allocates memory or trusts a program.
    """

    module: str
    build: str = "build"
    label: str
    neural: bool
    licence: str = ""
    settings: type[Frozen] | None = None
    files: tuple[str, ...] = ()
    auto: tuple[str, ...] = ()
    otherwise: str = ""
    uses: Callable[[Any], tuple[str, ...]] = lambda section: ()
    ignores: frozenset[str] = frozenset()
    per_photo: frozenset[str] = frozenset()

    @property
    def takes_file(self) -> bool:
        """Whether one of its own settings names its weights."""
        return self.settings is not None and "weights" in self.settings.model_fields


Own = TypeVar("Own", bound=Frozen)


class Section(Frozen):
    """Settings of a stage that one of several methods does.

    methods: their entries. chooser: the field that names the one. section: its own name in the settings tree.
    """

    methods: ClassVar[Mapping[str, Method]]
    chooser: ClassVar[str]
    section: ClassVar[str]

    @model_validator(mode="after")
    def _files_are_named(self) -> Self:
        self.required_weights()
        return self

    @property
    def chosen(self) -> str:
        return str(getattr(self, self.chooser))

    def of(self, kind: type[Own]) -> Own:
        """The settings of one method, by their class."""
        return next(value for _, value in self if type(value) is kind)

    def own(self, name: str) -> Frozen | None:
        """The settings of the method `name`; None where it has none."""
        return getattr(self, field_of(name)) if self.methods[name].settings else None

    def with_own(self, name: str, **values: object) -> Self:
        """A copy in which the method `name` has these values."""
        own = self.own(name)
        return self.model_copy(update={field_of(name): own.model_copy(update=values)}) if own else self

    def with_weights(self, file: str) -> Self:
        """A copy in which the chosen method takes its weights from `file`; the same where it has none to choose."""
        return self.with_own(self.chosen, weights=file) if self.methods[self.chosen].takes_file else self

    def used(self) -> list[str]:
        """Names of the methods that take part: the chosen one, those that it uses, and those that they use."""
        names = [self.chosen] if self.chosen in self.methods else []
        for name in names:  # grows
            names += [other for other in self.methods[name].uses(self) if other not in names]
        return names

    def required_weights(self) -> list[str]:
        """Registry names or paths of the weights files that the methods which take part need, each once.

        Raises SettingsError where one needs a file of the user's and has none.
        """
        return list(dict.fromkeys(weights for name in self.used() for weights in self.weights_of(name)))

    def weights_of(self, name: str) -> Iterator[str]:
        """Those of one method alone. Raises SettingsError."""
        yield from self.methods[name].files
        if self.methods[name].takes_file:
            weights = getattr(self.own(name), "weights")  # noqa: B009  (a field of some of these classes)
            if not weights:
                setting = f"{self.section}.{field_of(name)}.weights"
                raise SettingsError(f"the {self.chooser} {name} needs a file of yours: --set {setting}=FILE.")
            method = self.methods[name]
            yield method.otherwise or method.auto[0] if weights == "auto" and method.auto else weights

    def relevant(self) -> dict[str, object]:
        """What can change a result, as JSON: the methods that take part, their own settings, and those shared settings
        that one of them does not ignore."""
        used = self.used()
        own = {field_of(name) for name in self.methods}
        ignored = frozenset.intersection(*(self.methods[name].ignores for name in used)) if used else frozenset()
        wanted = {field_of(name) for name in used}
        tree = self.model_dump(mode="json")
        return {name: value for name, value in tree.items() if (name in wanted if name in own else name not in ignored)}


def field_of(name: str) -> str:
    """The name of a method as its settings have it: `shift-map` -> `shift_map`."""
    return name.replace("-", "_")


Some = TypeVar("Some", bound=Section)


def with_methods(section: type[Some]) -> type[Some]:
    """The class with a field for the own settings of each of its methods that has any."""
    fields: dict[str, Any] = {
        field_of(name): (method.settings, Field(default=method.settings(), description=f"Of `{name}`: {method.label}."))
        for name, method in section.methods.items()
        if method.settings
    }
    made = create_model(section.__name__, __base__=section, __module__=section.__module__, **fields)
    made.__doc__ = section.__doc__
    return made
