"""The figures of chapter 11."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from metarl_core import plotting
from metarl_core.figures.diagrams import arrow, box
from metarl_core.tasks import GridNavi

STYLE = {
    "memory": plotting.BLUE,
    "taught memory": plotting.SKY,
    "Gittins": plotting.GREEN,
    "Thompson": plotting.RED,
    "UCB1": plotting.PURPLE,
    "greedy": plotting.ORANGE,
}


def episodes(family: GridNavi, cells: Tensor, goals: Tensor) -> None:
    """Paths on the grid, tasks in columns and episodes in rows.

    Args:
        cells: cells that the steps ended on, `[task, episode, step]`.
        goals: `[task]`.
    """
    tasks, number, _ = cells.shape
    figure, axes = plotting.figure(number, tasks, width=2.9 * tasks, height=3.0 * number)
    for task in range(tasks):
        for episode in range(number):
            panel = axes[episode, task]
            _grid(panel, family.size)
            _path(panel, family.size, cells[task, episode])
            row, column = divmod(int(goals[task]), family.size)
            panel.plot(column, row, "*", color=plotting.RED, markersize=22, zorder=1)
            steps = int((cells[task, episode] == goals[task]).int().argmax()) + 1
            found = bool((cells[task, episode] == goals[task]).any())
            panel.set_title(
                f"episode {episode + 1}: " + (f"there after {steps}" if found else "not found"), fontsize=11
            )
    plotting.show(
        figure,
        "Small grids, one task in each column, the first episode above the second. Above, the path wanders over the "
        "cells that may hold the goal, a star, and stays where it finds it. Below, on the same task, the path leads "
        "straight from the corner to the star and stays.",
    )


def _grid(panel: Axes, size: int) -> None:
    panel.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    panel.grid(visible=False)
    for place in np.arange(size + 1) - 0.5:
        panel.axhline(place, color=plotting.GREY, linewidth=0.6)
        panel.axvline(place, color=plotting.GREY, linewidth=0.6)


def _path(panel: Axes, size: int, cells: Tensor | np.ndarray, color: str = plotting.BLUE) -> None:
    """A path from the corner; a small shift along the way keeps repeated cells apart."""
    visited = np.concatenate([[0], np.asarray(cells)])
    row, column = np.divmod(visited, size)
    shift = np.linspace(-0.18, 0.18, len(visited))
    panel.plot(column + shift, row + shift, "o-", color=color, markersize=4, linewidth=1.6, zorder=3)
    panel.plot(column[0] + shift[0], row[0] + shift[0], "o", color="black", markersize=8, zorder=4)


def unrolled() -> None:
    """A schematic: one memory through two episodes of a trial, and what enters it at each step."""
    figure, axes = plotting.figure(width=11.0, height=3.7)
    axes.set(xlim=(0, 11), ylim=(0, 3.7))
    axes.axis("off")
    places = (1.3, 3.3, 5.3, 7.3, 9.3)
    inputs = (
        "$o_0$",
        "$o_1, a_0, r_0, d_0$",
        "$o_2, a_1, r_1, d_1 = 1$",
        "$o_3, a_2, r_2, d_2$",
        "$o_4, a_3, r_3, d_3$",
    )
    for number, (x, words) in enumerate(zip(places, inputs, strict=True)):
        box(axes, x, 1.9, f"$m_{number}$", size=13)
        axes.text(x, 0.75, words, ha="center", fontsize=11)
        arrow(axes, (x, 1.05), (x, 1.6), plotting.GREY)
        arrow(axes, (x, 2.2), (x, 2.75), plotting.GREY)
        axes.text(x, 2.88, rf"$\pi(a_{number} \mid m_{number})$", ha="center", fontsize=11)
        if number:
            arrow(axes, (places[number - 1] + 0.4, 1.9), (x - 0.4, 1.9), plotting.BLUE)
    axes.axvline(4.3, 0.06, 0.97, color=plotting.RED, linestyle=":", linewidth=1.5)
    axes.text(2.3, 3.45, "episode 1", ha="center", color=plotting.RED)
    axes.text(7.3, 3.45, "episode 2, the same task", ha="center", color=plotting.RED)
    axes.text(5.5, 0.12, "memory and discounting go on across the red line; both end with the trial", ha="center")
    plotting.show(
        figure,
        "A diagram. Five memory states in a row, joined by arrows. Into the first goes the first observation, into "
        "each later one the observation with the last action, reward and end flag; out of each comes a policy. A "
        "dotted line after the second state marks the end of the first episode: the arrow between the memories crosses "
        "it.",
    )


def training(returns: Sequence[float], held_out: float, lines: Mapping[str, float]) -> None:
    """Mean return of each iteration's bandits, the finished memory on held-out ones, and what strategies earn."""
    figure, axes = plotting.figure(width=8.4, height=4.2)
    iterations = np.arange(1, len(returns) + 1)
    axes.plot(iterations, returns, color=plotting.BLUE, linewidth=1.2, label="memory, 128 bandits of an iteration")
    axes.plot(iterations[-1], held_out, "D", color="black", markersize=8, label="memory, 4,000 held-out bandits")
    looks = ("-", "--", ":", "-.")
    for (words, height), look in zip(lines.items(), looks, strict=False):
        axes.axhline(height, color=plotting.GREY, linestyle=look, linewidth=1.4, label=words)
    axes.set(xlabel="iteration", ylabel="reward of 10 pulls")
    axes.legend(fontsize=9, loc="lower right")
    plotting.show(
        figure,
        "Mean reward of ten pulls against iterations of training. The curve of the memory starts at five, what random "
        "pulls earn, climbs in some thirty iterations and then swings around the horizontal lines of greedy play and "
        "of the exact optimum, which lie close together; Thompson sampling lies far below. Single iterations lie above "
        "the optimum. A diamond at the end, the held-out bandits, lies just under it.",
    )


