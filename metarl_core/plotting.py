"""The figures that chapters share, in one style."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from metarl_core.arguments import check_at_least, check_between, check_positive

if TYPE_CHECKING:  # to draw, torch is not needed
    from torch import Tensor

    from metarl_core.tasks.rollout import Trajectories

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "METHOD_STYLE",
    "ORANGE",
    "PURPLE",
    "RED",
    "SKY",
    "STYLE",
    "YELLOW",
    "figure",
    "gif",
    "image_bundle",
    "plot_curve",
    "plot_intervals",
    "plot_paths",
    "png",
    "show",
    "show_animation",
    "style",
]

# Okabe and Ito's colour-blind-safe palette, in the order that methods take it.
BLUE, ORANGE, GREEN, PURPLE, RED, SKY, YELLOW, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#666666",
)  # fmt: skip

METHOD_STYLE = {
    "MAML": (BLUE, "o"),
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
    check_at_least("rows", rows)
    check_at_least("columns", columns)
    check_positive("width", width)
    check_positive("height", height)
    with style():
        new = Figure(figsize=(width, height), layout=None if margins else "constrained")
        if margins:
            new.subplots_adjust(**margins)
        return new, new.subplots(rows, columns, **options)


def png(drawn: Figure) -> bytes:
    """The figure as PNG."""
    with style():
        buffer = io.BytesIO()
        drawn.savefig(buffer, format="png", dpi=STYLE["figure.dpi"])
    return buffer.getvalue()


def image_bundle(picture: bytes, alt: str) -> tuple[dict, dict]:
    """A PNG as notebook output with alternative text: data and metadata by MIME type.

    Raises:
        ValueError: for an empty `alt`.
    """
    if not alt.strip():
        raise ValueError("alt must describe the figure, got an empty text.")
    return {"image/png": base64.b64encode(picture).decode(), "text/plain": alt}, {"image/png": {"alt": alt}}


def show(drawn: Figure, alt: str) -> None:
    """Show a figure in a notebook.

    Args:
        drawn: the figure.
        alt: what a reader who cannot see it must know: what is plotted, and what it shows.

    Raises:
        ValueError: for an empty `alt`.
    """
    from IPython.display import display  # only notebooks need IPython

    data, metadata = image_bundle(png(drawn), alt)
    display(data, metadata=metadata, raw=True)


def gif(drawn: Figure, draw: Callable[[int], object], frames: int, rate: float = 25.0) -> bytes:
    """An endless animation as GIF: `draw(frame)` changes the figure's artists before each frame.

    Args:
        rate: frames per second.

    Raises:
        ValueError: for fewer than one frame, and a rate that is not above zero.
    """
    check_at_least("frames", frames)
    check_positive("rate", rate)
    with style(), tempfile.TemporaryDirectory() as folder:
        path, writer = Path(folder) / "animation.gif", PillowWriter(fps=rate)  # type: ignore[arg-type]
        with writer.saving(drawn, str(path), dpi=72):
            for frame in range(frames):
                draw(frame)
                writer.grab_frame()
        return path.read_bytes()


def show_animation(
    drawn: Figure, draw: Callable[[int], object], frames: int, alt: str, rate: float = 25.0, largest: int = 500_000
) -> None:
    """Show an animation in a notebook, as a GIF: no codec is needed, and the file stays small.

    Give the figure fixed `margins`, or the layout is worked out anew for each frame.

    Args:
        drawn, draw, frames, rate: as for `gif`.
        alt: what a reader who cannot see it must know.
        largest: bytes that it may have, since notebooks are committed with their output.

    Raises:
        ValueError: for an empty `alt`, no frame, or an animation that is larger.
    """
    from IPython.display import display  # only notebooks need IPython

    if not alt.strip():
        raise ValueError("alt must describe the animation, got an empty text.")
    picture = gif(drawn, draw, frames, rate)
    if len(picture) > largest:
        raise ValueError(f"the animation must have at most {largest} bytes, got {len(picture)}: use fewer frames.")
    data = {"image/gif": base64.b64encode(picture).decode(), "text/plain": alt}
    display(data, metadata={"image/gif": {"alt": alt}}, raw=True)


def plot_curve(
    axes: Axes, x: Sequence[float] | np.ndarray, curve: Any, label: str, style: str | None = None, **options: Any
) -> None:
    """A `Curve` (point estimates with intervals) as a line with a band, in its method's colour.

    Args:
        x: `[length]`.
        curve: a `metarl_core.evaluation.Curve`.
        style: the method in `METHOD_STYLE` whose colour and marker to take; `label` by default.

    Raises:
        ValueError: for an `x` of another length than the curve.
    """
    if len(x) != len(curve.point):
        raise ValueError(f"x must have the curve's length {len(curve.point)}, got {len(x)}.")
    color, marker = METHOD_STYLE.get(style or label, (None, "o"))
    (line,) = axes.plot(x, curve.point, marker=marker, color=color, label=label, **options)
    axes.fill_between(x, curve.low, curve.high, color=line.get_color(), alpha=0.2, linewidth=0)


def plot_intervals(
    axes: Axes,
    labels: Sequence[str],
    intervals: Sequence[Any],
    styles: Sequence[str] | None = None,
    horizontal: bool = True,
) -> None:
    """Point estimates with intervals (`metarl_core.evaluation.Interval`), one bar a method.

    Raises:
        ValueError: unless there are as many labels and styles as intervals.
    """
    styles = labels if styles is None else styles
    if not len(labels) == len(intervals) == len(styles):
        raise ValueError(
            f"labels, intervals and styles must be as many, got {len(labels)}, {len(intervals)} and {len(styles)}."
        )
    place = np.arange(len(labels))
    points = np.array([interval.point for interval in intervals])
    errors = np.abs(np.array([[i.low, i.high] for i in intervals]).T - points)
    colors = [METHOD_STYLE.get(style, (GREY, "o"))[0] for style in styles]
    if horizontal:
        axes.barh(place, points, xerr=errors, color=colors, height=0.65, error_kw={"capsize": 4})
        axes.set_yticks(place, labels)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
    else:
        axes.bar(place, points, yerr=errors, color=colors, width=0.65, error_kw={"capsize": 4})
        axes.set_xticks(place, labels)
        axes.grid(axis="x", visible=False)


def plot_paths(
    axes: Axes,
    trajectories: Trajectories,
    task: int,
    goal: Sequence[float] | Tensor,
    color: str = BLUE,
    limit: float = 0.8,
) -> None:
    """The paths of one task's episodes in the plane, its start and its goal.

    Args:
        trajectories: of a `PointNavigation` family.
        task: index of the task.
        goal: `[2]`.
        limit: the axes show [−limit, limit]².

    Raises:
        ValueError: for a task that is not among the trajectories, and a limit that is not above zero.
    """
    check_between("task", task, 0, len(trajectories.lengths) - 1)
    check_positive("limit", limit)
    lengths = trajectories.lengths[task].tolist()
    paths = []
    for episode, length in enumerate(lengths):
        path = trajectories.observations[task, episode, :length]
        last = trajectories.final_observations[task, episode][None]
        paths.append(np.concatenate([path.numpy(force=True), last.numpy(force=True)]))
    axes.add_collection(LineCollection(paths, colors=color, alpha=0.35, linewidths=1.0))
    axes.plot(0, 0, "o", color="black", markersize=5, label="start")
    axes.plot(float(goal[0]), float(goal[1]), "*", color=RED, markersize=15, label="goal")
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel="x", ylabel="y")


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
