# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11 Memory and context
#
# **Can a network learn to explore, just by remembering?**
#
# You will be able to
#
# - say why a policy of observation, action, reward, end flag and a state of its own is enough
# - build RL² in forty lines, loop included, and train it on bandits to within one percent of the exact optimum
# - derive Thompson sampling and UCB1, and hold a learned memory against them, the Gittins index and greedy play
# - teach a memory the posterior by supervision, and measure how far it is from the exact one
# - tell a policy that samples from its belief from one that acts on it, and say what sampling costs
# - recognise four mistakes that give no error message
#
# Before you start: chapter 04, [Policy-gradient agents](04_policy_gradient_agents.ipynb); recurrent networks.
#
# Reading: about 85 minutes. Running: at most 100 seconds and 1500 MB on the machine that README names; `make doctor` compares yours. [Exercises](../exercises/11_memory_and_context_exercises.ipynb): about 120 minutes.

# %% tags=["hide-input"]
import functools

import numpy as np
import torch
from torch import nn

from metarl_core.claims import claim
from metarl_core.evaluation import t_curves, t_interval
from metarl_core.exact import (
    arm_counts,
    bayes_greedy,
    bayes_optimal_value,
    best_arm_probabilities,
    best_search,
    gittins,
    goal_belief,
    play_bandits,
    thompson,
    ucb1,
)
from metarl_core.figures import ch11 as figures
from metarl_core.figures.words import table as show_table
from metarl_core.meta import RL2, MemoryAgent, memory
from metarl_core.meta.memory.agent import part
from metarl_core.networks import GRU, gru, gru_step
from metarl_core.parameters import initial_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import memory_bandits
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import BernoulliBandits, GridNavi
from metarl_core.widgets import bandit_memory_explorer

begin()

# %% [markdown]
# ## 1 Two episodes in a grid
#
# A grid of three by three cells. The agent starts in the corner at the upper left. One of five cells is the goal: each
# step that ends on it pays 1, every other step costs 0.1. The agent sees the cell that it is in, and not where the
# goal is. An episode has eight steps, and a task is played for **two episodes** in a row, with the same goal.
#
# The agent is a recurrent network. In training, goals are drawn anew again and again, and the policy-gradient methods
# of chapter 04 raise the return of both episodes together. Then its weights are frozen: on a new task nothing is
# trained, and no gradient is taken. The cell below trains it (about ten seconds; sections 2 to 4 explain every line).
#
# **Predict, then run.** The weights are the same in both episodes. (a) What will the path of the first episode look
# like, on a task whose goal the network has not been told? (b) And that of the second? (c) Five cells may be the goal.
# What would you do in the first episode if your own points were at stake?
#
# *Your prediction:*

# %%
grid = GridNavi(size=3, horizon=8)


def train_on_grid(make_memory, seed, iterations=40):
    """A memory of 32 units, meta-trained on trials of two episodes."""
    generator = seeded(seed)
    agent = MemoryAgent(grid.observation_space, grid.action_space, make_memory, generator=generator)
    method = RL2(grid, agent, trials=8, episodes=2, discount=1.0)
    config = memory.TrainConfig(
        iterations=iterations, meta_batch=32, outer_lr=1e-2, epochs=3, minibatches=4, clip=0.2, gae_lambda=1.0,
        value_coef=0.0, baseline="task", entropy_coef=0.05, anneal_entropy=True, max_grad_norm=1.0,
    )  # fmt: skip
    start = method.initial(initial_parameters(agent))
    return method, memory.train(method, start, config, generator, description=f"grid, seed {seed}")[0]


walker, walker_meta = train_on_grid(functools.partial(GRU, hidden=32), 0)
goals = {"goal": grid.goals["train"].repeat(200)}  # the five goals, 200 trials each
walked = memory.adaptation_curve(walker, walker_meta, goals, seeded(1), trials=1)

# %% tags=["hide-input"]
ended_on = grid.next_cell[walked.trials.observations, walked.trials.actions][:, 0].unflatten(-1, (2, -1))
shown = torch.tensor([0, 2, 4])
figures.episodes(grid, ended_on[shown], goals["goal"][shown])
best = best_search(grid, 2)
optimal, by_episode = best.returns, walked.returns.mean(0).numpy()
claim(
    f"Mean return of the first episode **{by_episode[0]:.2f}**, of the second **{by_episode[1]:.2f}**; the best that any "
    f"agent can reach without being told the goal is {optimal[0]:.2f} and {optimal[1]:.2f}.",
    np.abs(by_episode - optimal).max() < 0.12,
)

# %% [markdown]
# (a) In the first episode the agent sweeps through the cells that may hold the goal, and stays as soon as a step pays.
# (b) In the second it goes there directly. (c) You would probably do the same: visit the five cells along one path
# without detours. That is the optimal search, which was computed here by dynamic programming, and the network is
# within a few hundredths of it.
#
# What is remarkable is what is *missing*. No exploration bonus was given, no rule that a goal once found is to be
# remembered, and no gradient step adapts anything. Exploring in episode 1 costs points; it was learned since it pays
# in the rest of the trial. The learning algorithm that runs at test time is the dynamics of the recurrent network, and
# it was found by another learning algorithm, slower and outside. Duan et al. (2016) called this **RL²**, and Wang et
# al. (2016) *learning to reinforcement learn*.
#
# ## 2 Why a memory is enough
#
# **The problem.** A task $\mathcal{T} \sim p$ is an MDP with transitions and rewards
# $P_{\mathcal{T}}(o', r, d \mid o, a)$; $o$ is what the agent sees, $r$ the reward, and $d = 1$ where an episode ends.
# A **trial** is a fixed number of episodes on one task, $L$ steps in all. The agent knows the **history**
# $h_t = (o_0, a_0, r_0, d_0, o_1, \dots, a_{t-1}, r_{t-1}, d_{t-1}, o_t)$ and nothing else. It maximises
#
# $$J(\pi) = \mathbb{E}_{\mathcal{T} \sim p}\; \mathbb{E}\Bigl[\sum_{t=0}^{L-1} \gamma^t r_t\Bigr],
# \qquad a_t \sim \pi(\cdot \mid h_t). \tag{11.1}$$
#
# This is (01.11) once more: the expectation over tasks is outside, and what adapts is inside $\pi(\cdot \mid h_t)$.
#
# **What the history says about the task.** By Bayes' rule the posterior is proportional to the prior times the
# probability of all that was seen, which is a product over steps:
#
# $$b_t(\mathcal{T}) := p(\mathcal{T} \mid h_t)
# = \frac{p(\mathcal{T}) \prod_{i<t} \pi(a_i \mid h_i)\, P_{\mathcal{T}}(o_{i+1}, r_i, d_i \mid o_i, a_i)}
# {\int p(\mathcal{T}') \prod_{i<t} \pi(a_i \mid h_i)\, P_{\mathcal{T}'}(o_{i+1}, r_i, d_i \mid o_i, a_i)\, \mathrm{d}\mathcal{T}'}. \tag{11.2}$$
#
# The factors $\pi(a_i \mid h_i)$ do not depend on the task, and cancel. So it does not matter *why* an action was
# taken, only which. What remains can be updated step by step,
#
# $$b_{t+1}(\mathcal{T}) \propto b_t(\mathcal{T})\, P_{\mathcal{T}}(o_{t+1}, r_t, d_t \mid o_t, a_t). \tag{11.3}$$
#
# **The belief is a state.** What happens next depends on the history only through $(o_t, b_t)$, for
# $p(o_{t+1}, r_t, d_t \mid h_t, a_t) = \int b_t(\mathcal{T})\, P_{\mathcal{T}}(o_{t+1}, r_t, d_t \mid o_t, a_t)\, \mathrm{d}\mathcal{T}$,
# and then (11.3) gives $b_{t+1}$. So $(o_t, b_t)$ is the state of an MDP, the *Bayes-adaptive* MDP (Duff 2002), and by
# the theorem of chapter 03 an optimal policy needs nothing but its state. For bandits this was (02.6): there the counts
# of the arms stand for the belief.
#
# **A network in place of the belief.** (11.3) has the form *new state from old state and what was just seen*. A
# recurrent network has the same form,
#
# $$m_t = f_\theta(m_{t-1}, o_t, a_{t-1}, r_{t-1}, d_{t-1}), \qquad a_t \sim \pi_\theta(\cdot \mid m_t). \tag{11.4}$$
#
# Nobody tells it to compute a belief. But if its state is wide enough to hold one, then the best policy of the form
# (11.4) is as good as the best of all policies, and maximising (11.1) over $\theta$ has to look for it. The four
# inputs are all needed: with $a$ and $r$ left out (11.3) cannot be computed, and without $d$ the network cannot know
# that it was put back to the start.

