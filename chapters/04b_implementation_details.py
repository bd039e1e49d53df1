# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04b Implementation details of PPO
#
# **What do the details that the paper does not mention change, and how would you notice a broken run?**
#
# *An appendix to chapter 04. No later chapter needs it.*
#
# You will be able to
#
# - name the implementation details of public PPO code, and where each acts
# - build normalised observations, scaled rewards and value clipping, and say in which units each works
# - read a comparison of implementation details with equal tuning, and say what it cannot show
# - say what a discount does to the horizon, to the critic and to mistakes at the end of an episode
# - diagnose a training from approximate KL, clip fraction, explained variance and entropy
#
# Before you start: chapter 04, [Policy-gradient agents](04_policy_gradient_agents.ipynb).
#
# Reading: about 40 minutes. Running: at most 30 seconds and 1000 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import dataclasses

import numpy as np
import torch
from scipy import stats

from metarl_core.agents import CARTPOLE_PPO, PENDULUM_PPO, train_ppo
from metarl_core.claims import claim
from metarl_core.figures import ch04b as figures
from metarl_core.figures.words import table
from metarl_core.randomness import seeded
from metarl_core.recipes.ppo_details import DETAILS, NormalisingSampler
from metarl_core.results import load_table
from metarl_core.session import begin

begin()
stored = load_table("ppo_details")
ENVIRONMENTS = ("CartPole", "Pendulum")


def over_training(row):
    """Mean over the ten measurements of a training, [seed]."""
    return stored.scores(row)[..., :-1].mean((1, 2))


def at_end(row):
    """Mean of the last measurement, [seed]."""
    return stored.scores(row)[..., -2].mean(1)


def lr_of(row):
    """The learning rate that was best on the tuning seeds."""
    return float(stored.scores(row)[0, 0, -1])


