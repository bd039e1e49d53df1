"""The checks of chapter 08: advantages, an inner step, a trust region by hand, a meta-loss with silent bugs, a plan."""

import itertools
import math

import numpy as np
import torch

from metarl_core.check import Wrong, case, design_check, function_check
from metarl_core.check.compare import difference

# ---------------------------------------------------------------- task_advantages


def _advantage_cases():
    for seed, (tasks, episodes, horizon, discount) in enumerate(((3, 5, 8, 0.9), (2, 6, 10, 0.97), (4, 4, 7, 0.5))):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        lengths = torch.randint(3, horizon + 1, (tasks, episodes, 1), generator=generator)
        mask = torch.arange(horizon) < lengths
        size = 1 + 3 * torch.arange(tasks, dtype=torch.float64)[:, None, None]  # tasks of different scales
        rewards = size * (draw(tasks, episodes, horizon) - 0.5) * mask
        states = draw(tasks, episodes, horizon, 2) * mask[..., None]
        clock = (torch.arange(horizon, dtype=torch.float64) / horizon).expand(tasks, episodes, horizon)
        features = torch.cat([states, torch.stack([clock, torch.ones_like(clock)], -1)], -1)
        yield case(rewards, features, mask, discount)


def _advantages_step_by_step(
    rewards,
    features,
    mask,
    discount,
    ridge=1e-5,
    real=True,
    together=False,
    divide=lambda values: values.std(),
    fit=True,
    centred_per_task=True,
    gamma=True,
    sums_masked=True,
    everything=False,
):
    """One number after another; least squares by `lstsq` on rows with √ridge times the identity below them."""
    tasks, episodes, horizon = rewards.shape
    returns = np.zeros(rewards.shape)
    for task, episode, t in itertools.product(range(tasks), range(episodes), range(horizon)):
        late = range(t, horizon)
        returns[task, episode, t] = sum(
            (discount ** (k - t) if gamma else 1.0) * rewards[task, episode, k] for k in late
        )
    used = mask.numpy() if real else np.ones(mask.shape, dtype=bool)
    phi, raw = features.numpy(), np.array(returns)
    groups = [range(tasks)] if together else [[task] for task in range(tasks)]
    for group in groups if fit else []:
        rows = np.concatenate([phi[task][used[task]] for task in group])
        targets = np.concatenate([returns[task][used[task]] for task in group])
        below = math.sqrt(ridge) * np.eye(phi.shape[-1])
        w = np.linalg.lstsq(np.concatenate([rows, below]), np.concatenate([targets, np.zeros(len(below))]), rcond=None)[
            0
        ]
        for task in group:
            raw[task] = returns[task] - phi[task] @ w
    result = np.zeros(rewards.shape)
    counted = mask.numpy() if sums_masked else np.ones(mask.shape, dtype=bool)
    if not sums_masked:
        raw = raw * mask.numpy()
    for group in [[task] for task in range(tasks)] if centred_per_task else [range(tasks)]:
        values = np.concatenate([raw[task][counted[task]] for task in group])
        for task in group:
            scaled = (raw[task] - values.mean()) / divide(values)
            result[task] = scaled if everything else scaled * mask[task].numpy()
    return torch.from_numpy(result)


def _advantage_fault(**fault):
    return lambda *a: _advantages_step_by_step(*a, **fault)


check_task_advantages = function_check(
    "task_advantages",
    _advantages_step_by_step,
    _advantage_cases,
    Wrong(
        "variance",
        "Multiply all rewards by ten: your advantages become ten times smaller. By what must a number be divided so "
        "that its unit goes away?",
        _advantage_fault(divide=lambda values: values.var()),
    ),
    Wrong(
        "not_divided",
        "Your advantages keep the unit of the rewards, so that the inner step size would mean something else for each "
        "task.",
        _advantage_fault(divide=lambda values: 1.0),
    ),
    Wrong(
        "all_tasks_fitted",
        "One fit serves all tasks. Can the same place be worth the same if the goal is another one?",
        _advantage_fault(together=True),
    ),
    Wrong(
        "all_tasks_normalised",
        "Mean and deviation are taken over all tasks. A task with large rewards then decides what a task with small "
        "ones may learn.",
        _advantage_fault(centred_per_task=False),
    ),
    Wrong(
        "padding_fitted",
        "Your regression also explains steps that were never taken: their features are not all zero, their returns "
        "are. Which rows belong into the equations?",
        _advantage_fault(real=False),
    ),
    Wrong(
        "padding_counted",
        "The fit is right. Mean and deviation still run over steps that were never taken: by what number of steps do "
        "you divide?",
        when=lambda got, *a: _is_any(got, a, _PADDING_COUNTED, _advantages_step_by_step),
    ),
    Wrong(
        "padding_kept",
        "On the steps that were taken you are right. What should stand where there was no step, so that nothing is "
        "learned from it?",
        when=lambda got, rewards, features, mask, discount: (
            difference(got * mask, _advantages_step_by_step(rewards, features, mask, discount), 1e-4, 1e-6) is None
        ),
    ),
    Wrong(
        "no_baseline",
        "These are normalised returns. What has become of the features?",
        _advantage_fault(fit=False),
    ),
    Wrong("undiscounted", "Late rewards count fully: where is the discount?", _advantage_fault(gamma=False)),
)


