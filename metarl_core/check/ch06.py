"""The checks of chapter 06: Reptile's step, Taylor terms, a Meta-SGD for the head, a Reptile with Adam inside."""

import itertools

import torch

from metarl_core.check import Wrong, case, function_check
from metarl_core.check.compare import difference


def _slope(function, theta, shift=1e-5):
    """Gradient by central differences."""
    units = torch.eye(len(theta), dtype=theta.dtype)
    return torch.stack([(function(theta + shift * e) - function(theta - shift * e)) / (2 * shift) for e in units])


# ---------------------------------------------------------------- reptile_step


def _bent(generator, size):
    """A smooth loss that is not quadratic."""
    rows = torch.randn(2 * size, size, generator=generator, dtype=torch.float64)
    offsets = 1.5 * torch.randn(2 * size, generator=generator, dtype=torch.float64)
    return lambda theta: (rows @ theta - offsets).cosh().log().mean() + 0.1 * theta.square().sum()


def _task_cases():
    for seed, (size, tasks, k, alpha, epsilon) in enumerate(
        ((3, 2, 2, 0.5, 0.7), (4, 3, 3, 0.4, 0.5), (3, 2, 5, 0.3, 0.2))
    ):
        generator = torch.Generator().manual_seed(seed)
        losses = [[_bent(generator, size) for _ in range(k)] for _ in range(tasks)]
        yield case(torch.randn(size, generator=generator, dtype=torch.float64), losses, alpha, epsilon)


def _reptile_by_differences(theta, tasks, alpha, epsilon):
    ends = []
    for minibatches in tasks:
        phi = theta
        for loss in minibatches:
            phi = phi - alpha * _slope(loss, phi)
        ends.append(phi)
    return theta + epsilon * (torch.stack(ends).mean(0) - theta)


def _reptile(pick=lambda losses: losses, moves=True, keep=slice(None), join=None, leak=False):
    """Reptile with faults: which losses, whether φ moves, which of its gradients count, what is made of the ends."""

    def answer(theta, tasks, alpha, epsilon):
        found, at = [], theta
        for minibatches in tasks:
            start = phi = at if leak else theta
            slopes = []
            for loss in pick(minibatches):
                slopes.append(torch.func.grad(loss)(phi if moves else start))
                phi = phi - alpha * slopes[-1]
            end = start - alpha * torch.stack(slopes[keep]).sum(0)
            found.append(end)
            at = end
        ends = torch.stack(found)
        return theta + epsilon * (ends.mean(0) - theta) if join is None else join(theta, ends, alpha, epsilon)

    return answer


def _serial(theta, tasks, alpha, epsilon):
    for minibatches in tasks:
        theta = _reptile()(theta, [minibatches], alpha, epsilon)
    return theta


check_reptile_step = function_check(
    "reptile_step",
    _reptile_by_differences,
    _task_cases,
    Wrong(
        "sign",
        "Your step leads away from where the tasks' inner loops ended. Reptile moves towards that.",
        _reptile(join=lambda theta, ends, alpha, epsilon: theta - epsilon * (ends.mean(0) - theta)),
    ),
    Wrong(
        "outer_step_ignored",
        "You jump all of the way to the mean of the adapted parameters. What is epsilon for?",
        _reptile(join=lambda theta, ends, alpha, epsilon: ends.mean(0)),
    ),
    Wrong(
        "over_alpha",
        "The distance is divided by the inner step size. That would be right if you wanted a sum of gradients.",
        _reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends.mean(0) - theta) / alpha),
    ),
    Wrong(
        "sum_over_tasks",
        "Your step grows with the number of tasks. The mean of the ends is wanted.",
        _reptile(join=lambda theta, ends, alpha, epsilon: theta + epsilon * (ends - theta).sum(0)),
    ),
    Wrong(
        "one_step",
        "Only the first minibatch of each task is used: that is k = 1. What is left of Reptile then?",
        _reptile(pick=lambda losses: losses[:1]),
    ),
    Wrong(
        "same_minibatch",
        "The number of steps is right, but all of them are made on one minibatch of the task.",
        _reptile(pick=lambda losses: losses[:1] * len(losses)),
    ),
    Wrong(
        "gradients_at_start",
        "All gradients of a task are taken at theta, and added up. That is joint training again: where is the second "
        "gradient of an inner loop taken?",
        _reptile(moves=False),
    ),
    Wrong(
        "last_gradient",
        "You use the gradient at the end of the inner loop only, as FOMAML does. How far has Reptile come in all?",
        _reptile(keep=slice(-1, None)),
    ),
    Wrong(
        "tasks_leak",
        "The first task is right, the later ones start where the one before them ended.",
        _reptile(leak=True),
    ),
    Wrong(
        "serial",
        "You move theta after each task, so the second task starts elsewhere than the first. Here all tasks of a batch "
        "start from the same theta.",
        _serial,
    ),
)  # fmt: skip

