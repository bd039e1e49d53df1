"""The figures of chapter 10."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures.diagrams import arrow, box

STYLE = {
    **{name: plotting.METHOD_STYLE[name] for name in ("MAML", "FOMAML", "Meta-SGD", "Reptile")},
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "pre-training, forced to learn": (plotting.ORANGE, ""),
    "fresh": plotting.METHOD_STYLE["random initialisation"],
    "informed": plotting.METHOD_STYLE["oracle"],
}


def two_loops() -> None:
    """A schematic: which transitions of a task go where, what flows forward, and what travels back."""
    figure, axes = plotting.figure(width=10.4, height=5.0)
    axes.set(xlim=(0, 10.4), ylim=(0, 5.0))
    axes.axis("off")
    for x, y, words in (
        (1.1, 2.7, "$θ$, rates $\\mathbf{α}$"),
        (5.2, 2.7, "$θ'_i$"),
        (9.3, 2.7, "query loss\n$(y' - Q_{θ'_i})^2$"),
        (3.15, 4.5, "random moves\n$D_i$"),
        (7.4, 4.5, "replay of task $i$\n$D'_i$"),
        (5.2, 1.35, "$\\bar{θ}'_i$"),
        (1.1, 1.35, "$\\bar{θ}$"),
    ):
        box(axes, x, y, words)
    arrow(axes, (3.15, 4.1), (3.15, 3.0), plotting.GREY)
    arrow(axes, (5.4, 3.0), (6.6, 4.15), plotting.GREY)
    axes.text(5.1, 3.62, "collects,\nε-greedily", ha="center", fontsize=11)
    arrow(axes, (8.15, 4.15), (9.1, 3.2), plotting.GREY)
    arrow(axes, (1.95, 2.85), (4.75, 2.85), plotting.BLUE)
    axes.text(3.35, 2.98, "$K$ TD steps", ha="left", fontsize=12, color=plotting.BLUE)
    arrow(axes, (5.65, 2.85), (8.3, 2.85), plotting.BLUE)
    for start, end, words in (
        (8.3, 5.65, "$v = ∇L$ at $θ'_i$"),
        (4.75, 1.95, "$(I - αH_0) ⋯ (I - αH_{K-1})\\,v$"),
    ):
        arrow(axes, (start, 2.5), (end, 2.5), plotting.RED)
        axes.text((start + end) / 2, 2.1, words, ha="center", fontsize=12, color=plotting.RED)
    arrow(axes, (1.1, 2.3), (1.1, 1.75), plotting.GREY)
    axes.text(0.95, 1.98, "slowly", ha="right", fontsize=11)
    arrow(axes, (1.5, 1.35), (4.75, 1.35), plotting.BLUE)
    axes.text(3.1, 1.05, "the same $K$ steps", ha="center", fontsize=12, color=plotting.BLUE)
    arrow(axes, (5.65, 1.35), (9.0, 2.2), plotting.GREY)
    axes.text(7.55, 1.45, "target $y'$, a constant", ha="left", fontsize=11)
    for y, words, color in (
        (0.45, "forwards, once for each task: adapt, and predict the task's values", plotting.BLUE),
        (
            0.05,
            "backwards: the vector that becomes the meta-gradient; none of it passes through a target",
            plotting.RED,
        ),
    ):
        axes.text(5.2, y, words, ha="center", fontsize=11, color=color)
    plotting.show(
        figure,
        "A diagram. Forwards, in blue: random moves of a task serve K TD steps from the initialisation θ to the "
        "adapted θ'; the adapted network fills a replay buffer of the task, ε-greedily, from which the query loss is "
        "taken. Its target comes from a slow copy of θ, which takes the same K steps. Backwards, in red: the gradient "
        "of the query loss, multiplied by the factors I − αH on its way to θ and the rates.",
    )


def fields(
    draw: Callable[[Axes, Mapping[str, Tensor]], float],
    before: Mapping[str, Mapping[str, Tensor]],
    after: Mapping[str, Mapping[str, Tensor]],
    returns: Mapping[str, tuple[float, float]],
    moves: int,
) -> None:
    """Greedy moves in one task, networks in columns, before and after; `draw(axes, parameters)` draws the arrows
    and returns the share of them that lead nearer."""
    figure, axes = plotting.figure(2, 3, width=10.6, height=7.4, sharex=True, sharey=True)
    nearer: tuple[list[str], list[str]] = ([], [])
    for column, name in enumerate(before):
        for row, parameters in enumerate((before[name], after[name])):
            panel = axes[row, column]
            nearer[row].append(f"{draw(panel, parameters):.0%}")
            words = f"after {moves} random moves: " if row else f"{name}, before: "
            panel.set_title(words + f"{returns[name][row]:.1f}".replace("-", "−"), fontsize=11)
            panel.set(xlabel="x" if row else "", ylabel="" if column else "y")
    handles = [
        Line2D([], [], color=color, marker=">", label=words)
        for color, words in ((plotting.BLUE, "nearer to the goal"), (plotting.RED, "not nearer"))
    ]
    handles.append(Line2D([], [], color="black", marker="*", markersize=13, linestyle="", label="goal"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    plotting.show(
        figure,
        "Greedy moves as arrows over the square in one held-out task, blue where they lead nearer to the goal, a star, "
        "and red elsewhere; the task's mean return stands above each panel. Columns: the untrained, the pre-trained "
        f"and the meta-trained network. Blue are, in this order, {', '.join(nearer[0])} of the arrows in the top row, "
        f"before the task, and {', '.join(nearer[1])} in the bottom row, after {moves} random moves.",
    )


def curves(panel: Axes, by_name: Mapping[str, Curve], points: Sequence[int], random_steps: int) -> None:
    """Returns with t intervals against environment steps in a new task; the checkpoint 0 stands at 25."""
    x = np.maximum(points, 25)
    for name, curve in by_name.items():
        color, marker = STYLE[name]
        if name == "informed":
            panel.axhline(curve.point[0], color=color, linestyle="--", linewidth=1.4, label=name)
            continue
        look = {"marker": marker, "markersize": 5} if marker else {"linestyle": "--"}
        panel.plot(x, curve.point, color=color, label=name, linewidth=1.6, **look)
        panel.fill_between(x, curve.low, curve.high, color=color, alpha=0.15, linewidth=0)
    panel.axvline(random_steps, color="black", linestyle=":", linewidth=1)
    panel.set(xscale="log")
    ticks = [25, 50, 100, 200, 400, 800, 1600]
    panel.set_xticks(ticks, ["0", *map(str, ticks[1:])])
    panel.xaxis.set_minor_locator(NullLocator())


def new_keyboards(test: Mapping[str, Curve], mirrored: Mapping[str, Curve], points: Sequence[int]) -> None:
    """Return on the keys against steps in the new task, on held-out angles and on the mirrored keyboard."""
    figure, panels = plotting.figure(1, 2, width=11.6, height=4.8, sharey=True)
    for panel, by_name, title in zip(panels, (test, mirrored), ("held-out angles", "mirrored keyboard"), strict=True):
        curves(panel, by_name, points, 50)
        panel.set(xlabel="environment steps in the new task", title=title, ylim=(-42, 0))
    panels[0].set_ylabel("undiscounted return per episode")
    panels[1].legend(fontsize=9, loc="lower right")
    plotting.show(
        figure,
        "Return of the greedy policy against environment steps in a new task, on a logarithmic axis, left for held-out "
        "angles, right for the mirrored keyboard. Left: after the fifty random steps Meta-SGD stands at −7, all others "
        "between −19 and −30; at 100 steps Meta-SGD has −5, the other meta-learners −7 to −8, pre-training −13 and "
        "fresh networks −24. Right: all begin between −30 and −35; Meta-SGD is at −19 after fifty steps and at −8 "
        "after a hundred. From 400 steps on the meta-learners lie between −3 and −5 in both panels.",
    )


def around_the_circle(degrees: Tensor, single: Tensor, means: Mapping[str, Tensor], random_keys: float) -> None:
    """Return against the keys' angle before and after three steps; `single` adaptations `[repetition, angle]`."""
    figure, axes = plotting.figure(width=8.4, height=4.2)
    color = STYLE["Meta-SGD"][0]
    axes.plot(degrees.repeat(len(single)), single.flatten(), ".", color=color, alpha=0.35, markersize=5)
    axes.plot(degrees, means["after three steps"], color=color, label="Meta-SGD, after three steps")
    axes.plot(degrees, means["before"], "--", color=color, label="Meta-SGD, before")
    axes.plot(degrees, means["pre-training"], "--", color=STYLE["pre-training"][0], label="pre-training, before")
    axes.axhline(random_keys, color="black", linestyle=":", linewidth=1.2, label="random keys")
    axes.set(xlabel="angle of the keys, degrees", ylabel="undiscounted return per episode", ylim=(-62, 0))
    axes.set_xticks(range(0, 361, 60))
    axes.legend(fontsize=10, loc="lower left", ncols=2)
    best, worst = (float(value(means["before"])) for value in (torch.max, torch.min))
    low, high = (float(value(means["after three steps"])) for value in (torch.min, torch.max))
    ranges = (
        f"{best:.0f} at its best angle to {worst:.0f} at its worst; after three steps its mean lies between {low:.0f} "
    )
    ranges += f"and {high:.0f}"
    plotting.show(
        figure,
        "Return against the angle of the keys. Before adaptation the meta-trained network ranges from "
        + ranges.replace("-", "−")
        + ", with single support sets as points around it; it is lowest where the start is worst. The pre-trained "
        "network before any step varies with the angle, too. A dotted line marks random keys.",
    )


