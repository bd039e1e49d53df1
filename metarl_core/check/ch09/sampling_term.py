"""The check of the exercise `sampling_term`."""

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import leads_to
from metarl_core.check.ch09.oracles import (
    GRAPH,
    PADDING_MULTIPLIED,
    close,
    draw_padded,
    past_the_end,
    scalar,
    slopes,
    without_graph,
)

BY_LOG_PI, BY_OUTCOME = "gradient with respect to log_pi", "gradient with respect to outcome"


def _draw_case(draw):
    """2 to 7 tasks, 1 to 4 episodes of 1 to 24 steps, once 60 of each; outcomes skewed and off centre, some equal,
    some with a graph.

    Now and then outcomes are above 10, or the logarithms of densities far below 0.
    """
    episodes, steps = (
        draw.choice(1, *[draw.integer(2, 4)] * 5),
        draw.choice(1, *[draw.integer(2, 5)] * 2, *[draw.integer(2, 24)] * 3),
    )
    tasks = draw.once(20, 60, draw.integer(2, 7))
    episodes, steps = draw.once(18, 60, episodes), draw.once(19, 60, steps)
    log_pi, mask = draw_padded(draw, (tasks, episodes, steps))
    log_pi = draw.choice(1.0, 1.0, 1.0, 64.0) * log_pi
    outcome = draw.choice(1.0, 1.0, 1.0, 0.0) * draw.skewed(len(mask), scale=2.0) + draw.uniform(-3, 5)
    outcome = draw.choice(1.0, 1.0, 1.0, 64.0) * outcome
    graph = draw.chance(0.6)
    return case(log_pi.requires_grad_(), mask, outcome.requires_grad_(graph)).noting(
        {
            **past_the_end(mask, log_pi.detach()),
            "the outcome carries a graph": graph,
            "an outcome is above 30, or below -30": bool((outcome.detach().abs() > 30).any()),
            "a log-probability is below -20": bool((log_pi.detach()[mask] < -20).any()),
            "there is more than one episode": episodes > 1,
            "there are more than two tasks": len(mask) > 2,
            "there are more than four tasks": len(mask) > 4,
            "an episode has more than five steps": mask.sum(-1).max() > 5,
            "all outcomes are equal": bool((outcome == outcome[0]).all()),
        }
    )


def _value_and_gradients(answer, log_pi, mask, outcome):
    measured = 1.0 * outcome if outcome.requires_grad and len(mask) % 2 else outcome  # a leaf, or not
    value = scalar(answer(log_pi, mask, measured), "sampling_term")
    leaves = [log_pi, outcome] if outcome.requires_grad else [log_pi]
    found = [*slopes(value, leaves), torch.zeros_like(outcome)]
    return {GRAPH: value.requires_grad, "value": value.detach(), BY_LOG_PI: found[0], BY_OUTCOME: found[1].detach()}


def _by_definition(log_pi, mask, outcome):
    """Step by step; the baseline of a task is a mean over a list of the others."""
    gradient, value = torch.zeros_like(log_pi, requires_grad=False), 0.0
    outcomes = outcome.tolist()
    for task, own in enumerate(outcomes):
        rest = outcomes[:task] + outcomes[task + 1 :]
        factor = -(own - sum(rest) / len(rest)) / len(outcomes)
        for episode, time in mask[task].nonzero().tolist():
            gradient[task, episode, time] = factor
            value += factor * float(log_pi.detach()[task, episode, time])
    value = torch.tensor(value, dtype=log_pi.dtype)
    return {GRAPH: True, "value": value, BY_LOG_PI: gradient, BY_OUTCOME: torch.zeros_like(outcome)}


def _relative(outcome):
    return (outcome - outcome.mean()) * len(outcome) / (len(outcome) - 1)


def _scores(log_pi, mask):
    return torch.where(mask, log_pi, 0.0).sum((1, 2))


def _term(centre=_relative, scores=_scores):
    return lambda log_pi, mask, outcome: -(scores(log_pi, mask) * centre(outcome.detach())).mean()


def _better_half(log_pi, mask, outcome):
    return _term(lambda o: _relative(o).clamp(min=0))(log_pi, mask, outcome)


def _factor(got, *arguments):
    """What value and gradient are right up to, or 0 where there is no such number."""
    right = _by_definition(*arguments)
    at = right[BY_LOG_PI].abs().argmax()
    if right[BY_LOG_PI].flatten()[at].abs() < 1e-3:
        return 0.0
    factor = float(got[BY_LOG_PI].flatten()[at] / right[BY_LOG_PI].flatten()[at])
    scaled = all(close(got[key], factor * right[key]) for key in ("value", BY_LOG_PI))
    return factor if scaled and close(got[BY_OUTCOME], right[BY_OUTCOME]) else 0.0


