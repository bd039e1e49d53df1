"""Deep Q-networks (Mnih et al. 2015) with double Q-learning (van Hasselt et al. 2016), for many learners at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gymnasium
import torch
from torch import Tensor
from tqdm.auto import tqdm

from metarl_core.agents.draws import Generators, draw_integers, draw_uniform
from metarl_core.agents.replay import ReplayBuffer, Transitions
from metarl_core.agents.samplers import VectorSampler
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.parameters import Parameters, clip_grad_norm, trainable_copy


class QNetwork:
    """Q(s, ·) of `Discrete` actions as a function of parameters; it acts greedily, so it is a policy, too.

    Args:
        observation_space, action_space: of one environment.
        hidden: widths of the hidden layers, with rectifiers between.
        generator: draws the initial weights and biases, uniform on ±1/√in.

    Raises:
        ValueError: for actions that are not `Discrete`, or observations that no network can take.
    """

    def __init__(
        self,
        observation_space: gymnasium.Space,
        action_space: gymnasium.Space,
        hidden: Sequence[int] = (128, 128),
        generator: torch.Generator | None = None,
    ):
        if not isinstance(action_space, gymnasium.spaces.Discrete):
            raise ValueError(f"a QNetwork needs Discrete actions, got {action_space}.")
        self.observation_space, self.actions = observation_space, int(action_space.n)
        sizes = (observation_size(observation_space), *hidden, self.actions)
        self.network = MLP(sizes, generator=generator, initialisation="linear")

    def initial_parameters(self) -> Parameters:
        """A detached copy of the network's initial parameters."""
        return {name: value.detach().clone() for name, value in self.network.named_parameters()}

    def __call__(self, parameters: Parameters, observations: Tensor) -> Tensor:
        """Q-values `[..., actions]` for observations `[..., obs]`."""
        return mlp(parameters, encode_observation(observations, self.observation_space))

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Nothing is drawn: acting is greedy (see `train_dqn` for exploration)."""
        return torch.zeros(shape, device=generator.device)

    def act(self, parameters: Parameters, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The greedy action; its log-probability is 0."""
        action = self.greedy_action(parameters, observation)
        return action, torch.zeros(action.shape, device=action.device)

    def greedy_action(self, parameters: Parameters, observation: Tensor) -> Tensor:
        """argmax_a Q(s, a) `[...]`."""
        return self(parameters, observation).argmax(-1)


@dataclass
class DQNConfig:
    """Settings of `train_dqn`."""

    steps: int = 50_000
    """environment steps per learner"""
    lr: float = 1e-3
    """of Adam; falls linearly to zero over training, which settles the last policy"""
    batch_size: int = 128
    buffer_size: int = 50_000
    """of the replay buffer"""
    learning_starts: int = 1_000
    """environment steps before the first update"""
    train_frequency: float = 2.0
    """environment steps per gradient step"""
    discount: float = 0.99
    target_update_interval: int = 100
    """gradient steps between copies into the target network; used where `tau` is 1"""
    tau: float = 0.01
    """1: hard copies; below 1: a soft update of this rate after each gradient step (Lillicrap et al. 2016)"""
    double: bool = True
    """let the online network choose the action that the target network values"""
    huber: bool = True
    """absolute loss beyond an error of 1, as in the paper, where rewards are clipped to ±1 and values are small. Where
    values are near 100, a wrong value of a state from which the agent falls is an error of 100, and rare; Huber's loss
    counts it no more than an error of 1"""
    exploration: tuple[float, float, float] = (1.0, 0.02, 0.1)
    """ε at the start, at the end, and the share of training over which it falls linearly"""
    max_grad_norm: float = 10.0


def dqn_target(
    network: QNetwork,
    parameters: Parameters,
    target_parameters: Parameters,
    batch: Transitions,
    discount: float,
    double: bool = True,
) -> Tensor:
    """y = r + γ (1 − terminated) Q̄(s', a*) `[learner, sample]`, a constant.

    a* maximises the target network Q̄ (Mnih et al. 2015) or the online network Q (double DQN, van Hasselt et al.
    2016). A truncated step is not terminated: its true next observation has a value.
    """
    with torch.no_grad():
        target_values = network(target_parameters, batch.next_observations)
        choice = network(parameters, batch.next_observations) if double else target_values
        following = target_values.gather(-1, choice.argmax(-1, keepdim=True))[..., 0]
        return batch.rewards + discount * (~batch.terminated).to(following.dtype) * following


def dqn_loss(
    network: QNetwork, parameters: Parameters, batch: Transitions, target: Tensor, huber: bool = True
) -> Tensor:
    """Mean error of Q(s, a) against the target, `[learner]`: e², or Huber's ½ e² up to |e| = 1 and |e| − ½ beyond."""
    predicted = network(parameters, batch.observations).gather(-1, batch.actions[..., None])[..., 0]
    if huber:
        return torch.nn.functional.smooth_l1_loss(predicted, target, reduction="none").mean(1)
    return (predicted - target).square().mean(1)


def linear_schedule(exploration: tuple[float, float, float], step: int, steps: int) -> float:
    """ε after `step` of `steps`, from its first value linearly to its last over a share of them, and then constant."""
    first, last, share = exploration
    progress = min(step / max(share * steps, 1), 1.0)
    return first + (last - first) * progress


def epsilon_at(step: int, config: DQNConfig) -> float:
    """Probability of a random action after `step` environment steps."""
    return linear_schedule(config.exploration, step, config.steps)


