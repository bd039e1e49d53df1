"""Wrong answers to the exercises of chapter 14, written as a learner would write them."""

import math

import torch
from attacks import ch14_reports as report

from metarl_core.check import ch14
from mutants import Mutant

# ---------------------------------------------------------------- spread_gradient


def _gradient(fixed=("step", "weight", "once"), change=None):
    """The colleague's code with some of the bugs repaired, and perhaps a new one."""

    def answer(theta, inputs, targets, shares, inner_lr):
        def error(w, t, part):
            return ((inputs[t, part] @ w - targets[t, part]) ** 2).mean()

        first, second = (1, 0) if change == "exchanged" else (0, 1)
        total, all_tasks = torch.zeros_like(theta), range(len(inputs))
        for own in shares:
            w = theta.clone().detach().requires_grad_(True)
            queries = []
            for t in own:
                group = [t] if "step" in fixed else own
                group = all_tasks if change == "step of all" else group
                support = sum(error(w, other, first) for other in group) / len(group)
                s = torch.autograd.grad(support, w, create_graph=True)[0]
                if change == "first order":
                    s = s.detach()
                rate = {"never": 0.0, "uphill": -inner_lr}.get(change, inner_lr)
                queries.append(error(w - rate * s, t, second))
            mean = sum(queries) / len(own)
            g = torch.autograd.grad(mean, w)[0]
            g = g * len(own) / len(inputs) if "weight" in fixed else g / len(shares)
            if change == "sum":
                g = g * len(inputs)
            if change == "share of mean":
                g = g / len(own)
            total += g
        return total if "once" in fixed else total / len(shares)

    return answer


# ---------------------------------------------------------------- own_noise


