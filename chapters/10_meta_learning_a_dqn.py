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
# - derive the meta-gradient through temporal-difference updates, and say which of three derivatives is meant
# - build MAML, Meta-SGD and Reptile over DQN, each with the replay, targets and exploration of its task
# - compare them with pre-training by steps to a level, in and out of distribution, and by what they cost
# - find out what a few inner steps have read in the support set
# - answer two common claims about DQN and meta-RL by a derivation and a measurement
#
# Before you start: chapter 03, [Value-based agents](03_value_based_agents.ipynb); chapter 06, [Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb).
#
# Reading: about 70 minutes. Running: at most 180 seconds and 1000 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/10_meta_learning_a_dqn_exercises.ipynb): about 75 minutes.

# %%
import dataclasses
import functools
import re
import time

import gymnasium
import numpy as np
import torch
from IPython.display import Markdown, display

from metarl_core import plotting
from metarl_core.agents import (
    OraclePolicy,
    QNetwork,
    ReplayBuffer,
    Transitions,
    UniformPolicy,
    VectorSampler,
    epsilon_greedy,
    mean_returns,
    train_dqn,
)
from metarl_core.evaluation import interquartile_mean, paired_difference, summarise_curves
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
from metarl_core.parameters import stack_parameters
from metarl_core.recipes import meta_dqn
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import CartPole, GymnasiumTasks, RotatedKeys, TaskVectorEnv, select_tasks
from metarl_core.tasks.controllers import cartpole_gains
from metarl_core.widgets import plot_greedy_moves, q_adaptation_explorer

begin()

# A committed table, five seeds a method, written by the script of the same name in experiments/.
table = load_table("meta_dqn")
settings = table.settings
POINTS, SEED, HALF = settings["checkpoints"], settings["seeds"][0], settings["test_tasks"] // 2
STYLE = {
    "MAML": plotting.METHOD_STYLE["MAML"],
    "FOMAML": (plotting.SKY, "v"),
    "MAML, larger α": (plotting.BLUE, ""),  # dashed
    "FOMAML, larger α": (plotting.SKY, ""),
    "Meta-SGD": (plotting.RED, "X"),
    "Reptile": ("#000000", "*"),
    "pre-training": plotting.METHOD_STYLE["pre-trained"],
    "pre-training, forced to learn": (plotting.ORANGE, ""),
    "fresh": plotting.METHOD_STYLE["random initialisation"],
    "informed": plotting.METHOD_STYLE["oracle"],
}


def say(text: str) -> None:
    """Show a sentence whose numbers were computed in this cell, with a proper minus sign."""
    display(Markdown(re.sub(r"(?<![\w-])-(?=\d)", "−", text)))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# %% [markdown]
# ## 1 Keys without labels
#
# A point stands in a square, and so does a goal, and the agent sees both. It has eight keys. Each moves the point by a
# fixed length in a direction of its own, 45° from the next. But the whole keyboard is turned by an angle that the agent
# is not told, another one in each task. The reward is minus the distance to the goal after the move; an episode ends
# at the goal, or after 25 moves. In one and the same observation each of the eight keys is right in some task.
#
# A learner gets **50 random moves** in a new task, two or three short episodes. Then its greedy policy is judged. We
# look at three Q-networks of one size: an untrained one; one that DQN (chapter 03) trained on twenty tasks at once,
# **pre-training**; and one that was **meta-trained** on the same twenty tasks (Meta-SGD through temporal-difference
# updates, which sections 3 to 5 derive and build). The first two take 50 gradient steps of DQN on the new transitions,
# at a learning rate that was chosen for this. The third takes the **three** gradient steps that it was trained for.
#
# The cell trains the second and the third (one to two minutes; read on).
#
# **Predict, then run.** (a) What does the pre-trained network do before it has seen anything of the new task: which key
# is best on average over all angles? (b) 50 random moves contain each key about six times. Is that enough for a
# network with thousands of parameters? (c) What will the meta-trained network do *before* adaptation?

# %%
family = RotatedKeys()
own = settings["problems"]["keys"]
recipe = meta_dqn.Settings()  # of the table's rows
dqn = recipe.dqn
network, untrained = meta_dqn.untrained(family, (SEED,), recipe)  # parameters with a leading axis of one run

began = time.perf_counter()
method, meta, _ = meta_dqn.trained("keys", "Meta-SGD", recipe, (SEED,))  # sections 4 and 5 take it apart
meta_seconds = time.perf_counter() - began

training = family.sample_tasks(recipe.tasks, seeded(SEED))  # the twenty tasks that it has just learned from
sampler = VectorSampler(TaskVectorEnv(family, recipe.tasks, training), learners=1)
pretrained, _ = train_dqn(
    network, untrained, sampler, recipe.pre_training, seeded(SEED), description="pre-training")
pre_seconds = time.perf_counter() - began - meta_seconds

# %%
# Twenty test tasks and twenty out of distribution: the tasks of the table, the same for all methods.
test = meta_dqn.held_out(family, recipe)
STARTS = {"untrained": untrained, "pre-training": pretrained, "Meta-SGD": method.start(meta)}
plain = meta_dqn.baseline(family, network, recipe)  # no meta-learner: DQN alone goes on from where it is put
new_task = meta_dqn.new_tasks("keys", recipe)
# Learning rate and burst were chosen on training tasks, as in the script.
meta_task, plain_task = (dataclasses.replace(new_task, lr=3e-3, burst=burst) for burst in (0, 50))


def after_random_moves(name, tasks, steps=own["learning_starts"], seed=3, support=None):
    """Parameters [task, ...] after learning from random moves in each task."""
    start = repeat_for_tasks(STARTS[name], family.check_tasks(tasks))
    support = random_transitions(family, tasks, steps, seed) if support is None else support
    if name == "Meta-SGD":
        return method.adapt_to_support(meta, support)
    return fine_tune(plain, start, support, plain_task, seeded(0))


def greedy_return(parameters, tasks, seed=4):
    """Mean return [task] of ten greedy episodes."""
    return mean_returns(family, tasks, network, parameters, 10, seeded(seed))


