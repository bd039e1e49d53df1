"""What a model learns from: transitions, and windows of past and future cut out of episodes."""

from typing import NamedTuple

import torch
from torch import Tensor

from metarl_core.arguments import check_count, check_generator, check_shape, check_type
from metarl_core.tasks.rollout import Trajectories


class Transitions(NamedTuple):
    """Steps of an environment, `[..., time, ...]`."""

    observations: Tensor
    actions: Tensor
    next_observations: Tensor
    mask: Tensor
    """true where a step was taken"""

    def at(self, index: slice) -> "Transitions":
        """Some of the steps, of all environments."""
        return Transitions(*(part[:, index] for part in self))


class Data(NamedTuple):
    """Episodes to learn models from, `[task, episode, time, ...]`."""

    transitions: Transitions
    change_at: Tensor | None = None
    """number of steps before the task's change, `[task]`; None where no task changes"""


class Windows(NamedTuple):
    """Past and future of moments in episodes, `[window, time, ...]`."""

    support: Transitions
    """the steps before a moment, first ones first; padded at the end where there are fewer than the longest past"""
    query: Transitions
    """the steps from that moment on"""


def transitions_of(trajectories: Trajectories) -> Transitions:
    """The transitions of episodes, `[task, episode, time, ...]`."""
    check_type("trajectories", trajectories, Trajectories)
    seen, mask = trajectories.observations, trajectories.mask
    following = torch.cat([seen[:, :, 1:], torch.zeros_like(seen[:, :, :1])], 2)
    last = (mask.sum(-1, keepdim=True) - 1)[..., None].expand(*mask.shape[:2], 1, seen.shape[-1])
    following = following.scatter(2, last, trajectories.final_observations.unsqueeze(2))
    return Transitions(seen, trajectories.actions, following, mask)


def draw_windows(
    data: Data,
    past: int,
    future: int,
    number: int,
    generator: torch.Generator,
    *,
    shortest: int | None = None,
    across: bool = False,
) -> Windows:
    """`number` windows at moments drawn uniformly from all that have a past and a future long enough.

    A window lies in one episode, and on one side of a change.

    Args:
        past: M, the most steps before the moment.
        future: K, steps from it on.
        number: of windows, with replacement.
        shortest: the fewest steps before the moment; their number is uniform from this up to what there is, M at most.
            M unless given.
        across: let windows reach over a change.

    Raises:
        ValueError: where no moment has such a window.
    """
    check_type("data", data, Data)
    past, future = check_count("past", past), check_count("future", future)
    check_count("number", number)
    check_generator(generator)
    shortest = past if shortest is None else check_count("shortest", shortest, 0)
    if shortest > past:
        raise ValueError(f"shortest must be at most past, {past}, got {shortest}.")
    mask = data.transitions.mask
    check_shape("data.transitions.mask", mask, "task", "episode", "time")
    lengths, time = mask.sum(-1, keepdim=True), torch.arange(mask.shape[-1], device=mask.device)
    behind, ahead = time.expand_as(mask), lengths - time
    if data.change_at is not None and not across:
        change = data.change_at[:, None, None].to(mask.device)
        behind = torch.where(time >= change, time - change, behind)
        ahead = torch.where(time < change, torch.minimum(ahead, change - time), ahead)
    moments = ((behind >= shortest) & (ahead >= future)).nonzero()
    if not len(moments):
        raise ValueError(f"data must have a window of {shortest} and {future} steps, got none in {len(mask)} tasks.")
    chosen = torch.randint(len(moments), (number,), generator=generator, device=generator.device).to(mask.device)
    task, episode, moment = moments[chosen].unbind(-1)
    most = behind[task, episode, moment].clamp_max(past)
    share = torch.rand(number, generator=generator, device=generator.device).to(mask.device)
    length = shortest + (share * (most - shortest + 1)).long().clamp_max(most - shortest)
    steps = torch.arange(past, device=mask.device)
    known = steps < length[:, None]
    before = torch.where(known, (moment - length)[:, None] + steps, 0)
    after = moment[:, None] + torch.arange(future, device=mask.device)

    def cut(index: Tensor) -> list[Tensor]:
        return [part[task[:, None], episode[:, None], index] for part in data.transitions]

    observations, actions, following = (part * known[..., None] for part in cut(before)[:3])
    return Windows(Transitions(observations, actions, following, known), Transitions(*cut(after)))
