"""The check of the exercise `inner_td_steps`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check


def _td_cases():
    for seed, (tasks, number, size, actions, alpha, steps, discount) in enumerate(
        ((3, 8, 3, 2, 0.1, 3, 0.9), (2, 12, 4, 3, 0.2, 4, 0.7), (4, 6, 2, 4, 0.15, 2, 0.95))
    ):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        yield case(
            draw(actions, size),
            draw(tasks, number, size),
            torch.randint(actions, (tasks, number), generator=generator),
            draw(tasks, number),
            draw(tasks, number, size),
            torch.rand(tasks, number, generator=generator) < 0.4,
            alpha,
            steps,
            discount,
        )


def _td_by_sums(
    theta, features, actions, rewards, following, terminated, alpha, steps, discount,
    stopped=True, frozen=True, ends=True, factor=2.0, mean=True, mixed=False, leak=False, sign=1.0, best=True,
):  # fmt: skip
    """One transition after another: δ times the feature vector, added to the row of the action."""
    found, origin = [], theta.numpy().copy()
    phi, nxt, r, act = (value.numpy() for value in (features, following, rewards, actions))
    done = terminated.numpy() if ends else np.zeros(terminated.shape, dtype=bool)
    tasks, number = act.shape
    for task in range(tasks):
        current = found[-1].copy() if leak and found else origin.copy()
        start = current.copy()
        own = list(itertools.product(range(tasks), range(number))) if mixed else [(task, i) for i in range(number)]
        for _ in range(steps):
            change = np.zeros_like(current)
            for t, i in own:
                table = start if frozen else current
                values = table @ nxt[t, i]
                top = int(values.argmax()) if best else int(act[t, i])
                y = r[t, i] + (0.0 if done[t, i] else discount * values[top])
                delta = y - current[act[t, i]] @ phi[t, i]
                change[act[t, i]] += delta * phi[t, i]
                if not stopped and not done[t, i]:
                    change[top] -= delta * discount * nxt[t, i]
            current = current + sign * factor * alpha * change / (len(own) if mean else 1)
        found.append(current)
    return torch.from_numpy(np.stack(found))


def _td_fault(**fault):
    return lambda *a: _td_by_sums(*a, **fault)


check_inner_td_steps = function_check(
    "inner_td_steps",
    _td_by_sums,
    _td_cases,
    Wrong(
        "target_not_stopped",
        "Your steps also change the value of the next state, to bring the target nearer to the prediction. Of what in "
        "the loss is the derivative wanted?",
        _td_fault(stopped=False, frozen=False),
    ),
    Wrong(
        "target_follows",
        "The first step is right, later ones are not: your targets move along with the parameters. Whose values stand "
        "in the target during the whole inner loop?",
        _td_fault(frozen=False),
    ),
    Wrong(
        "termination_ignored",
        "What is a state worth after which nothing comes?",
        _td_fault(ends=False),
    ),
    Wrong(
        "action_not_best",
        "Your target values the next state by the action that was taken in *this* one.",
        _td_fault(best=False),
    ),
    Wrong(
        "half",
        "Your steps are half as long as they should be. What is the derivative of a square?",
        _td_fault(factor=1.0),
    ),
    Wrong(
        "sum_over_transitions",
        "Take each transition twice, and your step is twice as long. Is the loss a sum or a mean?",
        _td_fault(mean=False),
    ),
    Wrong(
        "one_replay",
        "Every task learns from the transitions of all of them. Would they have had the same consequences here?",
        _td_fault(mixed=True),
    ),
    Wrong("tasks_leak", "The first task is right. Where do the others start?", _td_fault(leak=True)),
    Wrong("uphill", "After your steps the errors are larger. Check the sign.", _td_fault(sign=-1.0)),
)
