"""The check of the exercise `reward_to_go`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _reward_cases():
    for seed, (episodes, steps, discount) in enumerate([(3, 5, 0.9), (4, 8, 0.5), (2, 6, 0.99), (5, 4, 0.7)]):
        generator = torch.Generator().manual_seed(seed)
        rewards = torch.randn(episodes, steps, generator=generator) - 1  # the padding holds numbers, too
        lengths = torch.randint(2, steps + 1, (episodes,), generator=generator)
        lengths[0], lengths[-1] = steps, 2  # one full episode, one that surely has padding
        yield case(rewards, torch.arange(steps) < lengths[:, None], discount)


def _by_definition(rewards, mask, discount):
    result = torch.zeros_like(rewards)
    for episode in range(len(rewards)):
        for time in range(rewards.shape[1]):
            for later in range(time, rewards.shape[1]):
                if mask[episode, time] and mask[episode, later]:
                    result[episode, time] += discount ** (later - time) * rewards[episode, later]
    return result


def _from_start(rewards, mask, discount):
    """γ counted from the episode's first step instead of from the present one."""
    powers = discount ** torch.arange(rewards.shape[1])
    return _by_definition(rewards * powers, mask, 1.0)


def _past(rewards, mask, discount):
    return torch.where(mask, _by_definition(rewards.flip(1), mask.flip(1), discount).flip(1), 0.0)


check_reward_to_go = function_check(
    "reward_to_go",
    _by_definition,
    _reward_cases,
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
        lambda rewards, mask, discount: _by_definition(rewards, torch.ones_like(mask), discount),
    ),
    Wrong(
        "masks_result_only",
        "The padding of the result is clean, yet what stood there has flowed into earlier steps. When is the mask due?",
        lambda rewards, mask, discount: _by_definition(rewards, torch.ones_like(mask), discount) * mask,
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
)
