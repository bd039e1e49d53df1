"""The figures of chapter 02, Tasks and their distributions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.colors import to_rgb
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Interval
from metarl_core.randomness import seeded
from metarl_core.tasks import SPLITS, GridGoals, Sinusoids, Tasks, Trajectories
from metarl_core.tasks.cartpole import TIME_STEP

SPLIT_COLOR = {"train": plotting.BLUE, "test": plotting.ORANGE, "ood": plotting.RED}
TASK_COLOR = (plotting.GREEN, plotting.PURPLE, plotting.SKY)
"""of tasks side by side, none of them the colour of a split"""


def six_families(sinusoids, bandits, tabular, points, grid: GridGoals, poles: Mapping[str, Trajectories]) -> None:
    """A few tasks of each family; `poles`: episodes of one policy, by the length of the pole."""
    drawn, axes = plotting.figure(2, 3, width=11, height=7)
    (waves, arms, rows), (plane, cells, swings) = axes

    x = torch.linspace(-5, 5, 200)
    for split, count in (("train", 4), ("ood", 2)):
        tasks = sinusoids.sample_tasks(count, seeded(1), split)
        for n, curve in enumerate(sinusoids.target(tasks, x[None, :, None].expand(count, -1, 1))[..., 0]):
            waves.plot(x, curve, color=SPLIT_COLOR[split], linewidth=1.5, label=None if n else split)
    waves.set(title="sinusoids: amplitude, phase", xlabel="x", ylabel="y", ylim=(-10, 13))
    waves.legend(ncols=2, fontsize=9, loc="upper center")

    for task, means in enumerate(bandits.sample_tasks(3, seeded(2))["means"]):
        arms.bar(np.arange(5) + 0.27 * (task - 1), means, 0.25, label=f"task {task + 1}", color=TASK_COLOR[task])
    arms.set(title="bandits: probability of a reward", xlabel="arm", ylabel="probability", ylim=(0, 1.35))
    arms.legend(ncols=3, fontsize=9, columnspacing=0.8, handlelength=1)

    for task, transitions in enumerate(tabular.sample_tasks(3, seeded(3))["transitions"]):
        rows.bar(np.arange(10) + 0.27 * (task - 1), transitions[0, 0], 0.25, color=TASK_COLOR[task])
    rows.set(title="tabular MDPs: P(s' | s=0, a=0)", xlabel="next state", ylabel="probability", xticks=range(10))

    for seed, split in enumerate(SPLITS, 100):
        goals = points.sample_tasks(150, seeded(seed), split)["goal"]
        plane.plot(*goals.T, ".", color=SPLIT_COLOR[split], markersize=4, label=split)
    plane.plot(0, 0, "o", color="black")
    plane.set(title="point navigation: goals", xlabel="x", ylabel="y", aspect="equal", ylim=(-1.05, 1.45))
    plane.legend(ncols=3, fontsize=9, loc="upper center", columnspacing=0.5, handletextpad=0.1, markerscale=2)

    shade = np.full((grid.size, grid.size, 3), 0.35)
    for split in SPLITS:
        for goal in grid.goals[split].tolist():
            shade[divmod(goal, grid.size)] = to_rgb(SPLIT_COLOR[split])
    cells.imshow(shade, alpha=0.75)
    cells.plot(*divmod(grid.start, grid.size)[::-1], "o", color="black")
    cells.grid(False)
    cells.set(title="grid goals: which cell", xlabel="column", ylabel="row")

    for color, (name, runs) in zip(TASK_COLOR, poles.items(), strict=True):
        steps = int(runs.lengths[0, 0])
        angle = runs.observations[0, 0, :steps, 2].rad2deg()
        swings.plot(np.arange(steps) * TIME_STEP, angle, color=color, label=f"pole {name}")
    swings.set(title="CartPole: physics", xlabel="time (s)", ylabel="angle (°)", ylim=(-13, 19))
    swings.legend(fontsize=9, ncols=3, loc="upper center", columnspacing=0.8, handlelength=1)
    plotting.show(
        drawn,
        "Six panels of sampled tasks. Sinusoids of different amplitude and phase; bars of the arm means of three "
        "bandits; bars of one row of the transition table of three tabular MDPs; goals in the plane, train and test "
        "goals mixed in one square, out-of-distribution goals in a ring around it; a 7 by 7 grid with train, test and "
        "out-of-distribution goal cells and walls; the angle of three poles under one policy, the short pole falls "
        "first and the long one last.",
    )


def splits(drawn: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Histograms of task parameters, by split and by name: amplitude, half length of the pole, goal."""
    picture, axes = plotting.figure(1, 3, width=11, height=3.6)
    # The edges of the distributions are edges of bins: 5, then 1/4 and 1, then 1/2.
    bins = (np.linspace(0, 10, 41), np.geomspace(0.125, 2, 33), np.linspace(0, 1, 41))
    for place, name, edges in zip(axes, drawn["train"], bins, strict=True):
        for split, line in zip(SPLITS, ("-", "--", "-"), strict=True):
            options = {"linestyle": line, "color": SPLIT_COLOR[split], "linewidth": 2, "label": split}
            place.hist(drawn[split][name].numpy(), edges, histtype="step", **options)
        place.set(xlabel=name, ylabel="tasks", ylim=(0, place.get_ylim()[1] * 1.15))
    axes[1].set_xscale("log")
    axes[1].set_xticks([0.125, 0.25, 0.5, 1, 2], ["⅛", "¼", "½", "1", "2"])
    axes[1].minorticks_off()
    axes[0].legend(fontsize=10, ncols=3, loc="upper center", columnspacing=0.8, handlelength=1.3)
    plotting.show(
        picture,
        "Histograms of 20 000 drawn task parameters for sinusoid amplitude, CartPole half length and goals. Train and "
        "test histograms coincide; the out-of-distribution histogram lies outside of them with no overlap.",
    )


