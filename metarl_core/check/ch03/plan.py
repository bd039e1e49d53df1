"""The check of the exercise `plan`."""

from metarl_core.check import Wrong, design_check

SAME_STEP_SIZE, OWN_STEP_SIZE = "the full agent's for all", "searched for each variant alike"
IN_TRAINING, GREEDY = "training episodes, with exploration", "greedy episodes from fresh starts"
LAST, BEST = "the last parameters", "the best checkpoint of each run"
STEPS, UNTIL_SOLVED = "the same environment steps for all", "each variant until it is solved"
NO_EFFECT, NO_EVIDENCE = "this ingredient does not matter", "no effect was found with this many seeds"


check_plan = design_check(
    "plan",
    {
        "changes_per_variant": int,
        "seeds": int,
        "step_size": (SAME_STEP_SIZE, OWN_STEP_SIZE),
        "measured_on": (IN_TRAINING, GREEDY),
        "reported": (LAST, BEST),
        "budget": (STEPS, UNTIL_SOLVED),
        "if_intervals_overlap": (NO_EFFECT, NO_EVIDENCE),
    },
    Wrong(
        "several_at_once",
        "With another number of changes than one you cannot say which of them did it, or there is nothing to see.",
        when=lambda plan: plan["changes_per_variant"] != 1,
    ),
    Wrong(
        "few_seeds",
        "In the chapter, single seeds of one and the same variant ended at 152 and at 500. How many do you need?",
        when=lambda plan: plan["seeds"] < 5,
    ),
    Wrong(
        "tuned_for_one",
        "The step size was chosen for the full agent. A variant may fail with it and do well with another one; then "
        "you have measured a step size.",
        when=lambda plan: plan["step_size"] == SAME_STEP_SIZE,
    ),
    Wrong(
        "exploring",
        "These episodes contain the random actions of ε. A variant that changes exploration would be judged by "
        "another yardstick than the rest.",
        when=lambda plan: plan["measured_on"] == IN_TRAINING,
    ),
    Wrong(
        "best_checkpoint",
        "The best of twenty noisy evaluations is high for a variant that swings up and down, too. Which number would "
        "a user of the agent get?",
        when=lambda plan: plan["reported"] == BEST,
    ),
    Wrong(
        "unequal_budget",
        "Variants that take longer get more data, and those that never get there get endless data.",
        when=lambda plan: plan["budget"] == UNTIL_SOLVED,
    ),
    Wrong(
        "absence_of_evidence",
        "Wide intervals overlap whatever the truth is. What have you learned from them?",
        when=lambda plan: plan["if_intervals_overlap"] == NO_EFFECT,
    ),
)
