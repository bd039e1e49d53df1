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

import torch

from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.exact import optimal_return, policy_value, psrl
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
SHORT, PULLS = "10 pulls, 5 arms", 10
earned = {}
for name, table in {"GRU, 64 units": bandits, "attention, two layers of 32": looking}.items():
    scores = table.scores(SHORT)  # [seed, 1, ten regrets, other bandits, play of twenty pulls]
    earned[name] = memory_bandits.total_rewards(SHORT, scores), PULLS * scores[:, 0, -2], 2 * PULLS * scores[:, 0, -1]

# %% tags=["hide-input"]
show_table(
    ["total reward, five seeds", "ten pulls", "one arm of 0.9, four of 0.1", "twenty pulls"],
    [(name, *(in_words(t_interval(values)) for values in row)) for name, row in earned.items()],
)
gru, attended = ([t_interval(values) for values in row] for row in earned.values())
claim(
    f"In ten pulls the attention earns **{attended[0].point:.2f}** and the GRU **{gru[0].point:.2f}**; in twenty, twice as "
    f"many as in training, {attended[2].point:.2f} and {gru[2].point:.2f}.",
    6.3 < attended[0].point < gru[0].point and attended[2].point < gru[2].point - 0.3,
)

# %% [markdown]
# Behind, by about a tenth, after as many iterations. Neither layers, widths nor step sizes were searched, so that this
# says what one attention does with one recipe, and not what attention can do. The last column is worth a thought. From
# the eleventh pull on the GRU has states, and the attention has positions, that training never met. The GRU goes on to
# learn from what it sees. The attention earns per pull about what it earned in the first ten.
#
# ## 2 Random worlds
#
# The second set of tasks of the RL² paper has states. An MDP of ten states and five actions is drawn at random: from
# each state and action, probabilities of the next state from a flat Dirichlet distribution and a mean reward from
# Normal(1, 1); rewards have noise of variance one. An episode has ten steps from state 0, a trial ten episodes. So there
# are fifty mean rewards and fifty rows of transitions to find out about, in a hundred steps.
#
# Who could do that? With conjugate priors the posterior is exact: a Dirichlet distribution with the transitions counted,
# and a Normal distribution for each mean reward. **Posterior sampling** (PSRL; Strens 2000; Osband et al. 2013) draws an
# MDP from it before each episode, solves it by backward induction (03.5), and plays its optimal policy. It is told the
# prior. The memory learns from training MDPs alone, in phases of two, five and ten episodes, with the settings of
# chapter 11 and returns counted with the mean rewards.
#
# **Predict, then run.** (a) Whose first episode earns more, and why? (b) Who is ahead after ten episodes? (c) The memory
# goes on for fifteen episodes more, which it was not trained for. Does it improve still?
#
# *Your prediction:*

# %%
family, tasks = TabularMDPs(), memory_mdps.held_out()  # 2,000 MDPs
optimum = float(optimal_return(family, tasks).mean())
uniform = torch.full_like(tasks["reward_means"], 1 / family.actions)
at_random = float(policy_value(tasks["transitions"], tasks["reward_means"], uniform, family.horizon)[:, 0].mean())
sampling = psrl(family, tasks, 25, seeded(3)).numpy()  # [task, episode]
ROW = memory_mdps.METHODS[0]
scores = mdps.scores(ROW)[:, 0]  # [seed, 5 + 25]
learned = scores[:, 5:]

# %% tags=["hide-input"]
figures.episodes(learned, sampling.mean(0), optimum, at_random)
ten, all_of_them = (float(sampling[:, :n].sum(1).mean()) for n in (10, 25))


def shown(values, digits):
    return in_words(t_interval(values), digits, highest=1e9) if len(values) > 1 else f"{values[0]:.{digits}f}"


show_table(
    ["total reward", "10 episodes", "25 episodes", "10, of the optimum", "25, of the optimum"],
    [
        ("knows the MDP", f"{10 * optimum:.1f}", f"{25 * optimum:.1f}", "1", "1"),
        (f"RL² (seeds: {len(scores)})", *(shown(scores[:, i], d) for i, d in ((0, 1), (1, 1), (2, 3), (3, 3)))),
        ("PSRL, exact posterior", f"{ten:.1f}", f"{all_of_them:.1f}", f"{ten / optimum / 10:.3f}", f"{all_of_them / optimum / 25:.3f}"),
        ("uniformly random", f"{10 * at_random:.1f}", f"{25 * at_random:.1f}", *[f"{at_random / optimum:.3f}"] * 2),
        ("RL², published", "156.2", "445.7", ".752", ".859"),
        ("OPSRL, published", "144.1", "425.2", "–", "–"),
        ("PSRL, published", "–", "–", ".665", ".788"),
        ("MAML, published", "–", "–", ".563", ".591"),
    ],
)  # fmt: skip
claim("TODO", True)

# %% [markdown]
# RESULT
#
# ## Further reading
#
# - A. Vaswani et al., *Attention is all you need*, 2017, arXiv:1706.03762.
# - N. Mishra, M. Rohaninejad, X. Chen and P. Abbeel, *A simple neural attentive meta-learner*, 2018, arXiv:1707.03141.
# - M. Strens, *A Bayesian framework for reinforcement learning*, 2000.
# - I. Osband, D. Russo and B. Van Roy, *(More) efficient reinforcement learning via posterior sampling*, 2013,
#   arXiv:1306.0940.
#
# Back to [11 Memory and context](11_memory_and_context.ipynb) · [Exercises](../exercises/11_memory_and_context_exercises.ipynb) · next: [12 Models and planning](12_models_and_planning.ipynb)
