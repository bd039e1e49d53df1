"""Watch one policy adapt to a goal: its paths, the moves it makes on average, and its return after each step."""

from collections.abc import Mapping

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.agents.policies import OraclePolicy
from metarl_core.meta.policies import PolicyMAML, adaptation_curve
from metarl_core.parameters import Parameters
from metarl_core.tasks.navigation import PointNavigation
from metarl_core.tasks.rollout import rollout
from metarl_core.widgets.explorer import Explorer, slider

GRID = 9
"""arrows per axis"""


def halved_rates(step_size: float, steps: int) -> list[float]:
    """α in the first step and half of it in the later ones, as in the evaluation of the MAML paper."""
    return [step_size if step == 0 else step_size / 2 for step in range(steps)]


def goal_sliders(family: PointNavigation):
    """Sliders for both coordinates of a goal within the square of training."""
    width = family.half_width
    return tuple(slider(0.3, -width, width, 0.05, f"goal {axis}") for axis in "xy")


def mean_moves(policy, parameters: Parameters, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Places on a grid over [−limit, limit]² and the mean actions there, clipped to the action space, `[place, 2]`."""
    line = torch.linspace(-limit, limit, GRID)
    places = torch.cartesian_prod(line, line)
    with torch.no_grad():
        moves = policy.greedy_action(parameters, places[None])[0]
    return places.numpy(), moves.clamp(-1, 1).numpy()


def policy_adaptation_explorer(
    family: PointNavigation,
    policy,
    starts: Mapping[str, Parameters],
    inner_lr: float = 0.5,
    episodes: int = 20,
    seed: int = 0,
) -> Explorer:
    """Drag a goal, choose where θ comes from, and take up to three policy-gradient steps.

    Every redraw collects new support episodes before each step, as at test time. `naive`, `lvc` and `dice` have one and
    the same first derivative, so that they adapt alike; what differs is where meta-training with them leads. So an
    estimator is chosen by choosing a start that was meta-trained with it.

    Args:
        family: with normalised actions.
        starts: initial parameters by label.
        inner_lr: default step size α; the second and later steps take half of it.
        episodes: default number of support episodes before each step.
        seed: of the episodes, the same for every position of the controls.
    """
    limit = 1.6 * family.half_width
    method = PolicyMAML(family, policy, inner_lr)

    def draw(start: str, goal_x: float, goal_y: float, step_size: float, steps: int, episodes: int) -> Figure:
        tasks, generator = {"goal": torch.tensor([[goal_x, goal_y]])}, torch.Generator().manual_seed(seed)
        rates = halved_rates(step_size, steps)
        returns, visited, walks = adaptation_curve(
            method, starts[start], tasks, generator, steps=steps, episodes=episodes, inner_lr=rates
        )
        margins = {"left": 0.065, "right": 0.99, "bottom": 0.15, "top": 0.87, "wspace": 0.28}
        figure, axes = plotting.figure(1, 3, width=11.0, height=3.9, margins=margins)
        color = plotting.METHOD_STYLE.get(start, (plotting.BLUE, "o"))[0]
        for panel, k in zip(axes[:2], (0, steps), strict=True):
            plotting.plot_paths(panel, walks[k], 0, (goal_x, goal_y), plotting.GREY if k == 0 else color, limit)
            places, moves = mean_moves(policy, visited[k], limit)
            panel.quiver(*places.T, *moves.T, angles="xy", scale_units="xy", scale=6 / limit, width=0.005, alpha=0.6)
            panel.set_title(f"after {k} step{'s' * (k != 1)}: return {returns[0, k]:.1f}")
        axes[1].set_ylabel("")
        best = rollout(family, tasks, OraclePolicy(family), tasks, 1, generator).returns.item()
        for k, walk in enumerate(walks):
            axes[2].plot(np.full(episodes, k), walk.returns[0], "o", color=color, alpha=0.3, markersize=4)
        axes[2].plot(returns[0], "D-", color="black", label="mean")
        axes[2].axhline(best, color=plotting.GREEN, linestyle=":", label="straight walk")
        axes[2].set(xlim=(-0.3, 3.3), xticks=range(4), xlabel="gradient steps", title="return of each episode")
        axes[2].legend(fontsize=9, loc="best")
        return figure

    goal_x, goal_y = goal_sliders(family)
    return Explorer(
        draw,
        "Left and middle: paths of the policy before adaptation and after the chosen number of gradient steps, with "
        "arrows for its mean move at each place and a star for the goal. Right: the return of each episode against the "
        "number of steps, with the mean and the return of a straight walk.",
        start=ipywidgets.Dropdown(options=list(starts), description="θ from", layout={"width": "330px"}),
        goal_x=goal_x,
        goal_y=goal_y,
        step_size=slider(inner_lr, 0.0, 2.0, 0.05, "step size α"),
        steps=slider(1, 0, 3, 1, "gradient steps", integer=True),
        episodes=slider(episodes, 2, 40, 1, "episodes per step", integer=True),
    )
