"""The check of the exercise `plan`."""

from metarl_core.check import Wrong, design_check

check_plan = design_check(
    "plan",
    {
        "tasks": ("training tasks", "held-out tasks, new for each method", "held-out tasks, the same for all methods"),
        "context_from": (
            "the episode that is measured",
            "earlier episodes of the same task, played by the agent itself",
            "earlier episodes of the same task, played by one who knows it",
        ),
        "first_episode": ("left out", "reported, with an empty context"),
        "budget_in_a_task": ("as many episodes as each method likes", "the same episodes and steps for all"),
        "reference": (
            "a memory that was not trained",
            "the best agent that knows the task",
            "the best agent that does not know the task, and one that does",
        ),
        "control": (
            "none",
            "the same weights with an empty context",
            "the same weights with an empty context, and with the context of another task",
        ),
        "weights": ("the last", "the best on the held-out tasks"),
        "seeds": int,
        "interval_over": ("episodes", "tasks", "trainings"),
    },
    Wrong(
        "training_tasks",
        "On these tasks the weights were improved. What do you want to know about?",
        when=lambda p: p["tasks"] == "training tasks",
    ),
    Wrong(
        "unpaired",
        "Some tasks pay more than others. What if one method was given more of these?",
        when=lambda p: p["tasks"] == "held-out tasks, new for each method",
    ),
    Wrong(
        "own_episode",
        "The belief has seen the rewards that you then count. Could the agent have had that belief when it earned "
        "them?",
        when=lambda p: p["context_from"] == "the episode that is measured",
    ),
    Wrong(
        "expert_context",
        "Somebody who knows the task has shown the agent where to look. Which part of the problem was left to it?",
        when=lambda p: p["context_from"] == "earlier episodes of the same task, played by one who knows it",
    ),
    Wrong(
        "search_not_counted",
        "An agent that is told nothing pays for what it finds out. In which of its episodes would that be seen?",
        when=lambda p: p["first_episode"] == "left out",
    ),
    Wrong(
        "unequal_budget",
        "One method may look at the task longer than another. What is then compared?",
        when=lambda p: p["budget_in_a_task"] == "as many episodes as each method likes",
    ),
    Wrong(
        "easy_reference",
        "To beat an untrained memory shows that training did something. How would you see what is left to gain?",
        when=lambda p: p["reference"] == "a memory that was not trained",
    ),
    Wrong(
        "unreachable_reference",
        "Nobody reaches this without being told. How large a part of the gap is the price of not knowing?",
        when=lambda p: p["reference"] == "the best agent that knows the task",
    ),
    Wrong(
        "no_control",
        "An agent may earn more in its second episode than in its first without having read anything. How would you "
        "notice?",
        when=lambda p: p["control"] == "none",
    ),
    Wrong(
        "half_a_control",
        "A context could help by being there at all, and its content be ignored. What would show that it is read?",
        when=lambda p: p["control"] == "the same weights with an empty context",
    ),
    Wrong(
        "best_picked",
        "Weights that were chosen on the held-out tasks have seen them.",
        when=lambda p: p["weights"] == "the best on the held-out tasks",
    ),
    Wrong(
        "few_seeds",
        "Two trainings of one method may differ by more than two methods do.",
        when=lambda p: p["seeds"] < 5,
    ),
    Wrong(
        "interval_of_one_training",
        "Your interval shrinks with more play of the same weights. What would another training have earned?",
        when=lambda p: p["interval_over"] != "trainings",
    ),
)
