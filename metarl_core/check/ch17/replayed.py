"""What is found out about project III: its tasks are drawn, and its methods played, once more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metarl_core.check import CheckFailed, NotDone
from metarl_core.check.describe import describe
from metarl_core.check.reports import fault_of_returns, learners_code

HOLDS, REFUTED, UNDECIDED = VERDICTS = ("the claim holds", "the claim is refuted", "the claim is not decided")
METHODS = ("first", "second")
DRAWN = ("luck_from_elsewhere", "splits_share_tasks", "own", "on_training", "luckier")
"""what calls the learner's `tasks` or `play`: seen under a time limit, before anything is judged"""
PLAN = ("claim", "smallest", "seeds", "test_tasks", "first_budget", "second_budget")


def seal(plan: Mapping[str, Any]) -> str:
    """Twelve letters and digits that change with any entry of a plan: note them before you measure anything.

    Raises:
        ValueError: where the plan does not hold just what it should.
        NotDone: where an entry is not filled in.
    """
    if not isinstance(plan, Mapping) or set(plan) != set(PLAN):
        raise ValueError(f"plan must be a dict with the keys {', '.join(PLAN)}.")
    for name in PLAN:
        if plan[name] is None or plan[name] is Ellipsis:
            raise NotDone(f'plan["{name}"]')
    plain = {
        "claim": str(plan["claim"]),
        "smallest": float(plan["smallest"]),
        "seeds": [int(seed) for seed in plan["seeds"]],
        **{name: int(plan[name]) for name in PLAN[3:]},
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Found:
    """What the report says, and what its tasks and its methods give here; scores are arrays `[seed, task]`."""

    report: dict[str, Any]

    @property
    def plan(self) -> dict[str, Any]:
        return self.report["plan"]

    @property
    def seeds(self) -> list[int]:
        return list(self.plan["seeds"])

    @property
    def number(self) -> int:
        """Of test tasks."""
        return self.report["first_scores"].shape[1]

    def tasks(self, number: int, seed: int, split: str) -> Any:
        """What `tasks` gives for a seed."""
        return self.report["tasks"](number, torch.Generator().manual_seed(seed), split)

    def scores(self, method: str, seed: int, tasks: Any, luck: int) -> np.ndarray:
        """What `play` gives, `[task]`; raises CheckFailed unless it is a number for each task."""
        found = self.report["play"](method, seed, tasks, torch.Generator().manual_seed(luck))
        values = torch.as_tensor(found).detach().double().numpy() if isinstance(found, (Tensor, list)) else found
        if not isinstance(values, np.ndarray) or values.shape != (self.number,) or not np.isfinite(values).all():
            raise CheckFailed(
                f"`play({method!r}, {seed}, tasks, generator)` gives {describe(found)}; expected are {self.number} "
                "finite scores, one a task.",
                "type",
            )
        return values.astype(float)

    @cached_property
    def tried(self) -> list[int]:
        """Places of the first and the last seed: what is played here."""
        return sorted({0, len(self.seeds) - 1})

    def played(self, split: str, seed: int) -> dict[str, np.ndarray]:
        """Scores `[tried seed, task]` of both methods on tasks of a split, with the luck of the same seed."""
        tasks = self.tasks(self.number, seed, split)
        tried = [self.seeds[at] for at in self.tried]
        return {method: np.stack([self.scores(method, one, tasks, seed) for one in tried]) for method in METHODS}

    @cached_property
    def own(self) -> dict[str, np.ndarray]:
        return self.played("test", self.report["evaluation_seed"])

    @cached_property
    def on_training(self) -> dict[str, np.ndarray]:
        return self.played("train", self.report["evaluation_seed"])

    def reported_are(self, method: str, other: np.ndarray) -> bool:
        """Whether the scores of the seeds that were played are these, to a thousandth of their spread or size."""
        reported = self.report[f"{method}_scores"][self.tried]
        return bool(np.mean(np.abs(reported - other) < 1e-3 * (np.abs(other) + other.std() + 1e-6)) > 0.99)

    @cached_property
    def luckier(self) -> bool:
        """Whether a method's scores are higher, or lower, than on other test tasks, by more than luck."""
        fresh = self.played("test", self.report["evaluation_seed"] + 1)
        return any(fault_of_returns(self.report[f"{m}_scores"][self.tried], fresh[m]) for m in METHODS)

    @property
    def difference(self) -> np.ndarray:
        """The first method's scores less the second's."""
        return self.report["first_scores"] - self.report["second_scores"]

    def verdict(self, level: float) -> str:
        """What the interval says of a difference of at least `level`."""
        return VERDICTS[0 if self.report["low"] > level else 1 if self.report["high"] < level else 2]

    @cached_property
    def luck_from_elsewhere(self) -> bool:
        """Whether the same seed gives other tasks, or other seeds the same."""
        first, again, other = (self.tasks(8, seed, "train") for seed in (3, 3, 4))
        return not _equal(first, again) or _equal(first, other)

    @cached_property
    def splits_share_tasks(self) -> bool:
        return _equal(self.tasks(16, 3, "train"), self.tasks(16, 3, "test"))

    @property
    def copied(self) -> bool:
        rows = [self.report[f"{method}_scores"] for method in METHODS]
        return any(len(np.unique(one, axis=0)) < len(one) for one in rows)

    @property
    def one_for_both(self) -> bool:
        return bool((self.difference == 0).all())

    @property
    def not_the_plan(self) -> bool:
        return seal(self.plan) != self.report["seal"]


def examine(report: dict[str, Any]) -> Found:
    """Whether the entries fit together, and the tasks can be drawn and played at all."""
    found = Found(report)
    seeds, wanted = found.seeds, (len(found.seeds), report["plan"]["test_tasks"])
    for method in METHODS:
        if report[f"{method}_scores"].shape != wanted:
            raise CheckFailed(
                f'`report["{method}_scores"]` has the shape {list(report[f"{method}_scores"].shape)}; by your plan '
                f"expected are {len(seeds)} seeds and {wanted[1]} tasks.",
                "shape",
            )
    if not 0 <= report["evaluation_seed"] < 2**31:
        raise CheckFailed(
            f'`report["evaluation_seed"]` is {report["evaluation_seed"]}; expected is at least 0.', "value"
        )
    with learners_code("Drawing your tasks and playing on them", "Playing your methods had not ended after a minute."):
        for seen in DRAWN:
            getattr(found, seen)
    return found


def _flat(value: Any) -> list[np.ndarray]:
    """All numbers of what `tasks` gave, in its order."""
    if isinstance(value, Mapping):
        return [part for key in sorted(value) for part in _flat(value[key])]
    if isinstance(value, (list, tuple)):
        return [part for one in value for part in _flat(one)]
    return [np.asarray(torch.as_tensor(value).detach().double())]


def _equal(one: Any, other: Any) -> bool:
    """Up to rounding: a stamp of the split changes the last digit."""
    parts = list(zip(_flat(one), _flat(other), strict=False))
    return bool(parts) and all(a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-8) for a, b in parts)
