"""What the figures of chapters 05 and 06 share: fitted sine curves, and the error of each method by gradient steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve

Style = Mapping[str, tuple[str, str]]
"""colour and marker of each name"""
LOOKS: tuple[Literal[":", "--", "-"], ...] = (":", "--", "-")
"""of the curves after three numbers of steps"""


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
            highest = room * float(task[row].abs().max())
            panel.plot(x, task[row], color="black", linewidth=1.2)
            for (steps, curve), look in zip(by_steps.items(), LOOKS, strict=True):
                panel.plot(x, curve[row], look, color=style[name][0])
                if float((curve[row].abs() < highest).double().mean()) < 0.1:
                    words = f"{_steps(steps)}: outside"
                    panel.text(0.5, 0.04, words, fontsize=9, ha="center", transform=panel.transAxes)
            panel.plot(support[0][row], support[1][row], "o", color="black", markersize=7)
            panel.set(ylim=(-highest, highest), title=name if row == 0 else "", xlabel="x" if row else "")
    for row, words in enumerate(rows):
        axes[row, 0].set_ylabel(words)
    looks = [Line2D([], [], color="black", linewidth=1.2, label="the task")]
    for steps, look in zip(next(iter(curves.values())), LOOKS, strict=True):
        looks.append(Line2D([], [], color=plotting.GREY, linestyle=look, label=_steps(steps)))
    figure.legend(handles=looks, ncols=4, fontsize=10, loc="outside lower center")
    plotting.show(figure, alt)


def _steps(number: int) -> str:
    return f"{number} step{'' if number == 1 else 's'}"


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
