"""Segments of experience in which episodes end, and their n-step advantages found in two ways."""

import torch

from metarl_core.check import case


def draw_segment(draw):
    """1 to 4 environments, 1 to 12 steps, n from 1 to 14; flags drawn on their own, so that they coincide.

    Twice one environment of up to 60 steps, and n as large; once 60 environments.
    """
    envs, steps = draw.integer(1, 4), draw.integer(1, 12)
    discount = draw.choice(0.0, 1.0, *(draw.uniform(0.05, 0.99) for _ in range(5)))
    n = draw.choice(1, *(draw.integer(1, 5) for _ in range(4)), draw.integer(1, 14))
    scale, share = draw.choice(1.0, 1.0, 100.0), draw.choice(0.0, 0.1, 0.2, 0.5)
    if draw.seed in (14, 21):
        envs, steps, share = 1, 40 + draw.integer(0, 20), 0.01
        n, discount = 35 + draw.integer(0, 35), draw.choice(1.0, draw.uniform(0.9, 0.99))
    envs = draw.once(17, 60, envs)
    rewards, values = draw.normal(envs, steps, scale=scale, mean=0.5), draw.normal(steps, envs, scale=scale).mT
    terminated, truncated = draw.flags(envs, steps, share=share), draw.flags(envs, steps, share=share)
    final = draw.normal(envs, scale=scale)
    if draw.chance(0.25):  # an environment whose sums run to the end of the segment
        n = steps + draw.choice(0, 1, 5)
        terminated[0], truncated[0] = False, False
    one = case(rewards, values, final, terminated, truncated, discount, n)
    return one.noting(
        {
            "a step is terminated and truncated at once": (terminated & truncated).any(),
            "a step is terminated": terminated.any(),
            "a step is truncated": truncated.any(),
            "an episode ends": (terminated | truncated).any(),
            "a last column is terminated or truncated": (terminated | truncated)[:, -1].any(),
            "no episode ends": not (terminated | truncated).any(),
            "n is 1": n == 1,
            "n is larger than the segment": n > steps,
            "n is above 14": n > 14,
            "n is as large as the segment or larger, and an environment has no end": bool(
                n >= steps and not (terminated | truncated).any(1).all()
            ),
            "n is above 1 and there are several steps": n > 1 and steps > 1,
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "there is a single step": steps == 1,
            "there are several environments": envs > 1,
        }
    )


def by_definition(rewards, values, final_values, terminated, truncated, discount, n):
    """Rewards one after the other, then a value, less V(s): one number at a time."""
    result = torch.zeros_like(rewards)
    for env in range(len(rewards)):
        columns = [*values[env].tolist(), float(final_values[env])]
        for start in range(rewards.shape[1]):
            total, weight, bootstrap = 0.0, 1.0, 0.0
            for time in range(start, min(start + n, rewards.shape[1])):
                total += weight * float(rewards[env, time])
                weight *= discount
                bootstrap = 0.0 if terminated[env, time] else columns[time + 1]
                if terminated[env, time] or truncated[env, time]:
                    break
            result[env, start] = total + weight * bootstrap - columns[start]
    return result


def n_step(rewards, values, final, terminated, truncated, discount, n, following=None, ends=None, none=None):
    """The same by n passes over the δ, with one thing changed: next values, where sums stop, where no future is."""
    following = torch.cat([values[:, 1:], final[:, None]], 1) if following is None else following
    ends = terminated | truncated if ends is None else ends
    none = terminated if none is None else none
    return passes(rewards + discount * following * ~none - values, ends, discount, n)


def passes(delta, ends, discount, n):
    """Discounted sums of n numbers along time, which stop where `ends` is true."""
    result = torch.zeros_like(delta)
    for _ in range(min(n, delta.shape[1])):
        result = delta + discount * ~ends * torch.cat([result[:, 1:], torch.zeros_like(result[:, :1])], 1)
    return result
