"""The figures of appendix 06a."""

from __future__ import annotations

from collections.abc import Mapping

from metarl_core import plotting
from metarl_core.evaluation import Interval
from metarl_core.figures.ch06 import STYLE


def heads(intervals: Mapping[str, Interval], floors: Mapping[str, float]) -> None:
    """Error after one step of heads that adapt alone, with two floors, beside MAML and Meta-SGD."""
    figure, axes = plotting.figure(width=8.4, height=3.9)
    plotting.plot_intervals(axes, list(intervals), list(intervals.values()))
    for patch, name in zip(axes.patches, intervals, strict=True):
        patch.set_color(STYLE[name.partition(",")[0]][0])
        patch.set_alpha(1 if "," not in name else 0.5)
    for words, value in floors.items():
        axes.axvline(value, color=plotting.RED, linestyle=":", linewidth=1.5)
        axes.text(value, -0.62, words, fontsize=9, ha="center", va="bottom")
    axes.set(xlabel="mean squared error after one step, 10,000 iterations", ylim=(4.5, -0.55))
    plotting.show(
        figure,
        "Error after one step with intervals: ANIL 1.34, above the floor of 1.01 for kernels without negative values; "
        "ANIL with linear features and ANIL with learned rates near 0.5, above the floor of 0.43; MAML 0.73; Meta-SGD "
        "0.44.",
    )
