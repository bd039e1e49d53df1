"""The figures of chapter 05."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures import sine_curves
from metarl_core.figures.diagrams import arrow, box

STYLE = {
    "MAML": plotting.METHOD_STYLE["MAML"],
    "FOMAML": plotting.METHOD_STYLE["FOMAML"],
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "joint training": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
}


def two_loops() -> None:
    """A schematic: the inner loop forwards, the vector that travels back, and the outer step."""
    figure, axes = plotting.figure(width=10.4, height=3.9)
    axes.set(xlim=(0, 10.4), ylim=(0, 3.9))
    axes.axis("off")
    places = (1.0, 3.6, 6.2)
    for x, name in zip(places, ("$θ = θ_0$", "$θ_1$", "$θ_2$"), strict=True):
        box(axes, x, 2.3, name, size=13, pad=0.45)
    box(axes, 9.2, 2.3, "query loss\n$L^q(θ_2)$", size=13, pad=0.45)
    for x in places[:2]:
        arrow(axes, (x + 0.6, 2.45), (x + 2.0, 2.45), plotting.BLUE)
        axes.text(x + 1.3, 2.62, "$-α∇L^s$", ha="center", fontsize=12, color=plotting.BLUE)
        arrow(axes, (x + 1.3, 3.45), (x + 1.3, 2.95), plotting.GREY)
        axes.text(x + 1.3, 3.55, "support data", ha="center", fontsize=11)
    arrow(axes, (6.8, 2.45), (8.3, 2.45), plotting.BLUE)
    arrow(axes, (9.2, 3.45), (9.2, 2.8), plotting.GREY)
    axes.text(9.2, 3.55, "query data", ha="center", fontsize=11)
    for start, end, words in (
        (8.3, 6.8, "$v_2 = ∇L^q$"),
        (5.6, 4.2, "$v_1 = (I - αH_1)\\,v_2$"),
        (3.0, 1.6, "$v_0 = (I - αH_0)\\,v_1$"),
    ):
        arrow(axes, (start, 2.12), (end, 2.12), plotting.RED)
        axes.text((start + end) / 2, 1.7, words, ha="center", fontsize=12, color=plotting.RED)
    arrow(axes, (1.0, 1.85), (1.0, 0.95), plotting.RED)
    axes.text(1.0, 0.2, "outer step of Adam:\nmean of $v_0$ over tasks", ha="center", fontsize=11)
    axes.text(6.2, 0.85, "forwards: the inner loop, once for each task", ha="center", color=plotting.BLUE)
    axes.text(6.2, 0.4, "backwards: the vector that becomes the meta-gradient", ha="center", color=plotting.RED)
    plotting.show(
        figure,
        "A diagram. Forwards, in blue: from θ two gradient steps on support data lead to θ₁ and θ₂, and query data "
        "give the query loss there. Backwards, in red: the query gradient v₂ is multiplied by I − αH₁ and then by I "
        "− αH₀, and arrives at θ as v₀, whose mean over tasks Adam follows.",
    )


def first_steps(
    x: Tensor, task: Tensor, support: tuple[Tensor, Tensor], curves: Mapping[str, Mapping[int, Tensor]]
) -> None:
    """Test curves in rows, starting points in columns; arguments as for `sine_curves.fits`."""
    sine_curves.fits(
        x,
        task,
        support,
        curves,
        style=STYLE,
        rows=("y, a good case", "y, a bad case"),
        room=1.7,
        alt="Two test curves in rows, three starting points in columns, five points each. The random network is nearly "
        "flat before and after one step, and bends a little after ten. The pre-trained network draws a cosine-like "
        "wave and keeps most of it. MAML begins with nearly the same wave as the pre-trained network; one step turns "
        "it into about the right sine curve in both rows, and ten steps come closer.",
    )


def curvature(
    moments: Sequence[str], at_start: Tensor, steps: Sequence[int], on_the_way: Tensor, cosines: Tensor
) -> None:
    """Largest eigenvalue of αH `[moment, task]` and `[step, task]`; cosine of MAML's and FOMAML's direction."""
    figure, axes = plotting.figure(1, 3, width=12, height=4.0)
    ticks_of = (moments, [str(count) for count in steps], moments)
    for panel, values, ticks in zip(axes, (at_start, on_the_way, cosines), ticks_of, strict=True):
        low, middle, high = np.quantile(values.numpy(), [0.1, 0.5, 0.9], axis=1)
        place = np.arange(len(ticks))
        panel.plot(place, middle, "o-", color="black", label="median task")
        panel.fill_between(place, low, high, color=plotting.GREY, alpha=0.3, linewidth=0, label="80 of 100 tasks")
        panel.set_xticks(place, ticks, rotation=40 if ticks is moments else 0)
        panel.set_xlabel("iterations of meta-training" if ticks is moments else "inner steps from the trained θ")
    for panel in axes[:2]:
        panel.axhline(2, color=plotting.RED, linestyle=":", linewidth=1.5, label="αλ = 2")
        panel.set(ylabel="largest eigenvalue of αH", ylim=(0, 4))
    axes[0].set_title("At θ, during training")
    axes[1].set_title("During adaptation")
    axes[0].legend(fontsize=9, loc="upper left")
    axes[2].set(ylabel="cosine", title="MAML's direction and FOMAML's", ylim=(-0.55, 1.05))
    plotting.show(
        figure,
        "Left: largest eigenvalue of αH at θ against iterations of meta-training. It rises from a few tenths to "
        "above two. Middle: the same along the inner steps from the trained θ. It falls below two in the first step. "
        "Right: cosine between MAML's and FOMAML's direction for single tasks: close to one for the random network, "
        "much lower and widely spread after training.",
    )


def quadratics(products: np.ndarray, reached: Mapping[str, Sequence[float]]) -> None:
    """Weights of an eigen-direction, and mean loss after one step from each method's resting point."""
    figure, (left, right) = plotting.figure(1, 2, width=11, height=3.9)
    between = np.linspace(0, 2, 100)
    for name, power in (("joint training", 0), ("FOMAML", 1), ("MAML", 2)):
        color, marker = STYLE[name]
        left.plot(between, (1 - between) ** power, color=color, label=f"{name}: $(1 - αλ)^{power}$")
        right.plot(products, reached[name], color=color, marker=marker, markevery=5, markersize=5, label=name)
    left.axhline(0, color="black", linewidth=0.8)
    left.set(xlabel="αλ", ylabel="weight of an eigen-direction, over λ", title="What one step does to the weights")
    left.legend(fontsize=10, loc="lower left")
    right.set(xlabel="α × largest eigenvalue", ylabel="mean loss after one step", title="Three tasks in the plane")
    right.set(yscale="log", ylim=(0.02, 10))
    right.legend(fontsize=10, loc="upper left")
    plotting.show(
        figure,
        "Left: weights against αλ: one for joint training, the line 1 − αλ for FOMAML, which turns negative beyond "
        "one, and the parabola (1 − αλ)² for MAML. Right: mean loss after one step from each resting point against α "
        "times the largest eigenvalue, logarithmic. MAML's is lowest everywhere; FOMAML's is close to it up to one, "
        "then shoots up and ends.",
    )


