"""The check of the exercise `bootstrapped_returns`."""

import itertools
import math

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """Up to 3 × 4 episodes of up to 20 steps that end anywhere or never, and any junk behind; once 60 of each."""
    tasks, episodes, horizon = draw.integer(1, 3), draw.integer(1, 4), draw.integer(1, 20)
    tasks, episodes, horizon = draw.once(18, 60, tasks), draw.once(17, 60, episodes), draw.once(16, 60, horizon)
    dtype = draw.choice(torch.float32, torch.float64)
    discount = draw.choice(0.0, 0.0, 1.0, *[draw.uniform(0.5, 0.99) for _ in range(5)])
    size = tasks, episodes, horizon
    end = draw.integers(0, horizon - 1, *size[:2])  # the terminal step
    end[draw.flags(*size[:2], share=0.25)] = horizon - 1
    end[draw.flags(*size[:2], share=0.15)] = 0
    end[draw.flags(*size[:2], share=0.3)] = horizon  # cut by the time limit
    steps = torch.arange(horizon)
    junk = steps > end[..., None]  # where a flag may go down again
    terminated = (steps == end[..., None]) | (junk & draw.flags(*size, share=draw.choice(0.0, 0.5, 1.0)))
    rewards = draw.normal(*size, dtype=dtype, mean=draw.choice(0.0, 1.0))
    values = draw.normal(*size, dtype=dtype, mean=draw.choice(3.0, 3.0, -3.0))
    rewards = torch.where(junk, rewards + draw.choice(5.0, 5.0, 5.0, math.inf, math.nan), rewards)
    values = torch.where(junk, values + draw.choice(5.0, 5.0, 5.0, -math.inf, math.nan), values)
    if draw.chance(0.3):  # the same numbers, in another order in memory
        rewards, terminated, values = (x.mT.contiguous().mT for x in (rewards, terminated, values))
    return case(rewards, terminated, values, discount).noting(
        {
            "an episode ends with its first step": bool((end == 0).any()),
            "an episode terminates with its very last step": bool((end == horizon - 1).any()),
            "an episode is cut by the time limit": bool((end == horizon).any()),
            "a flag rises more than once": bool((terminated.sum(-1) > 1).any()),
            "a task has an episode that terminates and one that is cut": bool(
                ((end == horizon).any(1) & (end < horizon).any(1)).any()
            ),
            "an episode of two steps or more is cut, and gamma is above 0": bool((end == horizon).any())
            and horizon > 1
            and discount > 0,
            "a flag goes down again": bool((terminated[..., :-1] & ~terminated[..., 1:]).any()),
            "the junk holds NaN or infinite numbers": not bool((rewards.isfinite() & values.isfinite()).all()),
            "a value at the time limit is negative": bool((values[..., -1] < 0)[end == horizon].any()),
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "there is one time step": horizon == 1,
            "rewards are float64": dtype == torch.float64,
        }
    )


def _one_episode_at_a_time(rewards, terminated, values, discount):
    returns = torch.empty_like(rewards[..., 0])
    for place in itertools.product(*map(range, rewards.shape[:2])):
        total, weight, ended = 0.0, 1.0, False
        for reward, end in zip(rewards[place].tolist(), terminated[place].tolist(), strict=True):
            total += weight * reward
            weight *= discount
            if end:
                ended = True
                break
        returns[place] = total if ended else total + weight * float(values[place][-1])
    return returns


def _returns(rewards, terminated, values, discount, shift=1, bootstrap="truncated", weight=None):
    """`shift`: 1 is right, 0 drops the last reward, 2 adds one, None adds all."""
    horizon = rewards.shape[-1]
    alive = (~terminated).long().cumprod(-1)  # zero from the terminal step on
    mask = torch.ones_like(alive)
    if shift is not None and shift < horizon:
        mask[..., shift:] = alive[..., : horizon - shift]
    powers = torch.tensor([discount**t for t in range(horizon)], dtype=rewards.dtype)
    total = torch.where(mask.bool(), powers * rewards, 0.0).sum(-1)
    future = (discount**horizon if weight is None else weight) * values[..., -1]
    if bootstrap == "never":
        return total
    if bootstrap == "always":
        length = mask.sum(-1)
        last = values.gather(-1, length[..., None] - 1)[..., 0]
        return total + discount**length * last
    counts = {
        "truncated": ~terminated.any(-1),
        "last flag": ~terminated[..., -1],
        "full length": mask.sum(-1) == horizon,
    }[bootstrap]
    return total + torch.where(counts, future, 0.0)


