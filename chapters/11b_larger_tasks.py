# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11b Another memory, larger tasks
#
# **Does RL² need a recurrent network, and does it still explore where the world has states?**
#
# *An appendix to chapter 11. No later chapter needs it.*
#
# You will be able to
#
# - build a memory of causal self-attention that reads step by step what it reads at once, and say what that costs
# - hold it against the recurrent memory on the same bandits
# - hold a learned memory against posterior sampling with the exact posterior on random MDPs
#
# Before you start: chapter 11, [Memory and context](11_memory_and_context.ipynb).
#
# Reading: about 20 minutes. Running: at most 30 seconds and 1300 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import math

import numpy as np
import torch

from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.exact import bayes_greedy, gittins, optimal_return, play_bandits, policy_value, psrl, thompson
from metarl_core.figures import ch11b as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.meta.memory import CausalAttention
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import memory_bandits, memory_mdps
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import TabularMDPs

begin()
bandits, looking, mdps = (load_table(name) for name in ("memory_bandits", "memory_attention", "memory_mdps"))

# %% [markdown]
# ## 1 A memory that forgets nothing
#
# A GRU rewrites one state at each step, and what it drops is gone. There is another way to be a function of the history:
# keep everything, and look back. Give each step $i$ of the trial a key $k_i$, a value $v_i$ and a query $q_i$, linear
# maps of its features. At step $t$ the memory reads a mean of the values so far, weighted by how well their keys fit:
#
# $$m_t = \sum_{i \le t} w_{ti}\, v_i, \qquad
# w_{ti} = \frac{\exp(q_t \cdot k_i / \sqrt d)}{\sum_{j \le t} \exp(q_t \cdot k_j / \sqrt d)}. \tag{11.40}$$
#
# This is *self-attention* (Vaswani et al. 2017); it is **causal**, for the sums end at $t$. SNAIL (Mishra et al. 2018)
# was the first meta-learner with it, and reports what RL² reaches on bandits and a little more on MDPs.
#
# Training reads whole trials at once: all $q_t \cdot k_i$ in one product of matrices, with those of the future masked
# out. Play goes step by step. There $k_i$ and $v_i$ of past steps do not change, since they depend on nothing after $i$;
# so they are kept, and a step computes its own and compares one query with all keys.

# %%
def look_at_once(q, k, v):
    """(11.40) for all steps of trials [..., time, d]."""
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1) @ v


def look_step_by_step(q, k, v):
    """The same with what a player has: the queries, keys and values so far."""
    read = []
    for t in range(q.shape[-2]):
        weights = (k[..., : t + 1, :] @ q[..., t, :, None] / math.sqrt(q.shape[-1])).softmax(-2)
        read.append((weights * v[..., : t + 1, :]).sum(-2))
    return torch.stack(read, -2)


q, k, v = torch.randn((3, 4, 50, 8), generator=seeded(0), dtype=torch.float64)
attention = CausalAttention(9, generator=seeded(1))  # two layers of two heads
weights, trial = initial_parameters(attention), torch.randn((4, 50, 9), generator=seeded(2))
cache, read = attention.initial(4, like=trial), []
for step in trial.unbind(1):
    m, cache = attention.step(weights, step, cache)
    read.append(m)

# %% tags=["hide-input"]
apart = float((look_at_once(q, k, v) - look_step_by_step(q, k, v)).abs().max())
theirs = float((attention.sequence(weights, trial) - torch.stack(read, 1)).abs().max())
changed = trial.clone()
changed[:, 30:] = 0
ahead = (attention.sequence(weights, trial) - attention.sequence(weights, changed)).abs().amax((0, 2))
claim(
    f"Both ways differ by {apart:.0e}, and those of the package's two layers by {theirs:.0e}. With other inputs from step "
    f"31 on, what is read in the first thirty steps moves by {float(ahead[:30].max()):.0f}.",
    apart < 1e-12 and theirs < 1e-4 and ahead[:30].max() == 0 < ahead[30:].min(),
)

# %% [markdown]
# Nothing in (11.40) tells which step came first, so the features of a step get waves of its number added. And the price:
# a trial of $n$ steps takes $n^2/2$ comparisons, where the GRU takes $n$ steps.
#
# The same recipe as in section 4 of chapter 11, with `memory=CausalAttention` and smaller steps of Adam:
#
# **Predict, then run.** Ten pulls of five arms, five seeds. Will it be ahead of the GRU, behind, or level?
#
# *Your prediction:*

# %%
SHORT = "10 pulls, 5 arms"
by_memory = {
    name: memory_bandits.total_rewards(SHORT, table.scores(SHORT)) for name, table in (("GRU", bandits), ("attention", looking))
}  # fmt: skip

# %% tags=["hide-input"]
TODO
