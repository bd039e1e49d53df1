"""Answers to chapter 04's actor-critic loss that sum where (4) takes a mean."""

from metarl_core.check import ch04

from . import named


def _loss(actor, critic, half=0.5):
    def answer(log_pi, value, next_value, rewards, terminated, discount):
        target = (rewards + discount * next_value * ~terminated).detach()
        error = target - value
        advantage = error.detach()
        standardised = (advantage - advantage.mean()) / advantage.std(correction=0)
        return -actor(log_pi * standardised) + half * critic(error.square())

    return answer


def _sum(each):
    return each.sum()


def _mean(each):
    return each.mean()


def _samples_less_one(each):
    return each.sum() / (len(each) - 1)


summed_for_the_actor = _loss(_sum, _mean)
summed_for_the_critic = _loss(_mean, _sum)

WRONG = named(
    ch04.check_actor_critic_loss,
    actor_over_n_less_one=_loss(_samples_less_one, _mean),
    critic_over_n_less_one=_loss(_mean, _samples_less_one),
    summed_without_the_half=_loss(_sum, _sum, 1.0),
)
NOT_SAID = [
    (ch04.check_actor_critic_loss, summed_for_the_actor, "divide the centred advantages"),
    (ch04.check_actor_critic_loss, _loss(_samples_less_one, _mean), "grows with the size"),
]
SAID = [
    (ch04.check_actor_critic_loss, summed_for_the_actor, "The actor's part grows with the size of the batch"),
    (ch04.check_actor_critic_loss, summed_for_the_critic, "The critic's part grows with the size of the batch"),
    (ch04.check_actor_critic_loss, _loss(_sum, _sum), "Your loss grows with the size of the batch"),
]
