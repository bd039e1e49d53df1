"""The check of the exercise `best_baseline`."""

from metarl_core.check import Wrong, value_check

check_best_baseline = value_check(
    "best_baseline",
    6.0,
    Wrong(
        "mean_return",
        "That is the mean return: the usual baseline, and not the best one. It is not weighted by the score.",
        3.0,
    ),
    Wrong(
        "score_not_squared",
        "Each return is weighted by the score's size, or not at all: here that is the same number. Does the variance "
        "hold sizes of scores, or squares?",
        4.5,
    ),
    Wrong(
        "forgets_probabilities",
        "You weigh by the squared score alone. An expectation also weighs by how often each arm is pulled.",
        (0.2**2 * 2 + 0.8**2 * 7) / (0.2**2 + 0.8**2),
    ),
    Wrong("first_reward", "That is the reward of arm 1. With which weight does arm 2 count?", 2.0),
    Wrong("second_reward", "That is the reward of arm 2. With which weight does arm 1 count?", 7.0),
    Wrong("none", "That is no baseline.", 0.0),
    Wrong("sum_of_rewards", "That is the sum of both rewards; b* is a weighted mean of them.", 9.0),
    Wrong("sign", "The size is right. Is a baseline subtracted or added in the estimate?", -6.0),
    rtol=1e-6,
)
