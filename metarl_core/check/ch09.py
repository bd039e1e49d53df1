"""Checks of the exercises of chapter 09: losses with the right second derivative, and what is added beside them."""

import torch

from metarl_core.check.framework import Wrong, case, function_check

# ---------------------------------------------------------------- dice_loss


def _episode_cases():
    for seed, (episodes, horizon) in enumerate(((3, 4), (2, 6), (4, 3))):
        generator = torch.Generator().manual_seed(seed)
        lengths = torch.randint(2, horizon + 1, (episodes,), generator=generator)
        lengths[0] = horizon
        mask = torch.arange(horizon) < lengths[:, None]
        # What stands in the padding must not matter.
        log_pi, advantage = torch.randn(2, episodes, horizon, generator=generator, dtype=torch.float64)
        yield case(-log_pi.abs() - 0.2, advantage + 0.3, mask)


def _derivatives(answer, log_pi, advantage, mask):
    """Gradient and Hessian of the loss as a function of the log-probabilities themselves."""

    def loss(values):
        value = answer(values, advantage, mask)
        if not isinstance(value, torch.Tensor) or value.shape:
            raise TypeError("dice_loss must return one number as a tensor without axes.")
        return value + 0 * values.sum()

    return {
        "gradient": torch.autograd.functional.jacobian(loss, log_pi),
        "Hessian": torch.autograd.functional.hessian(loss, log_pi),
    }


def _by_definition(log_pi, advantage, mask):
    """−A_t / n, and −A_max(t, t') / n for two steps of one episode: chapter 09, under (09.7)."""
    count, (episodes, horizon) = int(mask.sum()), log_pi.shape
    hessian = torch.zeros(episodes, horizon, episodes, horizon, dtype=log_pi.dtype)
    for episode in range(episodes):
        for t in range(horizon):
            for other in range(horizon):
                if mask[episode, t] and mask[episode, other]:
                    hessian[episode, t, episode, other] = -advantage[episode, max(t, other)] / count
    return {"gradient": torch.where(mask, -advantage / count, 0.0), "Hessian": hessian}


def _mean(weighted, mask):
    return -(weighted * mask).sum() / mask.sum()


def _stop_ratio(x):
    return (x - x.detach()).exp()


def _dice(log_pi, mask, through=None):
    """The weights, with a faulty c_t if one is given."""
    own = log_pi * mask
    through = own.cumsum(-1) if through is None else through(own)
    return _stop_ratio(through) - _stop_ratio(through - own)


def _scaled(log_pi, advantage, mask):
    own = log_pi * mask / mask.sum(-1, keepdim=True)
    through = own.cumsum(-1)
    return _mean((_stop_ratio(through) - _stop_ratio(through - own)) * advantage, mask)


def _scaled_by_all(log_pi, advantage, mask):
    own = log_pi * mask / mask.sum()
    through = own.cumsum(-1)
    return _mean((_stop_ratio(through) - _stop_ratio(through - own)) * advantage, mask)


def _scaled_by_episodes(log_pi, advantage, mask):
    own = log_pi * mask / len(mask)
    through = own.cumsum(-1)
    return _mean((_stop_ratio(through) - _stop_ratio(through - own)) * advantage, mask)


def _explained_by(*answers):
    """Recognised by what any of these answers leads to."""

    def when(got, log_pi, advantage, mask):
        def same(answer):
            found = _derivatives(answer, log_pi, advantage, mask)
            return all(torch.allclose(got[key], found[key], rtol=1e-6, atol=1e-9) for key in found)

        return any(same(answer) for answer in answers)

    return when


