"""The check of project II: MAML on a family and a network of the reader's own, with a report that can be checked."""

from typing import Any

import numpy as np

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.ch07.adapted_again import VERDICTS, examine
from metarl_core.check.reports import (
    anything,
    choice,
    finite,
    function,
    interval_faults,
    report_check,
    returns,
    seeds,
    tensors,
    whole,
)

LOWER, HIGHER, NOT_TOLD = VERDICTS
FEWEST = 100


def losses(where: str, value: Any) -> np.ndarray:
    """Losses `[seed, task]`, all finite."""
    try:
        return returns(where, value)
    except CheckFailed as error:
        failed = str(error).replace("returns", "losses").replace("episode", "task")
    raise CheckFailed(failed, "type")


def step_size(where: str, value: Any) -> float:
    """A positive number."""
    found = finite(where, value)
    if found <= 0:
        raise CheckFailed(f"{where} is {found:g}; it should be above 0.", "value")
    return found


check_project = report_check(
    "project",
    {
        "draw": function,
        "network": anything,
        "criterion": function,
        "steps": whole,
        "seeds": seeds,
        "maml": tensors,
        "maml_lr": step_size,
        "maml_tasks": whole,
        "pretrained": tensors,
        "pretrained_lr": step_size,
        "pretrained_tasks": whole,
        "evaluation_seed": whole,
        "maml_losses": losses,
        "pretrained_losses": losses,
        "low": finite,
        "high": finite,
        "verdict": choice(*VERDICTS),
    },
    Wrong(
        "not_your_own",
        "This `draw` came with the course. Write a family of your own: it may be small.",
        when=lambda found: found.of_the_course,
    ),
    Wrong(
        "luck_from_elsewhere",
        "Two generators of the same seed should give the same tasks, and others of another seed. Where do your random "
        "numbers come from?",
        when=lambda found: found.luck_from_elsewhere,
    ),
    Wrong(
        "splits_share_tasks",
        'With equal seeds, the splits "train" and "test" are the same tasks. What would a test on them say?',
        when=lambda found: found.splits_share_tasks,
    ),
    Wrong(
        "query_holds_support",
        "Points that the network adapts to stand among the query points of the same task. What is the query loss to "
        "tell?",
        when=lambda found: found.query_holds_support,
    ),
    Wrong(
        "few_seeds",
        "Fewer than five seeds. How would you know that it was not luck?",
        when=lambda found: len(found.report["seeds"]) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "copied",
        "Two seeds of a method have the same parameters. Was each trained with a seed of its own?",
        when=lambda found: found.copied,
    ),
    Wrong(
        "one_for_both",
        "The parameters of both methods are the same. Which of them were meta-trained?",
        when=lambda found: found.one_for_both,
    ),
    Wrong(
        "few_tasks",
        f"Fewer than {FEWEST} different held-out tasks. How far does the mean of so few lie from that of all?",
        when=lambda found: found.different_tasks < FEWEST,
    ),
    Wrong(
        "no_cost",
        "What did it cost? `maml_tasks` and `pretrained_tasks` are the tasks that one training has seen: meta-batch "
        "times iterations.",
        when=lambda found: min(found.report["maml_tasks"], found.report["pretrained_tasks"]) < 100,
    ),
    Wrong(
        "unequal_budgets",
        "One method has seen more tasks than the other. What would the comparison say of the methods?",
        when=lambda found: found.report["maml_tasks"] != found.report["pretrained_tasks"],
    ),
    Wrong(
        "before_any_step",
        "The losses that you report for a method are those before any gradient step. After how many does your report "
        "ask?",
        when=lambda found: _are(found, lambda method: found.losses(method, found.held_out, 0)),
    ),
    Wrong(
        "on_training_tasks",
        "The losses that you report for a method are those on *training* tasks. What is a reader going to meet?",
        when=lambda found: _are(found, lambda method: found.losses(method, found.training)),
    ),
    Wrong(
        "maml_untrue",
        "From your meta-trained parameters, `steps` gradient steps of size `maml_lr` on the support points lead to "
        "other query losses here than you report. Do the tasks come from `evaluation_seed`, and the numbers from these "
        "parameters?",
        when=lambda found: not found.reported_are("maml", found.own["maml"]),
    ),
    Wrong(
        "pretrained_untrue",
        "From your pre-trained parameters, `steps` gradient steps of size `pretrained_lr` on the support points lead "
        "to other query losses here than you report.",
        when=lambda found: not found.reported_are("pretrained", found.own["pretrained"]),
    ),
    Wrong(
        "not_learned",
        "Your meta-trained network is no better after its steps than before them. Too large a step, too few "
        "iterations, or is the meta-gradient cut?",
        when=lambda found: found.has_not_learned,
    ),
    Wrong(
        "support_is_useless",
        "Your meta-trained network does as well on a task when it adapts to the points of *another* one. Is there "
        "anything in the support points that tells the tasks apart?",
        when=lambda found: found.support_is_useless,
    ),
    Wrong(
        "poorly_tuned",
        "Half or twice your step size, or MAML's, would serve pre-training better, on training tasks. MAML was trained "
        "for its step; what is the rival owed?",
        when=lambda found: found.poorly_tuned,
    ),
    *interval_faults(
        lambda found: found.difference.mean(1),
        lambda found: (found.report["low"], found.report["high"]),
        pooled=lambda found: found.difference,
    ),
    Wrong(
        "verdict",
        "Your verdict is not what your interval says. On which side of 0 does it lie, and whose loss was taken off?",
        when=lambda found: found.report["verdict"] != found.verdict_of_the_numbers,
    ),
    examine=examine,
    passed=lambda found: (
        f"your tasks were drawn and your {len(found.report['seeds'])} networks of each method adapted again, and the "
        "losses are those that you report; budgets are equal, the rival's step is tuned, and the verdict is what the "
        "interval says."
    ),
)


def _are(found, losses_of):
    """Whether the losses of a method are others than the right ones, and these."""
    return any(
        not found.reported_are(method, found.own[method]) and found.reported_are(method, losses_of(method))
        for method in ("maml", "pretrained")
    )