def minus(value, digits=0):
    """A number with a minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


# %% [markdown]
# ## 1 What the code has and the paper has not
#
# Engstrom et al. (2020) took PPO and TRPO apart and found that most of PPO's lead over TRPO came from details of the
# code that the paper does not discuss. Huang et al. (2022) list 37 of them. Chapter 04 has some; this appendix builds
# the others and switches each on or off. Their sources are OpenAI Baselines (`ppo2` with `VecNormalize`) and CleanRL;
# the early stop is Spinning Up's, and an option that is off by default in CleanRL.
#
# | detail | what public code does | chapter 04 | acts on |
# |---|---|---|---|
# | advantages standardised | in each minibatch | as public code | scale of the actor's loss |
# | gradient clipped | norm of all parameters at most 0.5 | as public code | the largest steps |
# | learning rate annealed | linearly to 0 | as public code | the last steps |
# | Adam's $\varepsilon$ | $10^{-5}$ (PyTorch: $10^{-8}$) | as public code | steps where gradients are tiny |
# | last layer of the policy | gain 0.01 | CartPole 0.01, Pendulum 1 | the first policy |
# | orthogonal initialisation | gain $\sqrt 2$, value output 1, zero biases | no: uniform (Glorot) | scale of the first activations |
# | observations normalised | running mean and variance, clipped to ±10 | no | inputs of different size |
# | rewards scaled | divided by a running standard deviation of discounted returns, clipped to ±10 | no | scale of the critic's targets |
# | value clipping | $V$ stays within ±0.2 of its old value | no | how far the critic moves on a batch |
# | early stop | no further epoch once the approximate KL passes a limit | no | how far the policy moves on a batch |
#
# ## 2 Build the missing ones
#
# **Normalised observations.** The mean and the variance of everything seen so far are updated a segment at a time; two
# sets of sizes $n, m$, means $\bar x, \bar y$ and sums of squared deviations $S_x, S_y$ have together
#
# $$\bar z = \bar x + (\bar y - \bar x)\, \frac{m}{n + m}, \qquad S_z = S_x + S_y + (\bar y - \bar x)^2\, \frac{n\, m}{n + m}. \tag{04b.1}$$
#
# The network then sees $(o - \bar z) / s$ with $s = \sqrt{S_z / (n + m)}$. One trap: within a batch the policy that
# acted and the policy that is updated must see the *same* inputs, or $\rho \ne 1$ before the first step. Here the
# statistics change between batches only.
#
# **Scaled rewards.** A critic's targets are discounted returns, so rewards are divided by the standard deviation of
# $\sum_k \gamma^k r_{t-k}$, summed since the episode began. The mean is *not* subtracted: a constant taken from each reward
# changes what is optimal where the length of episodes depends on the policy.

# %%
class RunningMoments:
    """Mean and standard deviation of all that was seen, by (04b.1)."""

    def __init__(self):
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def update(self, values):  # [sample, size]
        m, mean = len(values), values.mean(0)
        total, apart = self.count + m, mean - self.mean
        self.squares = self.squares + (values - mean).square().sum(0) + apart**2 * self.count * m / total
        self.mean, self.count = self.mean + apart * m / total, total

    @property
    def std(self):
        return (self.squares / self.count + 1e-8).sqrt()


def returns_so_far(rewards, over, discount):
    """Σ γ^k r_{t−k} since the episode began, [env, time]."""
    found, carry = [], torch.zeros(len(rewards))
    for t in range(rewards.shape[1]):
        carry = discount * carry + rewards[:, t]
        found.append(carry)
        carry = carry * ~over[:, t]  # the next step begins an episode
    return torch.stack(found, 1)


# %% [markdown]
# **Value clipping.** The critic's loss becomes
#
# $$\max\Big( (V - \bar R)^2,\; \big(V_{\text{old}} + \operatorname{clip}(V - V_{\text{old}}, -\epsilon, \epsilon) - \bar R\big)^2 \Big), \tag{04b.2}$$
#
# by analogy with (04.22), with the same $\epsilon = 0.2$. The ratio $\rho$ has no unit; $V$ has that of a return.

# %%
def clipped_value_error(value, old_value, target, clip=0.2):
    """(04b.2), element by element."""
    near = old_value + (value - old_value).clamp(-clip, clip)
    return torch.maximum((value - target).square(), (near - target).square())


figures.clipped_value_loss(clip=0.2)

# %% [markdown]
# Right: once $V$ has moved by 0.2 toward a target that is 3 away, the loss is flat, so this sample pulls no further until
# the next batch. How far are targets away? We collect one batch of Pendulum with an untrained agent, as it is and with
# scaled rewards, and check our statistics against the package's.

# %%
agent, start, _ = PENDULUM_PPO.prepare([0])
own, discount = agent.policy_part(start), PENDULUM_PPO.config.discount


def first_batch(scaled):
    """A first segment of Pendulum by the package, [1, env, time], and its sampler."""
    flags = torch.tensor([True]), torch.tensor([scaled])
    sampler = NormalisingSampler(PENDULUM_PPO.prepare([0])[2], 3, *flags, torch.tensor([discount]))
    return sampler(agent.policy, own, seeded(0)), sampler


raw, sampler = first_batch(scaled=False)
scaled, _ = first_batch(scaled=True)
moments, of_returns = RunningMoments(), RunningMoments()
moments.update(raw.observations[0].flatten(0, 1))
returns = returns_so_far(raw.rewards[0], (raw.terminated | raw.truncated)[0], discount)
of_returns.update(returns.flatten()[:, None])
away = {
    name: agent.batch(start, runs, discount, 0.95).advantages.abs()  # |target − V_old|
    for name, runs in (("rewards as they are", raw), ("rewards scaled", scaled))
}

# %% tags=["hide-input"]
mean, std = sampler.scale()
claim(
    "Means, standard deviations and scaled rewards are those of the package.",
    torch.allclose(moments.mean, mean[0], atol=1e-4)
    and torch.allclose(moments.std, std[0], atol=1e-4)
    and torch.allclose(raw.rewards[0] / of_returns.std, scaled.rewards[0], rtol=1e-3, atol=1e-4),
)
table(
    ("first batch of Pendulum", "median distance of target and old value", "farther than 0.2"),
    [
        (name, f"{float(value.median()):.2g}", f"{float((value > 0.2).float().mean()):.0%}")
        for name, value in away.items()
    ],
)
claim(
    f"A batch moves a value by about 0.2, and a training has 30 batches: 6 in all, where targets are {float(away['rewards as they are'].median()):.0f} "
    f"away in the median. With scaled rewards they are {float(away['rewards scaled'].median()):.1f} away.",
    float(away["rewards as they are"].median()) > 10 > 3 > float(away["rewards scaled"].median()),
)

# %% [markdown]
# ## 3 Each detail switched
#
# Each row below is PPO with one thing switched: twelve changes, on CartPole and on Pendulum. All rows of an environment
# have the same budget, half of chapter 04's, so that speed shows: 25,600 steps of CartPole, 96,000 of Pendulum; networks
# of 32 and 32 units; everything else as in chapter 04. For every row the learning rate was chosen from 0.001, 0.003 and
# 0.01 by the mean return over the training on two seeds that are not reported. Five other seeds are shown. The measure
# is the mean of ten evaluations along the training, 20 greedy episodes each. A row "X, Y" has two things switched; "all
# four of ppo2" has orthogonal initialisation, normalised observations, scaled rewards and value clipping. "Last layer of
# other size" exchanges the two factors on the policy's last weights, 0.01 on CartPole and 1 on Pendulum. The early stop
# is at a mean approximate KL of 0.015 in an epoch, Spinning Up's 1.5 · 0.01. Normalised observations are not clipped to
# ±10 here.
#
# **Predict, then run.** (a) How many of the twelve changes make a clear difference on CartPole, and how many on
# Pendulum? (b) Where does value clipping do more harm, on CartPole, whose values reach 100, or on Pendulum? (c) What does
# it do once rewards are scaled? (d) What if the learning rate is not annealed? (e) Do normalised observations help?

# %% [markdown]
# *Your prediction:* …
#
# &nbsp;

# %%
effects = {env: {name: over_training(f"{env}: {name}") for name in DETAILS} for env in ENVIRONMENTS}
figures.effects(effects)


# %% tags=["hide-input"]
def difference(row, base):
    """Difference in the mean return over the training, with Welch's t interval in words, and its p-value."""
    test = stats.ttest_ind(over_training(row), over_training(base), equal_var=False)
    low, high = test.confidence_interval()
    gap = over_training(row).mean() - over_training(base).mean()
    return f"{minus(gap)} ({minus(low)} to {minus(high)})", float(test.pvalue)


