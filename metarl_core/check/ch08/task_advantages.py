"""The check of the exercise `task_advantages`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference

TOLERANCE = {"rtol": 1e-7, "atol": 1e-8}


def _draw_case(draw):
    """1 to 3 tasks of 2 to 5 episodes of 1 to 6 steps, with at least two steps more than the 1 to 3 features, or 7.
    Now and then one task has 80 episodes, and one reward stands out by far.

    Rewards are skewed and of another size on each task. A constant feature, a clock, two equal features and small ones,
    for which the ridge counts, and steps without a reward occur or not; on the padding features are numbers like any.
    """
    tasks, episodes, horizon = draw.integer(1, 3), draw.integer(2, 5), draw.integer(2, 6)
    number = draw.choice(1, 2, 3) if draw.seed % 12 != 5 else 7
    if many := draw.chance(0.1):
        tasks, episodes = 1, 80
    lengths = draw.integers(1, horizon, tasks, episodes, 1)
    if draw.chance(0.25):
        lengths = torch.full_like(lengths, horizon)
    while lengths.sum(1).min() < number + 2:
        lengths = (lengths + 1).clamp(max=horizon)
        horizon += int(lengths.min() == horizon)  # all are full, and too short
    mask = torch.arange(horizon) < lengths
    discount = draw.choice(0.0, 1.0, *(draw.uniform(0.3, 0.99) for _ in range(4)))
    size = torch.tensor([draw.uniform(0.5, 8.0) for _ in range(tasks)], dtype=torch.float64)[:, None, None]
    rewards = size * (draw.skewed(tasks, episodes, horizon) + draw.choice(-1.0, 0.0, 1.0)) * mask
    left = rewards * draw.flags(*rewards.shape, share=0.6)
    # Of too few steps with a reward nothing would be left beside the fit but rounding.
    if sparse := draw.chance(0.25) and int((left != 0).sum((1, 2)).min()) >= number + 2:
        rewards = left
    if many:
        rewards[:, 0, 0] += 200 * size[:, 0, 0]
    features = draw.normal(tasks, episodes, horizon, number) + draw.choice(0.0, 1.0)
    constant, alike, small = draw.chance(0.4), draw.chance(0.2) and number > 1, draw.chance(0.25)
    if constant:
        features[..., -1] = 1.0
    if number > 2 and draw.chance(0.5):
        features[..., 1] = torch.arange(horizon, dtype=torch.float64) / horizon
    if alike:
        features[..., 0] = features[..., -1]
    features = features * (0.005 if small else 1.0)
    return case(rewards, features, mask, discount).noting(
        {
            "there is one task": tasks == 1,
            "no step is padding": bool(mask.all()),
            "the discount is 0": discount == 0.0,
            "the discount is 1": discount == 1.0,
            "no feature is constant": not constant,
            "features are small": small,
            "there are more than three features": number > 3,
            "there are 80 episodes, and one reward stands out": many,
            "steps without a reward were taken": sparse,
        }
    )


def _advantages_step_by_step(
    rewards,
    features,
    mask,
    discount,
    ridge=lambda rows, size: 1e-5,
    real=True,
    together=False,
    divide=lambda values: values.std(),
    fit=True,
    centred_per_task=True,
    gamma=True,
    sums_masked=True,
    everything=False,
    centred=True,
    from_start=False,
    swollen=False,
    whole=False,
):
    """One number after another; least squares by `lstsq` on rows with √ridge times the identity below them."""
    tasks, episodes, horizon = rewards.shape
    returns = np.zeros(rewards.shape)
    for task, episode, t in itertools.product(range(tasks), range(episodes), range(horizon)):
        late, gone = range(0 if whole else t, horizon), 0 if whole else t
        returns[task, episode, t] = sum(
            (discount ** (k if from_start else k - gone) if gamma else 1.0) * rewards[task, episode, k] for k in late
        )
    used = mask.numpy() if real else np.ones(mask.shape, dtype=bool)
    phi, raw = features.numpy(), np.array(returns)
    groups = [range(tasks)] if together else [[task] for task in range(tasks)]
    for group in groups if fit else []:
        rows = np.concatenate([phi[task][used[task]] for task in group])
        targets = np.concatenate([returns[task][used[task]] for task in group])
        below = np.diag(np.sqrt(np.broadcast_to(ridge(len(rows), phi.shape[-1]), phi.shape[-1])))
        w = np.linalg.lstsq(np.concatenate([rows, below]), np.concatenate([targets, np.zeros(len(below))]), rcond=None)[
            0
        ]
        for task in group:
            raw[task] = returns[task] - phi[task] @ w
    result = np.zeros(rewards.shape)
    counted = mask.numpy() if sums_masked else np.ones(mask.shape, dtype=bool)
    if not (sums_masked or swollen):  # zeros on the padding, counted; else whatever comes out there
        raw = raw * mask.numpy()
    for group in [[task] for task in range(tasks)] if centred_per_task else [range(tasks)]:
        values = np.concatenate([raw[task][counted[task]] for task in group])
        for task in group:
            scaled = (raw[task] - (values.mean() if centred else 0.0)) / divide(values)
            result[task] = scaled if everything else scaled * mask[task].numpy()
    return torch.from_numpy(result)


def _each_episode(rewards, features, mask, discount, small):
    raw = _advantages_step_by_step(rewards, features, mask, discount, centred=False, divide=lambda values: 1.0)
    result = torch.zeros_like(raw)
    for place in itertools.product(*map(range, raw.shape[:2])):
        values = raw[place][mask[place]]
        result[place][mask[place]] = (values - values.mean()) / (values.std(correction=0) + small)
    return result


def _advantage_fault(**fault):
    return lambda *a: _advantages_step_by_step(*a, **fault)


check_task_advantages = function_check(
    "task_advantages",
    _advantages_step_by_step,
    _draw_case,
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
            difference(
                got.where(mask, torch.zeros_like(got)),
                _advantages_step_by_step(rewards, features, mask, discount),
                **TOLERANCE,
            )
            is None
        ),
    ),
    Wrong(
        "no_baseline",
        "These are normalised returns. What has become of the features?",
        _advantage_fault(fit=False),
    ),
    Wrong("undiscounted", "Late rewards count fully: where is the discount?", _advantage_fault(gamma=False)),
    Wrong(
        "discounted_from_the_start",
        "Rewards are discounted from the first step of the episode on. From which step does R count?",
        _advantage_fault(from_start=True),
    ),
    Wrong(
        "mean_kept",
        "What the baseline leaves over is divided, and not centred. When does a regression leave a mean of zero?",
        _advantage_fault(centred=False, divide=lambda values: values.std()),
    ),
    Wrong(
        "divide_by_n_minus_one",
        "Nearly: your deviations divide by n − 1. The task says which one it wants.",
        _advantage_fault(divide=lambda values: values.std(ddof=1)),
    ),
    Wrong(
        "each_episode",
        "Mean and deviation are those of single episodes. A bad episode then looks as good as any other.",
        when=lambda got, *a: any(
            difference(got, _each_episode(*a, small=small), **TOLERANCE) is None for small in (0.0, 1e-8, 1e-6, 1e-5)
        ),
    ),
    Wrong(
        "added_to_deviation",
        "A small number is added to the deviation. (1) has none there.",
        when=lambda got, *a: _is_any(got, a, _ADDED, _advantages_step_by_step),
    ),
    Wrong(
        "no_ridge",
        "The fit is one without the ridge. What does it do with two features that are the same?",
        _advantage_fault(ridge=lambda rows, size: 0.0),
    ),
    Wrong(
        "other_ridge",
        "The ridge is another one than that of (1): what stands on the diagonal, for each of the features?",
        when=lambda got, *a: _is_any(got, a, _RIDGES, _advantages_step_by_step),
    ),
    Wrong(
        "whole_return",
        "Every step has the return of its whole episode. Can an action have a part in rewards that came before it?",
        _advantage_fault(whole=True),
    ),
    Wrong(
        "another_discount",
        "The discount that is handed in changes nothing. Which number stands in its place?",
        when=lambda got, rewards, features, mask, discount: any(
            difference(got, _advantages_step_by_step(rewards, features, mask, usual), **TOLERANCE) is None
            for usual in (0.9, 0.95, 0.99)
        ),
    ),
    Wrong(
        "steps_with_a_reward",
        "Steps are left out that brought no reward. They were taken: which argument says so?",
        lambda rewards, features, mask, discount: _advantages_step_by_step(
            rewards, features, mask & (rewards != 0), discount
        ),
    ),
    **TOLERANCE,
)


def _is_any(got, arguments, faults, function):
    return any(difference(got, function(*arguments, **fault), **TOLERANCE) is None for fault in faults)


_ADDED = [{"divide": lambda values, small=small: values.std() + small} for small in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)]
_RIDGES = [
    *({"ridge": lambda rows, size, other=other: other} for other in (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1.0)),
    {"ridge": lambda rows, size: 1e-5 * rows},
    {"ridge": lambda rows, size: 1e-5 / rows},
    {"ridge": lambda rows, size: np.array([1e-5] * (size - 1) + [0.0])},
]
_PADDING_COUNTED = [
    {"sums_masked": False, "everything": everything, "swollen": swollen}
    for everything, swollen in itertools.product((False, True), repeat=2)
]
