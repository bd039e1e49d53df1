"""The check of the exercise `reward_to_go`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """Up to 5 episodes of up to 24 steps, a few of up to 80, empty ones among them, padded with whatever."""
    episodes, steps = draw.integer(1, 5), draw.integer(1, 80) if draw.chance(0.3) else draw.integer(1, 24)
    discount = draw.choice(0.0, 0.0, 1.0, *[draw.uniform(0.3, 0.99) for _ in range(4)])
    dtype = draw.choice(torch.float32, torch.float64)
    if draw.chance(0.15):  # again and again the same, and other rewards
        episodes, steps, discount, dtype = 2, 3, 0.5, torch.float32
    lengths = draw.integers(0, steps, episodes)
    if draw.chance(0.2):
        lengths[:] = steps
    mask = torch.arange(steps) < lengths[:, None]
    rewards = draw.normal(episodes, steps, dtype=dtype, scale=draw.choice(1.0, 5.0), mean=draw.choice(0.0, -1.0, 2.0))
    lengths_differ = bool((lengths != lengths[0]).any())
    padding = draw.choice(0.0, 0.0, 0.0, math.inf, -math.inf, math.nan)
    rewards = torch.where(mask, rewards, rewards + padding)
    if draw.chance(0.3):  # the same numbers, the other way round in memory
        rewards, mask = rewards.T.contiguous().T, mask.T.contiguous().T
    return case(rewards, mask, discount).noting(
        {
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "the padding holds NaN or infinite numbers": not bool(rewards.isfinite().all()),
            "the padding holds finite numbers": bool((rewards.isfinite() & ~mask).any()),
            "episodes differ in length": lengths_differ,
            "there is one episode, or one time step": min(episodes, steps) == 1,
            "an episode has no step": bool((lengths == 0).any()),
            "there is no padding": bool(mask.all()),
            "time has more than ten steps": steps > 10,
            "rewards are float64": dtype == torch.float64,
        }
    )


def _by_definition(rewards, mask, discount):
    steps, taken = rewards.shape[1], mask.tolist()
    result = torch.zeros_like(rewards)
    for episode, row in enumerate(rewards.tolist()):
        for time in range(steps):
            if taken[episode][time]:
                later = [k for k in range(time, steps) if taken[episode][k]]
                result[episode, time] = sum(discount ** (k - time) * row[k] for k in later)
    return result


def _from_start(rewards, mask, discount):
    """γ counted from the episode's first step instead of from the present one."""
    powers = discount ** torch.arange(rewards.shape[1])
    return _by_definition(rewards * powers, mask, 1.0)


def _past(rewards, mask, discount):
    return torch.where(mask, _by_definition(rewards.flip(1), mask.flip(1), discount).flip(1), 0.0)


def _everywhere(rewards, mask, discount):
    return _by_definition(rewards, torch.ones_like(mask), discount)


def _nan_from_padding(got, rewards, mask, discount):
    """NaN, and nothing else that is wrong, and that only in episodes whose padding is not finite."""
    spoilt = ~(mask | rewards.isfinite()).all(1, keepdim=True)
    right = got.isclose(_by_definition(rewards, mask, discount), rtol=1e-4, atol=1e-5)
    return bool(got.isnan().any() and (right | (got.isnan() & spoilt)).all())


check_reward_to_go = function_check(
    "reward_to_go",
    _by_definition,
    _draw_case,
    Wrong(
        "undiscounted",
        "Every later reward counts fully here. Where does the discount come in?",
        lambda rewards, mask, discount: _by_definition(rewards, mask, 1.0),
    ),
    Wrong(
        "late_start",
        "The reward of the present step is discounted already. To what power of the discount does R_t count r_t?",
        lambda rewards, mask, discount: discount * _by_definition(rewards, mask, discount),
    ),
    Wrong(
        "from_start",
        "The discount counts steps from the start of the episode. R_t looks ahead from step t: what is k − t at k = t?",
        _from_start,
    ),
    Wrong(
        "ignores_mask",
        "Numbers behind an episode's end are in the sums. Which steps were really taken?",
        _everywhere,
    ),
    Wrong(
        "masks_result_only",
        "The padding of the result is clean, yet what stood there has flowed into earlier steps. When is the mask due?",
        lambda rewards, mask, discount: torch.where(mask, _everywhere(rewards, mask, discount), 0.0),
    ),
    Wrong("past", "This adds up the rewards before each step. What can an action at time t still change?", _past),
    Wrong(
        "whole_return",
        "Every step of an episode has the same value. R_t is the return from step t on.",
        lambda rewards, mask, discount: _by_definition(rewards, mask, discount)[:, :1] * mask,
    ),
    Wrong(
        "wrong_axis",
        "This sums over episodes. Along which axis of [episode, time] does one episode run?",
        lambda rewards, mask, discount: _by_definition(rewards.T, mask.T, discount).T,
    ),
    Wrong(
        "present_missing",
        "This is what comes after step t. Does the reward of step t itself belong to R_t?",
        lambda rewards, mask, discount: _by_definition(rewards, mask, discount) - torch.where(mask, rewards, 0.0),
    ),
    Wrong(
        "no_gamma_zero",
        "With γ = 0 there is NaN, or an infinite number, in your result; with any other γ it is right. "
        "Is anything divided by a power of γ?",
        when=lambda got, rewards, mask, discount: discount == 0 and not bool(got.isfinite().all()),
    ),
    Wrong(
        "nan_from_padding",
        "Where the padding is infinite or NaN, NaN gets into your result; everywhere else it is right. "
        "What is zero times infinity? How else can a number be left out?",
        when=_nan_from_padding,
    ),
    cases=40,
    rtol=1e-5,  # discount ** torch.arange(n) is float32
)
