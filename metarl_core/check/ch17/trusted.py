"""The check of the exercise `trusted`: a test that the learner writes, tried on right and on broken inner loops."""

import torch

from metarl_core.check import Wrong, case, function_check

FAULTS: dict = {}
"""of each implementation that is made here the words for what is wrong with it, or None"""


def _registered(fault):
    def register(adapted):
        adapted.__name__ = adapted.__qualname__ = "adapted"
        FAULTS[adapted] = fault
        return adapted

    return register


def _slope(loss, theta, graph=True):
    if not theta.requires_grad:
        theta = theta.detach().requires_grad_()
    return torch.autograd.grad(loss(theta), theta, create_graph=graph)[0]


@_registered(None)
def _plain(loss, theta, inner_lr, steps):
    now = theta
    for _ in range(steps):
        now = now - inner_lr * _slope(loss, now)
    return now


@_registered(None)
def _functional(loss, theta, inner_lr, steps):
    now, slope = theta.clone(), torch.func.grad(loss)
    for _ in range(steps):
        now = now - inner_lr * slope(now)
    return now


@_registered(None)
def _recursive(loss, theta, inner_lr, steps):
    return theta + 0.0 if steps == 0 else _recursive(loss, theta - inner_lr * _slope(loss, theta), inner_lr, steps - 1)


@_registered(None)
def _by_sums(loss, theta, inner_lr, steps):
    """The start, less the step size times the sum of all slopes."""
    slopes, now = [], theta
    for _ in range(steps):
        slopes.append(_slope(loss, now))
        now = theta - inner_lr * torch.stack(slopes).sum(0)
    return now


@_registered("the graph is cut")
def _cut(loss, theta, inner_lr, steps):
    return _plain(loss, theta, inner_lr, steps).detach().requires_grad_()


@_registered("no graph comes back")
def _detached(loss, theta, inner_lr, steps):
    return _plain(loss, theta, inner_lr, steps).detach()


@_registered("the value is off by a little")
def _off(loss, theta, inner_lr, steps):
    return _plain(loss, theta, inner_lr, steps) + 0.01


@_registered("second derivatives are left out")
def _first_order(loss, theta, inner_lr, steps):
    now = theta
    for _ in range(steps):
        now = now - inner_lr * _slope(loss, now, graph=False).detach()
    return now


@_registered("the step size is not used")
def _lr_ignored(loss, theta, inner_lr, steps):
    return _plain(loss, theta, 0.1, steps)


@_registered("one step is taken, however many are asked for")
def _one_step(loss, theta, inner_lr, steps):
    return _plain(loss, theta, inner_lr, min(1, steps))


@_registered("a step too many is taken")
def _one_more(loss, theta, inner_lr, steps):
    return _plain(loss, theta, inner_lr, steps + 1)


@_registered("the steps climb")
def _uphill(loss, theta, inner_lr, steps):
    return _plain(loss, theta, -inner_lr, steps)


@_registered("all steps have the slope of the start")
def _same_slope(loss, theta, inner_lr, steps):
    return theta - steps * inner_lr * _slope(loss, theta)


@_registered("theta itself is moved")
def _in_place(loss, theta, inner_lr, steps):
    found = _plain(loss, theta.clone(), inner_lr, steps)
    with torch.no_grad():
        theta.copy_(found)
    return found


def _remembering():
    kept = {}

    @_registered("a call goes on from where the last one ended")
    def adapted(loss, theta, inner_lr, steps):
        start = theta + kept.get(tuple(theta.shape), torch.zeros_like(theta))
        found = _plain(loss, start, inner_lr, steps)
        kept[tuple(theta.shape)] = (found - theta).detach()
        return found

    adapted.forget = kept.clear
    return adapted


@_registered("the sign of the slope is followed")
def _signs(loss, theta, inner_lr, steps):
    now = theta
    for _ in range(steps):
        slope = _slope(loss, now)
        now = now - inner_lr * slope / slope.detach().abs().clamp_min(1e-12)
    return now