# %% tags=["hide-input"]
figures.unrolled()


# %% [markdown]
# Two things follow for the code, and both are easy to get wrong. The memory is emptied where a **trial** begins and
# nowhere else. And returns are summed across the ends of episodes, for a discovery in episode 1 pays in episode 2.
#
# ## 3 Build it
#
# The first tasks of RL² were bandits, as in chapter 02: $k$ arms, arm $i$ pays 1 with probability $\mu_i$, and all
# $\mu_i$ are uniform on $[0, 1]$. A trial is one episode of $n$ pulls. The memory is a *gated recurrent unit* (GRU;
# Cho et al. 2014), which mixes its old state with a candidate by a gate, so that a gradient survives many steps.
#
# With the history in the place of the state, the policy-gradient theorem of chapter 04 holds as it stands:
#
# $$\nabla J = \mathbb{E}\Bigl[\sum_{t} \nabla \log \pi_\theta(a_t \mid m_t)\, \bigl(G_t - b\bigr)\Bigr],
# \qquad G_t = \sum_{i \ge t} r_i \quad (\gamma = 1). \tag{11.5}$$
#
# Two tricks make the estimate less noisy, and leave its mean alone.
#
# *Means in place of rewards.* In training the task is known. For $i \ge t$, condition on the task, on $h_i$ and on
# $a_i$: the term $\nabla \log \pi_\theta(a_t \mid m_t)\, r_i$ then has the mean
# $\nabla \log \pi_\theta(a_t \mid m_t)\, \mu_{a_i}$. So $G_t$ may be counted with the arms' means. The memory itself
# still sees the reward that was drawn.
#
# *Other trials as a baseline.* Play each bandit in several independent trials. For a trial, let $b$ be the mean of
# $G_t$ over the *other* trials of the same bandit. Given the task it is independent of this trial's actions, so
# $\mathbb{E}[\nabla \log \pi_\theta\, b] = 0$ as for any baseline, and it takes out what makes a bandit rich or poor.
#
# > **Algorithm: RL² by PPO.** Repeat:
# > 1. Draw tasks. Play several trials on each, with an empty memory at the beginning.
# > 2. For each step: return to go to the end of the *trial*, minus the baseline.
# > 3. For some epochs, in minibatches of *whole trials*: let the memory read each trial anew from its beginning, and
# >    take a step of Adam on PPO's clipped objective (04.22) plus an entropy bonus.

# %%
def head(theta, read):
    """log π(· | m)."""
    return nn.functional.linear(read, theta["policy.logits.weight0"], theta["policy.logits.bias0"]).log_softmax(-1)


def my_play(theta, means, pulls, trials, generator):
    """Trials on bandits: what the memory was given, arms, arms' means and log π, all [task, trial, pull, ...]."""
    shape, arms, seen = (len(means), trials), means.shape[1], []
    race = torch.empty(pulls, *shape, arms).exponential_(generator=generator)
    state = torch.zeros(*shape, theta["memory.weight_hidden"].shape[1])
    given = torch.eye(1, 1 + arms + 2).expand(*shape, -1)  # the observation, always 1; no arm, reward or end before
    for pull in range(pulls):
        state = gru_step(part(theta, "memory."), given, state)
        chances = head(theta, state)
        arm = (chances - race[pull].log()).argmax(-1)  # a draw from π
        mean = means[:, None].expand(*shape, -1).gather(-1, arm[..., None])[..., 0]
        reward = (torch.rand(shape, generator=generator) < mean).float()
        seen.append((given, arm, mean, chances.gather(-1, arm[..., None])[..., 0]))
        end = torch.zeros(*shape, 1)  # one episode: no end before the last pull
        given = torch.cat([given[..., :1], nn.functional.one_hot(arm, arms), reward[..., None], end], -1)
    return [torch.stack(values, 2).detach() for values in zip(*seen, strict=True)]


# %%
def my_rl2(start, family, iterations, generator, tasks=128, trials=8, lr=1e-2, clip=0.2, bonus=0.01):
    """The outer loop."""
    theta = {name: value.clone().requires_grad_() for name, value in start.items()}
    adam, trace = torch.optim.Adam(theta.values(), lr=lr, eps=1e-5), []
    for _ in range(iterations):
        means = family.sample_tasks(tasks, generator)["means"]
        inputs, arms, earned, old = my_play(theta, means, family.horizon, trials, generator)
        ahead = earned.flip(-1).cumsum(-1).flip(-1)  # to the end of the trial
        advantage = ahead - (ahead.sum(1, keepdim=True) - ahead) / (trials - 1)
        advantage = (advantage - advantage.mean()) / advantage.std(correction=0)
        data = [value.flatten(0, 1) for value in (inputs, arms, old, advantage)]
        for _ in range(3):
            for chosen in torch.randperm(tasks * trials, generator=generator).chunk(4):  # whole trials
                inputs, arms, old, advantage = (value[chosen] for value in data)
                chances = head(theta, gru(part(theta, "memory."), inputs))  # read anew from the beginning
                ratio = (chances.gather(-1, arms[..., None])[..., 0] - old).exp()
                gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
                entropy = -(chances.exp() * chances).sum(-1)
                adam.zero_grad()
                (-(gain + bonus * entropy).mean()).backward()
                nn.utils.clip_grad_norm_(theta.values(), 1.0)
                adam.step()
        trace.append(float(earned.sum(-1).mean()))
    return theta, trace


