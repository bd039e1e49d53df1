"""Save and load parameters: tensors only, never code."""

import os
from pathlib import Path

import torch

from metarl_core.agents.networks import Parameters


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
