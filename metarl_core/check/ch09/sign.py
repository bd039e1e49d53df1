"""The check of the exercise `sign`: how many groups a meta-gradient needs for its sign, predicted and tried."""

from dataclasses import replace

from metarl_core.check import Wrong
from metarl_core.check.ch09.groups import FEWEST, FEWEST_BATCHES, batch, by_name, examine, many
from metarl_core.check.reports import choice, conclusion_faults, finite, interval_faults, report_check

LVC_TOO_HIGH = "LVC's mean is above the truth"
LVC_TOO_LOW = "LVC's mean is below the truth"
NO_BIAS_SEEN = "no bias of LVC was seen"

TRUTHS = {
    "one_road": "Your truth is the mean of naive: the derivative that holds the chances of the episodes. By which "
    "other road does theta act?",
    "mean_step": "Your truth is the derivative for infinitely many episodes, with the exact gradient in the step. What "
    "does the agent earn after twenty?",
    "one_task": "Your truth is that of the tasks in which arm 1 pays. What are the others?",
    "sampled": "Your truth is a mean over your groups, and a number with noise. Here it can be known exactly: how "
    "many different groups are there?",
    "truth_off": "Your truth is not the derivative of what is earned after twenty pulls and a step, on the average "
    "over tasks.",
}


def _of_truth(name):
    return lambda found: found.fault_of_truth == name


def _intervals():
    """With thousands of groups a normal interval is a t interval, and n is n - 1. They are of groups, not of seeds."""
    named = interval_faults(lambda found: found.off, lambda found: found.interval)
    kept = [wrong for wrong in named if wrong.id not in ("normal_interval", "divides_by_n")]
    return tuple(replace(wrong, message=wrong.message.replace("seed", "group")) for wrong in kept)


check_sign = report_check(
    "sign",
    {
        "truth": finite,
        "pilot": by_name(many),
        "low": finite,
        "high": finite,
        "conclusion": choice(LVC_TOO_HIGH, LVC_TOO_LOW, NO_BIAS_SEEN),
        "batch": by_name(batch),
        "means": by_name(many, needed=()),
        "right": by_name(finite, needed=()),
    },
    Wrong(
        "few_groups",
        f"Fewer than {FEWEST:,} groups in your pilot. How well is a mean known by then?",
        when=lambda found: len(found.off) < FEWEST,
    ),
    Wrong(
        "no_such_groups",
        "Your pilot holds numbers that no group of this bandit gives. Are they means already, or of different groups "
        "for different estimators?",
        when=lambda found: found.rows is None,
    ),
    Wrong(
        "chosen_groups",
        "The groups of your pilot do not come as often as they should. Are they all that were drawn?",
        when=lambda found: not found.frequencies,
    ),
    *(Wrong(name, message, when=_of_truth(name)) for name, message in TRUTHS.items()),
    Wrong(
        "not_less_truth",
        "Your interval is that of LVC's mean. What is to be subtracted, if it is to be one of its bias?",
        when=lambda found: found.interval_of(found.report["pilot"]["LVC"]),
    ),
    Wrong(
        "of_another",
        "Your interval is that of another estimator's bias, or of LVC's with the sign turned.",
        when=lambda found: found.of_another,
    ),
    *_intervals(),
    *conclusion_faults(
        lambda found: found.interval, lambda found: found.report["conclusion"], LVC_TOO_HIGH, NO_BIAS_SEEN
    ),
    Wrong(
        "wrong_sign_bought",
        "For an estimator whose mean has the wrong sign you name a finite number of groups. What do more groups do to "
        "its sign?",
        when=lambda found: any(
            found.needed(name) == float("inf") != found.report["batch"][name] for name in found.wrong_batches
        ),
    ),
    Wrong(
        "gives_up",
        "For an estimator whose mean has the right sign you say that no number of groups will do.",
        when=lambda found: any(
            found.report["batch"][name] == float("inf") != found.needed(name) for name in found.wrong_batches
        ),
    ),
    Wrong(
        "two_sided",
        "Your batches leave a twentieth to *both* sides together. On how many sides of 0 is the sign wrong?",
        when=lambda found: found.batches_are(level=1.96),
    ),
    Wrong(
        "not_squared",
        "With four times the groups the noise of a mean halves. With how many does yours?",
        when=lambda found: found.batches_are(power=1.0),
    ),
    Wrong(
        "of_the_truth",
        "Your batches would do if the mean of each estimator were the truth. Around what does a biased one scatter?",
        when=lambda found: found.batches_are(mean=found.report["truth"]),
    ),
    Wrong(
        "other_batch",
        "A number of groups does not follow from the mean and the standard deviation in your pilot, rounded up.",
        when=lambda found: bool(found.wrong_batches),
    ),
    Wrong(
        "few_batches",
        f"Fewer than {FEWEST_BATCHES} batches of an estimator. How well is a share of 0.95 known from so few?",
        when=lambda found: min(map(len, found.report["means"].values())) < FEWEST_BATCHES,
    ),
    Wrong(
        "reused",
        "Your batches are pieces of the pilot that their size was computed from. Of what would they be a test?",
        when=lambda found: found.reused,
    ),
    Wrong(
        "batches_again",
        "The first ten of your batches stand in your list once more. Do they count as new evidence?",
        when=lambda found: found.repeated,
    ),
    Wrong(
        "other_batches",
        "The means of your batches do not scatter as those of so many groups would. Of which size are the batches, "
        "and of which estimator?",
        when=lambda found: bool(found.others),
    ),
    Wrong(
        "share_of_wrong_ones",
        "You report the share of batches with the wrong sign.",
        when=lambda found: not found.says(found.shares()) and found.says(found.shares(wrong=True)),
    ),
    Wrong(
        "other_share",
        "A share that you report is not that of the batches in your report whose mean has the sign of the truth.",
        when=lambda found: not found.says(found.shares()),
    ),
    examine=examine,
    passed=lambda found: (
        f"the truth is exact, your {len(found.off):,} groups are groups of this bandit, and interval, batches and "
        "shares follow from them."
    ),
)
