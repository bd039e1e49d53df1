"""The figures of appendix 10b."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures.ch10 import curves

TITLES = {
    "sign": "CartPole, hidden sign",
    "physics": "CartPole, varying physics",
    "dense": "hidden goal, dense reward",
    "sparse": "hidden goal, sparse reward",
}


def four_families(
    by_problem: Mapping[str, Mapping[str, Curve]], points: Sequence[int], random_steps: Mapping[str, int]
) -> None:
    """Return against steps in a held-out task, a panel for each family, methods with t intervals."""
    figure, axes = plotting.figure(2, 2, width=11.6, height=8.4)
    for panel, (problem, by_name) in zip(axes.flat, by_problem.items(), strict=True):
        curves(panel, by_name, points, random_steps[problem])
        panel.set_title(TITLES[problem])
        panel.legend(fontsize=8.5, loc="lower right", ncols=2 if problem == "physics" else 1)
    axes[0, 1].set_ylim(-60, 225)  # room for the legend
    for panel in axes[1]:
        panel.set_xlabel("environment steps in the new task")
    for panel in axes[:, 0]:
        panel.set_ylabel("undiscounted return per episode")
    plotting.show(
        figure,
        "Return against environment steps in a held-out task for four families. Hidden sign: at 100 steps pre-training "
        "and the meta-learners stand between 128 and 167 of 200, fresh networks at 18, and these reach 176 at the end. "
        "Varying physics: pre-training stands at 193 from the start, Reptile at 180, both flat; forced to learn, "
        "pre-training falls to 144 at fifty steps; Meta-SGD rises from 10 to 177. Dense grid: fresh networks rise "
        "first, to −5 at 100 steps, where the others stand between −6 and −12. Sparse grid: all begin at 0, have 0.1 "
        "to 0.3 at 100 steps, and 0.8 to 0.9 at the end.",
    )
