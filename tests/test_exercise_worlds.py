"""The recipes of the experiments in chapters 08 to 10, against oracles that share no code with them."""

import itertools
import math

import pytest
import torch

from metarl_core.randomness import seeded
from metarl_core.recipes import bandit_groups, goal_cells, star_maze


def test_a_walker_that_knows_the_keys_earns_what_its_arm_pays():
    logits = torch.zeros(1, star_maze.CELLS, star_maze.ARMS)
    logits[0, torch.arange(star_maze.CELLS), star_maze.OUTWARD] = 60.0
    tasks = star_maze.sample_tasks(30, seeded(1))
    for arm in range(star_maze.ARMS):
        logits[0, 0] = 60.0 * torch.nn.functional.one_hot(torch.tensor(arm), star_maze.ARMS)
        earned = star_maze.after_a_step(logits, tasks, 0.0, seeded(2))
        torch.testing.assert_close(earned[0], tasks["pays"][:, arm])


def test_wrong_keys_lead_back_and_the_hub_s_keys_into_their_arms():
    table = star_maze.FOLLOWING
    assert table[0].tolist() == [1, 4, 7, 10, 13]
    for cell in range(1, star_maze.CELLS):
        outward = [key for key in range(star_maze.ARMS) if table[cell, key] == cell + 1]
        if cell % star_maze.LENGTH:
            assert outward == [int(star_maze.OUTWARD[cell])]
            back = 0 if cell % star_maze.LENGTH == 1 else cell - 1
            assert {int(after) for key, after in enumerate(table[cell]) if key not in outward} == {back}


def test_the_step_in_the_maze_is_that_of_log_probabilities_on_normalised_advantages():
    """The step by a loop over episodes, with the task's mean return to go as its baseline."""
    logits = torch.randn(1, 1, star_maze.CELLS, star_maze.ARMS, generator=seeded(0))
    pays = star_maze.sample_tasks(1, seeded(1))["pays"][None]
    walks = star_maze._play(logits, pays, [seeded(2)], 6)
    cells, keys, rewards, mask = (part[0, 0].tolist() for part in walks)
    steps = []
    for c, k, r, m in zip(cells, keys, rewards, mask, strict=True):
        steps += [(c[t], k[t], sum(r[t:])) for t in range(star_maze.HORIZON) if m[t]]
    mean = sum(ahead for *_, ahead in steps) / len(steps)
    spread = math.sqrt(sum((ahead - mean) ** 2 for *_, ahead in steps) / len(steps))
    slope = torch.zeros(star_maze.CELLS, star_maze.ARMS)
    for cell, key, ahead in steps:
        score = -logits[0, 0, cell].softmax(-1)
        score[key] += 1
        slope[cell] += (ahead - mean) / max(spread, 1e-6) * score / len(steps)
    found = star_maze._adapted(logits, walks, 3.0)
    torch.testing.assert_close(found[0, 0], logits[0, 0] + 3 * slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "train", [lambda seeds: star_maze.meta_train(seeds, 50.0, 3), lambda seeds: star_maze.pre_train(seeds, 3)]
)
def test_a_seed_learns_the_same_beside_others_in_the_maze(train):
    alone, together = train([4]), train([7, 4])
    torch.testing.assert_close(together[1:], alone, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(together[0], together[1])


def test_a_seed_learns_the_same_beside_others_on_the_grid():
    goals = list(range(12))
    alone, together = goal_cells.meta_train([4], goals, 2), goal_cells.meta_train([7, 4], goals, 2)
    torch.testing.assert_close(together[1:], alone, rtol=1e-3, atol=1e-4)


def test_a_table_of_true_values_loses_little_and_the_wrong_goal_s_much():
    """Values by iteration; nobody who knows them earns as little as a table that knows another goal's."""
    side = goal_cells.SIDE

    def values(goal):
        q = torch.zeros(side * side, 4)
        for _ in range(15):
            for cell, action in itertools.product(range(side * side), range(4)):
                row, column = divmod(cell, side)
                row = min(max(row + (-1, 0, 1, 0)[action], 0), side - 1)
                column = min(max(column + (0, 1, 0, -1)[action], 0), side - 1)
                left = abs(row - goal // side) + abs(column - goal % side)
                ahead = 0.0 if left == 0 else float(q[side * row + column].max())
                q[cell, action] = -left / (2 * side - 2) + goal_cells.DISCOUNT * ahead
        return q

    tables = torch.stack([values(0), values(35)])
    earned = goal_cells.earned(tables, [0], seeded(3))
    assert earned.shape == (2, 1)
    assert -0.35 < float(earned[0]) < 0 and float(earned[1]) < float(earned[0]) - 0.1
    assert float(earned.min()) >= -1


def test_the_term_s_mean_is_the_derivative_of_what_is_earned_after_a_step():
    def earned(theta):
        p, n = 1 / (1 + math.exp(-theta)), bandit_groups.PULLS
        total = 0.0
        for k in range(n + 1):
            chance = math.comb(n, k) * p**k * (1 - p) ** (n - k)
            for share, step, sign in (
                (bandit_groups.SHARE, k * (1 - p), 1),
                (1 - bandit_groups.SHARE, -(n - k) * p, -1),
            ):
                there = theta + bandit_groups.STEP_SIZE / n * step
                total += share * chance / (1 + math.exp(-sign * there))
        return total

    slope = (earned(bandit_groups.THETA + 1e-5) - earned(bandit_groups.THETA - 1e-5)) / 2e-5
    p, n = 1 / (1 + math.exp(-bandit_groups.THETA)), bandit_groups.PULLS
    chance = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    weights = torch.outer(
        torch.tensor([bandit_groups.SHARE, 1 - bandit_groups.SHARE]).double(), torch.tensor(chance).double()
    )
    means = {name: float((weights * value).sum()) for name, value in bandit_groups.estimates().items()}
    assert means["naive + sampling term"] == pytest.approx(slope, abs=1e-8)
    assert means["naive"] < 0 < means["LVC"] < slope < means["first order"]
    drawn = bandit_groups.groups(200_000, seeded(0))
    for name, value in drawn.items():
        assert abs(float(value.mean()) - means[name]) < 5 * float(value.std()) / 200_000**0.5