# ---------------------------------------------------------------- taylor_coefficients


def _weight_cases():
    for weights in ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0), (0.5, -2.0, 1.5), (1.0, 3.0), (2.0, 0.0, -1.0, 0.5)):
        yield case(torch.tensor(weights, dtype=torch.float64))


def _measured_coefficients(weights, alpha=1e-6):
    """Run the inner loop on random quadratics in every order of the minibatches; read both coefficients off."""
    k, generator = len(weights), torch.Generator().manual_seed(7)
    root = torch.randn(k, 3, 3, generator=generator, dtype=torch.float64)
    hessians, slopes = root @ root.mT, torch.randn(k, 3, generator=generator, dtype=torch.float64)
    pairs = list(itertools.permutations(range(k), 2))
    inner = sum(hessians[i] @ slopes[j] for i, j in pairs) / len(pairs)

    def expected(step):
        total, orders = torch.zeros(3, dtype=torch.float64), list(itertools.permutations(range(k)))
        for order in orders:
            moved = torch.zeros(3, dtype=torch.float64)
            for weight, i in zip(weights, order, strict=True):
                gradient = slopes[i] + hessians[i] @ moved
                total = total + weight * gradient
                moved = moved - step * gradient
        return total / len(orders)

    average, at_zero = slopes.mean(0), expected(0.0)
    second = (expected(alpha) - at_zero) / alpha
    return torch.stack([at_zero @ average / (average @ average), -(second @ inner) / (inner @ inner)])


def _counted(pairs, first=lambda w: w.sum()):
    """[first(w), Σ w_i · pairs(i, k)] with i from 1."""

    def answer(weights):
        k = len(weights)
        many = torch.tensor([float(pairs(i, k)) for i in range(1, k + 1)], dtype=torch.float64)
        return torch.stack([first(weights), (weights * many).sum()])

    return answer


check_taylor_coefficients = function_check(
    "taylor_coefficients",
    _measured_coefficients,
    _weight_cases,
    Wrong(
        "sign",
        "The second coefficient has the wrong sign. Mind the minus that stands in front of it in the equation already.",
        _counted(lambda i, k: 1 - i),
    ),
    Wrong(
        "off_by_one",
        "One pair too many for each gradient. How many steps were made *before* the first gradient was taken?",
        _counted(lambda i, k: i),
    ),
    Wrong(
        "previous_only",
        "Each gradient is shifted by the step right before it only. What about the steps before that one?",
        _counted(lambda i, k: min(i - 1, 1)),
    ),
    Wrong(
        "all_others",
        "Each gradient is paired with all others, also with those that come after it.",
        _counted(lambda i, k: k - 1),
    ),
    Wrong(
        "later_steps",
        "The pairs are counted from the wrong end: a gradient feels the steps made before it, not those after it.",
        _counted(lambda i, k: k - i),
    ),
    Wrong(
        "maml_factor",
        "Twice too large: that is the second term of MAML, which differentiates through the steps as well.",
        _counted(lambda i, k: 2 * (i - 1)),
    ),
    Wrong(
        "weights_ignored",
        "You give the coefficients of Reptile whatever the weights are.",
        lambda weights: torch.tensor(
            [float(len(weights)), len(weights) * (len(weights) - 1) / 2], dtype=weights.dtype
        ),
    ),
    Wrong(
        "mean_of_weights",
        "The second coefficient is right, the first is not: are the gradients added up, or averaged?",
        _counted(lambda i, k: i - 1, lambda w: w.mean()),
    ),
)  # fmt: skip

# ---------------------------------------------------------------- head_loss

HEAD = ("w2", "b2")


def _predict(parameters, x):
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def _error(parameters, x, y):
    return (_predict(parameters, x) - y).square().mean()


def _network_cases():
    for seed, tasks in enumerate((3, 2, 4)):
        generator = torch.Generator().manual_seed(40 + seed)

        def draw(*shape, generator=generator):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        parameters = {"w1": draw(4, 1), "b1": draw(4), "w2": 0.5 * draw(1, 4), "b2": draw(1)}
        rates = {name: 0.3 * draw(*value.shape) for name, value in parameters.items()}
        rates["b2"] = -rates["b2"].abs() - 0.1  # a negative one in every case
        data = []
        for _ in range(tasks):
            size, phase, xs, xq = 1 + 2 * draw(1).abs(), draw(1), 2 * draw(5, 1), 2 * draw(7, 1)
            data.append((xs, size * (xs + phase).sin(), xq, size * (xq + phase).sin()))
        leaves = [{name: value.requires_grad_() for name, value in one.items()} for one in (parameters, rates)]
        yield case(*leaves, data)


