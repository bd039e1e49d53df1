"""Wrong answers to the exercises of chapter 05, written as a learner would write them."""

import torch
from attacks import ch05_experiments as report
from attacks import ch05_tenth_reports as tenth
from report_changes import report_named
from torch.autograd import grad

from metarl_core.check import ch05
from mutants import Mutant

# ---------------------------------------------------------------- maml_gradient


def _maml(
    graph=lambda step, steps: True, judge=1, reduce=torch.mean, sign=-1, detach=False, start_over=True, number=None,
    leaf_of=lambda theta: theta.clone().requires_grad_(),
):  # fmt: skip
    def answer(theta, tasks, alpha, steps):
        leaf = leaf_of(theta)
        adapted, losses = leaf, []
        for pair in tasks:
            adapted = leaf if start_over else adapted
            for step in range(steps if number is None else number):
                (g,) = grad(pair[0](adapted), adapted, create_graph=graph(step, steps), retain_graph=True)
                adapted = adapted + sign * alpha * g
                if detach:
                    adapted = adapted.detach().requires_grad_()
            losses.append(pair[judge](adapted))
        return grad(reduce(torch.stack(losses)), leaf)[0]

    return answer


def _in_place(theta, tasks, alpha, steps):
    """One vector for all tasks, moved in place: what `load_state_dict(fast_weights)` amounts to."""
    total = torch.zeros_like(theta)
    for support, query in tasks:
        for _ in range(steps):
            leaf = theta.clone().requires_grad_()
            theta -= alpha * grad(support(leaf), leaf)[0]
        leaf = theta.clone().requires_grad_()
        total += grad(query(leaf), leaf)[0]
    return total / len(tasks)


def _leak_with_graph(theta, tasks, alpha, steps):
    total, current = torch.zeros_like(theta), theta.clone()
    for support, query in tasks:
        leaf = current.clone().requires_grad_()
        adapted = leaf
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(adapted), adapted, create_graph=True)[0]
        total = total + grad(query(adapted), leaf)[0]
        current = adapted.detach()
    return total / len(tasks)


def _on(change, **how):
    """The right answer, or one with faults, on other tasks."""
    return lambda theta, tasks, alpha, steps: _maml(**how)(theta, change(tasks), alpha, steps)


def _always_at_theta(theta, tasks, alpha, steps):
    leaf, losses = theta.clone().requires_grad_(), []
    for support, query in tasks:
        adapted = leaf
        for _ in range(steps):
            adapted = adapted - alpha * grad(support(leaf), leaf, create_graph=True)[0]
        losses.append(query(adapted))
    return grad(sum(losses) / len(losses), leaf)[0]


def _how_far(theta, tasks, alpha, steps):
    total = torch.zeros_like(theta)
    for support, _ in tasks:
        phi = theta
        for _ in range(steps):
            phi = phi - alpha * torch.func.grad(support)(phi)
        total += theta - phi
    return total / len(tasks)


def _by_hessians(order, sign=-1, at=None):
    def answer(theta, tasks, alpha, steps):
        found = []
        for support, query in tasks:
            points = [theta]
            for _ in range(steps):
                points.append(points[-1] - alpha * torch.func.grad(support)(points[-1]))
            eye = torch.eye(len(theta), dtype=theta.dtype)
            factors = [
                eye + sign * alpha * torch.func.hessian(support)(p if at is None else points[at]) for p in points[:-1]
            ]
            v = torch.func.grad(query)(points[-1])
            for factor in order(factors):
                v = factor @ v
            found.append(v)
        return torch.stack(found).mean(0)

    return answer


# ---------------------------------------------------------------- quadratics


def _gradient(change):
    def answer(theta, support_a, support_c, query_a, query_c, alpha, steps):
        m = torch.eye(len(theta), dtype=theta.dtype) - alpha * support_a
        moved = theta
        for _ in range(steps):
            moved = moved - alpha * support_a @ (moved - support_c)
        return change(theta, m, moved, support_a, query_a, query_c, alpha, steps)

    return answer


