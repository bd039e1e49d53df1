"""Answers to an exercise of chapter 04: the report of a tuned agent."""

import dataclasses

import numpy as np
import torch
from produced_reports import Late
from scipy import stats

from metarl_core.agents import CARTPOLE_DQN, PENDULUM_PPO
from metarl_core.check import ch04
from metarl_core.evaluation import bootstrap_interval, t_interval
from metarl_core.tasks import CartPole, rollout
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "04_policy_gradient_agents.py"


def _report(change):
    return Late(SOLUTION, "check_tuned", change)


def _runs(report):
    return torch.as_tensor(report["returns"]).double().mean(1)


def _t(n, share=0.975):
    return float(stats.t.ppf(share, n - 1))


def _recomputed(report, **fields):
    """With other fields, and the interval that goes with them."""
    report = {**report, **fields}
    interval = t_interval(_runs(report))
    return {**report, "low": interval.low, "high": interval.high}


def _interval(half, shift=0.0):
    def change(report):
        x = _runs(report)
        middle = float(x.mean()) + shift
        return {**report, "low": middle - half(x, report), "high": middle + half(x, report)}

    return _report(change)


def _some(report, keep):
    policy = {name: value[keep] for name, value in report["policy"].items()}
    return _recomputed(report, seeds=[report["seeds"][i] for i in keep], policy=policy, returns=report["returns"][keep])


def _config(report, **changes):
    setting = report["setting"]
    return dataclasses.replace(setting, config=dataclasses.replace(setting.config, **changes))


def _played(report, greedy=True, episodes=50, seed=5):
    """Returns of the report's agents: their greedy actions, or drawn ones."""
    policy, number = report["setting"].agent().policy, len(report["seeds"])
    tasks = {name: value.expand(number) for name, value in CartPole().default_params.items()}

    class Acting:
        def noise(self, shape, generator):
            return torch.zeros(shape)

        def act(self, parameters, observation, noise):
            return policy.greedy_action(parameters, observation), noise

    generator = torch.Generator().manual_seed(seed)
    one = Acting() if greedy else policy
    return rollout(CartPole(), tasks, one, report["policy"], episodes, generator).returns


def _best_of_forty(report):
    chances = _played(report, episodes=800).reshape(len(report["seeds"]), 40, 20)
    return _recomputed(report, returns=chances[torch.arange(len(chances)), chances.mean(-1).argmax(1)])


def _five_best(report):
    """The five best of twelve seeds: the check cannot see the others, and an interval of these is honest of these."""
    return _some(report, _runs(report).argsort(descending=True)[:5].tolist())


def _one_for_all(report):
    return _recomputed(report, policy={k: v[:1].expand_as(v).clone() for k, v in report["policy"].items()})


def _start_of_training(report):
    agents = [report["setting"].agent(seed) for seed in report["seeds"]]
    parts = [agent.policy_part(agent.initial_parameters()) for agent in agents]
    return {**report, "policy": {name: torch.stack([part[name] for part in parts]) for name in parts[0]}}


def _all_solved(report):
    solved = torch.full_like(torch.as_tensor(report["returns"]), 500.0)
    return _recomputed(report, returns=solved - torch.rand(solved.shape, generator=torch.Generator().manual_seed(0)))


def _untuned(report):
    """True, and not above the bar: the seeds that learned least."""
    return _some(report, _runs(report).argsort()[:5].tolist())


def _lowest_and_highest(report):
    x = _runs(report)
    return {**report, "low": float(x.min()), "high": float(x.max())}


def _bootstrap(report):
    found = bootstrap_interval(_some(report, [1, 2, 3, 4, 5])["returns"].numpy(), np.mean)
    return {**_some(report, [1, 2, 3, 4, 5]), "low": found.low, "high": found.high}