def _value_and_gradients(answer, parameters, rates, data):
    loss = answer(parameters, rates, data)
    leaves = {**parameters, **{"rate of " + name: value for name, value in rates.items()}}
    slopes = [None] * len(leaves)
    if loss.requires_grad:
        slopes = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    slopes = [torch.zeros_like(v) if s is None else s for v, s in zip(leaves.values(), slopes, strict=True)]
    return {"loss": loss.detach(), **{f"gradient of {n}": s for n, s in zip(leaves, slopes, strict=True)}}


def _head_loss_by_differences(parameters, rates, data):
    """The value by plain steps; its gradients by differences of the value, so no graph can be cut."""
    start = {name: value.detach() for name, value in parameters.items()}
    start |= {"rate of " + name: value.detach() for name, value in rates.items()}

    def value(entries):
        theta = {name: entries[name] for name in parameters}
        total = 0.0
        for xs, ys, xq, yq in data:
            slopes = torch.func.grad(lambda p, x=xs, y=ys: _error(p, x, y))(theta)
            moved = {name: theta[name] - entries["rate of " + name] * slopes[name] for name in HEAD}
            total = total + _error(theta | moved, xq, yq)
        return total / len(data)

    result = {"loss": value(start)}
    for name, entry in start.items():

        def along(flat, name=name, entry=entry):
            return value(start | {name: flat.view_as(entry)})

        result[f"gradient of {name}"] = _slope(along, entry.flatten()).view_as(entry)
    return result


def _head_loss(which="head", rate=lambda a: a, graph=True, on_support=False, reduce=torch.mean):
    """The loss with faults: which parameters adapt, what is made of a rate, whether the step is differentiated."""

    def answer(parameters, rates, data):
        chosen = {"head": HEAD, "body": ("w1", "b1"), "all": tuple(parameters)}[which]
        found = []
        for xs, ys, xq, yq in data:
            slopes = torch.autograd.grad(
                _error(parameters, xs, ys), [parameters[n] for n in chosen], create_graph=graph
            )
            moved = {n: parameters[n] - rate(rates[n]) * s for n, s in zip(chosen, slopes, strict=True)}
            adapted = parameters | moved
            found.append(_error(adapted, xs, ys) if on_support else _error(adapted, xq, yq))
        return reduce(torch.stack(found))

    return answer


def _detached(a):
    return a.detach()


def _detached_positive(a):
    return a.detach().abs()


POSITIVE = (torch.abs, torch.relu, torch.exp, torch.nn.functional.softplus, torch.square)


def _one_of(*answers):
    """Recognised by the result of any of these answers."""
    return lambda got, *a: any(
        difference(got, _value_and_gradients(answer, *a), 1e-6, 1e-9) is None for answer in answers
    )


check_head_loss = function_check(
    "head_loss",
    _head_loss_by_differences,
    _network_cases,
    Wrong(
        "as_it_was",
        "That is the code as it was. Look at the gradient of each rate, at its sign, and at which tensors have moved.",
        _head_loss("body", _detached_positive),
    ),
    Wrong(
        "wrong_parameters",
        "The rates are learned and may be negative, but the parameters below the head adapt and the head does not.",
        _head_loss("body"),
    ),
    Wrong(
        "all_adapt",
        "All parameters adapt. Which ones should?",
        _head_loss("all"),
    ),
    Wrong(
        "rates_not_learned",
        "The value of the loss is right, and the gradient of every rate is zero: no optimiser can learn them. Where "
        "does their graph end?",
        _head_loss(rate=_detached),
    ),
    Wrong(
        "forced_positive",
        "The right parameters adapt and the rates have gradients, but a negative rate does not act as one.",
        when=_one_of(*(_head_loss(rate=function) for function in POSITIVE)),
    ),
    Wrong(
        "two_left",
        "One bug is gone, two are left. Compare which tensors differ from theta after the step, then the sign of the "
        "step where a rate is negative, then the gradient of the rates.",
        when=_one_of(
            _head_loss("body", _detached), _head_loss("body", torch.abs), _head_loss("head", _detached_positive)
        ),
    ),
    Wrong(
        "first_order",
        "The value is right and so are the gradients of the rates, but those of the parameters are first-order: the "
        "step is not differentiated.",
        _head_loss(graph=False),
    ),
    Wrong(
        "outer_on_support",
        "The step is right, but the adapted network is judged on the points that it was adapted on.",
        _head_loss(on_support=True),
    ),
    Wrong(
        "sum_over_tasks",
        "Your loss grows with the number of tasks. It should be their mean.",
        _head_loss(reduce=torch.sum),
    ),
    observe=_value_and_gradients,
)  # fmt: skip

