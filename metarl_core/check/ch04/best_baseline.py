"""The check of the exercise `best_baseline`."""

from metarl_core.check import Check, Wrong, value_check
from metarl_core.check.ch04.bandit import GIVEN, Bandit


def of(bandit: Bandit) -> Check:
    """The check for this bandit."""
    p, first, second = bandit.p, bandit.first, bandit.second
    return value_check(
        "best_baseline",
        bandit.best,
        Wrong(
            "mean_return",
            "That is the mean return: the usual baseline, and not the best one. It is not weighted by the score.",
            bandit.mean,
        ),
        Wrong(
            "score_not_squared",
            "Each return is weighted by the score's size, or not at all: here that is the same number. Does the "
            "variance hold sizes of scores, or squares?",
            (first + second) / 2,
        ),
        Wrong(
            "forgets_probabilities",
            "You weigh by the squared score alone. An expectation also weighs by how often each arm is pulled.",
            ((1 - p) ** 2 * first + p**2 * second) / ((1 - p) ** 2 + p**2),
        ),
        Wrong("first_reward", "That is the reward of arm 1. With which weight does arm 2 count?", float(first)),
        Wrong("second_reward", "That is the reward of arm 2. With which weight does arm 1 count?", float(second)),
        Wrong("none", "That is no baseline.", 0.0),
        Wrong(
            "sum_of_rewards",
            "That is the sum of both rewards; b* is a weighted mean of them.",
            float(first + second),
        ),
        Wrong("sign", "The size is right. Is a baseline subtracted or added in the estimate?", -bandit.best),
        rtol=1e-6,
    )


check_best_baseline = of(GIVEN)
