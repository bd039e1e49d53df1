"""Stochastic policies as pure functions of parameters: diagonal Gaussian and categorical."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal

from metarl_core.arguments import check_positive, check_widths
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.parameters import Parameters, dtype_of, has_task_axis
from metarl_core.tasks.family import TaskFamily, Tasks
from metarl_core.tasks.rollout import Policy


class DifferentiablePolicy(Policy, Protocol):
    """What policy-gradient methods need of a policy; all are pure functions of parameters.

    Parameters are those of one network, or `[task, ...]`; observations then are `[task, ..., obs]`.
    """

    @property
    def observation_space(self) -> gymnasium.Space[Any]: ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and initial values of the parameters."""

    def distribution(self, parameters: Parameters, observation: Tensor) -> Distribution:
        """π(· | s) `[...]`"""

    def log_probability(self, parameters: Parameters, observation: Tensor, action: Tensor) -> Tensor:
        """log π(a | s) `[...]`"""

    def greedy_action(self, parameters: Parameters, observation: Tensor) -> Tensor:
        """the mean or most probable action"""


class GaussianPolicy(nn.Module):
    """π(a | s) = Normal(mean(s), diag(exp(2 · log_std))) with a state-independent log standard deviation.

    Args:
        observation_space, action_space: of one environment; actions lie in a one-dimensional `Box`.
        hidden: widths of the hidden layers (100, 100 for point navigation in Finn et al. 2017).
        activation: between layers.
        generator: draws the initial weights.
        initial_std: initial standard deviation in action units.
        min_std: lower bound of the standard deviation.
    """

    def __init__(
        self,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        hidden: Sequence[int] = (100, 100),
        activation: Callable[[Tensor], Tensor] = torch.relu,
        generator: torch.Generator | None = None,
        initial_std: float = 1.0,
        min_std: float = 1e-6,
    ):
        super().__init__()
        check_widths("hidden", hidden)
        check_positive("initial_std", initial_std)
        check_positive("min_std", min_std)
        if not isinstance(action_space, gymnasium.spaces.Box) or len(action_space.shape) != 1:
            raise ValueError(f"a GaussianPolicy needs a one-dimensional Box of actions, got {action_space}.")
        self.observation_space, self.activation = observation_space, activation
        self.action_size = action_space.shape[0]
        self.min_log_std = math.log(np.float32(min_std))
        self.mean = MLP((observation_size(observation_space), *hidden, self.action_size), activation, generator)
        self.log_std = nn.Parameter(next(self.mean.parameters()).new_full((self.action_size,), initial_std).log())

    def forward(self, observation: Tensor) -> Distribution:
        """π(· | s) under the module's own parameters, for `torch.func.functional_call`."""
        return self.distribution(dict(self.named_parameters()), observation)

    def mean_and_std(self, parameters: Parameters, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Mean `[..., action]` and standard deviation (broadcastable to it) for observations `[..., obs]`."""
        inputs = encode_observation(observation, self.observation_space, dtype_of(parameters))
        mean = mlp(_sub_parameters(parameters, "mean."), inputs, self.activation)
        log_std = parameters["log_std"].clamp_min(self.min_log_std)
        if has_task_axis(log_std, 1):  # [task, 1, ..., action]
            log_std = log_std.reshape(log_std.shape[0], *[1] * (mean.ndim - 2), self.action_size)
        return mean, log_std.exp()

    def distribution(self, parameters: Parameters, observation: Tensor) -> Distribution:
        """π(· | s) for observations `[..., obs]`, or `[task, ..., obs]` where parameters carry a task axis."""
        mean, std = self.mean_and_std(parameters, observation)
        return Independent(Normal(mean, std.expand_as(mean), validate_args=False), 1, validate_args=False)

    def log_probability(self, parameters: Parameters, observation: Tensor, action: Tensor) -> Tensor:
        """log π(a | s) `[...]`: the sum, not the mean, over action dimensions."""
        mean, std = self.mean_and_std(parameters, observation)
        return _normal_log_density((action - mean) / std, std)

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Standard normal draws `[*shape, action]`."""
        return torch.randn((*shape, self.action_size), generator=generator, device=generator.device)

    def act(self, parameters: Parameters, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Action mean + std · noise and its log-probability."""
        mean, std = self.mean_and_std(parameters, observation)
        return mean + std * noise, _normal_log_density(noise, std)

    def greedy_action(self, parameters: Parameters, observation: Tensor) -> Tensor:
        """The mean action `[..., action]`, for evaluation without exploration."""
        return self.mean_and_std(parameters, observation)[0]


class CategoricalPolicy(nn.Module):
    """π(a | s) = softmax(logits(s)) over `Discrete` actions; arguments as for `GaussianPolicy`."""

    def __init__(
        self,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        hidden: Sequence[int] = (64, 64),
        activation: Callable[[Tensor], Tensor] = torch.tanh,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        check_widths("hidden", hidden)
        if not isinstance(action_space, gymnasium.spaces.Discrete):
            raise ValueError(f"a CategoricalPolicy needs Discrete actions, got {action_space}.")
        self.observation_space, self.activation = observation_space, activation
        self.actions = int(action_space.n)
        # A small last layer starts close to the uniform policy.
        sizes = (observation_size(observation_space), *hidden, self.actions)
        self.logits = MLP(sizes, activation, generator, output_gain=0.01)

    def forward(self, observation: Tensor) -> Distribution:
        """π(· | s) under the module's own parameters, for `torch.func.functional_call`."""
        return self.distribution(dict(self.named_parameters()), observation)

    def log_probabilities(self, parameters: Parameters, observation: Tensor) -> Tensor:
        """log π(· | s) `[..., actions]`."""
        inputs = encode_observation(observation, self.observation_space, dtype_of(parameters))
        return mlp(_sub_parameters(parameters, "logits."), inputs, self.activation).log_softmax(-1)

    def distribution(self, parameters: Parameters, observation: Tensor) -> Distribution:
        """π(· | s), batched as `GaussianPolicy.distribution`."""
        return Categorical(logits=self.log_probabilities(parameters, observation), validate_args=False)

    def log_probability(self, parameters: Parameters, observation: Tensor, action: Tensor) -> Tensor:
        """log π(a | s) `[...]`."""
        return self.log_probabilities(parameters, observation).gather(-1, action[..., None])[..., 0]

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Exponential draws `[*shape, actions]` for the exponential race (Gumbel-max)."""
        return torch.empty((*shape, self.actions), device=generator.device).exponential_(generator=generator)

    def act(self, parameters: Parameters, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The action that wins the race argmax π(a | s) / e_a, which is a draw from π, and its log-probability."""
        log_probabilities = self.log_probabilities(parameters, observation)
        action = (log_probabilities - noise.log()).argmax(-1)
        return action, log_probabilities.gather(-1, action[..., None])[..., 0]

    def greedy_action(self, parameters: Parameters, observation: Tensor) -> Tensor:
        """The most probable action `[...]`, for evaluation without exploration."""
        return self.log_probabilities(parameters, observation).argmax(-1)


class UniformPolicy:
    """Uniformly random actions of a bounded `Box` or a `Discrete` space, counted from 0; it has no parameters."""

    def __init__(self, action_space: gymnasium.Space[Any]):
        if not isinstance(action_space, gymnasium.spaces.Discrete):
            bounded = isinstance(action_space, gymnasium.spaces.Box) and action_space.is_bounded()
            if not bounded:
                raise ValueError(f"a UniformPolicy needs Discrete or bounded Box actions, got {action_space}.")
        self.action_space = action_space

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """The actions themselves, `[*shape, ...]`."""
        device = generator.device
        if isinstance(self.action_space, gymnasium.spaces.Discrete):
            return torch.randint(int(self.action_space.n), shape, generator=generator, device=device)
        low, high = (torch.from_numpy(bound).to(device) for bound in self._bounds())
        return low + (high - low) * torch.rand((*shape, *low.shape), generator=generator, device=device)

    def act(self, parameters: Parameters, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The action drawn, and the log of its probability or density."""
        axes = len(self.action_space.shape or ())
        floats = noise if noise.is_floating_point() else noise.to(torch.get_default_dtype())
        return noise, floats.new_full(noise.shape[: noise.ndim - axes], -self._log_volume())

    def _log_volume(self) -> float:
        """Log of the number of actions, or of the volume that they fill."""
        if isinstance(self.action_space, gymnasium.spaces.Discrete):
            return math.log(self.action_space.n)
        low, high = self._bounds()
        return float(np.log(high - low).sum())

    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        box = cast(gymnasium.spaces.Box, self.action_space)
        return box.low, box.high


class OraclePolicy:
    """The policy that sees the task; `parameters` are the tasks.

    Args:
        family: the family.
        choose: actions as a function of observations and tasks; `family.optimal_action` by default.
    """

    def __init__(self, family: TaskFamily, choose: Callable[[Tensor, Tasks], Tensor] | None = None):
        if choose is None:
            choose = getattr(family, "optimal_action", None)
        if not callable(choose):
            name = type(family).__name__
            raise ValueError(
                f"choose must be a function for a family without optimal_action, got {choose!r} for {name}."
            )
        self.choose = choose

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Nothing is drawn."""
        return torch.zeros(shape, device=generator.device)

    def act(self, parameters: Tasks, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The chosen action; its log-probability is 0."""
        episodes = observation.shape[1]
        tasks = {name: value.unsqueeze(1).expand(-1, episodes, *value.shape[1:]) for name, value in parameters.items()}
        return self.choose(observation, tasks), torch.zeros(observation.shape[:2], device=observation.device)


def _sub_parameters(parameters: Parameters, prefix: str) -> Parameters:
    return {name[len(prefix) :]: value for name, value in parameters.items() if name.startswith(prefix)}


def _normal_log_density(standardised: Tensor, std: Tensor) -> Tensor:
    """Log density of a diagonal normal at mean + std · `standardised`, summed over the last axis."""
    constant = 0.9189385332046727  # log √(2π)
    return -(0.5 * standardised.square() + std.log() + constant).sum(-1)
