"""Answers to chapter 10 that keep their targets, or count on a discount of one at most and on few steps."""

import torch
from torch.nn import functional as F

from metarl_core.check import ch10

from . import named


def _steps(kept=None, discount_of=lambda discount: discount):
    def answer(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
        best = (next_features @ theta.T).amax(-1)
        if kept is not None:
            best = kept.setdefault((alpha, steps, discount, best.shape, theta.shape), best)
        y = rewards + discount_of(discount) * best * ~terminated
        chosen, adapted = F.one_hot(actions, len(theta)).to(theta.dtype), theta.expand(len(rewards), *theta.shape)
        for _ in range(steps):
            error = y - torch.einsum("tnf,taf,tna->tn", features, adapted, chosen)
            adapted = adapted + 2 * alpha / error.shape[1] * torch.einsum("tn,tna,tnf->taf", error, chosen, features)
        return adapted

    return answer


def _gradients(most=None):
    def answer(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
        rate, y, adapted = 2 * alpha / len(rewards), rewards + discount * phi_next @ theta, theta
        steps = steps if most is None else min(steps, most)
        for _ in range(steps):
            adapted = adapted + rate * phi.T @ (y - phi @ adapted)
        back = 2 * query_phi.T @ (query_phi @ adapted - query_y) / len(query_y)
        by_targets = torch.zeros_like(theta)
        for _ in range(steps):
            by_targets = by_targets + rate * discount * phi_next.T @ (phi @ back)
            back = back - rate * phi.T @ (phi @ back)
        return {"frozen": back, "whole": back + by_targets}

    return answer


WRONG = [
    *named(
        ch10.check_inner_td_steps, targets_kept=_steps({}), a_discount_of_one=_steps(discount_of=lambda g: min(g, 1))
    ),
    *named(ch10.check_meta_gradients, twenty_steps_at_most=_gradients(20)),
]
RIGHT = [
    *named(ch10.check_inner_td_steps, by_einsum=_steps()),
    *named(ch10.check_meta_gradients, from_the_end_backwards=_gradients()),
]
