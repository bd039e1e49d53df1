"""Wrong answers to the exercises of chapter 12, written as a learner would write them."""

import math

import torch
from attacks import ch12_reports as report

from metarl_core.check import ch12
from mutants import Mutant

# ---------------------------------------------------------------- relative_error


def _error(fixed=("change", "train", "each"), change=None):
    """The colleague's code with some of the bugs repaired, and perhaps a new one."""

    def answer(train, test, ridge):
        (o, a, n), (o2, a2, n2) = train, test
        X, X2 = torch.hstack([o, a]), torch.hstack([o2, a2])
        Y, Y2 = (n - o, n2 - o2) if "change" in fixed else (n, n2)

        def normal(one, two):
            source = one if "train" in fixed else torch.vstack([one, two])
            dim = 0 if "each" in fixed else None
            m = 0 if change == "not centred" else source.mean(0)
            s = source.std(dim, unbiased=change == "unbiased")
            if change == "not normalised":
                m, s = 0, torch.ones_like(s)
            m2, s2 = (two.mean(0), two.std(0, unbiased=False)) if change == "own" else (m, s)
            return (one - m) / s, (two - m2) / s2, s

        x, x2, _ = normal(X, X2)
        y, y2, unit = normal(Y, Y2)
        W = torch.linalg.inv(x.T @ x + ridge * torch.eye(x.shape[1]).double()) @ x.T @ y
        off = (y - x @ W) if change == "training" else (y2 - x2 @ W)
        off = off * unit if change == "units" else off
        e = (off**2).sum(1).mean() if change == "sum" else (off**2).mean()
        return e.sqrt() if change == "root" else e

    return answer


# ---------------------------------------------------------------- search


def _cem(change=None):
    """Environment by environment, with one slip."""

    def answer(score, low, high, noise, start, elites):
        rounds, envs, number = noise.shape[:3]
        divisor = {"half": 2, "whole": 1}.get(change, 4)
        mu = start.clone()
        if change == "middle":
            mu = torch.zeros_like(start) + (low + high) / 2
        sigma = torch.zeros_like(start) + (high - low) / divisor
        elite = None
        for k in range(rounds):
            eps = noise[0] if change == "same noise" else noise[k]
            new = mu[:, None] + sigma[:, None] * eps
            if change not in ("unclipped", "late clip"):
                new = torch.max(torch.min(new, high), low)
            keep = elite is not None and change != "forgets"
            every = torch.cat([elite, new], 1) if keep else new
            value = score(every)
            order = value.topk(elites, dim=1, largest=change != "lowest").indices
            if change == "first":
                order = order[[0]].repeat(envs, 1)
            elite = torch.stack([every[e, order[e]] for e in range(envs)])
            if change in ("pooled", "pooled E"):
                flat = value.flatten().argsort(descending=True)[: elites * (envs if change == "pooled" else 1)]
                elite = every.flatten(0, 1)[flat][None].repeat(envs, 1, 1, 1)
            mu, old = elite.mean(1), sigma
            sigma = elite.std(1, unbiased=change == "unbiased")
            if change == "wide":
                sigma = old
            if change == "one sigma":
                sigma = elite.std((1, 2), unbiased=False)[:, None].expand_as(old)
            if change == "once":
                break
        if change == "mean":
            return mu
        if change == "worst elite":
            return elite[:, -1]
        if change == "newest":
            return new[torch.arange(envs), score(new).argmax(1)]
        best = elite[:, 0]
        return torch.max(torch.min(best, high), low) if change == "late clip" else best

    return answer


def _smoothed(score, low, high, noise, start, elites):
    """The chapter's search, with elites that stay."""
    mean, std, best = start, ((high - low) / 4).expand_as(start), None
    for drawn in noise:
        plans = (mean[:, None] + std[:, None] * drawn).clamp(low, high)
        plans = plans if best is None else torch.cat([best, plans], 1)
        index = score(plans).topk(elites, 1).indices
        best = torch.take_along_dim(plans, index[..., None, None], 1)
        mean = 0.1 * mean + 0.9 * best.mean(1)
        std = 0.1 * std + 0.9 * best.std(1, correction=0)
    return best[:, 0]


