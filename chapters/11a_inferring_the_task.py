# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 11a Guess, believe or remember
#
# **Four learners look for the same goal: one is told, one guesses, one believes, one remembers. What does each find?**
#
# *An appendix to chapter 11. No later chapter needs it.*
#
# You will be able to
#
# - build PEARL for discrete actions, loop included, and VariBAD's bound, and say which loss teaches which part
# - see a learned belief beside the exact one while a policy searches
# - compare given, inferred, believed and remembered tasks with the exact optimum, at equal cost
#
# Before you start: chapter 11, [Memory and context](11_memory_and_context.ipynb).
#
# Reading: about 45 minutes. Running: at most 100 seconds and 1500 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import functools

import numpy as np
import torch
from torch import nn

from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.exact import best_search, goal_belief
from metarl_core.figures import ch11a as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.meta import memory
from metarl_core.meta.memory.agent import part
from metarl_core.networks import gru
from metarl_core.parameters import initial_parameters, leaf_parameters, select_parameters
from metarl_core.randomness import seeded
from metarl_core.recipes import grid_search
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks import GridNavi

begin()
grid = GridNavi(size=3, horizon=8)
CELLS, GOALS = grid.size**2, grid.goals["train"]

# %% [markdown]
# Chapter 11 compared three answers to the question where a description $z$ of the task comes from (*given*, *inferred
# and sampled*, *believed*) with a belief that was exact. Here nobody hands out a belief: it is learned, by two methods
# of the field, PEARL (Rakelly et al. 2019) and VariBAD (Zintgraf et al. 2020). Beside them stand RL², which has no
# belief that one could look at, and the exact answers.
#
# The task is the small grid of chapter 11: 3 × 3 cells, five possible goals, eight steps an episode, −0.1 for a step and
# +1 for one that ends on the goal. A trial has **four episodes** on the same goal. Every learner plays the same number
# of steps in training. (The VariBAD paper has 5 × 5 cells, 21 goals and 15 steps, and trains far longer than a lesson lasts.)
#
# ## 1 What the policy reads, and who teaches the encoder

# %% tags=["hide-input"]
figures.what_is_read()


# %% [markdown]
# The four rows differ in two things. *What is read*: the task, one draw from a belief, the belief, or a state without a
# name. *Who teaches the encoder*, the blue arrows. In RL² it is the return, through the policy. In the two middle rows
# a policy's gradient is kept out of the encoder, and something is **predicted** instead: values in PEARL, rewards in
# VariBAD. A prediction says at every step what was wrong; a return says it once, at the end, and of all steps together.
#
# ## 2 A belief that is drawn from: PEARL
#
# PEARL learns a value function $Q_\theta(o, a, z)$ off-policy. For the context $c$, a *set* of transitions of one task,
# the encoder gives the product of Gaussians $q_\phi(z \mid c)$ of (11.9). One $z$ is drawn from it, and
#
# $$L(\theta, \phi) = \mathbb{E}_{\mathcal{T}}\Bigl[\,\mathbb{E}\bigl[(Q_\theta(o, a, z) - y)^2\bigr]
# + \beta\, \mathrm{KL}\bigl(q_\phi(z \mid c) \,\|\, \mathcal{N}(0, 1)\bigr)\Bigr], \qquad
# z = \mu_\phi(c) + \sigma_\phi(c)\, \varepsilon. \tag{11a.1}$$
#
# Since $z$ is a differentiable function of $\mu$ and $\sigma$, the gradient of the first part reaches $\phi$: the encoder
# learns to tell apart the tasks whose values differ. The second part pulls the belief back to the prior, from which $z$
# is drawn where nothing has been seen; without it a draw from the prior would be a $z$ that no task has. The target is a
# constant, for $\theta$ and for $z$,
#
# $$y = r + \gamma\,(1 - d)\,\bar V(o', z), \qquad
# \bar V(o', z) = \tau \log \sum_{a'} \exp\bigl(\bar Q(o', a', z) / \tau\bigr), \tag{11a.2}$$
#
# with the slow copy $\bar Q$ of chapter 03. The logarithm of the sum is the maximum over $a'$ for $\tau \to 0$; for
# $\tau > 0$ it is the value of the policy $\pi(a \mid o, z) \propto \exp(Q(o, a, z)/\tau)$ with a bonus of $\tau$ times
# its entropy (Haarnoja et al. 2017). The paper has an actor beside $Q$, for its actions are continuous; with five
# actions the policy can be read off.
#
# Note what (11a.1) does *not* contain: a second episode. Each episode is a problem of its own, in which $z$ is fixed.
# Nothing pays for what an episode finds out for the next.
#
# > **Algorithm: PEARL, discrete actions.** Repeat:
# > 1. Draw tasks. Play trials: where an episode begins, draw $z \sim q(z \mid \text{all transitions of the trial so
# >    far})$, and keep it to the end of the episode. Keep the trials.
# > 2. Some times: take kept tasks; of each draw transitions as context, and others to fit $Q$ to. Take a step of Adam on
# >    (11a.1), and let $\bar Q$ follow.