# ---------------------------------------------------------------- reptile_with_adam


def _labelled_cases():
    for seed, (tasks, samples, size, features, alpha) in enumerate(
        ((3, 8, 4, 3, 0.1), (2, 9, 3, 2, 0.05), (3, 6, 2, 4, 0.2))
    ):
        generator = torch.Generator().manual_seed(60 + seed)
        data, orders = [], []
        for _ in range(tasks):
            x = (1 + 2 * torch.rand(1, generator=generator)) * torch.randn(samples, features, generator=generator)
            y = (x.sum(1) + torch.randn(samples, generator=generator)).sign().sort().values
            data.append((x.double(), y.double()))
            orders.append(torch.randperm(samples, generator=generator))
        theta = torch.randn(features, generator=generator, dtype=torch.float64)
        yield case(theta, data, orders, alpha, size)


def _adam_by_definition(theta, tasks, orders, alpha, size, beta=0.999, tiny=1e-8):
    """v̂ written out as the weighted mean of all squared gradients of the task so far; gradients by differences."""
    away = []
    for (x, y), order in zip(tasks, orders, strict=True):
        phi, slopes = theta, []
        for chosen in order.split(size):
            slopes.append(_slope(lambda p, x=x, y=y, c=chosen: (x[c] @ p - y[c]).square().mean(), phi))
            weights = beta ** torch.arange(len(slopes) - 1, -1, -1, dtype=theta.dtype)
            mean_square = (weights[:, None] * torch.stack(slopes).square()).sum(0) / weights.sum()
            phi = phi - alpha * slopes[-1] / (mean_square.sqrt() + tiny)
        away.append(theta - phi)
    return torch.stack(away).mean(0)


def _adam(shuffled=True, new_state="task", new_count="task", sign=1.0, corrected=True, moved=True):
    """The direction with faults: data order, when the state and its count begin anew, the sign, the correction."""

    def answer(theta, tasks, orders, alpha, size, beta=0.999, tiny=1e-8):
        total, second, count = torch.zeros_like(theta), torch.zeros_like(theta), 0
        for (x, y), order in zip(tasks, orders, strict=True):
            second = torch.zeros_like(theta) if new_state != "never" else second
            count = 0 if new_count != "never" else count
            phi, order = theta, order if shuffled else torch.arange(len(x))
            for chosen in order.split(size):
                if new_state == "step":
                    second, count = torch.zeros_like(theta), 0
                slope = 2 * x[chosen].T @ (x[chosen] @ phi - y[chosen]) / len(chosen)
                second, count = beta * second + (1 - beta) * slope.square(), count + 1
                scale = (second / (1 - beta**count if corrected else 1)).sqrt() + tiny
                phi = phi - alpha * slope / scale
            total = total + sign * (theta - phi)
        return total / (len(tasks) if moved else 1)

    return answer


check_reptile_with_adam = function_check(
    "reptile_with_adam",
    _adam_by_definition,
    _labelled_cases,
    Wrong(
        "as_it_was",
        "That is the code as it was. Give it the tasks in another order, and the samples in another order, and look "
        "what changes.",
        _adam(shuffled=False, new_state="never", new_count="never"),
    ),
    Wrong(
        "ordered_by_label",
        "Adam is right, but the minibatches are cut in the order in which the samples are stored. What do the labels "
        "of the first minibatch have in common?",
        _adam(shuffled=False),
    ),
    Wrong(
        "state_shared",
        "The minibatches are right and the first task is, too. What does the second task inherit from the first?",
        _adam(new_state="never", new_count="never"),
    ),
    Wrong(
        "count_shared",
        "The running mean begins anew for each task, but its bias correction does not know that.",
        _adam(new_count="never"),
    ),
    Wrong(
        "mean_square_shared",
        "The count of steps begins anew for each task, but the running mean of squares does not.",
        _adam(new_state="never"),
    ),
    Wrong(
        "new_at_each_step",
        "Your optimiser forgets everything at each step. All minibatches of *one* task share its state.",
        _adam(new_state="step"),
    ),
    Wrong(
        "no_correction",
        "The running mean of squares starts at zero and is used as it is: the first steps are far too long.",
        _adam(corrected=False),
    ),
    Wrong(
        "sign",
        "This is φ − θ. An optimiser that descends needs the opposite.",
        _adam(sign=-1.0),
    ),
    Wrong(
        "sum_over_tasks",
        "Your direction grows with the number of tasks. The mean is wanted.",
        _adam(moved=False),
    ),
)  # fmt: skip