def _right_but_scores_all(score, low, high, noise, start, elites):
    """Looks once, out of curiosity, at what would be scored without clipping."""
    score(start[:, None] + 10 * (high - low) * noise[0].sign())
    return _cem()(score, low, high, noise, start, elites)


# ---------------------------------------------------------------- motor_share


def _share(change=None):
    def answer(past, new, width):
        m = width**2 / 3
        v = 4 * width**4 / 45 / past
        v = {"no spread": 0.0, "spread of one": v * past, "twice divided": v / past}.get(change, v)
        alpha = m / (2 * (m * m + v))
        d = {
            "older missing": m * new / past,
            "older agree": m,
            "always turned": -m,
        }.get(change, m * (2 * new - past) / past)
        share = (1 - 2 * alpha * d) ** 2 + 4 * alpha**2 * (0 if change == "no spread in share" else v)
        if change == "not squared":
            share = abs(1 - 2 * alpha * d)
        if change == "root":
            share = math.sqrt(share)
        if change == "times second":
            share = share * m
        if change == "share off":
            share = share + 0.1
        alpha = {"no two": 2 * alpha, "sum": alpha / past, "step off": 1.1 * alpha}.get(change, alpha)
        if change == "rounded step":
            alpha = 1.5 / width**2
            share = (1 - 2 * alpha * d) ** 2 + 4 * alpha**2 * v
        if change == "half the best":
            alpha = 0.5 * alpha
            share = (1 - 2 * alpha * d) ** 2 + 4 * alpha**2 * v
        return alpha, share

    return answer


# ---------------------------------------------------------------- adapted_losses


def _window(fixed=("newest", "anew", "query"), change=None):
    """The colleague's code with some of the bugs repaired, and perhaps a new one."""

    def answer(theta, observations, actions, following, moments, past, future, inner_lr):
        def error(U, V, p, q):
            o, a, n = observations[p:q], actions[p:q], following[p:q]
            guess = torch.tanh(torch.cat([o, a], 1) @ U.T) @ V.T
            off = (n if change == "absolute" else n - o) - guess
            if change == "sum":
                return (off**2).sum()
            return (off**2).sum(1).mean() if change == "entries" else (off**2).mean()

        U, V = theta["U"], theta["V"]
        u, v, out = U, V, []
        for t in moments:
            if "anew" in fixed:
                u, v = U, V
            end = t if "newest" in fixed else t - 1
            begin = max(0, end - past - (1 if change == "longer" else 0))
            begin = 0 if change == "whole past" else begin
            if end > 0 and change != "no step" and not (change == "skips" and t < past):
                for _ in range(2 if change == "two" else 1):
                    su, sv = torch.autograd.grad(error(u, v, begin, end), [u, v], create_graph=True)
                    if change == "first order":
                        su, sv = su.detach(), sv.detach()
                    if change == "half order":
                        su = su.detach()
                    if change == "uphill":
                        su, sv = -su, -sv
                    u, v = u - inner_lr * su, v - inner_lr * sv
            p, q = (t, t + future) if "query" in fixed else (max(0, t - past), t)
            if change == "whole future":
                q = len(actions)
            if change == "joined":
                p = begin
            out.append(error(u, v, p, q))
        out = torch.stack(out)
        return out.detach() if change == "no graph" else out

    return answer


def _relative(misconception, fixed=("change", "train", "each"), change=None):
    return Mutant(ch12.check_relative_error, misconception, _error(fixed, change))


def _plan(misconception, change):
    return Mutant(ch12.check_search, misconception, _cem(change))


def _motor(misconception, change):
    return Mutant(ch12.check_motor_share, misconception, _share(change))


def _loss(misconception, fixed=("newest", "anew", "query"), change=None):
    return Mutant(ch12.check_adapted_losses, misconception, _window(fixed, change))


def _planner(misconception, answer):
    return Mutant(ch12.check_planner, misconception, answer)


