"""The check of the exercise `adapted_returns`."""

import torch

from metarl_core.check import Wrong, case, function_check


def _draw_case(draw):
    """1 to 5 quadratic tasks, whose adaptation is known in closed form; 1 to 6 steps, which may overshoot; once 60."""
    number, steps = draw.integer(1, 5), draw.integer(1, 6)
    number, steps = draw.once(18, 60, number), draw.once(17, 60, steps)
    tasks = [{"curvature": draw.uniform(0.3, 2.0), "centre": draw.uniform(-2.0, 2.0)} for _ in range(number)]
    for task in tasks:
        task["best"] = draw.uniform(-3.0, 3.0)
    theta = torch.tensor(draw.uniform(-2.0, 2.0))
    inner_lr = draw.choice(draw.uniform(0.1, 0.6), draw.uniform(0.6, 2.0))
    if draw.chance(0.3) and steps < 10:  # too far for the steepest task at least
        inner_lr = draw.uniform(2.2, 3.0) / max(task["curvature"] for task in tasks)
    episodes = draw.integer(1, 6)
    noise = draw.skewed(episodes, dtype=torch.float32)
    hurt = any(inner_lr * task["curvature"] > 2 for task in tasks)
    return case(theta, tasks, _collect(noise), _improve(inner_lr), steps).noting(
        {
            "there is one task": number == 1,
            "K is 1": steps == 1,
            "K is above 3": steps > 3,
            "a batch holds more than one episode": episodes > 1,
            "a batch holds more than two episodes": episodes > 2,
            "adaptation overshoots and hurts": hurt,
            "adaptation overshoots and hurts, and K is above 1": hurt and steps > 1,
        }
    )


def _collect(noise):
    def collect(theta, task):
        offset = theta - task["centre"]
        returns = task["best"] - 0.5 * task["curvature"] * offset**2 + noise
        return {"returns": returns, "gradient": -task["curvature"] * offset}

    collect.luck = float(noise.double().mean())
    return collect


def _improve(inner_lr):
    def improve(theta, batch):
        return theta + inner_lr * batch["gradient"]

    improve.inner_lr = inner_lr
    return improve


def _measure(starts, ends_after):
    """The mean return of each task `ends_after(steps)` updates after its start; `starts` as in _closed_form, _chain."""

    def answer(theta, tasks, collect, improve, steps):
        results, start = [], float(theta)
        for task in tasks:
            shrink = 1 - improve.inner_lr * task["curvature"]
            offset = shrink ** ends_after(steps) * (start - task["centre"])
            results.append(task["best"] - 0.5 * task["curvature"] * offset**2 + collect.luck)
            if starts == "where the last one ended":
                start = task["centre"] + shrink**steps * (start - task["centre"])
        return torch.tensor(results)

    return answer


def _one_batch(theta, tasks, collect, improve, steps):
    """Every update with the gradient at theta."""
    offsets = [(1 - steps * improve.inner_lr * task["curvature"]) * (float(theta) - task["centre"]) for task in tasks]
    returns = [task["best"] - 0.5 * task["curvature"] * offset**2 for task, offset in zip(tasks, offsets, strict=True)]
    return torch.tensor(returns) + collect.luck


THETA, LAST = "at theta", "where the last one ended"

check_adapted_returns = function_check(
    "adapted_returns",
    _measure(THETA, lambda steps: steps),
    _draw_case,
    Wrong(
        "both_bugs",
        "These are the numbers of the code as it was given: it runs, and it measures something else in two ways.",
        _measure(LAST, lambda steps: steps - 1),
    ),
    Wrong(
        "leak",
        "The first task is right, the later ones are not. What do they start from?",
        _measure(LAST, lambda steps: steps),
    ),
    Wrong(
        "support",
        "These are returns of the parameters after K − 1 updates. Which parameters collected the episodes that you "
        "measure?",
        _measure(THETA, lambda steps: steps - 1),
    ),
    Wrong(
        "one_step_too_many",
        "One update too many: episodes collected to measure are not there to learn from.",
        _measure(THETA, lambda steps: steps + 1),
    ),
    Wrong(
        "restart",
        "Every step of a task starts from θ again, so only one of them counts. How often is a reset due?",
        _measure(THETA, lambda steps: 1),
    ),
    Wrong(
        "before",
        "These are the returns before adaptation. Whose episodes are measured?",
        _measure(THETA, lambda steps: 0),
    ),
    Wrong(
        "gain",
        "This is what adaptation adds to the return before it. Asked for is the return itself.",
        lambda *a: _measure(THETA, lambda steps: steps)(*a) - _measure(THETA, lambda steps: 0)(*a),
    ),
    Wrong(
        "stale_batch",
        "All steps of a task learn from the episodes that θ collected. Who should collect for the second step?",
        _one_batch,
    ),
    atol=1e-4,
)