check_dice_loss = function_check(
    "dice_loss",
    _by_definition,
    _episode_cases,
    Wrong(
        "naive",
        "The gradient is right and the second derivative with respect to the log-probabilities is zero: the change of "
        "the trajectories' probabilities is missing altogether.",
        lambda x, a, m: _mean(x * a, m),
    ),
    Wrong(
        "lvc",
        "The gradient is right. Of the second derivatives only those of a step with itself are there. Which actions "
        "does a later reward depend on?",
        lambda x, a, m: _mean(_stop_ratio(x) * a, m),
    ),
    Wrong(
        "nothing_held",
        "All derivatives of your loss are zero. What is the derivative of exp(c - c)? One of the two must be constant.",
        lambda x, a, m: _mean((x - x).exp() * a, m),
    ),
    Wrong(
        "whole_episode",
        "Your box holds all actions of the episode at every step. Should an action that comes after t have a part in "
        "the weight of step t?",
        lambda x, a, m: _mean(_stop_ratio((x * m).sum(-1, keepdim=True)) * a, m),
    ),
    Wrong(
        "box_on_advantages",
        "The magic box up to t stands on A_t itself. On a reward r_t it is right. But A_t already holds the rewards "
        "after t: how often does each of them count now?",
        lambda x, a, m: _mean(_stop_ratio((x * m).cumsum(-1)) * a, m),
    ),
    Wrong(
        "sum_scaled",
        "The log-probabilities are divided by a number of steps or episodes inside the exponential. Scores are then "
        "too small, and products of two scores too small twice. Only the outermost mean divides.",
        when=_explained_by(_scaled, _scaled_by_all, _scaled_by_episodes),
    ),
    Wrong(
        "across_episodes",
        "Steps of different episodes have a mixed second derivative. Along which axis does your sum run, and where "
        "does it begin anew?",
        when=_explained_by(
            lambda x, a, m: _mean(_dice(x, m, lambda own: own.flatten().cumsum(0).view_as(own)) * a, m),
            lambda x, a, m: _mean(_dice(x, m, lambda own: own.cumsum(0)) * a, m),
        ),
    ),
    Wrong(
        "sign",
        "All derivatives have the wrong sign. A loss is descended, a return is climbed.",
        lambda x, a, m: -_mean(_dice(x, m) * a, m),
    ),
    Wrong(
        "sum_over_steps",
        "Right up to a factor: the sum over all steps instead of their mean, so that the inner step would grow with "
        "the number of episodes.",
        lambda x, a, m: -(_dice(x, m) * a * m).sum(),
    ),
    Wrong(
        "mask_ignored",
        "What stands in the padding enters. Which steps have been taken?",
        when=_explained_by(
            lambda x, a, m: _mean(_dice(x, torch.ones_like(m)) * a, torch.ones_like(m)),
            lambda x, a, m: -(_dice(x, m) * a * m).mean(),
        ),
    ),
    observe=_derivatives,
)  # fmt: skip

# ---------------------------------------------------------------- bandit_hessians


def _bandit_cases():
    for seed, arms in enumerate((2, 3, 5)):
        generator = torch.Generator().manual_seed(20 + seed)
        theta, q = torch.randn(2, arms, generator=generator, dtype=torch.float64)
        yield case(theta.softmax(0), 2 * q + 1, 0.7 * (seed + 1))


def _by_twofold_differentiation(p, q, b):
    """Automatic differentiation of the exact return, and of the naive loss with all arms as data."""
    theta = p.log()
    true = torch.func.hessian(lambda x: (x.softmax(0) * q).sum())(theta)
    naive = torch.func.hessian(lambda x: (p * x.log_softmax(0) * (q - b)).sum())(theta)
    return {"true": true, "naive": naive}


def _spread(p):
    return torch.diag(p) - p[:, None] * p


def _true(p, q):
    away = p * (q - (p * q).sum())
    return torch.diag(away) - away[:, None] * p - p[:, None] * away


def _first_part(p, value):
    """E ψ ψᵀ value."""
    score = torch.eye(len(p), dtype=p.dtype) - p
    return torch.einsum("a,a,ai,aj->ij", p, value, score, score)


def _bandit(true=None, naive=None):
    def answer(p, q, b):
        right = _true(p, q), -((p * q).sum() - b) * _spread(p)
        return {
            "true": right[0] if true is None else true(p, q, b),
            "naive": right[1] if naive is None else naive(p, q, b),
        }

    return answer


check_bandit_hessians = function_check(
    "bandit_hessians",
    _by_twofold_differentiation,
    _bandit_cases,
    Wrong(
        "baseline_ignored",
        "The true Hessian is right. In the naive one the baseline is missing: which expectation would have to vanish "
        "for it to drop out?",
        _bandit(naive=lambda p, q, b: -(p * q).sum() * _spread(p)),
    ),
    Wrong(
        "naive_sign",
        "The naive Hessian has the wrong sign: is log π of a softmax curved upwards or downwards?",
        _bandit(naive=lambda p, q, b: ((p * q).sum() - b) * _spread(p)),
    ),
    Wrong(
        "swapped",
        "The two matrices are right, under the wrong names.",
        lambda p, q, b: {"true": -((p * q).sum() - b) * _spread(p), "naive": _true(p, q)},
    ),
    Wrong(
        "only_scores",
        "Your true Hessian is E ψ ψᵀ q alone. That is one of two parts: scores change with θ, too.",
        _bandit(true=lambda p, q, b: _first_part(p, q)),
    ),
    Wrong(
        "mixed_baselines",
        "The baseline is subtracted in one part of your true Hessian, not in the other. In which sum does it cancel?",
        _bandit(true=lambda p, q, b: _first_part(p, q - b) - (p * q).sum() * _spread(p)),
    ),
    Wrong(
        "diagonal_only",
        "The naive Hessian has entries off its diagonal: the normaliser of the softmax depends on every logit.",
        _bandit(naive=lambda p, q, b: -((p * q).sum() - b) * torch.diag(p * (1 - p))),
    ),
    Wrong(
        "zero",
        "The naive Hessian vanishes only for one special baseline. Here b is any number.",
        _bandit(naive=lambda p, q, b: torch.zeros_like(_spread(p))),
    ),
)  # fmt: skip

