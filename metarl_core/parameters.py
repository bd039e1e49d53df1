"""Parameters as dictionaries of tensors: copied, stacked, repeated per task, saved and loaded.

A network here is a pure function of such a dictionary (`torch.func.functional_call`). One set has each tensor as the
network has it; many sets at once (of tasks, learners or seeds) have one leading axis more.
"""

import os
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path

import torch
from torch import Tensor, nn

from metarl_core.arguments import check_count, check_dictionary, check_positive, check_type

__all__ = [
    "Parameters",
    "clip_grad_norm",
    "copy_parameters",
    "detach_parameters",
    "dtype_of",
    "has_task_axis",
    "initial_parameters",
    "leaf_parameters",
    "load_parameters",
    "repeat_parameters",
    "save_parameters",
    "select_parameters",
    "stack_parameters",
    "trainable_copy",
    "trainable_parameters",
]

Parameters = dict[str, Tensor]
"""the tensors of a network by name"""


def initial_parameters(module: nn.Module) -> Parameters:
    """A detached copy of what a module learns as a dictionary, the form that all training here uses.

    Frozen parameters (`requires_grad=False`) are left out: `functional_call` takes them from the module, where they
    stay as they are. Tied weights stand there once.
    """
    check_type("module", module, nn.Module)
    return {name: value.detach().clone() for name, value in module.named_parameters() if value.requires_grad}


def copy_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """Detached copies of the same shapes, which share no memory with the given ones."""
    check_dictionary("parameters", parameters)
    return {name: value.detach().clone() for name, value in parameters.items()}


def detach_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """The same values as constants: no gradient flows back, and the memory is shared."""
    check_dictionary("parameters", parameters)
    return {name: value.detach() for name, value in parameters.items()}


def trainable_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """Leaves for an optimiser: detached copies that require gradients."""
    check_dictionary("parameters", parameters)
    return {name: value.detach().clone().requires_grad_() for name, value in parameters.items()}


def leaf_parameters(parameters: Mapping[str, Tensor]) -> Parameters:
    """Leaves to differentiate at: the same values, sharing memory, that require gradients."""
    check_dictionary("parameters", parameters)
    return {name: value.detach().requires_grad_() for name, value in parameters.items()}


def repeat_parameters(parameters: Parameters, tasks: int) -> Parameters:
    """The same parameters for each of `tasks` tasks: `[...]` becomes `[task, ...]`, a view.

    Raises:
        ValueError: for fewer than one task.
    """
    check_count("tasks", tasks)
    check_dictionary("parameters", parameters)
    return {name: value.expand(tasks, *value.shape) for name, value in parameters.items()}


def stack_parameters(many: Sequence[Parameters]) -> Parameters:
    """Several sets of parameters `[...]` as one, `[set, ...]`.

    Raises:
        ValueError: for no set, or sets with other names or shapes than the first one's.
    """
    check_type("many", many, Sequence)
    if not many:
        raise ValueError("many must hold at least one set of parameters, got none.")
    for parameters in many:
        check_dictionary("each of many", parameters)
    first = {name: value.shape for name, value in many[0].items()}
    for parameters in many[1:]:
        if {name: value.shape for name, value in parameters.items()} != first:
            raise ValueError("many must hold parameters of the same names and shapes, got different ones.")
    return {name: torch.stack([parameters[name] for parameters in many]) for name in many[0]}


def select_parameters(parameters: Parameters, learner: int) -> Parameters:
    """The parameters of one learner, `[...]` out of `[learner, ...]`: the inverse of `stack_parameters`.

    Raises:
        ValueError: where there is no such learner.
    """
    check_dictionary("parameters", parameters)
    if not isinstance(learner, Integral):
        raise ValueError(f"learner must be a whole number, got {learner!r}.")
    for name, value in parameters.items():
        if value.ndim == 0 or not -len(value) <= learner < len(value):
            raise ValueError(f"learner must be a row of {name} of shape {list(value.shape)}, got {learner}.")
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
    """The number type that parameters have, and that a network of them computes in.

    Raises:
        ValueError: for no parameters.
    """
    if not parameters:
        raise ValueError("parameters must hold at least one tensor, got none.")
    return next(iter(parameters.values())).dtype


def trainable_copy(parameters: Parameters, learners: int) -> Parameters:
    """Leaves for an optimiser: copies of parameters `[learner, ...]` that require gradients.

    Raises:
        ValueError: where a tensor's leading axis is not the number of learners.
    """
    check_dictionary("parameters", parameters)
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

    Raises:
        ValueError: for a norm that is not above 0, or parameters without any gradient.
    """
    check_positive("largest", largest)
    gradients = [value.grad for value in parameters.values() if value.grad is not None]
    if not gradients:
        raise ValueError("parameters must have gradients, got none with one.")
    norm = torch.cat([gradient.flatten(1) for gradient in gradients], 1).norm(dim=1)
    factor = (largest / (norm + 1e-6)).clamp_max(1.0)
    if bool((factor == 1).all()):
        return norm
    for gradient in gradients:
        gradient.mul_(factor.reshape(-1, *[1] * (gradient.ndim - 1)))
    return norm


def save_parameters(parameters: Parameters, path: str | Path) -> None:
    """Write parameters to `path`; an interrupted write leaves the old file as it was."""
    if not isinstance(parameters, dict) or not all(isinstance(value, Tensor) for value in parameters.values()):
        raise ValueError(f"parameters must be a dictionary of tensors, got {type(parameters).__name__}.")
    if not isinstance(path, str | os.PathLike) or not Path(path).parent.is_dir() or Path(path).is_dir():
        raise ValueError(f"path must be a file in a folder that exists, got {str(path)!r}.")
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    torch.save(copy_parameters(parameters), partial)
    os.replace(partial, path)


def load_parameters(path: str | Path, map_location: str | torch.device = "cpu") -> Parameters:
    """Read what `save_parameters` wrote, on whatever device that was, onto the device `map_location`.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a truncated file, or one that holds anything but a dictionary of tensors.
    """
    try:
        parameters = torch.load(path, weights_only=True, map_location=map_location)
    except OSError:
        raise
    except Exception as error:  # a foreign file can fail in any way
        raise ValueError(f"{path} must be a complete file written by save_parameters; it cannot be read.") from error
    if not isinstance(parameters, dict) or not all(isinstance(value, torch.Tensor) for value in parameters.values()):
        raise ValueError(f"{path} must hold a dictionary of tensors, got {type(parameters).__name__}.")
    return parameters
