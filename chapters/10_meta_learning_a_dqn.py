# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10 Meta-learning a DQN
#
# **What is there to meta-learn in an agent that has no policy gradient, and where does it pay?**
#
# You will be able to
#
# - say in advance, from three questions about the tasks, whether an initialisation can help a DQN
# - build Meta-SGD and Reptile over DQN, each with the replay, targets and exploration of its task
# - derive the meta-gradient through temporal-difference updates, and say which of three derivatives is meant
# - compare them with pre-training and fresh networks by steps to a level, in and out of distribution
# - find out what a few inner steps have read in the support set, and which of its parts they need
# - meta-train on an environment of your own, and answer two common claims about DQN and meta-RL
#
# Before you start: chapter 03, [Value-based agents](03_value_based_agents.ipynb); chapter 06, [Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb).
#
# Reading: about 80 minutes. Running: at most 70 seconds and 1000 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/10_meta_learning_a_dqn_exercises.ipynb): about 100 minutes.

# %% tags=["hide-input"]
import dataclasses
import functools
import itertools

import gymnasium
import numpy as np
import torch

from metarl_core.agents import (
    OraclePolicy,
    QNetwork,
    ReplayBuffer,
    Transitions,
    UniformPolicy,
    VectorSampler,
    collect,
    mean_returns,
    polyak_update,
    train_dqn,
)
from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.figures import ch10 as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.meta import (
    QMAML,
    NewTaskConfig,
    QReptile,
    fine_tune,
    random_transitions,
    repeat_for_tasks,
    task_sampler,
    values,
)
from metarl_core.networks import mlp
from metarl_core.parameters import clip_grad_norm, copy_parameters, detach_parameters, stack_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import inner_targets, meta_dqn
from metarl_core.recipes.agreement import agreement
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import GymnasiumTasks, TaskVectorEnv, select_tasks
from metarl_core.widgets import plot_greedy_moves, q_adaptation_explorer

begin()
table, probed = load_table("meta_dqn"), load_table("inner_targets")  # five seeds a method, made earlier
recipe, SEED = meta_dqn.Settings(), 0
POINTS, WIDTH, HALF = recipe.checkpoints, len(recipe.checkpoints), recipe.test_tasks // 2
GAMMA = recipe.dqn.discount

# %% [markdown]
# ## 1 Keys without labels
#
# A point stands in a square, and so does a goal, and the agent sees both. It has eight keys. Each moves the point by a
# fixed length in a direction of its own, 45° from the next. But the whole keyboard is turned by an angle that the agent
# is not told, another one in each task. The reward is minus the distance to the goal after the move; an episode ends at
# the goal, or after 25 moves. In one and the same observation each of the eight keys is right in some task.
#
# A learner gets **50 random moves** in a new task, two or three short episodes. Then its greedy policy is judged. How a
# Q-network can be trained for that is drawn here; sections 3 to 5 derive and build it.

# %% tags=["hide-input"]
figures.two_loops()

# %% [markdown]
# We look at three Q-networks of one size: an untrained one; one that DQN (chapter 03) trained on twenty tasks at once,
# **pre-training**; and one that was **meta-trained** on the same twenty tasks, by the loop of the diagram with learned
# rates (Meta-SGD). Pre-training takes 100,000 steps in its environments, meta-training 59,000. The cell takes about a
# minute; read on.
#
# **Predict, then run.** (a) What does the pre-trained network do before it has seen anything of the new task: which key
# is best on average over all angles? (b) 50 random moves contain each key about six times. Is that enough for a
# network with thousands of parameters? (c) What will the meta-trained network earn *before* adaptation?
#
# *Your prediction:*

# %%
method, meta, training, env_steps = inner_targets.trained("rewards and values", SEED)  # Meta-SGD, sections 3 to 5
family, network = method.family, method.network
_, untrained = meta_dqn.untrained(family, (SEED,), recipe)  # parameters with a leading axis of one run
sampler = VectorSampler(TaskVectorEnv(family, recipe.tasks, training), learners=1)
config = dataclasses.replace(recipe.pre_training, steps=100_000)
pretrained, _ = train_dqn(network, untrained, sampler, config, seeded(SEED), description="pre-training")
starts = {"untrained": untrained, "pre-training": pretrained, "Meta-SGD": method.start(meta)}

# %% [markdown]
# The meta-trained network then takes the **three** gradient steps that it was trained for. The other two have no steps
# of their own. Each gets the learning rate and the number of DQN updates, from 0 to 50, that serve it best after 50
# random moves on twenty other training tasks.

# %%
plain = meta_dqn.baseline(family, network, recipe)  # no meta-learner: DQN alone goes on from where it is put


def greedy_return(parameters, tasks):
    """Mean return [task] of ten greedy episodes."""
    return mean_returns(family, tasks, network, parameters, 10, seeded(4))


def updated(start, support, lr, updates):
    """Parameters [task, ...] after updates of DQN on given transitions [task, sample]."""
    config = dataclasses.replace(meta_dqn.new_tasks("keys", recipe), lr=lr, burst=updates)
    return fine_tune(plain, repeat_for_tasks(start, len(support.rewards)), support, config, seeded(0))


def best_choice(start):
    """Learning rate and number of updates that earn most after 50 random moves in training tasks."""
    tasks = family.sample_tasks(20, seeded(60))
    moves = random_transitions(family, tasks, 50, seed=61)
    grid = [(0.0, 0), *itertools.product((3e-4, 1e-3, 3e-3), (10, 50))]
    return max(grid, key=lambda choice: float(greedy_return(updated(start, moves, *choice), tasks).mean()))


# %%
test = meta_dqn.held_out(family, recipe)  # twenty held-out angles, then twenty mirrored keyboards
moves = random_transitions(family, test, 50, seed=3)
choice = {name: best_choice(starts[name]) for name in ("untrained", "pre-training")}
after = {name: updated(starts[name], moves, *choice[name]) for name in choice}
after["Meta-SGD"] = method.adapt_to_support(meta, moves)

