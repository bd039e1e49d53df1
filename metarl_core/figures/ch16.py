"""The figures of chapter 16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metarl_core import plotting
from metarl_core.evaluation import Interval, t_interval
from metarl_core.figures.ch07 import WINE
from metarl_core.figures.diagrams import arrow, box

LOOK = {
    "known prior": plotting.METHOD_STYLE["oracle"],
    "letter chains": (plotting.PURPLE, "v"),
    "flat letter chains": (plotting.SKY, "<"),
    "nearest mean": (plotting.RED, "X"),
    "prototypes": (WINE, "p"),
    "MAML": plotting.METHOD_STYLE["MAML"],
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
}
"""colour and marker of each method, those of other chapters where it was met there"""


def questions(words: Sequence[tuple[str, str]]) -> None:
    """The questions in a row, each with an answer for the case at hand below it."""
    figure, axes = plotting.figure(width=10.4, height=1.7)
    axes.set(xlim=(0, len(words)), ylim=(0, 2))
    axes.axis("off")
    for place, (question, answer) in enumerate(words):
        box(axes, place + 0.5, 1.55, question, 10.5)
        axes.text(place + 0.5, 0.6, answer, ha="center", va="center", fontsize=9.5)
        if place:
            arrow(axes, (place - 0.12, 1.55), (place + 0.12, 1.55), plotting.BLUE)
    plotting.show(
        figure,
        "Five questions from left to right, each with the answer of this chapter's case below it: "
        + "; ".join(f"{question.replace(chr(10), ' ')} {answer.replace(chr(10), ' ')}" for question, answer in words),
    )


def accuracies(found: Mapping[str, Mapping[str, np.ndarray]], chance: float) -> None:
    """Accuracy by panel and method, `[seed]` each: means with t intervals, and one dot a seed."""
    figure, every = plotting.figure(1, len(found), width=10.4, height=4.2, sharey=True)
    methods = list(LOOK)
    for axes, (title, by_method) in zip(every, found.items(), strict=True):
        for name, seeds in by_method.items():
            color, marker = LOOK[name]
            place = methods.index(name)
            interval: Interval = t_interval(np.asarray(seeds))
            error = [[interval.point - interval.low], [interval.high - interval.point]]
            axes.errorbar(interval.point, place, xerr=error, fmt=marker, color=color, capsize=3, markersize=7)
            axes.plot(seeds, np.full(len(seeds), place + 0.28), ".", color=color, markersize=3, alpha=0.7)
        axes.axvline(chance, color="black", linestyle=":", linewidth=1.2)
        axes.set(title=title, xlim=(0.15, 0.75), xlabel="accuracy")
        axes.grid(axis="y", visible=False)
    every[0].set_yticks(range(len(methods)), methods)
    every[0].set_ylim(len(methods) - 0.4, -0.6)
    plotting.show(
        figure,
        "Accuracy of each method in four panels, a dotted line at chance, one in five. "
        + " ".join(
            f"{title.replace(chr(10), ' ')}: "
            + ", ".join(f"{name} {float(np.mean(seeds)):.2f}" for name, seeds in by_method.items())
            + "."
            for title, by_method in found.items()
        ),
    )
