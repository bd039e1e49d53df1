"""Answers to exercises of chapter 08, from an eighth attack."""

import math

import numpy as np
import torch

from metarl_core.check import ch08

from . import named


def _advantages(
    ridge=1e-5, episodes=10**6, small=0.0, correction=0, clip=None, discount_of=lambda g: g, pooled=False,
    by_episode=False, solve=torch.linalg.solve,
):  # fmt: skip
    def answer(rewards, features, mask, discount):
        discount = discount_of(discount)
        returns = torch.zeros_like(rewards)
        total = torch.zeros_like(rewards[..., 0])
        for t in reversed(range(rewards.shape[-1])):
            total = rewards[..., t] + discount * total
            returns[..., t] = total
        real = mask.double()
        rows, aims = (features * real[..., None]).flatten(1, 2), (returns * real).flatten(1, 2)[..., None]
        eye = ridge * torch.eye(rows.shape[-1]).double()
        if pooled:
            every, aim = rows.flatten(0, 1), aims.flatten(0, 1)
            w = solve(every.T @ every + eye, every.T @ aim)
        else:
            w = solve(rows.mT @ rows + eye, rows.mT @ aims)
        raw = (aims - rows @ w).reshape(rewards.shape)
        axes = (2,) if by_episode else (1, 2)
        count = real.sum(axes, keepdim=True)
        centred = (raw - raw.sum(axes, keepdim=True) / count) * real
        found = centred / ((centred**2).sum(axes, keepdim=True) / (count - correction)).sqrt().add(small)
        found = found.clamp(-clip, clip) if clip else found
        found[:, episodes:] = 0.0
        return found

    return answer


def _pinverse(gram, right):
    return torch.linalg.pinv(gram) @ right


def _rows_of_real_steps(rewards, features, mask, discount):
    found = torch.zeros_like(rewards)
    for i in range(len(rewards)):
        x, y = [], []
        for e in range(rewards.shape[1]):
            length = int(mask[i, e].sum())
            for t in range(length):
                x.append(features[i, e, t])
                y.append(sum(discount ** (k - t) * float(rewards[i, e, k]) for k in range(t, length)))
        x, y = torch.stack(x), torch.tensor(y, dtype=torch.float64)
        w = torch.linalg.solve(x.T @ x + 1e-5 * torch.eye(x.shape[1]).double(), x.T @ y)
        left = y - x @ w
        found[i][mask[i]] = (left - left.mean()) / left.std(correction=0)
    return found


def _by_extended_rows(rewards, features, mask, discount):
    """The ridge as further rows of a least-squares problem, in numpy."""
    found = np.zeros(rewards.shape)
    for i in range(len(rewards)):
        r, m = rewards[i].numpy(), mask[i].numpy()
        g = r.copy()
        for t in range(g.shape[1] - 2, -1, -1):
            g[:, t] += discount * g[:, t + 1]
        x, y = features[i].numpy()[m], g[m]
        n = x.shape[1]
        w = np.linalg.lstsq(np.vstack([x, np.sqrt(1e-5) * np.eye(n)]), np.r_[y, np.zeros(n)], rcond=None)[0]
        left = y - x @ w
        found[i][m] = (left - left.mean()) / left.std()
    return torch.from_numpy(found)


# ------------------------------------------------------------------ an inner step


def _inner(least=None, episodes=10**6, steps=10**6, by_episode=False, clip=None, all_steps=False, single=False):
    def answer(theta, states, actions, advantage, mask, alpha):
        w, s = theta["weight"].detach(), theta["log_std"].detach()
        used = s.clamp(min=least) if least is not None else s
        z = (actions - states @ w.T) / used.exp()
        real = mask.double().clone()
        real[episodes:] = 0
        real[:, steps:] = 0
        weight = advantage * real
        if by_episode:
            weight = weight / mask.sum(1, keepdim=True) / len(mask)
        else:
            weight = weight / (mask.numel() if all_steps else mask.sum())
        slope_w = torch.einsum("et,eta,ets->as", weight, z / used.exp(), states)
        slope_s = torch.einsum("et,eta->a", weight, z**2 - 1)
        if clip:
            slope_w, slope_s = slope_w.clamp(-clip, clip), slope_s.clamp(-clip, clip)
        found = {"weight": w + alpha * slope_w, "log_std": s + alpha * slope_s}
        return {k: (found[k].float().double() if single else found[k]) for k in theta}

    return answer


def _by_distribution(theta, states, actions, advantage, mask, alpha):
    leaves = {k: v.detach().clone().requires_grad_(True) for k, v in theta.items()}
    policy = torch.distributions.Independent(
        torch.distributions.Normal(states @ leaves["weight"].T, leaves["log_std"].exp()), 1
    )
    (policy.log_prob(actions)[mask] * advantage[mask]).mean().backward()
    return {k: (v + alpha * v.grad).detach() for k, v in leaves.items()}


def _by_sgd(theta, states, actions, advantage, mask, alpha):
    leaves = {k: torch.nn.Parameter(v.detach().clone()) for k, v in theta.items()}
    optimiser = torch.optim.SGD(leaves.values(), lr=alpha, maximize=True)
    off = actions - torch.nn.functional.linear(states, leaves["weight"])
    log_pi = -off.square() / (2 * torch.exp(2 * leaves["log_std"])) - leaves["log_std"] - math.log(2 * math.pi) / 2
    ((log_pi.sum(-1) * advantage).masked_select(mask).mean()).backward()
    optimiser.step()
    return {k: v.detach().clone() for k, v in leaves.items()}


