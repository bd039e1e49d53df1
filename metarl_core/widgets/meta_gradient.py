"""Bias and noise of the estimators of the meta-policy gradient, on chapter 04's small MDP."""

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from metarl_core import plotting
from metarl_core.exact import bias_and_noise
from metarl_core.widgets.explorer import Explorer, slider

LOOK = {
    "first order": (plotting.SKY, "<"),
    "naive": (plotting.RED, "X"),
    "LVC": (plotting.BLUE, "o"),
    "DiCE": (plotting.GREEN, "D"),
    "naive + sampling term": (plotting.PURPLE, "v"),
}
"""Colour and marker of each estimator"""


def meta_gradient_explorer(number: int = 8192) -> Explorer:
    """Bias and standard deviation of five estimators of the meta-policy gradient, sampled anew at each change.

    Args:
        number: episodes that are drawn in all; groups of N support episodes are made of them.
    """
    sizes = [2**power for power in range(9)]

    def draw(support: int, horizon: int, alpha: float, baseline: bool) -> Figure:
        margins = {"left": 0.2, "right": 0.985, "bottom": 0.16, "top": 0.88, "wspace": 0.22}
        figure, (left, right) = plotting.figure(1, 2, width=11, height=3.9, margins=margins)
        curves = {size: bias_and_noise(size, round(alpha, 2), horizon, baseline, number) for size in sizes}
        chosen = curves[2**support]
        for row, (name, (color, _)) in enumerate(LOOK.items()):
            bias, noise = chosen[name]
            left.barh(row, bias, height=0.36, align="edge", color=color)
            left.barh(row, noise, height=-0.36, align="edge", color=color, alpha=0.4)
        left.set_yticks(range(len(LOOK)), LOOK)
        left.invert_yaxis()
        left.grid(axis="y", visible=False)
        left.set(xlabel="of the meta-gradient's length", title=f"N = {2**support}: bias (pale: standard deviation)")
        for name, (color, marker) in LOOK.items():
            total = [np.hypot(*curves[size][name]) for size in sizes]
            right.plot(sizes, total, marker=marker, markersize=5, color=color, linewidth=1.5)
        right.axvline(2**support, color="black", linestyle=":", linewidth=1)
        right.set(xscale="log", yscale="log", xlabel="support episodes N", title="Root mean squared error, relative")
        right.set_xticks(sizes, [str(size) for size in sizes])
        right.set_yticks([0.01, 0.03, 0.1, 0.3, 1, 3, 10], ["0.01", "0.03", "0.1", "0.3", "1", "3", "10"])
        right.set_ylim(0.01, 10)
        right.minorticks_off()
        return figure

    return Explorer(
        draw,
        "Left: bars of bias and standard deviation of five estimators of the meta-policy gradient on a small MDP. "
        "Right: their root mean squared error against the number of support episodes, both axes logarithmic.",
        support=slider(4, 0, 8, 1, "log₂ of support episodes N", integer=True),
        horizon=slider(4, 1, 12, 1, "horizon H", integer=True),
        alpha=slider(1.0, 0.25, 4.0, 0.25, "inner step size α"),
        baseline=ipywidgets.Checkbox(value=True, description="exact value function as baseline", indent=False),
    )