# %%
def my_posterior(phi, before, after):
    """Mean and log standard deviation of q(z | transitions), (11.9) with the prior Normal(0, 1) as first factor."""
    hidden = torch.tanh(nn.functional.linear(torch.cat([before, after], -1), phi["weight0"], phi["bias0"]))
    mean, log_std = nn.functional.linear(hidden, phi["weight1"], phi["bias1"]).chunk(2, -1)
    precision = (-2 * log_std.clamp(-5, 2)).exp()
    total = 1 + precision.sum(-2)
    return (precision * mean).sum(-2) / total, -0.5 * total.log()


def my_q(theta, cells, z):
    """Q(o, ·, z) for cells [task, sample] and z [task, latent]."""
    layer = torch.cat([nn.functional.one_hot(cells, CELLS).float(), z[:, None].expand(*cells.shape, -1)], -1)
    for number in (0, 1, 2):
        layer = nn.functional.linear(layer, theta[f"critic.weight{number}"], theta[f"critic.bias{number}"])
        layer = torch.relu(layer) if number < 2 else layer
    return layer


# %%
def my_pearl(start, method, iterations, generator, steps, lr, tasks=16, size=64, beta=0.1, tau=0.1):
    """The outer loop."""
    theta = {name: value.clone().requires_grad_() for name, value in start.items()}
    slow = {name: value.clone() for name, value in start.items()}
    adam = torch.optim.Adam(theta.values(), lr=lr)
    kept = memory.KeptTrials(20 * tasks, method.family.horizon)
    for _ in range(iterations):
        kept.add(method.play(theta, method.family.sample_tasks(tasks, generator), generator))  # z once an episode
        for _ in range(steps):
            batch = kept.sample(tasks, size, size, generator)  # context and transitions of the same tasks
            mean, log_std = my_posterior(part(theta, "encoder.factor."), batch.before, batch.after)
            z = mean + log_std.exp() * torch.randn(mean.shape, generator=generator)
            with torch.no_grad():  # no gradient through the target, to Q̄ or to z
                value = tau * (my_q(slow, batch.next_observations, z) / tau).logsumexp(-1)
                target = batch.rewards + method.discount * ~batch.terminated * value
            chosen = my_q(theta, batch.observations, z).gather(-1, batch.actions[..., None])[..., 0]
            kl = 0.5 * (mean.square() + (2 * log_std).exp() - 1 - 2 * log_std).sum(-1)
            loss = ((chosen - target).square().mean(1) + beta * kl).mean()  # both are means over the tasks
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(theta.values(), 10.0)
            adam.step()
            for name, follower in slow.items():
                follower.lerp_(theta[name].detach(), 0.005)
    return theta


# %% [markdown]
# `kept` holds the trials of the last twenty iterations. `kept.sample` draws of each task context and transitions, with
# the step that follows; steps at the time limit are left out of the fit, for an episode that was cut off has not
# terminated, and where it led was not recorded. Two iterations, against the package:

# %%
guesser = memory.ContextAgent(grid.observation_space, grid.action_space, generator=seeded(2))
pearl = memory.PEARL(grid, guesser, trials=4, episodes=4)
start = initial_parameters(guesser)
mine = my_pearl(start, pearl, 2, seeded(3), steps=5, lr=3e-3)
config = memory.PEARLConfig(iterations=2, meta_batch=16, minibatch=16, updates=5, outer_lr=3e-3, anneal=False)
theirs, _ = memory.train_pearl(pearl, start, config, seeded(3), description=None)

# %% tags=["hide-input"]
drift = max(float((mine[name].detach() - theirs[name]).abs().max()) for name in theirs)
moved = max(float((start[name] - theirs[name]).abs().max()) for name in theirs)
claim(
    f"After ten steps of Adam, which moved weights by up to {moved:.3f}, mine and the package's differ by {drift:.0e}.",
    drift < 1e-4 < moved,
)


# %% [markdown]
# ## 3 A belief that is read: VariBAD
#
# VariBAD has no draw for an episode. After every step a GRU gives mean and deviation of $q_\phi(z \mid h_t)$, and the
# policy $\pi(a \mid o_t, \mu_t, \sigma_t)$ reads both: where it does not know the goal it can act on *that*. What
# teaches the encoder is (11.10), with the rewards of the **whole** trial, those to come included, and for a prior the
# belief of the step before. With $p(r \mid o, a, z)$ a Normal of unit variance around $\hat r_\psi(o, a, z)$, and
# without its constants, one step $t$ contributes
#
# $$L_t(\phi, \psi) = \mathbb{E}_{z \sim q_\phi(z \mid h_t)}\Bigl[\sum_{i=0}^{L-1} \tfrac12 \bigl(\hat r_\psi(o_i, a_i, z) - r_i\bigr)^2\Bigr]
# + \beta\, \mathrm{KL}\bigl(q_\phi(z \mid h_t) \,\|\, q_\phi(z \mid h_{t-1})\bigr). \tag{11a.3}$$
#
# The squared errors of the *future* ask for a belief that can foresee; for $\beta = 1$ the sum is minus the bound, for
# a smaller $\beta$ the errors count for more. The divergence lets a belief move when it was surprised, and not else.

# %%
def my_belief_loss(theta, trials, steps, noise, beta):
    """(11a.3), a mean over trials and over the given steps, for trials that are all of one length."""
    own = part(theta, "memory.")
    read = gru(part(own, "encoder.gru."), trials.inputs)
    mean, log_std = nn.functional.linear(read, own["encoder.head.weight0"], own["encoder.head.bias0"]).chunk(2, -1)
    log_std = log_std.clamp(-5, 2)
    cells, acted = (nn.functional.one_hot(v, n).float() for v, n in ((trials.observations, CELLS), (trials.actions, 5)))
    losses = []
    for number, t in enumerate(steps):
        std = log_std[:, :, t].exp()
        z = mean[:, :, t] + std * noise[:, :, number]
        known = torch.cat([z[:, :, None].expand(*cells.shape[:3], -1), cells, acted], -1)  # beside every step i
        layer = torch.relu(nn.functional.linear(known, own["decoder.weight0"], own["decoder.bias0"]))
        guess = nn.functional.linear(layer, own["decoder.weight1"], own["decoder.bias1"])[..., 0]
        now = torch.distributions.Normal(mean[:, :, t], std)
        last = torch.distributions.Normal(*((mean[:, :, t - 1], log_std[:, :, t - 1].exp()) if t else (0.0, 1.0)))
        kl = torch.distributions.kl_divergence(now, last).sum(-1)
        losses.append(0.5 * (guess - trials.rewards).square().sum(-1) + beta * kl)
    return torch.stack(losses).mean()