adapted = {name: after_random_moves(name, test) for name in STARTS}
before = {n: greedy_return(repeat_for_tasks(s, 2 * HALF), test) for n, s in STARTS.items()}
after = {name: greedy_return(parameters, test) for name, parameters in adapted.items()}
order = after["Meta-SGD"][:HALF].argsort()
shown = int(order[HALF // 2])  # the test task at the median of the meta-trained network
one = select_tasks(test, [shown])
figure, axes = plotting.figure(2, 3, width=10.6, height=7.4, sharex=True, sharey=True)
share = {}
for column, (name, start) in enumerate(STARTS.items()):
    for row, (parameters, returns) in enumerate(((start, before), (adapted[name], after))):
        panel = axes[row, column]
        picked = parameters if row == 0 else {n: value[shown : shown + 1] for n, value in parameters.items()}
        share[name, row] = plot_greedy_moves(panel, family, network, picked, one, (0.4, 0.3))
        value = f"{float(returns[name][shown]):.1f}".replace("-", "−")
        panel.set_title((f"{name}, before: " if row == 0 else "after 50 random moves: ") + value, fontsize=11)
        panel.set(xlabel="x" if row else "", ylabel="" if column else "y")
plotting.show(
    figure,
    "Greedy moves as arrows over the square in one held-out task, blue where they lead nearer to the goal, a star. Top "
    "row, before: in the fields of the untrained, the pre-trained and the meta-trained network many arrows are red. "
    "Bottom row, after 50 random moves: the untrained network is as before, the pre-trained one still has many red "
    "arrows, and nearly all arrows of the meta-trained one are blue and point towards the goal.",
)
uniform = mean_returns(family, test, UniformPolicy(family.action_space), {}, 100, seeded(5))
knowing = mean_returns(family, test, OraclePolicy(family, family.steering_action), test, 100, seeded(5))
say(
    "| mean return of 20 held-out tasks | before | after 50 random moves |\n|---|---|---|\n"
    + "\n".join(f"| {n} | {float(before[n][:HALF].mean()):.1f} | {float(after[n][:HALF].mean()):.1f} |" for n in STARTS)
    + f"\n\nUniformly random keys earn {float(uniform[:HALF].mean()):.1f}; a player who knows the angle earns "
    f"{float(knowing[:HALF].mean()):.1f}. Training took {meta_seconds:.0f} s (Meta-SGD) and {pre_seconds:.0f} s here."
)
assert after["Meta-SGD"][:HALF].mean() > after["pre-training"][:HALF].mean() + 2
assert after["Meta-SGD"][:HALF].mean() > before["Meta-SGD"][:HALF].mean() + 5

# %% [markdown]
# Blue arrows lead nearer to the goal, the star; orange ones do not. Three gradient steps on 50 random moves, and most
# of the field of arrows has turned towards the goal, also at places that the random moves never met. The pre-trained network has seen the same training tasks and takes many more steps on
# the same moves; they make it worse. Before adaptation *no* network can be good on average: all angles are equally
# likely, so what helps with one keyboard does harm with the opposite one. What the third network has learned is not a
# good policy. It is a place from which three steps lead to one. (What it does *at* that place is a surprise of section
# 8.)
#
# This chapter asks how such a network is made, when it can exist at all, and what it is not.
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
#    them. Then pre-training has solved the problem before it begins.
# 2. **Do a few transitions tell the tasks apart?** If random behaviour seldom meets anything that depends on the task,
#    there is nothing to adapt *to*, whatever the initialisation. Then exploration is the problem.
# 3. **Does what was learned in one place say something about others?** If not, each state has to be learned by itself,
#    and an initialisation cannot shorten that.
#
# The first two can be measured before any meta-training, and the third can be read off how observations are encoded.
# There are five families: the *keys*; CartPole with varying physics whose push has a *hidden sign*, and with *physics*
# alone; a hidden goal in a 9 × 9 grid with walls, with a *dense* reward (the distance) and a *sparse* one (1 at the
# goal). Draw two tasks at random and a state: how often is the best action of the one also best in the other? And in
# how many support sets of the sparse grid is there any reward at all?
#
# **Predict, then run.** Fill in the first column for all five families: about which share of states? (Eight keys; two
# pushes; four moves.)

# %%
FAMILIES = {name: meta_dqn.family_of(name) for name in meta_dqn.FAMILIES}


def best_actions(problem, tasks, generator):
    """The best action, or a strong reference's, of every task in the same 500 states, [task, state]."""
    problem, number = FAMILIES[problem], len(next(iter(tasks.values())))
    wide = {name: value[:, None].expand(-1, 500) for name, value in tasks.items()}
    if isinstance(problem, RotatedKeys):
        states = 2 * torch.rand(500, 4, generator=generator) - 1
        return problem.steering_action(states.expand(number, -1, -1), wide)
    if isinstance(problem, CartPole):
        gains = cartpole_gains({**tasks, "force": tasks["force"].abs()}) * tasks["force"].sign()[:, None]
        states = torch.tensor([1.0, 1.0, 0.15, 1.0]) * (2 * torch.rand(500, 4, generator=generator) - 1)
        return (gains @ states.T > 0).long()
    inside = torch.arange(81)[problem.distance[problem.start].isfinite()]
    cells = inside[torch.randint(len(inside), (500,), generator=generator)]
    return problem.optimal_action(cells.expand(number, -1), wide)


agree = {}
for problem in FAMILIES:
    actions = best_actions(problem, FAMILIES[problem].sample_tasks(200, seeded(8)), seeded(9))
    frequency = torch.nn.functional.one_hot(actions).double().mean(0)  # [state, action]
    agree[problem] = float(frequency.square().sum(-1).mean())
sparse, some_goals = FAMILIES["sparse"], FAMILIES["sparse"].sample_tasks(200, seeded(7))
walks = random_transitions(sparse, some_goals, settings["problems"]["sparse"]["learning_starts"])
seen = float((walks.rewards > 0).any(1).float().mean())
lines = ["| family | two tasks agree on the best action | actions |", "|---|---|---|"]
lines += [f"| {n} | {share_:.0%} of states | {int(FAMILIES[n].action_space.n)} |" for n, share_ in agree.items()]
say("\n".join(lines))
say(
    f"In the sparse grid {seen:.0%} of the support sets ({settings['problems']['sparse']['learning_starts']} random moves) "
    "contain a reward at all."
)
assert agree["physics"] > 0.85 and 0.4 < agree["sign"] < 0.6 and agree["keys"] < 0.25 and seen < 0.5

# %% [markdown]
# *Physics* alone fails the first test: the direction to push hardly depends on masses and lengths, as chapter 08 found
# for policy gradients. *Sign* is the same problem with one hidden bit, and the bit makes two tasks disagree half of the
# time. *Keys* disagree most. The grids disagree, too; but the *sparse* one fails the second test in most tasks, and
# about the third test the grids' observations are one-hot: a cell shares no input with its neighbour.
#
# So expect something on keys and sign, nothing on physics, and little on the grids. Sections 7 and 9 measure.
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
# Two questions decide what $y$ is.
#
# **Whose values does the target contain?** A target network that follows $\theta^{(k)}$ makes sense over thousands of
# updates. Over three it is a fixed copy: $\bar\theta = \theta$, the initialisation, frozen for the whole inner loop. So
# the few updates learn from two sources only: the rewards of the new task, and where its moves *led*, judged by values
# of $s'$ that $\theta$ brings along. With double Q-learning the online network still chooses $a^*$.
#
# **Does the derivative pass through it?** Chapter 03 said no, with an example of three states. The other answer is the
# **residual gradient** (Baird 1995),
#
# $$\theta \leftarrow \theta - \alpha\, \nabla_\theta\, \frac1n \sum \delta_\theta^2
# = \theta - \frac{2\alpha}{n} \sum \delta\, \big(\nabla_\theta\, y - \nabla_\theta Q_\theta(s, a)\big), \tag{10.3}$$
#
# a true gradient of a true loss. It is not a better TD, it is another algorithm with another limit. By (03.14) it
# minimises, over the states' distribution $\mu$,
#
# $$\sum_s \mu(s) \Big[ \big(\mathbb{E}[y \mid s] - V(s)\big)^2 + \operatorname{Var}[y \mid s] \Big]. \tag{10.4}$$
#
# **A chain small enough for exact answers.** Six states, a fixed policy, transition matrix $P$, rewards $\rho(s)$,
# $\gamma = 0.9$, a table of values $v$. Expected updates, all sums written out, nothing sampled: TD is
# $v \leftarrow v + \eta\, (\rho + \gamma P v - v)$, with the limit $(I - \gamma P)^{-1} \rho$. For the residual
# gradient with one sample let $\mu$ be uniform and write $B = I - \gamma P$. Given $s$, the mean error is
# $(\rho - B v)(s)$, and the variance of the target is $\gamma^2 \big[\sum_{s'} P(s'|s)\, v(s')^2 - (P v)(s)^2\big]$. So
# (10.4) is, up to a factor, $\lVert \rho - B v \rVert^2 + \gamma^2 \big[ \sum_{s, s'} P(s'|s)\, v(s')^2
# - \lVert P v \rVert^2 \big]$. Its gradient vanishes for
#
# $$\Big[ B^\top B + \gamma^2 \big(\operatorname{diag}(\mathbf{1}^\top P) - P^\top P\big) \Big]\, v
# = B^\top \rho. \tag{10.5}$$
#
# Without the second term the solution is that of TD. That term is the variance; it is zero exactly for a
# deterministic chain.
#
# **Predict, then run.** Three panels: a random chain; the same rewards on a deterministic cycle; and Baird's example
# (seven states, eight shared weights, updates at all states equally often while the policy goes to the seventh; all
# rewards and all true values are zero). In which of them does TD fail? In which the residual gradient?

# %%
gamma_chain, n_states = 0.9, 6
draw = seeded(11)
random_chain = torch.softmax(2 * torch.randn(n_states, n_states, generator=draw, dtype=torch.float64), 1)
cycle = torch.eye(n_states, dtype=torch.float64).roll(1, 1)
rho = torch.randn(n_states, generator=draw, dtype=torch.float64)
eye = torch.eye(n_states, dtype=torch.float64)


def limits(P):
    """True values, and the residual gradient's limit by (10.5)."""
    B = eye - gamma_chain * P
    variance = gamma_chain**2 * (torch.diag(P.sum(0)) - P.T @ P)
    return torch.linalg.solve(B, rho), torch.linalg.solve(B.T @ B + variance, B.T @ rho)


def expected_updates(P, rule, number=3000, rate=0.4):
    """Largest error of v after each expected update; the loss is enumerated over all pairs (s, s')."""
    v, truth, errors = torch.zeros(n_states, dtype=torch.float64), limits(P)[0], []
    for _ in range(number):
        errors.append(float((v - truth).abs().max()))
        leaf = v.clone().requires_grad_()
        y = rho[:, None] + gamma_chain * leaf[None, :]  # the target if s' follows, [s, s']
        y = y.detach() if rule == "TD" else y
        (slope,) = torch.autograd.grad(0.5 * (P * (y - leaf[:, None]).square()).sum(), leaf)
        v = v - rate * slope
    return errors, v


features = torch.zeros(7, 8, dtype=torch.float64)  # Baird's example in the form of Sutton and Barto (2018)
features[torch.arange(6), torch.arange(6)], features[:6, 7], features[6, 6], features[6, 7] = 2.0, 1.0, 1.0, 2.0


def baird(rule, number=1000, rate=0.02, discount=0.99):
    w, sizes = torch.tensor([1.0] * 6 + [10.0, 1.0], dtype=torch.float64), []
    for _ in range(number):
        delta = discount * features[6] @ w - features @ w  # every state leads to the seventh
        slope = -features if rule == "TD" else discount * features[6] - features
        w = w - rate * (delta[:, None] * slope).mean(0)
        sizes.append(float((features @ w).abs().max()))
    return sizes


figure, panels = plotting.figure(1, 3, width=11.6, height=3.9)
colors = {"TD": plotting.BLUE, "residual gradient": plotting.RED}
for panel, (title, P) in zip(panels, {"random chain": random_chain, "cycle": cycle}.items(), strict=False):
    truth, residual_limit = limits(P)
    for rule, color in colors.items():
        errors, v = expected_updates(P, rule)
        panel.plot(errors, color=color, label=rule)
        goal = truth if rule == "TD" else residual_limit
        assert (v - goal).abs().max() < 1e-2
    off = float((residual_limit - truth).abs().max())
    if off > 1e-6:
        panel.axhline(off, color="black", linestyle=":", label="limit by (10.5)")
        relative_error = off / float(truth.abs().max())
    panel.set(yscale="log", ylim=(1e-3, 10), xlabel="expected updates", title=title)
for rule, color in colors.items():
    panels[2].plot(baird(rule), color=color, label=rule)
panels[2].set(yscale="log", xlabel="expected updates", title="Baird's example", ylabel="largest |value|")
panels[0].set_ylabel("largest error")
panels[0].legend(fontsize=10)
plotting.show(
    figure,
    "Three panels on logarithmic axes. Random chain: the error of TD falls to zero, that of the residual gradient "
    "stays at a constant, the limit of the formula. Deterministic cycle: both fall, the residual gradient much more "
    "slowly. Baird's example: TD grows without bound, the residual gradient falls to a low level and stays near it.",
)
say(f"On the random chain the residual gradient ends with an error of {relative_error:.0%} of the largest value.")
grown, shrunk = baird("TD")[-1], baird("residual gradient")[-1]
assert grown > 100 and shrunk < 2 and relative_error > 0.1


# %% [markdown]
# Each panel has another winner. In a stochastic world the residual gradient is wrong in the limit, by the amount that
# (10.5) says, with endless data and a table. In a deterministic one both are right, and the residual gradient is slow:
# it descends on $(I - \gamma P)^\top (I - \gamma P)$, whose condition number is that of TD's matrix squared. In Baird's
# example, the deadly triad of section 4 of chapter 03, it is TD that explodes, and the true gradient of a true loss
# cannot. There is no free choice here: the literature of "gradient TD" (Sutton et al. 2009) wants both properties and
# pays with a second set of weights. DQN, and this chapter with it, stops the gradient and watches its values. (Even on
# its best example the residual gradient stands nearly still after a while: a common level of all values costs it next
# to nothing, $(1 - \gamma)^2$ per unit squared.)
#
# ## 4 The meta-gradient through TD updates
#
# Now several tasks. Support $D_{\mathcal{T}}$: 50 transitions of *random* behaviour, since this is what a new task
# offers before anything is known. Query $D'_{\mathcal{T}}$: transitions that the *adapted* network collected
# $\varepsilon$-greedily, from a replay buffer of this task. Both are off-policy, and Q-learning allows that (chapter
# 03): nothing has to be collected anew for each outer step. Here value-based meta-RL is cheaper than (08.2). Let
# $\theta'_{\mathcal{T}} = U(\theta; D_{\mathcal{T}})$ be the result of $K$ steps (10.2). The outer loss asks
# that the *adapted* network predicts well on the query:
#
# $$F(\theta) = \mathbb{E}_{\mathcal{T}} \Big[ \frac{1}{n'}
# \sum_{D'_{\mathcal{T}}} \big( y' - Q_{\theta'_{\mathcal{T}}}(s, a) \big)^2 \Big],
# \qquad y' = r + \gamma (1 - d)\, Q_{\bar\theta'_{\mathcal{T}}}(s', a^*), \tag{10.6}$$
#
# with $\bar\theta$ a slow copy of $\theta$, as in DQN, and
# $\bar\theta'_{\mathcal{T}} = U(\bar\theta; D_{\mathcal{T}})$: the target network adapts to the task as well. It must.
# The values of a new task are those of *its* keys, and an unadapted $Q_{\bar\theta}$ knows them only on average over
# tasks. $y'$ is constant, for the reasons of section 3.
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
# FOMAML leaves the factors out. Meta-SGD replaces $\alpha$ by a vector $\boldsymbol\alpha$ of $\theta$'s shape, and
# learns it by the derivative (06.16), here through all $K$ steps.
#
# **But the first target contains $\theta$, too.** $y = r + \gamma (1 - d)\, Q_\theta(s', a^*)$ at the start of the
# inner loop: the frozen copy *is* the initialisation. Whoever changes $\theta$ changes this $y$. The derivative of the
# whole procedure is therefore another one; each step contributes a term more,
# $\partial\theta^{(k+1)} / \partial y \cdot \partial y / \partial \theta$:
#
# $$\frac{d \theta^{(k+1)}}{d \theta} = (I - \alpha H_k)\, \frac{d \theta^{(k)}}{d \theta}
# + \frac{2 \alpha}{n} \sum_D \nabla Q_{\theta^{(k)}}(s, a)\;
# \gamma (1 - d)\, \nabla_\theta Q_\theta(s', a^*)^\top. \tag{10.9}$$
#
# So three derivatives can be meant by "MAML through TD updates":
#
# | | inner step | outer derivative |
# |---|---|---|
# | **frozen targets**, (10.8) | semi-gradient | targets are data |
# | **whole procedure**, (10.9) | semi-gradient | through the targets, too |
# | **residual** | gradient through the target, (10.3) | its derivative |
#
# `QMAML` computes the first. The second is what finite differences of the procedure see; it is no mistake to want it.
# The package leaves it out for the reason for which TD leaves out $\nabla y$: along this path $\theta$ can lower the
# outer loss by moving the *targets* of the inner loop to where the regression lands well, not by predicting better. It
# also costs a second backward pass through the network. The third belongs to an algorithm that section 3 has shown to
# be wrong in the limit. How far apart are they? Measure, do not guess.
#
# ## 5 Build it, check it, use it
#
# First from scratch, one task after another, in float64. `rule` says what happens to the inner targets.

# %%
def q_of(theta, batch):
    """Q(s, a) of the actions taken, [sample]."""
    return mlp(theta, batch.observations).gather(-1, batch.actions[:, None])[:, 0]


def td_target(theta, bar, batch, discount):
    """y of (10.1), [sample]: double Q-learning, nothing after a termination."""
    best = mlp(theta, batch.next_observations).argmax(-1, keepdim=True)
    going = (~batch.terminated).to(batch.rewards.dtype)  # discount · bool would be rounded to float32
    return batch.rewards + discount * going * mlp(bar, batch.next_observations).gather(-1, best)[:, 0]


def my_adapt(theta, batches, alpha, discount, rule="frozen", targets=None):
    """K steps (10.2) of one task; returns θ' and the targets it met. alpha: a number, or one tensor per parameter."""
    copy = {name: value.detach() for name, value in theta.items()} if rule == "frozen" else theta
    current, met = theta, []
    for k, batch in enumerate(batches):
        y = td_target(current, current if rule == "residual" else copy, batch, discount)
        y = targets[k] if targets is not None else y
        met.append(y.detach())
        predicted = q_of(current, batch)
        if rule == "residual":  # (10.3): also through y
            slopes = torch.autograd.grad((y - predicted).square().mean(), list(current.values()), create_graph=True)
        else:  # the semi-gradient: ∇Q weighted by −2δ/n, whatever y depends on
            weight = -2 * (y - predicted) / len(y)
            slopes = torch.autograd.grad(predicted, list(current.values()), weight, create_graph=True)
        rates = alpha.values() if isinstance(alpha, dict) else [alpha] * len(slopes)
        current = {n: p - a * s for (n, p), a, s in zip(current.items(), rates, slopes, strict=True)}
    return current, met


def my_outer_loss(theta, bar, tasks, alpha, discount, rule="frozen", targets=None, outer_targets=None):
    """(10.6), the mean over tasks; a task is its K support batches and its query."""
    losses, met, query_targets = [], [], []
    for number, (support, query) in enumerate(tasks):
        prime, seen = my_adapt(theta, support, alpha, discount, rule, targets and targets[number])
        bar_prime, _ = my_adapt(bar, support, alpha, discount, "residual" if rule == "residual" else "frozen")
        y = (outer_targets[number] if outer_targets else td_target(prime, bar_prime, query, discount)).detach()
        losses.append((y - q_of(prime, query)).square().mean())
        met.append(seen)
        query_targets.append(y)
    return torch.stack(losses).mean(), met, query_targets


# %% [markdown]
# Check against the package in float64: value and gradient, at the untrained network with one $\alpha$ for all
# parameters, and at the meta-trained one with its learned rates. Then the gradient against central finite differences
# of the loss *with all targets held*, and the other derivative against finite differences of the whole procedure.

# %%
def double(parameters):
    return {name: value.double() for name, value in parameters.items()}


def one_task(batch, index):
    return Transitions(
        *(v[index].double() if v.is_floating_point() and v.dtype != torch.bool else v[index] for v in batch)
    )


eight = select_tasks(training, list(range(8)))
support, query = (random_transitions(family, eight, n, seed) for n, seed in ((50, 12), (64, 13)))
batched = [Transitions(*(v.double() if v.is_floating_point() else v for v in b)) for b in (support, query)]
tasks = [([one_task(support, i)] * own["inner_steps"], one_task(query, i)) for i in range(8)]


def flat(values):
    return torch.cat([value.flatten() for value in values])


def gradient_of(loss, theta):
    return flat(torch.autograd.grad(loss, list(theta.values()), retain_graph=True))


GAMMA, STEPS = dqn.discount, own["inner_steps"]
bar = {name: (0.9 * value[0]).requires_grad_() for name, value in double(untrained).items()}  # any other network
cases = {"untrained, one α": method.initial(untrained), "meta-trained, its rates": meta}
rows, spread_of = [], {}
for name, both in cases.items():
    both = double(both)
    theta = {n: v[0].requires_grad_() for n, v in both.items() if not n.startswith("rate.")}
    rates = {n: both["rate." + n][0] for n in theta}
    loss, met, outer_targets = my_outer_loss(theta, bar, tasks, rates, GAMMA)
    mine = gradient_of(loss, theta)

    def package(first_order, theta=theta, rates=rates):
        given, other = ({n: v[None] for n, v in p.items()} for p in (theta, bar))
        rest = {"rate." + n: v[None] for n, v in rates.items()}
        learner = dataclasses.replace(method, first_order=first_order)
        found = learner.outer_loss(given | rest, other | rest, [batched[0]] * STEPS, batched[1])
        return found.mean()

    assert torch.allclose(package(False), loss, rtol=1e-10)
    assert torch.allclose(gradient_of(package(False), theta), mine, rtol=1e-6, atol=1e-9 * float(mine.norm()))
    moving, _, _ = my_outer_loss(theta, bar, tasks, rates, GAMMA, "moving")
    residual, _, _ = my_outer_loss(theta, bar, tasks, rates, GAMMA, "residual")
    found = {
        "frozen targets (the package)": mine,
        "FOMAML: no factors": gradient_of(package(True), theta),
        "whole procedure": gradient_of(moving, theta),
        "residual inner loop": gradient_of(residual, theta),
    }
    for seed in range(3):  # finite differences along three random directions
        draw = seeded(20 + seed)
        direction = {n: torch.randn(v.shape, generator=draw, dtype=v.dtype) for n, v in theta.items()}
        length = flat(direction.values()).norm()
        direction = {n: v / length for n, v in direction.items()}

        def slope(direction=direction, theta=theta, rates=rates, **held):
            ends = []
            for step in (1e-6, -1e-6):
                shifted = {n: (v + step * direction[n]).detach().requires_grad_() for n, v in theta.items()}
                ends.append(my_outer_loss(shifted, bar, tasks, rates, GAMMA, **held)[0].detach())
            return float((ends[0] - ends[1]) / 2e-6)

        along, whole = flat(direction.values()), found["whole procedure"]
        assert abs(slope(targets=met, outer_targets=outer_targets) - float(mine @ along)) < 1e-5 * float(mine.norm())
        assert abs(slope(outer_targets=outer_targets) - float(whole @ along)) < 1e-5 * float(whole.norm())
    for kind, gradient in found.items():
        cosine = float(torch.cosine_similarity(gradient, mine, dim=0))
        spread_of[name, kind] = float((gradient - mine).norm() / mine.norm())
        size = f"{spread_of[name, kind]:.0%}" if spread_of[name, kind] < 10 else "its inner loop diverges"
        rows.append(f"| {name} | {kind} | {cosine:.3f} | {size} |")
say("| θ | derivative | cosine to the package's | distance ÷ its length |\n|---|---|---|---|\n" + "\n".join(rows))
assert spread_of["meta-trained, its rates", "whole procedure"] > 2 * spread_of["untrained, one α", "whole procedure"]


# %% [markdown]
# The two finite differences agree with the two derivatives to five digits: "frozen targets" and "whole procedure" are
# both right, about two different functions. How far are they apart? Where training begins, hardly: the cosine is near
# one, and FOMAML is as good as either. Where Meta-SGD has arrived, they have little in common. The curvature has grown
# (section 13 measures it), so that the factors of (10.8) matter; values have grown, so that the path through the
# targets of (10.9) matters as much. The residual inner loop is another algorithm and goes its own way from the
# beginning; at rates that were learned for semi-gradients it has no use for, it need not even stay finite.
#
# So "the meta-gradient of a DQN" is not one thing. The package follows the first row throughout, and is honest about
# it: the second is the derivative of what is *run*. Which of them trains better is an empirical question that this
# course has not answered; all results below are for frozen targets.
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
# (The outer step size is written $\epsilon$, the share of random actions $\varepsilon$.) Every task begins with an
# empty buffer, a target network equal to $\theta$, a new optimiser, and $\varepsilon$ at its first value. None of this
# is decoration. A buffer with transitions of other tasks holds wrong rewards and wrong consequences; an $\varepsilon$
# that has fallen already never tries the keys; a target network lags behind the online one, and moving to *it* moves to
# the past. The exercises contain each of these bugs.
#
# **Build it.** One iteration, two tasks, with everything of DQN written out, and the same draws as the package.

# %%
def my_reptile_iteration(theta, number, config, outer_lr, generator, seed):
    """(10.10) for one run: theta {name: [1, ...]} moves towards the mean of `number` runs of DQN."""
    chosen_tasks = family.sample_tasks(number, generator)
    environments = task_sampler(family, chosen_tasks, seed)
    online = {n: value.repeat_interleave(number, 0).requires_grad_() for n, value in theta.items()}
    target = {n: value.detach().clone() for n, value in online.items()}  # new for every task,
    optimiser = torch.optim.Adam(online.values(), lr=config.lr)  # like the moments of Adam
    replay, first, last = ReplayBuffer(config.buffer_size, number), *config.exploration[:2]  # and the transitions
    for step in range(config.steps):
        epsilon = first + (last - first) * min(step / (config.exploration[2] * config.steps), 1)  # ε from its start
        seen = environments.observation
        action = epsilon_greedy(network, online, seen, epsilon, generator)
        following, reward, terminated, _, mask = environments.step(action)
        replay.add(Transitions(seen, action, reward, following, terminated), mask)
        optimiser.param_groups[0]["lr"] = config.lr * (1 - step / config.steps)
        if step + 1 <= config.learning_starts:
            continue
        s, a, r, after_, d = replay.sample(config.batch_size, generator)
        with torch.no_grad():
            best = mlp(online, after_).argmax(-1, keepdim=True)
            y = r + config.discount * (~d) * mlp(target, after_).gather(-1, best)[..., 0]
        loss = (mlp(online, s).gather(-1, a[..., None])[..., 0] - y).square().mean(1).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for n, value in target.items():
                value += config.tau * (online[n] - value)
    return {n: value + outer_lr * (online[n].detach().mean(0, keepdim=True) - value) for n, value in theta.items()}


short = dataclasses.replace(dqn, steps=150, learning_starts=50, max_grad_norm=float("inf"), exploration=(1.0, 0.1, 0.5))
mine = my_reptile_iteration(untrained, 2, short, 0.5, seeded(30), seed=0)
one_iteration = values.TrainConfig(iterations=1, meta_batch=2, outer_lr=0.5)
theirs, _ = values.train(QReptile(family, network, short), untrained, one_iteration, seeded(30), description="check")
moved = flat(theirs.values()) - flat(untrained.values())
apart = float((flat(mine.values()) - flat(theirs.values())).norm() / moved.norm())
say(f"After one iteration the two differ by {apart:.0e} of the way that they have gone.")
assert apart < 1e-3

# %% [markdown]
# What Reptile optimises here is less clear than in chapter 06. Its Taylor expansion assumed gradient steps on one fixed
# loss per task. A run of DQN changes its data, its targets and its $\varepsilon$ on the way. What remains is the
# picture: $\theta$ goes to a place that is near, in parameters, to where the runs end.
#
# ## 7 The experiment: held-out keys
#
# The table was made by `experiments/meta_dqn.py`. Each method is trained with five seeds and then learns the same 20
# test tasks and 20 tasks **out of distribution** (the keyboard is mirrored: keys run clockwise, which no training task
# has). In a new task all methods do the same: 50 random steps, then DQN, one update per step, $\varepsilon$ from 0.3 to
# 0.05. MAML and its kin first take their three inner steps on the 50 transitions and go on from there. The learning
# rate in the new task (zero among the choices: stay as you are), and whether DQN begins with a burst of 50 updates,
# were chosen *for each method* on training tasks. "Informed" is one network that is told the task, trained on 400 tasks
# of both kinds: it learns nothing new, and marks what a Q-network of this size can do once it is told.
#
# Live, beside the table: the two networks of section 1 now learn the 40 tasks for 1,600 steps each. The Meta-SGD of
# section 1 *is* seed 0 of the table (its seeds are trained one by one for this purpose), and the cell insists on it.
# The other methods of the table train their seeds in one batch, with other draws: the live pre-training is a sixth
# seed.
#
# **Predict, then run.** (a) A new run of DQN needs how many steps for this? (b) Meta-SGD starts far ahead. Is it still
# ahead after 800 steps? (c) On the mirrored keyboard, will the meta-trained network be worse than a fresh one, equal,
# or better?

# %%
live = {}
for name, learner, start, config in (
    ("Meta-SGD", method, meta, meta_task), ("pre-training", plain, pretrained, plain_task)
):  # fmt: skip
    live[name], _ = values.adaptation_curve(
        learner, start, test, config, seeded(settings["test_seed"]), seed=settings["test_seed"], description=name
    )

# %%
TOLERANCE = 3.0  # points of return, on a scale from −30 to −3: another machine rounds differently
WIDTH = len(POINTS)


def scores(problem, name, split="test"):
    """[seed, task, column] of the table."""
    part = slice(0, HALF) if split == "test" else slice(HALF, None)
    return table.scores(f"{problem}: {name}")[:, part]


returns_only = dataclasses.replace(
    table, rows={m: {s: np.array(r)[:, :WIDTH] for s, r in by_seed.items()} for m, by_seed in table.rows.items()}
)
difference = returns_only.check_agreement("keys: Meta-SGD", SEED, live["Meta-SGD"].numpy(), TOLERANCE)
say(
    f"Largest difference between the live Meta-SGD and its row, in mean over tasks: {difference:.2f}. At 400 steps the "
    f"live pre-training has {float(live['pre-training'][:HALF, POINTS.index(400)].mean()):.1f}; those of the table "
    + ", ".join(f"{v:.1f}" for v in scores("keys", "pre-training")[..., POINTS.index(400)].mean(1))
    + "."
)


def names_of(problem):
    return [m.split(": ")[1] for m in table.rows if m.startswith(problem + ":")]


def draw_curves(panel, problem, split):
    """Interquartile means with intervals against steps; the checkpoint 0 stands at 25."""
    x = np.maximum(POINTS, 25)
    for name in names_of(problem):
        color, marker = STYLE[name]
        curve = summarise_curves(scores(problem, name, split)[..., :WIDTH], resamples=300)
        if name == "informed":
            panel.axhline(curve.point[0], color=color, linestyle="--", linewidth=1.4, label=name)
            continue
        look = {"marker": marker, "markersize": 5} if marker else {"linestyle": "--"}
        panel.plot(x, curve.point, color=color, label=name, linewidth=1.6, **look)
        panel.fill_between(x, curve.low, curve.high, color=color, alpha=0.18, linewidth=0)
    panel.axvline(settings["problems"][problem]["learning_starts"], color="black", linestyle=":", linewidth=1)
    panel.set(xscale="log")
    panel.set_xticks([25, 50, 100, 200, 400, 800, 1600], ["0", "50", "100", "200", "400", "800", "1600"])
    panel.minorticks_off()


figure, panels = plotting.figure(1, 2, width=11.6, height=4.8, sharey=True)
for panel, split, title in zip(panels, ("test", "ood"), ("held-out angles", "mirrored keyboard"), strict=True):
    draw_curves(panel, "keys", split)
    part = slice(0, HALF) if split == "test" else slice(HALF, None)
    panel.plot(np.maximum(POINTS, 25), live["Meta-SGD"][part].mean(0), "k:", linewidth=1.6, label="Meta-SGD, live")
    panel.set(xlabel="environment steps in the new task", title=title)
panels[0].set_ylabel("return of the greedy policy")
panels[1].legend(fontsize=8.5, loc="lower right")
plotting.show(
    figure,
    "Return of the greedy policy against environment steps in a new task, for all methods on the keys, left for "
    "held-out angles, right for the mirrored keyboard. Left: after the fifty random steps Meta-SGD lies far above "
    "all others and stays ahead for a few hundred steps; fresh networks need longest. Right: all start far below the "
    "level of random keys, Meta-SGD gains little by its three steps, and then rises fastest.",
)


# %%
def level_table(problem):
    """Steps and episodes to the level, in and out of distribution: interquartile mean with interval over seeds."""
    lines = [
        "| to the level | steps, test | episodes, test | steps, out of distribution | episodes |",
        "|---|---|---|---|---|",
    ]
    for name in names_of(problem):
        if name == "informed":
            continue
        cells = []
        for split in ("test", "ood"):
            for column in (WIDTH, WIDTH + 1):
                curve = summarise_curves(scores(problem, name, split)[..., column : column + 1], resamples=500)
                cells.append(f"{curve.point[0]:.0f} [{curve.low[0]:.0f}, {curve.high[0]:.0f}]")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def gap(problem, name, reference, column, split="test"):
    """Paired difference on the same tasks, and in words."""
    pair = [scores(problem, n, split)[..., column] for n in (name, reference)]
    found = paired_difference(*pair, resamples=1000)
    word = "higher" if found.low > 0 else "lower" if found.high < 0 else "not to be told apart"
    return found, f"{found.point:+.1f} [{found.low:+.1f}, {found.high:+.1f}], {word}"


def against_pretraining(problem, split="test", points=(100, 200, 400, 800)):
    lines = [
        f"| return minus pre-training, {split} | "
        + " | ".join(f"{p} steps" for p in points)
        + " | steps to the level |",
        "|---" * (len(points) + 2) + "|",
    ]
    for name in names_of(problem):
        if name in ("informed", "pre-training"):
            continue
        cells = [gap(problem, name, "pre-training", POINTS.index(p), split)[1] for p in points]
        lines.append(f"| {name} | " + " | ".join([*cells, gap(problem, name, "pre-training", WIDTH, split)[1]]) + " |")
    return "\n".join(lines)


say(level_table("keys"))
say(against_pretraining("keys") + "\n\nWhere the level is not reached, 1,600 steps are counted.")
say(against_pretraining("keys", "ood"))
say(
    "Interquartile means at 80 / 150 / 400 steps: "
    + "; ".join(
        f"{n} "
        + " / ".join(f"{interquartile_mean(scores('keys', n)[..., POINTS.index(p)]):.1f}" for p in (80, 150, 400))
        for n in names_of("keys")
        if n != "informed"
    )
    + "."
)
early, late = POINTS.index(100), POINTS.index(800)
assert gap("keys", "Meta-SGD", "pre-training", early)[0].low > 0
assert gap("keys", "Meta-SGD", "pre-training", WIDTH)[0].high < 0
assert gap("keys", "Meta-SGD", "fresh", WIDTH)[0].high < 0
assert gap("keys", "Meta-SGD", "MAML", early)[0].low > 0
assert (
    gap("keys", "Meta-SGD", "MAML", WIDTH)[0].high < 0
    and gap("keys", "FOMAML, larger α", "MAML, larger α", WIDTH)[0].high < 0
)
assert gap("keys", "MAML, larger α", "MAML", WIDTH)[0].low > 0 > gap("keys", "Reptile", "pre-training", WIDTH)[0].high
ood_50 = {n: scores("keys", n, "ood")[..., POINTS.index(50)].mean() for n in ("Meta-SGD", "fresh")}
assert ood_50["Meta-SGD"] < scores("keys", "Meta-SGD")[..., POINTS.index(50)].mean() - 5

# %% [markdown]
# Lines are interquartile means, bands 95 % intervals over seeds; the vertical line marks the end of the random moves, and
# the initialisation stands at the left edge of the logarithmic axis.
#
# **Interpretation.**
#
# 1. *Learned rates lead.* Meta-SGD is ahead of everyone over the first hundred steps and needs about half as many to
#    the level as MAML with one $\alpha$. A fixed $\alpha$ has to be small enough for the direction in which the loss is
#    steepest (section 13), and is then too small for the others. The table has two values of it: with the threefold
#    $\alpha$ MAML gets *worse*. FOMAML, whose outer gradient does not pass through the factors of (10.8), bears it
#    better. So before believing that exact factors must help, compare the two at the same $\alpha$. Chapter 08 found
#    MAML and Meta-SGD nearly equal; there, normalised advantages (08.6) made one $\alpha$ fit. A TD error has no such
#    normalisation.
# 2. *Reptile needs DQN's own steps to unfold.* It was trained for what a run of DQN makes of it, so its 50 random steps
#    bring little at first, and a hundred steps later it is beside Meta-SGD. It has seen more environment steps in
#    training (section 10) and no second derivative.
# 3. *Pre-training is not useless.* It has learned what distance and position have to do with value, and no angle.
#    Compare it with fresh networks in the table of steps. (Where a curve is flat up to step 50, the choice on training
#    tasks was to begin without a burst.)
# 4. *The lead is a lead in time, not in the end.* After some hundred steps DQN gets everyone there. If a task lasts for
#    a thousand steps anyway, count the area between the curves, not the first point.
# 5. *Out of distribution* no training task had a mirrored keyboard, and with 50 moves the three inner steps do less
#    there (compare the panels at step 50). DQN, going on from there, is nearly as fast as in distribution: the third
#    table says by how much. So what was learned cannot be a list of prepared keyboards alone. Section 8 takes this
#    further.
#
# ## 8 What has been learned?
#
# **The rates.** Meta-SGD began with one $\alpha$ for all 5,000 parameters.

# %%
lines = ["| rates of | mean | smallest | largest | negative |", "|---|---|---|---|---|"]
for name, value in rates.items():
    lines.append(
        f"| {name} | {float(value.mean()):.3f} | {float(value.min()):.3f} | {float(value.max()):.3f} | "
        f"{float((value < 0).double().mean()):.0%} |"
    )
count = sum(value.numel() for value in rates.values())  # `rates` are those of the last case above: of Meta-SGD
mean_rate = float(flat(rates.values()).mean())
say("\n".join(lines) + f"\n\nAll {count:,} began at {own['inner_lr']:g}; their mean is now {mean_rate:.3f}.")

# %% [markdown]
# The rates have spread over both signs, as in chapter 06, and their mean says little. A negative rate makes the
# network *worse* on the support set along one coordinate, and better on the query.
#
# **The start, and whose transitions.** Two probes. First, the return over the angle of the keys, before and after the
# three steps, with five support sets (the points) for each angle. Second: if the three steps really read the task off
# the support set, a support set of *another* task must do harm, and in a particular way: the network should walk in
# that task's directions. Beside it, the own support set with its rewards shuffled over the transitions, and with its
# actions shuffled.
#
# **Predict, then run.** (a) Before adaptation: is the return about equal at all angles? (b) At which angle between the
# two tasks does the adapted network earn less than random keys do? (c) Rewards shuffled, actions shuffled: which of the
# two is worse? The reward is what the task is about.

# %%
degrees = torch.arange(0, 360, 15.0)
circle = {"angle": torch.deg2rad(degrees).repeat(5), "order": torch.ones(5 * len(degrees))}  # five support sets each
around = {
    "before": greedy_return(repeat_for_tasks(STARTS["Meta-SGD"], 5 * len(degrees)), circle),
    "after 3 steps": greedy_return(after_random_moves("Meta-SGD", circle), circle),
    "pre-training, before": greedy_return(repeat_for_tasks(pretrained, 5 * len(degrees)), circle),
}
single = around["after 3 steps"]
around = {name: values.reshape(5, -1).mean(0) for name, values in around.items()}
turns = (0, 45, 90, 135, 180)
angles = {name: value[:HALF] for name, value in test.items()}


def return_with(support):
    """Mean return on the test tasks after the three steps on given transitions."""
    return float(greedy_return(after_random_moves("Meta-SGD", angles, support=support), angles).mean())


by_turn = []
for turn in turns:
    other_task = {**angles, "angle": angles["angle"] + np.deg2rad(turn)}
    by_turn.append(return_with(random_transitions(family, other_task, own["learning_starts"], 3)))
own_support = random_transitions(family, angles, own["learning_starts"], 3)
permutation = torch.randperm(own_support.rewards.shape[1], generator=seeded(6))
without = {
    "rewards shuffled": return_with(own_support._replace(rewards=own_support.rewards[:, permutation])),
    "actions shuffled": return_with(own_support._replace(actions=own_support.actions[:, permutation])),
}
figure, (left, right) = plotting.figure(1, 2, width=11.4, height=4.0, sharey=True)
left.plot(degrees.repeat(5), single, ".", color=plotting.RED, alpha=0.35, markersize=5)
left.plot(degrees, around["after 3 steps"], color=plotting.RED, label="Meta-SGD, after three steps")
left.plot(degrees, around["before"], "--", color=plotting.RED, label="Meta-SGD, before")
left.plot(degrees, around["pre-training, before"], "--", color=plotting.ORANGE, label="pre-training, before")
left.set(xlabel="angle of the keys, degrees", ylabel="return", xticks=range(0, 361, 60), ylim=(-56, 0))
left.legend(fontsize=9, loc="lower left")
right.plot(turns, by_turn, marker="X", color=plotting.RED, label="three steps on another task's moves")
looks = {"rewards shuffled": (plotting.ORANGE, "-."), "actions shuffled": (plotting.PURPLE, "--")}
for name, (color, dash) in looks.items():
    right.axhline(without[name], color=color, linestyle=dash, label=f"own moves, {name}")
right.axhline(float(uniform[:HALF].mean()), color=plotting.GREY, linestyle=":", label="random keys")
right.set(xlabel="angle between the two tasks, degrees", xticks=turns)
right.legend(fontsize=9, loc="lower left")
plotting.show(
    figure,
    "Left: return against the angle of the keys, points for single support sets, lines for means. Before adaptation "
    "the meta-trained network is good at some angles and far below random at the opposite ones; after three steps its "
    "mean return is high at nearly all angles; the pre-trained one varies less. Right: return after three steps on "
    "another task's moves against the angle between the tasks: it falls from the level of the own moves to far below "
    "random keys at 180 degrees. Shuffled rewards cost little, shuffled actions much.",
)
say(
    f"Before adaptation the means span {float(around['before'].min()):.1f} to {float(around['before'].max()):.1f}, "
    f"after three steps {float(around['after 3 steps'].min()):.1f} to {float(around['after 3 steps'].max()):.1f}; "
    f"{float((single < uniform[:HALF].mean()).double().mean()):.0%} of the single adaptations end below random keys. "
    f"Own support {by_turn[0]:.1f}, rewards shuffled {without['rewards shuffled']:.1f}, actions shuffled "
    f"{without['actions shuffled']:.1f}, random keys {float(uniform[:HALF].mean()):.1f}."
)
assert by_turn[0] > by_turn[2] + 4 and by_turn[-1] < float(uniform[:HALF].mean())
assert float(around["after 3 steps"].mean()) > float(around["before"].mean()) + 5
assert without["actions shuffled"] < without["rewards shuffled"] - 5 and without["rewards shuffled"] > by_turn[0] - 5

# %% [markdown]
# (a) Not at all. At some angles the start is a nearly perfect player, at the opposite ones it walks away from every
# goal. $\theta$ is *one keyboard*, and the three steps turn it to wherever the support set says. Averaged over angles
# this start is no better than it must be. Pre-training, too, prefers some keyboards, less sharply. What differs is what
# the steps make of it. And they do not always succeed: single points lie far below the line. 50 random moves from two
# or three starting places are sometimes a poor sample, and three steps have no second try.
#
# (b) It follows the support set wherever that points: with a half-turn it walks away from every goal, with conviction.
# This is the test to run on any method that claims to adapt: give it another task's data. A method that does not get
# worse was not adapting.
#
# (c) Shuffled *rewards* cost little, and shuffled *actions* cost everything. The adaptation does not live on rewards.
# By (10.1) the target is $r + \gamma Q_\theta(s', a^*)$, and $\theta$ knows, from all training tasks alike, that it is
# worth more to stand nearer to the goal: the value of $s'$ says whether the key was a good one. So the bootstrapped
# half of the target carries the task here. Had the inner loop used rewards alone ($\gamma = 0$), it would have thrown
# away its best source.
#
# **How many moves?** The inner loop was trained on 50 transitions of keyboards that run anticlockwise. Give it fewer or
# more, on either kind of keyboard; means over three support sets.
#
# **Predict:** will 200 moves help a network whose step sizes were learned for 50, or overshoot? And on the mirrored
# keyboard?

# %%
moves = (10, 25, 50, 100, 200)
by_moves = {}
for split, part in (("held-out angles", slice(0, HALF)), ("mirrored keyboard", slice(HALF, None))):
    chosen_tasks = {name: value[part] for name, value in test.items()}
    by_moves[split] = [
        float(
            torch.stack(
                [
                    greedy_return(after_random_moves("Meta-SGD", chosen_tasks, number, support_seed), chosen_tasks)
                    for support_seed in (3, 5, 7)
                ]
            ).mean()
        )
        for number in moves
    ]
say(
    "| random moves, then three steps | " + " | ".join(map(str, moves)) + " |\n" + "|---" * (len(moves) + 1) + "|\n"
    + "\n".join(f"| {split} | " + " | ".join(f"{v:.1f}" for v in values) + " |" for split, values in by_moves.items())
)  # fmt: skip
assert all(values[-1] > values[2] + 1 for values in by_moves.values()) and by_moves["mirrored keyboard"][-1] > -12

# %% [markdown]
# More moves help, beyond what the steps were trained for: the inner loss is a mean, so that more data do not make the
# step longer, only less noisy. And with 200 moves the *same three steps* play the mirrored keyboard nearly as well as
# the others. What has been learned is, to a good part, a rule that does not ask in which order the keys stand: raise
# the value of a key in the direction in which it led. It needs more moves there, because nothing that is prepared
# helps.
#
# ## 9 Four other families
#
# Same protocol, other tasks. On CartPole with the hidden *sign* the level is three quarters of the way from random to
# the maximum of 200; out of distribution the physics lie outside of the training range.
#
# **Predict, then run.** Section 2 gave you the means: on which of the four does meta-learning beat pre-training?

# %%
figure, axes = plotting.figure(2, 2, width=11.6, height=8.0)
TITLES = {
    "sign": "CartPole, hidden sign",
    "physics": "CartPole, varying physics",
    "dense": "hidden goal, dense reward",
    "sparse": "hidden goal, sparse reward",
}
for panel, (problem, title) in zip(axes.flat, TITLES.items(), strict=True):
    draw_curves(panel, problem, "test")
    panel.set_title(title)
    panel.legend(fontsize=8.5, loc="lower right", ncols=2 if problem == "physics" else 1)
axes[0, 1].set_ylim(-45, 208)  # room for the legend
for panel in axes[1]:
    panel.set_xlabel("environment steps in the new task")
for panel in axes[:, 0]:
    panel.set_ylabel("return of the greedy policy")
plotting.show(
    figure,
    "Return against environment steps in a held-out task for four families. Hidden sign: meta-learned and pre-trained "
    "networks rise well before fresh ones. Varying physics: pre-training is near the maximum from the start. "
    "Dense grid: fresh networks rise soonest. Sparse grid: all curves stay at zero for about a hundred steps, and "
    "rise together.",
)

# %%
for problem, title in TITLES.items():
    say(f"**{title}**\n\n" + level_table(problem))
    say(against_pretraining(problem))


def verdict(problem, reference):
    """Who reaches the held-out level clearly sooner than the reference, who later, and who cannot be told apart."""
    left_out = ("informed", "fresh", "pre-training, forced to learn", reference)
    found = {n: gap(problem, n, reference, WIDTH)[0] for n in names_of(problem) if n not in left_out}
    sooner = [n for n, interval in found.items() if interval.high < 0]
    later = [n for n, interval in found.items() if interval.low > 0]
    return [*("; ".join(names) or "none" for names in (sooner, [n for n in found if n not in sooner + later], later))]


verdicts = {
    reference: [
        f"| against {reference}: {problem} | {agree[problem]:.0%} | "
        + " | ".join(f"{scores(problem, n)[..., 0].mean():.1f}" for n in ("fresh", "pre-training", "informed"))
        + " | " + " | ".join(verdict(problem, reference)) + " |"
        for problem in FAMILIES
    ]
    for reference in ("pre-training", "fresh")
}  # fmt: skip
pole = {n: [scores("physics", n)[..., k].mean() for k in (0, 1)] for n in names_of("physics")}
say(
    "Physics, mean return at step 0 and at step 50: "
    + "; ".join(f"{n} {first:.0f} and {second:.0f}" for n, (first, second) in pole.items())
    + "."
)
forced = pole["pre-training, forced to learn"]
jump = [scores("sign", "Meta-SGD")[..., k].mean() for k in (0, 1)]
steps_ = {split: gap("sign", "Reptile", "pre-training", WIDTH, split)[0] for split in ("test", "ood")}
assert jump[1] > jump[0] + 30 and steps_["test"].high < 0 < steps_["ood"].point
assert scores("physics", "Reptile", "ood")[..., WIDTH].mean() > 1000
assert pole["pre-training"][0] > 170 > pole["Meta-SGD"][1] and forced[1] < forced[0] - 20
assert scores("physics", "pre-training, forced to learn")[..., WIDTH - 1].mean() < forced[0] - 5
for reference, lines in verdicts.items():
    say(
        "| steps to the level | tasks agree | return at step 0: fresh | pre-trained | informed | clearly sooner than "
        f"{reference} | not told apart | clearly later |\n|---|---|---|---|---|---|---|---|\n" + "\n".join(lines)
    )
for split in ("test", "ood"):  # on the dense grid whoever has learned before is later than who has not
    assert all(gap("dense", n, "fresh", WIDTH, split)[0].low > 0 for n in ("Meta-SGD", "Reptile", "pre-training"))
assert verdict("sparse", "fresh")[0] == "none"  # and on the sparse one nobody is sooner

# %% [markdown]
# Read the last two tables from left to right: the share of states in which tasks agree, the gap between the best single
# network and an informed one, and then who won, against pre-training and against fresh networks. The verdict is that of
# the paired interval over five seeds, on steps to the level, held-out tasks.
#
# - *Physics.* The pre-trained network plays well before the first step. (08.17) is nearly zero, and there is nothing to
#   win: on training tasks its best choice was to learn nothing at all, hence the flat line. There is something to lose.
#   *Forced* to learn (the dashed line), it falls within 50 steps: updates on a few transitions of one task spoil a good
#   network, and it does not come back within the steps shown. Whoever leaves this choice out of a comparison handicaps
#   pre-training by its own strength. But the choice is made on training tasks, and Reptile, which also chose to stay as
#   it is, does not reach the level out of distribution, where it would have had to learn. Meta-SGD's start is poor
#   before its inner steps, by construction, and has to rebuild what pre-training has from the first moment.
# - *Sign.* One bit is hidden, and a pole falls within ten steps if it is wrong. Reptile is clearly sooner than
#   pre-training; Meta-SGD jumps at step 50, by its three inner steps, and its lead in steps to the level is within the
#   noise. Pre-training is a strong baseline here: a fall is a large and early signal, and DQN reads one bit quickly
#   from any start that knows what balancing is. Outside of the training range of *physics* the order turns round
#   (compare the columns): what was tuned to one range of pushes pays for it.
# - *Dense.* The fresh networks win, clearly, in and out of distribution, against *every* start that was trained on
#   other tasks. Compared with pre-training alone, the meta-learned starts would have looked like a success: both
#   baselines are needed. The likely reason: what is learned about a cell in training says where goals *were*; test
#   goals are cells that were never a goal. One-hot inputs give a cell nothing in common with its neighbour but the
#   layers above. So there is little to carry over but a prejudice, and the prejudice has to be unlearned before the new
#   goal is believed: **negative transfer**. A random start has none, and the distance as reward leads it quickly.
# - *Sparse.* The return before a goal has been met is zero for everybody, and all curves wait for that. Against fresh
#   networks nobody is clearly sooner. An initialisation that makes Q-values quick to change is no help while there is
#   nothing to learn from, and one that prefers certain ways searches less evenly than one that knows nothing. Chapter
#   11 lets the agent *remember where it has been*.
#
# A word on "informed": it shows what being told is worth at step 0. It learns nothing afterwards, so it is no upper
# bound for those who go on learning a single task for 1,600 steps.
#
# ## 10 What it costs

# %%
lines = [
    "| keys | environment steps of meta-training | seconds per seed | steps to the level, test |",
    "|---|---|---|---|",
]
for name in names_of("keys"):
    rows_ = scores("keys", name)
    first = f"{interquartile_mean(rows_[..., WIDTH]):.0f}" if name != "informed" else "–"
    lines.append(f"| {name} | {rows_[0, 0, -2]:,.0f} | {rows_[..., -1].mean():.0f} | {first} |")
say("\n".join(lines))
spent = scores("keys", "Meta-SGD")[0, 0, -2]
saved = scores("keys", "fresh")[..., WIDTH].mean() - scores("keys", "Meta-SGD")[..., WIDTH].mean()
extra = spent - scores("keys", "pre-training")[0, 0, -2]
saved_more = -gap("keys", "Meta-SGD", "pre-training", WIDTH)[0].point
say(
    f"Against fresh networks Meta-SGD saves {saved:.0f} steps per task, so its {spent:,.0f} steps of meta-training "
    f"have paid back after **{spent / saved:,.0f} tasks** (01.15). Against pre-training it saves {saved_more:.0f} "
    "steps per task, and "
    + (
        f"spent {-extra:,.0f} steps *fewer* in training: it pays from the first task on, in steps."
        if extra <= 0
        else f"spent {extra:,.0f} steps more: {extra / saved_more:,.0f} tasks."
    )
)
assert saved > 100 and 100 < spent / saved < 1000

# %% [markdown]
# Steps are not seconds. Replay makes meta-training cheap in steps (each transition is used many times) and dear in
# arithmetic: an outer step of Meta-SGD differentiates three inner steps for each task, twice if one counts the target's
# adaptation. The seconds in the table are seconds of processor time per seed, on the machine that made it.
#
# A few hundred tasks until it pays back: whether that is much depends on who pays for the steps. On a simulator nobody
# does; on a robot, twenty training tasks with a resettable goal may be cheaper than they look, since the support sets
# are random moves. Pre-training is the baseline that also has to be beaten here, and it needs no second derivative.
#
# ## 11 Two myths
#
# ### "Meta-RL lifts DQN's limit of discrete actions"
#
# DQN acts by $\arg\max_a Q_\theta(s, a)$ and learns from $\max_{a'} Q_\theta(s', a')$. Both maxima are found by
# enumeration: the network has one output per action. MAML, Reptile and Meta-SGD change the *numbers* in $\theta$, not
# the shape of the network, and not the two maxima. With $d$ continuous action dimensions and $k$ values for each, the
# head has
#
# $$|\mathcal{A}| = k^d \tag{10.11}$$
#
# outputs, whatever $\theta$ it starts from. For adaptation it is worse than for learning: a support set of $n$
# transitions touches at most $n$ of the $k^d$ outputs.
#
# **Predict:** $k = 5$, a hidden layer of 64. At which $d$ does one argmax take longer than a millisecond? Which share
# of the actions can 50 transitions have tried?

# %%
lines = [
    "| d | actions 5ᵈ | weights of the head | one argmax, ms | tried by 50 transitions, at most |",
    "|---|---|---|---|---|",
]
times, hidden_layer = [], torch.randn(1, 64, generator=seeded(40))
for dimensions in range(1, 8):
    actions = 5**dimensions
    head = torch.randn(actions, 64, generator=seeded(41))
    elapsed = []
    for _ in range(5):
        began = time.perf_counter()
        (hidden_layer @ head.T).argmax(-1)
        elapsed.append(time.perf_counter() - began)
    times.append(min(elapsed))
    lines.append(
        f"| {dimensions} | {actions:,} | {head.numel():,} | {1e3 * min(elapsed):.2g} | {min(1, 50 / actions):.2%} |"
    )
say("\n".join(lines))
assert {n: v.shape for n, v in STARTS["Meta-SGD"].items()} == {n: v.shape for n, v in untrained.items()}
assert times[-1] > 20 * times[2]
try:
    QNetwork(family.observation_space, family.observation_space)
except ValueError as error:
    say(f"And for a `Box` of actions, meta-learned or not: *{error}*")

# %% [markdown]
# Seven joints with five torques each are a small robot arm, and already 78,125 outputs. Continuous actions are handled
# by a **policy** that outputs an action (chapters 04 and 08), or by an actor that learns the argmax (DDPG, Lillicrap et
# al. 2016). Meta-learning can be put on top of these as well. It answers another question: how fast, not over what.
#
# ### "DQN with meta-RL": a softmax policy and `loss = -reward`
#
# Code of this shape circulates under that name: a network with a softmax, an environment step, and
# `loss = -reward; loss.backward()`. Run it.

# %%
policy_net = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8), torch.nn.Softmax(-1))
environments = task_sampler(family, select_tasks(training, [0]), 0)
probabilities = policy_net(environments.observation[0])
action = torch.multinomial(probabilities, 1, generator=seeded(42))
_, reward, *_ = environments.step(action)
loss = -reward.mean()
try:
    loss.backward()
