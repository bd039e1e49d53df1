"""The check of the exercise `plan`."""

from metarl_core.check import Wrong, design_check

check_plan = design_check(
    "plan",
    {
        "split": ("by letter", "by script"),
        "labels_in_training": ("one for each letter", "drawn anew for each task"),
        "statistics_at_test": ("running averages", "of all queries together", "of the support images"),
        "test_tasks": ("the same for all methods", "drawn anew for each method"),
        "number_of_test_tasks": int,
        "trainings_per_method": int,
        "settings_chosen_on": ("the test scripts", "some of the training scripts"),
        "interval_over": ("queries", "tasks", "trainings"),
        "beside_it": ("chance", "pixels, a random network and a pre-trained network"),
    },
    Wrong(
        "split_by_letter",
        "The letters of one script are variations of each other. What has a network seen that trained on the other "
        "half of a script?",
        when=lambda plan: plan["split"] == "by letter",
    ),
    Wrong(
        "fixed_labels",
        "With a label of its own for each letter, training can be solved without a look at the support set.",
        when=lambda plan: plan["labels_in_training"] == "one for each letter",
    ),
    Wrong(
        "running_averages",
        "Averages over training tasks normalise every task alike. What did batch statistics of a task do for it, and "
        "where would those averages have come from?",
        when=lambda plan: plan["statistics_at_test"] == "running averages",
    ),
    Wrong(
        "needs_the_queries",
        "In the question the photographs arrive one at a time. Your method waits for seventy-five of them, in equal "
        "numbers of each class.",
        when=lambda plan: plan["statistics_at_test"] == "of all queries together",
    ),
    Wrong(
        "unpaired",
        "Tasks differ in difficulty far more than methods do. Why add that to the difference?",
        when=lambda plan: plan["test_tasks"] != "the same for all methods",
    ),
    Wrong(
        "few_tasks",
        "With so few tasks the standard error over tasks is larger than the difference that you want to see. The "
        "spread of single tasks is about ten points.",
        when=lambda plan: plan["number_of_test_tasks"] < 200,
    ),
    Wrong(
        "few_trainings",
        "How large is the difference between two trainings of one method? From fewer than five you will not know.",
        when=lambda plan: plan["trainings_per_method"] < 5,
    ),
    Wrong(
        "chosen_on_test",
        "Settings that were chosen on the test scripts have seen them; the accuracy there is no longer that of new "
        "scripts.",
        when=lambda plan: plan["settings_chosen_on"] == "the test scripts",
    ),
    Wrong(
        "wrong_interval",
        "The claim is about two methods. What would be drawn anew if somebody repeated your experiment from the start?",
        when=lambda plan: plan["interval_over"] != "trainings",
    ),
    Wrong(
        "chance_only",
        "Everything beats chance: even pixels do, and a network that has learned nothing. What does training add?",
        when=lambda plan: plan["beside_it"] == "chance",
    ),
)