def memoriser(sizes: Sequence[int], scores: Mapping[str, Sequence[Interval]], floor: float) -> None:
    """Query error of the memoriser by split and number of memorised tasks; `floor`: without support points."""
    drawn, axes = plotting.figure(width=7, height=4.2)
    for split, marker in zip(SPLITS, "os^", strict=True):
        low, point, high = np.array([(s.low, s.point, s.high) for s in scores[split]]).T
        axes.fill_between(sizes, low, high, color=SPLIT_COLOR[split], alpha=0.2, linewidth=0)
        axes.plot(sizes, point, marker=marker, color=SPLIT_COLOR[split], label=f"{split} tasks")
    axes.axhline(floor, color=plotting.GREY, linestyle=":", label="best guess without the 5 points (train, test)")
    axes.set(xscale="log", xlabel="memorised training tasks", ylabel="mean squared error on query points")
    axes.set_yscale("symlog", linthresh=0.01)  # logarithmic, but with a place for 0
    axes.set_ylim(-0.002, 40)
    axes.legend(fontsize=10, loc="lower left", bbox_to_anchor=(0.0, 0.08))
    plotting.show(
        drawn,
        "Query error of the memoriser against the number of memorised tasks, ten seeds, logarithmic axes. On training "
        "tasks it is zero. On test tasks it falls steadily by two orders of magnitude. On out-of-distribution tasks "
        "it falls at first and stays above 4.",
    )


def episodes(runs: Trajectories, horizon: int, rows: int = 12) -> None:
    """The first episode of the first `rows` tasks as bars: real steps, padding, and how it ended."""
    drawn, axes = plotting.figure(width=8, height=3.8)
    lengths = runs.lengths[:rows, 0].numpy()
    axes.barh(range(rows), lengths, color=plotting.SKY, height=0.5, label="real steps (mask = 1)")
    padding = {"left": lengths, "color": "#dddddd", "height": 0.5, "label": "padding (mask = 0)"}
    axes.barh(range(rows), horizon - lengths, **padding)
    ways = (("terminated", "*", plotting.GREEN), ("truncated", "X", plotting.RED))
    for name, marker, color in ways:
        ended = getattr(runs, name)[:rows, 0].any(-1).nonzero()[:, 0].numpy()
        options: dict[str, Any] = {"color": color, "markersize": 11, "linestyle": "none", "clip_on": False}
        axes.plot(lengths[ended], ended, marker, label=name, **options)
    axes.set(xlabel="time (steps)", ylabel="task (its first episode)", yticks=range(0, rows, 2))
    axes.grid(axis="y", visible=False)
    axes.legend(fontsize=9, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), columnspacing=1)
    plotting.show(
        drawn,
        "Twelve episodes as horizontal bars over 60 time steps. Some end early with a star for terminated, the rest "
        "of the bar is padding; the others run to the time limit and end with a cross for truncated.",
    )


def two_goals(grid: GridGoals, values: Mapping[int, Tensor]) -> None:
    """Maps of the optimal value `[cell]` by goal cell, with a shortest path from the start."""
    drawn, axes = plotting.figure(1, len(values), width=9, height=4, sharey=True)
    for place, (goal, value) in zip(axes, values.items(), strict=True):
        picture = np.where(grid.distance[:, goal].isfinite(), value, np.nan)
        image = place.imshow(picture.reshape(grid.size, grid.size), vmin=-12, vmax=0)
        _numbers(place, picture, grid.size, ".0f", bright=-5)
        path, params = [grid.start], {"goal": torch.tensor([[goal]])}
        while path[-1] != goal:
            here = torch.tensor([[path[-1]]])
            path.append(int(grid.next_cell[here, grid.optimal_action(here, params)]))
        down, right = np.divmod(path, grid.size)
        place.plot(right, down, color=plotting.RED, linewidth=3, alpha=0.6)
        place.set(xlabel="column", title=f"goal in row {goal // grid.size}, column {goal % grid.size}")
    axes[0].set_ylabel("row")
    drawn.colorbar(image, ax=axes, label="optimal value (minus steps to the goal)")
    plotting.show(
        drawn,
        "Two maps of the optimal value on the 7 by 7 grid with walls, for a goal in the upper right and one in the "
        "lower left corner. Values fall with the number of steps around the walls; a red line shows a shortest path "
        "from the centre.",
    )


