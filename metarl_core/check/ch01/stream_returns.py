"""The check of the exercise `stream_returns`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _draw_case(draw):
    """Up to 4 rows of up to 24 steps, a few of up to 70; episodes of one step to the whole row, finished or cut off.

    A few hold one episode each, of 40 to 90 steps; once there are 60 rows.
    """
    rows, steps = draw.integer(1, 4), draw.integer(1, 70) if draw.chance(0.2) else draw.integer(1, 24)
    if draw.chance(0.15):
        rows = steps = draw.integer(1, 5)
    discount = draw.choice(0.0, 1.0, *[draw.uniform(0.3, 0.99) for _ in range(5)])
    dtype = draw.choice(torch.float32, torch.float64)
    rows = draw.once(13, 60, rows)
    if draw.chance(0.15):  # again and again the same, and other rewards
        rows, steps, discount, dtype = 2, 4, 0.5, torch.float32
    ended = draw.flags(rows, steps, share=draw.choice(0.0, 0.1, 0.3, 0.3, 0.6))
    if draw.chance(0.3):
        ended[:, -1] = True
    if draw.chance(0.15):
        ended[:] = True
    whole = draw.chance(0.1)
    if whole:
        steps, discount = draw.integer(40, 90), draw.choice(discount, 1.0, draw.uniform(0.9, 0.99))
        ended = (torch.arange(steps) == steps - 1).repeat(rows, 1)
    rewards = draw.normal(rows, steps, dtype=dtype, scale=draw.choice(1.0, 5.0, 0.01), mean=draw.choice(0.0, -1.0, 2.0))
    if cancel := dtype == torch.float64 and discount == 1.0:  # float32 would not leave much of their sums
        rewards = rewards + 2.0**20 * (-1.0) ** torch.arange(steps)
    if draw.chance(0.3):  # the same numbers, the other way round in memory
        rewards, ended = rewards.T.contiguous().T, ended.T.contiguous().T
    if draw.chance(0.3):  # a return may be 0 and known
        rewards[draw.flags(rows, steps, share=draw.choice(0.5, 0.9, 1.0))] = 0.0
    begun = ended[:, :-1].any(1) if steps > 1 else torch.zeros(rows, dtype=torch.bool)
    unfinished = ~ended[:, -1]
    return case(rewards, ended, discount).noting(
        {
            "gamma is 0": discount == 0,
            "gamma is 1": discount == 1,
            "a row holds more than one episode": bool(begun.any()),
            "a row ends in the middle of an episode": bool(unfinished.any()),
            "a row holds finished episodes and an unfinished one": bool((unfinished & ended.any(1)).any()),
            "an episode of more than one step is finished": bool((ended[:, 1:] & ~ended[:, :-1]).any()),
            "an episode has one step": bool((ended[:, 1:] & ended[:, :-1]).any() or ended[:, 0].any()),
            "no episode is finished": not bool(ended.any()),
            "every row ends with an episode's end": bool(ended[:, -1].all()),
            "large rewards cancel": cancel,
            "rewards are 0": bool((rewards == 0).any()),
            "a finished episode has 40 steps or more": whole,
            "there is one row": rows == 1,
            "there is one time step": steps == 1,
            "there are as many rows as time steps": rows == steps,
            "rewards are float64": dtype == torch.float64,
        }
    )


def _by_definition(rewards, ended, discount):
    """Look for the end of each step's own episode, and add up what lies between."""
    steps = rewards.shape[1]
    result, known = torch.zeros_like(rewards), torch.zeros_like(ended)
    for row, (r, e) in enumerate(zip(rewards.tolist(), ended.tolist(), strict=True)):
        for t in range(steps):
            last = next((k for k in range(t, steps) if e[k]), None)
            if last is not None:
                known[row, t] = True
                result[row, t] = sum(discount ** (k - t) * r[k] for k in range(t, last + 1))
    return result, known


def _totals(rewards, discount, stops):
    """The running totals from the back, which forget what follows wherever `stops` is true."""
    result, total = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        total = rewards[:, t] + discount * torch.where(stops[:, t], 0.0, total)
        result[:, t] = total
    return result


def _known(ended):
    return ended.flip(1).cummax(1).values.flip(1)


def _masked(change):
    """Other returns, and the right flags."""

    def answer(rewards, ended, discount):
        known = _known(ended)
        return torch.where(known, change(rewards, ended, discount), 0.0), known

    return answer


def _flagged(change):
    """The running totals that stop at ends, and other flags."""

    def answer(rewards, ended, discount):
        known = change(ended)
        return torch.where(known, _totals(rewards, discount, ended), 0.0), known

    return answer


def _nowhere(ended):
    return torch.zeros_like(ended)