except RuntimeError as error:
    say(f"`loss.backward()`: *{str(error).splitlines()[0]}*")
else:
    raise AssertionError("the environment step was differentiable")

repaired = (-reward.mean()).requires_grad_()  # the popular repair
repaired.backward()
say(f"With `requires_grad_()` it runs. Gradients in the network: {[p.grad for p in policy_net.parameters()]}.")
assert all(p.grad is None for p in policy_net.parameters())

tied = -(reward.mean() + 0 * probabilities.sum())  # another one: "keep the graph alive"
tied.backward()
assert all(bool((p.grad == 0).all()) for p in policy_net.parameters())
say("Tied to the graph by a term that is zero: every gradient is exactly 0.")

# %% [markdown]
# The reward is a number that the environment returned. As a function of $\theta$ it is *constant*: $\theta$ changed the
# probability with which the action was drawn, and drawing has no derivative. So $\nabla_\theta(-r) = 0$ where it is
# defined at all, and no optimiser, inner or outer, moves. The score-function estimator (04.3) puts
# $\log \pi_\theta(a \mid s)$ in front:
#
# $$\nabla_\theta\, \mathbb{E}[r] = \mathbb{E}\big[ r\, \nabla_\theta \log \pi_\theta(a \mid s) \big]. \tag{10.12}$$
#
# That repairs the loss, and makes it REINFORCE. It is still no DQN: there is no $Q$ that predicts a return, no target,
# no replay (it would be off-policy), no argmax. A name says what an algorithm *has*. Ask any "meta-DQN": where is the
# Q-function, what is $y$, is it constant, and which task's transitions are in the buffer?
#
# ## 12 Explorer
#
# Turn the keys. Top: the pre-trained network, bottom: the meta-trained one; left before, right after learning from the
# random steps. Each redraw collects the steps, adapts and plays ten episodes.
#
# Try: five random steps; 200 of them (the inner steps were trained for 50); the mirrored keyboard; and look for an
# angle at which the meta-trained network fails.

