"""Multilayer perceptrons whose parameters may carry a leading task axis."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from metarl_core.arguments import check_callable, check_generator, check_widths
from metarl_core.parameters import Parameters, has_task_axis


class MLP(nn.Module):
    """A multilayer perceptron for `torch.func.functional_call` with one or many sets of parameters.

    Its parameters are `weight0` `[out, in]`, `bias0` `[out]`, and so on. Called with parameters that
    carry a leading task axis (`weight0` `[task, out, in]`), it maps inputs `[task, ..., in]` to outputs
    `[task, ..., out]`, each task through its own network, in one batched matrix product per layer.

    Args:
        sizes: width of input, hidden layers and output, at least two numbers.
        activation: between layers.
        generator: draws the initial weights, on its own device.
        device: of the parameters; the generator's unless given.
        dtype: of the parameters; torch's default unless given.
        output_gain: factor on the last layer's initial weights.
        initialisation: "xavier": uniform weights of variance 2 / (in + out) (Glorot and Bengio 2010), biases zero;
            "linear": weights and biases uniform on ±1/√in, as `torch.nn.Linear` draws them. With few inputs random
            biases matter: with biases zero every first-layer rectifier has its kink at the origin.

    Raises:
        ValueError: for fewer than two sizes, a size below 1, another initialisation, or an activation that cannot be
            called.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Callable[[Tensor], Tensor] = torch.relu,
        generator: torch.Generator | None = None,
        output_gain: float = 1.0,
        initialisation: str = "xavier",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        if initialisation not in ("xavier", "linear"):
            raise ValueError(f"initialisation must be 'xavier' or 'linear', got {initialisation!r}.")
        check_widths("sizes", sizes)
        if len(sizes) < 2:
            raise ValueError(f"sizes must hold at least two positive widths, got {list(sizes)}.")
        check_callable("activation", activation, "a tensor")
        if generator is not None:
            check_generator(generator)
        drawn_on = device if generator is None else generator.device

        def uniform(*shape: int) -> Tensor:
            return 2 * torch.rand(shape, generator=generator, device=drawn_on, dtype=dtype) - 1

        self.sizes, self.activation = tuple(sizes), activation
        self.layers = len(sizes) - 1
        for layer, (width_in, width_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            xavier = initialisation == "xavier"
            bound = math.sqrt(6 / (width_in + width_out)) if xavier else 1 / math.sqrt(width_in)
            bound *= output_gain if layer == self.layers - 1 else 1.0
            weight = uniform(width_out, width_in) * bound
            bias = weight.new_zeros(width_out)
            if not xavier:
                bias = uniform(width_out) * bound
            self.register_parameter(f"weight{layer}", nn.Parameter(weight.to(device)))
            self.register_parameter(f"bias{layer}", nn.Parameter(bias.to(device)))

    def forward(self, inputs: Tensor) -> Tensor:
        return mlp(dict(self.named_parameters()), inputs, self.activation)


def mlp(parameters: Parameters, inputs: Tensor, activation: Callable[[Tensor], Tensor] = torch.relu) -> Tensor:
    """The multilayer perceptron itself, as a pure function of `weight0`, `bias0`, `weight1`, …

    Args:
        parameters: `weight{i}` `[out, in]` and `bias{i}` `[out]`, or with a leading task axis.
        inputs: `[..., in]`, or `[task, ..., in]` where the parameters carry a task axis.

    Returns:
        `[..., out]`.

    Raises:
        ValueError: for parameters of another network, inputs of another width, or of another number of tasks.
    """
    if "weight0" not in parameters:
        raise ValueError(f"parameters must be those of an MLP, weight0, bias0 and so on, got {list(parameters)}.")
    layers = sum(name.startswith("weight") for name in parameters)
    stacked = has_task_axis(parameters["weight0"], 2)
    shape = parameters["weight0"].shape
    if inputs.ndim == 0 or inputs.shape[-1] != shape[-1] or (stacked and len(inputs) != shape[0]):
        axes = f"[{shape[0]}, ..., {shape[-1]}]" if stacked else f"[..., {shape[-1]}]"
        raise ValueError(f"inputs must have shape {axes}, got {list(inputs.shape)}.")
    # All axes between task and features form the rows of one matrix per task.
    hidden = inputs.reshape(len(inputs), -1, inputs.shape[-1]) if stacked else inputs
    for layer in range(layers):
        weight, bias = parameters[f"weight{layer}"], parameters[f"bias{layer}"]
        if stacked:
            hidden = torch.baddbmm(bias.unsqueeze(1), hidden, weight.mT)
        else:
            hidden = nn.functional.linear(hidden, weight, bias)
        if layer < layers - 1:
            hidden = activation(hidden)
    return hidden.reshape(*inputs.shape[:-1], -1) if stacked else hidden
