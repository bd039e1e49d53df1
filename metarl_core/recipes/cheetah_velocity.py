"""Chapter 13: five learners on the cheetah's hidden velocity, at equal environment steps, on held-out velocities.

A row is `[test task, column]` of mean returns of an episode of 100 steps:

- MAML, LVC and MAML, naive: before and after 1, 2, 3 policy-gradient steps on 10 episodes each.
- pre-trained: one policy trained by PPO to the mean return over tasks, then the same gradient steps, with the best of
  `rates` on training tasks (further steps, which are counted apart: `search_steps`).
- RL²: episodes 1, 2, 3, 4 of a trial. It adapts within one episode, on a tenth of the others' experience.
- PPO from scratch: one policy a test task, before and after 1, 2, 3 updates on 10 episodes each, and a fifth column,
  at the end. It spends on the test tasks themselves what the others spend on meta-training.
- standing still: no torque at all, in each column.

Every learner takes `Settings.steps` environment steps in training.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.agents import GaussianPolicy
from metarl_core.agents.ppo import clipped_surrogate_loss
from metarl_core.agents.reinforce import policy_advantages
from metarl_core.agents.returns import masked_mean
from metarl_core.meta import RL2, MemoryAgent, OuterPPO, PolicyMAML, memory, policies
from metarl_core.networks import GRU
from metarl_core.parameters import Parameters, initial_parameters, repeat_parameters, trainable_parameters
from metarl_core.tasks import Tasks, Trajectories, rollout
from metarl_core.tasks.locomotion import Locomotion

METHODS = ("MAML, LVC", "MAML, naive", "pre-trained", "RL²", "PPO from scratch", "standing still")


@dataclass(frozen=True)
class Settings:
    """All that the table depends on."""

    iterations: int = 16
    """of MAML and RL²; pre-training has twice as many with half as many steps each"""
    meta_batch: int = 8
    """tasks per iteration"""
    episodes: int = 10
    """per task, before the inner step and after it"""
    horizon: int = 100
    """steps of an episode (200 in the MAML paper)"""
    hidden: tuple[int, ...] = (64, 64)
    """of the policies, with tanh (100-100 with ReLU in the paper)"""
    initial_std: float = 0.5
    """of the actions; with 1 the torques of exploration alone cost 30 an episode"""
    inner_lr: float = 0.1
    test_rates: tuple[float, ...] = (0.1, 0.05, 0.05)
    """MAML's step sizes at test: halved after the first, as in the paper"""
    rates: tuple[float, ...] = (0.1, 0.5, 1.0)
    """that pre-training may take at test"""
    last_layer: float = 0.01
    """factor on the last layer of the initial policies, which begin near to standing still"""
    outer_lr: float = 1e-3
    """of Adam in all policies without memory, falling to zero; the outer rule is PPO's clipped objective (TRPO in the
    paper)"""
    epochs: int = 10
    """passes over the batch of an iteration"""
    minibatch: int = 2
    """tasks of a step of Adam in MAML; episodes of every task in the other policies without memory"""
    clip: float = 0.3
    discount: float = 0.99
    trials: int = 5
    """of RL², per task and iteration"""
    trial_episodes: int = 4
    memory_size: int = 64
    memory_lr: float = 1e-3
    memory_minibatches: int = 2
    memory_clip: float = 0.2
    gae_lambda: float = 0.95
    value_scale: float = 50.0
    test_tasks: int = 16
    test_seed: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    @property
    def steps(self) -> int:
        """Environment steps of each training, 256,000; a single iteration of the paper has 320,000."""
        return self.iterations * self.meta_batch * self.episodes * self.horizon * 2

    @property
    def search_steps(self) -> int:
        """Steps in which pre-training chooses its step size."""
        return len(self.rates) * self.meta_batch * self.episodes * self.horizon * 2


def held_out(settings: Settings | None = None) -> Tasks:
    """The test velocities, the same for all methods and seeds."""
    settings = settings or Settings()
    generator = torch.Generator().manual_seed(settings.test_seed)
    return Locomotion(horizon=settings.horizon).sample_tasks(settings.test_tasks, generator, "test")


