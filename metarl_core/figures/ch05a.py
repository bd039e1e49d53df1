"""The figures of appendix 05a."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metarl_core import plotting


def second_order_cost(parameters: np.ndarray, milliseconds: Mapping[str, np.ndarray]) -> None:
    """Time of a gradient, a Hessian-vector product and the whole Hessian against the number of parameters."""
    figure, axes = plotting.figure(width=7, height=3.8)
    looks = ((plotting.GREEN, "o"), (plotting.BLUE, "s"), (plotting.RED, "X"))
    for (name, taken), (color, marker) in zip(milliseconds.items(), looks, strict=True):
        axes.plot(parameters, taken, marker=marker, color=color, label=name)
    axes.set(xscale="log", yscale="log", xlabel="parameters d", ylabel="milliseconds")
    axes.set_xticks(parameters, [f"{int(d):,}" for d in parameters])
    axes.minorticks_off()
    axes.legend(fontsize=10)
    plotting.show(
        figure,
        "Milliseconds against the number of parameters, both logarithmic. Gradient and Hessian-vector product run "
        "nearly flat, a small factor apart; the whole Hessian rises steeply.",
    )


def limits(sweeps: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Milliseconds `[amount, (MAML, FOMAML, limit)]` of one meta-gradient against tasks, inner steps, parameters."""
    figure, axes = plotting.figure(1, len(sweeps), width=11.5, height=3.8, sharey=True)
    for panel, (name, (amounts, taken)) in zip(axes, sweeps.items(), strict=True):
        for method, values, look in zip(("MAML", "FOMAML"), taken.T[:2], "-:", strict=False):
            color, marker = plotting.METHOD_STYLE[method]
            panel.plot(amounts, values, look, marker=marker, color=color, label=method)
        panel.plot(amounts, taken[:, 2], "--", color="black", linewidth=1.2, label="limit for MAML")
        panel.set(xscale="log", yscale="log", xlabel=name)
        panel.set_xticks(amounts, [f"{int(n):,}" for n in amounts], rotation=35 if name != "inner steps" else 0)
        panel.minorticks_off()
    axes[0].set_ylabel("milliseconds for one direction")
    axes[0].legend(fontsize=9)
    plotting.show(
        figure,
        "Milliseconds of one meta-gradient against the number of tasks, of inner steps and of parameters, all axes "
        "logarithmic, with a dashed line for the arithmetic at the machine's matrix rate. Up to the paper's setting "
        "time hardly grows with tasks or parameters and lies far above the limit; beyond it, it grows in step with the "
        "limit or faster. It grows with the inner steps from the first. FOMAML takes less time, often half of it.",
    )
