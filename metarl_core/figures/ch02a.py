"""The figures of appendix 02a, Environments: fidelity, speed, physics."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from metarl_core import plotting


def speed(ways: Mapping[str, Mapping[int, float]], model: Callable[[np.ndarray], np.ndarray]) -> None:
    """Environment steps per second of each way by environments in one call, and the model of the last way."""
    drawn, axes = plotting.figure(width=7.5, height=4.6)
    colors = (plotting.GREY, plotting.PURPLE, plotting.ORANGE, plotting.SKY, plotting.BLUE)
    for (name, rates), color, marker in zip(ways.items(), colors, "Xv^so", strict=True):
        axes.plot(list(rates), list(rates.values()), marker=marker, color=color, label=name)
    sizes = np.geomspace(1, 1e5, 100)
    axes.plot(sizes, model(sizes), ":", color="black", linewidth=1.5, label="model (02a.1)")
    one_by_one = next(iter(ways.values()))[1]  # whatever the number, one after the other
    axes.axhline(one_by_one, color=plotting.GREY, linestyle="--", linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="environments in one call", ylabel="environment steps per second")
    axes.legend(fontsize=9)
    plotting.show(
        drawn,
        "Environment steps per second against the number of environments in one call, both logarithmic. The Python "
        "loop and the sync vector stay flat; the NumPy vector and our batch rise in proportion to the number of "
        "environments and then level off.",
    )


def physics(
    pole_factors: Sequence[float],
    balanced: Mapping[str, Tensor],
    swing_factors: Sequence[float],
    swung: Mapping[str, Tensor],
) -> None:
    """Returns `[task, episode]` by policy: CartPole against the pole's length, Pendulum against its length."""
    drawn, (left, right) = plotting.figure(1, 2, width=10.5, height=4.0)
    looks = ((plotting.GREY, "^"), (plotting.ORANGE, "s"), (plotting.BLUE, "o"))
    _bands(left, pole_factors, balanced, looks)
    left.axvspan(0.5, 2, color="black", alpha=0.06, linewidth=0)
    left.set(xlabel="pole length, times the ordinary one", ylabel="CartPole return (at most 500)", ylim=(0, 560))
    left.set_xticks([0.125, 0.5, 1, 2, 8], ["⅛", "½", "1", "2", "8"])
    left.legend(fontsize=9, loc="center left", bbox_to_anchor=(0.0, 0.55))
    _bands(right, swing_factors, swung, ((plotting.GREEN, "D"), (plotting.GREY, "^")))
    right.axvspan(1 / 1.5, 1.5, color="black", alpha=0.06, linewidth=0)
    right.set(xlabel="pendulum length, times the ordinary one", ylabel="Pendulum return")
    right.set_xticks([0.5, 1, 2], ["½", "1", "2"])
    right.legend(fontsize=9, loc="lower left")
    for place in (left, right):
        place.minorticks_off()
    plotting.show(
        drawn,
        "Left: CartPole return of three fixed policies against pole length on a logarithmic axis; a grey band marks "
        "the training range. The angle-only policy rises with length from near zero; the other two are at 500 inside "
        "the band, and the one with position and velocity breaks down at very long poles. Right: Pendulum return "
        "against length of a controller designed for the task and of one designed for ordinary physics; they agree "
        "inside the band, and the second falls far behind for long pendulums.",
    )


def _bands(axes, factors: Sequence[float], returns: Mapping[str, Tensor], looks) -> None:
    """Mean returns by name, with the middle half of the episodes."""
    for (name, values), (color, marker) in zip(returns.items(), looks, strict=True):
        low, high = np.quantile(values.numpy(), (0.25, 0.75), axis=1)
        axes.plot(factors, values.mean(1), marker=marker, color=color, label=name, markersize=5)
        axes.fill_between(factors, low, high, color=color, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
