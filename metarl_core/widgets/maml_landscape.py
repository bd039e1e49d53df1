"""Where meta-training settles: three tasks in the plane, and the optima of MAML, FOMAML and joint training."""

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.exact import adapt_in_plane, landscape, landscape_losses, resting_point
from metarl_core.widgets.explorer import Explorer, slider

STYLE = {
    "MAML": plotting.METHOD_STYLE["MAML"],
    "FOMAML": (plotting.SKY, "v"),
    "joint training": plotting.METHOD_STYLE["pre-trained"],
}
"""colour and marker of the three methods"""

TASK_COLORS = (plotting.RED, plotting.GREEN, plotting.PURPLE)
LIMIT = 2.6
STEPS_SHOWN = 6


def maml_landscape_explorer() -> Explorer:
    """Three tasks, the resting points of MAML, FOMAML and joint training, and what inner steps make of each."""

    def draw(inner_lr: float, steps: int, spread: float, contrast: float, bend: float, start: str) -> Figure:
        tasks = landscape(spread, contrast, bend)
        optima = {method: resting_point(tasks, inner_lr, steps, method) for method in STYLE}
        margins = {"left": 0.07, "right": 0.985, "bottom": 0.14, "top": 0.9, "wspace": 0.24}
        figure, (left, right) = plotting.figure(1, 2, width=10.6, height=4.6, margins=margins)
        _draw_plane(left, tasks, optima, start, inner_lr, steps)
        _draw_losses(right, tasks, optima, inner_lr, steps)
        return figure

    return Explorer(
        draw,
        "Left: contours of three tasks' losses in the plane of two parameters, stars at their minima, and the points "
        "where MAML, FOMAML and joint training settle; arrows lead from one of them to the parameters after the inner "
        "steps on each task. MAML settles nearest to the flat task, on which a step moves little; joint training "
        "between the two tasks with steep directions; FOMAML in between. Right: mean loss after 0 to 6 inner steps "
        "from each of the three, logarithmic: lowest for joint training before any step, for MAML after the number "
        "of steps that it was trained for.",
        inner_lr=slider(0.4, 0.05, 1.5, 0.05, "inner step size α"),
        steps=slider(1, 1, 5, 1, "inner steps K in training", integer=True),
        spread=slider(1.3, 0.3, 2.0, 0.1, "distance of the tasks"),
        contrast=slider(8.0, 1.0, 12.0, 0.5, "steep / flat"),
        bend=slider(0.0, 0.0, 2.0, 0.25, "bend b (0: quadratic)"),
        start=ipywidgets.Dropdown(options=list(STYLE), value="MAML", description="arrows from"),
    )


def _draw_plane(axes, tasks, optima, start, inner_lr, steps) -> None:
    axis = np.linspace(-LIMIT, LIMIT, 81)
    grid = np.stack(np.meshgrid(axis, axis), -1)
    heights = landscape_losses(tasks, grid[..., None, :])
    for task, color in enumerate(TASK_COLORS):
        levels = [0.03, 0.12, 0.3]
        axes.contour(axis, axis, heights[..., task], levels=levels, colors=color, linewidths=0.9, alpha=0.6)
        axes.plot(*tasks.centre[task], "*", color=color, markersize=12)
    if optima[start] is not None:
        path = adapt_in_plane(tasks, optima[start], inner_lr, steps)
        for task, color in enumerate(TASK_COLORS):
            for before, after in zip(path[:-1, task], path[1:, task], strict=True):
                arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
                axes.annotate("", after, before, arrowprops=arrow, annotation_clip=True)
    for method, theta in optima.items():
        color, marker = STYLE[method]
        if theta is not None:
            axes.plot(
                *theta, marker, color=color, markersize=10, markeredgecolor="black", linestyle="none", label=method
            )
        else:
            axes.plot([], [], marker, color=color, markersize=10, linestyle="none", label=f"{method}: runs away")
    axes.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal", xlabel="θ₁", ylabel="θ₂")
    axes.set_title("Three tasks, three resting points")
    axes.legend(fontsize=9, loc="upper right", handletextpad=0.2)


def _draw_losses(axes, tasks, optima, inner_lr, steps) -> None:
    top, bottom = 1e-4, 1e3
    for method, theta in optima.items():
        if theta is None:
            continue
        color, marker = STYLE[method]
        curve = landscape_losses(tasks, adapt_in_plane(tasks, theta, inner_lr, STEPS_SHOWN)).mean(-1)
        axes.plot(curve, marker=marker, color=color, label=method)
        top, bottom = max(top, float(curve.max())), min(bottom, float(curve.min()))
    axes.axvline(steps, color="black", linestyle=":", linewidth=1.2, label="K in training")
    axes.set(yscale="log", ylim=(0.8 * max(bottom, 1e-4), 1.5 * min(top, 1e3)))
    axes.set(xlabel="inner steps taken", ylabel="mean loss of the tasks")
    axes.set_title("What the inner steps make of them")
    axes.legend(fontsize=9)
