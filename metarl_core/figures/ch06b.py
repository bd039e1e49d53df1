"""The figures of appendix 06b."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metarl_core import plotting
from metarl_core.figures.ch06 import STYLE


def weights() -> None:
    """Weight of an eigen-direction over that of joint training, against αλ."""
    between = np.linspace(1e-6, 2, 200)
    figure, axes = plotting.figure(width=9.6, height=3.8)
    joint = STYLE["pre-training"][0]
    axes.plot(between, np.ones_like(between), color=joint, label="joint training; Reptile, k = 1")
    for k, look in ((2, ":"), (5, "--"), (20, "-")):
        weight = (1 - (1 - between) ** k) / (k * between)
        axes.plot(between, weight, look, color=STYLE["Reptile"][0], label=f"Reptile, k = {k}")
    axes.plot(between, 1 - between, color=STYLE["FOMAML"][0], label="FOMAML, one inner step")
    axes.plot(between, (1 - between) ** 2, color=STYLE["MAML"][0], label="MAML, one inner step")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="αλ", ylabel="weight over that of joint training", ylim=(-0.6, 1.1))
    axes.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1))
    plotting.show(
        figure,
        "Weight of an eigen-direction over that of joint training, against αλ; all lines begin at one. Joint "
        "training stays at one. Reptile falls the faster the larger k, and stays positive. FOMAML is a straight line "
        "that turns negative beyond one; MAML a parabola that touches zero at one.",
    )


def cost(steps: Sequence[int], milliseconds: Mapping[str, np.ndarray], megabytes: Mapping[str, np.ndarray]) -> None:
    """Time and kept memory of one direction against the number of inner steps."""
    figure, (left, right) = plotting.figure(1, 2, width=11, height=3.9)
    for name in milliseconds:
        color, marker = STYLE[name]
        left.plot(steps, milliseconds[name], marker=marker, color=color, label=name)
        right.plot(steps, megabytes[name], marker=marker, color=color, label=name)
    left.set(xlabel="inner steps", ylabel="milliseconds", title="One direction for 25 tasks", ylim=(0, None))
    right.set(xlabel="inner steps", ylabel="MB kept for the backward pass, peak", title="Memory", ylim=(0, None))
    left.legend(fontsize=10)
    plotting.show(
        figure,
        "Left: milliseconds for one direction against the number of inner steps. All lines rise; MAML and Meta-SGD "
        "rise most steeply, ANIL in between, FOMAML and Reptile least. Right: megabytes kept for the backward pass. "
        "MAML and Meta-SGD rise in proportion to the steps; ANIL slowly; FOMAML and Reptile are flat.",
    )