def _long_step(end):
    def answer(theta, support_a, support_c, query_a, query_c, alpha, steps):
        m = torch.eye(len(theta), dtype=theta.dtype) - steps * alpha * support_a
        return m @ query_a @ (end(theta, m, support_c) - query_c)

    return answer


def _by_autograd(theta, support_a, support_c, query_a, query_c, alpha, steps):
    def after(start):
        for _ in range(steps):
            start = start - alpha * support_a @ (start - support_c)
        return 0.5 * (start - query_c) @ query_a @ (start - query_c)

    return torch.func.grad(after)(theta)


def _newton_by_autograd(curvature, centre, alpha, steps):
    def objective(theta):
        total = 0.0
        for a, c in zip(curvature, centre, strict=True):
            moved = theta
            for _ in range(steps):
                moved = moved - alpha * a @ (moved - c)
            total = total + 0.5 * (moved - c) @ a @ (moved - c)
        return total

    zero = torch.zeros_like(centre[0])
    return -torch.linalg.solve(torch.func.hessian(objective)(zero), torch.func.grad(objective)(zero))


def _diagonals(curvature, centre, alpha, steps):
    diagonal = torch.stack([a.diag() for a in curvature])
    weight = diagonal * (1 - alpha * diagonal) ** (2 * steps)
    return (weight * centre).sum(0) / weight.sum(0)


def _power(m, steps):
    return torch.linalg.matrix_power(m, steps)


def _optimum(weigh):
    def answer(curvature, centre, alpha, steps):
        weights = [weigh(a, torch.eye(len(a), dtype=a.dtype) - alpha * a, steps) for a in curvature]
        right = sum(w @ c for w, c in zip(weights, centre, strict=True))
        return torch.linalg.inv(sum(weights)) @ right

    return answer


# ---------------------------------------------------------------- meta_loss


