"""Beliefs about the task: what was seen becomes a Gaussian over a latent task variable."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from metarl_core.arguments import check_callable, check_count, check_same_shape, check_shape, check_widths
from metarl_core.meta.memory.agent import part
from metarl_core.networks.mlp import MLP, mlp
from metarl_core.networks.recurrent import GRU, gru, gru_step
from metarl_core.parameters import Parameters

LOG_STD_RANGE = (-5.0, 2.0)


class Encoder(Protocol):
    """q(z | what was seen), a network: `RecurrentEncoder`, `ProductEncoder` or your own."""

    latent: int

    def initial(self, *batch: int, like: Tensor) -> Any:
        """The encoder's memory before anything was seen."""

    def step(self, parameters: Parameters, inputs: Tensor, memory: Any) -> tuple[Tensor, Tensor, Any]:
        """Mean and log standard deviation `[..., latent]` after one more input `[..., inputs]`, and the memory then."""

    def sequence(self, parameters: Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The same after each input of `[..., time, inputs]`, two tensors `[..., time, latent]`."""


class RecurrentEncoder(nn.Module):
    """A GRU whose memory is read as a Gaussian (VariBAD, Zintgraf et al. 2020).

    Args:
        inputs: width of an input.
        latent: dimensions of z.
        hidden: width of the GRU.
        generator: draws the initial weights.
    """

    def __init__(self, inputs: int, latent: int = 5, hidden: int = 64, generator: torch.Generator | None = None):
        super().__init__()
        self.latent = check_count("latent", latent)
        self.gru = GRU(inputs, hidden, generator)
        self.head = MLP((hidden, 2 * latent), generator=generator)

    def initial(self, *batch: int, like: Tensor) -> Tensor:
        return self.gru.initial(*batch, like=like)

    def step(self, parameters: Parameters, inputs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        memory = gru_step(part(parameters, "gru."), inputs, memory)
        return *self._read(parameters, memory), memory

    def sequence(self, parameters: Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self._read(parameters, gru(part(parameters, "gru."), inputs))

    def _read(self, parameters: Parameters, memory: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = mlp(part(parameters, "head."), memory).chunk(2, -1)
        return mean, log_std.clamp(*LOG_STD_RANGE)


class ProductEncoder(nn.Module):
    """Each step is evidence, a Gaussian factor of its own; the belief is the prior times all of them.

    The order of the steps counts for nothing (PEARL, Rakelly et al. 2019). A factor is read from o₋₁ and the input
    (o, a₋₁, r₋₁, d₋₁), that is from a whole transition; before the first one the belief is the prior, Normal(0, 1).

    Args:
        inputs: width of an input.
        latent: dimensions of z.
        hidden: widths of the hidden layers between a transition and its factor.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        inputs: int,
        latent: int = 5,
        hidden: Sequence[int] = (64,),
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.latent = check_count("latent", latent)
        check_widths("hidden", hidden)
        self.factor = MLP((2 * inputs, *hidden, 2 * latent), torch.tanh, generator)

    def initial(self, *batch: int, like: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        """The input before, none yet, and the sums of precisions and of precisions times means, those of the prior."""
        zeros = like.new_zeros((*batch, self.latent))
        return None, zeros + 1, zeros

    def step(self, parameters: Parameters, inputs: Tensor, memory: Any) -> tuple[Tensor, Tensor, Any]:
        before, precision, weighted = memory
        if before is not None:
            mean, log_std = self._factors(parameters, before, inputs)
            precision = precision + (-2 * log_std).exp()
            weighted = weighted + (-2 * log_std).exp() * mean
        return weighted / precision, -0.5 * precision.log(), (inputs, precision, weighted)

    def sequence(self, parameters: Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self._factors(parameters, inputs[..., :-1, :], inputs[..., 1:, :])
        prior = mean.new_zeros((*inputs.shape[:-2], 1, self.latent))
        return gaussian_product(torch.cat([prior, mean], -2), torch.cat([prior, log_std], -2), cumulative=True)

    def posterior(
        self, parameters: Parameters, before: Tensor, after: Tensor, counted: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation `[..., latent]` after a set of transitions, in whatever order.

        Args:
            before, after: the inputs at a step and at the next, `[..., transition, inputs]`.
            counted: false where a transition is none, `[..., transition]`; all count unless given.

        Raises:
            ValueError: for shapes that differ.
        """
        check_same_shape(before=before, after=after)
        mean, log_std = self._factors(parameters, before, after)
        precision = (-2 * log_std).exp()
        if counted is not None:
            check_shape("counted", counted, *before.shape[:-1])
            precision, mean = precision * counted[..., None], mean.masked_fill(~counted[..., None], 0)
        total = 1 + precision.sum(-2)
        return (precision * mean).sum(-2) / total, -0.5 * total.log()

    def _factors(self, parameters: Parameters, before: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        found = mlp(part(parameters, "factor."), torch.cat([before, inputs], -1), torch.tanh)
        mean, log_std = found.chunk(2, -1)
        return mean, log_std.clamp(*LOG_STD_RANGE)


def gaussian_product(mean: Tensor, log_std: Tensor, cumulative: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and log standard deviation of the product of diagonal Gaussians along the last axis but one.

        precision = Σ_i 1 / σ_i²,   mean = Σ_i μ_i / σ_i² / precision

    Args:
        mean, log_std: `[..., factor, latent]`.
        cumulative: products of the first 1, 2, … factors, `[..., factor, latent]`, in place of that of all,
            `[..., latent]`.

    Raises:
        ValueError: for shapes that differ.
    """
    check_same_shape(mean=mean, log_std=log_std)
    precision = (-2 * log_std).exp()
    weighted = precision * mean
    if cumulative:
        precision, weighted = precision.cumsum(-2), weighted.cumsum(-2)
    else:
        precision, weighted = precision.sum(-2), weighted.sum(-2)
    return weighted / precision, -0.5 * precision.log()


class BeliefMemory(nn.Module):
    """A memory, as `MemoryAgent` takes it, that shows the observation and the belief: [o, mean, log std].

    The policy's and the value function's gradients stop there: the encoder learns from `belief_loss` alone, by what a
    decoder of rewards makes of it (Zintgraf et al. 2020, 3.3). Parameters of the encoder begin with "encoder.", those
    of the decoder with "decoder.".

    Args:
        inputs: width of an input: observation, action, reward and flag.
        actions: of these the width of an action.
        encoder: makes the encoder from the width of its inputs and a generator.
        decoder: widths of the decoder's hidden layers; it maps z, o and a to the mean of the reward.
        generator: draws the initial weights.
        of_arrival: the decoder is given the observation that a step led to in place of o and a, as in VariBAD's grid,
            where the reward depends on that alone and the decoder need not learn where an action leads.
    """

    def __init__(
        self,
        inputs: int,
        actions: int,
        encoder: Callable[..., Any] = RecurrentEncoder,
        decoder: Sequence[int] = (64,),
        generator: torch.Generator | None = None,
        of_arrival: bool = False,
    ):
        super().__init__()
        check_callable("encoder", encoder, "the width of its inputs and a generator")
        self.observations = check_count("inputs", inputs, 3) - check_count("actions", actions) - 2
        if self.observations < 1:
            raise ValueError(f"inputs must hold an observation besides {actions} of an action and 2, got {inputs}.")
        self.encoder = encoder(inputs, generator=generator)
        latent = self.encoder.latent
        self.hidden = self.observations + 2 * latent
        check_widths("decoder", decoder)
        self.of_arrival = of_arrival
        known = self.observations + (0 if of_arrival else actions)
        self.decoder = MLP((latent + known, *decoder, 1), torch.relu, generator)

    def initial(self, *batch: int, like: Tensor) -> Any:
        return self.encoder.initial(*batch, like=like)

    def step(self, parameters: Parameters, inputs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        mean, log_std, memory = self.encoder.step(part(parameters, "encoder."), inputs, memory)
        return self._shown(inputs, mean, log_std), memory

    def sequence(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        with torch.no_grad():
            return self._shown(inputs, *self.belief(parameters, inputs))

    def belief(self, parameters: Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of q(z | what was seen) after each input, with gradients."""
        return self.encoder.sequence(part(parameters, "encoder."), inputs)

    def decode(
        self, parameters: Parameters, latent: Tensor, observation: Tensor, action: Tensor | None = None
    ) -> Tensor:
        """Mean reward `[...]` of z, o and a, `[..., latent]` and encoded `[..., observation]`, `[..., action]`.

        With `of_arrival` there is no action, and the observation is the one that the step led to.

        Leading axes broadcast: the first layer is a sum of what z, o and a give to it, so that one z beside many steps
        is multiplied by its weights once.
        """
        check_shape("observation", observation, *observation.shape[:-1], self.observations)
        own, width = part(parameters, "decoder."), self.encoder.latent
        of_latent, of_step = own["weight0"][..., :width], own["weight0"][..., width:]
        known = observation if action is None else torch.cat([observation, action], -1)
        first = _affine(of_latent, latent) + _affine(of_step, known, own["bias0"])
        rest = {f"{kind}{n}": own[f"{kind}{n + 1}"] for kind in ("weight", "bias") for n in range(len(own) // 2 - 1)}
        return (mlp(rest, first.relu_()) if rest else first)[..., 0]

    def _shown(self, inputs: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
        return torch.cat([inputs[..., : self.observations], mean.detach(), log_std.detach()], -1)


def _affine(weight: Tensor, inputs: Tensor, bias: Tensor | None = None) -> Tensor:
    """W x + b, each task with its own where weights carry a task axis."""
    if weight.ndim == 2:
        return nn.functional.linear(inputs, weight, bias)
    rows = inputs.reshape(len(inputs), -1, inputs.shape[-1]) @ weight.mT
    rows = rows if bias is None else rows + bias.unsqueeze(1)
    return rows.reshape(*inputs.shape[:-1], -1)
