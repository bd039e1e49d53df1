"""Policies and value functions that several processes meta-train: the same numbers, and an oracle in one process."""

import pytest
import scale_rl_worker as worker
import torch
from test_scale import run as started

from metarl_core.agents import GaussianPolicy
from metarl_core.meta import OuterAdam, OuterPPO, OuterTRPO, meta_gradient, policies, surrogate_and_kl, values
from metarl_core.meta.policies import kl_product
from metarl_core.parameters import initial_parameters, trainable_parameters
from metarl_core.randomness import seeded
from metarl_core.scale import Ranks, train_policies, train_values
from metarl_core.scale.blocks import Blocks
from metarl_core.scale.policies import _updater

WORKER = "scale_rl_worker.py"


def close(found, expected, tolerance=1e-6):
    learned, history = expected
    for name, value in learned.items():
        torch.testing.assert_close(found["learned"][name], value, rtol=tolerance, atol=tolerance)
    assert set(found["history"]) == set(history)
    for name, told in history.items():
        seen = torch.tensor(found["history"][name]).double()
        torch.testing.assert_close(seen, torch.tensor(told).double(), rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.in_turn(4)
@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_any_number_of_ranks_learns_the_same(size, tmp_path):
    codes, said = started(size, ",".join(worker.NAMES), tmp_path / "learned", worker=WORKER)
    assert codes == [0] * size, said
    every = [torch.load(tmp_path / f"learned.{rank}") for rank in range(size)]
    for name in worker.NAMES:
        alone = worker.train(name)
        for found in every:
            close(found[name], alone)
            for key, value in found[name]["learned"].items():
                assert torch.equal(value, every[0][name]["learned"][key])  # to the last bit, or the ranks drift apart


@pytest.mark.in_turn(4)
@pytest.mark.slow
@pytest.mark.parametrize("name", ["Adam", "TRPO"])
def test_a_rank_that_dies_stops_all_and_another_number_goes_on(name, tmp_path):
    checkpoint = tmp_path / "training.pt"
    codes, said = started(3, name, tmp_path / "broken", checkpoint, 4, worker=WORKER)
    assert codes[1] == 1 and codes[0] != 0 and codes[2] != 0
    assert all("another rank has ended" in words for words in (said[0], said[2]))
    assert 0 < torch.load(checkpoint)["loop"]["iterations"] < 6
    codes, said = started(2, name, tmp_path / "learned", checkpoint, worker=WORKER)
    assert codes == [0, 0], said
    whole = worker.train(name, checkpoint=tmp_path / "alone.pt")
    for rank in (0, 1):
        close(torch.load(tmp_path / f"learned.{rank}")[name], whole)


@pytest.fixture(autouse=True)
def in_double():
    with worker.double():
        yield


class Pretended(Ranks):
    """One process that does the work of several, one after the other: what it sums is kept for the others."""

    def __init__(self, rank, size, sums):
        super().__init__(rank, size)
        self.sums = sums

    def total(self, values):
        return self.sums(self.rank, values)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_mean_over_blocks_is_the_mean_over_tasks(size):
    values = torch.randn(9, 3, generator=seeded(0)).double()
    shares = []
    for rank in range(size):
        blocks = Blocks(Pretended(rank, size, lambda rank, flat: flat), 9, 2)
        own = [values[where] for _, where in blocks.own()]
        shares.append(blocks.mean(own, lambda block: {"a": block.mean(0), "b": block.square().mean()}))
    torch.testing.assert_close(sum(share["a"] for share in shares), values.mean(0))
    torch.testing.assert_close(sum(share["b"] for share in shares), values.square().mean())


@pytest.mark.parametrize("block", [1, 2, 4, 9, 20])
def test_every_task_is_in_one_block(block):
    for size in (1, 2, 3):
        if -(-9 // block) < size:
            with pytest.raises(ValueError, match="a block for each of the"):
                Blocks(Ranks(0, size), 9, block)
            continue
        found = [where for rank in range(size) for _, where in Blocks(Ranks(rank, size), 9, block).own()]
        assert [task for where in found for task in range(9)[where]] == list(range(9))


def test_generators_of_blocks_depend_on_seed_and_number_alone():
    def first_draws(rank, size):
        drawn = Blocks(Ranks(rank, size), 9, 2).generators(seeded(4))
        return [float(torch.rand((), generator=one)) for one in drawn]

    alone = first_draws(0, 1)
    assert len(set(alone)) == 5
    assert first_draws(0, 3) == first_draws(2, 3) == alone


def collected(method, meta, tasks=5):
    drawn = method.family.sample_tasks(tasks, seeded(5))
    return method.collect(meta, drawn, seeded(6))


def prepared(**options):
    method = worker.policy_maml(**options)
    meta = trainable_parameters(method.initial(initial_parameters(method.policy)))
    return method, meta, collected(method, meta)


@pytest.mark.parametrize("name", worker.RULES)
def test_blocks_of_a_batch_move_meta_parameters_as_the_rule_itself_does(name):
    """The rule on the whole batch is the oracle."""
    rule = worker.RULES[name]
    method, meta, batch = prepared(inner_steps=2 if name == "Reptile" else 1)
    alone, shared = trainable_parameters(meta), trainable_parameters(meta)
    expected = rule.begin(method, alone, 7).update(batch, seeded(0))
    updater = _updater(rule, method, shared, 7, Blocks(Ranks(), 5, 2))
    found = updater.update(batch.chunks(2))
    for key, value in alone.items():
        torch.testing.assert_close(shared[key], value, rtol=1e-8, atol=1e-10)
    assert not all(torch.equal(shared[key], meta[key]) for key in meta)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-5, abs=1e-9)


def test_policies_with_a_block_for_all_are_one_collection():
    """With one block, one iteration is the meta-gradient of what its generator collects."""
    method, meta, _ = prepared()
    learned, history = train_policies(
        method, meta, policies.TrainConfig(iterations=1, meta_batch=5, anneal=False), seeded(3), Ranks(),
        rule=OuterAdam(outer_lr=0.1, optimiser=torch.optim.SGD), block=5, description=None,
    )  # fmt: skip
    generator = seeded(3)
    tasks = method.family.sample_tasks(5, generator)
    own = seeded(int(torch.randint(2**62, (1,), generator=generator)))
    batch = method.collect(meta, tasks, own)
    gradients, losses = meta_gradient(method, meta, batch)
    for name, value in learned.items():
        torch.testing.assert_close(value, meta[name].detach() - 0.1 * gradients[name])
    assert history["loss"][0] == pytest.approx(float(losses.mean()))
    assert history["return"][0] == pytest.approx(float(batch.query.trajectories.returns.mean()))
    assert history["return_before"][0] == pytest.approx(float(batch.support[0].trajectories.returns.mean()))
    assert history["env_steps"] == [batch.steps]


def test_values_with_a_block_for_all_are_the_training_itself():
    """With one block everything is as in `values.train` with the block's generator, on the same tasks."""
    learned, history = worker.train("QMAML", block=worker.TASKS)
    method, meta, generator = *worker.q_start(), seeded(2)
    tasks = method.family.sample_tasks(2 * worker.TASKS, generator)
    own = seeded(int(torch.randint(2**62, (1,), generator=generator)))
    expected, told = values.train(method, meta, worker.Q_CONFIG, own, tasks=tasks, description=None)
    for name, value in expected.items():
        torch.testing.assert_close(learned[name], value)
    assert not torch.equal(expected["bias0"], meta["bias0"])
    for name in told:
        torch.testing.assert_close(torch.tensor(history[name]), torch.tensor(told[name]), equal_nan=True)


def test_products_and_surrogates_are_means_over_tasks():
    """What the trust region sums over blocks are means over tasks, as it assumes."""
    method, meta, batch = prepared()
    vector = {name: torch.ones_like(value) for name, value in meta.items()}
    whole = kl_product(method, meta, batch)(vector)
    parts = [(len(part) / 5, kl_product(method, meta, part)(vector)) for part in batch.chunks(2)]
    for name, value in whole.items():
        torch.testing.assert_close(sum(share * part[name] for share, part in parts), value)
    of_parts = [(len(part) / 5, surrogate_and_kl(method, meta, part)) for part in batch.chunks(2)]
    for place, value in enumerate(surrogate_and_kl(method, meta, batch)):
        torch.testing.assert_close(sum(share * pair[place] for share, pair in of_parts), value)


def test_refusals():
    method = worker.policy_maml()
    meta = method.initial(initial_parameters(method.policy))
    with pytest.raises(ValueError, match="minibatch must be None with ranks"):
        train_policies(method, meta, worker.CONFIG, seeded(0), Ranks(), rule=OuterPPO(minibatch=3))
    with pytest.raises(ValueError, match="rule must be OuterAdam"):
        train_policies(method, meta, worker.CONFIG, seeded(0), Ranks(), rule="Adam")
    with pytest.raises(ValueError, match="a block for each of the 3 ranks at least, got 2"):
        train_policies(method, meta, worker.CONFIG, seeded(0), Ranks(0, 3), block=5, rule=OuterTRPO())
    with pytest.raises(ValueError, match="method must be"):
        train_values(method, meta, worker.Q_CONFIG, seeded(0), Ranks())
    assert isinstance(method.policy, GaussianPolicy)
