"""A meta-gradient as one flat list of tensor operations, optionally compiled: the same numbers with less overhead."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from metarl_core.meta.supervised.config import Direction, Method
from metarl_core.parameters import Parameters
from metarl_core.tasks.few_shot import FewShot


def trace_direction(method: Method, meta: Parameters, data: FewShot, compiled: bool = False) -> Direction:
    """`method.direction` for data of exactly these shapes, without the bookkeeping of autograd.

    Small networks spend their time between the operations, not in them. The forward pass, the inner steps, and the
    derivative through them run once while every tensor operation is written down; afterwards only this list runs.

    Args:
        method: whose `direction` is meant; nothing in it may depend on the *values* of data or parameters.
        meta, data: examples.
        compiled: fuse the operations by `torch.compile`. It needs a C++ compiler; without one the list runs
            as it is, and a warning says so.

    Returns:
        A function like `method.direction`. It raises `ValueError` for other shapes than those of the examples.
    """
    names, shapes = list(meta), [value.shape for value in (*meta.values(), *data)]

    def flat(*tensors: Tensor) -> list[Tensor]:
        gradients, losses = method.direction(
            dict(zip(names, tensors[: len(names)], strict=True)), FewShot(*tensors[len(names) :])
        )
        return [*(gradients[name] for name in names), losses]

    examples = [value.detach() for value in (*meta.values(), *data)]
    run: Callable = make_fx(flat)(*examples)
    if compiled:
        run = compiled_or_not(run, examples)

    def direction(meta: Parameters, data: FewShot) -> tuple[Parameters, Tensor]:
        tensors = [value.detach() for value in (*meta.values(), *data)]
        if [value.shape for value in tensors] != shapes:
            raise ValueError(
                f"traced for shapes {[list(shape) for shape in shapes]}, got {[list(v.shape) for v in tensors]}; "
                "trace again for these."
            )
        with torch.no_grad():
            *gradients, losses = run(*tensors)
        return dict(zip(names, gradients, strict=True)), losses

    return direction


def compiled_or_not(run: Callable, examples: list[Tensor]) -> Callable:
    """`torch.compile(run)` where this machine can; `run` itself and a warning where it cannot."""
    try:
        fast = torch.compile(run, dynamic=False)
        with torch.no_grad():
            fast(*examples)
        return fast
    except Exception as error:  # which one depends on what is missing: compiler, headers, a supported platform
        warnings.warn(
            f"torch.compile does not work here ({type(error).__name__}), so the operations run one by one; "
            "results are the same, only slower.",
            stacklevel=3,
        )
        return run