CHANGES = list(DETAILS)[1:]
found = {(env, name): difference(f"{env}: {name}", f"{env}: PPO") for env in ENVIRONMENTS for name in CHANGES}
p_values = {key: p for key, (_, p) in found.items()}
gaps = {(env, name): float(effects[env][name].mean() - effects[env]["PPO"].mean()) for env, name in found}


def cells(env, name):
    """The learning rate, what the row differs by, and what it earns at the end."""
    row = f"{env}: {name}"
    words = found[env, name][0] if name != "PPO" else f"(PPO: {minus(over_training(row).mean())})"
    return f"{lr_of(row):g}", words, minus(at_end(row).mean())


head = [f"{env}: {what}" for env in ENVIRONMENTS for what in ("lr", "difference, 95 % interval", "at the end")]
table(
    ("change", *head),
    [(name.replace("PPO", "none"), *cells("CartPole", name), *cells("Pendulum", name)) for name in DETAILS],
)
low = {env: [name for name in CHANGES if p_values[env, name] < 0.05] for env in ENVIRONMENTS}
CONSTANT, CLIPPING = "learning rate not annealed", "value clipping"
claim(
    f"(a) On CartPole none of the twelve changes has p < 0.05 (Welch's t-test); even if nothing makes a difference, the "
    f"chance of at least one such among twelve is {1 - 0.95**12:.0%}. At the end PPO earns "
    f"{at_end('CartPole: PPO').mean():.0f}. On Pendulum two of twelve have it.",
    low == {"CartPole": [], "Pendulum": [CONSTANT, CLIPPING]} and at_end("CartPole: PPO").min() >= 475,
)
harm = {env: -gaps[env, CLIPPING] for env in ENVIRONMENTS}
both = "rewards scaled, value clipping"
claim(
    f"(b) Value clipping costs {harm['CartPole']:.0f} points on CartPole (p = {p_values['CartPole', CLIPPING]:.2f}) and "
    f"**{harm['Pendulum']:.0f}** on Pendulum (p = {p_values['Pendulum', CLIPPING]:.3f}), where no seed ends above "
    f"{minus(at_end('Pendulum: value clipping').max())}. (c) With rewards scaled as well the cost on Pendulum is "
    f"{-gaps['Pendulum', both]:.0f} (p = {p_values['Pendulum', both]:.2f}).",
    harm["Pendulum"] > 5 * harm["CartPole"] > 0
    and p_values["Pendulum", CLIPPING] < 0.01
    and -2 * gaps["Pendulum", both] < harm["Pendulum"],
)
constant, annealed = at_end(f"Pendulum: {CONSTANT}"), at_end("Pendulum: PPO")
claim(
    f"(d) A learning rate that stays costs {-gaps['CartPole', CONSTANT]:.0f} points on CartPole (p = "
    f"{p_values['CartPole', CONSTANT]:.2f}) and **{-gaps['Pendulum', CONSTANT]:.0f}** on Pendulum (p = "
    f"{p_values['Pendulum', CONSTANT]:.3f}). There all five seeds end between {minus(constant.min())} and "
    f"{minus(constant.max())}, those of PPO between {minus(annealed.min())} and {minus(annealed.max())}.",
    0 < -gaps["CartPole", CONSTANT] < 0.2 * -gaps["Pendulum", CONSTANT]
    and p_values["CartPole", CONSTANT] > 0.05 > p_values["Pendulum", CONSTANT]
    and constant.max() < annealed.min(),
)
claim(
    f"(e) Normalised observations are not shown to help: {minus(gaps['CartPole', 'observations normalised'])} points on "
    f"CartPole and {minus(gaps['Pendulum', 'observations normalised'])} on Pendulum, p = "
    f"{p_values['CartPole', 'observations normalised']:.2f} and {p_values['Pendulum', 'observations normalised']:.2f}.",
    min(p_values[env, "observations normalised"] for env in ENVIRONMENTS) > 0.05,
)

