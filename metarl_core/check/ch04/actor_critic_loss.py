"""The check of the exercise `actor_critic_loss`."""

import torch

from metarl_core.check import Wrong, function_check
from metarl_core.check.ch04.oracles import slopes_of
from metarl_core.check.ch04.transitions import (
    ACTOR,
    CRITIC,
    NEXT,
    actor_critic,
    by_hand,
    draw_transitions,
    loss_and_gradients,
    standardised_error,
)
from metarl_core.check.compare import difference


def _any_of(*answers):
    """A predicate: is what was observed just what one of these losses leads to?"""

    def when(got, *args):
        return any(difference(got, loss_and_gradients(f, *args), None, None) is None for f in answers)

    return when


def _with(**changes):
    return lambda *args: actor_critic(*args, **changes)


DIVISIONS = (
    standardised_error,
    lambda error: (error - error.mean()) / error.var(correction=0),
    lambda error: (error - error.mean()) / error.std(),
    lambda error: error - error.mean(),
    lambda error: error,
)

_carrying = _any_of(*(_with(standardised=one, through_critic=way) for one in DIVISIONS for way in (False, True)))


def _target_carries(got, *args):
    """Does a gradient reach V(s')? Where none can, the rest may be wrong in one of the colleague's ways."""
    _, _, _, _, terminated, discount = args
    if discount == 0 or terminated.all():
        return _carrying(got, *args)
    return bool((got[NEXT].nan_to_num(0.0) != 0).any())


def _right_in(got, right, *names):
    return all(difference(got[name], right[name], None, None) is None for name in names)


def _other_length(got, *args):
    """Everything is right but the length of the actor's gradient."""
    right = by_hand(*args)
    mine, theirs = got[ACTOR], right[ACTOR]
    factor = (mine * theirs).sum() / theirs.square().sum()
    return (
        _right_in(got, right, CRITIC, NEXT)
        and bool(factor > 0)
        and difference(mine / factor, theirs, None, None) is None
        and difference(mine, theirs, None, None) is not None
    )


def _same_push(got, *args):
    right = by_hand(*args)
    push = got[ACTOR] - right[ACTOR]
    return (
        _right_in(got, right, CRITIC, NEXT)
        and not _right_in(got, right, ACTOR)
        and difference(push, push.mean().expand_as(push), None, None) is None
    )


def _bounded_pull(got, *args):
    """The actor is right, and the critic's pulls have the right signs and are at most 1, as Huber's or those of |x|.

    Pulls that grow with the error, and are small by a factor, are not bounded.
    """
    right = by_hand(*args)
    mine, theirs = got[CRITIC], right[CRITIC]
    large = theirs.abs() * len(theirs) > 2.0
    return (
        _right_in(got, right, ACTOR, NEXT)
        and bool((mine * theirs >= 0).all())
        and bool((mine[large].abs() * len(mine) <= 1 + 1e-4).all())
        and difference(mine / mine.norm(), theirs / theirs.norm(), None, None) is not None
    )


def _critic_by(*scales):
    """A predicate: is the actor right, and the critic's error changed in one of these ways before it is squared?"""

    def when(got, log_pi, value, following, rewards, terminated, discount):
        right = by_hand(log_pi, value, following, rewards, terminated, discount)
        target = (rewards + discount * following * ~terminated).detach()
        losses = [0.5 * scale(target - value).square().mean() for scale in scales]
        slopes = [slopes_of(loss, (value,))[0] for loss in losses]
        return _right_in(got, right, ACTOR, NEXT) and any(
            difference(got[CRITIC], slope, None, None) is None for slope in slopes
        )

    return when


