"""Watch policies adapt to a goal that the reader drags."""

import numpy as np
import torch
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.meta.policies import PolicyMAML, adaptation_curve
from metarl_core.parameters import Parameters, stack_parameters
from metarl_core.tasks.navigation import PointNavigation
from metarl_core.widgets.explorer import Explorer, slider


def halved_rates(step_size: float, steps: int) -> list[float]:
    """α in the first step and half of it in the later ones, as in the evaluation of the MAML paper."""
    return [step_size if step == 0 else step_size / 2 for step in range(steps)]


def goal_sliders(family: PointNavigation):
    """Sliders for both coordinates of a goal within the square of training."""
    width = family.half_width
    return tuple(slider(0.3, -width, width, 0.05, f"goal {axis}") for axis in "xy")


def adaptation_explorer(
    family: PointNavigation,
    policy,
    starts: dict[str, Parameters],
    inner_lr: float = 0.5,
    episodes: int = 20,
    seed: int = 0,
) -> Explorer:
    """Drag a goal and watch policies from several initialisations adapt to it, side by side.

    Every redraw collects new episodes, takes the chosen number of policy-gradient steps from each
    initialisation (all in one batch: initialisations are the task axis) and draws the paths.

    Args:
        starts: initial parameters by label, in the order of the panels.
        inner_lr: default step size α; the second and later steps take half of it.
        seed: of the episodes, the same for every position of the sliders.
    """
    stacked = stack_parameters(list(starts.values()))
    method = PolicyMAML(family, policy, inner_lr, episodes=episodes)

    def draw(goal_x: float, goal_y: float, step_size: float, steps: int) -> Figure:
        tasks = {"goal": torch.tensor([[goal_x, goal_y]]).repeat(len(starts), 1)}
        generator = torch.Generator().manual_seed(seed)
        rates = halved_rates(step_size, steps)
        returns, _, trajectories = adaptation_curve(method, stacked, tasks, generator, steps=steps, inner_lr=rates)
        margins = {"left": 0.08, "right": 0.99, "bottom": 0.14, "top": 0.84, "wspace": 0.06}
        figure, axes = plotting.figure(1, len(starts), width=9.6, height=3.7, margins=margins, sharey=True)
        for index, (panel, label) in enumerate(zip(np.atleast_1d(axes), starts, strict=True)):
            color = plotting.METHOD_STYLE.get(label, (plotting.BLUE, "o"))[0]
            plotting.plot_paths(panel, trajectories[-1], index, (goal_x, goal_y), color)
            panel.set_ylabel("y" if index == 0 else "")
            panel.set_title(f"{label}\nreturn {returns[index, 0]:.1f} → {returns[index, -1]:.1f}")
        return figure

    goal_x, goal_y = goal_sliders(family)
    return Explorer(
        draw,
        "Paths of a policy after adaptation, one panel for each initialisation: "
        + ", ".join(starts)
        + ". A star marks the goal that the sliders set.",
        goal_x=goal_x,
        goal_y=goal_y,
        step_size=slider(inner_lr, 0.0, 2.0, 0.05, "step size α"),
        steps=slider(1, 0, 3, 1, "gradient steps", integer=True),
    )