# %% [markdown]
# `part` takes the parameters whose names begin with a word. `gru_step` and `gru` are the package's GRU for one step and
# for a whole sequence. Does it compute what the package does? Five iterations from the same weights and the same
# generator:

# %%
bandits = BernoulliBandits(arms=5, horizon=10)
agent = MemoryAgent(
    bandits.observation_space, bandits.action_space, functools.partial(GRU, hidden=64), generator=seeded(2)
)
start = initial_parameters(agent)
mine, trace = my_rl2(start, bandits, 5, seeded(3))

rl2 = RL2(bandits, agent, trials=8, episodes=1, discount=1.0, expected_reward=memory_bandits.mean_of_arm)
first = memory.TrainConfig(
    iterations=5, meta_batch=128, outer_lr=1e-2, epochs=3, minibatches=4, clip=0.2, gae_lambda=1.0, value_coef=0.0,
    baseline="task", entropy_coef=0.01, anneal=False, max_grad_norm=1.0,
)  # fmt: skip
theirs, reference = memory.train(rl2, start, first, seeded(3), description=None)

# %% tags=["hide-input"]
apart = float(np.abs(np.subtract(trace, reference["return"])).max())
drift = max(float((mine[name].detach() - theirs[name]).abs().max()) for name in theirs)
claim(
    f"Returns of the five iterations differ by at most {apart:.0e}, and the weights after them by {drift:.0e}.",
    apart < 1e-4 and drift < 1e-3,
)

# %% [markdown]
# From here on the package computes. Its settings in this chapter:
#
# | setting | here | Duan et al. 2016 |
# |---|---|---|
# | memory | GRU, 64 units (32 in the grid) | GRU, 256 units |
# | optimiser | PPO, clip 0.2, 3 epochs, 4 minibatches of whole trials; Adam | TRPO, KL 0.01 |
# | step size | $10^{-2}$ falling to 0 (bandits: in two phases) | |
# | discount $\gamma$, $\lambda$ | 1, 1: returns | 0.99, 0.3 |
# | baseline | other trials of the same task | a recurrent network |
# | steps an iteration | 10,240 (bandits of 10 pulls), 4,096 (grid) | 250,000 |
#
# ## 4 Ten pulls, against the exact optimum
#
# Five arms and ten pulls are small enough for (02.6), so that here the best that *any* learner can do is known. Beside
# it stand strategies that are told the prior.
#
# **Greedy** pulls the arm with the largest posterior mean (02.5). It never pulls an arm for what it might learn.
#
# **Thompson sampling** (1933) draws one $\tilde\mu_i$ from each arm's posterior Beta$(1+s_i, 1+f_i)$ and pulls the arm
# with the largest draw. So it pulls each arm as often as that arm is the best, given what was seen:
#
# $$\pi(a \mid h_t) = P(a = \arg\max_i \mu_i \mid h_t). \tag{11.6}$$
#
# An arm about which little is known has a wide posterior and wins some of the draws; one that is surely worse is left
# alone. It looks at the posterior and not at the number of pulls that are left.
#
# **UCB1** (Auer, Cesa-Bianchi and Fischer 2002) needs no prior. By Hoeffding's inequality the mean $\bar x_i$ of $n_i$
# pulls lies more than $u$ below $\mu_i$ with probability at most $e^{-2 n_i u^2}$. Let that be $t^{-4}$ at the $t$-th
# pull, and solve for $u$: pull the arm with the largest
#
# $$\bar x_i + \sqrt{\frac{c \ln t}{n_i}}, \qquad c = 2. \tag{11.7}$$
#
# The constant is made for a proof that holds for any number of pulls. For few pulls it explores too much, so we choose
# $c$ on training bandits, as the memory is trained on them.
#
# **The Gittins index**, with its clock running down, is derived in appendix [02b](02b_gittins_index.ipynb). For several
# arms and a finite number of pulls it is not the optimum, but close to it.
#
# **Predict, then run.** With ten pulls of five arms: (a) order greedy, Thompson and Gittins by what they earn. (b) Where
# will the memory be, after 120 iterations of training?
#
# *Your prediction:*

# %%
SHORT = "10 pulls, 5 arms"
learned = memory_bandits.trained(SHORT, 0)  # two phases of 60 iterations each
tasks = memory_bandits.held_out(SHORT)  # 4,000 bandits, each played once by everybody
own = memory_bandits.regrets(learned, tasks, 10).numpy()  # [bandit, pull]


def tuned_ucb1(pulls, arms=5):
    """UCB1 with the constant that earns most on 4,000 training bandits."""
    means = BernoulliBandits(arms, pulls).sample_tasks(4000, seeded(7))["means"].numpy()
    worth = {
        c: play_bandits(ucb1(c), means, pulls, np.random.default_rng(1)).expected_rewards.mean() for c in CONSTANTS
    }
    return ucb1(max(worth, key=worth.get))


CONSTANTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
means, luck = tasks["means"].numpy(), np.random.default_rng(0).random((4000, 5, 10))
rules = {"Gittins": gittins(10), "UCB1": tuned_ucb1(10), "Thompson": thompson, "greedy": bayes_greedy}
played = {name: play_bandits(rule, means, 10, np.random.default_rng(2), luck) for name, rule in rules.items()}
earned = {name: float(pulls.expected_rewards.sum(1).mean()) for name, pulls in played.items()}
earned["memory"] = float((means.max(1) - own.mean(1)).mean() * 10)
optimum = bayes_optimal_value(5, 10)

# %% tags=["hide-input"]
returns = [value for history in learned.histories for value in history["return"]]
lines = {"exact optimum": optimum, "greedy": earned["greedy"], "UCB1": earned["UCB1"], "Thompson": earned["Thompson"]}
figures.training(returns, earned["memory"], lines)
show_table(
    ["reward of ten pulls", "memory", *rules, "exact optimum", "knows the best arm"],
    [("4,000 held-out bandits", *(f"{earned[n]:.2f}" for n in ("memory", *rules)), f"{optimum:.2f}", f"{means.max(1).mean() * 10:.2f}")],
)  # fmt: skip
claim(
    f"The memory earns {earned['memory']:.2f}, **{earned['memory'] / optimum:.1%}** of what the best possible learner earns.",
    earned["memory"] > 0.99 * optimum,
)
claim(
    f"Greedy earns {earned['greedy'] / optimum:.1%} of it, and Thompson sampling {earned['Thompson'] / optimum:.1%}.",
    earned["Thompson"] < 0.9 * optimum < 0.98 * optimum < earned["greedy"],
)

# %% [markdown]
# (a) Gittins, then greedy close behind, then Thompson sampling far below. With two pulls an arm there is hardly time to
# use what one finds out, and Thompson sampling, which does not know that the end is near, explores to the last pull.
# (b) The memory is within one percent of the optimum.
#
# Read this with care. Greedy is nearly optimal here, too, so that ten pulls cannot show that a memory has *learned to
# explore*, though the number is often quoted for that.

