"""Reports of chapter 04 and of the first project, from a tenth attack."""

import dataclasses

import numpy as np
import torch
from report_changes import bootstrapped, changed, one_error, one_sided, row_copied, with_ends, with_n, with_n_degrees
from solved import answers

from metarl_core.agents import UniformPolicy
from metarl_core.check import ch04
from metarl_core.evaluation import t_interval
from metarl_core.parameters import select_parameters, stack_parameters
from metarl_core.recipes.policy_gradients import Greedy
from metarl_core.tasks import rollout
from tools.course import ROOT

SOLUTION = ROOT / "solutions" / "04_policy_gradient_agents.py"
PROJECT = ROOT / "projects" / "04p_new_environment.py"


def _given(name):
    """`setting_with`, `trained` or `greedy_returns` of the exercise."""
    return answers(SOLUTION).made(5)[name]


def _setting(**changes):
    return _given("setting_with")(**{"lr": 3e-3, "anneal": False, "minibatches": 8, **changes})


def _interval(report, **fields):
    report = {**report, **fields}
    found = t_interval(torch.as_tensor(np.asarray(report["returns"])).double())
    return {**report, "low": found.low, "high": found.high}


def _run(report, setting=None, seeds=None, episodes=50, policy=None, **fields):
    setting, seeds = setting or report["setting"], list(range(12)) if seeds is None else seeds
    policy = _given("trained")(setting, seeds) if policy is None else policy
    returns = _given("greedy_returns")(setting, policy, episodes, torch.Generator().manual_seed(2))
    return _interval(report, **{"setting": setting, "seeds": seeds, "policy": policy, "returns": returns, **fields})


def _more_steps(setting, factor):
    config = dataclasses.replace(setting.config, iterations=factor * setting.config.iterations)
    return dataclasses.replace(setting, config=config)


_with_ends = with_ends(lambda report: torch.as_tensor(report["returns"]).double().mean(1))


def _over_episodes(report):
    found = t_interval(report["returns"].flatten())
    return {**report, "low": found.low, "high": found.high}


def _sampled(report):
    agent = report["setting"].agent()
    number = len(report["seeds"])
    family = _given("CartPole")()
    tasks = {name: value.expand(number) for name, value in family.default_params.items()}
    played = rollout(family, tasks, agent.policy, report["policy"], 50, torch.Generator().manual_seed(2))
    return _interval(report, returns=played.returns)


def _best_rows(report):
    best = report["returns"].mean(1).argsort(descending=True)[:6]
    return _interval(report, returns=report["returns"][best].repeat(2, 1))


TUNED = {
    "a_tuning_seed_among_the_reported": lambda r: {**r, "tuning_seeds": [*r["tuning_seeds"], 11]},
    "tuned_on_the_reported": lambda r: {**r, "tuning_seeds": r["seeds"]},
    "a_seed_twice": lambda r: {**r, "seeds": [*r["seeds"][:11], 0]},
    "other_seeds_are_named": lambda r: {**r, "seeds": list(range(40, 52))},
    "four_times_the_steps_told": lambda r: _run(r, setting=_more_steps(r["setting"], 4)),
    "another_rate_is_named": lambda r: {**r, "setting": _setting(lr=1e-4)},
    "annealing_is_named": lambda r: {**r, "setting": _setting(lr=3e-5, anneal=True)},
    "another_network_is_named": lambda r: {**r, "setting": _setting(hidden=(32, 32))},
    "the_chapters_setting": lambda r: _run(r, setting=_given("setting_with")(), seeds=[0, 1, 2, 3, 4]),
    "sampled_actions": _sampled,
    "best_agent_everywhere": lambda r: _run(
        r,
        policy={
            name: value[int(r["returns"].mean(1).argmax())][None].repeat(12, *[1] * (value.ndim - 1))
            for name, value in r["policy"].items()
        },
    ),
    "worst_agent_replaced": lambda r: _run(
        r,
        policy={
            name: row_copied(value, int(r["returns"].mean(1).argmin()), int(r["returns"].mean(1).argmax()))
            for name, value in r["policy"].items()
        },
    ),
    "best_rows_twice": _best_rows,
    "worst_row_replaced": lambda r: _interval(
        r, returns=row_copied(r["returns"], int(r["returns"].mean(1).argmin()), int(r["returns"].mean(1).argmax()))
    ),
    "rows_of_others": lambda r: _interval(r, returns=r["returns"].roll(1, 0)),
    "best_episodes": lambda r: _interval(r, returns=r["returns"].sort(1).values[:, 25:]),
    "ten_episodes": lambda r: _run(r, policy=r["policy"], episodes=10),
    "every_return_500": lambda r: _interval(r, returns=torch.full((12, 50), 500.0) - torch.rand(12, 50)),
    "twenty_more_each": lambda r: _interval(r, returns=r["returns"] * 1.3),
    "no_tuning_seeds": lambda r: {**r, "tuning_seeds": []},
    "four_seeds": lambda r: _run(
        r, policy={name: value[:4] for name, value in r["policy"].items()}, seeds=[0, 1, 2, 3]
    ),
    "over_episodes": _over_episodes,
    "ends_exchanged": lambda r: {**r, "low": r["high"], "high": r["low"]},
    "low_is_the_bar": lambda r: {**r, "low": 150.0},
    "deviation_with_n": _with_ends(with_n),
    "n_degrees_of_freedom": _with_ends(with_n_degrees),
    "one_sided": _with_ends(one_sided),
    "one_standard_error": _with_ends(one_error),
    "bootstrapped": _with_ends(bootstrapped),
}


