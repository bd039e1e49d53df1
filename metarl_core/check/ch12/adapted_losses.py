"""The check of the exercise `adapted_losses`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference
from metarl_core.check.revisited import after_another

GRAPH, LOSSES = "a graph that leads back to theta", "losses"
NAMES = ("U", "V")


def _draw_case(draw):
    """An episode of 2 to 12 steps, once 120, 1 to 5 moments in any order, windows of 1 to 5 steps, once 55, on
    either side."""
    steps, past, future = draw.integer(2, 12), draw.integer(1, 5), draw.integer(1, 5)
    steps, past, future = draw.once(17, 120, steps), draw.once(17, 55, past), draw.once(17, 55, future)
    size, width, hidden = draw.integer(1, 3), draw.integer(1, 2), draw.integer(1, 4)
    number = draw.choice(1, *[draw.integer(2, 5)] * 5)
    moments = [int(moment) for moment in draw.integers(0, steps - 1, number)]
    inner_lr = draw.choice(0.0, *[draw.uniform(0.05, 0.8)] * 7)
    theta = {"U": 0.8 * draw.normal(hidden, size + width), "V": draw.normal(size, hidden)}
    seen = draw.skewed(steps, size, scale=2.0)
    return case(
        {name: value.requires_grad_() for name, value in theta.items()},
        seen,
        draw.normal(steps, width),
        seen + draw.skewed(steps, size) + 0.3 * draw.normal(steps, 1),
        moments,
        past,
        future,
        inner_lr,
    ).noting(
        {
            "there is nothing before a moment": 0 in moments,
            "there are fewer than M steps before a moment": any(0 < moment < past for moment in moments),
            "there are fewer than K steps from a moment on": any(moment + future > steps for moment in moments),
            "there is more than one moment": number > 1,
            "the moments are not in order": moments != sorted(moments),
            "a moment stands in the list twice": len(set(moments)) < number,
            "the inner step size is 0": inner_lr == 0,
            "another episode was asked about with the same constants before": _asked_before(moments),
        }
    )


def _asked_before(moments):
    return sum(moments) % 3 == 1


def _of_another_episode(theta, observations, actions, following, *rest):
    return theta, observations + 1, -actions, following - 1, *rest


def _looked_at(answer, theta, *arguments):
    """The losses, and the gradient of a sum in which each has a weight of its own."""
    asked = after_another(_of_another_episode, lambda *a: _asked_before(a[4]))
    losses = asked(answer, theta, *arguments)
    if not isinstance(losses, torch.Tensor) or losses.ndim != 1:
        raise TypeError("adapted_losses must return a tensor with one axis, a loss for each moment.")
    found = [None] * len(NAMES)
    if losses.requires_grad:
        weights = torch.arange(1, len(losses) + 1, dtype=torch.float64)
        leaves = [theta[name] for name in NAMES]
        found = torch.autograd.grad((weights * losses).sum(), leaves, allow_unused=True)
    slopes = {
        f"the gradient by theta[{name!r}]": torch.zeros_like(theta[name].detach()) if slope is None else slope
        for name, slope in zip(NAMES, found, strict=True)
    }
    return {GRAPH: losses.requires_grad, LOSSES: losses.detach(), **slopes}


def _slopes(u, v, x, y):
    """Mean squared error and its slopes by U and V."""
    h = np.tanh(x @ u.T)
    wrong = h @ v.T - y
    by_out = 2 * wrong / wrong.size
    return (wrong**2).mean(), ((by_out @ v * (1 - h**2)).T @ x, by_out.T @ h)


def _by_hand(theta, observations, actions, following, moments, past, future, inner_lr):
    """All derivatives by hand in numpy, those through the step by a product of the Hessian with the outer slope."""
    u, v = (theta[name].detach().numpy() for name in NAMES)
    x, y = np.hstack([observations.numpy(), actions.numpy()]), (following - observations).numpy()
    losses, total = [], [np.zeros_like(u), np.zeros_like(v)]
    for number, moment in enumerate(moments, 1):
        before = [i for i in range(len(x)) if moment - past <= i < moment]
        after = [i for i in range(len(x)) if moment <= i < moment + future]
        inner = _slopes(u, v, x[before], y[before])[1] if before else (0 * u, 0 * v)
        loss, outer = _slopes(u - inner_lr * inner[0], v - inner_lr * inner[1], x[after], y[after])
        losses.append(loss)
        bent = _curvature(u, v, x[before], y[before], outer) if before else (0 * u, 0 * v)
        for place in range(2):
            total[place] += number * (outer[place] - inner_lr * bent[place])
    slopes = {f"the gradient by theta[{n!r}]": torch.from_numpy(g) for n, g in zip(NAMES, total, strict=True)}
    return {GRAPH: True, LOSSES: torch.tensor(losses, dtype=torch.float64), **slopes}


def _curvature(u, v, x, y, along):
    """The Hessian of the inner loss times a direction: forward derivatives of the slopes, written out."""
    du, dv = along
    h = np.tanh(x @ u.T)
    dh = (1 - h**2) * (x @ du.T)
    wrong, dwrong = h @ v.T - y, dh @ v.T + h @ dv.T
    scale = 2 / wrong.size
    back, dback = wrong @ v, dwrong @ v + wrong @ dv
    by_u = (dback * (1 - h**2) - 2 * back * h * dh).T @ x
    return scale * by_u, scale * (dwrong.T @ h + wrong.T @ dh)


def _losses(
    late=0, carried=False, own=False, first_order=False, reduce="mean", absolute=False, sign=-1.0, no_step=False,
    longer=0, whole_past=False, whole_future=False, steps=1, detached=False, short="used", joined=False, ahead=0,
):  # fmt: skip
    """The losses in tensors, a part of them changed.

    `late`: steps that are left out before the moment; `own`: the query is the support; `reduce`: of squared errors
    over entries and steps; `short`: what is done where the past is shorter than M; `joined`: the query holds the
    support, too; `ahead`: steps that are left out behind the moment.
    """

    def answer(theta, observations, actions, following, moments, past, future, inner_lr):
        def loss(weights, window):
            hidden = torch.tanh(torch.cat([observations[window], actions[window]], -1) @ weights["U"].T)
            target = following[window] if absolute else following[window] - observations[window]
            wrong = (target - hidden @ weights["V"].T).square()
            return {"mean": wrong.mean, "sum": wrong.sum, "entries": lambda: wrong.sum(-1).mean()}[reduce]()

        found, weights = [], dict(theta)
        for moment in moments:
            first = 0 if whole_past else max(0, moment - past - late - longer)
            support = slice(first, max(0, moment - late))
            last = len(actions) if whole_future else moment + future
            query = slice(max(0, moment - past), moment) if own else slice(moment + ahead, last + ahead)
            query = slice(first, last) if joined else query
            start = weights if carried else theta
            now = start
            if support.stop > 0 and not no_step and (short == "used" or moment >= past):
                for _ in range(steps):
                    slopes = torch.autograd.grad(loss(now, support), list(now.values()), create_graph=not first_order)
                    now = {n: w + sign * inner_lr * s for (n, w), s in zip(now.items(), slopes, strict=True)}
            weights = now
            found.append(loss(now, query))
        return torch.stack(found).detach() if detached else torch.stack(found)

    return answer


BUGS = {"late": 1, "carried": True, "own": True}
LEFT = [dict(pair) for pair in itertools.combinations(BUGS.items(), 2)]


def _losses_alone(got, *a):
    return difference(got[LOSSES], _by_hand(*a)[LOSSES], None, None) is None


check_adapted_losses = function_check(
    "adapted_losses",
    _by_hand,
    _draw_case,
    Wrong(
        "no_graph",
        "Your losses carry no graph that leads back to theta. Where is it cut?",
        when=lambda got, *a: not got[GRAPH],
    ),
    Wrong("as_it_was", "All three bugs are still there.", _losses(**BUGS)),
    Wrong(
        "newest_left_out",
        "Two of the three are repaired. Which is the newest step that is known at moment t, and does your support hold "
        "it?",
        _losses(late=1),
    ),
    Wrong(
        "carried_over",
        "Two of the three are repaired. Ask for one moment twice in a row: why are the losses not the same?",
        _losses(carried=True),
    ),
    Wrong(
        "own_past",
        "Two of the three are repaired. Your loss asks how well a model fits the steps that it was adapted to. What is "
        "it wanted for?",
        _losses(own=True),
    ),
    *(Wrong("_and_".join(pair), "One of the three is repaired, two are left.", _losses(**pair)) for pair in LEFT),
    Wrong(
        "past_and_future",
        "The newest step is in, and each moment begins anew. But your query holds the support as well.",
        _losses(joined=True),
    ),
    Wrong(
        "one_step_too_old",
        "The three bugs are gone. Your support has one step more than M.",
        _losses(longer=1),
    ),
    Wrong(
        "whole_past",
        "The three bugs are gone. Your support holds all steps before the moment. How many should it hold?",
        _losses(whole_past=True),
    ),
    Wrong(
        "whole_future",
        "The three bugs are gone. Your query goes on to the end of the episode.",
        _losses(whole_future=True),
    ),
    Wrong(
        "short_past_skipped",
        "The three bugs are gone. Where fewer than M steps are known, your model does not adapt at all.",
        _losses(short="skipped"),
    ),
    Wrong(
        "never_adapted",
        "Your losses are those of theta itself. Where is the inner step?",
        _losses(no_step=True),
    ),
    Wrong(
        "first_order",
        "The losses are right. Their gradient leaves out what the inner step does when theta moves.",
        _losses(first_order=True),
    ),
    Wrong("uphill", "The three bugs are gone. Your inner step climbs.", _losses(sign=1.0)),
    Wrong("two_steps", "The three bugs are gone. You take two inner steps.", _losses(steps=2)),
    Wrong(
        "absolute_target",
        "The three bugs are gone. Your network predicts the next observation, not its change.",
        _losses(absolute=True),
    ),
    Wrong("sum", "The three bugs are gone. Your losses are sums.", _losses(reduce="sum")),
    Wrong(
        "sum_over_entries",
        "The three bugs are gone. Your losses are sums over the entries of an observation.",
        _losses(reduce="entries"),
    ),
    Wrong(
        "gradient",
        "The losses are right, their gradient is not. What do you hold constant that depends on theta?",
        when=_losses_alone,
    ),
    observe=_looked_at,
)  # fmt: skip
