"""The figures of appendix 08a."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metarl_core import plotting

TRPO = plotting.GREEN


def along_the_step(
    lengths: np.ndarray,
    losses: np.ndarray,
    divergences: np.ndarray,
    limit: float,
    taken: float,
    one: Mapping[str, float],
) -> None:
    """Divergence and change of the surrogate along TRPO's step; `one` update of other rules, by name."""
    figure, (left, right) = plotting.figure(1, 2, width=10.6, height=3.9)
    left.plot(lengths, divergences, "D-", color=TRPO, label="exact")
    left.plot(lengths, limit * lengths**2, "--", color="black", linewidth=1.3, label="quadratic model")
    left.axhline(limit, color=plotting.GREY, linestyle=":", label="δ")
    left.set(xlabel="length of the step, in units of d", ylabel="mean KL of adapted policies, nats")
    right.plot(lengths, losses - losses[0], "D-", color=TRPO, label="along d")
    for (name, change), look in zip(one.items(), ("--", "-."), strict=True):
        right.axhline(change, linestyle=look, color="black", linewidth=1.3, label=f"one update of {name}")
    right.set(xlabel="length of the step, in units of d", ylabel="change of the query surrogate")
    for panel in (left, right):
        panel.axvline(taken, color=plotting.GREY, linewidth=1.3, label="accepted")
        panel.legend(fontsize=10)
    plotting.show(
        figure,
        "Left: mean KL divergence of the adapted policies against the length of the TRPO step. The exact curve and the "
        "quadratic model start together; a dotted line marks the limit, a vertical line the accepted step. Right: the "
        "change of the query surrogate along the same step, with lines for one update of PPO and of Adam.",
    )