# %% tags=["hide-input"]
begun = {name: greedy_return(repeat_for_tasks(start, 2 * HALF), test) for name, start in starts.items()}
reached = {name: greedy_return(parameters, test) for name, parameters in after.items()}
shown = int(reached["Meta-SGD"][:HALF].argsort()[HALF // 2])  # the task at the median of the meta-trained network
figures.fields(
    lambda axes, parameters: plot_greedy_moves(
        axes, family, network, parameters, select_tasks(test, [shown]), (0.4, 0.3)
    ),
    starts,
    {name: {n: v[shown : shown + 1] for n, v in parameters.items()} for name, parameters in after.items()},
    {name: (float(begun[name][shown]), float(reached[name][shown])) for name in starts},
    50,
)
uniform = float(mean_returns(family, test, UniformPolicy(family.action_space), {}, 100, seeded(5))[:HALF].mean())
knows = OraclePolicy(family, family.steering_action)
knowing = float(mean_returns(family, test, knows, test, 100, seeded(5))[:HALF].mean())
first, last = ({n: float(v[:HALF].mean()) for n, v in each.items()} for each in (begun, reached))
show_table(
    ["mean return, 20 held-out tasks", "before", "after 50 random moves", "learning rate, updates"],
    [
        (n, f"{first[n]:.1f}", f"{last[n]:.1f}", "{:g}, {}".format(*choice[n]) if n in choice else "learned, 3")
        for n in starts
    ],
)
claim(
    f"Meta-training took {env_steps:,} environment steps. Uniformly random keys earn {uniform:.1f}, and a player who "
    f"knows the angle {knowing:.1f}. After 50 random moves the meta-trained network has {last['Meta-SGD']:.1f} and the "
    f"pre-trained one {last['pre-training']:.1f}.",
    last["Meta-SGD"] > last["untrained"] + 3 and last["Meta-SGD"] > first["Meta-SGD"] + 1,
)

# %% [markdown]
# The task in the picture is the median one. (a) All angles are equally likely, so that no key is best on average, and
# *no* network can be good before it knows the angle. Pre-training has learned what a place is worth, and presses some
# keys or other. (b) For three gradient steps of the meta-trained network 50 moves are enough to gain seven points, also
# at places that these moves never met. For the pre-trained network the best choice was to make no update at all: on
# training tasks every rate and number that was tried lost. (c) The meta-trained start is no good policy either,
# averaged over angles. It is a place from which three steps lead to a better one; section 8 looks at what it *does*
# there. (This network is the best of five that were trained alike; sections 7 and 8 have means.)
#
# **Explorer.** Turn the keys. Top: the pre-trained network, which makes no update if none was the best choice; bottom:
# the meta-trained one. Left before, right after the random steps. Try five random steps; 200 of them (the inner steps
# were trained with 50); the mirrored keyboard; and look for an angle at which the meta-trained network fails.

# %%
lr, updates = choice["pre-training"]
of_dqn = dataclasses.replace(meta_dqn.new_tasks("keys", recipe), lr=lr, burst=updates)
q_adaptation_explorer({"pre-trained": (plain, pretrained), "Meta-SGD": (method, meta)}, of_dqn)

# %% [markdown]
# The start of the meta-trained network is one keyboard: turn the angle and find it. From the opposite angle three steps
# turn many arrows around, and not all. With few moves some keys were never pressed, and the field keeps patches of
# wrong arrows.
#
# ## 2 What is there to meta-learn, and when can it help?
#
# A policy-gradient learner has a policy, an estimator and a step size. A DQN has more parts, and each could be learned
# across tasks:
#
# | part of DQN | meta-learned as | in this chapter |
# |---|---|---|
# | initial $\theta$ of $Q_\theta$ | the start of every task's learning | yes: MAML, Reptile |
# | step sizes | one per parameter, shared by tasks | yes: Meta-SGD |
# | number of updates, learning rate | chosen on training tasks | yes, for *all* methods: a fair baseline needs it |
# | replay | transitions of old tasks kept for new ones | no: what they say is *wrong* in a new task |
# | exploration | which transitions to collect first | no: chapter 11 |
# | loss and target rule | a learned update rule | no: see the further reading |
#
# Adaptation can win at most the gap of (08.17): between the best single policy and the best policy of each task. For a
# value-based agent with little data it helps to split the question into three.
#
# 1. **Do tasks disagree?** If in nearly every state the same action is best in all tasks, one policy solves all of
#    them, and pre-training has solved the problem before it begins.
# 2. **Do a few transitions tell the tasks apart?** If random behaviour seldom meets anything that depends on the task,
#    there is nothing to adapt *to*. Then exploration is the problem.
# 3. **Does what was learned in one place say something about others?** If not, each state has to be learned by itself,
#    and an initialisation cannot shorten that.
#
# The first two can be measured before any meta-training, and the third can be read off how observations are encoded.
# There are five families: the *keys*; CartPole with varying physics whose push has a *hidden sign*, and with *physics*
# alone; a hidden goal in a 9 × 9 grid with walls, with a *dense* reward (the distance) and a *sparse* one (1 at the
# goal). Draw two tasks at random and a state: how often is the best action of the one, or that of a strong reference,
# also best in the other?

# %% tags=["hide-input"]
FAMILIES = {name: meta_dqn.family_of(name) for name in meta_dqn.FAMILIES}
agree = {name: agreement(task_family, 200, seeded(8)) for name, task_family in FAMILIES.items()}
show_table(
    ["family", "two tasks agree on the best action", "actions"],
    [(name, f"{share:.0%} of states", int(FAMILIES[name].action_space.n)) for name, share in agree.items()],
)
tried = recipe.problems["sparse"].learning_starts
walks = random_transitions(FAMILIES["sparse"], FAMILIES["sparse"].sample_tasks(200, seeded(7)), tried)
met = float((walks.rewards > 0).any(1).float().mean())
claim(
    f"In the sparse grid {met:.0%} of the support sets ({tried} random moves) contain a reward at all.",
    agree["physics"] > 0.85 and 0.4 < agree["sign"] < 0.6 and agree["keys"] < 0.25 and met < 0.5,
)


# %% [markdown]
# *Physics* alone fails the first test: the direction to push hardly depends on masses and lengths, as chapter 08 found
# for policy gradients. *Sign* is the same problem with one hidden bit, and the bit makes two tasks disagree half of the
# time. *Keys* disagree most. The grids disagree, too; but the *sparse* one fails the second test in most tasks, and
# about the third test the grids' observations are one-hot: a cell shares no input with its neighbour. So expect
# something on keys and sign, nothing on physics, and little on the grids. Sections 7 and 9 measure.
#
# ## 3 The inner loop: temporal-difference updates
#
# One transition $(s, a, r, s', d)$ of a task, $d = 1$ for a termination. With the target network's parameters
# $\bar\theta$ and the action $a^*$ that double Q-learning picks (chapter 03), the target is
# $y = r + \gamma (1 - d)\, Q_{\bar\theta}(s', a^*)$ and the error of the prediction
#
# $$\delta_\theta = y - Q_\theta(s, a). \tag{10.1}$$
#
# For a batch $D$ of $n$ transitions the loss is $L(\theta; D, y) = \frac1n \sum \delta_\theta^2$, **with $y$ held
# constant**, and one inner step is the semi-gradient step (03.13):
#
# $$\theta^{(k+1)} = \theta^{(k)} - \alpha\, \nabla_\theta L
# = \theta^{(k)} + \frac{2 \alpha}{n} \sum_{D} \delta\, \nabla_\theta Q_{\theta}(s, a)\Big|_{\theta = \theta^{(k)}},
# \qquad \theta^{(0)} = \theta. \tag{10.2}$$
#
# Two questions decide what $y$ is. *Whose values does the target contain?* A target network that follows
# $\theta^{(k)}$ makes sense over thousands of updates. Over three it is a fixed copy: $\bar\theta = \theta$, the
# initialisation, frozen for the whole inner loop. So the few updates can learn from two sources: the rewards of the new
# task, and where its moves *led*, judged by values of $s'$ that $\theta$ brings along. With double Q-learning the
# online network still chooses $a^*$.
#
# *Does the derivative pass through it?* Chapter 03 said no. The other answer is the **residual gradient** (Baird 1995),
# a true gradient of a true loss. It is another algorithm with another limit, and in a stochastic world a wrong one;
# appendix [10a](10a_where_gradients_stop.ipynb) computes that limit. DQN, and this chapter with it, stops the gradient.
#
# Now several tasks. Support $D_{\mathcal{T}}$: 50 transitions of *random* behaviour, since this is what a new task
# offers before anything is known. Query $D'_{\mathcal{T}}$: transitions that the *adapted* network collected
# $\varepsilon$-greedily, from a replay buffer of this task. Both are off-policy, and Q-learning allows that (chapter
# 03): nothing has to be collected anew for each outer step. Here value-based meta-RL is cheaper than (08.2). Let
# $\theta'_{\mathcal{T}} = U(\theta; D_{\mathcal{T}})$ be the result of $K$ steps (10.2). The outer loss asks that the
# *adapted* network predicts well on the query:
#
# $$F(\theta) = \mathbb{E}_{\mathcal{T}} \Big[ \frac{1}{n'}
# \sum_{D'_{\mathcal{T}}} \big( y' - Q_{\theta'_{\mathcal{T}}}(s, a) \big)^2 \Big],
# \qquad y' = r + \gamma (1 - d)\, Q_{\bar\theta'_{\mathcal{T}}}(s', a^*), \tag{10.6}$$
#
# with $\bar\theta$ a slow copy of $\theta$, as in DQN, and $\bar\theta'_{\mathcal{T}} = U(\bar\theta;
# D_{\mathcal{T}})$: the target network adapts to the task as well. The values of a new task are those of *its* keys,
# and an unadapted $Q_{\bar\theta}$ knows them only on average over tasks. $y'$ is constant, too.
#
# > **Algorithm: Meta-SGD through TD updates** (`QMAML`). Given training tasks, $K$, $\gamma$; initialise $\theta$, rates $\boldsymbol\alpha$, $\bar\theta = \theta$, two empty buffers for each task. Repeat:
# > 1. In each task take some random moves, and keep them in its first buffer.
# > 2. Adapt to a piece of that buffer; move $\varepsilon$-greedily with the adapted network, and fill the second buffer.
# > 3. Some twenty times: a support set from the first buffer, a query from the second; differentiate (10.6) with respect to $\theta$ and $\boldsymbol\alpha$, **through** the $K$ steps; a step of Adam; $\bar\theta$ follows by a share $\tau$ of the way.
#
# ## 4 Build it
#
# Every tensor has the task as its leading axis, so that all tasks step at once: the network `mlp` maps each task's
# inputs through that task's parameters. The gradient of a sum over tasks is then each task's own gradient.

# %%
def q_of(theta, batch):
    """Q(s, a) of the actions taken, [task, sample]."""
    return mlp(theta, batch.observations).gather(-1, batch.actions[..., None])[..., 0]


def td_target(theta, bar, batch):
    """y of (10.1), [task, sample]: double Q-learning, nothing after a termination."""
    best = mlp(theta, batch.next_observations).argmax(-1, keepdim=True)
    going = (~batch.terminated).to(batch.rewards.dtype)
    return batch.rewards + GAMMA * going * mlp(bar, batch.next_observations).gather(-1, best)[..., 0]


def inner_loop(meta, support, steps=3, frozen=True):
    """K steps (10.2) from θ in all tasks at once, with a rate for each parameter: θ' [task, ...]."""
    tasks = len(support.rewards)
    theta = {n: v.expand(tasks, *v.shape[1:]) for n, v in meta.items() if not n.startswith("rate.")}
    copy = detach_parameters(theta) if frozen else theta  # the target network; section 5 thaws it
    current = theta
    for _ in range(steps):
        q = q_of(current, support)
        weight = -2 * (td_target(current, copy, support) - q) / q.shape[1]  # −2δ/n
        slopes = torch.autograd.grad(q, list(current.values()), weight, create_graph=True)
        current = {n: p - meta["rate." + n] * s for (n, p), s in zip(current.items(), slopes, strict=True)}
    return current


def outer_loss(meta, bar, support, query, frozen=True):
    """(10.6), the mean over tasks and query transitions; bar: θ̄ and its rates."""
    prime = inner_loop(meta, support, frozen=frozen)
    bar_prime = inner_loop({n: v.detach().requires_grad_() for n, v in bar.items()}, support)
    return (td_target(prime, bar_prime, query).detach() - q_of(prime, query)).square().mean()


# %% [markdown]
# The semi-gradient stands there as (10.2) has it: $\nabla Q$, weighted by $-2\delta/n$. With `create_graph=True` the
# result remembers how it came from $\theta$ and from the rates. The whole training, points 1 to 3:

# %%
def my_qmaml(meta, tasks, iterations, generator, lr=1e-3, tau=0.005, epsilon=0.1, seed=0):
    """θ and rates after meta-training, θ̄, and both replay buffers."""
    meta = {name: value.clone().requires_grad_() for name, value in meta.items()}
    bar, adam = copy_parameters(meta), torch.optim.Adam(meta.values(), lr=lr)
    number = len(tasks["angle"])
    explorer, player = (task_sampler(family, tasks, seed + k) for k in (0, 1))
    first, replay = (ReplayBuffer(5_000, number) for _ in range(2))  # a part for each task; nothing mixes
    anyone = repeat_for_tasks(starts["untrained"], number)
    collect(explorer, first, 100, network, anyone, 1.0, generator)  # ε = 1: random moves, whoever plays
    for _ in range(iterations):
        collect(explorer, first, 25, network, anyone, 1.0, generator)
        adapted = detach_parameters(inner_loop(meta, first.sample_run(50, generator)))
        collect(player, replay, 25, network, adapted, epsilon, generator)
        for _ in range(20):
            query, support = replay.sample(64, generator), first.sample_run(50, generator)
            adam.zero_grad()
            outer_loss(meta, bar, support, query).backward()
            clip_grad_norm(meta, 10.0)
            adam.step()
            polyak_update(bar, meta, tau)
    return detach_parameters(meta), bar, first, replay


# %% [markdown]
# **Check it** against the package: one iteration, twenty outer steps, with the same random numbers.

# %%
config = values.TrainConfig(iterations=1, anneal=False, exploration=(0.1, 0.1, 1.0))
theirs, _ = values.train(method, method.initial(untrained), config, seeded(30), tasks=training, description=None)
mine, *_ = my_qmaml(method.initial(untrained), training, 1, seeded(30))


def flat(parameters):
    return torch.cat([value.flatten() for value in parameters])


# %% tags=["hide-input"]
way = flat(theirs.values()) - flat(method.initial(untrained).values())
apart = float((flat(mine.values()) - flat(theirs.values())).norm() / way.norm())
claim(f"After twenty outer steps the two differ by {apart:.0e} of the way that they have come.", apart < 2e-2)


# %% [markdown]
# From here on the package computes: `values.train(QMAML(…), …)`. Its settings, which are those of section 1:
#
# | setting | value | source |
# |---|---|---|
# | network | 64–64 units, one output for each action | ours |
# | $\gamma$; double Q-learning | 0.95; yes | van Hasselt et al. 2016 for the latter |
# | inner steps $K$, support | 3, on the same 50 transitions | ours |
# | rates | one for each parameter, at first 0.03 | Meta-SGD (Li et al. 2017); the value is ours |
# | tasks; outer steps in an iteration | 20, the same throughout; 20 | ours |
# | outer rule | Adam, step size 0.001, falling to zero | ours |
# | $\tau$ | 0.005 | ours; 0.02 in the DQN of a new task |
#
# ## 5 The meta-gradient, and which one
#
# **The chain rule.** With all targets constant, the derivative of one step (10.2) is
#
# $$\frac{\partial \theta^{(k+1)}}{\partial \theta^{(k)}} = I - \alpha H_k, \qquad
# H_k = \nabla^2 L = \frac2n \sum_{D} \Big[ \nabla Q\, \nabla Q^\top - \delta\, \nabla^2 Q \Big]_{\theta^{(k)}},
# \tag{10.7}$$
#
# the Hessian of $\delta^2$ with constant $y$: of a regression. And for one task
#
# $$\nabla F = (I - \alpha H_0)\, (I - \alpha H_1) \cdots (I - \alpha H_{K-1})\; \nabla L(\theta'; D', y'). \tag{10.8}$$
#
# FOMAML leaves the factors out. With Meta-SGD's vector of rates, $\alpha$ becomes the diagonal matrix
# $A = \mathrm{diag}(\boldsymbol\alpha)$, and the factors are $I - H_k A$; the rates are learned by the derivative
# (06.16), here through all $K$ steps.
#
# **But the first target contains $\theta$, too.** $y = r + \gamma (1 - d)\, Q_\theta(s', a^*)$: the frozen copy *is*
# the initialisation. Whoever changes $\theta$ changes this $y$. The derivative of the whole procedure is therefore
# another one; each step contributes one more term,
#
# $$\frac{d \theta^{(k+1)}}{d \theta} = (I - \alpha H_k)\, \frac{d \theta^{(k)}}{d \theta}
# + \frac{2 \alpha}{n} \sum_D \nabla Q_{\theta^{(k)}}(s, a)\;
# \gamma (1 - d)\, \nabla_\theta Q_\theta(s', a^*)^\top. \tag{10.9}$$
#
# So three derivatives can be meant by "MAML through TD updates": with **frozen targets**, (10.8); of the **whole
# procedure**, (10.9), which is `frozen=False` above; and **first order**, without any factor. `QMAML` computes the
# first. The second is what finite differences of the procedure see, and it is no mistake to want it. The package leaves
# it out for the reason for which TD leaves out $\nabla y$: along this path $\theta$ can lower the outer loss by moving
# the *targets* of the inner loop to where the regression lands well. How far apart are they? We go on with
# meta-training for four iterations, once from the untrained network and once from the meta-trained one. Then
# $\bar\theta$ has followed, the buffers hold what the adapted networks did, and ten batches are drawn from them. As a
# yardstick, the same derivative is compared on two different batches.
#
# **Predict, then run.** Which pairs are nearly parallel where training begins, and where it has ended?
#
# *Your prediction:*

# %%
def three_derivatives(meta, bar, support, query):
    """The meta-gradient with respect to θ, as a vector, in three ways."""
    meta = {n: v.detach().requires_grad_() for n, v in meta.items()}
    theta = [v for n, v in meta.items() if not n.startswith("rate.")]
    found = {}
    for kind, frozen in (("frozen targets", True), ("whole procedure", False)):
        found[kind] = flat(torch.autograd.grad(outer_loss(meta, bar, support, query, frozen), theta))
    prime = {n: v.detach().requires_grad_() for n, v in inner_loop(meta, support).items()}
    y = td_target(prime, inner_loop({n: v.detach().requires_grad_() for n, v in bar.items()}, support), query)
    at_prime = torch.autograd.grad((y.detach() - q_of(prime, query)).square().mean(), list(prime.values()))
    found["first order"] = flat([slope.sum(0) for slope in at_prime])  # over tasks
    return found


places = {
    "untrained": my_qmaml(method.initial(untrained), training, 4, seeded(31)),
    "meta-trained": my_qmaml(meta, training, 4, seeded(31), lr=1e-4),
}
found = {}
for place, (theta, bar, first_moves, replay) in places.items():
    draws = seeded(32)
    batches = [(first_moves.sample_run(50, draws), replay.sample(64, draws)) for _ in range(10)]
    found[place] = [three_derivatives(theta, bar, *batch) for batch in batches]

# %% tags=["hide-input"]
PAIRS = (
    ("frozen targets", "first order"),
    ("frozen targets", "whole procedure"),
    ("whole procedure", "first order"),
)


def cosine(a, b):
    return float(torch.cosine_similarity(a, b, dim=0))


rows, alike = [], {}
for place, many in found.items():
    for a, b in PAIRS:
        each = [cosine(one[a], one[b]) for one in many]
        alike[place, a, b] = float(np.mean(each))
        rows.append((place, f"{a} and {b}", f"{np.mean(each):.2f}", f"{min(each):.2f} to {max(each):.2f}"))
    each = [cosine(a["frozen targets"], b["frozen targets"]) for a, b in itertools.combinations(many, 2)]
    alike[place, "noise"] = float(np.mean(each))
    rows.append((place, "frozen targets, two batches", f"{np.mean(each):.2f}", f"{min(each):.2f} to {max(each):.2f}"))
show_table(["θ", "derivatives", "mean cosine", "range over batches"], rows)


def doubled(values):
    return type(values)(*(v.double() if v.is_floating_point() else v for v in values))


theta, bar, first_moves, replay = places["meta-trained"]
theta, bar = ({n: v.detach().double() for n, v in each.items()} for each in (theta, bar))
batch = [doubled(part) for part in batches[0]]
exact = three_derivatives(theta, bar, *batch)
unit = exact["whole procedure"] / exact["whole procedure"].norm()
pieces = iter(unit.split([v.numel() for n, v in theta.items() if not n.startswith("rate.")]))
along = {n: torch.zeros_like(v) if n.startswith("rate.") else next(pieces).view_as(v) for n, v in theta.items()}
low, high = (
    float(outer_loss({n: (v + s * along[n]).requires_grad_() for n, v in theta.items()}, bar, *batch).detach())
    for s in (-1e-7, 1e-7)
)
seen, whole, frozen = (
    (high - low) / 2e-7,
    *(float(exact[kind] @ unit) for kind in ("whole procedure", "frozen targets")),
)
claim(
    f"Along one direction from the meta-trained θ the outer loss has the slope {seen:.4f} by finite differences of the "
    f"whole procedure, {whole:.4f} by (10.9), and {frozen:.4f} by (10.8), which holds the targets.",
    abs(seen - whole) < 1e-2 * abs(whole) and abs(seen - frozen) > 2 * abs(seen - whole),
)


# %% [markdown]
# Where training begins the three differ, with mean cosines from 0.76 to 0.87; where it has ended they are nearly
# parallel, from 0.95 to 0.97. In both places they are nearer to each other than the same derivative is to itself on
# another batch (0.54 and 0.55): which transitions came decides more about the direction of an outer step than which of
# the derivatives is meant. They do remain derivatives of different functions, as the two slopes of the last line show.
# So "the meta-gradient of a DQN" is not one thing, and a check by finite differences has to know which it checks. Which
# of the three *trains* better has not been tried here but for FOMAML, in section 7; all other results are for frozen
# targets.
#
# ## 6 Reptile: the inner loop is a whole run of DQN
#
# MAML needs a short inner loop that can be differentiated. DQN is not made for three steps: it has a replay buffer that
# fills, a target network that follows, an optimiser with moments, and a schedule of $\varepsilon$. Reptile (06.1) does
# not mind. With $\varphi_{\mathcal{T}}$ the parameters of the **online** network after a complete run of DQN on task
# $\mathcal{T}$ that started at $\theta$,
#
# $$\theta \leftarrow \theta + \epsilon\,
# \Big( \frac1n \sum_{\mathcal{T}} \varphi_{\mathcal{T}} - \theta \Big). \tag{10.10}$$
#
# (The outer step size is written $\epsilon$, the share of random actions $\varepsilon$.) With the DQN that chapter 03
# built, an iteration is four lines:

# %%
def my_reptile_iteration(theta, tasks, dqn, step, generator, seed):
    """(10.10) for one run: θ {name: [1, ...]} moves towards the mean of one run of DQN in each task."""
    number = len(tasks["angle"])
    sampler = task_sampler(family, tasks, seed)  # an environment for each task
    ends, _ = train_dqn(network, repeat_for_tasks(theta, number), sampler, dqn, generator, description=None)
    return {n: value + step * (ends[n].mean(0, keepdim=True) - value) for n, value in theta.items()}


short = dataclasses.replace(recipe.dqn, steps=150, learning_starts=50, exploration=(1.0, 0.1, 0.5))
draws = seeded(30)
mine = my_reptile_iteration(untrained, family.sample_tasks(2, draws), short, 0.5, draws, seed=0)
once = values.TrainConfig(iterations=1, meta_batch=2, outer_lr=0.5)
theirs, _ = values.train(QReptile(family, network, short), untrained, once, seeded(30), description=None)

# %% tags=["hide-input"]
apart = float((flat(mine.values()) - flat(theirs.values())).norm())
apart /= float((flat(theirs.values()) - flat(untrained.values())).norm())
claim(f"It is the package's `QReptile`: the two differ by {apart:.0e} of the way that they have gone.", apart < 1e-3)

# %% [markdown]
# Four things are hidden in the call of `train_dqn`. Every task begins with an empty buffer, a target network equal to
# $\theta$, a new optimiser, and $\varepsilon$ at its first value. A buffer with transitions of other tasks holds wrong
# rewards and wrong consequences; an $\varepsilon$ that has fallen already never tries the keys; and a target network
# lags behind the online one, so that moving to *it* moves to the past. What Reptile optimises is less clear here than
# in chapter 06, whose Taylor expansion assumed gradient steps on one fixed loss per task. A run of DQN changes its
# data, its targets and its $\varepsilon$ on the way. What remains is the picture: $\theta$ goes to a place that is
# near, in parameters, to where the runs end.
#
# ## 7 The experiment: held-out keys
#
# Five networks of each method were trained beforehand, and then learned the same 20 test tasks and 20 tasks **out of
# distribution** (the keyboard is mirrored: keys run clockwise, which no training task has). In a new task all methods
# do the same: 50 random steps, then DQN, one update a step, $\varepsilon$ from 0.3 to 0.05. MAML and its kin first take
# their three inner steps on the 50 transitions and go on from there. The learning rate in the new task (zero among the
# choices: stay as you are), and whether DQN begins with 50 updates at once, were chosen *for each method* on training
# tasks, for the return over the first 600 steps. "Informed" is one network that is told the task, trained on 400 tasks
# of both kinds: it learns nothing new, and marks what a Q-network of this size can do once it is told.
#
# Training differs, too. MAML, FOMAML and Meta-SGD took about 190,000 environment steps (200 iterations, against the 60
# of section 1), Reptile 288,000, pre-training 304,000, all on twenty tasks at a time. MAML and FOMAML have two values
# of $\alpha$: 0.03, where the rates of Meta-SGD begin, and a third of it.
#
# **Predict, then run.** (a) A new run of DQN needs how many steps to come near the goal each time? (b) Meta-SGD starts
# far ahead. Is it still ahead after 800 steps? (c) On the mirrored keyboard, will the meta-trained network be worse
# than a fresh one, equal, or better?
#
# *Your prediction:*

# %% tags=["hide-input"]
SPLITS = {"test": slice(0, HALF), "ood": slice(HALF, None)}


def scores(problem, name, split="test"):
    """[seed, task, column] of the table."""
    return table.scores(f"{problem}: {name}")[:, SPLITS[split]]


def lead(problem, name, reference, column, split="test"):
    """Difference of two methods in one column, on the same tasks, with its t interval over networks."""
    return t_interval((scores(problem, name, split) - scores(problem, reference, split))[..., column])


def drawn(names, split):
    return {name: t_curves(scores("keys", name, split)[..., :WIDTH]) for name in names}


shown_methods = ("fresh", "pre-training", "Reptile", "FOMAML", "MAML", "Meta-SGD", "informed")
figures.new_keyboards(*(drawn(shown_methods, split) for split in SPLITS), POINTS)
names = [m.split(": ")[1] for m in table.rows if m.startswith("keys") and "informed" not in m]
early, late = POINTS.index(100), POINTS.index(800)
rows = []
for name in names:
    cells = [in_words(t_interval(scores("keys", name, split)[..., WIDTH]), 0, highest=1e9) for split in SPLITS]
    if name == "pre-training":
        rows.append((name, *cells, "", ""))
        continue
    by = [lead("keys", name, "pre-training", column) for column in (early, late)]
    rows.append((name, *cells, *(in_words(each, 1, sign=True) for each in by)))
show_table(
    ["", "steps to the level, held-out", "mirrored", "return minus pre-training, 100 steps", "800 steps"],
    rows,
)
ahead = {name: lead("keys", name, "pre-training", WIDTH) for name in names if name != "pre-training"}
claim(
    "Meta-SGD reaches the level soonest on held-out angles; every meta-learner but one, MAML with the larger α, "
    "reaches it sooner than pre-training, and that one later.",
    all(lead("keys", "Meta-SGD", other, WIDTH).high < 0 for other in ("MAML", "FOMAML", "pre-training", "fresh"))
    and all(ahead[name].high < 0 for name in ("MAML", "FOMAML", "FOMAML, larger α", "Meta-SGD", "Reptile"))
    and ahead["MAML, larger α"].low > 0,
)

# %% [markdown]
# Lines are means of five networks, bands their t intervals; the vertical line marks the end of the random moves, and
# the initialisation stands at the left edge of the logarithmic axis. The *level* lies nine tenths of the way from
# random keys to a player who knows the angle; where it is not reached, 1,600 steps are counted.
#
# (a) A fresh DQN needs some 600 steps, about forty episodes; pre-training needs 483, Meta-SGD 132. (b) After 800 steps
# the lead of Meta-SGD over pre-training has shrunk from 7.6 points at 100 steps to 0.8. *It is a lead in time, not in
# the end.* If a task lasts for a thousand steps anyway, count the area between the curves. (c) Before adaptation no
# better than a fresh one. But the three steps lift Meta-SGD there, too, from −33 to −19, and DQN, going on from that
# place, needs 189 steps, against 548 for fresh networks. A list of prepared keyboards alone could not do that.
#
# *Learned rates lead.* A fixed $\alpha$ has to be small enough for the direction in which the loss is steepest, and is
# then small for all others (appendix [10a](10a_where_gradients_stop.ipynb) measures the curvature). With the threefold
# $\alpha$ MAML gets much worse; FOMAML, whose outer gradient does not pass through the factors of (10.8), bears it. So
# before believing that exact factors must help, compare the two at the same $\alpha$. Chapter 08 found MAML and
# Meta-SGD nearly equal; there normalised advantages (08.6) keep one $\alpha$ in scale, and a TD error has no such
# normalisation.
#
# *Reptile* was trained for what a whole run of DQN makes of it. It gains little by its 50 random steps (−27 to −21),
# and fifty steps of DQN later it stands beside MAML. *Pre-training is not useless*: it has learned what distance and
# position have to do with value, and no angle; its 483 steps against the 614 of fresh networks say how much that is
# worth. Its curve is flat up to step 50 because the choice on training tasks was to begin without a burst.
#
# ## 8 What has been learned?
#
# **The start.** The return over the angle of the keys, for the two networks of section 1, before and after the three
# steps, with five support sets for each angle.

# %%
degrees = torch.arange(0, 360, 15.0)
circle = {"angle": torch.deg2rad(degrees).repeat(5), "order": torch.ones(5 * len(degrees))}
begun = {name: greedy_return(repeat_for_tasks(starts[name], len(circle["angle"])), circle) for name in starts}
there = method.adapt_to_support(meta, random_transitions(family, circle, 50, seed=3))
single = greedy_return(there, circle).reshape(5, -1)

# %% tags=["hide-input"]
means = {name: begun[key].reshape(5, -1).mean(0) for name, key in (("before", "Meta-SGD"), ("pre-training",) * 2)}
means["after three steps"] = single.mean(0)
figures.around_the_circle(degrees, single, means, uniform)
below = float((single < uniform).double().mean())
claim(
    f"Before adaptation the means span {float(means['before'].min()):.0f} to {float(means['before'].max()):.0f}, after "
    f"three steps {float(means['after three steps'].min()):.0f} to {float(means['after three steps'].max()):.0f}; "
    f"{below:.0%} of the single adaptations end below random keys.",
    float(means["before"].max() - means["before"].min()) > 20
    and float(means["after three steps"].mean()) > float(means["before"].mean()) + 1,
)

# %% [markdown]
# At some angles the start is a good player, at −4, and at the opposite ones it walks away from every goal, at −43.
# $\theta$ is *one keyboard*, and the three steps turn it towards wherever the support set says. They do not always
# succeed: around 300° to 345°, where the start is worst, the mean reaches the level of random keys and not more. And 50
# random moves from two or three starting places are sometimes a poor sample, of which three steps have no second try.
#
# **What do the three steps read?** If they read the task off the support set, then a support set of *another* task must
# do harm: the network should walk in that task's directions. And of the own support set one may spoil one part at a
# time: shuffle the rewards over the transitions, or the next observations, or the actions. By (10.1) the target is $r +
# \gamma Q_\theta(s', a^*)$, so a move can be judged by its reward or by the value that $\theta$ gives to where it led.
# To tell *which source is used* from *which source is there*, two further learners were meta-trained: one whose inner
# loop has $\gamma = 0$ and so learns from **rewards alone inside**, and one with $\gamma = 0$ in both loops, **rewards
# alone**. Five networks of each; training, the first value of the rates and test tasks are the same.
#
# **Predict, then run.** (a) At which angle between the two tasks does the adapted network earn less than random keys
# do? (b) With γ = 0.95: which does more harm, shuffled rewards or shuffled next observations? (c) Do the learners with
# rewards alone adapt worse, as well, or better?
#
# *Your prediction:*

# %% tags=["hide-input"]
column = {name: k for k, name in enumerate(inner_targets.columns())}


def probe(kind, name, split="test"):
    """Mean return with its t interval over five networks."""
    return t_interval(probed.scores(kind)[:, SPLITS[split], column[name]])


KINDS = dict(zip(inner_targets.METHODS, ("γ = 0.95", "γ = 0 inside", "γ = 0"), strict=True))
WHAT = ("before", "50 own moves", "rewards shuffled", "next observations shuffled", "actions shuffled")
show_table(
    ["return on held-out angles after three steps on", *(f"{kind}: {words}" for kind, words in KINDS.items())],
    [(name, *(in_words(probe(kind, name), 1) for kind in KINDS)) for name in WHAT],
)
turned = ["50 own moves", *(name for name in column if "turned" in name)]
by_turn = {
    kind: np.stack([probed.scores(kind)[:, SPLITS["test"], column[name]] for name in turned], -1) for kind in KINDS
}
figures.whose_moves(
    (0, *inner_targets.Settings().turns),
    {f"{kind} ({words})": t_curves(by_turn[kind]) for kind, words in KINDS.items()},
    uniform,
)
difference = {
    kind: t_interval(
        (probed.scores(kind) - probed.scores(inner_targets.METHODS[0]))[:, SPLITS["test"], column["50 own moves"]]
    )
    for kind in inner_targets.METHODS[1:]
}
claim(
    "Return on the own moves, minus that with γ = 0.95: "
    + "; ".join(f"{KINDS[kind]} {in_words(value, 1, sign=True)}" for kind, value in difference.items())
    + ".",
    difference["rewards alone inside"].high < 0 and difference["rewards alone"].point < 0,
)
own_moves = column["50 own moves"]
again = inner_targets.probes(inner_targets.Trained(method, meta, training, env_steps), test)[:HALF, own_moves].mean()
row = float(probed.scores(inner_targets.METHODS[0])[SEED, SPLITS["test"], own_moves].mean())
claim(
    f"The network of section 1 is the first of the five: on its own moves it has {float(again):.1f} here and {row:.1f} "
    "in the table.",
    abs(float(again) - row) < 12,
)

# %% [markdown]
# (a) From about 90° on: there the adapted network earns what random keys earn, and with a half-turn, at −37, it walks
# away from every goal. It follows the support set wherever that points. This is the test to run on any method that
# claims to adapt: give it another task's data. A method that does not get worse was not adapting.
#
# (b) With γ = 0.95 shuffled rewards cost 1.2 points, shuffled next observations 9.0, and shuffled actions 9.2. The
# three steps read where each action *led*: $\theta$ knows, from all training tasks alike, that it is worth more to
# stand nearer to the goal, so the value of $s'$ says whether the key was a good one.
#
# (c) The rewards alone do hold the angle. With γ = 0 in both loops the steps read them: shuffled rewards cost 7.5
# points, and next observations, which that target does not contain, exactly nothing. But these networks earn 3.2 points
# less after the same training, and those with rewards alone *inside* 8.1 points less. Their support set hardly matters,
# whosever it is: −22.7 on the own moves, −23.7 on those of the opposite keyboard. They compare a single reward with
# predictions of a long discounted sum; whether that mismatch is the reason was not tried, nor another first value of
# the rates, which was chosen for γ = 0.95. So of two sources that both know the task, this training makes better use of
# the bootstrapped one.
#
# **How many moves?** The inner loop was trained with 50 transitions of keyboards that run anticlockwise. Fewer or more,
# on either kind of keyboard, for the five networks with γ = 0.95:

# %% tags=["hide-input"]
numbers = [f"{n} own moves" for n in inner_targets.Settings().moves]
of_moves = {s: [probe(inner_targets.METHODS[0], n, s) for n in numbers] for s in SPLITS}
show_table(
    ["random moves, then three steps", *(str(n) for n in inner_targets.Settings().moves)],
    [(words, *(in_words(value, 1) for value in of_moves[split]))
     for words, split in (("held-out angles", "test"), ("mirrored keyboard", "ood"))],
)  # fmt: skip
claim(
    "More moves than the steps were trained with help on both kinds of keyboard.",
    all(each[-1].point > each[2].point + 1 for each in of_moves.values()),
)


# %% [markdown]
# The inner loss is a mean, so that more data do not make the step longer, only less noisy. What has been learned holds,
# in part, whatever the order of the keys is. On the mirrored keyboard the same three steps need more moves for the same
# return.
#
# ## 9 Four other families
#
# The same protocol on the other families, five networks a method. The columns are those of section 2: in how many
# states tasks agree, and the gap between one pre-trained network and an informed one at step 0. Then comes who needs
# clearly fewer or more steps to the level than pre-training, and than a fresh network, by the t interval of the
# difference on held-out tasks. Appendix [10b](10b_five_families.ipynb) has the curves, the numbers, and the costs.

# %% tags=["hide-input"]
def verdict(problem, reference):
    """Who reaches the held-out level clearly sooner than the reference, and who later."""
    names = {m.split(": ")[1] for m in table.rows if m.startswith(problem + ":")}
    names -= {"informed", "fresh", "pre-training, forced to learn", reference}
    found = {name: lead(problem, name, reference, WIDTH) for name in sorted(names)}
    return [
        "; ".join(name for name, value in found.items() if side(value)) or "none"
        for side in (lambda value: value.high < 0, lambda value: value.low > 0)
    ]


say_of = {
    (problem, reference): verdict(problem, reference) for problem in FAMILIES for reference in ("pre-training", "fresh")
}
show_table(
    ["family", "tasks agree", "pre-trained, step 0", "informed",
     "sooner than pre-training", "later", "sooner than fresh", "later"],
    [
        (problem, f"{agree[problem]:.0%}",
         *(f"{scores(problem, name)[..., 0].mean():.1f}" for name in ("pre-training", "informed")),
         *say_of[problem, "pre-training"], *say_of[problem, "fresh"])
        for problem in FAMILIES
    ],
)  # fmt: skip
claim(
    "On physics nobody is clearly sooner than pre-training, and on the dense grid everybody who has learned before is "
    "later than fresh networks.",
    say_of["physics", "pre-training"][0] == "none" and "Reptile" in say_of["dense", "fresh"][1]
    and "Meta-SGD" in say_of["dense", "fresh"][1] and say_of["sparse", "fresh"][0] == "none",
)  # fmt: skip


# %% [markdown]
# - *Physics.* The pre-trained network plays well before the first step: 193 of 200. (08.17) is nearly zero, and there
#   is nothing to win: on training tasks its best choice was to learn nothing at all. There is something to lose.
#   *Forced* to learn, it falls to 144 within 50 steps and does not come back within 1,600. Whoever leaves the choice to
#   stay out of a comparison handicaps pre-training by its own strength. Meta-SGD stands at 10 before its inner steps
#   and at 60 after them, and has to rebuild what pre-training has from the first moment.
# - *Sign.* One bit is hidden, and a pole falls within ten steps if it is wrong. By their means Reptile and Meta-SGD
#   reach the level sooner than pre-training (135 and 205 steps against 234), but no difference is clear over five
#   networks: pre-training is a strong baseline. All of them are far ahead of fresh networks, with 965.
# - *Dense.* The fresh networks are first, with 128 steps, against *every* start that was trained on other tasks (162 to
#   240): **negative transfer**. Compared with pre-training alone, a meta-learned start could have looked like a
#   success; both baselines are needed. What was learned about a cell in training says where goals *were*, and test
#   goals are cells that were never a goal; whether this is the cause is the question of exercise 4.
# - *Sparse.* Before a goal has been met the return is zero for everybody. Against fresh networks nobody is clearly
#   sooner. A start that makes Q-values quick to change is no help while there is nothing to learn from. Chapter 11 lets
#   the agent *remember where it has been*.
#
# ## 10 Your own environments
#
# All families of this chapter are functions of tensors, for speed. No method asks for that: a list of functions that
# make ordinary Gymnasium environments is a family, too (appendix 02a). Here is an environment of your own, a corridor
# whose hidden number says at which end it pays to stand.

# %%
class Corridor(gymnasium.Env):
    """Walk to the left or to the right; a step pays the place times a hidden number."""

    observation_space, action_space = gymnasium.spaces.Box(-1, 1, (1,)), gymnasium.spaces.Discrete(2)

    def __init__(self, pay):
        self.pay = pay

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-0.5, 0.5, 1).astype(np.float32)
        return self.place.copy(), {}

    def step(self, action):
        self.place = np.clip(self.place + (0.25 if action else -0.25), -1, 1).astype(np.float32)
        return self.place.copy(), float(self.pay * self.place[0]), False, False, {}


# %% [markdown]
# And meta-training on six of them, then two new ones, in ten lines. `QReptile` in place of `QMAML` works as well.

# %%
pays = {"train": (-1.5, -1, -0.5, 0.5, 1, 1.5), "test": (-0.75, 0.75)}
corridors = {split: [functools.partial(Corridor, pay) for pay in numbers] for split, numbers in pays.items()}
with GymnasiumTasks(**corridors, horizon=12) as own:
    own_network = QNetwork(own.observation_space, own.action_space, (32,), seeded(0))
    learner = QMAML(own, own_network, discount=0.9, inner_lr=0.05, learned_rates=True)
    rough = learner.initial(stack_parameters([own_network.initial_parameters()]))
    outer, new = values.TrainConfig(iterations=20, meta_batch=6), NewTaskConfig(steps=50, checkpoints=(0, 50))
    found, _ = values.train(learner, rough, outer, seeded(1), tasks={"index": torch.arange(6)}, description="own")
    own_returns, _ = values.adaptation_curve(learner, found, {"index": torch.tensor([6, 7])}, new, seeded(2))

# %% tags=["hide-input"]
show_table(
    ["hidden number", "before", "after 50 random moves and three steps"],
    [(n, f"{a:.1f}", f"{b:.1f}") for n, (a, b) in zip(pays["test"], own_returns.tolist(), strict=True)],
)
claim(
    "Before adaptation one of the two tasks is lost; after it both ends are found.",
    float(own_returns[:, 0].min()) < 0 < 2 < float(own_returns[:, 1].min()),
)

# %% [markdown]
# Before adaptation the agent walks to one of the ends, as it must. Simulators run one after another, each step a call
# of Python, and their state cannot be saved. Where you can write the environment as functions of tensors, do.
#
# ## 11 What goes wrong in practice
#
# **One replay for all tasks.** The support set is drawn from a common buffer. Everything runs, shapes fit, the loss
# falls. **Evaluation on training tasks.** Twenty training tasks are few; how much of the return after adaptation is
# *knowing these twenty keyboards*?

# %%
angles = {name: value[:HALF] for name, value in test.items()}
of_angles = Transitions(*(value[:HALF] for value in moves))
order = torch.randperm(of_angles.rewards.numel(), generator=seeded(52))
mixed = Transitions(*(value.flatten(0, 1)[order].reshape(value.shape) for value in of_angles))
again = random_transitions(family, training, 50, seed=3)
three = {"own support": of_angles, "support from one buffer of all tasks": mixed, "training tasks, own support": again}
three = {
    n: greedy_return(method.adapt_to_support(meta, s), training if s is again else angles) for n, s in three.items()
}

# %% tags=["hide-input"]
show_table(
    ["return after three steps", "mean of twenty tasks"],
    [(name, f"{float(value.mean()):.1f}") for name, value in three.items()],
)
own_support, one_buffer, on_training = (float(value.mean()) for value in three.values())
claim("With one buffer for all tasks nothing of the adaptation is left.", one_buffer < own_support - 2)

# %% [markdown]
# The mixture describes no keyboard at all: each key leads everywhere on average, and the three steps leave the network
# worse than it began (−15.4). The sign of this bug in training is a meta-learner that comes out equal to pre-training.
# A replay buffer makes it easy, since it is *one* object in every implementation of DQN. The last row is the second
# question: if the training tasks earned much more than held-out ones, the difference would be flattery. They earn less,
# −11.5 against −8.3. The family has one parameter, twenty training angles on a circle leave gaps of 18° on average, and
# each support set is drawn anew. That had to be measured; it could not be known.
#
# **An inner step that is too large** for a squared TD error explodes, sometimes only after training has raised the
# curvature; appendix [10a](10a_where_gradients_stop.ipynb) shows it.
#
# ## 12 Two myths
#
# **"Meta-RL lifts DQN's limit of discrete actions."** DQN acts by $\arg\max_a Q_\theta(s, a)$ and learns from
# $\max_{a'} Q_\theta(s', a')$. Both maxima are found by enumeration: the network has one output per action. MAML,
# Reptile and Meta-SGD change the *numbers* in $\theta$, not the shape of the network, and not the two maxima. With $d$
# continuous action dimensions and $k$ values for each, the head has
#
# $$|\mathcal{A}| = k^d \tag{10.11}$$
#
# outputs, whatever $\theta$ it starts from. Seven joints with five torques each are a small robot arm, and already
# 78,125 outputs; a support set of 50 transitions has tried at most 0.06 % of them. Continuous actions are handled by a
# **policy** that outputs an action (chapters 04 and 08), or by an actor that learns the argmax (DDPG, Lillicrap et al.
# 2016). Meta-learning can be put on top of these as well. It answers another question: how fast, not over what.
#
# **"DQN with meta-RL": a softmax policy and `loss = -reward`.** Code of this shape circulates under that name. Run it.

# %%
policy_net = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8), torch.nn.Softmax(-1))
environments = task_sampler(family, select_tasks(training, [0]), 0)
probabilities = policy_net(environments.observation[0])
_, reward, *_ = environments.step(torch.multinomial(probabilities, 1, generator=seeded(42)))
try:
    (-reward.mean()).backward()
    refused = ""
