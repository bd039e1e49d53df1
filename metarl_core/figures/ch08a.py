"""The figures of appendix 08a."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metarl_core import plotting

TRPO = plotting.GREEN


def along_the_step(
    lengths: np.ndarray,
    trace: np.ndarray,
    models: Mapping[str, float],
    limit: float,
    taken: float,
    one: Mapping[str, float],
) -> None:
    """Along TRPO's step: divergence with its quadratic models, and the surrogate beside one update of other rules.

    Args:
        trace: surrogate and divergence at each length, `[length, 2]`.
        models: ½ dᵀHd of each model.
        one: change of the surrogate by one update, of each rule.
    """
    losses, divergences = trace.T
    figure, (left, right) = plotting.figure(1, 2, width=10.6, height=3.9)
    left.plot(lengths, divergences, "D-", color=TRPO, label="exact")
    for (name, size), look in zip(models.items(), ("--", "-."), strict=True):
        left.plot(lengths, size * lengths**2, look, color="black", linewidth=1.3, label=name)
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
        "Left: mean KL divergence of the adapted policies against the length of the TRPO step. The exact curve lies "
        "well above the quadratic model from two episodes, and near the one from all twenty at first. A dotted line "
        "marks the limit, a vertical line the accepted step, a quarter of the full length. Right: the change of the "
        "query surrogate along the same step, with lines for one update of PPO and of Adam.",
    )
