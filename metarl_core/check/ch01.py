"""Checks of chapter 01's exercises: returns, the optimum after adaptation, an evaluation, break-even, a plan."""

import math

import torch
from scipy.optimize import minimize_scalar

from metarl_core.check import Wrong, case, design_check, function_check

# ------------------------------------------------------------------ reward-to-go


def _reward_cases():
    for seed, (episodes, steps, discount) in enumerate([(3, 5, 0.9), (4, 8, 0.5), (2, 6, 0.99), (5, 4, 0.7)]):
        generator = torch.Generator().manual_seed(seed)
        rewards = torch.randn(episodes, steps, generator=generator) - 1  # the padding holds numbers, too
        lengths = torch.randint(2, steps + 1, (episodes,), generator=generator)
        lengths[0], lengths[-1] = steps, 2  # one full episode, one that surely has padding
        yield case(rewards, torch.arange(steps) < lengths[:, None], discount)


def _by_definition(rewards, mask, discount):
    result = torch.zeros_like(rewards)
    for episode in range(len(rewards)):
        for time in range(rewards.shape[1]):
            for later in range(time, rewards.shape[1]):
                if mask[episode, time] and mask[episode, later]:
                    result[episode, time] += discount ** (later - time) * rewards[episode, later]
    return result


def _from_start(rewards, mask, discount):
    """γ counted from the episode's first step instead of from the present one."""
    powers = discount ** torch.arange(rewards.shape[1])
    return _by_definition(rewards * powers, mask, 1.0)


def _past(rewards, mask, discount):
    return torch.where(mask, _by_definition(rewards.flip(1), mask.flip(1), discount).flip(1), 0.0)


check_reward_to_go = function_check(
    "reward_to_go",
    _by_definition,
    _reward_cases,
    Wrong(
        "undiscounted",
        "Every later reward counts fully here. Where does the discount come in?",
        lambda rewards, mask, discount: _by_definition(rewards, mask, 1.0),
    ),
    Wrong(
        "late_start",
        "The reward of the present step is discounted already. To what power of the discount does R_t count r_t?",
        lambda rewards, mask, discount: discount * _by_definition(rewards, mask, discount),
    ),
    Wrong(
        "from_start",
        "The discount counts steps from the start of the episode. R_t looks ahead from step t: what is k − t at k = t?",
        _from_start,
    ),
    Wrong(
        "ignores_mask",
        "Numbers behind an episode's end are in the sums. Which steps were really taken?",
        lambda rewards, mask, discount: _by_definition(rewards, torch.ones_like(mask), discount),
    ),
    Wrong(
        "masks_result_only",
        "The padding of the result is clean, yet what stood there has flowed into earlier steps. When is the mask due?",
        lambda rewards, mask, discount: _by_definition(rewards, torch.ones_like(mask), discount) * mask,
    ),
    Wrong("past", "This adds up the rewards before each step. What can an action at time t still change?", _past),
    Wrong(
        "whole_return",
        "Every step of an episode has the same value. R_t is the return from step t on.",
        lambda rewards, mask, discount: _by_definition(rewards, mask, discount)[:, :1] * mask,
    ),
    Wrong(
        "wrong_axis",
        "This sums over episodes. Along which axis of [episode, time] does one episode run?",
        lambda rewards, mask, discount: _by_definition(rewards.T, mask.T, discount).T,
    ),
)

# ------------------------------------------------------------------ the meta-optimum of quadratic tasks


def _quadratic_cases():
    for seed, (tasks, inner_lr, steps) in enumerate([(3, 0.3, 1), (5, 0.5, 1), (4, 0.2, 2), (6, 0.4, 3)]):
        generator = torch.Generator().manual_seed(seed)
        curvature = 0.2 + 1.6 * torch.rand(tasks, generator=generator, dtype=torch.float64)
        centre = torch.randn(tasks, generator=generator, dtype=torch.float64)
        yield case(curvature, centre, inner_lr, steps)


