"""Environments, samplers and replay buffers go on from their saved state as if nothing had happened."""

import gymnasium
import pytest
import torch

from metarl_core.agents import ReplayBuffer, Transitions, VectorSampler
from metarl_core.tasks import CartPole, GridGoals, RotatedKeys, TaskVectorEnv
from metarl_core.training import training_loop

FAMILIES = [RotatedKeys(horizon=6), CartPole(spread=2.0, horizon=15), GridGoals(5, "dense", horizon=7)]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def sampler_of(family, seed):
    tasks = family.sample_tasks(3, seeded(1))
    return VectorSampler(TaskVectorEnv(family, 6, tasks), learners=3, seed=seed)


def act(sampler, family, steps, generator):
    """Everything that random actions bring."""
    found = []
    for _ in range(steps):
        action = torch.randint(int(family.action_space.n), sampler.batch, generator=generator)
        found.extend(value.clone() for value in sampler.step(action))
    return found


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_a_sampler_goes_on_bit_for_bit(family, tmp_path):
    """Saved in the middle of episodes, read by weights_only, continued in environments that stood elsewhere."""
    first = sampler_of(family, seed=0)
    act(first, family, 10, seeded(2))
    torch.save(first.state_dict(), tmp_path / "state")
    expected, steps, returns = act(first, family, 40, seeded(3)), first.steps_taken, first.episode_returns
    second = sampler_of(family, seed=7)
    act(second, family, 3, seeded(4))
    for _ in range(2):  # reading a state leaves it as it is
        second.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
        found = act(second, family, 40, seeded(3))
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        assert second.steps_taken == steps and second.episode_returns == returns


def test_environments_whose_state_cannot_be_saved_say_so():
    envs = gymnasium.make_vec("CartPole-v1", 2, vectorization_mode="sync")
    sampler = VectorSampler(envs)
    assert not sampler.resumable
    with pytest.raises(ValueError, match="the state of SyncVectorEnv cannot be saved"):
        sampler.state_dict()
    envs.close()
    with pytest.raises(ValueError, match="reset.. must be called before state_dict"):
        TaskVectorEnv(FAMILIES[0], 1).state_dict()


def transitions(seed, envs=2):
    values = torch.randn((3, envs, 4), generator=seeded(seed))
    flags = values[..., 0] > 0
    return Transitions(values, flags.long(), values[..., 1], values + 1, flags)


def test_a_buffer_goes_on_bit_for_bit():
    first = ReplayBuffer(7, 3)
    assert ReplayBuffer(7, 3).load_state_dict(first.state_dict()) is None  # empty
    for seed in range(5):
        first.add(transitions(seed), mask=torch.rand((3, 2), generator=seeded(10 + seed)) < 0.8)
    saved, second = first.state_dict(), ReplayBuffer(7, 3)
    first.add(transitions(8))
    second.load_state_dict(saved)
    second.add(transitions(8))
    assert torch.equal(first.written, second.written)
    for a, b in zip(first.sample(20, seeded()), second.sample(20, seeded()), strict=True):
        assert torch.equal(a, b)
    third = ReplayBuffer(7, 3)
    third.load_state_dict(saved)
    assert int(third.written.sum()) < int(first.written.sum()), "what is saved does not move with the buffer"


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without the device that wrote the file")
def test_a_checkpoint_that_a_gpu_wrote_goes_on_without_one(tmp_path, monkeypatch):
    class Weights:
        def __init__(self):
            self.value = torch.zeros(3)

        def state_dict(self):
            return {"value": self.value}

        def load_state_dict(self, state):
            self.value = state["value"]

    def run(iterations, part):
        def iterate(iteration):
            part.value = part.value + iteration
            return {"loss": 0.0}, None

        given = {"weight": torch.ones(2)}
        return training_loop(
            iterate, iterations, given, description=None, checkpoint=tmp_path / "gpu.pt", state={"weights": part}
        )

    with monkeypatch.context() as patch:  # what `torch.save` notes of a tensor in a GPU's memory
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        run(2, Weights())
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(tmp_path / "gpu.pt", weights_only=True)
    part = Weights()
    history = run(4, part)
    assert part.value.tolist() == [6.0] * 3 and part.value.device.type == "cpu"
    assert history["iteration"] == [1, 2, 3, 4]
