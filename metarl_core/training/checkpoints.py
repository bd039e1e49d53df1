"""A file that holds all that a training changes, so that it resumes exactly."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from metarl_core.arguments import check_generator
from metarl_core.parameters import Parameters, copy_parameters
from metarl_core.training.history import History


class Stateful(Protocol):
    """What a checkpoint can hold: state made of tensors, numbers, strings, lists and dictionaries."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any: ...


class LiveParameters:
    """Parameters that an optimiser changes in place, as a `Stateful`."""

    def __init__(self, parameters: Parameters):
        self.parameters = parameters

    def state_dict(self) -> dict[str, Any]:
        return copy_parameters(self.parameters)

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        mine, saved = (_forms(one) for one in (self.parameters, state_dict))
        if mine != saved:
            raise ValueError(
                f"the checkpoint must hold parameters like those of this training, such as {_first(mine - saved)}, "
                f"got {_first(saved - mine)}."
            )
        for name, value in self.parameters.items():
            value.copy_(state_dict[name])


def _forms(parameters: Mapping[str, Tensor]) -> set[str]:
    """Shapes and types of parameters, in words."""
    return {f"{name} of shape {list(value.shape)} and {value.dtype}" for name, value in parameters.items()}


def _first(words: set[str]) -> str:
    return min(words, default="no other")


class GeneratorState:
    """Generators of random numbers as a `Stateful`."""

    def __init__(self, *generators: torch.Generator):
        for generator in generators:
            check_generator(generator)
        self.generators = generators

    def state_dict(self) -> dict[str, Any]:
        return {str(i): generator.get_state() for i, generator in enumerate(self.generators)}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        for i, generator in enumerate(self.generators):
            generator.set_state(state_dict[str(i)].cpu())


class Counter:
    """A running total as a `Stateful`."""

    def __init__(self, total: int = 0):
        self.total = total

    def state_dict(self) -> dict[str, Any]:
        return {"total": self.total}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.total = state_dict["total"]


def save_checkpoint(path: Path, everything: Mapping[str, Stateful], history: History, settings: str) -> None:
    """Write everything and the history so far."""
    content = {name: part.state_dict() for name, part in everything.items()}
    content["loop"] = {"iterations": history.iterations, "history": dict(history), "settings": settings}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    torch.save(content, partial)
    os.replace(partial, path)  # an interrupted write leaves the old file as it was


def resume(path: Path, everything: Mapping[str, Stateful], iterations: int, settings: str) -> History:
    """Load everything; the history so far.

    Raises:
        ValueError: for a file that is no checkpoint, or another training's.
    """
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        loop, parts = content["loop"], {name: content[name] for name in everything}
    except OSError:
        raise
    except Exception as error:  # a foreign file can fail in any way
        raise ValueError(
            f"{path} must be a complete checkpoint of this kind of training; it cannot be read."
        ) from error
    if loop["settings"] != settings:
        old, new = (words.split(", ") for words in (loop["settings"], settings))
        raise ValueError(
            f"{path} is the checkpoint of a training with other settings, so give another file or delete it: it has "
            f"{', '.join(w for w in old if w not in new)}, this training {', '.join(w for w in new if w not in old)}."
        )
    if loop["iterations"] > iterations:
        raise ValueError(f"{path} has {loop['iterations']} iterations already, more than the {iterations} asked for.")
    for name, part in everything.items():
        part.load_state_dict(parts[name])
    return History(iterations, loop["iterations"], loop["history"])
