"""The check of the exercise `sampling_term`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _support_cases():
    for seed, (tasks, episodes, horizon) in enumerate(((3, 4, 5), (5, 2, 3), (2, 3, 4))):
        generator = torch.Generator().manual_seed(40 + seed)
        lengths = torch.randint(1, horizon + 1, (tasks, episodes, 1), generator=generator)
        mask = torch.arange(horizon) < lengths
        log_pi = -torch.rand(tasks, episodes, horizon, generator=generator, dtype=torch.float64)
        yield case(log_pi, mask, torch.randn(tasks, generator=generator, dtype=torch.float64) + 2)


def _both_gradients(answer, log_pi, mask, outcome):
    leaves = [value.detach().clone().requires_grad_() for value in (log_pi, outcome)]
    value = answer(leaves[0], mask, leaves[1])
    if not isinstance(value, torch.Tensor) or value.shape:
        raise TypeError("sampling_term must return one number as a tensor without axes.")
    found = torch.autograd.grad(value, leaves, allow_unused=True)
    names = "with respect to log_pi", "with respect to outcome"
    return {n: torch.zeros_like(x) if g is None else g for n, x, g in zip(names, leaves, found, strict=True)}


def _term_by_definition(log_pi, mask, outcome):
    gradient = torch.zeros_like(log_pi)
    for task in range(len(outcome)):
        rest = [float(outcome[k]) for k in range(len(outcome)) if k != task]
        for episode, time in mask[task].nonzero().tolist():
            gradient[task, episode, time] = -(float(outcome[task]) - sum(rest) / len(rest)) / len(outcome)
    return {"with respect to log_pi": gradient, "with respect to outcome": torch.zeros_like(outcome)}


check_sampling_term = function_check(
    "sampling_term",
    _term_by_definition,
    _support_cases,
    Wrong(
        "not_centred",
        "The outcome is used as it is. In the mean that is right, but every log-probability is pushed the same way "
        "with the size of the whole return: what may be subtracted?",
        lambda x, m, o: _per_task(x, m, lambda o: o, o),
    ),
    Wrong(
        "own_included",
        "A task's own outcome is in the mean that you subtract from it. That mean depends on the task's support "
        "episodes, and is no baseline.",
        lambda x, m, o: _per_task(x, m, lambda o: o - o.mean(), o),
    ),
    Wrong(
        "mean_over_episodes",
        "Each episode gets only its share. The probability of N episodes is a product, and its logarithm?",
        when=lambda got, x, m, o: any(
            torch.allclose(got["with respect to log_pi"], _term_by_definition(x, m, o)["with respect to log_pi"] / n)
            for n in (x.shape[1], m.sum((1, 2), keepdim=True), m.sum(2, keepdim=True))
        ),
    ),
    Wrong(
        "outcome_differentiated",
        "A gradient flows into the outcome. It is a reward here: a number that was measured.",
        lambda x, m, o: _per_task(x, m, _relative, o, held=False),
    ),
    Wrong(
        "sign",
        "This makes the episodes before good outcomes less probable. An optimiser descends your result.",
        lambda x, m, o: -_per_task(x, m, _relative, o),
    ),
    Wrong(
        "sum_over_tasks",
        "Your result grows with the number of tasks. Their mean is wanted.",
        lambda x, m, o: len(o) * _per_task(x, m, _relative, o),
    ),
    Wrong(
        "mask_ignored",
        "What stands in the padding enters. Which steps have been taken?",
        lambda x, m, o: _per_task(x, torch.ones_like(m), _relative, o),
    ),
    observe=_both_gradients,
)  # fmt: skip


def _relative(outcome):
    return (outcome - outcome.mean()) * len(outcome) / (len(outcome) - 1)


def _per_task(log_pi, mask, centre, outcome, held=True):
    reward = centre(outcome.detach() if held else outcome)
    return -((log_pi * mask).sum((1, 2)) * reward).mean()
