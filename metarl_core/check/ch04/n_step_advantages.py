"""The check of the exercise `n_step_advantages`."""

import torch

from metarl_core.check import Wrong, function_check
from metarl_core.check.ch04.segments import by_definition, draw_segment, n_step, passes


def _next_column(flags):
    return torch.cat([flags[:, 1:], torch.zeros_like(flags[:, :1])], 1)


def _next_values(values, last):
    return torch.cat([values[:, 1:], last[:, None]], 1)


def _none(args):
    return torch.zeros_like(args[3])


def _standardised(got, *args):
    """Whether these are the right advantages less their mean, divided by a deviation (with or without 1e-8 or so)."""
    right = n_step(*args)
    if right.numel() == 1:
        return bool(got.isnan().all() | (got == 0).all())
    centred = right - right.mean()
    ways = [centred / (right.std(correction=c) + small) for c in (0, 1) for small in (0.0, 1e-8, 1e-6, 1e-5)]
    return any(torch.allclose(got, way, 1e-9, 1e-9) for way in ways)


def _values_only_after_n(*args):
    """Where fewer than n steps are left of the segment, no value stands behind the rewards."""
    rewards, _, _, terminated, truncated, discount, n = args
    result = n_step(*args)
    for env in range(len(rewards)):
        for time in range(rewards.shape[1]):
            ends = (terminated | truncated)[env, time:].nonzero()
            left = rewards.shape[1] - time
            if left < n and not (len(ends) and int(ends[0, 0]) < left):
                result[env, time] -= discount**left * args[2][env]
    return result


def _power_n_always(*args):
    """The value at a truncation or behind the segment gets the weight γⁿ, however few steps lie before it."""
    rewards, _, _, terminated, truncated, discount, n = args
    following, result = _next_values(args[1], args[2]), n_step(*args)
    for env in range(len(rewards)):
        for time in range(rewards.shape[1]):
            ends = (terminated | truncated)[env, time:].nonzero()
            steps = min(n, rewards.shape[1] - time, int(ends[0, 0]) + 1 if len(ends) else n)
            last = time + steps - 1
            if not terminated[env, last]:
                result[env, time] += (discount**n - discount**steps) * following[env, last]
    return result