def _numbers(place, picture: np.ndarray, size: int, form: str, bright: float) -> None:
    """Write each cell's number on its colour, in black where that is bright."""
    for cell in np.flatnonzero(np.isfinite(picture)):
        color = "black" if picture[cell] > bright else "white"
        where = (cell % size, cell // size)
        place.text(*where, format(picture[cell], form), ha="center", va="center", fontsize=9, color=color)
    place.grid(False)


def navigation(straight_walk, distances: Tensor, seen: Tensor, episodes: int) -> None:
    """Left the return of the straight walk, a function of goals `[..., 2]`; right how often reward is `seen`."""
    drawn, (chart, curve) = plotting.figure(1, 2, width=10, height=3.9)
    side = torch.linspace(-1, 1, 101)
    plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1)
    contours = chart.contourf(side, side, straight_walk(plane), 12)
    chart.plot([-0.5, 0.5, 0.5, -0.5, -0.5], [-0.5, -0.5, 0.5, 0.5, -0.5], color="white")
    chart.text(0, 0.53, "p(T)", color="white", ha="center", fontsize=11)
    chart.set(xlabel="goal x", ylabel="goal y", aspect="equal", title="distance reward: optimal return")
    chart.grid(False)
    drawn.colorbar(contours, ax=chart, label="return of the straight walk")
    error = 1.96 * (seen * (1 - seen) / episodes).sqrt()
    curve.errorbar(distances, 100 * seen, 100 * error, marker="o", capsize=3, color=plotting.GREY)
    title = "sparse reward: uniformly random actions"
    curve.set(xlabel="distance of the goal", ylabel="episodes with any reward (%)", title=title, ylim=(0, 105))
    plotting.show(
        drawn,
        "Left: contour map of the optimal return over goals, 0 at the centre, about minus 6 at the corners of the "
        "out-of-distribution ring; a square marks p(T). Right: share of random episodes with any sparse reward, "
        f"from {100 * float(seen[0]):.0f} per cent at distance 0 falling to {100 * float(seen[-1]):.0f} per cent at "
        f"distance {float(distances[-1]):.1f}.",
    )


def sinusoid_mean(sinusoids: Sinusoids, mean_amplitude: float, x: Tensor, y: Tensor) -> None:
    """Forty tasks, their mean by the formula, and means of the draws `x`, `y` `[n]` in bins of x."""
    drawn, axes = plotting.figure(width=7, height=3.8)
    line = torch.linspace(-5, 5, 200)
    few: Tasks = sinusoids.sample_tasks(40, seeded(53))
    for number, curve in enumerate(sinusoids.target(few, line[None, :, None].expand(40, -1, 1))[..., 0]):
        label = None if number else "single tasks"
        axes.plot(line, curve, color=plotting.SKY, linewidth=0.7, alpha=0.7, label=label)
    axes.plot(line, mean_amplitude * 2 / np.pi * line.cos(), color=plotting.RED, label="mean over tasks, (02.11)")
    edges = torch.linspace(-5, 5, 41)
    place = torch.bucketize(x, edges[1:-1])
    binned = torch.zeros(40).index_add_(0, place, y) / torch.bincount(place, minlength=40)
    axes.plot((edges[1:] + edges[:-1]) / 2, binned, "o", color="black", markersize=3, label="mean of a million draws")
    axes.set(xlabel="x", ylabel="y", ylim=(-5.2, 6.9))
    axes.legend(fontsize=9, ncols=3, loc="upper center")
    plotting.show(
        drawn,
        "Forty training sinusoids as thin lines. Their mean over tasks is a cosine of amplitude 1.6, drawn in red; "
        "dots of the mean of a million drawn points lie on it.",
    )


def random_walk_values(values: Mapping[str, Tensor]) -> None:
    """Maps of the values `[25]` on a 5 × 5 grid, by name."""
    drawn, axes = plotting.figure(1, len(values), width=10.5, height=3.7, sharey=True)
    for place, (name, value) in zip(axes, values.items(), strict=True):
        image = place.imshow(value.reshape(5, 5), vmin=-20, vmax=0)
        _numbers(place, value.numpy(), 5, ".1f", bright=-8)
        place.set(title=name, xlabel="column")
    axes[0].set_ylabel("row")
    drawn.colorbar(image, ax=axes, label="value of the random policy")
    plotting.show(
        drawn,
        "Three maps of the value of a random policy on a 5 by 5 grid with the goal in the upper left corner. Exact "
        "values and those learned with the terminated flag agree; with truncation merged in, all are much too high "
        "and the far corner looks better than the centre.",
    )
