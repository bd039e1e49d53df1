"""The check of the exercise `reptile_iteration`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import given_by


def _draw_case(draw):
    """1 to 3 tasks, once 60, 1 to 4 states and actions, 1 to 140 steps; epsilon has reached its end after 18 of
    them."""
    tasks, steps = (
        draw.choice(1, *[draw.integer(2, 3)] * 4),
        draw.choice(1, *[draw.integer(3, 40)] * 6, draw.integer(101, 140)),
    )
    tasks, steps = draw.once(17, 60, tasks), draw.once(17, 4, steps)
    states, actions = draw.choice(1, *[draw.integer(2, 4)] * 7), draw.choice(1, *[draw.integer(2, 4)] * 4)
    outer_lr = draw.choice(0.0, 1.0, *[draw.uniform(0.05, 1.5)] * 4)
    shape = tasks, states, actions
    return case(
        draw.normal(states, actions) + draw.uniform(-2, 2),
        draw.integers(0, states - 1, *shape),
        draw.skewed(*shape, scale=2.0) + draw.uniform(-1, 1),
        _draws(draw, tasks, steps),
        outer_lr,
    ).noting(
        {
            "there is more than one task": tasks > 1,
            "a run has more than 18 steps": steps > 18,
            "a run has a single step": steps == 1,
            "a run has more than 60 steps": steps > 60,
            "epsilon of Reptile is 0": outer_lr == 0,
            "there is a single action": actions == 1,
        }
    )


def _draws(draw, tasks, steps):
    """Uniform numbers; about half of the first ones in a step lie near epsilon, so that its values matter."""
    numbers = torch.rand(tasks, steps, 3, generator=draw.generator, dtype=torch.float64)
    epsilon = (1 - torch.arange(steps) / 20).clamp(min=0.1).double()
    near = (epsilon + 0.1 * numbers[..., 0] - 0.05).clamp(max=0.999)
    numbers[..., 0] = torch.where(draw.flags(tasks, steps, share=0.5), near, numbers[..., 0])
    return numbers


def _epsilon(step, steps):
    return max(0.1, 1 - step / 20)


EPSILON = {
    "counts from 1": lambda step, steps: _epsilon(step + 1, steps),
    "slower": lambda step, steps: max(0.1, 1 - 0.9 * step / 20),
    "over 18 steps": lambda step, steps: max(0.1, 1 - 0.9 * step / 18),
    "to 0": lambda step, steps: max(0.0, 1 - step / 20),
    "over the run": lambda step, steps: max(0.1, 1 - step / steps),
    "always random": lambda step, steps: 1.0,
}
"""Schedules that are not the one asked for."""


def _one_run(start, following, rewards, draws, memory, clock, tables, state=0, fault=()):
    """A run of tabular DQN on one task in numpy: (online, target, state). `memory`, `clock`, `tables` are changed."""
    online, target = start.copy(), start.copy()
    target = tables[-1] if "target kept" in fault and tables else target
    schedule = next((EPSILON[name] for name in fault if name in EPSILON), _epsilon)
    for chance, which, index in draws:
        random = chance < schedule(clock[0], len(draws))
        clock[0] += 1
        acting = target if "greedy on target" in fault else start if "greedy on theta" in fault else online
        action = int(which * start.shape[1]) if random else int(acting[state].argmax())
        after = following[state, action]
        paid = rewards[after if "paid where it led" in fault else state, action]
        memory.append((state, action, paid, after))
        number = len(memory) - 1 if "newest never" in fault else len(memory)
        s, a, r, later = memory[-1 if "newest" in fault else int(index * number)]
        if "one table" in fault:
            target = online
        online[s, a] += 0.5 * (r + 0.9 * target[later].max() - online[s, a])
        if "target still" not in fault:
            target = target + 0.1 * (online - target)
        state = after
    tables.append(target)
    return online, target, state


def _reptile_by_runs(
    theta, following, rewards, draws, outer_lr, one_replay=False, epsilon_kept=False, from_target=False, leak=False,
    total=False, sign=1.0, anchored=True, state_kept=False, fault=(), in_turn=0.0, move_alone=False,
):  # fmt: skip
    """The runs one after another, each with a memory and a clock of its own, and the mean of where they end."""
    ends, memory, clock, state, tables = [], [], [0], 0, []
    for nexts, pay, numbers in zip(following.numpy(), rewards.numpy(), draws.numpy(), strict=True):
        memory = memory if one_replay else []
        clock = clock if epsilon_kept else [0]
        start = ends[-1] if leak and ends else theta.numpy()
        begin = state if state_kept else 0
        online, target, state = _one_run(start, nexts, pay, numbers, memory, clock, tables, begin, fault)
        ends.append(target if from_target else online)
        if in_turn:
            theta = theta + in_turn * outer_lr * torch.from_numpy(ends[-1] - theta.numpy())
    if in_turn:
        return theta
    moves = [end - theta.numpy() for end in ends]
    move = torch.from_numpy(np.sum(moves, 0) if total else np.mean(moves, 0))
    move = outer_lr * (sign * move if anchored else move + theta)
    return move if move_alone else theta + move


BUGS = ("one table", "newest never", "paid where it led")
TWO_BUGS = list(itertools.combinations(BUGS, 2))


def _fault(**fault):
    return lambda *a: _reptile_by_runs(*a, **fault)


check_reptile_iteration = function_check(
    "reptile_iteration",
    _reptile_by_runs,
    _draw_case,
    Wrong(
        "own_draws",
        "Your function draws from a global generator. All that are needed are in `draws`.",
        fault="global draws",
    ),
    Wrong("as_it_was", "All three bugs are still there.", _fault(fault=BUGS)),
    Wrong(
        "one_table",
        "Your updates take the value of the next state from the online table, or from one that is equal to it. Are "
        "the two tables two, and how far does the one follow the other in a step?",
        _fault(fault=("one table",)),
    ),
    Wrong(
        "newest_never",
        "Your updates never replay the transition that has just been stored, unless it is the only one. Among how many "
        "does the third of the draws choose?",
        _fault(fault=("newest never",)),
    ),
    Wrong(
        "paid_where_it_led",
        "In a world with one state your answer would be right. Of which state is the reward that you store?",
        _fault(fault=("paid where it led",)),
    ),
    Wrong(
        "two_left",
        "One of the three is repaired, two are left.",
        when=given_by(*[_fault(fault=pair) for pair in TWO_BUGS]),
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
    Wrong(
        "in_turn",
        "The three bugs are gone. You move theta after each task, so that the next one begins elsewhere.",
        when=given_by(_fault(in_turn=1.0), lambda *a: _reptile_by_runs(*a, in_turn=1 / len(a[1]))),
    ),
    Wrong(
        "move_alone",
        "The three bugs are gone. What you return is the move, and not where theta is after it.",
        _fault(move_alone=True),
    ),
    Wrong(
        "same_draws",
        "The three bugs are gone. All of your tasks use the draws of the first one.",
        lambda *a: _reptile_by_runs(*a[:3], a[3][:1].expand_as(a[3]), a[4]),
    ),
    Wrong(
        "target_kept",
        "The three bugs are gone. A task begins with the target table that the one before it left.",
        _fault(fault=("target kept",)),
    ),
    Wrong(
        "other_epsilon",
        "Your epsilon is another than in the code that you were given. With which value does it begin, how fast does "
        "it fall, and where does it stop?",
        when=given_by(*[_fault(fault=(name,)) for name in EPSILON]),
    ),
    Wrong(
        "target_still",
        "Your target table stays where it began. It should follow the online one.",
        _fault(fault=("target still",)),
    ),
    Wrong(
        "outer_lr_ignored",
        "The three bugs are gone. Your theta goes all the way to the mean of where the runs ended.",
        lambda *a: _reptile_by_runs(*a[:-1], 1.0),
    ),
    Wrong(
        "state_kept",
        "The three bugs are gone. A task begins in the state in which the one before it ended.",
        _fault(state_kept=True),
    ),
    Wrong(
        "one_replay",
        "The three bugs are gone. A task learns from what happened in another one.",
        _fault(one_replay=True),
    ),
    Wrong(
        "epsilon_not_reset",
        "The three bugs are gone. Print how many random actions each task takes: do later ones explore at all?",
        _fault(epsilon_kept=True),
    ),
    Wrong(
        "target_network",
        "The three bugs are gone. Which of the two tables holds what was learned last?",
        _fault(from_target=True),
    ),
    Wrong(
        "newest_replayed",
        "Your updates use the newest transition each time. For what is the third of the draws?",
        _fault(fault=("newest",)),
    ),
    Wrong(
        "greedy_on_target",
        "Your greedy actions are those of the target table, or of theta. By which table does the agent act?",
        when=given_by(_fault(fault=("greedy on target",)), _fault(fault=("greedy on theta",))),
    ),
    cases=28,
)
