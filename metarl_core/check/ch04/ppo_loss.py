"""The check of the exercise `ppo_loss`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch04.oracles import slopes_of


def _draw_samples(draw):
    """1 to 12 samples, ε from 0.05 to 0.5; ratios on both sides of the clip, some exactly 1, some advantages 0."""
    samples, clip = draw.integer(1, 12), draw.uniform(0.05, 0.5)
    dtype = draw.choice(torch.float64, torch.float64, torch.float32)
    old = draw.normal(samples, mean=-1.5, dtype=dtype)
    moved = draw.normal(samples, scale=draw.choice(0.1, 0.5, 0.5, 1.0), dtype=dtype)
    new = old + torch.where(draw.flags(samples, share=0.1), 0.0, moved)
    advantage = draw.skewed(samples, scale=100.0 if draw.chance(0.3) and dtype == torch.float64 else 1.0, dtype=dtype)
    advantage = torch.where(draw.flags(samples, share=0.1), 0.0, advantage * draw.choice(1.0, 1.0, -1.0))
    ratio, graphs = (new - old).exp(), (draw.chance(0.5), draw.chance(0.5))
    one = case(new.requires_grad_(), old.requires_grad_(graphs[0]), advantage.requires_grad_(graphs[1]), clip)
    return one.noting(
        {
            "an advantage is negative": (advantage < 0).any(),
            "an advantage is positive": (advantage > 0).any(),
            "an advantage is 0": (advantage == 0).any(),
            "a ratio is above 1 + epsilon": (ratio > 1 + clip).any(),
            "a ratio is below 1 - epsilon": (ratio < 1 - clip).any(),
            "there is a single sample": samples == 1,
            "the numbers are float32": dtype == torch.float32,
            "the old log-probabilities carry a graph": graphs[0],
            "the advantages carry a graph": graphs[1],
        }
    )


def _loss_and_gradients(answer, new, old, advantage, clip):
    loss = answer(new, old, advantage, clip)
    slopes = slopes_of(loss, (new, old, advantage))
    names = ("gradient into log π", "gradient into the old log π", "gradient into the advantages")
    return {"loss": loss.detach()} | dict(zip(names, slopes, strict=True))


def _ppo_by_cases(new, old, advantage, clip):
    """One sample at a time: which of the two terms is the smaller one, and its derivative by hand."""
    total, slopes = 0.0, []
    for one, other, gain in zip(new.tolist(), old.tolist(), advantage.tolist(), strict=True):
        ratio = math.exp(one - other)
        held = min(max(ratio, 1 - clip), 1 + clip)
        total -= min(ratio * gain, held * gain) / len(new)
        slopes.append(-ratio * gain / len(new) if ratio * gain <= held * gain else 0.0)  # d ratio / d log π = ratio
    none = torch.zeros_like(new.detach())
    return {
        "loss": torch.tensor(total, dtype=new.dtype),
        "gradient into log π": torch.tensor(slopes, dtype=new.dtype),
        "gradient into the old log π": none,
        "gradient into the advantages": none,
    }


def _ppo(new, old, advantage, clip, pick=torch.minimum, low=None, gain=torch.Tensor.detach, past=torch.Tensor.detach):
    ratio, gain = (new - past(old)).exp(), gain(advantage)
    return -pick(ratio * gain, ratio.clamp(1 - clip if low is None else low, 1 + clip) * gain).mean()


def _same(tensor):
    return tensor


def _wrong_side(free, held):
    """The minimum where the gain is positive (there both terms are), else the maximum."""
    return torch.where(free > 0, torch.minimum(free, held), torch.maximum(free, held))


def _clips_the_gain(new, old, advantage, clip):
    free = (new - old.detach()).exp() * advantage.detach()
    return -torch.minimum(free, free.clamp(1 - clip, 1 + clip)).mean()


def _of_log_ratio(new, old, advantage, clip):
    ratio, gain = new - old.detach(), advantage.detach()
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean()


def _standardises(new, old, advantage, clip):
    return _ppo(new, old, (advantage - advantage.mean()) / (advantage.std() + 1e-8), clip)


check_ppo_loss = function_check(
    "ppo_loss",
    _ppo_by_cases,
    _draw_samples,
    Wrong(
        "sign",
        "An optimiser that minimises your loss makes good actions rarer. Which way does gradient descent go?",
        lambda *a: -_ppo(*a),
    ),
    Wrong(
        "no_clip",
        "Your loss follows the ratio however far it goes. What makes it stop?",
        lambda *a: _ppo(*a, pick=lambda free, held: free),
    ),
    Wrong(
        "no_minimum",
        "Samples that have moved the wrong way have no gradient in your loss: nothing brings them back. Look "
        "at the dotted line in the chapter's figure.",
        lambda *a: _ppo(*a, pick=lambda free, held: held),
    ),
    Wrong(
        "maximum",
        "You take the larger one of the two terms of each sample. Is that a pessimistic bound?",
        lambda *a: _ppo(*a, pick=torch.maximum),
    ),
    Wrong(
        "wrong_side_for_negative",
        "Where the advantage is positive you are right. Where it is negative, you take the other one of the two terms. "
        "Is the bound still pessimistic there?",
        lambda *a: _ppo(*a, pick=_wrong_side),
    ),
    Wrong(
        "one_sided",
        "Nothing holds a ratio in your loss that falls. For which sign of the advantage does the lower limit act?",
        lambda *a: _ppo(*a, low=0.0),
    ),
    Wrong(
        "clips_the_product",
        "Your limits 1 − ε and 1 + ε hold the product of ratio and advantage. Which quantity is near 1?",
        _clips_the_gain,
    ),
    Wrong(
        "inverse_ratio",
        "At equal policies you are right. Put more probability on an action: does your ratio rise?",
        lambda new, old, *a: _ppo(-new, -old, *a),
    ),
    Wrong(
        "log_ratio",
        "A ratio of probabilities is 1 at equal policies. Yours is 0 there: what is the difference of two logarithms?",
        _of_log_ratio,
    ),
    Wrong(
        "sum_over_samples",
        "Your loss grows with the size of the batch. How does (2) weigh one sample of many?",
        lambda *a: len(a[0]) * _ppo(*a),
    ),
    Wrong(
        "standardises",
        "You standardise the advantages. Some implementations do, before they call such a loss. Does (2)?",
        _standardises,
    ),
    Wrong(
        "no_gradient",
        "The value of your loss is right, and no gradient leaves it. What is an optimiser to do with it?",
        lambda *a: _ppo(*a).detach(),
    ),
    Wrong(
        "advantage_carries_gradient",
        "The value of your loss is right, but its gradient also flows into the advantages, and through them "
        "into the critic. What is an advantage in this loss: a function of parameters, or a number?",
        lambda *a: _ppo(*a, gain=_same),
    ),
    Wrong(
        "old_carries_gradient",
        "The value of your loss is right, but the old policy gets a gradient, too. If both come from one "
        "network, the two cancel. Which of them was settled when the action was drawn?",
        lambda *a: _ppo(*a, past=_same),
    ),
    Wrong(
        "all_carry_gradient",
        "The value of your loss is right, but gradients flow into all three inputs. Which of them depends on the "
        "parameters that this loss trains?",
        lambda *a: _ppo(*a, gain=_same, past=_same),
    ),
    observe=_loss_and_gradients,
)
