# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06b The cost of the second order
#
# **What do second derivatives cost in time and memory, and where does Reptile come to rest without them?**
#
# *An appendix to chapter 06. No later chapter needs it.*
#
# You will be able to
#
# - count the time and the memory of one meta-gradient by inner steps
# - derive Reptile's resting point on quadratics
#
# Before you start: chapter 06, [Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb).
#
# Reading: about 20 minutes. Running: at most 30 seconds and 1300 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import time

import numpy as np
import torch

from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.figures import ch06b as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta import MAML, MetaSGD, Reptile
from metarl_core.networks import MLP
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import sinusoid
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import FewShot

begin()
table, loss, alpha = load_table("sinusoid"), sinusoid.loss, 0.01


# %% [markdown]
# ## 1 What does the second order cost?
#
# *Time:* measure one direction for 25 tasks with 1, 2, 5, 10 inner steps. *Memory:* count the bytes that autograd keeps
# for the backward pass, at their peak. Every tensor that is saved passes through a hook, so that this count is exact and
# the same on every machine. *Accuracy:* chapter 05 compared FOMAML with MAML.
#
# **Predict, then run.** How do time and memory grow with the number of inner steps, for MAML, FOMAML, ANIL, Meta-SGD and
# Reptile?
#
# *Your prediction:*

# %%
class Saved:
    """A tensor that autograd keeps; counts its storage as long as somebody keeps it."""

    held, now, peak = {}, 0, 0  # storage -> number of holders, bytes now, most bytes

    def __init__(self, tensor):
        self.tensor, storage = tensor, tensor.untyped_storage()
        self.key, self.bytes = storage.data_ptr(), storage.nbytes()
        Saved.now += 0 if Saved.held.get(self.key) else self.bytes
        Saved.held[self.key] = Saved.held.get(self.key, 0) + 1
        Saved.peak = max(Saved.peak, Saved.now)

    def __del__(self):
        Saved.held[self.key] -= 1
        Saved.now -= 0 if Saved.held[self.key] else self.bytes


def kept_bytes(call):
    """The most bytes that autograd kept at one time during a call."""
    Saved.held, Saved.now, Saved.peak = {}, 0, 0
    with torch.autograd.graph.saved_tensors_hooks(Saved, lambda saved: saved.tensor):
        call()
    return Saved.peak


