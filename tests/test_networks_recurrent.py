"""The gated recurrent unit against `torch.nn.GRUCell`, finite differences, and one network at a time."""

import pytest
import torch

from metarl_core.networks import GRU, gru, gru_step
from metarl_core.parameters import initial_parameters, select_parameters, stack_parameters

TORCH = {"weight_input": "weight_ih", "weight_hidden": "weight_hh", "bias_input": "bias_ih", "bias_hidden": "bias_hh"}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def network(inputs=3, hidden=5, seed=0, dtype=torch.float64):
    parameters = initial_parameters(GRU(inputs, hidden, seeded(seed), dtype=dtype))
    # biases begin at zero, where a mistake in them would not show
    noise = {
        name: torch.randn(value.shape, generator=seeded(seed + 1), dtype=dtype) for name, value in parameters.items()
    }
    return {name: value + 0.3 * noise[name] for name, value in parameters.items()}


def drawn(*shape, seed=5, dtype=torch.float64):
    return torch.randn(shape, generator=seeded(seed), dtype=dtype)


def cell_of(parameters):
    width, inputs = parameters["weight_hidden"].shape[1], parameters["weight_input"].shape[1]
    cell = torch.nn.GRUCell(inputs, width, dtype=parameters["weight_input"].dtype)
    with torch.no_grad():
        for name, theirs in TORCH.items():
            getattr(cell, theirs).copy_(parameters[name])
    return cell


def test_a_step_is_that_of_torch():
    parameters, inputs, hidden = network(), drawn(4, 3), drawn(4, 5, seed=6)
    assert torch.allclose(gru_step(parameters, inputs, hidden), cell_of(parameters)(inputs, hidden), atol=1e-12)


@pytest.mark.parametrize("hidden", [None, drawn(2, 4, 5, seed=7)])
def test_a_sequence_is_the_cell_applied_along_time(hidden):
    parameters, inputs = network(), drawn(2, 4, 6, 3)
    cell, memory = (
        cell_of(parameters),
        torch.zeros(8, 5, dtype=torch.float64) if hidden is None else hidden.flatten(0, 1),
    )
    expected = []
    for time in range(6):
        memory = cell(inputs[:, :, time].flatten(0, 1), memory)
        expected.append(memory.reshape(2, 4, 5))
    assert torch.allclose(gru(parameters, inputs, hidden), torch.stack(expected, 2), atol=1e-12)


def gradients(function, *tensors, weight):
    tensors = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    return torch.autograd.grad((function(*tensors) * weight).sum(), tensors)


def test_the_derivative_by_hand_is_that_of_automatic_differentiation():
    parameters = network()
    names, inputs, hidden, weight = list(parameters), drawn(4, 6, 3), drawn(4, 5, seed=7), drawn(4, 6, 5, seed=8)

    def by_hand(inputs, hidden, *values):
        return gru(dict(zip(names, values, strict=True)), inputs, hidden)

    def by_loop(inputs, hidden, *values):
        own, seen = dict(zip(names, values, strict=True)), []
        for time in range(inputs.shape[1]):
            hidden = gru_step(own, inputs[:, time], hidden)
            seen.append(hidden)
        return torch.stack(seen, 1)

    ours = gradients(by_hand, inputs, hidden, *parameters.values(), weight=weight)
    theirs = gradients(by_loop, inputs, hidden, *parameters.values(), weight=weight)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-11)


@pytest.mark.parametrize("tasks", [None, 2])
def test_the_derivative_against_finite_differences(tasks):
    sets = [network(2, 3, seed) for seed in range(tasks or 1)]
    parameters = stack_parameters(sets) if tasks else sets[0]
    leading = (tasks, 2) if tasks else (2,)
    inputs, hidden = drawn(*leading, 4, 2).requires_grad_(), drawn(*leading, 3, seed=7).requires_grad_()
    values = [value.requires_grad_() for value in parameters.values()]
    names = list(parameters)
    assert torch.autograd.gradcheck(
        lambda x, h, *own: gru(dict(zip(names, own, strict=True)), x, h), (inputs, hidden, *values)
    )


def test_a_step_can_be_differentiated_twice():
    parameters, inputs, hidden = network(2, 3), drawn(2, 2).requires_grad_(), drawn(2, 3, seed=7).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x, h: gru_step(parameters, x, h), (inputs, hidden))


@pytest.mark.parametrize("between", [(), (4,), (2, 3)])
def test_each_task_has_its_own_network(between):
    parameters = stack_parameters([network(seed=seed) for seed in range(3)])
    inputs, weight = drawn(3, *between, 6, 3), drawn(3, *between, 6, 5, seed=9)
    outputs = gru(parameters, inputs)
    for task in range(3):
        assert torch.allclose(outputs[task], gru(select_parameters(parameters, task), inputs[task]), atol=1e-12)
        step = gru_step(parameters, inputs[..., 0, :], torch.zeros_like(outputs[..., 0, :]))
        assert torch.allclose(step, outputs[..., 0, :], atol=1e-12)
    values = list(parameters.values())
    (batched,) = gradients(lambda value: gru({**parameters, "weight_hidden": value}, inputs), values[1], weight=weight)
    for task in range(3):
        own = select_parameters(parameters, task)
        (alone,) = gradients(
            lambda value, own=own, task=task: gru({**own, "weight_hidden": value}, inputs[task]),
            own["weight_hidden"],
            weight=weight[task],
        )
        assert torch.allclose(batched[task], alone, atol=1e-11)


def test_a_later_input_never_changes_an_earlier_output():
    parameters, inputs = network(), drawn(4, 6, 3)
    changed = inputs.clone()
    changed[:, 4:] += 1
    before, after = gru(parameters, inputs), gru(parameters, changed)
    assert torch.equal(before[:, :4], after[:, :4]) and not torch.allclose(before[:, 4:], after[:, 4:])


def test_single_precision_agrees_with_double():
    parameters, inputs = network(), drawn(4, 50, 3)
    single = gru({name: value.float() for name, value in parameters.items()}, inputs.float())
    assert single.dtype == torch.float32
    assert torch.allclose(single.double(), gru(parameters, inputs), atol=1e-5)


def test_the_module_is_its_function_and_starts_with_an_orthogonal_memory():
    module = GRU(3, 8, seeded())
    inputs = drawn(2, 6, 3, dtype=torch.float32)
    assert torch.equal(module(inputs), gru(dict(module.named_parameters()), inputs))
    for part in module.weight_hidden.detach().chunk(3):
        assert torch.allclose(part @ part.mT, torch.eye(8), atol=1e-5)
    memory = module.initial(2, like=inputs)
    read, memory = module.step(dict(module.named_parameters()), inputs[:, 0], memory)
    assert torch.equal(read, memory)
    assert torch.allclose(read, module.sequence(dict(module.named_parameters()), inputs)[:, 0], atol=1e-6)
