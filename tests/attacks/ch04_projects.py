"""Answers to project I: reports of an agent for an environment of one's own."""

import torch
from produced_reports import Late
from scipy import stats

from metarl_core.agents import UniformPolicy
from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from metarl_core.tasks import CartPole, rollout
from tools.course import ROOT

SOLUTION = ROOT / "projects" / "04p_new_environment.py"


def _report(change):
    return Late(SOLUTION, "check_project", change)


def _changed(**fields):
    """Fields of the report replaced by functions of the report."""
    return _report(lambda r: {**r, **{name: make(r) for name, make in fields.items()}})


def _runs(report):
    return torch.as_tensor(report["returns"]).double().mean(1)


def _recomputed(report, **fields):
    """With other fields, and the interval and the verdict that go with them."""
    report = {**report, **fields}
    interval, mean = t_interval(_runs(report)), float(torch.as_tensor(report["controller_returns"]).double().mean())
    verdict = ch04.ABOVE if interval.low > mean else ch04.BELOW if interval.high < mean else ch04.NOT_TOLD
    return {**report, "low": interval.low, "high": interval.high, "verdict": verdict}


def _interval(half, shift=0.0):
    def change(report):
        x = _runs(report)
        middle = float(x.mean()) + shift
        return {**report, "low": middle - half(x, report), "high": middle + half(x, report)}

    return _report(change)


def _t(n, share=0.975):
    return float(stats.t.ppf(share, n - 1))


class _Rule:
    def __init__(self, function):
        self.function = function

    def noise(self, shape, generator):
        return torch.zeros(shape)

    def act(self, parameters, observation, noise):
        return self.function(observation), noise


def _play(report, policy, parameters=None, seed=321, episodes=200):
    parameters = parameters or {}
    number = len(next(iter(parameters.values()))) if parameters else 1
    family = report["family"]
    tasks = {name: value.expand(number) for name, value in family.default_params.items()}
    return rollout(family, tasks, policy, parameters, episodes, torch.Generator().manual_seed(seed)).returns


def _some(report, keep):
    parameters = {name: value[keep] for name, value in report["parameters"].items()}
    seeds = [report["seeds"][i] for i in keep]
    return _recomputed(report, seeds=seeds, parameters=parameters, returns=report["returns"][keep])


def _with_family(change):
    """The same project in an environment of the same class with some functions changed."""

    def make(report):
        base = type(report["family"])
        return {**report, "family": type("Changed", (base,), {"__module__": "__main__", **change(base)})()}

    return _report(make)


def _writing(base):
    def transition(self, state, action, rng, params):
        state += base.transition(self, state, action, rng, params) - state
        return state.clone()

    return {"transition": transition}


def _crowded(base):
    def transition(self, state, action, rng, params):
        return base.transition(self, state, action, rng, params) - 0.1 * state.mean(1, keepdim=True)

    return {"transition": transition}


def _endless(base):
    def terminal(self, state, rng, params):
        return torch.zeros(3)

    return {"terminal": terminal}


def _infinite(base):
    def reward(self, state, action, next_state, rng, params):
        return base.reward(self, state, action, next_state, rng, params) / 0

    return {"reward": reward}


def _of_the_course(report):
    """CartPole, with the numbers of the ferry."""
    return {**report, "family": CartPole(), "controller": lambda seen: (seen[..., 2] > 0).long()}


class _Pusher:
    """A policy with one number, the first action's."""

    def greedy_action(self, parameters, observation):
        return torch.zeros(observation.shape[:-1], dtype=torch.int64)


def _coasts(observation):
    return torch.ones(observation.shape[:-1], dtype=torch.int64)


def _brakes_late(observation):
    """A poor controller, and far better than random actions."""
    return 1 - (observation[..., 0] + observation[..., 1]).sign().long()


def _bad_agents(report):
    """Random numbers for parameters: agents that have not learned."""
    draw = torch.Generator().manual_seed(0)
    parameters = {name: torch.randn(value.shape, generator=draw) for name, value in report["parameters"].items()}
    returns = _play(report, _Greedy(report["policy"]), parameters)
    return _recomputed(report, parameters=parameters, returns=returns)


class _Greedy(_Rule):
    def __init__(self, policy):
        self.policy = policy

    def act(self, parameters, observation, noise):
        return self.policy.greedy_action(parameters, observation), noise


def _copies(report):
    first = {name: value[:1].expand_as(value).clone() for name, value in report["parameters"].items()}
    return _recomputed(report, parameters=first, returns=_play(report, _Greedy(report["policy"]), first))


def _coasting(report):
    """Engine off: the ferry is lost, as with random actions."""
    return _recomputed(report, controller=_coasts, controller_returns=_play(report, _Rule(_coasts)))


