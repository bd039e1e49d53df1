"""Colours, markers and the style that all figures share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure

from metarl_core.arguments import check_count, check_positive

# Okabe and Ito's colour-blind-safe palette, in the order that methods take it.
BLUE, ORANGE, GREEN, PURPLE, RED, SKY, YELLOW, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#666666",
)  # fmt: skip

# Three darker ones for more than eight methods; they differ from all others in lightness.
BROWN, INDIGO, BLACK = "#7A4F00", "#332288", "#000000"

METHOD_STYLE = {
    "MAML": (BLUE, "o"),
    "FOMAML": (SKY, "<"),
    "Reptile": (BROWN, "P"),
    "Meta-SGD": (INDIGO, "h"),
    "ANIL": (BLACK, "*"),
    "pre-trained": (ORANGE, "s"),
    "random initialisation": (GREY, "^"),
    "oracle": (GREEN, "D"),
    "specialist": (PURPLE, "v"),
    "from scratch": (RED, "X"),
}
"""Colour and marker of each method, the same in every chapter."""

STYLE: Any = {
    "figure.figsize": (7.0, 4.0),
    "figure.dpi": 110,
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, PURPLE, RED, SKY, GREY]),
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "image.cmap": "viridis",
}


def figure(
    rows: int = 1,
    columns: int = 1,
    width: float = 7.0,
    height: float = 4.0,
    margins: Mapping[str, float] | None = None,
    **options: Any,
) -> tuple[Figure, Any]:
    """A new figure in the course's style and its axes, as `plt.subplots` gives them.

    Args:
        width, height: in inches.
        margins: keywords of `Figure.subplots_adjust` for a fixed layout. Explorers use one: letting
            matplotlib find the layout doubles the time of a redraw.
        options: of `Figure.subplots`.

    Raises:
        ValueError: for less than one row or column, and a size that is not above zero.
    """
    check_count("rows", rows)
    check_count("columns", columns)
    check_positive("width", width)
    check_positive("height", height)
    with style():
        new = Figure(figsize=(width, height), layout=None if margins else "constrained")
        if margins:
            new.subplots_adjust(**margins)
        return new, new.subplots(rows, columns, **options)


@contextmanager
def style() -> Iterator[None]:
    """The course's style for figures made by hand with matplotlib, whatever the reader's own settings are."""
    with pinned(STYLE):
        yield


@contextmanager
def pinned(changed: Mapping[str, Any]) -> Iterator[None]:
    """Matplotlib's defaults with some changes. Where and how figures are shown stays as the reader has set it."""
    kept = ("backend", "date", "docstring", "interactive", "timezone", "tk", "toolbar", "webagg")
    values = {k: v for k, v in dict.items(matplotlib.rcParamsDefault) if not k.startswith(kept)}
    with matplotlib.rc_context():
        dict.update(matplotlib.rcParams, values | dict(matplotlib.RcParams(changed)))
        yield
