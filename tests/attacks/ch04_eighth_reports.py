"""Reports of a tuned agent and of project I, from an eighth attack."""

import dataclasses
import types

import torch
from produced_reports import Late

from metarl_core.agents import CARTPOLE_PPO
from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from tools.course import ROOT

from .ch04_third import SEEDS, _agents, _setting, _tell, _train


def tuned_of(change):
    return Late(ROOT / "solutions" / "04_policy_gradient_agents.py", "check_tuned", change)


def project_of(change):
    return Late(ROOT / "projects" / "04p_new_environment.py", "check_project", change)


# ------------------------------------------------------------------ a tuned agent


def _setting_of_the_chapter(report):
    """The winner's agents under the name of the setting that lost."""
    config = dataclasses.replace(CARTPOLE_PPO.config, iterations=5)
    return {**report, "setting": dataclasses.replace(CARTPOLE_PPO, config=config)}


def _a_tenth_of_the_learning_rate(report):
    config = dataclasses.replace(report["setting"].config, lr=3e-4)
    return {**report, "setting": dataclasses.replace(report["setting"], config=config)}


def _ten_times_the_learning_rate(report):
    config = dataclasses.replace(report["setting"].config, lr=3e-2)
    return {**report, "setting": dataclasses.replace(report["setting"], config=config)}


def _agents_exchanged(report):
    order = torch.arange(len(report["seeds"])).roll(1)
    policy = {name: value[order] for name, value in report["policy"].items()}
    return {**report, "policy": policy, "returns": report["returns"][order]}


def _other_seeds_named(report):
    return {**report, "seeds": [50 + seed for seed in report["seeds"]]}


def _two_agents_exchanged(report):
    order = torch.arange(len(report["seeds"]))
    order[:2] = order[:2].flip(0)
    policy = {name: value[order] for name, value in report["policy"].items()}
    return {**report, "policy": policy, "returns": report["returns"][order]}


def _sorted_by_return(report):
    """Right: seeds, agents and returns in another order."""
    order = report["returns"].mean(1).argsort()
    policy = {name: value[order] for name, value in report["policy"].items()}
    seeds = [report["seeds"][i] for i in order.tolist()]
    return {**report, "policy": policy, "returns": report["returns"][order], "seeds": seeds}


def _in_two_groups(report):
    """Right: trained in two calls."""
    setting = _agents()[0]
    one, two = _train(setting, SEEDS[:5]), _train(setting, SEEDS[5:])
    return _tell(setting, {name: torch.cat([one[name], two[name]]) for name in one}, SEEDS)


def _larger_steps(report):
    """Right: another learning rate, more minibatches."""
    setting = _setting(lr=8e-3, num_steps=64, minibatches=8)
    return _tell(setting, _train(setting, SEEDS), SEEDS)


# ------------------------------------------------------------------ project I


def _acting(report, act):
    policy = report["policy"]

    def greedy_action(parameters, observation):
        return act(lambda seen: policy.greedy_action(parameters, seen), observation)

    return {**report, "policy": types.SimpleNamespace(greedy_action=greedy_action)}


def _agrees_with_the_others(report):
    """An agent does what most of its episodes would do, where these are all of one opinion but a few."""

    def act(of, observation):
        own = of(observation)
        if own.ndim < 2 or own.shape[1] < 3:
            return own
        usual = own.mode(1, keepdim=True).values
        agree = (own == usual).double().mean(1, keepdim=True) > 0.9
        return torch.where(agree, usual, own)

    return _acting(report, act)


def _centred_by_the_batch(report):
    """Observations less a little of their mean over episodes."""

    def act(of, observation):
        if observation.ndim < 3 or observation.shape[1] < 2:
            return of(observation)
        return of(observation - 0.2 * observation.mean(1, keepdim=True))

    return _acting(report, act)


def _copies_its_neighbour(report):
    return _acting(report, lambda of, seen: of(seen.roll(1, 1)) if seen.ndim > 2 else of(seen))


def _controller_by_rank(report):
    rule = report["controller"]

    def controller(observation):
        own = rule(observation)
        if observation.shape[1] < 2:
            return own
        return torch.where(observation[..., 0] > observation[..., 0].median(1, keepdim=True).values, 0, own)

    return {**report, "controller": controller}


def _a_little_more_everywhere(report):
    shift = {k: report[k] + 0.3 for k in ("returns", "random_returns", "controller_returns")}
    found = t_interval(shift["returns"])
    return {**report, **shift, "low": found.low, "high": found.high}


def _a_little_less_everywhere(report):
    shift = {k: report[k] - 0.3 for k in ("returns", "random_returns", "controller_returns")}
    found = t_interval(shift["returns"])
    return {**report, **shift, "low": found.low, "high": found.high}


def _agents_a_little_better(report):
    returns = report["returns"] + 0.4
    found = t_interval(returns)
    return {**report, "returns": returns, "low": found.low, "high": found.high}


def _forty_episodes(report):
    """Right: fewer episodes."""
    returns = report["returns"][:, :40]
    found = t_interval(returns)
    low, high, mean = found.low, found.high, float(report["controller_returns"].mean())
    verdict = ch04.ABOVE if low > mean else ch04.BELOW if high < mean else ch04.NOT_TOLD
    return {**report, "returns": returns, "low": low, "high": high, "verdict": verdict}


def _episode_by_episode(report):
    """Right: the policy is asked about one episode at a time."""

    def act(of, observation):
        if observation.ndim < 3:
            return of(observation)
        return torch.stack([of(seen) for seen in observation.unbind(1)], 1)

    return _acting(report, act)


WRONG = [
    *(
        (ch04.check_tuned, tuned_of(change))
        for change in (
            _setting_of_the_chapter,
            _a_tenth_of_the_learning_rate,
            _ten_times_the_learning_rate,
            _agents_exchanged,
            _two_agents_exchanged,
            _other_seeds_named,
        )
    ),
    *(
        (ch04.check_project, project_of(change))
        for change in (
            _agrees_with_the_others,
            _centred_by_the_batch,
            _copies_its_neighbour,
            _controller_by_rank,
            _a_little_more_everywhere,
            _a_little_less_everywhere,
            _agents_a_little_better,
        )
    ),
]
RIGHT = [
    *((ch04.check_tuned, tuned_of(change)) for change in (_sorted_by_return, _in_two_groups, _larger_steps)),
    *((ch04.check_project, project_of(change)) for change in (_forty_episodes, _episode_by_episode)),
]
