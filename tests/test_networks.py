"""Networks with a task axis against one network per task and against torch.nn."""

import pickle

import gymnasium
import pytest
import torch
from torch import nn

from metarl_core.networks import MLP, encode_observation, mlp, observation_size
from metarl_core.parameters import (
    initial_parameters,
    load_parameters,
    repeat_parameters,
    save_parameters,
    stack_parameters,
)


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


def test_parameters_are_copies():
    network = MLP((2, 2), generator=seeded())
    parameters = initial_parameters(network)
    parameters["weight0"].zero_()
    assert network.weight0.any() and not parameters["weight0"].requires_grad
    repeated = repeat_parameters(initial_parameters(network), 3)
    assert repeated["weight0"].shape == (3, 2, 2) and torch.equal(repeated["weight0"][2], network.weight0)


def test_encode_observation():
    discrete, box = gymnasium.spaces.Discrete(4), gymnasium.spaces.Box(-1, 1, (2, 3))
    assert encode_observation(torch.tensor([[3, 0]]), discrete).tolist() == [[[0, 0, 0, 1], [1, 0, 0, 0]]]
    assert encode_observation(torch.zeros(5, 6, 2, 3), box).shape == (5, 6, 6)
    assert encode_observation(torch.zeros(5, 6, 2), gymnasium.spaces.Box(-1, 1, (2,))).shape == (5, 6, 2)
    assert (observation_size(discrete), observation_size(box)) == (4, 6)
    for space in (gymnasium.spaces.MultiBinary(3), gymnasium.spaces.Box(-1, 1, ())):
        with pytest.raises(ValueError, match="Discrete or Box"):
            observation_size(space)


# Saved work


def test_save_and_load_exactly(tmp_path):
    parameters = initial_parameters(MLP((3, 6, 2), generator=seeded()))
    parameters["repeated"] = torch.ones(1).expand(4)
    parameters["exact"] = torch.tensor([1 / 3], dtype=torch.float64, requires_grad=True)
    save_parameters(parameters, tmp_path / "policy.pt")
    loaded = load_parameters(tmp_path / "policy.pt")
    assert list(loaded) == list(parameters)
    for name, value in parameters.items():
        assert torch.equal(loaded[name], value) and loaded[name].dtype == value.dtype
        assert not loaded[name].requires_grad
    assert [path.name for path in tmp_path.iterdir()] == ["policy.pt"]


def test_interrupted_save_keeps_the_old_file(tmp_path, monkeypatch):
    save_parameters({"weight": torch.ones(2)}, tmp_path / "policy.pt")

    def killed(content, path):
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        save_parameters({"weight": torch.zeros(2)}, tmp_path / "policy.pt")
    assert load_parameters(tmp_path / "policy.pt")["weight"].tolist() == [1, 1]


class Code:
    ran = False

    def __reduce__(self):
        return (exec, ("import test_networks; test_networks.Code.ran = True",))


@pytest.mark.parametrize("length", [0, 1, 50, 500, -1])
def test_truncated_file(tmp_path, length):
    path = tmp_path / "policy.pt"
    save_parameters(initial_parameters(MLP((3, 6, 2), generator=seeded())), path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="policy.pt must be a complete file"):
        load_parameters(path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_foreign_files(tmp_path):
    path = tmp_path / "foreign.pt"
    torch.save({"weight": Code()}, path)
    with pytest.raises(ValueError, match="foreign.pt"):
        load_parameters(path)
    assert not Code.ran
    path.write_bytes(pickle.dumps({"weight": Code()}))
    with pytest.raises(ValueError, match="foreign.pt"):
        load_parameters(path)
    assert not Code.ran
    path.write_text("a note\n")
    with pytest.raises(ValueError, match="foreign.pt"):
        load_parameters(path)
    for content in ([torch.ones(1)], {"weight": 1.0}, torch.ones(1)):
        torch.save(content, path)
        with pytest.raises(ValueError, match="dictionary of tensors"):
            load_parameters(path)
    with pytest.raises(FileNotFoundError):
        load_parameters(tmp_path / "nothing.pt")
