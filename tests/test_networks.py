"""Networks with a task axis against one network per task and against torch.nn."""

import gymnasium
import pytest
import torch
from torch import nn

from metarl_core.networks import MLP, encode_observation, mlp, observation_size
from metarl_core.parameters import initial_parameters, repeat_parameters, stack_parameters


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sizes", [(3, 2), (4, 8, 8, 3), (1, 40, 40, 1)])
@pytest.mark.parametrize("activation, layer", [(torch.relu, nn.ReLU), (torch.tanh, nn.Tanh)])
def test_equals_sequential(sizes, activation, layer):
    network = MLP(sizes, activation, seeded()).double()
    parts = []
    for index in range(len(sizes) - 1):
        linear = nn.Linear(sizes[index], sizes[index + 1]).double()
        with torch.no_grad():
            linear.weight.copy_(getattr(network, f"weight{index}"))
            linear.bias.copy_(torch.randn(sizes[index + 1], generator=seeded(index)).double())
            getattr(network, f"bias{index}").copy_(linear.bias)
        parts += [linear, layer()]
    reference = nn.Sequential(*parts[:-1])
    for shape in ((sizes[0],), (5, sizes[0]), (2, 3, 5, sizes[0])):
        inputs = torch.randn(shape, dtype=torch.float64, generator=seeded(1))
        torch.testing.assert_close(network(inputs), reference(inputs), rtol=1e-12, atol=1e-12)
    network(inputs).square().sum().backward(), reference(inputs).square().sum().backward()
    for index in range(len(sizes) - 1):
        torch.testing.assert_close(getattr(network, f"weight{index}").grad, parts[2 * index].weight.grad)


@pytest.mark.parametrize("axes", [(), (7,), (4, 7), (2, 4, 7)])
def test_stacked_equals_separate(axes):
    networks = [MLP((3, 6, 2), torch.tanh, seeded(seed)).double() for seed in range(5)]
    sets = [initial_parameters(network) for network in networks]
    for seed, parameters in enumerate(sets):  # biases too
        parameters["bias0"] += torch.randn(6, dtype=torch.float64, generator=seeded(seed))
    inputs = torch.randn((5, *axes, 3), dtype=torch.float64, generator=seeded(9))
    together = mlp(stack_parameters(sets), inputs, torch.tanh)
    assert together.shape == (5, *axes, 2)
    for task, parameters in enumerate(sets):
        torch.testing.assert_close(together[task], mlp(parameters, inputs[task], torch.tanh), rtol=1e-12, atol=1e-12)


def test_no_gradient_leaks_between_tasks():
    stacked = repeat_parameters(initial_parameters(MLP((3, 6, 2), generator=seeded())), 4)
    leaves = {name: value.clone().requires_grad_() for name, value in stacked.items()}
    mlp(leaves, torch.randn((4, 5, 3), generator=seeded(1)))[2].sum().backward()
    for value in leaves.values():
        assert value.grad[2].any() and not value.grad[[0, 1, 3]].any()


def test_functional_call():
    network = MLP((3, 6, 2), generator=seeded())
    others = initial_parameters(MLP((3, 6, 2), generator=seeded(1)))
    inputs = torch.randn((4, 3), generator=seeded(2))
    called = torch.func.functional_call(network, others, (inputs,))
    torch.testing.assert_close(called, mlp(others, inputs))
    assert not torch.allclose(called, network(inputs))
    stacked = stack_parameters([others, initial_parameters(network)])
    called = torch.func.functional_call(network, stacked, (inputs.expand(2, 4, 3),))
    torch.testing.assert_close(called[1], network(inputs))


def test_initialisation():
    network = MLP((30, 50, 10), generator=seeded(), output_gain=0.01)
    again = MLP((30, 50, 10), generator=seeded(), output_gain=0.01)
    for first, second in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(first, second)
    bound = (6 / 80) ** 0.5
    assert 0.95 * bound < network.weight0.abs().max() <= bound
    assert network.weight1.abs().max() <= 0.01 * (6 / 60) ** 0.5
    assert not network.bias0.any() and not network.bias1.any()


@pytest.mark.parametrize("sizes", [(3,), (), (3, 0), (-1, 2)])
def test_refuses_sizes(sizes):
    with pytest.raises(ValueError, match="sizes"):
        MLP(sizes)


def test_encode_observation():
    discrete, box = gymnasium.spaces.Discrete(4), gymnasium.spaces.Box(-1, 1, (2, 3))
    assert encode_observation(torch.tensor([[3, 0]]), discrete).tolist() == [[[0, 0, 0, 1], [1, 0, 0, 0]]]
    assert encode_observation(torch.zeros(5, 6, 2, 3), box).shape == (5, 6, 6)
    assert encode_observation(torch.zeros(5, 6, 2), gymnasium.spaces.Box(-1, 1, (2,))).shape == (5, 6, 2)
    assert (observation_size(discrete), observation_size(box)) == (4, 6)
    for space in (gymnasium.spaces.MultiBinary(3), gymnasium.spaces.Box(-1, 1, ())):
        with pytest.raises(ValueError, match="Discrete or Box"):
            observation_size(space)
