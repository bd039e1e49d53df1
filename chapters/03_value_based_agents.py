# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 Value-based agents
#
# **How does an agent learn from its own guesses about the future, and what keeps that from falling apart?**
#
# You will be able to
#
# - prove that the Bellman optimality equation has one solution, and that it is the best policy's value
# - derive Q-learning as stochastic approximation, and say what its step sizes cost
# - explain why the target is a constant, and what function approximation takes away from the proof
# - build DQN with replay, a target network and double Q, and solve CartPole with it
# - read an ablation: what broke, at which step size, and what five seeds cannot tell
# - tell what knowing the task is worth from what an agent loses by being brittle
# - treat termination and truncation differently, and say why
#
# Before you start: chapter 02, [Tasks and their distributions](02_tasks.ipynb); gradient descent on a network in PyTorch.
#
# Reading: about 90 minutes. Running: at most 100 seconds and 1000 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/03_value_based_agents_exercises.ipynb): about 125 minutes.

# %% tags=["hide-input"]
import dataclasses
import math

import gymnasium
import numpy as np
import torch
from scipy import stats
from tqdm.auto import tqdm

from metarl_core.agents import (
    CARTPOLE_DQN,
    ReplayBuffer,
    Transitions,
    UniformPolicy,
    evaluate,
    q_learning,
    train_dqn,
)
from metarl_core.claims import claim
from metarl_core.evaluation import bootstrap_interval
from metarl_core.exact import value_iteration
from metarl_core.figures import ch03 as figures
from metarl_core.figures.words import say
from metarl_core.figures.words import table as show_table
from metarl_core.parameters import clip_grad_norm, select_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import dqn_step_sizes
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import CartPole, GridGoals, TabularMDPs, rollout
from metarl_core.tasks.controllers import CartPoleController, cartpole_gains
from metarl_core.widgets import q_value_explorer

begin()

# %% [markdown]
# ## 1 Values spread backwards from the goal
#
# An agent walks on a 7 × 7 grid from the black dot. Somewhere is a goal, the star, which the agent cannot see. It is
# paid 1 when it arrives and nothing before; then it starts anew. The agent walks **at random, the whole time**, and
# in one of five steps it slips and moves at random whatever it chose. While it walks it keeps a table: for each cell
# and each of the four moves one number, changed by the rule that section 3 derives. The triangles show these numbers.
# Drag *updates* from left to right.

# %%
q_value_explorer()


# %% [markdown]
# For some hundred steps nothing happens: a number changes only when the agent meets a reward, or a cell whose numbers have
# changed. Then one triangle lights up beside the goal, its neighbours copy a part of it at their next visits, and the
# information that there is a goal spreads backwards, one cell per visit. The menu for the exponent $\omega$ sets how
# quickly the step sizes of these changes shrink: the larger, the quicker, down to plain averaging for 1. At the end, with
# $\omega = 0.6$ and *greedy policy* in the menu *show*, arrows show shortest paths, although nobody ever walked one. Red
# arrows are moves that lose more than 1 % of the best value. Of the curves on the right, that for $\omega = 1$ is the
# slowest.
#
# ## 2 Value functions and their equations
#
# We work with one task, an MDP as in chapter 01, without a horizon: $H = \infty$, bounded rewards and $\gamma < 1$.
# (A time limit then cuts an episode of this endless problem short: it is a *truncation*. A *termination* is part of
# the MDP: after it there are no rewards.) Write $r(s, a)$ for the expected reward, and let $P(s' \mid s, a)$ sum to
# at most one over $s'$; what is missing is the probability of terminating. The *state value* and the *action value*
# of a policy $\pi$ are the expected returns $V^\pi(s) = \mathbb{E}_\pi[R_t \mid s_t = s]$ and
# $Q^\pi(s, a) = \mathbb{E}_\pi[R_t \mid s_t = s, a_t = a]$ (03.1), with the return $R_t$ of (01.2).
#
# **The Bellman expectation equations.** The return obeys $R_t = r_t + \gamma R_{t+1}$. Take the expectation of both
# sides, given $s_t = s$ and $a_t = a$. The first term gives $r(s, a)$. For the second, condition on the next state
# too. By the Markov property, $\mathbb{E}_\pi[R_{t+1} \mid s_t = s, a_t = a, s_{t+1} = s'] = V^\pi(s')$, and after
# termination it is 0. So
#
# $$Q^\pi(s, a) = r(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, V^\pi(s'), \qquad V^\pi(s) = \sum_a \pi(a \mid s)\, Q^\pi(s, a). \tag{03.2}$$
#
# Insert the second into the first: $Q^\pi$ then stands on both sides. Call the right-hand side, which turns one table
# into another, the operator $\mathcal{B}^\pi$; so $Q^\pi = \mathcal{B}^\pi Q^\pi$ (03.3).
#
# **The Bellman optimality equation.** Replace the average over the policy's actions by the best action:
#
# $$(\mathcal{B} Q)(s, a) = r(s, a) + \gamma \sum_{s'} P(s' \mid s, a) \max_{a'} Q(s', a'), \qquad Q^* = \mathcal{B} Q^*. \tag{03.4}$$
#
# It remains to be shown that this equation has a solution, that it has only one, and that $Q^*$ is what the best
# policy earns.
#
# **A lemma.** For any two functions $f, g$ on the actions, $|\max_a f(a) - \max_a g(a)| \le \max_a |f(a) - g(a)|$
# (03.5). Proof: let $a_1$ maximise $f$. Then $\max f - \max g \le f(a_1) - g(a_1) \le \max |f - g|$. Exchange $f$ and
# $g$ for the other sign. $\square$
#
# **$\mathcal{B}$ is a contraction.** With $\lVert Q \rVert = \max_{s,a} |Q(s, a)|$, for any two tables $Q$ and $Q'$
#
# $$\begin{aligned}
# |(\mathcal{B} Q)(s, a) - (\mathcal{B} Q')(s, a)| &= \gamma\, \Big|\sum_{s'} P(s' \mid s, a) \big(\max_{a'} Q(s', a') - \max_{a'} Q'(s', a')\big)\Big| \\
# &\le \gamma \sum_{s'} P(s' \mid s, a)\, \max_{a'} |Q(s', a') - Q'(s', a')| \;\le\; \gamma\, \lVert Q - Q' \rVert,
# \end{aligned} \tag{03.6}$$
#
# by (03.5) and since $P$ sums to at most one. The largest difference of two tables shrinks at least by the factor
# $\gamma$ whenever $\mathcal{B}$ is applied to both.
#
# **One solution.** Start anywhere and iterate, $Q_{k+1} = \mathcal{B} Q_k$. Steps shrink:
# $\lVert Q_{k+1} - Q_k \rVert \le \gamma^k \lVert Q_1 - Q_0 \rVert$. Their sum is finite, so the sequence converges to
# some $Q^*$. Since $\mathcal{B}$ is continuous, $\mathcal{B} Q^* = Q^*$. A second solution $Q'$ would have
# $\lVert Q^* - Q' \rVert = \lVert \mathcal{B} Q^* - \mathcal{B} Q' \rVert \le \gamma \lVert Q^* - Q' \rVert$, which is
# possible for distance 0 only. And (03.6) with $Q' = Q^*$, used $k$ times, gives the speed of *value iteration*:
# $\lVert Q_k - Q^* \rVert \le \gamma^k\, \lVert Q_0 - Q^* \rVert$ (03.7).
#
# **It is the optimum.** $\mathcal{B}^\pi$ is a contraction as well (the same proof, with an average in place of the
# maximum), and its fixed point is $Q^\pi$. Both operators are monotone: a table that is nowhere smaller is mapped to
# one that is nowhere smaller. And an average is at most a maximum: $\mathcal{B}^\pi Q \le \mathcal{B} Q$ for every
# $Q$. Hence $Q^\pi = \mathcal{B}^\pi Q^\pi \le \mathcal{B} Q^\pi$. Apply $\mathcal{B}$ again and again to both ends:
# by monotonicity $Q^\pi \le \mathcal{B} Q^\pi \le \mathcal{B}^2 Q^\pi \le \dots \to Q^*$. Now let
# $\pi^*$ take an action that maximises $Q^*(s, \cdot)$. For it, average and maximum agree on $Q^*$:
# $\mathcal{B}^{\pi^*} Q^* = \mathcal{B} Q^* = Q^*$, so $Q^*$ is also the fixed point of $\mathcal{B}^{\pi^*}$, that is
# $Q^{\pi^*}$. Together,
#
# $$Q^\pi \le Q^* = Q^{\pi^*} \quad \text{for every policy } \pi, \qquad \pi^*(s) \in \arg\max_a Q^*(s, a). \tag{03.8}$$
#
# $\square$ Once $Q^*$ is known, acting well means taking the largest entry of one row. ($\pi$ here depends on the
# state only. Policies that look at time or history earn no more; see Puterman 1994.)
#
# ## 3 Q-learning: the equation solved from samples
#
# $\mathcal{B}$ needs $P$ and $r$, and an agent has neither. It has transitions $(s, a, r, s', d)$, where $d = 1$ if the
# MDP terminated with this step. Form from one of them the **TD target**
#
# $$y = r + \gamma\, (1 - d) \max_{a'} Q(s', a'). \tag{03.9}$$
#
# Given $s, a$, its expectation over $r$ and $s'$ is exactly $(\mathcal{B} Q)(s, a)$, because the maximum is taken
# *inside* the sum over $s'$ in (03.4); so one draw of $s'$ is enough. The Bellman equation then asks for the table
# whose entries equal their expected targets. This is a problem for **stochastic approximation** (Robbins and Monro
# 1951): to solve $\mathbb{E}[Y(x)] - x = 0$ from noisy $Y$, take small steps
#
# $$Q(s, a) \leftarrow Q(s, a) + \eta_n\, \big[\, y - Q(s, a)\,\big], \tag{03.10}$$
#
# with step sizes $\eta_n$ for the $n$-th visit of $(s, a)$. This is **Q-learning** (Watkins 1989). The bracket is the
# *temporal-difference error*: the difference between two predictions of the same return, one of them made a step
# later. Methods that learn from it are called TD learning (Sutton 1988), and to use one's own prediction in a target is
# called *bootstrapping*.
#
# The target does not ask which action the agent took next, nor how likely it was to take $a$: transitions may come
# from a random walk or from another agent. Q-learning is **off-policy**. Its **on-policy** relative SARSA (Rummery and
# Niranjan 1994) has $Q(s', a')$ with the action $a'$ that was really taken in place of the maximum. Its expected
# target is $\mathcal{B}^\pi Q$, so it learns the values of the policy that acts, exploration included.
#
# **Which step sizes?** Unroll (03.10) for one entry. The start enters with the factor $\prod_n (1 - \eta_n)$, which
# goes to zero if and only if $\sum_n \eta_n = \infty$ (for $\eta_n < 1$). The noise of the $n$-th target enters with
# weight at most $\eta_n$, so if $\sum_n \eta_n^2 < \infty$, the noise that comes after time $m$ vanishes as $m$
# grows. These are the Robbins–Monro conditions (03.11); $\eta_n = n^{-\omega}$ fulfils them for
# $\frac{1}{2} < \omega \le 1$. If they hold and every pair $(s, a)$ is visited for ever, $Q \to Q^*$ with probability
# one (Watkins and Dayan 1992; Jaakkola, Jordan and Singh 1994; Tsitsiklis 1994).
#
# **All these exponents converge. How fast?** Suppose for a moment that there is no noise and all entries are
# wrong by the same amount $e_n$ after $n$ visits each. Then the target is wrong by $\gamma e_n$, and
#
# $$e_{n+1} = (1 - \eta_n)\, e_n + \eta_n\, \gamma\, e_n = \big(1 - (1 - \gamma)\, \eta_n\big)\, e_n
# \quad\Longrightarrow\quad e_n \approx \exp\Big(\!-(1 - \gamma) \sum_{k \le n} \eta_k\Big). \tag{03.12}$$
#
# With $\omega = 1$ the sum is $\ln n$, so $e_n \approx n^{-(1 - \gamma)}$. For $\gamma = 0.9$ that is $n^{-0.1}$: ten times
# less error takes $10^{10}$ times as many visits. Averaging with equal weights is best for a *fixed* quantity, but
# these targets start out wrong, and the average keeps the early ones. With
# $\omega < 1$ the sum grows like $n^{1 - \omega} / (1 - \omega)$, and the error falls faster than any power of $n$, down
# to a noise level proportional to $\sqrt{\eta_n} = n^{-\omega/2}$. (Even-Dar and Mansour 2003
# prove it: exponential in $1/(1 - \gamma)$ for $\omega = 1$, polynomial for $\omega < 1$.)
#
# **Build it.** One table per task and seed, all in one tensor; each table may have its own $\omega$.