# %%
q_adaptation_explorer({"pre-trained": (plain, pretrained), "Meta-SGD": (method, meta)}, plain_task)


# %% [markdown]
# What to see: the start of the meta-trained network is one keyboard; turn the angle and find it. From the opposite
# angle three steps turn nearly every arrow around. With few moves some keys were never pressed, and the field keeps
# patches of wrong arrows. The pre-trained network presses, after its 50 updates, the few keys that the random moves
# have made look best, nearly wherever it stands.
#
# ## 13 What goes wrong in practice
#
# ### The inner step is too large for a squared TD error
#
# A step on a quadratic loss with curvature $\lambda$ multiplies the error by $1 - \alpha\lambda$: it diverges for
# $\alpha \lambda > 2$. In (10.7) the largest eigenvalue of $H$ is about that of $\frac2n \sum \nabla Q \nabla Q^\top$.
# It depends on the network, on the data and on the *scale of Q*, which grows during training. Eight rounds of MAML with
# three values of $\alpha$, and the curvature at the start.
#
# **Predict:** which of them diverges, given the curvature that is printed?

# %%
def curvature(parameters):
    """Largest eigenvalue of H (10.7) on task 0's support set, and its direction, by power iteration."""
    theta = {n: v[0].detach().requires_grad_() for n, v in double(parameters).items()}
    batch = tasks[0][0][0]
    y = td_target(theta, theta, batch, GAMMA).detach()
    slopes = torch.autograd.grad((y - q_of(theta, batch)).square().mean(), list(theta.values()), create_graph=True)
    v = torch.randn(flat(slopes).shape, generator=seeded(50), dtype=torch.float64)
    for _ in range(30):
        v = flat(torch.autograd.grad(flat(slopes) @ (v / v.norm()), list(theta.values()), retain_graph=True)).detach()
    return float(v.norm()), v / v.norm()


