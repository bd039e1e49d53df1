"""Parts of the schematic figures of several chapters."""

from __future__ import annotations

from matplotlib.axes import Axes


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str, dotted: bool = False) -> None:
    """An arrow between two places, in the axes' units."""
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=look | ({"linestyle": ":"} if dotted else {}))


def box(axes: Axes, x: float, y: float, words: str, size: float = 12.5, pad: float = 0.4) -> None:
    """Words in a rounded box around a place in the axes' units; `size` in points, `pad` in heights of the letters."""
    look = {"boxstyle": f"round,pad={pad}", "facecolor": "white", "edgecolor": "black"}
    axes.text(x, y, words, ha="center", va="center", fontsize=size, bbox=look)
