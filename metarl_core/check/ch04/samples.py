"""Samples for a clipped loss, the loss with its gradients in two ways, and parts of it done otherwise."""

import math

import torch

from metarl_core.check import case
from metarl_core.check.ch04.oracles import slopes_of

NEW, OLD, GAIN = "gradient into log π", "gradient into the old log π", "gradient into the advantages"


def draw_samples(draw):
    """1 to 12 samples, once 60, ε from 0.05 to 0.5, c from 1 + ε to 4; ratios on all sides of the limits, some
    exactly 1, some of e^8 and e^-8."""
    samples, clip = draw.integer(1, 12), draw.uniform(0.05, 0.5)
    samples = draw.once(17, 60, samples)
    cap = 1 + clip + draw.uniform(0.05, 2.5)
    dtype = draw.choice(torch.float64, torch.float64, torch.float32)
    old = draw.normal(samples, mean=-1.5, dtype=dtype)
    moved = draw.normal(
        samples, scale=draw.choice(0.1, 0.5, 1.0, 1.5, 4.0), mean=draw.choice(0.0, 0.0, 0.7), dtype=dtype
    )
    new = old + torch.where(draw.flags(samples, share=0.1), 0.0, moved)
    advantage = draw.skewed(samples, scale=100.0 if draw.chance(0.3) and dtype == torch.float64 else 1.0, dtype=dtype)
    advantage = torch.where(draw.flags(samples, share=0.1), 0.0, advantage * draw.choice(1.0, -1.0, -1.0))
    ratio, graphs = (new - old).exp(), (draw.chance(0.5), draw.chance(0.5))
    one = case(new.requires_grad_(), old.requires_grad_(graphs[0]), advantage.requires_grad_(graphs[1]), clip, cap)
    return one.noting(
        {
            "an advantage is negative": (advantage < 0).any(),
            "an advantage is positive": (advantage > 0).any(),
            "an advantage is 0": (advantage == 0).any(),
            "a ratio is above c and its advantage is negative": ((ratio > cap) & (advantage < 0)).any(),
            "a ratio is above c and its advantage is positive": ((ratio > cap) & (advantage > 0)).any(),
            "a ratio is between 1 + epsilon and c and its advantage is negative": (
                (ratio > 1 + clip) & (ratio < cap) & (advantage < 0)
            ).any(),
            "a ratio is above 1 + epsilon and its advantage is positive": (
                (ratio > 1 + clip) & (advantage > 0)
            ).any(),
            "a ratio is below 1 - epsilon and its advantage is negative": (
                (ratio < 1 - clip) & (advantage < 0)
            ).any(),
            "a ratio is below 1 - epsilon and its advantage is positive": (
                (ratio < 1 - clip) & (advantage > 0)
            ).any(),
            "a ratio is below e^-5": (ratio < math.exp(-5)).any(),
            "there is a single sample": samples == 1,
            "the numbers are float32": dtype == torch.float32,
            "the old log-probabilities carry a graph": graphs[0],
            "the advantages carry a graph": graphs[1],
        }
    )  # fmt: skip


def loss_and_gradients(answer, new, old, advantage, clip, cap):
    """What is observed of a loss."""
    loss = answer(new, old, advantage, clip, cap)
    return {"loss": loss.detach()} | dict(zip((NEW, OLD, GAIN), slopes_of(loss, (new, old, advantage)), strict=True))


def by_cases(new, old, advantage, clip, cap):
    """One sample at a time: where its ratio is held, and its derivative by hand (d ratio / d log π = ratio)."""
    total, slopes = 0.0, []
    for one, other, gain in zip(new.tolist(), old.tolist(), advantage.tolist(), strict=True):
        ratio = math.exp(one - other)
        low, high = (0.0, 1 + clip) if gain > 0 else (1 - clip, cap)
        total -= min(max(ratio, low), high) * gain / len(new)
        slopes.append(-ratio * gain / len(new) if low < ratio < high else 0.0)
    none = torch.zeros_like(new.detach())
    numbers = torch.tensor(total, dtype=new.dtype), torch.tensor(slopes, dtype=new.dtype), none, none
    return dict(zip(("loss", NEW, OLD, GAIN), numbers, strict=True))


def held(ratio, gain, good, bad):
    """Minus the mean of ratio times gain, the ratio held in the interval `good` where gain > 0, else in `bad`."""
    limited = torch.where(gain > 0, ratio.clamp(*good), ratio.clamp(*bad))
    return -(limited * gain).mean()


def dual(new, old, advantage, clip, cap, good=None, bad=None, gain=torch.Tensor.detach, past=torch.Tensor.detach):
    """The loss with one thing changed: the two intervals, and what carries a gradient."""
    good = (None, 1 + clip) if good is None else good
    bad = (1 - clip, cap) if bad is None else bad
    return held((new - past(old)).exp(), gain(advantage), good, bad)