# %% [markdown]
# ## 5 Thirty pulls, and a hundred
#
# With more pulls there is something to find out and time to use it. The table `memory_bandits` has five seeds for each
# number of pulls, trained in phases of ten, thirty and a hundred pulls; short play is cheap to learn from, and what was
# learned there is where the next phase begins. Everybody plays the same 4,000 held-out bandits. *Regret* is the mean of
# the best arm minus the mean of the arm that was pulled.
#
# **A third trick for long trials.** Late in a trial most of the noise in $G_t$ was settled long ago: whether the best
# arm has been found by then. A baseline may depend on all of $h_t$. So, besides the other trials' mean, the phase of a
# hundred pulls subtracts what a trial's own rewards so far say about the rest: averages of them that fade fast, slowly
# and at once, with weights from a least-squares fit on *other* bandits. The next cell lets the memory of section 4 play
# a hundred pulls, and measures what is left of the noise.

# %%
hundred = BernoulliBandits(5, 100)
longer = memory.play_trials(
    hundred, hundred.sample_tasks(128, seeded(11)), learned.method.agent, learned.parameters, 8, 1, seeded(12),
    memory_bandits.mean_of_arm,
)  # fmt: skip
nothing = torch.zeros_like(longer.rewards)
noise = {
    name: memory.trial_advantages(longer, nothing, 1.0, 1.0, name).square().mean((0, 1)) for name in ("task", "past")
}

# %% tags=["hide-input"]
claim(
    "The mean square of the advantages, with the other trials alone and with past rewards, too: "
    + "; ".join(f"at pull {p} **{float(noise['task'][p - 1]):.1f}** and **{float(noise['past'][p - 1]):.1f}**" for p in (5, 25, 50))
    + ".",
    float(noise["past"][49]) < 0.6 * float(noise["task"][49]),
)  # fmt: skip

# %% [markdown]
# **Predict, then run.** (a) Whose regret falls fastest in the first ten pulls of a hundred? (b) Whose is lowest at the
# last? (c) Where does the memory's curve lie?
#
# *Your prediction:*

# %%
table, rng, compared = load_table("memory_bandits"), np.random.default_rng(3), {}
MIDDLE, LONG, MANY = "30 pulls, 5 arms", "100 pulls, 5 arms", "100 pulls, 10 arms"


def strategies(pulls, arms):
    return {"Gittins": gittins(pulls), "UCB1": tuned_ucb1(pulls, arms), "Thompson": thompson, "greedy": bayes_greedy}


for setting in (SHORT, MIDDLE, LONG, MANY):
    pulls, arms = memory_bandits.size_of(setting)
    bandit_means = memory_bandits.held_out(setting)["means"].numpy()
    regret = {"memory": table.scores(setting)[:, 0, :pulls]}  # [seed, pull]
    for name, rule in strategies(pulls, arms).items():
        regret[name] = play_bandits(rule, bandit_means, pulls, rng).regrets.mean(0)
    compared[setting] = pulls * bandit_means.max(1).mean(), regret

# %% tags=["hide-input"]
band = t_curves(compared[LONG][1]["memory"][:, None])
curves = {name: np.atleast_2d(values).mean(0) for name, values in compared[LONG][1].items()}
figures.regrets(curves, {"memory": (band.low, band.high)})
PUBLISHED = {SHORT: "6.7", LONG: "78.7", MANY: "83.5"}
reward = {
    setting: {name: most - np.asarray(values).sum(-1) for name, values in regret.items()}
    for setting, (most, regret) in compared.items()
}
interval = {setting: t_interval(values["memory"]) for setting, values in reward.items()}
show_table(
    ["total reward", "memory, five seeds", *rules, "knows the best arm", "RL² as published"],
    [
        (
            setting,
            f"**{interval[setting].point:.2f}** [{interval[setting].low:.2f}, {interval[setting].high:.2f}]",
            *(f"{values[name]:.2f}" for name in rules),
            f"{compared[setting][0]:.2f}",
            PUBLISHED.get(setting, "–"),
        )
        for setting, values in reward.items()
    ],
)
middle, at_long, others = interval[MIDDLE], interval[LONG], reward[LONG]
claim(
    f"In thirty pulls the memory earns **{middle.point:.2f}** [{middle.low:.2f}, {middle.high:.2f}], more than greedy, tuned "
    f"UCB1 and Thompson sampling, and less than the Gittins index. In a hundred it earns **{at_long.point:.2f}** "
    f"[{at_long.low:.2f}, {at_long.high:.2f}], more than greedy ({others['greedy']:.2f}) and Thompson sampling "
    f"({others['Thompson']:.2f}), about as much as tuned UCB1 ({others['UCB1']:.2f}), and less than the Gittins index "
    f"({others['Gittins']:.2f}).",
    max(reward[MIDDLE][n] for n in ("greedy", "UCB1", "Thompson")) < middle.low < middle.high < reward[MIDDLE]["Gittins"]
    and max(others["greedy"], others["Thompson"]) < at_long.low < at_long.high < others["Gittins"]
    and abs(at_long.point - others["UCB1"]) < 0.5,
)
many, by_rule = interval[MANY], reward[MANY]
claim(
    f"With ten arms it earns {many.point:.2f} [{many.low:.2f}, {many.high:.2f}], more than greedy ({by_rule['greedy']:.2f}) "
    f"and Thompson sampling ({by_rule['Thompson']:.2f}), and less than tuned UCB1 ({by_rule['UCB1']:.2f}) and the Gittins "
    f"index ({by_rule['Gittins']:.2f}).",
    max(by_rule["greedy"], by_rule["Thompson"]) < many.low < many.high < by_rule["UCB1"],
)
so_far = {name: values[:10].sum() for name, values in curves.items()}
late = {name: values[80:].mean() for name, values in curves.items()}
claim(
    f"In the first ten pulls of a hundred the memory loses {so_far['memory']:.2f} in all and greedy {so_far['greedy']:.2f}; "
    f"in the last twenty {late['memory']:.3f} a pull, greedy {late['greedy']:.3f}, UCB1 {late['UCB1']:.3f} and Gittins "
    f"{late['Gittins']:.3f}.",
    abs(so_far["memory"] - so_far["greedy"]) < 0.1
    and late["Gittins"] < late["UCB1"] < late["memory"] < 0.7 * late["greedy"],
)
apart = float(np.abs(own.mean(0) - table.scores(SHORT)[0, 0, :10]).max())
claim(f"The memory of section 4 is the table's seed 0: regrets of a pull differ by at most {apart:.4f}.", apart < 0.05)

