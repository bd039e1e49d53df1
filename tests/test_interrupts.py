"""The stop button, pressed a hundred times at random moments in a real kernel: nothing is left switched off."""

import json
import os
import random
import threading

import pytest
from jupyter_client.manager import start_new_kernel

from tools import lab_settings

TIMES = 100
SETUP = """
from metarl_core.session import begin
begin()
import torch
from torch.func import grad, vmap
from metarl_core.meta import MAML, supervised
from metarl_core.networks import MLP, mlp
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.tasks import Sinusoids

family, mine = Sinusoids(), seeded(0)
method = MAML(lambda parameters, inputs, targets: (mlp(parameters, inputs) - targets).square().mean((1, 2)))
start = initial_parameters(MLP((1, 8, 1), torch.tanh, seeded(1)))
config = supervised.TrainConfig(iterations=1_000_000, meta_batch=4)
sample = lambda tasks, generator: family.sample_few_shot(tasks, 5, 5, generator)
supervised.train(method, start, sample, supervised.TrainConfig(iterations=2), mine)  # the first takes a while to import
cube = lambda x: (x**3).sum()
vmap(grad(cube))(torch.ones(2, 3))
"""

CELLS = {
    "a training": "trained, history = supervised.train(method, start, sample, config, mine, description=None)",
    "modes": """
for _ in range(10**9):
    with torch.no_grad():
        torch.randn(3, generator=mine)
    torch.set_default_dtype(torch.float64)
    torch.set_default_dtype(torch.float32)
    torch.randn(2)
""",
    "transforms": "for _ in range(10**9):\n    vmap(grad(cube))(torch.ones(2, 3))",
    "adaptation": "for _ in range(10**9):\n    supervised.adaptation_curve(method, start, sample(3, seeded(3)), (1,))",
}
STATE = """
depth = torch._C._functorch.get_dynamic_layer_stack_depth()
print(torch.is_grad_enabled(), torch.get_default_dtype(), depth, hash(tuple(mine.get_state().tolist())), end=" ")
print(hash(tuple(torch.get_rng_state().tolist())))
"""


class Kernel:
    """A kernel that runs cells and tells what came back: status, and all that was shown, as text."""

    def __init__(self, **environment):
        self.manager, self.client = start_new_kernel(env={**os.environ, **environment})

    def run(self, code, interrupts=()):
        """Run a cell, press stop after each of these many seconds, and on and on until it has ended."""
        shown, ended = [], threading.Event()

        def press():
            for after in interrupts:
                if not ended.wait(after):
                    self.manager.interrupt_kernel()
            while interrupts and not ended.wait(3):  # one that came before the cell had begun is lost
                self.manager.interrupt_kernel()

        thread = threading.Thread(target=press)
        thread.start()
        try:
            reply = self.client.execute_interactive(
                code, timeout=20 if interrupts else 300, output_hook=lambda message: shown.append(_text(message))
            )
            status = reply["content"]["status"]
        except TimeoutError:  # ipykernel loses its answer where the interrupt comes between two cells
            status = "lost"
        finally:
            ended.set()
            thread.join()
        return status, "".join(shown)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def _text(message):
    content = message["content"]
    if message["msg_type"] == "error":
        return "\n".join(content["traceback"])
    data = content.get("data", {})
    return content.get("text") or data.get("text/markdown") or data.get("text/plain", "")


@pytest.fixture
def kernel():
    kernel = Kernel()
    yield kernel
    kernel.close()


@pytest.mark.in_turn(6)
@pytest.mark.slow
def test_a_hundred_interrupts_leave_nothing_switched_off(kernel):
    assert kernel.run(SETUP)[0] == "ok"
    rng, before, answers = random.Random(0), kernel.run(STATE)[1], []
    for _ in range(TIMES):
        kind = rng.choice(list(CELLS))
        twice = [rng.uniform(0, 0.05)] if rng.random() < 0.3 else []
        status, shown = kernel.run(CELLS[kind], [rng.uniform(0, 0.3), *twice])
        after = kernel.run(STATE)[1]
        if status == "error":  # broken off: the generators, too, are where they were
            assert after == before, (kind, shown)
            answers.append("This cell was broken off" in shown)
        else:
            assert after.split()[:3] == ["True", "torch.float32", "0"], (kind, shown)
            answers.append("It is a fragment and no result" in shown)
        before = after
    assert sum(answers) > 0.75 * TIMES, "a sentence answers, except where the interrupt meets IPython itself"


def test_after_a_restart_any_cell_says_which_one_to_run_first(tmp_path):
    """In a kernel that is set up as `make lab` sets them up, before any cell of the chapter has run."""
    (config,) = [content for name, content in lab_settings.FILES.items() if "ipython" in name]
    notebook, profile = tmp_path / "a.ipynb", tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.json").write_text(json.dumps(config))
    cells = ["import torch", "theta = torch.ones(2)", "print(theta)"]
    notebook.write_text(json.dumps({"cells": [{"cell_type": "code", "source": [cell]} for cell in cells]}))
    kernel = Kernel(IPYTHONDIR=str(tmp_path / "ipython"), JPY_SESSION_NAME=str(notebook))
    try:
        for cell in cells:
            assert kernel.run(cell)[0] == "ok"
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=60)
        status, shown = kernel.run(cells[2])
        assert status == "error" and "the cell that begins with `theta = torch.ones(2)`" in shown
        assert "Traceback" not in shown and kernel.run("print(nothing)")[1].count("the cell that begins") == 0
    finally:
        kernel.close()
