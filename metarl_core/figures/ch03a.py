"""The figures of appendix 03a."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from metarl_core import plotting

STATE_COLOR = (plotting.RED, plotting.PURPLE)
"""of the two states from which failure is certain"""


def known_values(thousands: np.ndarray, scores: Mapping[str, np.ndarray], worth: Mapping[str, float]) -> None:
    """Values of the two states of `worth`: columns 2 and 3 of `scores[loss]` `[seed, report, column]`."""
    figure, panels = plotting.figure(1, len(scores), width=12.0, height=3.7, sharey=True)
    for place, (name, values) in zip(panels, scores.items(), strict=True):
        for column, (state, color) in enumerate(zip(worth, STATE_COLOR, strict=True), 2):
            of_state = values[:, :, column]
            dash = "-" if column == 2 else "--"
            place.plot(thousands, np.median(of_state, axis=0), dash, color=color, label=f"{state} (median, range)")
            place.fill_between(thousands, of_state.min(0), of_state.max(0), color=color, alpha=0.15, linewidth=0)
            place.axhline(worth[state], color=color, linestyle=":", linewidth=1.5)
        place.set_yscale("symlog", linthresh=20)
        place.set(title=name, xlabel="steps, thousands", ylim=(-400, 12_000))
    panels[0].set_yticks([-100, 0, 100, 1000, 10_000], ["−100", "0", "100", "1,000", "10,000"])
    panels[0].minorticks_off()
    panels[0].set_ylabel("max Q; dotted: max Q*")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=10)
    plotting.show(
        figure,
        "Four panels, one for each loss: the values of two states against environment steps, medians and ranges of "
        "five seeds. With the squared error and with the threshold 100 the medians stay near the small true values, "
        "and the ranges reach about a hundred. With Huber's loss both medians rise during the second half to a hundred "
        "and more, and the range to thousands. With rewards divided by 100 the range is from minus 160 to 460.",
    )


def ends(thousands: np.ndarray, shares: np.ndarray) -> None:
    """How episodes end: `shares` `[seed, report, (limit, edge, pole)]`, a panel for each seed."""
    figure, panels = plotting.figure(1, len(shares), width=12.0, height=2.9, sharey=True)
    colors = (plotting.GREEN, plotting.ORANGE, plotting.PURPLE)
    names = ("limit of 500 steps", "cart beyond the edge", "pole beyond 12°")
    width = 0.9 * (thousands[1] - thousands[0])
    for seed, (place, run) in enumerate(zip(panels, shares, strict=True)):
        base = np.zeros(len(run))
        for column, (color, name, hatch) in enumerate(zip(colors, names, ("", "", "///"), strict=True)):
            place.bar(
                thousands,
                run[:, column],
                width,
                base,
                color=color,
                label=name,
                hatch=hatch,
                edgecolor="white",
                linewidth=0,
            )
            base += run[:, column]
        place.set(title=f"seed {seed}", xlabel="steps, thousands", ylim=(0, 1))
    panels[0].set_ylabel("share of greedy episodes")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=10)
    plotting.show(
        figure,
        "Five panels, one for each seed with Huber's loss: bars against training steps show which share of the greedy "
        "episodes ends at the limit of 500 steps, at the edge of the track, or with a fallen pole. Early on most end "
        "by pole or edge. In the middle four seeds reach the limit. Later one of them drives to the edge for a while "
        "and comes back, and in the others the pole falls.",
    )


def words_of(values: ArrayLike, digits: int = 0) -> str:
    """Numbers in a row, with a proper minus sign."""
    return ", ".join(f"{value:,.{digits}f}".replace("-", "−") for value in np.ravel(np.asarray(values)))
