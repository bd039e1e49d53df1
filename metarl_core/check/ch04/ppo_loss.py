"""The check of the exercise `ppo_loss`."""

import math

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch04.oracles import slopes_of
from metarl_core.check.compare import difference


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
            "some samples are clipped and others are not": len({bool(x) for x in (ratio - 1).abs() > clip}) > 1,
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


def _standardises(got, new, old, advantage, clip):
    """Whether this is the loss with standardised advantages, by one standard deviation or the other."""
    centred = advantage - advantage.mean()
    scales = [advantage.std(correction=c) + small for c in (0, 1) for small in (0.0, 1e-8, 1e-6, 1e-5)]
    losses = [_loss_and_gradients(_ppo, new, old, centred / scale, clip) for scale in scales]
    keys = ("loss", "gradient into log π")
    return any(all(difference(got[k], one[k], None, None) is None for k in keys) for one in losses)


def _free(free, held):
    return free


def _held(free, held):
    return held


def _of_ratio(ratio, advantage, clip):
    gain = advantage.detach()
    return -torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain).mean()


def _clips_the_log_ratio(new, old, advantage, clip):
    difference, gain = new - old.detach(), advantage.detach()
    return -torch.minimum(difference.exp() * gain, difference.clamp(-clip, clip).exp() * gain).mean()


def _straight_through(new, old, advantage, clip):
    free, right = _ppo(new, old, advantage, clip, pick=_free), _ppo(new, old, advantage, clip)
    return free + (right - free).detach()


def _mean_over_the_free(new, old, advantage, clip):
    ratio, gain = (new - old.detach()).exp(), advantage.detach()
    free = (ratio.detach() - 1).abs() <= clip
    return -(ratio * gain * free).sum() / free.sum().clamp_min(1)


def _parts(got, new, old, advantage, clip):
    """The right observation, and whether the loss, the gradient into log π and the other two are right."""
    right = _ppo_by_cases(new, old, advantage, clip)
    holds = {name: difference(got[name], right[name], None, None) is None for name in right}
    loss, into_new, *others = holds.values()
    return right, loss, into_new, all(others)


def _pulls_without_ratio(got, new, old, advantage, clip):
    _, loss, _, others = _parts(got, new, old, advantage, clip)
    pull = -advantage.detach() / len(new)
    return loss and others and difference(got["gradient into log π"], pull, None, None) is None


def _only_the_gradient(got, *args):
    _, loss, into_new, others = _parts(got, *args)
    return into_new and others and not loss


def _same_push(got, *args):
    right, loss, into_new, others = _parts(got, *args)
    push = got["gradient into log π"] - right["gradient into log π"]
    return others and not into_new and difference(push, push.mean().expand_as(push), None, None) is None


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
        "minimum_of_means",
        "You take the mean over the samples first, and the smaller one of two means. In which order does (2) do it?",
        lambda *a: torch.maximum(_ppo(*a, pick=_held), _ppo(*a, pick=_free)),
    ),
    Wrong(
        "clips_the_log_ratio",
        "You limit the logarithm of the ratio to [−ε, ε]. Is exp(ε) the same as 1 + ε?",
        _clips_the_log_ratio,
    ),
    Wrong(
        "quotient_of_logs",
        "You divide one logarithm by the other. The ratio is one of probabilities.",
        lambda *a: _of_ratio(a[0] / a[1].detach(), *a[2:]),
    ),
    Wrong(
        "linear_ratio",
        "Your ratio is 1 plus the difference of the logarithms: right only for policies that are nearly equal.",
        lambda *a: _of_ratio(1 + a[0] - a[1].detach(), *a[2:]),
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
        "gradient_past_the_clip",
        "The value of your loss is right, and its gradient is that of a loss that is never clipped. Which samples "
        "should have none?",
        _straight_through,
    ),
    Wrong(
        "clipped_term_constant",
        "The value of your loss is right. Your clipped term is a constant, and where nothing is clipped, so that both "
        "terms are equal, half of the gradient is lost.",
        lambda *a: _ppo(*a, pick=lambda free, held: torch.minimum(free, held.detach())),
    ),
    Wrong(
        "gradient_of_equal_policies",
        "The value of your loss is right, and its gradient does not know the ratio: each sample pulls as if both "
        "policies were equal.",
        when=_pulls_without_ratio,
    ),
    Wrong(
        "right_gradient_only",
        "All gradients of your loss are right, and its value is not that of (2).",
        when=_only_the_gradient,
    ),
    Wrong(
        "same_push",
        "All of your samples get the same push too much: the loss holds a term in log π that (2) does not.",
        when=_same_push,
    ),
    Wrong(
        "mean_over_the_free",
        "You leave out the samples that are clipped and take the mean over the rest. What is N in (2)?",
        _mean_over_the_free,
    ),
    Wrong(
        "sum_over_samples",
        "Your loss grows with the size of the batch. How does (2) weigh one sample of many?",
        lambda *a: len(a[0]) * _ppo(*a),
    ),
    Wrong(
        "standardises",
        "You standardise the advantages. Some implementations do, before they call such a loss. Does (2)?",
        when=_standardises,
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
