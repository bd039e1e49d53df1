"""Exercise of chapter 08: a maze like a star, whose arms pay otherwise in each task, and policies that are tables.

Ten meta-trainings take seconds: sixteen cells, five keys, and all seeds side by side, `[seed, ...]`. MAML with LVC and
one inner step, as in section 3 of the chapter; the baseline of a task is the mean of its returns.
"""

import torch
from torch import Tensor

from metarl_core.tasks import Tasks
from metarl_core.tasks.draws import stamp_split

ARMS, LENGTH, HORIZON, EPISODES = 5, 3, 12, 10
"""arms that begin at the hub, cells of an arm, steps of an episode at most, and episodes before each gradient step"""
TASKS, ITERATIONS, OUTER_LR = 20, 60, 0.1
"""tasks of an iteration, iterations, and the step size of Adam"""
CELLS = 1 + ARMS * LENGTH
OUTWARD = torch.tensor([0, 3, 1, 0, 2, 4, 0, 0, 3, 0, 4, 2, 0, 1, 1, 0])
"""of each cell in an arm, the key that leads outward; at the hub, cell 0, each key leads into an arm of its own"""
ENDS = torch.arange(LENGTH, CELLS, LENGTH)

Walks = tuple[Tensor, Tensor, Tensor, Tensor]
"""cells, keys, rewards, and whether a step was taken, `[seed, task, episode, time]`"""


def sample_tasks(n: int, generator: torch.Generator, split: str = "train") -> Tasks:
    """What the ends of the arms pay, `{"pays": [n, 5]}`: cubes of uniform numbers, so that few arms pay much."""
    return {"pays": stamp_split(torch.rand((n, ARMS), generator=generator) ** 3, split)}


def meta_train(seeds: list[int], inner_lr: float, iterations: int = ITERATIONS) -> Tensor:
    """Logits `[seed, cell, key]` of MAML: in each iteration 20 new tasks, with 10 support and 10 query episodes each.

    Args:
        seeds: each with tasks and luck of its own, the same whatever the other seeds are.
        inner_lr: α of the inner step, on advantages that are normalised in each task.
        iterations: steps of Adam.
    """
    return _train(seeds, inner_lr, iterations)


def pre_train(seeds: list[int], iterations: int = ITERATIONS) -> Tensor:
    """Logits `[seed, cell, key]` of REINFORCE on the mean over tasks: 20 new ones in each iteration, 20 episodes each.

    It sees as many tasks and episodes as `meta_train`.
    """
    return _train(seeds, None, iterations)


def after_a_step(logits: Tensor, tasks: Tasks, step_size: float, generator: torch.Generator) -> Tensor:
    """Mean return `[seed, task]` of ten episodes after one policy-gradient step on ten others.

    Args:
        logits: `[seed, cell, key]`, where each task begins.
        tasks: `{"pays": [task, 5]}`.
        step_size: of the gradient step.
        generator: of the luck.
    """
    pays = tasks["pays"].expand(len(logits), -1, -1)
    start = logits[:, None].expand(-1, pays.shape[1], -1, -1)
    generators = [generator] * len(logits)
    adapted = _adapted(start, _play(start, pays, generators, EPISODES), step_size).detach()
    return _play(adapted, pays, generators, EPISODES)[2].sum(-1).mean(-1)


def from_scratch(tasks: Tasks, lr: float, generator: torch.Generator, updates: int = 60) -> Tensor:
    """Mean returns `[task, 1 + updates]` of tables that begin at zero, one for each task, after 0, 1, … updates.

    An update is a step of Adam on ten episodes.
    """
    pays = tasks["pays"][None]
    logits = torch.zeros(1, pays.shape[1], CELLS, ARMS, requires_grad=True)
    adam, found = torch.optim.Adam([logits], lr=lr), []
    for _ in range(updates + 1):
        walks = _play(logits.detach(), pays, [generator], EPISODES)
        found.append(walks[2].sum(-1).mean(-1)[0])
        adam.zero_grad()
        _surrogate(logits, walks).sum().backward()
        adam.step()
    return torch.stack(found, -1)


