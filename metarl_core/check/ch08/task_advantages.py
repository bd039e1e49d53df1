"""The check of the exercise `task_advantages`."""

import itertools
import math

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _advantage_cases():
    for seed, (tasks, episodes, horizon, discount) in enumerate(((3, 5, 8, 0.9), (2, 6, 10, 0.97), (4, 4, 7, 0.5))):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        lengths = torch.randint(3, horizon + 1, (tasks, episodes, 1), generator=generator)
        mask = torch.arange(horizon) < lengths
        size = 1 + 3 * torch.arange(tasks, dtype=torch.float64)[:, None, None]  # tasks of different scales
        rewards = size * (draw(tasks, episodes, horizon) - 0.5) * mask
        states = draw(tasks, episodes, horizon, 2) * mask[..., None]
        clock = (torch.arange(horizon, dtype=torch.float64) / horizon).expand(tasks, episodes, horizon)
        features = torch.cat([states, torch.stack([clock, torch.ones_like(clock)], -1)], -1)
        yield case(rewards, features, mask, discount)


def _advantages_step_by_step(
    rewards,
    features,
    mask,
    discount,
    ridge=1e-5,
    real=True,
    together=False,
    divide=lambda values: values.std(),
    fit=True,
    centred_per_task=True,
    gamma=True,
    sums_masked=True,
    everything=False,
):
    """One number after another; least squares by `lstsq` on rows with √ridge times the identity below them."""
    tasks, episodes, horizon = rewards.shape
    returns = np.zeros(rewards.shape)
    for task, episode, t in itertools.product(range(tasks), range(episodes), range(horizon)):
        late = range(t, horizon)
        returns[task, episode, t] = sum(
            (discount ** (k - t) if gamma else 1.0) * rewards[task, episode, k] for k in late
        )
    used = mask.numpy() if real else np.ones(mask.shape, dtype=bool)
    phi, raw = features.numpy(), np.array(returns)
    groups = [range(tasks)] if together else [[task] for task in range(tasks)]
    for group in groups if fit else []:
        rows = np.concatenate([phi[task][used[task]] for task in group])
        targets = np.concatenate([returns[task][used[task]] for task in group])
        below = math.sqrt(ridge) * np.eye(phi.shape[-1])
        w = np.linalg.lstsq(np.concatenate([rows, below]), np.concatenate([targets, np.zeros(len(below))]), rcond=None)[
            0
        ]
        for task in group:
            raw[task] = returns[task] - phi[task] @ w
    result = np.zeros(rewards.shape)
    counted = mask.numpy() if sums_masked else np.ones(mask.shape, dtype=bool)
    if not sums_masked:
        raw = raw * mask.numpy()
    for group in [[task] for task in range(tasks)] if centred_per_task else [range(tasks)]:
        values = np.concatenate([raw[task][counted[task]] for task in group])
        for task in group:
            scaled = (raw[task] - values.mean()) / divide(values)
            result[task] = scaled if everything else scaled * mask[task].numpy()
    return torch.from_numpy(result)


def _advantage_fault(**fault):
    return lambda *a: _advantages_step_by_step(*a, **fault)


check_task_advantages = function_check(
    "task_advantages",
    _advantages_step_by_step,
    _advantage_cases,
    Wrong(
        "variance",
        "Multiply all rewards by ten: your advantages become ten times smaller. By what must a number be divided so "
        "that its unit goes away?",
        _advantage_fault(divide=lambda values: values.var()),
    ),
    Wrong(
        "not_divided",
        "Your advantages keep the unit of the rewards, so that the inner step size would mean something else for each "
        "task.",
        _advantage_fault(divide=lambda values: 1.0),
    ),
    Wrong(
        "all_tasks_fitted",
        "One fit serves all tasks. Can the same place be worth the same if the goal is another one?",
        _advantage_fault(together=True),
    ),
    Wrong(
        "all_tasks_normalised",
        "Mean and deviation are taken over all tasks. A task with large rewards then decides what a task with small "
        "ones may learn.",
        _advantage_fault(centred_per_task=False),
    ),
    Wrong(
        "padding_fitted",
        "Your regression also explains steps that were never taken: their features are not all zero, their returns "
        "are. Which rows belong into the equations?",
        _advantage_fault(real=False),
    ),
    Wrong(
        "padding_counted",
        "The fit is right. Mean and deviation still run over steps that were never taken: by what number of steps do "
        "you divide?",
        when=lambda got, *a: _is_any(got, a, _PADDING_COUNTED, _advantages_step_by_step),
    ),
    Wrong(
        "padding_kept",
        "On the steps that were taken you are right. What should stand where there was no step, so that nothing is "
        "learned from it?",
        when=lambda got, rewards, features, mask, discount: (
            difference(got * mask, _advantages_step_by_step(rewards, features, mask, discount), 1e-4, 1e-6) is None
        ),
    ),
    Wrong(
        "no_baseline",
        "These are normalised returns. What has become of the features?",
        _advantage_fault(fit=False),
    ),
    Wrong("undiscounted", "Late rewards count fully: where is the discount?", _advantage_fault(gamma=False)),
)


def _is_any(got, arguments, faults, function):
    return any(difference(got, function(*arguments, **fault), 1e-4, 1e-6) is None for fault in faults)


_PADDING_COUNTED = ({"sums_masked": False}, {"sums_masked": False, "everything": True})