# %% [markdown]
# (a) Greedy's, the memory's and that of the Gittins index, which leave an arm that fails. UCB1 tries every arm once
# before it uses anything, and Thompson sampling draws arms by how likely they are the best. (b) That of Gittins, and
# UCB1's is the next. Greedy has stopped falling long before: where it drops the best arm after bad luck it does not come
# back. (c) Level with greedy for ten pulls, and below it from then on. Nobody told the memory to try again an arm that
# failed: this is exploration, and it was *learned*. At the end the memory lies a little above UCB1, and further above
# Gittins.
#
# The paper has RL² 78.7, Gittins 78.3 and UCB1 78.0 at 100 pulls of five arms, and 83.5, 82.8 and 82.4 at ten arms (Duan
# et al. 2016). Our memory does not reach that: with five arms it is level with a tuned UCB1, and the Gittins index is one
# ahead of it; with ten it is behind both, by one and by three. It was trained for 200 iterations of at most 51,200
# steps; the paper has up to a thousand of 250,000. How much of the gap more training would close was not measured. With
# ten pulls the strategies that know when to stop are close to each other, and a comparison at that length tells little.
#
# **Outside of its training.** A strategy is a rule, and holds for any bandit; a memory has seen what it has seen. Two
# tests. *Other bandits*: one arm pays with 0.9, all others with 0.1. *Longer play*: twice as many pulls as in training.

# %%
PULLS = 30
other_bandits = BernoulliBandits(5, PULLS).sample_tasks(4000, seeded(4), "ood")["means"].numpy()
usual = memory_bandits.held_out(MIDDLE)["means"].numpy()
outside = {"memory": [n * table.scores(MIDDLE)[:, 0, PULLS + i] for i, n in enumerate((PULLS, 2 * PULLS))]}  # [seed]
once, twice = strategies(PULLS, 5), strategies(2 * PULLS, 5)  # Gittins and UCB1 may be made anew
for name in rules:
    sides = (once[name], other_bandits, PULLS), (twice[name], usual, 2 * PULLS)
    outside[name] = [play_bandits(rule, m, n, rng).expected_rewards.sum(1).mean() for rule, m, n in sides]

# %% tags=["hide-input"]
others_ood, longer = (t_interval(values) for values in outside["memory"])
show_table(
    ["total reward", f"{PULLS} pulls, one arm of 0.9, four of 0.1", f"{2 * PULLS} pulls, usual bandits"],
    [
        ("memory, five seeds", *(f"**{v.point:.2f}** [{v.low:.2f}, {v.high:.2f}]" for v in (others_ood, longer))),
        *((name, *(f"{value:.2f}" for value in outside[name])) for name in rules),
    ],
)
claim(
    f"On other bandits the memory earns {others_ood.point:.2f}, less than greedy ({outside['greedy'][0]:.2f}) and the "
    f"Gittins index ({outside['Gittins'][0]:.2f}). In play of twice the length it earns {longer.point:.2f}, more than "
    f"greedy ({outside['greedy'][1]:.2f}) and less than the Gittins index for that length ({outside['Gittins'][1]:.2f}).",
    others_ood.high < outside["Gittins"][0] < outside["greedy"][0]
    and outside["greedy"][1] < longer.low < longer.high < outside["Gittins"][1],
)

# %% [markdown]
# Where one arm is far better than the others there is little to explore: an arm that pays can be kept, and greedy is as
# good as anything. The memory is within one percent, with a habit of exploring that these bandits do not reward. In
# longer play its lead over greedy grows, though the pulls from 31 to 60 are states that training never met. Nothing in
# (11.1) promised that.
#
# ## 6 What is in the memory?
#
# Section 2 promised a state from which the belief can be read. Is it there? Fit one linear map from the 64 numbers of
# the memory to the posterior means of the five arms (02.5), by least squares on half of the bandits, and measure the
# explained variance $R^2$ on the other half. Such a *probe* needs a control: a wide random network keeps traces of what
# it has read, too. So do the same with the untrained GRU that this training began with, on the same pulls.
#
# How much of the variance can be read (a) from the trained memory, and (b) from the untrained one?

# %%
agent, meta = learned.method.agent, learned.parameters
trials = memory.play_trials(bandits, memory_bandits.held_out(SHORT), agent, meta, 1, 1, seeded(5))
arms_pulled, rewards = trials.actions[:, 0].numpy(), trials.rewards[:, 0].numpy()
won, lost = arm_counts(arms_pulled, rewards, 5)  # before each pull, [bandit, pull, arm]
posterior_means = (1 + won) / (2 + won + lost)


def read_out(parameters, targets, pull):
    """R² of a linear map from the memory before a pull to targets [bandit, arm], on the half it was not fitted on."""
    state = agent.read(parameters, trials.inputs)[:, 0, pull].detach().double().numpy()
    state = np.concatenate([state, np.ones((len(state), 1))], 1)
    half = len(state) // 2
    weights, *_ = np.linalg.lstsq(state[:half], targets[:half], rcond=None)
    error = np.square(state[half:] @ weights - targets[half:]).sum()
    return 1 - error / np.square(targets[half:] - targets[half:].mean(0)).sum()


before = initial_parameters(agent)  # a module keeps the weights that it was made with
explained = {
    name: {pull + 1: read_out(weights, posterior_means[:, pull], pull) for pull in (2, 5, 9)}
    for name, weights in (("trained", meta), ("untrained", before))
}

# %% tags=["hide-input"]
show_table(
    ["$R^2$ of the posterior means", *(f"before pull {pull}" for pull in explained["trained"])],
    [(f"{name} memory", *(f"{value:.2f}" for value in values.values())) for name, values in explained.items()],
)
claim(
    f"Before the last pull a linear map reads {explained['trained'][10]:.0%} of the variance of the posterior means from "
    f"the trained memory, and {explained['untrained'][10]:.0%} from the untrained one.",
    explained["trained"][10] > 0.9 and abs(explained["trained"][10] - explained["untrained"][10]) < 0.1,
)

# %% [markdown]
# (a) Nearly all of it: the state does hold the belief, as section 2 said it must be able to. (b) Nearly as much. So the
# first number is no evidence that *training* put a belief there. Over ten pulls a random recurrent network already
# remembers enough; it is the use of it that has to be learned. Without the control one would have drawn a conclusion
# that the experiment does not carry. Mikulik et al. (2020) compare the states of meta-trained agents with those of
# Bayes-optimal ones more closely.
#
# **Explore it.** Pull arms yourself; the Tab key reaches the buttons, and the space bar pulls. The memory of section 4
# reads along: the left panel has the counts, the middle one its policy for the next pull and the arm of the Gittins
# index, the right one its state in the plane of its two principal axes, among states that it meets in its own play.
# Above stand your rewards, and what memory and index earned with as many pulls and the same luck. Try to bring it where
# its policy and the index disagree. Which pulls move the state most, those that pay or those that do not?

# %%
bandit_memory_explorer(agent, meta)

