"""The figures of chapter 13."""

from collections.abc import Mapping, Sequence

import numpy as np

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures.diagrams import arrow, box
from metarl_core.plotting.look import BROWN

COLORS = {
    "MAML, LVC": plotting.BLUE,
    "MAML, naive": plotting.ORANGE,
    "pre-trained": plotting.GREEN,
    "RL²": plotting.PURPLE,
    "PPO from scratch": BROWN,
    "standing still": plotting.GREY,
}


def chain() -> None:
    """A schematic: what stands between a learner and its number in a table."""
    figure, axes = plotting.figure(width=10.5, height=3.4)
    axes.set(xlim=(0, 10.5), ylim=(0, 3.4))
    axes.axis("off")
    top = ["simulator\nand its version", "reward\nand its version", "horizon and\nwhat ends it", "split:\nwhich tasks"]
    low = [
        "success: when,\nhow often asked",
        "mean over what,\nof which seeds",
        "environment steps\nin training and test",
    ]
    for number, words in enumerate(top):
        box(axes, 1.2 + 2.7 * number, 2.6, words, size=11, pad=0.5)
        if number:
            arrow(axes, (1.2 + 2.7 * number - 1.75, 2.6), (1.2 + 2.7 * number - 0.95, 2.6), plotting.GREY)
    for number, words in enumerate(low):
        box(axes, 8.2 - 3.1 * number, 0.8, words, size=11, pad=0.5)
        if number:
            arrow(axes, (8.2 - 3.1 * number + 2.1, 0.8), (8.2 - 3.1 * number + 1.1, 0.8), plotting.GREY)
    arrow(axes, (9.3, 2.05), (8.6, 1.35), plotting.GREY)
    axes.text(0.1, 0.8, "the\nnumber", ha="left", va="center", color=plotting.RED, fontsize=12)
    plotting.show(
        figure,
        "A chain of seven boxes from the simulator to the number in a table: simulator and its version, reward and its "
        "version, horizon and what ends an episode, split, success, mean over what and which seeds, environment steps "
        "in training and test.",
    )


def learners(curves: Mapping[str, Curve], labels: Sequence[str], still: float, alt: str) -> None:
    """Mean return with interval of each learner before and after each piece of test experience."""
    figure, axes = plotting.figure(width=8.4, height=4.2)
    for number, (name, curve) in enumerate(curves.items()):
        x = np.arange(len(curve.point)) + 0.06 * (number - 2)
        below, above = curve.point - curve.low, curve.high - curve.point
        axes.errorbar(x, curve.point, (below, above), color=COLORS[name], marker="os^Dv"[number], capsize=3, label=name)
    axes.axhline(still, color=plotting.GREY, linestyle="--", label="standing still")
    axes.set_xticks(range(len(labels)), labels)
    axes.set(xlabel="pieces of experience on the test task", ylabel="return of an episode of 100 steps")
    axes.legend(ncol=2, fontsize=9)
    plotting.show(figure, alt)
