"""A network that predicts how an observation changes, and by how much it may be wrong."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from metarl_core.arguments import check_count, check_type
from metarl_core.meta.models.transitions import Transitions
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import Parameters, has_task_axis

LOG_VARIANCES = (-10.0, 1.0)
"""bounds of a predicted log-variance, in normalised units; without them the likelihood of exact data has no maximum"""


class Normalisation(NamedTuple):
    """Means and standard deviations of inputs (observation, action) and of changes of the observation."""

    input_mean: Tensor
    input_std: Tensor
    delta_mean: Tensor
    delta_std: Tensor


def fit_normalisation(transitions: Transitions) -> Normalisation:
    """From training data, each step that was taken counted once; what never varies keeps a deviation of 1.

    Raises:
        ValueError: for data without a step.
    """
    check_type("transitions", transitions, Transitions)
    mask = transitions.mask
    if not bool(mask.any()):
        raise ValueError("transitions must have at least one step, got none.")
    inputs = torch.cat([transitions.observations, transitions.actions], -1)[mask]
    deltas = (transitions.next_observations - transitions.observations)[mask]
    parts = []
    for values in (inputs, deltas):
        std = values.std(0, correction=0)
        parts += [values.mean(0), torch.where(std > 1e-8, std, 1.0)]
    return Normalisation(*parts)


class DynamicsNetwork(MLP):
    """o' = o + Δ(o, a), an `MLP` from normalised observation and action to the normalised change.

    Args:
        observation_size, action_size: widths of an observation and of an action.
        hidden: widths of the hidden layers; two of 512 in Nagabandi et al. 2019.
        activation: between layers.
        probabilistic: predict a Gaussian, mean and log-variance, in place of the mean alone (Chua et al. 2018).
        context: width of what else the network is given (see `ReBAL`).
        normalisation: of inputs and changes, from training data; none unless given.
        generator: draws the initial weights.
        device, dtype: as in `MLP`.

    Parameters are those of the `MLP`, for one model or `[environment, ...]` or `[member, ...]`.

    Raises:
        ValueError: for widths below 1, or a normalisation of other widths.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden: Sequence[int] = (512, 512),
        activation: Callable[[Tensor], Tensor] = torch.relu,
        *,
        probabilistic: bool = False,
        context: int = 0,
        normalisation: Normalisation | None = None,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        size, width = check_count("observation_size", observation_size), check_count("action_size", action_size)
        context = check_count("context", context, 0)
        sizes = (size + width + context, *hidden, size * (2 if probabilistic else 1))
        super().__init__(sizes, activation, generator, initialisation="linear", device=device, dtype=dtype)
        if normalisation is None:
            like = self.get_parameter("bias0").detach()
            zeros, ones = like.new_zeros(size + width), like.new_ones(size + width)
            normalisation = Normalisation(zeros, ones, zeros[:size], ones[:size])
        check_type("normalisation", normalisation, Normalisation)
        got = [len(part) for part in normalisation]
        if got != [size + width, size + width, size, size]:
            raise ValueError(f"normalisation must be of {size + width} inputs and {size} changes, got {got}.")
        self.observation_size, self.action_size, self.context = size, width, context
        self.probabilistic, self.normalisation = probabilistic, normalisation

    def inputs(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Normalised observation and action, `[..., observation + action]`."""
        own = self.normalisation
        return (torch.cat([observations, actions], -1) - own.input_mean) / own.input_std

    def deltas(self, observations: Tensor, next_observations: Tensor) -> Tensor:
        """The normalised change of the observation."""
        own = self.normalisation
        return (next_observations - observations - own.delta_mean) / own.delta_std

    def following(self, observations: Tensor, deltas: Tensor) -> Tensor:
        """The next observation, from the normalised change: the inverse of `deltas`."""
        own = self.normalisation
        return observations + deltas * own.delta_std + own.delta_mean

    def distribution(
        self, parameters: Parameters, observations: Tensor, actions: Tensor, context: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Mean and log-variance of the normalised change; None for the log-variance of a network without."""
        inputs = self.inputs(observations, actions)
        inputs = inputs if context is None else torch.cat([inputs, context], -1)
        outputs = mlp(parameters, inputs, self.activation)
        if not self.probabilistic:
            return outputs, None
        mean, raw = outputs.chunk(2, -1)
        low, high = LOG_VARIANCES
        bounded = high - nn.functional.softplus(high - raw)
        return mean, low + nn.functional.softplus(bounded - low)

    def predict(
        self, parameters: Parameters, observations: Tensor, actions: Tensor, context: Tensor | None = None
    ) -> Tensor:
        """The expected next observations, of the shape of `observations`."""
        return self.following(observations, self.distribution(parameters, observations, actions, context)[0])

    def losses(self, parameters: Parameters, seen: Transitions, context: Tensor | None = None) -> Tensor:
        """For each environment or member the mean over its steps, `[environment]`; 0 where there are none.

        Squared error of the normalised change, averaged over its entries, or for a probabilistic network the negative
        log-likelihood of a Gaussian without its constant.
        """
        mean, log_variance = self.distribution(parameters, seen.observations, seen.actions, context)
        error = (mean - self.deltas(seen.observations, seen.next_observations)).square()
        if log_variance is not None:
            error = (error * (-log_variance).exp() + log_variance) / 2
        each = error.mean(-1) * seen.mask
        return each.flatten(1).sum(1) / seen.mask.flatten(1).sum(1).clamp_min(1)

    def features(self, parameters: Parameters, observations: Tensor, actions: Tensor) -> Tensor:
        """What the last layer multiplies, and a 1 for its bias: `[..., feature + 1]`."""
        last = self.layers - 1
        names = [f"{part}{layer}" for layer in range(last) for part in ("weight", "bias")]
        body = {name: parameters[name] for name in names}
        inputs = self.inputs(observations, actions)
        hidden = self.activation(mlp(body, inputs, self.activation)) if body else inputs
        return torch.cat([hidden, torch.ones_like(hidden[..., :1])], -1)

    def last_layer(self, parameters: Parameters) -> Tensor:
        """Weights and bias of the last layer as one matrix, `[..., output, feature + 1]`."""
        weight, bias = (parameters[f"{part}{self.layers - 1}"] for part in ("weight", "bias"))
        has_task_axis(bias, 1)
        return torch.cat([weight, bias.unsqueeze(-1)], -1)
