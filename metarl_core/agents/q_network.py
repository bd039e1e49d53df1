"""A network that values every action."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import torch
from torch import Tensor

from metarl_core.arguments import check_widths
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.parameters import Parameters, dtype_of, initial_parameters


class QNetwork:
    """Q(s, ·) of `Discrete` actions as a function of parameters; it acts greedily, so it is a policy, too.

    Args:
        observation_space, action_space: of one environment.
        hidden: widths of the hidden layers, with rectifiers between.
        generator: draws the initial weights and biases, uniform on ±1/√in.

    Raises:
        ValueError: for actions that are not `Discrete`, observations that no network can take, or a width below 1.
    """

    def __init__(
        self,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        hidden: Sequence[int] = (128, 128),
        generator: torch.Generator | None = None,
    ):
        check_widths("hidden", hidden)
        if not isinstance(action_space, gymnasium.spaces.Discrete):
            raise ValueError(f"a QNetwork needs Discrete actions, got {action_space}.")
        self.observation_space, self.actions = observation_space, int(action_space.n)
        sizes = (observation_size(observation_space), *hidden, self.actions)
        self.network = MLP(sizes, generator=generator, initialisation="linear")

    def initial_parameters(self) -> Parameters:
        """A detached copy of the network's initial parameters."""
        return initial_parameters(self.network)

    def __call__(self, parameters: Parameters, observations: Tensor) -> Tensor:
        """Q-values `[..., actions]` for observations `[..., obs]`."""
        return mlp(parameters, encode_observation(observations, self.observation_space, dtype_of(parameters)))

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
