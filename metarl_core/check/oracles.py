"""What the checks of several chapters compare with: losses with derivatives by hand, so that no graph can be cut."""

import torch

from metarl_core.check.compare import difference


class CurvedLoss:
    """A smooth loss that is not quadratic, so that its Hessian changes along the inner steps.

    Args:
        draw: of the case; the numbers are asymmetric.
        size: of theta.
        scale: of the slopes, compared with the quadratic part.
    """

    def __init__(self, draw, size, scale=1.0):
        self.rows = scale * draw.normal(size + 1, size)
        self.offsets = 2 * draw.skewed(size + 1) + 0.5

    def __call__(self, theta):
        return (self.rows @ theta - self.offsets).cosh().log().mean() + 0.1 * theta.square().sum()

    def slope(self, theta):
        """Its gradient."""
        return self.rows.T @ (self.rows @ theta - self.offsets).tanh() / len(self.rows) + 0.2 * theta

    def hessian(self, theta):
        """`[size, size]`."""
        bend = 1 - (self.rows @ theta - self.offsets).tanh().square()
        return self.rows.T @ (bend[:, None] * self.rows) / len(self.rows) + 0.2 * torch.eye(len(theta)).to(theta)


def two_layer_network(parameters, x):
    """`[sample, 1]` of a network with one hidden layer of tanh."""
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def network_error(parameters, x, y):
    """Its mean squared error."""
    return (two_layer_network(parameters, x) - y).square().mean()


def network_slopes(parameters, x, y):
    """The gradient of its mean squared error, written out: plain arithmetic, which autograd can differentiate."""
    hidden = (x @ parameters["w1"].T + parameters["b1"]).tanh()
    off = 2 * (hidden @ parameters["w2"].T + parameters["b2"] - y) / len(x)
    back = off @ parameters["w2"] * (1 - hidden.square())
    return {"w1": back.T @ x, "b1": back.sum(0), "w2": off.T @ hidden, "b2": off.sum(0)}


def draw_network(draw, width, dtype):
    """Parameters of the network, in no particular order."""
    shapes = {"w1": (width, 1), "b1": (width,), "w2": (1, width), "b2": (1,)}
    names = [list(shapes)[i] for i in draw.permutation(4)]
    return {name: draw.normal(*shapes[name], dtype=dtype, scale=0.7) for name in names}


def draw_regression(draw, tasks, dtype):
    """Tasks (support_x, support_y, query_x, query_y), each `[points, 1]`: waves, other numbers of points in each.

    Up to 6 points, and 60 in one case.
    """
    data = []
    for _ in range(tasks):
        size, phase, shift = draw.uniform(0.5, 3), draw.uniform(-3, 3), draw.uniform(-1, 2)
        numbers = [draw.once(19, 60, draw.integer(1, 6)) for _ in range(2)]
        xs, xq = (draw.normal(number, 1, dtype=dtype, scale=1.5, mean=0.3) for number in numbers)
        data.append((xs, size * (xs + phase).sin() + shift, xq, size * (xq + phase).sin() + shift))
    return data


def value_and_gradients(loss, leaves):
    """A loss, and its gradient with respect to each of the named leaves: zero where there is no way to one."""
    slopes = [None] * len(leaves)
    if loss.requires_grad:
        slopes = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    slopes = [torch.zeros_like(v) if s is None else s for v, s in zip(leaves.values(), slopes, strict=True)]
    return {"loss": loss.detach(), **{f"gradient of {n}": s for n, s in zip(leaves, slopes, strict=True)}}


def same(got, *expected):
    """Whether what was observed is one of these, to rounding."""
    return any(difference(got, one, None, None) is None for one in expected)
