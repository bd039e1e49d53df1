"""Wrong answers to the exercises of chapter 10, written as a learner would write them."""

import torch
from attacks import ch10_eleventh_reports as eleventh
from attacks import ch10_experiments as report
from report_changes import report_named

from metarl_core.check import ch10
from mutants import Mutant

# ---------------------------------------------------------------- inner_td_steps


def _td(
    target="frozen", stop=True, terminate=True, best=True, half=False, reduce=torch.mean, mix=False, leak=False,
    sign=-1, change=None,
):  # fmt: skip
    def answer(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
        going = 1 - terminated.double() if terminate else torch.ones_like(rewards)
        going = 1 - going if change == "inverted" else going
        discount = 1.0 if change == "undiscounted" else discount
        tasks, found, point = len(rewards), [], theta
        for task in range(tasks):
            rows = slice(None) if mix else slice(task, task + 1)
            phi, nxt = features[rows].flatten(0, 1), next_features[rows].flatten(0, 1)
            act, r, on = actions[rows].flatten(), rewards[rows].flatten(), going[rows].flatten()
            point = point if leak else theta
            begin = point
            for _ in range(max(0, steps + {"more": 1, "fewer": -1}.get(change, 0))):
                leaf = point.detach().clone().requires_grad_()
                table = begin if target == "frozen" else leaf
                values = (phi if change == "same state" else nxt) @ table.T
                following = values.amax(-1) if best else values.gather(-1, act[:, None])[:, 0]
                following = values.amin(-1) if change == "least" else following
                following = values.mean(-1) if change == "mean action" else following
                y = r + discount * on * following
                y = on * y if change == "reward dropped" else y
                y = discount * (r + on * following) if change == "late reward" else y
                y = y.detach() if stop else y
                squares = (y - (phi @ leaf.T).gather(-1, act[:, None])[:, 0]).square()
                if change == "all rows":
                    squares = (y[:, None] - phi @ leaf.T).square().sum(-1)
                if change == "by action":
                    squares = len(act) * squares / (act[:, None] == act).sum(-1)
                squares = squares * on if change == "ends left out" else squares
                loss = reduce(squares / (2 if half else 1))
                loss = loss / tasks if change == "all tasks" else loss
                (slope,) = torch.autograd.grad(loss, leaf)
                point = point + sign * alpha * slope
            found.append(point)
        return torch.stack(found)

    return answer


def _one_by_one(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    adapted = theta.repeat(len(rewards), 1, 1)
    y = rewards + discount * ~terminated * (next_features @ theta.T).amax(-1)
    for task in range(len(rewards)):
        for _ in range(steps):
            for i, action in enumerate(actions[task]):
                delta = y[task, i] - adapted[task, action] @ features[task, i]
                adapted[task, action] += 2 * alpha / rewards.shape[1] * delta * features[task, i]
    return adapted


def _steps_on(targets=None, errors=None, gather=None, ends=None):
    """The inner loop in tensors of all tasks, one part of it changed."""

    def answer(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
        over = terminated if ends is None else ends(terminated)
        adapted, values, rows = theta.repeat(len(rewards), 1, 1), next_features @ theta.T, torch.arange(len(rewards))
        for _ in range(steps):
            following = values.amax(-1)
            if targets is not None:
                following = targets(values, next_features @ adapted.mT, actions)
            error = (
                rewards + discount * ~over * following - (features @ adapted.mT).gather(-1, actions[..., None])[..., 0]
            )
            error = error if errors is None else errors(error)
            change = 2 * alpha / rewards.shape[1] * error[..., None] * features
            if gather == "by index":
                adapted[rows[:, None], actions] += change
            else:
                adapted = adapted.index_put((rows[:, None], actions), change, accumulate=True)
        return adapted

    return answer


def _minibatches(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    i = torch.randint(rewards.shape[1], (rewards.shape[1],))
    parts = features[:, i], actions[:, i], rewards[:, i], next_features[:, i], terminated[:, i]
    return _td()(theta, *parts, alpha, steps, discount)


def _tasks_in_a_row(theta, features, actions, rewards, next_features, terminated, alpha, steps, discount):
    y = rewards + discount * ~terminated * (next_features @ theta.T).amax(-1)
    found, current = [], theta
    for task in range(len(rewards)):
        one = slice(task, task + 1)
        off = torch.ones_like(terminated[one])
        parts = features[one], actions[one], y[one], next_features[one], off
        current = _td()(current, *parts, alpha, steps, discount)[0]
        found.append(current)
    return torch.stack(found)


# ---------------------------------------------------------------- meta_gradients


def _meta(factors="all", path="all", frozen_path=False, transpose=True, at="prime", change=None):
    def answer(theta, phi, rewards, phi_next, query_phi, query_y, alpha, steps, discount):
        n, current = len(rewards), theta
        alpha = alpha * {"half": 0.5, "sum": n, "n'": n / len(query_y)}.get(change, 1)
        y = rewards + discount * phi_next @ theta
        M = torch.eye(len(theta)).double() - 2 * alpha / n * phi.T @ phi
        C = 2 * alpha * (1 if change == "undiscounted" else discount) / n * phi.T @ phi_next
        D, E = torch.eye(len(theta)).double(), torch.eye(len(theta)).double()
        for k in range(steps):
            y = rewards + discount * phi_next @ current if change == "renewed" else y
            current = current + 2 * alpha / n * phi.T @ (y - phi @ current)
            if change == "renewed":
                D, E = M @ D, M @ E + C @ E
                continue
            if factors == "all" or (factors == "one" and k == 0):
                D, E = M @ D, M @ E
            if path == "not shrunk":
                continue
            if path == "all" or (path == "first" and k == 0) or (path == "last" and k == steps - 1):
                E = E + C
        if path == "not shrunk":
            E = D + steps * C
        place = current if at == "prime" else theta
        if change == "minus path":
            E = 2 * D - E
        powers = [torch.linalg.matrix_power(M, k) for k in range(steps + 1)]
        if change == "one factor more":
            E = D + sum((power @ C for power in powers[1:]), 0 * C)
        if change == "all alike":
            E = D + steps * powers[max(steps - 1, 0)] @ C
        if change == "order":
            E = D + sum((C @ power for power in powers[:steps]), 0 * C)
        if change == "transposed":
            E = D + sum((power @ C.T for power in powers[:steps]), 0 * C)
        if change == "a power less" and steps:
            D, E = powers[steps - 1], powers[steps - 1] + sum((power @ C for power in powers[: steps - 1]), 0 * C)
        if change == "linear":
            D = powers[0] + steps * (M - powers[0])
            E = D + steps * C
        if change == "path alone":
            E = E - D
        if change == "entrywise":
            D = M**steps
        if change == "in the matrix":
            E = torch.linalg.matrix_power(M + C, steps)
        outer = {"sign": -2, "factor": 1, "no mean": 2 * len(query_y)}.get(change, 2)
        g = outer / len(query_y) * query_phi.T @ (query_phi @ place - query_y)
        whole = (E.T if transpose else E) @ g
        if change == "swapped":
            return {"whole": D @ g, "frozen": whole}
        return {"frozen": whole if frozen_path else D @ g, "whole": whole}

    return answer


# ---------------------------------------------------------------- reptile_iteration

BUGS = ("one table", "newest never", "paid where it led")


def _reptile(
    replay=True, epsilon=True, online_moves=True, fresh=True, reduce=torch.mean, sign=1, anchor=True, change=None,
    bugs=(),
):  # fmt: skip
    def answer(theta, next_state, reward, draws, outer_lr):
        buffer, t, moves, point, state = [], 0, [], theta, 0
        outer_lr = 1.0 if change == "no outer_lr" else outer_lr
        draws = torch.rand_like(draws) if change == "own draws" else draws
        target, rate = theta.clone(), {"hard": 1.0, "still": 0.0}.get(change, 0.1)
        for task in range(len(reward)):
            if replay:
                buffer = []
            if epsilon:
                t = 0
            point = theta if fresh else point
            online, state = point.clone(), state if change == "state kept" else 0
            if change != "target kept":
                target = online if "one table" in bugs or change == "one table" else point.clone()
            for chance, which, index in draws[0 if change == "same draws" else task].tolist():
                t += change == "from 1"
                random = chance < max(0.0 if change == "to 0" else 0.1, 1 - t / 20)
                t += change != "from 1"
                acting = {"acts on target": target, "acts on theta": theta}.get(change, online)
                action = int(which * theta.shape[1]) if random else int(acting[state].argmax())
                following = int(next_state[task, state, action])
                paid = following if "paid where it led" in bugs else state
                new = (state, action, float(reward[task, paid, action]), following)
                if change != "late" or not buffer:
                    buffer.append(new)
                number = len(buffer) - 1 if "newest never" in bugs else len(buffer)
                s, a, r, f = buffer[-1 if change == "newest" else int(index * number)]
                if change == "late" and t > 1:
                    buffer.append(new)
                online[s, a] += 0.5 * (r + 0.9 * target[f].max() - online[s, a])
                target += rate * (online - target)
                state = following
            if change in ("in turn", "in turn, small"):
                theta = theta + outer_lr / (1 if change == "in turn" else len(reward)) * (online - theta)
            point = online
            moves.append((online if online_moves else target) - (theta if anchor else 0))
        if change in ("in turn", "in turn, small"):
            return theta
        if change == "move alone":
            return outer_lr * torch.stack(moves).mean(0)
        return theta + sign * outer_lr * reduce(torch.stack(moves), 0)

    return answer


MUTANTS = [
    Mutant(ch10.check_inner_td_steps, "target_not_stopped", _td(target="current", stop=False)),
    Mutant(ch10.check_inner_td_steps, "target_follows", _td(target="current")),
    Mutant(ch10.check_inner_td_steps, "termination_ignored", _td(terminate=False)),
    Mutant(ch10.check_inner_td_steps, "action_not_best", _td(best=False)),
    Mutant(ch10.check_inner_td_steps, "reward_dropped", _td(change="reward dropped")),
    Mutant(ch10.check_inner_td_steps, "action_mean", _td(change="mean action")),
    Mutant(ch10.check_inner_td_steps, "least_value", _td(change="least")),
    Mutant(ch10.check_inner_td_steps, "ends_left_out", _td(change="ends left out")),
    Mutant(ch10.check_inner_td_steps, "ends_inverted", _td(change="inverted")),
    Mutant(ch10.check_inner_td_steps, "reward_discounted", _td(change="late reward")),
    Mutant(ch10.check_inner_td_steps, "undiscounted", _td(change="undiscounted")),
    Mutant(ch10.check_inner_td_steps, "steps_off_by_one", _td(change="more")),
    Mutant(ch10.check_inner_td_steps, "steps_off_by_one", _td(change="fewer")),
    Mutant(ch10.check_inner_td_steps, "one_by_one", _one_by_one),
    Mutant(ch10.check_inner_td_steps, "same_state", _td(change="same state")),
    Mutant(ch10.check_inner_td_steps, "all_rows", _td(change="all rows")),
    Mutant(ch10.check_inner_td_steps, "mean_over_tasks", _td(change="all tasks")),
    Mutant(ch10.check_inner_td_steps, "mean_by_action", _td(change="by action")),
    Mutant(ch10.check_inner_td_steps, "half", _td(half=True)),
    Mutant(ch10.check_inner_td_steps, "sum_over_transitions", _td(reduce=torch.sum)),
    Mutant(ch10.check_inner_td_steps, "one_replay", _td(mix=True)),
    Mutant(ch10.check_inner_td_steps, "tasks_leak", _td(leak=True)),
    Mutant(ch10.check_inner_td_steps, "uphill", _td(sign=1)),
    Mutant(ch10.check_meta_gradients, "first_order", _meta("none", "none")),
    Mutant(ch10.check_meta_gradients, "one_factor", _meta("one", "none")),
    Mutant(ch10.check_meta_gradients, "path_forgotten", _meta(path="none")),
    Mutant(ch10.check_meta_gradients, "path_once", _meta(path="first")),
    Mutant(ch10.check_meta_gradients, "path_once", _meta(path="last")),
    Mutant(ch10.check_meta_gradients, "path_not_shrunk", _meta(path="not shrunk")),
    Mutant(ch10.check_meta_gradients, "frozen_moves", _meta(frozen_path=True)),
    Mutant(ch10.check_meta_gradients, "swapped", _meta(change="swapped")),
    Mutant(ch10.check_meta_gradients, "path_undiscounted", _meta(change="undiscounted")),
    Mutant(ch10.check_meta_gradients, "targets_renewed", _meta(change="renewed")),
    Mutant(ch10.check_meta_gradients, "targets_renewed", _meta(change="in the matrix")),
    Mutant(ch10.check_meta_gradients, "other_length", _meta(change="half")),
    Mutant(ch10.check_meta_gradients, "other_length", _meta(change="sum")),
    Mutant(ch10.check_meta_gradients, "path_shifted", _meta(change="one factor more")),
    Mutant(ch10.check_meta_gradients, "path_shifted", _meta(change="all alike")),
    Mutant(ch10.check_meta_gradients, "path_order", _meta(change="order")),
    Mutant(ch10.check_meta_gradients, "path_sign", _meta(change="minus path")),
    Mutant(ch10.check_meta_gradients, "path_alone", _meta(change="path alone")),
    Mutant(ch10.check_meta_gradients, "entrywise_power", _meta(change="entrywise")),
    Mutant(ch10.check_meta_gradients, "sign", _meta(change="sign")),
    Mutant(ch10.check_meta_gradients, "outer_factor", _meta(change="factor")),
    Mutant(ch10.check_meta_gradients, "outer_factor", _meta(change="no mean")),
    Mutant(ch10.check_meta_gradients, "not_transposed", _meta(transpose=False)),
    Mutant(ch10.check_meta_gradients, "query_at_theta", _meta(at="theta")),
    Mutant(ch10.check_reptile_iteration, "as_it_was", _reptile(bugs=BUGS)),
    Mutant(ch10.check_reptile_iteration, "newest_never", _reptile(bugs=("newest never",))),
    Mutant(ch10.check_reptile_iteration, "paid_where_it_led", _reptile(bugs=("paid where it led",))),
    Mutant(ch10.check_reptile_iteration, "one_replay", _reptile(replay=False)),
    Mutant(ch10.check_reptile_iteration, "epsilon_not_reset", _reptile(epsilon=False)),
    Mutant(ch10.check_reptile_iteration, "target_network", _reptile(online_moves=False)),
    Mutant(ch10.check_reptile_iteration, "two_left", _reptile(bugs=BUGS[:2])),
    Mutant(ch10.check_reptile_iteration, "two_left", _reptile(bugs=BUGS[1:])),
    Mutant(ch10.check_reptile_iteration, "two_left", _reptile(bugs=BUGS[::2])),
    Mutant(ch10.check_reptile_iteration, "tasks_leak", _reptile(fresh=False)),
    Mutant(ch10.check_reptile_iteration, "reversed", _reptile(sign=-1)),
    Mutant(ch10.check_reptile_iteration, "sum_over_tasks", _reptile(reduce=torch.sum)),
    Mutant(ch10.check_reptile_iteration, "in_turn", _reptile(change="in turn")),
    Mutant(ch10.check_reptile_iteration, "outer_lr_ignored", _reptile(change="no outer_lr")),
    Mutant(ch10.check_reptile_iteration, "state_kept", _reptile(change="state kept")),
    Mutant(ch10.check_reptile_iteration, "one_table", _reptile(change="one table")),
    Mutant(ch10.check_reptile_iteration, "one_table", _reptile(change="hard")),
    Mutant(ch10.check_reptile_iteration, "newest_replayed", _reptile(change="newest")),
    Mutant(ch10.check_reptile_iteration, "greedy_on_target", _reptile(change="acts on target")),
    Mutant(ch10.check_reptile_iteration, "not_a_difference", _reptile(anchor=False)),
    Mutant(ch10.check_inner_td_steps, "own_draws", _minibatches),
    Mutant(ch10.check_inner_td_steps, "undiscounted", lambda *a: _td()(*a[:-1], 0.9)),
    Mutant(ch10.check_inner_td_steps, "tasks_leak", _tasks_in_a_row),
    Mutant(
        ch10.check_inner_td_steps,
        "double",
        _steps_on(lambda old, new, actions: old.gather(-1, new.argmax(-1, keepdim=True))[..., 0]),
    ),
    Mutant(
        ch10.check_inner_td_steps,
        "next_row",
        _steps_on(lambda old, new, actions: old.gather(-1, actions.roll(-1, 1)[..., None])[..., 0]),
    ),
    Mutant(ch10.check_inner_td_steps, "never_negative", _steps_on(lambda old, new, actions: old.amax(-1).relu())),
    Mutant(
        ch10.check_inner_td_steps,
        "best_of_all",
        _steps_on(lambda old, new, actions: old.amax((1, 2), keepdim=True)[..., 0].expand_as(actions)),
    ),
    Mutant(ch10.check_inner_td_steps, "ends_spread", _steps_on(ends=lambda ended: ended.cumsum(1) > 0)),
    Mutant(ch10.check_inner_td_steps, "ends_spread", _steps_on(ends=lambda ended: ended | ended.any(1, keepdim=True))),
    Mutant(ch10.check_inner_td_steps, "overwritten", _steps_on(gather="by index")),
    Mutant(ch10.check_inner_td_steps, "errors_clipped", _steps_on(errors=lambda error: error.clamp(-1, 1))),
    Mutant(ch10.check_meta_gradients, "path_order", _meta(change="transposed")),
    Mutant(ch10.check_meta_gradients, "other_length", _meta(change="n'")),
    Mutant(ch10.check_meta_gradients, "another_power", _meta(change="a power less")),
    Mutant(ch10.check_meta_gradients, "linear", _meta(change="linear")),
    Mutant(ch10.check_reptile_iteration, "own_draws", _reptile(change="own draws")),
    Mutant(ch10.check_reptile_iteration, "in_turn", _reptile(change="in turn, small")),
    Mutant(ch10.check_reptile_iteration, "move_alone", _reptile(change="move alone")),
    Mutant(ch10.check_reptile_iteration, "same_draws", _reptile(change="same draws")),
    Mutant(ch10.check_reptile_iteration, "target_kept", _reptile(change="target kept")),
    Mutant(ch10.check_reptile_iteration, "other_epsilon", _reptile(change="from 1")),
    Mutant(ch10.check_reptile_iteration, "other_epsilon", _reptile(change="to 0")),
    Mutant(ch10.check_reptile_iteration, "target_still", _reptile(change="still")),
    Mutant(ch10.check_reptile_iteration, "newest_never", _reptile(change="late")),
    Mutant(ch10.check_reptile_iteration, "greedy_on_target", _reptile(change="acts on theta")),
]

MUTANTS += [
    Mutant(ch10.check_transfer, misconception, answer)
    for misconception, answer in {
        "few_seeds": report._four_seeds,
        "seed_twice": report._a_seed_again,
        "copied": report._one_start_for_all,
        "rows_alike": report_named(eleventh.WRONG, "goals_means_alone"),
        "not_a_side": report._first_eighteen,
        "not_scattered": report._another_half,
        "starts_exchanged": report._starts_exchanged,
        "other_lead": report_named(eleventh.WRONG, "a_little_each"),
        "places_exchanged": report._places_exchanged,
        "higher_than_earned": report._best_of_ten,
        "lower_than_earned": report._sums_of_less,
        "turned": report._other_way_round,
        "of_old_goals": report._at_old_goals,
        "pooled_episodes": report._every_goal,
        "extremes": report._lowest_and_highest,
        "standard_deviation": report._deviation,
        "standard_error": report._error,
        "normal_interval": report._normal,
        "divides_by_n": report._biased,
        "off_centre": report._another_middle,
        "one_sided": report._ninety_percent,
        "too_narrow": report._eighty_percent,
        "too_wide": report._ninety_nine,
        "not_an_interval": report._no_interval,
        "says_too_much": report._a_winner_anyway,
        "says_too_little": report._too_careful,
        "wrong_winner": report._wrong_winner,
        "not_that_cause": report._as_suspected,
        "verdict_too_bold": report._bold,
        "verdict_too_careful": report._no_verdict,
        "not_repeated": report._hardly_trained,
    }.items()
]

MUTANTS += [
    Mutant(ch10.check_transfer, "starts_exchanged", report_named(eleventh.WRONG, name))
    for name in ("sides_old_exchanged", "scattered_new_exchanged")
]