def _braking_late(report):
    return _recomputed(report, controller=_brakes_late, controller_returns=_play(report, _Rule(_brakes_late)))


def _fewer_random_episodes(report):
    policy = UniformPolicy(report["family"].action_space)
    return _recomputed(report, random_returns=_play(report, policy, episodes=50))


def _of_sixty(report, half):
    """An interval of fewer episodes: with all of them two wrong ones happen to be the same."""
    report = _recomputed(report, returns=report["returns"][:, :60])
    x = _runs(report)
    return {**report, "low": float(x.mean()) - half(x, report), "high": float(x.mean()) + half(x, report)}


def _half_of_all_episodes(x, report):
    return 1.96 * float(report["returns"].std()) / report["returns"].numel() ** 0.5


def _key(name):
    return _report(lambda report: {key: value for key, value in report.items() if key != name})


_right = _report(lambda r: r)
_from_the_course = _report(_of_the_course)
_in_place = _with_family(_writing)
_neighbours = _with_family(_crowded)
_four_seeds = _report(lambda r: _some(r, [0, 1, 2, 3]))
_a_seed_again = _report(lambda r: _some(r, [0, 1, 2, 3, 4, 4]))
_one_agent = _report(_copies)
_same_seeds = _changed(evaluation_seeds=lambda r: [0])
_no_evaluation_seed = _changed(evaluation_seeds=lambda r: [])
_ten_episodes = _report(lambda r: _recomputed(r, returns=r["returns"][:, :10]))
_free = _changed(env_steps=lambda r: 0)
_random_made_worse = _changed(random_returns=lambda r: r["random_returns"] - 40)
_controller_made_worse = _report(lambda r: _recomputed(r, controller_returns=r["controller_returns"] - 3))
_agents_made_better = _report(lambda r: _recomputed(r, returns=r["returns"] + 1))
_agents_made_worse = _report(lambda r: _recomputed(r, returns=r["returns"] - 1))
_ends = _changed(low=lambda r: float(_runs(r).min()), high=lambda r: float(_runs(r).max()))
_every_episode = _report(lambda r: _of_sixty(r, _half_of_all_episodes))
_deviation = _interval(lambda x, r: float(x.std()))
_error = _interval(lambda x, r: float(x.std()) / len(x) ** 0.5)
_normal = _interval(lambda x, r: 1.96 * float(x.std()) / len(x) ** 0.5)
_biased = _report(lambda r: _of_sixty(r, lambda x, r: _t(len(x)) * float(x.std(correction=0)) / len(x) ** 0.5))
_shifted = _interval(lambda x, r: _t(len(x)) * float(x.std()) / len(x) ** 0.5, shift=0.1)
_ninety = _interval(lambda x, r: _t(len(x), 0.95) * float(x.std()) / len(x) ** 0.5)
_eighty = _interval(lambda x, r: _t(len(x), 0.9) * float(x.std()) / len(x) ** 0.5)
_ninety_nine = _interval(lambda x, r: _t(len(x), 0.995) * float(x.std()) / len(x) ** 0.5)
_upside_down = _changed(low=lambda r: r["high"], high=lambda r: r["low"])
_engine_off = _report(_coasting)
_not_learned = _report(_bad_agents)
_other_verdict = _changed(verdict=lambda r: ch04.BELOW)

WRONG = [
    (ch04.check_project, answer)
    for answer in (
        _no_evaluation_seed,
        _in_place,
        _neighbours,
        _with_family(_endless),
        _with_family(_infinite),
        _key("controller"),
        _key("random_returns"),
        _changed(family=lambda r: type(r["family"])),
        _changed(policy=lambda r: r["controller"]),
        _changed(policy=lambda r: _Pusher()),
        _changed(controller=lambda r: lambda observation: observation),
        _changed(controller=lambda r: lambda observation, state: 1),
        _changed(parameters=lambda r: {name: value[0] for name, value in r["parameters"].items()}),
        _changed(controller_returns=lambda r: r["controller_returns"][0]),
        _changed(random_returns=lambda r: float(r["random_returns"].mean())),
        _changed(env_steps=lambda r: 14_149.5),
        _changed(verdict=lambda r: "better"),
        _changed(returns=lambda r: r["returns"] * float("nan")),
    )
]

RIGHT = [
    (ch04.check_project, answer)
    for answer in (
        _right,
        _report(_braking_late),
        _report(_fewer_random_episodes),
        _changed(returns=lambda r: r["returns"].tolist(), seeds=lambda r: tuple(r["seeds"])),
        _changed(low=lambda r: round(r["low"], 3), high=lambda r: round(r["high"], 3)),
        _report(lambda r: _recomputed(r, returns=_play(r, _Greedy(r["policy"]), r["parameters"], 55, 40))),
    )
]
