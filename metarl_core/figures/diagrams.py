"""Parts of the schematic figures of several chapters."""

from __future__ import annotations

from matplotlib.axes import Axes


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str, dotted: bool = False) -> None:
    """An arrow between two places, in the axes' units."""
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=look | ({"linestyle": ":"} if dotted else {}))