# %%
def my_q_learning(transitions, rewards, discount, steps, generator, exponent, watch=()):
    """Q-learning (03.10) on tables [task, S, A] from uniformly drawn states and actions; exponent: number or [task]."""
    tasks, states, actions = rewards.shape
    q, visits, task = torch.zeros_like(rewards), torch.zeros_like(rewards), torch.arange(tasks)
    cumulative, kept = transitions.cumsum(-1), []
    for step in tqdm(range(1, steps + 1), desc="Q-learning", delay=2):
        state = torch.randint(states, (tasks,), generator=generator)
        action = torch.randint(actions, (tasks,), generator=generator)
        draw = torch.rand((tasks, 1), generator=generator, dtype=rewards.dtype)
        following = (cumulative[task, state, action] <= draw).sum(-1)
        terminated = following == states  # the draw fell into what P leaves to one
        future = torch.where(terminated, 0.0, q[task, following.clamp_max(states - 1)].amax(-1))
        target = rewards[task, state, action] + discount * future  # (03.9)
        visits[task, state, action] += 1
        rate = visits[task, state, action] ** -exponent
        q[task, state, action] += rate * (target - q[task, state, action])  # (03.10)
        if step in watch:
            kept.append(q.clone())
    return q, kept


# %% [markdown]
# **Check it.** Twenty random MDPs, and twenty 5 × 5 grids with the reward 1 at a goal that ends the episode.

# %%
gamma = 0.9
mdps = {key: value.double() for key, value in TabularMDPs().sample_tasks(20, seeded(1)).items()}
grid = GridGoals(size=5)
worlds = {
    "random MDPs": (mdps["transitions"], mdps["reward_means"]),
    "grid goals": tuple(part.double() for part in grid.tables(grid.sample_tasks(20, seeded(2)))),
}
difference = 0.0
for world in worlds.values():
    mine, _ = my_q_learning(*world, gamma, 500, seeded(5), exponent=0.7)
    packages = q_learning(*world, gamma, 500, seeded(5), exponent=0.7)
    difference = max(difference, float((mine - packages).abs().max()))
claim("`metarl_core.agents.q_learning` gives the same tables.", difference < 1e-12)

# %% [markdown]
# On each task, five seeds and four exponents learn at once: 400 tables for each kind of world. $\omega = 0$ is the
# step size 1: the newest target replaces the entry, which violates (03.11).
#
# **Predict, then run.** (a) In which of the two worlds does $\omega = 0$ fail, and what does its line look like in the
# other? (b) Which exponent is best at the end? (c) Which slope has the line of $\omega = 1$ on logarithmic axes?

# %% [markdown]
# *Your prediction:* (a) … (b) … (c) …
#
# &nbsp;

# %%
EXPONENTS, SEEDS, UPDATES = (0.0, 0.6, 0.8, 1.0), 5, 20_000
watch = sorted({int(n) for n in np.geomspace(50, UPDATES, 30)})
errors, visits_per_pair = {}, {}
for name, (transitions, rewards) in worlds.items():
    value, _ = value_iteration(transitions, rewards, gamma)
    best = rewards + gamma * torch.einsum("ksat,kt->ksa", transitions, value)  # Q*, [task, S, A]
    size = torch.Size((len(EXPONENTS), SEEDS, len(best)))
    exponent = torch.tensor(EXPONENTS, dtype=torch.float64).repeat_interleave(SEEDS * len(best))
    copies = [part.repeat(len(EXPONENTS) * SEEDS, *[1] * (part.ndim - 1)) for part in (transitions, rewards)]
    _, kept = my_q_learning(*copies, gamma, UPDATES, seeded(6), exponent, set(watch))
    wrong = torch.stack([(q.unflatten(0, size) - best).abs().amax((-2, -1)) for q in kept], -1)
    errors[name] = (wrong / best.abs().amax((-2, -1))[:, None]).numpy()  # [exponent, seed, task, moment]
    visits_per_pair[name] = np.array(watch) / best[0].numel()
figures.step_sizes(errors, EXPONENTS, visits_per_pair, gamma)