# %%
believer = memory.MemoryAgent(
    grid.observation_space, grid.action_space, functools.partial(memory.BeliefMemory, actions=5), (64,), seeded(4)
)
varibad = memory.RL2(grid, believer, trials=4, episodes=4, discount=1.0)
theta = initial_parameters(believer)
trials = varibad.play(theta, grid.sample_tasks(8, seeded(5)), seeded(6))
steps, noise = torch.tensor([0, 7, 15, 31]), torch.randn(8, 4, 4, 5, generator=seeded(7))
with torch.no_grad():
    by_hand = float(my_belief_loss(theta, trials, steps.tolist(), noise, 0.1))
    by_package = float(memory.belief_loss(believer, theta, trials, steps, noise, 0.1)[0])

# %% tags=["hide-input"]
claim(
    f"By hand the loss of the untrained agent is {by_hand:.4f}, by the package {by_package:.4f}.",
    abs(by_hand - by_package) < 1e-4 * by_package,
)


# %% [markdown]
# > **Algorithm: VariBAD.** Repeat:
# > 1. Draw tasks, play trials. The GRU runs on through the episodes of a trial.
# > 2. PPO on whole trials, as in chapter 11, for a policy that reads $(o_t, \mu_t, \sigma_t)$; no gradient goes into the
# >    GRU.
# > 3. Some times: draw steps $t$, and take a step of Adam on (11a.3).
#
# Here both are learned from the trials that were just played; the paper draws the trials for (11a.3) from a buffer, and
# takes every $t$. `memory.train_belief` is this loop.
#
# **Predict, then run.** Three parts: the encoder, what reads it (a policy, or $Q$), and the decoder. Which of them does
# each loss move: PPO's in VariBAD, (11a.3), (11a.1), PPO's in RL²?
#
# *Your prediction:*

# %%
def reached(loss, parameters, names):
    """Which parts, by the beginnings of their names, get a gradient from a loss."""
    leaves = leaf_parameters(parameters)
    loss(leaves).backward()
    hit = {name for name, value in leaves.items() if value.grad is not None and bool(value.grad.any())}
    return ["–" if not begin else "yes" if any(n.startswith(begin) for n in hit) else "no" for begin in names]


def ppo(method, data):
    advantage = torch.randn(data.mask.shape, generator=seeded(8))
    config = memory.TrainConfig(value_coef=0.0)
    return lambda leaves: memory.memory_ppo_loss(method, leaves, data, advantage, advantage, config)[0]


# %%
rememberer = memory.MemoryAgent(grid.observation_space, grid.action_space, generator=seeded(9))
rl2 = memory.RL2(grid, rememberer, trials=4, episodes=4, discount=1.0)
remembered = rl2.play(initial_parameters(rememberer), grid.sample_tasks(8, seeded(5)), seeded(6))
batch = memory.context_batch(pearl.play(start, grid.sample_tasks(8, seeded(5)), seeded(6)), grid.horizon, 64, 64, seeded(10))
goals = torch.randn(8, 64, generator=seeded(11))

# %%
ways = {
    "PPO in VariBAD": (ppo(varibad, trials), theta, ("memory.encoder.", "policy.", "memory.decoder.")),
    "rewards, (11a.3)": (
        lambda leaves: memory.belief_loss(believer, leaves, trials, steps, noise)[0],
        theta,
        ("memory.encoder.", "policy.", "memory.decoder."),
    ),
    "Q, (11a.1)": (
        lambda leaves: memory.pearl_loss(guesser, leaves, batch, torch.zeros(8, 5), goals)[0],
        start,
        ("encoder.", "critic.", ""),
    ),
    "PPO in RL²": (ppo(rl2, remembered), initial_parameters(rememberer), ("memory.", "policy.", "")),
}
paths = {name: reached(*way) for name, way in ways.items()}

# %% tags=["hide-input"]
show_table(["loss", "encoder", "policy or Q", "decoder"], [(name, *found) for name, found in paths.items()])
claim(
    "PPO does not reach VariBAD's encoder, and rewards do not reach its policy; Q teaches PEARL's encoder, and the "
    "return that of RL².",
    [paths[name][:2] for name in ways] == [["no", "yes"], ["yes", "no"], ["yes", "yes"], ["yes", "yes"]],
)