def _by_search(curvature, centre, inner_lr, steps):
    """Maximise the mean return after adaptation numerically; the inner gradient by autograd."""

    def negative_return(start):
        theta = torch.full_like(centre, start)
        for _ in range(steps):
            theta = theta.detach().requires_grad_()
            task_returns = -0.5 * curvature * (theta - centre) ** 2
            (gradient,) = torch.autograd.grad(task_returns.sum(), theta)
            theta = theta + inner_lr * gradient
        return float((0.5 * curvature * (theta.detach() - centre) ** 2).mean())

    found = minimize_scalar(negative_return, bracket=(float(centre.min()), float(centre.max())), tol=1e-10)
    return torch.tensor(found.x, dtype=centre.dtype)


def _weighted(weight):
    """The mean of the centres under a weight that is a function of curvature, inner_lr and steps."""

    def answer(curvature, centre, inner_lr, steps):
        w = weight(curvature, inner_lr, steps)
        return (w * centre).sum() / w.sum()

    return answer


check_meta_optimum = function_check(
    "meta_optimum",
    _by_search,
    _quadratic_cases,
    Wrong(
        "multi_task",
        "This is the multi-task optimum: it maximises the return before adaptation. Where do the inner steps come in?",
        _weighted(lambda a, lr, k: a),
    ),
    Wrong(
        "plain_mean",
        "This is the mean of the centres. Does a task that pulls hard, or adapts badly, count as much as any other?",
        _weighted(lambda a, lr, k: torch.ones_like(a)),
    ),
    Wrong(
        "sign_flip",
        "With this inner step every task walks away from its centre. Which way does one go to raise a return?",
        _weighted(lambda a, lr, k: a * (1 + lr * a) ** (2 * k)),
    ),
    Wrong(
        "first_order",
        "This is where first-order MAML comes to rest. The derivative of J(U(θ)) by θ holds the derivative of U "
        "as well.",
        _weighted(lambda a, lr, k: a * (1 - lr * a) ** k),
    ),
    Wrong(
        "no_outer_curvature",
        "The inner steps are in, but the task's own curvature is missing: how much return does a remaining "
        "distance cost?",
        _weighted(lambda a, lr, k: (1 - lr * a) ** (2 * k)),
    ),
    Wrong(
        "one_step",
        "This is right for one inner step. What happens to the remaining distance at the second?",
        _weighted(lambda a, lr, k: a * (1 - lr * a) ** 2),
    ),
    rtol=1e-4,
    atol=1e-5,
)

# ------------------------------------------------------------------ an evaluation with silent bugs


def _evaluation_cases():
    """A family made by hand: quadratic tasks, whose adaptation is known in closed form."""
    for seed, (number, inner_lr, steps) in enumerate([(3, 0.3, 2), (4, 0.2, 3), (2, 0.5, 1)]):
        generator = torch.Generator().manual_seed(seed)
        tasks = [
            {"curvature": 0.4 + torch.rand((), generator=generator), "centre": torch.randn((), generator=generator)}
            for _ in range(number)
        ]
        yield case(torch.randn((), generator=generator), tasks, _collect, _improve(inner_lr), steps)


def _collect(theta, task):
    offset = theta - task["centre"]
    returns = -0.5 * task["curvature"] * offset**2
    return {"returns": returns + torch.tensor([-0.1, 0.0, 0.1]), "gradient": -task["curvature"] * offset}


def _improve(inner_lr):
    def improve(theta, batch):
        return theta + inner_lr * batch["gradient"]

    improve.inner_lr = inner_lr
    return improve


def _after(theta, task, inner_lr, steps):
    return task["centre"] + (1 - inner_lr * task["curvature"]) ** steps * (theta - task["centre"])


def _return_at(theta, task):
    return -0.5 * task["curvature"] * (theta - task["centre"]) ** 2


def _closed_form(theta, tasks, collect, improve, steps):
    return torch.stack([_return_at(_after(theta, task, improve.inner_lr, steps), task) for task in tasks])


def _chain(theta, tasks, inner_lr, steps, stale):
    """Each task goes on from where the one before ended."""
    results = []
    for task in tasks:
        measured = _after(theta, task, inner_lr, steps - stale)
        results.append(_return_at(measured, task))
        theta = _after(theta, task, inner_lr, steps)
    return torch.stack(results)


