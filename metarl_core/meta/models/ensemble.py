"""Several models of the same world: where they disagree, nobody has been."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_parameters_of, check_whole
from metarl_core.meta.models.grbal import check_network
from metarl_core.meta.models.network import DynamicsNetwork
from metarl_core.meta.models.transitions import Transitions, Windows
from metarl_core.parameters import Parameters, copy_parameters


@dataclass(frozen=True)
class Ensemble:
    """Models with parameters `[member, ...]`, each trained from its own start on windows of its own (Chua et al. 2018).

    What it predicts is the mean of the members. It never adapts; learned from are past and future of each window, as by
    `FixedModel`.
    """

    network: DynamicsNetwork
    past: int = 16
    future: int = 16

    def __post_init__(self) -> None:
        check_network(self.network, 0)
        check_whole(self, "past", "future")

    def initial(self, parameters: Parameters) -> Parameters:
        """The parameters before training, a copy of `stack_parameters` of several networks' parameters."""
        check_parameters_of(dict(self.network.named_parameters()), parameters)
        shape = parameters["bias0"].shape
        if len(shape) != 2:
            raise ValueError(f"parameters must have a leading axis of members, got bias0 of shape {list(shape)}.")
        return copy_parameters(parameters)

    def outer_loss(self, meta: Parameters, windows: Windows) -> Tensor:
        """The loss of each member on its share of the windows, `[member]`: the first ones are the first member's."""
        members, number = len(meta["bias0"]), len(windows.query.mask)
        if number % members:
            raise ValueError(f"windows must be a multiple of the {members} members, got {number}.")
        seen = [torch.cat(parts, 1) for parts in zip(windows.support, windows.query, strict=True)]
        own = Transitions(*(part.unflatten(0, (members, number // members)) for part in seen))
        return self.network.losses(meta, own)

    def start(self, meta: Parameters, environments: int) -> None:
        return None

    def observe(self, meta: Parameters, memory: None, seen: Transitions) -> None:
        return None

    def adapt(self, meta: Parameters, seen: Transitions) -> None:
        return None

    def members(self, meta: Parameters, observations: Tensor, actions: Tensor) -> Tensor:
        """What each member predicts, `[member, ..., observation]`."""
        number = len(meta["bias0"])
        given = [value.expand(number, *value.shape) for value in (observations, actions)]
        return self.network.predict(meta, *given)

    def predict(self, meta: Parameters, memory: None, observations: Tensor, actions: Tensor) -> Tensor:
        return self.members(meta, observations, actions).mean(0)

    def elite(self, meta: Parameters, held_out: Windows, number: int) -> Parameters:
        """The `number` members with the lowest loss on held-out windows, all of them shown to each member."""
        members = len(meta["bias0"])
        if check_count("number", number) > members:
            raise ValueError(f"number must be at most the {members} members, got {number}.")
        many = [
            torch.cat(parts, 1).expand(members, -1, -1, *parts[0].shape[2:]) for parts in zip(*held_out, strict=True)
        ]
        with torch.no_grad():
            losses = self.network.losses(meta, Transitions(*many))
        best = losses.topk(number, largest=False).indices
        return {name: value[best] for name, value in meta.items()}
