"""A policy and a value function that read a memory, and what the memory is given."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from metarl_core.agents.policies import CategoricalPolicy, GaussianPolicy
from metarl_core.arguments import check_callable, check_methods, check_parameters_of, check_widths
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.networks.recurrent import GRU
from metarl_core.parameters import Parameters


class Memory(Protocol):
    """A network, an `nn.Module`, that reads a sequence: `GRU` or your own.

    `hidden` is the width of what is read out. One input at a time gives the same as the whole sequence at once.
    """

    hidden: int

    def initial(self, *batch: int, like: Tensor) -> Any:
        """The memory before anything was seen."""

    def step(self, parameters: Parameters, inputs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """What is read after one more input `[..., inputs]`, `[..., hidden]`, and the memory then."""

    def sequence(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What is read after each input of `[..., time, inputs]`, `[..., time, hidden]`."""


class MemoryAgent(nn.Module):
    """π(a | h) and V(h) of a memory h that has read (o, a₋₁, r₋₁, d₋₁) at each step so far (Duan et al. 2016, 2.2).

    A pure function of its parameters (`initial_parameters(agent)`): names of the memory's begin with "memory.", those
    of the policy with "policy.", those of the value function with "value_network.".

    Args:
        observation_space, action_space: of one environment; actions are `Discrete` or a one-dimensional `Box`.
        memory: makes the memory from the width of its inputs and a generator; a `GRU` of 64 by default.
        hidden: widths of hidden layers between the memory and the policy, and the value; none in RL².
        generator: draws the initial weights.

    Raises:
        ValueError: for other spaces, a width below 1, or a memory that lacks a method.
    """

    def __init__(
        self,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        memory: Callable[..., Any] = GRU,
        hidden: Sequence[int] = (),
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        check_callable("memory", memory, "the width of its inputs and a generator")
        check_widths("hidden", hidden)
        self.observation_space, self.action_space = observation_space, action_space
        self.action_size = observation_size(action_space)
        self.inputs = observation_size(observation_space) + self.action_size + 2
        self.memory = memory(self.inputs, generator=generator)
        check_methods("memory", self.memory, "hidden", "named_parameters", "initial", "step", "sequence")
        width = self.memory.hidden
        read = gymnasium.spaces.Box(-np.inf, np.inf, (width,))
        kind = CategoricalPolicy if isinstance(action_space, gymnasium.spaces.Discrete) else GaussianPolicy
        self.policy = kind(read, action_space, hidden, torch.tanh, generator)
        self.value_network = MLP((width, *hidden, 1), torch.tanh, generator, output_gain=0.01)

    def check_parameters(self, parameters: Any) -> None:
        """Raise ValueError unless `parameters` have the names and shapes that `initial_parameters` gives."""
        check_parameters_of(dict(self.named_parameters()), parameters)
        for name, own in self.named_parameters():
            if parameters[name].shape != own.shape:
                raise ValueError(f"{name} must have shape {list(own.shape)}, got {list(parameters[name].shape)}.")

    def encode(self, observation: Tensor, action: Tensor, reward: Tensor, done: Tensor, first: Tensor) -> Tensor:
        """The memory's input `[..., inputs]`: o, a₋₁ (one-hot where discrete), r₋₁ and d₋₁.

        Args:
            observation: o, `[..., *observation]`.
            action, reward, done: of the step before; `done` says that it ended an episode, and o begins the next.
            first: true where a trial begins: nothing came before, and a₋₁, r₋₁, d₋₁ are zeros.
        """
        return encode_step(self.observation_space, self.action_space, observation, action, reward, done, first)

    def read(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What the memory holds at each step of whole trials `[..., time, inputs]`: `[..., time, hidden]`."""
        return self.memory.sequence(part(parameters, "memory."), inputs)

    def distribution(self, parameters: Parameters, read: Tensor) -> Distribution:
        """π(· | h) of what was read, `[..., hidden]`."""
        return self.policy.distribution(part(parameters, "policy."), read)

    def value(self, parameters: Parameters, read: Tensor) -> Tensor:
        """V(h) `[...]` of what was read, `[..., hidden]`."""
        return mlp(part(parameters, "value_network."), read, torch.tanh)[..., 0]

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """What `act` needs, drawn ahead."""
        return self.policy.noise(shape, generator)

    def act(self, parameters: Parameters, inputs: Tensor, memory: Any, noise: Tensor) -> tuple[Tensor, Tensor, Any]:
        """An action, its log-probability, and the memory after the input `[..., inputs]`."""
        read, memory = self.memory.step(part(parameters, "memory."), inputs, memory)
        return *self.policy.act(part(parameters, "policy."), read, noise), memory

    def start(self, parameters: Parameters, *batch: int) -> Any:
        """An empty memory."""
        return self.memory.initial(*batch, like=next(iter(parameters.values())))


def encode_step(
    observation_space: gymnasium.Space[Any],
    action_space: gymnasium.Space[Any],
    observation: Tensor,
    action: Tensor,
    reward: Tensor,
    done: Tensor,
    first: Tensor,
) -> Tensor:
    """o, a₋₁, r₋₁ and d₋₁ as one vector `[..., inputs]`; see `MemoryAgent.encode`."""
    seen = encode_observation(observation, observation_space, reward.dtype)
    acted = encode_observation(action, action_space, reward.dtype)
    before = torch.cat([acted, reward[..., None], done[..., None].to(reward.dtype)], -1)
    return torch.cat([seen, before.masked_fill(first[..., None], 0)], -1)


def part(parameters: Parameters, prefix: str) -> Parameters:
    """The parameters whose names begin with `prefix`, without it."""
    return {name[len(prefix) :]: value for name, value in parameters.items() if name.startswith(prefix)}
