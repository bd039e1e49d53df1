"""What the checks of several chapters compare with."""

import torch


def curved_loss(generator, size):
    """A smooth loss that is not quadratic, so that its Hessian changes along the inner steps."""
    rows = torch.randn(2 * size, size, generator=generator, dtype=torch.float64)
    offsets = 1.5 * torch.randn(2 * size, generator=generator, dtype=torch.float64)
    return lambda theta: (rows @ theta - offsets).cosh().log().mean() + 0.1 * theta.square().sum()


def central_differences(function, theta, shift=1e-5):
    """Gradient by central differences."""
    units = torch.eye(len(theta), dtype=theta.dtype)
    return torch.stack([(function(theta + shift * e) - function(theta - shift * e)) / (2 * shift) for e in units])


def two_layer_network(parameters, x):
    """`[sample, 1]` of a network with one hidden layer of tanh."""
    return (x @ parameters["w1"].T + parameters["b1"]).tanh() @ parameters["w2"].T + parameters["b2"]


def network_error(parameters, x, y):
    """Its mean squared error."""
    return (two_layer_network(parameters, x) - y).square().mean()
