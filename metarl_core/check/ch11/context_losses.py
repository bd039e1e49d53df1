"""The check of the exercise `context_losses`."""

import torch
from torch.distributions import Normal, kl_divergence

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.answers import leads_to
from metarl_core.check.compare import difference

KEYS = ("encoder_and_critic", "actor")
GRAPH = "a graph that leads back to mean and log_std"
BY_MEAN, BY_STD = "gradient of the first loss by mean", "gradient of the first loss by log_std"
BY_CRITIC, BY_ACTOR = "gradient of the first loss by critic", "gradient of the second loss by actor"
LEAK = "gradient of the second loss by mean and log_std"
FIRST_BY_ACTOR = "gradient of the first loss by actor"


def _draw_case(draw):
    """1 to 4 tasks, 1 to 6 context transitions, 1 to 8 others, once 60 of each, latents of 1 to 4 dimensions; wide,
    narrow factors."""
    tasks, context, batch = draw.integer(1, 4), draw.integer(1, 6), draw.integer(1, 8)
    tasks, context, batch = draw.once(17, 60, tasks), draw.once(18, 60, context), draw.once(19, 60, batch)
    latent, seen, acted = draw.integer(1, 4), draw.integer(1, 3), draw.integer(1, 3)
    kl_coef = draw.choice(0.0, 1.0, *[draw.uniform(0.05, 2)] * 4)
    return case(
        draw.normal(tasks, context, latent).requires_grad_(),
        (0.5 * draw.normal(tasks, context, latent) + draw.uniform(-1, 0.5)).requires_grad_(),
        draw.normal(tasks, latent),
        draw.normal(tasks, batch, seen),
        draw.normal(tasks, batch, acted),
        draw.skewed(tasks, batch, scale=2.0),
        draw.normal(seen + acted, latent + 1).requires_grad_(),
        (0.7 * draw.normal(acted, seen + latent)).requires_grad_(),
        kl_coef,
    ).noting(
        {
            "there is more than one task": tasks > 1,
            "there is more than one context transition": context > 1,
            "z has more than one dimension": latent > 1,
            "the weight of the divergence is 0": kl_coef == 0,
            "there is a single transition to learn from": batch == 1,
        }
    )


def _slopes(value, leaves):
    if not value.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]