# ---------------------------------------------------------------- sampling_term


def _support_cases():
    for seed, (tasks, episodes, horizon) in enumerate(((3, 4, 5), (5, 2, 3), (2, 3, 4))):
        generator = torch.Generator().manual_seed(40 + seed)
        lengths = torch.randint(1, horizon + 1, (tasks, episodes, 1), generator=generator)
        mask = torch.arange(horizon) < lengths
        log_pi = -torch.rand(tasks, episodes, horizon, generator=generator, dtype=torch.float64)
        yield case(log_pi, mask, torch.randn(tasks, generator=generator, dtype=torch.float64) + 2)


def _both_gradients(answer, log_pi, mask, outcome):
    leaves = [value.detach().clone().requires_grad_() for value in (log_pi, outcome)]
    value = answer(leaves[0], mask, leaves[1])
    if not isinstance(value, torch.Tensor) or value.shape:
        raise TypeError("sampling_term must return one number as a tensor without axes.")
    found = torch.autograd.grad(value, leaves, allow_unused=True)
    names = "with respect to log_pi", "with respect to outcome"
    return {n: torch.zeros_like(x) if g is None else g for n, x, g in zip(names, leaves, found, strict=True)}


def _term_by_definition(log_pi, mask, outcome):
    gradient = torch.zeros_like(log_pi)
    for task in range(len(outcome)):
        rest = [float(outcome[k]) for k in range(len(outcome)) if k != task]
        for episode, time in mask[task].nonzero().tolist():
            gradient[task, episode, time] = -(float(outcome[task]) - sum(rest) / len(rest)) / len(outcome)
    return {"with respect to log_pi": gradient, "with respect to outcome": torch.zeros_like(outcome)}


check_sampling_term = function_check(
    "sampling_term",
    _term_by_definition,
    _support_cases,
    Wrong(
        "not_centred",
        "The outcome is used as it is. In the mean that is right, but every log-probability is pushed the same way "
        "with the size of the whole return: what may be subtracted?",
        lambda x, m, o: _per_task(x, m, lambda o: o, o),
    ),
    Wrong(
        "own_included",
        "A task's own outcome is in the mean that you subtract from it. That mean depends on the task's support "
        "episodes, and is no baseline.",
        lambda x, m, o: _per_task(x, m, lambda o: o - o.mean(), o),
    ),
    Wrong(
        "mean_over_episodes",
        "Each episode gets only its share. The probability of N episodes is a product, and its logarithm?",
        when=lambda got, x, m, o: any(
            torch.allclose(got["with respect to log_pi"], _term_by_definition(x, m, o)["with respect to log_pi"] / n)
            for n in (x.shape[1], m.sum((1, 2), keepdim=True), m.sum(2, keepdim=True))
        ),
    ),
    Wrong(
        "outcome_differentiated",
        "A gradient flows into the outcome. It is a reward here: a number that was measured.",
        lambda x, m, o: _per_task(x, m, _relative, o, held=False),
    ),
    Wrong(
        "sign",
        "This makes the episodes before good outcomes less probable. An optimiser descends your result.",
        lambda x, m, o: -_per_task(x, m, _relative, o),
    ),
    Wrong(
        "sum_over_tasks",
        "Your result grows with the number of tasks. Their mean is wanted.",
        lambda x, m, o: len(o) * _per_task(x, m, _relative, o),
    ),
    Wrong(
        "mask_ignored",
        "What stands in the padding enters. Which steps have been taken?",
        lambda x, m, o: _per_task(x, torch.ones_like(m), _relative, o),
    ),
    observe=_both_gradients,
)  # fmt: skip


