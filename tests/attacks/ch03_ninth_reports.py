"""Reports of agents at a cliff, chapter 03, from a ninth attack."""

import functools

import numpy as np
import torch
from produced_reports import Late

from metarl_core.check import ch03
from metarl_core.evaluation import t_interval
from tools.course import ROOT

from . import named

SOLUTION = ROOT / "solutions" / "03_value_based_agents.py"
START, GOAL = 36, 47
TABLES, RETURNS = ("greedy_target", "expected_target"), ("returns_greedy_target", "returns_expected_target")


def _cliff(change):
    return Late(SOLUTION, "check_comparison", change)


def _move(cell, action):
    row = (cell // 12 + torch.tensor([-1, 0, 1, 0])[action]).clamp(0, 3)
    column = (cell % 12 + torch.tensor([0, 1, 0, -1])[action]).clamp(0, 11)
    fallen = (row == 3) & (column > 0) & (column < 11)
    following = torch.where(fallen, START, 12 * row + column)
    return following, torch.where(fallen, -100.0, -1.0), following == GOAL


def _act(values, agent, cell, explores, which):
    return torch.where(explores, (4 * which).long(), values[agent, cell].argmax(-1))


def _target(rewards, terminated, online, epsilon):
    future = (1 - epsilon) * online.amax(1) + epsilon * online.mean(1)
    return rewards + torch.where(terminated, 0.0, future)


@functools.cache
def _train(epsilon, seeds, iterations=1500, walkers=16, rate=0.2, explores_with=0.1):
    luck = [torch.rand((iterations, 2, walkers), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    values, cell = torch.zeros(len(seeds), 48, 4), torch.full((len(seeds), walkers), START)
    agent = torch.arange(len(seeds))[:, None].expand(cell.shape)
    for explores, which in torch.stack(luck, 2):
        action = _act(values, agent, cell, explores < explores_with, which)
        following, reward, ended = _move(cell, action)
        y = _target(reward.flatten(), ended.flatten(), values[agent, following].flatten(0, 1), epsilon).view(cell.shape)
        values.index_put_((agent, cell, action), rate * (y - values[agent, cell, action]), accumulate=True)
        cell = torch.where(ended, START, following)
    return values


def _play(values, episodes=50, epsilon=0.1, seed=5):
    generator = torch.Generator().manual_seed(seed)
    cell = torch.full((len(values), episodes), START)
    agent = torch.arange(len(values))[:, None].expand(cell.shape)
    returns, over = torch.zeros(cell.shape), torch.zeros(cell.shape, dtype=torch.bool)
    for _ in range(500):
        explores, which = torch.rand((2, *cell.shape), generator=generator)
        cell, reward, ended = _move(cell, _act(values, agent, cell, explores < epsilon, which))
        returns, over = returns + torch.where(over, 0.0, reward), over | ended
    return returns


def _concluded(report, conclusion=None, **fields):
    report = {**report, **fields}
    first, second = (torch.as_tensor(np.asarray(report[name])).double().mean(1) for name in RETURNS)
    found = t_interval(second - first)
    verdict = ch03.NOT_TOLD_APART
    if found.low > 0:
        verdict = ch03.EXPECTED_EARNS_MORE
    elif found.high < 0:
        verdict = ch03.GREEDY_EARNS_MORE
    return {**report, "low": found.low, "high": found.high, "conclusion": conclusion or verdict}


def _experiment(
    seeds=(0, 1, 2, 3, 4), others=None, epsilons=(0.0, 0.1), plays=(5, 6), episodes=50, playing=0.1, **training
):
    tables = [_train(e, tuple(s), **training) for e, s in zip(epsilons, (seeds, others or seeds), strict=True)]
    returns = [_play(t, episodes, playing, seed) for t, seed in zip(tables, plays, strict=True)]
    return _concluded(
        {"seeds": list(seeds)}, **dict(zip(TABLES, tables, strict=True)), **dict(zip(RETURNS, returns, strict=True))
    )


def _greedily_played(report):
    return _experiment(playing=0.0)


def _expected_with_more(report):
    return _experiment(epsilons=(0.0, 0.3))


def _little_epsilon_for_greedy(report):
    return _experiment(epsilons=(0.02, 0.1))


def _nineteen_episodes(report):
    return _experiment(episodes=19)


def _four_seeds(report):
    return _experiment(seeds=(0, 1, 2, 3))


def _a_seed_twice(report):
    return _experiment(seeds=(0, 1, 2, 3, 0))


def _tables_in_another_order(report):
    found = _experiment()
    return {**found, "expected_target": found["expected_target"].flip(0)}


def _returns_in_another_order(report):
    found = _experiment()
    return _concluded(found, returns_greedy_target=found["returns_greedy_target"].flip(0))


def _returns_exchanged(report):
    found = _experiment()
    return _concluded(
        found,
        returns_greedy_target=found["returns_expected_target"],
        returns_expected_target=found["returns_greedy_target"],
    )


def _over_episodes(report):
    found = _experiment()
    x = (found["returns_expected_target"] - found["returns_greedy_target"]).double().flatten()
    interval = t_interval(x)
    return {**found, "low": interval.low, "high": interval.high}


def _unpaired(report):
    found = _experiment()
    one, two = (t_interval(found[name].double().mean(1)) for name in RETURNS)
    return {**found, "low": two.low - one.high, "high": two.high - one.low}


def _normal(report):
    found = _experiment()
    x = (found["returns_expected_target"] - found["returns_greedy_target"]).double().mean(1)
    half = 1.96 * float(x.std()) / len(x) ** 0.5
    return {**found, "low": float(x.mean()) - half, "high": float(x.mean()) + half}


def _sign_turned(report):
    found = _experiment()
    return {**found, "low": -found["high"], "high": -found["low"]}


def _of_medians(report):
    found = _experiment()
    one, two = (found[name].double().median(1).values for name in RETURNS)
    interval = t_interval(two - one)
    return {**found, "low": interval.low, "high": interval.high}


def _best_half_of_the_episodes(report):
    found = _experiment()
    kept = found["returns_expected_target"].sort(1).values[:, 20:]
    return _concluded(
        {**found, "returns_greedy_target": found["returns_greedy_target"][:, :30]}, returns_expected_target=kept
    )


def _constant_returns(report):
    found = _experiment()
    means = found["returns_greedy_target"].mean(1, keepdim=True)
    return _concluded(found, returns_greedy_target=means.expand(-1, 50).clone())


def _made_up_returns(report):
    found = _experiment()
    luck = torch.randn(5, 50, generator=torch.Generator().manual_seed(3))
    return _concluded(found, returns_expected_target=(-20 + 4 * luck).round())


def _does_not_conclude(report):
    return _concluded(_experiment(), conclusion=ch03.NOT_TOLD_APART)


def _says_the_opposite(report):
    return _concluded(_experiment(), conclusion=ch03.GREEDY_EARNS_MORE)


def _same_tables(report):
    found = _experiment(epsilons=(0.1, 0.1))
    return found


def _as_lists(report):
    found = _experiment(seeds=(7, 3, 22, 5, 1, 90))
    return {**found, **{name: found[name].tolist() for name in RETURNS}, "seeds": tuple(found["seeds"])}


def _common_luck_of_play(report):
    found = _experiment(plays=(8, 8), episodes=20)
    return {**found, "low": torch.tensor(found["low"]), "high": np.float32(found["high"])}


def _many_seeds(report):
    return _experiment(seeds=tuple(range(200, 212)), episodes=30)


WRONG = named(
    ch03.check_comparison,
    *map(
        _cliff,
        (
            _greedily_played,
            _expected_with_more,
            _little_epsilon_for_greedy,
            _nineteen_episodes,
            _four_seeds,
            _a_seed_twice,
            _tables_in_another_order,
            _returns_in_another_order,
            _returns_exchanged,
            _over_episodes,
            _unpaired,
            _normal,
            _sign_turned,
            _of_medians,
            _best_half_of_the_episodes,
            _constant_returns,
            _made_up_returns,
            _does_not_conclude,
            _says_the_opposite,
            _same_tables,
        ),
    ),
)
RIGHT = named(ch03.check_comparison, *map(_cliff, (_as_lists, _common_luck_of_play, _many_seeds)))
