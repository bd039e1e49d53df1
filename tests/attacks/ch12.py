"""Answers to the exercises of chapter 12."""

import numpy as np
import torch

from metarl_core.check import ch12

# ------------------------------------------------------------------ relative_error


def _by_lstsq(train, test, ridge):
    """Right: further rows in place of the ridge, statistics by sums."""
    sets = [(torch.cat([o, a], 1), following - o) for o, a, following in (train, test)]
    rows = []
    for place in range(2):
        own = sets[0][place]
        mean = own.sum(0) / len(own)
        root = ((own - mean) ** 2).sum(0).div(len(own)).sqrt()
        rows.append([(one[place] - mean) / root for one in sets])
    (x, x2), (y, y2) = rows
    more = torch.cat([x, np.sqrt(ridge) * torch.eye(x.shape[1], dtype=x.dtype)])
    w = torch.linalg.lstsq(more, torch.cat([y, y.new_zeros(x.shape[1], y.shape[1])])).solution
    return torch.nn.functional.mse_loss(x2 @ w, y2)


def _error_variant(change):
    def answer(train, test, ridge):
        if change == "no ridge":
            ridge = 1e-12
        if change == "squared ridge":
            ridge = ridge**2
        if change == "actions ignored":
            train, test = ((o, 0 * a + torch.randn(a.shape).double(), n) for o, a, n in (train, test))
        if change == "exchanged":
            train, test = test, train
        if change == "first step":
            test = tuple(part[:1] for part in test)
        found = _by_lstsq(train, test, ridge)
        if change == "a number":
            return float(found)
        if change == "one axis":
            return found[None]
        if change == "single precision":
            return found.float()
        return found

    return answer


# ------------------------------------------------------------------ search


def _by_lists(score, low, high, noise, start, elites):
    """Right: everything in numpy but the scores, elites of one environment after the other."""
    envs = noise.shape[1]
    mean, std = start.numpy().copy(), np.broadcast_to(((high - low) / 4).numpy(), start.shape).copy()
    kept = [np.empty((0, *start.shape[1:])) for _ in range(envs)]
    for k in range(len(noise)):
        drawn = np.clip(mean[:, None] + std[:, None] * noise[k].numpy(), low.numpy(), high.numpy())
        every = [np.concatenate([old, new]) for old, new in zip(kept, drawn, strict=True)]
        values = score(torch.from_numpy(np.stack(every))).numpy()
        for e in range(envs):
            kept[e] = every[e][np.argsort(-values[e], kind="stable")[:elites]]
            mean[e], std[e] = kept[e].mean(0), kept[e].std(0)
    return torch.from_numpy(np.stack([one[0] for one in kept]))


def _scores_kept(score, low, high, noise, start, elites):
    """Right: the elites' scores are kept, and only new candidates are scored."""
    mean, std, best, worth = start, torch.ones_like(start) * (high - low) / 4, None, None
    for drawn in noise:
        plans = torch.clip(mean.unsqueeze(1) + drawn * std.unsqueeze(1), low, high)
        values = score(plans)
        if best is not None:
            plans, values = torch.cat((plans, best), 1), torch.cat((values, worth), 1)
        worth, index = values.sort(dim=1, descending=True)
        worth, index = worth[:, :elites], index[:, :elites]
        best = torch.stack([one[some] for one, some in zip(plans, index, strict=True)])
        mean = best.mean(dim=1)
        std = (best - mean[:, None]).pow(2).mean(dim=1).sqrt()
    return best[:, 0]


def _search_variant(change):
    def answer(score, low, high, noise, start, elites):
        if change == "no noise in time":
            noise = noise[..., :1, :].expand_as(noise)
        if change == "one elite":
            elites = 1
        if change == "all but one":
            noise = noise[:, :, : max(1, noise.shape[2] - 1)]
            elites = min(elites, noise.shape[2])
        if change == "bounds of one":
            low, high = low.min().expand_as(low), high.max().expand_as(high)
        if change == "rounds backwards":
            noise = noise.flip(0)
        if change == "clipped to one":
            low, high = low.clamp(-1, 1), high.clamp(-1, 1)
        if change == "twice as many elites":
            elites = min(2 * elites, noise.shape[2])
        found = _by_lists(score, low, high, noise, start, elites)
        if change == "first action":
            return found[:, 0]
        return found

    return answer


