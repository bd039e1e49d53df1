# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06a Adapting the head
#
# **How well can a method do that adapts the last layer alone?**
#
# *An appendix to chapter 06. No later chapter needs it.*
#
# You will be able to
#
# - compute the least error that any one-step head can reach, with and without a constraint on its sign
# - lift the limit that a rectifier sets
#
# Before you start: chapter 06, [Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb).
#
# Reading: about 20 minutes. Running: at most 30 seconds and 1300 MB on the machine that README names; `make doctor` compares yours.

# %% tags=["hide-input"]
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from metarl_core.claims import claim
from metarl_core.evaluation import t_interval
from metarl_core.figures import ch06a as figures
from metarl_core.figures.intervals import in_words
from metarl_core.figures.words import table as show_table
from metarl_core.meta import MetaSGD, adapt, split_rates, supervised
from metarl_core.parameters import repeat_parameters
from metarl_core.recipes import inner_loops, sinusoid
from metarl_core.results import load_table
from metarl_core.session import begin
from metarl_core.tasks.sinusoid import AMPLITUDE, zero_floor

begin()
table, parts = load_table("sinusoid"), load_table("inner_loops")
loss, HEAD = sinusoid.loss, ("weight2", "bias2")  # the last layer


# %% [markdown]
# ANIL (*almost no inner loop*; Raghu, Raghu, Bengio and Vinyals 2020) adapts the last layer and nothing else, in
# training and at test. Everything below the last layer is meta-learned as before. It was proposed for image
# classification, where it does as well as MAML, and it is cheaper, since the inner derivative has to pass one layer only.
#
# On the sine curves of chapter 06 it does much worse. How much worse *must* it do?
#
# ## 1 Two floors
#
# The head is linear, so a step of it changes the function by exactly
#
# $$f_{\theta_1}(x) = f_\theta(x) + \sum_{j=1}^n \kappa(x, x_j)\,\big(y_j - f_\theta(x_j)\big), \qquad
# \kappa(x, x') = \frac{2\alpha}{n}\,\big(h(x) \cdot h(x') + 1\big), \tag{06.20}$$
#
# with $h(x)$ the features under the head. Allow *any* function $f_\theta$ and *any* $\kappa$, and ask for the smallest
# possible expected error. A start other than the mean $m$ of the tasks adds the square of a bias, so $f_\theta = m$ is
# best, and what is left is the quadratic (05.19) of appendix 05b in $\kappa(x, \cdot)$, with the covariance $C$ of
# (05.18). Its minimum follows from (05.20); averaged over $x$, it is a floor (06.21) for every one-step learner of this
# form, however long it is trained.
#
# But ANIL cannot have *any* $\kappa$. Its features come out of a rectifier, $h \ge 0$. So $\kappa(x, x') \ge 0$ (06.22):
# **wherever a point lies above the curve, the whole curve can only move up.** Solve again with that constraint, by
# non-negative least squares.
#
# **Predict, then run.** Two floors for five points, with and without the sign constraint. MAML reaches about 0.55 after
# one step. Where do they lie?
#
# *Your prediction:*

# %%
def best_error(n, non_negative, size=161):
    """The minimum of (05.19) over κ, averaged over x; κ ≥ 0 if `non_negative`."""
    x = np.linspace(-5, 5, size)
    share = np.full(size, 1.0)
    share[[0, -1]] = 0.5  # trapezoidal rule
    share /= share.sum()
    m = 2 / np.pi * np.mean(AMPLITUDE) * np.cos(x)
    C = zero_floor() * np.cos(x[:, None] - x) - np.outer(m, m)  # zero_floor() is E[A²] / 2
    Q = n * np.diag(share * np.diag(C)) + n * (n - 1) * np.outer(share, share) * C
    root = np.linalg.cholesky(Q)  # κᵀQκ − 2bᵀκ = |rootᵀκ − root⁻¹b|² + a constant
    total = 0.0
    for at in range(size):
        b = n * share * C[at]
        right = np.linalg.solve(root, b)
        kappa = nnls(root.T, right, maxiter=10_000)[0] if non_negative else np.linalg.solve(root.T, right)
        total += share[at] * (C[at, at] - 2 * b @ kappa + kappa @ Q @ kappa)
    return total


any_sign, rectified = best_error(5, False), best_error(5, True)
full = t_interval(table.scores("ANIL")[:, :, 1])

