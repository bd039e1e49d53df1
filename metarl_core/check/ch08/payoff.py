"""The check of the exercise `payoff`: MAML beside tuned pre-training in a star-shaped maze, and when it has paid."""

from metarl_core.check import Wrong
from metarl_core.check.ch08.mazes import (
    APART,
    BETTER,
    BETTER_TRAINED,
    FEWEST,
    KINDS,
    SOONER,
    examine,
    look,
    near,
    positive,
)
from metarl_core.check.reports import (
    choice,
    conclusion_faults,
    drawn_from,
    finite,
    interval_faults,
    report_check,
    returns,
    same_agents,
    seeds,
    tasks,
    tensor,
    whole,
)
from metarl_core.recipes.star_maze import ARMS, EPISODES

MAML_EARNS_MORE = "after one step MAML earns more than tuned pre-training"
PRETRAINING_EARNS_MORE = "after one step tuned pre-training earns more than MAML"
NOT_TOLD_APART = "the two could not be told apart"

check_payoff = report_check(
    "payoff",
    {
        "seeds": seeds,
        "maml_lr": positive,
        "maml": tensor,
        "pretrained_step": positive,
        "pretrained": tensor,
        "held_out": tasks({"pays": (ARMS,)}, exact=True),
        "returns_maml": returns,
        "returns_pretrained": returns,
        "low": finite,
        "high": finite,
        "conclusion": choice(MAML_EARNS_MORE, PRETRAINING_EARNS_MORE, NOT_TOLD_APART),
        "scratch_lr": positive,
        "scratch_episodes": whole,
        "paid_after": whole,
    },
    Wrong(
        "few_seeds",
        "Fewer than five different seeds. By how much do two meta-trainings differ that differ in nothing but the "
        "seed?",
        when=lambda found: len(set(found.report["seeds"])) < 5,
    ),
    Wrong(
        "seed_twice",
        "A seed stands in your list twice. It counts as two trainings, and is one.",
        when=lambda found: len(set(found.report["seeds"])) < len(found.report["seeds"]),
    ),
    Wrong(
        "copied",
        "Two of your tables are the same to the last digit. Was each trained with a seed of its own?",
        when=lambda found: any(same_agents({kind: found.report[kind]}) for kind in KINDS),
    ),
    Wrong(
        "rows_alike",
        "Two rows of your returns are the same to the last digit, and the tables are not. What does each seed earn?",
        when=lambda found: found.rows_alike,
    ),
    Wrong(
        "measured_on_training",
        'Some of the tasks that you measure on do not carry the stamp of the split `"test"`.',
        when=lambda found: not drawn_from("test", found.report["held_out"]["pays"]),
    ),
    Wrong(
        "few_tasks",
        f"Fewer than {FEWEST} different held-out tasks. In some mazes every arm pays well: how many of these did you "
        "draw?",
        when=lambda found: len(found.report["held_out"]["pays"].unique(dim=0)) < FEWEST,
    ),
    Wrong(
        "not_adapted",
        "Played here, your tables earn what you report *before* they take a step.",
        when=lambda found: found.told_of("not_adapted"),
    ),
    Wrong(
        "exchanged",
        "Played here, the tables of each kind earn what you report for the other kind.",
        when=lambda found: found.told_of("exchanged"),
    ),
    Wrong(
        "tuned_for_one",
        "Played here, the pre-trained tables earn what you report with MAML's step size, and not with the one that you "
        "chose for them.",
        when=lambda found: found.told_of("tuned_for_one"),
    ),
    Wrong(
        "higher_than_earned",
        "On the same tasks, with other luck, tables of yours earn less than you report, by more than luck can explain. "
        "With which step size, and were there several plays to choose from?",
        when=lambda found: "higher" in found.faults,
    ),
    Wrong(
        "lower_than_earned",
        "On the same tasks, with other luck, tables of yours earn more than you report, by more than luck can explain. "
        "With which step size, and of which tables are your numbers?",
        when=lambda found: "lower" in found.faults,
    ),
    Wrong(
        "other_tasks",
        "Task by task your returns lie farther from what your tables earn there than luck can explain, though their "
        "mean may be right. Do they stand in the order of your held-out tasks, and are they of these?",
        when=lambda found: found.of_other_tasks,
    ),
    Wrong(
        "drawn_otherwise",
        "What the ends of the arms pay is not spread over your held-out tasks as `sample_tasks` draws it. Are they all "
        "that it gave you?",
        when=lambda found: found.drawn_otherwise,
    ),
    Wrong(
        "turned",
        "Your interval is that of pre-training less MAML. Which way round does the text ask for?",
        when=lambda found: found.turned,
    ),
    Wrong(
        "unpaired",
        "Your interval is that of two separate groups. What is the same for both tables of a seed, and what is left of "
        "it in their difference?",
        when=lambda found: found.unpaired,
    ),
    *interval_faults(lambda found: found.difference, lambda found: found.interval, pooled=lambda found: found.pairs),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.report["conclusion"], MAML_EARNS_MORE, NOT_TOLD_APART
    ),
    Wrong(
        "adaptation_free",
        "In your bill a new task costs MAML nothing. What does it play before its step?",
        when=lambda found: found.bill == "adaptation_free",
    ),
    Wrong(
        "half_the_training",
        "Your bill counts half of the episodes of the meta-training. Which two sets does an iteration play on each "
        "task?",
        when=lambda found: found.bill == "half_the_training",
    ),
    Wrong(
        "too_early",
        "After your number of tasks the meta-training is not paid yet, but one task later it is.",
        when=lambda found: found.bill == "too_early",
    ),
    Wrong(
        "other_bill",
        "The tasks do not follow from your episodes. What did the meta-training cost, what does one task save, and "
        "when has the second caught up with the first?",
        when=lambda found: found.bill == "other_bill",
    ),
    examine=examine,
    look=look,
    found=(
        Wrong(
            "not_repeated",
            "`meta_train` or `pre_train`, called again with one of your seeds, does not lead to the tables that stand "
            "in your report. With which α, and for how long, were yours trained?",
            when=lambda found, again: again.off > APART,
        ),
        Wrong(
            "baseline_not_tuned",
            "With another step size, from a quarter to four times yours or from 20 to 100, the pre-trained tables earn "
            "clearly more, on training tasks. Who looked for the step size that suits them?",
            when=lambda found, again: again.lead_at_test > BETTER,
        ),
        Wrong(
            "alpha_not_tuned",
            "Meta-trained and tested with half or double your α, or with 50, MAML earns clearly more, on training "
            "tasks. Is it the method that you compare, or one choice of α?",
            when=lambda found, again: again.lead_in_training > BETTER_TRAINED,
        ),
        Wrong(
            "scratch_not_tuned",
            "With half or double your rate, or with 0.2, tables from scratch get there much sooner. Whom does a "
            "rate favour that does not suit them?",
            when=lambda found, again: again.sooner < SOONER * again.episodes,
        ),
        Wrong(
            "counts_updates",
            "From scratch you count updates. How many episodes does each of them take?",
            when=lambda found, again: (
                near(EPISODES * found.report["scratch_episodes"], again.episodes)
                and not near(found.report["scratch_episodes"], again.episodes)
            ),
        ),
        Wrong(
            "another_count",
            "Trained here from scratch with your rate, tables reach what your MAML earns after another number of "
            "episodes. Which level did you take, and the mean over which tasks?",
            when=lambda found, again: not near(found.report["scratch_episodes"], again.episodes),
        ),
    ),
    passed=lambda found: (
        f"played again on your {len(found.report['held_out']['pays'])} held-out tasks, the "
        f"{len(found.report['seeds'])} pairs of tables earn what you report; one pair was trained again; other step "
        f"sizes did not do clearly better; and the bill of {found.report['paid_after']} tasks follows from your "
        "episodes."
    ),
)
