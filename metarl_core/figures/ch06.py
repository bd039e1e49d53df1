"""The figures of chapter 06."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from metarl_core import plotting
from metarl_core.evaluation import Curve
from metarl_core.figures import sine_curves

STYLE = {
    **{name: plotting.METHOD_STYLE[name] for name in ("MAML", "FOMAML", "Reptile", "Meta-SGD", "ANIL")},
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "random initialisation": plotting.METHOD_STYLE["random initialisation"],
}


def first_steps(
    x: Tensor, task: Tensor, support: tuple[Tensor, Tensor], curves: Mapping[str, Mapping[int, Tensor]]
) -> None:
    """Test curves in rows, methods in columns; arguments as for `sine_curves.fits`."""
    sine_curves.fits(
        x,
        task,
        support,
        curves,
        style=STYLE,
        rows=("y, the median task", "y, a bad case"),
        room=1.9,
        alt="Two test curves in rows, three methods in columns, five points each. In the lower row MAML and Reptile "
        "come near the curve after one step and nearer after five; Meta-SGD comes near after one step, and after five "
        "it has left the picture. In the upper row all three start with too large an amplitude, and Meta-SGD takes "
        "off most of the excess.",
    )


def second_term(step_sizes: np.ndarray, quotients: Mapping[str, Tensor], remainders: Mapping[str, Tensor]) -> None:
    """Quotient of measured and predicted second term, and what remains, against α for each method."""
    figure, (left, right) = plotting.figure(1, 2, width=11, height=3.9)
    for name in quotients:
        color, marker = STYLE.get(name, (plotting.RED, "X"))
        left.plot(step_sizes, quotients[name], marker=marker, color=color, label=name)
        right.plot(step_sizes, remainders[name], marker=marker, color=color, label=name)
    left.axhline(1, color="black", linestyle=":", linewidth=1.2)
    left.set(xscale="log", xlabel="α", ylabel="measured / predicted", title="The second term, k = 5", ylim=(-0.6, 1.3))
    left.legend(fontsize=10, loc="lower left")
    right.plot(step_sizes, 20 * step_sizes, color="black", linestyle=":", linewidth=1.2, label="slope 1")
    right.set(xscale="log", yscale="log", xlabel="α", title="What remains")
    right.set_ylabel("|measured − predicted| / |predicted|")
    right.legend(fontsize=10)
    plotting.show(
        figure,
        "Left: quotient of the measured and the predicted second term against α for MAML, FOMAML and Reptile with "
        "five minibatches; all are one for small α and leave it beyond a thousandth or a hundredth, MAML first. "
        "Right: the relative remainder on logarithmic axes, straight lines of slope one.",
    )


def learned_rates(rates: Mapping[str, Tensor], alpha: float) -> None:
    """One point for each rate in use, by tensor."""
    figure, axes = plotting.figure(width=9.2, height=4.2)
    for place, used in enumerate(rates.values()):
        generator = torch.Generator().manual_seed(place)
        spread = 0.3 * (2 * torch.rand(len(used), generator=generator) - 1) if len(used) > 1 else torch.zeros(1)
        for sign, color in ((used >= 0, plotting.GREY), (used < 0, plotting.RED)):
            size = 3.5 if len(used) > 1 else 9
            axes.plot(
                (place + spread)[sign], used[sign], "o", color=color, markersize=size, alpha=0.6, markeredgewidth=0
            )
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axhline(alpha, color=plotting.BLUE, linestyle=":", linewidth=1.5)
    axes.text(5.55, alpha * 1.3, "α of MAML", fontsize=9, ha="right", va="bottom", color=plotting.BLUE)
    axes.set_yscale("symlog", linthresh=0.01)
    axes.set_yticks([-1, -0.1, -0.01, 0, 0.01, 0.1, 1], ["−1", "−0.1", "−0.01", "0", "0.01", "0.1", "1"])
    axes.minorticks_off()
    axes.set_xticks(range(len(rates)), list(rates))
    axes.set(ylabel="learned rate", ylim=(-5, 5), title="One point for each parameter in use; negative rates in orange")
    plotting.show(
        figure,
        "Learned rates of the six parameter tensors, one point each, on an axis that is logarithmic on both sides of "
        "zero. In each of the five larger tensors there are positive and negative rates of sizes up to one; the "
        "second layer's weights are half negative; the single rate of the head's bias is negative.",
    )


def kernels(maps: Mapping[str, Tensor]) -> None:
    """Parts of the kernel k_a over x and x' on [−5, 5]², with one colour scale."""
    figure, axes = plotting.figure(1, len(maps), width=2.7 * len(maps), height=3.5)
    largest = float(torch.stack(list(maps.values())).abs().flatten().quantile(0.98))
    for panel, (name, kernel) in zip(axes, maps.items(), strict=True):
        image = panel.imshow(kernel, origin="lower", extent=(-5, 5, -5, 5), cmap="RdBu_r", vmin=-largest, vmax=largest)
        mean = f"{float(kernel.mean()):+.2f}".replace("-", "−")
        panel.set(title=f"{name}\nmean {mean}", xlabel="x", xticks=[-5, 0, 5], yticks=[-5, 0, 5])
        panel.grid(visible=False)
    axes[0].set_ylabel("x'")
    figure.colorbar(image, ax=axes, shrink=0.8, label="kernel")
    plotting.show(
        figure,
        "Heat maps over x and x' with one colour scale. Head weights: diagonal stripes, mostly positive. Head bias: "
        "a uniform negative. Layers one and two: stripes with both signs. All together: even diagonal stripes of "
        "both signs, with mean zero. Positive rates only: far too positive nearly everywhere.",
    )