def _train(seeds: list[int], inner_lr: float | None, iterations: int) -> Tensor:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    theta = torch.zeros(len(seeds), CELLS, ARMS, requires_grad=True)
    adam = torch.optim.Adam([theta], lr=OUTER_LR)
    for _ in range(iterations):
        pays = torch.stack([sample_tasks(TASKS, generator)["pays"] for generator in generators])
        logits, episodes = theta[:, None].expand(-1, TASKS, -1, -1), 2 * EPISODES
        if inner_lr is not None:
            episodes = EPISODES
            logits = _adapted(logits, _play(logits.detach(), pays, generators, episodes), inner_lr)
        query = _play(logits.detach(), pays, generators, episodes)
        adam.zero_grad()
        _surrogate(logits, query).mean(1).sum().backward()
        adam.step()
    return theta.detach()


def _following() -> Tensor:
    """Next cells `[cell, key]`: in an arm its key leads outward, and any other one back by a cell."""
    table = torch.arange(CELLS)[:, None].repeat(1, ARMS)
    table[0] = 1 + LENGTH * torch.arange(ARMS)
    for cell in range(1, CELLS):
        if cell % LENGTH:
            table[cell] = cell - 1 if cell % LENGTH != 1 else 0
            table[cell, OUTWARD[cell]] = cell + 1
    return table


FOLLOWING = _following()


@torch.no_grad()
def _play(logits: Tensor, pays: Tensor, generators: list[torch.Generator], episodes: int) -> Walks:
    """Episodes from the hub by logits `[seed, task, cell, key]`; they end where an arm ends."""
    shape = *pays.shape[:2], episodes
    luck = torch.stack([torch.rand((*shape[1:], HORIZON), generator=g) for g in generators])
    below = logits.softmax(-1).cumsum(-1)[..., :-1]
    worth = torch.zeros(*pays.shape[:2], CELLS).index_copy(-1, ENDS, pays)
    seed, task = torch.arange(shape[0])[:, None, None], torch.arange(shape[1])[:, None]
    cell, records = torch.zeros(shape, dtype=torch.int64), []
    for time in range(HORIZON):
        going = (cell == 0) | (cell % LENGTH != 0)
        key = (luck[..., time, None] > below[seed, task, cell]).sum(-1)
        after = FOLLOWING[cell, key]
        records.append((cell, key, worth[seed, task, after] * going, going))
        cell = after
    cells, keys, rewards, mask = (torch.stack(values, -1) for values in zip(*records, strict=True))
    return cells, keys, rewards, mask


def _surrogate(logits: Tensor, walks: Walks) -> Tensor:
    """(08.7), `[seed, task]`, at the policy that walked: ratios of 1, with the gradient of log π."""
    cells, keys, rewards, mask = walks
    index = (ARMS * cells + keys).flatten(2)
    log_pi = logits.log_softmax(-1).flatten(-2).gather(-1, index).view_as(rewards)
    number = mask.sum((-2, -1), keepdim=True)
    ahead = rewards.flip(-1).cumsum(-1).flip(-1)
    raw = (ahead - (ahead * mask).sum((-2, -1), keepdim=True) / number) * mask
    spread = (raw.square().sum((-2, -1), keepdim=True) / number).sqrt().clamp_min(1e-6)
    return -((log_pi - log_pi.detach()).exp() * raw / spread * mask).sum((-2, -1)) / number[..., 0, 0]


def _adapted(logits: Tensor, walks: Walks, step_size: float) -> Tensor:
    """Logits after one step, with a graph where `logits` has one."""
    graph = logits.requires_grad
    start = logits if graph else logits.detach().requires_grad_()
    (slope,) = torch.autograd.grad(_surrogate(start, walks).sum(), start, create_graph=graph)
    return start - step_size * slope