_right = _report(lambda r: r)
_too_many_steps = _report(lambda r: {**r, "setting": _config(r, iterations=100)})
_three_seeds = _report(lambda r: _some(r, [0, 1, 2]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 5, 5]))
_no_tuning_seeds = _report(lambda r: {**r, "tuning_seeds": []})
_tuned_on_the_same = _report(lambda r: {**r, "tuning_seeds": r["seeds"]})
_a_common_seed = _report(lambda r: {**r, "tuning_seeds": [*r["tuning_seeds"], r["seeds"][-1]]})
_one_agent_for_all = _report(_one_for_all)
_five_episodes = _report(lambda r: _recomputed(r, returns=r["returns"][:, :5]))
_drawn = _report(lambda r: _recomputed(r, returns=_played(r, greedy=False)))
_the_best_evaluation = _report(_best_of_forty)
_untrained_agents = _report(_start_of_training)
_claims_all = _report(_all_solved)
_half_of_it = _report(lambda r: _recomputed(r, returns=0.5 * torch.as_tensor(r["returns"])))
_ends = _report(_lowest_and_highest)
_every_episode = _interval(lambda x, r: 1.96 * float(torch.as_tensor(r["returns"]).std()) / r["returns"].numel() ** 0.5)
_deviation = _interval(lambda x, r: float(x.std()))
_error = _interval(lambda x, r: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x, r: 1.96 * float(x.std()) / len(x) ** 0.5)
_biased = _interval(lambda x, r: _t(len(x)) * float(x.std(correction=0)) / len(x) ** 0.5)
_shifted = _interval(lambda x, r: _t(len(x)) * float(x.std()) / len(x) ** 0.5, shift=9.0)
_ninety = _interval(lambda x, r: _t(len(x), 0.95) * float(x.std()) / len(x) ** 0.5)
_eighty = _interval(lambda x, r: _t(len(x), 0.9) * float(x.std()) / len(x) ** 0.5)
_ninety_nine = _interval(lambda x, r: _t(len(x), 0.995) * float(x.std()) / len(x) ** 0.5)
_upside_down = _report(lambda r: {**r, "low": r["high"], "high": r["low"]})
_not_above = _report(_untuned)


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


WRONG = [
    (ch04.check_tuned, answer)
    for answer in (
        _a_common_seed,
        _the_best_evaluation,
        _untrained_agents,
        _claims_all,
        _report(_bootstrap),
        _key("tuning_seeds"),
        _key("low"),
        _report(lambda r: {**r, "mean": 280.0}),
        _report(lambda r: {**r, "setting": r["setting"].config}),
        _report(lambda r: {**r, "setting": PENDULUM_PPO}),
        _report(lambda r: {**r, "setting": CARTPOLE_DQN}),
        _report(lambda r: {**r, "setting": dataclasses.replace(r["setting"], hidden=(32,))}),
        _report(lambda r: {**r, "policy": {name: value[0] for name, value in r["policy"].items()}}),
        _report(lambda r: {**r, "policy": {name: value * float("nan") for name, value in r["policy"].items()}}),
        _report(lambda r: {**r, "returns": r["returns"].mean(1)}),
        _report(lambda r: {**r, "returns": r["returns"][:4]}),
        _report(lambda r: {**r, "seeds": "0 to 11"}),
        _report(lambda r: {**r, "low": r["low"] - 80, "high": r["high"] - 80}),
    )
]

RIGHT = [
    (ch04.check_tuned, answer)
    for answer in (
        _right,
        _report(_five_best),
        _report(lambda r: _recomputed(r, returns=_played(r, episodes=20))),
        _report(lambda r: {**r, "returns": r["returns"].tolist(), "seeds": np.array(r["seeds"])}),
        _report(lambda r: {**r, "low": round(r["low"], 1), "high": round(r["high"], 1), "tuning_seeds": {100, 101}}),
        _report(lambda r: {**r, "policy": {name: value.double() for name, value in r["policy"].items()}}),
    )
]
