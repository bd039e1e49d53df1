"""A gated recurrent unit as a pure function of parameters, for one step and for whole sequences."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from metarl_core.arguments import check_count, check_generator
from metarl_core.parameters import Parameters, has_task_axis

NAMES = ("weight_input", "weight_hidden", "bias_input", "bias_hidden")


class GRU(nn.Module):
    """A gated recurrent unit (Cho et al. 2014) in the form of `torch.nn.GRU`, used through its parameters.

        r = σ(W_ir x + b_ir + W_hr h + b_hr)          what of the memory the candidate sees
        z = σ(W_iz x + b_iz + W_hz h + b_hz)          what of the memory stays
        n = tanh(W_in x + b_in + r (W_hn h + b_hn))   the candidate
        h' = (1 − z) n + z h

    Parameters are `weight_input` `[3 · hidden, inputs]`, `weight_hidden` `[3 · hidden, hidden]`, `bias_input` and
    `bias_hidden` `[3 · hidden]`, rows in the order r, z, n; or with a leading task axis, each task with a network of
    its own.

    Args:
        inputs: width of an input.
        hidden: width of the memory h.
        generator: draws the initial weights, on its own device.
        device: of the parameters; the generator's unless given.
        dtype: of the parameters; torch's default unless given.

    Weights begin uniform with variance 2 / (in + out) for each of the three parts, the memory's orthogonal (Saxe et
    al. 2014), so that a gradient neither vanishes nor explodes over the first hundreds of steps; biases zero.

    Raises:
        ValueError: for a width below 1.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int = 64,
        generator: torch.Generator | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        self.inputs, self.hidden = check_count("inputs", inputs), check_count("hidden", hidden)
        if generator is not None:
            check_generator(generator)
        drawn_on = device if generator is None else generator.device
        dtype = torch.get_default_dtype() if dtype is None else dtype
        bound = math.sqrt(6 / (self.inputs + self.hidden))
        weight = torch.rand((3 * self.hidden, self.inputs), generator=generator, device=drawn_on, dtype=dtype)
        square = torch.randn((3, self.hidden, self.hidden), generator=generator, device=drawn_on, dtype=dtype)
        orthogonal = torch.linalg.qr(square)[0].flatten(0, 1)
        zeros = weight.new_zeros(3 * self.hidden)
        for name, value in zip(NAMES, ((2 * weight - 1) * bound, orthogonal, zeros, zeros), strict=True):
            self.register_parameter(name, nn.Parameter(value.to(device, copy=True)))

    def initial(self, *batch: int, like: Tensor) -> Tensor:
        """The memory before anything was seen, zeros `[*batch, hidden]` of the type and device of `like`."""
        return like.new_zeros((*batch, self.hidden))

    def step(self, parameters: Parameters, inputs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """What is read after one input, and the memory then: for a GRU one and the same."""
        after = gru_step(parameters, inputs, memory)
        return after, after

    def sequence(self, parameters: Parameters, inputs: Tensor) -> Tensor:
        """What is read after each input of `[..., time, inputs]`, from an empty memory on: `[..., time, hidden]`."""
        return gru(parameters, inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return gru(dict(self.named_parameters()), inputs)


def gru_step(parameters: Parameters, inputs: Tensor, hidden: Tensor) -> Tensor:
    """The memory after one more input; differentiable any number of times.

    Args:
        parameters: see `GRU`.
        inputs: `[..., inputs]`, or `[task, ..., inputs]` where the parameters carry a task axis.
        hidden: `[..., hidden]`, with the same leading axes.

    Returns:
        `[..., hidden]`.

    Raises:
        ValueError: for parameters of another network, or shapes that do not fit.
    """
    _check(parameters, inputs, 1)
    width = parameters["weight_hidden"].shape[-1]
    if hidden.shape != (*inputs.shape[:-1], width):
        expected = ", ".join(map(str, (*inputs.shape[:-1], width)))
        raise ValueError(f"hidden must have shape [{expected}] beside these inputs, got {list(hidden.shape)}.")
    from_input = _affine(parameters["weight_input"], parameters["bias_input"], inputs)
    from_hidden = _affine(parameters["weight_hidden"], parameters["bias_hidden"], hidden)
    gates = (from_input[..., : 2 * width] + from_hidden[..., : 2 * width]).sigmoid()
    reset, keep = gates.chunk(2, -1)
    candidate = (from_input[..., 2 * width :] + reset * from_hidden[..., 2 * width :]).tanh()
    return torch.lerp(candidate, hidden, keep)


def gru(parameters: Parameters, inputs: Tensor, hidden: Tensor | None = None) -> Tensor:
    """The memories after each input of whole sequences.

    The same numbers as `gru_step` along the sequence. Its derivative is written by hand (backpropagation through time,
    Werbos 1990), about twice as fast as automatic differentiation of that loop; it can be taken once.

    Args:
        parameters: see `GRU`.
        inputs: `[..., time, inputs]`, or `[task, ..., time, inputs]` where the parameters carry a task axis.
        hidden: the memory before the first input, `[..., hidden]`; zeros unless given.

    Returns:
        `[..., time, hidden]`, a view of a tensor that has time first.

    Raises:
        ValueError: for parameters of another network, or shapes that do not fit.
    """
    _check(parameters, inputs, 2)
    width = parameters["weight_hidden"].shape[-1]
    stacked = has_task_axis(parameters["weight_hidden"], 2)
    batch = inputs.shape[:-2]
    if hidden is None:
        hidden = inputs.new_zeros((*batch, width))
    elif hidden.shape != (*batch, width):
        expected = ", ".join(map(str, (*batch, width)))
        raise ValueError(f"hidden must have shape [{expected}] beside these inputs, got {list(hidden.shape)}.")
    # One network counts as one task. The three parts of the weights come first: [3, task, ...].
    tasks = batch[0] if stacked else 1
    parts = [parameters[name] if stacked else parameters[name][None] for name in NAMES]
    parts = [value.unflatten(1, (3, width)).movedim(1, 0) for value in parts]
    by_time = inputs.movedim(-2, 0)
    rows = math.prod(batch) // tasks
    flat = by_time.reshape(len(by_time), tasks, rows, inputs.shape[-1])
    outputs = _Sequence.apply(flat, hidden.reshape(tasks, rows, width), *parts)
    return outputs.reshape(len(by_time), *batch, width).movedim(0, -2)


def _check(parameters: Parameters, inputs: Tensor, axes: int) -> None:
    """Raise ValueError unless these are a GRU's parameters and inputs with at least so many axes behind the task's."""
    if not all(name in parameters for name in NAMES):
        raise ValueError(f"parameters must be those of a GRU, {', '.join(NAMES)}, got {list(parameters)}.")
    weight = parameters["weight_input"]
    stacked = has_task_axis(weight, 2)
    fits = inputs.ndim >= axes + stacked and inputs.shape[-1] == weight.shape[-1]
    if not fits or (stacked and len(inputs) != len(weight)):
        leading = f"{len(weight)}, ..." if stacked else "..."
        behind = f"time, {weight.shape[-1]}" if axes == 2 else f"{weight.shape[-1]}"
        raise ValueError(f"inputs must have shape [{leading}, {behind}], got {list(inputs.shape)}.")


def _affine(weight: Tensor, bias: Tensor, inputs: Tensor) -> Tensor:
    """W x + b, each task with its own where they carry a task axis."""
    if weight.ndim == 2:
        return nn.functional.linear(inputs, weight, bias)
    rows = inputs.reshape(len(inputs), -1, inputs.shape[-1])
    return torch.baddbmm(bias.unsqueeze(1), rows, weight.mT).reshape(*inputs.shape[:-1], -1)


def _tanh(values: Tensor) -> Tensor:
    """tanh in place, as 2 σ(2 x) − 1: on a CPU torch's σ takes a third of the time of its tanh."""
    return values.mul_(2).sigmoid_().mul_(2).sub_(1)


class _Sequence(torch.autograd.Function):
    """Memories `[time, task, row, hidden]` of inputs `[time, task, row, inputs]`, and their derivative.

    Weights are `[3, task, hidden, …]` and biases `[3, task, hidden]`. All that a step computes lies in one contiguous
    block, and of the backward pass only the block of the current step exists.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, hidden: Tensor, w_input: Tensor, w_hidden: Tensor, b_input: Tensor, b_hidden: Tensor
    ) -> Tensor:
        memories = hidden.new_empty((len(inputs) + 1, *hidden.shape))
        kept = hidden.new_empty((len(inputs), 4, *hidden.shape))  # of each step: r, z, the memory's part of n, and n
        memories[0] = hidden
        from_hidden = torch.cat([b_hidden[:2] + b_input[:2], b_hidden[2:]]).flatten(0, 1).unsqueeze(1)
        bias, w_gates, w_candidate = b_input[2].unsqueeze(1), w_input[:2].flatten(0, 1).mT, w_input[2].mT
        w_memory = w_hidden.flatten(0, 1).mT
        for time, given in enumerate(inputs):
            before, block = memories[time], kept[time]
            torch.baddbmm(from_hidden, _thrice(before), w_memory, out=block[:3].flatten(0, 1))
            block[:2].flatten(0, 1).baddbmm_(_thrice(given, 2), w_gates).sigmoid_()
            candidate = torch.baddbmm(bias, given, w_candidate, out=block[3])
            _tanh(candidate.addcmul_(block[0], block[2]))
            torch.lerp(candidate, before, block[1], out=memories[time + 1])
        ctx.save_for_backward(inputs, memories, kept, w_input, w_hidden)
        return memories[1:]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, memories, kept, w_input, w_hidden = ctx.saved_tensors
        grad_inputs = torch.empty_like(inputs) if ctx.needs_input_grad[0] else None
        grad_w_input, grad_w_hidden = (
            torch.zeros_like(w, memory_format=torch.contiguous_format) for w in (w_input, w_hidden)
        )
        sums = torch.zeros_like(kept[0, ..., 0, :])
        change = torch.empty_like(kept[0])  # ∂ by the arguments of r, z, the memory's part of n, and n
        by_reset, by_keep, by_hidden, by_candidate = change
        carry = torch.zeros_like(memories[0])
        for time in range(len(inputs) - 1, -1, -1):
            (reset, keep, from_hidden, candidate), before, given = kept[time], memories[time], inputs[time]
            carry += grad[time]
            torch.sub(before, candidate, out=by_keep).mul_(carry)
            kept_on = carry * keep
            by_keep.mul_(keep).addcmul_(by_keep, keep, value=-1)
            torch.sub(carry, kept_on, out=by_candidate)
            by_candidate.addcmul_(by_candidate, candidate.square(), value=-1)
            torch.mul(by_candidate, reset, out=by_hidden)
            torch.mul(by_hidden, from_hidden, out=by_reset)
            by_reset.addcmul_(by_reset, reset, value=-1)
            carry = kept_on
            for part in range(3):
                carry.baddbmm_(change[part], w_hidden[part])
            grad_w_hidden.flatten(0, 1).baddbmm_(change[:3].flatten(0, 1).mT, _thrice(before))
            grad_w_input[:2].flatten(0, 1).baddbmm_(change[:2].flatten(0, 1).mT, _thrice(given, 2))
            grad_w_input[2].baddbmm_(by_candidate.mT, given)
            sums += change.sum(2)
            if grad_inputs is not None:
                torch.bmm(by_candidate, w_input[2], out=grad_inputs[time])
                for part in range(2):
                    grad_inputs[time].baddbmm_(change[part], w_input[part])
        grad_b_input = torch.cat([sums[:2], sums[3:]])
        return grad_inputs, carry, grad_w_input, grad_w_hidden, grad_b_input, sums[:3]


def _thrice(rows: Tensor, times: int = 3) -> Tensor:
    """`[task, row, width]` once for each part, `[times · task, row, width]`; a view where there is one task."""
    return rows.expand(times, *rows.shape).flatten(0, 1)