def _draws(change=None):
    def answer(seed, iteration, tasks, block, rank, size):
        def generator(number):
            when = 0 if change == "iteration" else iteration
            return torch.Generator().manual_seed(seed * 1_000_000 + when * 1_000 + number)

        def normal(n, source):
            return torch.randn(n, generator=source, dtype=torch.float64)

        K = (tasks + block - 1) // block
        mine = [b for b in range(K) if K * rank // size <= b < K * (rank + 1) // size]
        if change == "dealt":
            mine = [b for b in range(K) if b % size == rank]
        lengths = [block if change == "long" else len(range(b * block, min(tasks, (b + 1) * block))) for b in mine]
        if change == "tasks":
            own = len(range(tasks * rank // size, tasks * (rank + 1) // size))
            mine = list(range(-(-own // block)))
            lengths = [len(range(b * block, min(own, (b + 1) * block))) for b in mine]
        parts = [torch.empty(0, dtype=torch.float64)]
        going = generator(rank if change == "rank once" else mine[0] if mine else 0)
        for place, (b, n) in enumerate(zip(mine, lengths, strict=True)):
            if change in ("rank once", "goes on"):
                parts.append(normal(n, going))
                continue
            key = {"rank": rank, "own": place, "same": 0, "both": b + rank}.get(change, b)
            parts.append(normal(n, generator(key)))
        return torch.cat(parts)

    return answer


# ---------------------------------------------------------------- speed_up


def _times(change=None):
    def answer(tasks, ranks, a, b, delay, size, bandwidth, ring):
        ring = {"ring": True, "star": False}.get(change, ring)
        lam, bps = (0.0 if change == "no delay" else delay), bandwidth
        m = 0.0 if change == "no bytes" else size
        n = math.ceil(tasks / ranks)
        n = {"evenly": tasks / ranks, "floor": tasks // ranks}.get(change, n)
        if ring:
            m_piece = m if change == "whole" else m / ranks
            wire = (1 if change == "half" else 2) * (ranks - 1) * (lam + m_piece / bps)
        elif ranks == 1 and change != "alone":
            wire = 0.0
        else:
            others = 1 if change == "free star" else ranks - 1
            waits = ranks - 1 if change == "delays" else 1
            wire = (1 if change == "one way" else 2) * (waits * lam + others * m / bps)
        if change == "no message":
            wire = 0.0
        serial = {"b shared": b / ranks, "no b": 0.0}.get(change, b)
        s = (a * tasks + b) / (a * n + serial + wire)
        if change == "inverse":
            s = 1 / s
        e = {"product": s * ranks, "same": s, "e off": s / ranks + 0.1}.get(change, s / ranks)
        return (s + 0.1 if change == "s off" else s), e

    return answer


def _summed(misconception, fixed=("step", "weight", "once"), change=None):
    return Mutant(ch14.check_spread_gradient, misconception, _gradient(fixed, change))


def _noise(misconception, change):
    return Mutant(ch14.check_own_noise, misconception, _draws(change))


def _speed(misconception, change):
    return Mutant(ch14.check_speed_up, misconception, _times(change))


def _told(misconception, answer):
    return Mutant(ch14.check_prediction, misconception, answer)


MUTANTS = [
    _summed("as_it_was", ()),
    _summed("averaged_twice", ("step", "weight")),
    _summed("mean_of_means", ("step", "once")),
    _summed("shared_step", ("weight", "once")),
    _summed("shared_and_equal", ("once",)),
    _summed("shared_and_twice", ("weight",)),
    _summed("equal_and_twice", ("step",)),
    _summed("share_of_mean", change="share of mean"),
    _summed("step_of_all", change="step of all"),
    _summed("sum", change="sum"),
    _summed("first_order", change="first order"),
    _summed("never_adapted", change="never"),
    _summed("uphill", change="uphill"),
    _summed("exchanged", change="exchanged"),
    _noise("keyed_by_rank", "rank"),
    _noise("keyed_by_rank_once", "rank once"),
    _noise("goes_on", "goes on"),
    _noise("own_count", "own"),
    _noise("same_for_all", "same"),
    _noise("block_and_rank", "both"),
    _noise("tasks_shared", "tasks"),
    _noise("last_too_long", "long"),
    _noise("dealt", "dealt"),
    _noise("iteration_ignored", "iteration"),
    _speed("no_message", "no message"),
    _speed("evenly", "evenly"),
    _speed("too_few", "floor"),
    _speed("serial_shared", "b shared"),
    _speed("serial_forgotten", "no b"),
    _speed("half_way", "half"),
    _speed("whole_vector", "whole"),
    _speed("no_delay", "no delay"),
    _speed("no_bytes", "no bytes"),
    _speed("one_way", "one way"),
    _speed("free_star", "free star"),
    _speed("delay_for_each", "delays"),
    _speed("always_a_ring", "ring"),
    _speed("always_a_star", "star"),
    _speed("alone_pays", "alone"),
    _speed("inverse", "inverse"),
    _speed("product", "product"),
    _speed("same_number", "same"),
    _speed("speed_up_alone", "e off"),
    _speed("efficiency_alone", "s off"),
    _told("few_seeds", report._four_seeds),
    _told("seed_twice", report._a_seed_again),
    _told("few_ranks", report._four_ranks),
    _told("not_few", report._ten_is_few),
    _told("not_many", report._ten_is_many),
    _told("calibrated_on_a_plan", report._calibrated_late),
    _told("no_message", report._silent),
    _told("all_tasks", report._one_does_all),
    _told("not_per_task", report._not_divided),
    _told("after_the_fact", report._afterwards),
    _told("not_from_calibration", report._guessed),
    _told("inverse", report._wrong_way),
    _told("extremes", report._lowest_and_highest),
    _told("standard_deviation", report._deviation),
    _told("standard_error", report._error),
    _told("normal_interval", report._normal),
    _told("divides_by_n", report._biased),
    _told("off_centre", report._another_middle),
    _told("one_sided", report._ninety_percent),
    _told("too_narrow", report._eighty_percent),
    _told("too_wide", report._ninety_nine),
    _told("not_an_interval", report._upside_down),
    _told("few_concluded", report._few_hold),
    _told("many_concluded", report._many_do_not),
    _told("not_repeated", report._other_seeds),
]