# %% tags=["hide-input"]
claim(
    f"Floor of any one-step head: **{any_sign:.3f}**. With $\\kappa \\ge 0$: **{rectified:.3f}**. ANIL after 70,000 "
    f"iterations: **{full.point:.2f}** [{full.low:.2f}, {full.high:.2f}], {full.point / rectified - 1:.0%} above its floor.",
    rectified * 0.97 < full.point < 1.25 * rectified and any_sign < 0.6 * rectified,
)


# %% [markdown]
# ANIL sits just above the floor of its own construction, and far above the other one. If the *sign* is what stops it,
# then removing the sign must let it pass. Two ways to do that, both still adapting the head alone:
#
# 1. **Linear features:** leave out the rectifier under the head, so that $h$ may be negative.
# 2. **Learned rates** for the 41 parameters of the head, as in Meta-SGD. $\kappa(x, x') = \frac2n \big(\sum_m a_m h_m(x)
#    h_m(x') + a_b\big)$ can be negative if $a_b < 0$.
#
# ## 2 The sign removed
#
# **Predict, then run.** Where will each come out after one step? Which sign will $a_b$ have? The second one is trained
# here; it takes ten lines on top of `MetaSGD`.
#
# *Your prediction:*

# %%
@dataclass(frozen=True)
class HeadRates(MetaSGD):
    """ANIL with a learned rate for each parameter of the head."""

    def adapt(self, meta, inputs, targets, steps=None, create_graph=False):
        start, rates = split_rates(meta)
        start, steps = repeat_parameters(start, len(inputs)), self.inner_steps if steps is None else steps
        return adapt(start, lambda p: self.loss(p, inputs, targets), rates, steps, create_graph, only=HEAD)


head_rates = HeadRates(loss)
learned, _ = inner_loops.trained("ANIL, learned rates", 0, method=head_rates)
live = supervised.adaptation_curve(head_rates, learned, sinusoid.test_data(sinusoid.Settings()), [1])

# %% tags=["hide-input"]
names = ("ANIL", "ANIL, linear features", "ANIL, learned rates", "MAML", "Meta-SGD")
found = {name: t_interval(parts.scores(name)[:, :, 1]) for name in names}
figures.heads(found, {"floor, κ ≥ 0": rectified, "floor, any κ": any_sign})


show_table(
    ["10,000 iterations, error after", "1 step", "5 steps", "10 steps"],
    [(name, *(in_words(t_interval(parts.scores(name)[:, :, k])) for k in (1, 5, 10))) for name in names],
)
bias_rate, linear = float(learned["rate.bias2"]), parts.scores("ANIL, linear features")
claim(
    f"Both pass the floor for $\\kappa \\ge 0$ on every seed and stay above the other; the learned rate of the head's bias "
    f"is **{bias_rate:.2f}**; linear features reach less than a third of MAML's error after ten steps. The live run has "
    f"{float(live.mean()):.2f} after one step, within 0.1 of its row.",
    bias_rate < 0
    and all(
        any_sign < parts.scores(n)[:, 0, 1].min() and parts.scores(n)[:, 0, 1].max() < 0.7 * rectified
        for n in names[1:3]
    )
    and linear[:, 0, 10].max() < parts.scores("MAML")[:, 0, 10].min() / 3
    and abs(parts.scores("ANIL, learned rates")[0, 0, 1] - float(live.mean())) < 0.1,
)

# %% [markdown]
# With signs allowed, adapting 41 parameters reaches the region of the other floor and beats MAML, which adapts 1,761, at
# equal length. The rate of the bias is negative: it is there to subtract. (With learned rates some seeds begin to diverge
# after several steps, as chapter 06 describes for Meta-SGD.)
#
# So on this problem ANIL was stopped by an activation function. The floors bind heads that make one linear step; MAML
# and Meta-SGD change their features, (06.20) is not exact for them, and they may go below.
#
# ## Further reading
#
# - A. Raghu, M. Raghu, S. Bengio and O. Vinyals, *Rapid learning or feature reuse? Towards understanding the
#   effectiveness of MAML*, 2020, arXiv:1909.09157.
#
# Back to [06 Reptile and Meta-SGD](06_reptile_and_meta_sgd.ipynb) · [Exercises](../exercises/06_reptile_and_meta_sgd_exercises.ipynb) · next: [06b The cost of the second order](06b_the_cost_of_second_order.ipynb)
