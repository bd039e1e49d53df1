"""What public functions say about bad arguments: one sentence with what was given and what is allowed."""

from collections.abc import Collection
from numbers import Real
from typing import Any


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_at_least(name: str, value: Any, least: float = 1) -> None:
    """Raise ValueError unless `value` is a number of at least `least`."""
    if not is_number(value) or not value >= least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}.")


def check_positive(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a number above zero."""
    if not is_number(value) or not value > 0:
        raise ValueError(f"{name} must be above 0, got {value!r}.")


def check_between(name: str, value: Any, low: float = 0, high: float = 1) -> None:
    """Raise ValueError unless `value` is a number in [low, high]."""
    if not is_number(value) or not low <= value <= high:
        raise ValueError(f"{name} must be in [{low:g}, {high:g}], got {value!r}.")


def check_one_of(name: str, value: Any, allowed: Collection) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}.")


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
