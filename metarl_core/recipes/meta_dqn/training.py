"""How a Q-network is meta-trained, or trained without meta-learning, on one family."""

import dataclasses
from collections.abc import Sequence

import torch

from metarl_core.agents import QNetwork, VectorSampler, train_dqn
from metarl_core.meta import QMAML, PlainDQN, QReptile, values
from metarl_core.parameters import Parameters, stack_parameters
from metarl_core.recipes.meta_dqn.settings import FORCED, Settings, family_of
from metarl_core.tasks import InformedTasks, TaskFamily, Tasks, TaskVectorEnv


def untrained(family: TaskFamily, seeds: Sequence[int], settings: Settings) -> tuple[QNetwork, Parameters]:
    """A Q-network and one set of random parameters for each seed, `[seed, ...]`."""
    spaces = family.observation_space, family.action_space
    networks = [QNetwork(*spaces, settings.hidden, torch.Generator().manual_seed(seed)) for seed in seeds]
    return networks[0], stack_parameters([network.initial_parameters() for network in networks])


def baseline(family: TaskFamily, network: QNetwork, settings: Settings) -> PlainDQN:
    """DQN from whatever parameters it is given."""
    dqn = settings.dqn
    return PlainDQN(family, network, discount=dqn.discount, double=dqn.double, huber=dqn.huber)


def method_named(
    problem: str, name: str, family: TaskFamily, network: QNetwork, settings: Settings
) -> values.TrainableMethod:
    """A meta-learner by its name."""
    own, dqn = settings.problems[problem], settings.dqn
    if name == "Reptile":
        inner = dataclasses.replace(
            dqn,
            steps=settings.reptile_steps,
            learning_starts=own.learning_starts,
            exploration=settings.reptile_exploration,
        )
        return QReptile(family, network, inner)
    return QMAML(
        family,
        network,
        discount=dqn.discount,
        double=dqn.double,
        huber=dqn.huber,
        inner_lr=own.maml_lr if name in ("MAML", "FOMAML") else own.inner_lr,
        inner_steps=own.inner_steps,
        first_order=name.startswith("FOMAML"),
        learned_rates=name == "Meta-SGD",
    )


def joined(*many: Tasks) -> Tasks:
    """Several sets of tasks as one."""
    return {name: torch.cat([tasks[name] for tasks in many]) for name in many[0]}


def trained(problem: str, name: str, settings: Settings, seeds: Sequence[int]) -> tuple[values.Method, Parameters, int]:
    """Meta-train one network per seed, all in one batch.

    Returns:
        The method, its meta-parameters `[seed, ...]`, environment steps per seed.
    """
    family = family_of(problem)
    if name == "informed":
        family = InformedTasks(family)
    network, start = untrained(family, seeds, settings)
    generator = torch.Generator().manual_seed(seeds[0])
    if name == "fresh":
        return baseline(family, network, settings), start, 0
    if name in ("pre-training", FORCED, "informed"):
        tasks = family.sample_tasks(len(seeds) * settings.tasks, generator)
        if name == "informed":
            half = settings.informed_tasks // 2
            tasks = joined(*(family.sample_tasks(half, generator, split) for _ in seeds for split in ("train", "ood")))
        envs = TaskVectorEnv(family, family.check_tasks(tasks), tasks)
        sampler = VectorSampler(envs, learners=len(seeds), seed=seeds[0])
        start, _ = train_dqn(
            network, start, sampler, settings.pre_training, generator, description=f"{problem}: {name}"
        )
        return baseline(family, network, settings), start, sampler.steps_taken // len(seeds)
    method = method_named(problem, name, family, network, settings)
    meta, history = values.train(
        method,
        method.initial(start),
        meta_training(problem, name, settings),
        generator,
        seed=seeds[0],
        description=f"{problem}: {name}",
    )
    return method, meta, history["env_steps"][-1] // len(seeds)


def meta_training(problem: str, name: str, settings: Settings) -> values.TrainConfig:
    """How its outer loop runs."""
    if name == "Reptile":
        return values.TrainConfig(iterations=settings.reptile_iterations, meta_batch=settings.tasks, outer_lr=1.0)
    own = settings.problems[problem]
    return dataclasses.replace(
        settings.meta, iterations=own.iterations, meta_batch=settings.tasks, support=own.learning_starts
    )
