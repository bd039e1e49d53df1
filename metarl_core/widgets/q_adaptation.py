"""Watch Q-networks find out what their keys do: greedy moves before and after a few random transitions."""

from collections.abc import Mapping

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.agents.evaluate import mean_returns
from metarl_core.agents.q_network import QNetwork
from metarl_core.meta.values.adaptation import NewTaskConfig, fine_tune, random_transitions
from metarl_core.meta.values.config import Method
from metarl_core.parameters import Parameters
from metarl_core.tasks.family import Tasks
from metarl_core.tasks.rotated_keys import RotatedKeys
from metarl_core.widgets.explorer import Explorer, slider

GRID = 9
"""arrows per axis"""
KEYBOARDS = {"anticlockwise, as in training": 1.0, "mirrored": -1.0}


def plot_greedy_moves(
    axes: Axes, family: RotatedKeys, network: QNetwork, parameters: Parameters, tasks: Tasks, goal
) -> float:
    """Arrows for the greedy moves of one task: blue where they lead nearer to the goal, red elsewhere.

    Args:
        parameters: of one learner, `[1, ...]`.
        tasks: one task, `[1]`.
        goal: `[2]`.

    Returns:
        The share of arrows that lead nearer.
    """
    line, goal = torch.linspace(-0.9, 0.9, GRID), torch.as_tensor(goal, dtype=torch.float32)
    places = torch.cartesian_prod(line, line)
    state = torch.cat([places, goal.expand_as(places)], -1)
    keys = network.greedy_action(parameters, state[None])[0]
    after = family.transition(state, keys, None, tasks)[:, :2]
    nearer = (after - goal).norm(dim=-1) < (places - goal).norm(dim=-1)
    angle = tasks["angle"] + tasks["order"] * keys * (2 * np.pi / family.keys)
    axes.quiver(
        *places.T.numpy(),
        angle.cos().numpy(),
        angle.sin().numpy(),
        color=np.where(nearer.numpy(), plotting.BLUE, plotting.RED),
        angles="xy",
        pivot="mid",
        scale=14,
        width=0.009,
    )
    axes.plot(*goal.tolist(), "*", color="black", markersize=13)
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    axes.grid(visible=False)
    return float(nearer.float().mean())


def q_adaptation_explorer(
    learners: Mapping[str, tuple[Method, Parameters]],
    config: NewTaskConfig,
    transitions: int = 50,
    goal: tuple[float, float] = (0.4, 0.3),
    episodes: int = 10,
    seed: int = 0,
) -> Explorer:
    """Turn the keys, choose how many random steps there are to learn from, and see what two Q-networks make of them.

    Args:
        learners: two, by label: a `QMAML` with its meta-parameters `[1, ...]`, which takes its K inner steps; or a
            method without inner steps, with parameters `[1, ...]`, which takes `config.burst` steps of DQN on the same
            transitions. All have one family of `RotatedKeys`.
        config: of DQN.
        transitions: default number of random steps.
        episodes: for each return.
        seed: of the random steps, the same for every position of the controls.

    Raises:
        ValueError: for tasks of another family.
    """
    families = {type(method.family).__name__: method.family for method, _ in learners.values()}
    family = families.get("RotatedKeys")
    if not isinstance(family, RotatedKeys) or len(families) != 1:
        raise ValueError(f"learners must be of one family of RotatedKeys, got {', '.join(families) or 'none'}.")

    def draw(angle: int, keyboard: str, steps: int) -> Figure:
        tasks = {"angle": torch.tensor([np.deg2rad(angle)]).float(), "order": torch.tensor([KEYBOARDS[keyboard]])}
        margins = {"left": 0.1, "right": 0.99, "bottom": 0.07, "top": 0.94, "wspace": 0.08, "hspace": 0.17}
        figure, axes = plotting.figure(2, 2, width=7.4, height=7.6, margins=margins, sharex=True, sharey=True)
        for row, (label, (method, meta)) in enumerate(learners.items()):
            network, start = method.network, method.start(meta)
            batch = random_transitions(family, tasks, steps, seed)
            if method.inner_steps:
                after, how = method.adapt_to_support(meta, batch), f"{method.inner_steps} inner steps"
            else:
                generator = torch.Generator().manual_seed(seed)
                after = fine_tune(method, start, batch, config, generator)
                how = f"{config.burst} updates of DQN"
            for column, parameters in enumerate((start, after)):
                panel = axes[row, column]
                plot_greedy_moves(panel, family, network, parameters, tasks, goal)
                evaluation = torch.Generator().manual_seed(seed)
                value = float(mean_returns(family, tasks, network, parameters, episodes, evaluation))
                words = "start" if column == 0 else f"after {how}"
                panel.set_title(f"{words}: return {value:.1f}".replace("-", "−"), fontsize=11)
            axes[row, 0].set_ylabel(f"{label}\ny")
        for panel in axes[-1]:
            panel.set_xlabel("x")
        return figure

    return Explorer(
        draw,
        "Greedy moves of two Q-networks as arrows over the square, blue where they lead nearer to the goal, a star, "
        "and red elsewhere. Left column: before the new task. Right column: after learning from the chosen number of "
        "random steps, with the mean return above each panel.",
        angle=slider(300, 0, 355, 5, "angle of the keys", integer=True),
        keyboard=ipywidgets.Dropdown(options=list(KEYBOARDS), description="order", layout={"width": "330px"}),
        steps=slider(transitions, 5, 200, 5, "random steps", integer=True),
    )
