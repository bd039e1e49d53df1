"""Parameters as dictionaries of tensors: copied, stacked, repeated per task, saved and loaded.

A network here is a pure function of such a dictionary (`torch.func.functional_call`). One set has each tensor as the
network has it; many sets at once (of tasks, learners or seeds) have one leading axis more.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

Parameters = dict[str, Tensor]


def initial_parameters(module: nn.Module) -> Parameters:
    """A detached copy of a module's parameters as a dictionary, the form that all training here uses."""
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def copy_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """Detached copies, which share no memory with the given ones."""
    return {name: value.detach().clone() for name, value in parameters.items()}


def detach_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """The same values as constants: no gradient flows back, and the memory is shared."""
    return {name: value.detach() for name, value in parameters.items()}


def trainable_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """Leaves for an optimiser: detached copies that require gradients."""
    return {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}


def leaf_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """Leaves to differentiate at: the same values, sharing memory, that require gradients."""
    return {name: value.detach().requires_grad_() for name, value in parameters.items()}


def repeat_parameters(parameters: Parameters, tasks: int) -> Parameters:
    """The same parameters for each of `tasks` tasks: every tensor gets a leading task axis (a view)."""
    return {name: value.expand(tasks, *value.shape) for name, value in parameters.items()}


def stack_parameters(many: Sequence[Parameters]) -> Parameters:
    """Several sets of parameters as one with a leading axis."""
    return {name: torch.stack([parameters[name] for parameters in many]) for name in many[0]}


def select_parameters(parameters: Parameters, learner: int) -> Parameters:
    """The parameters of one learner out of `[learner, ...]`: the inverse of `stack_parameters`."""
    return {name: value[learner] for name, value in parameters.items()}


def has_task_axis(value: Tensor, axes: int) -> bool:
    """Whether a parameter that has `axes` axes in one network comes for many tasks, `[task, ...]`.

    Raises:
        ValueError: where it has another number of axes than these.
    """
    if value.ndim not in (axes, axes + 1):
        raise ValueError(
            f"a parameter must have {axes} axes, or {axes + 1} with a task axis, got one of shape {list(value.shape)}."
        )
    return value.ndim == axes + 1


def dtype_of(parameters: Mapping[str, Tensor]) -> torch.dtype:
    """The number type that parameters have, and that a network of them computes in."""
    return next(iter(parameters.values())).dtype


def trainable_copy(parameters: Parameters, learners: int) -> Parameters:
    """Leaves for an optimiser: copies of parameters `[learner, ...]` that require gradients.

    Raises:
        ValueError: where a tensor's leading axis is not the number of learners.
    """
    for name, value in parameters.items():
        if value.ndim < 2 or len(value) != learners:
            raise ValueError(
                f"parameters must have a leading axis of {learners} learners (see repeat_parameters), "
                f"got {name} of shape {list(value.shape)}."
            )
    return {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}


def clip_grad_norm(parameters: Parameters, largest: float) -> Tensor:
    """Scale each learner's gradient down to norm `largest` where it is longer; parameters are `[learner, ...]`.

    Returns:
        The norms before, `[learner]`.
    """
    gradients = [value.grad for value in parameters.values() if value.grad is not None]
    norm = torch.cat([gradient.flatten(1) for gradient in gradients], 1).norm(dim=1)
    factor = (largest / (norm + 1e-6)).clamp_max(1.0)
    if bool((factor == 1).all()):
        return norm
    for gradient in gradients:
        gradient.mul_(factor.reshape(-1, *[1] * (gradient.ndim - 1)))
    return norm


def save_parameters(parameters: Parameters, path: str | Path) -> None:
    """Write parameters to `path`; an interrupted write leaves the old file as it was."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    torch.save({name: value.detach().clone() for name, value in parameters.items()}, partial)
    os.replace(partial, path)


def load_parameters(path: str | Path) -> Parameters:
    """Read what `save_parameters` wrote.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a truncated file, or one that holds anything but a dictionary of tensors.
    """
    try:
        parameters = torch.load(path, weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a foreign file can fail in any way
        raise ValueError(f"{path} must be a complete file written by save_parameters; it cannot be read.") from error
    if not isinstance(parameters, dict) or not all(isinstance(value, torch.Tensor) for value in parameters.values()):
        raise ValueError(f"{path} must hold a dictionary of tensors, got {type(parameters).__name__}.")
    return parameters