quick = dataclasses.replace(meta_dqn.meta_training("keys", "MAML", recipe), iterations=8)
(largest, _), outcome = curvature(untrained), {}
for alpha in (0.03, 0.3, 1.0):
    fixed = dataclasses.replace(method, inner_lr=alpha, learned_rates=False)
    few, record = values.train(fixed, untrained, quick, seeded(51), tasks=training, description=f"MAML, α = {alpha:g}")
    outcome[alpha] = [loss[0] for loss in record["loss"]]
lines = ["| α | α λ at the start | outer loss, first round | last round |", "|---|---|---|---|"]
lines += [f"| {a:g} | {a * largest:.2f} | {v[0]:.3g} | {v[-1]:.3g} |" for a, v in outcome.items()]
say("\n".join(lines))
assert not outcome[1.0][-1] < 5 * outcome[0.03][-1]  # larger, or no number at all
assert not outcome[0.3][-1] < 2 * outcome[0.03][-1]
late_curvature, steepest = curvature(method.start(meta))
along_steepest = float((steepest.square() * flat(rates.values())).sum())
say(
    f"Largest curvature at the meta-trained θ of section 1: {late_curvature:.0f}, untrained {largest:.1f}. With one "
    f"α = {own['inner_lr']:g} for all parameters α λ would be {own['inner_lr'] * late_curvature:.1f} there. Averaged "
    f"along the steepest direction, the learned rates are {along_steepest:.4f}."
)
assert late_curvature > 5 * largest and abs(along_steepest) < own["inner_lr"] / 3