# %% [markdown]
# ## 7 Taught instead of rewarded
#
# There is a second way to make a memory. In training the task is known, and so is its best action $a^*$. Let the
# network read trials and *predict* $a^*$, an ordinary classification problem with no return in it (Lee et al. 2023 do it
# with a transformer, under the name *decision-pretrained transformer*; in-context learning is the word for a network
# that learns from its input). What does it learn? For a given history write $q(a) = P(a = a^* \mid h)$ for the exact
# posterior over the best action. The expected cross-entropy splits into a part that no network can change and one that
# is zero for a single answer:
#
# $$\mathbb{E}\bigl[-\log \pi_\theta(a^* \mid h)\bigr]
# = \mathbb{E}_h\Bigl[-\sum_a q(a) \log \pi_\theta(a \mid h)\Bigr]
# = \mathbb{E}_h\bigl[\mathrm{H}(q)\bigr] + \mathbb{E}_h\bigl[\mathrm{KL}(q \,\|\, \pi_\theta(\cdot \mid h))\bigr]. \tag{11.8}$$
#
# The first step takes the expectation over $a^*$ given $h$; the second adds and subtracts $\sum_a q \log q$. So the
# minimum is $\pi_\theta(\cdot \mid h) = q$, and to act by a draw from $q$ is Thompson sampling (11.6). A memory that is
# *taught* the best action becomes a Thompson sampler, without having heard of Bayes' rule. The split needs histories
# whose actions depend on the task through $h$ alone, or (11.2) does not cancel them: here the network plays them itself.
#
# And $q$ can be computed. For $k$ arms with $b_j$ and $B_j$ the density and the distribution function of Beta$(1+s_j,
# 1+f_j)$ it is $q(i) = \int_0^1 b_i(x) \prod_{j \ne i} B_j(x)\, \mathrm{d}x$, for whole counts the integral of a
# polynomial, and `best_arm_probabilities` is exact.
#
# Two questions for the experiment: (a) will the taught memory earn more or less than the memory of section 4, with the
# same network? (b) When is its divergence from the exact posterior largest, early or late in a trial?

# %%
pupil = MemoryAgent(
    bandits.observation_space, bandits.action_space, functools.partial(GRU, hidden=64), generator=seeded(0)
)
in_context = memory.InContext(bandits, pupil, trials=8)
lessons = memory.InContextConfig(iterations=300, meta_batch=64, outer_lr=1e-2)
taught, progress = memory.train_in_context(
    in_context, in_context.initial(initial_parameters(pupil)), lessons, seeded(1), description="best arm as a target"
)
answers = in_context.play(taught, memory_bandits.held_out(SHORT), seeded(6), trials=1)
won, lost = arm_counts(answers.actions[:, 0].numpy(), answers.rewards[:, 0].numpy(), 5)
q = best_arm_probabilities(won, lost)  # [bandit, pull, arm]
log_pi = pupil.distribution(taught, pupil.read(taught, answers.inputs)).logits[:, 0].detach().double().numpy()
divergence = (q * (np.log(q) - log_pi)).sum(-1).mean(0)
best_means = means.max(1, keepdims=True)
by_taught = (best_means - np.take_along_axis(means, answers.actions[:, 0].numpy(), 1)).mean(0)
by_exact = np.log(5) - (-(q * np.log(q)).sum(-1)).mean(0)  # what the history says about the best arm, in nats

# %% tags=["hide-input"]
figures.taught(
    divergence, {"taught memory": by_taught, "Thompson": played["Thompson"].regrets.mean(0), "memory": own.mean(0)}
)
taught_earned = float((best_means[:, 0].mean() - by_taught.mean()) * 10)
claim(
    f"The KL divergence is {divergence[0]:.3f} nats before the first pull and {divergence[-1]:.3f} before the last, where "
    f"the history says {by_exact[-1]:.2f} nats about the best arm. The taught memory earns {taught_earned:.2f}, exact "
    f"Thompson sampling {earned['Thompson']:.2f}, the rewarded memory {earned['memory']:.2f}.",
    divergence.max() < 0.1 and taught_earned < earned["memory"] - 0.3,
)


# %% [markdown]
# (a) Less, and by a lot, though it was told the best action in every trial. (b) Late: histories grow, and there are more
# of them to tell apart. The divergence is small beside what the histories say, so the network has become nearly what
# (11.8) says it must become: a Thompson sampler. That is the point of the comparison. The memory of section 4 was asked
# for reward, and found play that is better than sampling from the posterior. The taught one was asked *what is best?*,
# and to answer that is not the same as to know *what to do next*. Which of the two errors is worth having depends on
# what can be had: supervision needs no returns, no discount and no policy gradient.
#
# ## 8 Context: told, inferred, believed
#
# The other family of methods keeps a policy $\pi(a \mid o, z)$ that is *told* a description $z$ of the task, and asks
# where $z$ comes from.
#
# - **Given.** Somebody knows the task. This is the informed policy of chapter 02, the ceiling.
# - **Inferred, and sampled.** Before each episode draw $z \sim q(z \mid h)$ and act as if it were the task: *posterior
#   sampling* (Strens 2000), Thompson's rule for MDPs. PEARL (Rakelly et al. 2019) learns such a $q$.
# - **Believed.** Hand the policy the whole of $q$, not a draw: $\pi(a \mid o, q)$. By section 2 this can be optimal.
#   VariBAD (Zintgraf et al. 2020) learns such a $q$.
#
# **PEARL's posterior.** Let each transition $c_i$ be a piece of evidence with a Gaussian factor of its own, and take the
# prior to be one more. A product of Gaussian densities in $z$ has as its logarithm a sum of parabolas; complete the
# square, and precisions add:
#
# $$q(z \mid c_{1:n}) \propto \prod_{i=0}^{n} \mathcal{N}(z; \mu_i, \sigma_i^2) \propto \mathcal{N}(z; \mu, \sigma^2),
# \qquad \frac{1}{\sigma^2} = \sum_i \frac{1}{\sigma_i^2}, \quad \mu = \sigma^2 \sum_i \frac{\mu_i}{\sigma_i^2}. \tag{11.9}$$
#
# The order of the transitions does not matter, as it must not for an MDP, and more evidence can only narrow the belief.
# `ProductEncoder` computes (11.9).
#
# **VariBAD's posterior.** A recurrent encoder gives $q(z \mid h_t)$ and a decoder $p(r \mid o, a, z)$ predicts rewards.
# For any $q$ Jensen's inequality bounds the probability of *all* rewards of the trial, those before $t$ and those after,
#
# $$\log p(r_{0:L}) = \log \mathbb{E}_{q(z \mid h_t)}\Bigl[\tfrac{p(z)\, p(r_{0:L} \mid z)}{q(z \mid h_t)}\Bigr]
# \ge \mathbb{E}_{q(z \mid h_t)}\Bigl[\sum_{i} \log p(r_i \mid o_i, a_i, z)\Bigr] - \mathrm{KL}\bigl(q(z \mid h_t) \,\|\, p(z)\bigr). \tag{11.10}$$
#
# At step $t$ the belief of the step before is taken as the prior $p(z)$. To predict the future rewards is to know the
# task as far as it matters. The encoder learns from (11.10) alone; the policy reads $q$ and sends no gradient into it.
# `BeliefMemory` is such a memory, and `memory.train_belief` trains it beside the policy. Appendix
# [11a](11a_inferring_the_task.ipynb) trains both, PEARL and VariBAD, and RL² beside them.
#
# **What sampling costs, exactly.** In a grid the posterior needs no network: a cell that did not pay is no goal. So the
# three answers can be compared free of learning, on the grid of the VariBAD paper: 5 × 5 cells, 21 possible goals, 15
# steps an episode. The Bayes-optimal search was found by branch and bound; posterior sampling is played.
#
# **Predict, then run.** (a) Posterior sampling draws a goal, walks there and waits until the episode ends. How many of
# the 21 cells does it rule out in the first episode? (b) After how many episodes does it know the goal in most tasks?
#
# *Your prediction:*