# ------------------------------------------------------------------ a trust region


def _trust(ridge=0.0, tasks=10**6, jacobian=2, euclid=False, half=True, by_task=False, positive=False):
    def answer(theta, curvature, centre, alpha, sigma, delta):
        a, c = curvature[:tasks], centre[:tasks]
        eye = torch.eye(len(theta)).double()
        f = eye - alpha * a
        f = f.clamp(min=0.0) if positive else f
        g = (f @ a @ f @ (theta - c)[..., None]).mean(0)[:, 0]
        h = torch.linalg.matrix_power(f, jacobian).mean(0) / sigma**2 + ridge * eye
        if by_task:
            h = f.mean(0) @ f.mean(0) / sigma**2
        if euclid:
            h = eye / sigma**2
        x = torch.linalg.solve(h, g)
        return -((2 if half else 1) * delta / (x @ g)).sqrt() * x

    return answer


def _by_cholesky(theta, curvature, centre, alpha, sigma, delta):
    f = torch.eye(len(theta)).double() - alpha * curvature
    g = sum(fi @ a @ fi @ (theta - c) for fi, a, c in zip(f, curvature, centre, strict=True)) / len(f)
    root = torch.linalg.cholesky(sum(fi @ fi for fi in f) / len(f) / sigma**2)
    u = torch.linalg.solve_triangular(root, g[:, None], upper=False)
    return -math.sqrt(2 * delta) * torch.linalg.solve_triangular(root.T, u / u.norm(), upper=True)[:, 0]


def _numpy_trust(theta, curvature, centre, alpha, sigma, delta):
    t, a, c = theta.numpy(), curvature.numpy(), centre.numpy()
    f = np.eye(len(t)) - alpha * a
    g = np.einsum("nij,njk,nkl,nl->i", f, a, f, t - c) / len(a)
    x = np.linalg.solve((f @ f).mean(0), g) * sigma**2
    return torch.from_numpy(-x * np.sqrt(2 * delta / (x @ g)))


# ------------------------------------------------------------------ a loss with bugs


def _loss(tasks=10**6, clip=None, correction=0, draws=10**6, small=0.0):
    def answer(theta, goals, noise, alpha, sigma):
        def log_density(point, actions):
            return -((actions - point) ** 2).sum(-1) / (2 * sigma**2)

        def surrogate(collector, own, goal):
            actions = (collector + sigma * own).detach()
            reward = -(actions - goal).square().sum(-1)
            a = (reward - reward.mean()) / (reward.std(correction=correction) + small)
            old = log_density(collector, actions).detach()

            def at(point):
                ratio = (log_density(point, actions) - old).exp()
                ratio = ratio.clamp(1 - clip, 1 + clip) if clip else ratio
                return -(ratio * a).mean()

            return at

        losses = []
        for goal, (support, query) in zip(goals[:tasks], noise[:tasks], strict=True):
            (slope,) = torch.autograd.grad(surrogate(theta, support[:draws], goal)(theta), theta, create_graph=True)
            adapted = theta - alpha * slope
            losses.append(surrogate(adapted, query, goal)(adapted))
        return torch.stack(losses).mean()

    return answer


WRONG = [
    *named(
        ch08.check_task_advantages,
        no_ridge=_advantages(ridge=0.0, solve=_pinverse),
        larger_ridge=_advantages(ridge=1e-4),
        fifty_episodes=_advantages(episodes=50),
        small=_advantages(small=1e-8 + 1e-3),
        unbiased=_advantages(correction=1),
        clipped=_advantages(clip=5.0),
        at_most_99=_advantages(discount_of=lambda g: min(g, 0.99)),
        pooled=_advantages(pooled=True),
        by_episode=_advantages(by_episode=True),
    ),
    *named(
        ch08.check_inner_step,
        least_std=_inner(least=-6.0),
        fifty_episodes=_inner(episodes=50),
        fifty_steps=_inner(steps=50),
        by_episode=_inner(by_episode=True),
        clipped=_inner(clip=10.0),
        padding_counted=_inner(all_steps=True),
        single=_inner(single=True),
    ),
    *named(
        ch08.check_trust_region_step,
        fifty_tasks=_trust(tasks=50),
        damped=_trust(ridge=1e-3),
        one_jacobian=_trust(jacobian=1),
        plain=_trust(euclid=True),
        half_forgotten=_trust(half=False),
        mean_jacobian=_trust(by_task=True),
        no_negative_factors=_trust(positive=True),
    ),
]
WRONG += named(
    ch08.check_meta_loss,
    fifty_tasks=_loss(tasks=50),
    fifty_draws=_loss(draws=50),
    unbiased=_loss(correction=1),
    small=_loss(small=1e-3),
)
RIGHT = [
    *named(ch08.check_meta_loss, with_densities_of_its_own=_loss()),
    *named(ch08.check_task_advantages, _rows_of_real_steps, _by_extended_rows),
    *named(ch08.check_inner_step, _by_distribution, _by_sgd, by_formulas=_inner()),
    *named(ch08.check_trust_region_step, _by_cholesky, _numpy_trust),
]
