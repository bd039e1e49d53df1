"""Intervals in words, for the tables of a notebook."""

from metarl_core.evaluation import Interval


def in_words(found: Interval, digits: int = 2, sign: bool = False, highest: float = 100.0) -> str:
    """A mean with its interval; "diverges" where the mean lies above `highest` and its interval says nothing."""
    if found.point > highest:
        return "diverges"
    point, low, high = (f"{value:{'+' if sign else ''}.{digits}f}" for value in (found.point, found.low, found.high))
    return f"{point} [{low}, {high}]"