# %%
def posterior_sampling(family, goals, episodes, generator, believe=lambda belief: belief):
    """A goal drawn from the belief before each episode, and the shortest way to it: cells, rewards [task, step]."""
    belief = torch.zeros(len(goals), family.size**2)
    belief[:, family.goals["train"]] = 1 / len(family.goals["train"])
    cells, rewards = [], []
    for _ in range(episodes):
        drawn = {"goal": torch.multinomial(believe(belief), 1, generator=generator)[:, 0]}
        cell = torch.zeros_like(goals)
        for _ in range(family.horizon):
            cell = family.next_cell[cell, family.optimal_action(cell, drawn)]
            cells.append(cell)
            rewards.append(family.reward(None, None, cell, None, {"goal": goals}))
        belief = goal_belief(family, torch.stack(cells, -1), torch.stack(rewards, -1))[:, -1]
    return torch.stack(cells, -1), torch.stack(rewards, -1)


def search(family, actions, goal):
    """The optimal search on one task: its path until the goal is found, then the goal: cells, rewards [step]."""
    cells, cell = [], torch.tensor(0)
    for action in actions:
        cell = goal if bool(cell == goal) else family.next_cell[cell, int(action)]
        cells.append(cell)
    cells = torch.stack(cells)
    return cells, family.reward(None, None, cells, None, {"goal": goal})


# %%
published = GridNavi()
path = best_search(published, 2)
many = published.goals["train"].repeat(50)
_, rewards = posterior_sampling(published, many, 6, seeded(8))
sampled = rewards.unflatten(-1, (6, -1)).sum(-1).mean(0)  # mean return of each episode
distance = many // 5 + many % 5
informed = float((16 - distance - 0.1 * (distance - 1)).mean())

# %% tags=["hide-input"]
one = torch.tensor(int(search(published, path.actions[0], torch.tensor(99))[0][12]))  # what the search meets at step 13
found = {
    "optimal search": search(published, path.actions[0], one),
    "posterior sampling": tuple(v[0] for v in posterior_sampling(published, one[None], 1, seeded(9))),
}
figures.beliefs(
    published,
    {name: (cells, goal_belief(published, cells[None], paid[None])[0]) for name, (cells, paid) in found.items()},
    (3, 7, 11, 15),
    int(one),
)
show_table(
    ["mean return of episode", *range(1, 7)],
    [
        ("told the goal", *[f"{informed:.2f}"] * 6),
        ("optimal search", f"{path.returns[0]:.2f}", *[f"{path.returns[1]:.2f}"] * 5),
        ("posterior sampling", *(f"{value:.2f}" for value in sampled)),
    ],
)
claim(
    f"After one episode the optimal search earns what one who was told earns, {path.returns[1]:.2f}; posterior sampling "
    f"still earns only {sampled[-1]:.2f} in its sixth.",
    abs(path.returns[1] - informed) < 1e-6 and sampled[-1] < 0.9 * informed,
)

# %% [markdown]
# (a) The cells on the way, a handful; then it waits on the last of them, and each further step says nothing new. The
# optimal search passes through new cells all the time. (b) It needs many episodes. A draw from the belief is a *guess*,
# and a guesser commits to his guess, where a searcher plans what to see. The loss is not one of the encoder: the belief
# was exact in both rows. This is what "inferred" against "believed" means, and it is Thompson against Gittins again.
#
# **The learned memory, five seeds.** Back to the small grid of section 1, with its recipe. Beside it posterior sampling
# with the exact belief, and the optimum.

# %%
scores = [walked.returns.mean(0).tolist()]
for seed in (1, 2, 3, 4):
    other, other_meta = train_on_grid(functools.partial(GRU, hidden=32), seed)
    scores.append(memory.adaptation_curve(other, other_meta, goals, seeded(1), trials=1).returns.mean(0).tolist())
_, rewards = posterior_sampling(grid, goals["goal"], 2, seeded(8))
guessed = rewards.unflatten(-1, (2, -1)).sum(-1).mean(0)

# %% tags=["hide-input"]
intervals = [t_interval(np.array(scores)[:, episode]) for episode in (0, 1)]
show_table(
    ["mean return of episode", "1", "2"],
    [
        ("optimal search", *(f"{value:.2f}" for value in optimal)),
        ("RL², five seeds", *(f"{v.point:.2f} [{v.low:.2f}, {v.high:.2f}]" for v in intervals)),
        ("posterior sampling, exact belief", *(f"{value:.2f}" for value in guessed)),
    ],
)
claim(
    f"All five seeds earn more in both episodes than posterior sampling with the exact belief; the worst of them reaches "
    f"{min(s[0] for s in scores):.2f} and {min(s[1] for s in scores):.2f}.",
    min(s[0] for s in scores) > guessed[0] + 1 and min(s[1] for s in scores) > guessed[1] + 0.5,
)

# %% [markdown]
# A memory that is trained by reward has no separate belief to sample from, and none to be inspected. It found the
# search because the return of the whole trial asked for it.
#
# ## 9 What goes wrong in practice
#
# ### The memory is emptied at the end of an episode
#
# Environments call `reset` at the end of an episode, and it is natural to empty the memory there as well. Everything
# runs. The agent of section 1, with its memory emptied before the second episode:

# %%
emptied = memory.adaptation_curve(walker, walker_meta, goals, seeded(1), episodes=1, trials=2).returns.mean()

# %% tags=["hide-input"]
claim(
    f"With an empty memory the second episode earns {float(emptied):.2f}, as the first does, in place of {by_episode[1]:.2f}.",
    abs(float(emptied) - by_episode[0]) < 0.1 < by_episode[1] - float(emptied),
)

# %% [markdown]
# It searches again. Look at the return of each episode on its own: a curve that does not rise over the episodes of a
# trial is the sign. The same holds for returns that are cut at `done`: then nothing that episode 1 finds out is counted.
#
# ### The peak of the training curve is reported
#
# The curve of section 4 is a mean over the 128 bandits of an iteration, and it swings. Whoever reports its largest
# value reports luck with the bandits.

# %%
peak = max(returns)

# %% tags=["hide-input"]
claim(
    f"The peak of the curve, {peak:.2f}, lies above the exact optimum {optimum:.2f}, which no learner can exceed; the "
    f"finished memory earns {earned['memory']:.2f} on held-out bandits.",
    peak > optimum > earned["memory"],
)


