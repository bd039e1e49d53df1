"""The check of the exercise `optimal_values`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 3 MDPs of 1 to 5 states and 1 to 4 actions, 0 to 12 steps or, seldom, up to 40.

    Tasks differ in their terminal states; actions may be equally good.
    """
    tasks, states, actions = draw.integer(1, 3), draw.integer(1, 5), draw.integer(1, 4)
    horizon = draw.integer(0, 40) if draw.chance(0.25) else draw.integer(0, 12)
    if draw.chance(0.3):  # a maximum over the wrong axis is silent
        actions = states
    discount = draw.choice(0.0, 0.0, 1.0, 1.0, *[draw.uniform(0.1, 0.99) for _ in range(5)])
    # Concentrated rows: where all actions lead to nearly the same place, greed is nearly optimal.
    weights = draw.normal(tasks, states, actions, states).abs() ** draw.choice(1, 6) + 1e-3
    transitions = weights / weights.sum(-1, keepdim=True)
    rewards = draw.normal(tasks, states, actions, mean=draw.choice(0.0, -2.0, 2.0))
    twins = actions > 1 and draw.chance(0.25)
    if twins:
        transitions[:, :, -1], rewards[:, :, -1] = transitions[:, :, 0], rewards[:, :, 0]
    terminal = draw.flags(tasks, states, share=draw.choice(0.0, 0.3, 0.3))
    # The rows of terminal states mean nothing, and need not be distributions.
    transitions = torch.where(terminal[..., None, None], 3.0 * transitions, transitions)
    mixed = bool((terminal.any(1) & ~terminal.all(1)).any())
    if draw.chance(0.3):  # the same numbers, in another order in memory
        transitions, rewards = transitions.movedim(-1, 0).contiguous().movedim(0, -1), rewards.mT.contiguous().mT
    return case(transitions, rewards, terminal, discount, horizon).noting(
        {
            "a later step counts: gamma is above 0, and there are two steps or more": discount > 0 and horizon > 1,
            "a terminal state comes after another, and gamma is above 0": mixed and discount > 0 and horizon > 1,
            "no state is terminal": not bool(terminal.any()),
            "there are as many actions as states": states == actions,
            "there is one action": actions == 1,
            "two actions are the same": twins,
            "there is no step": horizon == 0,
            "there are more than twelve steps": horizon > 12,
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "all rewards are negative": bool((rewards < 0).all()),
        }
    )


def _by_hand(transitions, rewards, terminal, discount, horizon):
    """Equation (2) from the top down, one number at a time."""
    tasks, states, actions = rewards.shape
    p, r, ends = transitions.tolist(), rewards.tolist(), terminal.tolist()
    known: dict = {}

    def value(k, s, steps):
        if steps == 0 or ends[k][s]:
            return 0.0
        if (k, s, steps) not in known:
            futures = [sum(p[k][s][a][t] * value(k, t, steps - 1) for t in range(states)) for a in range(actions)]
            known[k, s, steps] = max(r[k][s][a] + discount * futures[a] for a in range(actions))
        return known[k, s, steps]

    table = [[[value(k, s, n) for s in range(states)] for k in range(tasks)] for n in range(horizon + 1)]
    return torch.tensor(table, dtype=rewards.dtype)


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


def _never_falls(transitions, rewards, terminal, discount, horizon):
    values = [torch.zeros_like(rewards[..., 0])]
    for _ in range(horizon):
        ahead = (transitions * values[-1][:, None, None]).sum(-1)
        values.append(torch.maximum(values[-1], (rewards + discount * ahead).amax(-1) * ~terminal))
    return torch.stack(values)


def _pays_at_the_end(transitions, rewards, terminal, discount, horizon):
    """A terminal state is worth its best reward, once."""
    value, all_values = torch.zeros_like(rewards[..., 0]), [torch.zeros_like(rewards[..., 0])]
    for _ in range(horizon):
        ahead = (transitions * value[:, None, None]).sum(-1)
        value = torch.where(terminal, rewards.amax(-1), (rewards + discount * ahead).amax(-1))
        all_values.append(value)
    return torch.stack(all_values)


check_optimal_values = function_check(
    "optimal_values",
    _by_hand,
    _draw_case,
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
        lambda *a: _sweeps(*a, reduce=lambda q: q.amax(-2)),
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
        "ends_in_the_result_only",
        "Terminal states are worth zero in what you return, yet what stood there has flowed into states before them. "
        "When are they due to be zero?",
        lambda p, r, t, *rest: _sweeps(p, r, t, *rest, ends=False).masked_fill(t, 0.0),
    ),
    Wrong(
        "pays_at_the_end",
        "Your terminal states are worth their largest reward. Does anyone act there?",
        _pays_at_the_end,
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
    Wrong(
        "worst_action",
        "These are the values of an agent that picks the worst action each time.",
        lambda *a: _sweeps(*a, reduce=lambda q: q.amin(-1)),
    ),
    Wrong(
        "reward_discounted",
        "The reward of the present step is discounted already. At what power of γ does (2) count it?",
        lambda p, r, t, discount, horizon: _sweeps(p, discount * r, t, discount, horizon),
    ),
    Wrong(
        "never_falls",
        "Your values never fall when a step is added. May an agent whose every action costs something refuse to act?",
        _never_falls,
    ),
    Wrong(
        "reversed",
        "Your entries stand in reverse: how many steps to go has entry 0?",
        lambda *a: _sweeps(*a).flip(0),
    ),
    Wrong(
        "first_tasks_end",
        "Every task ends where the first one does. Does terminal not have a row for each?",
        lambda p, r, t, *rest: _sweeps(p, r, t[:1].expand_as(t), *rest),
    ),
    Wrong(
        "only_the_last",
        "This is the last sweep alone. Asked for are the values with 0, 1, ... steps to go, in this order.",
        lambda *a: _sweeps(*a)[-1],
    ),
    Wrong(
        "no_zeroth",
        "Your first entry has one step to go. What does entry 0 hold?",
        lambda *a: _sweeps(*a)[1:],
    ),
    rtol=1e-9,  # so that float32 inside is noticed
    atol=1e-9,
)
