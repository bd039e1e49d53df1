"""What is found out about project II: its tasks are drawn, and its parameters adapted, once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from metarl_core.check import CheckFailed
from metarl_core.check.describe import describe
from metarl_core.check.reports import learners_code, same_agents
from metarl_core.meta import Joint, supervised, task_loss
from metarl_core.tasks import FewShot

VERDICTS = (
    "MAML's loss is lower",
    "MAML's loss is higher",
    "the two could not be told apart",
)
FACTORS = (0.5, 2.0)
"""by which the step size of pre-training is changed, to see whether it was tuned"""
TUNING_TASKS = 400
METHODS = ("maml", "pretrained")
DRAWN = (
    *("luck_from_elsewhere", "splits_share_tasks", "query_holds_support", "different_tasks", "training", "own"),
    *("support_is_useless", "has_not_learned", "poorly_tuned"),
)
"""what calls the learner's `draw`, network or criterion: seen under a time limit, before anything is judged"""


@dataclass(frozen=True)
class Found:
    """What the report says, and what its tasks and its parameters give here; losses are arrays `[seed, task]`."""

    report: dict[str, Any]

    @property
    def of_the_course(self) -> bool:
        return str(getattr(self.report["draw"], "__module__", "")).startswith("metarl_core.")

    def data(self, tasks: int, seed: int, split: str) -> FewShot:
        """What `draw` gives for a seed; raises CheckFailed unless it is data of that many tasks."""
        found = self.report["draw"](tasks, torch.Generator().manual_seed(seed), split)
        parts = tuple(found) if isinstance(found, tuple) else ()
        if len(parts) != 4 or not all(isinstance(part, Tensor) and part.ndim >= 2 for part in parts):
            raise CheckFailed(
                f"`draw({tasks}, generator, {split!r})` gives {describe(found)}; expected is a FewShot of tensors "
                "[task, sample, ...].",
                "type",
            )
        if any(len(part) != tasks for part in parts):
            sizes = ", ".join(str(len(part)) for part in parts)
            raise CheckFailed(f"`draw({tasks}, ...)` gives tensors of {sizes} tasks; expected are {tasks}.", "shape")
        return FewShot(*parts)

    @cached_property
    def held_out(self) -> FewShot:
        return self.data(self.report["maml_losses"].shape[1], self.report["evaluation_seed"], "test")

    @cached_property
    def training(self) -> FewShot:
        return self.data(self.report["maml_losses"].shape[1], self.report["evaluation_seed"], "train")

    @cached_property
    def tuning(self) -> FewShot:
        return self.data(TUNING_TASKS, self.report["evaluation_seed"] + 1, "train")

    def losses(self, method: str, data: FewShot, steps: int | None = None, factor: float = 1.0) -> np.ndarray:
        """Query losses after the steps of the report, or others, by each seed's parameters."""
        report = self.report
        learner = Joint(task_loss(report["network"], report["criterion"]), report[f"{method}_lr"] * factor)
        rows = []
        for seed in range(len(report["seeds"])):
            one = {name: value[seed] for name, value in report[method].items()}
            count = report["steps"] if steps is None else steps
            rows.append(supervised.adaptation_curve(learner, one, data, [count])[:, 0].double().numpy())
        return np.stack(rows)

    @cached_property
    def own(self) -> dict[str, np.ndarray]:
        """On the held-out tasks of the report."""
        return {method: self.losses(method, self.held_out) for method in METHODS}

    def reported_are(self, method: str, other: np.ndarray) -> bool:
        """Whether the losses of the report are these, to a hundredth of their spread or size."""
        reported = self.report[f"{method}_losses"]
        scale = np.abs(other) + other.std() + 1e-6
        off = np.abs(reported - other) / scale
        return bool(np.mean(off < 0.01) > 0.99)

    @property
    def difference(self) -> np.ndarray:
        """Pre-training's losses less MAML's."""
        return self.report["pretrained_losses"] - self.report["maml_losses"]

    @property
    def verdict_of_the_numbers(self) -> str:
        return VERDICTS[0 if self.report["low"] > 0 else 1 if self.report["high"] < 0 else 2]

    @cached_property
    def luck_from_elsewhere(self) -> bool:
        """Whether the same seed gives other data, or other seeds the same, in either split."""
        for split in ("train", "test"):
            first, again, other = (self.data(8, seed, split) for seed in (3, 3, 4))
            if not _equal(first, again) or _equal(first, other):
                return True
        return False

    @cached_property
    def splits_share_tasks(self) -> bool:
        """Whether a seed gives most tasks of one split in the other, too: all their points and targets.

        Tasks and their points may stand in another order there, unless the inputs of all tasks are the same: then those
        of two tasks may well have the same targets.
        """
        one, other = self.data(32, 3, "train"), self.data(32, 3, "test")
        if any(a.shape != b.shape for a, b in zip(one, other, strict=True)):
            return False
        twins = [_flat(a).sub(_flat(b)).abs().amax(1) < 1e-5 for a, b in zip(one, other, strict=True)]
        if torch.stack(twins).all(0).double().mean() > 0.5:
            return True
        first, second = _in_order(one), _in_order(other)
        if first is None or second is None or not first[..., 0].std(0).gt(0).any():
            return False
        near = torch.cdist(first.flatten(1), second.flatten(1), compute_mode="donot_use_mm_for_euclid_dist") < 1e-5
        return bool(near.any(0).double().mean() > 0.5)

    @cached_property
    def different_tasks(self) -> int:
        """How many of the held-out tasks differ in some point or target."""
        return len(torch.cat([_flat(part) for part in self.held_out], 1).unique(dim=0))

    @cached_property
    def query_holds_support(self) -> bool:
        """Whether a support point stands among the query points of its task, in more than a tenth of the tasks."""
        data = self.held_out
        support, query = data.support_inputs.double().flatten(2), data.query_inputs.double().flatten(2)
        if support.shape[2] != query.shape[2]:
            return False
        return bool((torch.cdist(support, query).amin((1, 2)) < 1e-9).double().mean() > 0.1)

    @cached_property
    def support_is_useless(self) -> bool:
        """Whether MAML does as well on a task when it adapts to the points of another one."""
        data = self.held_out
        swapped = data._replace(
            support_inputs=data.support_inputs.roll(1, 0), support_targets=data.support_targets.roll(1, 0)
        )
        worse = (self.losses("maml", swapped) - self.own["maml"]).mean(0)
        return bool(worse.mean() < 3 * worse.std() / np.sqrt(len(worse)))

    @cached_property
    def has_not_learned(self) -> bool:
        gain = (self.losses("maml", self.held_out, 0) - self.own["maml"]).mean(0)
        return bool(gain.mean() < 3 * gain.std() / np.sqrt(len(gain)))

    @cached_property
    def poorly_tuned(self) -> bool:
        """Whether half or twice the step size is better for pre-training on training tasks, by a twentieth or more; or
        MAML's, since far from what suits a factor of two does nothing.
        """
        chosen = self.losses("pretrained", self.tuning).mean(0)
        for factor in (*FACTORS, self.report["maml_lr"] / self.report["pretrained_lr"]):
            gain = chosen - self.losses("pretrained", self.tuning, factor=factor).mean(0)
            if gain.mean() > max(0.05 * abs(chosen.mean()), 4 * gain.std() / np.sqrt(len(gain))):
                return True
        return False

    @property
    def copied(self) -> bool:
        return any(same_agents(self.report[method]) for method in METHODS)

    @property
    def one_for_both(self) -> bool:
        maml, other = (self.report[method] for method in METHODS)
        return all(torch.equal(maml[name], other[name]) for name in maml)