check_actor_critic_loss = function_check(
    "actor_critic_loss",
    by_hand,
    draw_transitions,
    Wrong(
        "target_carries_gradient",
        "A gradient reaches V(s'), the value of the *next* state. Chapter 03 made its target a constant. What about "
        "this one?",
        when=_target_carries,
    ),
    Wrong(
        "critic_frozen",
        "No gradient reaches V(s) any more. Something is a constant now that should learn: which one of the two losses "
        "trains the critic?",
        when=lambda got, *_: bool((got[CRITIC] == 0).all()),
    ),
    Wrong(
        "advantage_carries_gradient",
        "The critic is pulled by the actor's loss: its gradient is not that of the squared error alone.",
        when=_any_of(*(_with(standardised=one, through_critic=True) for one in DIVISIONS)),
    ),
    Wrong(
        "divides_by_variance",
        "The actor's gradient shrinks as rewards grow: multiply all of them by ten and look. What has the "
        "unit of a return?",
        _with(standardised=DIVISIONS[1]),
    ),
    Wrong(
        "other_standard_deviation",
        "Off by a little, and less in larger batches. There are two standard deviations: which does (4) ask for?",
        _with(standardised=DIVISIONS[2]),
    ),
    Wrong(
        "not_standardised",
        "Now the actor's gradient grows with the rewards. The advantages should be standardised, only rightly.",
        when=_any_of(_with(standardised=DIVISIONS[3]), _with(standardised=DIVISIONS[4])),
    ),
    Wrong(
        "not_centred",
        "Add the same number to all rewards: your actor's gradient changes. What is m in (4) for?",
        _with(standardised=lambda error: error / error.std(correction=0)),
    ),
    Wrong(
        "ignores_termination",
        "A terminated transition counts the value of a next state. What comes after the end of an episode?",
        lambda *a: actor_critic(*a[:4], torch.zeros_like(a[4]), a[5]),
    ),
    Wrong(
        "flags_inverted",
        "Terminated transitions have a future, and the others have none. What does your factor make of True?",
        lambda *a: actor_critic(*a[:4], ~a[4], a[5]),
    ),
    Wrong(
        "actor_frozen",
        "The value of your loss is right, and no gradient reaches log π. What is the actor to learn from?",
        lambda *a: actor_critic(a[0].detach(), *a[1:]),
    ),
    Wrong(
        "actor_summed",
        "The critic is right. The actor's part grows with the size of the batch. How does (4) weigh one transition of "
        "many?",
        _with(total=torch.sum, critic_total=torch.mean),
    ),
    Wrong(
        "critic_summed",
        "The actor is right. The critic's part grows with the size of the batch. How does (4) weigh one transition of "
        "many?",
        _with(critic_total=torch.sum),
    ),
    Wrong(
        "other_scale",
        "The critic is right. The actor's gradient has the right direction and another length. With what factor does "
        "(4) weigh a centred advantage?",
        when=_other_length,
    ),
    Wrong(
        "same_push",
        "The critic is right. All log π get the same push too much: your loss holds a term that (4) does not.",
        when=_same_push,
    ),
    Wrong(
        "scales_the_critic",
        "The actor is right. You standardise the critic's error as well; what should V(s) come near to, by (4)?",
        when=_critic_by(
            standardised_error,
            lambda e: e / e.detach().std(correction=0),
            lambda e: (e - e.detach().mean()) / e.detach().std(correction=0),
        ),
    ),
    Wrong(
        "bounded_pull",
        "The actor is right. No transition pulls V(s) by more than 1, however far it is off. What pulls in a squared "
        "error?",
        when=_bounded_pull,
    ),
    Wrong(
        "forgets_discount",
        "Your target is the same for every γ.",
        lambda *a: actor_critic(*a[:5], 1.0),
    ),
    Wrong(
        "actor_sign",
        "The critic is right. The actor's loss has the other sign: after a step down, are good actions more likely?",
        _with(sign=-1.0),
    ),
    Wrong(
        "no_half",
        "The actor is right, and the critic's gradient is twice that of (4).",
        _with(half=1.0),
    ),
    Wrong(
        "sum_over_samples",
        "Your loss grows with the size of the batch. How does (4) weigh one transition of many?",
        _with(total=torch.sum),
    ),
    observe=loss_and_gradients,
)