def _never_raised_is_at_once(rewards, terminated, values, discount):
    """The end is `argmax` of the flag, which is 0 where it never rises."""
    end = terminated.long().argmax(-1, keepdim=True)
    once = torch.where(terminated.any(-1, keepdim=True), terminated, torch.arange(terminated.shape[-1]) == end)
    cut = torch.where(terminated.any(-1), 0.0, discount ** rewards.shape[-1] * values[..., -1])
    return _returns(rewards, once, values, discount, bootstrap="never") + cut


def _nan_from_junk(got, rewards, terminated, values, discount):
    """NaN, and nothing else that is wrong, and that only in episodes whose junk is not finite."""
    spoilt = ~(rewards.isfinite() & values.isfinite()).all(-1)
    right = got.isclose(_one_episode_at_a_time(rewards, terminated, values, discount), rtol=1e-4, atol=1e-5)
    return bool(got.isnan().any() and (right | (got.isnan() & spoilt)).all())


check_bootstrapped_returns = function_check(
    "bootstrapped_returns",
    _one_episode_at_a_time,
    _draw_case,
    Wrong(
        "drops_the_last",
        "The reward of the terminal step is missing. Was that step taken? Write down the mask of an episode that "
        "ends at once.",
        lambda *a: _returns(*a, shift=0),
    ),
    Wrong(
        "one_too_many",
        "One reward too many: the first after the end still counts.",
        lambda *a: _returns(*a, shift=2),
    ),
    Wrong(
        "no_mask",
        "Rewards after the end count. A fallen CartPole would go on earning.",
        lambda *a: _returns(*a, shift=None),
    ),
    Wrong(
        "truncation_as_termination",
        "An episode that the time limit cut short gets no value for its future. Did the MDP end there?",
        lambda *a: _returns(*a, bootstrap="never"),
    ),
    Wrong(
        "termination_as_truncation",
        "Episodes that terminated get a value for a future that they do not have.",
        lambda *a: _returns(*a, bootstrap="always"),
    ),
    Wrong(
        "last_flag_only",
        "You look at the flag of the last time step to see whether an episode terminated. "
        "What does that flag say about an episode that ended long before?",
        lambda *a: _returns(*a, bootstrap="last flag"),
    ),
    Wrong(
        "full_length_is_truncated",
        "An episode of full length counts as truncated. Can an episode not terminate with its very last step?",
        lambda *a: _returns(*a, bootstrap="full length"),
    ),
    Wrong(
        "undiscounted_future",
        "The value of the last state is added at full weight. How many steps from the start does it stand?",
        lambda *a: _returns(*a, weight=1.0),
    ),
    Wrong(
        "future_a_step_early",
        "The value of the last state has the weight of the last reward. Is it of the state before that step, or after?",
        lambda rewards, terminated, values, discount: _returns(
            rewards, terminated, values, discount, weight=discount ** (rewards.shape[-1] - 1)
        ),
    ),
    Wrong(
        "late_start",
        "The first reward is discounted already. To what power of γ does (4) count r_0?",
        lambda rewards, terminated, values, discount: _returns(
            discount * rewards, terminated, values, discount, weight=discount ** rewards.shape[-1]
        ),
    ),
    Wrong(
        "never_raised_is_at_once",
        "Of an episode whose flag never rises only the first reward counts. What does a search for the first raised "
        "flag return where there is none?",
        _never_raised_is_at_once,
    ),
    Wrong(
        "nan_from_junk",
        "Where there is NaN or an infinite number behind an episode's end, its return is NaN; everything else is "
        "right. What is zero times infinity? How else can a number be left out?",
        when=_nan_from_junk,
    ),
    rtol=1e-5,  # discount ** torch.arange(n) is float32
)