def _right_but_the_slope(got, *arguments):
    right = _by_definition(*arguments)
    return all(close(got[key], right[key]) == (key != BY_LOG_PI) for key in ("value", BY_LOG_PI, BY_OUTCOME))


def _right_up_to_value(got, *arguments):
    right = _by_definition(*arguments)
    slopes_are_right = close(got[BY_LOG_PI], right[BY_LOG_PI]) and close(got[BY_OUTCOME], right[BY_OUTCOME])
    return slopes_are_right and bool(got["value"].isfinite())


check_sampling_term = function_check(
    "sampling_term",
    _by_definition,
    _draw_case,
    without_graph("log_pi"),
    PADDING_MULTIPLIED,
    Wrong(
        "outcome_differentiated",
        "A gradient flows into the outcome. It is a reward here: a number that was measured.",
        when=lambda got, *arguments: bool((got[BY_OUTCOME] != 0).any()),
    ),
    Wrong(
        "not_centred",
        "The outcome is used as it is. In the mean that is right, but every log-probability is pushed the same way "
        "with the size of the whole return: what may be subtracted?",
        _term(lambda o: o),
    ),
    Wrong(
        "own_included",
        "A task's own outcome is in the mean that you subtract from it. That mean depends on the task's support "
        "episodes, and is no baseline.",
        _term(lambda o: o - o.mean()),
    ),
    Wrong(
        "divided_by_all",
        "The sum of the other tasks' outcomes is divided by the number of all tasks. How many others are there?",
        _term(lambda o: o - (o.sum() - o) / len(o)),
    ),
    Wrong(
        "standardised",
        "You divide by the standard deviation of the outcomes, too. (3) does not.",
        when=leads_to(_value_and_gradients, 
            _term(lambda o: (o - o.mean()) / (o.std() + 1e-8)),
            _term(lambda o: (o - o.mean()) / (o.std(correction=0) + 1e-8)),
        ),
    ),
    Wrong(
        "mean_over_episodes",
        "The log-probabilities of a task are divided by a number of its episodes or steps. The probability of N "
        "episodes is a product, and its logarithm?",
        when=leads_to(_value_and_gradients, 
            _term(scores=lambda x, m: _scores(x, m) / x.shape[1]),
            _term(scores=lambda x, m: _scores(x, m) / m.sum((1, 2))),
            _term(scores=lambda x, m: torch.where(m, x / m.sum(2, keepdim=True), 0.0).sum((1, 2))),
            _term(scores=lambda x, m: torch.where(m, x / m.sum(2, keepdim=True), 0.0).sum(2).mean(1)),
            _term(scores=lambda x, m: torch.where(m, x, 0.0).mean((1, 2))),
        ),
    ),
    Wrong(
        "sign",
        "This makes the episodes before good outcomes less probable. An optimiser descends your result.",
        _term(lambda o: -_relative(o)),
    ),
    Wrong(
        "sum_over_tasks",
        "Your result grows with the number of tasks. Their mean is wanted.",
        _term(lambda o: len(o) * _relative(o)),
    ),
    Wrong(
        "mask_ignored",
        "What stands in the padding enters: your result has derivatives there. Which steps have been taken?",
        when=lambda got, log_pi, mask, outcome: bool((got[BY_LOG_PI][~mask] != 0).any()),
    ),
    Wrong(
        "probabilities",
        "You multiply outcomes by probabilities of what was collected. What of these probabilities stands in (3)?",
        _term(scores=lambda x, m: _scores(x, m).exp()),
    ),
    Wrong(
        "neighbour",
        "Your baseline is the outcome of one other task. (3) uses all of them.",
        when=leads_to(
            _value_and_gradients,
            _term(lambda o: o - o.roll(1)),
            _term(lambda o: o - o.roll(-1)),
            _term(lambda o: o - o.flip(0)),
        ),
    ),
    Wrong(
        "value",
        "The gradients are right, the value is not. (3) is a sum of log-probabilities themselves, and its value is "
        "asked for, too.",
        when=_right_up_to_value,
    ),
    Wrong(
        "better_half",
        "Tasks that earned less than the others change nothing in yours. Should what they collected become less "
        "probable?",
        _better_half,
    ),
    Wrong(
        "slope",
        "The value is right, its gradient with respect to log_pi is not. What do you hold constant, and should it be?",
        when=_right_but_the_slope,
    ),
    Wrong(
        "factor",
        "Right up to one positive factor. What is each sum in (3) divided by, and what not?",
        when=lambda *seen: _factor(*seen) > 0,
    ),
    observe=_value_and_gradients,
    cases=36,
)  # fmt: skip
