"""Deep Q-networks (Mnih et al. 2015) with double Q-learning (van Hasselt et al. 2016), for many learners at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium
import torch
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.agents.networks import MLP, Parameters, clip_gradients, encode_observation, mlp, observation_size
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.agents.samplers import VectorSampler


class QNetwork:
    """Q(s, ·) of `Discrete` actions as a function of parameters.

    Args:
        observation_space, action_space: of one environment.
        hidden: widths of the hidden layers.
        generator: draws the initial weights.
    """

    def __init__(self, observation_space, action_space, hidden: Sequence[int] = (128, 128), generator=None):
        if not isinstance(action_space, gymnasium.spaces.Discrete):
            raise ValueError(f"a QNetwork needs Discrete actions, got {action_space}.")
        self.observation_space, self.actions = observation_space, int(action_space.n)
        self.network = MLP((observation_size(observation_space), *hidden, self.actions), generator=generator)

    def initial_parameters(self) -> Parameters:
        """A detached copy of the network's initial parameters."""
        return {name: value.detach().clone() for name, value in self.network.named_parameters()}

    def __call__(self, parameters: Parameters, observations: Tensor) -> Tensor:
        """Q-values `[..., actions]` for observations `[..., obs]`."""
        return mlp(parameters, encode_observation(observations, self.observation_space))

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Nothing is drawn: acting is greedy (see `train_dqn` for exploration)."""
        return torch.zeros(shape)

    def act(self, parameters: Parameters, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The greedy action; its log-probability is 0."""
        action = self(parameters, observation).argmax(-1)
        return action, torch.zeros(action.shape)


@dataclass
class DQNConfig:
    """Settings of `train_dqn`."""

    steps: int = 50_000
    """environment steps per learner"""
    learning_rate: float = 1e-3
    """of Adam; falls linearly to zero over training, which settles the last policy"""
    batch_size: int = 128
    capacity: int = 50_000
    """of the replay buffer"""
    warm_up: int = 1_000
    """environment steps before the first update"""
    steps_per_update: float = 2.0
    """environment steps per gradient step"""
    discount: float = 0.99
    target_period: int = 100
    """gradient steps between copies into the target network; used where `target_rate` is 1"""
    target_rate: float = 0.01
    """1: hard copies; below 1: a soft update of this rate after each gradient step (Lillicrap et al. 2016)"""
    double: bool = True
    """let the online network choose the action that the target network values"""
    huber: bool = True
    """absolute loss beyond an error of 1"""
    exploration: tuple[float, float, float] = (1.0, 0.02, 0.1)
    """ε at the start, at the end, and the share of training over which it falls linearly"""
    max_gradient_norm: float = 10.0


def dqn_target(network, parameters, target_parameters, batch: Transitions, discount: float, double: bool) -> Tensor:
    """y = r + γ (1 − terminated) Q̄(s', a*) `[learner, sample]`, a constant.

    a* maximises the target network Q̄ (DQN) or the online network Q (double DQN). A truncated step is not
    terminated: its true next observation has a value.
    """
    with torch.no_grad():
        target_values = network(target_parameters, batch.next_observations)
        choice = network(parameters, batch.next_observations) if double else target_values
        following = target_values.gather(-1, choice.argmax(-1, keepdim=True))[..., 0]
        return batch.rewards + discount * (~batch.terminated).to(following.dtype) * following


def dqn_loss(network, parameters, batch: Transitions, target: Tensor, huber: bool = True) -> Tensor:
    """Mean Huber or squared error of Q(s, a) against the target, `[learner]`."""
    predicted = network(parameters, batch.observations).gather(-1, batch.actions[..., None])[..., 0]
    if huber:
        return torch.nn.functional.smooth_l1_loss(predicted, target, reduction="none").mean(1)
    return (predicted - target).square().mean(1)


def epsilon(step: int, config: DQNConfig) -> float:
    """Probability of a random action after `step` environment steps."""
    first, last, share = config.exploration
    progress = min(step / max(share * config.steps, 1), 1.0)
    return first + (last - first) * progress


def train_dqn(
    network: QNetwork,
    parameters: Parameters,
    envs: VectorSampler,
    config: DQNConfig,
    generator: torch.Generator,
    description: str = "DQN",
) -> tuple[Parameters, dict[str, list]]:
    """Train one DQN per learner, side by side; nothing but the batched arithmetic is shared.

    Args:
        parameters: one set per learner, `[learner, ...]` (see `repeat_parameters`); not changed.
        envs: the environments of all learners.
        config: settings.

    Returns:
        Trained parameters and history: `return` (mean return of each learner's latest episodes, a list per
        entry) and `steps` (environment steps per learner). An interrupt (Ctrl-C) returns what was reached.
    """
    online = {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}
    target = {name: value.detach().clone() for name, value in online.items()}
    optimiser = torch.optim.Adam(online.values(), lr=config.learning_rate, fused=True)
    learners, copies = envs.batch
    buffer = ReplayBuffer(config.capacity, learners)
    history: dict[str, list] = {"return": [], "steps": []}
    updates = 0
    bar = tqdm(range(0, config.steps, copies), desc=description, unit_scale=copies)
    try:
        for step in bar:
            observation = envs.observation
            action = _explore(network, online, observation, epsilon(step, config), generator)
            following, reward, terminated, _, mask = envs.step(action)
            buffer.add(Transitions(observation, action, reward, following, terminated), mask)
            if step < config.warm_up:
                continue
            wanted = int((step + copies - config.warm_up) / config.steps_per_update)
            for group in optimiser.param_groups:
                group["lr"] = config.learning_rate * (1 - step / config.steps)
            while updates < wanted:
                updates += 1
                batch = buffer.sample(config.batch_size, generator)
                aim = dqn_target(network, online, target, batch, config.discount, config.double)
                optimiser.zero_grad()
                dqn_loss(network, online, batch, aim, config.huber).sum().backward()
                clip_gradients(online, config.max_gradient_norm)
                optimiser.step()
                synchronise(target, online, updates, config)
            if step // 1000 != (step + copies) // 1000:
                recent = envs.recent_return()
                history["return"].append(recent.tolist())
                history["steps"].append(step + copies)
                bar.set_postfix(mean_return=f"{float(recent.nanmean()):.1f}")
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {step} of {config.steps} steps.")
    return {name: value.detach() for name, value in online.items()}, history


@torch.no_grad()
def synchronise(target: Parameters, online: Parameters, updates: int, config: DQNConfig) -> None:
    """Bring the target network closer to the online one, in place: softly always, or a hard copy now and then."""
    if config.target_rate < 1:
        for name, value in target.items():
            value.lerp_(online[name], config.target_rate)
    elif updates % config.target_period == 0:
        for name, value in target.items():
            value.copy_(online[name])


@torch.no_grad()
def _explore(network: QNetwork, parameters: Parameters, observation: Tensor, chance: float, generator) -> Tensor:
    """ε-greedy actions `[learner, env]`."""
    greedy = network(parameters, observation).argmax(-1)
    random = torch.randint(network.actions, greedy.shape, generator=generator)
    return torch.where(torch.rand(greedy.shape, generator=generator) < chance, random, greedy)
