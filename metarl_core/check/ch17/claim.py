"""The check of project III: a claim about meta-RL, stated first, then reproduced or refuted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from metarl_core.check import CheckFailed, Wrong
from metarl_core.check.ch17.replayed import PLAN, VERDICTS, examine
from metarl_core.check.describe import describe
from metarl_core.check.reports import choice, finite, function, interval_faults, report_check, returns, seeds, whole

FEWEST = 50
APART = 1.05
"""budgets that differ by more than this factor are not equal"""


def sentence(where: str, value: Any) -> str:
    """Words."""
    if not isinstance(value, str):
        raise CheckFailed(f"{where} is {describe(value)}; it should be a sentence.", "type")
    return str(value)


READ: dict[str, Callable[[str, Any], Any]] = dict(
    zip(PLAN, (sentence, finite, seeds, whole, whole, whole), strict=True)
)


def plan(where: str, value: Any) -> dict[str, Any]:
    """A plan, entry by entry."""
    if not isinstance(value, Mapping) or set(value) != set(PLAN):
        raise CheckFailed(f"{where} is {describe(value)}; it should be a dict with the keys {', '.join(PLAN)}.", "type")
    for key in PLAN:
        if value[key] is None or value[key] is Ellipsis:
            raise CheckFailed(f'`plan["{key}"]` is not filled in.', "type")
    return {key: READ[key](f'`plan["{key}"]`', value[key]) for key in PLAN}


check_claim = report_check(
    "report",
    {
        "plan": plan,
        "seal": sentence,
        "tasks": function,
        "play": function,
        "evaluation_seed": whole,
        "first_scores": returns,
        "second_scores": returns,
        "low": finite,
        "high": finite,
        "verdict": choice(*VERDICTS),
    },
    Wrong(
        "not_the_plan",
        "The seal is not that of this plan. What was changed after it was sealed, and had you seen a score by then?",
        when=lambda found: found.not_the_plan,
    ),
    Wrong(
        "no_claim",
        "A claim names what is compared, on which tasks, after how much adaptation, and by how much it differs. "
        "Yours has "
        "fewer than eight words.",
        when=lambda found: len(found.plan["claim"].split()) < 8,
    ),
    Wrong(
        "smallest_below_zero",
        "The smallest difference that would bear your claim out is below 0. Turn the two methods round.",
        when=lambda found: found.plan["smallest"] < 0,
    ),
    Wrong(
        "few_seeds",
        "Fewer than five seeds. How would you know that it was not luck?",
        when=lambda found: len(found.seeds) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your plan twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.seeds)) < len(found.seeds),
    ),
    Wrong(
        "few_tasks",
        f"Fewer than {FEWEST} held-out tasks. How far does the mean of so few lie from that of all?",
        when=lambda found: found.plan["test_tasks"] < FEWEST,
    ),
    Wrong(
        "no_cost",
        "What did it cost? A budget counts all episodes, steps or samples of one seed, the search for step sizes "
        "included. Yours is not above 0.",
        when=lambda found: min(found.plan["first_budget"], found.plan["second_budget"]) <= 0,
    ),
    Wrong(
        "unequal_budgets",
        "One method has the larger budget. What would the comparison say of the methods?",
        when=lambda found: (
            max(found.plan["first_budget"], found.plan["second_budget"])
            > APART * min(found.plan["first_budget"], found.plan["second_budget"])
        ),
    ),
    Wrong(
        "luck_from_elsewhere",
        "Two generators of the same seed should give the same tasks, and others of another seed. Where do the random "
        "numbers of `tasks` come from?",
        when=lambda found: found.luck_from_elsewhere,
    ),
    Wrong(
        "splits_share_tasks",
        'With equal seeds, the splits "train" and "test" are the same tasks. What would a test on them say?',
        when=lambda found: found.splits_share_tasks,
    ),
    Wrong(
        "on_training_tasks",
        "The scores that you report for a method are those on *training* tasks.",
        when=lambda found: any(
            not found.reported_are(method, found.own[method]) and found.reported_are(method, found.on_training[method])
            for method in found.own
        ),
    ),
    Wrong(
        "first_untrue",
        "`play` of your first method gives other scores here than you report. Do the tasks and the luck come from "
        "`evaluation_seed`?",
        when=lambda found: not found.reported_are("first", found.own["first"]),
    ),
    Wrong(
        "second_untrue",
        "`play` of your second method gives other scores here than you report.",
        when=lambda found: not found.reported_are("second", found.own["second"]),
    ),
    Wrong(
        "copied",
        "Two seeds of a method have the same scores. Was each trained with a seed of its own?",
        when=lambda found: found.copied,
    ),
    Wrong(
        "one_for_both",
        "Both methods have the same scores, task by task. Are they two?",
        when=lambda found: found.one_for_both,
    ),
    Wrong(
        "chosen_luck",
        "On test tasks of another seed a method earns something else, by more than luck. How was `evaluation_seed` "
        "chosen?",
        when=lambda found: found.luckier,
    ),
    *interval_faults(
        lambda found: found.difference.mean(1),
        lambda found: (found.report["low"], found.report["high"]),
        pooled=lambda found: found.difference,
    ),
    Wrong(
        "against_zero",
        "Your verdict is right for a difference above 0. Your plan names another number, the smallest difference that "
        "would bear the claim out.",
        when=lambda found: (
            _verdict(found) != found.verdict(found.plan["smallest"]) and _verdict(found) == found.verdict(0.0)
        ),
    ),
    Wrong(
        "says_too_much",
        "Your interval holds the smallest difference, and your verdict decides.",
        when=lambda found: found.verdict(found.plan["smallest"]) == VERDICTS[2] != _verdict(found),
    ),
    Wrong(
        "says_too_little",
        "Your interval lies on one side of the smallest difference. What may be said then?",
        when=lambda found: _verdict(found) == VERDICTS[2] != found.verdict(found.plan["smallest"]),
    ),
    Wrong(
        "wrong_side",
        "Your interval lies on one side of the smallest difference, and your verdict on the other.",
        when=lambda found: _verdict(found) != found.verdict(found.plan["smallest"]),
    ),
    examine=examine,
    passed=lambda found: (
        f"the plan is the sealed one; tasks were drawn and both methods played again for seeds {found.seeds[0]} and "
        f"{found.seeds[-1]}, and the scores are those that you report; budgets are equal, and the verdict is what the "
        "interval says."
    ),
)


def _verdict(found: Any) -> str:
    return found.report["verdict"]
