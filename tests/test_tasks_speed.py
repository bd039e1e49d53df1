"""Speed is a feature: ratios to Gymnasium in turns on this machine, with a wide margin for a busy one."""

import json

import pytest
import torch

from benchmarks import environments


@pytest.fixture(scope="module")
def rates():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    wanted = {
        (environments.LOOP, 1), ("Gymnasium's NumPy vector", 4096), ("TaskVectorEnv", 4096),
        ("functions of the family", 4096), ("rollout with random actions", 4096),
    }  # fmt: skip
    found = [entry for entry in environments.contenders() if entry[:2] in wanted]
    measured = environments.measure(found, turns=9, seconds=0.04)
    torch.set_num_threads(threads)
    assert len(found) == len(wanted)
    return {name: rate for (name, _, _), rate in zip(found, measured, strict=True)}


def test_batch_against_the_loop(rates):
    assert rates["functions of the family"] > 60 * rates[environments.LOOP]  # 100 is the aim, about 250 the usual
    assert rates["rollout with random actions"] > 15 * rates[environments.LOOP]


def test_batch_against_the_numpy_vector(rates):
    assert rates["functions of the family"] > 0.75 * rates["Gymnasium's NumPy vector"]
    assert rates["TaskVectorEnv"] > 0.6 * rates["Gymnasium's NumPy vector"]


def test_committed_results_hold_the_promise():
    rows = json.loads(environments.RESULTS.read_text(encoding="utf-8"))["rows"]
    batch = next(row for row in rows if row["name"] == "functions of the family" and row["environments"] == 4096)
    assert batch["times_loop"] >= 100 and batch["times_numpy_vector"] >= 1