check_adapted_returns = function_check(
    "adapted_returns",
    _closed_form,
    _evaluation_cases,
    Wrong(
        "both_bugs",
        "These are the numbers of the code as it was given: it runs, and it measures something else in two ways.",
        lambda theta, tasks, collect, improve, steps: _chain(theta, tasks, improve.inner_lr, steps, 1),
    ),
    Wrong(
        "leak",
        "The first task is right, the later ones are not. What do they start from?",
        lambda theta, tasks, collect, improve, steps: _chain(theta, tasks, improve.inner_lr, steps, 0),
    ),
    Wrong(
        "support",
        "These are the returns of the episodes that the last step learned from. Which parameters collected them?",
        lambda theta, tasks, collect, improve, steps: torch.stack(
            [_return_at(_after(theta, task, improve.inner_lr, steps - 1), task) for task in tasks]
        ),
    ),
    Wrong(
        "one_step_too_many",
        "One update too many: episodes collected to measure are not there to learn from.",
        lambda theta, tasks, collect, improve, steps: torch.stack(
            [_return_at(_after(theta, task, improve.inner_lr, steps + 1), task) for task in tasks]
        ),
    ),
    Wrong(
        "restart",
        "Every step of a task starts from θ again, so only one of them counts. How often is a reset due?",
        lambda theta, tasks, collect, improve, steps: torch.stack(
            [_return_at(_after(theta, task, improve.inner_lr, 1), task) for task in tasks]
        ),
    ),
    Wrong(
        "before",
        "These are the returns before adaptation. Whose episodes are measured?",
        lambda theta, tasks, collect, improve, steps: torch.stack([_return_at(theta, task) for task in tasks]),
    ),
    atol=1e-5,
)

# ------------------------------------------------------------------ break-even


def _cost_cases():
    yield case(1000, 100, 60)
    yield case(999, 100, 7)
    yield case(50, 40, 10)
    yield case(12, 4, 0)
    yield case(5, 100, 1)
    yield case(1000, 50, 80)
    yield case(100, 30, 30)


def _by_counting(training, scratch, adapted):
    """Compare the two bills task by task."""
    for tasks in range(1, 10_000):
        if training + tasks * adapted <= tasks * scratch:
            return tasks
    return math.inf


check_break_even = function_check(
    "break_even",
    _by_counting,
    _cost_cases,
    Wrong(
        "divides_by_zero",
        "If a new task saves nothing, there is nothing to divide by. When has the training paid back then?",
        raises="ZeroDivisionError",
    ),
    Wrong(
        "negative",
        "For a method that needs more steps per task than training from scratch, the answer is no number of tasks.",
        when=lambda got, training, scratch, adapted: adapted >= scratch and got != math.inf,
    ),
    Wrong(
        "adaptation_free",
        "Here adaptation costs nothing. Does each new task not send a bill to the meta-learner, too?",
        lambda training, scratch, adapted: math.ceil(training / scratch),
    ),
    Wrong(
        "nearest",
        "This rounds to the nearest whole number. At half a task short, has it paid back?",
        lambda training, scratch, adapted: round(training / (scratch - adapted)) if adapted < scratch else math.inf,
    ),
    Wrong(
        "floor",
        "One task too early: at this number the meta-learner has still spent more in total.",
        lambda training, scratch, adapted: training // (scratch - adapted) if adapted < scratch else math.inf,
    ),
    Wrong(
        "one_more",
        "One task too late where the division comes out even. Equal bills count as paid back.",
        lambda training, scratch, adapted: training // (scratch - adapted) + 1 if adapted < scratch else math.inf,
    ),
)

# ------------------------------------------------------------------ the plan of a comparison

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
        "How would you tell a better method from a luckier one with so few trainings? Section 9 shows five that "
        "scatter.",
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
        "One method is set up for this comparison, the other is not. What did that do to MAML's lead in section 6?",
        when=lambda plan: plan["step_sizes_chosen_for"] != "the budget of the comparison",
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
        "A number without an interval does not say what another five seeds would have given.",
        when=lambda plan: plan["reported"] == "mean over seeds",
    ),
    Wrong(
        "tasks_resampled",
        "The scores of one training rise and fall together. What varies if you repeat the whole experiment?",
        when=lambda plan: plan["interval_resamples"] == "tasks",
    ),
)
