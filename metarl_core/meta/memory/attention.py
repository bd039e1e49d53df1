"""A memory that forgets nothing: causal self-attention over the steps of a trial."""

import math

import torch
from torch import Tensor, nn

from metarl_core.arguments import check_count, check_generator
from metarl_core.parameters import Parameters

LONGEST_WAVE = 1000.0
"""steps, of the slowest wave of a position"""
Cache = tuple[tuple[Tensor, Tensor], ...]
"""of each layer the keys and the values of all steps so far, `[..., time, hidden]`"""


class CausalAttention(nn.Module):
    """A transformer (Vaswani et al. 2017) that reads (o, a₋₁, r₋₁, d₋₁) of each step, and looks back at all before it.

    In place of a state that is rewritten at each step it keeps what it computed of all of them: of each layer keys and
    values, to which a step adds its own. What is read at a step is a function of that step's input and those before,
    never of later ones. With u a step's features, and norms before each part (Xiong et al. 2020):

        q, k, v = W_qkv norm(u) + b_qkv              of each step, cut into heads
        u ← u + W_out Σ_{i ≤ t} softmax_i(q_t · k_i / √d) v_i + b_out
        u ← u + W_down relu(W_up norm(u) + b_up) + b_down

    A trial's steps are told apart by waves of their number, which are added to the first features.

    It is a `Memory`: use it as `MemoryAgent(..., memory=CausalAttention)`. Reading a trial of n steps one by one takes
    n² / 2 comparisons and so does reading it at once; a GRU takes n steps.

    Args:
        inputs: width of an input.
        hidden: width of the features, and of what is read; an even multiple of `heads`.
        heads: of each layer.
        layers: of attention.
        generator: draws the initial weights, on its own device.

    Weights begin uniform with variance 2 / (in + out), those that add to the features smaller by √(2 · layers).

    Raises:
        ValueError: for a width, heads or layers below 1, or a width that the heads do not share evenly.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int = 32,
        heads: int = 2,
        layers: int = 2,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.inputs, self.hidden = check_count("inputs", inputs), check_count("hidden", hidden)
        self.heads, self.layers = check_count("heads", heads), check_count("layers", layers)
        if hidden % (2 * heads):
            raise ValueError(f"hidden must be a multiple of twice the {heads} heads, got {hidden}.")
        if generator is not None:
            check_generator(generator)
        device = None if generator is None else generator.device

        def matrix(rows: int, columns: int, scale: float = 1.0) -> nn.Parameter:
            bound = scale * math.sqrt(6 / (rows + columns))
            return nn.Parameter((2 * torch.rand((rows, columns), generator=generator, device=device) - 1) * bound)

        def vector(size: int, value: float = 0.0) -> nn.Parameter:
            return nn.Parameter(torch.full((size,), value, device=device))

        small = 1 / math.sqrt(2 * layers)
        self.embed_weight, self.embed_bias = matrix(hidden, inputs), vector(hidden)
        for layer in range(layers):
            for name, rows, columns, scale in (
                ("qkv", 3 * hidden, hidden, 1.0),
                ("out", hidden, hidden, small),
                ("up", 2 * hidden, hidden, 1.0),
                ("down", hidden, 2 * hidden, small),
            ):
                self.register_parameter(f"{name}_weight{layer}", matrix(rows, columns, scale))
                self.register_parameter(f"{name}_bias{layer}", vector(rows))
            for name in ("look", "think"):
                self.register_parameter(f"{name}_gain{layer}", vector(hidden, 1.0))
        self.read_gain = vector(hidden, 1.0)

    def initial(self, *batch: int, like: Tensor) -> Cache:
        """The cache before anything was seen, without steps."""
        nothing = like.new_zeros((*batch, 0, self.hidden))
        return ((nothing, nothing),) * self.layers

    def step(self, parameters: Parameters, inputs: Tensor, memory: Cache) -> tuple[Tensor, Cache]:
        """What is read after one more input `[..., inputs]`, `[..., hidden]`, and the cache with that step."""
        self._check(parameters, inputs, 1)
        fits = isinstance(memory, tuple) and len(memory) == self.layers and memory[0][0].ndim == inputs.ndim + 1
        if not fits or memory[0][0].shape[:-2] != inputs.shape[:-1]:
            raise ValueError(f"memory must be the cache of {self.layers} layers beside these inputs, got another.")
        read, memory = self._layers(parameters, inputs.unsqueeze(-2), memory)
        return read.squeeze(-2), memory

    def sequence(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What is read after each input of `[..., time, inputs]`, from an empty cache on: `[..., time, hidden]`."""
        self._check(parameters, inputs, 2)
        return self._layers(parameters, inputs, None)[0]

    def forward(self, inputs: Tensor) -> Tensor:
        return self.sequence(dict(self.named_parameters()), inputs)

    def _layers(self, parameters: Parameters, inputs: Tensor, memory: Cache | None) -> tuple[Tensor, Cache]:
        """Read the steps `[..., time, inputs]` that follow on those of the cache."""

        def affine(name: str, layer: int, values: Tensor) -> Tensor:
            return _affine(parameters[f"{name}_weight{layer}"], parameters[f"{name}_bias{layer}"], values)

        before = 0 if memory is None else memory[0][0].shape[-2]
        times = torch.arange(before, before + inputs.shape[-2], dtype=inputs.dtype, device=inputs.device)
        features = _affine(parameters["embed_weight"], parameters["embed_bias"], inputs) + waves(times, self.hidden)
        cache = []
        for layer in range(self.layers):
            query, key, value = affine("qkv", layer, _norm(parameters[f"look_gain{layer}"], features)).chunk(3, -1)
            if memory is not None:
                key, value = (torch.cat([old, new], -2) for old, new in zip(memory[layer], (key, value), strict=True))
            cache.append((key, value))
            features = features + affine("out", layer, self._attend(query, key, value, memory is None))
            hidden = affine("up", layer, _norm(parameters[f"think_gain{layer}"], features)).relu()
            features = features + affine("down", layer, hidden)
        return _norm(parameters["read_gain"], features), tuple(cache)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
        """Σ softmax(q · k / √d) v by head, `[..., time, hidden]`."""

        def by_head(values: Tensor) -> Tensor:  # [row, head, time, d]
            return values.reshape(-1, *values.shape[-2:]).unflatten(-1, (self.heads, -1)).transpose(1, 2)

        queries, keys, values = by_head(query), by_head(key), by_head(value)
        looked = nn.functional.scaled_dot_product_attention(queries, keys, values, is_causal=causal)
        return looked.transpose(1, 2).flatten(-2).reshape(query.shape)

    def _check(self, parameters: Parameters, inputs: Tensor, axes: int) -> None:
        """Raise ValueError unless the parameters are this network's, and the inputs have its width."""
        missing = [name for name, _ in self.named_parameters() if name not in parameters]
        if missing:
            raise ValueError(f"parameters must be those of this attention, got none named {missing[0]}.")
        stacked = parameters["embed_weight"].ndim == 3
        fits = inputs.ndim >= axes + stacked and inputs.shape[-1] == self.inputs
        if not fits or (stacked and len(inputs) != len(parameters["embed_weight"])):
            leading = f"{len(parameters['embed_weight'])}, ..." if stacked else "..."
            behind = f"time, {self.inputs}" if axes == 2 else f"{self.inputs}"
            raise ValueError(f"inputs must have shape [{leading}, {behind}], got {list(inputs.shape)}.")


