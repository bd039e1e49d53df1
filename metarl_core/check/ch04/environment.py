"""What is found out about a project's environment before agents play in it: shapes, purity, independence."""

import torch
from torch import Tensor

from metarl_core.check import CheckFailed
from metarl_core.check.ch04.calls import Call, alike, recorded_episodes
from metarl_core.check.describe import describe
from metarl_core.check.guard import draws_state
from metarl_core.tasks import TaskFamily, expand_tasks

TASKS, EPISODES, STEPS = 3, 6, 300
DRAWN = 20
"""tasks drawn of each split"""


def try_environment(family: TaskFamily) -> None:
    """Play some episodes with random actions, and call the functions again on what was met there.

    Raises:
        CheckFailed: where the environment is not what the text asks for; the function is named.
    """
    _check_default(family)
    calls = _play(family, family.default_params, 1) + _play(family, _check_draws(family), 2)
    for call in reversed(calls):  # in another order: what was kept between calls is another thing now
        _check_again(call)
    for name in dict.fromkeys(call.name for call in calls):
        same = [call for call in calls if call.name == name]
        for at, call in enumerate(same):
            _check_alone(call, at)
        _check_others(name, same)
        _check_own_draws(name, [call for call in same if call.draws][:10])


def _play(family: TaskFamily, tasks: dict[str, Tensor], seed: int) -> list[Call]:
    return recorded_episodes(family, expand_tasks(tasks, EPISODES), min(family.horizon, STEPS), 90_000 + seed)


def _check_default(family: TaskFamily) -> None:
    default = family.default_params
    if not isinstance(default, dict) or not default:
        words = f"returns {describe(default)}; expected is a dict of tensors."
        raise CheckFailed(f"`get_default_params` of your environment {words}", "type")
    for name, value in default.items():
        if not isinstance(value, Tensor) or value.ndim < 1 or len(value) != 1:
            words = f"gives {name!r} as {describe(value)}; expected is one task: a tensor with a first axis of size 1."
            raise CheckFailed(f"`get_default_params` of your environment {words}", "shape")


def _check_draws(family: TaskFamily) -> dict[str, Tensor]:
    """Up to three tasks of training that differ."""
    train, test = (_drawn(family, split, seed) for split, seed in (("train", 1), ("test", 2)))
    rows = {split: _rows(tasks) for split, tasks in (("train", train), ("test", test))}
    if len(rows["train"].unique(dim=0)) < 2:
        raise CheckFailed(f"`draw_tasks` of your environment draws {DRAWN} times the same task.", "value")
    again = _rows(_drawn(family, "test", 1))
    if (rows["train"][:, None] == torch.cat([rows["test"], again])[None]).all(-1).any():
        words = 'draws a task for "train" and for "test", if not with other seeds then with equal ones.'
        raise CheckFailed(f"`draw_tasks` of your environment {words}", "value")
    first: list[int] = []
    for n, row in enumerate(rows["train"]):
        if len(first) < TASKS and not any(torch.equal(row, rows["train"][k]) for k in first):
            first.append(n)
    return {name: value[first] for name, value in train.items()}


def _rows(tasks: dict[str, Tensor]) -> Tensor:
    return torch.cat([value.double().reshape(len(value), -1) for value in tasks.values()], 1)


def _drawn(family: TaskFamily, split: str, seed: int) -> dict[str, Tensor]:
    before = draws_state()
    try:
        first, again = (family.sample_tasks(DRAWN, torch.Generator().manual_seed(seed), split) for _ in range(2))
    except NotImplementedError:
        raise CheckFailed("`draw_tasks` of your environment is not written yet.", "exception") from None
    for tasks in (first, again):
        try:
            number = family.check_tasks(tasks)
        except (ValueError, TypeError, AttributeError) as error:
            words = f"gives tasks that are not like those of `get_default_params`: {str(error)[:300]}"
            raise CheckFailed(f"`draw_tasks` of your environment {words}", "shape") from None
        if number != DRAWN:
            words = f"gives {number} tasks where {DRAWN} were asked for."
            raise CheckFailed(f"`draw_tasks` of your environment {words}", "shape")
    if draws_state() != before or not all(torch.equal(first[name], again[name]) for name in first):
        words = "gives other tasks if it is called again with an equal generator, or draws from another one."
        raise CheckFailed(f"`draw_tasks` of your environment {words}", "value")
    return first


def _check_again(call: Call) -> None:
    if not alike(call.result, call.again()[0]) or not alike(call.result, call.again()[0]):  # twice in a row, too
        words = (
            "gives two different results with equal arguments and an equal `rng`. Does the environment keep something "
            "between calls, or draw from another generator?"
        )
        raise CheckFailed(f"`{call.name}` of your environment {words}", "value")


def _check_alone(call: Call, at: int) -> None:
    """One episode of one task alone, where nothing is drawn; another one at each call."""
    if call.draws:
        return
    tasks, episodes = call.shape
    for t, e in {(at % tasks, at % episodes), ((at + 1) % tasks, (at + 3) % episodes)}:
        alone = call.again(lambda x, t=t, e=e: x[t : t + 1, e : e + 1].clone())[0]
        if tuple(alone.shape[:2]) != (1, 1) or not alike(alone[0, 0], call.result[t, e], 1e-4):
            raise _meets(call.name)


def _check_others(name: str, calls: list[Call]) -> None:
    """One episode keeps its arguments and the others get those of others, with an equal generator."""
    found = []
    for at, call in enumerate(calls):
        t, e = at % call.shape[0], at % call.shape[1]

        def others(x: Tensor, t: int = t, e: int = e) -> Tensor:
            new = x.flip(0).clone()
            new[t] = x[t].flip(0)
            new[t, e] = x[t, e]
            return new

        result, after = call.again(others)
        if torch.equal(after, call.after):  # else other numbers were drawn, which is allowed
            found.append(not alike(result[t, e], call.result[t, e], 1e-4))
    if sum(found) >= 3 and sum(found) > len(found) / 2:
        raise _meets(name)


def _meets(name: str) -> CheckFailed:
    words = (
        "gives an episode another result if other episodes or other tasks stand beside it. Which of your lines sums, "
        "sorts, compares or picks over the wrong axis?"
    )
    return CheckFailed(f"`{name}` of your environment {words}", "value")


def _check_own_draws(name: str, calls: list[Call]) -> None:
    """With equal arguments everywhere all episodes, or all tasks, get the same, and the next generator another."""
    shared: dict[int, list[bool]] = {1: [], 0: []}
    for at, call in enumerate(calls):
        one, other = (call.again(_first_everywhere, seed=2 * at + n)[0] for n in (1, 2))
        for axis, found in shared.items():
            if call.shape[axis] > 1 and not alike(one, other):
                found.append(all(alike(x.narrow(axis, 0, 1).expand_as(x), x) for x in (one, other)))
    for axis, found in shared.items():
        if len(found) > 1 and all(found):
            words = f"draws one random number for all {('tasks', 'episodes')[axis]}. Each of them needs its own."
            raise CheckFailed(f"`{name}` of your environment {words}", "value")


def _first_everywhere(x: Tensor) -> Tensor:
    return x[:1, :1].expand_as(x).clone()