# %% [markdown]
# Two verdicts, both for Pendulum: value clipping does harm, and annealing helps. The second holds for this grid of
# learning rates, of which the largest was best on the tuning seeds with annealing and without; without it, that rate stays
# to the end. A smaller constant rate on other seeds was not tried.
#
# Scaling the rewards is what differs between (b) and (c), so the harm of value clipping on Pendulum
# comes for the most part from the unit of its threshold, as section 2 computes: the critic may move by 0.2 a batch, and
# its targets are tens away. On CartPole values grow to 100 as well and the cost is smaller; why, was not measured.
#
# All other intervals contain 0, and they are wide: from ±20 to ±100 points on CartPole, more than ±300 on Pendulum. They
# do not say that a detail makes no difference; they say that five seeds cannot tell. Nor may a result from here be
# carried over to robots with seventeen joints, or to images, for which most of these details were made. Three more
# limits of this table: in both environments the largest learning rate was the best in eleven of thirteen rows, so the
# grid may end too early; a row's tuning rests on two seeds; and where nothing makes a difference, one of 24 tests would
# be expected below 0.05 all the same.
#
# What a table like this is good for is the order in which to look: first whether a detail has a unit, then whether your
# environment has the size that it was made for, and only then whether it helps.
#
# ## 4 How far ahead: γ on Pendulum
#
# Chapter 04 uses $\gamma = 0.9$ on Pendulum and 0.99 on CartPole. A step of reward $-10$ at the bottom makes a value
# of $-10 / (1 - \gamma)$: $-100$ with 0.9, $-1000$ with 0.99. GAE carries an error at the end of an episode back with
# weight $(\gamma\lambda)^k$, below 5 % after 19 steps with 0.9 and after 49 with 0.99. Same budget and tuning as in
# section 3.
#
# **Predict, then run.** (a) Is Pendulum learned with $\gamma = 0.99$? (b) Does scaling the rewards change that? (c) For which
# $\gamma$ do $\lambda = 0$ and merged ends (truncation treated as termination) cost more?

