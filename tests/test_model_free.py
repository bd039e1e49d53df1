"""The recipe of chapter 12's rivals without a model, at a small size."""

import pytest
import torch

from metarl_core.parameters import initial_parameters
from metarl_core.recipes import changing_bodies
from metarl_core.recipes.model_free import METHODS, Settings, agent_of, best_outer_lr, run, trained

BODIES = changing_bodies.Settings(horizon=12, earliest=4, latest=8, held_out_tasks=3)
SMALL = Settings(bodies=BODIES, budgets=(("40,000", 2, 3), ("400,000", 3, 4)), hidden=6, outer_lrs=(1e-3, 3e-2))


@pytest.mark.parametrize("method", METHODS)
def test_rows(method):
    row = run(method, 0, SMALL)
    assert row.shape == (1, 2 * 12) and bool(((row >= 0) & (row <= 1)).all())
    assert torch.equal(row, run(method, 0, SMALL)) and not torch.equal(row, run(method, 1, SMALL))
    assert best_outer_lr(method, SMALL) in SMALL.outer_lrs


def test_steps_are_those_of_the_name():
    for method in METHODS:
        steps = int(method.split(", ")[1].removesuffix(" steps").replace(",", ""))
        iterations, meta_batch = {words: rest for words, *rest in Settings().budgets}[f"{steps:,}"]
        assert iterations * meta_batch * Settings().bodies.horizon == steps
    learned = trained("PPO, 40,000 steps", 0, SMALL, outer_lr=1e-3)
    assert learned.history["env_steps"] == [36, 72]


def test_models_learn_from_as_many_steps():
    """Of each kind of episodes one for every training task."""
    bodies = Settings().bodies
    assert 2 * bodies.train_tasks * bodies.horizon == 40_000


@pytest.mark.parametrize("name, remembers", [("PPO", False), ("RL²", True)])
def test_who_remembers(name, remembers):
    agent = agent_of(name, torch.Generator().manual_seed(0), SMALL)
    parameters, inputs = initial_parameters(agent), torch.randn(2, 5, agent.inputs)
    other = torch.cat([torch.randn(2, 4, agent.inputs), inputs[:, 4:]], 1)
    first, second = (agent.read(parameters, given)[:, -1] for given in (inputs, other))
    assert torch.equal(first, second) != remembers
    own = {key.removeprefix("memory."): value for key, value in parameters.items() if key.startswith("memory.")}
    memory = agent.start(parameters, 2)
    for step in range(5):
        read, memory = agent.memory.step(own, inputs[:, step], memory)
    torch.testing.assert_close(read, first)
    last = inputs[:, 4:].clone()
    last[..., 5:] = 0  # the action and the reward before
    assert torch.equal(agent.memory.sequence(own, last)[:, 0], first) != remembers