# ------------------------------------------------------------------ motor_share


def _in_closed_form(past, new, width):
    """Right: with everything multiplied out."""
    d, x = (2 * new - past) / past, 1 / (1 + 0.8 / past)
    share = 1 - 2 * x * d + x**2 * (d**2 + 0.8 / past)
    return 1.5 * x / width**2, share


def _motor_variant(change):
    def answer(past, new, width):
        alpha, share = _in_closed_form(past, new, width)
        if change == "width is one":
            alpha, share = _in_closed_form(past, new, 1.0)
        if change == "new is old":
            alpha, share = _in_closed_form(past, past - new, width)
        if change == "best for k":
            d, v = (2 * new - past) / past, 0.8 / past
            alpha = 1.5 * d / (d**2 + v) / width**2
        if change == "rounded":
            return round(alpha, 3), round(share, 3)
        if change == "exchanged":
            return share, alpha
        if change == "list of one":
            return [alpha]
        return alpha, share

    return answer


# ------------------------------------------------------------------ adapted_losses


def _by_functional(theta, observations, actions, following, moments, past, future, inner_lr):
    """Right: with torch.func and masks over all steps."""
    inputs, targets = torch.cat([observations, actions], -1), following - observations
    steps = torch.arange(len(actions))

    def masked(weights, chosen):
        off = targets - (inputs @ weights["U"].mT).tanh() @ weights["V"].mT
        return (off.square().mean(-1) * chosen).sum() / chosen.sum().clamp_min(1)

    out = []
    for t in moments:
        slopes = torch.func.grad(masked)(theta, (steps >= t - past) & (steps < t))
        moved = {name: value - inner_lr * slopes[name] for name, value in theta.items()}
        out.append(masked(moved, (steps >= t) & (steps < t + future)))
    return torch.stack(out)


def _window_variant(change):
    def answer(theta, observations, actions, following, moments, past, future, inner_lr):
        if change == "sorted":
            moments = sorted(moments)
        if change == "once each":
            moments = [t if t not in moments[:i] else 0 for i, t in enumerate(moments)]
        if change == "past for future":
            future = past
        if change == "query late":
            moments = [min(t + 1, len(actions) - 1) for t in moments]
        if change == "only V moves":
            frozen = {"U": theta["U"].detach(), "V": theta["V"]}
            return _by_functional(frozen, observations, actions, following, moments, past, future, inner_lr)
        if change == "tiny step":
            inner_lr = min(inner_lr, 0.1)
        found = _by_functional(theta, observations, actions, following, moments, past, future, inner_lr)
        if change == "mean":
            return found.mean()
        if change == "half":
            return found / 2
        return found

    return answer


WRONG = [
    *[
        (ch12.check_relative_error, _error_variant(change))
        for change in (
            "no ridge", "squared ridge", "actions ignored", "exchanged", "first step", "one axis", "single precision",
        )
    ],
    *[
        (ch12.check_search, _search_variant(change))
        for change in (
            "no noise in time", "one elite", "all but one", "bounds of one", "rounds backwards", "clipped to one",
            "twice as many elites", "first action",
        )
    ],
    *[
        (ch12.check_motor_share, _motor_variant(change))
        for change in ("width is one", "new is old", "best for k", "rounded", "exchanged", "list of one")
    ],
    *[
        (ch12.check_adapted_losses, _window_variant(change))
        for change in (
            "sorted", "once each", "past for future", "query late", "only V moves", "tiny step", "mean", "half",
        )
    ],
]  # fmt: skip
RIGHT = [
    (ch12.check_relative_error, _by_lstsq),
    (ch12.check_search, _by_lists),
    (ch12.check_search, _scores_kept),
    (ch12.check_motor_share, _in_closed_form),
    (ch12.check_adapted_losses, _by_functional),
]