# %% [markdown]
# One line like this belongs into the tests of every such program: a loss that reaches more than it should, or less,
# gives no error message.
#
# ## 4 A belief while it searches
#
# Now train a VariBAD-like learner by the recipe of the table below, from scratch. Its belief is five numbers and
# five deviations that mean nothing to a reader; but the decoder says what they foresee. For each cell: draw $z$ from the
# belief, ask for the reward of a step that ends there, and average.
#
# **Predict, then run.** (a) In the first episode the exact belief loses the cells that were visited. Will the learned
# one? (b) What will it look like in the step after the goal is found? (c) A new episode begins, and the agent is back in
# the corner. What happens to the belief?
#
# *Your prediction:*

# %%
learned = grid_search.trained("VariBAD-like", (0,), description="VariBAD-like")
agent, meta = learned.method.agent, select_parameters(learned.parameters, 0)


def foreseen(inputs, draws=64):
    """Reward that the belief foresees for each cell that a step may end on, after each input: [time, cell]."""
    own = part(meta, "memory.")
    with torch.no_grad():
        mean, log_std = agent.memory.belief(own, inputs)
        z = mean + log_std.exp() * torch.randn(draws, *mean.shape, generator=seeded(12))  # [draw, time, latent]
        return agent.memory.decode(own, z[:, :, None], torch.eye(CELLS)).mean(0)


def one_trial(goal):
    """Cells that the steps ended on, the exact belief after each step, and what the learned one foresees."""
    trial = learned.method.play(meta, {"goal": torch.tensor([goal])}, seeded(13), trials=1)
    cells = grid.next_cell[trial.observations, trial.actions][0, 0]
    exact = goal_belief(grid, cells[None], trial.rewards[0])[0]
    return cells, exact, foreseen(trial.inputs[0, 0]).roll(-1, 0)  # an input shows the step before it


# %% tags=["hide-input"]
GOAL, STEPS = 7, (2, 3, 4, 6, 9, 12)
cells, exact, shown = one_trial(GOAL)
figures.searching(
    grid,
    cells,
    {"exact belief": exact, "learned: reward foreseen": shown},
    STEPS,
    GOAL,
    "Grids of three by three cells at six steps of one trial, above shaded by the exact belief over goals, below by the "
    "reward that the learned belief foresees. The path goes along the upper edge and down the right one to the goal, a "
    "star in the middle of the lower edge. In both rows the cells that were passed grow pale and those that are left "
    "stay dark; once the star is reached only its cell is dark, and it stays so in the second episode, in which the "
    "path leads straight there.",
)
left, passed = shown[3][[6, 7]], shown[3][[2, 5, 8]]
claim(
    f"After four steps the goal must be in one of two cells; there a reward of {float(left[0]):.2f} and "
    f"{float(left[1]):.2f} is foreseen, in the three that were passed at most {float(passed.max()):.2f}. By the exact "
    f"belief it is 0.45 in each of the two.",
    bool(left.min() > passed.max() + 0.2),
)
found = shown[8:16]  # the second episode
claim(
    f"In the second episode at least {float(found[:, GOAL].min()):.2f} is foreseen on the goal, and at most "
    f"{float(found[:, [2, 5, 6, 8]].max()):.2f} on the other four; the path reaches the goal in three steps.",
    bool(found[:, GOAL].min() > 0.8 and found[:, [2, 5, 6, 8]].max() < 0.2 and cells[10] == GOAL),
)