def regrets(by_strategy: Mapping[str, np.ndarray], band: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Regret of each pull, and its sum so far.

    Args:
        by_strategy: mean regret of each pull, `[pull]`.
        band: lower and upper end of the interval of some of them, for the left panel.
    """
    figure, (left, right) = plotting.figure(1, 2, width=11.4, height=4.1)
    for name, values in by_strategy.items():
        pulls, color = np.arange(1, len(values) + 1), STYLE[name]
        width = 2.6 if name == "memory" else 1.6
        left.plot(pulls, values, color=color, linewidth=width, label=name)
        right.plot(pulls, values.cumsum(), color=color, linewidth=width, label=name)
        if name in band:
            left.fill_between(pulls, *band[name], color=color, alpha=0.25, linewidth=0)
    left.set(xlabel="pull", ylabel="regret of the pull", ylim=(0, None))
    right.set(xlabel="pull", ylabel="regret so far", ylim=(0, None))
    right.legend(fontsize=10, loc="upper left")
    plotting.show(
        figure,
        "Left: mean regret of each pull for a learned memory and four strategies over a hundred pulls. All begin at "
        "one third. Greedy, the memory and Gittins fall at once and together for ten pulls; UCB1 stays level for five "
        "pulls and then drops; Thompson sampling falls slowly. Greedy flattens out early and stays highest; the "
        "memory ends a little above UCB1 and Gittins. Right: the sum so far. At the end Gittins is lowest, then the "
        "memory, UCB1, and highest and close together greedy and Thompson.",
    )


def taught(divergence: np.ndarray, by_strategy: Mapping[str, np.ndarray]) -> None:
    """KL to the exact posterior before each pull, and the regret of each pull."""
    figure, (left, right) = plotting.figure(1, 2, width=11.0, height=3.9)
    pulls = np.arange(1, len(divergence) + 1)
    left.plot(pulls, divergence, "o-", color=STYLE["taught memory"])
    left.set(xlabel="before pull", ylabel="KL to the exact posterior, nats", ylim=(0, None))
    for name, values in by_strategy.items():
        right.plot(pulls, values, "o-", color=STYLE[name], markersize=4, label=name)
    right.set(xlabel="pull", ylabel="regret of the pull", ylim=(0, None))
    right.legend(fontsize=10, loc="lower left")
    plotting.show(
        figure,
        "Left: divergence of the taught memory's prediction from the exact posterior, small at the first pull and "
        "rising slowly with the pulls. Right: regret of each pull. The taught memory lies near or a little above the "
        "curve of exact Thompson sampling; the memory that was rewarded lies well below both.",
    )


def beliefs(family: GridNavi, searches: Mapping[str, tuple[Tensor, Tensor]], steps: Sequence[int], goal: int) -> None:
    """The belief over goals while two strategies search: strategies in rows, numbers of steps in columns.

    Args:
        searches: by name, cells `[step]` and the belief after each step `[step, cell]`.
        steps: after how many steps to show.
        goal: the cell of the goal.
    """
    figure, axes = plotting.figure(len(searches), len(steps), width=2.5 * len(steps), height=2.9 * len(searches))
    for row, (name, (cells, belief)) in enumerate(searches.items()):
        for column, step in enumerate(steps):
            panel, size = axes[row, column], family.size
            _grid(panel, size)
            shown = belief[step - 1].reshape(size, size).numpy()
            panel.imshow(shown, cmap="Blues", vmin=0, vmax=max(0.12, shown.max()), zorder=0)
            begun = (step - 1) // family.horizon * family.horizon
            _path(panel, size, cells[begun:step], plotting.ORANGE)
            panel.plot(goal % size, goal // size, "*", color=plotting.RED, markersize=14, zorder=2)
            panel.set_title(f"step {step}", fontsize=11)
        axes[row, 0].set_ylabel(name)
    plotting.show(
        figure,
        "Grids of five by five cells, shaded by the belief that a cell holds the goal, at several steps of two "
        "strategies in rows. The optimal search sweeps over new cells at every step, and the shaded area shrinks "
        "steadily until the goal, a star, is found. Posterior sampling walks to one cell, waits there until the "
        "episode ends, and rules out far fewer cells.",
    )
