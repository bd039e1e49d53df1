"""The check of the exercise `ppo_loss`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch04.oracles import slopes_of


def _ratio_cases():
    for seed, (samples, clip) in enumerate(((40, 0.2), (60, 0.1), (50, 0.3))):
        generator = torch.Generator().manual_seed(seed)
        old = -2 * torch.rand(samples, generator=generator, dtype=torch.float64)
        new = old + 0.5 * torch.randn(samples, generator=generator, dtype=torch.float64)
        advantage = torch.randn(samples, generator=generator, dtype=torch.float64) + 0.3
        # All three may come out of networks: which of them may pass a gradient is what is asked.
        yield case(new.requires_grad_(), old.requires_grad_(), advantage.requires_grad_(), clip)


def _loss_and_gradients(answer, new, old, advantage, clip):
    loss = answer(new, old, advantage, clip)
    slopes = slopes_of(loss, (new, old, advantage))
    names = ("gradient into log π", "gradient into the old log π", "gradient into the advantages")
    return {"loss": loss.detach()} | dict(zip(names, slopes, strict=True))


def _ppo_by_cases(new, old, advantage, clip):
    """One sample at a time: which of the two terms is the smaller one, and its derivative by hand."""
    total, slope = 0.0, torch.zeros_like(new)
    for i, (one, other, gain) in enumerate(zip(new.tolist(), old.tolist(), advantage.tolist(), strict=True)):
        ratio = math.exp(one - other)
        held = min(max(ratio, 1 - clip), 1 + clip)
        total -= min(ratio * gain, held * gain) / len(new)
        if ratio * gain <= held * gain:
            slope[i] = -ratio * gain / len(new)  # d ratio / d log π = ratio
    return {
        "loss": torch.tensor(total, dtype=torch.float64),
        "gradient into log π": slope.detach(),
        "gradient into the old log π": torch.zeros_like(new).detach(),
        "gradient into the advantages": torch.zeros_like(new).detach(),
    }


def _ppo(new, old, advantage, clip, pick=torch.minimum):
    ratio = (new - old.detach()).exp()
    gain = advantage.detach()
    return -pick(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean()


def _wrong_side(free, held):
    """The minimum where the gain is positive (there both terms are), else the maximum."""
    return torch.where(free > 0, torch.minimum(free, held), torch.maximum(free, held))


check_ppo_loss = function_check(
    "ppo_loss",
    _ppo_by_cases,
    _ratio_cases,
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
        "at the dotted "
        "line in the chapter's figure.",
        lambda *a: _ppo(*a, pick=lambda free, held: held),
    ),
    Wrong(
        "wrong_side_for_negative",
        "Where the advantage is positive you are right. Where it is negative, you take the other one of the two terms. "
        "Is the bound still pessimistic there?",
        lambda *a: _ppo(*a, pick=_wrong_side),
    ),
    Wrong(
        "inverse_ratio",
        "At equal policies you are right. Put more probability on an action: does your ratio rise?",
        lambda new, old, *a: _ppo(-new, -old, *a),
    ),
    Wrong(
        "log_ratio",
        "A ratio of probabilities is 1 at equal policies. Yours is 0 there: what is the difference of two logarithms?",
        lambda new, old, advantage, clip: (
            -torch.minimum(
                (new - old.detach()) * advantage.detach(),
                (new - old.detach()).clamp(1 - clip, 1 + clip) * advantage.detach(),
            ).mean()
        ),
    ),
    Wrong(
        "sum_over_samples",
        "Your loss grows with the size of the batch. How does (2) weigh one sample of many?",
        lambda *a: len(a[0]) * _ppo(*a),
    ),
    Wrong(
        "advantage_carries_gradient",
        "The value of your loss is right, but its gradient also flows into the advantages, and through them "
        "into the critic. "
        "What is an advantage in this loss: a function of parameters, or a number?",
        when=lambda got, *_: bool((got["gradient into the advantages"] != 0).any()),
    ),
    Wrong(
        "old_carries_gradient",
        "The value of your loss is right, but the old policy gets a gradient, too. If both come from one "
        "network, the two "
        "cancel. Which of them was settled when the action was drawn?",
        when=lambda got, *_: bool((got["gradient into the old log π"] != 0).any()),
    ),
    observe=_loss_and_gradients,
)