def _values_and_gradients(answer, mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
    losses = answer(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef)
    if not isinstance(losses, dict) or set(losses) != set(KEYS):
        raise TypeError(f"context_losses must return a dict with the keys {KEYS[0]!r} and {KEYS[1]!r}.")
    for key in KEYS:
        if not isinstance(losses[key], torch.Tensor) or losses[key].shape:
            raise TypeError(f"{key} must be one number, as a tensor without axes.")
    first, second = (losses[key] for key in KEYS)
    by_mean, by_std, by_critic, first_by_actor = _slopes(first, [mean, log_std, critic, actor])
    by_actor, *leak = _slopes(second, [actor, mean, log_std])
    seen = {GRAPH: first.requires_grad, **{key: losses[key].detach() for key in KEYS}}
    slopes = {BY_MEAN: by_mean, BY_STD: by_std, BY_CRITIC: by_critic, BY_ACTOR: by_actor}
    return {**seen, **slopes, FIRST_BY_ACTOR: first_by_actor, LEAK: torch.stack(leak)}


def _one_task_after_another(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
    """Bayes' rule with one factor after the other, divergences of torch.distributions, and lists in place of axes."""
    losses, gains = [], []
    for task in range(len(mean)):
        centre, variance = torch.zeros_like(mean[task, 0]), torch.ones_like(mean[task, 0])
        for mu, s in zip(mean[task], log_std[task], strict=True):
            gain = variance / (variance + torch.exp(s) ** 2)  # of a Kalman filter
            centre, variance = centre + gain * (mu - centre), (1 - gain) * variance
        q = Normal(centre, variance.sqrt())
        z = q.mean + q.stddev * noise[task]
        errors, values = [], []
        for s, a, y in zip(states[task], actions[task], targets[task], strict=True):
            errors.append((_value(critic, s, a, z) - y) ** 2)
            kept = z.detach()
            values.append(_value(critic.detach(), s, torch.tanh(actor @ torch.cat([s, kept])), kept))
        divergence = sum(kl_divergence(q, Normal(0 * centre, 0 * centre + 1)).unbind())
        losses.append(sum(errors) / len(errors) + kl_coef * divergence)
        gains.append(sum(values) / len(values))
    return {KEYS[0]: sum(losses) / len(losses), KEYS[1]: -sum(gains) / len(gains)}


def _value(critic, state, action, z):
    return torch.cat([state, action]) @ critic @ torch.cat([z, torch.ones(1, dtype=z.dtype)])


def _expected(*arguments):
    return _values_and_gradients(_one_task_after_another, *arguments)


def _kl(centre, std):
    return (0.5 * (std**2 + centre**2 - 1) - std.log()).sum(-1).mean()


def _losses(
    product="all", kl=_kl, kl_of="product", actor_z="kept", critic_z="free", spread="std", own_action=True,
    squash=torch.tanh, sign=-1.0, reduce=torch.mean, use_noise=True, half=1.0, target_sign=1.0, coef=None,
):  # fmt: skip
    """The losses in tensors, a part of them changed."""

    def answer(mean, log_std, noise, states, actions, targets, critic, actor, kl_coef):
        factor_std = log_std.exp()
        power = 1 if product == "one over std" else 2
        precision, weighted = (factor_std**-power).sum(1), (mean * factor_std**-power).sum(1)
        if product != "no prior":
            precision = precision + 1
        centre, std = weighted / precision, precision**-0.5
        if product == "means":
            centre, std = mean.mean(1), factor_std.mean(1)
        if product == "last":
            centre, std = mean[:, -1], factor_std[:, -1]
        if product == "centre alone":
            centre = mean.mean(1)
        if product == "no division":
            centre = weighted
        z = centre + (std if spread == "std" else std**2) * noise * (1.0 if use_noise else 0.0)
        weight = kl_coef if coef is None else coef
        divergence = kl(centre, std)
        if kl_of == "factors":
            divergence = (0.5 * (factor_std**2 + mean**2 - 1) - log_std).sum((1, 2)).mean()
        if kl_of == "kept":
            divergence = divergence.detach()
        latent = z.detach() if critic_z == "kept" else z
        q = _batched(critic, states, actions, latent)
        first = half * reduce((q - target_sign * targets).square()) + weight * divergence
        latent = z.detach() if actor_z == "kept" else z
        repeated = latent[:, None].expand(*states.shape[:2], -1)
        chosen = squash(torch.cat([states, repeated], -1) @ actor.T) if own_action else actions
        second = sign * reduce(_batched(critic, states, chosen, latent))
        return {KEYS[0]: first, KEYS[1]: second}

    return answer


def _batched(critic, states, actions, z):
    with_one = torch.cat([z, torch.ones_like(z[:, :1])], -1)
    return torch.einsum("tmi,ij,tj->tm", torch.cat([states, actions], -1), critic, with_one)


def _sum_over_batch(values):
    return values.sum(1).mean() if values.ndim > 1 else values.mean()


def _other_way_round(centre, std):
    return (std.log() + 0.5 * (1 + centre**2) / std**2 - 0.5).sum(-1).mean()


def _each(centre, std):
    return 0.5 * (std**2 + centre**2 - 1) - std.log()


def _right_but(*keys):
    """Whether the observation is right but for some of its entries, and wrong in all of these."""

    def when(got, *a):
        right = _expected(*a)
        return all((difference(got[key], right[key], None, None) is None) == (key not in keys) for key in right)

    return when


check_context_losses = function_check(
    "context_losses",
    _expected,
    _draw_case,
    Wrong(
        "no_graph",
        "Your first loss carries no graph that leads back to mean and log_std. From what should the encoder learn?",
        when=lambda got, *a: not got[GRAPH],
    ),
    Wrong(
        "actor_through_z",
        "The second loss has a gradient with respect to mean and log_std: what the actor wants moves the belief. What "
        "is the belief to be right about?",
        when=lambda got, *a: bool((got[LEAK] != 0).any()),
    ),
    Wrong(
        "critic_through_nothing",
        "The values are right. No gradient of the squared errors reaches the encoder, which is left to the divergence "
        "alone: where will that take it?",
        _losses(critic_z="kept"),
    ),
    Wrong(
        "divergence_constant",
        "The values are right. The divergence carries no gradient to the encoder.",
        _losses(kl_of="kept"),
    ),
    Wrong(
        "mean_over_latent",
        "Your divergence is divided by the dimensions of z. They are parts of one variable: do its surprises add up?",
        when=leads_to(
            _values_and_gradients,
            _losses(kl=lambda c, s: _each(c, s).mean()),
            _losses(kl=lambda c, s: _each(c, s).sum(0).mean()),
        ),
    ),
    Wrong(
        "sum_over_tasks",
        "Your divergence grows with the number of tasks, and the squared errors do not. With another meta-batch it "
        "would have another weight.",
        _losses(kl=lambda c, s: _each(c, s).sum()),
    ),
    Wrong(
        "other_way_round",
        "Your divergence is that of the prior from the belief. Which of the two is the expectation in (4) taken over?",
        _losses(kl=_other_way_round),
    ),
    Wrong(
        "divergence_of_factors",
        "Your divergence is a sum over the context transitions. How many beliefs does a task have?",
        _losses(kl_of="factors"),
    ),
    Wrong(
        "prior_left_out",
        "Your belief is the product of the transitions' factors. What did the agent believe before the first of them?",
        _losses(product="no prior"),
    ),
    Wrong(
        "averaged",
        "Your belief averages the factors: with a hundred transitions it is as wide as with one.",
        when=leads_to(_values_and_gradients, _losses(product="means"), _losses(product="centre alone")),
    ),
    Wrong(
        "last_alone",
        "Your belief is the factor of the last transition. What about the others?",
        _losses(product="last"),
    ),
    Wrong(
        "not_squared",
        "You weigh the factors with one over their standard deviations. What adds up when Gaussians are multiplied?",
        _losses(product="one over std"),
    ),
    Wrong(
        "not_divided",
        "The mean of your belief is a weighted sum, whose weights do not add up to one.",
        _losses(product="no division"),
    ),
    Wrong(
        "variance_for_std",
        "Your z is as far from the mean as the variance times the noise.",
        _losses(spread="variance"),
    ),
    Wrong(
        "noise_left_out",
        "Your z is the mean of the belief. What makes the encoder pay for being unsure?",
        _losses(use_noise=False),
    ),
    Wrong(
        "actions_of_the_batch",
        "Your second loss values the actions that were recorded. Whose actions should it improve?",
        _losses(own_action=False),
    ),
    Wrong(
        "not_squashed",
        "Your actor's actions have no bounds: something is missing between its weights and the action.",
        _losses(squash=lambda x: x),
    ),
    Wrong(
        "actor_reversed",
        "An optimiser that descends your second loss looks for actions of low value.",
        _losses(sign=1.0),
    ),
    Wrong(
        "sum_over_transitions",
        "Your losses grow with the number of transitions.",
        _losses(reduce=_sum_over_batch),
    ),
    Wrong("half", "Your squared errors are halved.", _losses(half=0.5)),
    Wrong(
        "weight_ignored",
        "The weight of the divergence changes nothing in your loss.",
        when=leads_to(_values_and_gradients, _losses(coef=1.0), _losses(coef=0.0)),
    ),
    Wrong(
        "critic_slope",
        "Everything is right but the gradient of the first loss with respect to the critic.",
        when=_right_but(BY_CRITIC),
    ),
    Wrong(
        "actor_slope",
        "Everything is right but the gradient of the second loss with respect to the actor. Through what does an "
        "action change its value?",
        when=_right_but(BY_ACTOR),
    ),
    observe=_values_and_gradients,
)
