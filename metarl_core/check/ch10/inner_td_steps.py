"""The check of the exercise `inner_td_steps`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import given_by
from metarl_core.check.revisited import after_another


def _draw_case(draw):
    """1 to 3 tasks of 1 to 6 transitions, 1 to 4 features and actions, 0 to 12 steps, once 60, gamma 0 to 1, or 2."""
    tasks, number = draw.choice(1, *[draw.integer(2, 3)] * 3), draw.choice(1, *[draw.integer(2, 6)] * 5)
    size, actions = draw.integer(1, 4), draw.choice(1, *[draw.integer(2, 4)] * 6)
    steps = draw.choice(0, 1, *[draw.integer(2, 4)] * 4, draw.integer(2, 12))
    tasks, number, steps = draw.once(18, 60, tasks), draw.once(19, 60, number), draw.once(17, 60, steps)
    alpha = draw.uniform(0.02, 0.4) if steps < 5 else draw.uniform(0.01, 0.1)  # or the parameters grow and grow
    discount = draw.choice(0.0, 1.0, 2.0, *[draw.uniform(0.3, 0.99)] * 6)
    ended = draw.flags(tasks, number, share=draw.choice(0.0, 0.4, 0.4, 0.4, 1.0))
    return case(
        draw.normal(actions, size),
        draw.skewed(tasks, number, size),
        draw.integers(0, actions - 1, tasks, number),
        draw.skewed(tasks, number, scale=2.0) + draw.uniform(-1, 1),
        draw.skewed(tasks, number, size),
        ended,
        alpha,
        steps,
        discount,
    ).noting(
        {
            "there is more than one task": tasks > 1,
            "a transition is terminated": ended.any(),
            "there are no inner steps": steps == 0,
            "there is more than one inner step": steps > 1,
            "there are more than four inner steps": steps > 4,
            "gamma is 0": discount == 0,
            "gamma is above 1": discount > 1,
            "other tasks were asked about with the same constants before": _asked_before(number),
            "a task has a single transition": number == 1,
        }
    )


def _asked_before(number):
    return number in (2, 5)


def _of_other_tasks(theta, features, actions, rewards, following, *rest):
    """Another target for each transition."""
    return theta, features, actions, rewards - 1, following - 1, *rest


def _td_by_sums(
    theta, features, actions, rewards, following, terminated, alpha, steps, discount,
    stopped=True, frozen=True, ends=True, factor=2.0, mean="own", mixed=False, leak=False, sign=1.0, value="best",
    pays=True, all_rows=False, inverted=False, late=False, one_by_one=False, more=0, left_out=False,
    spread="", overwritten=False, most=np.inf,
):  # fmt: skip
    """One transition after another: δ times the feature vector, added to the row of the action."""
    found, origin = [], theta.numpy().copy()
    phi, nxt, r, act = (value.numpy() for value in (features, following, rewards, actions))
    done = terminated.numpy() if ends else np.zeros(terminated.shape, dtype=bool)
    done = ~done if inverted else done
    if spread:  # an end reaches beyond its own transition
        done = np.maximum.accumulate(done, 1) if spread == "later" else done | done.any(1, keepdims=True)
    tasks, number = act.shape
    for task in range(tasks):
        current = found[-1].copy() if leak and found else origin.copy()
        start = origin if leak == "parameters" else current.copy()
        own = list(itertools.product(range(tasks), range(number))) if mixed else [(task, i) for i in range(number)]
        counts = {"own": len(own), "sum": 1, "all": tasks * number}
        for _ in range(steps + more):
            change = np.zeros_like(current)
            for t, i in own:
                table = start if frozen else current
                values = table @ (phi if value == "same" else nxt)[t, i]
                top = int(act[t, i]) if value == "taken" else int(values.argmax())
                top = int(act[t, (i + 1) % number]) if value == "next row" else top
                top = int((current @ nxt[t, i]).argmax()) if value == "double" else top
                later = {"mean": values.mean(), "least": values.min()}.get(value, values[top])
                later = max(later, 0.0) if value == "positive" else later
                later = max((table @ after).max() for after in nxt[t]) if value == "batch" else later
                reward = r[t, i] if pays or not done[t, i] else 0.0
                reward = discount * reward if late else reward
                y = reward + (0.0 if done[t, i] else discount * later)
                for row in range(len(current)) if all_rows else [act[t, i]]:
                    delta = np.clip(y - current[row] @ phi[t, i], -most, most)
                    change[row] = delta * phi[t, i] + (0.0 if overwritten else change[row])
                if left_out and done[t, i]:
                    change[act[t, i]] -= (y - current[act[t, i]] @ phi[t, i]) * phi[t, i]
                if one_by_one:
                    current[act[t, i]] += factor * alpha / len(own) * change[act[t, i]]
                    change[:] = 0.0
                if not stopped and not done[t, i]:
                    change[top] -= (y - current[act[t, i]] @ phi[t, i]) * discount * nxt[t, i]
            if mean == "action":
                change /= np.maximum(np.bincount(act[task], minlength=len(current)), 1)[:, None]
            current = current + sign * factor * alpha * change / counts.get(mean, 1)
        found.append(current)
    return torch.from_numpy(np.stack(found))


FIXED = (1.0, 0.99, 0.9, *torch.tensor([0.99, 0.9]).tolist())  # torch makes float32 of a number times a flag


def _fault(**fault):
    return lambda *a: _td_by_sums(*a, **fault)


check_inner_td_steps = function_check(
    "inner_td_steps",
    _td_by_sums,
    _draw_case,
    Wrong(
        "own_draws",
        "Your function draws random numbers. (A new layer draws its weights, too.) Over "
        "which transitions does (1) take its mean?",
        fault="global draws",
    ),
    Wrong(
        "target_not_stopped",
        "Your steps also change the value of the next state, to bring the target nearer to the prediction. Of what in "
        "the loss is the derivative wanted?",
        _fault(stopped=False, frozen=False),
    ),
    Wrong(
        "target_follows",
        "The first step is right, later ones are not: your targets move along with the parameters. Whose values stand "
        "in the target during the whole inner loop?",
        _fault(frozen=False),
    ),
    Wrong(
        "termination_ignored",
        "What is a state worth after which nothing comes?",
        _fault(ends=False),
    ),
    Wrong(
        "reward_dropped",
        "Your target of a terminated transition is 0. What was paid on the way into the end?",
        _fault(pays=False),
    ),
    Wrong(
        "action_not_best",
        "Your target values the next state by the action that was taken in *this* one.",
        _fault(value="taken"),
    ),
    Wrong(
        "action_mean",
        "Your target is that of a policy which takes each action as often as the others. Which action does (1) take?",
        _fault(value="mean"),
    ),
    Wrong(
        "least_value",
        "Your target values the next state by its worst action.",
        _fault(value="least"),
    ),
    Wrong(
        "ends_left_out",
        "Transitions into an end change nothing in your steps. What do they teach?",
        _fault(left_out=True),
    ),
    Wrong(
        "ends_inverted",
        "Your targets look past an end, and nowhere else. For which transitions is `terminated` true?",
        _fault(inverted=True),
    ),
    Wrong(
        "reward_discounted",
        "You discount the reward, too. How long does it take to arrive?",
        _fault(late=True),
    ),
    Wrong(
        "undiscounted",
        "Where your result is wrong, its targets are those of a fixed discount: of 1, 0.99 or 0.9.",
        when=given_by(*[lambda *a, fixed=fixed: _td_by_sums(*a[:-1], fixed) for fixed in FIXED]),
    ),
    Wrong(
        "steps_off_by_one",
        "Your parameters are those after one inner step more, or fewer, than were asked for.",
        when=given_by(_fault(more=1), _fault(more=-1)),
    ),
    Wrong(
        "double",
        "Your targets are those of double Q-learning: the action by the present parameters, its value by the initial "
        "ones. (1) takes the maximum.",
        _fault(value="double"),
    ),
    Wrong(
        "next_row",
        "Your target values the next state by the action of the next row. Does (1) ask which action was taken there?",
        _fault(value="next row"),
    ),
    Wrong(
        "never_negative",
        "Where your result is wrong, it takes the value of a next state for 0 that is below 0.",
        _fault(value="positive"),
    ),
    Wrong(
        "best_of_all",
        "Your maximum runs over the next states of a task as well. Over what does that of (1) run?",
        _fault(value="batch"),
    ),
    Wrong(
        "ends_spread",
        "An end changes the targets of other transitions of its task. To which transition does a termination belong?",
        when=given_by(_fault(spread="later"), _fault(spread="all")),
    ),
    Wrong(
        "overwritten",
        "Of several transitions with the same action only the last one counts in your steps. What does `x[i] += y` do "
        "where an index in i occurs twice?",
        _fault(overwritten=True),
    ),
    Wrong(
        "errors_clipped",
        "Your steps count an error beyond ±1 as one of ±1. Of which loss is that the gradient, and which one is (1)?",
        _fault(most=1.0),
    ),
    Wrong(
        "one_by_one",
        "You change the parameters after each transition, and the next one sees that. (1) is the gradient of a mean.",
        _fault(one_by_one=True),
    ),
    Wrong(
        "same_state",
        "Your target values the state in which the action was taken. Of which state does the reward not speak yet?",
        _fault(value="same"),
    ),
    Wrong(
        "all_rows",
        "Your steps change the rows of all actions. What has a transition to say of actions that were not taken?",
        _fault(all_rows=True),
    ),
    Wrong(
        "half",
        "Your steps are half as long as they should be. What is the derivative of a square?",
        _fault(factor=1.0),
    ),
    Wrong(
        "sum_over_transitions",
        "Take each transition twice, and your step is twice as long. Is the loss a sum or a mean?",
        _fault(mean="sum"),
    ),
    Wrong(
        "mean_over_tasks",
        "One task alone is right. The more tasks there are, the shorter are your steps: over which transitions does a "
        "task's loss take its mean?",
        _fault(mean="all"),
    ),
    Wrong(
        "mean_by_action",
        "You divide a row's step by the number of times that its action was taken. What is n in (1)?",
        _fault(mean="action"),
    ),
    Wrong(
        "one_replay",
        "Every task learns from the transitions of all of them. Would they have had the same consequences here?",
        _fault(mixed=True),
    ),
    Wrong(
        "tasks_leak",
        "The first task is right. Where do the others start?",
        when=given_by(_fault(leak=True), _fault(leak="parameters")),
    ),
    Wrong("uphill", "After your steps the errors are larger. Check the sign.", _fault(sign=-1.0)),
    observe=after_another(_of_other_tasks, lambda theta, features, actions, *rest: _asked_before(actions.shape[1])),
    cases=48,
)
