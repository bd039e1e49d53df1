"""Answers to project I, from a fourth attack: environments that are no functions, policies that learned nothing."""

import numpy as np
import torch

from metarl_core.check import ch04

from . import reported
from .ch04p_third import Line, Stove, _project, _rule, _told


def _with(**functions):
    """The project in a stove with some functions changed; each gets the stove's own one first."""

    def changed(name, function):
        return lambda self, *args: function(getattr(Stove, name), self, *args)

    own = {name: changed(name, function) for name, function in functions.items()}
    return _told(family=type("Changed", (Stove,), {"__module__": "__main__", **own})())


def _observation_writes():
    return _with(observation=lambda own, self, state, rng, params: own(self, state.mul_(0.99), rng, params))


def _reward_writes():
    return _with(reward=lambda own, self, state, action, after, *rest: own(self, state, action, after.mul_(0.9), *rest))


def _action_is_cut_in_place():
    return _with(transition=lambda own, self, state, action, *rest: own(self, state, action.clamp_(0, 0), *rest))


def _reward_leaves_a_note():
    def reward(own, self, state, action, after, rng, params):
        params["seen"] = params["cold"]
        return own(self, state, action, after, rng, params)

    return _with(reward=reward)


def _global_noise_in_observations():
    return _with(observation=lambda own, self, *args: own(self, *args) + 0.05 * torch.randn(()))


def _numpys_noise_in_observations():
    return _with(observation=lambda own, self, *args: own(self, *args) + 0.05 * np.random.randn())


def _observations_standardised_over_episodes():
    return _with(observation=lambda own, self, *args: own(self, *args) - 0.1 * own(self, *args).mean(1, keepdim=True))


def _rewards_share_a_pot():
    return _with(reward=lambda own, self, *args: own(self, *args) - 0.2 * own(self, *args).mean(1, keepdim=True))


def _counts_its_rewards():
    def initial(own, self, *args):
        self.paid = 0
        return own(self, *args)

    def reward(own, self, *args):
        self.paid += 1
        return own(self, *args) * (self.paid < 10)

    return _with(initial=initial, reward=reward)


class _Rule:
    """The controller as a policy: it has no parameters."""

    def greedy_action(self, parameters, observation):
        return _rule(observation)


class _Restless(Line):
    """Now and then another action."""

    generator = torch.Generator().manual_seed(0)

    def greedy_action(self, parameters, observation):
        action = super().greedy_action(parameters, observation)
        return torch.where(torch.rand(action.shape, generator=self.generator) < 0.02, 1 - action, action)


def _a_rule_for_a_policy():
    return _project(policy=_Rule(), parameters={"w": torch.randn(5, 3, generator=torch.Generator().manual_seed(0))})


def _explores_a_little():
    return _project(policy=_Restless())


WRONG = reported(
    ch04.check_project,
    _observation_writes,
    _reward_writes,
    _action_is_cut_in_place,
    _reward_leaves_a_note,
    _global_noise_in_observations,
    _numpys_noise_in_observations,
    _observations_standardised_over_episodes,
    _rewards_share_a_pot,
    _counts_its_rewards,
    _a_rule_for_a_policy,
    _explores_a_little,
)
