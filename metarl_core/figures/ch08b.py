"""The figures of appendix 08b."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures.ch08 import STYLE
from metarl_core.tasks import Trajectories


def episodes_spent(spent: np.ndarray, scratch: Curve, adapted: Mapping[str, Curve], per_step: int) -> None:
    """Return against episodes on the new goal, logarithmic: from scratch, and after a few steps of adaptation."""
    figure, axes = plotting.figure(width=8.0, height=4.2)
    plotting.plot_curve(axes, spent[1:], Curve(scratch.point[1:], scratch.low[1:], scratch.high[1:]), "from scratch")
    for name, curve in adapted.items():
        color, marker = STYLE[name]
        axes.plot(per_step * np.arange(1, 4), curve.point[1:], marker=marker, color=color, label=name)
    axes.axhline(adapted["MAML"].point[1], color=STYLE["MAML"][0], linestyle=":", linewidth=1.2)
    ticks = [20, 60, 100, 200, 500, 1000]
    axes.set(xscale="log", xlabel="episodes on the new goal", ylabel="undiscounted return per episode")
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes.minorticks_off()
    axes.legend(fontsize=10, loc="lower right")
    plotting.show(
        figure,
        "Return against episodes on the new goal, on a logarithmic axis. MAML and pre-training rise within 60 "
        "episodes; training from scratch rises over several hundred. A dotted line marks MAML's level after one step.",
    )


def poles(adapted: Mapping[str, Curve], spent: np.ndarray, scratch: Curve) -> None:
    """CartPole with varying physics: return against gradient steps, and from scratch against episodes."""
    figure, (left, right) = plotting.figure(1, 2, width=10.8, height=3.9, sharey=True)
    for (name, curve), look in zip(adapted.items(), ("-", "--", "-"), strict=True):
        color, marker = STYLE[name]
        left.plot(range(4), curve.point, look, marker=marker, color=color, label=name)
        left.fill_between(range(4), curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
    left.set(xlabel="gradient steps on the new physics", ylabel="undiscounted return per episode")
    left.set(xticks=range(4), ylim=(0, 210))
    left.legend(fontsize=10, loc="center right")
    plotting.plot_curve(right, spent, scratch, "from scratch", markevery=5)
    color, _ = STYLE["pre-training"]
    right.axhline(adapted["pre-training"].point[0], color=color, linestyle="--", label="pre-training, no step")
    right.set(xlabel="episodes on the new physics")
    right.legend(fontsize=10, loc="lower right")
    plotting.show(
        figure,
        "Left: return on CartPole with varying physics against gradient steps: MAML and pre-training both lie at about "
        "200 from the start; random initialisation begins at about 25 and rises to about 50. Right: training from "
        "scratch rises over hundreds of episodes towards the dashed line of the pre-trained policy before any step.",
    )


def sparse_paths(episodes: Sequence[Trajectories], goals: Tensor, tasks: Sequence[int], radius: float) -> None:
    """Walks before and after one step on four tasks, with the circle where the reward is paid."""
    figure, axes = plotting.figure(2, 4, width=11.2, height=6.0, sharex=True, sharey=True)
    around = np.linspace(0, 2 * np.pi, 60)
    for column, task in enumerate(tasks):
        x, y = goals[task].tolist()
        for row, walk in enumerate(episodes):
            panel = axes[row, column]
            plotting.plot_paths(panel, walk, task, goals[task], STYLE["MAML"][0], 0.85)
            panel.plot(x + radius * np.cos(around), y + radius * np.sin(around), color=plotting.RED, linewidth=1)
            returns = walk.returns[task]
            words = f"{int((returns > 0).sum())} of {len(returns)} touch it, return {float(returns.mean()):.0f}"
            panel.set_title(words, fontsize=10)
            label = ("before\ny", "after one step\ny")[row] if column == 0 else ""
            panel.set(xlabel="x" if row else "", ylabel=label)
    plotting.show(
        figure,
        "Paths on four sparse tasks before and after one step; a circle marks where the reward is paid. In the two "
        "left columns no support episode, or hardly one, touches the circle, and the paths after the step are as "
        "before. In the two right columns some or many touch it, and after the step the paths have shifted towards it.",
    )


def search(
    edges: np.ndarray, shares: Mapping[str, Sequence[float]], touches: np.ndarray, returns: np.ndarray, best: float
) -> None:
    """Share of support episodes that touch a goal by its distance; return after one step by their number, of 20."""
    figure, (left, right) = plotting.figure(1, 2, width=10.8, height=3.8)
    for name, share in shares.items():
        color, marker = STYLE[name]
        left.plot((edges[:-1] + edges[1:]) / 2, share, marker=marker, color=color, label=name)
    left.set(xlabel="distance of the goal from the start", ylabel="share that touches the goal", ylim=(0, 1.02))
    left.set_title("support episodes")
    left.legend(fontsize=10)
    jitter = np.random.default_rng(62).uniform(-0.12, 0.12, len(touches))
    right.plot(touches + jitter, returns, "o", color=STYLE["MAML"][0], markersize=4, alpha=0.6)
    right.axhline(best, color="black", linestyle=":", linewidth=1.2, label="straight walk")
    right.set(xlabel="support episodes that touch the goal, of 20", ylabel="return after one step")
    right.set(xticks=range(0, 21, 5), title="MAML, held-out goals")
    right.legend(fontsize=10, loc="center left")
    plotting.show(
        figure,
        "Left: share of support episodes that touch the goal against its distance, for the random network and for "
        "MAML. It falls with the distance for both, and MAML's falls further. Right: return after one step against the "
        "number of touching support episodes: near zero without a touch, widely spread and below the straight walk "
        "otherwise.",
    )
