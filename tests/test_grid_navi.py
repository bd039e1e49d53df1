"""GridNavi: the family, the exact belief and the Bayes-optimal search, against plain loops and enumeration."""

import itertools

import numpy as np
import pytest
import torch

from metarl_core.agents import OraclePolicy, UniformPolicy
from metarl_core.exact import best_search, goal_belief, search_returns
from metarl_core.tasks import GridNavi, rollout


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_goals_are_all_cells_but_the_corner_and_its_neighbours():
    family = GridNavi()
    goals = family.goals["train"].tolist()
    assert len(goals) == 21 and not {0, 1, 5, 6} & set(goals)
    assert sorted(family.goals["ood"].tolist()) == [1, 5, 6]
    drawn = family.sample_tasks(21_000, seeded(), "test")["goal"]
    counts = drawn.bincount(minlength=25)
    assert (counts[goals] > 850).all() and (counts[goals] < 1150).all() and counts.sum() == 21_000


def test_episodes_are_what_a_plain_loop_gives():
    family = GridNavi()
    tasks = family.sample_tasks(8, seeded())
    played = rollout(family, tasks, UniformPolicy(family.action_space), {}, 6, seeded(1))
    moves = [(0, 0), (-1, 0), (0, 1), (1, 0), (0, -1)]
    for task, episode in itertools.product(range(8), range(6)):
        row, column = 0, 0
        for time in range(15):
            here = (task, episode, time)
            assert int(played.observations[here]) == 5 * row + column
            down, right = moves[int(played.actions[here])]
            row, column = min(max(row + down, 0), 4), min(max(column + right, 0), 4)
            on_goal = 5 * row + column == int(tasks["goal"][task])
            assert float(played.rewards[here]) == pytest.approx(1.0 if on_goal else -0.1)
    assert played.mask.all() and not played.terminated.any()


def test_the_oracle_walks_straight_and_stays():
    family = GridNavi()
    tasks = {"goal": family.goals["train"]}
    played = rollout(family, tasks, OraclePolicy(family), tasks, 1, seeded())
    distance = tasks["goal"] // 5 + tasks["goal"] % 5
    assert torch.allclose(played.returns[:, 0], -0.1 * (distance - 1) + (16 - distance))


def test_the_belief_is_that_of_bayes_rule():
    family = GridNavi(4, horizon=20)
    tasks = {"goal": family.goals["train"]}
    played = rollout(family, tasks, UniformPolicy(family.action_space), {}, 3, seeded())
    cells = family.next_cell[played.observations, played.actions]
    belief = goal_belief(family, cells, played.rewards)
    goals = family.goals["train"].tolist()
    assert any(bool((played.rewards[i] > 0).any()) for i in range(len(goals)))
    for task, episode in itertools.product(range(len(goals)), range(3)):
        likelihood = dict.fromkeys(goals, 1.0)
        for time in range(20):
            cell, paid = int(cells[task, episode, time]), float(played.rewards[task, episode, time]) > 0
            likelihood = {goal: chance * ((goal == cell) == paid) for goal, chance in likelihood.items()}
            total = sum(likelihood.values())
            expected = torch.zeros(16)
            for goal, chance in likelihood.items():
                expected[goal] = chance / total
            assert torch.allclose(belief[task, episode, time], expected)


def enumerated(family, episodes):
    """The best expected return over every path, by brute force."""
    goals, following = family.goals["train"].numpy(), family.next_cell.numpy()
    best = -np.inf
    moves = [path for path in itertools.product(range(1, 5), repeat=family.horizon)]
    for paths in itertools.product(moves, repeat=episodes):
        total = 0.0
        for goal in goals:
            known = False
            for path in paths:
                cell = 0
                for action in path:
                    if known and cell == goal:
                        action = 0
                    elif known:
                        row, column = divmod(int(goal), family.size)
                        action = 3 if row > cell // family.size else 2 if column > cell % family.size else action
                    cell = following[cell, action]
                    known = known or cell == goal
                    total += 1.0 if cell == goal else -0.1
        best = max(best, total / len(goals))
    return best


@pytest.mark.parametrize("horizon, episodes", [(5, 1), (3, 2)])
def test_the_best_search_is_that_of_enumeration(horizon, episodes):
    family = GridNavi(3, horizon)
    search = best_search(family, episodes)
    assert search.actions.shape == (episodes, horizon)
    assert search.returns.sum() == pytest.approx(enumerated(family, episodes), abs=1e-9)


def test_no_other_path_searches_better():
    family = GridNavi(4, 8)
    search = best_search(family, 2)
    assert np.allclose(search_returns(family, search.actions), search.returns)
    rng = np.random.default_rng(0)
    for _ in range(60):
        changed = search.actions.copy()
        changed[rng.integers(2), rng.integers(8)] = rng.integers(5)
        assert search_returns(family, changed).sum() <= search.returns.sum() + 1e-9


@pytest.mark.in_turn(2)
@pytest.mark.parametrize("episodes", [1, 2, 4])
def test_the_search_of_the_published_grid(episodes):
    """What the first episode leaves unseen lies on one shortest way, so that the second is as good as being told."""
    search = best_search(GridNavi(), episodes)
    distance = np.add(*np.divmod(GridNavi().goals["train"].numpy(), 5))
    informed = (16 - distance - 0.1 * (distance - 1)).mean()
    assert search.returns[0] == pytest.approx(4.0)
    assert search.returns[1:] == pytest.approx([informed] * (episodes - 1))
