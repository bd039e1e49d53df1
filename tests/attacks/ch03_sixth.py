"""Answers to chapter 03's expected target in another precision, and with a seed that nobody asked for."""

import random

import numpy as np
import torch

from metarl_core.check import ch03

from . import named


def _target(rewards, terminated, truncated, online, target, discount, epsilon):
    """Probabilities of an ε-greedy agent, times what the target network says."""
    actions = target.shape[1]
    probability = torch.full_like(target, epsilon / actions)
    probability[torch.arange(len(target)), online.argmax(1)] += 1 - epsilon
    future = (probability * target.detach()).sum(1).detach()
    return rewards + discount * torch.where(terminated, 0.0, future)


def _to(change):
    return lambda *args: change(_target(*args))


def _after(seed):
    def answer(*args):
        seed(3)
        return _target(*args)

    return answer


def _other(result):
    return result.float() if result.dtype == torch.float64 else result.double()


def _inside(dtype):
    def answer(rewards, terminated, truncated, online, target, discount, epsilon):
        low = [part.detach().to(dtype) for part in (rewards, online, target)]
        result = _target(low[0], terminated, truncated, low[1], low[2], discount, epsilon)
        return result.to(rewards.dtype)

    return answer


WRONG = named(
    ch03.check_expected_target,
    always_double=_to(torch.Tensor.double),
    always_single=_to(torch.Tensor.float),
    always_half=_to(torch.Tensor.half),
    the_other_one=_to(_other),
    single_inside=_inside(torch.float32),
    half_inside=_inside(torch.float16),
)
RIGHT = named(ch03.check_expected_target, _target)
NOT_SAID = [
    (ch03.check_expected_target, _after(seed), "You draw") for seed in (torch.manual_seed, np.random.seed, random.seed)
]
SAID = [(ch03.check_expected_target, _after(torch.manual_seed), "seeds a global generator")]
