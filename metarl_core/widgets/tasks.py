"""Look at sampled tasks of every family, and at what solves each of them."""

import functools
import math
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import torch
from matplotlib.axes import Axes

from metarl_core import plotting
from metarl_core.exact.dynamic_programming import backward_induction
from metarl_core.tasks import (
    SPLITS,
    BernoulliBandits,
    CartPole,
    GridGoals,
    Pendulum,
    PointNavigation,
    Sinusoids,
    TabularMDPs,
    Tasks,
    Trajectories,
    rollout,
)
from metarl_core.tasks.controllers import CartPoleController, PendulumController, cartpole_gains
from metarl_core.tasks.family import select_tasks
from metarl_core.widgets.explorer import Explorer, slider

SHOWN = 4  # tasks side by side
START_SEED = 330  # of the four episodes: four pendulums that start far from upright
WALLS = ((2, 2), (3, 2), (4, 2), (2, 4), (2, 5), (5, 5))


def task_explorer() -> Explorer:
    """Choose a family, a split and a seed: four sampled tasks, each with its optimal behaviour.

    Bandits, tabular MDPs, grid goals, point navigation and sinusoids show the exact optimum of one who
    knows the task. CartPole and Pendulum have none in closed form; they show a controller designed for the
    task's physics beside the same design for the ordinary physics.
    """

    def draw(family: str, split: str, seed: int):
        margins = {"left": 0.07, "right": 0.99, "bottom": 0.16, "top": 0.8, "wspace": 0.12}
        figure, axes = plotting.figure(1, SHOWN, width=11.0, height=3.3, margins=margins, sharey=True)
        made, panels = FAMILIES[family]
        tasks = made().sample_tasks(SHOWN, torch.Generator().manual_seed(seed), split)
        panels(axes, made(), tasks)
        for index, place in enumerate(axes):
            place.tick_params(labelsize=9)
            place.title.set_fontsize(10)
            if index:
                place.set_ylabel("")
        return figure

    def dropdown(options, value, label):
        return ipywidgets.Dropdown(options=options, value=value, description=label, layout={"width": "260px"})

    return Explorer(
        draw,
        "Four sampled tasks of the chosen family side by side, each with the behaviour that solves it.",
        family=dropdown(list(FAMILIES), "point navigation", "family"),
        split=dropdown(SPLITS, "train", "split"),
        seed=slider(0, 0, 30, 1, "seed of the draw", integer=True),
    )


def _sinusoid(axes: Axes, family: Sinusoids, task: Tasks) -> None:
    x = torch.linspace(-5, 5, 200)
    axes.plot(x.numpy(), family.target(task, x[None, :, None])[0, :, 0].numpy(), color=plotting.GREEN)
    axes.plot(x.numpy(), 2.55 * 2 / math.pi * x.cos().numpy(), color=plotting.GREY, linestyle="--", linewidth=1.2)
    axes.set(xlabel="x", ylabel="y", ylim=(-10.5, 10.5))
    amplitude, phase = float(task["amplitude"]), float(task["phase"])
    axes.set_title(f"amplitude {amplitude:.2f}, phase {phase:.2f}\ndashed: mean of all tasks")


def _bandit(axes: Axes, family: BernoulliBandits, task: Tasks) -> None:
    means = task["means"][0].numpy()
    best = int(means.argmax())
    colors = [plotting.GREEN if arm == best else plotting.GREY for arm in range(family.arms)]
    axes.bar(range(family.arms), means, color=colors)
    axes.set(xlabel="arm", ylabel="chance of a reward", ylim=(0, 1))
    axes.set_xticks(range(family.arms))
    axes.set_title(f"pull arm {best}:\n{family.horizon * float(means[best]):.1f} in {family.horizon} pulls")


def _tabular(axes: Axes, family: TabularMDPs, task: Tasks) -> None:
    transitions, rewards = task["transitions"].double(), task["reward_means"].double()
    following, _ = backward_induction(transitions, rewards, family.horizon - 1)
    action_values = (rewards + torch.einsum("ksat,kt->ksa", transitions, following))[0]
    axes.imshow((action_values - action_values.amax(-1, keepdim=True)).numpy(), aspect="auto", vmin=-4, vmax=0)
    axes.plot(action_values.argmax(-1).numpy(), range(family.states), "*", color=plotting.RED, markersize=9)
    axes.set(xlabel="action", ylabel="state", yticks=range(family.states))
    axes.grid(False)
    axes.set_title(f"colour: what an action loses\nbest return {float(action_values[0].max()):.1f}")


def _grid(axes: Axes, family: GridGoals, task: Tasks) -> None:
    goal = int(task["goal"])
    distance = family.distance[:, goal].clone()
    distance[~distance.isfinite()] = math.nan
    axes.imshow(-distance.reshape(family.size, family.size).numpy(), vmin=-12, vmax=0)
    path, params = [family.start], {"goal": task["goal"][:, None]}
    while path[-1] != goal:
        cell = torch.tensor([[path[-1]]])
        path.append(int(family.next_cell[cell, family.optimal_action(cell, params)]))
    rows, columns = np.divmod(path, family.size)
    axes.plot(columns, rows, color="white")
    axes.plot(columns[0], rows[0], "o", color="black")
    axes.plot(columns[-1], rows[-1], "*", color=plotting.RED, markersize=14)
    axes.set(xlabel="column", ylabel="row")
    axes.grid(False)
    axes.set_title(f"colour: minus steps to go\nshortest path {len(path) - 1} steps")


