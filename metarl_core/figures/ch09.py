"""The figures of chapter 09."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures.diagrams import arrow, box

LOOK = {
    "LVC": plotting.METHOD_STYLE["MAML"],
    "first order": plotting.METHOD_STYLE["FOMAML"],
    "naive": (plotting.RED, "X"),
    "DiCE": (plotting.GREEN, "D"),
    "naive + sampling term": (plotting.PURPLE, "v"),
    "ProMP": plotting.METHOD_STYLE["Reptile"],
    "pre-trained": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
}
"""Colour and marker of each estimator"""


def two_roads() -> None:
    """A schematic: the two loops, and the two roads by which θ acts on the adapted policy."""
    figure, axes = plotting.figure(width=10.8, height=5.0)
    axes.set(xlim=(0, 10.8), ylim=(0, 5.0))
    axes.axis("off")
    for x, y, words in (
        (0.9, 2.6, "$θ$"),
        (2.9, 4.4, "support episodes\n$τ_1 … τ_N$"),
        (5.0, 2.6, "step\n$θ + α\\,\\hat{g}$"),
        (7.2, 2.6, "$θ'$"),
        (9.5, 2.6, "query episodes,\ntheir return $J(θ')$"),
    ):
        box(axes, x, y, words)
    arrow(axes, (1.0, 2.95), (1.95, 4.2), plotting.BLUE, dotted=True)
    axes.text(1.7, 3.4, "$π_θ$ plays", ha="left", fontsize=11, color=plotting.BLUE)
    arrow(axes, (3.75, 4.05), (4.75, 3.15), plotting.BLUE)
    axes.text(4.45, 3.75, "data", ha="left", fontsize=11, color=plotting.BLUE)
    for start, end in ((1.2, 4.4), (5.6, 6.95), (7.45, 8.55)):
        arrow(axes, (start, 2.75), (end, 2.75), plotting.BLUE)
    axes.text(2.7, 2.9, "scores $∇\\log π_θ$", ha="center", fontsize=11, color=plotting.BLUE)
    for start, end in ((8.55, 7.45), (6.95, 5.6), (4.4, 1.2)):
        arrow(axes, (start, 2.4), (end, 2.4), plotting.RED)
    axes.text(7.2, 1.95, "$∇J(θ')$", ha="center", fontsize=12, color=plotting.RED)
    axes.text(2.7, 1.95, "times $I + α\\,$(second derivative)", ha="center", fontsize=11, color=plotting.RED)
    arrow(axes, (9.5, 3.2), (4.05, 4.55), plotting.RED, dotted=True)
    arrow(axes, (1.75, 4.45), (0.7, 3.0), plotting.RED, dotted=True)
    axes.text(6.9, 4.15, "credit for having played these", ha="left", fontsize=11, color=plotting.RED)
    arrow(axes, (0.9, 2.2), (0.9, 1.35), plotting.RED)
    axes.text(0.9, 0.75, "outer step: mean\nover tasks", ha="center", fontsize=11)
    for y, words, color in (
        (1.2, "blue, forwards: the inner loop, once for each task", plotting.BLUE),
        (0.75, "red, solid: what automatic differentiation of a loss brings back", plotting.RED),
        (0.3, "dotted: θ decides which episodes come; sampled episodes are numbers, so no derivative flows", "black"),
    ):
        axes.text(6.3, y, words, ha="center", fontsize=11, color=color)
    plotting.show(
        figure,
        "A diagram. Forwards, in blue: θ acts on the inner step by two roads. Its policy plays the support episodes, a "
        "dotted arrow, and the scores of these episodes at θ, a solid arrow, make the step to θ'. The adapted policy's "
        "query episodes give the return. Backwards, in red: the solid road leads from the return through θ' and the "
        "step to θ, where the vector is multiplied by I plus α times a second derivative. The dotted road leads to the "
        "support episodes and from them to θ: credit for having played them. The mean over tasks is the outer step.",
    )


def six_doors(
    traces: Mapping[str, Sequence[float]], alphas: Sequence[float], reached: Mapping[str, Sequence[float]], alpha: float
) -> None:
    """Return against iterations of meta-training, and where it ends for each inner step size, less that of DiCE."""
    figure, (left, right) = plotting.figure(1, 2, width=10.5, height=4.0)
    for name, trace in traces.items():
        color, marker = LOOK[name]
        left.plot(trace, color=color, marker=marker, markevery=25, markersize=6, label=name)
        right.plot(alphas, np.subtract(reached[name], reached["DiCE"]), color=color, marker=marker)
    left.set(xlabel="iterations of meta-training", ylabel="mean return after one step")
    left.set_title(f"Six doors, α = {alpha:g}")
    left.legend(fontsize=10, loc="lower right")
    right.set(xlabel="inner step size α", ylabel="return, less that of DiCE", title="Where they end", xscale="log")
    right.set_xticks(alphas, [f"{a:g}" for a in alphas])
    right.minorticks_off()
    plotting.show(
        figure,
        "Left: mean return after one adaptation step against iterations of meta-training. LVC and DiCE rise and stay "
        "on top, first order stays close below, naive rises at first, turns, and falls far below the others. Right: "
        "the final return relative to DiCE against the inner step size: small steps make no difference, and the larger "
        "the step, the farther naive falls behind.",
    )


def bias_and_noise(
    measured: Mapping[tuple[int, int], Mapping[str, tuple[float, float]]],
    horizons: Sequence[int],
    sizes: Sequence[int],
    total: int,
) -> None:
    """Bias, standard deviation and their sum in squares against N, by horizon; `total` episodes were drawn."""
    figure, axes = plotting.figure(3, 3, width=11.5, height=9.0, sharex=True, sharey="row")
    for column, horizon in enumerate(horizons):
        for name, (color, marker) in LOOK.items():
            if name not in measured[horizon, sizes[0]]:
                continue
            bias, noise = np.array([measured[horizon, size][name] for size in sizes]).T
            seen = bias > 3 * noise / np.sqrt(total / np.array(sizes))  # else it cannot be told from zero
            size = 9 if name == "LVC" else 6
            for panel, values in zip(axes[:, column], (bias, noise, np.hypot(bias, noise)), strict=True):
                kept = np.where(seen, values, np.nan) if panel is axes[0, column] else values
                panel.plot(sizes, kept, color=color, marker=marker, markersize=size, label=name)
        axes[0, column].set_title(f"horizon {horizon}")
        axes[2, column].set_xlabel("support episodes N")
    for row, label in enumerate(("bias\n", "standard deviation\n", "root mean squared\nerror ")):
        axes[row, 0].set(ylabel=f"{label}/ length", yscale="log", xscale="log")
        axes[row, 0].set_xticks(sizes, [str(size) for size in sizes])
        ticks = ["0.01", "0.03", "0.1", "0.3", "1"][: 5 if row else 4]
        axes[row, 0].set_yticks([float(tick) for tick in ticks], ticks)
        for panel in axes[row]:
            panel.minorticks_off()
    axes[0, 2].text(1, 0.0075, "a line breaks off where the bias\ncannot be told from zero", fontsize=10, color="black")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=11)
    plotting.show(
        figure,
        "Nine panels: bias, standard deviation and root mean squared error, relative to the length of the "
        "meta-gradient, against the number of support episodes, for horizons 1, 3 and 10, all axes logarithmic. In the "
        "row of the bias a line breaks off where the bias cannot be told from zero. At horizon 1 LVC and DiCE are one "
        "line. Naive and first order keep a bias of about 0.2 to 0.3. The bias of LVC levels off below 0.1 for "
        "horizons 3 and 10; that of DiCE goes to zero. The standard deviation of DiCE rises with the horizon, that of "
        "LVC does not. The standard deviation of naive plus sampling term does not fall with N at all. LVC has the "
        "lowest total error at horizons 3 and 10 from 4 "
        "episodes on, but for horizon 3 with 256 episodes, where DiCE has.",
    )


def learning(
    curves: Mapping[str, Curve],
    references: Mapping[str, np.ndarray],
    oracle: float,
    each: Mapping[str, np.ndarray],
    alt: str,
    lowest: float = -40.0,
) -> None:
    """Return against gradient steps with t intervals, and after one step of each seed; `references` are plain lines."""
    figure, (left, right) = plotting.figure(1, 2, width=11.4, height=4.8)
    for place, (name, curve) in enumerate(curves.items()):
        color, marker = LOOK[name]
        steps = np.arange(len(curve.point)) + 0.06 * (place - (len(curves) - 1) / 2)
        spread = np.stack([curve.point - curve.low, curve.high - curve.point])
        look = {"marker": marker, "color": color, "label": name, "linewidth": 1.5, "capsize": 2, "markersize": 6}
        left.errorbar(steps, curve.point, yerr=spread, **look)
        below = each[name] < lowest
        right.plot(np.where(below, np.nan, each[name]), [place] * len(below), marker, color=color, markersize=7)
        if below.any():
            worst = ", ".join(f"{value:.0f}".replace("-", "−") for value in np.sort(each[name][below]))
            right.plot(lowest, place, "<", color=color, markersize=9, clip_on=False)
            right.text(lowest + 1, place - 0.14, f"{int(below.sum())} beyond: {worst}", fontsize=10)
    for name, by_step in references.items():
        color, marker = LOOK[name]
        left.plot(by_step, ":", color=color, marker=marker, markersize=5, linewidth=1.5, label=name)
    left.axhline(oracle, color="black", linestyle="--", linewidth=1.2, label="oracle")
    left.set(xlabel="gradient steps on a held-out goal", ylabel="undiscounted return per episode")
    left.set(xticks=range(4), ylim=(-85, 3), title="Forty held-out goals, five seeds")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=10)
    right.set_yticks(range(len(curves)), curves)
    right.invert_yaxis()
    right.set(xlabel="return after one step", title="Each seed", xlim=(lowest, -5))
    plotting.show(figure, alt)


def signal_and_noise(
    found: Mapping[str, Mapping[str, tuple[float, float, float, float]]], signal: Mapping[str, float], alt: str
) -> None:
    """By moment and estimator: noise of a batch, and the distance of the mean from LVC's with its interval.

    Where the interval begins at zero, a mark that points left stands at its upper end. `signal` is the length of LVC's
    mean, by moment.
    """
    figure, panels = plotting.figure(1, 2, width=11.4, height=3.9, sharey=True, sharex=True)
    for panel, (moment, by_name) in zip(panels, found.items(), strict=True):
        for row, (name, (noise, apart, low, high)) in enumerate(by_name.items()):
            panel.barh(row, noise, height=0.55, color=LOOK[name][0], alpha=0.35)
            if name == "LVC":
                continue
            if low > 0:
                off = [[apart - low], [high - apart]]
                panel.errorbar(apart, row, xerr=off, color="black", marker="o", capsize=4, markersize=6)
            elif high > 0:
                panel.plot(high, row, marker="<", color="black", markersize=8)
        if signal[moment] > 0:
            panel.axvline(signal[moment], color="black", linestyle="--", linewidth=1.2)
        panel.set(xscale="log", title=moment, xlabel="length in units of the outer loss")
        panel.grid(axis="y", visible=False)
    panels[0].set_yticks(range(len(by_name)), by_name)
    panels[0].invert_yaxis()
    plotting.show(figure, alt)