# %% tags=["hide-input"]
def seconds(call, repeats=8):
    """Shortest of several runs: the least disturbed one."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


counts = (1, 2, 5, 10)
makers = {
    "MAML": lambda k: MAML(loss, alpha, k),
    "FOMAML": lambda k: MAML(loss, alpha, k, first_order=True),
    "ANIL": lambda k: MAML(loss, alpha, k, only=("weight2", "bias2")),
    "Meta-SGD": lambda k: MetaSGD(loss, k),
    "Reptile": lambda k: Reptile(loss, alpha, k, minibatch=5),
}
network = initial_parameters(MLP((1, 40, 40, 1), generator=seeded(0), initialisation="linear"))
batch = sinusoid.sample(25, seeded(7), sinusoid.Settings())
calls = {}
for name, make in makers.items():
    start, methods = make(1).initial(network), [make(k) for k in counts]
    calls[name] = [lambda m=method, s=start: m.direction(s, batch) for method in methods]
kept = {name: np.array([kept_bytes(call) / 1e6 for call in many]) for name, many in calls.items()}
rounds = [{name: [1000 * seconds(call) for call in many] for name, many in calls.items()} for _ in range(3)]
taken = {name: np.min([one[name] for one in rounds], 0) for name in calls}  # rounds: disturbances pass
figures.cost(counts, taken, kept)
show_table(
    ["inner steps", *makers],
    [(k, *(f"{taken[n][at]:.1f} ms, {kept[n][at]:.1f} MB" for n in makers)) for at, k in enumerate(counts)],
)
gap = t_interval((table.scores("FOMAML") - table.scores("MAML"))[:, :, 1])
claim(
    f"With five steps second order takes {taken['MAML'][2] / taken['FOMAML'][2]:.1f} times the time and "
    f"{kept['MAML'][2] / kept['FOMAML'][2]:.0f} times the memory of first order. On sine curves, trained with one step, "
    f"FOMAML's error minus MAML's is {gap.point:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}] after one step.",
    kept["MAML"][3] > 6 * kept["MAML"][0]
    and kept["FOMAML"][3] < 1.1 * kept["FOMAML"][1]
    and kept["Reptile"][3] < 1.1 * kept["Reptile"][1]
    and taken["MAML"][2] > 1.2 * taken["FOMAML"][2],
)


# %% [markdown]
# Time grows with the number of steps for all methods; second order multiplies it by a small factor. Memory is the real
# difference. MAML must keep the graphs of *all* inner steps until the backward pass, so that memory grows in proportion
# to them (Meta-SGD also those of the rates). FOMAML and Reptile forget each step when it is done. For a network of 1,761
# parameters that hardly matters. For one of a hundred million, with fifty inner steps, it decides what can be trained at
# all, unless the steps are computed a second time on the way back (checkpointing), which trades memory for time.
#
# ## 2 On quadratics: who has a say
#
# On the quadratics of chapter 05, $\varphi - c_i = M_i^k (\theta - c_i)$ with $M_i = I - \alpha A_i$, by (05.13). So Reptile
# moves along $\sum_i W_i (\theta - c_i)$ with
#
# $$W_i = I - M_i^k = \alpha A_i\,(I + M_i + \dots + M_i^{k-1}), \tag{06.23}$$
#
# one more line for (05.15), with the same resting point (05.16). For $k = 1$ it is joint training's $A_i$, up to a
# factor. For $\alpha\lambda < 2$ and $k \to \infty$, $W_i \to I$: **all tasks count alike**, and $\theta$ rests at the
# plain mean of the optima $c_i$. MAML's $A_i M_i^{2K}$ behaves quite differently: a task that the inner loop solves loses
# its say altogether.
#
# **Predict, then run.** Four random tasks in three dimensions. After how many inner steps will Reptile rest within a tenth
# of the plain mean of their optima?
#
# *Your prediction:*

# %%
def quadratic(parameters, curvature, centre):
    """(05.12) for each task; curvature [task, 1, d, d] and centre [task, 1, d] take the place of inputs and targets."""
    offset = parameters["theta"] - centre[:, 0]
    return 0.5 * torch.einsum("ti,tij,tj->t", offset, curvature[:, 0], offset)


root = torch.randn(4, 3, 3, generator=seeded(9), dtype=torch.float64)
A = root @ root.mT / 6 + 0.2 * torch.eye(3, dtype=torch.float64)
c = torch.randn(4, 3, generator=seeded(10), dtype=torch.float64)
bowls, rate, identity = FewShot(A[:, None], c[:, None], A[:, None], c[:, None]), 0.4, torch.eye(3, dtype=torch.float64)
rests = {}
for k in (1, 2, 5, 20, 100):
    point = {"theta": torch.zeros(3, dtype=torch.float64)}
    for _ in range(30 + 300 // k):  # the longer the inner loop, the sooner it rests
        away, _ = Reptile(quadratic, rate, k).direction(point, bowls)
        point = {"theta": point["theta"] - away["theta"]}
    weight = identity - torch.linalg.matrix_power(identity - rate * A, k)
    formula = torch.linalg.solve(weight.sum(0), (weight @ c[..., None]).sum(0)[:, 0])
    rests[k] = float((point["theta"] - formula).norm()), float((point["theta"] - c.mean(0)).norm())

# %% tags=["hide-input"]
show_table(
    ["k", "distance from (05.16) with (06.23)", "distance from the mean of the optima"],
    [(k, f"{wrong:.0e}", f"{away_from:.4f}") for k, (wrong, away_from) in rests.items()],
)
claim(
    "The formula holds, and with a hundred steps Reptile rests at the mean of the optima.",
    max(wrong for wrong, _ in rests.values()) < 1e-6 and rests[100][1] < 1e-3 < 0.1 < rests[1][1],
)
figures.weights()

# %% [markdown]
# The figure divides by $\lambda$, the weight of joint training. All lines begin at 1, and their slopes there are $-\frac12
# (k-1)$ for Reptile, $-1$ for FOMAML and $-2$ for MAML: the second term of (06.11), beside the first. Further to the right
# they part. MAML ignores what its step solves ($\alpha\lambda = 1$), and FOMAML turns it around. Reptile's weight falls
# like $1/\alpha\lambda$: what $k$ steps solve counts once, however steep it is. (For even $k$ and $\alpha\lambda = 2$ the
# inner loop oscillates and comes back to its start, and the weight is 0.)
#
# Back to [06 Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb) · [Exercises](../exercises/06_reptile_and_meta_sgd_exercises.ipynb) · previous: [06a Adapting the head](06a_adapting_the_head.ipynb) · next: [07 Few-shot image classification](07_few_shot_images.ipynb)
