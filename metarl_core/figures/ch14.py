"""The figures of chapter 14."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from metarl_core import plotting
from metarl_core.figures.diagrams import arrow, box

COLORS = {"64": plotting.SKY, "256": plotting.ORANGE, "512": plotting.PURPLE}
MARKERS = {"two, memory": "o", "two, 1 Gbit/s": "^", "two, 200 Mbit/s": "s", "two, 50 Mbit/s": "D"}


def shares() -> None:
    """A schematic: seven tasks on two processes, one sum of one vector, the same step in both."""
    figure, axes = plotting.figure(width=10.5, height=4.4)
    axes.set(xlim=(0, 10.5), ylim=(0, 4.4))
    axes.axis("off")
    for y, rank, tasks, share in ((3.2, 0, (0, 1, 2), "3"), (1.2, 1, (3, 4, 5, 6), "4")):
        axes.text(0.1, y + 0.62, f"rank {rank}, same $\\theta$, same seed", fontsize=11)
        for place, task in enumerate(tasks):
            box(axes, 0.5 + 0.8 * place, y, f"$g_{task}$", size=12)
        box(axes, 4.9, y, f"$\\frac{{{share}}}{{7}}\\, \\bar g^{{({rank})}}$", size=14)
        arrow(axes, (3.55, y), (4.25, y), plotting.GREY)
        arrow(axes, (5.55, y), (6.5, 2.2 + (y - 2.2) * 0.25), plotting.BLUE)
        arrow(axes, (7.9, 2.2 + (y - 2.2) * 0.25), (8.75, y), plotting.BLUE)
        box(axes, 9.5, y, "$\\theta - \\beta\\, g$", size=12)
    box(axes, 7.2, 2.2, "sum of\none vector", size=12)
    axes.text(7.2, 0.25, "the only message of an iteration", ha="center", color=plotting.BLUE, fontsize=11)
    plotting.show(
        figure,
        "A diagram with two rows. Rank 0 computes the gradients of tasks 0 to 2, rank 1 those of tasks 3 to 6. Each "
        "makes the mean of its own, multiplied by its share, three sevenths and four sevenths. Both go into one box, "
        "the sum of one vector, and come back to both ranks, which take the same step.",
    )


def ring() -> None:
    """A schematic: four processes in a ring, each sends one piece to the next."""
    figure, axes = plotting.figure(width=6.2, height=4.0)
    axes.set(xlim=(0, 6.2), ylim=(0, 4.0))
    axes.axis("off")
    places = [(1.2, 3.2), (5.0, 3.2), (5.0, 0.8), (1.2, 0.8)]
    ways = [((2.0, 3.2), (4.2, 3.2)), ((5.0, 2.7), (5.0, 1.3)), ((4.2, 0.8), (2.0, 0.8)), ((1.2, 1.3), (1.2, 2.7))]
    for rank, ((x, y), (start, end)) in enumerate(zip(places, ways, strict=True)):
        box(axes, x, y, f"rank {rank}", size=12)
        arrow(axes, start, end, plotting.BLUE)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        beside = (0.0, 0.15) if rank % 2 == 0 else (0.2 if rank == 1 else -0.2, 0.0)
        axes.text(
            middle[0] + beside[0], middle[1] + beside[1], f"piece {rank}", color=plotting.BLUE, fontsize=10.5,
            ha={1: "left", 3: "right"}.get(rank, "center"),
        )  # fmt: skip
    plotting.show(
        figure,
        "A ring of four ranks. An arrow goes from each to the next; in the first round rank 0 sends piece 0, rank 1 "
        "piece 1, rank 2 piece 2 and rank 3 piece 3.",
    )


def predictions(points: Sequence[tuple[str, str, float, float]]) -> None:
    """Measured against predicted seconds.

    Args:
        points: link, width, predicted and measured seconds of an iteration.
    """
    figure, axes = plotting.figure(width=7.6, height=5.0)
    ends = np.array([1e3 * min(min(p[2:]) for p in points) / 1.3, 1e3 * max(max(p[2:]) for p in points) * 1.3])
    axes.fill_between(ends, ends * 0.8, ends * 1.2, color=plotting.GREY, alpha=0.25, lw=0, label="20 %")
    axes.plot(ends, ends, color=plotting.GREY, linewidth=1)
    for link, marker in MARKERS.items():
        for width, color in COLORS.items():
            own = [(p, m) for li, w, p, m in points if (li, w) == (link, width)]
            x, y = 1e3 * np.array(own).T
            axes.loglog(x, y, marker, color=color, markersize=7, mec="black", mew=0.5, linestyle="none")
        axes.plot([], [], marker, color="white", mec="black", label=link)
    for width, color in COLORS.items():
        axes.plot([], [], "s", color=color, label=f"{width} units wide")
    axes.set(xlabel="predicted, milliseconds", ylabel="measured, milliseconds", xlim=ends, ylim=ends)
    axes.legend(fontsize=9, loc="upper left")
    plotting.show(
        figure,
        "Measured against predicted milliseconds of an iteration on two processes, both axes logarithmic, with a grey"
        " band of 20 percent around the diagonal. Colours are three widths of the network, markers four links. Most "
        "points lie in the band. Some squares, triangles and diamonds lie below it, all of them in the lower half of "
        "the axes.",
    )


def efficiencies(lines: Mapping[str, tuple[Sequence[int], Mapping[str, Sequence[float]]]]) -> None:
    """Efficiency against tasks per process, a panel for each width, a line for each link."""
    figure, axes = plotting.figure(1, len(lines), width=3.8 * len(lines), height=3.6, sharey=True)
    colors = (plotting.GREEN, plotting.BLUE, plotting.ORANGE, plotting.RED)
    for panel, (width, (tasks, by_link)) in zip(axes, lines.items(), strict=True):
        for color, (link, values) in zip(colors, by_link.items(), strict=True):
            panel.semilogx(tasks, values, MARKERS[link] + "-", color=color, label=link)
        panel.axhline(0.5, color=plotting.GREY, linestyle=":", linewidth=1.5)
        panel.set(title=f"{width} units wide", xlabel="tasks per process", ylim=(0, 1.25), xticks=list(tasks))
        panel.set_xticklabels(list(map(str, tasks)))
        panel.minorticks_off()
    axes[0].set_ylabel("efficiency of two")
    axes[0].legend(fontsize=8.5, loc="lower right")
    plotting.show(
        figure,
        "Three panels, one for each width: the measured efficiency of two processes against tasks per process, a line"
        " for each of four links. A dotted line at one half marks where two processes are as fast as one. For the "
        "narrow network all lines run together, near one. For the wide one the slowest link begins near zero and "
        "rises to just below the dotted line; the next one rises from a quarter to four fifths.",
    )


def thousand(ranks: Sequence[int], shares_: Mapping[str, Sequence[float]]) -> None:
    """Where an iteration's time goes, predicted, against the number of workers; shares by name add up to one."""
    figure, axes = plotting.figure(width=7.8, height=4.0)
    colors = (plotting.GREEN, plotting.GREY, plotting.ORANGE, plotting.BLUE, plotting.RED)
    axes.stackplot(ranks, list(shares_.values()), labels=list(shares_), colors=colors, alpha=0.75)
    axes.set(xscale="log", xlabel="workers", ylabel="share of an iteration", ylim=(0, 1), xlim=(ranks[0], ranks[-1]))
    axes.legend(fontsize=9, loc="lower left")
    plotting.show(
        figure,
        "Predicted shares of an iteration's time against the number of workers on a logarithmic axis. Computing the "
        "tasks fills nearly everything for one worker and little for a thousand; the delays of the ring's rounds grow"
        " until they fill most.",
    )


def stragglers(ranks: Sequence[int], factors: Sequence[float] | Tensor) -> None:
    """How much longer the slowest of so many workers takes than the mean one."""
    figure, axes = plotting.figure(width=6.4, height=3.5)
    axes.semilogx(ranks, np.asarray(factors), "o-", color=plotting.RED)
    axes.set(xlabel="workers", ylabel="slowest / mean", ylim=(0.9, None))
    plotting.show(
        figure,
        "The time of the slowest worker divided by the mean, against the number of workers on a logarithmic axis. The"
        " curve begins at one and rises steadily to more than one and a half at a thousand workers.",
    )
