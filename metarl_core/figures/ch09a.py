"""The figures of appendix 09a."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metarl_core import plotting

PENALTIES = {0.0: (plotting.RED, "X"), 0.1: (plotting.BLUE, "o"), 1.0: (plotting.GREEN, "D")}
"""Colour and marker of each η"""


def old_support(points: np.ndarray) -> None:
    """Errors of the inner step from old trajectories: rows of divergence, error with the ratio, error without it."""
    figure, axes = plotting.figure(width=7.4, height=4.2)
    for column, (label, color, marker) in enumerate(
        (("with the ratio (ProMP)", plotting.BLUE, "o"), ("log π, no ratio", plotting.RED, "X")), 1
    ):
        axes.plot(points[:, 0], points[:, column], marker, color=color, markersize=4, alpha=0.5, label=label)
    axes.axvline(0.01, color="black", linestyle=":", linewidth=1.2)
    axes.set(xscale="log", yscale="log", title="Old support trajectories", ylabel="relative error of the inner step")
    axes.set_xlabel("KL of the policy before adaptation from the one that sampled, per step")
    axes.legend()
    plotting.show(
        figure,
        "Relative error of the inner gradient from old trajectories against the KL divergence of the new policy before "
        "adaptation, both axes logarithmic. Both clouds rise with a slope of about one half; with the ratio the error "
        "is lower. A dotted line marks a divergence of 0.01.",
    )


def penalties(
    before: Mapping[float, Sequence[float]],
    after: Mapping[float, Sequence[float]],
    gain: Mapping[float, Sequence[float]],
) -> None:
    """KL of the policy before adaptation and of the adapted ones, and the clipped objective's gain, by η and step."""
    figure, panels = plotting.figure(1, 3, width=11.6, height=3.9)
    titles = ("KL before adaptation, per step", "KL of the adapted policies, per step", "gain of the clipped objective")
    for panel, values, title in zip(panels, (before, after, gain), titles, strict=True):
        for eta, series in values.items():
            color, marker = PENALTIES[eta]
            panel.plot(series, color=color, marker=marker, markevery=4, markersize=6, label=f"η = {eta:g}")
        panel.set(xlabel="steps of Adam on one batch", title=title)
    panels[2].legend(fontsize=10, loc="lower right")
    last = {eta: (before[eta][-1], after[eta][-1], gain[eta][-1]) for eta in before}
    plotting.show(
        figure,
        "Three panels against steps of Adam on one batch, for three penalties. The KL divergence of the policy before "
        f"adaptation ends at {last[0.0][0]:.4f} without a penalty, {last[0.1][0]:.4f} with η = 0.1 and "
        f"{last[1.0][0]:.4f} with η = 1. That of the adapted policies ends at {last[0.0][1]:.3f}, {last[0.1][1]:.3f} "
        f"and {last[1.0][1]:.3f}. The clipped objective gains {last[0.0][2]:.3f}, {last[0.1][2]:.3f} and "
        f"{last[1.0][2]:.3f}.",
    )
