"""Several processes learn what one learns: the same numbers, also after one of them has died."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import scale_worker
import torch
from lab_browser import free_port

from metarl_core.meta.supervised.meta_batches import in_chunks
from metarl_core.scale import RankLostError, Ranks, join, spread
from tools.course import ROOT

WORKER = Path(__file__).with_name("scale_worker.py")


def run(size, *arguments, worker="scale_worker.py"):
    """Start that many processes as torchrun does; their exit codes and what they said on stderr."""
    at = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(size), "OMP_NUM_THREADS": "1"}
    path = os.pathsep.join([str(ROOT), str(WORKER.parent)])
    started = [
        subprocess.Popen(
            [sys.executable, str(WORKER.with_name(worker)), *map(str, arguments)],
            env={**os.environ, **at, "RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": path},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    said = [process.communicate()[1] for process in started]
    return [process.returncode for process in started], said


def close(found, expected):
    learned, losses = expected
    for name, value in learned.items():
        torch.testing.assert_close(found["learned"][name], value, rtol=1e-10, atol=1e-12)
    assert found["losses"] == pytest.approx(losses, rel=1e-10)


@pytest.mark.in_turn(4)
@pytest.mark.slow
@pytest.mark.parametrize("name", scale_worker.METHODS)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_any_number_of_ranks_learns_the_same(name, size, tmp_path):
    codes, said = run(size, name, tmp_path / "learned")
    assert codes == [0] * size, said
    every = [torch.load(tmp_path / f"learned.{rank}") for rank in range(size)]
    for found in every:
        close(found, scale_worker.train(name))
        for key, value in found["learned"].items():
            assert torch.equal(value, every[0]["learned"][key])  # to the last bit, or the ranks would drift apart


@pytest.mark.slow
def test_a_rank_that_dies_stops_all_and_fewer_go_on(tmp_path):
    checkpoint = tmp_path / "training.pt"
    codes, said = run(3, "MAML", tmp_path / "broken", checkpoint, 4)
    assert codes[1] == 1 and codes[0] != 0 and codes[2] != 0
    for words in (said[0], said[2]):
        assert "another rank has ended" in words and "on as many ranks as you like." in words
    reached = torch.load(checkpoint)["loop"]["iterations"]
    assert 0 < reached < scale_worker.CONFIG.iterations
    codes, said = run(2, "MAML", tmp_path / "learned", checkpoint)
    assert codes == [0, 0], said
    for rank in (0, 1):
        close(torch.load(tmp_path / f"learned.{rank}"), scale_worker.train("MAML"))


def test_torchrun_is_not_needed():
    with join() as ranks:
        assert (ranks.rank, ranks.size, ranks.first) == (0, 1, True)
        assert ranks.checkpoint(None) is None and ranks.checkpoint("a.pt") == Path("a.pt")
        values = torch.tensor([1.0, 2.0])
        assert torch.equal(ranks.total(values), values)


@pytest.mark.parametrize("chunk", [None, 1, 3, 100])
def test_alone_it_is_the_direction_itself(chunk):
    method, data = scale_worker.METHODS["MAML"], scale_worker.sample(5, torch.Generator().manual_seed(3))
    meta = scale_worker.start(method)
    found, losses = spread(method.direction, Ranks(), chunk)(meta, data)
    expected, of_tasks = in_chunks(method.direction, meta, data, chunk)
    torch.testing.assert_close(losses, of_tasks.detach())
    assert not losses.requires_grad
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


@pytest.mark.parametrize("tasks", [0, 1, 5, 12])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_task_has_one_rank(tasks, size):
    shares = [Ranks(rank, size).own(tasks) for rank in range(size)]
    assert [task for share in shares for task in share] == list(range(tasks))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_meta_batch_has_a_task_for_every_rank():
    method, data = scale_worker.METHODS["MAML"], scale_worker.sample(2, torch.Generator())
    with pytest.raises(ValueError, match="a task for each of the 3 ranks at least, got 2."):
        spread(method.direction, Ranks(0, 3))(scale_worker.start(method), data)


def test_a_lost_rank_is_a_runtime_error():
    assert issubclass(RankLostError, RuntimeError)