def _shifted(ended):
    """Ends a step late."""
    return torch.cat([torch.zeros_like(ended[:, :1]), ended[:, :-1]], 1)


def _last_reward_lost(rewards, ended, discount):
    result, total = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        total = torch.where(ended[:, t], 0.0, rewards[:, t] + discount * total)
        result[:, t] = total
    return result


def _past(rewards, ended, discount):
    starts = torch.cat([torch.ones_like(ended[:, :1]), ended[:, :-1]], 1)
    return _totals(rewards.flip(1), discount, starts.flip(1)).flip(1)


def _from_start(rewards, ended, discount):
    """The discount counts from the start of each episode."""
    power, weights = torch.ones_like(rewards[:, 0]), []
    for t in range(rewards.shape[1]):
        weights.append(power)
        power = torch.where(ended[:, t], 1.0, discount * power)
    return _totals(rewards * torch.stack(weights, 1), 1.0, ended)


def _begun(ended, last):
    """Ends if a flag marked the first step of an episode; `last`: whether the record's last step is an end."""
    return torch.cat([ended[:, 1:], torch.full_like(ended[:, :1], last)], 1)


def _at_first_steps(got, rewards, ended, discount):
    """The flags taken for those of first steps, in the sums and in what is known, or in the sums alone."""
    for ends in (_begun(ended, False), _begun(ended, True)):
        for known in (_known(ends), _known(ended)):
            answer = torch.where(known, _totals(rewards, discount, ends), 0.0), known
            if difference(got, answer, 1e-5, None) is None:
                return True
    return False


def _first_episode_only(ended):
    before = _shifted(ended).cummax(1).values
    return _known(ended) & ~before


check_stream_returns = function_check(
    "stream_returns",
    _by_definition,
    _draw_case,
    Wrong(
        "runs_on",
        "Your sums run on through an episode's end into the next episode of the row. What has an action in one episode "
        "to do with the rewards of the next?",
        _masked(lambda r, e, g: _totals(r, g, _nowhere(e))),
    ),
    Wrong(
        "one_stream",
        "You treat each row as one episode. What does a flag in the middle of a row say?",
        lambda r, e, g: (_totals(r, g, _nowhere(e)), torch.ones_like(e)),
    ),
    Wrong(
        "unfinished_counts",
        "Where a row breaks off in the middle of an episode, you give a return and call it known. Which of its rewards "
        "are missing?",
        lambda r, e, g: (_totals(r, g, e), torch.ones_like(e)),
    ),
    Wrong(
        "unfinished_not_zero",
        "Your flags are right. Where they are false the return should be zero: something of the unfinished episode is "
        "left there.",
        lambda r, e, g: (_totals(r, g, e), _known(e)),
    ),
    Wrong(
        "last_reward_lost",
        "The reward of each episode's last step is missing. Was that step taken?",
        _masked(_last_reward_lost),
    ),
    Wrong(
        "a_step_late",
        "In your sums an episode takes in the first reward of the next one. On which side of its step does an end lie?",
        _masked(lambda r, e, g: _totals(r, g, _shifted(e))),
    ),
    Wrong(
        "flag_at_first_step",
        "In your sums an episode begins at a step whose flag is up. Which step of its episode does a flag mark?",
        when=_at_first_steps,
        everywhere=True,
    ),
    Wrong(
        "undiscounted",
        "Every later reward of the episode counts fully here. Where does the discount come in?",
        _masked(lambda r, e, g: _totals(r, 1.0, e)),
    ),
    Wrong(
        "late_start",
        "The reward of the present step is discounted already. To what power of γ does (1) count r_t?",
        _masked(lambda r, e, g: g * _totals(r, g, e)),
    ),
    Wrong(
        "from_start",
        "The discount counts from the start of the episode. In (1), what is k − t at k = t?",
        _masked(_from_start),
    ),
    Wrong(
        "present_missing",
        "This is what comes after step t. Does the reward of step t itself belong to the return?",
        _masked(lambda r, e, g: _totals(r, g, e) - r),
    ),
    Wrong(
        "past",
        "This adds up the rewards since the episode began. What can an action at time t still change?",
        _masked(_past),
    ),
    Wrong(
        "only_ends_known",
        "You call a return known at an episode's last step alone. What is missing for the steps before it?",
        _flagged(lambda ended: ended),
    ),
    Wrong(
        "whole_rows",
        "A row that breaks off in an episode has no known return at all in your answer, though earlier episodes of it "
        "are complete.",
        _flagged(lambda ended: _known(ended) & ended[:, -1:]),
    ),
    Wrong(
        "first_episode_only",
        "Only the first episode of a row has returns in your answer.",
        _flagged(_first_episode_only),
    ),
    cases=40,
    rtol=1e-5,  # discount ** torch.arange(n) is float32
)
