"""Answers to the exercises of chapter 17."""

import numpy as np
import torch

from attacks import named
from metarl_core.check import ch17

# ------------------------------------------------------------------ diagnoses

LETTERS = {case.number: case.right for case in ch17.CASES}
KINDS = {case.number: case.kind for case in ch17.CASES}


def _all(letter):
    return dict.fromkeys(LETTERS, letter)


# ------------------------------------------------------------------ meta_gradient


def _functional(weights, tasks, inner_lr):
    """Right: transforms, one task after the other."""

    def error(w, data):
        return torch.nn.functional.mse_loss(data[0] @ w, data[1])

    def after(w, task):
        return error(w - inner_lr * torch.func.grad(error)(w, task[0]), task[1])

    return torch.stack([torch.func.grad(after)(weights, task) for task in tasks]).mean(0)


def _by_differences(weights, tasks, inner_lr):
    """Right: central differences of a polynomial of the second degree are exact."""

    def after(w):
        total = 0.0
        for (x, y), (far, target) in tasks:
            moved = w - inner_lr * 2 * x.T @ (x @ w - y) / len(y)
            total = total + ((far @ moved - target) ** 2).mean()
        return total / len(tasks)

    units = torch.eye(len(weights)).double()
    return torch.stack([(after(weights + unit) - after(weights - unit)) / 2 for unit in units])


def _gradient_variant(change):
    def answer(weights, tasks, inner_lr):
        if change == "first task":
            tasks = tasks[:1]
        if change == "half":
            inner_lr = inner_lr / 2
        if change == "exchanged":
            tasks = [(query, support) for support, query in tasks]
        if change == "pooled":
            support, query = (
                tuple(torch.cat([t[side][part] for t in tasks]) for part in range(2)) for side in range(2)
            )
            tasks = [(support, query)]
        found = _functional(weights, tasks, inner_lr)
        if change == "negative":
            return -found
        if change == "a column":
            return found[:, None]
        if change == "single":
            return found.float()
        if change == "two steps":
            return found - inner_lr * found
        return found

    return answer


# ------------------------------------------------------------------ td_targets, next_belief


def _where(rewards, terminated, truncated, next_values, discount):
    """Right."""
    return torch.where(terminated, rewards, rewards + discount * next_values)


def _in_numpy(rewards, terminated, truncated, next_values, discount):
    """Right."""
    found = rewards.numpy() + discount * next_values.numpy() * np.logical_not(terminated.numpy())
    return torch.from_numpy(found)


def _no_reward_at_the_end(rewards, terminated, truncated, next_values, discount):
    return (rewards + discount * next_values) * ~terminated


def _half_at_the_clock(rewards, terminated, truncated, next_values, discount):
    weight = (~terminated).double() * (1 - 0.5 * truncated.double())
    return rewards + discount * weight * next_values


def _next_step(rewards, terminated, truncated, next_values, discount):
    return rewards + discount * (~terminated.roll(-1)).double() * next_values


def _masked(belief, cell, found):
    """Right."""
    mask = torch.arange(len(belief)) == cell
    left = torch.where(mask if found else ~mask, belief, torch.zeros_like(belief))
    return left / left.sum()


def _softly(belief, cell, found):
    new = belief.clone()
    new[cell] *= 20 if found else 0
    return new / new.sum()


def _keeps_a_little(belief, cell, found):
    new = _masked(belief, cell, found) + 1e-3
    return new / new.sum()


def _in_place(belief, cell, found):
    if found:
        belief.zero_()
        belief[cell] = 1
    else:
        belief[cell] = 0
        belief /= belief.sum()
    return belief


# ------------------------------------------------------------------ elite_mean


def _twice(plans, scores, elites):
    """Right: argsort of argsort is a rank."""
    rank = (-scores).argsort(1).argsort(1)
    weight = (rank < elites).double()
    return torch.einsum("ec,ecta->eta", weight, plans) / elites


def _by_threshold(plans, scores, elites):
    """Right where scores differ."""
    level = scores.sort(1, descending=True).values[:, elites - 1 : elites]
    return torch.stack([own[keep].mean(0) for own, keep in zip(plans, scores >= level, strict=True)])


def _strict_threshold(plans, scores, elites):
    level = scores.sort(1, descending=True).values[:, elites - 1 : elites]
    return torch.stack([own[keep].mean(0) for own, keep in zip(plans, scores > level, strict=True)])


def _over_time(plans, scores, elites):
    best = scores.topk(elites, 1).indices
    chosen = torch.take_along_dim(plans, best[..., None, None], 1)
    return chosen.mean((1, 2), keepdim=True)[:, 0].expand(len(plans), *plans.shape[2:]).clone()