# %% [markdown]
# (a) Yes. Nobody told the network that a cell without a reward is no goal; to foresee the rewards of whole trials it had
# to find out. It is not the exact belief, though: it foresees more on the cells that are left than the exact belief
# would. (b) One cell is left, and the rest foresees the −0.1 of an ordinary step. (c) Nothing. The GRU runs on, for the
# task is the same, and the agent goes straight to the goal.
#
# ## 5 Five learners, one budget
#
# The table `grid_search` has five seeds of each learner, trained on the same number of steps. All but PEARL are trained
# by the same PPO with the same settings, and differ in what the policy reads; *exact belief* is VariBAD's policy with
# the posterior of (11.3) in the place of the GRU. Each learner has the first step size that earned most of three, in a
# training of a seed that is not in the table. With five goals nothing can be held out but the draws: after training
# everybody plays fifty trials on each goal. Seconds are those of one processor, for five seeds side by side, divided by
# five.
#
# | setting | here | in the released code |
# |---|---|---|
# | policy | PPO, clip 0.2, 3 epochs of 2 minibatches | A2C (VariBAD), SAC (PEARL) |
# | latent dimensions | 5 | 5, 5 |
# | GRU | 32 units | 64 (VariBAD) |
# | discount $\gamma$ | 0.95 over the trial; PEARL 0.9 within an episode | 0.95 (VariBAD), 0.99 (PEARL) |
# | weight $\beta$ of the divergence | 0.05 (VariBAD), 0.005 (PEARL) | 1, 0.1 |
# | learning of the belief | Adam, $10^{-2}$, 12 steps an iteration | Adam, $10^{-3}$, 3 steps (VariBAD) |
# | context of PEARL | 32 transitions, with where they led | 64, without |
# | target network of PEARL | follows by 0.05 | 0.005 |
#
# **Predict, then run.** Two more rows are exact: the optimal search, and posterior sampling with the exact belief. (a)
# Which learner will be nearest to the optimal search? (b) Will a learner that has to learn its belief do better than
# posterior sampling with the exact one? (c) What does PEARL's return do from episode to episode?
#
# *Your prediction:*

# %%
table, settings = load_table("grid_search"), grid_search.Settings()
earned = {name: table.scores(name)[..., :4].mean(1) for name in table.rows}  # [seed, episode]
intervals = {name: [t_interval(values[:, episode]) for episode in range(4)] for name, values in earned.items()}
optimal = best_search(grid, 4).returns


def posterior_sampling(goals, episodes, generator):
    """As in chapter 11: a goal drawn from the exact belief before each episode; mean return of each."""
    belief = torch.zeros(len(goals), CELLS)
    belief[:, GOALS] = 1 / len(GOALS)
    cells, rewards = [], []
    for _ in range(episodes):
        drawn = {"goal": torch.multinomial(belief, 1, generator=generator)[:, 0]}
        cell = torch.zeros_like(goals)
        for _ in range(grid.horizon):
            cell = grid.next_cell[cell, grid.optimal_action(cell, drawn)]
            cells.append(cell)
            rewards.append(grid.reward(None, None, cell, None, {"goal": goals}))
        belief = goal_belief(grid, torch.stack(cells, -1), torch.stack(rewards, -1))[:, -1]
    return torch.stack(rewards, -1).unflatten(-1, (episodes, -1)).sum(-1).mean(0).numpy()


sampled = posterior_sampling(GOALS.repeat(2000), 4, seeded(14))
row, column = GOALS // grid.size, GOALS % grid.size
informed = float((9 - (row + column) - 0.1 * (row + column - 1)).mean())  # 8 steps, the last 9 − d of them on the goal

# %% tags=["hide-input"]
figures.returns(
    intervals,
    {"optimal search": optimal, "exact posterior sampling": sampled},
    "Mean return of the four episodes of a trial, five learners with intervals over five seeds, and two exact lines. The "
    "learner that is given the goal stays level near 5.9. RL² lies on the line of the optimal search, 4.7 and then 6.0, "
    "and the policy with the exact belief just under it. The VariBAD-like learner rises from 3.5 to 4.7 in the second "
    "episode and stays there, with wide intervals. The PEARL-like one climbs evenly from 0.5 to 4.0, below the line of "
    "exact posterior sampling, which climbs from 0.7 to 5.7.",
)

# %% [markdown]
# In this grid and with this budget RL² is level with the optimal search, the policy with the exact belief is close to
# it, the VariBAD-like learner stays below with four fifths of it, and the PEARL-like learner needs four episodes for
# what they do in two.

