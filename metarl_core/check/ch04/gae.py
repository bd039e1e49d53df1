"""The check of the exercise `gae`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_segment(draw):
    """1 to 4 environments, 1 to 12 steps; the flags are drawn on their own, so that they coincide and stand last."""
    envs, steps = draw.integer(1, 4), draw.integer(1, 12)
    discount = draw.choice(0.0, 1.0, *(draw.uniform(0.3, 0.99) for _ in range(4)))
    gae_lambda = draw.choice(0.0, 1.0, *(draw.uniform(0.2, 0.98) for _ in range(4)))
    scale, share = draw.choice(1.0, 1.0, 100.0), draw.choice(0.0, 0.1, 0.2, 0.5)
    rewards, values = draw.normal(envs, steps, scale=scale, mean=0.5), draw.normal(steps, envs, scale=scale).mT
    terminated, truncated = draw.flags(envs, steps, share=share), draw.flags(envs, steps, share=share)
    one = case(rewards, values, draw.normal(envs, scale=scale), terminated, truncated, discount, gae_lambda)
    return one.noting(
        {
            "a step is terminated and truncated at once": (terminated & truncated).any(),
            "a step is terminated": terminated.any(),
            "a step is truncated": truncated.any(),
            "an episode ends": (terminated | truncated).any(),
            "environments end in different columns": (
                (terminated | truncated)[1:] != (terminated | truncated)[:1]
            ).any(),
            "gamma times lambda is 0 and there are several steps": discount * gae_lambda == 0 and steps > 1,
            "an episode has more than three steps": _longest(terminated | truncated) > 3,
            "a last column is terminated or truncated": (terminated | truncated)[:, -1].any(),
            "no episode ends": not (terminated | truncated).any(),
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "lambda is 0": gae_lambda == 0,
            "lambda is 1": gae_lambda == 1,
            "there is a single step": steps == 1,
            "there is a single environment": envs == 1,
        }
    )


def _longest(ends):
    """The number of steps of the longest episode, or piece of one."""
    longest, running = 0, torch.zeros(len(ends))
    for over in ends.T:
        running = running + 1
        longest = max(longest, int(running.max()))
        running = torch.where(over, 0.0, running)
    return longest


def _gae_by_double_sum(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    """Σ_k (γλ)^k δ_{t+k} as it stands, one number at a time, up to the first end."""
    result = torch.zeros_like(rewards)
    for env, (pay, value, over, cut) in enumerate(zip(rewards, values, terminated, truncated, strict=True)):
        following = [*value[1:].tolist(), float(final_values[env])]
        pay, value, over, cut = pay.tolist(), value.tolist(), over.tolist(), cut.tolist()
        for start in range(len(pay)):
            total = 0.0
            for time in range(start, len(pay)):
                future = 0.0 if over[time] else discount * following[time]
                total += (discount * gae_lambda) ** (time - start) * (pay[time] + future - value[time])
                if over[time] or cut[time]:
                    break
            result[env, start] = total
    return result


def _gae(
    rewards,
    values,
    final,
    terminated,
    truncated,
    discount,
    gae_lambda,
    following=None,
    ends=None,
    none=None,
    carry=None,
):
    """One pass from the end, with one thing changed."""
    following = torch.cat([values[:, 1:], final[:, None]], 1) if following is None else following
    ends = terminated | truncated if ends is None else ends
    none = terminated if none is None else none
    delta = rewards + discount * following * ~none - values
    result, running = torch.zeros_like(rewards), torch.zeros_like(final)
    for time in reversed(range(rewards.shape[1])):
        running = delta[:, time] + (discount * gae_lambda if carry is None else carry) * ~ends[:, time] * running
        result[:, time] = running
    return result


def _next_column(flags):
    return torch.cat([flags[:, 1:], torch.zeros_like(flags[:, :1])], 1)


def _standardised(got, *args):
    """Whether these are the right advantages less their mean, divided by a deviation (with or without 1e-8 or so)."""
    right = _gae(*args)
    if right.numel() == 1:
        return bool(got.isnan().all() | (got == 0).all())
    centred = right - right.mean()
    ways = [centred / (right.std(correction=c) + small) for c in (0, 1) for small in (0.0, 1e-8, 1e-6, 1e-5)]
    return any(torch.allclose(got, way, 1e-9, 1e-9) for way in ways)


check_gae = function_check(
    "advantages",
    _gae_by_double_sum,
    _draw_segment,
    Wrong(
        "truncation_as_termination",
        "Your truncated steps have no future. Was the pendulum's future really worth nothing when the clock ran out?",
        lambda *a: _gae(*a, none=a[3] | a[4]),
    ),
    Wrong(
        "truncation_wins",
        "A step that is terminated and truncated at once has a future in your sum. Which flag decides about that?",
        lambda *a: _gae(*a, none=a[3] & ~a[4]),
    ),
    Wrong(
        "flags_swapped",
        "Your truncated steps have no future, and your terminated ones have. Which is which?",
        lambda *a: _gae(*a, none=a[4]),
    ),
    Wrong(
        "ignores_termination",
        "Your terminated steps count the value of what comes after. After the end of an episode nothing "
        "comes; the next column belongs to another episode.",
        lambda *a: _gae(*a, none=torch.zeros_like(a[3])),
    ),
    Wrong(
        "runs_across_ends",
        "A reward of the next episode changes an advantage of this one. Where must the sum stop?",
        lambda *a: _gae(*a, ends=torch.zeros_like(a[3])),
    ),
    Wrong(
        "stops_at_termination_only",
        "Your sum stops at termination, but not at truncation. What stands in the column after a truncated step?",
        lambda *a: _gae(*a, ends=a[3]),
    ),
    Wrong(
        "stops_at_truncation_only",
        "Your sum stops at truncation, but not at termination. To which episode does the next column belong?",
        lambda *a: _gae(*a, ends=a[4]),
    ),
    Wrong(
        "ignores_both",
        "Neither flag changes anything in your sum. What does each of them say?",
        lambda *a: _gae(*a, none=torch.zeros_like(a[3]), ends=torch.zeros_like(a[3])),
    ),
    Wrong(
        "only_truncation",
        "Only truncation counts in your sum: terminated steps have a future, and it goes on after them.",
        lambda *a: _gae(*a, none=a[4], ends=a[4]),
    ),
    Wrong(
        "future_where_both",
        "Your steps with one of the flags have no future, and those with both have one. Which flag decides?",
        lambda *a: _gae(*a, none=a[3] ^ a[4]),
    ),
    Wrong(
        "terminated_last",
        "Where a segment's last step is terminated, yours still has a future.",
        lambda *a: _gae(*a, none=torch.cat([a[3][:, :-1], torch.zeros_like(a[3][:, :1])], 1)),
    ),
    Wrong(
        "stops_only_at_both",
        "Your sum stops only after a step that is terminated *and* truncated. Is one of the two enough?",
        lambda *a: _gae(*a, ends=a[3] & a[4]),
    ),
    Wrong(
        "stops_where_one",
        "Your sum stops after a step with one of the flags, and goes on after a step with both.",
        lambda *a: _gae(*a, ends=a[3] ^ a[4]),
    ),
    Wrong(
        "flags_inverted",
        "Your terminated steps have a future, and the others have none. What does your factor make of True?",
        lambda *a: _gae(*a, none=~a[3]),
    ),
    Wrong(
        "first_environments_ends",
        "All your environments end where the first one does.",
        lambda *a: _gae(*a[:3], a[3][:1].expand_as(a[3]), a[4][:1].expand_as(a[4]), *a[5:]),
    ),
    Wrong(
        "any_environments_ends",
        "An end in one environment stops the sums of all of them.",
        lambda *a: _gae(*a, ends=(a[3] | a[4]).any(0, keepdim=True).expand_as(a[3])),
    ),
    Wrong(
        "flags_one_early",
        "The flags that you use at a step are those of the step after it.",
        lambda *a: _gae(*a[:3], _next_column(a[3]), _next_column(a[4]), *a[5:]),
    ),
    Wrong(
        "first_environment_only",
        "Only the first environment has advantages; the others have zeros.",
        lambda *a: torch.cat([_gae(*a)[:1], 0 * a[0][1:]]),
    ),
    Wrong(
        "stops_before_the_end",
        "Your sum leaves out the step that ends the episode. It stops *after* that step.",
        lambda *a: _gae(*a, ends=torch.cat([(a[3] | a[4])[:, 1:], torch.zeros_like(a[3][:, :1])], 1)),
    ),
    Wrong(
        "forgets_lambda",
        "Your result is the same for every λ. At which place in the recursion does λ stand?",
        lambda *a: _gae(*a, carry=a[5]),
    ),
    Wrong(
        "forgets_gamma_in_the_sum",
        "Your δ are right; their weights decay with λ alone. A δ three steps on is discounted, too.",
        lambda *a: _gae(*a, carry=a[6]),
    ),
    Wrong(
        "forgets_gamma_in_delta",
        "Your weights are right; the next value in your δ is not discounted.",
        lambda *a: _gae(*a[:5], 1.0, a[6], carry=a[5] * a[6]),
    ),
    Wrong(
        "usual_settings",
        "You use 0.99 and 0.95, whatever is handed in.",
        lambda *a: _gae(*a[:5], 0.99, 0.95),
    ),
    Wrong(
        "squared_lambda",
        "Your λ counts twice in each step of the recursion.",
        lambda *a: _gae(*a, carry=a[5] * a[6] ** 2),
    ),
    Wrong(
        "swaps_gamma_and_lambda",
        "You use λ where γ belongs: in δ. Which of the two is a property of the problem?",
        lambda *a: _gae(*a[:5], a[6], a[5]),
    ),
    Wrong(
        "own_value_as_next",
        "Your δ compares the value of a state with itself. Which column holds V(s_{t+1})?",
        lambda *a: _gae(*a, following=a[1]),
    ),
    Wrong(
        "forgets_the_last_value",
        "All is right but what depends on the last column. A segment may stop in mid-episode: which value "
        "follows then?",
        lambda *a: _gae(*a, following=torch.cat([a[1][:, 1:], torch.zeros_like(a[1][:, :1])], 1)),
    ),
    Wrong(
        "last_value_again",
        "After the last column you take that column's own value once more. What is `final_values` for?",
        lambda *a: _gae(*a, following=torch.cat([a[1][:, 1:], a[1][:, -1:]], 1)),
    ),
    Wrong(
        "own_value_at_truncation",
        "At a truncated step you take the value of the step itself as that of the next observation. Where does the "
        "text say that the latter stands?",
        lambda *a: _gae(*a, following=torch.where(a[4], a[1], torch.cat([a[1][:, 1:], a[2][:, None]], 1))),
    ),
    Wrong(
        "standardises",
        "You standardise the advantages. Some agents do that before they use them. Does (1)?",
        when=_standardised,
    ),
    Wrong(
        "critics_target_at_truncation",
        "At truncated steps the value is not subtracted.",
        lambda *a: _gae(*a) + torch.where(a[4], a[1], 0.0),
    ),
    Wrong(
        "nothing_at_truncation",
        "Truncated steps have advantage 0. What were they worth, by (1)?",
        lambda *a: torch.where(a[4], 0.0, _gae(*a)),
    ),
    Wrong(
        "only_delta",
        "That is δ of each step. An advantage also counts the δ that come after it.",
        lambda *a: _gae(*a, carry=0.0),
    ),
    Wrong(
        "critics_target",
        "That is the advantage plus V: what a critic learns from. How much better than V(s) was the action?",
        lambda *a: _gae(*a) + a[1],
    ),
    Wrong(
        "backwards",
        "Your columns are right, and stand in the order in which you computed them. Which is the first in time?",
        lambda *a: _gae(*a).flip(1),
    ),
)