def examine(report: dict[str, Any]) -> Found:
    """Whether the entries fit together, and the tasks can be drawn and adapted to at all."""
    network, seeds = report["network"], report["seeds"]
    if not isinstance(network, nn.Module):
        raise CheckFailed(f'`project["network"]` is {describe(network)}; expected is an nn.Module.', "type")
    for method in METHODS:
        _check_parameters(method, report[method], dict(network.named_parameters()), len(seeds))
        rows = report[f"{method}_losses"]
        if len(rows) != len(seeds) or not len(seeds):
            raise CheckFailed(
                f'`project["{method}_losses"]` has {len(rows)} rows; expected is one for each of your {len(seeds)} '
                "seeds.",
                "shape",
            )
    if report["maml_losses"].shape != report["pretrained_losses"].shape:
        raise CheckFailed(
            "`maml_losses` and `pretrained_losses` are of different numbers of tasks. Both methods meet the same ones.",
            "shape",
        )
    for name, least in (("steps", 1), ("evaluation_seed", 0)):
        if not least <= report[name] < 2**31:
            raise CheckFailed(f'`project["{name}"]` is {report[name]}; expected is at least {least}.', "value")
    found = Found(report)
    doing, not_ended = "Drawing your tasks and adapting to them", "Adapting to your tasks had not ended after a minute."
    with learners_code(doing, not_ended):
        if not found.of_the_course:
            for seen in DRAWN:
                getattr(found, seen)
    return found


def _check_parameters(method: str, given: Mapping[str, Tensor], network: Mapping[str, Tensor], seeds: int) -> None:
    wanted = {name: (seeds, *value.shape) for name, value in network.items()}
    found = {name: tuple(value.shape) for name, value in given.items()}
    if found != wanted:
        raise CheckFailed(
            f'`project["{method}"]` should hold the parameters of your network by their names, each with an axis of '
            f"your {seeds} seeds in front; `stack_parameters` makes that of a list.",
            "shape",
        )


def _flat(values: Tensor) -> Tensor:
    return values.double().flatten(1)


def _in_order(data: FewShot) -> Tensor | None:
    """All points with their targets `[task, point, ...]`, the inputs first, in an order that is their own.

    None where a task's targets are not one a point.
    """
    parts = []
    for inputs, targets in ((data.support_inputs, data.support_targets), (data.query_inputs, data.query_targets)):
        if inputs.shape[:2] != targets.shape[:2]:
            return None
        parts.append(torch.cat([inputs.double().flatten(2), targets.double().reshape(*targets.shape[:2], -1)], 2))
    points = torch.cat(parts, 1)
    order = (points * torch.pi ** torch.arange(points.shape[2])).sum(2).argsort(1)
    return points.gather(1, order[..., None].expand_as(points))


def _equal(one: FewShot, other: FewShot) -> bool:
    return all(map(torch.equal, one, other))