check_n_step_advantages = function_check(
    "n_step_advantages",
    by_definition,
    draw_segment,
    Wrong(
        "truncation_as_termination",
        "Your truncated steps have no future. Was the pendulum's future really worth nothing when the clock ran out?",
        lambda *a: n_step(*a, none=a[3] | a[4]),
    ),
    Wrong(
        "truncation_wins",
        "A step that is terminated and truncated at once has a future in your sum. Which flag decides about that?",
        lambda *a: n_step(*a, none=a[3] & ~a[4]),
    ),
    Wrong(
        "flags_swapped",
        "Your truncated steps have no future, and your terminated ones have. Which is which?",
        lambda *a: n_step(*a, none=a[4]),
    ),
    Wrong(
        "ignores_termination",
        "Your terminated steps count the value of what comes after. After the end of an episode nothing "
        "comes; the next column belongs to another episode.",
        lambda *a: n_step(*a, none=_none(a)),
    ),
    Wrong(
        "runs_across_ends",
        "A reward of the next episode changes an advantage of this one. Where must the sum stop?",
        lambda *a: n_step(*a, ends=_none(a)),
    ),
    Wrong(
        "stops_at_termination_only",
        "Your sum stops at termination, but not at truncation. What stands in the column after a truncated step?",
        lambda *a: n_step(*a, ends=a[3]),
    ),
    Wrong(
        "stops_at_truncation_only",
        "Your sum stops at truncation, but not at termination. To which episode does the next column belong?",
        lambda *a: n_step(*a, ends=a[4]),
    ),
    Wrong(
        "ignores_both",
        "Neither flag changes anything in your sum. What does each of them say?",
        lambda *a: n_step(*a, none=_none(a), ends=_none(a)),
    ),
    Wrong(
        "stops_only_at_both",
        "Your sum stops only after a step that is terminated *and* truncated. Is one of the two enough?",
        lambda *a: n_step(*a, ends=a[3] & a[4]),
    ),
    Wrong(
        "flags_inverted",
        "Your terminated steps have a future, and the others have none. What does your factor make of True?",
        lambda *a: n_step(*a, none=~a[3]),
    ),
    Wrong(
        "any_environments_ends",
        "An end in one environment stops the sums of all of them.",
        lambda *a: n_step(*a, ends=(a[3] | a[4]).any(0, keepdim=True).expand_as(a[3])),
    ),
    Wrong(
        "flags_one_early",
        "The flags that you use at a step are those of the step after it.",
        lambda *a: n_step(*a[:3], _next_column(a[3]), _next_column(a[4]), *a[5:]),
    ),
    Wrong(
        "stops_before_the_end",
        "Your sum leaves out the step that ends the episode. It stops *after* that step.",
        lambda *a: n_step(*a, ends=_next_column(a[3] | a[4])),
    ),
    Wrong(
        "one_step_more",
        "You take one step more than n. With n = 1, how many rewards stand in (04.9)?",
        lambda *a: n_step(*a[:6], a[6] + 1),
    ),
    Wrong(
        "one_step_fewer",
        "You take one step fewer than n. With n = 1, how many rewards stand in (04.9)?",
        lambda *a: n_step(*a[:6], a[6] - 1),
    ),
    Wrong(
        "ignores_n",
        "Your sum runs to the end of the episode, whatever n is.",
        lambda *a: n_step(*a[:6], a[0].shape[1]),
    ),
    Wrong(
        "only_delta",
        "That is δ of each step, the advantage for n = 1. What do the steps after it add?",
        lambda *a: n_step(*a[:6], 1),
    ),
    Wrong(
        "no_value_where_short",
        "Where fewer than n steps are left in the segment, no value stands behind your rewards. Is the episode over?",
        _values_only_after_n,
    ),
    Wrong(
        "power_n_always",
        "Your last value is weighted by γⁿ, also where the sum is shorter. How many steps lie before it?",
        _power_n_always,
    ),
    Wrong(
        "never_a_value",
        "Only rewards are summed, less V(s). Which value stands behind the last of them?",
        lambda *a: passes(a[0], a[3] | a[4], a[5], a[6]) - a[1],
    ),
    Wrong(
        "undiscounted",
        "Your result is the same for every γ.",
        lambda *a: n_step(*a[:5], 1.0, a[6]),
    ),
    Wrong(
        "own_value_as_next",
        "You take the value of the state itself for that of the next one. Which column holds V(s_{t+1})?",
        lambda *a: n_step(*a, following=a[1]),
    ),
    Wrong(
        "forgets_the_last_value",
        "All is right but what depends on the value after the last column. A segment may stop in mid-episode: which "
        "value follows then?",
        lambda *a: n_step(*a, following=_next_values(a[1], torch.zeros_like(a[2]))),
    ),
    Wrong(
        "last_value_again",
        "After the last column you take that column's own value once more. What is `final_values` for?",
        lambda *a: n_step(*a, following=_next_values(a[1], a[1][:, -1])),
    ),
    Wrong(
        "own_value_at_truncation",
        "At a truncated step you take the value of the step itself as that of the next observation. Where does the "
        "text say that the latter stands?",
        lambda *a: n_step(*a, following=torch.where(a[4], a[1], _next_values(a[1], a[2]))),
    ),
    Wrong(
        "standardises",
        "You standardise the advantages. Some agents do that before they use them. Does the text ask for it?",
        when=_standardised,
    ),
    Wrong(
        "critics_target",
        "That is the advantage plus V: what a critic learns from. How much better than V(s) was the action?",
        lambda *a: n_step(*a) + a[1],
    ),
    Wrong(
        "backwards",
        "Your columns are right, and stand in the order in which you computed them. Which is the first in time?",
        lambda *a: n_step(*a).flip(1),
    ),
)
