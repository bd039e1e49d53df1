"""The figures of chapter 12."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures.diagrams import arrow, box
from metarl_core.plotting.look import BROWN, INDIGO

COLORS = {
    "true dynamics": plotting.GREEN,
    "told of the change": plotting.GREEN,
    "not told": plotting.GREY,
    "fixed model": plotting.GREY,
    "online SGD": plotting.SKY,
    "least squares": plotting.ORANGE,
    "least squares, λ = 0.95": BROWN,
    "GrBAL, M = 16": INDIGO,
    "GrBAL": plotting.BLUE,
    "ReBAL": plotting.PURPLE,
}


def loop() -> None:
    """A schematic: plan in a model, do the first step, look, let the model learn, plan again."""
    figure, axes = plotting.figure(width=10.5, height=3.9)
    axes.set(xlim=(0, 10.5), ylim=(0, 3.9))
    axes.axis("off")
    boxes = {
        (1.3, 2.6): "body and ground\n(hidden, may change)",
        (4.9, 2.6): "model\n$\\hat o_{t+1} = f(o_t, a_t; \\theta_t)$",
        (8.7, 2.6): "search for\n$a_t, \\ldots, a_{t+H-1}$",
    }
    for (x, y), words in boxes.items():
        box(axes, x, y, words, size=12, pad=0.6)
    arrow(axes, (2.65, 2.6), (3.55, 2.6), plotting.BLUE)
    axes.text(3.1, 3.15, "newest step\n$(o_{t-1}, a_{t-1}, o_t)$", ha="center", color=plotting.BLUE, fontsize=10)
    arrow(axes, (6.3, 2.8), (7.55, 2.8), plotting.GREY)
    axes.text(6.92, 3.0, "imagined futures", ha="center", color=plotting.GREY, fontsize=10)
    arrow(axes, (7.55, 2.4), (6.3, 2.4), plotting.GREY)
    axes.text(6.92, 2.0, "candidates", ha="center", color=plotting.GREY, fontsize=10)
    axes.plot([8.7, 8.7, 1.3], [1.95, 0.7, 0.7], color=plotting.RED, linewidth=2)
    arrow(axes, (1.3, 0.7), (1.3, 1.95), plotting.RED)
    axes.text(5.0, 0.82, "the first action alone, $a_t$", ha="center", color=plotting.RED)
    axes.text(5.0, 0.2, "all of this once for every step of the world", ha="center", fontsize=10)
    plotting.show(
        figure,
        "A diagram of three boxes. The body and ground, hidden and able to change, send the newest step to the model. "
        "The model and the search exchange candidates and imagined futures. From the search the first action alone "
        "goes back to the body. The circle is run once for every step.",
    )


def rewards(curves: Mapping[str, Tensor | np.ndarray], change: int, alt: str) -> None:
    """Mean reward of each step, by name, `[time]`, and where the body changes."""
    figure, axes = plotting.figure(width=8.4, height=3.8)
    for name, values in curves.items():
        axes.plot(np.asarray(values), color=COLORS[name], label=name)
    _mark(axes, change)
    axes.set(xlabel="step", ylabel="reward of the step", ylim=(0, 1.03))
    axes.legend(fontsize=10, loc="lower left")
    plotting.show(figure, alt)


def errors(curves: Mapping[str, Tensor | np.ndarray], change: int, alt: str) -> None:
    """Mean prediction error of each step on a logarithmic axis, by name, `[time]`."""
    figure, axes = plotting.figure(width=8.4, height=4.0)
    for name, values in curves.items():
        axes.semilogy(np.asarray(values), color=COLORS[name], label=name)
    _mark(axes, change)
    axes.set(xlabel="step", ylabel="squared error of the prediction")
    axes.legend(fontsize=10, loc="lower left")
    plotting.show(figure, alt)


def _mark(axes: Axes, change: int) -> None:
    axes.axvline(change, color=plotting.RED, linestyle=":", linewidth=1.5)


def search(rounds: Sequence[tuple[Tensor, Tensor, Tensor]]) -> None:
    """The rounds of a cross-entropy search for one environment with one action.

    Args:
        rounds: of each round the candidates `[candidate, time]`, the elites among them `[elite, time]` and the mean
            that is fitted to these `[time]`.
    """
    figure, axes = plotting.figure(1, len(rounds), width=3.6 * len(rounds), height=3.3, sharey=True)
    for number, (panel, (candidates, elites, mean)) in enumerate(zip(axes, rounds, strict=True), 1):
        panel.plot(candidates.T, color=plotting.GREY, alpha=0.25, linewidth=0.7)
        panel.plot(elites.T, color=plotting.ORANGE, alpha=0.8, linewidth=1.0)
        panel.plot(mean, color=plotting.BLUE, linewidth=3)
        panel.set(title=f"round {number}", xlabel="step of the plan", ylim=(-1.05, 1.05))
    axes[0].set_ylabel("push")
    plotting.show(
        figure,
        "Panels, one for each round of the search. Thin grey lines are candidate plans, which fill the whole range of "
        "pushes in the first round; orange lines are the elites, a blue line their mean. From round to round the grey "
        "lines draw together around the blue one, in the first steps of the plan more than in the last.",
    )


def compounding(steps: Sequence[int], wrong: Mapping[str, Tensor], apart: Mapping[str, Tensor]) -> None:
    """Error of imagined observations and disagreement of an ensemble, against the number of imagined steps."""
    figure, axes = plotting.figure(width=8.0, height=4.0)
    for (name, values), color in zip(wrong.items(), (plotting.BLUE, plotting.RED), strict=True):
        axes.semilogy(steps, np.asarray(values), "o-", color=color, markersize=4, label=f"error, {name}")
        axes.semilogy(steps, np.asarray(apart[name]), "--", color=color, label=f"disagreement, {name}")
    axes.set(xlabel="steps imagined", ylabel="root mean square, normalised")
    axes.legend(fontsize=9, loc="lower right")
    plotting.show(
        figure,
        "Error of an imagined future against the number of its steps, on a logarithmic axis. Both solid curves, one "
        "for each ensemble, rise with the steps by more than ten times. Dashed curves, the disagreement of the five "
        "networks, rise as well. That of the ensemble trained on random pushes alone ends near its error; that of the "
        "ensemble with planned episodes ends well below its own.",
    )


def verdict(rewards: Mapping[str, Curve], errors: Mapping[str, Curve], change: int) -> None:
    """Reward and prediction error of each step with intervals over seeds, by method."""
    figure, (left, right) = plotting.figure(1, 2, width=11.6, height=4.2)
    for panel, curves in ((left, rewards), (right, errors)):
        for name, curve in curves.items():
            steps = np.arange(len(curve.point))
            panel.plot(steps, curve.point, color=COLORS[name], label=name, linewidth=1.8)
            panel.fill_between(steps, np.maximum(curve.low, 1e-4), curve.high, color=COLORS[name], alpha=0.2, lw=0)
        _mark(panel, change)
        panel.set_xlabel("step")
    left.set(ylabel="reward of the step", ylim=(0, 1.03))
    right.set(ylabel="squared error of the prediction", yscale="log", ylim=(1e-3, None))
    left.legend(fontsize=9, loc="lower left")
    plotting.show(
        figure,
        "Left: mean reward of each step for seven ways to plan, with bands over five seeds; a dotted line at step "
        "50 marks the change. With the true dynamics it stays near one. The fixed model and online SGD sink from "
        "the tenth step on. The others sink from some steps after the change, GrBAL with its short window and ReBAL"
        " the least. Right: prediction errors on a logarithmic axis. All but the fixed model's and online SGD's "
        "fall in the first half and jump at the change. GrBAL's and ReBAL's fall back within a few steps, with the "
        "long window after a dozen; that of least squares grows instead.",
    )