except RuntimeError as error:
    refused = str(error).splitlines()[0]
tied = -(reward.mean() + 0 * probabilities.sum())  # a popular repair: "keep the graph alive"
tied.backward()

# %% tags=["hide-input"]
claim(
    f"`loss.backward()` is refused: *{refused}.* Tied to the graph by a term that is zero, it runs, and every gradient "
    "is exactly 0.",
    bool(refused) and all(bool((p.grad == 0).all()) for p in policy_net.parameters()),
)

# %% [markdown]
# The reward is a number that the environment returned. As a function of $\theta$ it is *constant*: $\theta$ changed the
# probability with which the action was drawn, and drawing has no derivative. No optimiser, inner or outer, moves. The
# score-function estimator (04.3) puts $\log \pi_\theta(a \mid s)$ in front,
#
# $$\nabla_\theta\, \mathbb{E}[r] = \mathbb{E}\big[ r\, \nabla_\theta \log \pi_\theta(a \mid s) \big], \tag{10.12}$$
#
# and makes it REINFORCE. It is still no DQN: there is no $Q$ that predicts a return, no target, no replay (it would be
# off-policy), no argmax. Ask any "meta-DQN": where is the Q-function, what is $y$, is it constant, and which task's
# transitions are in the buffer?
#
# ## 13 Check yourself
#
# Decide before you open an answer.
#
# **1.** In the inner loop you let the target network be $\theta^{(k)}$ itself, under a stop-gradient, instead of the
# frozen $\theta$. What changes? (A) It becomes the residual gradient. (B) It is another inner loop, still a
# semi-gradient. (C) Nothing, for $K = 3$.
#
# <details><summary>Answer to 1</summary>
#
# **B.** With a stop-gradient the derivative does not pass through $y$, so it is no residual gradient (A); but from the
# second step on the numbers differ, so (C) is true for $K = 1$ only.
# </details>
#
# **2.** Finite differences of the whole training procedure disagree with `QMAML`'s gradient. (A) There is a bug. (B)
# The two differ by the path through the inner targets. (C) Finite differences do not work with ReLU.
#
# <details><summary>Answer to 2</summary>
#
# **B**, equation (10.9). Section 5's finite differences agree with the derivative of the whole procedure. (A) would be
# the right suspicion if they still disagreed with the targets held. (C): kinks have measure zero.
# </details>
#
# **3.** Why does $y'$ of the outer loss come from an *adapted* target network? (A) For symmetry. (B) Because values of
# the next state depend on the task. (C) To have a gradient through it.
#
# <details><summary>Answer to 3</summary>
#
# **B.** An unadapted $Q_{\bar\theta}$ averages over tasks; the adapted network would be trained towards average values.
# (C) is excluded: $y'$ is constant. (A) is no reason.
# </details>
#
# **4.** Your meta-trained DQN reaches the level in 50 steps on CartPole with varying physics; a random initialisation
# needs 1,500. What has been shown? (A) That meta-learning works. (B) That training on other tasks helps; not that
# adaptation does. (C) That the inner steps work.
#
# <details><summary>Answer to 4</summary>
#
# **B.** Pre-training is missing from the comparison, and there it earns 193 of 200 before any step (section 9). (C)
# needs a support set of another task to be refuted or confirmed (section 8).
# </details>
#
# **5.** A colleague initialises the replay buffer of a new task with transitions from training tasks, "for stability".
# In which family is this *not* harmful? (A) Keys. (B) Hidden sign. (C) Physics.
#
# <details><summary>Answer to 5</summary>
#
# **C**, more or less: there the same transitions have nearly the same consequences in all tasks. In (A) and (B) they
# say of the new task what is false. (With a visible task, as for the informed network, sharing would be right
# everywhere.)
# </details>
#
# **6.** With a sparse reward you raise the inner steps from 3 to 30. (A) The goal is found sooner. (B) No effect until
# a reward has been seen. (C) It diverges.
#
# <details><summary>Answer to 6</summary>
#
# **B.** Support sets without a reward are the same for (nearly) all goals; what they exclude is where the goal is
# *not*, and three or thirty steps on zeros teach no search. (C) depends on $\alpha\lambda$, not on the number alone.
# </details>
#
# ## Exercises
#
# [exercises/10_meta_learning_a_dqn_exercises.ipynb](../exercises/10_meta_learning_a_dqn_exercises.ipynb): an inner step with a target that
# stays where it is, the meta-gradient of a linear Q-function by hand, a Reptile iteration with three silent bugs, and an
# experiment on negative transfer. About an hour and three quarters.
#
# ## Further reading
#
# - V. Mnih et al., *Human-level control through deep reinforcement learning*, Nature 518, 2015.
# - H. van Hasselt, A. Guez and D. Silver, *Deep reinforcement learning with double Q-learning*, 2016, arXiv:1509.06461.
# - L. Baird, *Residual algorithms: reinforcement learning with function approximation*, ICML 1995.
# - R. S. Sutton et al., *Fast gradient-descent methods for temporal-difference learning with linear function
#   approximation*, ICML 2009.
# - R. S. Sutton and A. G. Barto, *Reinforcement learning: an introduction*, second edition, 2018. Chapter 11.
# - C. Finn, P. Abbeel and S. Levine, *Model-agnostic meta-learning for fast adaptation of deep networks*, 2017,
#   arXiv:1703.03400.
# - A. Nichol, J. Achiam and J. Schulman, *On first-order meta-learning algorithms*, 2018, arXiv:1803.02999.
# - Z. Li, F. Zhou, F. Chen and H. Li, *Meta-SGD: Learning to learn quickly for few-shot learning*, 2017,
#   arXiv:1707.09835.
# - R. Fakoor, P. Chaudhari, S. Soatto and A. J. Smola, *Meta-Q-learning*, 2020, arXiv:1910.00125. Off-policy meta-RL
#   with a context variable, and a strong word for plain multi-task pre-training.
# - Z. Xu, H. van Hasselt and D. Silver, *Meta-gradient reinforcement learning*, 2018, arXiv:1805.09801. What is
#   meta-learned there is the target itself.
# - J. Oh et al., *Discovering reinforcement learning algorithms*, 2020, arXiv:2007.08794.
# - T. P. Lillicrap et al., *Continuous control with deep reinforcement learning*, 2016, arXiv:1509.02971.
#
# [Exercises](../exercises/10_meta_learning_a_dqn_exercises.ipynb) · previous: [09 The meta-policy gradient, done right](09_meta_policy_gradient.ipynb) · next: [11 Memory and context](11_memory_and_context.ipynb) · appendices: [10a Where the gradient stops](10a_where_gradients_stop.ipynb), [10b Five families, and what meta-training costs](10b_five_families.ipynb)