# %% [markdown]
# Above the limit the *inner* loop explodes, and the outer loss with it. But look at the second value too: it is below
# the limit at the start and fails all the same, because $\lambda$ does not stay where it was. Training *raises* the
# curvature: steep directions are what lets three steps move far. This is the worst kind of failure, since the first
# rounds look fine. Meta-SGD lives at a curvature at which its own initial $\alpha$ would diverge; its rates can, since
# along the steepest direction positive and negative ones nearly cancel. Remedies for a fixed $\alpha$, in the order in
# which to try them: a smaller one; Huber's loss, whose gradient is bounded (its threshold must fit the size of the
# values: on CartPole, where they are near 200, appendix 03a had one agent of five that solved the task at the end with
# the threshold 1, and five of five with 100); clipping of the inner gradient. A target network that follows too fast
# does to the *outer* loop what too large an $\alpha$ does to the inner one: `tau` is 0.005 here, slower than in DQN
# itself, because larger values made long meta-trainings diverge when this was tried out.
#
# ### One replay for all tasks
#
# The support set is drawn from a common buffer. Everything runs, shapes fit, the loss falls.

# %%
mixing = torch.randperm(own_support.rewards.numel(), generator=seeded(52))
mixed = Transitions(*(v.flatten(0, 1)[mixing].reshape(v.shape) for v in own_support))
mixed_return = return_with(mixed)
say(
    f"Return on held-out tasks after three steps: own support {by_turn[0]:.1f}, support from one buffer of all tasks "
    f"**{mixed_return:.1f}**; random keys {float(uniform[:HALF].mean()):.1f}."
)
assert mixed_return < by_turn[0] - 5

