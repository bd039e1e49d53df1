"""Answers to exercises of chapter 04, from a fourth attack."""

import torch

from metarl_core.check import ch04

from . import named


def _n_step(passes):
    """n passes over the one-step advantages, or another number of them."""

    def answer(rewards, values, final_values, terminated, truncated, discount, n):
        following = torch.cat([values[:, 1:], final_values[:, None]], 1)
        delta = rewards + discount * following * ~terminated - values
        goes_on = discount * ~(terminated | truncated)
        result = torch.zeros_like(delta)
        for _ in range(passes(n, rewards.shape[1])):
            result = delta + goes_on * torch.cat([result[:, 1:], torch.zeros_like(result[:, :1])], 1)
        return result

    return answer


WRONG = named(
    ch04.check_n_step_advantages, one_short_of_the_segment=_n_step(lambda n, steps: max(1, min(n, steps - 1)))
)
RIGHT = named(ch04.check_n_step_advantages, by_passes=_n_step(lambda n, steps: n))