# %% [markdown]
# Published tables have been made from the peak over training. Evaluate the last weights, on tasks of their own.
#
# ### A belief that keeps a spurious half
#
# An oracle can be wrong, too. In public code of the grid, the "true belief" of an agent that stands on the goal puts
# one half on the goal and the other half on some other cell, drawn at random. Let posterior sampling use it.

# %%
def half_right(belief):
    """Where the goal is certain, half of the belief goes to another cell."""
    certain = belief.amax(-1, keepdim=True) > 0.99
    candidates = torch.zeros_like(belief)
    candidates[:, published.goals["train"]] = 1.0
    other = torch.multinomial(candidates * (belief == 0) + 1e-9 * candidates, 1, generator=wrong_draws)
    return torch.where(certain, (belief + torch.zeros_like(belief).scatter(-1, other, 1.0)) / 2, belief)


wrong_draws = seeded(10)
_, rewards = posterior_sampling(published, many, 12, seeded(8))
right = rewards.unflatten(-1, (12, -1)).sum(-1).mean(0)
_, rewards = posterior_sampling(published, many, 12, seeded(8), half_right)
wrong = rewards.unflatten(-1, (12, -1)).sum(-1).mean(0)

# %% tags=["hide-input"]
claim(
    f"In the twelfth episode posterior sampling earns {float(right[-1]):.2f} with the right belief and "
    f"{float(wrong[-1]):.2f} with the spurious half; one who is told earns {informed:.2f}.",
    float(wrong[-1]) < 0.75 * float(right[-1]),
)


# %% [markdown]
# An oracle needs a test of its own: here, that a belief in which a step has paid is certain.
#
# ### The encoder gets no gradient
#
# In one public configuration of RL² the flag that lets the policy's gradient into the encoder is off, as VariBAD wants
# it. RL² has no other loss, so its memory stays what it was at the beginning, a random recurrent network. It runs, and
# its return rises, for a random network remembers something.

# %%
class Untaught(GRU):
    """A GRU that the policy reads and does not train."""

    def sequence(self, parameters, inputs):
        with torch.no_grad():
            return super().sequence(parameters, inputs)


still, still_meta = train_on_grid(functools.partial(Untaught, hidden=32), 0)
without = memory.adaptation_curve(still, still_meta, goals, seeded(1), trials=1).returns.mean(0)
moved = {name: float((still_meta[name] - value).abs().max()) for name, value in initial_parameters(still.agent).items()}

# %% tags=["hide-input"]
claim(
    f"After the same training it earns {float(without[0]):.2f} and {float(without[1]):.2f} in the two episodes, where the "
    f"trained memory earns {by_episode[0]:.2f} and {by_episode[1]:.2f}; the weights of its GRU have moved by "
    f"{moved['memory.weight_hidden']:.0f}.",
    float(without[1]) < by_episode[1] - 1 and moved["memory.weight_hidden"] == 0 < moved["policy.logits.weight0"],
)

# %% [markdown]
# Ask after a few iterations which parameters have changed. It takes one line, and finds this in every framework.
#
# ## 10 Check yourself
#
# Decide before you open an answer.
#
# **1.** The inputs of a memory for bandits leave out the last action. What is lost? (A) Nothing, the network knows what
# it did. (B) The belief cannot be updated, for a reward belongs to an unknown arm. (C) Only speed of training.
#
# <details><summary>Answer to 1</summary>
#
# **B.** The action is *drawn* from $\pi(\cdot \mid m_t)$, and the draw is not in the state. (A) would hold for a policy
# without randomness. (C): no training gives back what (11.3) needs.
# </details>
#
# **2.** An RL² agent earns in its first episode less than an agent trained for single episodes. Is that a fault? (A)
# Yes, it should be at least as good. (B) No, it may pay in episode 1 for what it earns later. (C) Only if its memory is
# too small.
#
# <details><summary>Answer to 2</summary>
#
# **B.** (11.1) counts the whole trial. (A) would hold for trials of one episode. (C): a memory of any size may choose to
# explore. In the grid of section 8 both coincide, since the best search of one episode is also the best beginning of two.
# </details>
#
# **3.** The taught memory has a divergence of exactly zero. What does it earn? (A) What Thompson sampling earns. (B) The
# optimum. (C) What greedy earns.
#
# <details><summary>Answer to 3</summary>
#
# **A.** Its policy is $q$, and (11.6) is that rule. (B): the best action *given the task* is not the best to *find out*
# the task. (C): greedy takes the arm of largest posterior mean; to take the most probable arm would be close to it.
# </details>
#
# **4.** A memory was trained on trials of thirty pulls, and is asked to play 300. What can be said? (A) It plays like
# Gittins for 300. (B) Nothing in (11.1) speaks about pulls beyond 30. (C) It stops learning at pull 31.
#
# <details><summary>Answer to 4</summary>
#
# **B.** It was rewarded for exploring as much as thirty pulls are worth, and its state at pull 31 is one that training
# never met. (A): nobody told it the new horizon. (C): section 5 doubled the length, and it went on to learn; how far
# this goes is a question for an experiment, not for the formula.
# </details>
#
# ## Further reading
#
# - W. R. Thompson, *On the likelihood that one unknown probability exceeds another in view of the evidence of two
#   samples*, Biometrika, 1933.
# - J. C. Gittins, *Bandit processes and dynamic allocation indices*, 1979.
# - P. Auer, N. Cesa-Bianchi and P. Fischer, *Finite-time analysis of the multiarmed bandit problem*, 2002.
# - M. O. Duff, *Optimal learning: computational procedures for Bayes-adaptive Markov decision processes*, 2002.
# - Y. Duan, J. Schulman, X. Chen, P. L. Bartlett, I. Sutskever and P. Abbeel, *RL²: fast reinforcement learning via slow
#   reinforcement learning*, 2016, arXiv:1611.02779.
# - J. X. Wang et al., *Learning to reinforcement learn*, 2016, arXiv:1611.05763.
# - K. Rakelly, A. Zhou, D. Quillen, C. Finn and S. Levine, *Efficient off-policy meta-reinforcement learning via
#   probabilistic context variables*, 2019, arXiv:1903.08254.
# - L. Zintgraf et al., *VariBAD: a very good method for Bayes-adaptive deep RL via meta-learning*, 2020, arXiv:1910.08348.
# - V. Mikulik et al., *Meta-trained agents implement Bayes-optimal agents*, 2020, arXiv:2010.11223.
# - J. N. Lee et al., *Supervised pretraining can learn in-context reinforcement learning*, 2023, arXiv:2306.14892.
#
# [Exercises](../exercises/11_memory_and_context_exercises.ipynb) · previous: [10 Meta-learning a DQN](10_meta_learning_a_dqn.ipynb) · next: [12 Models and planning](12_models_and_planning.ipynb) · appendix: [11a Guess, believe or remember](11a_inferring_the_task.ipynb)
