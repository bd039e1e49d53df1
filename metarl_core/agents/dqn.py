"""Deep Q-networks (Mnih et al. 2015) with double Q-learning (van Hasselt et al. 2016), for many learners at once."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from metarl_core.agents.q_network import QNetwork
from metarl_core.agents.replay import Transitions
from metarl_core.arguments import (
    check_between,
    check_count,
    check_flags,
    check_names,
    check_parameters_of,
    check_positive,
    check_same_shape,
    check_step_size,
    check_type,
    check_whole,
)
from metarl_core.parameters import Parameters, clip_grad_norm, copy_parameters
from metarl_core.training import LiveParameters, OptimiserFactory, adam, check_optimiser, make_optimiser, set_lr


@dataclass(frozen=True, kw_only=True)
class DQNConfig:
    """Settings of `train_dqn`."""

    steps: int = 50_000
    """environment steps per learner"""
    lr: float = 1e-3
    optimiser: OptimiserFactory = adam
    """called as `optimiser(tensors, lr=lr)`"""
    anneal: bool = True
    """let the learning rate fall linearly to zero over training, which settles the last policy"""
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
    huber: bool = False
    """absolute loss beyond an error of 1, as Mnih et al. have it, whose rewards are clipped to ±1 and whose values are
    small. Where values are near 100, a wrong value of a state from which the agent falls is an error of 100, and rare;
    Huber's loss counts it no more than an error of 1"""
    exploration: tuple[float, float, float] = (1.0, 0.02, 0.1)
    """ε at the start, at the end, and the share of training over which it falls linearly"""
    max_grad_norm: float = 10.0

    def __post_init__(self) -> None:
        check_whole(self, "steps", "learning_starts", least=0)
        check_step_size("lr", self.lr, zero=True)  # with a step size of 0 the network stays as it is
        check_whole(self, "batch_size", "buffer_size", "target_update_interval")
        check_flags(self)
        for name in ("train_frequency", "max_grad_norm", "tau"):
            check_positive(name, getattr(self, name))
        for name in ("discount", "tau"):
            check_between(name, getattr(self, name))
        check_optimiser(self.optimiser)
        check_exploration(self.exploration)


def check_exploration(exploration: Any) -> None:
    """Raise ValueError unless `exploration` holds three shares: ε first, ε last, and over which part it falls."""
    if not isinstance(exploration, (tuple, list)) or len(exploration) != 3:
        raise ValueError(f"exploration must be (first, last, share of the steps), got {exploration!r}.")
    for name, value in zip(("first", "last", "share"), exploration, strict=True):
        check_between(f"exploration's {name}", value)


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
    check_between("discount", discount)
    with torch.no_grad():
        target_values = network(target_parameters, batch.next_observations)
        choice = network(parameters, batch.next_observations) if double else target_values
        following = target_values.gather(-1, choice.argmax(-1, keepdim=True))[..., 0]
        return batch.rewards + discount * (~batch.terminated).to(following.dtype) * following


def dqn_loss(
    network: QNetwork, parameters: Parameters, batch: Transitions, target: Tensor, huber: bool = False
) -> Tensor:
    """Mean error of Q(s, a) against the target, `[learner]`: e², or Huber's ½ e² up to |e| = 1 and |e| − ½ beyond."""
    check_same_shape(target=target, rewards=batch.rewards)
    return td_error_loss(chosen_values(network, parameters, batch), target, huber)


def chosen_values(network: QNetwork, parameters: Parameters, batch: Transitions) -> Tensor:
    """Q(s, a) of the transitions' own actions, `[learner, sample]`."""
    return network(parameters, batch.observations).gather(-1, batch.actions[..., None])[..., 0]


def td_error_loss(predicted: Tensor, target: Tensor, huber: bool) -> Tensor:
    """Mean over the samples of each learner, `[learner]`, of the error's square or of Huber's loss."""
    if huber:
        return torch.nn.functional.smooth_l1_loss(predicted, target, reduction="none").mean(1)
    return (predicted - target).square().mean(1)


@torch.no_grad()
def polyak_update(target: Parameters, online: Parameters, rate: float) -> None:
    """Move the target network towards the online one by a share `rate` of the way, in place."""
    check_between("rate", rate)
    check_names("online", online, target)
    for name, value in target.items():
        value.lerp_(online[name], rate)


@torch.no_grad()
def update_target(target: Parameters, online: Parameters, updates: int, config: DQNConfig) -> None:
    """Bring the target network closer to the online one, in place: softly always, or a hard copy now and then.

    Args:
        updates: gradient steps taken so far, at least 1.
    """
    check_count("updates", updates)
    check_type("config", config, DQNConfig)
    check_names("online", online, target)
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
        check_type("network", network, QNetwork)
        check_type("config", config, DQNConfig)
        check_parameters_of(dict(network.network.named_parameters()), parameters)
        self.network, self.parameters, self.config = network, parameters, config
        self.target = copy_parameters(parameters)
        self.optimiser = make_optimiser(config.optimiser, parameters.values(), config.lr)
        self.updates = 0

    def set_lr(self, value: float) -> None:
        """Of the steps to come."""
        set_lr(self.optimiser, value)

    def update(self, batch: Transitions) -> dict[str, Tensor]:
        """Improve the parameters by transitions `[learner, sample, ...]`.

        Returns:
            Diagnostics `[learner]` before the step: `loss`, `mean_q` (the mean of Q(s, a)) and `grad_norm`.
        """
        config = self.config
        target = dqn_target(self.network, self.parameters, self.target, batch, config.discount, config.double)
        predicted = chosen_values(self.network, self.parameters, batch)
        loss = td_error_loss(predicted, target, config.huber)
        self.optimiser.zero_grad()
        loss.sum().backward()
        norm = clip_grad_norm(self.parameters, config.max_grad_norm)
        self.optimiser.step()
        self.updates += 1
        update_target(self.target, self.parameters, self.updates, config)
        return {"loss": loss.detach(), "mean_q": predicted.detach().mean(1), "grad_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        target = copy_parameters(self.target)
        return {"optimiser": self.optimiser.state_dict(), "target": target, "updates": self.updates}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.optimiser.load_state_dict(state_dict["optimiser"])
        LiveParameters(self.target).load_state_dict(state_dict["target"])
        self.updates = state_dict["updates"]
