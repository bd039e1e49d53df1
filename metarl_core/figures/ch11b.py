"""The figures of appendix 11b."""

from __future__ import annotations

import numpy as np

from metarl_core import plotting


def episodes(learned: np.ndarray, sampling: np.ndarray, optimum: float, at_random: float) -> None:
    """Return of each episode on random MDPs.

    Args:
        learned: of the memory, `[seed, episode]`.
        sampling: of posterior sampling, `[episode]`.
        optimum, at_random: of a policy that knows the MDP, and of uniformly random actions.
    """
    figure, axes = plotting.figure(width=8.4, height=4.2)
    number = np.arange(1, len(sampling) + 1)
    axes.axvspan(0.5, 10.5, color=plotting.GREY, alpha=0.12, linewidth=0)
    for row in learned:
        axes.plot(number, row, color=plotting.BLUE, linewidth=1.0, alpha=0.5)
    axes.plot(number, learned.mean(0), "o-", color=plotting.BLUE, markersize=4, label="RL²")
    axes.plot(number, sampling, "s--", color=plotting.RED, markersize=4, label="PSRL, exact posterior")
    axes.axhline(optimum, color=plotting.GREY, linestyle="-", linewidth=1.4, label="knows the MDP")
    axes.axhline(at_random, color=plotting.GREY, linestyle=":", linewidth=1.4, label="uniformly random")
    axes.set(xlabel="episode", ylabel="return", xlim=(0.5, len(sampling) + 0.5))
    axes.legend(fontsize=10, loc="lower right")
    plotting.show(
        figure,
        "TODO",
    )