def _one_by_one(report):
    setting, seeds = _setting(lr=2.5e-3), list(range(300, 312))
    rows = [_given("trained")(setting, [seed]) for seed in seeds]
    policy = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    return _run(report, setting=setting, seeds=seeds, policy=policy, tuning_seeds=[1, 2, 3])


def _of_numpy(report):
    return {
        **report,
        "returns": report["returns"].numpy(),
        "seeds": np.array(report["seeds"]),
        "low": np.float64(report["low"]),
    }


GOOD_TUNED = {
    "one_by_one": _one_by_one,
    "another_setting": lambda r: _run(
        r,
        setting=_setting(lr=3e-3, num_steps=32, hidden=(64,), minibatches=4),
        seeds=tuple(range(50, 66)),
        tuning_seeds=(9, 8, 7, 7),
        episodes=20,
    ),
    "of_numpy": _of_numpy,
    "lists": lambda r: {**r, "returns": r["returns"].tolist(), "seeds": tuple(r["seeds"])},
}


def _played(report, policy, parameters, seed, agents=1, episodes=200, params=None, horizon=None):
    family = report["family"] if horizon is None else type(report["family"])(horizon)
    tasks = {name: value.expand(agents) for name, value in (params or family.default_params).items()}
    return rollout(family, tasks, policy, parameters, episodes, torch.Generator().manual_seed(seed)).returns


class _ByRule:
    """A rule as a policy for `rollout`."""

    def __init__(self, rule):
        self.rule = rule

    def noise(self, shape, generator):
        return torch.zeros(shape)

    def act(self, parameters, observation, noise):
        return self.rule(observation), noise


def _judged(report, **fields):
    report = {**report, **fields}
    found = t_interval(torch.as_tensor(report["returns"]).double())
    mean = float(torch.as_tensor(report["controller_returns"]).double().mean())
    verdict = ch04.ABOVE if found.low > mean else ch04.BELOW if found.high < mean else ch04.NOT_TOLD
    return {**report, "low": found.low, "high": found.high, "verdict": verdict}


def _project_ends(ends):
    def change(report):
        low, high = ends(report["returns"].double().mean(1).numpy())
        return {**report, "low": low, "high": high}

    return change


def _of_the_difference(report):
    found = t_interval(report["returns"].mean(1) - report["controller_returns"].mean())
    return {**report, "low": found.low, "high": found.high}


def _copied(report, rows):
    parameters = {name: value[rows] for name, value in report["parameters"].items()}
    returns = _played(report, Greedy(report["policy"]), parameters, 1000, len(rows))
    return _judged(report, parameters=parameters, returns=returns)


PROJECTS = {
    "below_is_said": lambda r: {**r, "verdict": ch04.BELOW},
    "not_told_is_said": lambda r: {**r, "verdict": ch04.NOT_TOLD},
    "evaluated_with_a_training_seed": lambda r: {**r, "evaluation_seeds": [0, 1001, 1002]},
    "a_seed_twice": lambda r: {**r, "seeds": [0, 1, 2, 3, 3]},
    "one_agent_five_times": lambda r: _copied(r, [0, 0, 0, 0, 0]),
    "worst_agent_replaced": lambda r: _copied(r, [0, 1, 2, 3, 0]),
    "best_half_of_the_episodes": lambda r: _judged(r, returns=r["returns"].sort(1).values[:, 100:]),
    "means_of_ten_episodes": lambda r: _judged(r, returns=r["returns"].view(5, 20, 10).mean(2)),
    "ten_episodes": lambda r: _judged(r, returns=r["returns"][:, :10]),
    "a_worse_controller_is_handed_in": lambda r: {**r, "controller": lambda o: (o[..., 0] < 0).long() * 2},
    "controller_and_random_exchanged": lambda r: _judged(
        r, controller_returns=r["random_returns"], random_returns=r["controller_returns"]
    ),
    "no_steps": lambda r: {**r, "env_steps": 0},
    "steps_as_a_fraction": lambda r: {**r, "env_steps": 14400.5},
    "untrained": lambda r: _copied_from(r, 1e-3),
    "ends_exchanged": lambda r: {**r, "low": r["high"], "high": r["low"]},
    "of_the_difference": _of_the_difference,
    "deviation_with_n": _project_ends(with_n),
    "n_degrees_of_freedom": _project_ends(with_n_degrees),
    "one_sided": _project_ends(one_sided),
    "bootstrapped": _project_ends(bootstrapped),
}


