"""The checks of chapter 10: an inner TD loop, its meta-gradients by hand, a Reptile iteration with bugs, a plan."""

import itertools

import numpy as np
import torch

from metarl_core.check import Wrong, case, design_check, function_check
from metarl_core.check.compare import difference

# ---------------------------------------------------------------- inner_td_steps


def _td_cases():
    for seed, (tasks, number, size, actions, alpha, steps, discount) in enumerate(
        ((3, 8, 3, 2, 0.1, 3, 0.9), (2, 12, 4, 3, 0.2, 4, 0.7), (4, 6, 2, 4, 0.15, 2, 0.95))
    ):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        yield case(
            draw(actions, size),
            draw(tasks, number, size),
            torch.randint(actions, (tasks, number), generator=generator),
            draw(tasks, number),
            draw(tasks, number, size),
            torch.rand(tasks, number, generator=generator) < 0.4,
            alpha,
            steps,
            discount,
        )


def _td_by_sums(
    theta, features, actions, rewards, following, terminated, alpha, steps, discount,
    stopped=True, frozen=True, ends=True, factor=2.0, mean=True, mixed=False, leak=False, sign=1.0, best=True,
):  # fmt: skip
    """One transition after another: δ times the feature vector, added to the row of the action."""
    found, origin = [], theta.numpy().copy()
    phi, nxt, r, act = (value.numpy() for value in (features, following, rewards, actions))
    done = terminated.numpy() if ends else np.zeros(terminated.shape, dtype=bool)
    tasks, number = act.shape
    for task in range(tasks):
        current = found[-1].copy() if leak and found else origin.copy()
        start = current.copy()
        own = list(itertools.product(range(tasks), range(number))) if mixed else [(task, i) for i in range(number)]
        for _ in range(steps):
            change = np.zeros_like(current)
            for t, i in own:
                table = start if frozen else current
                values = table @ nxt[t, i]
                top = int(values.argmax()) if best else int(act[t, i])
                y = r[t, i] + (0.0 if done[t, i] else discount * values[top])
                delta = y - current[act[t, i]] @ phi[t, i]
                change[act[t, i]] += delta * phi[t, i]
                if not stopped and not done[t, i]:
                    change[top] -= delta * discount * nxt[t, i]
            current = current + sign * factor * alpha * change / (len(own) if mean else 1)
        found.append(current)
    return torch.from_numpy(np.stack(found))


def _td_fault(**fault):
    return lambda *a: _td_by_sums(*a, **fault)


check_inner_td_steps = function_check(
    "inner_td_steps",
    _td_by_sums,
    _td_cases,
    Wrong(
        "target_not_stopped",
        "Your steps also change the value of the next state, to bring the target nearer to the prediction. Of what in "
        "the loss is the derivative wanted?",
        _td_fault(stopped=False, frozen=False),
    ),
    Wrong(
        "target_follows",
        "The first step is right, later ones are not: your targets move along with the parameters. Whose values stand "
        "in the target during the whole inner loop?",
        _td_fault(frozen=False),
    ),
    Wrong(
        "termination_ignored",
        "What is a state worth after which nothing comes?",
        _td_fault(ends=False),
    ),
    Wrong(
        "action_not_best",
        "Your target values the next state by the action that was taken in *this* one.",
        _td_fault(best=False),
    ),
    Wrong(
        "half",
        "Your steps are half as long as they should be. What is the derivative of a square?",
        _td_fault(factor=1.0),
    ),
    Wrong(
        "sum_over_transitions",
        "Take each transition twice, and your step is twice as long. Is the loss a sum or a mean?",
        _td_fault(mean=False),
    ),
    Wrong(
        "one_replay",
        "Every task learns from the transitions of all of them. Would they have had the same consequences here?",
        _td_fault(mixed=True),
    ),
    Wrong("tasks_leak", "The first task is right. Where do the others start?", _td_fault(leak=True)),
    Wrong("uphill", "After your steps the errors are larger. Check the sign.", _td_fault(sign=-1.0)),
)

# ---------------------------------------------------------------- meta_gradients


