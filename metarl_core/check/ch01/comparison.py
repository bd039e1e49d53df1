"""The check of the exercise `comparison`."""

from metarl_core.check import Wrong, design_check

check_comparison = design_check(
    "comparison",
    {
        "seeds": int,
        "tasks": ("held-out", "training"),
        "same_tasks_for_both": bool,
        "step_sizes_chosen_on": ("held-out tasks", "training tasks"),
        "step_sizes_chosen_for": ("the budget of the comparison", "a larger budget", "each method's own paper"),
        "measured_on": ("episodes that adaptation learned from", "fresh episodes"),
        "steps_counted": ("adaptation", "adaptation and training", "adaptation, training and search"),
        "reported": ("best seed", "mean over seeds", "interquartile mean with interval"),
        "interval_resamples": ("tasks", "whole seeds"),
    },
    Wrong(
        "few_seeds",
        "How would you tell a better method from a luckier one with so few trainings? The five specialists of the "
        "chapter scatter widely.",
        when=lambda plan: plan["seeds"] < 5,
    ),
    Wrong(
        "training_tasks",
        "On tasks that were trained on, memory and adaptation look alike.",
        when=lambda plan: plan["tasks"] == "training",
    ),
    Wrong(
        "unpaired",
        "If the methods get different tasks, one of them gets easier ones, and their difference holds that luck, too.",
        when=lambda plan: not plan["same_tasks_for_both"],
    ),
    Wrong(
        "search_on_test",
        "A step size chosen on the tasks of the test has seen them.",
        when=lambda plan: plan["step_sizes_chosen_on"] == "held-out tasks",
    ),
    Wrong(
        "other_budget",
        "A step size that is best after many steps need not be good after one. What did that do to MAML's lead in "
        "the chapter?",
        when=lambda plan: plan["step_sizes_chosen_for"] == "a larger budget",
    ),
    Wrong(
        "own_paper",
        "Each paper chose its step size for its own tasks and its own number of steps. Are they those of your plan?",
        when=lambda plan: plan["step_sizes_chosen_for"] == "each method's own paper",
    ),
    Wrong(
        "support_measured",
        "The episodes that a step learned from were collected before that step. They do not show what it achieved.",
        when=lambda plan: plan["measured_on"] == "episodes that adaptation learned from",
    ),
    Wrong(
        "hidden_steps",
        "Some of the environment steps that the result cost stand on nobody's bill.",
        when=lambda plan: plan["steps_counted"] != "adaptation, training and search",
    ),
    Wrong(
        "best_seed",
        "The best of several seeds grows with their number, for any method.",
        when=lambda plan: plan["reported"] == "best seed",
    ),
    Wrong(
        "no_interval",
        "A number without an interval does not say what other seeds would have given.",
        when=lambda plan: plan["reported"] == "mean over seeds",
    ),
    Wrong(
        "tasks_resampled",
        "The scores of one training rise and fall together. What varies if you repeat the whole experiment?",
        when=lambda plan: plan["interval_resamples"] == "tasks",
    ),
)