def _copied_from(report, scale):
    """Parameters of next to nothing, with their own true returns."""
    parameters = {name: scale * value for name, value in report["parameters"].items()}
    return _judged(
        report, parameters=parameters, returns=_played(report, Greedy(report["policy"]), parameters, 1000, 5)
    )


def _agent_by_agent(report):
    rows = [
        _played(
            report, Greedy(report["policy"]), stack_parameters([select_parameters(report["parameters"], row)]), 70 + row
        )
        for row in range(5)
    ]
    random = _played(report, UniformPolicy(report["family"].action_space), {}, 78, episodes=60)
    return _judged(
        report,
        returns=torch.cat(rows).tolist(),
        random_returns=random.numpy(),
        evaluation_seeds=tuple(range(70, 79)),
        controller_returns=_played(report, _ByRule(report["controller"]), {}, 77, episodes=300),
    )


GOOD_PROJECTS = {
    "agent_by_agent": _agent_by_agent,
    "controller_by_numpy": lambda r: {
        **r,
        "controller": lambda o: torch.from_numpy(np.asarray(r["controller"](o))),
        "env_steps": np.int64(r["env_steps"]),
    },
    "arrays": lambda r: {
        **r,
        "returns": r["returns"].double().numpy(),
        "seeds": np.array(r["seeds"]),
        "random_returns": r["random_returns"].tolist(),
    },
    "twenty_episodes": lambda r: _judged(
        r,
        returns=_played(r, Greedy(r["policy"]), r["parameters"], 55, 5, episodes=20),
        evaluation_seeds=[55, 1001, 1002],
    ),
}

NOT_ASKED = {
    "half_the_time": lambda r: _judged(
        r, returns=_played(r, Greedy(r["policy"]), r["parameters"], 1000, 5, horizon=30)
    ),
    "without_the_current": lambda r: _judged(
        r,
        returns=_played(r, Greedy(r["policy"]), r["parameters"], 1000, 5, params={"current": torch.tensor([0.0])}),
    ),
    "controller_in_a_reversed_current": lambda r: _judged(
        r,
        controller_returns=_played(r, _ByRule(r["controller"]), {}, 1001, params={"current": torch.tensor([-0.6])}),
    ),
    "sampled_actions": lambda r: _judged(r, returns=_played(r, r["policy"], r["parameters"], 1000, 5)),
    "random_is_an_idle_engine": lambda r: {
        **r,
        "random_returns": _played(r, _ByRule(lambda o: torch.ones(o.shape[:-1]).long()), {}, 1002),
    },
    "an_idle_controller": lambda r: _judged(
        r,
        controller=lambda o: torch.ones(o.shape[:-1]).long(),
        controller_returns=_played(r, _ByRule(lambda o: torch.ones(o.shape[:-1]).long()), {}, 1001),
    ),
    "rounded_to_units": lambda r: _judged(r, returns=r["returns"].round()),
    "rows_rolled": lambda r: _judged(r, returns=r["returns"].roll(1, 0)),
}
"""Not against the text, or told by luck alone: either verdict will do."""

NOT_ASKED_REPORTS = {
    "four_times_the_steps": lambda r: {
        **_run(r, policy=_given("trained")(_more_steps(r["setting"], 4), list(range(12)))),
    },
}
"""Not against the text, or told by luck alone: either verdict will do."""

WRONG = changed(SOLUTION, ch04.check_tuned, TUNED) + changed(PROJECT, ch04.check_project, PROJECTS)
RIGHT = changed(SOLUTION, ch04.check_tuned, GOOD_TUNED) + changed(PROJECT, ch04.check_project, GOOD_PROJECTS)
DOUBTFUL = changed(PROJECT, ch04.check_project, NOT_ASKED)
DOUBTFUL += changed(SOLUTION, ch04.check_tuned, NOT_ASKED_REPORTS)
