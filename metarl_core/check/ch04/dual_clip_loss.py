"""The check of the exercise `dual_clip_loss`."""

import torch

from metarl_core.check import Wrong, function_check
from metarl_core.check.ch04.samples import GAIN, NEW, OLD, by_cases, draw_samples, dual, held, loss_and_gradients
from metarl_core.check.compare import difference

FREE = (0.0, None)


def _same(tensor):
    return tensor


def _of_ratio(ratio, advantage, clip, cap):
    return held(ratio, advantage.detach(), (None, 1 + clip), (1 - clip, cap))


def _limits_of_logs(new, old, advantage, clip, cap):
    change = new - old.detach()
    limited = torch.where(advantage > 0, change.clamp(max=clip), change.clamp(min=-clip, max=cap - 1))
    return -(limited.exp() * advantage.detach()).mean()


def _straight_through(*args):
    free, right = dual(*args, good=FREE, bad=FREE), dual(*args)
    return free + (right - free).detach()


def _cap_for_all(new, old, advantage, clip, cap):
    """The larger one of the clipped term and c A, whatever the sign of A."""
    ratio, gain = (new - old.detach()).exp(), advantage.detach()
    least = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    return -torch.maximum(least, cap * gain).mean()


def _mean_over_the_free(new, old, advantage, clip, cap):
    ratio, gain = (new - old.detach()).exp(), advantage.detach()
    free = torch.where(gain > 0, ratio < 1 + clip, (ratio > 1 - clip) & (ratio < cap)).detach()
    return -(ratio * gain * free).sum() / free.sum().clamp_min(1)


def _gone_where_held(new, old, advantage, clip, cap):
    """The held samples are 0 instead of constant; the gradient is the right one."""
    ratio, gain = (new - old.detach()).exp(), advantage.detach()
    free = torch.where(gain > 0, ratio < 1 + clip, (ratio > 1 - clip) & (ratio < cap)).detach()
    return -(ratio * gain * free).mean()


def _standardises(got, new, old, advantage, clip, cap):
    """Whether this is the loss with standardised advantages, by one standard deviation or the other."""
    centred = advantage - advantage.mean()
    corrections = (0, 1) if len(advantage) > 1 else (0,)  # of one sample either gives NaN, or zeros
    scales = [advantage.std(correction=c) + small for c in corrections for small in (0.0, 1e-8, 1e-6, 1e-5)]
    losses = [loss_and_gradients(dual, new, old, centred / scale, clip, cap) for scale in scales]
    return any(all(difference(got[k], one[k], None, None) is None for k in ("loss", NEW)) for one in losses)


def _parts(got, *args):
    """The right observation, and whether the loss, the gradient into log π and the other two are right."""
    right = by_cases(*args)
    holds = {name: difference(got[name], right[name], None, None) is None for name in right}
    return right, holds["loss"], holds[NEW], holds[OLD] and holds[GAIN]


def _pulls_without_ratio(got, *args):
    """Free samples pull with −A / N, as if both policies were equal, and held ones do not."""
    right, loss, _, others = _parts(got, *args)
    pull = torch.where(right[NEW] == 0, 0.0, -args[2].detach() / len(args[2]))
    return loss and others and difference(got[NEW], pull, None, None) is None


def _only_the_gradient(got, *args):
    _, loss, into_new, others = _parts(got, *args)
    return into_new and others and not loss


def _same_push(got, *args):
    right, loss, into_new, others = _parts(got, *args)
    push = got[NEW] - right[NEW]
    return others and not into_new and difference(push, push.mean().expand_as(push), None, None) is None


