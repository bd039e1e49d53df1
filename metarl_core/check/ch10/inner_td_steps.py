"""The check of the exercise `inner_td_steps`."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _draw_case(draw):
    """1 to 3 tasks of 1 to 6 transitions, 1 to 4 features and actions, 0 to 4 steps, gamma from 0 to 1."""
    tasks, number = draw.choice(1, *[draw.integer(2, 3)] * 3), draw.choice(1, *[draw.integer(2, 6)] * 5)
    size, actions = draw.integer(1, 4), draw.choice(1, *[draw.integer(2, 4)] * 6)
    alpha, steps = draw.uniform(0.02, 0.4), draw.choice(0, 1, *[draw.integer(2, 4)] * 5)
    discount = draw.choice(0.0, 1.0, *[draw.uniform(0.3, 0.99)] * 4)
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
            "gamma is 0": discount == 0,
            "a task has a single transition": number == 1,
        }
    )


def _td_by_sums(
    theta, features, actions, rewards, following, terminated, alpha, steps, discount,
    stopped=True, frozen=True, ends=True, factor=2.0, mean="own", mixed=False, leak=False, sign=1.0, value="best",
    pays=True, all_rows=False, inverted=False, late=False, one_by_one=False, more=0, left_out=False,
):  # fmt: skip
    """One transition after another: δ times the feature vector, added to the row of the action."""
    found, origin = [], theta.numpy().copy()
    phi, nxt, r, act = (value.numpy() for value in (features, following, rewards, actions))
    done = terminated.numpy() if ends else np.zeros(terminated.shape, dtype=bool)
    done = ~done if inverted else done
    tasks, number = act.shape
    for task in range(tasks):
        current = found[-1].copy() if leak and found else origin.copy()
        start = current.copy()
        own = list(itertools.product(range(tasks), range(number))) if mixed else [(task, i) for i in range(number)]
        counts = {"own": len(own), "sum": 1, "all": tasks * number}
        for _ in range(steps + more):
            change = np.zeros_like(current)
            for t, i in own:
                table = start if frozen else current
                values = table @ (phi if value == "same" else nxt)[t, i]
                top = int(act[t, i]) if value == "taken" else int(values.argmax())
                later = {"mean": values.mean(), "least": values.min()}.get(value, values[top])
                reward = r[t, i] if pays or not done[t, i] else 0.0
                reward = discount * reward if late else reward
                y = reward + (0.0 if done[t, i] else discount * later)
                for row in range(len(current)) if all_rows else [act[t, i]]:
                    change[row] += (y - current[row] @ phi[t, i]) * phi[t, i]
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


def _fault(**fault):
    return lambda *a: _td_by_sums(*a, **fault)


check_inner_td_steps = function_check(
    "inner_td_steps",
    _td_by_sums,
    _draw_case,
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
        "Your targets are those of a discount of 1.",
        lambda *a: _td_by_sums(*a[:-1], 1.0),
    ),
    Wrong(
        "steps_off_by_one",
        "Your parameters are those after one inner step more, or fewer, than were asked for.",
        when=lambda got, *a: any(difference(got, _td_by_sums(*a, more=more), None, None) is None for more in (1, -1)),
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
    Wrong("tasks_leak", "The first task is right. Where do the others start?", _fault(leak=True)),
    Wrong("uphill", "After your steps the errors are larger. Check the sign.", _fault(sign=-1.0)),
    cases=48,
)
