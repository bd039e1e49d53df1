"""What public functions say about bad arguments: one sentence with what was given and what is allowed."""

import dataclasses
import functools
import inspect
import math
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import torch

PLAIN = None | bool | int | float | str | tuple


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """`value` in one short line: its type where its own words are long."""
    words = repr(value)
    return words if len(words) < 100 and "\n" not in words else type(value).__name__


def check_at_least(name: str, value: Any, least: float = 1) -> None:
    """Raise ValueError unless `value` is a number of at least `least`."""
    if not is_number(value) or not value >= least:
        raise ValueError(f"{name} must be at least {least}, got {_shown(value)}.")


def check_count(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int.

    Raises:
        ValueError: where it is not a whole number of at least `least`.
    """
    check_at_least(name, value, least)
    if not math.isfinite(value) or value != int(value):
        raise ValueError(f"{name} must be a whole number, got {_shown(value)}.")
    return int(value)


def check_whole(settings: Any, *names: str, least: int = 1) -> None:
    """Raise ValueError unless these attributes are ints of at least `least`."""
    for name in names:
        value = getattr(settings, name)
        check_count(name, value, least)
        if not isinstance(value, Integral):
            raise ValueError(f"{name} must be an int, got {_shown(value)}.")


def check_flags(settings: Any) -> None:
    """Raise ValueError unless what has a truth value as default in this dataclass has one."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(field.default, bool) and not isinstance(value, bool):
            raise ValueError(f"{field.name} must be True or False, got {_shown(value)}.")


def check_generator(generator: Any) -> None:
    """Raise ValueError unless `generator` is a `torch.Generator`."""
    if not isinstance(generator, torch.Generator):
        raise ValueError(f"generator must be a torch.Generator, got {_shown(generator)}.")


def check_tensors(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a dictionary of at least one floating-point tensor, and of nothing else."""
    check_filled(name, value)
    for entry, tensor in value.items():
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            got = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise ValueError(f"{name}[{entry!r}] must be a tensor of floating-point numbers, got {got}.")


def check_positive(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a number above zero."""
    if not is_number(value) or not value > 0:
        raise ValueError(f"{name} must be above 0, got {_shown(value)}.")


def check_step_size(name: str, value: Any, zero: bool = False) -> None:
    """Raise ValueError unless `value` is a finite number above zero; with `zero`, nought is allowed, too."""
    if zero:
        check_at_least(name, value, 0)
    else:
        check_positive(name, value)
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {_shown(value)}.")


def check_between(name: str, value: Any, low: float = 0, high: float = 1) -> None:
    """Raise ValueError unless `value` is a number in [low, high]."""
    if not is_number(value) or not low <= value <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {_shown(value)}.")


def check_one_of(name: str, value: Any, allowed: Collection) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if value not in list(allowed):
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {_shown(value)}.")


def check_type(name: str, value: Any, kind: type) -> None:
    """Raise ValueError unless `value` is of this type."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise ValueError(f"{name} must be {article} {kind.__name__}, got {type(value).__name__}.")


def check_methods(name: str, value: Any, *methods: str) -> None:
    """Raise ValueError unless `value` has these methods or attributes."""
    lacking = [method for method in methods if not hasattr(value, method)]
    if lacking:
        raise ValueError(f"{name} must have {', '.join(methods)}, got {type(value).__name__} without {lacking[0]}.")


def check_callable(name: str, value: Any, arguments: str) -> None:
    """Raise ValueError unless `value` can be called; `arguments` says what it takes."""
    if not callable(value):
        raise ValueError(f"{name} must be a function of {arguments}, got {_shown(value)}.")


def check_widths(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a sequence of layers' widths, whole numbers of at least 1."""
    if not isinstance(value, Iterable) or not all(isinstance(width, Integral) and int(width) >= 1 for width in value):
        raise ValueError(f"{name} must be a sequence of widths of at least 1, got {_shown(value)}.")


def check_names(name: str, value: Any, expected: Iterable[str]) -> None:
    """Raise ValueError unless `value` is a dictionary with exactly the `expected` names."""
    expected = set(expected)
    check_dictionary(name, value)
    if value.keys() != expected:
        raise ValueError(f"{name} must have the entries {sorted(expected)}, got {sorted(map(str, value))}.")


def check_dictionary(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a dictionary."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dictionary of tensors, got {type(value).__name__}.")


def check_parameters_of(network: Mapping[str, torch.Tensor], parameters: Any) -> None:
    """Raise ValueError unless `parameters` have the network's names and shapes, behind any leading axes."""
    check_names("parameters", parameters, network)
    for name, own in network.items():
        shape = getattr(parameters[name], "shape", None)
        if shape is None or shape[len(shape) - own.ndim :] != own.shape:
            got = type(parameters[name]).__name__ if shape is None else list(shape)
            raise ValueError(f"{name} must have shape {list(own.shape)}, or leading axes before it, got {got}.")


def check_filled(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a dictionary with at least one entry."""
    if not isinstance(value, Mapping) or not value:
        got = "none" if isinstance(value, Mapping) else type(value).__name__
        raise ValueError(f"{name} must be a dictionary of at least one tensor, got {got}.")


def check_same_shape(**values: Any) -> None:
    """Raise ValueError unless all these tensors have the shape of the first: nothing is to be broadcast."""
    shapes = [getattr(value, "shape", None) for value in values.values()]
    if shapes[0] is None or any(shape != shapes[0] for shape in shapes):
        got = " and ".join(
            type(value).__name__ if shape is None else str(list(shape))
            for value, shape in zip(values.values(), shapes, strict=True)
        )
        raise ValueError(f"{' and '.join(values)} must have one shape, got {got}.")


def check_shape(name: str, value: Any, *axes: int | str) -> None:
    """Raise ValueError unless `value` is a tensor or array with these axes, a size where one is an int.

    `check_shape("rewards", rewards, "task", "episode", 100)` says "rewards must have shape
    [task, episode, 100], got …".
    """
    shape: Any = getattr(value, "shape", None)
    fits = shape is not None and len(shape) == len(axes)
    if not fits or not all(isinstance(axis, str) or size == axis for size, axis in zip(shape, axes, strict=True)):
        expected = ", ".join(map(str, axes))
        got = type(value).__name__ if shape is None else list(shape)
        raise ValueError(f"{name} must have shape [{expected}], got {got}.")


def in_words(settings: Any) -> str:
    """Settings by name, in words that are the same in every process.

    Functions go by their names; objects by their type and by those public attributes that are numbers, words,
    functions, or tuples of them.
    """
    if dataclasses.is_dataclass(settings):
        own = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    else:
        public = {n: v for n, v in getattr(settings, "__dict__", {}).items() if not n.startswith("_")}
        own = {n: v for n, v in public.items() if isinstance(v, PLAIN) or inspect.isroutine(v)}
    each = [f"{name}={_value_in_words(value)}" for name, value in own.items()]
    return f"{type(settings).__name__}({', '.join(each)})"


def _value_in_words(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_value_in_words, value))})"
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, functools.partial):
        return f"{_value_in_words(value.func)} with {value.args} {value.keywords}"
    return str(value.__qualname__) if hasattr(value, "__qualname__") else in_words(value)
