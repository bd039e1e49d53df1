"""Reptile's direction with Adam in the inner loop: by its definition, and with one thing or another done wrong."""

import torch


def by_definition(theta, tasks, orders, alpha, size, beta=0.999, tiny=1e-8):
    """v̂ written out as the weighted mean of all squared gradients of the task so far; gradients sample by sample."""
    away = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, slopes, left = theta, [], order.tolist()
        while left:
            chosen, left = left[:size], left[size:]
            slopes.append(sum(2 * (x[i] @ phi - y[i]) * x[i] for i in chosen) / len(chosen))
            weights = [beta ** (len(slopes) - 1 - s) for s in range(len(slopes))]
            mean_square = sum(w * s**2 for w, s in zip(weights, slopes, strict=True)) / sum(weights)
            phi = phi - alpha * slopes[-1] / (mean_square.sqrt() + tiny)
        away.append(theta - phi)
    return sum(away) / len(away)


def adam(
    permuted="both", new_state="task", new_count="task", sign=1.0, corrected=True, divided=True, remainder=True,
    fixed=None, inside=False, tiny=1e-8, order_of=lambda order: order, over_size=False, plain=False, pieces=False,
    default=0.999, mean_of=None, carried=False, momentum=0.0, late=0, update=None,
):  # fmt: skip
    """The direction with faults: data order, when the state and its count begin anew, the correction, and so on."""

    def answer(theta, tasks, orders, alpha, size, beta=default):
        beta = beta if fixed is None else fixed
        total, second, count = torch.zeros_like(theta), torch.zeros_like(theta), 0
        given, at_end = size, theta
        for (x, y), order in zip(tasks, map(order_of, orders), strict=True):
            size = -(-len(x) // given) if pieces else given
            second = torch.zeros_like(theta) if new_state != "never" else second
            count = 0 if new_count != "never" else count
            phi, first = at_end if carried else theta, torch.zeros_like(theta)
            for at in range(0, len(x) if remainder else len(x) - size + 1, size):
                if new_state == "step":
                    second, count = torch.zeros_like(theta), 0
                stored, chosen = torch.arange(len(x))[at : at + size], order[at : at + size]
                xs = x[stored if permuted == "nothing" else chosen]
                ys = y[chosen if permuted == "both" else stored]
                slope = 2 * xs.T @ (xs @ phi - ys) / (size if over_size else len(xs))
                count += 1
                if mean_of is not None:
                    second = mean_of(second, slope, beta, count)
                else:
                    second = second + slope.square() if plain else beta * second + (1 - beta) * slope.square()
                mean_square = second / (count if plain else 1 - beta ** (count + late) if corrected else 1)
                first = momentum * first + (1 - momentum) * slope
                along = first / (1 - momentum**count)
                if update is not None:
                    phi = phi - alpha * update(along, mean_square)
                else:
                    phi = phi - alpha * along / ((mean_square + tiny).sqrt() if inside else mean_square.sqrt() + tiny)
            at_end = phi
            total = total + sign * (theta - phi)
        return total / (len(tasks) if divided else 1)

    return answer


def one_chain(theta, tasks, orders, alpha, size, beta=0.999):
    """The state of the optimiser is handed on with φ."""
    return adam(carried=True, new_state="never", new_count="never")(theta, tasks, orders, alpha, size, beta)


def corrected_once(theta, tasks, orders, alpha, size, beta=0.999):
    """By 1 − β in every step."""
    return adam(corrected=False, update=lambda g, v: g / ((v / (1 - beta)).sqrt() + 1e-8))(
        theta, tasks, orders, alpha, size, beta
    )
