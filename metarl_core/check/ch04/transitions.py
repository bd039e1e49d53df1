"""Transitions for an actor-critic's loss, and the loss with its gradients in two ways."""

import numpy as np
import torch

from metarl_core.check import case
from metarl_core.check.ch04.oracles import slopes_of

ACTOR, CRITIC, NEXT = "gradient into log π", "gradient into V(s)", "gradient into V(s')"


def draw_transitions(draw):
    """2 to 12 transitions; σ is above 15, so that 1e-8 added to it is nobody's error.

    Once 60, and now and then up to 40 of them, of which one earns far more than the others.
    """
    samples, scale = draw.integer(2, 12), draw.choice(30.0, 300.0)
    dtype = draw.choice(torch.float64, torch.float64, torch.float32)
    discount, share = (
        draw.choice(0.0, 1.0, *(draw.uniform(0.4, 0.99) for _ in range(4))),
        draw.choice(0.0, 0.3, 0.3, 1.0),
    )
    far_off = draw.chance(0.15)
    samples = 20 + samples + draw.integer(0, 8) if far_off else samples
    samples = draw.once(17, 60, samples)
    terminated = draw.flags(samples, share=share)
    log_pi = draw.normal(samples, mean=-0.7, dtype=dtype)
    value, following = (draw.normal(samples, scale=scale, dtype=dtype) for _ in range(2))
    offset, error = draw.choice(0.0, 2 * scale), torch.zeros(1)
    while error.std(correction=0) < scale / 2:
        rewards = draw.skewed(samples, scale=scale, dtype=dtype) + offset
        rewards[0] += 30 * scale if far_off else 0.0
        error = rewards + discount * following * ~terminated - value
    leaves = [leaf.requires_grad_() for leaf in (log_pi, value, following)]
    return case(*leaves, rewards, terminated, discount).noting(
        {
            "a transition is terminated": terminated.any(),
            "all transitions are terminated": terminated.all(),
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "one error is several standard deviations from the mean": far_off,
            "there are two transitions": samples == 2,
            "a transition goes on": not terminated.all(),
            "the numbers are float64": dtype == torch.float64,
            "the numbers are float32": dtype == torch.float32,
        }
    )


def loss_and_gradients(answer, log_pi, value, following, rewards, terminated, discount):
    loss = answer(log_pi, value, following, rewards, terminated, discount)
    names = (ACTOR, CRITIC, NEXT)
    return {"loss": loss.detach()} | dict(zip(names, slopes_of(loss, (log_pi, value, following)), strict=True))


def by_hand(log_pi, value, following, rewards, terminated, discount):
    """Numbers only: the gradients that (4) asks for, written down."""
    chosen, now, later, pay = (x.detach().double().numpy() for x in (log_pi, value, following, rewards))
    number = len(pay)
    error = pay + discount * np.where(terminated.numpy(), 0.0, later) - now
    advantage = (error - error.mean()) / error.std()
    observed = {
        "loss": np.asarray(-(chosen * advantage).mean() + 0.5 * (error**2).mean()),
        ACTOR: -advantage / number,
        CRITIC: -error / number,
        NEXT: np.zeros(number),
    }
    return {name: torch.as_tensor(numbers).to(log_pi.dtype) for name, numbers in observed.items()}


def standardised_error(error):
    return (error - error.mean()) / error.std(correction=0)


def actor_critic(
    log_pi,
    value,
    following,
    rewards,
    terminated,
    discount,
    standardised=standardised_error,
    through_critic=False,
    sign=1.0,
    half=0.5,
    total=torch.mean,
    critic_total=None,
):
    """(4) with one thing changed. `through_critic`: the advantage of the actor's loss carries V(s)'s gradient.

    `total`: over transitions, of both losses; `critic_total`: of the critic's, if that is another one.
    """
    target = (rewards + discount * following * ~terminated).detach()
    error = target - value
    advantage = standardised(error if through_critic else error.detach())
    return -sign * total(log_pi * advantage) + half * (critic_total or total)(error.square())