def run(method: str, seed: int, settings: Settings | None = None) -> Tensor:
    """The row of one method and seed."""
    settings = settings or Settings()
    family, generator = Locomotion(horizon=settings.horizon), torch.Generator().manual_seed(seed)
    tasks = held_out(settings)
    if method == "RL²":
        return _with_memory(family, tasks, generator, settings)
    policy = GaussianPolicy(
        family.observation_space, family.action_space, settings.hidden, torch.tanh, generator, settings.initial_std
    )
    start = initial_parameters(policy)
    last = [name for name in start if name.startswith("mean.")][-2:]
    start = start | {name: settings.last_layer * start[name] for name in last}
    if method == "standing still":
        still = {name: value * 0 for name, value in start.items()} | {"log_std": start["log_std"] - 100}
        return rollout(family, tasks, policy, still, settings.episodes, generator).returns.mean(1)[:, None].repeat(1, 4)
    if method == "PPO from scratch":
        return _from_scratch(family, policy, start, tasks, generator, settings)
    learner = PolicyMAML(
        family,
        policy,
        settings.inner_lr,
        estimator="naive" if method == "MAML, naive" else "lvc",
        episodes=settings.episodes,
        discount=settings.discount,
    )
    if method == "pre-trained":
        start = ppo(family, policy, start, generator, settings, 2 * settings.iterations)
        train_tasks = family.sample_tasks(settings.meta_batch, generator)
        rate = policies.choose_inner_lr(learner, start, train_tasks, settings.rates, 1, generator)
        rates = (rate,) * len(settings.test_rates)
    else:
        rule = OuterPPO(
            outer_lr=settings.outer_lr, epochs=settings.epochs, clip=settings.clip, minibatch=settings.minibatch
        )
        config = policies.TrainConfig(iterations=settings.iterations, meta_batch=settings.meta_batch)
        start, _ = policies.train(learner, start, config, generator, rule=rule, description=method)
        rates = settings.test_rates
    return policies.adaptation_curve(learner, start, tasks, generator, inner_lr=rates).returns


def ppo(
    family: Locomotion,
    policy: GaussianPolicy,
    start: Parameters,
    generator: torch.Generator,
    settings: Settings,
    iterations: int,
    tasks: Tasks | None = None,
    callback: Callable[[Trajectories], None] | None = None,
) -> Parameters:
    """PPO with the linear baseline of the other policies here, on new training tasks at each iteration, or on `tasks`.

    Args:
        start: one set of parameters for all tasks, or one a task; not changed.
        callback: is shown the trajectories before each update.
    """
    learned = trainable_parameters(start)
    optimiser = torch.optim.Adam(learned.values(), lr=settings.outer_lr)
    for iteration in range(iterations):
        optimiser.param_groups[0]["lr"] = settings.outer_lr * (1 - iteration / iterations)
        drawn = family.sample_tasks(settings.meta_batch, generator) if tasks is None else tasks
        played = rollout(family, drawn, policy, learned, settings.episodes, generator)
        advantage = policy_advantages(policy, played, settings.discount)
        if callback:
            callback(played)
        for _ in range(settings.epochs):
            for part in torch.randperm(settings.episodes, generator=generator).split(settings.minibatch):
                new = policy.log_probability(learned, played.observations[:, part], played.actions[:, part])
                old, mask = played.log_probabilities[:, part], played.mask[:, part]
                loss = masked_mean(clipped_surrogate_loss(new, old, advantage[:, part], settings.clip), mask)
                optimiser.zero_grad()
                (loss.mean() if tasks is None else loss.sum()).backward()
                optimiser.step()
    return {name: value.detach() for name, value in learned.items()}


def _from_scratch(
    family: Locomotion,
    policy: GaussianPolicy,
    start: Parameters,
    tasks: Tasks,
    generator: torch.Generator,
    settings: Settings,
) -> Tensor:
    before: list[Tensor] = []
    updates = settings.steps // (settings.test_tasks * settings.episodes * settings.horizon)
    learned = ppo(
        family,
        policy,
        repeat_parameters(start, settings.test_tasks),
        generator,
        settings,
        updates,
        tasks,
        lambda played: before.append(played.returns.mean(1)),
    )
    last = rollout(family, tasks, policy, learned, settings.episodes, generator).returns.mean(1)
    return torch.stack([*before[: len(settings.test_rates) + 1], last], 1)


def _with_memory(family: Locomotion, tasks: Tasks, generator: torch.Generator, settings: Settings) -> Tensor:
    def gru(inputs: int, generator: torch.Generator | None = None) -> GRU:
        return GRU(inputs, settings.memory_size, generator=generator)

    agent = MemoryAgent(family.observation_space, family.action_space, gru, generator=generator)
    method = RL2(family, agent, settings.trials, settings.trial_episodes, settings.discount)
    config = memory.TrainConfig(
        iterations=settings.iterations,
        meta_batch=settings.meta_batch,
        outer_lr=settings.memory_lr,
        epochs=settings.epochs,
        minibatches=settings.memory_minibatches,
        clip=settings.memory_clip,
        gae_lambda=settings.gae_lambda,
        value_scale=settings.value_scale,
        entropy_coef=0.0,
    )
    meta, _ = memory.train(method, method.initial(initial_parameters(agent)), config, generator, description="RL²")
    return memory.adaptation_curve(method, meta, tasks, generator, trials=settings.episodes).returns