# %% tags=["hide-input"]
final = {name: [bootstrap_interval(error[:, :, -1]) for error in errors[name]] for name in worlds}
show_table(
    ("error after 20,000 updates", *(f"ω = {e:g}" for e in EXPONENTS)), [(name, *final[name]) for name in worlds]
)
slope = {
    name: float(np.polyfit(np.log(watch[-12:]), np.log(errors[name][3].mean((0, 1)))[-12:], 1)[0]) for name in worlds
}
claim(
    "(a) On random MDPs ω = 0 stays at a high level of noise. On the deterministic grid it reaches the exact values.",
    final["grid goals"][0].high < 1e-6 and final["random MDPs"][0].low > 2 * final["random MDPs"][1].high,
)
claim(
    "(b) On random MDPs 0.6 is best at the end, and even ω = 0 is ahead of 0.8 and 1, which converge with probability "
    "one.",
    final["random MDPs"][1].high
    < final["random MDPs"][0].low
    < final["random MDPs"][0].high
    < final["random MDPs"][2].low
    < final["random MDPs"][3].low,
)
claim(
    f"(c) On random MDPs the slope of ω = 1 at the end is {slope['random MDPs']:.3f} (03.12 says −0.1): to halve this "
    f"error takes more than {100 * math.floor(2 ** (-1 / slope['random MDPs']) / 100)} times as many visits. On the grid it is "
    f"{slope['grid goals']:.2f}.".replace("is -", "is −"),
    -0.2 < slope["random MDPs"] < -0.05 and slope["grid goals"] < 2 * slope["random MDPs"],
)


# %% [markdown]
# (Largest error divided by the largest value; interquartile mean and 95 % interval over seeds.) In random MDPs every
# state is reached from every other, and the line of $\omega = 1$ runs beside the dotted one, as it would if all entries
# were wrong by one amount. On the grid entries near the goal are right early while others still wait. There the
# assumption fails, and $\omega = 1$ is faster than (03.12). The grid has no noise to be averaged out, so the step
# size 1 does no harm. Convergence with probability one says nothing about the error after 20,000 updates.
#
# ## 4 When the table becomes a function
#
# CartPole has four real numbers as state. No table holds that. A network $Q_\theta(s, a)$ does, and (03.10) becomes a
# gradient step on the squared difference between prediction and target:
#
# $$\theta \leftarrow \theta + \eta\, \big[\, y - Q_\theta(s, a) \,\big]\, \nabla_\theta Q_\theta(s, a)
# \;=\; \theta - \eta\, \nabla_\theta\, \tfrac{1}{2} \big( y - Q_\theta(s, a) \big)^2 \quad \text{with } y \text{ held constant.} \tag{03.13}$$
#
# For a table, $\nabla_\theta Q$ is 1 at the entry $(s, a)$ and 0 elsewhere, and (03.13) is (03.10). But
# $y = r + \gamma (1 - d) \max Q_\theta(s', a')$ depends on $\theta$, too. Holding it constant gives a **semi-gradient**,
# in general not the gradient of any function.
#
# **Why not the full gradient?** Write $\delta = y - Q_\theta(s, a)$. Differentiating through $y$ would minimise
# $\mathbb{E}[\delta^2]$ with its expectation over $s'$ *outside* of the square. For any random number,
#
# $$\mathbb{E}[\delta^2 \mid s, a] = \underbrace{\big(\mathbb{E}[\delta \mid s, a]\big)^2}_{\text{what the Bellman equation wants to be } 0}
# + \underbrace{\operatorname{Var}[\,y \mid s, a]}_{\text{depends on } \theta}. \tag{03.14}$$
#
# The first part is the squared *Bellman error*. The second is a penalty on values that differ between possible next
# states, whether they are right or not. An unbiased gradient of the first part alone needs *two
# independent* next states from the same $(s, a)$: $\mathbb{E}[\delta \delta'] = (\mathbb{E}\,\delta)^2$. A simulator can be
# asked twice, the real world cannot. This is the **double-sampling problem** (Baird 1995). The variance of a constant
# $y$ does not depend on $\theta$, so the semi-gradient has no such bias.
#
# An example (A-split of Sutton and Barto 2018): from state A one comes to B or C with
# probability ½ each, without reward; B then ends with reward 1, C with 0; $\gamma = 1$. The values are
# $V(A) = \frac{1}{2}$, $V(B) = 1$, $V(C) = 0$. The full squared error of one episode is
# $\frac{1}{2} [(V_B - V_A)^2 + (1 - V_B)^2] + \frac{1}{2} [(V_C - V_A)^2 + V_C^2]$ (03.15).
# By symmetry $V_A = \frac{1}{2}$. Then $(V_B - \frac{1}{2})^2 + (1 - V_B)^2$ is least at $V_B = \frac{3}{4}$, and in the same
# way $V_C = \frac{1}{4}$: endless data and a perfect optimiser give a wrong answer. Three learners that differ in one
# term of the loss:

# %%
def learn_three_states(rule):
    """Values of A, B, C by gradient descent on 500 episodes per update."""
    values, generator = torch.zeros(3, requires_grad=True), seeded(7)
    for update in range(400):
        first, again = 1 + torch.randint(2, (2, 500), generator=generator)  # A is left for state 1 or 2, asked twice
        if rule == "semi-gradient":
            step_from_a = (values[first].detach() - values[0]).square()
        elif rule == "full gradient":
            step_from_a = (values[first] - values[0]).square()
        else:  # two samples
            step_from_a = (values[first] - values[0]) * (values[again] - values[0])
        last_step = ((first == 1).float() - values[first]).square()  # B pays 1, C pays 0, and both terminate
        (gradient,) = torch.autograd.grad((step_from_a + last_step).mean(), values)
        with torch.no_grad():
            values -= 0.3 / (1 + update / 100) * gradient
    return values.detach()


rules = {"semi-gradient": (0.5, 1, 0), "full gradient": (0.5, 0.75, 0.25), "full gradient, two samples": (0.5, 1, 0)}
found = {rule: learn_three_states(rule) for rule in rules}
show_table(("learned value of", "A", "B", "C"), [(rule, *(f"{v:.2f}" for v in found[rule])) for rule in rules])


# %% [markdown]
# The full gradient pulls B and C together, to ¾ and ¼. Hence the
# stop-gradient on the target in every deep Q-learner. Chapter 10 differentiates *through* such updates and
# meets this question again.
#
# ### The deadly triad
#
# The semi-gradient goes towards a target that moves with $\theta$. In a table an update of one entry leaves the
# others alone, and the contraction (03.6) does its work. With shared parameters it need not. The smallest example
# (Tsitsiklis and Van Roy 1996): two states, one weight $w$, values $V(1) = w$ and $V(2) = 2w$.
# State 1 leads to 2, state 2 to itself, all rewards are 0, so $w = 0$ is the truth and can be represented. An update
# at state 1 has the target $2\gamma w$ and the gradient 1, so $w \leftarrow (1 + \eta\,(2\gamma - 1))\, w$ (03.16).
# For $\gamma > \frac{1}{2}$ the weight **grows without bound**: each update moves the prediction towards the target and
# the target away by twice as much. An update at state 2 has the gradient 2 and shrinks $w$:
# $w \leftarrow (1 - 4 \eta\, (1 - \gamma))\, w$. If a share $\mu$ of the updates is at state 1, $w$ shrinks in
# expectation exactly if $\mu\, (2\gamma - 1) < 4\, (1 - \mu)(1 - \gamma)$, for $\gamma = 0.9$ if
# $\mu < \frac{1}{3}$, for $\gamma = 0.99$ if $\mu < 0.04$. An agent that follows its policy visits state 1 once and
# state 2 ever after, so its own data are safe. A buffer with one transition in twenty from state 1 is not, with
# $\gamma = 0.99$.
#
# Three ingredients come together, hence the name: **function approximation** (the shared $w$),
# **bootstrapping**, and **off-policy data** (a share $\mu$ that the policy itself
# would not produce). Deep Q-learning has all three.
#
# **Predict, then run.** Which of these stop the growth: (a) a weight of its own for each state, (b) targets from full
# returns, without bootstrapping, (c) data that are nearly on-policy, (d) a *target network*, that is, a copy of $w$ in
# the target that is renewed only every 20 updates?

# %% [markdown]
# *Your prediction:* (a) … (b) … (c) … (d) …
#
# &nbsp;

