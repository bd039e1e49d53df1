# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02b The Gittins index
#
# **How much is it worth to try an arm that one knows little about?**
#
# *An appendix to chapter 02. No later chapter needs it.*
#
# You will be able to
#
# - derive the Gittins index by calibration, prove that it exists and is unique, and compute it
# - read the value of information off it
#
# Before you start: chapter 02, [Tasks and their distributions](02_tasks.ipynb).
#
# Reading: about 12 minutes. Running: at most 30 seconds and 1000 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
import functools

import numpy as np

from metarl_core.claims import claim
from metarl_core.exact import gittins_indices
from metarl_core.figures import ch02b as figures
from metarl_core.session import begin

begin()

PULLS = 50


# %% [markdown]
# Chapter 02 computed the Bayes-optimal value of a bandit by a recursion over the counts of *all* arms, (02.6), whose
# number grows like $n^{2k}$ with the pulls $n$ and the arms $k$. Gittins (1979) found a way around it: give each arm a
# number that depends on that arm alone, and pull the arm with the largest.
#
# ## The index by calibration
#
# Take *one* arm with $s$ successes, $f$ failures and $n$ pulls left, and offer a second way to earn: *retire* and
# receive a sure payment $\lambda$ for each remaining pull. Count all rewards relative to $\lambda$; then retiring is
# worth 0. Nobody comes back from retirement: while retired one learns nothing, and with fewer pulls left there is less
# reason to learn, so retiring stays right once it is right. With $\hat\mu = (1+s)/(2+s+f)$ the posterior mean (02.5)
# and discount $\gamma$, the value of the choice is
#
# $$W_n(s, f; \lambda) = \max\bigl(0,\; D_n\bigr), \qquad
#   D_n = \hat\mu - \lambda + \gamma\bigl[\hat\mu\, W_{n-1}(s+1, f; \lambda)
#   + (1 - \hat\mu)\, W_{n-1}(s, f+1; \lambda)\bigr],
#   \tag{02b.1}$$
#
# with $W_0 = 0$. $D_n$ is the worth of pulling at least once more. The **index** is the payment $\lambda^*$ that makes
# both equally good: $D_n(s, f; \lambda^*) = 0$.
#
# *It exists and is unique.* By induction each $W$ is continuous in $\lambda$ and never increases with it, and the term
# $-\lambda$ strictly decreases, so $D_n$ is continuous and strictly decreasing. At $\lambda = 1$ no pull can beat the
# payment, so $D_n \le 0$. At $\lambda = \hat\mu$ the first difference is 0 and the rest is at least 0, so
# $D_n \ge 0$. Hence there is exactly one zero, it lies in $[\hat\mu, 1]$, and bisection finds it.
#
# *It is at least the posterior mean.* The excess $\lambda^* - \hat\mu$ is the **value of information**: what the
# option to change one's mind is worth. For $n = 1$ there is no later pull, and the excess is 0.
#
# *What it is good for.* With $\gamma < 1$ and endless pulls, always pulling the arm of largest index is optimal
# (Gittins's theorem; the proof is in the book by Gittins, Glazebrook and Weber). With a finite number of pulls, as
# here, the same rule is good and not always optimal.

# %%
def gittins_index(successes, failures, left, discount=1.0):
    """The root of (02b.1) by bisection, straight from the definition."""

    def pull_once(payment):
        @functools.cache
        def advantage(s, f, n):
            p = (1 + s) / (2 + s + f)
            if n == 1:
                return p - payment
            won, lost = max(0.0, advantage(s + 1, f, n - 1)), max(0.0, advantage(s, f + 1, n - 1))
            return p - payment + discount * (p * won + (1 - p) * lost)

        return advantage(successes, failures, left)

    low, high = (1 + successes) / (2 + successes + failures), 1.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        low, high = (middle, high) if pull_once(middle) > 0 else (low, middle)
    return (low + high) / 2


indices = gittins_indices(PULLS)  # the package's, for all counts at once
ours = {(s, f): gittins_index(s, f, PULLS - s - f) for s, f in ((0, 0), (3, 1), (10, 12), (0, 40))}

# %% tags=["hide-input"]
claim(
    f"Both programs give the same index for {len(ours)} arms. A fresh arm, whose mean is 0.5, has the index "
    f"{ours[0, 0]:.3f} with {PULLS} pulls left.",
    all(abs(index - indices[counts]) < 1e-5 for counts, index in ours.items()),
)

# %% [markdown]
# **Predict, then run.** An arm won half of its pulls, so its posterior mean stays ½. How does its index change as the
# pulls mount up?

# %% [markdown]
# *Your prediction:*
#
# …

# %%
won, lost = np.meshgrid(np.arange(PULLS), np.arange(PULLS), indexing="ij")
excess = indices - (1 + won) / (2 + won + lost)  # NaN where no pull is left
half = np.arange(PULLS // 2)
figures.index(indices[half, half], excess)

# %% tags=["hide-input"]
edge = won + lost == PULLS - 1
claim(
    f"The index falls from {indices[0, 0]:.2f} to {indices[half[-1], half[-1]]:.2f} while the mean stays at 0.5.",
    bool(np.all(np.diff(indices[half, half]) < 0)),
)
claim(
    "The index is above the posterior mean wherever two or more pulls are left, and equal to it on the edge where one "
    "is left.",
    bool(np.nanmin(excess[~edge]) > 0 and np.abs(excess[edge]).max() < 1e-5),
)

# %% [markdown]
# Two things change along the curve: the posterior becomes narrower, and fewer pulls are left in which to use what is
# learned. The map shows the excess for all counts; it is largest where the arm is little known and many pulls are
# left. Greedy play, "pull the arm with the largest posterior mean", takes no account of the shaded part.
#
# ## Self-check
#
# **1.** In (02b.1), why is $\lambda^* \ge \hat\mu$?
#
# - A: because the prior is optimistic
# - B: because one may pull once, look, and retire if the result is bad; that option is never worth less than nothing
# - C: because later rewards are discounted
#
# <details><summary>Answer</summary>
#
# **B.** At $\lambda = \hat\mu$ the next pull breaks even and the later terms are maxima with 0. **A**: the argument
# holds for any prior. **C**: discounting makes the later terms *smaller*, and with them the excess.
# </details>
#
# ## Further reading
#
# - J. C. Gittins, "Bandit processes and dynamic allocation indices", Journal of the Royal Statistical Society B,
#   1979; and Gittins, Glazebrook and Weber, *Multi-armed Bandit Allocation Indices*, 2nd edition, 2011, for
#   computation.
#
# Back to [02 Tasks and their distributions](02_tasks.ipynb) · [Exercises](../exercises/02_tasks_exercises.ipynb) · previous: [02a Environments: fidelity, speed, physics](02a_environments.ipynb) · next: [03 Value-based agents](03_value_based_agents.ipynb)
