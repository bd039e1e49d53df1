"""A training by interaction that several processes share, each started by tests/test_scale_rl.py.

    python tests/scale_rl_worker.py NAME,NAME RESULT CHECKPOINT [ITERATION]

writes what it learned, by name, to RESULT; CHECKPOINT may be "none". Rank 1 dies before ITERATION, without a word.
"""

import os
import sys
from dataclasses import replace

import torch

from metarl_core.agents import GaussianPolicy
from metarl_core.agents.q_network import QNetwork
from metarl_core.meta import OuterAdam, OuterPPO, OuterReptile, OuterTRPO, PolicyMAML, policies, values
from metarl_core.parameters import initial_parameters, stack_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes.sharing import double
from metarl_core.scale import Ranks, join, train_policies, train_values
from metarl_core.tasks import CartPole, PointNavigation
from metarl_core.training import loop

TASKS, BLOCK = 9, 2
"""five blocks, the last of one task: neither two, three nor four processes can share them evenly"""
CONFIG = policies.TrainConfig(iterations=3, meta_batch=TASKS)
Q_CONFIG = values.TrainConfig(
    iterations=3, meta_batch=TASKS, support=6, collect=6, updates=2, batch_size=5, buffer_size=40
)
RULES = {
    "Adam": OuterAdam(outer_lr=0.01),
    "PPO": OuterPPO(outer_lr=0.01, epochs=2),
    "TRPO": OuterTRPO(cg_iterations=3, backtracks=4),
    "Reptile": OuterReptile(),
}
NAMES = (*RULES, "QMAML")


def policy_maml(**options):
    family = PointNavigation(horizon=6)
    policy = GaussianPolicy(family.observation_space, family.action_space, (4,), torch.tanh, seeded(0))
    return PolicyMAML(family, policy, **({"episodes": 3, "inner_lr": 0.1} | options))


def q_maml():
    family = CartPole()
    return values.QMAML(family, QNetwork(family.observation_space, family.action_space, (4,), seeded(0)), inner_steps=1)


def q_start():
    method = q_maml()
    network = method.network.initial_parameters()
    return method, method.initial(stack_parameters([network, {name: -value for name, value in network.items()}]))


def train(name, ranks=None, block=BLOCK, checkpoint=None, callback=None):
    """Meta-parameters and history after three iterations, six with a checkpoint."""
    with double():
        return _train(name, ranks, block, checkpoint, callback)


def _train(name, ranks, block, checkpoint, callback):
    shared = {"ranks": ranks or Ranks(), "block": block, "description": None, "callback": callback}
    if name == "QMAML":
        method, meta = q_start()
        return train_values(method, meta, Q_CONFIG, seeded(2), **shared)
    method = policy_maml(inner_steps=2 if name == "Reptile" else 1)
    meta = method.initial(initial_parameters(method.policy))
    config = replace(CONFIG, iterations=6) if checkpoint else CONFIG
    return train_policies(method, meta, config, seeded(2), rule=RULES[name], checkpoint=checkpoint, **shared)


def main(names, result, checkpoint="none", dies_before=None):
    loop.SECONDS_BETWEEN_CHECKPOINTS = 0.0
    with join(minutes=2) as ranks:

        def die(iteration, parameters, data):
            if ranks.rank == 1 and dies_before is not None and iteration + 1 == int(dies_before):
                os._exit(1)

        file = ranks.checkpoint(None if checkpoint == "none" else checkpoint)
        results = {}
        for name in names.split(","):
            learned, history = train(name, ranks, checkpoint=file, callback=die)
            results[name] = {"learned": dict(learned), "history": dict(history)}
        torch.save(results, f"{result}.{ranks.rank}")


if __name__ == "__main__":
    main(*sys.argv[1:])
