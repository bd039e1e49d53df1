"""Watch Q-networks find out what their keys do: greedy moves before and after a few random transitions."""

from collections.abc import Mapping

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.agents.dqn import DQN, DQNConfig, QNetwork, collect
from metarl_core.agents.evaluate import mean_returns
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.meta.values.adaptation import support_adaptation
from metarl_core.meta.values.maml import QMAML
from metarl_core.meta.values.training import task_sampler
from metarl_core.parameters import Parameters, trainable_copy
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rotated_keys import RotatedKeys
from metarl_core.widgets.explorer import Explorer, slider

GRID = 9
"""arrows per axis"""
KEYBOARDS = {"anticlockwise, as in training": 1.0, "mirrored": -1.0}


def random_transitions(
    family: TaskFamily, tasks: Tasks, network: QNetwork, parameters: Parameters, steps: int, seed: int = 0
) -> Transitions:
    """What `steps` uniformly random environment steps leave behind, in the order in which it came, `[task, sample]`.

    Steps that only reset an environment leave nothing, so that there are a few samples less than steps.
    """
    sampler, generator = task_sampler(family, tasks, seed), torch.Generator().manual_seed(seed)
    buffer = ReplayBuffer(steps, family.check_tasks(tasks))
    collect(sampler, buffer, steps, network, parameters, 1.0, generator)
    return buffer.sample_run(int(buffer.filled.min()), generator)


def fine_tuned(
    network: QNetwork, start: Parameters, batch: Transitions, config: DQNConfig, updates: int, seed: int = 0
) -> Parameters:
    """Parameters `[task, ...]` after DQN updates on minibatches of transitions `[task, sample, ...]`."""
    learners, size = batch.rewards.shape
    rule, generator = DQN(network, trainable_copy(start, learners), config), torch.Generator().manual_seed(seed)
    for _ in range(updates):
        index = torch.randint(size, (learners, config.batch_size), generator=generator)
        rule.update(Transitions(*(value[torch.arange(learners)[:, None], index] for value in batch)))
    return {name: value.detach() for name, value in rule.parameters.items()}


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
    family: RotatedKeys,
    network: QNetwork,
    learners: Mapping[str, tuple[QMAML | None, Parameters]],
    config: DQNConfig,
    updates: int = 50,
    transitions: int = 50,
    goal: tuple[float, float] = (0.4, 0.3),
    episodes: int = 10,
    seed: int = 0,
) -> Explorer:
    """Turn the keys, choose how many random steps there are to learn from, and see what two Q-networks make of them.

    Args:
        learners: two, by label: a meta-learner with its meta-parameters `[1, ...]`, which takes its K inner steps; or
            None with parameters `[1, ...]`, which takes `updates` steps of DQN on the same transitions.
        config: of DQN.
        transitions: default number of random steps.
        episodes: for each return.
        seed: of the random steps, the same for every position of the controls.
    """

    def draw(angle: int, keyboard: str, steps: int) -> Figure:
        tasks = {"angle": torch.tensor([np.deg2rad(angle)]).float(), "order": torch.tensor([KEYBOARDS[keyboard]])}
        margins = {"left": 0.1, "right": 0.99, "bottom": 0.07, "top": 0.94, "wspace": 0.08, "hspace": 0.17}
        figure, axes = plotting.figure(2, 2, width=7.4, height=7.6, margins=margins, sharex=True, sharey=True)
        for row, (label, (method, meta)) in enumerate(learners.items()):
            start = meta if method is None else method.start(meta)
            batch = random_transitions(family, tasks, network, start, steps, seed)
            if method is None:
                after, how = fine_tuned(network, start, batch, config, updates, seed), f"{updates} updates of DQN"
            else:
                after, how = support_adaptation(method, meta)(batch), f"{method.inner_steps} inner steps"
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
