"""How many inner steps, and how large: post-adaptation error of several meta-learned starts on sinusoids."""

import functools
from typing import NamedTuple

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from metarl_core import plotting
from metarl_core.meta import adapt
from metarl_core.networks.mlp import mlp
from metarl_core.parameters import Parameters, repeat_parameters
from metarl_core.tasks import FewShot, Sinusoids
from metarl_core.tasks.sinusoid import AMPLITUDE, OOD_AMPLITUDE
from metarl_core.widgets.explorer import Explorer, slider

FACTORS = (0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0)
SPLITS = {
    f"{low:g} to {high:g}": split for split, (low, high) in (("test", AMPLITUDE), ("ood", OOD_AMPLITUDE))
}  # by the words of the control


class InnerLoop(NamedTuple):
    """A start, the rate or the rates that it was trained for, and how it is drawn."""

    start: Parameters
    rates: float | Parameters
    color: str
    marker: str


def errors_along(learner: InnerLoop, data: FewShot, factors, steps: int) -> Tensor:
    """Mean query error after 0, 1, …, `steps` steps with the rates times each factor, `[factor, steps + 1]`.

    Factors are a part of the task axis: all of them adapt at once. What is no number counts as infinite.
    """
    tasks, many = len(data.support_inputs), len(factors)
    data = FewShot(*(value.repeat(many, 1, 1) for value in data))
    factor = torch.as_tensor(
        factors, dtype=data.support_inputs.dtype, device=data.support_inputs.device
    ).repeat_interleave(tasks)
    rates = {
        name: factor.view(-1, *[1] * value.ndim)
        * (learner.rates[name] if isinstance(learner.rates, dict) else learner.rates)
        for name, value in learner.start.items()
    }
    current, found = repeat_parameters(learner.start, tasks * many), []
    for step in range(steps + 1):
        if step:
            current = adapt(current, functools.partial(_loss, data.support_inputs, data.support_targets), rates)
            current = {name: value.detach() for name, value in current.items()}
        with torch.no_grad():
            found.append(_loss(data.query_inputs, data.query_targets, current).view(many, tasks).mean(1))
    return torch.stack(found, 1).nan_to_num(torch.inf, torch.inf)


def _loss(inputs: Tensor, targets: Tensor, parameters: Parameters) -> Tensor:
    return (mlp(parameters, inputs) - targets).square().mean((1, 2))


def inner_loop_explorer(learners: dict[str, InnerLoop], tasks: int = 64, most_steps: int = 10) -> Explorer:
    """Error against the number of inner steps, and against a factor on the inner step sizes.

    Args:
        learners: starts by the name of their method.
        tasks: held-out sinusoids in each mean.
        most_steps: largest number of inner steps.
    """

    @functools.cache
    def errors(shots: int, split: str) -> dict[str, np.ndarray]:
        generator = torch.Generator().manual_seed(0)
        data = Sinusoids().sample_few_shot(tasks, shots, 50, generator, split)
        return {name: errors_along(one, data, FACTORS, most_steps).numpy(force=True) for name, one in learners.items()}

    def draw(factor: float, steps: int, shots: int, amplitude: str) -> Figure:
        found = errors(shots, SPLITS[amplitude])
        margins = {"left": 0.08, "right": 0.985, "bottom": 0.15, "top": 0.9, "wspace": 0.16}
        figure, (left, right) = plotting.figure(1, 2, width=10.6, height=4.3, margins=margins, sharey=True)
        top = 4 * max(float(values[0, 0]) for values in found.values())
        for name, values in found.items():
            look = {"color": learners[name].color, "marker": learners[name].marker, "markersize": 5}
            shown = np.minimum(values, 1e9)
            left.plot(range(most_steps + 1), shown[FACTORS.index(factor)], **look)
            right.plot(FACTORS, shown[:, steps], label=name, **look)
        left.axvline(steps, color="black", linestyle=":", linewidth=1.2)
        right.axvline(factor, color="black", linestyle=":", linewidth=1.2)
        left.set(
            yscale="log", ylim=(top / 300, top), xlabel="inner steps", ylabel="mean squared error, held-out tasks",
            title=f"Step sizes of training × {factor:g}",
        )  # fmt: skip
        right.set(xscale="log", xlabel="factor on the step sizes", title=f"{steps} inner step{'s' * (steps != 1)}")
        right.set_xticks([0.1, 0.2, 0.5, 1, 2, 3], ["0.1", "0.2", "0.5", "1", "2", "3"])
        right.minorticks_off()
        right.legend(fontsize=9, loc="lower left")
        return figure

    return Explorer(
        draw,
        "Mean squared error on held-out sine curves, logarithmic. Left: against the number of inner steps, with the "
        "step sizes of training; right: against a factor on the step sizes, after one step. Lines leave the top of the "
        "figure where the inner loop diverges.",
        factor=ipywidgets.SelectionSlider(
            options=[(f"{value:g}", value) for value in FACTORS], value=1.0, description="step sizes ×",
            continuous_update=True, style={"description_width": "initial"}, layout={"width": "330px"},
        ),
        steps=slider(1, 0, most_steps, 1, "inner steps", integer=True),
        shots=slider(5, 1, 20, 1, "support points", integer=True),
        amplitude=ipywidgets.Dropdown(options=list(SPLITS), description="amplitudes"),
    )  # fmt: skip