@torch.no_grad()
def explore(
    network: QNetwork, parameters: Parameters, observation: Tensor, epsilon: float, generator: Generators
) -> Tensor:
    """ε-greedy actions `[learner, env]`: uniform over all actions with probability `epsilon`, greedy otherwise."""
    greedy = network.greedy_action(parameters, observation)
    random = draw_integers(network.actions, tuple(greedy.shape), generator)
    return torch.where(draw_uniform(tuple(greedy.shape), generator) < epsilon, random, greedy)


def collect(
    sampler: VectorSampler,
    buffer: ReplayBuffer,
    steps: int,
    network: QNetwork,
    parameters: Parameters,
    epsilon: float,
    generator: Generators,
) -> None:
    """Take `steps` ε-greedy steps in every environment, with ε = `epsilon`, and keep them in the buffer."""
    for _ in range(steps):
        observation = sampler.observation
        action = explore(network, parameters, observation, epsilon, generator)
        following, reward, terminated, _, mask = sampler.step(action)
        buffer.add(Transitions(observation, action, reward, following, terminated), mask)


@torch.no_grad()
def polyak_update(target: Parameters, online: Parameters, rate: float) -> None:
    """Move the target network towards the online one by a share `rate` of the way, in place."""
    for name, value in target.items():
        value.lerp_(online[name], rate)


@torch.no_grad()
def update_target(target: Parameters, online: Parameters, updates: int, config: DQNConfig) -> None:
    """Bring the target network closer to the online one, in place: softly always, or a hard copy now and then.

    Args:
        updates: gradient steps taken so far, at least 1.
    """
    if config.tau < 1:
        polyak_update(target, online, config.tau)
    elif updates % config.target_update_interval == 0:
        for name, value in target.items():
            value.copy_(online[name])


class DQN:
    """The update rule: a gradient step on the newest minibatch, then the target network follows.

    Args:
        network: Q as a function of parameters.
        parameters: of every learner, `[learner, ...]`, leaves that require gradients (see `trainable_copy`);
            `update` changes them in place.
        config: settings.

    Attributes:
        target: parameters of the target network.
        updates: gradient steps taken.
    """

    def __init__(self, network: QNetwork, parameters: Parameters, config: DQNConfig):
        self.network, self.parameters, self.config = network, parameters, config
        self.target = {name: value.detach().clone() for name, value in parameters.items()}
        self.optimiser = torch.optim.Adam(parameters.values(), lr=config.lr, fused=True)
        self.updates = 0

    def set_lr(self, value: float) -> None:
        """Of the steps to come."""
        for group in self.optimiser.param_groups:
            group["lr"] = value

    def update(self, batch: Transitions) -> None:
        """Improve the parameters by transitions `[learner, sample, ...]`."""
        config = self.config
        td_target = dqn_target(self.network, self.parameters, self.target, batch, config.discount, config.double)
        self.optimiser.zero_grad()
        dqn_loss(self.network, self.parameters, batch, td_target, config.huber).sum().backward()
        clip_grad_norm(self.parameters, config.max_grad_norm)
        self.optimiser.step()
        self.updates += 1
        update_target(self.target, self.parameters, self.updates, config)


def train_dqn(
    network: QNetwork,
    parameters: Parameters,
    sampler: VectorSampler,
    config: DQNConfig,
    generator: Generators,
    description: str | None = "DQN",
    callback: Callable[[int, Parameters], None] | None = None,
    report_every: int = 1000,
) -> tuple[Parameters, dict[str, list]]:
    """Train one DQN per learner, side by side; nothing but the batched arithmetic is shared.

    Args:
        network: Q as a function of parameters.
        parameters: where to start, one set per learner, `[learner, ...]` (see `repeat_parameters`); not changed.
        sampler: the environments of all learners, stepped one by one. With `TaskVectorEnv` and as many
            learners as tasks, learner i learns task i.
        config: settings.
        generator: source of exploration and of the minibatches; one for each learner makes what a learner draws
            independent of the others in the batch.
        description: name on the progress bar; None for no bar.
        callback: called as `callback(steps, parameters)` at each report.
        report_every: environment steps per learner between reports.

    Returns:
        Trained parameters and history: `return` (mean undiscounted return of each learner's latest episodes, a
        list `[learner]` per report; NaN before the first episode's end) and `steps` (environment steps per
        learner). An interrupt (Ctrl-C) returns what was reached.

    Raises:
        ValueError: where the parameters' leading axis is not the number of learners.
    """
    learners, num_envs = sampler.batch
    online = trainable_copy(parameters, learners)
    rule = DQN(network, online, config)
    buffer = ReplayBuffer(config.buffer_size, learners)
    history: dict[str, list] = {"return": [], "steps": []}
    step = 0
    bar = tqdm(total=config.steps, desc=description, disable=description is None)
    try:
        while step < config.steps:
            collect(sampler, buffer, 1, network, online, epsilon_at(step, config), generator)
            rule.set_lr(config.lr * (1 - step / config.steps))
            step += num_envs
            while rule.updates < (step - config.learning_starts) // config.train_frequency:
                rule.update(buffer.sample(config.batch_size, generator))
            if step // report_every != (step - num_envs) // report_every:
                recent = sampler.recent_return()
                history["return"].append(recent.tolist())
                history["steps"].append(step)
                bar.set_postfix(mean_return=f"{float(recent.nanmean()):.1f}", refresh=False)
                bar.update(min(step, config.steps) - bar.n)
                if callback is not None:
                    callback(step, online)
    except KeyboardInterrupt:
        bar.write(f"Interrupted after {step} of {config.steps} steps.")
    bar.close()
    return {name: value.detach() for name, value in online.items()}, history
