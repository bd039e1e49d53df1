"""What a meta-learner reaches on held-out tasks after some numbers of inner steps."""

from collections.abc import Iterable, Sequence
from numbers import Integral

import torch
from torch import Tensor

from metarl_core.arguments import check_callable, check_methods
from metarl_core.meta.supervised.config import Method
from metarl_core.meta.supervised.maml import DataLoss, check_data
from metarl_core.parameters import Parameters
from metarl_core.tasks.few_shot import FewShot


def adaptation_curve(
    method: Method,
    meta: Parameters,
    data: FewShot,
    steps: Sequence[int] = (0, 1),
    measure: DataLoss | None = None,
) -> Tensor:
    """A measure on query data after some numbers of inner steps on support data, `[task, len(steps)]`.

    Step size, minibatches and what adapts are those of the method.

    Args:
        meta: meta-parameters.
        data: of held-out tasks.
        steps: numbers of inner steps at test, which may be more than in training; 0 is the start itself.
        measure: from parameters `[task, ...]`, inputs and targets to `[task]`; the method's loss unless given.
    """
    check_methods("method", method, "adapt", "loss")
    check_data("data", data)
    counts = list(steps) if isinstance(steps, Iterable) else []
    if not counts or not all(isinstance(count, Integral) and int(count) >= 0 for count in counts):
        raise ValueError(f"steps must be numbers of at least 0, got {steps!r}.")
    measure = method.loss if measure is None else measure
    check_callable("measure", measure, "parameters, inputs and targets")
    curve = []
    for count in map(int, counts):
        adapted = method.adapt(meta, data.support_inputs, data.support_targets, count, create_graph=False)
        with torch.no_grad():
            curve.append(measure(adapted, data.query_inputs, data.query_targets))
    return torch.stack(curve, 1)
