"""Value, gradient and second derivative of a loss over tasks, to compare two ways of computing it."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing

from metarl_core.parameters import Parameters

Arguments = tuple[Parameters, Tensor, Tensor]


@contextlib.contextmanager
def own_copies(arguments: Arguments, module: nn.Module, double: bool = False) -> Iterator[tuple[Arguments, Parameters]]:
    """At most two tasks of the arguments, and the constants of a module (buffers, frozen parameters), as copies.

    Gradients are on and the global generators of random numbers keep their state, whatever is computed with them.
    """
    parameters, inputs, targets = arguments
    named = [*module.named_buffers(), *((n, v) for n, v in module.named_parameters() if not v.requires_grad)]
    devices = [inputs.device] if inputs.device.type == "cuda" else []

    def copy(value: Tensor) -> Tensor:
        value = value.detach().clone()
        return value.double() if double and value.is_floating_point() else value

    with disable_proxy_modes_tracing(), torch.enable_grad(), torch.random.fork_rng(devices):
        copies = {name: copy(value[:2]) for name, value in parameters.items()}
        yield (copies, copy(inputs[:2]), copy(targets[:2])), {name: copy(value) for name, value in named}


def flat_derivatives(loss: Callable[..., Tensor], parameters: Parameters, *data: Tensor) -> list[Tensor]:
    """Of `loss(parameters, *data)` `[task]`: its value, its gradient, and its Hessian times one direction, each flat.

    The same random numbers each time. A loss that cannot be differentiated (a measure) has derivatives zero.
    """
    torch.default_generator.manual_seed(0)
    if data[0].device.type == "cuda":
        torch.cuda.manual_seed(0)
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    values = list(leaves.values())
    losses = loss(leaves, *data)
    gradients = _gradients(losses.sum(), values)
    # Any direction will do, as long as no symmetry of a network hides in it.
    slope = sum((g * torch.arange(g.numel(), device=g.device).cos().reshape(g.shape)).sum() for g in gradients)
    assert isinstance(slope, Tensor)
    second = _gradients(slope, values)
    return [losses.detach(), *(torch.cat([g.detach().flatten() for g in many]) for many in (gradients, second))]


def _gradients(value: Tensor, at: list[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(one) for one in at]
    return list(torch.autograd.grad(value, at, create_graph=True, materialize_grads=True))


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two results are the same up to rounding, measured by the largest entry; not a number equals itself."""
    size = float(other.nan_to_num().abs().max())
    tolerance = (1e-6 if other.dtype == torch.float64 else 1e-3) * size
    return torch.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True)
