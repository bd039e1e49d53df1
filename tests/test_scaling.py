"""The recipes of chapter 14: what its table measures, what its live cell trains, and the cluster on paper."""

import numpy as np
import pytest
import torch

from metarl_core.networks import MLP
from metarl_core.parameters import initial_parameters
from metarl_core.recipes import emulated_cluster, scaling, sharing
from metarl_core.scale import Ranks, spread, torchrun


@pytest.mark.parametrize("width", [1, 8, 64])
def test_numbers_of_a_network(width):
    network = initial_parameters(MLP((1, width, width, 1)))
    assert sum(value.numel() for value in network.values()) == scaling.numbers(width)


def test_a_row_of_the_table():
    settings = scaling.Settings(widths=(4, 8), tasks=(1, 2), iterations=2)
    row = scaling.measured(Ranks(), settings)
    assert row.shape == (6, len(scaling.PARTS))
    for place, width in enumerate(settings.widths):
        iterations, alone = row[3 * place : 3 * place + 2], row[3 * place + 2]
        assert (iterations[:, 0] > iterations[:, 1]).all() and (iterations[:, 1] > 0).all()
        assert iterations[:, 3].tolist() == [scaling.numbers(width) + tasks for tasks in settings.tasks]
        assert alone[3] == scaling.numbers(width)


def test_one_process_needs_no_hosts():
    with scaling.hosts(None) as (prefixes, address):
        assert prefixes == [[], []] and address == "127.0.0.1"


def test_a_machine_without_namespaces_is_told_so(monkeypatch):
    monkeypatch.setattr(scaling.shutil, "which", lambda name: None)
    with pytest.raises(OSError, match="this machine has no ip and tc"), scaling.hosts(50):
        pass


def test_shared_sines_are_those_of_one_process():
    alone = sharing.sines(iterations=2)
    assert sharing.apart(sharing.sines(spread(sharing.METHOD.direction, Ranks()), iterations=2), alone) < 1e-12
    assert sharing.apart(sharing.sines(iterations=2, seed=1), alone) > 1e-6
    assert sharing.apart(alone, alone) == 0


def test_an_emulated_iteration_is_the_slowest_worker_and_a_message():
    seeds = list(range(200))
    one = emulated_cluster.iteration(1, 5, seeds)
    assert one.mean() == pytest.approx(5 * emulated_cluster.TASK, rel=0.02)
    assert (emulated_cluster.iteration(1, 5, [3, 7]) == one[[3, 7]]).all()
    longest = [
        emulated_cluster.iteration(ranks, 5, seeds).mean() - emulated_cluster.message(ranks) for ranks in (1, 4, 16)
    ]
    assert np.diff(longest).min() > 0.01
    assert emulated_cluster.message(1) == 0
    whole = 2 * emulated_cluster.DELAY + emulated_cluster.BYTES / emulated_cluster.BANDWIDTH
    assert emulated_cluster.message(2) == pytest.approx(whole)


@pytest.mark.slow
def test_torchrun_says_what_became_of_the_processes(tmp_path):
    script = tmp_path / "said.py"
    script.write_text(
        "import sys\nfrom metarl_core.scale import join\nwith join() as ranks:\n"
        "    if sys.argv[1] == 'breaks':\n        raise SystemExit(3)\n"
        "    print(f'{ranks.rank} of {ranks.size} with {sys.argv[1]}')\n"
    )
    well = torchrun(script, 2, "a word")
    assert well.ok and set(str(well).splitlines()) == {"0 of 2 with a word", "1 of 2 with a word"}
    badly = torchrun(script, 2, "breaks")
    assert not badly.ok and "not all processes ended well" in str(badly)
    late = torchrun(script, 1, "late", minutes=1e-6)
    assert not late.ok and "had not ended" in str(late)
    assert torch.get_num_threads() >= 1