# %%
def grow(share=1.0, period=1, discount=0.9, rate=0.1, updates=200):
    """|w| over expected updates, a share of them at state 1; the target uses a copy renewed every `period` updates."""
    w, frozen, record = 1.0, 1.0, []
    for update in range(updates + 1):
        record.append(abs(w))
        if update % period == 0:
            frozen = w
        at_one, at_two = 2 * discount * frozen - w, 2 * discount * frozen - 2 * w
        w += rate * (share * at_one + (1 - share) * 2 * at_two)
    return record


values, own_weights = np.array([1.0, 2.0]), []
for _ in range(201):
    own_weights.append(abs(values[0]))
    values = values + 0.1 * (0.9 * values[1] - values)  # the target of both states is γ V(2)
lines = {
    "all updates at state 1": grow(),
    "half of the updates at state 1": grow(share=0.5),
    "all at state 1, target network": grow(period=20),
    "a weight for each state": own_weights,
    "a tenth of the updates at state 1": grow(share=0.1),
    "no bootstrapping": [0.9**n for n in range(201)],  # the full return is 0: w ← w + 0.1 (0 − w)
}
figures.triad(lines)

# %% tags=["hide-input"]
end = {label: record[-1] for label, record in lines.items()}
claim(
    "(a), (b) and (c) stop the growth.",
    max(end[n] for n in ("a weight for each state", "a tenth of the updates at state 1", "no bootstrapping")) < 0.5,
)
claim(
    "(d) A target network makes it slower: after 200 updates |w| is "
    f"{end['all at state 1, target network']:,.0f} instead of {end['all updates at state 1']:,.0f}.",
    end["all updates at state 1"] > end["all at state 1, target network"] > 10,
)


# %% [markdown]
# Between two copies $w$ runs towards $2\gamma \bar w$ with the old $\bar w$, so each copy nearly doubles it. (In the
# table the value first *rises*, towards state 2's wrong 2, and then falls as slowly as $\gamma$ allows.)
# No proof excludes this for deep Q-learning. Van Hasselt et al. (2018) measured on Atari that it seldom diverges and
# often *overestimates*.
#
# ## 5 DQN
#
# The deep Q-network (Mnih et al. 2015) is (03.13) on minibatches, with these repairs.
#
# - **Replay.** Consecutive transitions are alike, and gradient descent wants independent samples. Store the last $N$
#   transitions and draw minibatches $\mathcal{D}$ from them uniformly (Lin 1992). Off-policy learning allows it.
# - **Target network.** A second set of parameters $\bar\theta$ computes the target and follows slowly: by a *hard* copy
#   $\bar\theta \leftarrow \theta$ every $C$ updates, or *softly* (Polyak averaging),
#   $\bar\theta \leftarrow \bar\theta + \tau (\theta - \bar\theta)$ after each (Lillicrap et al. 2016).
# - **ε-greedy exploration.** With probability $\varepsilon$ a uniformly random action, otherwise
#   $\arg\max_a Q_\theta(s, a)$; $\varepsilon$ falls linearly to a small value.
# - **A bounded gradient.** Its norm is clipped. Mnih et al. instead clip each error $Q_\theta(s, a) - y$ to $[-1, 1]$,
#   which is the gradient of *Huber's loss*. There rewards are clipped to $\pm 1$ and most are 0; in CartPole each
#   step pays 1 and values go up to 200. We take the squared error. Section 7 has Huber's loss among its variants, and
#   [appendix 03a](03a_hubers_loss.ipynb) looks at what happens with it.
#
# **Double Q-learning** needs a derivation.
#
# ### The maximum of noisy numbers
#
# Let $\hat q(a)$ be unbiased estimates of true values $q(a)$. For each fixed $a$,
# $\max_{a'} \hat q(a') \ge \hat q(a)$. Take the expectation, then the best $a$:
# $\mathbb{E}[\max_a \hat q(a)] \ge \max_a q(a)$ (03.17). The maximum of estimates is never too low in expectation. How
# much is it too high? Take two actions with equal $q$ and independent normal
# noise of standard deviation $\sigma$. Then $\max(x, y) = \frac{x + y}{2} + \frac{|x - y|}{2}$, and $x - y$ is normal with
# standard deviation $\sqrt{2}\, \sigma$. A centred normal with standard deviation $s$ has $\mathbb{E}|z| = s \sqrt{2/\pi}$. So
#
# $$\mathbb{E}\big[\max(\hat q(1), \hat q(2))\big] - q = \tfrac{1}{2} \sqrt{2}\, \sigma \sqrt{2/\pi} = \sigma / \sqrt{\pi}. \tag{03.18}$$
#
# For $n$ actions it grows about like $\sigma \sqrt{2 \ln n}$. If every target is too high by $b$,
# the fixed point is too high by $b + \gamma b + \gamma^2 b + \dots = b / (1 - \gamma)$, two hundred times $b$ for $\gamma = 0.995$.
#
# The same noise both *chooses* the action and *values* it. So use two independent estimates, one to
# choose and one to value (van Hasselt 2010). With $a^\circ = \arg\max_a \hat q_A(a)$,
#
# $$\mathbb{E}\big[\hat q_B(a^\circ)\big] = \sum_a \Pr(a^\circ = a)\, q(a) \;\le\; \max_a q(a), \tag{03.19}$$
#
# since $\hat q_B$ is independent of $a^\circ$. Equality holds for equal values; otherwise it is too *low* by what a wrong
# choice loses. Double DQN (van Hasselt et al. 2016) takes what is at hand: the online network chooses, the target
# network values. These two are not independent, so this lessens the bias and does not remove it.

# %%
def biases(true, draws=100_000):
    """Bias of the single and of the double estimate of max(true), for noise of standard deviation 1."""
    a, b = true + torch.randn(2, draws, len(true), generator=seeded(8))
    single, double = a.amax(1), b.gather(1, a.argmax(1, keepdim=True))[:, 0]
    return [float(estimate.mean() - true.max()) for estimate in (single, double)]


numbers = [2, 3, 5, 10, 20, 50]
equal = [biases(torch.zeros(n)) for n in numbers]
spread = [biases(torch.linspace(-2, 0, n)) for n in numbers]
figures.maximum_bias(numbers, {"all true values 0": equal, "true values spread from −2 to 0": spread})

# %% tags=["hide-input"]
claim(
    f"Two equal actions: the bias is {equal[0][0]:.3f}, by (03.18) {1 / math.sqrt(math.pi):.3f}.",
    abs(equal[0][0] - 1 / math.sqrt(math.pi)) < 0.015,
)

# %% [markdown]
# Where values differ, the single estimate is too high and the double one too low. It is the overestimates that the
# maximum selects and that bootstrapping copies backwards. With CartPole's two actions the effect should be small.
#
# ### The whole algorithm
#
# $$y = r + \gamma\, (1 - d)\; Q_{\bar\theta}\big(s',\; \arg\max_{a'} Q_\theta(s', a')\big), \qquad
# d = 1 \text{ only if the MDP terminated.} \tag{03.20}$$
#
# - *Terminated* (the pole fell): nothing follows, the target is $r$.
# - *Truncated* (500 steps are over): the pole still stands, and the target bootstraps from the **true** last
#   observation. A vector environment that resets by itself shows another one, that
#   of the *next* episode; `VectorSampler` takes care of it.
#
# > **Algorithm 03.1: double DQN**
# >
# > Initialise $\theta$; $\bar\theta \leftarrow \theta$; empty buffer of size $N$.\
# > **for** each environment step:\
# > &emsp; with probability $\varepsilon$ act at random, else $a = \arg\max_a Q_\theta(s, a)$; store $(s, a, r, s', d)$\
# > &emsp; lower $\varepsilon$ and the step size $\eta$ linearly\
# > &emsp; after the first `learning_starts` steps, in every second step:\
# > &emsp;&emsp; draw a minibatch $\mathcal{D}$ uniformly from the buffer; compute $y$ by (03.20), a constant\
# > &emsp;&emsp; $L(\theta) = \frac{1}{|\mathcal{D}|} \sum_{\mathcal{D}} (Q_\theta(s, a) - y)^2$ (03.21);
# > scale $\nabla L$ down to norm 10 where it is longer\
# > &emsp;&emsp; a step of Adam on $\theta$ with $\eta$; then $\bar\theta \leftarrow \bar\theta + \tau\, (\theta - \bar\theta)$

# %%
network, start, sampler = CARTPOLE_DQN.prepare(seeds=[0])
config = CARTPOLE_DQN.config
figures.hyper_parameters(config, CARTPOLE_DQN.num_envs, CARTPOLE_DQN.hidden)


# %% [markdown]
# The same in 30 lines of code. `parameters` have a leading axis for independent learners, so that
# several seeds can train in one batch; `network(parameters, observations)` gives all action values.