def _median(plans, scores, elites):
    best = scores.topk(elites, 1).indices
    return torch.take_along_dim(plans, best[..., None, None], 1).median(1).values


def _two_elites(plans, scores, elites):
    return _twice(plans, scores, min(2, scores.shape[1]))


# ------------------------------------------------------------------ trusted


def _by_finite_differences(adapted):
    """Right: nothing by hand but the loop; the derivative by differences."""

    def loss(at):
        return at.exp().sum() - 0.5 * at[0] ** 3

    def run(point, inner_lr, steps):
        return adapted(loss, point.clone().requires_grad_(), inner_lr, steps)

    for inner_lr, steps in ((0.05, 1), (0.15, 3), (0.15, 3)):
        start = torch.tensor([0.3, -0.7, 0.2]).double()
        leaf, plain = start.clone().requires_grad_(), start.clone()
        found = adapted(loss, leaf, inner_lr, steps)
        for _ in range(steps):
            plain = plain - inner_lr * torch.func.grad(loss)(plain)
        if not (torch.allclose(found, plain) and torch.equal(leaf.detach(), start) and found.requires_grad):
            return False
        rows = []
        for number in range(3):
            (row,) = torch.autograd.grad(found[number], leaf, retain_graph=True, allow_unused=True)
            if row is None:
                return False
            rows.append(row)
        for place in range(3):
            step = torch.zeros(3).double()
            step[place] = 1e-5
            column = (run(start + step, inner_lr, steps) - run(start - step, inner_lr, steps)).detach() / 2e-5
            if not torch.allclose(torch.stack(rows)[:, place], column, atol=1e-6):
                return False
    return True


def _values_of_one_setting(adapted):
    theta = torch.tensor([0.5, -1.0]).double().requires_grad_()
    found = adapted(lambda at: at.pow(4).sum() / 4, theta, 0.1, 1)
    return bool(torch.allclose(found, torch.tensor([0.4875, -0.9]).double()))


def _loss_falls(adapted):
    theta = torch.tensor([0.5, -1.0]).double().requires_grad_()

    def loss(at):
        return at.pow(4).sum()

    before = float(loss(theta.detach()))
    return bool(loss(adapted(loss, theta, 0.05, 2)) < before)


def _asks_for_a_graph(adapted):
    theta = torch.tensor([0.5, -1.0]).double().requires_grad_()
    return adapted(lambda at: at.pow(4).sum(), theta, 0.1, 2).grad_fn is not None


def _wants_theta_back(adapted):
    """Demands that no step hands back theta itself, which nobody promised."""
    theta = torch.tensor([0.5, -1.0]).double().requires_grad_()
    return _by_finite_differences(adapted) and adapted(lambda at: at.sum(), theta, 0.1, 0) is theta


def _raises(adapted):
    assert _by_finite_differences(adapted)


WRONG = [
    (ch17.check_diagnoses, _all("A")),
    (ch17.check_diagnoses, _all("B")),
    (ch17.check_diagnoses, _all("a")),
    (ch17.check_diagnoses, list(LETTERS.values())),
    (ch17.check_diagnoses, {str(number): letter for number, letter in LETTERS.items()}),
    (ch17.check_kinds, _all("W")),
    (ch17.check_kinds, dict.fromkeys(KINDS, ch17.WRONG)),
    (ch17.check_kinds, {**KINDS, 28: ch17.SAYS}),
    *named(
        ch17.check_meta_gradient,
        **{
            change.replace(" ", "_"): _gradient_variant(change)
            for change in ("first task", "half", "exchanged", "pooled", "negative", "a column", "single", "two steps")
        },
    ),
    *named(ch17.check_td_targets, _no_reward_at_the_end, _half_at_the_clock, _next_step),
    *named(ch17.check_next_belief, _softly, _keeps_a_little, _in_place),
    *named(ch17.check_elite_mean, _strict_threshold, _over_time, _median, _two_elites),
    *named(ch17.check_trusted, _values_of_one_setting, _loss_falls, _asks_for_a_graph, _wants_theta_back, _raises),
]
RIGHT = [
    (ch17.check_diagnoses, {**LETTERS, 3: np.str_(LETTERS[3])}),
    (ch17.check_kinds, dict(reversed(KINDS.items()))),
    *named(ch17.check_meta_gradient, _functional, _by_differences),
    *named(ch17.check_td_targets, _where, _in_numpy),
    *named(ch17.check_next_belief, _masked),
    *named(ch17.check_elite_mean, _twice, _by_threshold),
    *named(ch17.check_trusted, _by_finite_differences),
]
