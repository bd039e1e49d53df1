"""The check of the exercise `plan`."""

from metarl_core.check import Wrong, design_check

check_plan = design_check(
    "plan",
    {
        "measured_first": ("nothing", "returns of a random policy", "how often two tasks agree on the best action"),
        "baselines": ("fresh networks", "fresh and informed networks", "fresh, pre-trained and informed networks"),
        "tasks": ("training tasks", "held-out tasks, new for each method", "held-out tasks, the same for all methods"),
        "replay_in_a_new_task": ("transitions of the training tasks", "empty, for all methods"),
        "epsilon_in_a_new_task": ("as it was at the end of training", "from its start, for all methods"),
        "learning_rate_in_a_new_task": (
            "the meta-learner's, for all",
            "chosen for each method on training tasks",
            "chosen for each method on the test tasks",
        ),
        "seeds": int,
        "reported": (
            "the return after all steps",
            "returns at several numbers of steps, and steps to a level",
            "the best return of each run",
        ),
        "level_not_reached": ("left out of the mean", "counted as the last step, and said so"),
        "cost": ("steps in the new task", "steps in the new task, and those of meta-training apart"),
    },
    Wrong(
        "gap_not_measured",
        "Suppose that one network plays all of your tasks well. What would your experiment show?",
        when=lambda p: p["measured_first"] != "how often two tasks agree on the best action",
    ),
    Wrong(
        "no_pretraining",
        "A network that has seen other tasks learns faster than a fresh one, however it was trained. Which baseline "
        "would tell what the meta-training adds?",
        when=lambda p: "pre-trained" not in p["baselines"],
    ),
    Wrong(
        "training_tasks",
        "On these tasks the parameters were improved. What do you want to know about?",
        when=lambda p: p["tasks"] == "training tasks",
    ),
    Wrong(
        "unpaired",
        "Some tasks are easier than others. What if one method was given more of these?",
        when=lambda p: p["tasks"] == "held-out tasks, new for each method",
    ),
    Wrong(
        "one_replay",
        "What a key did in a training task, it does not do here. What will the first updates learn?",
        when=lambda p: p["replay_in_a_new_task"] != "empty, for all methods",
    ),
    Wrong(
        "epsilon_not_reset",
        "The new task is unknown, and your agent hardly tries anything any more.",
        when=lambda p: p["epsilon_in_a_new_task"] != "from its start, for all methods",
    ),
    Wrong(
        "tuned_for_one",
        "The step size suits one of the methods. Who looked for the others'?",
        when=lambda p: p["learning_rate_in_a_new_task"] == "the meta-learner's, for all",
    ),
    Wrong(
        "search_on_test",
        "A step size that was chosen on the test tasks has seen them.",
        when=lambda p: p["learning_rate_in_a_new_task"] == "chosen for each method on the test tasks",
    ),
    Wrong(
        "few_seeds",
        "Two trainings of one method may differ by more than two methods do.",
        when=lambda p: p["seeds"] < 5,
    ),
    Wrong(
        "end_only",
        "In the end a fresh network is as good as any. What was the initialisation to save?",
        when=lambda p: p["reported"] == "the return after all steps",
    ),
    Wrong(
        "best_picked",
        "The best of many measurements is high for a method that swings. Who would stop there, and by what sign?",
        when=lambda p: p["reported"] == "the best return of each run",
    ),
    Wrong(
        "failures_dropped",
        "A method that fails on half of the tasks and is quick on the rest would win.",
        when=lambda p: p["level_not_reached"] == "left out of the mean",
    ),
    Wrong(
        "cost_hidden",
        "Somebody has paid for the training tasks. After how many new tasks was it worth it?",
        when=lambda p: p["cost"] == "steps in the new task",
    ),
)
