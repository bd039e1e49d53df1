"""The figures of appendix 11a."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Interval
from metarl_core.figures.ch11 import _grid, _path
from metarl_core.figures.diagrams import arrow, box
from metarl_core.tasks import GridNavi

STYLE = {
    "given the goal": (plotting.GREY, "s"),
    "exact belief": (plotting.GREEN, "^"),
    "VariBAD-like": (plotting.BLUE, "o"),
    "PEARL-like": (plotting.RED, "v"),
    "RL²": (plotting.ORANGE, "D"),
}
BACK = {"arrowstyle": "-|>", "color": plotting.BLUE, "linewidth": 1.8}


def what_is_read() -> None:
    """A schematic: four policies, what each reads beside the observation, and where gradients go."""
    figure, axes = plotting.figure(width=11.4, height=5.6)
    axes.set(xlim=(0, 11.4), ylim=(0, 5.6))
    axes.axis("off")
    rows = (
        ("given", 4.9, "the task", None, "features", r"$\pi(a \mid o, z)$"),
        ("inferred\n(PEARL)", 3.65, "transitions", "product", "draw $z \\sim q$\nonce an episode", "$Q(o, a, z)$"),
        ("believed\n(VariBAD)", 2.2, "transitions", "GRU", "$q = (\\mu, \\sigma)$", r"$\pi(a \mid o, q)$"),
        ("remembered\n(RL²)", 0.6, "transitions", "GRU", "$m$", r"$\pi(a \mid m)$"),
    )
    for name, y, source, encoder, what, policy in rows:
        axes.text(0.05, y, name, va="center", fontsize=12.5, fontweight="bold")
        box(axes, 2.6, y, source, size=11.5)
        if encoder:
            box(axes, 4.7, y, encoder, size=11.5)
            arrow(axes, (3.35, y), (4.2, y), plotting.GREY)
        box(axes, 7.0, y, what, size=11.5)
        arrow(axes, (5.25 if encoder else 3.35, y), (6.05, y), plotting.GREY)
        box(axes, 9.8, y, policy, size=12)
        arrow(axes, (7.95, y), (9.0, y), plotting.GREY)
    for y, words in ((3.65, "squared TD error"), (0.6, "return of the trial")):
        axes.annotate(
            "",
            (4.7, y - 0.32),
            (9.8, y - 0.32),
            arrowprops={
                "arrowstyle": "-|>",
                "color": plotting.BLUE,
                "linewidth": 1.8,
                "connectionstyle": "arc3,rad=-0.1",
            },
        )
        axes.text(9.3, y - 0.72, words, color=plotting.BLUE, fontsize=10.5, ha="center")
    axes.text(8.45, 2.2, "‖", fontsize=26, color=plotting.RED, ha="center", va="center", fontweight="bold")
    axes.text(8.45, 2.62, "no gradient", fontsize=10.5, color=plotting.RED, ha="center")
    box(axes, 7.0, 1.42, r"$\hat r(\cdot, z)$", size=11)
    arrow(axes, (7.0, 1.92), (7.0, 1.68), plotting.GREY)
    axes.annotate(
        "",
        (4.7, 1.9),
        (6.35, 1.42),
        arrowprops=BACK | {"connectionstyle": "arc3,rad=-0.25"},
    )
    axes.text(8.9, 1.42, "rewards of the whole trial", color=plotting.BLUE, fontsize=10.5, ha="center", va="center")
    plotting.show(
        figure,
        "A diagram of four policies in rows. Given: the features of the task go into the policy. Inferred, PEARL: "
        "transitions go through a product of Gaussians to a belief, of which one z is drawn for an episode and "
        "given to Q; an arrow leads from the TD error of Q back to the encoder. Believed, VariBAD: transitions go "
        "through a GRU to mean and deviation of a belief, which the policy reads across a barrier that no "
        "gradient passes; a decoder of rewards below sends its gradient back to the GRU. Remembered, RL²: "
        "transitions go through a GRU into the policy, and the return of the trial sends its gradient through all "
        "of it.",
    )


def searching(
    family: GridNavi, cells: Tensor, shades: Mapping[str, Tensor], steps: Sequence[int], goal: int, alt: str
) -> None:
    """One trial of a policy with a learned belief: the exact belief above, what the learned one foresees below.

    Args:
        cells: that the steps ended on, `[step]`.
        shades: by name, a number for each cell after each step, `[step, cell]`.
        steps: after how many steps to show.
        goal: the cell of the goal.
    """
    size = family.size
    figure, axes = plotting.figure(len(shades), len(steps), width=2.15 * len(steps), height=2.6 * len(shades))
    for row, (name, values) in enumerate(shades.items()):
        for column, step in enumerate(steps):
            panel = axes[row, column]
            _grid(panel, size)
            shown = values[step - 1].reshape(size, size).numpy()
            panel.imshow(shown, cmap="Blues", vmin=0, vmax=max(0.12, float(shown.max())), zorder=0)
            begun = (step - 1) // family.horizon * family.horizon
            _path(panel, size, cells[begun:step], plotting.ORANGE)
            panel.plot(goal % size, goal // size, "*", color=plotting.RED, markersize=13, zorder=2)
            episode, within = divmod(step - 1, family.horizon)
            if row == 0:
                panel.set_title(f"episode {episode + 1}, step {within + 1}", fontsize=10.5)
        axes[row, 0].set_ylabel(name)
    plotting.show(figure, alt)


def returns(by_method: Mapping[str, Sequence[Interval]], exact: Mapping[str, np.ndarray], alt: str) -> None:
    """Return of each episode: trained methods with intervals over seeds, exact play as lines.

    Args:
        by_method: an interval for each episode.
        exact: by name, a mean return for each episode.
    """
    figure, axes = plotting.figure(width=8.8, height=4.9)
    for number, (name, intervals) in enumerate(by_method.items()):
        color, mark = STYLE[name]
        place = np.arange(1, len(intervals) + 1) + 0.06 * (number - 2)
        points = np.array([interval.point for interval in intervals])
        spread = np.array([(i.point - i.low, i.high - i.point) for i in intervals]).T
        axes.errorbar(place, points, spread, color=color, marker=mark, capsize=3, linewidth=1.6, label=name)
    for (name, values), look in zip(exact.items(), ("-", "--", ":"), strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, look, color="black", linewidth=1.3, label=name, zorder=1)
    axes.set(xlabel="episode of the trial", ylabel="mean return", xticks=range(1, len(points) + 1))
    axes.legend(fontsize=10, loc="lower right", ncols=2)
    plotting.show(figure, alt)
