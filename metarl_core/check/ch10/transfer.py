"""The check of the exercise `transfer`: what a start is worth at new goals, among the old ones and elsewhere."""

from metarl_core.check import Wrong
from metarl_core.check.ch10.goals import (
    APART,
    EVEN,
    HALVES,
    HELPS,
    HURTS,
    NEVER_A_GOAL,
    NOT_DECIDED,
    NOT_TOLD_APART,
    SPLITS,
    WHERE_GOALS_LAY,
    cells,
    examine,
    rewards,
    train_again,
)
from metarl_core.check.reports import (
    choice,
    conclusion_faults,
    finite,
    interval_faults,
    report_check,
    same_agents,
    seeds,
    tensor,
)

check_transfer = report_check(
    "transfer",
    {
        "seeds": seeds,
        **{f"goals_{split}": cells for split in SPLITS},
        **{f"starts_{split}": tensor for split in SPLITS},
        "rewards": rewards,
        **{
            f"{name}_{split}": choice(HELPS, HURTS, NOT_TOLD_APART) if name == "conclusion" else finite
            for split in SPLITS
            for name in ("low", "high", "conclusion")
        },
        "verdict": choice(NEVER_A_GOAL, WHERE_GOALS_LAY, NOT_DECIDED),
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. By how much do two starts differ that differ in nothing but the seed?",
        when=lambda found: len(set(found.report["seeds"])) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "copied",
        "Two of your starts are the same to the last digit. Was each trained with a seed of its own?",
        when=lambda found: any(same_agents({split: found.report[f"starts_{split}"]}) for split in SPLITS),
    ),
    Wrong(
        "rows_alike",
        "Two rows of rewards from trained starts are the same to the last digit, and the starts are not. What does "
        "each seed earn?",
        when=lambda found: found.rows_alike,
    ),
    Wrong(
        "not_a_side",
        'The goals of "sides" are not just the cells of one half of the grid: left, right, upper or lower.',
        when=lambda found: frozenset(found.report["goals_sides"]) not in HALVES,
    ),
    Wrong(
        "not_scattered",
        'The goals of "scattered" crowd in one half of the grid. In what are the two trainings to differ?',
        when=lambda found: any(
            not EVEN[0] <= len(half & set(found.report["goals_scattered"])) <= EVEN[1] for half in HALVES
        ),
    ),
    Wrong(
        "starts_exchanged",
        "In one place or more, fresh tables earn here what you report for trained ones, and the other way round.",
        when=lambda found: found.alike["starts_exchanged"],
    ),
    Wrong(
        "places_exchanged",
        "Here your tables earn at new goals what you report for old ones, and the other way round. Which cells were "
        "goals in the training?",
        when=lambda found: any(found.faults.values()) and found.alike["places_exchanged"],
    ),
    Wrong(
        "higher_than_earned",
        "With other luck, tables of yours earn less than you report, by more than luck can explain. From which table, "
        "at which goals, and over which steps are your rewards?",
        when=lambda found: "higher" in found.faults.values(),
    ),
    Wrong(
        "lower_than_earned",
        "With other luck, tables of yours earn more than you report, by more than luck can explain. From which table, "
        "at which goals, and over which steps are your rewards?",
        when=lambda found: "lower" in found.faults.values(),
    ),
    Wrong(
        "other_lead",
        "What you report for trained and fresh tables lies further apart, or less far, than here, by more than luck "
        "can explain. Are both from the same goals and steps, and is each where it belongs?",
        when=lambda found: any(found.faults_of_leads.values()),
    ),
    Wrong(
        "turned",
        "An interval of yours is that of fresh less trained. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    Wrong(
        "of_old_goals",
        "An interval of yours is that of the goals of the training. What was not tried in the chapter are new ones.",
        when=lambda found: found.of_old_goals,
    ),
    *interval_faults(
        lambda found: found.leads(f"{found.suspect}, new").mean(1),
        lambda found: found.interval(found.suspect),
        pooled=lambda found: found.leads(f"{found.suspect}, new"),
    ),
    *conclusion_faults(
        lambda found: found.interval(found.suspect),
        lambda found: found.conclusion(found.suspect),
        HELPS,
        NOT_TOLD_APART,
    ),
    Wrong(
        "not_that_cause",
        "By your first interval a start helps at cells that were never a goal. Can that alone be the cause of the "
        "harm?",
        when=lambda found: found.report["verdict"] == NEVER_A_GOAL and found.conclusion("scattered") == HELPS,
    ),
    Wrong(
        "verdict_too_bold",
        "Your verdict needs both intervals on one side of 0, each where it says. Are they?",
        when=lambda found: found.report["verdict"] not in (NOT_DECIDED, found.verdict),
    ),
    Wrong(
        "verdict_too_careful",
        "Both of your intervals leave 0 out. What do they say together?",
        when=lambda found: found.report["verdict"] == NOT_DECIDED != found.verdict,
    ),
    examine=examine,
    look=train_again,
    found=(
        Wrong(
            "not_repeated",
            "`meta_train`, called again with one of your seeds and your goals, does not lead to the table that stands "
            "in your report. On which goals, and for how long, was yours trained?",
            when=lambda found, off: off > APART,
        ),
    ),
    passed=lambda found: (
        f"your {len(found.report['seeds'])} pairs of starts have learned 36 goals once more, twice over, and earn "
        "what you report; one pair was trained again; intervals and verdict follow."
    ),
)