def _meta_cases():
    for seed, (size, number, queries, alpha, steps, discount) in enumerate(
        ((3, 6, 5, 0.1, 3, 0.9), (4, 8, 6, 0.2, 2, 0.8), (2, 5, 7, 0.15, 4, 0.95))
    ):
        generator = torch.Generator().manual_seed(40 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        yield case(
            draw(size), draw(number, size), draw(number), draw(number, size), draw(queries, size), draw(queries),
            alpha, steps, discount,
        )  # fmt: skip


def _adapted(theta, source, phi, rewards, phi_next, alpha, steps, discount):
    """θ' of the inner loop from theta on, with targets made by `source`: a differentiable function of both."""
    for _ in range(steps):
        delta = rewards + discount * phi_next @ source - phi @ theta
        theta = theta + 2 * alpha / len(rewards) * phi.T @ delta
    return theta


def _by_differentiation(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
    """Automatic differentiation of the outer loss, with the targets' parameters held and with them moving."""

    def outer(point, source):
        end = _adapted(point, source, phi, rewards, phi_next, alpha, steps, discount)
        return (query_y - query_phi @ end).square().mean()

    return {
        "frozen": torch.func.grad(lambda point: outer(point, theta))(theta),
        "whole": torch.func.grad(lambda point: outer(point, point))(theta),
    }


def _by_matrices(
    theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount,
    powers=None, path="all", transpose=True, prime=True, factors=(2.0, 2.0), frozen_path=False,
):  # fmt: skip
    eye = torch.eye(len(theta), dtype=theta.dtype)
    inner, outer = factors
    M = eye - inner * alpha / len(rewards) * phi.T @ phi
    push = inner * alpha * discount / len(rewards) * phi.T @ phi_next
    end = _adapted(theta, theta, phi, rewards, phi_next, alpha, steps, discount) if prime else theta
    g = outer / len(query_y) * query_phi.T @ (query_phi @ end - query_y)
    held = torch.linalg.matrix_power(M, steps if powers is None else powers)
    terms = {"all": range(steps), "last": [0], "first": [steps - 1], "none": [], "unshrunk": None}[path]
    extra = steps * push if terms is None else sum((torch.linalg.matrix_power(M, j) @ push for j in terms), 0 * push)
    whole = held + extra
    return {
        "frozen": ((whole.T if transpose else whole) if frozen_path else held) @ g,
        "whole": (whole.T if transpose else whole) @ g,
    }


def _matrix_fault(**fault):
    return lambda *a: _by_matrices(*a, **fault)


check_meta_gradients = function_check(
    "meta_gradients",
    _by_differentiation,
    _meta_cases,
    Wrong(
        "first_order",
        "These are gradients at the adapted parameters. How far do those move when theta does?",
        _matrix_fault(powers=0, path="none"),
    ),
    Wrong(
        "one_factor",
        "One step of the inner loop is accounted for. How many are there?",
        _matrix_fault(powers=1, path="none"),
    ),
    Wrong(
        "path_forgotten",
        "`frozen` is right, and `whole` is equal to it. Which parameters made the targets of the inner loop?",
        _matrix_fault(path="none"),
    ),
    Wrong(
        "path_once",
        "`frozen` is right. In `whole` the targets act in one step only: in how many were they used?",
        when=lambda got, *a: any(
            difference(got, _by_matrices(*a, path=path), 1e-6, 1e-9) is None for path in ("last", "first")
        ),
    ),
    Wrong(
        "path_not_shrunk",
        "`frozen` is right. In `whole` the effect of an early target is counted in full; the steps that come after it "
        "undo a part.",
        _matrix_fault(path="unshrunk"),
    ),
    Wrong(
        "frozen_moves",
        "`whole` is right, and `frozen` is equal to it. In `frozen` the targets are data, like the rewards.",
        _matrix_fault(frozen_path=True),
    ),
    Wrong(
        "not_transposed",
        "`frozen` is right, since its matrix is symmetric. The one of `whole` is not: a gradient is multiplied from "
        "which side?",
        _matrix_fault(transpose=False),
    ),
    Wrong(
        "query_at_theta",
        "The way back is right; it starts at the wrong place. At which parameters is the outer loss evaluated?",
        _matrix_fault(prime=False),
    ),
    atol=1e-9,
)

# ---------------------------------------------------------------- reptile_iteration


def _reptile_cases():
    for seed, (tasks, states, actions, steps) in enumerate(((3, 4, 3, 60), (2, 5, 2, 80), (4, 3, 4, 50))):
        generator = torch.Generator().manual_seed(70 + seed)
        theta = torch.randn(states, actions, generator=generator, dtype=torch.float64)
        following = torch.randint(states, (tasks, states, actions), generator=generator)
        rewards = torch.randn(tasks, states, actions, generator=generator, dtype=torch.float64)
        draws = torch.rand(tasks, steps, 3, generator=generator, dtype=torch.float64)
        yield case(theta, following, rewards, draws, 0.5 + 0.2 * seed)


def _one_run(start, following, rewards, draws, memory, clock):
    """A run of tabular DQN on one task in numpy: (online, target); `memory` and `clock` are used and changed."""
    online, target, state = start.copy(), start.copy(), 0
    for chance, which, index in draws:
        random = chance < max(0.1, 1 - clock[0] / 20)
        clock[0] += 1
        action = int(which * start.shape[1]) if random else int(online[state].argmax())
        memory.append((state, action, rewards[state, action], following[state, action]))
        s, a, r, after = memory[int(index * len(memory))]
        online[s, a] += 0.5 * (r + 0.9 * target[after].max() - online[s, a])
        target = target + 0.1 * (online - target)
        state = following[state, action]
    return online, target


def _reptile_by_runs(
    theta, following, rewards, draws, outer_lr, one_replay=False, epsilon_kept=False, from_target=False, leak=False,
    total=False, sign=1.0,
):  # fmt: skip
    """The runs one after another, each with a memory and a clock of its own, and the mean of where they end."""
    ends, memory, clock = [], [], [0]
    for nexts, pay, numbers in zip(following.numpy(), rewards.numpy(), draws.numpy(), strict=True):
        memory = memory if one_replay else []
        clock = clock if epsilon_kept else [0]
        start = ends[-1] if leak and ends else theta.numpy()
        online, target = _one_run(start, nexts, pay, numbers, memory, clock)
        ends.append(target if from_target else online)
    moves = [end - theta.numpy() for end in ends]
    return theta + sign * outer_lr * torch.from_numpy(np.sum(moves, 0) if total else np.mean(moves, 0))


BUGS = {"one_replay": True, "epsilon_kept": True, "from_target": True}
TWO_BUGS = [dict(pair) for pair in itertools.combinations(BUGS.items(), 2)]


def _reptile_fault(**fault):
    return lambda *a: _reptile_by_runs(*a, **fault)


check_reptile_iteration = function_check(
    "reptile_iteration",
    _reptile_by_runs,
    _reptile_cases,
    Wrong("as_it_was", "All three bugs are still there.", _reptile_fault(**BUGS)),
    Wrong(
        "one_replay",
        "Two of the three are repaired. A task still learns from what happened in another one.",
        _reptile_fault(one_replay=True),
    ),
    Wrong(
        "epsilon_not_reset",
        "Two of the three are repaired. Print how many random actions each task takes: do later ones explore at all?",
        _reptile_fault(epsilon_kept=True),
    ),
    Wrong(
        "target_network",
        "Two of the three are repaired. Which of the two tables holds what was learned last?",
        _reptile_fault(from_target=True),
    ),
    Wrong(
        "two_left",
        "One of the three is repaired, two are left.",
        when=lambda got, *a: any(
            difference(got, _reptile_by_runs(*a, **pair), 1e-6, 1e-9) is None for pair in TWO_BUGS
        ),
    ),
    Wrong(
        "tasks_leak",
        "The three bugs are gone, and there is a new one: where does the second task start?",
        _reptile_fault(leak=True),
    ),
    Wrong(
        "reversed",
        "The three bugs are gone. Your theta moves away from where the runs ended.",
        _reptile_fault(sign=-1.0),
    ),
    Wrong(
        "sum_over_tasks",
        "The three bugs are gone. With ten tasks your theta would be thrown ten times as far.",
        _reptile_fault(total=True),
    ),
)

# ---------------------------------------------------------------- plan

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