def _point(axes: Axes, family: PointNavigation, task: Tasks) -> None:
    state, path, total = torch.zeros(1, 1, 2), [(0.0, 0.0)], 0.0
    params = {"goal": task["goal"][:, None]}
    while not bool(family.terminal(state, None, params)):
        action = family.optimal_action(state, params)
        following = family.transition(state, action, None, params)
        total += float(family.reward(state, action, following, None, params))
        state = following
        path.append(tuple(state[0, 0].tolist()))
    axes.add_patch(_square(family.half_width))
    axes.plot(*np.array(path).T, ".-", color=plotting.GREEN, markersize=5)
    axes.plot(*task["goal"][0].tolist(), "*", color=plotting.RED, markersize=14)
    axes.plot(0, 0, "o", color="black", markersize=5)
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal", xlabel="x", ylabel="y")
    axes.set_title(f"{len(path) - 1} steps,\nreturn {total:.2f}")


def _square(half_width: float):
    from matplotlib.patches import Rectangle  # drawn by this panel only

    return Rectangle((-half_width, -half_width), 2 * half_width, 2 * half_width, fill=False, color=plotting.GREY)


def _each(panel):
    """A function that draws all tasks, from `panel(axes, family, task)` that draws one."""

    def draw(places, family, tasks: Tasks) -> None:
        for index, place in enumerate(places):
            panel(place, family, select_tasks(tasks, index))

    return draw


def _swings(places, family, tasks: Tasks, policy, told, ordinary, step: float, angle) -> list[Trajectories]:
    """Angle in degrees over time of the controllers made for each task and of the one made for ordinary physics."""
    both = []
    lines = (("this task", told, plotting.GREEN, "-"), ("ordinary physics", ordinary, plotting.GREY, "--"))
    for label, parameters, color, dash in lines:  # the same seed: both start in the same states
        done = rollout(family, tasks, policy, parameters, 1, torch.Generator().manual_seed(START_SEED))
        degrees = angle(done.observations[:, 0]).rad2deg().numpy(force=True)
        for index, place in enumerate(places):
            length = int(done.lengths[index, 0])
            time = np.arange(length) * step
            place.plot(time, degrees[index, :length], dash, color=color, label=label, linewidth=1.5)
            place.set(xlabel="time (s)", ylabel="angle from upright (°)")
        both.append(done)
    places[0].legend(fontsize=8, loc="upper right", ncols=1, title="designed for", title_fontsize=8, handlelength=1.2)
    return both


def _cartpole(places, family: CartPole, tasks: Tasks) -> None:
    own, usual = ({"gains": cartpole_gains(physics)} for physics in (tasks, family.default_params))
    told, ordinary = _swings(places, family, tasks, CartPoleController(), own, usual, 0.02, lambda seen: seen[..., 2])
    for index, place in enumerate(places):
        pole, mass, force = (float(tasks[name][index]) for name in ("length", "mass_pole", "force"))
        place.set(ylim=(-15, 15), xlim=(0, 0.02 * family.horizon))
        place.set_title(
            f"pole {2 * pole:.2f} m, {mass:.2f} kg; push {force:.0f} N\n"
            f"returns {float(told.returns[index]):.0f} and {float(ordinary.returns[index]):.0f}"
        )


def _pendulum(places, family: Pendulum, tasks: Tasks) -> None:
    usual = {name: value.expand(SHOWN) for name, value in family.default_params.items()}
    told, ordinary = _swings(
        places, family, tasks, PendulumController(), tasks, usual, 0.05,
        lambda seen: torch.atan2(seen[..., 1], seen[..., 0]).abs(),
    )  # fmt: skip
    for index, place in enumerate(places):
        gravity, mass, length = (float(tasks[name][index]) for name in ("gravity", "mass", "length"))
        place.set(ylim=(-5, 245), yticks=(0, 90, 180))
        place.set_title(
            f"{gravity:.1f} m/s², {mass:.1f} kg, {length:.1f} m\n"
            f"returns {float(told.returns[index]):.0f} and {float(ordinary.returns[index]):.0f}"
        )


FAMILIES: dict[str, tuple[Callable[[], Any], Callable[..., None]]] = {
    "point navigation": (functools.cache(PointNavigation), _each(_point)),
    "grid goals": (functools.cache(lambda: GridGoals(walls=WALLS)), _each(_grid)),
    "bandits": (functools.cache(BernoulliBandits), _each(_bandit)),
    "tabular MDPs": (functools.cache(TabularMDPs), _each(_tabular)),
    "CartPole": (functools.cache(lambda: CartPole(horizon=150)), _cartpole),
    "Pendulum": (functools.cache(Pendulum), _pendulum),
    "sinusoids": (functools.cache(Sinusoids), _each(_sinusoid)),
}
"""Each family's constructor, cached, and the function that draws several of its tasks."""