_remembers = _remembering()
RIGHT = (_plain, _functional, _recursive, _by_sums)
BROKEN = (
    *(
        _detached,
        _off,
        _cut,
        _first_order,
        _lr_ignored,
        _one_step,
        _one_more,
        _uphill,
        _same_slope,
        _in_place,
        _remembers,
        _signs,
    ),
)
ORDER = tuple(one for n, broken in enumerate(BROKEN) for one in (RIGHT[n % len(RIGHT)], broken))
GRAPH = ("no graph comes back", "the graph is cut", "second derivatives are left out")
CALLS = ("theta itself is moved", "a call goes on from where the last one ended")
SETTINGS = (
    "the step size is not used",
    "one step is taken, however many are asked for",
    "all steps have the slope of the start",
)


def _draw_case(draw):
    """One implementation after the other, right and broken in turns."""
    adapted = ORDER[draw.seed % len(ORDER)]
    fault = FAULTS[adapted]
    return case(adapted).noting({one: fault == one for one in filter(None, FAULTS.values())})


def _looked_at(answer, adapted):
    """The verdict, of an implementation that remembers nothing from before."""
    getattr(adapted, "forget", lambda: None)()
    return answer(adapted)


def _is_right(adapted):
    return FAULTS[adapted] is None


def _blind_to(*faults):
    """A test that finds everything but these."""
    return lambda adapted: FAULTS[adapted] in (None, *faults)


check_trusted = function_check(
    "trusted",
    _is_right,
    _draw_case,
    Wrong("trusts_all", "Your test trusts every implementation.", lambda adapted: True),
    Wrong("trusts_none", "Your test trusts no implementation, not even right ones.", lambda adapted: False),
    Wrong(
        "a_cut_alone",
        "Your test asks whether there is a graph, and not whether the derivative through it is right.",
        _blind_to("second derivatives are left out"),
    ),
    Wrong(
        "values_alone",
        "Your test finds all wrong values. It trusts implementations whose *derivative* by theta is wrong: what does "
        "the outer loop need of them?",
        _blind_to(*GRAPH),
    ),
    Wrong(
        "derivatives_alone",
        "Your test finds all wrong derivatives. It trusts an implementation whose *value* is off by a constant.",
        _blind_to("the value is off by a little"),
    ),
    Wrong(
        "theta_moves",
        "Your test trusts an implementation that moves theta itself. Why did your numbers not change?",
        _blind_to("theta itself is moved"),
    ),
    Wrong(
        "remembers",
        "Your test trusts an implementation whose second call differs from its first.",
        _blind_to("a call goes on from where the last one ended"),
    ),
    Wrong(
        "one_call",
        "Your test looks at what comes back, and not at what a call leaves behind: in theta, or for the next call.",
        _blind_to(*CALLS),
    ),
    Wrong(
        "one_step_size",
        "Your test trusts an implementation that never uses its step size.",
        _blind_to("the step size is not used"),
    ),
    Wrong(
        "one_number_of_steps",
        "Your test trusts implementations that are right for one step and wrong for several.",
        _blind_to("one step is taken, however many are asked for", "all steps have the slope of the start"),
    ),
    Wrong(
        "no_curvature",
        "Your test finds what is wrong after one step, but not that all steps have the slope of the start. Does the "
        "slope "
        "of your loss change from place to place?",
        _blind_to("all steps have the slope of the start"),
    ),
    Wrong(
        "one_setting",
        "Your test tries too few settings: implementations pass that ignore an argument, or are right for one step "
        "only.",
        _blind_to(*SETTINGS),
    ),
    Wrong(
        "distrusts_a_right_one",
        "Your test distrusts some right implementations. Not every right one hands back theta itself where no step is "
        "taken, and not every one computes in your order.",
        when=lambda verdict, adapted: verdict is False and FAULTS[adapted] is None,
    ),
    observe=_looked_at,
)