MUTANTS = [
    _relative("as_it_was", ()),
    _relative("absolute_target", ("train", "each")),
    _relative("test_statistics", ("change", "each")),
    _relative("one_deviation", ("change", "train")),
    _relative("absolute_and_joined", ("each",)),
    _relative("absolute_and_single", ("train",)),
    _relative("joined_and_single", ("change",)),
    _relative("each_by_its_own", change="own"),
    _relative("not_normalised", change="not normalised"),
    _relative("n_minus_one", change="unbiased"),
    _relative("not_centred", change="not centred"),
    _relative("on_training_data", change="training"),
    _relative("sum_over_entries", change="sum"),
    _relative("root", change="root"),
    _relative("own_units", change="units"),
    _plan("pooled", "pooled"),
    _plan("pooled", "pooled E"),
    _plan("first_for_all", "first"),
    _plan("never_clipped", "unclipped"),
    _plan("clipped_at_the_end", "late clip"),
    Mutant(ch12.check_search, "scored_outside", _right_but_scores_all),
    _plan("worst", "lowest"),
    _plan("not_kept", "forgets"),
    _plan("mean_returned", "mean"),
    _plan("new_ones_alone", "newest"),
    _plan("last_elite", "worst elite"),
    _plan("one_round", "once"),
    _plan("same_noise", "same noise"),
    _plan("start_ignored", "middle"),
    _plan("never_narrower", "wide"),
    _plan("shared_deviation", "one sigma"),
    _plan("too_wide", "half"),
    _plan("as_wide_as_all", "whole"),
    Mutant(ch12.check_search, "smoothed", _smoothed),
    _plan("n_minus_one", "unbiased"),
    _motor("spread_ignored", "no spread"),
    _motor("spread_ignored", "rounded step"),
    _motor("spread_of_one", "spread of one"),
    _motor("spread_too_small", "twice divided"),
    _motor("older_missing", "older missing"),
    _motor("older_agree", "older agree"),
    _motor("always_turned", "always turned"),
    _motor("two_missing", "no two"),
    _motor("of_a_sum", "sum"),
    _motor("not_squared", "not squared"),
    _motor("root", "root"),
    _motor("not_a_share", "times second"),
    _motor("share_wrong", "no spread in share"),
    _motor("share_alone", "share off"),
    _motor("step_alone", "step off"),
    _motor("another_step", "half the best"),
    _loss("no_graph", change="no graph"),
    _loss("as_it_was", ()),
    _loss("newest_left_out", ("anew", "query")),
    _loss("carried_over", ("newest", "query")),
    _loss("own_past", ("newest", "anew")),
    _loss("late_and_carried", ("query",)),
    _loss("late_and_own", ("anew",)),
    _loss("carried_and_own", ("newest",)),
    _loss("past_and_future", change="joined"),
    _loss("one_step_too_old", change="longer"),
    _loss("whole_past", change="whole past"),
    _loss("whole_future", change="whole future"),
    _loss("short_past_skipped", change="skips"),
    _loss("never_adapted", change="no step"),
    _loss("first_order", change="first order"),
    _loss("uphill", change="uphill"),
    _loss("two_steps", change="two"),
    _loss("absolute_target", change="absolute"),
    _loss("sum", change="sum"),
    _loss("sum_over_entries", change="entries"),
    _loss("gradient", change="half order"),
    _planner("few_seeds", report._four_seeds),
    _planner("seed_twice", report._a_seed_again),
    _planner("no_rewards", report._sums),
    _planner("too_dear", report._many_candidates),
    _planner("not_repaired", report._the_colleagues),
    _planner("not_short", report._short_and_thin),
    _planner("not_thin", report._thin_is_the_same),
    _planner("not_cold", report._cold_and_dear_alike),
    _planner("dear_horizon", report._dear_looks_further),
    _planner("dear_warm", report._dear_is_warm),
    _planner("not_dear", report._dear_is_cheap),
    _planner("not_broken", report._hardly_shorter),
    _planner("turned", report._other_sign),
    _planner("extremes", report._lowest_and_highest),
    _planner("standard_deviation", report._deviation),
    _planner("standard_error", report._error),
    _planner("normal_interval", report._normal),
    _planner("divides_by_n", report._biased),
    _planner("off_centre", report._another_middle),
    _planner("one_sided", report._ninety_percent),
    _planner("too_narrow", report._eighty_percent),
    _planner("too_wide", report._ninety_nine),
    _planner("not_an_interval", report._upside_down),
    _planner("says_too_much", report._nothing_shown),
    _planner("says_too_little", report._too_careful),
    _planner("wrong_winner", report._wrong_winner),
    _planner("not_repeated", report._other_seeds),
]