def sinusoids(curves: Mapping[str, Curve], published: Mapping[int, float], floors: Mapping[str, float]) -> None:
    """Error against steps for each method, with t intervals, the published numbers and the floors of chapter 02."""
    figure, axes = plotting.figure(width=8.6, height=4.8)
    sine_curves.errors(axes, curves, STYLE, highest=7)
    cross: dict[str, Any] = {"markersize": 10, "markeredgewidth": 2, "color": "black", "label": "MAML as published"}
    axes.plot(list(published), list(published.values()), "x", **cross)
    for (words, height), side in zip(floors.items(), ("top", "bottom"), strict=True):
        sine_curves.floor(axes, words, height, (10.1, height), side)
    axes.legend(fontsize=10, loc="center right", bbox_to_anchor=(1, 0.38))
    plotting.show(
        figure,
        "Mean squared error on held-out sine curves against gradient steps, logarithmic. MAML and FOMAML fall in one "
        "step from about three to well below one and go on falling slowly; MAML lies at or below the published "
        "crosses. Pre-training stays between two and three, near the floor of the best single function; random "
        "initialisation stays near or above the error of predicting zero.",
    )


def step_sizes(sizes: np.ndarray, errors: Tensor, trained_with: float, floor: float) -> None:
    """Mean and median error `[size, task, (1 step, 10 steps)]` against the inner step size at test."""
    figure, axes = plotting.figure(width=7.8, height=4.0)
    for column, (count, marker, color) in enumerate((("1 step", "s", plotting.SKY), ("10 steps", "o", plotting.RED))):
        mean, median = errors[:, :, column].mean(1).clamp(max=1e4), errors[:, :, column].median(1).values
        axes.plot(sizes, mean, marker=marker, color=color, label=f"{count}, mean")
        axes.plot(sizes, median, ":", marker=marker, color=color, label=f"{count}, median task")
    axes.axvline(trained_with, color="black", linestyle=":", linewidth=1.2)
    axes.text(trained_with, 70, "α in training ", fontsize=10, ha="right")
    axes.axhline(floor, color=plotting.GREY, linewidth=1.2, label="best single function")
    axes.set(yscale="log", xlabel="α at test", ylabel="squared error", ylim=(0.1, 100))
    axes.legend(fontsize=9, loc="upper right")
    plotting.show(
        figure,
        "Error on held-out tasks against the inner step size at test, logarithmic. After one step mean and median "
        "are lowest near the step size of training and rise on both sides. After ten steps both are low up to that "
        "size; a little above it the mean shoots out of the picture, while the median rises slowly.",
    )
