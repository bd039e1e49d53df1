"""The check of the exercise `plan`."""

from metarl_core.check import Wrong, design_check

check_plan = design_check(
    "plan",
    {
        "measured_first": (
            "nothing",
            "best single policy against the best policy of each task",
            "returns of a random policy",
        ),
        "baselines": (
            "random initialisation",
            "random initialisation and from scratch",
            "random initialisation, from scratch, pre-training with fine-tuning, oracle",
        ),
        "seeds": int,
        "test_tasks": ("the last training batch", "new ones, the same for all methods", "new ones for each method"),
        "baseline_step_size": (
            "MAML's",
            "chosen on training tasks, for the number of steps reported",
            "chosen on the test tasks",
        ),
        "episodes_counted": (
            "query episodes",
            "support episodes of the new task",
            "both, and those of meta-training apart",
        ),
        "action_noise_at_test": ("as in training, for all", "off for MAML alone", "not reported"),
        "conclude_from": ("the lower mean", "the interval of the paired difference after 1, 2 and 3 steps"),
    },
    Wrong(
        "gap_not_measured",
        "Suppose that one policy solves all of your tasks. What would your experiment show?",
        when=lambda p: p["measured_first"] != "best single policy against the best policy of each task",
    ),
    Wrong(
        "no_pretraining",
        "A network that has learned to walk adapts faster than a random one, however it learned to walk. Which "
        "baseline would tell?",
        when=lambda p: "pre-training" not in p["baselines"],
    ),
    Wrong(
        "few_seeds",
        "Two trainings of one method may differ by more than two methods do.",
        when=lambda p: p["seeds"] < 5,
    ),
    Wrong(
        "trained_on_test",
        "On the tasks of the last batch the parameters have just been improved.",
        when=lambda p: p["test_tasks"] == "the last training batch",
    ),
    Wrong(
        "unpaired",
        "A near goal is easy for every method. What happens if one of them was given more of these?",
        when=lambda p: p["test_tasks"] == "new ones for each method",
    ),
    Wrong(
        "tuned_for_one",
        "MAML was trained for its step size; the baseline was not. Who looked for the baseline's?",
        when=lambda p: p["baseline_step_size"] == "MAML's",
    ),
    Wrong(
        "search_on_test",
        "A step size that was chosen on the test tasks has seen them.",
        when=lambda p: p["baseline_step_size"] == "chosen on the test tasks",
    ),
    Wrong(
        "episodes_hidden",
        "The comparison with training from scratch is about episodes. Which of them does your count leave out?",
        when=lambda p: p["episodes_counted"] != "both, and those of meta-training apart",
    ),
    Wrong(
        "noise_differs",
        "Switching the noise off earns points of return without any learning. Would the reader know?",
        when=lambda p: p["action_noise_at_test"] != "as in training, for all",
    ),
    Wrong(
        "lower_mean",
        "One of two means is always lower. And which number of steps do you mean?",
        when=lambda p: p["conclude_from"] == "the lower mean",
    ),
)
