"""Types, validators and storage of parameters."""

from __future__ import annotations

import abc
import enum
import json
import pathlib
import typing
from dataclasses import dataclass, field

import slicer


class Validator(abc.ABC):
    """Base of what may stand in an annotation to limit a value."""

    @abc.abstractmethod
    def validate(self, value) -> None:
        """Raise ValueError for a value that is not allowed."""


class NotNone(Validator):
    def validate(self, value) -> None:
        if value is None:
            raise ValueError("The value must not be None.")


class IsInstance(Validator):
    def __init__(self, classtype) -> None:
        self.classtype = classtype

    def validate(self, value) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"The value must be a {self.classtype}, not {value!r}.")


class WithinRange(Validator):
    def __init__(self, minimum, maximum) -> None:
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value!r} is not within [{self.minimum}, {self.maximum}].")


class Minimum(Validator):
    def __init__(self, minimum) -> None:
        self.minimum = minimum

    def validate(self, value) -> None:
        if value < self.minimum:
            raise ValueError(f"{value!r} is less than {self.minimum}.")


class Maximum(Validator):
    def __init__(self, maximum) -> None:
        self.maximum = maximum

    def validate(self, value) -> None:
        if value > self.maximum:
            raise ValueError(f"{value!r} is more than {self.maximum}.")


class Choice(Validator):
    def __init__(self, choices) -> None:
        self.choices = choices

    def validate(self, value) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}.")


class Exclude(Validator):
    def __init__(self, excludedValues) -> None:
        self.excludedValues = excludedValues

    def validate(self, value) -> None:
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is one of the excluded {self.excludedValues}.")


class Default:
    """The value that a parameter starts with."""

    def __init__(self, value=None, *, generator=None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self):
        return self._generator() if self._generator else self._value


@dataclass(frozen=True)
class Parameter:
    """One typed value in a parameter node."""

    name: str
    kind: type
    annotation: object
    initial: Default
    element: type | None = None
    validators: tuple[Validator, ...] = ()
    extras: tuple = field(default=())

    def default(self):
        return self.initial.value

    def is_in(self, node) -> bool:
        return bool(node.HasParameter(self.name))

    def write(self, node, value) -> None:
        """Check and store a value."""
        self._check_type(value)
        for validator in self.validators:
            validator.validate(value)
        if issubclass(self.kind, slicer.vtkMRMLNode):
            was = node.StartModify()
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            node.EndModify(was)
            return
        node.SetParameter(self.name, self._to_text(value))

    def _check_type(self, value) -> None:
        if value is None and issubclass(self.kind, slicer.vtkMRMLNode):
            return
        allowed = (int, float) if self.kind is float else self.kind
        bad = not isinstance(value, allowed)
        if self.kind in (int, float) and isinstance(value, bool):
            bad = True
        if self.element is not None and not bad:
            inner = (int, float) if self.element is float else self.element
            bad = not all(isinstance(entry, inner) for entry in value)
        if bad:
            raise TypeError(f"{self.name} is a {self.annotation}; it cannot be {value!r}.")

    def _to_text(self, value) -> str:
        if isinstance(value, enum.Enum):
            return value.name
        if self.element is not None:
            return json.dumps(list(value))
        return str(value)

    def read(self, node):
        """The stored value, or the default, which is stored then."""
        if not self.is_in(node):
            self.write(node, self.default())
        if issubclass(self.kind, slicer.vtkMRMLNode):
            found = node.GetNodeReference(self.name)
            return found if found is None or found.IsA(self.kind.__name__) else None
        text = node.GetParameter(self.name)
        if self.kind is bool:
            return text == "True"
        if issubclass(self.kind, enum.Enum):
            return self.kind[text]
        if self.element is not None:
            return tuple(json.loads(text)) if self.kind is tuple else json.loads(text)
        return self.kind(text)


def make_parameter(owner: type, name: str, annotation) -> Parameter:
    """Parameter of an annotated name; an annotation that is not supported raises."""
    kind, extras = annotation, ()
    if typing.get_origin(annotation) is typing.Annotated:
        kind, *extras = typing.get_args(annotation)
    element = None
    if typing.get_origin(kind) in (list, tuple):
        arguments = typing.get_args(kind)
        element, kind = arguments[0], typing.get_origin(kind)
        if element not in (str, int, float, bool):
            raise TypeError(f"{owner.__name__}.{name}: no lists of {element} in the test host.")
    plain = (str, int, float, bool, list, tuple)
    kinds = (enum.Enum, slicer.vtkMRMLNode, pathlib.PurePath)
    if not isinstance(kind, type) or (kind not in plain and not issubclass(kind, kinds)):
        raise TypeError(
            f"{owner.__name__}.{name}: a parameter of type {kind} cannot be stored or bound here."
        )
    if kind in (list, tuple) and element is None:
        raise TypeError(f"{owner.__name__}.{name}: say what the {kind.__name__} holds.")
    given = [entry for entry in extras if isinstance(entry, Default)]
    if len(given) > 1:
        raise ValueError(f"{owner.__name__}.{name} has more than one default.")
    initial = given[0] if given else _type_default(kind)
    if hasattr(owner, name):
        initial = Default(getattr(owner, name))
    validators = tuple(
        entry() if isinstance(entry, type) else entry
        for entry in extras
        if isinstance(entry, Validator)
        or (isinstance(entry, type) and issubclass(entry, Validator))
    )
    return Parameter(name, kind, annotation, initial, element, validators, tuple(extras))


def _type_default(kind: type) -> Default:
    if issubclass(kind, slicer.vtkMRMLNode):
        return Default(None)
    if issubclass(kind, enum.Enum):
        return Default(next(iter(kind)))
    return Default(generator=kind)
