"""The check of the exercise `comparison`."""

from metarl_core.check import Wrong, design_check

check_comparison = design_check(
    "comparison",
    {
        "seeds": int,
        "methods_differ_in": (
            "the factors I − αH only",
            "the factors and the number of inner steps",
            "two public implementations",
        ),
        "start_and_tasks": ("the same for both in each seed", "drawn anew for each training"),
        "tasks": ("held-out", "training"),
        "error_on": ("query points", "support points"),
        "inner_lr_from": ("MAML's paper", "training tasks, for each method", "held-out tasks, for each method"),
        "checkpoint": ("the last", "the best on the held-out tasks"),
        "does_the_term_matter": ("not measured", "size of αHg beside g during training"),
        "cost_reported": ("none", "iterations", "iterations, seconds and memory"),
        "conclude_from": (
            "the lower mean",
            "whether the two intervals overlap",
            "the interval of the paired difference",
        ),
    },
    Wrong(
        "few_seeds",
        "The two methods may differ by less than two seeds of one method do. How would you tell?",
        when=lambda plan: plan["seeds"] < 5,
    ),
    Wrong(
        "more_than_one_change",
        "If they differ in the end, which of the differences between them was it?",
        when=lambda plan: plan["methods_differ_in"] != "the factors I − αH only",
    ),
    Wrong(
        "unpaired",
        "With other initial networks and other tasks for each training, a part of the difference is luck that pairing "
        "would have cancelled.",
        when=lambda plan: plan["start_and_tasks"] != "the same for both in each seed",
    ),
    Wrong(
        "training_tasks",
        "On tasks that were trained on, you cannot tell adapting from having learned them by heart.",
        when=lambda plan: plan["tasks"] == "training",
    ),
    Wrong(
        "support_error",
        "Five points can be fitted by a method that has learned nothing about the points between them.",
        when=lambda plan: plan["error_on"] == "support points",
    ),
    Wrong(
        "search_on_test",
        "A step size that was chosen on the held-out tasks has seen them.",
        when=lambda plan: plan["inner_lr_from"].startswith("held-out"),
    ),
    Wrong(
        "tuned_for_one",
        "The step size was made for one of the two. FOMAML may want another: who looked?",
        when=lambda plan: plan["inner_lr_from"] == "MAML's paper",
    ),
    Wrong(
        "best_checkpoint",
        "The best of many looks at the held-out tasks is better than the method is.",
        when=lambda plan: plan["checkpoint"] != "the last",
    ),
    Wrong(
        "term_not_measured",
        "Suppose the two come out equal. Is the second order useless, or was α so small that there was nothing to "
        "drop?",
        when=lambda plan: plan["does_the_term_matter"] == "not measured",
    ),
    Wrong(
        "cost_hidden",
        "The reason to drop the factors is what they cost. Your plan would not show it.",
        when=lambda plan: plan["cost_reported"] != "iterations, seconds and memory",
    ),
    Wrong(
        "lower_mean",
        "One of two means is always lower. What would make you say that there is no difference?",
        when=lambda plan: plan["conclude_from"] == "the lower mean",
    ),
    Wrong(
        "overlap",
        "Two intervals may overlap although one method wins for every seed. What did you pair the seeds for?",
        when=lambda plan: plan["conclude_from"] == "whether the two intervals overlap",
    ),
)
