"""The check of the exercise `minibatch_losses`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import leads_to
from metarl_core.check.compare import difference

NAMES = ("input", "memory", "policy")
GRAPH = "a graph that leads back to theta"


def _draw_case(draw):
    """1 to 9 trials of 1 to 10 steps, once 60 of each, in 1 to 4 minibatches; ends of episodes anywhere, old
    log-probabilities of other weights, gamma from 0 to 1."""
    trials, steps = draw.integer(1, 9), draw.choice(1, *[draw.integer(2, 10)] * 6)
    trials, steps = draw.once(17, 60, trials), draw.once(18, 60, steps)
    seen, hidden, actions = draw.integer(1, 4), draw.integer(1, 4), draw.integer(2, 4)
    minibatches = draw.integer(1, 4)
    discount = draw.choice(0.0, 1.0, *[draw.uniform(0.5, 0.99)] * 4)
    done = draw.flags(trials, steps, share=0.3)
    theta = {
        "input": 0.7 * draw.normal(hidden, seen),
        "memory": 0.9 * draw.normal(hidden, hidden),
        "policy": 0.8 * draw.normal(actions, hidden),
    }
    old = -0.3 - draw.normal(trials, steps).abs()
    return case(
        {name: value.requires_grad_() for name, value in theta.items()},
        draw.normal(trials, steps, seen),
        draw.integers(0, actions - 1, trials, steps),
        old,
        draw.skewed(trials, steps, scale=2.0) + draw.uniform(-1, 1),
        done,
        draw.normal(trials, steps),
        discount,
        minibatches,
    ).noting(
        {
            "an episode ends before the trial does": done[:, :-1].any(),
            "there is more than one minibatch": minibatches > 1,
            "the trials do not divide evenly": trials % minibatches != 0,
            "there are fewer trials than minibatches": trials < minibatches,
            "gamma is 0": discount == 0,
            "a trial has a single step": steps == 1,
        }
    )


def _losses_and_slopes(answer, theta, *arguments):
    """The losses, and the gradient of a sum in which each has a weight of its own."""
    losses = answer(theta, *arguments)
    if not isinstance(losses, torch.Tensor) or losses.ndim != 1:
        raise TypeError("minibatch_losses must return a tensor with one axis, a loss for each minibatch.")
    found = [None] * len(NAMES)
    if losses.requires_grad:
        weights = torch.arange(1, len(losses) + 1, dtype=torch.float64)
        leaves = [theta[name] for name in NAMES]
        found = torch.autograd.grad((weights * losses).sum(), leaves, allow_unused=True)
    slopes = {
        f"the gradient by theta[{name!r}]": torch.zeros_like(theta[name].detach()) if slope is None else slope
        for name, slope in zip(NAMES, found, strict=True)
    }
    return {GRAPH: losses.requires_grad, "losses": losses.detach(), **slopes}


def _by_hand(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
    """Trial by trial in numpy, the gradient by backpropagation through time written out."""
    w, u, v = (theta[name].detach().numpy() for name in NAMES)
    x, trials, steps = inputs.numpy(), *rewards.shape
    losses, total = [], [np.zeros_like(one) for one in (w, u, v)]
    size = -(-trials // minibatches)
    for number, first in enumerate(range(0, trials, size), 1):
        group, loss = range(first, min(first + size, trials)), 0.0
        for trial in group:
            memories = [np.zeros(len(u))]
            for time in range(steps):
                memories.append(np.tanh(w @ x[trial, time] + u @ memories[-1]))
            back = np.zeros(len(u))
            for time in reversed(range(steps)):
                gain = sum(discount ** (i - time) * float(rewards[trial, i]) for i in range(time, steps))
                gain -= float(baseline[trial, time])
                m, chosen = memories[time + 1], int(actions[trial, time])
                p = np.exp(v @ m - np.max(v @ m))
                p /= p.sum()
                part = -np.exp(np.log(p[chosen]) - float(old[trial, time])) * gain / (len(group) * steps)
                loss += part
                by_logits = number * part * (np.eye(len(p))[chosen] - p)
                total[2] += np.outer(by_logits, m)
                inner = (v.T @ by_logits + back) * (1 - m**2)
                total[0] += np.outer(inner, x[trial, time])
                total[1] += np.outer(inner, memories[time])
                back = u.T @ inner
        losses.append(loss)
    slopes = {f"the gradient by theta[{n!r}]": torch.from_numpy(g) for n, g in zip(NAMES, total, strict=True)}
    return {GRAPH: True, "losses": torch.tensor(losses, dtype=torch.float64), **slopes}


def _losses(
    stopped=False, cut=False, detached=False, sign=-1.0, reduce=torch.mean, ratio=True, centred=False, late=False,
    based=True, after=False, dealt=None, shifted=False, undiscounted=False,
):  # fmt: skip
    """`stopped`: returns end at `done`; `cut`: minibatches of time; `detached`: one step is differentiated; `after`:
    returns begin at the next reward; `dealt`: trials dealt out in turn; `shifted`: memory emptied behind `done`."""

    def answer(theta, inputs, actions, old, rewards, done, baseline, discount, minibatches):
        trials, steps = rewards.shape
        discount = 1.0 if undiscounted else discount
        gains, ahead = [], torch.zeros(trials, dtype=rewards.dtype)
        for time in reversed(range(steps)):
            going = (~done[:, time]).to(rewards.dtype) if stopped else 1.0
            gains.insert(0, discount * going * ahead if after else rewards[:, time] + discount * going * ahead)
            ahead = rewards[:, time] + discount * going * ahead
        advantage = torch.stack(gains, 1) - (baseline if based else 0)
        if centred:
            advantage = advantage - advantage.mean()
        times, every = torch.arange(steps), torch.arange(trials)
        parts = [(every, some) for some in times.chunk(minibatches)]
        if not cut:
            parts = [(some, times) for some in every.chunk(minibatches)]
        if dealt:
            number = len(parts) if dealt == "as many" else min(minibatches, trials)
            parts = [(every[n::number], times) for n in range(number)]
        losses = []
        for rows, columns in parts:
            memory, log_pi = torch.zeros(len(rows), len(theta["memory"]), dtype=rewards.dtype), []
            for time in columns:
                before = memory.detach() if detached else memory
                if shifted and time:
                    before = before * ~done[rows, time - 1, None]
                memory = torch.tanh(inputs[rows, time] @ theta["input"].T + before @ theta["memory"].T)
                chances = (memory @ theta["policy"].T).log_softmax(-1)
                log_pi.append(chances.gather(-1, actions[rows, time][:, None])[:, 0])
            log_pi, block = torch.stack(log_pi, 1), (rows[:, None], columns)
            weight = (log_pi - old[block]).exp() if ratio else log_pi
            losses.append(sign * reduce(weight * advantage[block]))
        return torch.stack(losses)

    return answer


BUGS = {"stopped": True, "cut": True, "detached": True}
TWO_BUGS = [dict(pair) for pair in itertools.combinations(BUGS.items(), 2)]


def _losses_alone(got, *a):
    return difference(got["losses"], _by_hand(*a)["losses"], None, None) is None


check_minibatch_losses = function_check(
    "minibatch_losses",
    _by_hand,
    _draw_case,
    Wrong(
        "no_graph",
        "Your losses carry no graph that leads back to theta. Where is it cut?",
        when=lambda got, *a: not got[GRAPH],
    ),
    Wrong(
        "as_it_was",
        "All three bugs are still there. With theta as it was when the trials were played, every ratio is 1: print "
        "them.",
        _losses(**BUGS),
    ),
    Wrong(
        "stops_at_done",
        "Two of the three are repaired. A reward of the second episode still counts for no action of the first.",
        _losses(stopped=True),
    ),
    Wrong(
        "cuts_trials",
        "Two of the three are repaired. Your minibatches hold pieces of trials: what does the memory know where a "
        "piece begins that is not the first?",
        _losses(cut=True),
    ),
    Wrong(
        "one_step_differentiated",
        "Two of the three are repaired, and the losses are right. Their gradient is not: does it know that what is "
        "written into the memory now is read later?",
        _losses(detached=True),
    ),
    *(
        Wrong("_and_".join(pair), "One of the three is repaired, two are left.", _losses(**pair))
        for pair in TWO_BUGS
    ),
    Wrong(
        "emptied_at_done",
        "The three bugs are gone, and there is a new one: your memory is emptied behind the end of an episode.",
        _losses(shifted=True),
    ),
    Wrong(
        "dealt_out",
        "The three bugs are gone. Your minibatches hold other trials than those that follow each other.",
        when=leads_to(_losses_and_slopes, _losses(dealt="as many"), _losses(dealt="all")),
    ),
    Wrong(
        "sum_over_steps",
        "The three bugs are gone. Your losses grow with the number of steps and trials.",
        _losses(reduce=torch.sum),
    ),
    Wrong(
        "reversed",
        "The three bugs are gone. An optimiser that descends your losses makes good actions less probable.",
        _losses(sign=1.0),
    ),
    Wrong(
        "no_ratio",
        "The three bugs are gone. In place of the ratio of (2) stands the log-probability.",
        _losses(ratio=False),
    ),
    Wrong(
        "without_baseline",
        "The three bugs are gone. What has become of the baseline?",
        _losses(based=False),
    ),
    Wrong(
        "own_reward_left_out",
        "The three bugs are gone. Your return of a step lacks the reward of the step itself.",
        _losses(after=True),
    ),
    Wrong(
        "undiscounted",
        "The three bugs are gone, and gamma with them.",
        _losses(undiscounted=True),
    ),
    Wrong(
        "gradient",
        "The losses are right, their gradient is not. Where do you hold constant what depends on theta?",
        when=_losses_alone,
    ),
    observe=_losses_and_slopes,
)  # fmt: skip