def whose_moves(turns: Sequence[int], by_method: Mapping[str, Curve], random_keys: float) -> None:
    """Return after three steps on another task's moves against the angle between the tasks, with t intervals."""
    figure, axes = plotting.figure(width=7.6, height=4.0)
    looks = ((STYLE["Meta-SGD"], "-"), ((plotting.PURPLE, "v"), "--"), ((plotting.BLUE, "D"), ":"))
    for place, ((name, curve), ((color, marker), line)) in enumerate(zip(by_method.items(), looks, strict=True)):
        spread = np.stack([curve.point - curve.low, curve.high - curve.point])
        x = np.array(turns) + 2.5 * (place - 1)
        axes.errorbar(
            x,
            curve.point,
            yerr=spread,
            marker=marker,
            color=color,
            linestyle=line,
            capsize=3,
            label=name,
            linewidth=1.6,
        )
    axes.axhline(random_keys, color="black", linestyle=":", linewidth=1.2, label="random keys")
    axes.set(xlabel="angle between the two tasks, degrees", ylabel="undiscounted return per episode")
    axes.set_xticks(list(turns))
    axes.legend(fontsize=10)
    each = "; ".join(f"{name} from {c.point[0]:.0f} to {c.point[-1]:.0f}" for name, c in by_method.items())
    plotting.show(
        figure,
        "Return after three steps on another task's moves against the angle between the two tasks, means of five "
        f"networks for each of three inner targets. From 0 to 180 degrees they go: {each}. A dotted line marks random "
        f"keys at {random_keys:.0f}.".replace("-", "−"),
    )
