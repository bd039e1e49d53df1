"""The check of the exercise `reptile_iteration`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch10.oracles import TIGHT
from metarl_core.check.compare import difference


def _draw_case(draw):
    """1 to 3 tasks, 1 to 4 states and actions, 1 to 60 steps; epsilon has reached its end after 18 of them."""
    tasks, steps = draw.choice(1, *[draw.integer(2, 3)] * 4), draw.choice(1, *[draw.integer(3, 60)] * 7)
    states, actions = draw.choice(1, *[draw.integer(2, 4)] * 7), draw.choice(1, *[draw.integer(2, 4)] * 4)
    outer_lr = draw.choice(0.0, 1.0, *[draw.uniform(0.05, 1.5)] * 4)
    shape = tasks, states, actions
    return case(
        draw.normal(states, actions) + draw.uniform(-2, 2),
        draw.integers(0, states - 1, *shape),
        draw.skewed(*shape, scale=2.0) + draw.uniform(-1, 1),
        torch.rand(tasks, steps, 3, generator=draw.generator, dtype=torch.float64),
        outer_lr,
    ).noting(
        {
            "there is more than one task": tasks > 1,
            "a run has more than 18 steps": steps > 18,
            "a run has a single step": steps == 1,
            "epsilon of Reptile is 0": outer_lr == 0,
            "there is a single action": actions == 1,
        }
    )


def _one_run(start, following, rewards, draws, memory, clock):
    """A run of tabular DQN on one task in numpy: (online, target); `memory` and `clock` are used and changed."""
    online, target, state = start.copy(), start.copy(), 0
    for chance, which, index in draws:
        random = chance < max(0.1, 1 - clock[0] / 20)
        clock[0] += 1
        action = int(which * start.shape[1]) if random else int(online[state].argmax())
        memory.append((state, action, rewards[state, action], following[state, action]))
        s, a, r, after = memory[int(index * len(memory))]
        online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
        target = target + 0.1 * (online - target)
        state = following[state, action]
    return online, target


def _reptile_by_runs(
    theta, following, rewards, draws, outer_lr, one_replay=False, epsilon_kept=False, from_target=False, leak=False,
    total=False, sign=1.0, anchored=True,
):  # fmt: skip
    """The runs one after another, each with a memory and a clock of its own, and the mean of where they end."""
    ends, memory, clock = [], [], [0]
    for nexts, pay, numbers in zip(following.numpy(), rewards.numpy(), draws.numpy(), strict=True):
        memory = memory if one_replay else []
        clock = clock if epsilon_kept else [0]
        start = ends[-1] if leak and ends else theta.numpy()
        online, target = _one_run(start, nexts, pay, numbers, memory, clock)
        ends.append(target if from_target else online)
    moves = [end - theta.numpy() for end in ends]
    move = torch.from_numpy(np.sum(moves, 0) if total else np.mean(moves, 0))
    return theta + outer_lr * (sign * move if anchored else move + theta)


BUGS = {"one_replay": True, "epsilon_kept": True, "from_target": True}
TWO_BUGS = [dict(pair) for pair in itertools.combinations(BUGS.items(), 2)]


def _fault(**fault):
    return lambda *a: _reptile_by_runs(*a, **fault)


check_reptile_iteration = function_check(
    "reptile_iteration",
    _reptile_by_runs,
    _draw_case,
    Wrong("as_it_was", "All three bugs are still there.", _fault(**BUGS)),
    Wrong(
        "one_replay",
        "Two of the three are repaired. A task still learns from what happened in another one.",
        _fault(one_replay=True),
    ),
    Wrong(
        "epsilon_not_reset",
        "Two of the three are repaired. Print how many random actions each task takes: do later ones explore at all?",
        _fault(epsilon_kept=True),
    ),
    Wrong(
        "target_network",
        "Two of the three are repaired. Which of the two tables holds what was learned last?",
        _fault(from_target=True),
    ),
    Wrong(
        "two_left",
        "One of the three is repaired, two are left.",
        when=lambda got, *a: any(difference(got, _reptile_by_runs(*a, **pair), **TIGHT) is None for pair in TWO_BUGS),
    ),
    Wrong(
        "tasks_leak",
        "The three bugs are gone, and there is a new one: where does the second task start?",
        _fault(leak=True),
    ),
    Wrong(
        "reversed",
        "The three bugs are gone. Your theta moves away from where the runs ended.",
        _fault(sign=-1.0),
    ),
    Wrong(
        "sum_over_tasks",
        "The three bugs are gone. With ten tasks your theta would be thrown ten times as far.",
        _fault(total=True),
    ),
    Wrong(
        "not_a_difference",
        "The three bugs are gone. Your theta moves by where the runs ended, and not by how far they went.",
        _fault(anchored=False),
    ),
    **TIGHT,
)