# %%
@torch.no_grad()  # y is a constant
def td_target(network, online, target, batch, discount):
    chosen = network(online, batch.next_observations).argmax(-1, keepdim=True)  # the online network chooses,
    following = network(target, batch.next_observations).gather(-1, chosen)[..., 0]  # the target network values
    return batch.rewards + discount * ~batch.terminated * following  # (03.20)


# %%
def my_dqn(network, parameters, sampler, config, generator):
    online = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    target = {name: value.clone() for name, value in parameters.items()}
    optimiser, (learners, num_envs) = torch.optim.Adam(online.values()), sampler.batch
    buffer, updates, (first, last, share) = ReplayBuffer(config.buffer_size, learners), 0, config.exploration
    for step in tqdm(range(0, config.steps, num_envs), desc="my DQN"):
        epsilon = max(last, first + (last - first) * step / (share * config.steps))
        observation = sampler.observation
        greedy = network.greedy_action(online, observation)
        random = torch.randint(network.actions, greedy.shape, generator=generator)
        action = torch.where(torch.rand(greedy.shape, generator=generator) < epsilon, random, greedy)
        following, reward, terminated, _, mask = sampler.step(action)  # the mask leaves out mere resets
        buffer.add(Transitions(observation, action, reward, following, terminated), mask)
        optimiser.param_groups[0]["lr"] = config.lr * (1 - step / config.steps)
        while updates < (step + num_envs - config.learning_starts) // config.train_frequency:
            batch, updates = buffer.sample(config.batch_size, generator), updates + 1
            y = td_target(network, online, target, batch, config.discount)
            q = network(online, batch.observations).gather(-1, batch.actions[..., None])[..., 0]
            optimiser.zero_grad()
            (q - y).square().mean(-1).sum().backward()  # (03.21), a mean for each learner
            clip_grad_norm(online, config.max_grad_norm)
            optimiser.step()
            for name in target:
                target[name].lerp_(online[name].detach(), config.tau)
    return online


# %% [markdown]
# **Check it.** A short training by these lines, and by the package from the same seeds:

# %%
short = dataclasses.replace(config, steps=2_000)
mine = my_dqn(network, start, sampler, short, seeded(9))
again = CARTPOLE_DQN.prepare(seeds=[0])
packages, _ = train_dqn(*again, short, seeded(9), description=None)
difference = max(float((mine[name] - packages[name]).detach().abs().max()) for name in packages)
claim("After 2,000 steps with 500 updates no parameter differs by 0.0001 or more.", difference < 1e-4)

# %% [markdown]
# ### How fast can it learn?
#
# Suppose the online network fits its targets at once, $Q_\theta = \mathcal{B} Q_{\bar\theta}$, and suppose that
# averaging parameters averages the functions. (The second is exact for a network that is linear in its parameters, and
# an approximation for ours.) Then the soft update is
# $Q_{\bar\theta} \leftarrow Q_{\bar\theta} + \tau\, (\mathcal{B} Q_{\bar\theta} - Q_{\bar\theta})$. That is
# (03.10) with the step size $\tau$, and by (03.12) an error that all states share shrinks by the factor
# $1 - \tau\, (1 - \gamma)$ per update:
#
# $$e_n \approx e_0\; e^{-\tau\, (1 - \gamma)\, n}. \tag{03.22}$$
#
# With $\tau = 0.02$ and $\gamma = 0.995$ it takes 10,000 updates to get rid of two thirds of the error, even with a
# perfect optimiser.
#
# ## 6 CartPole from scratch
#
# The agent pushes a cart left or right and earns 1 for each step. The episode terminates when the
# pole leans more than 12° or the cart leaves the track, 2.4 m on each side; it is truncated after 500 steps. A mean
# return of 475 counts as solved. The three learners below have networks, environments and exploration of their own and
# 50,000 environment steps each. Every 2,500 steps each plays 20 greedy episodes, and we note the value that it
# estimates at their starts, $\max_a Q_\theta(s_0, a)$. A table, `dqn_ingredients`, holds five seeds of the same.

# %%
table = load_table("dqn_ingredients")  # eleven variants of DQN, five seeds each
settings, full = table.settings, table.scores("full")[:, 0]  # [seed, report, (training return, greedy return, value)]
seeds = settings["seeds"][:3]
family = CartPole()  # the physics and limits of Gymnasium's CartPole-v1 (shown in appendix 02a), in tensors
alike = {name: value.expand(len(seeds)) for name, value in family.default_params.items()}  # one task for all seeds


def note(iteration, parameters, data):
    """Training return, greedy return and estimated value at the start of every learner."""
    done = rollout(family, alike, network, parameters, settings["episodes"], seeded(settings["evaluation_seed"]))
    with torch.no_grad():
        estimated = network(parameters, done.observations[:, :, 0]).amax(-1).mean(1)
    reports.append(torch.stack([sampler.recent_return(), done.returns.mean(1), estimated], -1))
    if iteration * CARTPOLE_DQN.num_envs == 12_500:
        early.update(parameters)


network, start, sampler = CARTPOLE_DQN.prepare(seeds)
reports, early = [], {}
trained, history = train_dqn(
    network, start, sampler, config, seeded(settings["training_seed"]), description="DQN, three seeds",
    callback=note, report_every=settings["report_every"])  # fmt: skip
live = torch.stack(reports, 1).numpy()  # as `full`

# %% [markdown]
# The evaluation, on an environment that training never touched: the plain `gymnasium.make("CartPole-v1")`, 10
# greedy episodes per seed. Beside it stand random actions and a linear-quadratic controller, which is designed from
# the equations of motion and has not learned anything.

# %%
env = gymnasium.make("CartPole-v1")
tested = torch.stack(
    [evaluate(env, network, select_parameters(trained, seed), 10, seed=100 + seed).mean() for seed in seeds]
)
random = rollout(family, family.default_params, UniformPolicy(family.action_space), {}, 200, seeded(10)).returns.mean()
gains = {"gains": cartpole_gains(family.default_params)}
controller = rollout(family, family.default_params, CartPoleController(), gains, 100, seeded(11)).returns.mean()

# %% tags=["hide-input"]
show_table(
    ("mean return", *(f"DQN, seed {seed}" for seed in seeds), "random actions", "linear controller"),
    [("CartPole-v1", *(f"{float(value):.0f}" for value in (*tested, random, controller)))],
)
solved_here = int((tested >= 475).sum())
claim(
    f"Within 50,000 steps {solved_here} of 3 seeds solve CartPole here, and 5 of 5 in the table.",
    solved_here >= 2 and (full[:, -1, 1] >= 475).all(),
)
claim(
    "The median greedy return at the end is within 25 of that of the same seeds in the table.",
    abs(np.median(live[:, -1, 1]) - np.median(full[: len(seeds), -1, 1])) < 25,
)

# %%
thousands = settings["report_every"] * np.arange(1, 21) / 1000
updates = np.maximum(1000 * thousands - config.learning_starts, 0) / config.train_frequency
highest = 1 / (1 - config.discount)  # balancing for ever
bound = highest * (1 - np.exp(-config.tau * (1 - config.discount) * updates))  # (03.22), from 0
figures.learning(thousands, live, full, bound, config.discount, float(controller), float(random))

# %% tags=["hide-input"]
quarter = rollout(family, alike, network, early, 50, seeded(20))
at_edge = float((quarter.final_observations[..., 0].abs() > 2.4).float().mean())
claim(
    f"After a quarter of the training, {100 * at_edge:.0f} % of the greedy episodes end with the cart at the edge of "
    "the track.",
    at_edge > 0.5,
)


def first_solved(run):
    """The first report at 475 or more, in thousand steps."""
    good = run[:, 1] >= 475
    return f"{thousands[good.argmax()]:g}" if good.any() else "never"


def lost_again(runs):
    """Reports below 475 after the first one that is not."""
    return sum(int((run[(run[:, 1] >= 475).argmax() :, 1] < 475).sum()) for run in runs if (run[:, 1] >= 475).any())


say(
    f"First report at 475 or more, in thousand steps: here {', '.join(map(first_solved, live))}, in the table "
    f"{', '.join(map(first_solved, full))}. Reports below 475 after that: {lost_again(live)} here, {lost_again(full)} in the table."
)
excess = np.median(full[:, 1:, 2], axis=0) / bound[1:]
claim(
    f"In the table the median estimate is {excess.min():.2f} to {excess.max():.2f} times (03.22) from 5,000 steps on, and "
    f"{np.median(full[:, -1, 2]):.0f} at the end, where no policy can earn more than {highest:.0f}.",
    1.0 < excess.min() and excess.max() < 1.7 and np.median(full[:, -1, 2]) > highest,
)
claim("At the end the median estimate of the live run is above that as well.", np.median(live[:, -1, 2]) > highest)

