"""The check of the exercise `gae`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _segment_cases():
    for seed, (envs, steps, discount, gae_lambda) in enumerate(
        ((4, 12, 0.9, 0.6), (3, 9, 0.97, 0.8), (5, 7, 0.8, 0.5))
    ):
        generator = torch.Generator().manual_seed(seed)
        rewards = torch.randn(envs, steps, generator=generator, dtype=torch.float64)
        values = 3 * torch.randn(envs, steps, generator=generator, dtype=torch.float64)
        final = 3 * torch.randn(envs, generator=generator, dtype=torch.float64)
        kind = torch.randint(5, (envs, steps), generator=generator)
        kind[:, -1] = 4  # the last step of a segment is in mid-episode ...
        kind[0, 2], kind[1, 3], kind[-1, -1] = 0, 1, 1  # ... but for one; each kind of end occurs
        yield case(rewards, values, final, kind == 0, kind == 1, discount, gae_lambda)


def _gae_by_double_sum(rewards, values, final_values, terminated, truncated, discount, gae_lambda):
    """Σ_k (γλ)^k δ_{t+k} as it stands, one number at a time, up to the first end."""
    result = torch.zeros_like(rewards)
    for env in range(rewards.shape[0]):
        following = [*values[env, 1:].tolist(), float(final_values[env])]
        for start in range(rewards.shape[1]):
            total = 0.0
            for time in range(start, rewards.shape[1]):
                future = 0.0 if terminated[env, time] else discount * following[time]
                delta = float(rewards[env, time]) + future - float(values[env, time])
                total += (discount * gae_lambda) ** (time - start) * delta
                if terminated[env, time] or truncated[env, time]:
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


check_gae = function_check(
    "advantages",
    _gae_by_double_sum,
    _segment_cases,
    Wrong(
        "truncation_as_termination",
        "Your truncated steps have no future. Was the pendulum's future really worth nothing when the clock ran out?",
        lambda *a: _gae(*a, none=a[3] | a[4]),
    ),
    Wrong(
        "ignores_termination",
        "Your terminated steps count the value of what comes after. After the end of an episode nothing "
        "comes; the next "
        "column belongs to another episode.",
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
)