def _loss(graph="all", data="query", fresh=True, reduce=torch.mean, weights=lambda p: p, retain=True):
    def predict(p, x):
        return torch.tanh(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"]

    def answer(parameters, tasks, alpha, steps):
        adapted, outer = dict(parameters), []
        for sx, sy, qx, qy in tasks:
            if fresh:
                adapted = dict(parameters)
            for step in range(steps):
                inner = (predict(weights(adapted), sx) - sy).pow(2).mean()
                keep = graph == "all" or (graph == "last" and step == steps - 1)
                slopes = grad(inner, list(adapted.values()), create_graph=keep, retain_graph=retain)
                adapted = {n: v - alpha * s for (n, v), s in zip(adapted.items(), slopes, strict=True)}
            x, y = (qx, qy) if data == "query" else (sx, sy)
            outer.append((predict(adapted, x) - y).pow(2).mean())
        return reduce(torch.stack(outer))

    return answer


def _pooled(parameters, tasks, alpha, steps):
    losses = [_loss()(parameters, [task], alpha, steps) * len(task[3]) for task in tasks]
    return sum(losses) / sum(len(task[3]) for task in tasks)


def _colleagues(late=True, in_turn=True, first=True):
    """The colleague's code, with some of its bugs."""

    def predict(p, x):
        return torch.tanh(x @ p["w1"].T + p["b1"]) @ p["w2"].T + p["b2"]

    def answer(parameters, tasks, alpha, steps):
        finished = []
        for sx, sy, _, _ in tasks:
            weights, number = dict(parameters), len(tasks[0][0]) if first else len(sx)
            for _ in range(steps):
                if in_turn:
                    for n in weights:
                        here = {m: v.clone() for m, v in weights.items()}
                        (slope,) = grad((predict(here, sx) - sy).pow(2).sum() / number, here[n], create_graph=True)
                        weights[n] = weights[n] - alpha * slope
                else:
                    inner = (predict(weights, sx) - sy).pow(2).sum() / number
                    slopes = grad(inner, list(weights.values()), create_graph=True)
                    weights = {n: v - alpha * s for (n, v), s in zip(weights.items(), slopes, strict=True)}
            finished.append(weights)
        pairs = zip(finished, [tasks[-1]] * len(tasks) if late else tasks, strict=True)
        return torch.stack([(predict(w, t[2]) - t[3]).pow(2).mean() for w, t in pairs]).mean()

    return answer


# ---------------------------------------------------------------- the experiment


def _experiment(misconception, answer):
    return Mutant(ch05.check_second_order, misconception, answer)


def _drawn(theta, tasks, alpha, steps):
    torch.rand(1)
    return _maml()(theta, tasks, alpha, steps)


def _seeded(theta, tasks, alpha, steps):
    torch.manual_seed(1)
    return _maml()(theta, tasks, alpha, steps)


def _of_each(change, scale=lambda n: 1):
    """The loss on other data of each task, or with another step size for each."""

    def answer(parameters, tasks, alpha, steps):
        one = [_loss()(parameters, [change(*task)], alpha * scale(len(task[0])), steps) for task in tasks]
        return torch.stack(one).mean()

    return answer


def _weights_only(parameters, tasks, alpha, steps):
    losses = []
    for sx, sy, qx, qy in tasks:
        w1, w2 = parameters["w1"], parameters["w2"]
        forward = lambda w1, w2, x: torch.tanh(x @ w1.T + parameters["b1"]) @ w2.T + parameters["b2"]  # noqa: E731
        for _ in range(steps):
            g1, g2 = grad((forward(w1, w2, sx) - sy).pow(2).mean(), (w1, w2), create_graph=True)
            w1, w2 = w1 - alpha * g1, w2 - alpha * g2
        losses.append((forward(w1, w2, qx) - qy).pow(2).mean())
    return sum(losses) / len(losses)


MUTANTS = [
    Mutant(ch05.check_maml_gradient, "steps_miscounted", lambda t, tasks, a, k: _maml()(t, tasks, a, k + 1)),
    Mutant(
        ch05.check_maml_gradient,
        "factors_added_up",
        _by_hessians(
            lambda factors: [sum(factors) - (len(factors) - 1) * torch.eye(len(factors[0]), dtype=torch.float64)]
        ),
    ),
    Mutant(
        ch05.check_maml_gradient,
        "diagonal_only",
        _by_hessians(lambda factors: [torch.diag(torch.diag(f)) for f in factors[::-1]]),
    ),
    Mutant(ch05.check_maml_gradient, "draws", _drawn),
    Mutant(ch05.check_maml_gradient, "seeds", _seeded),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "flow",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, k: torch.matrix_exp(-alpha * k * sa) @ qa @ (moved - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "diagonal_only",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, k: m.diag() ** k * (qa @ (moved - qc))),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "swapped",
        lambda theta, sa, sc, qa, qc, alpha, k: _gradient(
            lambda t, m, moved, a, q, c, alpha, k: _power(m, k) @ q @ (moved - c)
        )(theta, qa, qc, sa, sc, alpha, k),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "steps_miscounted",
        lambda theta, sa, sc, qa, qc, alpha, k: _gradient(
            lambda t, m, moved, a, q, c, alpha, k: _power(m, k) @ q @ (moved - c)
        )(theta, sa, sc, qa, qc, alpha, k + 1),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "centre_not_added",
        lambda theta, sa, sc, qa, qc, alpha, k: _gradient(
            lambda t, m, moved, a, q, c, alpha, k: _power(m, k) @ q @ (_power(m, k) @ (t - sc) - c)
        )(theta, sa, sc, qa, qc, alpha, k),
    ),
    Mutant(
        ch05.check_meta_optimum,
        "flow",
        _optimum(lambda a, m, k: a @ torch.matrix_exp(2 * k * (m - torch.eye(len(a)).to(a)))),
    ),
    Mutant(ch05.check_meta_optimum, "power_off", _optimum(lambda a, m, k: a @ _power(m, 2 * k + 1))),
    Mutant(ch05.check_meta_optimum, "diagonal_only", _optimum(lambda a, m, k: (a @ _power(m, 2 * k)).diag().diag())),
    Mutant(ch05.check_meta_loss, "roles_swapped", _of_each(lambda sx, sy, qx, qy: (qx, qy, sx, sy))),
    Mutant(
        ch05.check_meta_loss,
        "query_seen",
        _of_each(lambda sx, sy, qx, qy: (torch.cat([sx, qx]), torch.cat([sy, qy]), qx, qy)),
    ),
    Mutant(
        ch05.check_meta_loss,
        "support_judges_too",
        _of_each(lambda sx, sy, qx, qy: (sx, sy, torch.cat([qx, sx]), torch.cat([qy, sy]))),
    ),
    Mutant(ch05.check_meta_loss, "part_adapts", _weights_only),
    Mutant(ch05.check_meta_loss, "sum_inside", _of_each(lambda *task: task, scale=lambda n: n)),
    Mutant(ch05.check_meta_loss, "root", lambda *a: _loss()(*a) ** 0.5),
    Mutant(ch05.check_maml_gradient, "graph_cut", _maml(detach=True)),
    Mutant(ch05.check_maml_gradient, "no_graph", _maml(leaf_of=torch.clone)),
    Mutant(ch05.check_maml_gradient, "tasks_leak", _maml(start_over=False)),
    Mutant(ch05.check_maml_gradient, "one_step", _maml(number=1)),
    Mutant(ch05.check_maml_gradient, "slopes_at_theta", _always_at_theta),
    Mutant(ch05.check_maml_gradient, "roles_swapped", _on(lambda tasks: [pair[::-1] for pair in tasks])),
    Mutant(ch05.check_maml_gradient, "query_inside", _on(lambda tasks: [pair[1:] * 2 for pair in tasks])),
    Mutant(ch05.check_maml_gradient, "one_task_only", _on(lambda tasks: tasks[:1])),
    Mutant(ch05.check_maml_gradient, "one_task_only", _on(lambda tasks: tasks[-1:])),
    Mutant(ch05.check_maml_gradient, "reptile", _how_far),
    Mutant(ch05.check_maml_gradient, "hessian_at_end", _by_hessians(lambda factors: factors, at=-2)),
    Mutant(ch05.check_maml_gradient, "tasks_leak", _in_place),
    Mutant(ch05.check_maml_gradient, "tasks_leak", _leak_with_graph),
    Mutant(ch05.check_maml_gradient, "first_order", _maml(graph=lambda step, steps: False)),
    Mutant(ch05.check_maml_gradient, "outer_on_support", _maml(judge=0)),
    Mutant(ch05.check_maml_gradient, "no_adaptation", _maml(number=0)),
    Mutant(ch05.check_maml_gradient, "sign", _by_hessians(lambda factors: factors[::-1], sign=1)),
    Mutant(ch05.check_maml_gradient, "factor_once", _by_hessians(lambda factors: factors[:1])),
    Mutant(ch05.check_maml_gradient, "last_factor_only", _maml(graph=lambda step, steps: step == steps - 1)),
    Mutant(ch05.check_maml_gradient, "hessian_at_start", _by_hessians(lambda factors: factors, at=0)),
    Mutant(ch05.check_maml_gradient, "wrong_order", _by_hessians(lambda factors: factors)),
    Mutant(ch05.check_maml_gradient, "sum_over_tasks", _maml(reduce=torch.sum)),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "first_order",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, steps: qa @ (moved - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "factor_once",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, steps: m @ qa @ (moved - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "power_of_entries",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, steps: m**steps @ qa @ (moved - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "wrong_side",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, steps: qa @ _power(m, steps) @ (moved - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "query_curvature_inside",
        _gradient(
            lambda theta, m, moved, sa, qa, qc, alpha, steps: (
                _power(torch.eye(len(theta), dtype=theta.dtype) - alpha * qa, steps) @ qa @ (moved - qc)
            )
        ),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "not_adapted",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, steps: _power(m, steps) @ qa @ (theta - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "sign",
        _gradient(
            lambda theta, m, moved, sa, qa, qc, alpha, steps: (
                _power(torch.eye(len(theta), dtype=theta.dtype) + alpha * sa, steps) @ qa @ (moved - qc)
            )
        ),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "factor_twice",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, steps: _power(m, 2 * steps) @ qa @ (moved - qc)),
    ),
    Mutant(ch05.check_quadratic_meta_gradient, "by_autograd", _by_autograd),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "one_long_step",
        _long_step(lambda theta, m, support_c: support_c + m @ (theta - support_c)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "one_long_step",
        _gradient(
            lambda theta, m, moved, sa, qa, qc, alpha, k: (qa @ (moved - qc)) - k * alpha * sa @ qa @ (moved - qc)
        ),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "one_factor_less",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, k: _power(m, max(0, k - 1)) @ qa @ (moved - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "support_centre_forgotten",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, k: _power(m, k) @ qa @ (_power(m, k) @ theta - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "centres_alike",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, k: _power(m, k) @ qa @ _power(m, k) @ (theta - qc)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "half",
        _gradient(lambda theta, m, moved, sa, qa, qc, alpha, k: _power(m, k) @ qa @ (moved - qc) / 2),
    ),
    Mutant(ch05.check_meta_optimum, "curvature_twice", _optimum(lambda a, m, k: a @ a @ _power(m, 2 * k))),
    Mutant(ch05.check_meta_optimum, "power_of_the_gradient", _optimum(lambda a, m, k: a @ _power(m, k + 1))),
    Mutant(
        ch05.check_meta_optimum,
        "numbers_for_matrices",
        _optimum(lambda a, m, k: torch.trace(a @ _power(m, 2 * k)) * torch.eye(len(a), dtype=a.dtype)),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "outer_on_support",
        lambda theta, sa, sc, qa, qc, alpha, steps: _gradient(
            lambda t, m, moved, a, q, c, alpha, steps: _power(m, steps) @ a @ (moved - sc)
        )(theta, sa, sc, qa, qc, alpha, steps),
    ),
    Mutant(
        ch05.check_quadratic_meta_gradient,
        "one_centre",
        lambda theta, sa, sc, qa, qc, alpha, steps: _gradient(
            lambda t, m, moved, a, q, c, alpha, steps: _power(m, steps) @ q @ (moved - sc)
        )(theta, sa, sc, qa, qc, alpha, steps),
    ),
    Mutant(ch05.check_meta_optimum, "by_autograd", _newton_by_autograd),
    Mutant(
        ch05.check_meta_optimum,
        "sign",
        _optimum(lambda a, m, steps: a @ _power(2 * torch.eye(len(a), dtype=a.dtype) - m, 2 * steps)),
    ),
    Mutant(ch05.check_meta_optimum, "power_of_entries", _optimum(lambda a, m, steps: a @ m ** (2 * steps))),
    Mutant(ch05.check_meta_optimum, "diagonal_only", _diagonals),
    Mutant(ch05.check_meta_optimum, "joint_training", _optimum(lambda a, m, steps: a)),
    Mutant(ch05.check_meta_optimum, "first_order", _optimum(lambda a, m, steps: a @ _power(m, steps))),
    Mutant(ch05.check_meta_optimum, "one_step", _optimum(lambda a, m, steps: m @ a @ m)),
    Mutant(ch05.check_meta_optimum, "mean_of_centres", lambda curvature, centre, alpha, steps: centre.mean(0)),
    Mutant(ch05.check_meta_optimum, "no_curvature", _optimum(lambda a, m, steps: _power(m, 2 * steps))),
    Mutant(ch05.check_meta_loss, "no_graph", _loss(weights=lambda p: {n: v.detach() for n, v in p.items()})),
    Mutant(ch05.check_meta_loss, "cut_off", lambda *a: _loss()(*a).detach()),
    Mutant(ch05.check_meta_loss, "one_step", lambda p, tasks, alpha, steps: _loss()(p, tasks, alpha, 1)),
    Mutant(
        ch05.check_meta_loss,
        "query_inside",
        lambda p, tasks, alpha, steps: _loss()(p, [(x, y, x, y) for _, _, x, y in tasks], alpha, steps),
    ),
    Mutant(ch05.check_meta_loss, "points_pooled", _pooled),
    Mutant(ch05.check_meta_loss, "one_task_only", lambda p, tasks, *a: _loss()(p, tasks[:1], *a)),
    Mutant(ch05.check_meta_loss, "one_task_only", lambda p, tasks, *a: _loss()(p, tasks[-1:], *a)),
    Mutant(ch05.check_meta_loss, "graph_freed", _loss(retain=False)),
    Mutant(ch05.check_meta_loss, "as_it_was", _colleagues()),
    Mutant(ch05.check_meta_loss, "last_queries", _colleagues(in_turn=False, first=False)),
    Mutant(ch05.check_meta_loss, "in_turn", _colleagues(late=False, first=False)),
    Mutant(ch05.check_meta_loss, "number_of_the_first", _colleagues(late=False, in_turn=False)),
    Mutant(ch05.check_meta_loss, "outer_on_support", _loss(data="support")),
    Mutant(ch05.check_meta_loss, "tasks_leak", _loss(fresh=False)),
    Mutant(ch05.check_meta_loss, "graph_cut_early", _loss(graph="last")),
    Mutant(ch05.check_meta_loss, "first_order", _loss(graph="none")),
    Mutant(ch05.check_meta_loss, "two_left", _colleagues(late=False)),
    Mutant(ch05.check_meta_loss, "two_left", _colleagues(in_turn=False)),
    Mutant(ch05.check_meta_loss, "two_left", _colleagues(first=False)),
    Mutant(ch05.check_meta_loss, "sum_over_tasks", _loss(reduce=torch.sum)),
    _experiment("few_seeds", report._four_seeds),
    _experiment("seed_twice", report._a_seed_again),
    _experiment("copied", report._one_training_for_all),
    _experiment("few_step_sizes", report._three_step_sizes),
    _experiment("tuned_on_these_seeds", report._tuned_on_reported_seeds),
    _experiment("tuned_on_test", report._tuned_on_held_out),
    _experiment("measured_on_training", report._measured_on_training),
    _experiment("twins", report._same_generator_for_both_splits),
    _experiment("few_tasks", report._hundred_tasks),
    _experiment("no_errors", report._gains),
    _experiment("one_for_both", report._step_size_of_maml_for_both),
    _experiment("not_the_best", report._smallest_step_size),
    _experiment("at_the_edge", report._short_list),
    _experiment("exchanged", report._columns_exchanged),
    _experiment("rate_of_the_other", report._measured_with_mamls_step_size),
    _experiment("other_errors", report._of_other_tasks),
    _experiment("turned", report._other_sign),
    _experiment("unpaired", report._two_groups),
    _experiment("extremes", report._lowest_and_highest),
    _experiment("pooled_episodes", report._every_task),
    _experiment("standard_deviation", report._deviation),
    _experiment("standard_error", report._error),
    _experiment("normal_interval", report._normal),
    _experiment("divides_by_n", report._biased),
    _experiment("off_centre", report._another_middle),
    _experiment("one_sided", report._ninety_percent),
    _experiment("too_narrow", report._eighty_percent),
    _experiment("too_wide", report._ninety_nine),
    _experiment("not_an_interval", report._upside_down),
    _experiment("says_too_much", report._nothing_shown),
    _experiment("says_too_little", report._too_careful),
    _experiment("wrong_winner", report._wrong_winner),
    _experiment("another_cosine", report._cosine_of_the_start),
    _experiment("few_tuning_seeds", report_named(tenth.WRONG, "tuned_with_a_seed_twice")),
    _experiment("chosen_tasks", report_named(tenth.WRONG, "chosen_tasks")),
    _experiment("drawn_otherwise", report_named(tenth.WRONG, "all_on_the_right")),
    _experiment("not_repeated", report._as_many_iterations_for_both),
    _experiment("tuning_not_repeated", report._tuning_made_up),
]
