"""The checks of chapter 02: a windy family, splits, backward induction, a return with its mask, two floors."""

import itertools
import math

import torch

from metarl_core.check import Wrong, case, function_check, value_check
from metarl_core.check.compare import clone, difference

# ---------------------------------------------------------------- windy_step

ARENA, MOVE = 1.0, 0.1


def _windy_cases():
    for seed, (tasks, episodes) in enumerate(((3, 3), (4, 2), (1, 5))):  # square first: a wrong axis is silent there
        generator = torch.Generator().manual_seed(seed)
        position = 2.0 * torch.rand(tasks, episodes, 2, generator=generator) - 1.0
        action = 0.12 * torch.randn(tasks, episodes, 2, generator=generator)
        wind = 0.12 * torch.rand(tasks, 2, generator=generator) - 0.06
        goal = torch.rand(tasks, 2, generator=generator) - 0.5
        position[0, 0], action[0, 0] = torch.tensor([0.97, -0.97]), torch.tensor([0.3, -0.3])  # into the corner
        yield case(position, action, {"goal": goal, "wind": wind})


def _windy_by_hand(position, action, tasks):
    """One number at a time."""
    following, reward = torch.empty_like(position), torch.empty(position.shape[:2])
    for task, episode in itertools.product(*map(range, position.shape[:2])):
        squares = 0.0
        for axis in (0, 1):
            move = min(max(float(action[task, episode, axis]), -MOVE), MOVE)
            place = float(position[task, episode, axis]) + move + float(tasks["wind"][task, axis])
            place = min(max(place, -ARENA), ARENA)
            following[task, episode, axis] = place
            squares += (place - float(tasks["goal"][task, axis])) ** 2
        reward[task, episode] = -math.sqrt(squares)
    return following, reward


def _windy(position, action, tasks, clip=True, walls=True, old=False, axis=1, only=None, together=False):
    wind, goal = tasks["wind"], tasks["goal"]
    if only is not None:
        wind, goal = wind[[only]].expand_as(wind), goal[[only]].expand_as(goal)
    wind, goal = wind.unsqueeze(axis), goal.unsqueeze(axis)
    move = action.clamp(-MOVE, MOVE) + wind if clip else action + wind
    if together:
        move = (action + wind).clamp(-MOVE, MOVE)
    following = position + move
    following = following.clamp(-ARENA, ARENA) if walls else following
    return following, -torch.linalg.vector_norm((position if old else following) - goal, dim=-1)


check_windy_step = function_check(
    "windy_step",
    _windy_by_hand,
    _windy_cases,
    Wrong(
        "wrong_axis",
        "With as many tasks as episodes your code runs and is wrong; with other numbers it would not run. "
        "Which axis do the task parameters lack?",
        when=lambda got, *a: a[0].shape[0] == a[0].shape[1] and difference(got, _windy(*a, axis=0), 1e-4, 1e-6) is None,
    ),
    Wrong(
        "one_task_for_all",
        "All tasks get the wind and the goal of one of them. Compare what two tasks do with the same action.",
        lambda *a: _windy(*a, only=0),
    ),
    Wrong(
        "reward_of_old_state",
        "The positions are right. The rewards belong to the positions before the step. Look at (1) again.",
        lambda *a: _windy(*a, old=True),
    ),
    Wrong(
        "clips_the_wind",
        "You limit the action and the wind together. Whose moves are limited: the agent's, or the weather's?",
        lambda *a: _windy(*a, together=True),
    ),
    Wrong(
        "no_clipping",
        "An agent that asks for a long move gets it. What is the longest move that its legs allow?",
        lambda *a: _windy(*a, clip=False),
    ),
    Wrong(
        "no_walls",
        "Some of your points have left the arena. What happens at its walls?",
        lambda *a: _windy(*a, walls=False),
    ),
)

# ---------------------------------------------------------------- split_tasks