# %% [markdown]
# *Your prediction:* …
#
# &nbsp;

# %%
names = {
    "discount": ("PPO", "γ = 0.99", "γ = 0.99, rewards scaled"),
    "λ": ("PPO", "γ = 0.9, λ = 0", "γ = 0.99", "γ = 0.99, λ = 0"),
    "ends": ("PPO", "γ = 0.9, ends merged", "γ = 0.99", "γ = 0.99, ends merged"),
}
curves = {
    title: {row.replace("PPO", "γ = 0.9"): stored.scores(f"Pendulum: {row}")[..., :-1].mean(1) for row in rows}
    for title, rows in names.items()
}
figures.discount_grid(curves, 96_000)

# %% tags=["hide-input"]
table(
    ("Pendulum", "lr", "mean return over the training, five seeds", "mean", "at the end"),
    [
        (
            row.replace("PPO", "γ = 0.9"),
            f"{lr_of(f'Pendulum: {row}'):g}",
            ", ".join(minus(value) for value in over_training(f"Pendulum: {row}")),
            minus(over_training(f"Pendulum: {row}").mean()),
            minus(at_end(f"Pendulum: {row}").mean()),
        )
        for row in dict.fromkeys(row for rows in names.values() for row in rows)
    ],
)
far, of_far = difference("Pendulum: γ = 0.99", "Pendulum: PPO")
scaled_far, of_scaled = difference("Pendulum: γ = 0.99, rewards scaled", "Pendulum: γ = 0.99")
left, of_left = difference("Pendulum: γ = 0.99, rewards scaled", "Pendulum: PPO")
claim(
    f"(a) With 0.99 the mean return over the training differs from that with 0.9 by {far}, p = {of_far:.4f}; no seed ends "
    f"above {minus(at_end('Pendulum: γ = 0.99').max())}. (b) Scaled rewards change that by **{scaled_far}**, p = "
    f"{of_scaled:.0e}: what is left of the difference from 0.9 is {left}.",
    of_far < 0.01 and of_scaled < 0.01 and of_left > 0.5 and at_end("Pendulum: γ = 0.99").max() < -800,
)
lambdas = {
    g: difference(f"Pendulum: γ = {g}, λ = 0", f"Pendulum: {row}") for g, row in ((0.9, "PPO"), (0.99, "γ = 0.99"))
}
merged = {
    g: difference(f"Pendulum: γ = {g}, ends merged", f"Pendulum: {row}")
    for g, row in ((0.9, "PPO"), (0.99, "γ = 0.99"))
}
claim(
    f"(c) $\\lambda = 0$ changes the measure by {lambdas[0.9][0]} with $\\gamma = 0.9$ (p = {lambdas[0.9][1]:.3f}) and by "
    f"{lambdas[0.99][0]} with 0.99 (p = {lambdas[0.99][1]:.2f}). Merged ends change it by {merged[0.9][0]} (p = "
    f"{merged[0.9][1]:.2f}) and by {merged[0.99][0]} (p = {merged[0.99][1]:.2f}).",
    lambdas[0.9][1] < 0.05 < min(lambdas[0.99][1], merged[0.9][1], merged[0.99][1]),
)

