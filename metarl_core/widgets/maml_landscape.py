"""Where meta-training settles: three tasks in the plane, and the optima of MAML, FOMAML and joint training.

All methods follow one direction, v_k = (I − α H(θ_k)) v_{k+1} from v_K = ∇L(θ_K) backwards, averaged over tasks; FOMAML
leaves the factors out, and joint training takes no inner step. Losses are L = log(1 + b q) / b of quadratics
q = ½ (θ − c)ᵀ A (θ − c), so their gradients and Hessians are known; b → 0 gives the quadratics themselves.
"""

from typing import NamedTuple

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from metarl_core import plotting
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


class Landscape(NamedTuple):
    """Tasks in the plane: curvatures `[task, 2, 2]`, centres `[task, 2]`, and how much the losses bend (b)."""

    curvature: np.ndarray
    centre: np.ndarray
    bend: float = 0.0


def landscape(spread: float = 1.3, contrast: float = 8.0, bend: float = 0.0) -> Landscape:
    """One steep task, one flat one, one that is steep in one direction only; `contrast` is steep over flat."""
    flat = 0.3
    eigenvalues = np.array([[1.0, 0.8], [0.0, 0.2], [1.0, 0.0]]) * (contrast - 1) * flat + flat
    angles = np.radians([20.0, 60.0, -35.0])
    turn = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(2, 0, 1)
    curvature = np.einsum("tij,tj,tkj->tik", turn, eigenvalues, turn)
    places = np.radians([95.0, 215.0, 330.0])
    return Landscape(curvature, spread * np.stack([np.cos(places), np.sin(places)], 1), bend)


def losses(tasks: Landscape, theta: np.ndarray) -> np.ndarray:
    """L of each task; theta `[..., task, 2]`, result `[..., task]`."""
    offset = theta - tasks.centre
    q = 0.5 * np.einsum("...ti,tij,...tj->...t", offset, tasks.curvature, offset)
    return np.log1p(tasks.bend * q) / tasks.bend if tasks.bend else q


def gradients(tasks: Landscape, theta: np.ndarray) -> np.ndarray:
    """∇L of each task, `[..., task, 2]`."""
    offset = theta - tasks.centre
    slope = np.einsum("tij,...tj->...ti", tasks.curvature, offset)
    return slope / (1 + tasks.bend * 0.5 * (slope * offset).sum(-1, keepdims=True))


def hessian_products(tasks: Landscape, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """H v of each task, `[..., task, 2]`; H = A / (1 + b q) − b g gᵀ with g = ∇L."""
    offset = theta - tasks.centre
    slope = np.einsum("tij,...tj->...ti", tasks.curvature, offset)
    scale = 1 + tasks.bend * 0.5 * (slope * offset).sum(-1, keepdims=True)
    g = slope / scale
    straight = np.einsum("tij,...tj->...ti", tasks.curvature, vector) / scale
    return straight - tasks.bend * g * (g * vector).sum(-1, keepdims=True)


def adapted(tasks: Landscape, theta: np.ndarray, inner_lr: float, steps: int) -> np.ndarray:
    """θ and the points after 1, …, `steps` gradient steps on each task, `[steps + 1, ..., task, 2]`."""
    path = [np.broadcast_to(theta[..., None, :], (*theta.shape[:-1], len(tasks.centre), 2))]
    for _ in range(steps):
        path.append(path[-1] - inner_lr * gradients(tasks, path[-1]))
    return np.stack(path)


def direction(tasks: Landscape, theta: np.ndarray, inner_lr: float, steps: int, method: str) -> np.ndarray:
    """What the method descends along, mean over tasks; theta `[..., 2]`."""
    path = adapted(tasks, theta, inner_lr, 0 if method == "joint training" else steps)
    vector = gradients(tasks, path[-1])
    if method == "MAML":
        for point in path[-2::-1]:
            vector = vector - inner_lr * hessian_products(tasks, point, vector)
    return vector.mean(-2)


def settle(tasks: Landscape, inner_lr: float, steps: int, method: str, iterations: int = 150) -> np.ndarray | None:
    """Where the method comes to rest from the origin; None where it runs away.

    Its step is 0.8 over the size of the direction's Jacobian (by differences), so that no task distribution needs
    a step size of its own.
    """
    theta, shift = np.zeros(2), 1e-4
    for _ in range(iterations):
        around = direction(tasks, theta + shift * np.array([[0, 0], [1, 0], [0, 1]]), inner_lr, steps, method)
        size = np.linalg.norm(around[1:] - around[0]) / shift
        move = 0.8 * around[0] / max(size, 1e-3)
        theta = theta - move * min(1.0, 0.5 / max(np.linalg.norm(move), 1e-12))
        if not np.abs(theta).max() < 50:
            return None
        if np.linalg.norm(move) < 1e-7:
            break
    return theta


def maml_landscape_explorer() -> Explorer:
    """Three tasks, the resting points of MAML, FOMAML and joint training, and what inner steps make of each."""

    def draw(inner_lr: float, steps: int, spread: float, contrast: float, bend: float, start: str) -> Figure:
        tasks = landscape(spread, contrast, bend)
        optima = {method: settle(tasks, inner_lr, steps, method) for method in STYLE}
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
    heights = losses(tasks, grid[..., None, :])
    for task, color in enumerate(TASK_COLORS):
        levels = [0.03, 0.12, 0.3]
        axes.contour(axis, axis, heights[..., task], levels=levels, colors=color, linewidths=0.9, alpha=0.6)
        axes.plot(*tasks.centre[task], "*", color=color, markersize=12)
    if optima[start] is not None:
        path = adapted(tasks, optima[start], inner_lr, steps)
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
        curve = losses(tasks, adapted(tasks, theta, inner_lr, STEPS_SHOWN)).mean(-1)
        axes.plot(curve, marker=marker, color=color, label=method)
        top, bottom = max(top, float(curve.max())), min(bottom, float(curve.min()))
    axes.axvline(steps, color="black", linestyle=":", linewidth=1.2, label="K in training")
    axes.set(yscale="log", ylim=(0.8 * max(bottom, 1e-4), 1.5 * min(top, 1e3)))
    axes.set(xlabel="inner steps taken", ylabel="mean loss of the tasks")
    axes.set_title("What the inner steps make of them")
    axes.legend(fontsize=9)