# %% tags=["hide-input"]
seconds = {name: table.scores(name)[:, 0, 4].mean() for name in table.rows}
show_table(
    ["mean return of episode", "1", "2", "3", "4", "seconds of training"],
    [
        ("told the goal, exact", *[f"{informed:.2f}"] * 4, "–"),
        ("optimal search, exact", *(f"{value:.2f}" for value in optimal), "–"),
        *((name, *(in_words(v) for v in values), f"{seconds[name]:.0f}") for name, values in intervals.items()),
        ("posterior sampling, exact belief", *(f"{value:.2f}" for value in sampled), "–"),
    ],
)
steps = settings.env_steps
best = {name: [interval.point for interval in values] for name, values in intervals.items()}
claim(
    f"Each learner was trained on {steps:,} steps. In the second episode RL² earns {best['RL²'][1]:.2f}, the policy with "
    f"the exact belief {best['exact belief'][1]:.2f}, the VariBAD-like learner {best['VariBAD-like'][1]:.2f} and the "
    f"PEARL-like one {best['PEARL-like'][1]:.2f}; the optimal search earns {optimal[1]:.2f}.",
    intervals["RL²"][1].low > best["VariBAD-like"][1] > intervals["PEARL-like"][1].high
    and optimal[1] - best["RL²"][1] < 0.15
    and optimal[1] - best["exact belief"][1] < 0.3,
)
claim(
    f"PEARL's return rises from episode to episode, {', '.join(f'{value:.2f}' for value in best['PEARL-like'])}, as does "
    f"that of posterior sampling with the exact belief, {', '.join(f'{value:.2f}' for value in sampled)}.",
    bool((np.diff(earned["PEARL-like"], axis=1) > 0).all()) and bool((np.diff(sampled) > 0).all()),
)
low, high = earned["VariBAD-like"][:, 1].min(), earned["VariBAD-like"][:, 1].max()
claim(
    f"The five VariBAD-like learners differ much: in the second episode the worst earns {low:.2f} and the best {high:.2f}.",
    high - low > 1 > np.ptp(earned["RL²"][:, 1]),
)

# %% [markdown]
# (a) RL², and the policy with the exact belief. The latter is VariBAD with a perfect encoder, trained by the same PPO on
# the same number of steps; what separates the two rows is the belief. (b) In the first two episodes the VariBAD-like
# learner earns more than posterior sampling with the *exact* belief: it searches while it does not know, where a sampler
# waits on its guess. In the fourth episode the exact sampler earns more. (c) It rises each time, for each episode is
# one guess more, and a guess that was wrong says only that the goal is elsewhere. It stays below the exact sampler, whose
# belief did not have to be learned, nor be a Gaussian.
#
# What the table does **not** show is that a learned belief is worth less than a memory. It holds for one small grid and
# one small budget; the released code of VariBAD allows 100 million steps for the published grid. First step
# sizes were tuned alike, and the largest of the three was the best for every learner. All else was set by hand in a few
# rounds on other seeds, more of them for the two learned descriptions than for RL². A longer training may turn the order
# round.
# What the two offer beside returns is a picture as in section 4, an error at every step that says what was wrong, and in
# PEARL the use of old data. RL² has none of these.
#
# ## 6 What goes wrong in practice
#
# ### One part of the loss is a sum over tasks, the other a mean
#
# In (11a.1) both parts are means over the tasks of a minibatch. In public code the divergence is summed over them and
# the error averaged, so that $\beta$ is multiplied by their number, and a setting found with four tasks means another
# thing with sixteen.

# %%
ratios = {}
for tasks in (4, 16):
    data = pearl.play(start, grid.sample_tasks(tasks, seeded(5)), seeded(6))
    some = memory.context_batch(data, grid.horizon, 32, 32, seeded(10))
    fixed = torch.zeros(some.rewards.shape)
    parts = memory.pearl_loss(guesser, start, some, torch.zeros(tasks, 5), fixed)[1]
    ratios[tasks] = {"mean": float(parts["kl"] / parts["td_error"]), "sum": float(tasks * parts["kl"] / parts["td_error"])}