def _split_cases():
    for seed, (side, repeats, share) in enumerate(((6, 3, 0.25), (5, 1, 0.4), (8, 2, 0.2))):
        generator = torch.Generator().manual_seed(seed)
        cells = torch.cartesian_prod(torch.arange(side), torch.arange(side)).repeat(repeats, 1)
        cells = cells[torch.randperm(len(cells), generator=generator)]
        far = (cells > side // 2).all(1)
        yield case(cells, far, share, torch.Generator().manual_seed(10 + seed))


def _rows(cells, index) -> set:
    return set(map(tuple, cells[index].tolist()))


def _look_at_split(answer, cells, far, share, generator):
    """What can be said of a split, as facts that do not depend on which random one was chosen."""
    again, other = clone(generator), torch.Generator().manual_seed(12345)
    untouched = cells.clone(), far.clone()
    torch.manual_seed(1)  # a split that draws from the global source is not reproducible
    split = answer(cells, far, share, generator)
    torch.manual_seed(2)
    twin = answer(*clone(untouched), share, again)
    different = answer(*clone(untouched), share, other)
    cells, far = untouched
    for name in ("train", "test", "ood"):
        index = split[name]
        if not isinstance(index, torch.Tensor) or index.ndim != 1 or index.is_floating_point():
            raise TypeError(f"entry {name!r} should be a one-dimensional tensor of integers")
    found = torch.cat([split[name] for name in ("train", "test", "ood")])
    near, outside = torch.cat([split["train"], split["test"]]), split["ood"]
    return {
        "names": sorted(split),
        "tasks in train and in test": len(_rows(cells, split["train"]) & _rows(cells, split["test"])),
        "rows in train and in test": len(set(split["train"].tolist()) & set(split["test"].tolist())),
        "far tasks outside ood": int(far[near].sum()),
        "near tasks in ood": int((~far[outside]).sum()),
        "rows in no split": len(set(range(len(cells))) - set(found.tolist())),
        "rows listed twice": len(found) - len(set(found.tolist())),
        "different test tasks": len(_rows(cells, split["test"])),
        "same generator, same split": all(set(split[k].tolist()) == set(twin[k].tolist()) for k in split),
        "other generator, other split": set(split["test"].tolist()) != set(different["test"].tolist()),
    }


def _facts_of_a_good_split(cells, far, share, generator):
    return {
        "names": ["ood", "test", "train"],
        "tasks in train and in test": 0,
        "rows in train and in test": 0,
        "far tasks outside ood": 0,
        "near tasks in ood": 0,
        "rows in no split": 0,
        "rows listed twice": 0,
        "different test tasks": round(share * len(_rows(cells, ~far))),
        "same generator, same split": True,
        "other generator, other split": True,
    }


check_split_tasks = function_check(
    "split_tasks",
    _facts_of_a_good_split,
    _split_cases,
    Wrong(
        "ood_overlaps",
        "Tasks from the far region stand in train or test, or near ones in ood. Then the ood split measures nothing "
        "new.",
        when=lambda facts, *_: facts["far tasks outside ood"] + facts["near tasks in ood"] > 0,
    ),
    Wrong(
        "test_in_train",
        "The same rows stand in train and in test. A learner that memorises its training tasks would look brilliant.",
        when=lambda facts, *_: facts["rows in train and in test"] > 0,
    ),
    Wrong(
        "twins_across_splits",
        "No row stands in two splits, and yet train and test share tasks. Look at the rows themselves: are they all "
        "different?",
        when=lambda facts, *_: facts["tasks in train and in test"] > 0,
    ),
    Wrong(
        "not_reproducible",
        "Two calls with equal generators gave two different splits. Where does your randomness come from?",
        when=lambda facts, *_: not facts["same generator, same split"],
    ),
    Wrong(
        "always_the_same",
        "Another generator gives the same test tasks. Is your split random at all, or does it follow the order of "
        "the list?",
        when=lambda facts, *_: not facts["other generator, other split"],
    ),
    Wrong(
        "wrong_share",
        "The splits are disjoint, but the number of different test tasks is not the share that was asked for. "
        "A share of what?",
        when=lambda facts, cells, far, share, _: (
            facts["rows in no split"] == 0 and facts["different test tasks"] != round(share * len(_rows(cells, ~far)))
        ),
    ),
    observe=_look_at_split,
)

# ---------------------------------------------------------------- optimal_values


def _mdp(seed, tasks, states, actions):
    generator = torch.Generator().manual_seed(seed)
    # Concentrated rows: where all actions lead to nearly the same place, greed is nearly optimal.
    weights = torch.empty(tasks, states, actions, states).exponential_(generator=generator).double() ** 6
    rewards = torch.randn(tasks, states, actions, generator=generator).double()
    terminal = torch.zeros(tasks, states, dtype=torch.bool)
    terminal[:, -1] = True
    terminal[0, 0] = True  # tasks differ in where they end, too
    return weights / weights.sum(-1, keepdim=True), rewards, terminal


def _mdp_cases():
    # As many actions as states in the first: a maximum over the wrong axis is silent there. The seeds are such that
    # every misconception below shows in every case.
    for seed, tasks, states, actions, discount, horizon in (
        (1, 3, 3, 3, 0.9, 3),
        (0, 2, 4, 2, 0.6, 3),
        (0, 4, 3, 2, 0.95, 4),
    ):
        yield case(*_mdp(seed, tasks, states, actions), discount, horizon)


def _by_enumeration(transitions, rewards, terminal, discount, horizon):
    """The best of all plans (an action for each living state and time), each followed forward in time."""
    tasks, states, actions = rewards.shape
    living = [s for s in range(states) if not bool(terminal[:, s].all())]
    values = torch.zeros(horizon + 1, tasks, states, dtype=rewards.dtype)
    going = (~terminal).to(rewards.dtype)
    for steps in range(1, horizon + 1):
        plans = torch.tensor(list(itertools.product(range(actions), repeat=steps * len(living))))
        plan = torch.zeros(len(plans), steps, states, dtype=torch.int64)
        plan[:, :, living] = plans.reshape(-1, steps, len(living))
        choice = torch.nn.functional.one_hot(plan, actions).to(rewards.dtype)  # [plan, time, state, action]
        place = torch.eye(states, dtype=rewards.dtype).expand(len(plans), tasks, states, states)  # from each start
        total = torch.zeros(len(plans), tasks, states, dtype=rewards.dtype)
        for time in range(steps):
            place = place * going[None, :, None]  # whoever has arrived at the end earns no more
            pay = torch.einsum("psa,ksa->pks", choice[:, time], rewards)
            total = total + discount**time * torch.einsum("pkxs,pks->pkx", place, pay)
            moved = torch.einsum("psa,ksat->pkst", choice[:, time], transitions)
            place = torch.einsum("pkxs,pkst->pkxt", place, moved)
        values[steps] = total.amax(0)
    return values


def _sweeps(transitions, rewards, terminal, discount, horizon, reduce=None, in_place=False, ends=True, lucky=False):
    reduce = reduce or (lambda q: q.amax(-1))
    value, all_values = torch.zeros_like(rewards[..., 0]), []
    going = ~terminal if ends else torch.ones_like(terminal)
    all_values.append(value)
    for _ in range(horizon):
        if in_place:
            new = value.clone()
            for s in range(value.shape[1]):
                ahead = torch.einsum("kat,kt->ka", transitions[:, s], new)
                new[:, s] = (rewards[:, s] + discount * ahead).amax(-1) * going[:, s]
            value = new
        else:
            ahead = transitions * value[:, None, None]
            ahead = ahead.amax(-1) if lucky else ahead.sum(-1)
            value = reduce(rewards + discount * ahead) * going
        all_values.append(value)
    return torch.stack(all_values)


def _greedy(transitions, rewards, terminal, discount, horizon):
    chosen = rewards.argmax(-1, keepdim=True)
    return _sweeps(transitions, rewards, terminal, discount, horizon, reduce=lambda q: q.gather(-1, chosen)[..., 0])


check_optimal_values = function_check(
    "optimal_values",
    _by_enumeration,
    _mdp_cases,
    Wrong(
        "no_discount",
        "A reward of tomorrow counts as much as one of today. Where does the discount enter?",
        lambda p, r, t, discount, horizon: _sweeps(p, r, t, 1.0, horizon),
    ),
    Wrong(
        "greedy",
        "These are the values of an agent that takes the largest immediate reward at each step. "
        "When is the maximum taken: before or after the future is added?",
        _greedy,
    ),
    Wrong(
        "wrong_axis",
        "Your maximum runs over the states and leaves one number for each action. What may the agent choose?",
        when=lambda got, p, r, *rest: (
            r.shape[1] == r.shape[2]
            and difference(got, _sweeps(p, r, *rest, reduce=lambda q: q.amax(-2)), 1e-4, 1e-6) is None
        ),
    ),
    Wrong(
        "same_sweep",
        "Some of your values use values of the same sweep: the future they count on has as many steps to go as the "
        "present. Keep the old values until the sweep is done.",
        lambda *a: _sweeps(*a, in_place=True),
    ),
    Wrong(
        "ignores_termination",
        "In your answer an episode goes on after its end. What is the value of a terminal state?",
        lambda *a: _sweeps(*a, ends=False),
    ),
    Wrong(
        "lucky_world",
        "You take a maximum over next states. The agent picks the action; who picks the next state?",
        lambda *a: _sweeps(*a, lucky=True),
    ),
    Wrong(
        "average_policy",
        "These are the values of an agent that acts at random.",
        lambda *a: _sweeps(*a, reduce=lambda q: q.mean(-1)),
    ),
)

# ---------------------------------------------------------------- bootstrapped_returns


def _return_cases():
    for seed, (tasks, episodes, horizon) in enumerate(((3, 4, 6), (2, 5, 9), (4, 4, 4))):
        generator = torch.Generator().manual_seed(seed)
        rewards = torch.randn(tasks, episodes, horizon, generator=generator)  # also after the end: junk
        values = 3 + torch.randn(tasks, episodes, horizon, generator=generator)
        terminated = torch.rand(tasks, episodes, horizon, generator=generator) < 1 / horizon
        terminated[0, 0] = False  # truncated
        terminated[0, 1] = torch.arange(horizon) == horizon - 1  # terminated by the very last step
        terminated[0, 2] = torch.arange(horizon) == 0  # over at once
        terminated[1, 0] = torch.arange(horizon) == 1  # and the flag goes down again after the end
        yield case(rewards, terminated, values, 0.8 + 0.05 * seed)


def _one_episode_at_a_time(rewards, terminated, values, discount):
    returns = torch.empty(rewards.shape[:2])
    for place in itertools.product(*map(range, rewards.shape[:2])):
        total, weight, ended = 0.0, 1.0, False
        for reward, end in zip(rewards[place].tolist(), terminated[place].tolist(), strict=True):
            total += weight * reward
            weight *= discount
            if end:
                ended = True
                break
        returns[place] = total if ended else total + weight * float(values[place][-1])
    return returns


def _returns(rewards, terminated, values, discount, shift=1, bootstrap="truncated", weight=None):
    """`shift`: 1 is right, 0 drops the last reward, 2 adds one, None adds all."""
    horizon = rewards.shape[-1]
    alive = (~terminated).long().cumprod(-1)  # zero from the terminal step on
    mask = torch.ones_like(alive)
    if shift is not None and shift < horizon:
        mask[..., shift:] = alive[..., : horizon - shift]
    powers = discount ** torch.arange(horizon)
    total = (powers * rewards * mask).sum(-1)
    future = discount**horizon * values[..., -1] if weight is None else weight * values[..., -1]
    ended = terminated.any(-1)
    if bootstrap == "truncated":
        return total + future * ~ended
    if bootstrap == "never":
        return total
    if bootstrap == "last flag":
        return total + future * ~terminated[..., -1]
    if bootstrap == "full length":
        return total + future * (mask.sum(-1) == horizon)
    length = mask.sum(-1)  # always
    last = values.gather(-1, length[..., None] - 1)[..., 0]
    return total + discount**length * last


check_bootstrapped_returns = function_check(
    "bootstrapped_returns",
    _one_episode_at_a_time,
    _return_cases,
    Wrong(
        "drops_the_last",
        "The reward of the terminal step is missing. Was that step taken? Write down the mask of an episode that "
        "ends at once.",
        lambda *a: _returns(*a, shift=0),
    ),
    Wrong(
        "one_too_many",
        "One reward too many: the first after the end still counts.",
        lambda *a: _returns(*a, shift=2),
    ),
    Wrong(
        "no_mask",
        "Rewards after the end count. A fallen CartPole would go on earning.",
        lambda *a: _returns(*a, shift=None),
    ),
    Wrong(
        "truncation_as_termination",
        "An episode that the time limit cut short gets no value for its future. Did the MDP end there?",
        lambda *a: _returns(*a, bootstrap="never"),
    ),
    Wrong(
        "termination_as_truncation",
        "Episodes that terminated get a value for a future that they do not have.",
        lambda *a: _returns(*a, bootstrap="always"),
    ),
    Wrong(
        "last_flag_only",
        "You look at the flag of the last time step to see whether an episode terminated. "
        "What does that flag say about an episode that ended long before?",
        lambda *a: _returns(*a, bootstrap="last flag"),
    ),
    Wrong(
        "full_length_is_truncated",
        "An episode of full length counts as truncated. Can an episode not terminate with its very last step?",
        lambda *a: _returns(*a, bootstrap="full length"),
    ),
    Wrong(
        "undiscounted_future",
        "The value of the last state is added at full weight. How many steps from the start does it stand?",
        lambda *a: _returns(*a, weight=1.0),
    ),
)

# ---------------------------------------------------------------- floors

# Amplitude uniform on [1, 3], phase uniform on [0, π/2], inputs uniform on [−π, π]. By midpoint sums, not by formulas.
_MIDDLE = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
_AMPLITUDE, _PHASE, _INPUT = 1 + 2 * _MIDDLE, math.pi / 2 * _MIDDLE, 2 * math.pi * _MIDDLE - math.pi
_WAVE = (_INPUT[:, None] + _PHASE).sin()  # [x, phase]
_ZERO = float(_AMPLITUDE.square().mean() * _WAVE.square().mean())
_AGNOSTIC = _ZERO - float((_AMPLITUDE.mean() * _WAVE.mean(1)).square().mean())
_PHASE_KNOWN = float((_AMPLITUDE.square().mean() - _AMPLITUDE.mean().square()) * _WAVE.square().mean())
_SPREAD = float(_AMPLITUDE.square().mean() - _AMPLITUDE.mean().square())

check_floor_zero = value_check(
    "floor_zero",
    _ZERO,
    Wrong(
        "variance",
        "That is built from the variance of the amplitude. Predicting zero does not subtract the mean: which moment "
        "is it?",
        _SPREAD / 2,
    ),
    Wrong(
        "square_of_the_mean",
        "The mean of a square is not the square of the mean.",
        float(_AMPLITUDE.mean().square()) / 2,
    ),
    Wrong("no_sine", "Where is the mean of the squared sine?", 2 * _ZERO),
    Wrong("chapters_ranges", "That is the number of the chapter's family. Which ranges are given here?", 4.2517),
)

check_floor_agnostic = value_check(
    "floor_agnostic",
    _AGNOSTIC,
    Wrong(
        "phase_not_averaged",
        "A function that ignores the task does not know the phase. You have averaged over the amplitude only.",
        _PHASE_KNOWN,
    ),
    Wrong(
        "chapters_mean_function",
        "You use the mean function of the chapter, (2/π) E[A] cos x. Its phase ran over [0, π]. Does yours?",
        _ZERO - float((_AMPLITUDE.mean() * 2 / math.pi * _INPUT.cos()).square().mean()),
    ),
    Wrong("explained_part", "That is the part that the mean function explains. What remains?", _ZERO - _AGNOSTIC),
    Wrong(
        "adds",
        "Knowing the family should make the error smaller than that of predicting zero, not larger.",
        2 * _ZERO - _AGNOSTIC,
    ),
)

check_floor_phase_known = value_check(
    "floor_phase_known",
    _PHASE_KNOWN,
    Wrong("no_sine", "That is the variance of the amplitude alone. How large is the squared sine beside it?", _SPREAD),
    Wrong(
        "nothing_left",
        "Knowing the phase does not make the error vanish: a small and a large sine have the same phase.",
        0.0,
    ),
    Wrong(
        "second_moment",
        "That is the error of predicting zero. One who knows the phase can predict E[A] sin(x + φ).",
        _ZERO,
    ),
)  # fmt: skip