# %% [markdown]
# The mixture describes no keyboard at all: each key leads everywhere on average. The sign of this bug in training is a
# meta-learner that comes out equal to pre-training. In supervised meta-learning nobody would mix the support sets; a
# replay buffer makes it easy, since it is *one* object in every implementation of DQN.
#
# ### Evaluation on training tasks
#
# Twenty training tasks are few. How much of the return after adaptation is *knowing these twenty keyboards*?

# %%
on_training = {
    name: float(greedy_return(after_random_moves(name, training), training).mean())
    for name in ("Meta-SGD", "pre-training")
}
lines = ["| after 50 random moves | training tasks | held-out tasks |", "|---|---|---|"]
lines += [f"| {name} | {v:.1f} | {float(after[name][:HALF].mean()):.1f} |" for name, v in on_training.items()]
say("\n".join(lines))


# %% [markdown]
# The difference between the columns would be the flattery. Here there is next to none: the family has one parameter,
# twenty training angles on a circle leave gaps of a few degrees, and each support set is drawn anew. That had to be
# measured; it could not be known. With tasks of higher dimension and as few of them it is seldom so (chapter 15
# produces the failure), and a curve over *training* tasks, which is what the progress bar shows, says nothing about it.
#
# ## 14 Check yourself
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
# **B**, equation (10.9). Hold the targets and they agree, as in section 5. (A) would be the right suspicion if they
# disagreed then. (C): kinks have measure zero; section 5's differences agree to five digits.
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
# **B.** Pre-training is missing from the comparison, and there it reaches the level before any step (section 9). (C)
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
# ## Your own environments
#
# All families of this chapter are functions of tensors, for speed. No method asks for that: a list of functions that
# make ordinary Gymnasium environments is a family, too (chapter 02). Here is an environment of your own, a corridor
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
with GymnasiumTasks(**corridors, horizon=12) as own_family:
    own_network = QNetwork(own_family.observation_space, own_family.action_space, (32,), seeded(0))
    learner = QMAML(own_family, own_network, discount=0.9, inner_lr=0.05, learned_rates=True)
    begin = learner.initial(stack_parameters([own_network.initial_parameters()]))
    ways = values.TrainConfig(iterations=20, meta_batch=6), NewTaskConfig(steps=50, checkpoints=(0, 50))
    found, _ = values.train(learner, begin, ways[0], seeded(1), tasks={"index": torch.arange(6)}, description="own")
    own_returns, _ = values.adaptation_curve(learner, found, {"index": torch.tensor([6, 7])}, ways[1], seeded(2))

# %%
say(
    "| hidden number | before | after 50 random moves and three steps |\n|---|---|---|\n"
    + "\n".join(f"| {n} | {a:.1f} | {b:.1f} |" for n, (a, b) in zip(pays["test"], own_returns.tolist(), strict=True))
)
assert float(own_returns[:, 0].min()) < 0 < 2 < float(own_returns[:, 1].min())

# %% [markdown]
# Before adaptation the agent walks to one of the ends, as it must. Simulators run one after another, each step a call
# of Python, and their state cannot be saved. Where you can write the environment as functions of tensors, do.
#
# ## Exercises
#
# [exercises/10_meta_learning_a_dqn_exercises.ipynb](../exercises/10_meta_learning_a_dqn_exercises.ipynb): an inner step with a target that
# stays where it is, the meta-gradient of a linear Q-function by hand, a Reptile iteration with three silent bugs, and
# the plan of an experiment. About an hour and a quarter.
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
# [Exercises](../exercises/10_meta_learning_a_dqn_exercises.ipynb) · previous: [09 The meta-policy gradient, done right](09_meta_policy_gradient.ipynb) · next: [11 Memory and context](11_memory_and_context.ipynb)