def growth(found: Mapping[str, Sequence[Tensor]]) -> None:
    """Largest |1 − μ| of each task, in order, before the first and before the second step."""
    figure, axes = plotting.figure(1, len(found), width=10, height=3.7, sharey=True)
    for panel, (name, before) in zip(axes, found.items(), strict=True):
        for values, label, look in zip(
            before, ("before the first step", "before the second step"), (":", "-"), strict=True
        ):
            panel.plot(np.linspace(0, 100, len(values)), values.sort().values, look, color=STYLE[name][0], label=label)
        panel.axhline(1, color="black", linestyle="--", linewidth=1)
        panel.set(yscale="log", xlabel="tasks, in order (percent)", title=name)
        panel.legend(fontsize=10, loc="upper left")
    axes[0].set(ylabel="largest growth |1 − μ|", ylim=(0.7, 60))
    axes[0].set_yticks([1, 2, 5, 10, 50], ["1", "2", "5", "10", "50"])
    axes[0].minorticks_off()
    plotting.show(
        figure,
        "Largest growth factor of the residuals for 300 tasks in order. MAML: above one for some tasks before the "
        "first step, at or below one for nearly all before the second. Meta-SGD: near one before the first step, "
        "above one for most tasks before the second, up to fifty.",
    )


def all_methods(curves: Mapping[str, Curve], floors: Mapping[str, float]) -> None:
    """Error against steps for every method, with t intervals and the floors of chapter 02."""
    figure, axes = plotting.figure(width=10.4, height=4.8)
    sine_curves.errors(axes, curves, STYLE, highest=9)
    for words, height in floors.items():
        sine_curves.floor(axes, words, height, (10.2, 0.985 * height), "top")
    axes.legend(fontsize=10, loc="upper left", bbox_to_anchor=(1.01, 1))
    plotting.show(
        figure,
        "Mean squared error against gradient steps, logarithmic, for seven methods. Meta-SGD is lowest after one "
        "step and leaves the figure upwards after two. MAML and FOMAML lie close together, Reptile above them after "
        "one step and close to them after ten. ANIL stays at about twice their error. Pre-training stays between two "
        "and three, random initialisation above four.",
    )