# %% [markdown]
# *Left.* For the first third of the training the agents keep the pole up and let the cart drift off
# the track: the plateau near 200 is the time that this takes. Then one after the other gets to 500. Greedy returns
# may fall again. (A guess, not tested here: values near 250 differ by little between the two
# actions, so that a small change of $\theta$ can turn the greedy action in many states at once.)
#
# *Right.* The estimates of the table rise with the bend of (03.22), their median about a third above it, and end
# above 200, **a value that no policy can earn**. One live run leaves their range and comes near 390; why, was not
# looked for. If each target were too high by the same $b$, the limit would be $(1 + b) / (1 - \gamma)$, and $b = ¼$
# would give 250; whether that is what happens was not tested. What is added to the values of all actions alike does
# no harm: a greedy policy compares them.
#
# **Is it $\tau\,(1 - \gamma)$ that sets the pace?** By (03.22) half of the limit $1 / (1 - \gamma)$ is passed after
# $\ln 2 / \big(\tau\,(1 - \gamma)\big)$ updates. Two rows of `dqn_ingredients` differ in $\gamma$ alone. The table
# `dqn_target_rates` varies $\tau$ alone, for a smaller agent that is there for its values only: two layers of 64,
# minibatches of 64, $\gamma = 0.99$, 20,000 steps, five seeds for each $\tau$.

# %% tags=["hide-input"]
rates = load_table("dqn_target_rates")
small = rates.settings["training"]["config"]


def half_time(runs, discount, report_every):
    """Thousand steps after which the median value of the start passes half of 1/(1 − γ), between reports linearly."""
    steps = report_every / 1000 * np.arange(runs.shape[1] + 1)
    median = np.append(0.0, np.median(runs[:, :, 2], axis=0))
    n = int((median >= 0.5 / (1 - discount)).argmax())
    return float(np.interp(0.5 / (1 - discount), median[n - 1 : n + 1], steps[n - 1 : n + 1]))


cases = [("full", config.tau, 0.995, full, settings["report_every"])]
cases += [("full, γ = 0.99", config.tau, 0.99, table.scores("γ = 0.99")[:, 0], settings["report_every"])]
for name, change in rates.settings["changes"].items():
    cases.append(("small", change["tau"], small["discount"], rates.scores(name)[:, 0], rates.settings["training"]["report_every"]))
by_formula, measured = {}, {}
for agent, tau, discount, runs, every in cases:
    by_formula[agent, tau] = (config.learning_starts + config.train_frequency * math.log(2) / (tau * (1 - discount))) / 1000
    measured[agent, tau] = half_time(runs, discount, every)
show_table(
    ("agent", "τ", "γ", "half of 1/(1 − γ) passed after (thousand steps), by (03.22)", "measured", "ratio"),
    [(agent, f"{tau:g}", f"{discount:g}", f"{by_formula[agent, tau]:.1f}", f"{measured[agent, tau]:.1f}",
      f"{measured[agent, tau] / by_formula[agent, tau]:.2f}") for agent, tau, discount, *_ in cases],
)  # fmt: skip
ratio = {tau: measured["small", tau] / by_formula["small", tau] for agent, tau, *_ in cases if agent == "small"}
claim(
    f"From τ = 0.01 to 0.05 the time falls from {measured['small', 0.01]:.1f} to {measured['small', 0.05]:.1f} thousand steps, "
    f"within a fifth of (03.22). At τ = 0.2 it is {ratio[0.2]:.1f} times as long as (03.22) says.",
    all(abs(ratio[tau] - 1) < 0.2 for tau in (0.01, 0.02, 0.05)) and ratio[0.2] > 1.4,
)
ends = {tau: rates.scores(f"τ = {tau:g}")[:, 0, -1, 2] for tau in ratio}
slow = np.concatenate([ends[tau] for tau in (0.01, 0.02, 0.05)])
claim(
    f"With τ = 0.2 the values end at {ends[0.2].min():.0f} to {ends[0.2].max():.0f}, where the limit is 100; with smaller τ "
    f"at {slow.min():.0f} to {slow.max():.0f}.",
    ends[0.2].min() > 110 and slow.max() < 125,
)


# %% [markdown]
# So up to $\tau = 0.05$ the target network sets the pace at which these values rise: nothing else was changed. At
# $\tau = 0.2$ they rise more slowly than (03.22) says, which supposes a network that fits its targets at once, and they
# end above their limit.

# %% tags=["hide-input"]
def play(parameters, steps=300):
    """States [time, 4] of the greedy policy from a lean to the right; it begins anew when the episode ends."""
    lean, physics = torch.tensor([[0.0, 0.0, 0.1, 0.0]]), family.default_params
    state, states = lean, []
    for _ in range(steps):
        states.append(state[0])
        with torch.no_grad():
            state = family.transition(state, network.greedy_action(parameters, state), None, physics)
        if family.terminal(state, None, physics).all():
            state = lean
    return torch.stack(states)


shown = int(live[:, 4, 1].argmin())  # the seed with the lowest greedy return after 12,500 steps
figures.cartpoles(
    ("before training", "after 12,500 steps", "after 50,000 steps"),
    [play(select_parameters(parameters, shown)) for parameters in (start, early, trained)],
)

# %% [markdown]
# ## 7 Each ingredient taken away
#
# Eleven variants with five seeds each, from the table `dqn_ingredients`: each differs from the full agent in one
# thing. All have the same 50,000 steps, updates and step size, 0.001, which was chosen for the full agent.
#
# | variant | what is different |
# |---|---|
# | newest 128 only | the buffer holds 128 transitions, so a minibatch is what has just happened |
# | no target network | the target is computed with the newest parameters |
# | hard target | a copy every 50 updates instead of a soft one |
# | no double Q | the target network also chooses |
# | Huber's loss | instead of the squared error |
# | γ = 0.99 | instead of 0.995 |
# | constant learning rate | it does not fall to zero |
# | constant ε = 0.1 | from the first step to the last |
# | no (1 − terminated) | a fallen pole has a future |
# | truncation as termination | $d = 1$ also at the time limit |
#
# **Predict, then run.** (a) Which variants are solved by all five seeds, by some, by none? (b) Two of them end with
# absurd values. Which, and in which direction? (c) Which failures are those of the step size?

# %% [markdown]
# *Your prediction:* (a) … (b) … (c) …
#
# &nbsp;

# %%
scores = {name: table.scores(name)[:, 0] for name in table.rows}  # [seed, report, (training, greedy, value)]
discounts = {name: settings["changes"][name].get("discount", config.discount) for name in scores}
figures.ablation(scores, discounts)
reached = {name: score[:, :, 1] >= 475 for name, score in scores.items()}
ever = {name: int(good.any(1).sum()) for name, good in reached.items()}
lost = {name: sum(int((~row[row.argmax() :]).sum()) for row in good if row.any()) for name, good in reached.items()}
chance = [stats.fisher_exact([[5, 0], [k, 5 - k]]).pvalue for k in range(5)]  # two-sided

# %% tags=["hide-input"]
value_at_end = {name: float(np.median(score[:, -1, 2])) for name, score in scores.items()}
over_time = {name: bootstrap_interval(score[:, None, :, 1].mean(-1)) for name, score in scores.items()}
show_table(
    ("variant", "seeds that solve it at the end", "at some report", "reports below 475 after that",
     "greedy return over training", "value of the start at the end"),
    [(name, int(good[:, -1].sum()), ever[name], lost[name] if ever[name] else "–", over_time[name], f"{value_at_end[name]:,.0f}")
     for name, good in reached.items()])  # fmt: skip
solved = {name: int(good[:, -1].sum()) for name, good in reached.items()}
failing = [name for name in solved if solved[name] <= 1]
claim(
    "(a) Three variants fail: without a target network, with Huber's loss, and without (1 − terminated) at most one seed "
    "of five solves it. All others are solved by four or five.",
    set(failing) == {"no target network", "Huber's loss", "no (1 − terminated)"}
    and min(solved[n] for n in solved if n not in failing) >= 4,
)
claim(
    "(b) Without a target network and without (1 − terminated) the values end far above anything that can be earned.",
    {name for name in scores if value_at_end[name] > 10_000} == {"no target network", "no (1 − terminated)"},
)
say(
    "If five of five and $k$ of five had the same chance of success, how probable is a difference at least as large "
    "(Fisher's exact test)? " + ", ".join(f"$k = {k}$: {chance[k]:.3f}" for k in (4, 3, 2, 1, 0)) + "."
)
claim(
    "*Newest 128 only* ends within 5 % of (03.22), the full agent more than 25 % above it.",
    abs(value_at_end["newest 128 only"] / bound[-1] - 1) < 0.05 < 0.25 < value_at_end["full"] / bound[-1] - 1,
)