def waves(times: Tensor, width: int) -> Tensor:
    """Sines and cosines of the steps' numbers `[time]`, `[time, width]`, from a wave of 2π steps to a very long one.

    Raises:
        ValueError: for an odd width.
    """
    if check_count("width", width) % 2:
        raise ValueError(f"width must be even, a sine and a cosine of each wave, got {width}.")
    exponents = torch.arange(width // 2, dtype=times.dtype, device=times.device) / max(width // 2 - 1, 1)
    angles = times.unsqueeze(-1) * LONGEST_WAVE**-exponents
    return torch.cat([angles.sin(), angles.cos()], -1)


def _affine(weight: Tensor, bias: Tensor, values: Tensor) -> Tensor:
    """W u + b, each task with its own where they carry a task axis."""
    if weight.ndim == 2:
        return nn.functional.linear(values, weight, bias)
    rows = values.reshape(len(values), -1, values.shape[-1])
    return torch.baddbmm(bias.unsqueeze(1), rows, weight.mT).reshape(*values.shape[:-1], -1)


def _norm(gain: Tensor, values: Tensor) -> Tensor:
    """Values divided by the root of their mean square (Zhang & Sennrich 2019), times the gain."""
    gain = gain.reshape(len(gain), *[1] * (values.ndim - 2), -1) if gain.ndim == 2 else gain
    return values * (values.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * gain