# %% [markdown]
# The horizon is not what stops learning with $\gamma = 0.99$: between the second and the third curve on the left the
# discount is the same, and only the size of the rewards differs. The critic's targets are ten times larger with 0.99 than
# with 0.9, and dividing the rewards brings them back. Through which part the size acts was not varied: the critic's
# learning rate, the gradient norm that actor and critic share, and Adam's $\varepsilon$ all meet it.
#
# One might expect $\gamma = 0.9$ to be the reason why $\lambda = 0$ and merged ends did little in chapter 04. The
# table does not support it. $\lambda = 0$ is costly with 0.9, too, over this shorter training; at the end of chapter
# 04's longer one it had caught up. Merged ends make no difference that can be seen with either discount, and with
# 0.99 nothing could be seen, since neither version learned. A test with $\gamma = 0.99$ *and* scaled rewards is
# missing here; it would be a good experiment of your own.
#
# ## 5 Four trainings: which is broken, and how?
#
# Four trainings of CartPole, five agents and 25 updates each. One is PPO as in chapter 04. In each of the others one
# setting was changed: a learning rate a hundred times smaller, an entropy weight of 1 in place of 0, a value weight
# of 0. The diagnostics are those of chapter 04.
#
# **Predict, then run.** You see the panels without names. Say for each letter which training it is, and which panel told
# you.

# %% [markdown]
# *Your prediction:* A … B … C … D …
#
# &nbsp;

# %% tags=["hide-input"]
CHANGES = ({"lr": 1e-5}, {}, {"entropy_coef": 1.0}, {"value_coef": 0.0})
histories = {}
for letter, changes in zip("CADB", CHANGES, strict=True):
    config = dataclasses.replace(CARTPOLE_PPO.config, iterations=25, **changes)
    _, histories[letter] = train_ppo(*CARTPOLE_PPO.prepare(range(5)), config, seeded(0), description=letter)
histories = dict(sorted(histories.items()))
figures.patients(histories)