check_dual_clip_loss = function_check(
    "dual_clip_loss",
    by_cases,
    draw_samples,
    Wrong(
        "sign",
        "An optimiser that minimises your loss makes good actions rarer. Which way does gradient descent go?",
        lambda *a: -dual(*a),
    ),
    Wrong(
        "no_clip",
        "Your loss follows the ratio however far it goes. What makes it stop?",
        lambda *a: dual(*a, good=FREE, bad=FREE),
    ),
    Wrong(
        "no_cap",
        "That is (04.22). It sets no bound to a bad action that has become much more probable: see the last row.",
        lambda *a: dual(*a, bad=(1 - a[3], None)),
    ),
    Wrong(
        "only_the_cap",
        "Your loss knows c, and ε changes nothing in it.",
        lambda *a: dual(*a, good=FREE, bad=(None, a[4])),
    ),
    Wrong(
        "cap_for_good_actions",
        "Where the advantage is positive, your samples are held at c instead of 1 + ε.",
        lambda *a: dual(*a, good=(None, a[4])),
    ),
    Wrong(
        "cap_whatever_the_sign",
        "For a positive advantage c A is larger than anything that the clip leaves, and takes over in your loss. For "
        "which sign of the advantage is c made?",
        _cap_for_all,
    ),
    Wrong(
        "no_lower_limit",
        "Nothing holds a bad action of yours that has become rare already. Which row of the table is that?",
        lambda *a: dual(*a, bad=(None, a[4])),
    ),
    Wrong(
        "bad_held_early",
        "A bad action that has become a little more probable has no gradient in your loss beyond 1 + ε. Who pulls it "
        "back between 1 + ε and c?",
        lambda *a: dual(*a, bad=(1 - a[3], 1 + a[3])),
    ),
    Wrong(
        "good_held_below",
        "A good action that has become rare has no gradient in your loss: nothing brings it back.",
        lambda *a: dual(*a, good=(1 - a[3], 1 + a[3])),
    ),
    Wrong(
        "held_on_both_sides",
        "Good and bad actions are held between the same limits, 1 − ε and 1 + ε. Read the rows of the table apart.",
        lambda *a: dual(*a, good=(1 - a[3], 1 + a[3]), bad=(1 - a[3], 1 + a[3])),
    ),
    Wrong(
        "signs_swapped",
        "Your good actions are held where bad ones should be, and the other way round.",
        lambda *a: dual(*a, good=(1 - a[3], a[4]), bad=(None, 1 + a[3])),
    ),
    Wrong(
        "limits_the_log_ratio",
        "You limit the logarithm of the ratio. Is exp(ε) the same as 1 + ε?",
        _limits_of_logs,
    ),
    Wrong(
        "linear_ratio",
        "Your ratio is 1 plus the difference of the logarithms: right only for policies that are nearly equal.",
        lambda *a: _of_ratio(1 + a[0] - a[1].detach(), *a[2:]),
    ),
    Wrong(
        "quotient_of_logs",
        "You divide one logarithm by the other. The ratio is one of probabilities.",
        lambda *a: _of_ratio(a[0] / a[1].detach(), *a[2:]),
    ),
    Wrong(
        "inverse_ratio",
        "At equal policies you are right. Put more probability on an action: does your ratio rise?",
        lambda *a: _of_ratio((a[1].detach() - a[0]).exp(), *a[2:]),
    ),
    Wrong(
        "log_ratio",
        "A ratio of probabilities is 1 at equal policies. Yours is 0 there: what is the difference of two logarithms?",
        lambda *a: _of_ratio(a[0] - a[1].detach(), *a[2:]),
    ),
    Wrong(
        "gradient_past_the_limits",
        "The value of your loss is right, and its gradient is that of a loss that is never clipped. Which samples "
        "should have none?",
        _straight_through,
    ),
    Wrong(
        "gradient_of_equal_policies",
        "The value of your loss is right, and its gradient does not know the ratio: each free sample pulls as if both "
        "policies were equal.",
        when=_pulls_without_ratio,
    ),
    Wrong(
        "gone_where_held",
        "Your gradient is right. In value the held samples count as 0, so that the loss jumps at the limits.",
        _gone_where_held,
    ),
    Wrong(
        "right_gradient_only",
        "All gradients of your loss are right, and its value is not. What is it at ρ = 1, and is it continuous?",
        when=_only_the_gradient,
    ),
    Wrong(
        "same_push",
        "All of your samples get the same push too much: the loss holds a term in log π that nobody asked for.",
        when=_same_push,
    ),
    Wrong(
        "mean_over_the_free",
        "You leave out the samples that are held and take the mean over the rest. Over how many is it, by the text?",
        _mean_over_the_free,
    ),
    Wrong(
        "sum_over_samples",
        "Your loss grows with the size of the batch. How much does one sample of many count in a mean?",
        lambda *a: len(a[0]) * dual(*a),
    ),
    Wrong(
        "standardises",
        "You standardise the advantages. Some implementations do, before they call such a loss. Does the text?",
        when=_standardises,
    ),
    Wrong(
        "no_gradient",
        "The value of your loss is right, and no gradient leaves it. What is an optimiser to do with it?",
        lambda *a: dual(*a).detach(),
    ),
    Wrong(
        "advantage_carries_gradient",
        "The value of your loss is right, but its gradient also flows into the advantages, and through them "
        "into the critic. What is an advantage in this loss: a function of parameters, or a number?",
        lambda *a: dual(*a, gain=_same),
    ),
    Wrong(
        "old_carries_gradient",
        "The value of your loss is right, but the old policy gets a gradient, too. If both come from one "
        "network, the two cancel. Which of them was settled when the action was drawn?",
        lambda *a: dual(*a, past=_same),
    ),
    Wrong(
        "all_carry_gradient",
        "The value of your loss is right, but gradients flow into all three inputs. Which of them depends on the "
        "parameters that this loss trains?",
        lambda *a: dual(*a, gain=_same, past=_same),
    ),
    observe=loss_and_gradients,
)
