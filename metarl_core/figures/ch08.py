"""The figures of chapter 08."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures.diagrams import arrow, box
from metarl_core.tasks import Trajectories

STYLE = {
    **{name: plotting.METHOD_STYLE[name] for name in ("MAML", "FOMAML", "Meta-SGD", "Reptile", "from scratch")},
    "MAML, every step": (plotting.PURPLE, "v"),
    "MAML, TRPO": (plotting.GREEN, "D"),
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
}


def two_loops() -> None:
    """A schematic: who collects which episodes, what flows forward, and what travels back."""
    figure, axes = plotting.figure(width=10.4, height=4.6)
    axes.set(xlim=(0, 10.4), ylim=(0, 4.6))
    axes.axis("off")
    for x, y, words in (
        (1.1, 2.5, "$θ$"),
        (5.2, 2.5, "$θ'_i$"),
        (9.3, 2.5, "query loss\n$L'(θ'_i; D'_i)$"),
        (3.15, 4.1, "support episodes $D_i$"),
        (7.25, 4.1, "query episodes $D'_i$"),
    ):
        box(axes, x, y, words)
    for x, words in ((1.1, "$π_θ$ collects"), (5.2, "$π_{θ'_i}$ collects")):
        arrow(axes, (x + 0.1, 2.85), (x + 0.95, 3.85), plotting.GREY)
        axes.text(x + 0.68, 3.25, words, ha="left", fontsize=11)
        arrow(axes, (x + 2.05, 3.85), (x + 2.05, 2.8), plotting.GREY)
    arrow(axes, (1.5, 2.65), (4.75, 2.65), plotting.BLUE)
    axes.text(3.3, 2.8, "$-α∇L(θ; D_i)$", ha="left", fontsize=12, color=plotting.BLUE)
    arrow(axes, (5.65, 2.65), (8.35, 2.65), plotting.BLUE)
    for start, end, words in (
        (8.35, 5.65, "$v = ∇L'$ at $θ'_i$"),
        (4.75, 1.5, "$(I - α\\hat{H}_i)\\,v$"),
    ):
        arrow(axes, (start, 2.3), (end, 2.3), plotting.RED)
        axes.text((start + end) / 2, 1.9, words, ha="center", fontsize=12, color=plotting.RED)
    arrow(axes, (2.0, 4.15), (0.8, 2.85), plotting.RED, dotted=True)
    axes.text(0.65, 3.85, "the other path", ha="center", fontsize=11, color=plotting.RED)
    arrow(axes, (1.1, 2.15), (1.1, 1.15), plotting.RED)
    axes.text(1.1, 0.5, "outer step: mean\nover tasks $i$", ha="center", fontsize=11)
    for y, words, color in (
        (1.2, "forwards, once for each task: collect, step, collect again", plotting.BLUE),
        (0.75, "backwards: the vector that becomes the meta-gradient", plotting.RED),
        (0.3, "dotted: θ also decides which episodes come; MAML leaves this out", plotting.RED),
    ):
        axes.text(6.3, y, words, ha="center", fontsize=11, color=color)
    plotting.show(
        figure,
        "A diagram. Forwards: the policy of θ collects support episodes, a gradient step on them leads to adapted "
        "parameters, whose policy collects query episodes, which give the query loss. Backwards, in red: the gradient "
        "of the query loss is multiplied by I − αH on its way to θ, where its mean over tasks makes the outer step. A "
        "dotted red arrow from the support episodes to θ is the other path, which MAML leaves out.",
    )


def paths(walks: Mapping[str, Sequence[Trajectories]], returns: Mapping[str, Tensor], task: int, goal: Tensor) -> None:
    """Episodes towards one goal: starts in rows, gradient steps in columns; returns `[task, step]`."""
    figure, axes = plotting.figure(3, 4, width=11.2, height=8.6, sharex=True, sharey=True)
    for row, name in enumerate(walks):
        for k in range(4):
            panel = axes[row, k]
            plotting.plot_paths(panel, walks[name][k], task, goal, STYLE[name][0], 0.85)
            label = f"{k} step{'s' * (k != 1)}: " if row == 0 else ""
            panel.set_title(label + f"{float(returns[name][task, k]):.1f}".replace("-", "−"), fontsize=11)
            panel.set(xlabel="x" if row == 2 else "", ylabel=f"{name}\ny" if k == 0 else "")
    plotting.show(
        figure,
        "Paths of twenty episodes towards one held-out goal, marked by a star. Rows: MAML, pre-training, random "
        "initialisation; columns: after 0, 1, 2, 3 gradient steps, with the mean return above. MAML and pre-training "
        "begin as a knot around the origin, which one step moves to the neighbourhood of the goal and further steps "
        "closer. The random policy's paths wander over the whole square and beyond, after three steps as before.",
    )


def training(
    millions: np.ndarray, before: Sequence[float], after: Sequence[float], held_out: Mapping[int, float]
) -> None:
    """Return before and after the inner step against environment steps; `held_out` by iteration, from 1."""
    figure, axes = plotting.figure(width=7.6, height=3.9)
    color, marker = STYLE["MAML"]
    axes.plot(millions, before, "--", color=color, label="before the inner step")
    axes.plot(millions, after, color=color, label="after it")
    places = millions[np.array(list(held_out)) - 1]
    axes.plot(places, list(held_out.values()), "o", color="black", label="after it, 40 held-out goals")
    axes.axhline(-11.7, color="black", linestyle=":", linewidth=1.2, label="published, with 40 support episodes")
    axes.set(xlabel="environment steps of meta-training, millions", ylabel="undiscounted return per episode")
    axes.set_ylim(-85, 2)
    axes.legend(fontsize=10, loc="lower right")
    plotting.show(
        figure,
        "Return before and after the inner step against millions of environment steps. Both rise within the first few "
        "iterations; the return before the step levels off near −37, that after it rises to about −11, near the "
        "published value, with the held-out goals on the same line.",
    )


def methods(curves: Mapping[str, Curve], straight: float) -> None:
    """Return against gradient steps with t intervals: from 0 steps on, and the gradient-based ones enlarged."""
    figure, (left, right) = plotting.figure(1, 2, width=11.4, height=4.7)
    for panel, first in ((left, 0), (right, 1)):
        steps = np.arange(first, 4)
        for place, (name, curve) in enumerate(curves.items()):
            if panel is right and name == "random initialisation":
                continue
            color, marker = STYLE[name]
            aside = steps + (0.05 * (place - 3.5) if panel is right else 0)
            spread = np.stack([curve.point - curve.low, curve.high - curve.point])[:, first:]
            look = {"marker": marker, "color": color, "label": name, "linewidth": 1.5, "capsize": 2, "markersize": 6}
            panel.errorbar(aside, curve.point[first:], yerr=spread, **look)
        panel.axhline(straight, color="black", linestyle=":", linewidth=1.2)
        panel.set(xlabel="gradient steps on the new goal", xticks=steps)
    left.text(0, straight + 1, "straight walk", fontsize=10)
    left.set(ylabel="undiscounted return per episode", title="All methods", ylim=(-85, 6))
    right.set(title="From one step on, enlarged", ylim=(-26, 1))
    right.legend(*left.get_legend_handles_labels(), fontsize=9, loc="lower right", ncols=2)
    plotting.show(
        figure,
        "Left: return against gradient steps for eight methods: random initialisation starts far below and stays "
        "there; all others start near −37 and rise. Right, from one step on: MAML and the four variants lie near "
        "−10 after one step, Reptile near −18, pre-training near −23; after three steps most meet between −4 and −7, "
        "while Meta-SGD falls to −15.",
    )


def resting_places(places: Sequence[np.ndarray], goals: Sequence[np.ndarray], radius: float) -> None:
    """Goals and where the adapted policies rest, `[task, 2]` for each number of steps; `radius` of the ring."""
    figure, axes = plotting.figure(1, 4, width=11.6, height=3.5, sharey=True)
    around = np.linspace(0, 2 * np.pi, 100)
    for k, (panel, place, goal) in enumerate(zip(axes, places, goals, strict=True)):
        for a, b in zip(goal, place, strict=True):
            panel.plot([a[0], b[0]], [a[1], b[1]], color=plotting.GREY, linewidth=0.8)
        panel.plot(*goal.T, "*", color=plotting.RED, markersize=8)
        panel.plot(*place.T, "o", color=STYLE["MAML"][0], markersize=4)
        if k == 1:
            panel.plot(radius * np.cos(around), radius * np.sin(around), "--", color="black", linewidth=1.2)
        panel.set(xlim=(-0.75, 0.75), ylim=(-0.75, 0.75), aspect="equal", xlabel="x", title=f"{k} step{'s' * (k != 1)}")
    axes[0].set_ylabel("y")
    plotting.show(
        figure,
        "Forty held-out goals as stars and the places where the adapted policies rest as dots, joined by lines, after "
        "0 to 3 steps. Before adaptation all dots are at the origin. After one step they lie near a dashed circle, "
        "with visible errors; after two and three most of them lie close to their star.",
    )
