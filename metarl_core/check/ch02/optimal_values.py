"""The check of the exercise `optimal_values`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _mdp(seed, tasks, states, actions):
    generator = torch.Generator().manual_seed(seed)
    # Concentrated rows: where all actions lead to nearly the same place, greed is nearly optimal.
    weights = torch.empty(tasks, states, actions, states).exponential_(generator=generator).double() ** 6
    rewards = torch.randn(tasks, states, actions, generator=generator).double()
    terminal = torch.zeros(tasks, states, dtype=torch.bool)
    terminal[:, -1] = True
    terminal[0, 0] = True  # tasks differ in where they end, too
    return weights / weights.sum(-1, keepdim=True), rewards, terminal


def _mdp_cases():
    # As many actions as states in the first: a maximum over the wrong axis is silent there. The seeds are such that
    # every misconception below shows in every case.
    for seed, tasks, states, actions, discount, horizon in (
        (1, 3, 3, 3, 0.9, 3),
        (0, 2, 4, 2, 0.6, 3),
        (0, 4, 3, 2, 0.95, 4),
    ):
        yield case(*_mdp(seed, tasks, states, actions), discount, horizon)


def _by_enumeration(transitions, rewards, terminal, discount, horizon):
    """The best of all plans (an action for each living state and time), each followed forward in time."""
    tasks, states, actions = rewards.shape
    living = [s for s in range(states) if not bool(terminal[:, s].all())]
    values = torch.zeros(horizon + 1, tasks, states, dtype=rewards.dtype)
    going = (~terminal).to(rewards.dtype)
    for steps in range(1, horizon + 1):
        plans = torch.tensor(list(itertools.product(range(actions), repeat=steps * len(living))))
        plan = torch.zeros(len(plans), steps, states, dtype=torch.int64)
        plan[:, :, living] = plans.reshape(-1, steps, len(living))
        choice = torch.nn.functional.one_hot(plan, actions).to(rewards.dtype)  # [plan, time, state, action]
        place = torch.eye(states, dtype=rewards.dtype).expand(len(plans), tasks, states, states)  # from each start
        total = torch.zeros(len(plans), tasks, states, dtype=rewards.dtype)
        for time in range(steps):
            place = place * going[None, :, None]  # whoever has arrived at the end earns no more
            pay = torch.einsum("psa,ksa->pks", choice[:, time], rewards)
            total = total + discount**time * torch.einsum("pkxs,pks->pkx", place, pay)
            moved = torch.einsum("psa,ksat->pkst", choice[:, time], transitions)
            place = torch.einsum("pkxs,pkst->pkxt", place, moved)
        values[steps] = total.amax(0)
    return values


def _sweeps(transitions, rewards, terminal, discount, horizon, reduce=None, in_place=False, ends=True, lucky=False):
    reduce = reduce or (lambda q: q.amax(-1))
    value, all_values = torch.zeros_like(rewards[..., 0]), []
    going = ~terminal if ends else torch.ones_like(terminal)
    all_values.append(value)
    for _ in range(horizon):
        if in_place:
            new = value.clone()
            for s in range(value.shape[1]):
                ahead = torch.einsum("kat,kt->ka", transitions[:, s], new)
                new[:, s] = (rewards[:, s] + discount * ahead).amax(-1) * going[:, s]
            value = new
        else:
            ahead = transitions * value[:, None, None]
            ahead = ahead.amax(-1) if lucky else ahead.sum(-1)
            value = reduce(rewards + discount * ahead) * going
        all_values.append(value)
    return torch.stack(all_values)


def _greedy(transitions, rewards, terminal, discount, horizon):
    chosen = rewards.argmax(-1, keepdim=True)
    return _sweeps(transitions, rewards, terminal, discount, horizon, reduce=lambda q: q.gather(-1, chosen)[..., 0])


check_optimal_values = function_check(
    "optimal_values",
    _by_enumeration,
    _mdp_cases,
    Wrong(
        "no_discount",
        "A reward of tomorrow counts as much as one of today. Where does the discount enter?",
        lambda p, r, t, discount, horizon: _sweeps(p, r, t, 1.0, horizon),
    ),
    Wrong(
        "greedy",
        "These are the values of an agent that takes the largest immediate reward at each step. "
        "When is the maximum taken: before or after the future is added?",
        _greedy,
    ),
    Wrong(
        "wrong_axis",
        "Your maximum runs over the states and leaves one number for each action. What may the agent choose?",
        when=lambda got, p, r, *rest: (
            r.shape[1] == r.shape[2]
            and difference(got, _sweeps(p, r, *rest, reduce=lambda q: q.amax(-2)), 1e-4, 1e-6) is None
        ),
    ),
    Wrong(
        "same_sweep",
        "Some of your values use values of the same sweep: the future they count on has as many steps to go as the "
        "present. Keep the old values until the sweep is done.",
        lambda *a: _sweeps(*a, in_place=True),
    ),
    Wrong(
        "ignores_termination",
        "In your answer an episode goes on after its end. What is the value of a terminal state?",
        lambda *a: _sweeps(*a, ends=False),
    ),
    Wrong(
        "lucky_world",
        "You take a maximum over next states. The agent picks the action; who picks the next state?",
        lambda *a: _sweeps(*a, lucky=True),
    ),
    Wrong(
        "average_policy",
        "These are the values of an agent that acts at random.",
        lambda *a: _sweeps(*a, reduce=lambda q: q.mean(-1)),
    ),
)
