"""Chapter 14: small trainings in float64 that one process or several can do, to compare what they learn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from metarl_core.agents import GaussianPolicy, QNetwork
from metarl_core.meta import MAML, OuterAdam, OuterTRPO, PolicyMAML, policies, supervised, values
from metarl_core.meta.policies import OuterRule
from metarl_core.meta.supervised import Direction
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import Parameters, copy_parameters, initial_parameters
from metarl_core.randomness import seeded
from metarl_core.scale import Ranks, train_policies, train_values
from metarl_core.tasks import CartPole, FewShot, PointNavigation, Sinusoids

TASKS = 7
"""a number that two processes cannot share evenly"""


def loss(parameters: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error `[task]` of sine curves."""
    return (mlp(parameters, inputs, torch.tanh) - targets).square().mean((1, 2))


METHOD = MAML(loss, inner_lr=0.1)


def start() -> Parameters:
    """A network of 40 hidden units, in float64."""
    network = initial_parameters(MLP((1, 40, 1), torch.tanh, seeded(0)))
    return {name: value.double() for name, value in network.items()}


def sample(tasks: int, generator: torch.Generator) -> FewShot:
    """Sine curves in float64, ten points to adapt to and ten to be measured on."""
    return FewShot(*(part.double() for part in Sinusoids().sample_few_shot(tasks, 10, 10, generator)))


def sines(direction: Direction | None = None, seed: int = 0, iterations: int = 20, **settings: object) -> Parameters:
    """Meta-parameters after some iterations of MAML on sine curves, with a direction of one's own."""
    config = supervised.TrainConfig(iterations=iterations, meta_batch=TASKS, outer_lr=0.01, **settings)  # type: ignore[arg-type]
    return supervised.train(METHOD, start(), sample, config, seeded(seed), description=None, direction=direction)[0]


@contextlib.contextmanager
def double() -> Iterator[None]:
    """Tasks, networks and episodes in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def by_interaction(ranks: Ranks) -> dict[str, Parameters]:
    """Meta-parameters of two policies and a value function after some iterations, by name."""
    with double():
        family = PointNavigation(horizon=10)
        policy = GaussianPolicy(family.observation_space, family.action_space, (8,), torch.tanh, seeded(0))
        method = PolicyMAML(family, policy, inner_lr=0.1, episodes=4)
        meta, config = method.initial(initial_parameters(policy)), policies.TrainConfig(iterations=5, meta_batch=TASKS)
        rules: dict[str, OuterRule] = {}
        rules |= {"policy, Adam": OuterAdam(outer_lr=0.01), "policy, TRPO": OuterTRPO(cg_iterations=4)}
        learned = {
            name: train_policies(method, meta, config, seeded(1), ranks, rule=rule, block=2, description=None)[0]
            for name, rule in rules.items()
        }
        poles = CartPole()
        network = QNetwork(poles.observation_space, poles.action_space, (8,), seeded(0))
        q = values.QMAML(poles, network, inner_steps=1)
        start_of_q = {name: value[None] for name, value in network.initial_parameters().items()}
        short = values.TrainConfig(iterations=3, meta_batch=TASKS, support=8, updates=4, batch_size=8)
        found, _ = train_values(q, q.initial(start_of_q), short, seeded(1), ranks, block=2, description=None)
    return learned | {"Q-network, Adam": copy_parameters(found)}


def apart(one: Parameters, other: Parameters) -> float:
    """The largest difference between entries."""
    return max(float((value - other[name]).abs().max()) for name, value in one.items())
