"""The check of the exercise `next_belief`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """2 to 9 cells, once 60, with unequal beliefs, some of them zero; the cell may be excluded already."""
    cells = draw.once(17, 60, draw.integer(2, 9))
    cell = int(draw.integers(0, cells - 1, 1))
    found = draw.chance(0.4)
    belief = draw.skewed(cells).abs() + 0.05
    belief = belief * (~draw.flags(cells)).double()
    other = (cell + 1) % cells
    belief[other] += 0.1
    if found:
        belief[cell] += 0.1
    belief = belief / belief.sum()
    return case(belief, cell, found).noting(
        {
            "the goal is found": found,
            "the goal is not found": not found,
            "the belief is not uniform": True,
            "the cell was excluded before": not found and float(belief[cell]) == 0,
        }
    )


def _by_bayes(belief, cell, found):
    """Prior times likelihood, hypothesis by hypothesis."""
    joint = []
    for goal, prior in enumerate(belief.tolist()):
        joint.append(prior * (1.0 if (goal == cell) == found else 0.0))
    return torch.tensor(joint, dtype=belief.dtype) / sum(joint)


def _half(belief, cell, found):
    """The half of the belief stays where it was."""
    new = belief.clone()
    if found:
        new = new / 2
        new[cell] += 0.5
        return new
    new[cell] = 0
    return new / new.sum()


def _half_and_uniform(belief, cell, found):
    new = _half(belief, cell, found)
    return new if found else (new > 0).double() / (new > 0).sum()


def _uniform(belief, cell, found):
    if found:
        return torch.eye(len(belief), dtype=belief.dtype)[cell]
    left = belief > 0
    left = left & (torch.arange(len(belief)) != cell)
    return left.to(belief.dtype) / left.sum()


def _not_normalised(belief, cell, found):
    new = belief * (torch.arange(len(belief)) == cell) if found else belief.clone()
    if found:
        return new / new.sum()
    new[cell] = 0
    return new


def _spread_evenly(belief, cell, found):
    """What the cell had goes in equal parts to the others."""
    if found:
        return torch.eye(len(belief), dtype=belief.dtype)[cell]
    new = belief + belief[cell] / (len(belief) - 1)
    new[cell] = 0
    return new


def _not_found_ignored(belief, cell, found):
    return torch.eye(len(belief), dtype=belief.dtype)[cell] if found else belief.clone()


check_next_belief = function_check(
    "next_belief",
    _by_bayes,
    _draw_case,
    Wrong(
        "half",
        "Where the goal is found, half of the belief stays behind. Which other goal explains the reward?",
        _half,
    ),
    Wrong(
        "uniform",
        "Where the goal is not found, all cells that are left become equally likely. Were they before?",
        _uniform,
    ),
    Wrong(
        "as_it_was",
        "Both bugs are still there: one shows where the goal is found, the other where it is not.",
        _half_and_uniform,
    ),
    Wrong("not_normalised", "Where the goal is not found, your belief does not sum to 1.", _not_normalised),
    Wrong(
        "spread_evenly",
        "What the excluded cell had goes in equal parts to the others, also to those that were excluded. By which "
        "factor "
        "should each of the others grow?",
        _spread_evenly,
    ),
    Wrong("not_found_ignored", "A visit that finds nothing leaves your belief as it is.", _not_found_ignored),
)
