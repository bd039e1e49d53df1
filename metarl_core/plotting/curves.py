"""What chapters draw again and again: curves and estimates with intervals, paths in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from metarl_core.arguments import check_between, check_positive
from metarl_core.plotting.look import BLUE, GREY, METHOD_STYLE, RED

if TYPE_CHECKING:  # to draw, torch is not needed
    from torch import Tensor

    from metarl_core.tasks.rollout import Trajectories


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