def _is_any(got, arguments, faults, function):
    return any(difference(got, function(*arguments, **fault), 1e-4, 1e-6) is None for fault in faults)


_PADDING_COUNTED = ({"sums_masked": False}, {"sums_masked": False, "everything": True})

# ---------------------------------------------------------------- inner_step


def _step_cases():
    for seed, (episodes, horizon, size, moves, alpha) in enumerate(
        ((4, 6, 2, 2, 0.5), (3, 9, 3, 4, 0.2), (5, 5, 2, 3, 1.5))
    ):
        generator = torch.Generator().manual_seed(10 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        theta = {"weight": 0.5 * draw(moves, size), "log_std": 0.3 * draw(moves) - 0.5}
        mask = torch.arange(horizon) < torch.randint(2, horizon, (episodes, 1), generator=generator)
        states = draw(episodes, horizon, size) * mask[..., None]
        actions = (states @ theta["weight"].T + theta["log_std"].exp() * draw(episodes, horizon, moves)) * mask[
            ..., None
        ]
        yield case(theta, states, actions, draw(episodes, horizon) * mask, mask, alpha)


def _step_by_scores(
    theta, states, actions, advantage, mask, alpha, sign=1.0, scale=1.0, rate=None, per_step=True, real=True
):
    """The score of a normal density in closed form, one step after another."""
    weight, std = theta["weight"], theta["log_std"].exp()
    rise = {name: torch.zeros_like(value) for name, value in theta.items()}
    for episode, t in itertools.product(*map(range, mask.shape)):
        if real and not mask[episode, t]:
            continue
        z = (actions[episode, t] - weight @ states[episode, t]) / std
        rise["weight"] += advantage[episode, t] * torch.outer(z / std, states[episode, t])
        rise["log_std"] += advantage[episode, t] * (z**2 - 1)
    count = (mask.sum() if real else mask.numel()) if per_step else mask.shape[0]
    count = 1 if per_step is None else count
    used = alpha if rate is None else rate
    return {name: value + sign * scale * used * rise[name] / count for name, value in theta.items()}


def _constant_rate(got, theta, states, actions, advantage, mask, alpha):
    """A step along the right direction whose length is not α's: the same in all cases is a constant."""
    unit = _step_by_scores(theta, states, actions, advantage, mask, 1.0)
    step = torch.cat([(got[name] - theta[name]).flatten() for name in theta])
    direction = torch.cat([(unit[name] - theta[name]).flatten() for name in theta])
    length = float(step @ direction / (direction @ direction))
    return any(abs(length - rate) < 1e-6 for rate in (0.01, 0.05, 0.1, 1.0))


check_inner_step = function_check(
    "inner_step",
    _step_by_scores,
    _step_cases,
    Wrong(
        "mean_over_dimensions",
        "Your step is too short by the number of action dimensions. How does the density of a vector of independent "
        "numbers follow from theirs?",
        lambda *a: _step_by_scores(*a, scale=1 / a[2].shape[-1]),
    ),
    Wrong(
        "inner_rate_ignored",
        "The direction is right, and its length does not depend on alpha: ask for twice the step size and look at what "
        "comes.",
        when=_constant_rate,
    ),
    Wrong(
        "sign",
        "After your step, actions of positive advantage are less likely than before. Is it a loss or an objective that "
        "you differentiated?",
        lambda *a: _step_by_scores(*a, sign=-1.0),
    ),
    Wrong(
        "padding_counted",
        "Your mean divides by all places of the tensor. How many steps were taken?",
        lambda *a: _step_by_scores(*a, real=False),
    ),
    Wrong(
        "mean_over_episodes",
        "You sum over the time of an episode and divide by the number of episodes. Then long episodes make long steps: "
        "(2) divides by the number of *steps*.",
        lambda *a: _step_by_scores(*a, per_step=False),
    ),
    Wrong(
        "sum_over_steps",
        "Your step grows with the amount of data. Collect the same episodes twice: should the step be twice as long?",
        lambda *a: _step_by_scores(*a, per_step=None),
    ),
    Wrong(
        "spread_not_adapted",
        "The weights are right; the standard deviation stayed where it was. Is it not a parameter of the policy?",
        lambda *a: _step_by_scores(*a) | {"log_std": a[0]["log_std"]},
    ),
)

# ---------------------------------------------------------------- trust_region_step


def _bowl_cases():
    settings = ((3, 2, 0.3, 0.5, 0.01), (4, 3, 0.2, 1.5, 0.05), (2, 4, 0.25, 0.2, 0.002))
    for seed, (tasks, size, alpha, sigma, delta) in enumerate(settings):
        generator = torch.Generator().manual_seed(20 + seed)
        root = torch.randn(tasks, size, size, generator=generator, dtype=torch.float64)
        curvature = root @ root.mT / size + 0.2 * torch.eye(size, dtype=torch.float64)
        centre = 2 * torch.randn(tasks, size, generator=generator, dtype=torch.float64)
        yield case(torch.randn(size, generator=generator, dtype=torch.float64), curvature, centre, alpha, sigma, delta)


def _adapted_means(theta, curvature, centre, alpha):
    return torch.stack([theta - alpha * a @ (theta - c) for a, c in zip(curvature, centre, strict=True)])


def _step_by_differentiation(theta, curvature, centre, alpha, sigma, delta):
    """Slope of the mean loss and Hessian of the mean KL, both as functions of theta, by automatic differentiation."""

    def loss(point):
        ends = _adapted_means(point, curvature, centre, alpha)
        each = [0.5 * (e - c) @ a @ (e - c) for e, a, c in zip(ends, curvature, centre, strict=True)]
        return torch.stack(each).mean()

    start = _adapted_means(theta, curvature, centre, alpha).detach()

    def divergence(point):
        return ((_adapted_means(point, curvature, centre, alpha) - start).square().sum(1) / (2 * sigma**2)).mean()

    g, h = torch.func.grad(loss)(theta), torch.func.hessian(divergence)(theta)
    x = torch.linalg.solve(h, g)
    return -torch.sqrt(2 * delta / (x @ h @ x)) * x


def _region(
    theta, curvature, centre, alpha, sigma, delta,
    outer=1, inner=2, sign=-1.0, two=2.0, variance=True, at_start=False, plain=False, mean=True,
):  # fmt: skip
    """The step from matrices: powers of I − αA in the gradient and in the metric."""
    eye = torch.eye(len(theta), dtype=theta.dtype)
    factor = eye - alpha * curvature
    ends = theta.expand_as(centre) if at_start else _adapted_means(theta, curvature, centre, alpha)
    each = torch.linalg.matrix_power(factor, outer) @ curvature @ (ends - centre)[..., None]
    metric = torch.linalg.matrix_power(factor, inner) / (sigma**2 if variance else 1.0)
    reduce = torch.mean if mean else torch.sum
    g, h = reduce(each, 0)[:, 0], reduce(metric, 0)
    x = g if plain else torch.linalg.solve(h, g)
    return sign * torch.sqrt(two * delta / (x @ h @ x)) * x


check_trust_region_step = function_check(
    "trust_region_step",
    _step_by_differentiation,
    _bowl_cases,
    Wrong(
        "fisher_at_theta",
        "Your trust region measures how far theta moves. Whose divergence does (3) limit, and how far do these "
        "policies move when theta does?",
        lambda *a: _region(*a, inner=0),
    ),
    Wrong(
        "jacobian_once",
        "The Jacobian of the inner step occurs once in your metric. A quadratic form has a left and a right side.",
        lambda *a: _region(*a, inner=1),
    ),
    Wrong(
        "first_order",
        "The metric is right; the gradient is that at the adapted parameters, without the way back to theta.",
        lambda *a: _region(*a, outer=0),
    ),
    Wrong(
        "not_adapted",
        "Your gradient looks at the loss at theta. Which policies does the outer loss judge?",
        lambda *a: _region(*a, at_start=True, outer=0),
    ),
    Wrong(
        "uphill",
        "The length is right and the direction goes up the loss. What is minimised here?",
        lambda *a: _region(*a, sign=1.0),
    ),
    Wrong(
        "half_forgotten",
        "Your step reaches half of the divergence that is allowed. In the expansion of a divergence the quadratic term "
        "has a factor.",
        lambda *a: _region(*a, two=1.0),
    ),
    Wrong(
        "no_spread",
        "The same move of the mean is a large change for a narrow policy. Where is sigma?",
        lambda *a: _region(*a, variance=False),
    ),
    Wrong(
        "plain_gradient",
        "The length fits the trust region, but the direction is the plain gradient. Which direction lowers the loss "
        "most for a given divergence?",
        lambda *a: _region(*a, plain=True),
    ),
    Wrong(
        "sum_over_tasks",
        "With sums in the place of means the constraint limits the *sum* of the divergences: your steps get shorter "
        "with every task.",
        lambda *a: _region(*a, mean=False),
    ),
    atol=1e-9,
)

# ---------------------------------------------------------------- meta_loss


def _meta_cases():
    for seed, (tasks, number, size, alpha, sigma) in enumerate(
        ((3, 12, 2, 0.4, 0.7), (2, 20, 3, 0.8, 1.2), (4, 9, 2, 0.25, 0.5))
    ):
        generator = torch.Generator().manual_seed(30 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        goals = 2 * draw(tasks, size)
        yield case(draw(size).requires_grad_(), goals, draw(tasks, 2, number, size), alpha, sigma)


def _meta_gradient_by_hand(
    theta, goals, noise, alpha, sigma, reuse=False, rate=None, divide=torch.Tensor.std, curvature=True, leak=False,
    reduce=torch.mean, live_actions=False,
):  # fmt: skip
    """(I − αĤ)g from closed forms: the score of N(θ, σ²I) is (a − θ)/σ², and the mean advantage is zero."""

    def weights(actions, goal):
        rewards = -(actions - goal).square().sum(-1)
        scale = rewards.var(correction=0) if divide is torch.Tensor.var else rewards.std(correction=0)
        return (rewards - rewards.mean()) / scale

    used, found, theta = (alpha if rate is None else rate), [], theta.detach()
    point = theta
    for goal, (first, second) in zip(goals, noise, strict=True):
        point = point if leak else theta
        actions = point + sigma * first
        a, score = weights(actions, goal), (actions - point) / sigma**2
        rise = (a[:, None] * score).mean(0)
        hessian = -torch.einsum("n,ni,nj->ij", a, score, score) / len(a)
        end = point + used * rise
        if reuse:
            # The surrogate of θ' on episodes of θ: weights π_θ'/π_θ that are not 1.
            ratio = ((actions - point).square().sum(-1) - (actions - end).square().sum(-1)) / (2 * sigma**2)
            outer = -(a[:, None] * ratio.exp()[:, None] * (actions - end) / sigma**2).mean(0)
        else:
            query = end + sigma * second
            outer = -(weights(query, goal)[:, None] * (query - end) / sigma**2).mean(0)
        found.append(outer - used * hessian @ outer if curvature else outer)
        point = end
    return {"gradient": reduce(torch.stack(found), 0)}


def _gradient_of_answer(answer, theta, goals, noise, alpha, sigma):
    loss = answer(theta, goals, noise, alpha, sigma)
    if loss.ndim != 0:
        return {"gradient": loss}
    return {"gradient": torch.autograd.grad(loss, theta)[0]}


def _fault_of_loss(**fault):
    """A misconception's gradient, as an answer that `observe` can differentiate."""

    def answer(theta, goals, noise, alpha, sigma):
        return (_meta_gradient_by_hand(theta, goals, noise, alpha, sigma, **fault)["gradient"] * theta).sum()

    return answer


RATE = 0.1  # what the colleague's code uses instead of alpha
FAULTS = {"reuse": True, "rate": RATE, "divide": torch.Tensor.var}
PAIRS = [dict(pair) for pair in itertools.combinations(FAULTS.items(), 2)]

check_meta_loss = function_check(
    "meta_loss",
    _meta_gradient_by_hand,
    _meta_cases,
    Wrong(
        "graph_cut",
        "The outer loss does not depend on theta any more. Which line makes adapted parameters without a history?",
        raises="does not require grad",
    ),
    Wrong("as_it_was", "All three bugs are still there.", _fault_of_loss(**FAULTS)),
    Wrong(
        "support_as_query",
        "The adapted policy is judged by the episodes that it has learned from. Who has to collect those that judge "
        "it?",
        _fault_of_loss(reuse=True),
    ),
    Wrong(
        "inner_rate_ignored",
        "Try two values of alpha: the loss does not notice. Which step size is used?",
        _fault_of_loss(rate=RATE),
    ),
    Wrong(
        "variance",
        "Give the rewards another unit: the step changes its length. What makes a number free of its unit?",
        _fault_of_loss(divide=torch.Tensor.var),
    ),
    Wrong(
        "two_left",
        "One of the three is repaired, two are left.",
        when=lambda got, *a: any(
            difference(got, _meta_gradient_by_hand(*a, **pair), 1e-6, 1e-9) is None for pair in PAIRS
        ),
    ),
    Wrong(
        "no_curvature",
        "The adapted policies and their episodes are right; the way back to theta lacks its factor. Is the graph of "
        "the inner gradient kept?",
        _fault_of_loss(curvature=False),
    ),
    Wrong(
        "tasks_leak",
        "The first task is right. Where do the others start?",
        _fault_of_loss(leak=True),
    ),
    Wrong(
        "sum_over_tasks",
        "Your gradient grows with the number of tasks. The objective is an expectation over them.",
        _fault_of_loss(reduce=torch.sum),
    ),
    observe=_gradient_of_answer,
)

# ---------------------------------------------------------------- plan

check_plan = design_check(
    "plan",
    {
        "measured_first": (
            "nothing",
            "best single policy against the best policy of each task",
            "returns of a random policy",
        ),
        "baselines": (
            "random initialisation",
            "random initialisation and from scratch",
            "random initialisation, from scratch, pre-training with fine-tuning, oracle",
        ),
        "seeds": int,
        "test_tasks": ("the last training batch", "new ones, the same for all methods", "new ones for each method"),
        "baseline_step_size": (
            "MAML's",
            "chosen on training tasks, for the number of steps reported",
            "chosen on the test tasks",
        ),
        "episodes_counted": (
            "query episodes",
            "support episodes of the new task",
            "both, and those of meta-training apart",
        ),
        "action_noise_at_test": ("as in training, for all", "off for MAML alone", "not reported"),
        "conclude_from": ("the lower mean", "the interval of the paired difference after 1, 2 and 3 steps"),
    },
    Wrong(
        "gap_not_measured",
        "Suppose that one policy solves all of your tasks. What would your experiment show?",
        when=lambda p: p["measured_first"] != "best single policy against the best policy of each task",
    ),
    Wrong(
        "no_pretraining",
        "A network that has learned to walk adapts faster than a random one, however it learned to walk. Which "
        "baseline would tell?",
        when=lambda p: "pre-training" not in p["baselines"],
    ),
    Wrong(
        "few_seeds",
        "Two trainings of one method may differ by more than two methods do.",
        when=lambda p: p["seeds"] < 5,
    ),
    Wrong(
        "trained_on_test",
        "On the tasks of the last batch the parameters have just been improved.",
        when=lambda p: p["test_tasks"] == "the last training batch",
    ),
    Wrong(
        "unpaired",
        "A near goal is easy for every method. What happens if one of them was given more of these?",
        when=lambda p: p["test_tasks"] == "new ones for each method",
    ),
    Wrong(
        "tuned_for_one",
        "MAML was trained for its step size; the baseline was not. Who looked for the baseline's?",
        when=lambda p: p["baseline_step_size"] == "MAML's",
    ),
    Wrong(
        "search_on_test",
        "A step size that was chosen on the test tasks has seen them.",
        when=lambda p: p["baseline_step_size"] == "chosen on the test tasks",
    ),
    Wrong(
        "episodes_hidden",
        "The comparison with training from scratch is about episodes. Which of them does your count leave out?",
        when=lambda p: p["episodes_counted"] != "both, and those of meta-training apart",
    ),
    Wrong(
        "noise_differs",
        "Switching the noise off earns points of return without any learning. Would the reader know?",
        when=lambda p: p["action_noise_at_test"] != "as in training, for all",
    ),
    Wrong(
        "lower_mean",
        "One of two means is always lower. And which number of steps do you mean?",
        when=lambda p: p["conclude_from"] == "the lower mean",
    ),
)
