"""The check of the exercise `bootstrapped_returns`."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check


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
