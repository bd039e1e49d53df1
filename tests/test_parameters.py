"""Dictionaries of parameters: copies, and files that give back what was saved and refuse everything else."""

import pickle

import pytest
import torch

from metarl_core.networks import MLP
from metarl_core.parameters import initial_parameters, load_parameters, repeat_parameters, save_parameters


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_parameters_are_copies():
    network = MLP((2, 2), generator=seeded())
    parameters = initial_parameters(network)
    parameters["weight0"].zero_()
    assert network.weight0.any() and not parameters["weight0"].requires_grad
    repeated = repeat_parameters(initial_parameters(network), 3)
    assert repeated["weight0"].shape == (3, 2, 2) and torch.equal(repeated["weight0"][2], network.weight0)


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
        return (exec, ("import test_parameters; test_parameters.Code.ran = True",))


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
