"""Exercise of chapter 09: single meta-gradients of a bandit with two arms, from groups of support episodes.

One number is learned, the logit θ of arm 1, and an episode is one pull. In each task one of the arms pays 1 and the
other nothing. What the query would estimate is put in exactly, so that all noise is the support's and the task's.
"""

import torch
from torch import Tensor

THETA, STEP_SIZE, PULLS, SHARE = 0.25, 8.0, 20, 0.8
"""the logit, α, support episodes of a group, and the share of tasks in which it is arm 1 that pays"""
NAMES = ("first order", "naive", "LVC", "naive + sampling term")


def groups(n: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Single estimates `[n]` of the meta-gradient, in four ways from the same groups; each group has a task of its own.

    The sampling term takes the outcome less its mean over groups of the same task.
    """
    draws = torch.rand((n, 1 + PULLS), generator=generator, dtype=torch.float64)
    of_task = estimates()
    task = (draws[:, 0] >= SHARE).long()
    number = (draws[:, 1:] < torch.sigmoid(torch.tensor(THETA, dtype=torch.float64))).sum(1)
    return {name: of_task[name][task, number] for name in NAMES}


def estimates() -> dict[str, Tensor]:
    """What a group estimates `[task, pulls of arm 1]`; in task 0 arm 1 pays, in task 1 arm 2."""
    theta = torch.tensor(THETA, dtype=torch.float64)
    p, number = torch.sigmoid(theta), torch.arange(PULLS + 1, dtype=torch.float64)
    paid = torch.stack([number, PULLS - number])  # of the pulls, how many: advantages are rewards, without a baseline
    score = torch.stack([1 - p, -p])[:, None]  # of the arm that pays
    adapted = theta + STEP_SIZE / PULLS * paid * score
    direction = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    outcome = torch.sigmoid(direction * adapted)
    slope = direction * outcome * (1 - outcome)  # of the outcome, at the adapted logit
    curved, squared = -p * (1 - p) * paid / PULLS, score**2 * paid / PULLS  # H₂ and H₁
    scores = number * (1 - p) - (PULLS - number) * p
    chance = torch.exp(
        torch.lgamma(torch.tensor(PULLS + 1.0)) - torch.lgamma(number + 1) - torch.lgamma(PULLS - number + 1)
    )
    chance = chance * p**number * (1 - p) ** (PULLS - number)
    mean = (chance * outcome).sum(1, keepdim=True)
    naive = (1 + STEP_SIZE * curved) * slope
    values = (slope, naive, (1 + STEP_SIZE * (curved + squared)) * slope, naive + scores * (outcome - mean))
    return dict(zip(NAMES, values, strict=True))
