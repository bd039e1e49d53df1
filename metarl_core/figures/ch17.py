"""The figures of chapter 17."""

from collections.abc import Mapping, Sequence

import numpy as np

from metarl_core import plotting
from metarl_core.evaluation import Interval
from metarl_core.figures.diagrams import arrow, box

COLORS = (plotting.GREY, plotting.SKY, plotting.ORANGE, plotting.RED)
"""of the four kinds, in their order"""


def sieve(counts: Mapping[str, int]) -> None:
    """A schematic: four questions in a row, what falls out at each, and what finds it.

    Args:
        counts: how many cases of each of the four kinds the chapter has, in the order of the questions.
    """
    figure, axes = plotting.figure(width=11.0, height=4.3)
    axes.set(xlim=(0, 11), ylim=(0, 4.3))
    axes.axis("off")
    questions = ("Does it run?", "Does anything\nchange?", "Is it what\nwas meant?", "Does the\nsentence follow?")
    found = (
        "the message",
        "a parameter before\nand after; a learner\nthat cannot learn",
        "a small case whose\nanswer is known",
        "what would have\nrefuted it; a fair rival",
    )
    parts = zip(questions, counts.items(), found, COLORS, strict=True)
    for place, (question, (kind, count), finds, color) in enumerate(parts):
        x = 1.35 + 2.75 * place
        box(axes, x, 3.5, question, size=12, pad=0.5)
        if place < 3:
            arrow(axes, (x + 0.95, 3.5), (x + 1.75, 3.5), plotting.BLUE)
            axes.text(x + 1.35, 3.62, "yes", ha="center", color=plotting.BLUE, fontsize=10)
        arrow(axes, (x, 2.95), (x, 2.3), color)
        axes.text(x + 0.1, 2.6, "no", color=color, fontsize=10)
        axes.text(x, 1.85, f"{kind}\n{count} cases", ha="center", va="center", fontsize=11.5, weight="bold")
        axes.text(x, 1.25, "found by", ha="center", va="center", fontsize=9.5, color=plotting.GREY)
        axes.text(x, 0.65, finds, ha="center", va="center", fontsize=10.5)
    plotting.show(
        figure,
        "Four questions in a row, joined by arrows marked yes: does it run, does anything change, is it what was "
        "meant, "
        "does the sentence follow. From each an arrow marked no leads down to a kind of mistake, with the number of "
        "cases "
        "in this chapter and what finds it: the message; a parameter before and after, and a learner that cannot "
        "learn; "
        "a small case whose answer is known; what would have refuted it, and a fair rival.",
    )


def case_map(places: Sequence[tuple[int, str, str]], kinds: Sequence[str]) -> None:
    """Where the cases stand: the chapter that taught what is needed, and the kind of the mistake.

    Args:
        places: number, chapter and kind of each case.
        kinds: in their order.
    """
    chapters = sorted({chapter for _, chapter, _ in places})
    figure, axes = plotting.figure(width=11.5, height=3.4)
    taken: dict[tuple[str, str], int] = {}
    together = [(chapter, kind) for _, chapter, kind in places]
    for number, chapter, kind in places:
        shift = taken.get((chapter, kind), 0)
        taken[chapter, kind] = shift + 1
        x, y = float(chapters.index(chapter)), len(kinds) - 1 - kinds.index(kind)
        color = COLORS[kinds.index(kind)]
        look = {"boxstyle": "circle,pad=0.18", "facecolor": "white", "edgecolor": color, "linewidth": 1.6}
        x += 0.46 * (shift - (together.count((chapter, kind)) - 1) / 2)
        axes.text(x, y, str(number), ha="center", va="center", fontsize=11, bbox=look)
    axes.set_xticks(range(len(chapters)), chapters)
    axes.set_yticks(range(len(kinds)), list(reversed(kinds)))
    axes.set(
        xlim=(-0.6, len(chapters) - 0.4), ylim=(-0.55, len(kinds) - 0.45), xlabel="chapter that taught what is needed"
    )
    axes.grid(visible=False)
    plotting.show(
        figure,
        "A chart of the twenty-seven cases by their numbers. Across: the chapters, from 01 to 13. Upward: the four "
        "kinds. "
        "What does not run lies in chapters 02 to 05; what learns the wrong thing has the most cases, from chapter "
        "03 to "
        "12; what says what does not follow gathers in chapters 01, 03 and 06.",
    )


def embeddings(returns: Mapping[str, tuple[float, float]], ignored: float) -> None:
    """Mean return on training and on new tasks by what the policy is given, and of the policy that ignores it."""
    figure, axes = plotting.figure(width=8.0, height=3.4)
    place = np.arange(len(returns))
    for shift, label, column, color in (
        (-0.2, "tasks of training", 0, plotting.SKY),
        (0.2, "new tasks", 1, plotting.BLUE),
    ):
        axes.barh(place + shift, [pair[column] for pair in returns.values()], 0.38, color=color, label=label)
    axes.axvline(ignored, color="black", linestyle=":", label="ignores it")
    axes.set_yticks(place, list(returns))
    axes.set(xlabel="mean return", ylim=(len(returns) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)
    axes.legend(fontsize=9, loc="lower left")
    words = "; ".join(f"{name}: {a:.1f} in training and {b:.1f} on new tasks" for name, (a, b) in returns.items())
    plotting.show(
        figure,
        f"Bars of the mean return by what stands in the embedding. {words}. A dotted line marks the policy that "
        f"ignores it, at {ignored:.1f}.",
    )


def assumptions(levels: Sequence[float], learned: Sequence[float], plain: Sequence[float], trained_on: float) -> None:
    """Expected squared error of two estimators against the mean of p(T) at test."""
    figure, axes = plotting.figure(width=7.6, height=3.6)
    axes.plot(levels, learned, color=plotting.BLUE, label="learned for the tasks of training")
    axes.plot(levels, plain, color=plotting.GREY, linestyle="--", label="learned from nothing: the frequency")
    axes.axvline(trained_on, color=plotting.ORANGE, linestyle=":", label="p(T) of training")
    axes.set(xlabel="mean chance of success over the tasks at test", ylabel="expected squared error", ylim=(0, None))
    axes.legend(fontsize=9)
    plotting.show(
        figure,
        "Expected squared error after five throws against the mean of the tasks at test. The dashed curve of the plain "
        "frequency is a low arch. The curve of the estimator that was learned for one distribution lies below it "
        "around "
        "that distribution, marked by a dotted line, and rises far above it towards the other end.",
    )


def two_results(then: Sequence[tuple[str, float, float, float]], now: Sequence[tuple[str, Interval]]) -> None:
    """Differences with their intervals, as an earlier version of the course had them and as they are today."""
    figure, axes = plotting.figure(width=8.6, height=3.4)
    rows = [(name, Interval(point, low, high), plotting.GREY) for name, point, low, high in then]
    rows += [(name, interval, plotting.BLUE) for name, interval in now]
    for place, (_, interval, color) in enumerate(rows):
        axes.plot([interval.low, interval.high], [place, place], color=color, linewidth=3)
        axes.plot(interval.point, place, "o", color=color)
    axes.axvline(0, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.set(xlabel="MAML less pre-training, accuracy at one shot", ylim=(len(rows) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    words = "; ".join(f"{name}: {i.point:+.3f}" for name, i, _ in rows)
    plotting.show(figure, f"Intervals of MAML's accuracy less that of pre-training around a line at zero. {words}.")
