"""What the figures of chapters 05 and 06 share: fitted sine curves, and the error of each method by gradient steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve

Style = Mapping[str, tuple[str, str]]
"""colour and marker of each name"""


def fits(
    x: Tensor,
    task: Tensor,
    support: tuple[Tensor, Tensor],
    curves: Mapping[str, Mapping[int, Tensor]],
    *,
    style: Style,
    rows: Sequence[str],
    room: float,
    alt: str,
) -> None:
    """Test curves in rows, starting points in columns.

    Args:
        x: `[x]`.
        task: `[row, x]`, the true curves.
        support: inputs and targets `[row, point]`.
        curves: by starting point and number of steps, `[row, x]`.
        rows: the labels of the vertical axes.
        room: how far an axis reaches, in amplitudes of its curve.
    """
    figure, axes = plotting.figure(len(task), len(curves), width=11.2, height=6.2, sharex=True, sharey="row")
    for column, (name, by_steps) in enumerate(curves.items()):
        for row in range(len(task)):
            panel = axes[row, column]
            panel.plot(x, task[row], color="black", linewidth=1.2, label="the task")
            for (steps, curve), look in zip(by_steps.items(), (":", "--", "-"), strict=True):
                label = f"{steps} step{'s' if steps != 1 else ''}"
                panel.plot(x, curve[row], look, color=style[name][0], label=label)
            panel.plot(support[0][row], support[1][row], "o", color="black", markersize=7)
            highest = room * float(task[row].abs().max())
            panel.set(ylim=(-highest, highest), title=name if row == 0 else "", xlabel="x" if row else "")
    for row, words in enumerate(rows):
        axes[row, 0].set_ylabel(words)
    axes[0, 0].legend(fontsize=9, ncols=2, loc="lower center")
    plotting.show(figure, alt)


def errors(axes: Axes, curves: Mapping[str, Curve], style: Style, highest: float) -> None:
    """Mean squared error against gradient steps on five points, logarithmic, with t intervals."""
    for name, curve in curves.items():
        color, marker = style[name]
        steps = np.arange(len(curve.point))
        axes.plot(steps, curve.point, marker=marker, color=color, label=name)
        axes.fill_between(steps, curve.low, curve.high, color=color, alpha=0.2, linewidth=0)
    axes.set(yscale="log", xlabel="gradient steps on five points", ylabel="mean squared error", ylim=(0.25, highest))
    axes.set_yticks([0.3, 0.5, 1, 2, 3, 5], ["0.3", "0.5", "1", "2", "3", "5"])
    axes.minorticks_off()


def floor(axes: Axes, words: str, height: float, place: tuple[float, float], side: str) -> None:
    """A dotted line at `height` and its name, right-aligned at `place`."""
    axes.axhline(height, color="black", linestyle=":", linewidth=1.2)
    axes.text(*place, words, fontsize=9, ha="right", va=side)