# %% [markdown]
# **A step size of their own.** In the table `dqn_step_sizes` two of the failing variants have a step size that was
# chosen for them, the best of four on two seeds. The five seeds reported are others; steps and updates are as before.

# %% tags=["hide-input"]
tuned, columns = load_table("dqn_step_sizes"), dqn_step_sizes.COLUMNS
grid = tuned.settings["step_sizes"]
alone = {name: tuned.scores(name)[:, 0] for name in tuned.rows}  # [seed, report, as `scores`, 3 ends, tuning seeds]
own = {name: dqn_step_sizes.own_step_size(runs[0, :, columns:], grid) for name, runs in alone.items()}
at_own = {name: runs[:, :, 1] >= 475 for name, runs in alone.items()}
show_table(
    ("variant", *(f"two tuning seeds, last quarter, η = {lr:g}" for lr in grid), "its own η", "seeds that solve it at the end",
     "at some report", "reports below 475 after that", "value of the start at the end"),
    [(name, *(f"{value:.0f}" for value in runs[0, -len(thousands) // 4 :, columns:].mean(0)), f"{own[name]:g}",
      int(at_own[name][:, -1].sum()), int(at_own[name].any(1).sum()), lost_again(runs),
      f"{runs[:, -1, 2].min():,.0f} to {runs[:, -1, 2].max():,.0f}") for name, runs in alone.items()])  # fmt: skip
TARGET, HUBER = "no target network", "Huber's loss"
kept = int(at_own[TARGET][:, -1].sum())
apart = stats.fisher_exact([[solved[TARGET], 5 - solved[TARGET]], [kept, 5 - kept]]).pvalue
values = {"at 0.001": scores[TARGET][:, -1, 2], "at its own": alone[TARGET][:, -1, 2]}
claim(
    f"(c) Without a target network the own step size is {own[TARGET]:g}. With it {kept} seeds of five solve CartPole at the end; "
    f"with a step size of 0.001 it is {solved[TARGET]} of five (p = {apart:.2f}; p = {chance[kept]:.2f} for {kept} against five "
    f"of five). The largest value at the end is {values['at its own'].max():,.0f}, and with 0.001 the smallest is "
    f"{values['at 0.001'].min():,.0f}.",
    own[TARGET] < 1e-3 and kept > solved[TARGET] and min(apart, chance[kept]) > 0.05
    and 10 * values["at its own"].max() < values["at 0.001"].min(),
)  # fmt: skip
claim(
    f"Huber's loss keeps {own[HUBER]:g}: its five agents are those of the table above. The two tuning seeds, however, "
    f"end at {alone[HUBER][0, -1, columns + grid.index(own[HUBER])]:.0f} on average.",
    np.array_equal(alone[HUBER][:, :, :3], scores[HUBER]) and own[HUBER] == config.lr,
)


# %% [markdown]
# **Two variants diverge in their values.** Without $(1 - d)$ nothing is learned. A state in which an episode
# has ended stands in the buffer as a *next* observation only: its value is used in targets, and no update ever
# corrects it. It has the part of state 2 in (03.16), where a smaller $\eta$ only delays; here none was tried.
# Without a target network four of five agents reach 475 with values far above 200, and three of the four lose it
# again. Much of this is the step size: with 0.0003 the values end between 290 and 4,100, and three agents of five
# solve the task. Five seeds can tell three neither from one nor from five.
#
# **Huber's loss** reaches 475 in four seeds of five as well, and one ends there; its own step size is the full agent's.
# By the test above $p = 0.048$, and the smallest of ten such comparisons would often be as small by chance. [Appendix
# 03a](03a_hubers_loss.ipynb) looks at how its episodes end.
#
# **The rest cannot be told from the full agent**: four of five against five of five is no evidence.
# So the table does *not* show that double Q-learning or the treatment of truncation matter for CartPole, nor that they
# do not. With two actions the bias (03.18) is small, and section 9 computes how little truncation can do here.
# Ingredients were found on other problems (double Q on Atari, with up to 18 actions).
#
# *Newest 128 only*, an agent with hardly any replay, swings more than the other variants that end well (fourth
# column), and its values have less excess. That is one variant on one task. It agrees with the triad, where
# old transitions from other policies are the third ingredient, and it does not prove it.
#
# ## 8 What is it worth to know the task?
#
# The three agents learned one task. The CartPole family of chapter 02 has many: gravity, the masses of cart and pole,
# the pole's length and the force of a push. Here the agents play other tasks without further learning, beside two
# controllers of one kind, linear-quadratic feedback. The **oracle** (green) is designed for the physics of the very
# task that it plays. The **nominal** controller (orange) is designed for ordinary physics and knows nothing of the task.
#
# **Predict, then run.** (a) Which of the three fall off where all five parameters change by factors up to two, and
# which up to four? (b) If the force is reversed, so that left is right: do the agents earn half, as much as random
# actions, or less? (c) Which two bars must one compare to say what knowing the task is worth?

# %% [markdown]
# *Your prediction:* (a) … (b) … (c) …
#
# &nbsp;

# %%
def feedback(tasks, gains):
    """Mean return of linear feedback on each task."""
    return rollout(family, tasks, CartPoleController(), {"gains": gains}, 10, seeded(14)).returns.mean(1).numpy()


reversed_force = {**family.default_params, "force": -family.default_params["force"]}
kinds = {
    "ordinary": family.default_params,
    "test, up to ×2": family.sample_tasks(100, seeded(15), "test"),
    "out of distribution,\n×2 to ×4": family.sample_tasks(100, seeded(16), "ood"),
    "force reversed": reversed_force,
}
nominal = cartpole_gains(family.default_params)
by_kind = {}
for kind, tasks in kinds.items():
    agents = [rollout(family, tasks, network, select_parameters(trained, s), 5, seeded(14)) for s in seeds]
    sign = tasks["force"].sign()[:, None]  # cartpole_gains look at the other parameters
    by_kind[kind] = {
        "DQN": np.stack([played.returns.mean(1).numpy() for played in agents]),  # [seed, task]
        "oracle": feedback(tasks, sign * cartpole_gains(tasks)),
        "nominal": feedback(tasks, nominal.expand(len(sign), 4)),
    }
figures.changed_physics(by_kind)

# %% tags=["hide-input"]
mean = {kind: {who: float(np.mean(returns)) for who, returns in row.items()} for kind, row in by_kind.items()}
ordinary, within, beyond, mirrored = mean.values()
claim(
    f"(a) Within a factor of two the nominal controller loses nothing ({within['nominal']:.0f}), the agents do "
    f"({within['DQN']:.0f}). Between two and four it earns {beyond['nominal']:.0f}, the oracle {beyond['oracle']:.0f}, "
    f"the agents {beyond['DQN']:.0f}.",
    within["nominal"] > 490 and within["DQN"] < 490 and beyond["DQN"] < beyond["nominal"] < beyond["oracle"] - 100,
)
claim(
    f"(b) With a reversed force the agents earn {mirrored['DQN']:.0f}, random actions {float(random):.0f}.",
    mirrored["DQN"] < float(random),
)
claim(
    "(c) Green minus orange is "
    f"{abs(within['oracle'] - within['nominal']):.0f} within a factor of two, {beyond['oracle'] - beyond['nominal']:.0f} "
    f"between two and four, {mirrored['oracle'] - mirrored['nominal']:.0f} for the reversed force.",
    within["oracle"] - within["nominal"] < 10 < 100 < beyond["oracle"] - beyond["nominal"],
)
far = kinds["out of distribution,\n×2 to ×4"]
pole_only = float(feedback(far, torch.tensor([[0.0, 0.0, 1.0, 0.2]]).expand(100, 4)).mean())  # as in chapter 02
claim(
    f"Between two and four, the fixed rule of chapter 02 that watches the pole alone earns {pole_only:.0f}, and the oracle "
    f"{beyond['oracle'] - pole_only:.0f} more.",
    beyond["nominal"] + 100 < pole_only < beyond["oracle"],
)
per_seed = by_kind["test, up to ×2"]["DQN"].mean(1)

# %% [markdown]
# (c) Green and orange. Blue has two reasons to be lower than green: the agents do not know the task, and they are brittle.
# Within a factor of two one controller that knows nothing of the task stays at 500: what the agents lose there is
# brittleness alone, which a robust policy would repair (domain randomisation).
# Only where green is above orange can adaptation pay, and green minus orange is an upper limit: orange is *one* policy
# without knowledge of the task, and between two and four not the best one. The rule that watches the pole alone leaves a
# fifth of that difference. For the reversed force one bit about the task is worth nearly everything.
#
# Keep the two differences apart whenever a meta-learner is compared with an agent trained on one task. What it takes to
# make a DQN adapt quickly is the subject of chapter 10.
#
# ## 9 What goes wrong in practice
#
# **A perfect score hides differences.** Agents that end at 500 on CartPole-v1 need not be alike:

# %% tags=["hide-input"]
say(
    "mean return on the same hundred test tasks, up to ×2, for seeds 0 to 2: "
    + ", ".join(f"{value:.0f}" for value in per_seed)
)
claim("On these tasks they differ by more than 20.", per_seed.max() - per_seed.min() > 20)

# %% [markdown]
# The score of 500 is a ceiling: the task is too easy to tell the agents apart.
#
# **The best checkpoint is reported.** Each run of the table was evaluated twenty times. Suppose someone reports the best
# evaluation of each run. That is the column *at some report* of section 7: four of five for two variants of
# which one of five is left at the end. Choosing
# the checkpoint is fine if it is done on other episodes than those that are reported, for all variants alike. Then
# it is part of the algorithm, and is called early stopping.
#
# **Truncation is merged into termination.** Take a task that pays 1 per step and never ends, cut every $H$ steps for the
# convenience of the experimenter, from a state that looks the same all the time. One transition in $H$ has $d = 1$
# where it should have $d = 0$. So the expected target is $1 + \gamma (1 - \frac{1}{H}) V$, and its fixed point is
# $V = 1 / \big(1 - \gamma\,(1 - \frac{1}{H})\big)$ instead of $1 / (1 - \gamma)$ (03.23).

# %%
limits = (500, 50, math.inf)  # the last one: bootstrapped at the limit, as it should be
stay = torch.tensor([1 - 1 / limit for limit in limits], dtype=torch.float64)  # merged, a limit is a chance to end
chains = stay.repeat_interleave(25).reshape(-1, 1, 1, 1)  # one state, one action, 25 tables each
q, _ = my_q_learning(chains, torch.ones(75, 1, 1, dtype=torch.float64), 0.99, 40_000, seeded(19), 0.51)
learned, predicted = q.reshape(3, 25).mean(1), 1 / (1 - 0.99 * stay)

# %% tags=["hide-input"]
names = ("merged, H = 500", "merged, H = 50", "bootstrapped at the limit")
show_table(
    ("γ = 0.99", "by (03.23)", "learned"),
    [(name, f"{float(p):.1f}", f"{float(v):.1f}") for name, p, v in zip(names, predicted, learned, strict=True)],
)
claim("Q-learning finds the values of (03.23) to within 8 %.", ((learned / predicted - 1).abs() < 0.08).all())

# %% [markdown]
# With $H = 50$ two thirds of the value are gone. With CartPole's $H = 500$ it is a sixth (and 143 instead of 200 for
# $\gamma = 0.995$), equally for both actions. And an agent that needs half of its 50,000 steps to reach the limit has
# about one truncated transition in a thousand in its buffer. So *truncation as termination* made no visible difference
# in section 7. On a task with a short limit, with negative rewards, or where some states are met just before the limit
# only (the grid of chapter 02), it changes the policy.
#
# ## 10 Check yourself
#
# Decide before you open an answer.
#
# **1.** A table satisfies $Q = \mathcal{B}^\pi Q$. When does it satisfy $Q = \mathcal{B} Q$, too?
# (A) Always, a fixed point is a fixed point. (B) Exactly if $Q^\pi = Q^*$. (C) Never, unless $\pi$ is the greedy policy.
#
# <details><summary>Answer to 1</summary>
#
# **B.** The first equation has the one solution $Q^\pi$, the second has the one solution $Q^*$. (A) mixes up two
# operators. (C): with $\gamma = 0$ both operators give $r$, so every policy has $Q^\pi = Q^*$, greedy or not. The
# same happens with $\gamma > 0$ if $\pi$ errs only in states that are never reached after a step.
# </details>
#
# **2.** Q-learning learns from the transitions of another agent that acts badly. What must hold for convergence to
# $Q^*$ in a table? (A) The other agent must become greedy in the end. (B) It must try every action in every state
# again and again. (C) Its actions must be reweighted by importance sampling.
#
# <details><summary>Answer to 2</summary>
#
# **B**, besides (03.11). (A) is needed by SARSA, whose target contains the action really
# taken. (C): the target (03.9) contains no action of the behaviour policy, so there is nothing to reweight.
# </details>
#
# **3.** Somebody lets the gradient flow through the target, and the loss falls more smoothly.
# What does that show? (A) Better learning. (B) That the Bellman error is minimised. (C) That a quantity with
# a variance term in it is minimised.
#
# <details><summary>Answer to 3</summary>
#
# **C**, by (03.14). (B) is true only in deterministic worlds. (A): losses with different targets cannot be compared;
# look at returns.
# </details>
#
# **4.** On tasks of a family an agent trained on one task earns 200, a fixed controller 280, and the controller designed
# for each task 470. How much can adaptation be worth at most, for controllers of this kind? (A) 270. (B) 190. (C) 80.
#
# <details><summary>Answer to 4</summary>
#
# **B**, 470 − 280, an upper limit: a better fixed controller would make it smaller. (A) also counts the 80 that the agent loses to a policy without any
# knowledge of the task (C).
# </details>
#
# ## Further reading
#
# - R. S. Sutton and A. G. Barto, *Reinforcement Learning: An Introduction*, 2nd edition, 2018. Chapters 3, 4, 6 and 11.
# - M. L. Puterman, *Markov Decision Processes*, 1994. All proofs of section 2 in full generality.
# - H. Robbins and S. Monro, "A stochastic approximation method", Annals of Mathematical Statistics, 1951.
# - R. S. Sutton, "Learning to predict by the methods of temporal differences", Machine Learning, 1988.
# - C. J. C. H. Watkins, *Learning from Delayed Rewards*, PhD thesis, 1989; C. J. C. H. Watkins and P. Dayan,
#   "Q-learning", Machine Learning, 1992.
# - G. A. Rummery and M. Niranjan, *On-line Q-learning using connectionist systems*, 1994. SARSA.
# - T. Jaakkola, M. I. Jordan and S. P. Singh, "On the convergence of stochastic iterative dynamic programming
#   algorithms", Neural Computation, 1994; J. N. Tsitsiklis, "Asynchronous stochastic approximation and Q-learning",
#   Machine Learning, 1994.
# - E. Even-Dar and Y. Mansour, "Learning rates for Q-learning", Journal of Machine Learning Research, 2003.
# - L. Baird, "Residual algorithms: reinforcement learning with function approximation", ICML, 1995.
# - J. N. Tsitsiklis and B. Van Roy, "Feature-based methods for large scale dynamic programming", Machine Learning,
#   1996.
# - L.-J. Lin, "Self-improving reactive agents based on reinforcement learning, planning and teaching", Machine Learning,
#   1992. Experience replay.
# - V. Mnih et al., "Human-level control through deep reinforcement learning", Nature, 2015.
# - H. van Hasselt, "Double Q-learning", NIPS, 2010; H. van Hasselt, A. Guez and D. Silver, *Deep reinforcement learning
#   with double Q-learning*, 2016, arXiv:1509.06461.
# - T. P. Lillicrap et al., *Continuous control with deep reinforcement learning*, 2016, arXiv:1509.02971. Soft targets.
# - H. van Hasselt et al., *Deep reinforcement learning and the deadly triad*, 2018, arXiv:1812.02648.
# - F. Pardo et al., *Time limits in reinforcement learning*, 2018, arXiv:1712.00378.
#
# [Exercises](../exercises/03_value_based_agents_exercises.ipynb) · previous: [02 Tasks and their distributions](02_tasks.ipynb) · next: [04 Policy-gradient agents](04_policy_gradient_agents.ipynb) · appendix: [03a Huber's loss](03a_hubers_loss.ipynb)
