"""Answers to chapter 01 that take a flag for that of a first step, and sums in half precision."""

import math

import numpy as np
import torch

from metarl_core.check import ch01

from . import named
from .ch01_more import _BILL as BILL
from .ch01_more import _COSTS as COSTS
from .ch01_more import _bill as bill


def _stream(rewards, ends, discount, kept=None):
    """Sums that end where `ends` says so; `kept`: the precision that they are kept in."""
    total, known = torch.zeros_like(rewards[:, 0]), torch.zeros_like(ends[:, 0])
    returns, flags = torch.zeros_like(rewards), torch.zeros_like(ends)
    for t in reversed(range(rewards.shape[1])):
        known = known | ends[:, t]
        total = torch.where(known, rewards[:, t] + discount * torch.where(ends[:, t], 0.0, total), 0.0)
        total = total if kept is None else total.to(kept).to(rewards.dtype)
        returns[:, t], flags[:, t] = total, known
    return returns, flags


def begins_where_the_flag_is(rewards, ended, discount):
    ends = torch.zeros_like(ended)
    ends[:, :-1] = ended[:, 1:]
    return _stream(rewards, ends, discount)


def and_the_last_episode_is_whole(rewards, ended, discount):
    ends = torch.ones_like(ended)
    ends[:, :-1] = ended[:, 1:]
    return _stream(rewards, ends, discount)


def _half_precision(rewards, ended, discount):
    return _stream(rewards, ended, discount, torch.float16)


def _brain_floats(rewards, ended, discount):
    return _stream(rewards, ended, discount, torch.bfloat16)


def _rewards_in_half_precision(rewards, ended, discount):
    returns, known = _stream(rewards.half(), ended, discount)
    return returns.to(rewards.dtype), known


def _sums_in_numpy(rewards, ended, discount):
    returns, known = torch.zeros_like(rewards), torch.zeros_like(ended)
    for row, flags in enumerate(ended.tolist()):
        start = 0
        for end in (t for t, flag in enumerate(flags) if flag):
            later = 0.0
            for t in range(end, start - 1, -1):
                later = float(rewards[row, t]) + discount * later
                returns[row, t] = later
            known[row, start : end + 1] = True
            start = end + 1
    return returns, known


def _one_update_off(place, by=20):
    costs = list(COSTS[:5])
    costs[place] += by
    return bill(costs)


def _goals_as(form):
    return {name: {"goal": form(BILL[name]["goal"])} for name in ("goals", "search_goals")}


# An update more for one seed, and for the rate that won the search. (Each of the other seeds gives the same.)
BILLS_OFF = [_one_update_off(2), BILL | {"search_costs": (math.inf, 660, 260, 180, 420)}]
BILLS_IN_OTHER_FORMS = [
    BILL | _goals_as(lambda goals: np.array(goals.tolist())) | {"note": "searched twice", "curves": np.zeros((3, 40))},
    {**BILL, "goals": {"goal": BILL["goals"]["goal"].tolist()}, "search_goals": _goals_as(list)["search_goals"]},
]

WRONG = [
    *named(ch01.check_stream_returns, _half_precision, _brain_floats, _rewards_in_half_precision),
    *((ch01.check_bill, answer) for answer in BILLS_OFF),
]
RIGHT = [
    *named(ch01.check_stream_returns, _sums_in_numpy),
    *((ch01.check_bill, answer) for answer in BILLS_IN_OTHER_FORMS),
]
