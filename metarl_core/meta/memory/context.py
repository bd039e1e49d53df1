"""Policies that are told a description of the task: given, or drawn once an episode from what is believed."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import torch
from torch import Tensor, nn

from metarl_core.arguments import (
    check_callable,
    check_count,
    check_methods,
    check_parameters_of,
    check_positive,
    check_widths,
)
from metarl_core.meta.memory.agent import encode_step, part
from metarl_core.meta.memory.encoders import ProductEncoder
from metarl_core.networks.encoding import encode_observation, observation_size
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.parameters import Parameters


class NoMemory(nn.Module):
    """In the place of a memory: what is read is the observation alone, and nothing is remembered.

    A `MemoryAgent` with it is an ordinary policy. On `InformedTasks`, whose observation shows the task, it is the
    policy that is *given* the task, the ceiling of every method that has to find it out.

    Args:
        inputs: width of an input: observation, action, reward and flag.
        actions: of these the width of an action.
        generator: taken, as by any memory, and not used.

    Raises:
        ValueError: where no room is left for an observation.
    """

    def __init__(self, inputs: int, actions: int, generator: torch.Generator | None = None):
        super().__init__()
        self.hidden = check_count("inputs", inputs, 3) - check_count("actions", actions) - 2
        if self.hidden < 1:
            raise ValueError(f"inputs must hold an observation besides {actions} of an action and 2, got {inputs}.")

    def initial(self, *batch: int, like: Tensor) -> None:
        return None

    def step(self, parameters: Parameters, inputs: Tensor, memory: None) -> tuple[Tensor, None]:
        return inputs[..., : self.hidden], None

    def sequence(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        return inputs[..., : self.hidden]


class ContextAgent(nn.Module):
    """Q(o, a, z), and a policy that takes a draw z from its belief for the task (PEARL, Rakelly et al. 2019).

    Where an episode begins z is drawn from q(z | transitions of the trial so far), before the first one from the prior
    Normal(0, 1), and kept until the episode ends: *posterior sampling*. Actions are drawn from the softmax of
    Q(o, ·, z) divided by the temperature, the policy that belongs to a soft Q-function (Haarnoja et al. 2017); the
    paper has an actor, for continuous actions.

    A pure function of its parameters (`initial_parameters(agent)`): names of the encoder's begin with "encoder.", those
    of Q with "critic.".

    Args:
        observation_space, action_space: of one environment; actions are `Discrete`.
        encoder: makes the encoder, whose belief is one of *sets* of transitions, from the width of its inputs and a
            generator; a `ProductEncoder` with five dimensions by default.
        hidden: widths of the hidden layers of Q.
        temperature: in units of reward; towards 0 the largest Q is taken.
        generator: draws the initial weights.

    Raises:
        ValueError: for actions that are not `Discrete`, a width below 1, or an encoder that lacks a method.
    """

    def __init__(
        self,
        observation_space: gymnasium.Space[Any],
        action_space: gymnasium.Space[Any],
        encoder: Callable[..., Any] = ProductEncoder,
        hidden: Sequence[int] = (64, 64),
        temperature: float = 0.1,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        if not isinstance(action_space, gymnasium.spaces.Discrete):
            raise ValueError(f"action_space must be Discrete for a Q-function of each action, got {action_space}.")
        check_callable("encoder", encoder, "the width of its inputs and a generator")
        check_widths("hidden", hidden)
        check_positive("temperature", temperature)
        self.observation_space, self.action_space, self.temperature = observation_space, action_space, temperature
        self.actions = int(action_space.n)
        seen = observation_size(observation_space)
        self.encoder = encoder(seen + self.actions + 2, generator=generator)
        check_methods("encoder", self.encoder, "latent", "named_parameters", "initial", "step", "posterior")
        self.latent = self.encoder.latent
        self.critic = MLP((seen + self.latent, *hidden, self.actions), torch.relu, generator)

    def check_parameters(self, parameters: Any) -> None:
        """Raise ValueError unless `parameters` have the names and shapes that `initial_parameters` gives."""
        check_parameters_of(dict(self.named_parameters()), parameters)
        for name, own in self.named_parameters():
            if parameters[name].shape != own.shape:
                raise ValueError(f"{name} must have shape {list(own.shape)}, got {list(parameters[name].shape)}.")

    def encode(self, observation: Tensor, action: Tensor, reward: Tensor, done: Tensor, first: Tensor) -> Tensor:
        """The input `[..., inputs]`: o, a₋₁, r₋₁ and d₋₁; see `MemoryAgent.encode`."""
        return encode_step(self.observation_space, self.action_space, observation, action, reward, done, first)

    def belief(self, parameters: Parameters, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation `[..., latent]` after a set of transitions `[..., transition, inputs]`."""
        return self.encoder.posterior(part(parameters, "encoder."), before, after)

    def values(self, parameters: Parameters, observation: Tensor, latent: Tensor) -> Tensor:
        """Q(o, ·, z) `[..., action]` of observations `[..., *observation]` and z `[..., latent]`."""
        seen = encode_observation(observation, self.observation_space, latent.dtype).to(latent.dtype)
        return mlp(part(parameters, "critic."), torch.cat([seen, latent], -1))

    def start(self, parameters: Parameters, *batch: int) -> Any:
        """The prior, and no z yet."""
        return self.encoder.initial(*batch, like=next(iter(parameters.values()))), None

    def noise(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """What `act` needs, drawn ahead: `[*shape, action + latent]`, exponential and standard normal."""
        race = torch.empty((*shape, self.actions), device=generator.device).exponential_(generator=generator)
        normal = torch.randn((*shape, self.latent), generator=generator, device=generator.device)
        return torch.cat([race, normal], -1)

    def act(self, parameters: Parameters, inputs: Tensor, memory: Any, noise: Tensor) -> tuple[Tensor, Tensor, Any]:
        """An action, its log-probability, and the belief and z after the input `[..., inputs]`."""
        believed, kept = memory
        mean, log_std, believed = self.encoder.step(part(parameters, "encoder."), inputs, believed)
        race, normal = noise.split([self.actions, self.latent], -1)
        drawn = mean + log_std.exp() * normal
        latent = drawn if kept is None else torch.where(inputs[..., -1:] > 0, drawn, kept)
        seen = inputs[..., : inputs.shape[-1] - self.actions - 2]
        values = mlp(part(parameters, "critic."), torch.cat([seen, latent], -1))
        log_probabilities = (values / self.temperature).log_softmax(-1)
        action = (log_probabilities - race.log()).argmax(-1)  # a draw from the softmax
        return action, log_probabilities.gather(-1, action[..., None])[..., 0], (believed, latent)