# %% tags=["hide-input"]
growth = {kind: ratios[16][kind] / ratios[4][kind] for kind in ("mean", "sum")}
claim(
    f"From four tasks to sixteen the divergence grows by a factor of {growth['mean']:.1f} relative to the error where both "
    f"are means, and by {growth['sum']:.1f} where it is summed.",
    0.5 < growth["mean"] < 2 and growth["sum"] > 2.5,
)

# %% [markdown]
# ### A step that leads into the next episode
#
# A trial is one long row of steps, and it is tempting to take each with the next: $(o_t, a_t, r_t, o_{t+1})$. At the end
# of an episode $o_{t+1}$ is the corner, to which the agent was *carried*. With such steps $Q$ learns that the last cell
# leads home, and no error message comes. Three of the 31 steps of a trial that have a successor are of this kind.

# %%
data = pearl.play(start, grid.sample_tasks(64, seeded(5)), seeded(6))
led_to = grid.next_cell[data.observations[:, :, :-1], data.actions[:, :, :-1]]
impossible = (led_to != data.observations[:, :, 1:]) & data.mask[:, :, 1:]
checked = memory.context_batch(data, grid.horizon, 64, 500, seeded(10))
wrong_now = grid.next_cell[checked.observations, checked.actions] != checked.next_observations

# %% tags=["hide-input"]
claim(
    f"Of all neighbouring steps of these trials {float(impossible.float().mean()):.1%} are moves that the grid does not "
    f"have, and all of them stand at the end of an episode; among those that Q is fitted to there are "
    f"{int(wrong_now.sum())}.",
    bool(impossible.any()) and not bool((impossible & ~data.done[:, :, :-1]).any()) and not bool(wrong_now.any()),
)

# %% [markdown]
# ## 7 Check yourself
#
# Decide before you open an answer.
#
# **1.** PEARL is given a perfect encoder: $q(z \mid c)$ is the exact posterior. What does it earn in the first episode?
# (A) What the optimal search earns. (B) What posterior sampling earns. (C) What one who is told the goal earns.
#
# <details><summary>Answer to 1</summary>
#
# **B.** Without a context the posterior is the prior, and a draw from it is a guess. (A) would need a policy that plans
# what to see, and (11a.1) never asks for it: $z$ is fixed within an episode, and the next one is not in the loss. (C)
# needs knowledge that nobody has.
# </details>
#
# **2.** In VariBAD the gradient of PPO is let into the encoder as well. What is certain? (A) The program fails. (B) The
# belief is then trained by two losses, and need no longer foresee rewards as well as it could. (C) The policy is optimal
# sooner.
#
# <details><summary>Answer to 2</summary>
#
# **B.** A shared encoder serves both losses, with weights that somebody has to choose. (A): everything runs, which is
# why a test is needed. (C) may or may not be; it is a question for an experiment.
# </details>
#
# **3.** The divergence in (11a.3) is to the belief of the step before, and not to $\mathcal{N}(0, 1)$. At step 30 the
# goal has long been found. What would the other choice ask for? (A) The same. (B) That the belief return to the prior,
# at every step again. (C) That the deviations go to zero.
#
# <details><summary>Answer to 3</summary>
#
# **B.** A divergence to the fixed prior is paid at each step for all that has been learned so far; to the belief of the
# step before it is paid once, when something is learned. (C): a belief of deviation zero is infinitely far from both.
# </details>
#
# ## Further reading
#
# - M. Strens, *A Bayesian framework for reinforcement learning*, 2000.
# - T. Haarnoja, H. Tang, P. Abbeel and S. Levine, *Reinforcement learning with deep energy-based policies*, 2017,
#   arXiv:1702.08165.
# - K. Rakelly, A. Zhou, D. Quillen, C. Finn and S. Levine, *Efficient off-policy meta-reinforcement learning via
#   probabilistic context variables*, 2019, arXiv:1903.08254.
# - L. Zintgraf et al., *VariBAD: a very good method for Bayes-adaptive deep RL via meta-learning*, 2020, arXiv:1910.08348.
#
# Back to [11 Memory and context](11_memory_and_context.ipynb) · [Exercises](../exercises/11_memory_and_context_exercises.ipynb) · next: [12 Models and planning](12_models_and_planning.ipynb)
