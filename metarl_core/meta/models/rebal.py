"""ReBAL (Nagabandi et al. 2019): a recurrent network reads the last steps, and its memory is the adaptation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metarl_core.arguments import check_parameters_of, check_type, check_whole
from metarl_core.meta.models.grbal import WindowMemory, check_network, joined
from metarl_core.meta.models.network import DynamicsNetwork
from metarl_core.meta.models.transitions import Transitions, Windows
from metarl_core.networks import GRU, gru
from metarl_core.parameters import Parameters, copy_parameters, initial_parameters

READER = "reader."


@dataclass(frozen=True)
class ReBAL:
    """Learn a recurrent update: h = GRU(the last M steps), and predict the next K by a network that is given h.

        min_θ E L(τ(t, t + K); θ, h),  h = u_θ(τ(t − M, t))    (Nagabandi et al. 2019, section 4.2)

    As in `GrBAL` the update begins anew at every step, from an empty memory, and the newest step is part of the window;
    h stays what it is along an imagined future. Meta-parameters are the network's, and the GRU's with the prefix
    `reader.`; the GRU reads normalised observation, action and change.
    """

    network: DynamicsNetwork
    """with a context as wide as the reader's memory"""
    reader: GRU
    past: int = 16
    """M"""
    future: int = 16
    """K"""

    def __post_init__(self) -> None:
        check_type("reader", self.reader, GRU)
        check_network(self.network, self.reader.hidden)
        width = 2 * self.network.observation_size + self.network.action_size
        if self.reader.inputs != width:
            raise ValueError(f"reader must have inputs of width {width}, got {self.reader.inputs}.")
        check_whole(self, "past", "future")

    def parameters(self) -> Parameters:
        """Network and reader as they were made, in one dictionary."""
        return initial_parameters(self.network) | {
            READER + name: value for name, value in initial_parameters(self.reader).items()
        }

    def initial(self, parameters: Parameters) -> Parameters:
        """The meta-parameters before training: a copy of `parameters()`, or of the like."""
        check_parameters_of(self.parameters(), parameters)
        return copy_parameters(parameters)

    def read(self, meta: Parameters, seen: Transitions) -> Tensor:
        """h of each environment after its steps, `[environment, hidden]`; zeros where it has seen none.

        Steps come first and padding last in `seen` `[environment, time, ...]`.
        """
        inputs = self.network.inputs(seen.observations, seen.actions)
        inputs = torch.cat([inputs, self.network.deltas(seen.observations, seen.next_observations)], -1)
        own = {name.removeprefix(READER): value for name, value in meta.items() if name.startswith(READER)}
        memories = gru(own, inputs * seen.mask[..., None])
        memories = torch.cat([torch.zeros_like(memories[:, :1]), memories], 1)
        count = seen.mask.sum(1)[:, None, None].expand(len(memories), 1, self.reader.hidden)
        return memories.gather(1, count)[:, 0]

    def outer_loss(self, meta: Parameters, windows: Windows) -> Tensor:
        """L(query; θ, h), `[window]`."""
        memory, query = self.read(meta, windows.support), windows.query
        context = memory[:, None].expand(*query.mask.shape, memory.shape[-1])
        return self.network.losses(self._head(meta), query, context)

    def start(self, meta: Parameters, environments: int) -> WindowMemory:
        like = meta[READER + "bias_hidden"]
        return WindowMemory(None, self.reader.initial(environments, like=like))

    def observe(self, meta: Parameters, memory: WindowMemory, seen: Transitions) -> WindowMemory:
        return self.adapt(meta, seen if memory.window is None else joined(memory.window, seen))

    def adapt(self, meta: Parameters, seen: Transitions) -> WindowMemory:
        window = seen.at(slice(-self.past, None))
        return WindowMemory(window, self.read(meta, window))

    def predict(self, meta: Parameters, memory: WindowMemory, observations: Tensor, actions: Tensor) -> Tensor:
        assert isinstance(memory.adapted, Tensor)
        wide = memory.adapted.reshape(len(observations), *[1] * (observations.ndim - 2), -1)
        context = wide.expand(*observations.shape[:-1], wide.shape[-1])
        return self.network.predict(self._head(meta), observations, actions, context)

    def _head(self, meta: Parameters) -> Parameters:
        return {name: value for name, value in meta.items() if not name.startswith(READER)}