# %% tags=["hide-input"]
KEYS = {
    "return": "return",
    "approx_kl": "approximate KL",
    "clip_fraction": "clip fraction",
    "explained_variance": "explained variance",
    "entropy": "entropy",
}
late = {  # medians over seeds and over updates 11 to 20
    letter: {key: float(np.nanmedian(np.array(history[key])[10:20])) for key in KEYS}
    for letter, history in histories.items()
}
table(
    ("updates 11 to 20, medians", *KEYS.values()),
    [
        (letter, *(f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}" for value in late[letter].values()))
        for letter in late
    ],
)
claim(
    f"A is PPO as in chapter 04. **B** has the value weight 0: its explained variance stays at {abs(late['B']['explained_variance']):.2f}. "
    f"**C** has the small learning rate: an approximate KL of {late['C']['approx_kl']:.0e}, nothing clipped, an entropy "
    f"of {late['C']['entropy']:.2f}, that of two equally likely actions. **D** has the large entropy weight: its entropy stays at "
    f"{late['D']['entropy']:.2f}, where A's is {late['A']['entropy']:.2f}.",
    abs(late["B"]["explained_variance"]) < 0.02 < late["A"]["explained_variance"]
    and late["C"]["approx_kl"] < 1e-4
    and late["C"]["clip_fraction"] == 0
    and late["D"]["entropy"] > late["A"]["entropy"] + 0.02,
)
ends = {letter: float(np.median(np.array(history["return"])[-1])) for letter, history in histories.items()}
claim(
    "Median returns after 25 updates: " + ", ".join(f"{letter} {value:.0f}" for letter, value in ends.items()) + ".",
    ends["C"] < 40 < ends["D"] < ends["A"] and ends["B"] > ends["A"] - 80,
)

# %% [markdown]
# The return finds C and D at once, and B not at all: on CartPole, standardised advantages make something like
# REINFORCE with a mean baseline out of an actor-critic whose critic never learns, and chapter 04 saw that REINFORCE is as
# fast as PPO there. On an environment in which the critic matters, the same mistake would cost the whole training, and
# you would look for it in the policy. Read the diagnostics before the return. A short list:
#
# | you see | look at |
# |---|---|
# | KL near 0, nothing clipped | learning rate; does the gradient reach the policy at all? |
# | KL of 0.1 or more, entropy falls at once | learning rate, advantages not standardised, old log-probabilities not stored |
# | KL exactly 0 at every minibatch | old log-probabilities computed from the current parameters (chapter 04, section 8) |
# | explained variance at 0 or below from the start | the critic's loss, its weight, the scale of the rewards, value clipping |
# | explained variance falls late, returns high | all targets equal: nothing is wrong (chapter 04, section 6) |
# | entropy stays where it began | entropy weight; advantages that are noise |
#
# ## 6 Check yourself
#
# **1.** You divide all rewards by 100. Which of these changes what PPO of chapter 04 does? (A) Standardised advantages. (B)
# Value clipping at 0.2, where it is switched on. (C) The clip of the ratio.
#
# <details><summary>Answer to 1</summary>
#
# **B.** $V$ and $\bar R$ shrink by 100 and 0.2 does not, so the clip hardly acts any more. (A) has no unit after the
# division by the standard deviation. (C): a ratio of probabilities knows nothing of rewards. (The gradient norm is a
# fourth answer: the critic's share of it shrinks by $100^2$ times the weight $c_V$.)
# </details>
#
# **2.** Observations are normalised by statistics that are updated at *every* step, as in most public code, and the
# update normalises stored raw observations by the newest statistics. What is $\rho$ before the first gradient step? (A)
# Exactly 1. (B) Not 1. (C) It depends on the clip.
#
# <details><summary>Answer to 2</summary>
#
# **B.** The policy that acted saw other inputs than the one that is evaluated. Public code avoids it by storing the
# *normalised* observations. (A) holds for that, and for statistics that rest during a batch.
# </details>
#
# **3.** A colleague shows one detail that raises the return from 450 to 460 on CartPole, five seeds each, and
# concludes that it should always be on. What is missing? (A) Nothing. (B) An interval, other environments, and the
# same tuning for both. (C) More environment steps.
#
# <details><summary>Answer to 3</summary>
#
# **B.** In the table above differences of ten points are within the spread of five seeds, what helps on one
# environment need not on the other, and the better of two settings is often the better tuned. (C) may even hide the
# difference: both end at 500. </details>
#
# ## Further reading
#
# - L. Engstrom et al., *Implementation matters in deep policy gradients: A case study on PPO and TRPO*, 2020,
#   arXiv:2005.12729.
# - M. Andrychowicz et al., *What matters in on-policy reinforcement learning? A large-scale empirical study*, 2020,
#   arXiv:2006.05990. 250,000 agents; it finds no benefit of value clipping, and recommends normalised observations.
# - S. Huang, R. F. J. Dossa, A. Raffin, A. Kanervisto and W. Wang, *The 37 implementation details of proximal policy
#   optimization*, ICLR blog track, 2022.
# - T. F. Chan, G. H. Golub and R. J. LeVeque, *Algorithms for computing the sample variance*, The American Statistician,
#   1983. Equation (04b.1).
# - A. M. Saxe, J. L. McClelland and S. Ganguli, *Exact solutions to the nonlinear dynamics of learning in deep linear
#   neural networks*, 2014, arXiv:1312.6120. Orthogonal initialisation.
#
# Back to [04 Policy-gradient agents](04_policy_gradient_agents.ipynb) · [Exercises](../exercises/04_policy_gradient_agents_exercises.ipynb) · previous: [04a The natural gradient and TRPO](04a_natural_gradient.ipynb) · next: [05 MAML](05_maml.ipynb)
