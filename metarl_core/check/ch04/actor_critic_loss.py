"""The check of the exercise `actor_critic_loss`."""

import math

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.ch04.oracles import slopes_of
from metarl_core.check.compare import difference


def _transition_cases():
    for seed, (samples, discount) in enumerate(((50, 0.9), (80, 0.98), (30, 0.7))):
        generator = torch.Generator().manual_seed(seed)

        def draw(scale=1.0, samples=samples, generator=generator):
            return scale * torch.randn(samples, generator=generator, dtype=torch.float64)

        log_pi = (-0.2 - draw().abs()).requires_grad_()
        value, following = draw(2.0).requires_grad_(), draw(2.0).requires_grad_()
        terminated = torch.rand(samples, generator=generator) < 0.2
        yield case(log_pi, value, following, draw(3.0), terminated, discount)


def _actor_critic_gradients(answer, log_pi, value, following, rewards, terminated, discount):
    loss = answer(log_pi, value, following, rewards, terminated, discount)
    names = ("gradient into log π", "gradient into V(s)", "gradient into V(s')")
    return {"loss": loss.detach()} | dict(zip(names, slopes_of(loss, (log_pi, value, following)), strict=True))


def _actor_critic_by_hand(log_pi, value, following, rewards, terminated, discount):
    """Numbers only: the gradients that (4) asks for, written down."""
    now, later, pay = (x.detach().numpy() for x in (value, following, rewards))
    number = len(pay)
    target = pay + discount * np.where(terminated.numpy(), 0.0, later)
    error = target - now
    advantage = (error - error.mean()) / error.std()
    loss = -(log_pi.detach().numpy() * advantage).mean() + 0.5 * (error**2).mean()
    return {
        "loss": torch.tensor(loss),
        "gradient into log π": torch.as_tensor(-advantage / number),
        "gradient into V(s)": torch.as_tensor(-error / number),
        "gradient into V(s')": torch.zeros(number, dtype=torch.float64),
    }


def _scaled_by(power):
    """Is the actor's gradient the right one times a power of the standard deviation?"""

    def found(got, *args):
        right = _actor_critic_by_hand(*args)["gradient into log π"]
        _, value, following, rewards, terminated, discount = args
        error = rewards + discount * following.detach() * ~terminated - value.detach()
        return difference(got["gradient into log π"], right * error.std(correction=0) ** power, 1e-2, 1e-9) is None

    return found


def _scaled_by_bessel(got, *args):
    """Is the actor's gradient the right one with the deviation divided by N − 1 under the root?"""
    right = _actor_critic_by_hand(*args)["gradient into log π"]
    factor = math.sqrt((len(right) - 1) / len(right))
    return difference(got["gradient into log π"], right * factor, 1e-6, 1e-9) is None


check_actor_critic_loss = function_check(
    "actor_critic_loss",
    _actor_critic_by_hand,
    _transition_cases,
    Wrong(
        "target_carries_gradient",
        "The value of the *next* state gets a gradient: the target moves towards the prediction as well. "
        "Chapter 03 made its "
        "target a constant. What about this one?",
        when=lambda got, *_: bool((got["gradient into V(s')"] != 0).any()),
    ),
    Wrong(
        "critic_frozen",
        "No gradient reaches V(s) any more. Something is a constant now that should learn: which one of the two losses "
        "trains the critic?",
        when=lambda got, *_: bool((got["gradient into V(s)"] == 0).all()),
    ),
    Wrong(
        "advantage_carries_gradient",
        "The critic is pulled by the actor's loss: its gradient is not that of the squared error alone.",
        when=lambda got, *a: (
            difference(got["gradient into V(s)"], _actor_critic_by_hand(*a)["gradient into V(s)"], 1e-6, 1e-9)
            is not None
        ),
    ),
    Wrong(
        "divides_by_variance",
        "The actor's gradient shrinks as rewards grow: multiply all of them by ten and look. What has the "
        "unit of a return?",
        when=_scaled_by(-1),
    ),
    Wrong(
        "other_standard_deviation",
        "Off by a little, and less in larger batches. There are two standard deviations: which does (4) ask for?",
        when=_scaled_by_bessel,
    ),
    Wrong(
        "not_standardised",
        "Now the actor's gradient grows with the rewards. The advantages should be standardised, only rightly.",
        when=_scaled_by(1),
    ),
    observe=_actor_critic_gradients,
    rtol=1e-6,
)