def _relative(outcome):
    return (outcome - outcome.mean()) * len(outcome) / (len(outcome) - 1)


def _per_task(log_pi, mask, centre, outcome, held=True):
    reward = centre(outcome.detach() if held else outcome)
    return -((log_pi * mask).sum((1, 2)) * reward).mean()


# ---------------------------------------------------------------- meta_loss


def _goal_cases():
    for seed, (tasks, draws, alpha, sigma) in enumerate(((2, 6, 0.3, 1.0), (3, 4, 0.2, 0.7), (1, 10, 0.5, 1.3))):
        generator = torch.Generator().manual_seed(60 + seed)
        theta = torch.randn(2, generator=generator, dtype=torch.float64)
        data = []
        for _ in range(tasks):
            actions = theta + sigma * torch.randn(draws, 2, generator=generator, dtype=torch.float64)
            goal = 2 * torch.randn(2, generator=generator, dtype=torch.float64)
            reward = -(actions - goal).square().sum(1)
            # Not centred, or the naive Hessian would be zero, and naive not to be told from first order.
            data.append((actions, reward - reward.mean() + 1.5, goal))
        yield case(theta.requires_grad_(), data, alpha, sigma)


def _value_and_gradient(answer, theta, tasks, alpha, sigma):
    value = answer(theta, tasks, alpha, sigma)
    (gradient,) = torch.autograd.grad(value, theta)
    return {"loss": value.detach(), "gradient": gradient}


def _by_closed_form(theta, tasks, alpha, sigma):
    """ψ = (a − θ) / σ²; the Jacobian I + α mean A (ψ ψᵀ − I / σ²) written out."""
    theta, identity = theta.detach(), torch.eye(2, dtype=torch.float64)
    losses, gradients = [], []
    for actions, advantage, goal in tasks:
        score = (actions - theta) / sigma**2
        adapted = theta + alpha * (advantage[:, None] * score).mean(0)
        curvature = (advantage[:, None, None] * (score[:, :, None] * score[:, None] - identity / sigma**2)).mean(0)
        losses.append((adapted - goal).square().sum())
        gradients.append((identity + alpha * curvature) @ (2 * (adapted - goal)))
    return {"loss": torch.stack(losses).mean(), "gradient": torch.stack(gradients).mean(0)}


def _meta_loss(divide=1, weight=_stop_ratio, cut=False, reduce=torch.mean):
    """`divide`: log-probabilities divided by it; `weight`: the estimator; `cut`: the step has no graph."""

    def answer(theta, tasks, alpha, sigma):
        losses = []
        for actions, advantage, goal in tasks:
            at = theta.detach().requires_grad_() if cut else theta
            log_pi = -(actions - at).square().sum(-1) / (2 * sigma**2) / divide
            (slope,) = torch.autograd.grad((weight(log_pi) * advantage).mean(), at, create_graph=not cut)
            losses.append((theta + alpha * slope - goal).square().sum())
        return reduce(torch.stack(losses))

    return answer


def _log(x):
    return x


check_meta_loss = function_check(
    "meta_loss",
    _by_closed_form,
    _goal_cases,
    Wrong(
        "as_it_was",
        "The step still has half its length, and the gradient does not go through it. Compare the loss with one that "
        "you compute by hand, then its gradient with finite differences in which the actions stay fixed.",
        _meta_loss(2, _log, cut=True),
    ),
    Wrong(
        "mean_over_dimensions",
        "One bug is left, and it shows in the loss already: the inner step has half its length. How is a joint "
        "log-density made of those of its dimensions?",
        _meta_loss(2),
    ),
    Wrong(
        "first_order",
        "The loss is right. Its gradient is that of a constant step: at which tensor are the log-probabilities "
        "evaluated, and does it lead back to theta? (There may be one more bug behind this one.)",
        _meta_loss(1, _log, cut=True),
    ),
    Wrong(
        "naive",
        "The loss is right and a gradient goes through the step, but the second derivative is that of log π times "
        "advantage. Equation (4) climbs another surrogate.",
        _meta_loss(1, _log),
    ),
    Wrong(
        "two_left",
        "The gradient goes through the step now. Two bugs are left: one shows in the length of the step, the other in "
        "its second derivative.",
        _meta_loss(2, _log),
    ),
    Wrong(
        "no_gradient",
        "Your loss has no gradient with respect to theta. Which of your tensors were made without a graph?",
        raises="does not require grad",
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _meta_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradient,
)  # fmt: skip
